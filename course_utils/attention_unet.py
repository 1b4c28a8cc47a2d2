"""Attention for a U-Net that was trained without it: it goes in, and at first changes nothing."""

import math

import torch
from einops import rearrange
from torch import nn

from course_utils.attention import Attended, AttentionBlock, MultiHeadAttention


class GatedAttention(AttentionBlock):
    """An AttentionBlock whose finding goes through a gate: a 1x1 convolution that begins at 0.

    (B, C, H, W) -> (B, C, H, W)

    Source: "Adding Conditional Control to Text-to-Image Diffusion Models" (2023).
    """

    def __init__(self, ch, heads=2):
        super().__init__(ch, lambda ch: MultiHeadAttention(ch, heads), groups=math.gcd(8, ch))
        self.heads = heads
        self.gate = nn.Conv2d(ch, ch, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x):
        return x + self.gate(self.attention(self.norm(x)))


def with_attention(net, heads=2, in_ch=1, side=16):
    """Put attention behind the blocks that work at half the picture's side; return the network.

    UNet -> UNet

    These are the innermost modules that make a map of maps and the time embedding, whatever their
    names. side is that of the pictures. The gates begin at 0, so the network answers as before.
    One that has attention already stays as it is. Raises ValueError where no such block is found.
    """
    if attention_heads(net):
        return net
    found = blocks_at(net, side // 2, torch.zeros(1, in_ch, side, side))
    if not found:
        raise ValueError(
            f"no block of this network takes maps and the time embedding and makes maps of "
            f"{side // 2} x {side // 2}, so there is no place for attention"
        )
    new = {}
    for block, ch in found.items():
        device = next(block.parameters()).device
        new[block] = Attended(block, GatedAttention(ch, heads).to(device))
    for parent in list(net.modules()):
        for name, child in list(parent._modules.items()):  # also what has two names
            if child in new:
                setattr(parent, name, new[child])
    return net


@torch.no_grad()
def blocks_at(net, side, x):
    """Return the innermost modules that make maps of this side from (maps, temb): their channels.

    UNet, (B, C, H, W) -> dict
    """
    found, mode, device = {}, net.training, next(net.parameters()).device

    def look(module, inputs, named, output):
        ranks = [value.ndim for value in (*inputs, *named.values()) if torch.is_tensor(value)]
        if ranks == [4, 2] and torch.is_tensor(output) and output.shape[2:] == (side, side):
            found[module] = output.shape[1]

    hooks = [m.register_forward_hook(look, with_kwargs=True) for m in net.modules()]
    try:
        net.eval()(x.to(device), torch.zeros(len(x), dtype=torch.long, device=device))
    finally:
        net.train(mode)
        for hook in hooks:
            hook.remove()
    return {m: ch for m, ch in found.items() if found.keys().isdisjoint([*m.modules()][1:])}


def attention_heads(net):
    """Return the number of heads of the attention that with_attention put in; None without it."""
    return next((layer.heads for layer in gated(net)), None)


def gated(net):
    """Return the gated attentions in a network: their class may be this one or that of my_unet.py.

    UNet -> list
    """
    return [m for m in net.modules() if type(m).__name__ == "GatedAttention"]


@torch.no_grad()
def attention_shares(net, xt, t):
    """Return where each pixel looks, in each attention that with_attention put in.

    UNet, (B, C, H, W), (B,) -> list

    Each item has shape (B, heads, N, N), and each of its rows adds up to 1.
    """
    kept, heads = [], attention_heads(net)

    def keep(layer, inputs, output):
        (x,) = inputs  # (B, N, C)
        shape = (3 * x.shape[2], x.shape[2])
        weight = next(p for p in layer.parameters() if p.shape[:2] == shape).flatten(1)
        q, k, _ = rearrange(x @ weight.T, "b n (qkv h d) -> qkv b h n d", qkv=3, h=heads)
        kept.append((q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1))

    hooks = [layer.attention.tokens.register_forward_hook(keep) for layer in gated(net)]
    net(xt, t)
    for hook in hooks:
        hook.remove()
    return kept
