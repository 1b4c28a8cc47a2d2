"""The training run to look at: what it shows, its button, its errors."""

import threading

import pytest
import torch
from tiny_run import SCHEDULE, SHORT, pictures, tiny
from torch import nn

from course_utils.files import FileError
from course_utils.training import TrainConfig, start, train
from course_utils.widgets import TrainingView


def view(config=SHORT, **more):
    return TrainingView(train(tiny(), pictures(), SCHEDULE, config), config, **more)


def test_run_is_shown_and_its_last_state_returned():
    drawn, after = [], []
    look = view(
        draw=lambda state: drawn.append(state.step) or torch.zeros(4, 1, 8, 8),
        after=lambda state: after.append(state.step), every=3,
    )  # fmt: skip
    empty = look.curve.value
    state = look.start().result()
    assert state.step == SHORT.steps and look.button.disabled
    assert drawn == [3, 6] and after == [1, 2, 3, 4, 5, 6]
    values = {empty, look.curve.value, look.samples.value}
    assert len(values) == 3 and {value[:4] for value in values} == {b"\x89PNG"}
    for words in (
        f"step 6 of 6, loss {state.loss:.3f}",
        "scale 1, 0 steps skipped",
        "pictures per",
    ):
        assert words in look.told.value
    assert len(look.losses) == len(look.rates) == 6 and look.losses[-1] == state.loss


def test_button_ends_the_run_after_its_step():
    stopped, goes_on = threading.Event(), threading.Event()

    def after(state):
        stopped.set()
        goes_on.wait(20)

    look = view(TrainConfig(steps=10_000, batch=2), after=after).start()
    assert stopped.wait(20)
    look.button.click()
    goes_on.set()
    state = look.result()
    assert 1 <= state.step <= 2 and "of 10000" in look.told.value


def test_a_file_that_cannot_be_saved_does_not_end_the_run(capsys):
    def full(state):
        raise FileError("step-00000006.pt could not be written: No space left on device")

    look = view(after=full).start()
    assert look.result().step == SHORT.steps
    told = "Not saved: step-00000006.pt could not be written: No space left on device. The training"
    assert told in look.told.value and told in capsys.readouterr().out


def test_error_of_the_loop_is_shown_and_raised():
    net = tiny()
    nn.init.constant_(net.decoder.out.bias, float("nan"))
    look = TrainingView(train(net, pictures(), SCHEDULE, SHORT), SHORT).start()
    with pytest.raises(ValueError, match="the loss is nan"):
        look.result()
    assert "<b>stopped:</b> the loss is nan" in look.told.value


def test_run_that_goes_on_counts_from_where_it_stands():
    state = start(tiny(), SHORT)
    run = train(state.model, pictures(), SCHEDULE, SHORT, state=state)
    next(run), next(run)
    look = TrainingView(train(tiny(), pictures(), SCHEDULE, SHORT, state=state), SHORT).start()
    assert look.result().step == 6 and len(look.losses) == 4
