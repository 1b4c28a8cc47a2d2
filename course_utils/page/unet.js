"use strict";
/* The text's U-Net in JavaScript: the same parts, in the same order, under the same names.

A map is {data, C, H, W}: one picture's channels, each row by row, in a Float32Array. There is no
batch. A vector is a map of 1 x 1 pixels, so a linear layer is a 1x1 convolution. Weights are looked
up by their names in torch's state_dict. Every part tells net.look what it made, under its name. */

const map = (C, H, W, data = new Float32Array(C * H * W)) => ({ data, C, H, W });

function silu(x) {
  const y = map(x.C, x.H, x.W);
  for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] / (1 + Math.exp(-x.data[i]));
  return y;
}

function add(a, b) {
  const y = map(a.C, a.H, a.W);
  for (let i = 0; i < y.data.length; i++) y.data[i] = a.data[i] + b.data[i];
  return y;
}

function cat(a, b) {
  const y = map(a.C + b.C, a.H, a.W);
  y.data.set(a.data);
  y.data.set(b.data, a.data.length);
  return y;
}

// Channel c of the map becomes scale(c) times itself plus shift(c).
function perChannel(x, scale, shift) {
  const y = map(x.C, x.H, x.W), n = x.H * x.W;
  for (let c = 0; c < x.C; c++) {
    const a = scale(c), b = shift(c);
    for (let j = c * n; j < c * n + n; j++) y.data[j] = a * x.data[j] + b;
  }
  return y;
}

// --- layers: made from the weights under a name, then functions of a map -------------------------

function conv1x1(x, weight, bias) {
  const n = x.H * x.W, C = x.C, K = weight.length / C, y = map(K, x.H, x.W);
  for (let k = 0; k < K; k++) {
    if (bias) y.data.fill(bias[k], k * n, k * n + n);
    let c = 0;
    for (; c + 4 <= C; c += 4) fourChannels(y.data, k * n, x.data, c * n, weight, k * C + c, n);
    for (; c < C; c++)
      for (let j = 0; j < n; j++) y.data[k * n + j] += weight[k * C + c] * x.data[c * n + j];
  }
  return y;
}

// Four at once, so that the sum is read and written a quarter as often.
function fourChannels(sum, at, from, p, weight, w, n) {
  const w0 = weight[w], w1 = weight[w + 1], w2 = weight[w + 2], w3 = weight[w + 3];
  const q = p + n, r = q + n, s = r + n;
  for (let j = 0; j < n; j++)
    sum[at + j] += w0 * from[p + j] + w1 * from[q + j] + w2 * from[r + j] + w3 * from[s + j];
}

// What one channel adds to the sum. Nine taps at each pixel, six of which slide along to the next.
function nineTaps(sum, padded, at, P, n, weight, w) {
  const w0 = weight[w], w1 = weight[w + 1], w2 = weight[w + 2];
  const w3 = weight[w + 3], w4 = weight[w + 4], w5 = weight[w + 5];
  const w6 = weight[w + 6], w7 = weight[w + 7], w8 = weight[w + 8];
  const p = at + 2, q = p + P, r = q + P;
  let a0 = padded[p - 2], a1 = padded[p - 1], b0 = padded[q - 2], b1 = padded[q - 1];
  let c0 = padded[r - 2], c1 = padded[r - 1];
  for (let j = 0; j < n; j++) {
    const a2 = padded[p + j], b2 = padded[q + j], c2 = padded[r + j];
    sum[j] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * b0 + w4 * b1 + w5 * b2 +
      w6 * c0 + w7 * c1 + w8 * c2;
    a0 = a1; a1 = a2; b0 = b1; b1 = b2; c0 = c1; c1 = c2;
  }
}

