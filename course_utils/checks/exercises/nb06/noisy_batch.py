"""6.12 A batch for training."""

import random

import torch
from einops import einsum, rearrange

from course_utils.checks.exercises.nb06.healthy_networks import noisy_batch
from course_utils.checks.parts import call_of, describe, state, tensors

MANY = 2400, 2, 1, 3  # so many pictures that averages tell how steps and noise are drawn
FORMULA = "xt = sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) eps"


def experiment(probe, noisy_batch):
    """Write down properties alone: answers may draw steps and noise in any order."""
    _, t, eps = drawn(probe, noisy_batch, probe.uniform(*MANY), torch.tensor([0.9, 0.5, 0.1]))
    note_steps(probe, t, 3)
    note_noise(probe, eps)
    note_mixture(probe, noisy_batch, probe.normal(4, 2, 3, 5), torch.full((6,), 0.36))
    alpha_bar = torch.tensor([0.95, 0.8, 0.7, 0.5, 0.3, 0.2, 0.1])
    note_own_steps(probe, noisy_batch, probe.normal(64, 4, 2, 3), alpha_bar)
    probe.on_fake_device(noisy_batch, probe.normal(2, 3, 5, 4), alpha_bar)


def drawn(probe, noisy_batch, *args, seed=1):
    """Call the attempt; return xt, t and eps if they are tensors of the right kind, else stop."""
    before, given = [state(a) for a in args], [a.clone() for a in args]
    what = call_of(noisy_batch, args)
    with probe.advice(
        ("out of bounds", "", "alpha_bar has entries 0 to T - 1. Which steps do you draw?"),
        look="Print the shapes of x0, t, alpha_bar[t] and eps.",
    ):
        result = probe.run(what, noisy_batch, *given, seed=seed)
    bad = sum(int((~x.isfinite()).sum()) for x in tensors(result))
    probe.note("values that are NaN or infinite", bad, f"{bad} values are NaN or infinite.")
    parts = result if isinstance(result, (tuple, list)) else (result,)
    order = "Return xt, t, eps, in this order. t has one whole number for each picture."
    told = f"Three values should come back from your function, and it's {len(parts)}."
    probe.note("how many values come back", len(parts), told, order, last=len(parts) != 3)
    x0 = args[0]
    for key, value, right in zip(("xt", "t", "eps"), parts, (x0, torch.zeros(len(x0)).long(), x0)):
        told = f"{key} should be {kind(right)}, and it's {kind(value)}."
        probe.note(f"what {key} is", kind(value), told, order, last=kind(value) != kind(right))
    probe.note_changes(noisy_batch, given, given, before)
    return parts


def kind(value):
    """Say what a value is, without the number itself, which may have been drawn."""
    if value is None or isinstance(value, torch.Tensor):
        return describe(value)
    return f"no tensor ({type(value).__name__})"


def note_steps(probe, t, T):
    """Write down which steps come up, and whether all of them do so equally often."""
    alone = bool((t == t[0]).all())
    look = "Draw B numbers, one for each picture: torch.randint(0, T, (B,))."
    told = "All pictures of your batch get the same step t."
    probe.note("one step for all pictures", alone, told, look)
    found = [] if alone else sorted(set(t.tolist()))
    told = f"With T = {T} the steps of {len(t)} pictures are {found}."
    look = "All from 0 to T - 1 must come up. torch.randint(a, b, ...) draws from a to b - 1."
    probe.note("steps that come up", found, told, look)
    counts = [int((t == s).sum()) for s in range(T)]
    shares = [round(4 * T * n / len(t)) for n in counts if not alone]  # in quarters
    told = f"The steps 0 to {T - 1} come up {', '.join(map(str, counts))} times."
    look = "All should be equally likely, as torch.randint draws them."
    probe.note("how often each comes up", shares, told, look)


