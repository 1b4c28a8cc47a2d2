"""The exercises of notebook 05. A docstring of a wrong answer is what its author is told."""

import functools

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Downsample, Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import tensors
from course_utils.checks.mistakes import by_hand
from course_utils.decoder import Decoder
from course_utils.diffusion import add_noise, noise_loss, predict_x0
from course_utils.embedding import TimeEmbedding
from course_utils.encoder import Encoder
from course_utils.samplers import ddim, ddpm
from course_utils.schedule import Schedule, cosine_schedule
from course_utils.unet import UNet, timesteps

NOTEBOOK = "05_full_unet"


# 5.1 UNet


def unet_experiment(probe, UNet):
    cases = [(2, 1, 3, (1, 2), 8, 6, 4), (3, 2, 4, (2, 1, 3), 6, 8, 12), (2, 3, 2, (1, 3), 4, 2, 6)]
    for B, C, base, ch_mult, D, H, W in cases:
        net = probe.build(UNet, C, base, ch_mult, D)
        clocks = [n for n, m in net.named_modules() if type(m).__name__ == "TimeEmbedding"]
        probe.note(
            "one time embedding", len(clocks) > 1,
            f"Your network has {len(clocks)} time embeddings: {', '.join(clocks)}.",
            "One is enough: compute temb once, and hand the same to the encoder and the decoder.",
        )  # fmt: skip
        probe.train_and_eval(net, probe.normal(B, C, H, W), probe.steps(B))
    probe.call(net, probe.normal(B, C, H, W), 300)
    probe.on_fake_device(net, probe.normal(B, C, H, W), probe.steps(B))


class NoTimesteps(UNet):
    """t may be one int for the whole batch; then it has to become a tensor of shape (B,) first:
    timesteps(t, x)."""

    def forward(self, x, t):
        temb = self.time(t)
        return self.decoder(*self.encoder(x, temb), temb)


class DecoderWithoutTime(UNet):
    """The decoder gets no time, or not the right one: hand it the same temb as the encoder."""

    def forward(self, x, t):
        temb = self.time(timesteps(t, x))
        return self.decoder(*self.encoder(x, temb), 0 * temb)


class EncoderWithoutTime(UNet):
    """The encoder gets no time, or not the right one: hand it the same temb as the decoder."""

    def forward(self, x, t):
        temb = self.time(timesteps(t, x))
        return self.decoder(*self.encoder(x, 0 * temb), temb)


class WithoutTime(UNet):
    """t makes no difference in your network. Embed it, and hand temb to the encoder and to the
    decoder."""

    def forward(self, x, t):
        return super().forward(x, 0)


class WithoutSkips(UNet):
    """The skips do not reach the decoder as the encoder gave them. Hand the list on as it is."""

    def forward(self, x, t):
        temb = self.time(timesteps(t, x))
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, [0 * skip for skip in skips], temb)


class AnswersWithThePicture(UNet):
    """The input is added to the answer, or the answer taken from it. Return what the decoder
    returns: it is the noise already."""

    def forward(self, x, t):
        return x - super().forward(x, t)


class AddsTheInput(UNet):
    """The input is added to the answer. Return what the decoder returns: it is the noise
    already."""

    def forward(self, x, t):
        return x + super().forward(x, t)


class Squashed(UNet):
    """The answer goes through tanh or another function. Noise has no bounds: return what the
    decoder returns."""

    def forward(self, x, t):
        return super().forward(x, t).tanh()


class SkipsTurnedRound(UNet):
    """The skips reach the decoder in another order. The encoder lists them top to bottom, and the
    decoder expects them so: it turns the list round itself."""

    def forward(self, x, t):
        temb = self.time(timesteps(t, x))
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, skips[::-1], temb)


class WithChannels(UNet):
    """A network with other channels: set chs in a subclass."""

    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        nn.Module.__init__(self)
        self.in_ch, self.halvings = in_ch, len(ch_mult) - 1
        chs = self.channels(base_ch, ch_mult)
        self.time = TimeEmbedding(time_dim)
        self.encoder = Encoder(self.ends(in_ch), chs, time_dim)
        self.decoder = Decoder(chs, self.ends(in_ch), time_dim)

    def channels(self, base_ch, ch_mult):
        return [base_ch * m for m in ch_mult]

    def ends(self, in_ch):
        return in_ch


class AlwaysDoubled(WithChannels):
    """Your channels double from level to level, whatever ch_mult says. Level i has
    base_ch * ch_mult[i]."""

    def channels(self, base_ch, ch_mult):
        return [base_ch * 2**i for i in range(len(ch_mult))]


class MultipliersAsChannels(WithChannels):
    """base_ch is not used: the channels of level i are base_ch * ch_mult[i], not ch_mult[i]."""

    def channels(self, base_ch, ch_mult):
        return list(ch_mult)


class MultipliedOn(WithChannels):
    """You multiply from level to level. Each level has base_ch times its own multiplier."""

    def channels(self, base_ch, ch_mult):
        chs = []
        for m in ch_mult:
            base_ch = base_ch * m
            chs.append(base_ch)
        return chs


class OneChannelEnds(WithChannels):
    """Your network takes and returns one channel, whatever in_ch is."""

    def ends(self, in_ch):
        return 1


class ReturnsTheSkipsToo(UNet):
    """forward returns more than the answer. Return the decoder's output alone."""

    def forward(self, x, t):
        temb = self.time(timesteps(t, x))
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, skips, temb), skips


class UNetInOtherWords(nn.Module):
    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        widths = tuple(m * base_ch for m in ch_mult)
        self.right = Decoder(widths, in_ch, time_dim)
        self.left = Encoder(in_ch, widths, time_dim)
        self.clock = TimeEmbedding(time_dim)

    def forward(self, x, t):
        now = self.clock(timesteps(t, x))
        return self.right(*self.left(x, now), now)


class UNetByHand(nn.Module):
    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        *upper, lowest = [base_ch * m for m in ch_mult]
        self.time = TimeEmbedding(time_dim)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        ch = in_ch
        for out in upper:
            self.down.append(nn.ModuleList([ConvBlock(ch, out, time_dim), Downsample(out)]))
            ch = out
        self.middle = ConvBlock(ch, lowest, time_dim)
        ch = lowest
        for out in reversed(upper):
            self.up.append(nn.ModuleList([Upsample(ch, out), ConvBlock(2 * out, out, time_dim)]))
            ch = out
        self.last = nn.Conv2d(ch, in_ch, 1)

    def forward(self, x, t):
        if not isinstance(t, torch.Tensor):
            t = torch.full((x.shape[0],), t, device=x.device)
        temb, stack = self.time(t), []
        for block, halve in self.down:
            x = block(x, temb)
            stack.append(x)
            x = halve(x)
        x = self.middle(x, temb)
        for double, block in self.up:
            x = block(torch.cat((double(x), stack.pop()), 1), temb)
        return self.last(x)


