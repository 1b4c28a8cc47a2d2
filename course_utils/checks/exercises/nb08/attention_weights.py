"""8.1 The weights of attention."""

import torch
from einops import einsum
from torch.nn import functional as F

from course_utils.attention import attention_weights
from course_utils.checks.parts import edits

SCALED = "Each row adds up to 1, so look at the scores: dot products, divided by sqrt(D) alone."


def experiment(probe, attention_weights):
    for B, N, D in [(2, 16, 3), (3, 4, 7), (5, 9, 2), (2, 1, 4)]:
        q, k = probe.normal(B, N, D), probe.normal(B, N, D)
        shares = probe.run("attention_weights(q, k)", attention_weights, q.clone(), k.clone())
        is_matrix = isinstance(shares, torch.Tensor) and shares.shape == (B, N, N)
        sums = shares.detach().float().sum(dim=-1) if is_matrix else torch.ones(1)
        probe.note(
            "rows that add up to 1", torch.allclose(sums, torch.ones(()), atol=1e-4),
            f"Your rows add up to numbers from {sums.min():.4g} to {sums.max():.4g}, not to 1.",
            "The shares of one query come from a softmax over the keys, which are the last axis.",
        )  # fmt: skip
        with probe.advice(look=SCALED if is_matrix else ""):
            probe.call(attention_weights, q, k)
    note_gradients(probe, attention_weights, probe.normal(2, 5, 3), probe.normal(2, 5, 3))
    probe.on_fake_device(attention_weights, probe.normal(B, N, D), probe.normal(B, N, D))


def note_gradients(probe, attention_weights, *inputs):
    """Write down whether gradients come through to queries and keys."""
    inputs = [x.requires_grad_() for x in inputs]
    shares = probe.run("attention_weights with gradients", attention_weights, *inputs)
    found = None, None
    if getattr(shares, "requires_grad", False):
        found = torch.autograd.grad(shares.square().sum(), inputs, allow_unused=True)
    cut = [key for key, gradient in zip("qk", found) if gradient is None]
    look = "detach, .data or no_grad cuts it off, so the layers before it would learn nothing."
    probe.note("inputs without gradient", cut, f"No gradient reaches {' and '.join(cut)}.", look)


# Of any answer with the lines `scores = ... / q.shape[-1] ** 0.5` and `scores.softmax(dim=-1)`.
SCORES = """
# no scale
- / q.shape[-1] ** 0.5
+
You don't divide the scores by the root of a vector's length, q.shape[-1] ** 0.5. A dot product
grows with that length, and a softmax of large scores gives nearly everything to one token.
# scaled by D
+ / q.shape[-1]
You divide the scores by the length of a vector, or twice by its root. Divide once, by the root,
q.shape[-1] ** 0.5, unless a function that you call already does it.
# multiplied by sqrt(D)
+ * q.shape[-1] ** 0.5
You multiply by the root of a vector's length. Divide by it: scores / q.shape[-1] ** 0.5.
# scaled by sqrt(N)
+ / q.shape[-2] ** 0.5
You divide by the root of N, the number of tokens. What counts is the length of one vector, which
the dot product sums over: q.shape[-1].
# half of D for its root
+ / q.shape[-1] ** 1 / 2
| / (q.shape[-1] / 2)
You don't take a root. D**1/2 is (D**1) / 2, because powers come before divisions, and D * 0.5 is
half of D. Write D**0.5, with D = q.shape[-1].
# scaled after the softmax
+
- scores.softmax(dim=-1)
+ scores.softmax(dim=-1) / q.shape[-1] ** 0.5
You divide after the softmax, so rows add up to less than 1. Divide the scores, before it.
# softmax over the queries
- dim=-1
+ dim=-2
Your softmax runs over the queries, so the columns add up to 1. Each query divides its attention
among the keys, the last axis: dim=-1.
# softmax over the batch
+ dim=0
Your softmax runs over axis 0, the batch, as F.softmax may without a dim, so pictures depend on each
other. It has to run over the keys: dim=-1.
# softmax over everything
- scores.softmax(dim=-1)
+ scores.flatten(1).softmax(dim=-1).view_as(scores)
| (scores.exp() / scores.exp().sum())
All your shares together add up to 1. Each row has to, by itself: dim=-1.
# no softmax
+ scores
| (scores / scores.sum(dim=-1, keepdim=True))
There is no softmax: you use the scores as they are, or divided by their sum, and some are negative.
A softmax takes the exponential of each first: scores.softmax(dim=-1).
# causal
+ (scores + torch.full_like(scores, -math.inf).triu(1)).softmax(dim=-1)
Your tokens only see the ones before them. That's for text: leave the causal mask out.
"""

MISTAKES = """
# queries and keys swapped
- q @ k
+ k @ q
Queries and keys are swapped. Row i belongs to query i, so it's q @ k.transpose(1, 2).
# one input not used
+ k @ k
or
- k.transpose(1, 2)
+ q.transpose(1, 2)
You use only one of the two inputs. The score of i and j is the dot product of query i and key j.
# keys reshaped
+ k.reshape(len(k), k.shape[2], k.shape[1])
You reshape the keys to (B, D, N). The shape is right, but reshape reads the numbers in their old
order and mixes them up. To swap two axes, transpose: k.transpose(1, 2).
# the wrong axes transposed
+ k
| k.T
| k.transpose(0, 1)
The last two axes of k have to swap places before the product, and no others: k.transpose(1, 2).
# sum without keepdim
- scores.softmax(dim=-1)
+ scores.exp() / scores.exp().sum(dim=-1)
The sums lost their last axis, so they meet the wrong one when you divide. Use keepdim=True.
# values mixed
+ scores.softmax(dim=-1) @ k
You already mix vectors with the shares. Here the shares themselves are asked for, (B, N, N).
# no gradients
+ scores.detach().softmax(dim=-1)
The numbers are right, but no gradient reaches q and k: detach, .data, no_grad or a new tensor cuts
it off. The layers that make queries and keys would never learn.
"""


def weights_by_einsum(q, k):
    return (einsum(q, k, "b i d, b j d -> b i j") * q.shape[2] ** -0.5).softmax(2)


def weights_by_hand(q, k):
    e = torch.exp(torch.bmm(q, k.permute(0, 2, 1)) / q.size(-1) ** 0.5)
    return e / e.sum(-1, keepdim=True)


def weights_in_loops(q, k):
    rows = []
    for b in range(len(q)):
        for i in range(q.shape[1]):
            rows.append(F.softmax((k[b] * q[b, i]).sum(dim=1) / q.shape[2] ** 0.5, dim=0))
    return torch.stack(rows).view(len(q), q.shape[1], q.shape[1])


def weights_of_halves(q, k):
    root = q.shape[-1] ** 0.25
    return torch.softmax((q / root) @ (k / root).transpose(-2, -1), -1)


REFERENCE = attention_weights
LOOK = "The order is: queries times transposed keys, divided by sqrt(D), softmax of each row."
CATALOGUE = edits(attention_weights, SCORES + MISTAKES)
ALSO_RIGHT = [weights_by_einsum, weights_by_hand, weights_in_loops, weights_of_halves]
