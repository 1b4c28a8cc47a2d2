"""Each kind of rule on the smallest thing that breaks it."""

import pytest
import torch
from einops import rearrange, repeat
from small_networks import Wrapped, apply, draw, steps
from torch import nn
from torch.nn import functional as F

from course_utils.shapes import remarks, trace


class Misspelt(nn.Module):
    def foward(self, x):
        return x


class NoSuper(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 1, 1)


def unpack_shape(x):
    B, C, H, W = x.shape
    return x


def unpack_tensor(x):
    a, b = x
    return a + b


def choose(x):
    if x > 0:
        return x
    return -x


class Starred(nn.Module):
    def forward(self, *features):
        return features[1]


def unpack_range(x):
    a, b = range(3)
    return x


def write_too_much(x):
    room = torch.zeros(4, 5, 4)
    room[0] = x
    return room


class WithoutSelf(nn.Module):
    def double(x):
        return 2 * x

    def forward(self, x):
        return self.double(x)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def attribute_of_a_dict(x):
    y = {"a": x, "b": x}
    return y.shape


def attribute_of_a_list(x):
    y = [x, x]
    return y.shape


def tokens(*sizes):
    return [draw(*size) for size in sizes]


ATTENTION = apply(F.scaled_dot_product_attention)
LOOK = nn.MultiheadAttention(8, 2, batch_first=True)