class UNetInADict(nn.Module):
    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        chs = (base_ch * torch.tensor(ch_mult)).tolist()
        self.parts = nn.ModuleDict(
            {
                "decoder": Decoder(chs, in_ch, time_dim),
                "time": TimeEmbedding(time_dim),
                "encoder": Encoder(in_ch, chs, time_dim),
            }
        )

    def forward(self, x, t):
        t = torch.as_tensor(t, device=x.device)
        temb = self.parts["time"](t.expand(len(x)) if t.ndim == 0 else t)
        bottom, skips = self.parts["encoder"](x, temb)
        return self.parts["decoder"](bottom, skips, temb)


# 5.2 block_parameters


def block_parameters(in_ch, out_ch, time_dim):
    """Return the number of parameters of ConvBlock(in_ch, out_ch, time_dim).

    () -> int
    """
    convolutions = (9 * in_ch + 1) * out_ch + (9 * out_ch + 1) * out_ch
    norms = 2 * (2 * out_ch)
    time_proj = (time_dim + 1) * out_ch
    shortcut = 0 if in_ch == out_ch else (in_ch + 1) * out_ch
    return convolutions + norms + time_proj + shortcut


def block_parameters_experiment(probe, block_parameters):
    for in_ch, out_ch, time_dim in [(1, 4, 8), (5, 5, 2), (12, 3, 7), (64, 128, 256)]:
        probe.call(block_parameters, in_ch, out_ch, time_dim)


def biases_forgotten(in_ch, out_ch, time_dim):
    """The biases are missing: every convolution and the linear layer has one number more for each
    channel that comes out."""
    shortcut = 0 if in_ch == out_ch else in_ch * out_ch
    return (9 * in_ch + 9 * out_ch + 4 + time_dim) * out_ch + shortcut


def time_bias_forgotten(in_ch, out_ch, time_dim):
    """You are out_ch short, whether or not there is a shortcut. One bias for each channel is
    missing, most likely that of the linear layer for the time."""
    return block_parameters(in_ch, out_ch, time_dim) - out_ch


def shortcut_bias_forgotten(in_ch, out_ch, time_dim):
    """The bias of the shortcut is missing: the 1x1 convolution has one, as every convolution."""
    return block_parameters(in_ch, out_ch, time_dim) - (in_ch != out_ch) * out_ch


def kernel_not_squared(in_ch, out_ch, time_dim):
    """A 3x3 kernel has 9 weights, not 3, for each pair of channels."""
    return block_parameters(in_ch, out_ch, time_dim) - 6 * (in_ch + out_ch) * out_ch


def second_convolution_forgotten(in_ch, out_ch, time_dim):
    """The second convolution is missing: 3x3, from out_ch to out_ch."""
    return block_parameters(in_ch, out_ch, time_dim) - (9 * out_ch + 1) * out_ch


def norms_forgotten(in_ch, out_ch, time_dim):
    """BatchNorm has parameters too: a scale and a shift for each channel, in both norms."""
    return block_parameters(in_ch, out_ch, time_dim) - 4 * out_ch


def one_norm(in_ch, out_ch, time_dim):
    """You are 2 * out_ch short. Either the biases of the two convolutions are missing, or one of
    the two BatchNorms, which have a scale and a shift for each channel."""
    return block_parameters(in_ch, out_ch, time_dim) - 2 * out_ch


def averages_counted(in_ch, out_ch, time_dim):
    """You count BatchNorm's running mean and variance. They are kept, but not learned: no gradient
    goes there, so they are no parameters."""
    return block_parameters(in_ch, out_ch, time_dim) + 4 * out_ch


def shortcut_always(in_ch, out_ch, time_dim):
    """Where in_ch equals out_ch, the shortcut has no parameters."""
    equal = in_ch == out_ch
    return block_parameters(in_ch, out_ch, time_dim) + equal * (in_ch + 1) * out_ch


def shortcut_forgotten(in_ch, out_ch, time_dim):
    """The shortcut is missing: where the channels differ it is a 1x1 convolution."""
    differ = in_ch != out_ch
    return block_parameters(in_ch, out_ch, time_dim) - differ * (in_ch + 1) * out_ch


def shortcut_of_nine(in_ch, out_ch, time_dim):
    """The shortcut is a 1x1 convolution: it has no factor 9."""
    differ = in_ch != out_ch
    return block_parameters(in_ch, out_ch, time_dim) + differ * 8 * in_ch * out_ch


def time_forgotten(in_ch, out_ch, time_dim):
    """The projection of the time is missing: a linear layer from time_dim to out_ch."""
    return block_parameters(in_ch, out_ch, time_dim) - (time_dim + 1) * out_ch


def second_from_in_ch(in_ch, out_ch, time_dim):
    """The second convolution goes from out_ch to out_ch, not from in_ch."""
    return block_parameters(in_ch, out_ch, time_dim) + 9 * (in_ch - out_ch) * out_ch


def counted_by_torch(in_ch, out_ch, time_dim):
    return sum(p.numel() for p in ConvBlock(in_ch, out_ch, time_dim).parameters())


def counted_layer_by_layer(C, K, D):
    count = 0
    for c in (C, K):
        count += 3 * 3 * c * K + K
        count += K + K
    count += D * K + K
    if C != K:
        count += C * K + K
    return count


def counted_per_channel(in_ch, out_ch, time_dim):
    per_channel = 9 * (in_ch + out_ch) + time_dim + 3 + 4
    if in_ch - out_ch:
        per_channel += in_ch + 1
    return out_ch * per_channel


# 5.3 noise_loss


