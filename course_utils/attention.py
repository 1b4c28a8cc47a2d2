"""Attention: every pixel looks at every other. All variants have one signature.

A pixel of a feature map is called a token here: a vector of C numbers. A map of H x W pixels is a
list of N = H * W tokens. Attention itself does not know where a token lies.
"""

from einops import rearrange
from torch import nn
from torch.nn import functional as F


def to_tokens(x):
    """Return the pixels of feature maps as lists of tokens, row by row.

    (B, C, H, W) -> (B, H*W, C)
    """
    return rearrange(x, "b c h w -> b (h w) c")


def to_map(tokens, height):
    """Return lists of tokens as feature maps of this height; it undoes to_tokens.

    (B, H*W, C) -> (B, C, H, W)
    """
    return rearrange(tokens, "b (h w) c -> b c h w", h=height)


def attention_weights(q, k):
    """Return how much of every token each token takes: rows of shares that add up to 1.

    (B, N, D), (B, N, D) -> (B, N, N)

    Row i belongs to the query of token i: softmax over j of q_i . k_j / sqrt(D).
    Source: "Attention Is All You Need" (2017), equation 1.
    """
    scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5  # (B, N, N)
    return scores.softmax(dim=-1)


class SingleHeadAttention(nn.Module):
    """Attention by four 1x1 convolutions, everything written out.

    (B, C, H, W) -> (B, C, H, W)

    Source: "Denoising Diffusion Probabilistic Models" (2020), appendix B, and its code.
    """

    def __init__(self, ch):
        super().__init__()
        self.q = nn.Conv2d(ch, ch, 1)
        self.k = nn.Conv2d(ch, ch, 1)
        self.v = nn.Conv2d(ch, ch, 1)
        self.proj = nn.Conv2d(ch, ch, 1)

    def weights(self, x):
        """Return the shares that each pixel takes of all pixels.

        (B, C, H, W) -> (B, H*W, H*W)
        """
        return attention_weights(to_tokens(self.q(x)), to_tokens(self.k(x)))

    def forward(self, x):
        mixed = self.weights(x) @ to_tokens(self.v(x))  # (B, H*W, C)
        return self.proj(to_map(mixed, x.shape[2]))


class TokenAttention(nn.Module):
    """Attention with several heads: each head has its own C / heads numbers of every token.

    (B, N, C) -> (B, N, C)

    One linear layer makes queries, keys and values. Raises ValueError unless heads divides C.
    Source: "Attention Is All You Need" (2017), section 3.2.2.
    """

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        if ch % heads:
            raise ValueError(f"{ch} channels cannot be shared out to {heads} heads")
        self.heads = heads
        self.qkv = nn.Linear(ch, 3 * ch, bias=qkv_bias)
        self.proj = nn.Linear(ch, ch)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.heads)
        mixed = F.scaled_dot_product_attention(q, k, v)  # (B, heads, N, C / heads)
        return self.proj(rearrange(mixed, "b h n d -> b n (h d)"))


class MultiHeadAttention(nn.Module):
    """TokenAttention on feature maps.

    (B, C, H, W) -> (B, C, H, W)

    Raises ValueError unless heads divides C.
    """

    def __init__(self, ch, heads=4):
        super().__init__()
        self.tokens = TokenAttention(ch, heads)

    def forward(self, x):
        return to_map(self.tokens(to_tokens(x)), x.shape[2])


class TorchAttention(nn.Module):
    """PyTorch's own nn.MultiheadAttention on feature maps, called as it must be.

    (B, C, H, W) -> (B, C, H, W)

    It takes tokens, not maps; it wants queries, keys and values, here three times the same; and it
    returns a pair. So it cannot stand in nn.Sequential, where the tutorial has it.
    """

    def __init__(self, ch, heads=4):
        super().__init__()
        self.attention = nn.MultiheadAttention(ch, heads, batch_first=True)

    def forward(self, x):
        tokens = to_tokens(x)
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return to_map(mixed, x.shape[2])


class LinearAttention(nn.Module):
    """Attention whose cost grows with N, not with N squared: no token meets another.

    (B, C, H, W) -> (B, C, H, W)

    Keys and values are first summed up in one small matrix for each head, which every query then
    reads. Raises ValueError unless heads divides C.
    Source: "Efficient Attention: Attention with Linear Complexities" (2018).
    """

    def __init__(self, ch, heads=4):
        super().__init__()
        if ch % heads:
            raise ValueError(f"{ch} channels cannot be shared out to {heads} heads")
        self.heads = heads
        self.qkv = nn.Conv2d(ch, 3 * ch, 1, bias=False)
        self.proj = nn.Conv2d(ch, ch, 1)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b (qkv h d) y x -> qkv b h d (y x)", qkv=3, h=self.heads)
        summary = k.softmax(dim=-1) @ v.transpose(-1, -2)  # (B, heads, C / heads, C / heads)
        mixed = summary.transpose(-1, -2) @ q.softmax(dim=-2)  # (B, heads, C / heads, H*W)
        return self.proj(rearrange(mixed, "b h d (y x) -> b (h d) y x", y=x.shape[2]))


class AttentionBlock(nn.Module):
    """Normalise, attend, add: a residual block around any of the variants.

    (B, C, H, W) -> (B, C, H, W)

    attention is a class, or anything else that makes a module from a number of channels.
    """

    def __init__(self, ch, attention=MultiHeadAttention, groups=32):
        super().__init__()
        self.norm = nn.GroupNorm(groups, ch)
        self.attention = attention(ch)

    def forward(self, x):
        return x + self.attention(self.norm(x))


class Attended(nn.Module):
    """A block that knows the time, then attention: puts attention anywhere in a U.

    (B, C, H, W), (B, D) -> (B, K, H, W)
    """

    def __init__(self, block, attention):
        super().__init__()
        self.block = block
        self.attention = attention

    def forward(self, *args, **kwargs):  # x and temb, whatever the block calls them
        return self.attention(self.block(*args, **kwargs))
