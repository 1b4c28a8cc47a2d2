"use strict";
/* The parts by which the U-Net grows, and the grown one: GroupNorm, labels, FiLM, attention. */

const sum = (data) => data.reduce((a, b) => a + b);
const chunk = (x, n) => // the channels in n equal shares
  split(x.data, x.data.length / n).map((data) => map(x.C / n, x.H, x.W, data));

class GroupNorm extends Module { // 8 groups, or as many of them as the channels allow
  forward(x) {
    const weight = this.get("weight").data, bias = this.get("bias").data;
    const groups = chunk(x, [8, 4, 2, 1].find((n) => x.C % n === 0)).map((group) => {
      const n = group.data.length, mean = sum(group.data) / n;
      const variance = sum(group.data.map((v) => (v - mean) ** 2)) / n;
      return each(group, (v) => (v - mean) / Math.sqrt(variance + 1e-5));
    });
    return this.tell(each(groups.reduce(cat), (v, c) => v * weight[c] + bias[c]));
  }
}

class LabelEmbedding extends Module {
  parts = { linear: Linear };
  forward(label) {
    const { data, shape: [, D] } = this.get("table.weight");
    return this.linear(silu(map(D, 1, 1, data.subarray(label * D, (label + 1) * D))));
  }
}

class FiLMBlock extends Module {
  parts = {
    norm1: GroupNorm, conv1: Conv2d, time_proj: Linear,
    norm2: GroupNorm, conv2: Conv2d, shortcut: Conv2d,
  };
  forward(x, temb) {
    this.tell(x, "x");
    let h = this.conv1(silu(this.norm1(x)));
    const [scale, shift] = chunk(this.time_proj(silu(temb)), 2);
    h = each(this.norm2(h), (v, c) => v * (1 + scale.data[c]) + shift.data[c]);
    this.tell(h, "h");
    return this.tell(add(this.conv2(silu(h)), this.shortcut(x)));
  }
}

// --- attention.py, attention_unet.py -------------------------------------------------------------

function attend(q, k, v) { // F.scaled_dot_product_attention
  const N = q.H * q.W, shares = matmul(unfold(q), unfold(k), q.C); // (N, N)
  for (const row of split(shares, N)) {
    const most = Math.max(...row);
    const powers = row.map((score) => Math.exp((score - most) / Math.sqrt(q.C))), all = sum(powers);
    row.set(powers.map((power) => power / all));
  }
  return map(v.C, v.H, v.W, matmul(v.data, shares, N));
}

class TokenAttention extends Module {
  parts = { qkv: Linear, proj: Linear };
  forward(x) {
    const [q, k, v] = chunk(this.qkv(x), 3).map((part) => chunk(part, this.net.settings.heads));
    return this.proj(q.map((_, head) => attend(q[head], k[head], v[head])).reduce(cat));
  }
}

class MultiHeadAttention extends Module {
  parts = { tokens: TokenAttention };
  forward(x) {
    return this.tokens(x);
  }
}

class AttentionBlock extends Module { // with a gate it is the GatedAttention
  parts = { norm: GroupNorm, attention: MultiHeadAttention, gate: Conv2d };
  forward(x) {
    return this.tell(add(x, this.gate(this.attention(this.norm(x)))));
  }
}

class Attended extends Module {
  constructor(Block) {
    super();
    this.parts = { block: Block, attention: AttentionBlock };
  }
  forward(x, temb) {
    return this.tell(this.attention(this.block(x, temb)));
  }
}

// --- grown_unet.py -------------------------------------------------------------------------------

class GrownUNet extends Network {
  parts = {
    time: TimeEmbedding, cond_embed: LabelEmbedding, conv_in: Conv2d,
    down_blocks: [FiLMBlock], downs: [Conv2d], bottleneck: FiLMBlock,
    ups: [ConvTranspose2d], up_blocks: [FiLMBlock], norm_out: GroupNorm, conv_out: Conv2d,
  };
  answer(x, t, label) {
    const temb = add(this.time(t), this.cond_embed(label)), skips = [];
    let h = this.conv_in(x);
    for (const [i, block] of this.down_blocks.entries()) {
      h = block(h, temb);
      skips.push(h);
      h = this.downs[i](h);
    }
    h = this.bottleneck(h, temb);
    for (const [i, block] of this.up_blocks.entries())
      h = block(cat(this.ups[i](h), skips.pop()), temb);
    return this.conv_out(silu(this.norm_out(h)));
  }
}