def note_noise(probe, eps):
    """Write down whether all of eps is drawn, and from which distribution."""
    pairs = [(eps[0], eps[1]), (eps[:, 0], eps[:, 1]), (eps[..., 0], eps[..., 1])]
    axes = "pictures", "channels", "pixels"
    alike = [axis for axis, pair in zip(axes, pairs) if torch.equal(*pair)]
    told = f"All {' and '.join(alike)} get the same noise."
    look = "Each number of eps is drawn separately: torch.randn_like(x0)."
    probe.note("what gets the same noise", alike, told, look)
    mean, std, most = float(eps.mean()), float(eps.std(correction=0)), float(eps.abs().max())
    told = f"eps has mean {mean:.2g}, standard deviation {std:.2g}, and no number above {most:.2g}."
    look = "It must be standard normal: torch.randn_like. torch.rand_like draws from 0 to 1."
    normal = [abs(mean) < 0.1, abs(std - 1) < 0.08, most > 2.5]
    probe.note("standard normal", normal, told, look)


def note_mixture(probe, noisy_batch, x0, alpha_bar):
    """With alpha_bar the same at all steps, write down how much of x0 and eps is in xt."""
    xt, _, eps = drawn(probe, noisy_batch, x0, alpha_bar)
    shares, rest = mixture(xt, x0, eps)
    told = "There is something else in your xt than x0 and the eps that you return."
    look = "Draw the noise once, mix it in, and return the same."
    probe.note("something else in xt", rest > 1e-3, told, look)
    for i, part in enumerate(("x0", "eps") if rest < 1e-3 else ()):
        look = f"{FORMULA}. Look at what multiplies {part}."
        probe.note(f"how much of {part} is in xt, if alpha_bar is 0.36", shares[:, i], "", look)


def note_own_steps(probe, noisy_batch, x0, alpha_bar):
    """Write down whether xt is noised to the t that comes with it, and t drawn in each call."""
    _, before, _ = drawn(probe, noisy_batch, x0, alpha_bar)
    xt, t, eps = drawn(probe, noisy_batch, x0, alpha_bar, seed=2)
    same = torch.equal(t, before) and not (t == t[0]).all()
    told, look = (
        "Two calls of your function give the same t.",
        "Draw t in each call: torch.randint.",
    )
    probe.note("the same steps in two calls", same, told, look)
    shares, rest = mixture(xt, x0, eps)
    found = (shares[:, :1] ** 2 - alpha_bar).abs().argmin(dim=1)  # the steps that xt looks like
    off = sorted(set(((found - t) % len(alpha_bar)).tolist()))
    told = f"t begins {t[:5].tolist()}, but the pictures are noised to {found[:5].tolist()}."
    look, far = "Draw t once, use alpha_bar[t], and return that t.", len(off) > 2
    probe.note("how far xt is from its step", "anywhere" if far else off, told, look)
    a = alpha_bar[t].view(-1, 1, 1, 1)
    gap = float((a.sqrt() * x0 + (1 - a).sqrt() * eps - xt).abs().max())
    told = f"It isn't {FORMULA} for the t and the eps that you return."
    probe.note("xt is that of its t and its eps", [gap < 1e-4, rest < 1e-3], told)


def mixture(xt, x0, eps):
    """For each picture, the shares of x0 and eps that come nearest to xt; and what is left over.

    (B, C, H, W) three times -> (B, 2), a float
    """
    parts = torch.stack([x0, eps], dim=1).flatten(2).double().mT  # (B, CHW, 2)
    target = xt.detach().flatten(1).double()[..., None]
    shares = torch.linalg.pinv(parts.detach()) @ target
    return shares.squeeze(2).float(), float((parts @ shares - target).abs().max())


