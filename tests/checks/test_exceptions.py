"""An exception in a reader's code is shown with its line and shapes, and advice that fits."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import EXERCISES, grade


def raises_with_numbers(emb):
    rows = emb.T
    return emb + rows


def test_exception_is_shown_with_line_and_shapes():
    verdict = grade("1.3", raises_with_numbers)
    assert verdict.outcome == "crashed"
    assert "Line 3 of your raises_with_numbers, `return emb + rows`" in verdict.message
    assert "emb = float32 (5, 3)" in verdict.message
    assert "rows is (3, 5)" in verdict.message


def test_wrong_signature_is_shown():
    verdict = grade("1.3", lambda a, b: a)
    assert verdict.outcome == "crashed"
    assert "missing 1 required positional argument: 'b'" in verdict.message


def test_error_inside_a_library_is_traced_to_the_readers_line():
    def attempt(emb):
        return F.linear(emb, emb.T)

    verdict = grade("1.3", attempt)
    assert "Line 2 of your attempt, `return F.linear(emb, emb.T)`" in verdict.message


def test_forgotten_super_init_is_named():
    class Attempt(nn.Module):
        def __init__(self, dim):
            self.dim = dim

    assert "never calls super().__init__()" in grade("1.4", Attempt).message


@pytest.mark.parametrize(
    "code, tip",
    [
        ("emb.zqx()", "Is the name spelled the same"),
        ("emb.sqroot()", "did you mean `sqrt`?"),
        ("[3].reverse() + emb", "append, reverse and sort change a list"),
        ("emb.sum(dmi=1)", "Compare the call"),
        ("reversed([1])[0]", "Make it a list first"),
        ("1 / (2 ^ 2) * emb", "2^i isn't"),
        ("[1][2]", "length of the list"),
        ("emb[:2] + emb[:3]", "Print the shape of each part"),
        ("nn.Conv2d(3, 5, 1)(emb[0])", "Two arguments swapped?"),
        ("emb.long() @ emb.T", "Convert one: t.float()"),
        ("emb + nn.SiLU()", "A layer isn't a number"),
        ("(1.0).sqrt()", "plain number"),
        ("nn.Sequential(nn.SiLU)", "lacks its brackets"),
        ("unknown", "made or imported before"),
        ("emb.sum + 1", "lacks its ()"),
    ],
)
def test_advice_fits_the_kind_of_error(code, tip):
    attempt = eval(f"lambda emb: {code}", {"torch": torch, "nn": nn})
    verdict = grade("1.3", attempt)
    assert verdict.outcome == "crashed" and tip in verdict.message


def outside(step, config):
    return config["lr"]


def misspelled(dim, max_period=1.0):
    return torch.zero(dim)


class NoBrackets(torch.nn.Module):
    def __init__(self, *sizes):
        super.__init__()


@pytest.mark.parametrize(
    "id, attempt, words",
    [
        ("7.2", outside, "after a dot: config.lr"),
        ("1.1", misspelled, "did you mean `zeros`?"),
        (
            "1.1",
            lambda dim, max_period=1.0: print(dim).mean(),
            "like every function without a return",
        ),
        ("0.1", lambda x0, eps, alpha_bar: x0[alpha_bar], ".long() makes it one"),
        ("2.5", NoBrackets, "two pairs of brackets"),
        ("2.5", lambda in_ch, out_ch, time_dim: None, "Write class, and def inside."),
    ],
)
def test_an_exception_gets_advice_that_fits(id, attempt, words):
    assert words in grade(id, attempt).message


def on_the_generators_device(N, U, LA, mean, generator):
    z = torch.randn(N, len(LA), generator=generator, device=U.device)
    return mean + (z * LA.sqrt()) @ U.T


def loop_in_brackets(emb):
    parts = [row + emb[:, :1] @ emb for row in emb]
    return torch.stack(parts)


def asking_for_gradients(emb):
    emb.requires_grad_()
    return (F.normalize(emb, dim=1) @ F.normalize(emb, dim=1).T).detach()


def without_self(self, xt, alpha_bar):
    return xt.flatten(1) @ U.T


def levels_first(self, xt, alpha_bar):
    kept = EXERCISES["9.2"].reference
    shrink = kept
    return shrink(alpha_bar, self.LA) * xt.flatten(1)


U = torch.eye(256)


def wiener_with(predict_x0):
    return type("WienerDenoiser", (EXERCISES["9.3"].reference,), {"predict_x0": predict_x0})


@pytest.mark.parametrize(
    "id, attempt, words",
    [
        ("1.3", loop_in_brackets, "Line 2 of your loop_in_brackets"),
        ("9.1", lambda *args: EXERCISES["9.1"].reference(args[0], "cuda", 3, 1), "write device"),
        ("9.2", lambda LA, a: LA if LA == 0 else a, "torch.where chooses for each"),
        ("9.2", lambda LA, a: LA * float(a), "one number for each picture. Leave it a tensor"),
        ("9.2", lambda LA, a: EXERCISES["9.2"].reference(LA, a.double()), "The result is float64"),
        ("9.2", lambda LA, a: EXERCISES["9.2"].reference(LA, a.clamp(0, 0.999)), "clipped"),
        ("9.3", wiener_with(without_self), "Those of the denoiser are self.U"),
        ("9.3", wiener_with(levels_first), "shrink takes LA first"),
        ("1.3", asking_for_gradients, "Clone a tensor before you call requires_grad_() on it"),
        ("9.4", lambda N, U, LA, mean, g: g.randn(N, 5), "A generator draws nothing itself"),
        ("9.4", lambda N, U, LA, mean, g: torch.randn(N, 5, g), "by its name"),
        ("9.4", lambda N, U, LA, mean, g: print(N), "end with a return"),
        ("9.4", lambda *args: list(EXERCISES["9.4"].reference(*args)), "torch.stack"),
        ("9.4", on_the_generators_device, "the numbers are drawn on the CPU"),
        ("9.6", lambda xt, a, x, chunk=1: xt.double().flatten(1) @ xt.flatten(1).T, "one dtype"),
    ],
)
def test_slip_gets_the_sentence_that_is_meant_for_it(id, attempt, words):
    verdict = grade(id, attempt)
    assert verdict.mistake is None and words in verdict.message, verdict.message
