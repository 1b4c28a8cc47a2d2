"""Whatever a stranger's code does, in every exercise, it gets a sentence and no exception."""

import inspect
import time

import pytest
import torch
from torch import nn

from course_utils.checks import EXERCISES, grade
from course_utils.checks.engine.recognise import observe_reference


def spoiled(reference, spoil):
    """The reference with its results spoiled: those of a class's main method, of the module made,
    its own, or what it changes in place."""
    if inspect.isclass(reference):
        plain = [
            name for name in ("__call__", "sample_sigmas", "predict_x0") if name in vars(reference)
        ]
        main = "forward" if issubclass(reference, nn.Module) else plain[0]

        def answer(self, *args):
            return spoil(getattr(reference, main)(self, *args))

        return type("Spoiled", (reference,), {main: answer})

    def wrong(*args, **more):
        made = reference(*args, **more)
        if isinstance(made, nn.Module):
            return Around(made, spoil)
        return spoil(list(made) if inspect.isgenerator(made) else made)

    def wrong_weights(changed, *args):
        """What it changes is spoiled, the weights of a network, or they are as they were."""
        weights = [p.data for p in getattr(changed, "model", changed).parameters()]
        before = [w.clone() for w in weights]
        reference(changed, *args)
        made = spoil(weights)
        for w, new in zip(weights, made if isinstance(made, list) else before):
            w.copy_(new)
        return None if isinstance(made, list) else made

    def wrong_file(write, path):
        return reference(lambda file: file.write(str(spoil(1.0)).encode()), path)

    in_place = {
        "update_average": wrong_weights,
        "take_step": wrong_weights,
        "write_whole": wrong_file,
    }
    return in_place.get(reference.__name__, wrong)


class Around(nn.Module):
    def __init__(self, inner, spoil):
        super().__init__()
        self.inner, self.spoil = inner, spoil

    def forward(self, *args):
        return self.spoil(self.inner(*args))


def each_tensor(function):
    def spoil(value):
        if isinstance(value, (list, tuple)):
            return type(value)(spoil(v) for v in value)
        return function(value) if isinstance(value, (torch.Tensor, int, float)) else value

    return spoil


def raising(value):
    raise ValueError("of my own")


def sleeping(value):
    while True:
        time.sleep(0.01)


SPOILS = {
    "returns None": lambda value: None,
    "returns a tuple": lambda value: (value, value),
    "returns text": lambda value: "done",
    "raises": raising,
    "loops for ever": sleeping,
    "is NaN": each_tensor(lambda x: x * float("nan")),
    "is twice as large": each_tensor(lambda x: 2 * x + 1),
    "sets the seed": lambda value: (torch.manual_seed(3), value)[1],
}


@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize("id", EXERCISES)
def test_strangers_code_gets_a_sentence(id, how, monkeypatch):
    if how == "loops for ever":
        observe_reference(EXERCISES[id])  # it is kept: that takes time
        monkeypatch.setattr("course_utils.checks.engine.grading.SECONDS", 0.1)
    monkeypatch.setattr("course_utils.checks.engine.recognise.SEARCH", 0.01)  # it is in vain here
    state = torch.random.get_rng_state()
    verdict = grade(id, spoiled(EXERCISES[id].reference, SPOILS[how]))
    assert verdict.outcome in ("not yet", "crashed"), verdict.message
    assert verdict.message.startswith(f"{id} not yet. ") and verdict.message[-1] in ".?)"
    assert len(verdict.message) > 40
    if how in ("raises", "loops for ever"):
        assert verdict.outcome == "crashed"
    if how == "is NaN":
        assert "nan" in verdict.message.lower()
    assert torch.equal(torch.random.get_rng_state(), state)