MISTAKES = """
# torch.randperm
- torch.randint(0, len(alpha_bar), (len(x0),), device=x0.device)
+ torch.randperm(len(alpha_bar), device=x0.device)[: len(x0)]
randperm draws each step once at most, so you get T numbers even if there are more pictures, and no
step comes up twice. Draw them separately: torch.randint.
# too many steps
+ torch.randint(0, len(alpha_bar) + 1, (len(x0),), device=x0.device)
| torch.randint(0, 1000, (len(x0),), device=x0.device)
Your t can be T or more, and alpha_bar ends at T - 1. T is its length: torch.randint(0, T, ...).
# eps overwritten
- a.sqrt() * x0 + (1 - a).sqrt() * eps, t, eps
+ eps.mul_((1 - a).sqrt()).add_(a.sqrt() * x0), t, eps
You write into eps, so it's no longer the noise when you return it. Write (1 - a).sqrt() * eps.
# no roots
+ a * x0 + (1 - a) * eps, t, eps
The roots are missing: a.sqrt() * x0 + (1 - a).sqrt() * eps.
# eps drawn twice
+ a.sqrt() * x0 + (1 - a).sqrt() * eps, t, torch.randn_like(x0)
The eps that you return isn't the one in xt. Draw it once, and keep it in a variable.
# another order
+ a.sqrt() * x0 + (1 - a).sqrt() * eps, eps, t
The order is wrong: return xt, t, eps.
# picture not scaled
+ a * x0 + (1 - a).sqrt() * eps, t, eps
| x0 + (1 - a).sqrt() * eps, t, eps
x0 isn't multiplied by the root of alpha_bar[t], with which it fades: a.sqrt() * x0.
# noise not scaled
+ a.sqrt() * x0 + (1 - a) * eps, t, eps
| a.sqrt() * x0 + eps, t, eps
eps isn't multiplied by the root of 1 - alpha_bar[t], with which it grows: (1 - a).sqrt() * eps.
# no view
- a = alpha_bar[t].view(-1, 1, 1, 1)
+ a = alpha_bar[t]
alpha_bar[t] has shape (B,), and PyTorch lines it up with the last axis, the columns. Where B is W
it even runs, and mixes up the pictures. Use .view(-1, 1, 1, 1).
# the wrong axes
+ a = alpha_bar[t].view(-1, 1)
| a = alpha_bar[t].view(1, -1, 1, 1)
The B numbers alpha_bar[t] belong on axis 0, with three axes of size 1 behind: .view(-1, 1, 1, 1).
# picture and noise exchanged
+ a = 1 - alpha_bar[t].view(-1, 1, 1, 1)
Picture and noise are exchanged: alpha_bar[t] belongs to x0, 1 - alpha_bar[t] to eps.
"""


def batch_noise_first(images, alpha_bar):
    noise = torch.randn(images.shape, device=images.device)
    B, T = images.shape[0], alpha_bar.shape[0]
    steps = torch.randint(high=T, size=[B], device=images.device)
    signal = alpha_bar[steps][:, None, None, None]
    return signal**0.5 * images + (1 - signal) ** 0.5 * noise, steps, noise


def batch_by_rand(x0, alpha_bar):
    t = (torch.rand(x0.size(0), device=x0.device) * len(alpha_bar)).long()
    eps = torch.empty_like(x0).normal_()
    a = rearrange(alpha_bar.index_select(0, t), "b -> b 1 1 1")
    return torch.sqrt(a) * x0 + torch.sqrt(1 - a) * eps, t, eps


def batch_in_loop(x0, alpha_bar):
    rows = []
    for picture in x0:
        t = random.randrange(len(alpha_bar))
        eps = torch.randn_like(picture)
        rows.append((picture * alpha_bar[t] ** 0.5 + eps * (1 - alpha_bar[t]) ** 0.5, t, eps))
    xt, t, eps = zip(*rows)
    return torch.stack(xt), torch.tensor(t, device=x0.device), torch.stack(eps)


def batch_by_einsum(x0, alpha_bar):
    t = torch.empty(len(x0), dtype=torch.long, device=x0.device).random_(0, len(alpha_bar))
    eps = torch.randn_like(x0)
    parts = zip((x0, eps), (alpha_bar[t], 1 - alpha_bar[t]))
    return [sum(einsum(p, w.sqrt(), "b c h w, b -> b c h w") for p, w in parts), t, eps]


REFERENCE = noisy_batch
LOOK = f"{FORMULA}, for the t and the eps that you return."
ALSO_RIGHT = [batch_noise_first, batch_by_rand, batch_in_loop, batch_by_einsum]