// Each channel gets a border of zeros, so its rows are P long, and all nine taps are one loop.
function conv3x3(x, weight, bias) {
  const { C, H, W } = x, K = bias.length, P = W + 2, size = (H + 2) * P, n = H * P - 2;
  const padded = new Float32Array(C * size), sum = new Float32Array(H * P), y = map(K, H, W);
  for (let c = 0; c < C; c++)
    for (let r = 0; r < H; r++)
      padded.set(x.data.subarray((c * H + r) * W, (c * H + r + 1) * W), c * size + (r + 1) * P + 1);
  for (let k = 0; k < K; k++) {
    sum.fill(bias[k]);
    for (let c = 0; c < C; c++) nineTaps(sum, padded, c * size, P, n, weight, (k * C + c) * 9);
    for (let r = 0; r < H; r++) y.data.set(sum.subarray(r * P, r * P + W), (k * H + r) * W);
  }
  return y;
}

function conv(net, name) {
  const weight = net.get(`${name}.weight`), bias = net.get(`${name}.bias`);
  const layer = weight.shape[2] === 3 ? conv3x3 : conv1x1;
  return (x) => net.tell(name, layer(x, weight.data, bias?.data));
}

// A 2x2 convolution with stride 2: four pixels become four channels, then it is a 1x1 convolution.
function downsample(net, name) {
  const weight = net.get(`${name}.weight`).data, bias = net.get(`${name}.bias`).data;
  return (x) => {
    const H = x.H / 2, W = x.W / 2, four = map(4 * x.C, H, W);
    for (let i = 0; i < four.data.length; i++) {
      const c = Math.floor(i / (H * W)), row = Math.floor(i / W) % H, column = i % W;
      const from = (c >> 2) * x.H + 2 * row + ((c >> 1) & 1);
      four.data[i] = x.data[from * x.W + 2 * column + (c & 1)];
    }
    return net.tell(name, conv1x1(four, weight, bias));
  };
}

// The transposed one, the same backwards: a 1x1 convolution, then four channels become four pixels.
function upsample(net, name) {
  const { data, shape } = net.get(`${name}.weight`), bias = net.get(`${name}.bias`).data;
  const [C, K] = shape; // torch has (C, K, 2, 2), where conv1x1 wants (4 K, C)
  const weight = new Float32Array(data.length);
  for (let c = 0; c < C; c++)
    for (let k = 0; k < 4 * K; k++) weight[k * C + c] = data[c * 4 * K + k];
  return (x) => {
    const H = 2 * x.H, W = 2 * x.W, y = map(K, H, W), four = conv1x1(x, weight).data;
    for (let i = 0; i < y.data.length; i++) {
      const k = Math.floor(i / (H * W)), row = Math.floor(i / W) % H, column = i % W;
      const from = 4 * k + 2 * (row & 1) + (column & 1);
      y.data[i] = bias[k] + four[(from * x.H + (row >> 1)) * x.W + (column >> 1)];
    }
    return net.tell(name, y);
  };
}

function batchNorm(net, name) { // in eval mode: with the averages of training
  const of = (part) => net.get(`${name}.${part}`).data;
  const variance = of("running_var"), mean = of("running_mean"), bias = of("bias");
  const scale = of("weight").map((w, c) => w / Math.sqrt(variance[c] + 1e-5));
  return (x) => net.tell(name, perChannel(x, (c) => scale[c], (c) => bias[c] - mean[c] * scale[c]));
}

// --- embedding.py --------------------------------------------------------------------------------

function timeEmbedding(net, name) {
  const linear = conv(net, `${name}.linear`), D = net.get(`${name}.linear.bias`).data.length;
  return (t) => {
    const temb = map(D, 1, 1), f = Math.fround; // f rounds to 32 bits, where torch does
    for (let i = 0; i < D / 2; i++) {
      const frequency = f(Math.exp(f(f(f(-Math.log(10000)) * i) / (D / 2 - 1))));
      const angle = f(t * frequency);
      temb.data[i] = Math.sin(angle);
      temb.data[D / 2 + i] = Math.cos(angle);
    }
    return net.tell(name, silu(linear(temb)));
  };
}

