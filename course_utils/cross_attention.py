"""Attention from a picture to something else, such as the labels or the words that describe it."""

from einops import rearrange
from torch import nn

from course_utils.attention import to_map, to_tokens


class CrossAttention(nn.Module):
    """The pixels of a map ask, and the tokens of a context answer.

    (B, C, H, W), (B, M, E) -> (B, C, H, W)

    Queries come from the pixels, keys and values from the context. Raises ValueError unless heads
    divides C. Source: "High-Resolution Image Synthesis with Latent Diffusion Models" (2021),
    section 3.3.
    """

    def __init__(self, ch, context_dim, heads=4):
        super().__init__()
        if ch % heads:
            raise ValueError(f"{ch} channels cannot be shared out to {heads} heads")
        self.heads = heads
        self.q = nn.Linear(ch, ch, bias=False)
        self.k = nn.Linear(context_dim, ch, bias=False)
        self.v = nn.Linear(context_dim, ch, bias=False)
        self.proj = nn.Linear(ch, ch)

    def weights(self, x, context):
        """Return how much of each token of the context each pixel takes, head by head.

        (B, C, H, W), (B, M, E) -> (B, heads, H*W, M)
        """
        q, k = self.split(self.q(to_tokens(x))), self.split(self.k(context))
        return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)

    def forward(self, x, context):
        mixed = self.weights(x, context) @ self.split(self.v(context))  # (B, heads, N, C / heads)
        return to_map(self.proj(rearrange(mixed, "b h n d -> b n (h d)")), x.shape[2])

    def split(self, tokens):
        """Return the part of each token that belongs to each head.

        (B, N, C) -> (B, heads, N, C/heads)
        """
        return rearrange(tokens, "b n (h d) -> b h n d", h=self.heads)