@pytest.mark.parametrize(
    "net, inputs, said",
    [
        (apply(unpack_shape), [draw(2, 3, 5)], "wants 4 axes, and x is (2, 3, 5), which has 3."),
        (apply(unpack_tensor), [draw(3, 2)], "unpacks a tensor, (3, 2), along its first axis."),
        (apply(choose), [draw(4)], "`if x > 0:` has 4 answers, and `if` wants one"),
        (Misspelt(), [draw(1)], "(Misspelt) has no forward: is it misspelt"),
        (lambda x: NoSuper()(x), [draw(1)], "before super().__init__() was called."),
        (apply(lambda x: list(x)(x)), [draw(1)], "calls a list, which is no layer."),
        (apply(lambda x: torch.stack([x, x[:1]])), [draw(2, 3)], "stack needs one shape for all"),
        (apply(lambda x: x.permute(0, 2, 1)), [draw(2, 3, 4, 5)], "permute names 3 axes, and"),
        (apply(lambda a, t: a[t]), [draw(9), steps(3, 9)], "(9,) has rows 0 to 8 and is asked for"),
        (lambda a, t: a[t], [draw(9), draw(2)], "t, the network's second input, is float32"),
        (apply(lambda a, t: a.gather(0, t)), [draw(9), steps(3, 9)], "gather asks for 3 to 9."),
        (apply(lambda a, t: a.gather(0, t)), [draw(9, 1), steps(3)], "index: table[t]."),
        (nn.PixelShuffle(2), [draw(1, 6, 4, 4)], "6 channels cannot be spread over squares of 2"),
        (nn.PixelUnshuffle(3), [draw(1, 1, 8, 9)], "8 rows cannot be folded by 3: pad or crop"),
        (ATTENTION, tokens((2, 5, 8), (2, 7, 6), (2, 7, 8)), "queries have 8 numbers on the last"),
        (ATTENTION, tokens((2, 4, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)), "4 and 3 heads do not fit."),
        (ATTENTION, tokens((2, 5, 8), (2, 7, 8), (2, 7, 8), (7, 5)), "needs 5 rows, one for each"),
        (LOOK, tokens((2, 5, 8), (2, 8, 7), (2, 8, 7)), "the 8 are on axis 1. Move that axis"),
        (LOOK, tokens((2, 5, 8), (3, 5, 8), (3, 5, 8)), "are 2 pictures, the key (3, 5, 8) has 3"),
        (LOOK, tokens((2, 5, 8), (2, 7, 8), (2, 6, 8)), "key (2, 7, 8) and value (2, 6, 8) need"),
        (LOOK, [draw(2, 5, 8), draw(5, 8), draw(5, 8)], "takes tokens (B, N, 8) and gets"),
        (apply(F.mse_loss), [draw(2, 3), draw(2, 4)], "compares (2, 3) with (2, 4), "),
        (apply(F.cross_entropy), [draw(2, 3), steps(1, 3)], "for classes 0 to 2, and the target"),
        (apply(F.cross_entropy), [draw(2, 3), draw(2)], "the target is float32, and classes are"),
        (apply(F.cross_entropy), [draw(3, 4), steps(1, 2)],
         "3 answers need as many targets, not 2"),
        (apply(F.l1_loss), [(draw(2), draw(2)), draw(2)], "a tuple of 2: take one."),
        (apply(lambda x: F.interpolate(x, size=(4, 4))), [draw(2, 3, 5)],
         "(B, C, H, W) and gets (2"),
        (apply(lambda x: F.pad(x, (5, 0), mode="reflect")), [draw(1, 1, 5)],
         "at most 4 to an axis"),
        (apply(lambda x: x.view(2, 3, 2)), [draw(2, 10)],
         "the 10 cannot be 3 x 2; it would be with 5 in place of the first 3."),
        (apply(lambda x: x.view(2, 4, 2)), [draw(2, 10)], "10 is no multiple of 4, so the 2 was r"),
        (apply(lambda x: 1 - (x == 0)), [draw(2)], "is bool, which comes from __eq__ in Applied"),
        (nn.Conv2d(3, 4, 1, bias=False), [None], "gets None: does what comes before it return"),
        (apply(lambda x: rearrange(x, "a b c -> a c b")), [draw(2, 3)], "is the axis of the batch"),
        (apply(lambda x: rearrange(x + 1, "a b c -> a c b")), [draw(2, 3)],
         "names 3 axes, and (2,"),
        (apply(lambda x: repeat(x, "a b -> a c")), [draw(2, 3)],
         "unexpected identifiers on the left side"),
        (Wrapped(lambda me, x: x + me.places, places=nn.Parameter(draw(1, 6, 4))), [draw(2, 5, 4)],
         "(1, 6, 4) is self.places, whose number of places was settled"),
        (Wrapped(lambda me, x: me.out(x.flatten(1)), out=nn.Linear(12, 2)), [draw(2, 3, 4, 4)],
         "48 is 3 * 4 * 4, of (2, 3, 4, 4), which flatten joined; 12 is 3 * 2 * 2, of pictures of"),
        (nn.Sequential(nn.Sequential(nn.Linear(2, 2))), [draw(1, 2), draw(1, 2)],
         "is a Sequential"),
        (nn.ModuleDict({"a": nn.Linear(2, 2)}), [draw(1, 2)], "is a ModuleDict, which only keeps"),
        (nn.Conv1d(1, 2, 3), [draw(5, 9)], "A batch of pictures with one channel needs an axis"),
        (nn.Conv3d(2, 2, 3), [draw(2, 5, 5, 5)], None),
        (apply(lambda x, t: x * t), [draw(5, 2, 3, 4, 4), draw(5)], "[:, None, None, None, None]."),
        (apply(lambda x, t: x + t), [draw(5, 2, 3, 4, 4), draw(5, 2)], "[:, :, None, None, None]."),
        (apply(lambda x, t: (x * t) + draw(7, 3)), [draw(3, 1), draw(3)], "each of the 3 met each"),
        (apply(lambda x: x[:, 9:].reshape(2, 3, 3)), [draw(2, 9)],
         "(2, 0) is empty: the slice of (2, 9) begins behind its end, and (2, 3, 3) is asked for."),
        (apply(lambda x: x.view(2, 2, 4)), [draw(2, 24)],
         "the 24 cannot be 2 x 4; it would be with 6 in place of the first 2."),
        (apply(lambda x: x.reshape(8, 5, 3)), [draw(2, 5, 3)],
         "4 times too many. The first axis w"),
        (apply(lambda x: x.view([2, 7])), [draw(2, 6)],
         "(2, 6) holds 12 numbers, (2, 7) asks for 1"),
        (apply(lambda x, m: x.masked_fill(m > 0, 0)), [draw(2, 4, 9, 9), draw(2, 9, 9)],
         "so its 2 pictures meet 4 heads. It needs an axis for the heads: [:, None]."),
        (Wrapped(lambda me, *features: me.last(features), last=Starred()), tokens((1, 2), (1, 2)),
         "last takes *features, one argument for each, and gets one tuple of 2: call it with a st"),
        (nn.Linear(2, 2), [(draw(1, 2),)],
         "a tuple of 1: take its one tensor, [0]. A comma at the"),
                (apply(F.binary_cross_entropy), [draw(3, 1, 5).sigmoid(), draw(3, 5).sigmoid()],
         "which has no axis for the channel: [:, None]."),
        (apply(F.binary_cross_entropy), [draw(5).sigmoid(), draw(3, 5).sigmoid()],
         "the answer is that for one of the 3 pictures of the batch."),
        (apply(F.binary_cross_entropy), [draw(3, 1).sigmoid(), draw(3, 2).sigmoid()],
         "1 channel with 2. Take those that are meant, such as [:, :1]."),
        (nn.MaxUnpool2d(2), [draw(1, 2, 3, 3), steps(0).expand(1, 2, 4, 4)],
         "gets a map (1, 2, 3, 3) and the places of (1, 2, 4, 4); both need one size."),
        (nn.InstanceNorm2d(3), [draw(2, 3, 1, 1)],
         "is a single number here, and InstanceNorm needs"),
        (apply(lambda t: F.one_hot(t, 3)), [steps(0, 3)],
         "one_hot has classes 0 to 2, and the netw"),
        (apply(lambda t: {"a": t, "b": t}.shape), [draw(1)], "AttributeError"),
        (attribute_of_a_dict, [draw(1)], "is a dict of 'a', 'b': take y['a']."),
        (attribute_of_a_list, [draw(1)], "is a list of 2 things: take y[0]."),
        (apply(lambda x: F.interpolate(x, size=(4, 4), mode="bilinear")), [draw(2, 3, 5)],
         "the network's first input. For (2, 3, 5) it is mode='linear'."),
        (lambda x, m: F.interpolate(m[:, None], size=(4, 4)), [draw(2, 3, 4, 4), draw(2, 5)],
         "gets (2, 1, 5), from m, the network's second input, (2, 5). Does that have an axis"),
        (apply(lambda x: F.pad(x, (6, 0), mode="circular")), [draw(1, 1, 5)],
         "at most 5 to an axis"),
        (nn.Conv2d(3, 3, 1), [draw(5)], "Conv2d expects (B, C, H, W) and gets (5,)."),
        (nn.Conv2d(3, 3, 1), [draw(2, 7, 3, 4, 4)],
         "goes through picture by picture, x.flatten(0,"),
        (nn.Conv2d(5, 3, 1), [draw(2, 5, 4)],
         "Sequences (B, C, L) go through nn.Conv1d: their thr"),
        (Wrapped(lambda me, x: torch.cat([me.token, x], 1), token=nn.Parameter(draw(4, 1, 8))),
         [draw(3, 5, 8)], "(4, 1, 8) is self.token, made for a batch of 4, and this one has 3."),
        (apply(lambda x, y: torch.cat([x, y.long()], 1)), [draw(2, 3), draw(4, 3)],
         "joins (2, 3) float32 and (4, 3) int64 along axis 1, but axis 0 is 2 and 4."),
        (apply(lambda x, y: torch.cat([x.view(-1, 2), y], 1)), [draw(2, 4), draw(2, 4)],
         "view of (2, 4) to (-1, 2) made 4 pictures of 2"),
        (apply(lambda a, t: a.gather(1, t)), [draw(1, 9), steps(3, 9)[None]],
         "axis 1 of (1, 9) goes from 0 to 8, and gather asks for 3 to 9."),
        (nn.BatchNorm1d(3), [draw(3)], "takes a 2D or 3D input, and gets (3,)."),
        (apply(lambda x: nn.BatchNorm1d(3)(nn.Flatten(0)(x.squeeze()))), [draw(1, 3, 1, 1)],
         "squeeze in Applied made (3,) of (1, 3, 1, 1)"),
        (apply(torch.bmm), [draw(2, 3, 4), draw(5, 4, 3)], "of 2 pictures and 5."),
        (nn.LayerNorm((6, 8)), [draw(2, 3, 9, 9)],
         "it was made for maps of 6 x 8 only, and these are 9 x 9. nn.GroupNorm takes any size."),
        (Wrapped(lambda me, x: me.norm(x.flatten(1)), norm=nn.LayerNorm(12)), [draw(2, 3, 5)],
         "15 is 3 * 5, of (2, 3, 5), which flatten joined; 12 is that with 4 in place of 5"),
        (nn.Conv2d(2, 1, 1), [draw(2, 2, 8, 8, 2)], "Are the 2 numbers on its last axis the real"),
        (apply(lambda t: t.expand(4)), [steps(1, 2)],
         "cannot be expanded to (4,), because only an axis of 1 can, and the 2 meet 4."),
        (apply(write_too_much), [draw(5, 8)],
         "the part (5, 4) of (4, 5, 4) that is written to has no room"),
        (WithoutSelf(), [draw(1)], "def double lacks self, which a method gets before"),
        (Wrapped(lambda me, x: torch.chunk(me.two(x), 2), two=Pair()), [draw(2, 4)],
         "gets a tuple of 2, which two returned: take one."),
        (apply(lambda x, t: (x * t).view(2, 2, 4)), [draw(3, 1, 4), draw(3, 4)],
         "(3, 1, 4) * (3, 4) gives (3, 3, 4): each of the 3 met each other."),
        (apply(F.cross_entropy), [draw(2, 6, 5, 3), torch.zeros(2, 6, 5).long()],
         "the classes belong on axis 1. Move the last axis: .transpose(1, -1)."),
        (apply(lambda x, y: torch.cat([x, y], 1)), [draw(2, 3), draw(2, 4, 5, 6)],
         "One number for each channel is repeated first: [:, :, None, None].expand(-1, -1, 5, 6)."),
        (apply(torch.matmul), [draw(2, 3), draw(3, 2).double()],
         "matmul of float32, (2, 3), and float64, (3, 2)"),
        (apply(lambda x: F.linear(x.exp(), torch.ones(2, 3).double())), [draw(2, 3)],
         "Give both the same dtype: x.to(dtype) or model.to(dtype)."),
        (nn.Conv2d(3, 3, 1), [7], "expects a tensor and gets 7."),
        (nn.Conv2d(3, 3, 1), [slice(2)], "expects a tensor and gets a slice."),
        (apply(unpack_range), [draw(2)], "wants 2 values, and gets another number of them."),
        (apply(lambda x: x.view(1, 7, 2, 7, 2, 3)), [draw(1, 16, 16, 3)], "16 is no multiple of 7"),
        (apply(lambda x: torch.cat([x, F.pad(F.avg_pool2d(x, 2).repeat_interleave(2, 2)
                                             .repeat_interleave(2, 3), (1, 1))], 1)),
         [draw(1, 2, 8, 8)], "pad in Applied made 8 x 10 of 8 x 8"),
        (apply(lambda x: torch.cat([x, F.avg_pool2d(F.avg_pool2d(x, 2), 2)
                                    .repeat_interleave(3, 2).repeat_interleave(3, 3)], 1)),
         [draw(1, 2, 8, 8)], "The whole way: 8 -avg_pool2d-> 4 -avg_pool2d-> 2"),
        (Wrapped(lambda me, x: me.w.add_(1), w=nn.Parameter(draw(2))), [draw(1)],
         "changes a parameter in place while gradients are recorded"),
    ],
)  # fmt: skip
def test_cause(net, inputs, said):
    found = trace(net, *inputs)
    if said is None:
        assert found.cause is None
    else:
        assert any(words in found.cause for words in said.split("|"))


