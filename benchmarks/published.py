"""How fast is a training step of the published networks as we build them, against their originals?

    python benchmarks/published.py [--rounds 12] [--threads 2]

SigmaUNet against the package smalldiffusion, DDPMUNet against diffusers' UNet2DModel, which is the
same network by other hands. Both of a pair have the same weights, get the same pictures and give
the same output, which is checked first. Their steps (forward, backward, AdamW) take turns; a ratio
is the original's median time by ours, so more than 1 means that ours is faster. The last column is
ours under bf16 autocast, with a fused AdamW and without dropout.
"""

import argparse
import copy
import platform
import re
import time
from statistics import median

import smalldiffusion
import torch
from diffusers import UNet2DModel
from smalldiffusion.model_unet import Unet
from torch.nn import functional as F

from course_utils.ddpm_unet import DDPMUNet
from course_utils.sigma_unet import Scaled, SigmaUNet

ROW = "{:46} {:>10} {:>8} {:>8} {:>10}"

# Pieces of our names, and what stands in their place in diffusers'.
DIFFUSERS = {
    r"^time\.linear(\d)": r"time_embedding.linear_\1",
    r"^norm_out": "conv_norm_out",
    r"^encoder\.blocks\.(\d+)\.(\d+)\.block": r"down_blocks.\1.resnets.\2",
    r"^encoder\.blocks\.(\d+)\.(\d+)\.attention": r"down_blocks.\1.attentions.\2",
    r"^encoder\.downs\.(\d+)": r"down_blocks.\1.downsamplers.0.conv",
    r"^decoder\.blocks\.(\d+)\.(\d+)\.block": r"up_blocks.\1.resnets.\2",
    r"^decoder\.blocks\.(\d+)\.(\d+)\.attention": r"up_blocks.\1.attentions.\2",
    r"^decoder\.ups\.(\d+)": r"up_blocks.\1.upsamplers.0.conv",
    r"^middle\.(\d+)\.block": r"mid_block.resnets.\1",
    r"^middle\.0\.attention": "mid_block.attentions.0",
    r"\.time_proj": ".time_emb_proj",
    r"\.shortcut": ".conv_shortcut",
    r"\.norm\.": ".group_norm.",
    r"attention\.([qkv])\.": r"to_\1.",
    r"attention\.proj\.": "to_out.0.",
}


def ddpm_pair(in_ch, ch, ch_mult, attn, depth, dropout=0.0):
    """Return diffusers' network and ours, with the same weights."""
    levels = [level in attn for level in range(len(ch_mult))]
    theirs = UNet2DModel(
        in_channels=in_ch,
        out_channels=in_ch,
        freq_shift=0,
        flip_sin_to_cos=False,
        block_out_channels=[ch * m for m in ch_mult],
        layers_per_block=depth,
        down_block_types=["AttnDownBlock2D" if a else "DownBlock2D" for a in levels],
        up_block_types=["AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(levels)],
        attention_head_dim=ch * ch_mult[-1],
        dropout=dropout,
    )
    ours = DDPMUNet(1000, ch, ch_mult, attn, depth, dropout, in_ch, in_ch)
    given, taken = theirs.state_dict(), {"time.table": ours.time.table}
    for name, p in ours.named_parameters():
        other = name
        for piece, place in DIFFUSERS.items():
            other = re.sub(piece, place, other)
        taken[name] = given[other].view(p.shape)
    # Their table holds all sines, then all cosines; in ours they take turns.
    sines, cosines = taken["time.linear1.weight"].chunk(2, dim=1)
    taken["time.linear1.weight"] = torch.stack([sines, cosines], dim=2).flatten(1)
    ours.load_state_dict(taken)
    return theirs, ours


def sigma_pair(size, **settings):
    """Return smalldiffusion's network and ours, with the same weights."""
    theirs = smalldiffusion.Scaled(Unet)(*size, **settings)
    return theirs, Scaled(SigmaUNet)(*size, **settings).load_published(theirs.state_dict())


def cases():
    """Yield a name, how to call the two networks, and the inputs."""
    small = dict(ch=64, ch_mult=(1, 1, 2), attn_resolutions=(14,))
    sigma = torch.rand(32, 1, 1, 1) + 0.1
    for dropout in (0.1, 0.0):
        pair = sigma_pair((28, 1, 1), **small, dropout=dropout)
        name = f"SigmaUNet 28 px, ch 64 (1, 1, 2), dropout {dropout}"
        yield name, pair, (torch.randn(32, 1, 28, 28), sigma)
    pair = ddpm_pair(3, 64, (1, 2, 2), (1,), 2)
    inputs = torch.randn(16, 3, 32, 32), torch.randint(1000, (16,))
    yield "DDPMUNet 32 px, ch 64 (1, 2, 2)", pair, inputs


def output(net, inputs):
    out = net(*inputs)
    return getattr(out, "sample", out)  # diffusers wraps its output


def assert_same(theirs, ours, inputs):
    with torch.no_grad():
        a, b = (output(net.eval(), inputs) for net in (theirs, ours))
    assert (a - b).abs().max() < 1e-5 * a.abs().max(), "the networks differ"


def stepper(net, inputs, fast=False):
    """Return a function that takes a training step and returns its seconds."""
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=fast)
    target = torch.randn_like(inputs[0])
    if fast:
        for layer in net.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0

    def step():
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast):
            loss = F.mse_loss(output(net, inputs).float(), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.perf_counter() - begun

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {options.threads} threads, {platform.processor()}")
    print(ROW.format("a training step", "original", "ours", "ratio", "with bf16"))
    for name, (theirs, ours), inputs in cases():
        assert_same(theirs, ours, inputs)
        quick = copy.deepcopy(ours)
        steps = [stepper(theirs, inputs), stepper(ours, inputs), stepper(quick, inputs, fast=True)]
        rounds = [[step() for step in steps] for _ in range(options.rounds + 2)][2:]
        original, plain, fast = (median(times) for times in zip(*rounds))
        ratios = f"{original / plain:.2f}", f"{original / fast:.2f}"
        print(ROW.format(name, f"{1e3 * original:.0f} ms", f"{1e3 * plain:.0f} ms", *ratios))


if __name__ == "__main__":
    main()
