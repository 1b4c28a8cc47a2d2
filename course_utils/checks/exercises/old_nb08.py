"""The exercises of notebook 08. A docstring of a wrong answer is what its author is told."""

import inspect

import torch
from einops import einsum, rearrange
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.attention import (
    LinearAttention,
    SingleHeadAttention,
    TokenAttention,
    TorchAttention,
    attention_weights,
    to_map,
    to_tokens,
)
from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop, hinted
from course_utils.checks.engine.values import tensors
from course_utils.checks.engine.weights import fill
from course_utils.checks.mistakes import by_hand

NOTEBOOK = "08_attention_variants"


# What an exception is about: words of it, words of the line that raised it, what to do.
HINTS = [
    (r"values to unpack", r"chunk|split|unbind|rearrange|qkv", "Three parts are wanted. chunk, "
     "split and unbind go along axis 0, the batch, unless they are told another: the 3C numbers "
     "lie on the axis of the channels."),
    (r"view size is not compatible", r"transpose|permute|\.mT|einsum|rearrange",
     "transpose moves no number in memory, and view cannot read them in the new order. reshape "
     "can, it copies them: here it is what you want."),
]  # fmt: skip
ON_MAPS = [
    (r"mat1 and mat2 shapes", r"", "nn.Linear works on the last axis, and that of a map is its "
     "width. The layers here are 1x1 convolutions, nn.Conv2d(..., 1), and take maps."),
]  # fmt: skip
ON_TOKENS = [
    (r"mat1 and mat2 shapes", r"proj", "proj takes (B, N, C). What is mixed is (B, heads, N, d): "
     "move the heads back with transpose(1, 2), then flatten(2) lays them side by side."),
    (r"Given groups", r"", "A convolution has its channels on axis 1, and tokens have them on the "
     "last: (B, N, C). The layers here are nn.Linear."),
    (r"view size is not compatible", r"^(?!.*(transpose|permute|\.mT|einsum|rearrange))",
     "A view cannot do that, and reshape, which PyTorch offers in its place, would mix up the "
     "numbers. Split the last axis first, view(B, N, heads, d), then transpose(1, 2); on the way "
     "back transpose(1, 2) first, then reshape."),
]  # fmt: skip


def note_parameters(probe, module):
    """Write down how many numbers a module learns; call it last, so that values come first."""
    probe.note("number of parameters", sum(p.numel() for p in module.parameters()))


# 8.1 attention_weights


def weights_experiment(probe, attention_weights):
    for B, N, D in [(2, 16, 3), (3, 4, 7), (5, 9, 2), (2, 1, 4)]:
        q, k = probe.normal(B, N, D), probe.normal(B, N, D)
        shares = probe.call(attention_weights, q, k)
        probe.seen[-2].look = advice_on_rows(q, k, shares)  # the result stands before the changes
    note_gradients(probe, attention_weights, probe.normal(2, 5, 3), probe.normal(2, 5, 3))
    probe.on_fake_device(attention_weights, probe.normal(B, N, D), probe.normal(B, N, D))


def advice_on_rows(q, k, shares):
    """Say where to look if rows add up to 1 and are wrong all the same, else nothing."""
    scores = q @ k.mT
    is_alike = (
        isinstance(shares, torch.Tensor)
        and (shares.shape, shares.dtype) == (scores.shape, scores.dtype)
        and torch.allclose(shares.sum(dim=-1), torch.ones(()), atol=1e-4)
    )
    if not is_alike:
        return ""
    logs = shares.detach().log()
    logs, scores = (a - a.mean(dim=-1, keepdim=True) for a in (logs, scores))
    factor = float((logs * scores).sum() / scores.square().sum())
    D = q.shape[-1]
    if factor > 0 and torch.allclose(logs, factor * scores, atol=1e-2):
        how = "sharper" if factor > D**-0.5 else "flatter"
        return (
            f"The rows add up to 1, but they are {how} than expected. Look at the divisor: your "
            f"scores are divided by {1 / factor:.4g}. Here D = {D}, and its root is {D**0.5:.4g}."
        )
    return (
        "The rows add up to 1, so look at the scores, before the softmax: which vectors meet, and "
        "what the products are divided by."
    )


def note_gradients(probe, attention_weights, q, k):
    """Write down whether gradients come through to queries and keys."""
    q.requires_grad_(), k.requires_grad_()
    shares = probe.run("attention_weights with gradients", attention_weights, q, k)
    try:
        found = torch.autograd.grad(shares.square().sum(), (q, k), allow_unused=True)
    except (RuntimeError, AttributeError):  # no graph behind it, or no tensor
        found = None, None
    cut = [key for key, gradient in zip("qk", found) if gradient is None]
    probe.note(
        "inputs without gradient", cut, f"No gradient reaches {' and '.join(cut)}.",
        "detach, .data or no_grad cuts the way. Without gradients the layers that make queries "
        "and keys learn nothing.",
    )  # fmt: skip


def no_softmax(q, k):
    """These are the scores: they may be negative, and their rows do not add up to 1. Take the
    softmax of each row."""
    return q @ k.mT / q.shape[-1] ** 0.5


def no_scale(q, k):
    """The scores are not divided by sqrt(D). A sum of D products grows with D; without the
    division the softmax of long vectors gives nearly everything to one token."""
    return (q @ k.mT).softmax(dim=-1)


def scaled_by_d(q, k):
    """The scores are divided by D, or by its root twice. Divide once by the root:
    q.shape[-1] ** 0.5."""
    return (q @ k.mT / q.shape[-1]).softmax(dim=-1)


def scaled_up(q, k):
    """The scores are multiplied by sqrt(D). Divide by it."""
    return (q @ k.mT * q.shape[-1] ** 0.5).softmax(dim=-1)


def scaled_by_tokens(q, k):
    """The scores are divided by sqrt(N), with N the number of tokens. It is D, the length of one
    vector, that counts: q.shape[-1]."""
    return (q @ k.mT / q.shape[1] ** 0.5).softmax(dim=-1)


def scaled_by_all_tokens(q, k):
    """The scores are divided by N, the number of tokens. Divide by the root of D, the length of
    one vector: q.shape[-1] ** 0.5."""
    return (q @ k.mT / q.shape[1]).softmax(dim=-1)


def scaled_late(q, k):
    """The division by sqrt(D) comes after the softmax, so that the rows add up to less than 1.
    Divide the scores."""
    return (q @ k.mT).softmax(dim=-1) / q.shape[-1] ** 0.5


def over_queries(q, k):
    """The softmax runs over dim 1, the queries, so that columns add up to 1. Each query shares
    itself out over the keys, the last axis: dim=-1."""
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=1)


def over_batch(q, k):
    """The softmax runs over dim 0, the pictures of the batch: what one picture sees would depend
    on the others. It has to run over the keys, the last axis: dim=-1."""
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=0)


def over_everything(q, k):
    """The softmax runs over the whole matrix, so that all its numbers together add up to 1. Each
    row has to: softmax(dim=-1)."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.flatten(1).softmax(dim=-1).view_as(scores)


def queries_and_keys_swapped(q, k):
    """Queries and keys are swapped: row i must belong to the query of token i, so it is
    q @ k.transpose(1, 2)."""
    return (k @ q.mT / q.shape[-1] ** 0.5).softmax(dim=-1)


def transposed(q, k):
    """The matrix is transposed: row i must belong to the query of token i, and add up to 1."""
    return attention_weights(q, k).mT


def keys_reshaped(q, k):
    """The keys are reshaped to (B, D, N), which mixes up their numbers: reshape reads them in the
    old order. To swap two axes, transpose: k.transpose(1, 2)."""
    B, N, D = k.shape
    return (q @ k.reshape(B, D, N) / D**0.5).softmax(dim=-1)


def with_sigmoid(q, k):
    """There is a sigmoid in place of the softmax. Each number is between 0 and 1 then, but the
    rows do not add up to 1."""
    return (q @ k.mT / q.shape[-1] ** 0.5).sigmoid()


def by_sum(q, k):
    """The rows are divided by their sums without an exponential. Scores may be negative, and
    their sum may be near 0: take the softmax."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores / scores.sum(dim=-1, keepdim=True)


def with_log(q, k):
    """These are the logarithms of the shares. Take softmax, not log_softmax."""
    return (q @ k.mT / q.shape[-1] ** 0.5).log_softmax(dim=-1)


def by_angle(q, k):
    """The vectors are brought to length 1 first. Attention does not do that: a long vector gets
    more attention. Divide the scores by sqrt(D), and by nothing else."""
    return (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT).softmax(dim=-1)


def keys_with_themselves(q, k):
    """Only one of the two inputs is used. The score of i and j is the query of i with the key of
    j."""
    return attention_weights(k, k)


def queries_with_themselves(q, k):
    """Only one of the two inputs is used. The score of i and j is the query of i with the key of
    j."""
    return attention_weights(q, q)


def all_axes_turned(q, k):
    """.T turns all axes round, the batch too. Only the last two have to change places:
    k.transpose(1, 2)."""
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(dim=-1)


def not_transposed(q, k):
    """The last two axes of k have to change places before the product: k.transpose(1, 2)."""
    return (q @ k / q.shape[-1] ** 0.5).softmax(dim=-1)


def batch_transposed(q, k):
    """transpose(0, 1) moves the batch. The last two axes have to change places: transpose(1, 2)."""
    return (q @ k.transpose(0, 1) / q.shape[-1] ** 0.5).softmax(dim=-1)


