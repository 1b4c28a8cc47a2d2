"""A batch that does not fit into the memory: a sentence, in time; else the same numbers."""

import copy
from dataclasses import replace

import pytest
import torch
from tiny_run import SCHEDULE, SHORT, pictures, tiny, weights

from course_utils import training
from course_utils.diffusion import draw_batch, velocity_loss
from course_utils.memory import peak_memory, told_when_full
from course_utils.training import ensure_batch_fits, start, train
from course_utils.unet import UNet

CPU = torch.device("cpu")


def free(monkeypatch, size):
    monkeypatch.setattr(training, "free_memory", lambda device: size)
    monkeypatch.setattr("course_utils.memory.free_memory", lambda device: size)


def test_a_batch_too_large_for_a_cpu_is_refused_before_it_is_made(monkeypatch):
    free(monkeypatch, 2**30)
    monkeypatch.setattr(training, "told_when_full", None)  # the first step is not reached
    run = train(tiny(), pictures(), SCHEDULE, replace(SHORT, batch=10**9))
    said = r"a batch of 1,000,000,000 pictures needs [\d,]+ MiB, and 1,024 MiB are free; take a sma"
    with pytest.raises(MemoryError, match=said):
        next(run)


def test_what_it_is_said_to_need_is_what_it_takes(monkeypatch):
    needed = []
    free(monkeypatch, 1)
    monkeypatch.setattr(training, "ensure_free", lambda size, *more, **named: needed.append(size))
    config = replace(SHORT, batch=512)
    state = start(UNet(3, 32, (1, 2), 32), config)  # with gradients that are there once
    ensure_batch_fits(state, pictures(), SCHEDULE, velocity_loss, config)
    batch = draw_batch(pictures(), SCHEDULE.T, 512, state.generator)
    taken = peak_memory(
        lambda: training.add_gradient(state, batch, SCHEDULE, velocity_loss, config), CPU
    )
    assert needed == [pytest.approx(taken, rel=0.2)]


def test_looking_at_the_memory_changes_no_number(monkeypatch):
    ends = []
    for size in (2**50, 1000):  # with the second it is measured
        free(monkeypatch, size)
        monkeypatch.setattr(training, "ensure_free", lambda *given, **named: None)
        net = torch.nn.Sequential(tiny())
        torch.manual_seed(1)

        def dropped(model, x0, t, eps, schedule, net=net):
            return velocity_loss(
                lambda xt, t: torch.dropout(model[0](xt, t), 0.5, True), x0, t, eps, schedule
            )

        for _ in train(net, pictures(), SCHEDULE, SHORT, dropped):
            pass
        ends.append(copy.deepcopy(weights(net)))
    assert torch.equal(*ends)


def raises(error):
    def loss(*given):
        raise error

    return loss


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate"),
        MemoryError(),
    ],
    ids=["a GPU", "a CPU", "Python"],
)
def test_memory_that_runs_out_in_a_step_gets_a_sentence(error):
    with pytest.raises(MemoryError, match="a batch of 5 pictures does not fit into the memory; ta"):
        next(train(tiny(), pictures(), SCHEDULE, SHORT, raises(error)))


def test_other_errors_come_as_they_are():
    with pytest.raises(RuntimeError, match="^sizes do not match$"):
        next(train(tiny(), pictures(), SCHEDULE, SHORT, raises(RuntimeError("sizes do not match"))))


def test_pytorch_still_says_it_in_these_words():
    with pytest.raises(MemoryError, match="^that does not fit into the memory; less$"):
        with told_when_full("that", "less"):
            torch.empty(2**50)
