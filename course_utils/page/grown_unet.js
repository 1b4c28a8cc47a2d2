"use strict";
/* The parts by which the U-Net grows, and the grown one: GroupNorm, labels, FiLM, attention. */

function groupNorm(net, name) { // 8 groups, or as many of them as the channels allow
  const weight = net.get(`${name}.weight`).data, bias = net.get(`${name}.bias`).data;
  return (x) => {
    const groups = [8, 4, 2, 1].find((g) => x.C % g === 0), n = x.data.length / groups;
    const mean = [], scale = [];
    for (let g = 0; g < groups; g++) {
      const values = x.data.subarray(g * n, g * n + n);
      mean[g] = values.reduce((sum, v) => sum + v, 0) / n;
      const variance = values.reduce((sum, v) => sum + (v - mean[g]) ** 2, 0) / n;
      scale[g] = 1 / Math.sqrt(variance + 1e-5);
    }
    const a = (c) => weight[c] * scale[Math.floor((c * groups) / x.C)];
    const b = (c) => bias[c] - mean[Math.floor((c * groups) / x.C)] * a(c);
    return net.tell(name, perChannel(x, a, b));
  };
}

function labelEmbedding(net, name) {
  const table = net.get(`${name}.table.weight`), linear = conv(net, `${name}.linear`);
  const D = table.shape[1];
  return (label) => linear(silu(map(D, 1, 1, table.data.subarray(label * D, label * D + D))));
}

class FiLMBlock {
  constructor(net, name) {
    const has = net.get(`${name}.shortcut.weight`);
    [this.net, this.name] = [net, name];
    this.norm1 = groupNorm(net, `${name}.norm1`);
    this.conv1 = conv(net, `${name}.conv1`);
    this.time_proj = conv(net, `${name}.time_proj`);
    this.norm2 = groupNorm(net, `${name}.norm2`);
    this.conv2 = conv(net, `${name}.conv2`);
    this.shortcut = has ? conv(net, `${name}.shortcut`) : (x) => x;
  }
  forward(x, temb) {
    this.net.tell(`${this.name}.x`, x);
    let h = this.conv1(silu(this.norm1(x)));
    const time = this.time_proj(silu(temb)).data; // K numbers that scale, then K that shift
    h = perChannel(this.norm2(h), (c) => 1 + time[c], (c) => time[h.C + c]);
    h = this.conv2(silu(this.net.tell(`${this.name}.h`, h)));
    return this.net.tell(this.name, add(h, this.shortcut(x)));
  }
}

// Head after head: softmax(q . k / sqrt(d)) over the pixels, then that mixture of their v.
function attend(qkv, heads) {
  const n = qkv.H * qkv.W, C = qkv.C / 3, d = C / heads, mixed = map(C, qkv.H, qkv.W);
  const [q, k, v] = [0, 1, 2].map((part) => qkv.data.subarray(part * C * n, (part + 1) * C * n));
  const weights = new Float32Array(n);
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < n; i++) {
      weights.fill(0);
      for (let c = head * d; c < head * d + d; c++)
        for (let j = 0; j < n; j++) weights[j] += q[c * n + i] * k[c * n + j];
      const most = weights.reduce((a, b) => Math.max(a, b));
      let total = 0;
      for (let j = 0; j < n; j++)
        total += weights[j] = Math.exp((weights[j] - most) / Math.sqrt(d));
      for (let c = head * d; c < head * d + d; c++) {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += weights[j] * v[c * n + j];
        mixed.data[c * n + i] = sum / total;
      }
    }
  return mixed;
}

class AttentionBlock { // with a gate, it is attention_unet.py's GatedAttention
  constructor(net, name) {
    const has = net.get(`${name}.gate.weight`);
    [this.net, this.name, this.heads] = [net, name, net.settings.heads];
    this.norm = groupNorm(net, `${name}.norm`);
    this.qkv = conv(net, `${name}.attention.tokens.qkv`);
    this.proj = conv(net, `${name}.attention.tokens.proj`);
    this.gate = has ? conv(net, `${name}.gate`) : (x) => x;
  }
  forward(x) {
    const found = this.gate(this.proj(attend(this.qkv(this.norm(x)), this.heads)));
    return this.net.tell(this.name, add(x, found));
  }
}

class Attended {
  constructor(net, name, Block) {
    [this.net, this.name] = [net, name];
    this.block = new Block(net, `${name}.block`);
    const has = net.get(`${name}.attention.norm.weight`);
    this.attention = has ? new AttentionBlock(net, `${name}.attention`) : { forward: (x) => x };
  }
  forward(x, temb) {
    return this.net.tell(this.name, this.attention.forward(this.block.forward(x, temb)));
  }
}

// --- grown_unet.py -------------------------------------------------------------------------------

class GrownUNet extends Network {
  constructor(kept) {
    super(kept);
    const levels = [...Array(this.settings.halvings).keys()];
    const block = (name) => new Attended(this, name, FiLMBlock);
    this.cond_embed = labelEmbedding(this, "cond_embed");
    this.conv_in = conv(this, "conv_in");
    this.down_blocks = levels.map((i) => block(`down_blocks.${i}`));
    this.downs = levels.map((i) => downsample(this, `downs.${i}`));
    this.bottleneck = new FiLMBlock(this, "bottleneck");
    this.ups = levels.map((i) => upsample(this, `ups.${i}`));
    this.up_blocks = levels.map((i) => block(`up_blocks.${i}`));
    this.norm_out = groupNorm(this, "norm_out");
    this.conv_out = conv(this, "conv_out");
  }
  answer(x, t, label) {
    const temb = add(this.time(t), this.cond_embed(label)), skips = [];
    let h = this.conv_in(this.tell("x", x));
    for (const [i, block] of this.down_blocks.entries()) {
      h = block.forward(h, temb);
      skips.push(h);
      h = this.downs[i](h);
    }
    h = this.bottleneck.forward(h, temb);
    for (const [i, block] of this.up_blocks.entries())
      h = block.forward(cat(this.ups[i](h), skips.pop()), temb);
    return this.conv_out(silu(this.norm_out(h)));
  }
}