def by_twice_d(q, k):
    """The scores are divided by D, and by 2 then. In Python, D**1/2 is (D**1) / 2: powers come
    before divisions. Write D**0.5, with D = q.shape[-1]."""
    return (q @ k.mT / (2 * q.shape[-1])).softmax(dim=-1)


def half_of_d(q, k):
    """The scores are divided by D / 2. In Python, D**1/2 is (D**1) / 2: powers come before
    divisions. Write D**0.5, with D = q.shape[-1]."""
    return (q @ k.mT / (q.shape[-1] / 2)).softmax(dim=-1)


def floored(q, k):
    """// divides and rounds down to a whole number, so that the scores lose most of what they
    say. Write a single /."""
    return (q @ k.mT // q.shape[-1] ** 0.5).softmax(dim=-1)


def scaled_by_axes(q, k):
    """The scores are divided by the root of q.ndim, the number of axes, which is 3 for any D. It
    is D, the length of one vector, that counts: q.shape[-1]."""
    return (q @ k.mT / q.ndim**0.5).softmax(dim=-1)


def scaled_by_batch(q, k):
    """The scores are divided by the root of len(q). That is B, the number of pictures. It is D,
    the length of one vector, that counts: q.shape[-1]."""
    return (q @ k.mT / len(q) ** 0.5).softmax(dim=-1)


def no_gradients(q, k):
    """The numbers are right, but no gradient reaches q and k: no_grad, detach or .data cuts the
    way. The layers that make queries and keys would never learn. Take it out."""
    return attention_weights(q.detach(), k.detach())


def weights_by_einsum(q, k):
    return (einsum(q, k, "b i d, b j d -> b i j") * q.shape[2] ** -0.5).softmax(2)


def weights_by_hand(q, k):
    e = torch.exp(torch.bmm(q, k.permute(0, 2, 1)) / q.size(-1) ** 0.5)
    return e / e.sum(-1, keepdim=True)


def weights_by_torch(q, k):
    one_of_each = torch.eye(q.shape[1]).to(q.device).expand(len(q), -1, -1)
    return F.scaled_dot_product_attention(q, k, one_of_each)


def weights_in_loops(q, k):
    rows = []
    for b in range(len(q)):
        for i in range(q.shape[1]):
            scores = (k[b] * q[b, i]).sum(dim=1) / q.shape[2] ** 0.5
            rows.append(F.softmax(scores, dim=0))
    return torch.stack(rows).view(len(q), q.shape[1], q.shape[1])


def weights_of_halves(q, k):
    root = q.shape[-1] ** 0.25
    return torch.softmax((q / root) @ (k / root).transpose(-2, -1), -1)


# 8.2 SingleHeadAttention


def single_experiment(probe, SingleHeadAttention):
    for B, C, H, W in [(2, 6, 4, 5), (3, 5, 2, 7), (5, 3, 4, 4)]:
        module = probe.build(SingleHeadAttention, C)
        x = probe.normal(B, C, H, W)
        has_weights = callable(getattr(module, "weights", None))
        probe.note(
            "the method weights", has_weights, "Your class has no method weights.",
            "weights(x) returns the shares, (B, H*W, H*W), and forward uses it.",
        )  # fmt: skip
        if not has_weights:
            raise Stop
        with hinted(probe, *ON_MAPS, *HINTS):
            probe.call(module.weights, x)
            probe.train_and_eval(module, x)
        note_parameters(probe, module)
    note_roles(probe, module, x)
    probe.on_fake_device(module, x)


def note_roles(probe, module, x):
    """Write down whether q makes the queries and k the keys, where layers have these names."""
    made = [as_tokens_by(getattr(module, key, None), x) for key in "qk"]
    swapped = False
    if all(tokens is not None for tokens in made):
        with torch.no_grad():  # the probe fills both alike
            module.k.weight.copy_(module.k.weight.roll(1, dims=0))
            q, k = (as_tokens_by(getattr(module, key), x) for key in "qk")
            shares = module.weights(x)
        right, wrong = attention_weights(q, k), attention_weights(k, q)
        swapped = difference(right, shares) is not None and difference(wrong, shares) is None
    probe.note(
        "queries and keys have changed places", swapped,
        "Queries and keys have changed places: in your weights, the layer k makes the queries and "
        "the layer q the keys.",
        "Row i belongs to the query of token i: attention_weights takes queries first, then keys.",
    )  # fmt: skip


def as_tokens_by(layer, x):
    """Return what a layer with a weight from C to C makes of a map, as tokens; else None."""
    weight, bias = (getattr(layer, key, None) for key in ("weight", "bias"))
    C = x.shape[1]
    if not isinstance(weight, torch.Tensor) or weight.numel() != C * C:
        return None
    with torch.no_grad():
        return F.linear(to_tokens(x), weight.view(C, C), bias)


def reshaped_tokens(x):
    B, C, H, W = x.shape
    return x.reshape(B, H * W, C)


class ReshapedIn(SingleHeadAttention):
    """The tokens are made by reshape or view: the shape (B, H*W, C) is right, the numbers are
    not. reshape reads them in the old order, so a token gets C neighbouring pixels of one
    channel. Channels must move to the end: to_tokens, or flatten(2).transpose(1, 2)."""

    def weights(self, x):
        return attention_weights(reshaped_tokens(self.q(x)), reshaped_tokens(self.k(x)))

    def forward(self, x):
        mixed = self.weights(x) @ reshaped_tokens(self.v(x))
        return self.proj(to_map(mixed, x.shape[2]))


class ReshapedInAndOut(ReshapedIn):
    """The tokens are made by reshape or view, and made a map again the same way. Then a token is
    no pixel, but C neighbouring pixels of one channel. Channels must move to the end and back:
    to_tokens and to_map."""

    def forward(self, x):
        return self.proj((self.weights(x) @ reshaped_tokens(self.v(x))).reshape(x.shape))


class ReshapedWeights(ReshapedIn):
    """In weights, the tokens are made by reshape or view: the shape (B, H*W, C) is right, the
    numbers are not. Use to_tokens there too."""

    def forward(self, x):
        return SingleHeadAttention.forward(self, x)


class ReshapedOut(SingleHeadAttention):
    """The way back is a reshape or view of (B, H*W, C) to (B, C, H, W). The shape is right, but
    the numbers stay in the old order. Channels must move first: to_map(mixed, x.shape[2])."""

    def forward(self, x):
        return self.proj((self.weights(x) @ to_tokens(self.v(x))).reshape(x.shape))


class WidthAsHeight(SingleHeadAttention):
    """The map comes back with height and width exchanged. to_map wants the height: x.shape[2]."""

    def forward(self, x):
        mixed = self.weights(x) @ to_tokens(self.v(x))
        return self.proj(to_map(mixed, x.shape[3]))


class ColumnsFirst(SingleHeadAttention):
    """The tokens are listed column by column. Row by row is asked for: to_tokens does that."""

    def weights(self, x):
        return super().weights(x.mT)


class ProjectionNotUsed(SingleHeadAttention):
    """One of the four convolutions is made and not used: either proj, at the end, or v, and x
    itself is mixed. Mix self.v(x), and send the mixture through proj."""

    def forward(self, x):
        return to_map(self.weights(x) @ to_tokens(self.v(x)), x.shape[2])


class NoProjection(ProjectionNotUsed):
    """One of the four convolutions is missing: what is mixed is self.v(x), and the mixture goes
    through proj."""

    def __init__(self, ch):
        super().__init__(ch)
        del self.proj


class AddsItsInput(SingleHeadAttention):
    """x is added inside. Here it is not: the block around the attention, AttentionBlock, adds it,
    and it would be added twice."""

    def forward(self, x):
        return x + super().forward(x)


class Normalised(SingleHeadAttention):
    """There is a norm inside. It is not asked for: the block around the attention,
    AttentionBlock, normalises."""

    def __init__(self, ch):
        super().__init__(ch)
        self.norm = nn.GroupNorm(1, ch)

    def weights(self, x):
        return super().weights(x)

    def forward(self, x):
        x = self.norm(x)
        return super().forward(x)


class SharesOfQueries(SingleHeadAttention):
    """The softmax runs over the queries: in weights, the columns add up to 1. The rows must:
    attention_weights(queries, keys) does it right."""

    def weights(self, x):
        q, k = to_tokens(self.q(x)), to_tokens(self.k(x))
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=1)


class NotScaled(SingleHeadAttention):
    """The scores are not divided by sqrt(C). attention_weights does that."""

    def weights(self, x):
        return (to_tokens(self.q(x)) @ to_tokens(self.k(x)).mT).softmax(dim=-1)


class ScaledByChannels(SingleHeadAttention):
    """The scores are divided by C. Divide by its root, as attention_weights does."""

    def weights(self, x):
        return (to_tokens(self.q(x)) @ to_tokens(self.k(x)).mT / x.shape[1]).softmax(dim=-1)


class WeightsTransposed(SingleHeadAttention):
    """weights is right, but it is used the wrong way round: row i belongs to the query of token
    i, so the mixture is weights @ values, not the transpose."""

    def forward(self, x):
        mixed = self.weights(x).mT @ to_tokens(self.v(x))
        return self.proj(to_map(mixed, x.shape[2]))


class WithoutBiases(SingleHeadAttention):
    """The convolutions have no biases. Leave bias at its default, True."""

    def __init__(self, ch):
        nn.Module.__init__(self)
        self.q, self.k, self.v, self.proj = (nn.Conv2d(ch, ch, 1, bias=False) for _ in range(4))


