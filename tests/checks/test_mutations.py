"""Do the checks see a small change anywhere in a reference?

Every constant, operator, call, argument, condition and statement of the code behind an exercise is
changed, one at a time. A check that still says "correct" has let a mutant through: either the
mutant does the same as the reference, and EQUIVALENT says why, or the check is too weak.
"""

import inspect
import textwrap

import pytest
from mutate import mutants

from course_utils.checks import EXERCISES
from course_utils.checks.engine.grading import first_difference
from course_utils.checks.engine.recognise import observe, observe_reference
from course_utils.checks.engine.sandbox import TimeUp, run_apart

# (exercise, line of the reference, mutant of it): why no check can or should tell them apart.
PROMOTED = "PyTorch turns integers into floats when they meet floats"
ONE = "there is one picture only, the first and the last"
ERRORS = "it serves the error messages, which an exercise does not ask for"
NUMBERS = "a single number on the CPU may meet a tensor on a GPU"
RENEWED = (
    "xt = alpha_bar_next.sqrt() * x0 + (1 - alpha_bar_next - sigma ** 2).clamp(min=0).sqrt() * eps"
)
ROUNDED = "it is rounded to 0 or to a little below, which depends on the CPU"
ZERO = "sigma is 0 there, so no noise is added either way"
DEVICES = "betas, alpha_bars = (schedule.betas.to(xT.device), schedule.alpha_bar.to(xT.device))"
AXES = "the same axes, counted from the other end or named in another order"
NOT_TAKEN = "the weights, the second of the pair, are not taken"
OF_TORCH = "mixed, _ = self.attention(tokens, tokens, tokens{})"
SUMMARY = "summary = k.softmax(dim=-1) @ v.transpose({})"
READ = "mixed = summary.transpose({}) @ q.softmax(dim={})"
MEET = "return (q @ k.transpose({}) / q.shape[-1] ** 0.5).softmax(dim=-1)"
LEVELS = "for sigma, sigma_next in zip(sigmas.to(xT), sigmas[1:].to(xT)):"
NO_WAY_UP = "with mu = 0 sigma_down is sigma_next, so no noise is added either way"
DONE = "done = (step - config.warmup) / {}"
ALL_WARM_UP = "only a run that is all warm-up divides by 0 there, and it never comes to that line"
PIXELS = "seen = F.scaled_dot_product_attention(self.{}(tokens), self.{}(tokens), self.{}(tokens))"
NAMES = "the layers have the same shape, so it is a matter of their names"
SHAPES = "shapes = ', '.join({})"
PARTS = "for part in (U, LA, Vh, mean)"
MADE = SHAPES.format(f"(str(tuple(part.shape)) {PARTS})")
FOUND_AFRESH = "the first chunk multiplies it by exp(-inf), which is 0"
NOISE_THERE = "without any noise the nearest is meant; an exercise does not ask for it"
EQUIVALENT = {
    ("1.1", "i = torch.arange(half, dtype=torch.float32)", "i = torch.arange(half)"): PROMOTED,
    (
        "1.2",
        "angles = t.float()[:, None] * frequencies(dim, max_period).to(t.device)",
        "angles = t[:, None] * frequencies(dim, max_period).to(t.device)",
    ): PROMOTED,
    (
        "3.2",
        "gradient, = torch.autograd.grad(out[0, :, h // 2, w // 2].sum(), x)",
        "gradient, = torch.autograd.grad(out[-1, :, h // 2, w // 2].sum(), x)",
    ): ONE,
    (
        "3.2",
        "return gradient[0].abs().sum(dim=0)",
        "return gradient[-1].abs().sum(dim=0)",
    ): ONE,
    (
        "4.3",
        "x = F.interpolate(x, scale_factor=2, mode='nearest')",
        "x = F.interpolate(x, scale_factor=2)",
    ): "nearest is what interpolate does unless told otherwise",
    ("5.1", "check_picture(x, self.in_ch, self.halvings)", "pass"): ERRORS,
    ("5.1", "check_picture(x, self.in_ch, self.halvings)", "x"): ERRORS,
    (
        "5.1",
        "self.in_ch, self.halvings = (in_ch, len(ch_mult) - 1)",
        "self.in_ch, self.halvings = (in_ch, 1)",
    ): ERRORS,
    (
        "5.1",
        "self.in_ch, self.halvings = (in_ch, len(ch_mult) - 1)",
        "self.in_ch, self.halvings = (in_ch, len(ch_mult) - 2)",
    ): ERRORS,
    (
        "5.3",
        "return F.mse_loss(net(add_noise(x0, eps, alpha_bar), t), eps)",
        "return F.mse_loss(eps, net(add_noise(x0, eps, alpha_bar), t))",
    ): "a square does not see which of the two comes first",
    (
        "5.3",
        "alpha_bar = schedule.alpha_bar_at(timesteps(t, x0))",
        "alpha_bar = schedule.alpha_bar_at(t)",
    ): "timesteps is for a t that is one int; here t has shape (B,)",
    ("5.4", DEVICES, DEVICES.replace("betas.to(xT.device)", "betas.to()")): NUMBERS,
    ("5.4", DEVICES, DEVICES.replace("betas.to(xT.device)", "betas")): NUMBERS,
    ("5.4", "if t > 0:", "if t >= 0:"): ZERO,
    ("5.4", "if t > 0:", "if t > -1:"): ZERO,
    ("5.5", RENEWED, RENEWED.replace(".clamp(min=0)", "")): ROUNDED,
    ("5.5", RENEWED, RENEWED.replace("min=0", "min=-1")): ROUNDED,
    ("5.5", "if eta > 0:", "if eta >= 0:"): ZERO,
    ("5.5", "if eta > 0:", "if eta > -1:"): ZERO,
    (
        "8.1",
        "scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5",
        "scores = q @ k.transpose(2, 1) / q.shape[-1] ** 0.5",
    ): AXES,
    (
        "8.2",
        "return attention_weights(to_tokens(self.q(x)), to_tokens(self.k(x)))",
        "return attention_weights(to_tokens(self.k(x)), to_tokens(self.q(x)))",
    ): "the layers q and k have the same shape, so it is a matter of their names",
    ("8.4", OF_TORCH.format(", need_weights=False"), OF_TORCH.format("")): NOT_TAKEN,
    (
        "8.4",
        OF_TORCH.format(", need_weights=False"),
        OF_TORCH.format(", need_weights=True"),
    ): NOT_TAKEN,
    ("8.5", SUMMARY.format("-1, -2"), SUMMARY.format("-2, -1")): AXES,
    ("8.5", SUMMARY.format("-1, -2"), SUMMARY.format("-1, 2")): AXES,
    ("8.5", READ.format("-1, -2", "-2"), READ.format("-2, -1", "-2")): AXES,
    ("8.5", READ.format("-1, -2", "-2"), READ.format("-1, 2", "-2")): AXES,
    ("8.5", READ.format("-1, -2", "-2"), READ.format("-1, -2", "2")): AXES,
    ("8.6", MEET.format("-1, -2"), MEET.format("-2, -1")): AXES,
    ("8.6", MEET.format("-1, -2"), MEET.format("-1, 2")): AXES,
    ("10.4", LEVELS, LEVELS.replace("(sigmas.to(xT)", "(sigmas.to()")): NUMBERS,
    ("10.4", LEVELS, LEVELS.replace("(sigmas.to(xT)", "(sigmas")): NUMBERS,
    ("10.4", LEVELS, LEVELS.replace("sigmas[1:].to(xT)", "sigmas[1:].to()")): NUMBERS,
    ("10.4", LEVELS, LEVELS.replace("sigmas[1:].to(xT)", "sigmas[1:]")): NUMBERS,
    ("10.4", "if mu > 0:", "if mu >= 0:"): NO_WAY_UP,
    ("10.4", "if mu > 0:", "if mu > -1:"): NO_WAY_UP,
    # 6.8 to 6.15
    (
        "6.12",
        "t = torch.randint(0, len(alpha_bar), (len(x0),), device=x0.device)",
        "t = torch.randint(len(alpha_bar), (len(x0),), device=x0.device)",
    ): "randint draws from 0 on unless told otherwise",
    (
        "6.14",
        "tokens = x.flatten(2).transpose(1, 2)",
        "tokens = x.flatten(2).transpose(2, 1)",
    ): AXES,
    ("6.14", PIXELS.format("q", "k", "v"), PIXELS.format("k", "q", "v")): NAMES,
    ("6.14", PIXELS.format("q", "k", "v"), PIXELS.format("q", "v", "k")): NAMES,
    (
        "6.14",
        "return x + seen.transpose(1, 2).reshape(x.shape)",
        "return x + seen.transpose(2, 1).reshape(x.shape)",
    ): AXES,
    # 7.1 to 7.5
    (
        "7.2",
        DONE.format("max(config.steps - config.warmup, 1)"),
        DONE.format("max(1, config.steps - config.warmup)"),
    ): "the larger of two numbers, named in another order",
    (
        "7.2",
        DONE.format("max(config.steps - config.warmup, 1)"),
        DONE.format("(config.steps - config.warmup)"),
    ): ALL_WARM_UP,
    (
        "7.2",
        DONE.format("max(config.steps - config.warmup, 1)"),
        DONE.format("max(config.steps - config.warmup, 0)"),
    ): ALL_WARM_UP,
    (
        "7.2",
        DONE.format("max(config.steps - config.warmup, 1)"),
        DONE.format("max(config.steps - config.warmup, 2)"),
    ): "a fall of one step has d = 0 alone",
    ("7.5", "os.fsync(file.fileno())", "os.fsync(file)"): "os.fsync takes an open file too",
    # 9.1 to 9.6
    (
        "9.1",
        "count, total = (0, torch.zeros(len(S), dtype=torch.float64, device=device))",
        "count, total = (0, torch.zeros(len(S), device=device))",
    ): PROMOTED,
    (
        "9.3",
        "if not U.shape == Vh.shape == (n, n) or LA.shape != mean.shape:",
        "if not U.shape == Vh.shape == (n, n) and LA.shape != mean.shape:",
    ): ERRORS,
    ("9.3", MADE, "pass"): ERRORS,
    ("9.3", MADE, SHAPES.format("")): ERRORS,
    ("9.3", MADE, "shapes = ', '"): ERRORS,
    ("9.3", MADE, SHAPES.format(f"(str() {PARTS})")): ERRORS,
    ("9.3", MADE, SHAPES.format(f"(tuple(part.shape) {PARTS})")): ERRORS,
    ("9.3", MADE, SHAPES.format(f"(str(tuple()) {PARTS})")): ERRORS,
    ("9.3", MADE, SHAPES.format(f"(str(part.shape) {PARTS})")): ERRORS,
    (
        "9.3",
        "alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device).expand(len(xt))",
        "alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))",
    ): "alpha_bar and xt are float32 both",
    (
        "9.4",
        "return mean + LA.sqrt() * z @ U.T",
        "return mean - LA.sqrt() * z @ U.T",
    ): "a normal number is as likely as its negative",
    (
        "9.5",
        "alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))",
        "alpha_bar = torch.as_tensor(alpha_bar).expand(len(xt))",
    ): "a mask on the CPU may choose from a tensor on a GPU, and denoisers bring alpha_bar there",
    (
        "9.6",
        "alpha_bar = alpha_bar.double()[:, None]",
        "alpha_bar = alpha_bar[:, None]",
    ): "the noise level has digits enough, and meets float64 after that",
    (
        "9.6",
        "variance = ((1 - alpha_bar) / alpha_bar).clamp(min=1e-30)",
        "variance = (1 - alpha_bar) / alpha_bar",
    ): NOISE_THERE,
    (
        "9.6",
        "variance = ((1 - alpha_bar) / alpha_bar).clamp(min=1e-30)",
        "variance = ((1 - alpha_bar) / alpha_bar).clamp(min=-1.0)",
    ): NOISE_THERE,
    (
        "9.6",
        "total, mean = (torch.zeros_like(alpha_bar), torch.zeros_like(x))",
        "total, mean = (alpha_bar, torch.zeros_like(x))",
    ): FOUND_AFRESH,
    (
        "9.6",
        "total, mean = (torch.zeros_like(alpha_bar), torch.zeros_like(x))",
        "total, mean = (torch.zeros_like(alpha_bar), x)",
    ): FOUND_AFRESH,
    # 11.1 and 11.4
    (
        "11.1",
        "return F.mse_loss(net(on_line(x0, eps, time), t, *labels), eps - x0)",
        "return F.mse_loss(eps - x0, net(on_line(x0, eps, time), t, *labels))",
    ): "a square does not see which of the two comes first",
    (
        "11.4",
        "return ((directions - whole).square().mean() / whole.square().mean()).item()",
        "return (directions - whole).square().mean() / whole.square().mean()",
    ): "one number, in a tensor",
}


