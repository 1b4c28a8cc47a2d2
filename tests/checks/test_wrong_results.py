"""What comes out wrong, is of the wrong kind or is missing is described, with a tip that fits."""

import numpy
import pytest
import torch
from torch import nn

from course_utils.checks import EXERCISES, grade
from course_utils.checks.engine.compare import difference
from course_utils.embedding import TimeEmbedding


def returning(value):
    return lambda *args: value


def first_row_only(emb):
    out = torch.full((len(emb), len(emb)), 0.3)
    out[0] = EXERCISES["1.3"].reference(emb)[0]
    return out


@pytest.mark.parametrize(
    "attempt, words",
    [
        (None, "it got None"),
        (torch.zeros(3), "it got a tensor of shape (3,)"),
        (TimeEmbedding, "it got the class TimeEmbedding"),
        (returning(None), "expected a tensor of shape (5, 5), float32, got None"),
        (returning((1, 2)), "got a tuple of 2"),
        (lambda emb: (emb @ emb.T).double(), "expected dtype float32, got float64"),
        (lambda emb: emb[:, :1] @ emb[:1], "expected shape (5, 5), got (5, 3)"),
        (lambda emb: emb @ emb.T / 0, "NaN or infinite"),
        (lambda emb: 2 * EXERCISES["1.3"].reference(emb), "they are 2 times"),
        (lambda emb: 1 + EXERCISES["1.3"].reference(emb), "each is off by 1"),
        (lambda emb: -EXERCISES["1.3"].reference(emb), "the sign is the wrong way round"),
        (lambda emb: EXERCISES["1.3"].reference(emb).flip(0), "in another order"),
        (lambda emb: torch.zeros(len(emb), len(emb)), "all of them are zero"),
        (first_row_only, "the values are not (those of [0] are)"),
    ],
)
def test_wrong_result_is_described(attempt, words):
    verdict = grade("1.3", attempt)
    assert verdict.outcome == "not yet"
    assert verdict.mistake is None
    assert words in verdict.message


@pytest.mark.parametrize(
    "attempt, tip",
    [
        (returning(None), "end with a return"),
        (returning(numpy.zeros(3)), "Return a torch tensor."),
        (returning((torch.zeros(5), torch.zeros(5))), "torch.cat"),
        (lambda emb: (emb @ emb.T).double(), ".to(torch.float32)"),
        (lambda emb: (emb @ emb.T).long(), "Make it a float tensor from the start"),
        (lambda emb: nn.SiLU(emb), "Call the layer on a tensor"),
        (lambda emb: emb, "Print the shapes"),
        (lambda emb: torch.full((len(emb), len(emb)), 0.3), EXERCISES["1.3"].look),
    ],
)
def test_tip_fits_what_is_wrong(attempt, tip):
    message = grade("1.3", attempt).message
    assert tip in message
    assert (EXERCISES["1.3"].look in message) == (tip == EXERCISES["1.3"].look)


def test_numbers_that_grow_are_not_a_multiple_of_those_that_fall():
    fall, grow = torch.tensor([1.0, 1e-2, 1e-4]), torch.tensor([0.0, 5e-5, 1e-4])
    assert "times what" not in difference(fall, grow)
    assert "0.0001 times what" in difference(fall, 1e-4 * fall)


def test_results_that_are_nan_in_the_same_places_agree():
    one, nan = torch.tensor([1.0, 2.0]), torch.tensor([1.0, float("nan")])
    assert difference(nan, nan.clone()) is None
    assert difference(one, nan) == "1 of 2 values are NaN or infinite"
    assert difference(nan, one) and difference(nan, 2 * nan)


def test_stub_is_not_attempted():
    def stub(emb):
        """Any text."""
        raise NotImplementedError

    verdict = grade("1.3", stub)
    assert verdict.outcome == "not attempted"
    assert str(verdict) == "1.3 not attempted. The notebook goes on with the reference."


def test_stub_of_a_class_is_not_attempted():
    class Stub(nn.Module):
        def __init__(self, dim):
            super().__init__()

        def forward(self, t):
            raise NotImplementedError("exercise 1.4")

    assert grade("1.4", Stub).outcome == "not attempted"


def test_forgotten_forward_is_no_stub():
    class Attempt(nn.Module):
        def __init__(self, dim):
            super().__init__()

    verdict = grade("1.4", Attempt)
    assert verdict.outcome == "crashed"
    assert 'missing the required "forward"' in verdict.message


def test_class_that_is_no_module():
    class Attempt:
        def __init__(self, dim):
            pass

    assert "no nn.Module" in grade("1.4", Attempt).message


def test_instance_instead_of_class():
    assert "Give it the name alone" in grade("1.4", TimeEmbedding(8)).message


@pytest.mark.parametrize(
    "returned, words",
    [
        (None, "returns None; a module is asked for. Is a return missing?"),
        ([nn.Identity()], "Put the layers into nn.Sequential(...)."),
        (nn.Identity, "Brackets behind its name are missing"),
    ],
)
def test_function_that_returns_no_module(returned, words):
    assert words in grade("2.4", lambda in_ch, out_ch: returned).message


def test_class_where_a_function_is_asked_for():
    assert "it got the class TimeEmbedding. Write def and a return." in (
        grade("0.1", TimeEmbedding).message
    )


def test_a_repair_that_stops_as_before_is_told_so():
    class Renamed(EXERCISES["6.4"].patient.attempt):
        pass

    assert "still stops where the broken one stops" in grade("6.4", Renamed).message


def test_sampler_without_a_yield_is_named():
    assert (
        "0 steps come out of your sampler" in grade("5.4", lambda model, xT, schedule: None).message
    )


def test_name_in_code_is_not_capitalised():
    def attempt(model, xT, schedule):
        for t, xt, x0 in EXERCISES["5.4"].reference(model, xT, schedule):
            yield t, xt, x0 / 3

    assert "5.4 not yet. x0 after the first step" in grade("5.4", attempt).message


def test_exception_in_place_of_the_models_own_is_named():
    def attempt(model, *inputs):
        try:
            return EXERCISES["6.1"].reference(model, *inputs)
        except Exception:
            raise RuntimeError("it failed") from None

    assert "raises an exception of its own" in grade("6.1", attempt).message