class OneBias(WithoutBiases):
    """The convolutions for queries, keys and values have no biases. Leave bias at its default,
    True."""

    def __init__(self, ch):
        super().__init__(ch)
        self.proj = nn.Conv2d(ch, ch, 1)


class KeysAsQueries(SingleHeadAttention):
    """Queries and keys have changed places: in your weights, the layer k makes the queries and the
    layer q the keys. Row i belongs to the query of token i: attention_weights takes queries first,
    then keys."""

    def weights(self, x):
        return attention_weights(to_tokens(self.k(x)), to_tokens(self.q(x)))


class SharedLayer(SingleHeadAttention):
    """Queries and keys come from the same layer. Then i looks at j as j looks at i. Give each a
    layer of its own: there are four."""

    def __init__(self, ch):
        super().__init__(ch)
        self.k = self.q


class ChannelsMeet(SingleHeadAttention):
    """Here the channels look at each other, C x C of them. The pixels must: with tokens of shape
    (B, H*W, C) the weights are (B, H*W, H*W)."""

    def weights(self, x):
        return attention_weights(self.q(x).flatten(2), self.k(x).flatten(2))

    def forward(self, x):
        return self.proj((self.weights(x) @ self.v(x).flatten(2)).view_as(x))


class MapsForTokens(SingleHeadAttention):
    """attention_weights takes tokens, (B, H*W, C), and gets maps. Use to_tokens first."""

    def weights(self, x):
        return attention_weights(self.q(x), self.k(x))


class InputCompared(SingleHeadAttention):
    """What is compared is x with itself. Compare queries with keys, self.q(x) with self.k(x)."""

    def weights(self, x):
        return attention_weights(to_tokens(x), to_tokens(x))


class ReturnsTokens(SingleHeadAttention):
    """forward returns a list of tokens. Make it a map again, then project it: to_map."""

    def forward(self, x):
        return to_tokens(super().forward(x))


class ReturnsWeightsToo(SingleHeadAttention):
    """forward returns more than the map. Who wants the weights calls weights(x)."""

    def forward(self, x):
        return super().forward(x), self.weights(x)


class WideKernels(SingleHeadAttention):
    """The convolutions have kernels of 3x3. Asked for are 1x1: each pixel by itself. The looking
    around is done by the weights."""

    def __init__(self, ch):
        nn.Module.__init__(self)
        self.q, self.k, self.v = (nn.Conv2d(ch, ch, 3, padding=1) for _ in range(3))
        self.proj = nn.Conv2d(ch, ch, 1)


class AllWideKernels(SingleHeadAttention):
    """The convolutions have kernels of 3x3. Asked for are 1x1: each pixel by itself. The looking
    around is done by the weights."""

    def __init__(self, ch):
        nn.Module.__init__(self)
        self.q, self.k, self.v, self.proj = (nn.Conv2d(ch, ch, 3, padding=1) for _ in range(4))


class OneLayerCut(nn.Module):
    """One convolution makes queries, keys and values together. That network is as good, and 8.3
    does it. Here four layers are asked for: q, k, v and proj, from C to C channels each."""

    def __init__(self, ch):
        super().__init__()
        self.qkv = nn.Conv2d(ch, 3 * ch, 1)
        self.proj = nn.Conv2d(ch, ch, 1)

    def weights(self, x):
        q, k, _ = self.qkv(x).chunk(3, dim=1)
        return attention_weights(to_tokens(q), to_tokens(k))

    def forward(self, x):
        values = to_tokens(self.qkv(x).chunk(3, dim=1)[2])
        return self.proj(to_map(self.weights(x) @ values, x.shape[2]))


class KeysReshaped(SingleHeadAttention):
    """In weights, one of queries and keys is made into tokens by reshape or view: the shape
    (B, H*W, C) is right, the numbers are not. Use to_tokens for both."""

    def weights(self, x):
        return attention_weights(to_tokens(self.q(x)), reshaped_tokens(self.k(x)))


class QueriesReshaped(SingleHeadAttention):
    """In weights, one of queries and keys is made into tokens by reshape or view: the shape
    (B, H*W, C) is right, the numbers are not. Use to_tokens for both."""

    def weights(self, x):
        return attention_weights(reshaped_tokens(self.q(x)), to_tokens(self.k(x)))


class ValuesReshaped(SingleHeadAttention):
    """The values are made into tokens by reshape or view: the shape (B, H*W, C) is right, the
    numbers are not. Use to_tokens(self.v(x))."""

    def forward(self, x):
        return self.proj(to_map(self.weights(x) @ reshaped_tokens(self.v(x)), x.shape[2]))


class ValuesReshapedBoth(SingleHeadAttention):
    """The values are made into tokens by reshape or view, and the mixture is made a map again the
    same way. In weights a token is a pixel, and here it is C neighbouring pixels of one channel.
    Channels must move to the end and back: to_tokens(self.v(x)), and to_map at the end."""

    def forward(self, x):
        return self.proj((self.weights(x) @ reshaped_tokens(self.v(x))).reshape(x.shape))


class ColumnsAlways(ColumnsFirst):
    """The tokens are listed column by column, and made a map again so. The map comes out right,
    but the weights are for other pixels. Row by row is asked for: to_tokens does that."""

    def forward(self, x):
        mixed = self.weights(x) @ to_tokens(self.v(x).mT)
        return self.proj(to_map(mixed, x.shape[3]).mT)


class SharesBare(SingleHeadAttention):
    """The weights have no softmax: they may be negative, and their rows do not add up to 1.
    attention_weights does that."""

    def weights(self, x):
        return to_tokens(self.q(x)) @ to_tokens(self.k(x)).mT / x.shape[1] ** 0.5


class ProductsAlone(SingleHeadAttention):
    """The weights have no softmax and no division by sqrt(C). attention_weights does both."""

    def weights(self, x):
        return to_tokens(self.q(x)) @ to_tokens(self.k(x)).mT


class TokensConvolved(SingleHeadAttention):
    """In weights, a convolution is applied to tokens. A convolution takes maps: convolve first,
    then to_tokens, as in to_tokens(self.q(x))."""

    def weights(self, x):
        return attention_weights(self.q(to_tokens(x)), self.k(to_tokens(x)))


class MixtureConvolved(SingleHeadAttention):
    """In forward, a convolution is applied to tokens. A convolution takes maps. For the values,
    convolve first: to_tokens(self.v(x)). For proj, make a map first: self.proj(to_map(...))."""

    def forward(self, x):
        return to_map(self.proj(self.weights(x) @ to_tokens(self.v(x))), x.shape[2])


class SingleByLinear(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.to_query, self.to_key = nn.Linear(ch, ch), nn.Linear(ch, ch)
        self.to_value, self.out = nn.Linear(ch, ch), nn.Linear(ch, ch)

    def weights(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        q, k = self.to_query(tokens), self.to_key(tokens)
        return torch.softmax(torch.bmm(q, k.permute(0, 2, 1)) / q.shape[2] ** 0.5, dim=2)

    def forward(self, x):
        tokens = x.flatten(2).permute(0, 2, 1)
        out = self.out(torch.bmm(self.weights(x), self.to_value(tokens)))
        return out.transpose(1, 2).reshape(x.shape)


class SingleByEinsum(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Conv2d(ch, ch, 1) for name in "qkvo"})

    def weights(self, x):
        q, k = self.layers["q"](x), self.layers["k"](x)
        scores = torch.einsum("bcij,bckl->bijkl", q, k) / x.shape[1] ** 0.5
        return scores.flatten(3).flatten(1, 2).softmax(-1)

    def forward(self, x):
        values = self.layers["v"](x).flatten(2)  # (B, C, N)
        mixed = einsum(self.weights(x), values, "b i j, b c j -> b c i")
        return self.layers["o"](mixed.unflatten(2, x.shape[2:]))


class SingleByTorch(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v = (nn.Conv1d(ch, ch, 1) for _ in range(3))
        self.proj = nn.Conv1d(ch, ch, 1)

    def weights(self, x):
        x = x.flatten(2)
        return attention_weights(self.q(x).mT, self.k(x).mT)

    def forward(self, x):
        t = x.flatten(2)
        q, k, v = (layer(t).mT for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.mT).view(x.shape)


class SingleProjectedFirst(SingleHeadAttention):
    """The rows of the weights add up to 1, so projecting first makes no difference."""

    def forward(self, x):
        return to_map(self.weights(x) @ to_tokens(self.proj(self.v(x))), x.shape[2])


# 8.3 TokenAttention


def note_arguments(probe, cls, *args, **named):
    """Write down whether a class takes these arguments, of which one is named."""
    problem = ""
    try:
        inspect.signature(cls).bind(*args, **named)
    except TypeError as error:
        problem = str(error)
    given = ", ".join([*map(str, args), *(f"{key}={value}" for key, value in named.items())])
    probe.note(
        f"arguments {given}", problem,
        f"Your class does not take the arguments ({given}): {problem}.",
        "It is __init__(self, ch, heads=4, qkv_bias=False), with these names in this order.",
    )  # fmt: skip
    if problem:
        raise Stop


def tokens_experiment(probe, TokenAttention):
    note_arguments(probe, TokenAttention, 12, heads=3)
    note_arguments(probe, TokenAttention, 12, 3, qkv_bias=True)
    for B, N, args in [  # all C are multiples of 4, so that four heads are possible everywhere
        (2, 7, (12, 3)),
        (3, 5, (16, 2, True)),
        (2, 16, (12,)),
        (5, 4, (4, 1, False)),
    ]:
        module = probe.build(TokenAttention, *args)
        with hinted(probe, *ON_TOKENS, *HINTS):
            probe.train_and_eval(module, probe.normal(B, N, args[0]))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, N, args[0]))


