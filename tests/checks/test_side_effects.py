"""What a right result can hide is named: no gradient, a changed input, a tensor left on the CPU."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import EXERCISES, grade
from course_utils.embedding import TimeEmbedding, frequencies, sinusoidal_embedding


def test_input_changed_in_place_is_named():
    def attempt(emb):
        emb /= emb.norm(dim=1, keepdim=True)
        return emb @ emb.T

    verdict = grade("1.3", attempt)
    assert verdict.outcome == "not yet"
    assert "changes its input: emb is different" in verdict.message


def test_list_of_the_caller_changed_in_place_is_named():
    class Attempt(EXERCISES["3.4"].reference):
        def __init__(self, in_ch, chs, time_dim):
            super().__init__(in_ch, chs, time_dim)
            chs.reverse()

    message = grade("3.4", Attempt).message
    assert "changes its input: chs is different" in message
    assert "list(reversed(chs)) in place of chs.reverse()" in message


def test_skips_stay_in_their_list():
    class Attempt(EXERCISES["4.5"].reference):
        def forward(self, x, skips, temb):
            return super().forward(x, [skips.pop(0) for _ in self.ups], temb)

    verdict = grade("4.5", Attempt)
    assert verdict.outcome == "not yet" and "out of the caller's list" in verdict.message


def test_unused_parameter_is_named():
    class Attempt(TimeEmbedding):
        def __init__(self, dim):
            super().__init__(dim)
            self.spare = nn.Linear(2, 2)

    assert "No gradient reaches spare.weight, spare.bias." in grade("1.4", Attempt).message


def test_cut_gradient_is_named():
    class Attempt(TimeEmbedding):
        def forward(self, t):
            return super().forward(t).detach()

    assert "No gradient reaches linear.weight" in grade("1.4", Attempt).message


def test_sampler_that_keeps_gradients_is_named():
    def attempt(*args):
        return EXERCISES["5.4"].reference.__wrapped__(*args)

    assert "Leave @torch.no_grad()" in grade("5.4", attempt).message


def test_loss_that_calls_backward_is_named():
    def attempt(*args):
        loss = EXERCISES["5.3"].reference(*args)
        loss.backward()
        return loss

    assert "calls backward() itself" in grade("5.3", attempt).message


def test_loss_that_switches_the_network_to_eval_mode_is_named():
    def attempt(net, *args):
        return EXERCISES["5.3"].reference(net.eval(), *args)

    assert "Your loss calls net.eval()" in grade("5.3", attempt).message


@pytest.mark.parametrize("id", ["5.4", "5.5", "10.4"])
def test_sampler_that_writes_into_what_it_yielded_is_named(id):
    def attempt(model, xT, *args):
        kept = xT.clone()
        for t, xt, x0 in EXERCISES[id].reference(model, xT, *args):
            yield t, kept.copy_(xt), x0

    assert "writes into an xt that you yielded before" in grade(id, attempt).message


def test_layer_that_serves_twice_is_named():
    class Attempt(EXERCISES["10.1"].reference):
        def __init__(self, in_ch, out_ch, *more, **named):
            super().__init__(in_ch, out_ch, *more, **named)
            if in_ch == out_ch:
                self.norm2 = self.norm1

    assert "serves twice" in grade("10.1", Attempt).message


def test_module_left_in_eval_mode_is_named():
    class Attempt(TimeEmbedding):
        def forward(self, t):
            self.linear.eval()
            return super().forward(t)

    assert "Your forward leaves linear in eval mode" in grade("1.4", Attempt).message


def test_seed_that_is_set_is_named():
    def attempt(emb):
        torch.manual_seed(0)
        return EXERCISES["1.3"].reference(emb)

    assert "sets torch's random seed" in grade("1.3", attempt).message


def test_a_module_may_keep_something_of_its_last_call():
    class Attempt(EXERCISES["8.2"].reference):
        def weights(self, x):
            self.last = super().weights(x)
            self.all = [self.last]
            return self.last

    assert grade("8.2", Attempt).outcome == "correct"


def test_layer_of_the_notebook_in_place_of_ones_own_is_named():
    assert "uses conv1 of the notebook" in grade("2.3", Astray).message


def conv1(x):
    return torch.zeros(len(x), 5, *x.shape[2:])


class Astray(EXERCISES["2.3"].reference):
    def forward(self, x, temb):
        return self.conv2(conv1(x) + self.time_proj(temb)[:, :, None, None])


def test_two_time_embeddings_are_named():
    class Attempt(EXERCISES["5.1"].reference):
        def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
            super().__init__(in_ch, base_ch, ch_mult, time_dim)
            self.second = TimeEmbedding(time_dim)

        def forward(self, x, t):
            t = torch.as_tensor(t).expand(len(x))
            bottom, skips = self.encoder(x, self.time(t))
            return self.decoder(bottom, skips, self.second(t))

    assert "2 time embeddings: time, second" in grade("5.1", Attempt).message


def test_result_left_on_the_cpu_is_named():
    def attempt(t, dim, max_period=10_000.0):
        return sinusoidal_embedding(t.cpu(), dim, max_period)

    assert "stops on a GPU" in grade("1.2", attempt).message


def test_tensor_left_on_the_cpu_is_named():
    class Attempt(TimeEmbedding):
        def __init__(self, dim):
            super().__init__(dim)
            self.omega = frequencies(dim)  # no buffer, so .to(device) leaves it behind

        def forward(self, t):
            angles = t.float()[:, None] * self.omega
            return F.silu(self.linear(torch.cat([angles.sin(), angles.cos()], dim=1)))

    assert "On a GPU your code would stop" in grade("1.4", Attempt).message


def unclipped_with_its_schedule_brought_along(model, xT, schedule, steps=50, eta=0.0):
    bars, xt = schedule.alpha_bar.to(xT.device), xT
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
    for t, after in zip(times, [*times[1:], None]):
        with torch.no_grad():
            eps = model(xt, t)
        bar, new = bars[t], torch.ones(()) if after is None else bars[after]
        x0 = (xt - (1 - bar).sqrt() * eps) / bar.sqrt()
        sigma = eta * ((1 - new) / (1 - bar)).sqrt() * (1 - bar / new).sqrt()
        xt = new.sqrt() * x0 + (1 - new - sigma**2).clamp(min=0).sqrt() * eps
        xt = xt + sigma * torch.randn_like(xt) if eta else xt
        yield t, xt, x0


def test_mistake_is_named_whether_or_not_a_gpu_would_stop_it():
    assert grade("5.5", unclipped_with_its_schedule_brought_along).mistake == "x0 not clipped"
