"use strict";
/* The text's U-Net in JavaScript: the same parts, in the same order, under the same names.

A map is {data, C, H, W}: one picture's channels, each row by row, in a Float32Array. There is no
batch. A vector is a map of 1 x 1 pixels, so a linear layer is a 1x1 convolution. */

const map = (C, H, W, data = new Float32Array(C * H * W)) => ({ data, C, H, W });

function split(data, size) { // into parts of equal size
  return Array.from({ length: data.length / size }, (_, i) =>
    data.subarray(i * size, (i + 1) * size));
}

function each({ data, C, H, W }, change) { // change gets a value, its channel, its place in data
  const y = map(C, H, W);
  for (let c = 0, i = 0; c < C; c++)
    for (; i < (c + 1) * H * W; i++) y.data[i] = change(data[i], c, i);
  return y;
}

function silu(x) {
  return each(x, (v) => v / (1 + Math.exp(-v)));
}

function add(a, b) {
  return each(a, (v, c, i) => v + b.data[i]);
}

function cat(a, b) {
  const y = map(a.C + b.C, a.H, a.W);
  y.data.set(a.data);
  y.data.set(b.data, a.data.length);
  return y;
}

// a @ b.mT: (K, M), (N, M) -> (K, N). Two rows of each at once: what is read serves two sums.
function matmul(a, b, M) {
  const as = split(a, M), bs = split(b, M), K = as.length, N = bs.length;
  const y = new Float32Array(K * N);
  for (let k = 0; k < K; k += 2)
    for (let n = 0; n < N; n += 2) {
      const k2 = Math.min(k + 1, K - 1), n2 = Math.min(n + 1, N - 1); // the last may be alone
      const p = as[k], p2 = as[k2], q = bs[n], q2 = bs[n2];
      let pq = 0, pq2 = 0, p2q = 0, p2q2 = 0;
      for (let m = 0; m < M; m++) {
        pq += p[m] * q[m];
        pq2 += p[m] * q2[m];
        p2q += p2[m] * q[m];
        p2q2 += p2[m] * q2[m];
      }
      y[k * N + n] = pq;
      y[k * N + n2] = pq2;
      y[k2 * N + n] = p2q;
      y[k2 * N + n2] = p2q2;
    }
  return y;
}

// F.unfold: what lies under a kernel as it slides over the map; beyond the border are zeros.
function unfold({ data, C, H, W }, size = 1, stride = 1, padding = 0) {
  const patches = new Float32Array(data.length * (size / stride) ** 2);
  let i = 0;
  for (let top = -padding; top + size <= H + padding; top += stride)
    for (let left = -padding; left + size <= W + padding; left += stride)
      for (let c = 0; c < C; c++)
        for (let row = top; row < top + size; row++)
          for (let column = left; column < left + size; column++, i++)
            if (row >= 0 && row < H && column >= 0 && column < W)
              patches[i] = data[(c * H + row) * W + column];
  return patches;
}

// --- layers --------------------------------------------------------------------------------------

/* nn.Module. parts = {conv1: Conv2d, blocks: [ConvBlock]} gives it a conv1, and a block for each
halving, to be called like functions. Their weights have names that begin with their path. */
class Module {
  parts = {};
  init(net, path) {
    [this.net, this.path] = [net, path];
    for (const [key, Part] of Object.entries(this.parts))
      this[key] = made(Part, net, `${path}${key}.`);
  }
  get(key) {
    return this.net.weights[this.path + key];
  }
  tell(x, key = "") { // net.look = (name, data, [C, H, W]) => ... sees every map
    this.net.look?.((this.path + key).replace(/\.$/, ""), x.data, [x.C, x.H, x.W]);
    return x;
  }
}

function made(Part, net, path) {
  const levels = [...Array(net.settings.halvings).keys()];
  if (Array.isArray(Part)) return levels.map((i) => made(Part[0], net, `${path}${i}.`));
  const has = (start) => Object.keys(net.weights).some((name) => name.startsWith(start));
  if (!has(path)) return (x) => x; // nn.Identity
  const part = has(`${path}block.`) ? new Attended(Part) : new Part(); // attention can be behind it
  part.init(net, path);
  return (...inputs) => part.forward(...inputs);
}