class InSteps(TokenAttention):
    """TokenAttention in three steps, each of which a wrong answer can do in its own way."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.heads)

    def mix(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)

    def merge(self, mixed):
        return rearrange(mixed, "b h n d -> b n (h d)")

    def forward(self, x):
        return self.proj(self.merge(self.mix(*self.split(x))))


class HeadsNotMoved(InSteps):
    """q, k and v are viewed as (B, heads, N, d) at once. The shape is right, but view reads the
    numbers in the old order, and a head gets whole tokens in place of a part of each. First split
    the last axis, (B, N, heads, d), then move the heads: transpose(1, 2)."""

    def split(self, x):
        B, N, C = x.shape
        return [
            part.reshape(B, self.heads, N, C // self.heads) for part in self.qkv(x).chunk(3, dim=-1)
        ]


class HeadsNotMovedAtAll(HeadsNotMoved):
    """q, k and v are viewed as (B, heads, N, d) at once, and what was mixed is viewed as
    (B, N, C) at once. A head gets whole tokens in place of a part of each. First split the last
    axis, (B, N, heads, d), then transpose(1, 2); and the other way round at the end."""

    def merge(self, mixed):
        B, h, N, d = mixed.shape
        return mixed.reshape(B, N, h * d)


class MergedWithoutMoving(HeadsNotMovedAtAll):
    """At the end, (B, heads, N, d) is reshaped to (B, N, C) at once. The shape is right, but
    numbers of different tokens are mixed up. Move the heads back first: transpose(1, 2), then
    flatten(2)."""

    def split(self, x):
        return InSteps.split(self, x)


class MergedTurned(InSteps):
    """At the end, the numbers of the heads are laid beside each other in turn, one of each head.
    The heads come one after the other: "b h n d -> b n (h d)"."""

    def merge(self, mixed):
        return rearrange(mixed, "b h n d -> b n (d h)")


class PartsBeforeTokens(InSteps):
    """(B, N, 3C) is reshaped to (B, 3, N, ...) at once. The three parts lie on the last axis, and
    reshape does not move them: it cuts the tokens in three. Write
    reshape(B, N, 3, heads, d), then permute(2, 0, 3, 1, 4)."""

    def split(self, x):
        B, N, C = x.shape
        return self.qkv(x).reshape(B, 3, N, self.heads, C // self.heads).permute(1, 0, 3, 2, 4)


class HeadsInTurn(InSteps):
    """The channels go to the heads in turn, one each. Head 0 must have the first d of them, head
    1 the next d, and so on: "(h d)", not "(d h)"."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (qkv d h) -> qkv b h n d", qkv=3, h=self.heads)


class HeadsAlwaysInTurn(HeadsInTurn):
    """The channels go to the heads in turn, one each, and come back so. That network is as good,
    but here head 0 has the first d channels, head 1 the next d: "(h d)", not "(d h)"."""

    def merge(self, mixed):
        return rearrange(mixed, "b h n d -> b n (d h)")


class QkvWithinHeads(InSteps):
    """The channels of self.qkv(x) are split into heads first, and each of these into q, k and v.
    Some networks do that. Here the first C channels are all queries: "(qkv h d)"."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (h qkv d) -> qkv b h n d", qkv=3, h=self.heads)


class QkvInTurn(InSteps):
    """q, k and v are taken in turn, each the third channel. The first C channels of self.qkv(x)
    are the queries, the next C the keys, the last C the values: "(qkv h d)"."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (h d qkv) -> qkv b h n d", qkv=3, h=self.heads)


class AxesOfHeadTurned(InSteps):
    """d and N are exchanged: q, k and v are (B, heads, d, N), so channels look at channels. They
    must be (B, heads, N, d)."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h d n", qkv=3, h=self.heads)

    def merge(self, mixed):
        return rearrange(mixed, "b h d n -> b n (h d)")


class HeadsTakenForChannels(InSteps):
    """There are d heads with `heads` numbers each, the wrong way round: in "(qkv h d)", it is h
    that is self.heads."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, d=self.heads)


class KeysFirst(InSteps):
    """Queries and keys are swapped: the first C channels of self.qkv(x) are the queries, the next
    C the keys."""

    def split(self, x):
        q, k, v = super().split(x)
        return k, q, v


class ValuesFirst(InSteps):
    """q, k and v are not taken in this order: the first C channels of self.qkv(x) are the
    queries, the next C the keys, the last C the values."""

    def split(self, x):
        q, k, v = super().split(x)
        return v, k, q


class HeadsMeet(InSteps):
    """The heads are on the axis where the tokens should be: at each token its heads look at each
    other, and no token sees another. q, k and v must be (B, heads, N, d): transpose(1, 2)."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (qkv h d) -> qkv b n h d", qkv=3, h=self.heads)

    def merge(self, mixed):
        return mixed.flatten(2)


class OneHead(InSteps):
    """heads makes no difference: all C channels are one head."""

    def split(self, x):
        return rearrange(self.qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=1)


class FourHeads(TokenAttention):
    """The number of heads is always 4. Take the argument: heads."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, 4, qkv_bias)


class TokensNotScaled(InSteps):
    """The scores are not divided by the root of d, the channels of one head."""

    def mix(self, q, k, v):
        return (q @ k.mT).softmax(dim=-1) @ v


class TokensScaledByAll(InSteps):
    """The scores are divided by the root of C. Each head has d = C / heads numbers of a token,
    and it is d that counts."""

    def mix(self, q, k, v):
        C = self.heads * q.shape[-1]
        return (q @ k.mT / C**0.5).softmax(dim=-1) @ v


class TokensOverQueries(InSteps):
    """The softmax runs over the queries. It has to run over the keys, the last axis: dim=-1."""

    def mix(self, q, k, v):
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-2) @ v


class TokensOverHeads(InSteps):
    """The softmax runs over axis 1, the heads. It has to run over the keys, the last axis:
    dim=-1."""

    def mix(self, q, k, v):
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=1) @ v


