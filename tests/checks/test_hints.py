"""An exception gets advice that fits what it is about, whatever the exercise."""

import pytest
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from course_utils.checks import EXERCISES, grade


def block(forward=None, **layers):
    """An attempt at 2.5 with layers made by functions of in_ch, out_ch, time_dim."""

    class Block(nn.Module):
        def __init__(self, *sizes):
            super().__init__()
            for name, make in layers.items():
                setattr(self, name, make(*sizes))

    if forward:
        Block.forward = forward
    return Block


def conv(i, o, d):
    return nn.Conv2d(i, o, 3, padding=1)


class Misspelled(nn.Module):
    def __init__(self, *sizes):
        super().__init__()

    def foward(self, x, temb):
        return x


class SizesForSuper(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch)


class NoBracketsForSuper(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super.__init__(in_ch, out_ch)


def layer_of_a_layer(self, x, temb):
    return self.norm(self.conv)


def einops_without_sizes(self, x, temb):
    return self.conv(x) + rearrange(self.time(temb), "b c -> b c h w")


def reversed_of_a_list(self, x, skips, temb):
    return zip(self.ups, skips.reversed())


def schedule_misread(net, x0, t, eps, schedule):
    return schedule.alpha_bars[t]


def sent_to_a_gpu(emb):
    return emb.cuda()


ATTEMPTS = [
    ("2.5", Misspelled, "named forward. Yours is spelled `foward`."),
    ("2.5", block(), "Is it inside the class, indented like __init__?"),
    ("2.5", SizesForSuper, "Leave it empty: super().__init__()."),
    ("2.5", NoBracketsForSuper, "two pairs of brackets"),
    (
        "2.5",
        block(a=lambda i, o, d: nn.Sequential(conv(i, o, d), F.silu)),
        "is the layer of F.silu",
    ),
    (
        "2.5",
        block(layer_of_a_layer, conv=conv, norm=lambda i, o, d: nn.BatchNorm2d(o)),
        "A Conv2d layer is not a tensor",
    ),
    (
        "2.5",
        block(einops_without_sizes, conv=conv, time=lambda i, o, d: nn.Linear(d, o)),
        "Identifiers only on one side of expression",  # einops' reason, not its first line
    ),
    (
        "4.5",
        type("Mine", (EXERCISES["4.5"].reference,), {"forward": reversed_of_a_list}),
        "reversed is a function",
    ),
    ("5.3", schedule_misread, "alpha_bar"),
    ("1.3", sent_to_a_gpu, "Take the device of the input"),
    ("1.3", lambda emb: 2 ^ emb, "A power is ** in Python"),
]


@pytest.mark.skipif(torch.cuda.is_available(), reason="one of them is right where a GPU is")
@pytest.mark.parametrize("id, attempt, words", ATTEMPTS)
def test_advice_fits(id, attempt, words):
    verdict = grade(id, attempt)
    assert verdict.outcome == "crashed"
    assert words.replace("`", "") in verdict.message.replace("`", ""), verdict.message


def test_a_class_that_is_half_done_is_told_so():
    class HalfDone(EXERCISES["8.2"].reference):
        def forward(self, x):
            raise NotImplementedError

    message = grade("8.2", HalfDone).message
    assert "You're halfway" in message and "forward still raises NotImplementedError" in message


def test_a_number_that_is_right_to_four_digits_is_told_with_more():
    def nearly(emb):
        return EXERCISES["1.3"].reference(emb) * 1.0002

    message = grade("1.3", nearly).message
    assert "1 times" not in message and "expected 1, got 1.0002" in message


def test_a_long_message_is_told_in_full_lines():
    def attempt(emb):
        raise ValueError("first line\n  second line")

    assert '"first line second line"' in grade("1.3", attempt).message