// --- blocks.py -----------------------------------------------------------------------------------

class ConvBlock {
  constructor(net, name) {
    const has = net.get(`${name}.shortcut.weight`);
    [this.net, this.name] = [net, name];
    this.conv1 = conv(net, `${name}.conv1`);
    this.norm1 = batchNorm(net, `${name}.norm1`);
    this.time_proj = conv(net, `${name}.time_proj`);
    this.conv2 = conv(net, `${name}.conv2`);
    this.norm2 = batchNorm(net, `${name}.norm2`);
    this.shortcut = has ? conv(net, `${name}.shortcut`) : (x) => x;
  }
  forward(x, temb) {
    this.net.tell(`${this.name}.x`, x);
    const time = this.time_proj(temb).data;
    let h = silu(this.norm1(this.conv1(x)));
    h = perChannel(h, () => 1, (c) => time[c]);
    h = silu(this.norm2(this.conv2(this.net.tell(`${this.name}.h`, h))));
    return this.net.tell(this.name, add(h, this.shortcut(x)));
  }
}

// A block of the U; after with_attention, some are Attended.
const convBlock = (net, name) =>
  net.get(`${name}.conv1.weight`) ? new ConvBlock(net, name) : new Attended(net, name, ConvBlock);

// --- encoder.py, decoder.py, unet.py -------------------------------------------------------------

class Encoder {
  constructor(net, name) {
    const levels = [...Array(net.settings.halvings).keys()];
    this.blocks = levels.map((i) => convBlock(net, `${name}.blocks.${i}`));
    this.downs = levels.map((i) => downsample(net, `${name}.downs.${i}`));
    this.bottom = convBlock(net, `${name}.bottom`);
  }
  forward(x, temb) {
    const skips = [];
    for (const [i, block] of this.blocks.entries()) {
      x = block.forward(x, temb);
      skips.push(x);
      x = this.downs[i](x);
    }
    return [this.bottom.forward(x, temb), skips];
  }
}

class Decoder {
  constructor(net, name) {
    const levels = [...Array(net.settings.halvings).keys()];
    this.ups = levels.map((i) => upsample(net, `${name}.ups.${i}`));
    this.blocks = levels.map((i) => convBlock(net, `${name}.blocks.${i}`));
    this.out = conv(net, `${name}.out`);
  }
  forward(x, skips, temb) {
    for (const [i, block] of this.blocks.entries())
      x = block.forward(cat(this.ups[i](x), skips.pop()), temb);
    return this.out(x);
  }
}

// What both networks are: weights under names, and one picture in, one answer out.
class Network {
  constructor({ weights, settings }) {
    [this.weights, this.settings, this.look] = [weights, settings, null];
    this.time = timeEmbedding(this, "time");
  }
  get(name) {
    return this.weights[name];
  }
  tell(name, x) { // net.look = (name, data, [C, H, W]) => ... sees every map
    this.look?.(name, x.data, [x.C, x.H, x.W]);
    return x;
  }
  forward(x, t, label = this.settings.classes) { // the last label is the hidden one
    const { in_ch, size } = this.settings;
    if (x.length !== in_ch * size * size)
      throw new RangeError(`x must hold ${in_ch} x ${size} x ${size} numbers; got ${x.length}`);
    return this.answer(map(in_ch, size, size, x), t, label).data;
  }
  steps(noise, evaluations, options) {
    return steps(this, noise, evaluations, options);
  }
  sample(noise, evaluations, label) {
    let x = noise;
    for (const step of this.steps(noise, evaluations, { label })) x = step.xt;
    return x;
  }
}

class UNet extends Network {
  constructor(kept) {
    super(kept);
    this.encoder = new Encoder(this, "encoder");
    this.decoder = new Decoder(this, "decoder");
  }
  answer(x, t) {
    const temb = this.time(t);
    const [bottom, skips] = this.encoder.forward(this.tell("x", x), temb);
    return this.decoder.forward(bottom, skips, temb);
  }
}