class TokensCausal(InSteps):
    """Each token sees only those before it. That is for texts; in a picture every pixel may see
    every other. Leave is_causal out."""

    def mix(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class TokensNotProjected(InSteps):
    """The last layer, proj, is made and not used. It is the only place where the heads' results
    meet."""

    def forward(self, x):
        return self.merge(self.mix(*self.split(x)))


class TokensWithoutProjection(TokensNotProjected):
    """The last layer, proj, is missing. It is the only place where the heads' results meet."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, heads, qkv_bias)
        del self.proj


class TokensAdded(TokenAttention):
    """x is added inside. Here it is not: the block around the attention, AttentionBlock, adds
    it."""

    def forward(self, x):
        return x + super().forward(x)


class BiasAlways(TokenAttention):
    """The layer qkv has a bias, whatever qkv_bias says: bias=qkv_bias."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, heads, True)


class BiasNever(TokenAttention):
    """The layer qkv has no bias, whatever qkv_bias says: bias=qkv_bias."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, heads, False)


class NoBiasAnywhere(TokenAttention):
    """qkv_bias is for the layer qkv alone. proj always has a bias."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, heads, qkv_bias)
        self.proj = nn.Linear(ch, ch, bias=qkv_bias)


class ThreeLayers(nn.Module):
    """There are three layers for q, k and v. That network is as good, but here one layer makes
    all three: nn.Linear(ch, 3 * ch)."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(ch, ch, bias=qkv_bias) for _ in range(3))
        self.proj = nn.Linear(ch, ch)

    def forward(self, x):
        q, k, v = (layer(x).unflatten(2, (self.heads, -1)) for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(*(a.transpose(1, 2) for a in (q, k, v)))
        return self.proj(mixed.transpose(1, 2).flatten(2))


class TokensScaledByD(InSteps):
    """The scores are divided by d, or by its root twice. Divide once by the root of d, the
    channels of one head. F.scaled_dot_product_attention does that by itself."""

    def mix(self, q, k, v):
        return (q @ k.mT / q.shape[-1]).softmax(dim=-1) @ v


class TokensScaledByHeads(InSteps):
    """The scores are divided by the root of heads. It is d = C / heads that counts, the channels
    of one head: q.shape[-1]."""

    def mix(self, q, k, v):
        return (q @ k.mT / self.heads**0.5).softmax(dim=-1) @ v


class TokensScaledByTokens(InSteps):
    """The scores are divided by the root of N, the number of tokens. It is d that counts, the
    channels of one head: q.shape[-1]."""

    def mix(self, q, k, v):
        return (q @ k.mT / q.shape[-2] ** 0.5).softmax(dim=-1) @ v


class TokensTurned(InSteps):
    """The weights are used the wrong way round: row i belongs to the query of token i, so the
    mixture is weights @ values, not the transpose."""

    def mix(self, q, k, v):
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1).mT @ v


class ValuesSecond(InSteps):
    """Keys and values are swapped: the first C channels of self.qkv(x) are the queries, the next
    C the keys, the last C the values."""

    def split(self, x):
        q, k, v = super().split(x)
        return q, v, k


class ProjBare(TokenAttention):
    """The last layer, proj, has no bias. Leave it at its default there: qkv_bias is for the layer
    qkv alone."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, heads, qkv_bias)
        self.proj = nn.Linear(ch, ch, bias=False)


class BiasByDefault(TokenAttention):
    """qkv_bias is True if nobody says anything. Its default is False:
    __init__(self, ch, heads=4, qkv_bias=False)."""

    def __init__(self, ch, heads=4, qkv_bias=True):
        super().__init__(ch, heads, qkv_bias)


class BiasTurned(TokenAttention):
    """The layer qkv has a bias where qkv_bias is False, and none where it is True. Hand it on as
    it is: bias=qkv_bias."""

    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__(ch, heads, not qkv_bias)


class BiasWithoutDefault(TokenAttention):
    """Your __init__ wants qkv_bias each time. Give it its default, False:
    __init__(self, ch, heads=4, qkv_bias=False)."""

    def __init__(self, ch, heads, qkv_bias):
        super().__init__(ch, heads, qkv_bias)


class BiasNotTaken(TokenAttention):
    """Your __init__ takes no third argument of the name qkv_bias. It says whether the layer qkv
    has biases: __init__(self, ch, heads=4, qkv_bias=False)."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)


class TokensByView(nn.Module):
    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        self.out = nn.Linear(ch, ch)
        self.inp = nn.Linear(ch, ch * 3, qkv_bias)
        self.d, self.n_heads = ch // heads, heads

    def forward(self, x):
        B, N, C = x.shape
        qkv = self.inp(x).view(B, N, 3, self.n_heads, self.d).permute(2, 0, 3, 1, 4)
        shares = ((qkv[0] * self.d**-0.5) @ qkv[1].transpose(-1, -2)).softmax(-1)
        return self.out((shares @ qkv[2]).transpose(1, 2).reshape(B, N, C))


class TokensByLoop(nn.Module):
    def __init__(self, ch, heads=4, qkv_bias=False):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv1d(ch, 3 * ch, 1, bias=qkv_bias)
        self.proj = nn.Conv1d(ch, ch, 1)

    def forward(self, x):
        q, k, v = self.qkv(x.transpose(1, 2)).transpose(1, 2).chunk(3, dim=2)
        parts = zip(*(a.chunk(self.heads, dim=2) for a in (q, k, v)))
        mixed = torch.cat([attention_weights(a, b) @ c for a, b, c in parts], dim=2)
        return self.proj(mixed.mT).mT


class TokensByEinsum(TokenAttention):
    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)  # (B, N, heads, d)
        scores = torch.einsum("bihd,bjhd->bhij", q, k).div(q.shape[-1] ** 0.5)
        return self.proj(torch.einsum("bhij,bjhd->bihd", scores.softmax(3), v).flatten(2))


class TokensInTheBatch(TokenAttention):
    """The heads stand beside the pictures of the batch."""

    def forward(self, x):
        q, k, v = rearrange(self.qkv(x), "b n (qkv h d) -> qkv (b h) n d", qkv=3, h=self.heads)
        mixed = torch.bmm(attention_weights(q, k), v)
        return self.proj(rearrange(mixed, "(b h) n d -> b n (h d)", h=self.heads))


# 8.4 TorchAttention


def torch_experiment(probe, TorchAttention):
    for B, H, W, args in [(2, 4, 5, (12, 3)), (3, 2, 7, (16, 2)), (5, 3, 2, (12,))]:
        module = probe.build(TorchAttention, *args)
        note_layers_beside(probe, module)
        x = probe.normal(B, args[0], H, W)
        with hinted(probe, *HINTS):
            probe.train_and_eval(module, x)
        probe.note("pictures that look at each other", who_meets(module, x))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, args[0], H, W))


def note_layers_beside(probe, module):
    """Write down which kind of layer stands beside PyTorch's; nothing if PyTorch's is not used."""
    whole = [m for m in module.modules() if isinstance(m, nn.MultiheadAttention)]
    inside = {part for m in whole for part in m.modules()}
    beside = {
        key: m
        for key, m in module.named_modules()
        if whole and m not in inside and [*m.parameters(recurse=False)]
    }
    norms = [key for key, m in beside.items() if "Norm" in type(m).__name__]
    kind = "norms" if norms else "layers" if beside else ""
    probe.note(
        "layers beside nn.MultiheadAttention", kind,
        f"There are layers beside nn.MultiheadAttention: {', '.join(beside)}.",
        "It has its own layers for queries, keys and values, and proj too. Leave yours out.",
    )  # fmt: skip
    if kind:
        raise Stop


def who_meets(module, x):
    """Say whether the pictures of a batch depend on each other, and how tokens are taken then."""
    with torch.no_grad():
        try:
            alone, together = module(x[:1])[0], module(x)[0]
        except Exception:  # seen already, when the module was called
            return ""
    if not isinstance(alone, torch.Tensor) or difference(together, alone) is None:
        return ""
    first = [m.batch_first for m in module.modules() if isinstance(m, nn.MultiheadAttention)]
    return "with batch_first" if any(first) else "without batch_first"


class BatchFirstForgotten(TorchAttention):
    """Each pixel looks at the same pixel of the other pictures of the batch, and at nothing in its
    own. nn.MultiheadAttention(ch, heads, batch_first=True) takes tokens of shape (B, N, C);
    without batch_first it takes (N, B, C)."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.attention = nn.MultiheadAttention(ch, heads)


class MapsHandedOver(TorchAttention):
    """The map goes in as it is. nn.MultiheadAttention takes tokens, (B, N, C): to_tokens(x)."""

    def forward(self, x):
        mixed, _ = self.attention(x, x, x)
        return mixed


class OneArgument(TorchAttention):
    """nn.MultiheadAttention wants queries, keys and values: here the same tokens three times."""

    def forward(self, x):
        mixed, _ = self.attention(to_tokens(x))
        return to_map(mixed, x.shape[2])


class FlattenedOnly(TorchAttention):
    """flatten(2) makes (B, C, N). The tokens must be (B, N, C): to_tokens(x), or one more
    transpose(1, 2)."""

    def forward(self, x):
        tokens = x.flatten(2)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return mixed.view_as(x)


class TorchReshapedIn(TorchAttention):
    """The tokens are made by reshape or view: the shape (B, N, C) is right, the numbers are not.
    Channels must move to the end: to_tokens(x)."""

    def forward(self, x):
        tokens = reshaped_tokens(x)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return to_map(mixed, x.shape[2])


class TorchReshapedOut(TorchAttention):
    """The way back is a reshape or view. The shape (B, C, H, W) is right, but the numbers stay in
    the old order: to_map(mixed, x.shape[2])."""

    def forward(self, x):
        tokens = to_tokens(x)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return mixed.reshape(x.shape)


class TorchReshapedBoth(TorchAttention):
    """The tokens are made by reshape or view, and made a map again the same way. Then a token is
    no pixel, but C neighbouring pixels of one channel: to_tokens and to_map."""

    def forward(self, x):
        tokens = reshaped_tokens(x)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return mixed.reshape(x.shape)


class TorchWidthAsHeight(TorchAttention):
    """The map comes back with height and width exchanged. to_map wants the height: x.shape[2]."""

    def forward(self, x):
        tokens = to_tokens(x)
        return to_map(self.attention(tokens, tokens, tokens)[0], x.shape[3])


class PairReturned(TorchAttention):
    """forward returns a pair. nn.MultiheadAttention returns the mixed tokens and the weights:
    take the first, and make it a map."""

    def forward(self, x):
        tokens = to_tokens(x)
        return self.attention(tokens, tokens, tokens)


class PairToMap(TorchAttention):
    """nn.MultiheadAttention returns a pair, the mixed tokens and the weights. Take the first:
    mixed, _ = self.attention(...)."""

    def forward(self, x):
        tokens = to_tokens(x)
        mixed = self.attention(tokens, tokens, tokens)
        return to_map(mixed, x.shape[2])


class WeightsTaken(TorchAttention):
    """Of the pair, you take the weights. The mixed tokens come first."""

    def forward(self, x):
        tokens = to_tokens(x)
        return self.attention(tokens, tokens, tokens)[1]


class MixedTokensReturned(TorchAttention):
    """forward returns tokens, (B, N, C). Make them a map again: to_map(mixed, x.shape[2])."""

    def forward(self, x):
        tokens = to_tokens(x)
        return self.attention(tokens, tokens, tokens)[0]


class TorchOneHead(TorchAttention):
    """heads makes no difference: nn.MultiheadAttention(ch, heads, ...)."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, 1)


class TorchFourHeads(TorchAttention):
    """The number of heads is always 4. Take the argument: heads."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, 4)


class TorchAdded(TorchAttention):
    """x is added inside. Here it is not: the block around the attention, AttentionBlock, adds
    it."""

    def forward(self, x):
        return x + super().forward(x)


class TorchNormalised(TorchAttention):
    """There is a norm inside. It is not asked for: the block around the attention,
    AttentionBlock, normalises."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.norm = nn.GroupNorm(1, ch)

    def forward(self, x):
        return super().forward(self.norm(x))


class TorchWithoutBias(TorchAttention):
    """The layers inside have no biases. Leave bias at its default, True."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.attention = nn.MultiheadAttention(ch, heads, bias=False, batch_first=True)


class TorchDropout(TorchAttention):
    """Your attention drops weights at random while it trains. Leave dropout out: it is not asked
    for."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.attention = nn.MultiheadAttention(ch, heads, dropout=0.1, batch_first=True)


class BothWays(TorchAttention):
    """Each pixel looks at the same pixel of the other pictures of the batch, and at nothing in its
    own. You did both: batch_first=True, and tokens handed over as (N, B, C). Do one of the two:
    give it (B, N, C), or leave batch_first out."""

    def forward(self, x):
        tokens = to_tokens(x).transpose(0, 1)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return to_map(mixed.transpose(0, 1), x.shape[2])


class ArgumentsExchanged(TorchAttention):
    """The first number cannot be dealt out to the heads. It is the channels, and the second one is
    the heads; neither is written out: nn.MultiheadAttention(ch, heads, batch_first=True)."""

    def __init__(self, ch, heads=4):
        nn.Module.__init__(self)
        self.attention = nn.MultiheadAttention(heads, ch, batch_first=True)


class HeadsOfHeads(TorchAttention):
    """There are d heads with `heads` channels each, the wrong way round. The second argument of
    nn.MultiheadAttention is the number of heads; it works out d = C / heads by itself."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, ch // heads)


class LayersBeside(TorchAttention):
    """There are layers of your own beside nn.MultiheadAttention. It has its own: one for queries,
    keys and values, and proj. Hand over the tokens as they are, and leave yours out."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.proj = nn.Linear(ch, ch)

    def forward(self, x):
        tokens = to_tokens(x)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return to_map(self.proj(mixed), x.shape[2])


class TorchTokensFirst(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.layer = nn.MultiheadAttention(embed_dim=ch, num_heads=heads)

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.permute(2, 3, 0, 1).reshape(H * W, B, C)
        return self.layer(tokens, tokens, tokens)[0].permute(1, 2, 0).view(B, C, H, W)


class TorchByOwnHeads(nn.Module):
    """PyTorch's layer is TokenAttention with a bias."""

    def __init__(self, ch, heads=4):
        super().__init__()
        self.tokens = TokenAttention(ch, heads, qkv_bias=True)

    def forward(self, x):
        return to_map(self.tokens(to_tokens(x)), x.shape[2])


class TorchInherited(nn.MultiheadAttention):
    def __init__(self, ch, heads=4):
        super().__init__(ch, heads, batch_first=True)

    def forward(self, x):
        t = x.flatten(-2).mT
        return super().forward(t, t, t)[0].mT.unflatten(-1, x.shape[-2:])


# 8.5 LinearAttention


def linear_experiment(probe, LinearAttention):
    for B, H, W, args in [
        (2, 4, 5, (12, 3)),
        (3, 2, 7, (16, 2)),
        (5, 4, 4, (12,)),
        (3, 1, 5, (4, 1)),
    ]:
        module = probe.build(LinearAttention, *args)
        with hinted(probe, *ON_MAPS, *HINTS):
            probe.train_and_eval(module, probe.normal(B, args[0], H, W))
        note_parameters(probe, module)
    note_cost(probe, LinearAttention)
    probe.on_fake_device(module, probe.normal(B, args[0], H, W))


class Largest(TorchDispatchMode):
    """Within it, the size of the largest tensor that anything makes is kept."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.numbers = max([self.numbers, *(x.numel() for x in tensors(result))])
        return result


def note_cost(probe, made_by, side=24):
    """Write down whether a right result was reached by way of an N x N matrix.

    A wrong result is told from its values, whatever the way to it.
    """
    x, N = probe.normal(1, 4, side, side), side * side
    module, ours = probe.build(made_by, 4, 2).eval(), fill_in(LinearAttention(4, 2))
    with Largest() as largest, torch.no_grad():
        came = probe.run(f"{made_by.__name__} with {N} pixels", module, x)
    is_square = largest.numbers >= N * N and difference(ours(x), came) is None
    probe.note(
        "an N x N matrix", is_square,
        f"The numbers are right, but on a map of {N} pixels your code makes a tensor of "
        f"{largest.numbers:,} numbers; {N} x {N} is {N * N:,}.",
        "Sum keys and values up first: k @ v.transpose(-1, -2) is d x d.",
    )  # fmt: skip


def fill_in(module):
    fill(module)
    return module


class LinearInSteps(LinearAttention):
    """LinearAttention in four steps, each of which a wrong answer can do in its own way."""

    def split(self, x):
        return rearrange(self.qkv(x), "b (qkv h d) y x -> qkv b h d (y x)", qkv=3, h=self.heads)

    def shares(self, q, k):
        return q.softmax(dim=-2), k.softmax(dim=-1)

    def mix(self, q, k, v):
        return (k @ v.mT).mT @ q

    def merge(self, mixed, x):
        return mixed.reshape(x.shape)

    def forward(self, x):
        q, k, v = self.split(x)
        return self.proj(self.merge(self.mix(*self.shares(q, k), v), x))


class NoShares(LinearInSteps):
    """There is no softmax. Take that of the keys over the pixels, and that of the queries over
    their d channels."""

    def shares(self, q, k):
        return q, k


class QueriesBare(LinearInSteps):
    """The queries have no softmax. Take it over their d channels, the axis before the last."""

    def shares(self, q, k):
        return q, k.softmax(dim=-1)


class KeysBare(LinearInSteps):
    """The keys have no softmax. Take it over the pixels, the last axis."""

    def shares(self, q, k):
        return q.softmax(dim=-2), k


class SharesSwapped(LinearInSteps):
    """The two softmaxes have changed places: that of the keys runs over the pixels, dim=-1, and
    that of the queries over their d channels, dim=-2."""

    def shares(self, q, k):
        return q.softmax(dim=-1), k.softmax(dim=-2)


class BothOverPixels(LinearInSteps):
    """Both softmaxes run over the pixels. That of the queries runs over their d channels:
    dim=-2."""

    def shares(self, q, k):
        return q.softmax(dim=-1), k.softmax(dim=-1)


class BothOverChannels(LinearInSteps):
    """Both softmaxes run over the channels. That of the keys runs over the pixels: dim=-1."""

    def shares(self, q, k):
        return q.softmax(dim=-2), k.softmax(dim=-2)


class OverHeads(LinearInSteps):
    """The softmax of the queries runs over axis 1, the heads. The channels are axis -2."""

    def shares(self, q, k):
        return q.softmax(dim=1), k.softmax(dim=-1)


class ValuesShared(LinearInSteps):
    """There is a softmax of the values. Only queries and keys have one."""

    def mix(self, q, k, v):
        return super().mix(q, k, v.softmax(dim=-1))


class SummaryTurned(LinearInSteps):
    """The summary is used the wrong way round. It has a row for each channel of the keys and a
    column for each of the values; queries meet the keys' side, so it is summary.transpose @ q."""

    def mix(self, q, k, v):
        return k @ v.mT @ q


class ValuesNotTransposed(LinearInSteps):
    """The values are not transposed: keys are (.., d, N), so the values must be (.., N, d) for a
    summary of d x d."""

    def mix(self, q, k, v):
        return (k @ v).mT @ q


class SummaryOfQueries(LinearInSteps):
    """The summary is made of queries and values. Keys and values are summed up, and the queries
    read the sum."""

    def mix(self, q, k, v):
        return (q @ v.mT).mT @ k


class SummaryScaled(LinearInSteps):
    """There is a division by the root of d. It is not asked for: both softmaxes give shares
    already."""

    def mix(self, q, k, v):
        return super().mix(q, k, v) / q.shape[-2] ** 0.5


class SummaryAveraged(LinearInSteps):
    """There is a division by the number of pixels. It is not asked for: the softmax of the keys
    gives shares already."""

    def mix(self, q, k, v):
        return super().mix(q, k, v) / q.shape[-1]


class PixelsMeet(LinearInSteps):
    """That is ordinary attention: every pixel meets every other, N x N products. Here keys and
    values are summed up first: k @ v.transpose, of size d x d."""

    def forward(self, x):
        q, k, v = (part.mT for part in self.split(x))
        mixed = F.scaled_dot_product_attention(q, k, v).mT
        return self.proj(self.merge(mixed, x))


class PixelsMeetUnscaled(LinearInSteps):
    """That is ordinary attention: every pixel meets every other, N x N products. Here queries and
    keys have a softmax each, and keys and values are summed up first, of size d x d."""

    def forward(self, x):
        q, k, v = self.split(x)
        return self.proj(self.merge(v @ (k.mT @ q).softmax(dim=-2), x))


class LinearHeadsInTurn(LinearInSteps):
    """The channels go to the heads in turn, one each. Head 0 must have the first d of them, head
    1 the next d: "(qkv h d)"."""

    def split(self, x):
        return rearrange(self.qkv(x), "b (qkv d h) y x -> qkv b h d (y x)", qkv=3, h=self.heads)


class LinearHeadsAlwaysInTurn(LinearHeadsInTurn):
    """The channels go to the heads in turn, one each, and come back so. That network is as good,
    but here head 0 has the first d channels, head 1 the next d: "(h d)", not "(d h)"."""

    def merge(self, mixed, x):
        return rearrange(mixed, "b h d (y x) -> b (d h) y x", y=x.shape[2])


class LinearQkvWithinHeads(LinearInSteps):
    """The channels are split into heads first, and each of these into q, k and v. Here the first
    C channels are all queries: "(qkv h d)"."""

    def split(self, x):
        return rearrange(self.qkv(x), "b (h qkv d) y x -> qkv b h d (y x)", qkv=3, h=self.heads)


class LinearKeysFirst(LinearInSteps):
    """Queries and keys are swapped: the first C channels of self.qkv(x) are the queries, the next
    C the keys."""

    def split(self, x):
        q, k, v = super().split(x)
        return k, q, v


class LinearOneHead(LinearInSteps):
    """heads makes no difference: all C channels are one head."""

    def split(self, x):
        return rearrange(self.qkv(x), "b (qkv h d) y x -> qkv b h d (y x)", qkv=3, h=1)


class MixedReshaped(LinearInSteps):
    """On the way back to a map, tokens (.., N, d) are reshaped at once. The shape is right, but
    the numbers stay in the old order. d has to stand before N: transpose first."""

    def merge(self, mixed, x):
        return mixed.mT.reshape(x.shape)


class LinearMergedTurned(LinearInSteps):
    """At the end, the channels of the heads are laid beside each other in turn. The heads come
    one after the other: "(h d)"."""

    def merge(self, mixed, x):
        return rearrange(mixed, "b h d (y x) -> b (d h) y x", y=x.shape[2])


class LinearNotProjected(LinearInSteps):
    """The last 1x1 convolution, proj, is made and not used."""

    def forward(self, x):
        q, k, v = self.split(x)
        return self.merge(self.mix(*self.shares(q, k), v), x)


class LinearAdded(LinearAttention):
    """x is added inside. Here it is not: the block around the attention, AttentionBlock, adds
    it."""

    def forward(self, x):
        return x + super().forward(x)


class LinearBias(LinearAttention):
    """The layer qkv has a bias. It is not asked for: bias=False."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.qkv = nn.Conv2d(ch, 3 * ch, 1)


class LinearProjBare(LinearAttention):
    """The last convolution has no bias. Leave it at its default there; bias=False is for qkv
    alone."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        self.proj = nn.Conv2d(ch, ch, 1, bias=False)


class LinearTheLongWay(LinearInSteps):
    """The numbers are right, but queries meet keys first, which makes an N x N matrix. Its cost
    grows with N squared, as before. Sum keys and values up first: k @ v.transpose(-1, -2) is
    d x d, and every query reads that."""

    def mix(self, q, k, v):
        return v @ (k.mT @ q)


class LinearFourHeads(LinearAttention):
    """The number of heads is always 4. Take the argument: heads."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, 4)


class LinearHeadsTakenForChannels(LinearInSteps):
    """There are d heads with `heads` channels each, the wrong way round: in "(qkv h d)", it is h
    that is self.heads."""

    def split(self, x):
        return rearrange(self.qkv(x), "b (qkv h d) y x -> qkv b h d (y x)", qkv=3, d=self.heads)


class LinearValuesSecond(LinearInSteps):
    """Keys and values are swapped: the first C channels of self.qkv(x) are the queries, the next
    C the keys, the last C the values."""

    def split(self, x):
        q, k, v = super().split(x)
        return q, v, k


class LinearValuesFirst(LinearInSteps):
    """q, k and v are not taken in this order: the first C channels of self.qkv(x) are the
    queries, the next C the keys, the last C the values."""

    def split(self, x):
        q, k, v = super().split(x)
        return v, k, q


class QueriesOverAll(LinearInSteps):
    """The softmax of the queries runs over all C channels. It has to run over the d channels of
    one head: split into heads first."""

    def shares(self, q, k):
        return q.flatten(1, 2).softmax(dim=1).view_as(q), k.softmax(dim=-1)


class KeysOverHeads(LinearInSteps):
    """The softmax of the keys runs over axis 1, the heads. The pixels are the last axis:
    dim=-1."""

    def shares(self, q, k):
        return q.softmax(dim=-2), k.softmax(dim=1)


class KeysOverAll(LinearInSteps):
    """The softmax of the keys runs over everything in a picture: heads, channels and pixels. It
    has to run over the pixels alone, dim=-1: each channel shares itself out."""

    def shares(self, q, k):
        return q.softmax(dim=-2), k.flatten(1).softmax(dim=1).view_as(k)


class KeysOverHead(LinearInSteps):
    """The softmax of the keys runs over the channels and the pixels of a head together. It has to
    run over the pixels alone, dim=-1: each channel shares itself out."""

    def shares(self, q, k):
        return q.softmax(dim=-2), k.flatten(2).softmax(dim=2).view_as(k)


class KeysOverHeadsAndPixels(LinearInSteps):
    """The softmax of the keys runs over heads and pixels together. It has to run over the pixels
    alone, dim=-1: each channel of each head shares itself out."""

    def shares(self, q, k):
        over = k.transpose(1, 2).flatten(2).softmax(dim=2)  # (B, d, heads * N)
        return q.softmax(dim=-2), over.unflatten(2, (k.shape[1], -1)).transpose(1, 2)


class KeysOverWidth(LinearInSteps):
    """The softmax of the keys runs over the width alone, so that each row of pixels is shared out
    by itself. It has to run over all N pixels: make one axis of y and x first, "(y x)"."""

    def forward(self, x):
        q, k, v = self.split(x)
        k = k.unflatten(-1, x.shape[2:]).softmax(dim=-1).flatten(-2)
        return self.proj(self.merge(self.mix(q.softmax(dim=-2), k, v), x))


class QueriesScaled(LinearInSteps):
    """The queries are divided by the root of d before their softmax. It is not asked for here:
    there are no scores that grow with d."""

    def shares(self, q, k):
        return super().shares(q / q.shape[-2] ** 0.5, k)


class SummaryShared(LinearInSteps):
    """There is a softmax of the summary S. Only queries and keys have one, before they meet."""

    def mix(self, q, k, v):
        return (k @ v.mT).softmax(dim=-1).mT @ q


class SummarySharedTurned(LinearInSteps):
    """There is a softmax of the summary S. Only queries and keys have one, before they meet."""

    def mix(self, q, k, v):
        return (k @ v.mT).softmax(dim=-2).mT @ q


class LinearReshapedIn(LinearInSteps):
    """The tokens are made by reshape or view: the shape (B, N, 3C) is right, the numbers are not.
    Channels must move first: to_tokens(self.qkv(x)), or flatten(2), which keeps them in front."""

    def split(self, x):
        tokens = reshaped_tokens(self.qkv(x))
        return rearrange(tokens, "b n (qkv h d) -> qkv b h d n", qkv=3, h=self.heads)


class LinearReshapedBoth(LinearReshapedIn):
    """The tokens are made by reshape or view, and made a map again the same way. Then a token is
    no pixel. Channels must move to the end and back, or stay in front: flatten(2)."""

    def merge(self, mixed, x):
        return rearrange(mixed, "b h d n -> b n (h d)").reshape(x.shape)


class ThreeConvolutions(LinearInSteps):
    """There are three convolutions for q, k and v. That network is as good, but here one makes
    all three: nn.Conv2d(ch, 3 * ch, 1, bias=False)."""

    def __init__(self, ch, heads=4):
        super().__init__(ch, heads)
        del self.qkv
        self.q, self.k, self.v = (nn.Conv2d(ch, ch, 1, bias=False) for _ in range(3))

    def split(self, x):
        layers = self.q, self.k, self.v
        return [layer(x).flatten(2).unflatten(1, (self.heads, -1)) for layer in layers]


class LinearByTokens(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.h = heads
        self.qkv = nn.Linear(ch, 3 * ch, bias=False)
        self.proj = nn.Linear(ch, ch)

    def forward(self, x):
        B, C, H, W = x.shape
        qkv = self.qkv(to_tokens(x)).view(B, H * W, 3, self.h, C // self.h)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, h, N, d)
        mixed = q.softmax(-1) @ (k.softmax(-2).transpose(2, 3) @ v)
        return to_map(self.proj(mixed.transpose(1, 2).flatten(2)), H)


class LinearByEinsum(nn.Module):
    def __init__(self, ch, heads=4):
        super().__init__()
        self.heads, self.d = heads, ch // heads
        self.first = nn.Conv2d(ch, 3 * ch, kernel_size=1, bias=False)
        self.last = nn.Conv2d(ch, ch, kernel_size=1)

    def forward(self, x):
        q, k, v = self.first(x).flatten(2).chunk(3, dim=1)
        q, k, v = (a.unflatten(1, (self.heads, self.d)) for a in (q, k, v))
        summary = torch.einsum("bhdn,bhen->bhde", F.softmax(k, dim=3), v)
        out = torch.einsum("bhde,bhdn->bhen", summary, F.softmax(q, dim=2))
        return self.last(out.reshape(x.shape))


class LinearByLoop(nn.Module):
    """One head after the other, and the sums taken without a product of matrices."""

    def __init__(self, ch, heads=4):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv2d(ch, 3 * ch, 1, bias=False)
        self.proj = nn.Conv2d(ch, ch, 1)

    def forward(self, x):
        found = []
        q, k, v = self.qkv(x).flatten(2).chunk(3, dim=1)
        for a, b, c in zip(*(part.chunk(self.heads, dim=1) for part in (q, k, v))):
            summary = (b.softmax(2)[:, :, None] * c[:, None]).sum(dim=3)  # (B, d, d)
            found.append((summary[..., None] * a.softmax(1)[:, :, None]).sum(dim=1))
        return self.proj(torch.cat(found, dim=1).view(x.shape))


EXERCISES = [
    Exercise(
        id="8.1",
        title="The weights of attention",
        notebook=NOTEBOOK,
        reference=attention_weights,
        experiment=weights_experiment,
        look="The order is: queries times transposed keys, divided by sqrt(D), softmax of each "
        "row. Print the sums of the rows.",
        catalogue=by_hand({
            "no softmax": no_softmax,
            "no scale": no_scale,
            "scaled by D": scaled_by_d,
            "multiplied by sqrt(D)": scaled_up,
            "scaled by sqrt(N)": scaled_by_tokens,
            "scaled by N": scaled_by_all_tokens,
            "scaled by D / 2": half_of_d,
            "scaled by D, then by 2": by_twice_d,
            "divided with //": floored,
            "scaled by the number of axes": scaled_by_axes,
            "scaled by the batch": scaled_by_batch,
            "scaled after the softmax": scaled_late,
            "softmax over the queries": over_queries,
            "softmax over the batch": over_batch,
            "softmax over everything": over_everything,
            "queries and keys swapped": queries_and_keys_swapped,
            "transposed": transposed,
            "keys reshaped": keys_reshaped,
            "sigmoid": with_sigmoid,
            "divided by the sum": by_sum,
            "log_softmax": with_log,
            "vectors of length 1": by_angle,
            "keys with themselves": keys_with_themselves,
            "queries with themselves": queries_with_themselves,
            "all axes turned": all_axes_turned,
            "not transposed": not_transposed,
            "batch transposed": batch_transposed,
            "no gradients": no_gradients,
        }),
        also_right=[
            weights_by_einsum,
            weights_by_hand,
            weights_by_torch,
            weights_in_loops,
            weights_of_halves,
        ],
    ),
    Exercise(
        id="8.2",
        title="Attention with one head",
        notebook=NOTEBOOK,
        reference=SingleHeadAttention,
        experiment=single_experiment,
        look="The order is: the three convolutions, tokens, weights, weights @ values, map, proj.",
        catalogue=by_hand({
            "reshaped on the way in": ReshapedIn,
            "reshaped on the way in and out": ReshapedInAndOut,
            "reshaped in weights": ReshapedWeights,
            "reshaped on the way out": ReshapedOut,
            "width taken for the height": WidthAsHeight,
            "column by column": ColumnsFirst,
            "a layer not used": ProjectionNotUsed,
            "a layer missing": NoProjection,
            "input added": AddsItsInput,
            "norm inside": Normalised,
            "softmax over the queries": SharesOfQueries,
            "no scale": NotScaled,
            "scaled by C": ScaledByChannels,
            "weights transposed": WeightsTransposed,
            "no biases": WithoutBiases,
            "bias in proj only": OneBias,
            "queries and keys swapped": KeysAsQueries,
            "one layer for queries and keys": SharedLayer,
            "channels look at channels": ChannelsMeet,
            "maps for tokens": MapsForTokens,
            "input compared": InputCompared,
            "tokens returned": ReturnsTokens,
            "weights returned too": ReturnsWeightsToo,
            "3x3 kernels": WideKernels,
            "3x3 kernels everywhere": AllWideKernels,
            "one layer cut in three": OneLayerCut,
            "keys reshaped": KeysReshaped,
            "queries reshaped": QueriesReshaped,
            "values reshaped": ValuesReshaped,
            "values reshaped, in and out": ValuesReshapedBoth,
            "column by column, in and out": ColumnsAlways,
            "no softmax": SharesBare,
            "no softmax and no scale": ProductsAlone,
            "tokens convolved": TokensConvolved,
            "mixture convolved": MixtureConvolved,
        }),
        also_right=[SingleByLinear, SingleByEinsum, SingleByTorch, SingleProjectedFirst],
    ),
    Exercise(
        id="8.3",
        title="Several heads",
        notebook=NOTEBOOK,
        reference=TokenAttention,
        experiment=tokens_experiment,
        look="Print the shapes: q, k and v are (B, heads, N, d) each, and so is what was mixed.",
        catalogue=by_hand({
            "heads not moved": HeadsNotMoved,
            "heads not moved, in and out": HeadsNotMovedAtAll,
            "heads not moved back": MergedWithoutMoving,
            "heads laid out in turn": MergedTurned,
            "parts before the tokens": PartsBeforeTokens,
            "heads in turn": HeadsInTurn,
            "heads in turn, in and out": HeadsAlwaysInTurn,
            "q, k, v within heads": QkvWithinHeads,
            "q, k, v in turn": QkvInTurn,
            "d and N exchanged": AxesOfHeadTurned,
            "heads and d exchanged": HeadsTakenForChannels,
            "keys first": KeysFirst,
            "values first": ValuesFirst,
            "heads look at heads": HeadsMeet,
            "one head": OneHead,
            "always four heads": FourHeads,
            "no scale": TokensNotScaled,
            "scaled by C": TokensScaledByAll,
            "softmax over the queries": TokensOverQueries,
            "softmax over the heads": TokensOverHeads,
            "causal": TokensCausal,
            "projection not used": TokensNotProjected,
            "no projection": TokensWithoutProjection,
            "input added": TokensAdded,
            "bias always": BiasAlways,
            "bias never": BiasNever,
            "no bias in proj": NoBiasAnywhere,
            "three layers": ThreeLayers,
            "scaled by d": TokensScaledByD,
            "scaled by the heads": TokensScaledByHeads,
            "scaled by the tokens": TokensScaledByTokens,
            "weights transposed": TokensTurned,
            "values second": ValuesSecond,
            "proj without bias": ProjBare,
            "bias by default": BiasByDefault,
            "bias turned": BiasTurned,
            "no default of qkv_bias": BiasWithoutDefault,
            "no argument qkv_bias": BiasNotTaken,
        }),
        also_right=[TokensByView, TokensByLoop, TokensByEinsum, TokensInTheBatch],
    ),
    Exercise(
        id="8.4",
        title="PyTorch's attention, repaired",
        notebook=NOTEBOOK,
        reference=TorchAttention,
        experiment=torch_experiment,
        look="The order is: tokens, attention(tokens, tokens, tokens), the first of the pair, map.",
        catalogue=by_hand({
            "batch_first forgotten": BatchFirstForgotten,
            "map handed over": MapsHandedOver,
            "one argument": OneArgument,
            "flattened only": FlattenedOnly,
            "reshaped on the way in": TorchReshapedIn,
            "reshaped on the way out": TorchReshapedOut,
            "reshaped on the way in and out": TorchReshapedBoth,
            "width taken for the height": TorchWidthAsHeight,
            "pair returned": PairReturned,
            "pair made a map": PairToMap,
            "weights taken": WeightsTaken,
            "tokens returned": MixedTokensReturned,
            "one head": TorchOneHead,
            "always four heads": TorchFourHeads,
            "input added": TorchAdded,
            "norm inside": TorchNormalised,
            "no bias": TorchWithoutBias,
            "dropout": TorchDropout,
            "batch_first, and the batch second": BothWays,
            "arguments exchanged": ArgumentsExchanged,
            "heads and d exchanged": HeadsOfHeads,
            "layers beside it": LayersBeside,
        }),
        also_right=[TorchTokensFirst, TorchByOwnHeads, TorchInherited],
    ),
    Exercise(
        id="8.5",
        title="Linear attention",
        notebook=NOTEBOOK,
        reference=LinearAttention,
        experiment=linear_experiment,
        look="Print the shapes: q, k and v are (B, heads, d, N), the summary (B, heads, d, d).",
        catalogue=by_hand({
            "no softmax": NoShares,
            "no softmax of the queries": QueriesBare,
            "no softmax of the keys": KeysBare,
            "softmaxes swapped": SharesSwapped,
            "both over the pixels": BothOverPixels,
            "both over the channels": BothOverChannels,
            "softmax over the heads": OverHeads,
            "softmax of the values": ValuesShared,
            "summary turned": SummaryTurned,
            "values not transposed": ValuesNotTransposed,
            "summary of the queries": SummaryOfQueries,
            "scaled": SummaryScaled,
            "averaged": SummaryAveraged,
            "ordinary attention": PixelsMeet,
            "ordinary attention, no scale": PixelsMeetUnscaled,
            "heads in turn": LinearHeadsInTurn,
            "heads in turn, in and out": LinearHeadsAlwaysInTurn,
            "q, k, v within heads": LinearQkvWithinHeads,
            "keys first": LinearKeysFirst,
            "one head": LinearOneHead,
            "reshaped on the way out": MixedReshaped,
            "heads laid out in turn": LinearMergedTurned,
            "projection not used": LinearNotProjected,
            "input added": LinearAdded,
            "bias in qkv": LinearBias,
            "no bias in proj": LinearProjBare,
            "an N x N matrix": LinearTheLongWay,
            "always four heads": LinearFourHeads,
            "heads and d exchanged": LinearHeadsTakenForChannels,
            "values second": LinearValuesSecond,
            "values first": LinearValuesFirst,
            "queries over all channels": QueriesOverAll,
            "keys over the heads": KeysOverHeads,
            "keys over everything": KeysOverAll,
            "keys over a head": KeysOverHead,
            "keys over heads and pixels": KeysOverHeadsAndPixels,
            "keys over the width": KeysOverWidth,
            "queries scaled": QueriesScaled,
            "softmax of the summary": SummaryShared,
            "softmax of the summary, the other axis": SummarySharedTurned,
            "reshaped on the way in": LinearReshapedIn,
            "reshaped on the way in and out": LinearReshapedBoth,
            "three convolutions": ThreeConvolutions,
        }),
        also_right=[LinearByTokens, LinearByEinsum, LinearByLoop],
    ),
]
