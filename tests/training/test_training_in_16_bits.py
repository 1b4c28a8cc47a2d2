"""Training with numbers of 16 bits: scaled gradients, skipped steps, overflow."""

import math
from dataclasses import replace

import pytest
import torch
from tiny_run import SCHEDULE, SHORT, pictures, tiny, weights

from course_utils.diffusion import draw_batch, velocity_loss
from course_utils.training import add_gradient, start, take_step, train


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_sixteen_bits_learn_like_thirty_two(precision):
    losses = {}
    for kind in ("fp32", precision):
        config = replace(SHORT, steps=60, precision=kind)
        losses[kind] = [s.loss for s in train(tiny(), pictures(), SCHEDULE, config)]
    assert losses["fp32"] != losses[precision]
    assert sum(losses[precision][-10:]) == pytest.approx(sum(losses["fp32"][-10:]), rel=0.1)
    assert sum(losses[precision][-10:]) < 0.9 * sum(losses[precision][:10])


def test_overflow_skips_the_step_and_halves_the_scale():
    state = start(tiny(), replace(SHORT, precision="fp16"))
    before, scale = weights(state.model), state.scaler.get_scale()
    for p in state.model.parameters():
        p.grad = torch.zeros_like(p)
    p.grad.view(-1)[0] = math.inf
    state.scaler.scale(torch.zeros(()))  # which makes its scale
    take_step(state, SHORT)
    assert torch.equal(weights(state.model), before)
    assert (state.skipped, state.step, state.scaler.get_scale()) == (1, 1, scale / 2)
    for p in state.model.parameters():
        p.grad = torch.ones_like(p)
    state.lr = 0.1
    take_step(state, SHORT)
    assert not torch.equal(weights(state.model), before) and state.skipped == 1


def test_gradients_are_clipped_at_their_true_size():
    state = start(tiny(), replace(SHORT, precision="fp16"))
    batch = draw_batch(pictures(), SCHEDULE.T, 5, state.generator)
    state.last_loss = 0.0
    add_gradient(state, batch, SCHEDULE, velocity_loss, replace(SHORT, precision="fp16"))
    scaled = math.sqrt(sum(p.grad.square().sum().item() for p in state.model.parameters()))
    take_step(state, SHORT)
    assert state.norm == pytest.approx(scaled / 65536, rel=1e-3)
    assert 1e-3 < state.norm < 1e3


def test_a_loss_that_overflows_in_fp16_names_the_layer():
    net = tiny()
    with torch.no_grad():
        net.encoder.blocks[0].conv2.weight.mul_(1e7)
    run = train(net, pictures(), SCHEDULE, replace(SHORT, precision="fp16"))
    words = "scale 65536; encoder.blocks.0.conv2 is the first layer .* Try .* bf16 or fp32"
    with pytest.raises(ValueError, match=words):
        next(run)


def test_another_precision_is_refused():
    run = train(tiny(), pictures(), SCHEDULE, replace(SHORT, precision="fp8"))
    with pytest.raises(ValueError, match="one of fp32, fp16, bf16; got 'fp8'"):
        next(run)