class StandIn(nn.Module):
    """A stand-in for a network: its answer depends on xt, on t, and on a weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, xt, t):
        t = torch.as_tensor(t, dtype=xt.dtype, device=xt.device).view(-1, 1, 1, 1)
        return self.weight * xt + 0.3 * torch.sin(t + 2 * xt)


def loss_experiment(probe, noise_loss):
    schedule = cosine_schedule(100)
    for B, C, H, W in [(3, 1, 4, 5), (5, 2, 3, 2)]:
        net = StandIn()
        x0, eps = probe.uniform(B, C, H, W) * 2 - 1, probe.normal(B, C, H, W)
        loss = probe.call(noise_loss, net, x0, probe.steps(B, 100), eps, schedule)
        probe.note(
            "gradients left to the training loop", net.weight.grad is None,
            "Your function calls backward() itself.",
            "The loop that trains does that, and it can be done once only. Return the loss.",
        )  # fmt: skip
        learns = isinstance(loss, torch.Tensor) and loss.requires_grad
        probe.note(
            "a loss to learn from", learns,
            "No gradient comes out of your loss, so nothing can be learned from it.",
            "Return the tensor itself, without .item(), .detach() or no_grad.",
        )  # fmt: skip


def noised(x0, t, eps, schedule):
    return add_noise(x0, eps, schedule.alpha_bar_at(t))


def asks_for_the_picture(net, x0, t, eps, schedule):
    """You compare the answer with the picture x0. This network is asked for the noise, eps."""
    return F.mse_loss(net(noised(x0, t, eps, schedule), t), x0)


def asks_for_the_noisy(net, x0, t, eps, schedule):
    """You compare the answer with xt, which the network has been given. It is asked for eps."""
    xt = noised(x0, t, eps, schedule)
    return F.mse_loss(net(xt, t), xt)


def sees_the_clean(net, x0, t, eps, schedule):
    """The network is given the clean picture. Add the noise first, and give it xt."""
    return F.mse_loss(net(x0, t), eps)


def sees_all_noise(net, x0, t, eps, schedule):
    """You add eps at full strength. How much noise belongs to step t, add_noise and
    schedule.alpha_bar_at(t) know."""
    return F.mse_loss(net(x0 + eps, t), eps)


def own_noise(net, x0, t, eps, schedule):
    """You draw noise of your own. Use the eps that is passed in, for both: to make xt, and to
    compare with."""
    return F.mse_loss(net(noised(x0, t, eps, schedule), t), torch.randn_like(eps))


def own_noise_throughout(net, x0, t, eps, schedule):
    """You draw noise of your own. Use the eps that is passed in, for both: to make xt, and to
    compare with."""
    eps = torch.randn_like(x0)
    return F.mse_loss(net(noised(x0, t, eps, schedule), t), eps)


def summed_over_pixels(net, x0, t, eps, schedule):
    """You take the mean over the batch, and the sum over the pixels. Take the mean over all: then
    it does not depend on how large the pictures are."""
    return summed(net, x0, t, eps, schedule) / len(x0)


def squared_late(net, x0, t, eps, schedule):
    """You take the mean first and square it then: differences of both signs cancel. Square first,
    then take the mean."""
    return (net(noised(x0, t, eps, schedule), t) - eps).mean() ** 2


def not_squared(net, x0, t, eps, schedule):
    """The square is missing: differences of both signs cancel."""
    return (net(noised(x0, t, eps, schedule), t) - eps).mean()


def summed(net, x0, t, eps, schedule):
    """You take the sum of the squares. Take the mean: then it does not depend on how large the
    batch and the pictures are."""
    return F.mse_loss(net(noised(x0, t, eps, schedule), t), eps, reduction="sum")


def absolute(net, x0, t, eps, schedule):
    """You take absolute differences. Take squares."""
    return F.l1_loss(net(noised(x0, t, eps, schedule), t), eps)


def rooted(net, x0, t, eps, schedule):
    """You take the root of the mean square. Leave the root out."""
    return F.mse_loss(net(noised(x0, t, eps, schedule), t), eps).sqrt()


def noise_for_picture(net, x0, t, eps, schedule):
    """Picture and noise are swapped in add_noise: it is add_noise(x0, eps, alpha_bar)."""
    return F.mse_loss(net(add_noise(eps, x0, schedule.alpha_bar_at(t)), t), eps)


def not_at_t(net, x0, t, eps, schedule):
    """schedule.alpha_bar holds the values of all T steps. Each picture needs the one of its own
    step: schedule.alpha_bar_at(t)."""
    return F.mse_loss(net(add_noise(x0, eps, schedule.alpha_bar), t), eps)


def time_as_share(net, x0, t, eps, schedule):
    """The network is given another t than the one that the picture was noised to. Hand t on as it
    is."""
    return F.mse_loss(net(noised(x0, t, eps, schedule), t / schedule.T), eps)


def loss_by_hand(net, x0, t, eps, schedule):
    a = schedule.alpha_bar[t].view(-1, 1, 1, 1)
    return ((net(a**0.5 * x0 + (1 - a) ** 0.5 * eps, t) - eps) ** 2).mean()


def loss_by_norm(net, x0, t, eps, schedule):
    wrong = eps - net(noised(x0, t, eps, schedule), t)
    return wrong.norm() ** 2 / wrong.numel()


def loss_by_picture(net, x0, t, eps, schedule):
    answer = net(noised(x0, t, eps, schedule), t)
    return torch.stack([(a - e).square().mean() for a, e in zip(answer, eps)]).mean()


# 5.4 ddpm and 5.5 ddim


def all_steps(probe, sampler):
    """A function that runs a sampler to its end: what it yields, or returns, as a list."""

    @functools.wraps(sampler)
    def run(model, xT, schedule, *more):
        result = sampler(model, xT, schedule, *more)
        found = list(result) if hasattr(result, "__iter__") else []
        expected = more[0] if more else schedule.T
        probe.note(
            "the number of steps", len(found),
            f"{len(found)} steps come out of your sampler, and {expected} are expected.",
            "Is there a yield t, xt, x0 in the loop, as its last line? Are all steps visited?",
        )  # fmt: skip
        probe.note(
            "no gradients are kept", not any(x.requires_grad for x in tensors(found)),
            "Your sampler keeps what is needed for gradients, of every step. In a thousand steps "
            "of a real network that fills the memory.",
            "Leave @torch.no_grad() in the line above def.",
        )  # fmt: skip
        return found

    return run


def drained(sampler):
    """The same without a note. On the other device a sampler may stop before the note is made, and
    a known mistake that stops there must still be recognised in an attempt that does not."""

    @functools.wraps(sampler)
    def run(*args):
        return list(sampler(*args))

    return run


def ddpm_experiment(probe, ddpm):
    for T, B, C, H, W in [(5, 2, 1, 3, 4), (8, 3, 2, 4, 2)]:
        schedule = Schedule(0.05 + 0.5 * probe.uniform(T))
        probe.call(all_steps(probe, ddpm), StandIn(), probe.normal(B, C, H, W), schedule)
    probe.on_fake_device(drained(ddpm), StandIn(), probe.normal(B, C, H, W), schedule)


def ddpm_with(
    model, xT, schedule, clip=True, noise=lambda beta, small: small.sqrt(), up=False, wrap=False,
    x0_root=0.5, xt_root=0.5, swap=False, last_noise=False, told=lambda t: t, bar=False,
    here=False, kind=torch.randn_like,
):  # fmt: skip
    """Algorithm 2 with a switch for every way to err."""
    xt, found = xT, []
    betas, alpha_bars = schedule.betas, schedule.alpha_bar
    with torch.no_grad():
        for t in range(schedule.T) if up else reversed(range(schedule.T)):
            beta, alpha_bar = betas[t], alpha_bars[t]
            before = alpha_bars[t - 1] if t > 0 or wrap else torch.ones_like(alpha_bar)
            x0 = predict_x0(xt, model(xt, told(t)), alpha_bar)
            x0 = x0.clamp(-1, 1) if clip else x0
            x0_share = (alpha_bar if here else before) ** x0_root * beta / (1 - alpha_bar)
            kept = alpha_bar if bar else 1 - beta
            xt_share = kept**xt_root * (1 - before) / (1 - alpha_bar)
            if swap:
                x0_share, xt_share = xt_share, x0_share
            xt = x0_share * x0 + xt_share * xt
            if t > 0 or last_noise:
                small = beta * (1 - before) / (1 - alpha_bar)
                xt = xt + noise(beta, small) * kind(xt)
            found.append((t, xt, x0))
    return found


def ddpm_without_noise(model, xT, schedule):
    """No noise is added after the steps. Without it, all pictures drift towards their average: add
    sigma_t times fresh noise after every step but the last."""
    return ddpm_with(model, xT, schedule, noise=lambda beta, small: 0)


def ddpm_with_variance(model, xT, schedule):
    """The noise is multiplied by the variance. Multiply it by the root, sigma_t."""
    return ddpm_with(model, xT, schedule, noise=lambda beta, small: small)


def ddpm_with_beta(model, xT, schedule):
    """Your noise has the variance beta_t. That is the larger of the two that the paper allows;
    asked for is the smaller, with the factor (1 - alpha_bar before) / (1 - alpha_bar)."""
    return ddpm_with(model, xT, schedule, noise=lambda beta, small: beta.sqrt())


def ddpm_noise_at_the_end(model, xT, schedule):
    """Your noise has the variance beta_t, and it is added after the last step too. Then the
    finished picture is noisy. Take sigma_t from the formula, and no noise at t = 0."""
    return ddpm_with(
        model, xT, schedule, noise=lambda beta, small: beta.sqrt(), last_noise=True
    )  # fmt: skip


def ddpm_upwards(model, xT, schedule):
    """You go from t = 0 up. Sampling starts at t = T - 1, where all is noise, and goes down."""
    return ddpm_with(model, xT, schedule, up=True)


def ddpm_upwards_with_noise(model, xT, schedule):
    """You go from t = 0 up. Sampling starts at t = T - 1, where all is noise, and goes down."""
    return ddpm_with(
        model, xT, schedule, up=True, last_noise=True, noise=lambda _, small: small**0.5
    )


def ddpm_wraps(model, xT, schedule):
    """At t = 0 you take alpha_bar[-1], which in Python is the last one. Before the first step
    nothing is noise: alpha_bar is 1 there."""
    return ddpm_with(model, xT, schedule, wrap=True)


def ddpm_wraps_and_adds(model, xT, schedule):
    """At t = 0 you take alpha_bar[-1], which in Python is the last one. Before the first step
    nothing is noise: alpha_bar is 1 there, and then sigma is 0."""
    return ddpm_with(model, xT, schedule, wrap=True, last_noise=True)


def ddpm_bare_noise(model, xT, schedule):
    """z is added as it is. Multiply it by sigma_t, which is small at most steps, and 0 at the
    last."""
    return ddpm_with(model, xT, schedule, noise=lambda beta, small: 1.0, last_noise=True)


@torch.no_grad()
def ddpm_clipped(model, xT, schedule):
    """You clip xt. It is noisy, and noise goes beyond [-1, 1]: clip x0 alone."""
    xt = xT
    for t in reversed(range(schedule.T)):
        xt, x0 = ddpm_step(model, xt, schedule, t)
        xt = xt.clamp(-1, 1)
        yield t, xt, x0


def ddpm_jumps(model, xT, schedule):
    """Your new xt is x0 itself, with noise or without. Go a small part of the way only: the formula
    mixes a share of x0 with a share of xt."""
    return ddpm_to(model, xT, schedule, lambda x0, sigma: x0)


def ddpm_jumps_and_adds(model, xT, schedule):
    """Your new xt is x0 itself, with noise or without. Go a small part of the way only: the formula
    mixes a share of x0 with a share of xt."""
    return ddpm_to(
        model, xT, schedule, lambda x0, sigma: x0 + sigma * torch.randn_like(x0)
    )  # fmt: skip


@torch.no_grad()
def ddpm_to(model, xT, schedule, new):
    """Algorithm 2 with another new picture, new(x0, sigma)."""
    xt = xT
    for t in reversed(range(schedule.T)):
        beta, bar = schedule.betas[t], schedule.alpha_bar[t]
        before = schedule.alpha_bar[t - 1] if t > 0 else torch.ones(())
        x0 = predict_x0(xt, model(xt, t), bar).clamp(-1, 1)
        xt = new(x0, (beta * (1 - before) / (1 - bar)).sqrt())
        yield t, xt, x0


def ddpm_uniform(model, xT, schedule):
    """Your noise is uniform, between 0 and 1. z is normally distributed: torch.randn_like(xt)."""
    return ddpm_with(model, xT, schedule, kind=torch.rand_like, last_noise=True)


def ddpm_one_noise(model, xT, schedule):
    """You draw z once, and add the same noise at each step. Draw it anew, in the loop."""
    z = torch.randn_like(xT)
    return ddpm_with(model, xT, schedule, kind=lambda xt: z)


def ddpm_bar_here(model, xT, schedule):
    """In the share of x0 you take the root of alpha_bar at t. There it is that of the step before,
    t - 1."""
    return ddpm_with(model, xT, schedule, here=True)


def ddpm_before_the_step(model, xT, schedule):
    """You yield the picture as it was before the step. Compute the new xt first: the yield is the
    last line of the loop."""
    before = xT
    for t, xt, x0 in ddpm_with(model, xT, schedule, last_noise=True):
        yield t, before, x0
        before = xt


@torch.no_grad()
def ddpm_not_kept(model, xT, schedule):
    """Every step starts from xT again. The new picture has to get the name xt, which the next
    step reads."""
    for t in reversed(range(schedule.T)):
        (xt, x0) = ddpm_step(model, xT, schedule, t)
        yield t, xt, x0


def ddpm_step(model, xt, schedule, t):
    """One step of algorithm 2.  (B, C, H, W) -> (B, C, H, W), (B, C, H, W)"""
    beta, bar = schedule.betas[t], schedule.alpha_bar[t]
    before = schedule.alpha_bar[t - 1] if t > 0 else torch.ones(())
    x0 = predict_x0(xt, model(xt, t), bar).clamp(-1, 1)
    x0_share = before.sqrt() * beta / (1 - bar)
    xt_share = (1 - beta).sqrt() * (1 - before) / (1 - bar)
    sigma = (beta * (1 - before) / (1 - bar)).sqrt()
    return x0_share * x0 + xt_share * xt + sigma * torch.randn_like(xt), x0


@torch.no_grad()
def ddpm_in_one_tensor(model, xT, schedule):
    """All your steps are the same tensor, for each step writes into it: who keeps them, as the
    notebook does in a list, has the last one many times. Make a new one: xt = ..., and no *= or
    +=."""
    xt = xT.clone()
    for t in reversed(range(schedule.T)):
        new, x0 = ddpm_step(model, xt, schedule, t)
        yield t, xt.copy_(new), x0


@torch.no_grad()
def ddpm_in_the_input(model, xT, schedule):
    """All your steps are the same tensor, and it is xT, the noise of whoever called you: each step
    writes into it. Make a new one: xt = ..., and no *= or +=."""
    for t in reversed(range(schedule.T)):
        new, x0 = ddpm_step(model, xT, schedule, t)
        yield t, xT.copy_(new), x0


@torch.no_grad()
def ddpm_by_raw_noise(model, xT, schedule):
    """Your step is taken with eps as the network gave it (algorithm 2 of the paper), so that the
    clipping of x0 has no effect on xt. Take the formula with x0, the clipped one."""
    xt = xT
    for t in reversed(range(schedule.T)):
        beta, bar = schedule.betas[t], schedule.alpha_bar[t]
        before = schedule.alpha_bar[t - 1] if t > 0 else torch.ones(())
        eps = model(xt, t)
        x0 = predict_x0(xt, eps, bar).clamp(-1, 1)
        xt = (xt - beta / (1 - bar).sqrt() * eps) / (1 - beta).sqrt()
        xt = xt + (beta * (1 - before) / (1 - bar)).sqrt() * torch.randn_like(xt)
        yield t, xt, x0


def ddpm_pairs(model, xT, schedule):
    """You yield t and xt. Yield three things after every step: (t, xt, x0)."""
    for t, xt, _ in ddpm_with(model, xT, schedule):
        yield t, xt


def ddpm_next_t(model, xT, schedule):
    """The t that you yield is one too small. Yield the t of the step that was taken; the first is
    T - 1."""
    for t, xt, x0 in ddpm_with(model, xT, schedule):
        yield t - 1, xt, x0


def ddpm_unclipped(model, xT, schedule):
    """x0 is not clipped to [-1, 1]. A guess from pure noise can be far outside, where no picture
    is, and the later steps would have to mend it."""
    return ddpm_with(model, xT, schedule, clip=False)


def ddpm_shares_swapped(model, xT, schedule):
    """The shares of x0 and of xt are swapped. At t = 0 all must come from x0."""
    return ddpm_with(model, xT, schedule, swap=True)


def ddpm_no_root_x0(model, xT, schedule):
    """In the share of x0 the root over alpha_bar of the step before is missing."""
    return ddpm_with(model, xT, schedule, x0_root=1)


def ddpm_no_root_xt(model, xT, schedule):
    """In the share of xt the root over 1 - beta_t is missing."""
    return ddpm_with(model, xT, schedule, xt_root=1)


def ddpm_bar_for_alpha(model, xT, schedule):
    """In the share of xt you take alpha_bar, the product over all steps. There it is 1 - beta_t,
    of this step alone."""
    return ddpm_with(model, xT, schedule, bar=True)


def ddpm_one_late(model, xT, schedule):
    """The model is told another t than that of the picture. Tell it t."""
    return ddpm_with(model, xT, schedule, told=lambda t: t + 1)


def ddpm_on_the_cpu(model, xT, schedule):
    """This is right on a CPU, and stops on a GPU: xT is there, and the schedule, or noise of yours,
    is on the CPU. alpha_bar = schedule.alpha_bar.to(xT.device) brings the one along, and
    torch.randn_like(xt) makes the other where xt is."""
    return ddpm_with(model, xT, schedule)


def ddpm_last_only(model, xT, schedule):
    """You return the finished picture alone. Yield after every step: (t, xt, x0)."""
    return ddpm_with(model, xT, schedule)[-1][1]


def ddpm_pictures_only(model, xT, schedule):
    """You yield xt alone. Yield three things after every step: (t, xt, x0)."""
    for _, xt, _ in ddpm_with(model, xT, schedule):
        yield xt


def ddpm_clean_first(model, xT, schedule):
    """In what you yield, xt and x0 are swapped: it is (t, xt, x0)."""
    for t, xt, x0 in ddpm_with(model, xT, schedule):
        yield t, x0, xt


@torch.no_grad()
def ddpm_by_noise(model, xT, schedule):
    xt = xT
    alphas = 1 - schedule.betas
    bars = torch.cat([torch.ones(1), schedule.alpha_bar])
    for t in range(schedule.T - 1, -1, -1):
        bar, before = bars[t + 1], bars[t]
        eps = model(xt, torch.full((len(xt),), t))
        x0 = ((xt - (1 - bar).sqrt() * eps) / bar.sqrt()).clip(-1, 1)
        eps = (xt - bar.sqrt() * x0) / (1 - bar).sqrt()
        xt = (xt - (1 - alphas[t]) / (1 - bar).sqrt() * eps) / alphas[t].sqrt()
        xt = xt + torch.randn_like(xt) * (schedule.betas[t] * (1 - before) / (1 - bar)).sqrt()
        yield t, xt, x0


def ddpm_in_a_list(model, xT, schedule):
    steps, xt = [], xT.clone()
    for i in range(schedule.T):
        t = schedule.T - 1 - i
        beta, bar = float(schedule.betas[t]), float(schedule.alpha_bar[t])
        before = bar / (1 - beta)
        with torch.no_grad():
            x0 = torch.clamp((xt - (1 - bar) ** 0.5 * model(xt, t)) / bar**0.5, -1.0, 1.0)
        xt = (before**0.5 * beta * x0 + (1 - beta) ** 0.5 * (1 - before) * xt) / (1 - bar)
        z = torch.randn(xt.shape, device=xt.device) if t else 0
        xt = xt + max(beta * (1 - before) / (1 - bar), 0) ** 0.5 * z
        steps.append((t, xt, x0))
    return steps


def ddpm_by_precision(model, xT, schedule):
    xt = xT
    for t in range(schedule.T)[::-1]:
        beta, bar = schedule.betas[t], schedule.alpha_bar[t].to(xt.device)
        with torch.no_grad():
            x0 = predict_x0(xt, model(xt, t), bar).clamp(min=-1, max=1)
        if t == 0:
            yield 0, x0, x0
            return
        before = schedule.alpha_bar[t - 1]
        precision = 1 / (1 - before) + (1 - beta) / beta
        mean = (before.sqrt() * x0 / (1 - before) + (1 - beta).sqrt() * xt / beta) / precision
        xt = torch.randn_like(xt).div(precision.sqrt()).add(mean)
        yield t, xt, x0


def ddim_experiment(probe, ddim):
    for T, steps, eta, B, C, H, W in [
        (20, 4, 0.0, 2, 1, 3, 4),
        (7, 7, 0.0, 3, 2, 2, 5),
        (30, 9, 1.0, 2, 1, 4, 3),
        (10, 3, 0.5, 2, 2, 2, 3),
    ]:
        schedule = Schedule(0.02 + 0.2 * probe.uniform(T))
        probe.call(all_steps(probe, ddim), StandIn(), probe.normal(B, C, H, W), schedule, steps, eta)
    every = Schedule(0.01 + 0.02 * probe.uniform(50))
    probe.call(all_steps(probe, ddim), StandIn(), probe.normal(2, 1, 2, 3), every)  # 50 steps, eta 0
    probe.on_fake_device(drained(ddim), StandIn(), probe.normal(B, C, H, W), schedule, steps, eta)


def ddim_with(
    model, xT, schedule, steps=50, eta=0.0, times=None, clip=True, again=True, wrap=False,
    sigma_power=0.5, less=True, root=0.5, told=lambda t: t, ratio_power=None, rest_root=0.5,
    zero_ends=False, last=0, fresh=1.0, swap=False,
):  # fmt: skip
    """Equation 12 with a switch for every way to err."""
    xt, found, T = xT, [], schedule.T
    times = times or [round(T * (1 - i / steps)) - 1 for i in range(steps)]
    with torch.no_grad():
        for i, t in enumerate(times):
            bar = schedule.alpha_bar[t]
            nxt = torch.ones_like(bar) if i + 1 == len(times) else schedule.alpha_bar[times[i + 1]]
            if wrap and i + 1 == len(times):
                nxt = schedule.alpha_bar[last]
            if zero_ends and i + 1 < len(times) and times[i + 1] == 0:
                nxt = torch.ones_like(bar)
            eps = model(xt, told(t))
            x0 = predict_x0(xt, eps, bar)
            x0 = x0.clamp(-1, 1) if clip else x0
            if again:
                eps = (xt - bar.sqrt() * x0) / (1 - bar) ** rest_root
            ratio = (1 - bar / nxt).clamp(min=0) ** (ratio_power or sigma_power)
            sigma = eta * ((1 - nxt) / (1 - bar)) ** sigma_power * ratio
            rest = (1 - nxt - sigma**2 if less else 1 - nxt).clamp(min=0)
            x0_share, eps_share = (rest, nxt) if swap else (nxt, rest)
            xt = x0_share**root * x0 + eps_share**root * eps
            if eta > 0:
                xt = xt + fresh * sigma * torch.randn_like(xt)
            found.append((t, xt, x0))
    return found


def ddim_unclipped(model, xT, schedule, steps=50, eta=0.0):
    """x0 is not clipped to [-1, 1], where pictures live."""
    return ddim_with(model, xT, schedule, steps, eta, clip=False)


def ddim_old_noise(model, xT, schedule, steps=50, eta=0.0):
    """x0 is clipped, but the step goes on with the old eps, which led to the unclipped x0. Compute
    eps anew from xt and the clipped x0."""
    return ddim_with(model, xT, schedule, steps, eta, again=False)


def ddim_without_eta(model, xT, schedule, steps=50, eta=0.0):
    """eta has no effect. With eta > 0, noise of the size sigma is added after each step."""
    return ddim_with(model, xT, schedule, steps, 0.0)


def ddim_too_much(model, xT, schedule, steps=50, eta=0.0):
    """With eta > 0 there is too much noise in your xt: the old noise must give way to the new. Its
    share is sqrt(1 - alpha_bar - sigma^2)."""
    return ddim_with(model, xT, schedule, steps, eta, less=False)


def ddim_variance(model, xT, schedule, steps=50, eta=0.0):
    """Your sigma is a variance: the root is missing."""
    return ddim_with(model, xT, schedule, steps, eta, sigma_power=1)


def ddim_one_root(model, xT, schedule, steps=50, eta=0.0):
    """In your sigma the second root is missing, that over 1 - alpha_bar / alpha_bar'."""
    return ddim_with(model, xT, schedule, steps, eta, ratio_power=1)