class Conv2d extends Module {
  forward(x) {
    const { data, shape: [K, C, size = 1] } = this.get("weight"), bias = this.get("bias")?.data;
    const [stride, padding] = size === 2 ? [2, 0] : [1, (size - 1) / 2];
    const patches = unfold(x, size, stride, padding);
    const y = map(K, x.H / stride, x.W / stride, matmul(data, patches, C * size ** 2));
    return this.tell(bias ? each(y, (v, k) => v + bias[k]) : y);
  }
}

class Linear extends Conv2d {}

class ConvTranspose2d extends Module { // 2x2 with stride 2: each pixel becomes a patch
  forward(x) {
    const { data, shape: [C, K] } = this.get("weight"), bias = this.get("bias").data;
    const patches = matmul(unfold(x), unfold(map(C, K, 4, data)), C), y = map(K, 2 * x.H, 2 * x.W);
    const places = unfold(each(y, (v, c, i) => i), 2, 2); // patches go where unfold would find them
    places.forEach((at, i) => (y.data[at] = patches[i]));
    return this.tell(each(y, (v, k) => v + bias[k]));
  }
}

class BatchNorm2d extends Module { // in eval mode: with the averages of training
  forward(x) {
    const [mean, variance, weight, bias] =
      ["running_mean", "running_var", "weight", "bias"].map((key) => this.get(key).data);
    const scale = weight.map((w, c) => w / Math.sqrt(variance[c] + 1e-5));
    return this.tell(each(x, (v, c) => (v - mean[c]) * scale[c] + bias[c]));
  }
}

// --- embedding.py --------------------------------------------------------------------------------

class TimeEmbedding extends Module {
  parts = { linear: Linear };
  forward(t) {
    const half = this.get("linear.bias").data.length / 2;
    const frequencies = each(map(half, 1, 1), (v, i) => 10000 ** (-i / (half - 1)));
    const angles = each(frequencies, (frequency) => t * frequency);
    return this.tell(silu(this.linear(cat(each(angles, Math.sin), each(angles, Math.cos)))));
  }
}

// --- blocks.py -----------------------------------------------------------------------------------

class ConvBlock extends Module {
  parts = {
    conv1: Conv2d, norm1: BatchNorm2d, time_proj: Linear,
    conv2: Conv2d, norm2: BatchNorm2d, shortcut: Conv2d,
  };
  forward(x, temb) {
    this.tell(x, "x");
    let h = silu(this.norm1(this.conv1(x)));
    const time = this.time_proj(temb).data;
    h = this.tell(each(h, (v, c) => v + time[c]), "h");
    h = silu(this.norm2(this.conv2(h)));
    return this.tell(add(h, this.shortcut(x)));
  }
}

// --- encoder.py, decoder.py, unet.py -------------------------------------------------------------

class Encoder extends Module {
  parts = { blocks: [ConvBlock], downs: [Conv2d], bottom: ConvBlock };
  forward(x, temb) {
    const skips = [];
    for (const [i, block] of this.blocks.entries()) {
      x = block(x, temb);
      skips.push(x);
      x = this.downs[i](x);
    }
    return [this.bottom(x, temb), skips];
  }
}

class Decoder extends Module {
  parts = { ups: [ConvTranspose2d], blocks: [ConvBlock], out: Conv2d };
  forward(x, skips, temb) {
    for (const [i, block] of this.blocks.entries())
      x = block(cat(this.ups[i](x), skips.pop()), temb);
    return this.out(x);
  }
}

class Network extends Module { // what both networks are: one picture in, one answer out
  load({ weights, settings }) {
    Object.assign(this, { weights, settings });
    this.init(this, "");
    return this;
  }
  forward(x, t, label = this.settings.classes) { // the last label is the hidden one
    const { in_ch, size } = this.settings;
    if (x.length !== in_ch * size * size)
      throw new RangeError(`x must hold ${in_ch} x ${size} x ${size} numbers; got ${x.length}`);
    return this.answer(this.tell(map(in_ch, size, size, x), "x"), t, label).data;
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
  parts = { time: TimeEmbedding, encoder: Encoder, decoder: Decoder };
  answer(x, t) {
    const temb = this.time(t);
    const [bottom, skips] = this.encoder(x, temb);
    return this.decoder(bottom, skips, temb);
  }
}