def survives(exercise, code, expected):
    """True when the check finds nothing wrong with the code."""
    names = dict(vars(inspect.getmodule(exercise.reference)))
    try:
        exec(compile(code, "mutant", "exec"), names)
        attempt = names[exercise.reference.__name__]
        came = run_apart(lambda: observe(exercise, attempt, expected).seen, 2)
    except (Exception, TimeUp):
        return False
    return first_difference(expected, came) is None


@pytest.mark.parametrize("id", EXERCISES)
def test_no_mutant_gets_through(id, record_property):
    exercise = EXERCISES[id]
    expected = observe_reference(exercise)
    code = textwrap.dedent(inspect.getsource(exercise.reference))
    killed, through = 0, []
    for line, mutant, changed in mutants(code):
        if survives(exercise, changed, expected):
            through.append((id, line, mutant))
        else:
            killed += 1
    explained = [key for key in through if key in EQUIVALENT]
    row = f"{id:5}{killed:4} mutants killed, {len(through)} survived, {len(explained)} of them "
    record_property("mutants", f"{row}equivalent: {exercise.title}")
    assert killed >= 2
    assert [key for key in through if key not in EQUIVALENT] == []


def test_every_equivalent_mutant_still_exists():
    there = set()
    for id in {id for id, _, _ in EQUIVALENT}:
        code = textwrap.dedent(inspect.getsource(EXERCISES[id].reference))
        there |= {(id, line, mutant) for line, mutant, _ in mutants(code)}
    assert [key for key in EQUIVALENT if key not in there] == []
