"""A step of training reads no number: on a GPU each would wait for all that is queued."""

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from tiny_run import SCHEDULE, SHORT, pictures, tiny, weights

from course_utils import training
from course_utils.diffusion import velocity_loss
from course_utils.training import start, train
from course_utils.waiting import count_reads

LONG = replace(SHORT, steps=101)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    monkeypatch.setitem(training.LOOK_EVERY, "cpu", 50)


def steps(run, n):
    return lambda: list(islice(run, n))


@pytest.mark.parametrize("read", [float, bool, "{:.2f}".format, torch.Tensor.item])
def test_what_reads_a_number_is_counted(read):
    x = torch.tensor(2.0)
    assert count_reads(lambda: read(x)) == 1
    assert count_reads(lambda: (x * 2 + torch.randn(3)).isfinite().all()) == 0


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_between_two_looks_nothing_is_read(precision, accumulate, as_on_a_gpu):
    config = replace(LONG, precision=precision, accumulate=accumulate)
    run = train(tiny(), pictures(), SCHEDULE, config)
    next(run)
    assert count_reads(steps(run, 49)) == 0
    assert 0 < count_reads(steps(run, 1)) < 4
    assert count_reads(steps(run, 49)) == 0
    assert 0 < count_reads(steps(run, 1)) < 4  # the last step is looked at as well


def test_looking_seldom_changes_no_bit(monkeypatch):
    ends = []
    for every in (1, 4):
        monkeypatch.setitem(training.LOOK_EVERY, "cpu", every)
        *_, state = train(tiny(), pictures(), SCHEDULE, replace(SHORT, precision="fp16"))
        ends.append((state.loss, state.norm, state.skipped, weights(state.average)))
    assert ends[0][:3] == ends[1][:3] and torch.equal(ends[0][3], ends[1][3])


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_loss_that_nobody_looks_at_leaves_the_weights_alone(precision, as_on_a_gpu):
    def loss(*given):
        broken = state.step == 2
        return velocity_loss(*given) * (math.nan if broken else 1)

    config, seen = replace(SHORT, precision=precision), []
    state = start(tiny(), config)
    for state in train(state.model, pictures(), SCHEDULE, config, loss, state=state):
        seen.append(weights(state.model))
    assert torch.equal(seen[1], seen[2]) and not torch.equal(seen[2], seen[3])
    assert all(moved.isfinite().all() for moved in seen) and state.skipped == 1


def test_a_broken_network_is_told_of_at_the_next_look(as_on_a_gpu):
    net = tiny()
    run = train(net, pictures(), SCHEDULE, LONG)
    next(run)
    with torch.no_grad():
        net.decoder.out.bias.fill_(math.nan)
    words = "the loss is nan at step 50, .* decoder.out is the first layer that is not finite"
    with pytest.raises(ValueError, match=words):
        list(run)
    assert weights(net.encoder).isfinite().all()