def ddim_always_one(model, xT, schedule, steps=50, eta=0.0):
    """eta has no effect: there is noise, as with eta = 1, also where eta is 0."""
    return ddim_with(model, xT, schedule, steps, 1.0)


def ddim_no_root_in_eps(model, xT, schedule, steps=50, eta=0.0):
    """Where you compute eps anew, the root is missing: divide by (1 - alpha_bar).sqrt()."""
    return ddim_with(model, xT, schedule, steps, eta, rest_root=1)


def ddim_zero_ends(model, xT, schedule, steps=50, eta=0.0):
    """Where the next step is t = 0, you take alpha_bar' = 1 already. 0 counts as False in Python:
    ask `if t_next is not None`, and not `if t_next`."""
    return ddim_with(model, xT, schedule, steps, eta, zero_ends=True)


def ddim_one_too_high(model, xT, schedule, steps=50, eta=0.0):
    """Your steps are one too high: they begin with T, and alpha_bar ends at T - 1. The - 1 behind
    the round is missing."""
    times = [round(schedule.T * (1 - i / steps)) for i in range(steps)]
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_cut_off(model, xT, schedule, steps=50, eta=0.0):
    """You cut off what is behind the point. The steps are rounded: round(T * (1 - i / n)) - 1."""
    times = [int(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_down_to_zero(model, xT, schedule, steps=50, eta=0.0):
    """Your steps are spread from T - 1 to 0. Asked for are others: t_i = round(T (1 - i/n)) - 1 for
    i = 0 ... n - 1. The last of them is above 0, and from there it goes to alpha_bar' = 1."""
    times = torch.linspace(schedule.T - 1, 0, steps).round().long().tolist()
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_down_to_zero_cut(model, xT, schedule, steps=50, eta=0.0):
    """Your steps are spread from T - 1 to 0. Asked for are others: t_i = round(T (1 - i/n)) - 1 for
    i = 0 ... n - 1. The last of them is above 0, and from there it goes to alpha_bar' = 1."""
    times = torch.linspace(schedule.T - 1, 0, steps).long().tolist()
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_equal_strides(model, xT, schedule, steps=50, eta=0.0):
    """Your steps are T // n apart. Where n does not divide T they then end too high. Asked for is
    t_i = round(T (1 - i/n)) - 1, whose distances differ by one."""
    times = list(range(schedule.T - 1, -1, -(schedule.T // steps)))[:steps]
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_no_roots(model, xT, schedule, steps=50, eta=0.0):
    """The roots over the shares of x0 and eps are missing."""
    return ddim_with(model, xT, schedule, steps, eta, root=1)


def ddim_not_to_the_end(model, xT, schedule, steps=50, eta=0.0):
    """After the last step some noise is left. The last step leads to a picture without any: to
    alpha_bar = 1."""
    return ddim_with(model, xT, schedule, steps, eta, wrap=True)


def ddim_wraps(model, xT, schedule, steps=50, eta=0.0):
    """After the last step you take alpha_bar[-1], which in Python is the last one: all is noise
    again. The last step leads to a picture without any, to alpha_bar = 1."""
    return ddim_with(model, xT, schedule, steps, eta, wrap=True, last=-1)


def ddim_no_fresh_noise(model, xT, schedule, steps=50, eta=0.0):
    """With eta > 0 the fresh noise is missing: sigma * z has to be added."""
    return ddim_with(model, xT, schedule, steps, eta, fresh=0.0)


def ddim_shares_swapped(model, xT, schedule, steps=50, eta=0.0):
    """The shares of x0 and eps are swapped. sqrt(alpha_bar') belongs to x0."""
    return ddim_with(model, xT, schedule, steps, eta, swap=True)


def ddim_upwards(model, xT, schedule, steps=50, eta=0.0):
    """You go from small t up. Start at T - 1, where all is noise, and go down."""
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)][::-1]
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_every_step(model, xT, schedule, steps=50, eta=0.0):
    """You take all T steps. steps says how many to take, spread evenly."""
    return ddim_with(model, xT, schedule, steps, eta, times=list(reversed(range(schedule.T))))


def ddim_last_steps(model, xT, schedule, steps=50, eta=0.0):
    """You take neighbouring steps. They must be spread over all T: t_i = round(T (1 - i/n)) - 1."""
    times = list(reversed(range(schedule.T)))[:steps]
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_from_zero(model, xT, schedule, steps=50, eta=0.0):
    """Your steps begin too low, or end at 0 with a step too many. They are
    t_i = round(T (1 - i/n)) - 1 for i = 0 ... n - 1; the first is T - 1."""
    times = list(range(0, schedule.T, schedule.T // steps))[:steps][::-1]
    return ddim_with(model, xT, schedule, steps, eta, times=times)


def ddim_told_the_number(model, xT, schedule, steps=50, eta=0.0):
    """The model is told another t than that of the picture. Tell it t, not the number of the
    step."""
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
    return ddim_with(model, xT, schedule, steps, eta, told=times.index)


def ddim_on_the_cpu(model, xT, schedule, steps=50, eta=0.0):
    """This is right on a CPU, and stops on a GPU: xT is there, and the schedule, or noise of yours,
    is on the CPU. alpha_bar = schedule.alpha_bar.to(xT.device) brings the one along, and
    torch.randn_like(xt) makes the other where xt is."""
    return ddim_with(model, xT, schedule, steps, eta)


def ddim_clean_first(model, xT, schedule, steps=50, eta=0.0):
    """In what you yield, xt and x0 are swapped: it is (t, xt, x0)."""
    for t, xt, x0 in ddim_with(model, xT, schedule, steps, eta):
        yield t, x0, xt


def ddim_last_only(model, xT, schedule, steps=50, eta=0.0):
    """You return the finished picture alone. Yield after every step: (t, xt, x0)."""
    return ddim_with(model, xT, schedule, steps, eta)[-1][1]


@torch.no_grad()
def ddim_by_pairs(model, xT, schedule, steps=50, eta=0.0):
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps + 1)]
    bars = [float(schedule.alpha_bar[t]) if t >= 0 else 1.0 for t in times]
    for t, bar, nxt in zip(times, bars, bars[1:]):
        x0 = predict_x0(xT, model(xT, t), xT.new_tensor(bar)).clamp(-1, 1)
        eps = (xT - bar**0.5 * x0) / (1 - bar) ** 0.5
        sigma = eta * ((1 - nxt) / (1 - bar) * (1 - bar / nxt)) ** 0.5
        xT = nxt**0.5 * x0 + max(1 - nxt - sigma**2, 0) ** 0.5 * eps + sigma * torch.randn_like(xT)
        yield t, xT, x0


def ddim_in_a_list(model, xT, schedule, steps=50, eta=0.0):
    out, xt, T = [], xT, schedule.T
    for i in range(steps):
        t = round(T * (1 - i / steps)) - 1
        t_next = round(T * (1 - (i + 1) / steps)) - 1
        bar = schedule.alpha_bar[t]
        bar_next = schedule.alpha_bar[t_next] if i < steps - 1 else torch.tensor(1.0)
        with torch.no_grad():
            eps = model(xt, torch.tensor([t] * len(xt)))
        x0 = torch.clip((xt - eps * torch.sqrt(1 - bar)) / torch.sqrt(bar), -1, 1)
        eps = (xt - torch.sqrt(bar) * x0) / torch.sqrt(1 - bar)
        var = eta**2 * (1 - bar_next) / (1 - bar) * (1 - bar / bar_next)
        xt = torch.sqrt(bar_next) * x0 + torch.sqrt(F.relu(1 - bar_next - var)) * eps
        xt = xt + torch.sqrt(var) * torch.randn(*xt.shape, device=xt.device)
        out.append([t, xt, x0])
    return out


class Turning:
    """Noise and picture are the legs of an angle that shrinks."""

    def __init__(self, schedule):
        self.angles = torch.acos(schedule.alpha_bar.double().sqrt())

    def __call__(self, xt, t):
        angle = self.angles[t] if t >= 0 else torch.zeros((), dtype=torch.float64)
        return float(angle.cos()), float(angle.sin())


def ddim_by_angles(model, xT, schedule, steps=50, eta=0.0):
    turning, xt, i = Turning(schedule), xT, 0
    while i < steps:
        t, after = (round(schedule.T * (steps - j) / steps) - 1 for j in (i, i + 1))
        (cos, sin), (new_cos, new_sin) = turning(xt, t), turning(xt, after)
        with torch.no_grad():
            x0 = ((xt - sin * model(xt, t)) / cos).clamp(-1, 1)
        eps = (xt - cos * x0) / sin
        sigma = eta * new_sin / sin * (1 - (cos / new_cos) ** 2) ** 0.5
        xt = new_cos * x0 + max(new_sin**2 - sigma**2, 0) ** 0.5 * eps
        if eta:
            xt = xt + sigma * torch.randn_like(xt)
        yield t, xt, x0
        i += 1


EXERCISES = [
    Exercise(
        id="5.1",
        title="The U-Net",
        notebook=NOTEBOOK,
        reference=UNet,
        experiment=unet_experiment,
        look="The order is: time embedding, encoder, decoder. Print the shapes between them.",
        catalogue=by_hand({
            "an int t not spread over the batch": NoTimesteps,
            "decoder without the time": DecoderWithoutTime,
            "encoder without the time": EncoderWithoutTime,
            "time not used": WithoutTime,
            "skips cut": WithoutSkips,
            "answer taken from the input": AnswersWithThePicture,
            "input added to the answer": AddsTheInput,
            "answer squashed": Squashed,
            "skips turned round": SkipsTurnedRound,
            "channels doubled whatever ch_mult says": AlwaysDoubled,
            "base_ch not used": MultipliersAsChannels,
            "multiplied from level to level": MultipliedOn,
            "in_ch not used": OneChannelEnds,
            "skips returned too": ReturnsTheSkipsToo,
        }),
        also_right=[UNetInOtherWords, UNetByHand, UNetInADict],
    ),
    Exercise(
        id="5.2",
        title="Count the parameters of a block",
        notebook=NOTEBOOK,
        reference=block_parameters,
        experiment=block_parameters_experiment,
        look="It is an int. Print each p.shape of ConvBlock(1, 4, 8).parameters() and of "
        "ConvBlock(5, 5, 2).parameters(), and count layer by layer.",
        catalogue=by_hand({
            "no biases": biases_forgotten,
            "bias of the linear layer missing": time_bias_forgotten,
            "bias of the shortcut missing": shortcut_bias_forgotten,
            "kernel not squared": kernel_not_squared,
            "second convolution missing": second_convolution_forgotten,
            "no norms": norms_forgotten,
            "one norm": one_norm,
            "running averages counted": averages_counted,
            "shortcut always counted": shortcut_always,
            "shortcut never counted": shortcut_forgotten,
            "shortcut counted as 3x3": shortcut_of_nine,
            "time projection not counted": time_forgotten,
            "second convolution from in_ch": second_from_in_ch,
        }),
        also_right=[counted_by_torch, counted_layer_by_layer, counted_per_channel],
    ),
    Exercise(
        id="5.3",
        title="The training objective",
        notebook=NOTEBOOK,
        reference=noise_loss,
        experiment=loss_experiment,
        look="Three lines: alpha_bar at t, the noisy picture, the mean squared difference between "
        "the answer and eps.",
        catalogue=by_hand({
            "asks for the picture": asks_for_the_picture,
            "asks for the noisy picture": asks_for_the_noisy,
            "network sees the clean picture": sees_the_clean,
            "noise at full strength": sees_all_noise,
            "noise of its own": own_noise,
            "noise of its own for both": own_noise_throughout,
            "summed over the pixels": summed_over_pixels,
            "mean before the square": squared_late,
            "no square": not_squared,
            "sum instead of mean": summed,
            "absolute differences": absolute,
            "root of the mean square": rooted,
            "picture and noise swapped": noise_for_picture,
            "alpha_bar of all steps": not_at_t,
            "t changed on its way": time_as_share,
        }),
        also_right=[loss_by_hand, loss_by_norm, loss_by_picture],
    ),
    Exercise(
        id="5.4",
        title="DDPM sampling",
        notebook=NOTEBOOK,
        reference=ddpm,
        experiment=ddpm_experiment,
        look="Compare your shares with the formula at t = 0: that of x0 is 1, that of xt is 0.",
        catalogue=by_hand({
            "no noise": ddpm_without_noise,
            "variance instead of its root": ddpm_with_variance,
            "variance beta": ddpm_with_beta,
            "noise after the last step": ddpm_noise_at_the_end,
            "upwards in time": ddpm_upwards,
            "upwards in time, noise at t = 0 too": ddpm_upwards_with_noise,
            "alpha_bar[-1] before the first step": ddpm_wraps,
            "alpha_bar[-1] before the first step, and noise": ddpm_wraps_and_adds,
            "noise without its size": ddpm_bare_noise,
            "xt clipped": ddpm_clipped,
            "jump to x0": ddpm_jumps,
            "jump to x0 with noise": ddpm_jumps_and_adds,
            "uniform noise": ddpm_uniform,
            "one noise for all steps": ddpm_one_noise,
            "alpha_bar of t in the share of x0": ddpm_bar_here,
            "picture before the step": ddpm_before_the_step,
            "new picture not kept": ddpm_not_kept,
            "all steps in one tensor": ddpm_in_one_tensor,
            "all steps in xT": ddpm_in_the_input,
            "step with the raw eps": ddpm_by_raw_noise,
            "x0 not yielded": ddpm_pairs,
            "t of the next step": ddpm_next_t,
            "x0 not clipped": ddpm_unclipped,
            "shares swapped": ddpm_shares_swapped,
            "no root in the share of x0": ddpm_no_root_x0,
            "no root in the share of xt": ddpm_no_root_xt,
            "alpha_bar for alpha": ddpm_bar_for_alpha,
            "model told another t": ddpm_one_late,
            "schedule left on the CPU": ddpm_on_the_cpu,
            "last picture only": ddpm_last_only,
            "xt only": ddpm_pictures_only,
            "xt and x0 swapped": ddpm_clean_first,
        }),
        also_right=[ddpm_by_noise, ddpm_in_a_list, ddpm_by_precision],
    ),
    Exercise(
        id="5.5",
        title="DDIM sampling",
        notebook=NOTEBOOK,
        reference=ddim,
        experiment=ddim_experiment,
        look="With T = 20 and 4 steps, t is 19, 14, 9, 4; the last one leads to alpha_bar = 1.",
        catalogue=by_hand({
            "x0 not clipped": ddim_unclipped,
            "eps not computed anew": ddim_old_noise,
            "eta without effect": ddim_without_eta,
            "old noise kept beside the new": ddim_too_much,
            "variance instead of its root": ddim_variance,
            "second root of sigma missing": ddim_one_root,
            "noise whatever eta": ddim_always_one,
            "no root where eps is computed anew": ddim_no_root_in_eps,
            "step 0 taken for the end": ddim_zero_ends,
            "steps one too high": ddim_one_too_high,
            "steps cut off": ddim_cut_off,
            "steps down to 0": ddim_down_to_zero,
            "steps down to 0, cut off": ddim_down_to_zero_cut,
            "steps T // n apart": ddim_equal_strides,
            "no roots": ddim_no_roots,
            "xt and x0 swapped": ddim_clean_first,
            "noise left at the end": ddim_not_to_the_end,
            "alpha_bar[-1] at the end": ddim_wraps,
            "fresh noise missing": ddim_no_fresh_noise,
            "shares swapped": ddim_shares_swapped,
            "upwards in time": ddim_upwards,
            "all T steps": ddim_every_step,
            "neighbouring steps": ddim_last_steps,
            "steps begin too low": ddim_from_zero,
            "model told the number of the step": ddim_told_the_number,
            "schedule left on the CPU": ddim_on_the_cpu,
            "last picture only": ddim_last_only,
        }),
        also_right=[ddim_by_pairs, ddim_in_a_list, ddim_by_angles],
    ),
]