@pytest.mark.parametrize("heads", [(), (4,)])
def test_keys_without_values_are_told(heads):
    """PyTorch refuses some of them, others not, and from 2.14 on none."""
    found = trace(ATTENTION, *tokens(*((2, *heads, n, 8) for n in (5, 7, 6))))
    assert "7 keys need as many values, not 6." in " ".join([found.cause or "", *found.remarks])
    assert trace(ATTENTION, *tokens(*((2, *heads, n, 8) for n in (5, 7, 7)))).remarks == []


@pytest.mark.parametrize(
    "net, inputs, said",
    [
        (apply(lambda x, t: x * t), [draw(3, 1), draw(3)], "each of the 3 met each other"),
        (apply(lambda x, t: x * t), [draw(3, 1), draw(3, 1)], None),
        (apply(lambda x: x[:, None] * torch.arange(3.0)), [draw(3)], None),
        (apply(lambda x, y: F.l1_loss(x, y[:, :1])), [draw(2, 3, 4, 4), draw(2, 3, 4, 4)],
         "1 channel meets 3"),
        (apply(lambda x, y: x - y.mean(1, keepdim=True)), [draw(2, 3, 4, 4)] * 2, None),
        (apply(lambda x, y: x - y[:, :1]), [draw(2, 3, 4, 4), draw(2, 3, 4, 4)],
         "(2, 3, 4, 4) - (2, 1, 4, 4)"),
        (apply(lambda x: x - x[:, :1]), [draw(2, 3, 4, 4)], None),
        (lambda x, t: x + 1, [draw(2, 3), draw(2)], "Nothing used t, the network's second"),
        (lambda x, t: x * t.shape[0], [draw(2, 3), draw(2)], "Nothing used t, the network's"),
        (Wrapped(lambda me, x: me.a(x) and x, a=nn.Linear(1, 1)), [draw(1, 1)], None),
        (Wrapped(lambda me, x: (me.a(x), x)[1], a=nn.Linear(2, 2)), [draw(1, 2)], "What a (Linear"),
        (Wrapped(lambda me, x: me.a(x).add_(x), a=nn.Linear(2, 2)), [draw(1, 2)], None),
        (apply(lambda x: x.masked_fill(x[..., :1] > 0, 0)), [draw(2, 4, 4)], "hides whole rows of"),
        (apply(lambda x: x.masked_fill(x[:, :1] > 0, 0)), [draw(2, 4, 4)], None),
        (lambda x: x.view(1, -1), [draw(2, 3, 4)], "puts the 2 pictures of the batch into one row"),
        (lambda x: x.view(2, -1), [draw(2, 3, 4)], None),
        (lambda x: x[::2], [draw(4, 3)], "takes every 2. of the 4 pictures of the batch."),
        (lambda x: x[:, ::2], [draw(4, 3)], None),
        (lambda x: x * torch.rand(1)[:, None, None, None], [draw(4, 1, 2, 2)],
         "rand in the network"),
        (lambda x: x * torch.rand(4)[:, None, None, None], [draw(4, 1, 2, 2)], None),
        (lambda x: (x @ x.mT).softmax(1) @ x, [draw(2, 5, 3)],
         "goes over axis 1 of the scores (2, 5"),
        (lambda x: (x @ x.mT).softmax(-1) @ x, [draw(2, 5, 3)], None),
        (lambda x: torch.einsum("bij,bjc->bic", (x @ x.mT).softmax(1), x), [draw(2, 5, 3)],
         "dim=-1, the keys."),
        (lambda x: torch.einsum("bij,bic->bjc", (x @ x.mT).softmax(1), x), [draw(2, 5, 3)], None),
        (lambda x: x.masked_fill(x[:, 0] > 0, 0), [draw(4, 4, 4)], None),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_remark(net, inputs, said):
    found = trace(net, *inputs)
    assert found.error is None
    told = " ".join(found.remarks)
    assert said in told if said else told == ""


def test_a_rule_that_stumbles_has_nothing_to_say(monkeypatch):
    def stumbles(run, call, place):
        return [][0]

    monkeypatch.setitem(__import__("course_utils.shapes.rules", fromlist=["RULES"]).RULES,
                        "linear", (stumbles,))  # fmt: skip
    assert trace(nn.Linear(3, 2), draw(4, 5)).cause.startswith("Linear: linear was given (4, 5)")


def test_a_remark_that_stumbles_is_left_out(monkeypatch):
    def stumbles(run):
        yield [][0]

    monkeypatch.setattr(remarks, "RULES", (stumbles, *remarks.RULES))
    assert "Nothing used t" in trace(lambda x, t: x + 1, draw(2, 3), draw(2)).remarks[0]


def test_a_list_that_holds_itself_does_no_harm():
    def forward(x):
        mine = [x]
        mine += [mine, {"me": mine}]
        return x @ x

    assert "(2, 3) @ (2, 3)" in trace(forward, draw(2, 3)).cause


def test_autocast_sees_to_the_dtypes():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = trace(nn.Linear(3, 2), draw(4, 5).half())
    assert "expects 3 numbers on the last axis and gets (4, 5)" in found.cause


def test_a_layer_that_was_not_moved_is_told_from_an_input():
    net = nn.Linear(3, 3)
    found = trace(lambda x, y: x + y, torch.empty(2, 3, device="meta"), draw(2, 3))
    assert "(2, 3) is y, the network's second input: move it too" in found.cause
    found = trace(apply(lambda x: x + net.weight.sum(1)), torch.empty(2, 3, device="meta"))
    assert "was made in forward (sum): give it device=x.device." in found.cause
