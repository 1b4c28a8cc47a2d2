"""9.5 Two denoisers, each where it is better."""

import torch

from course_utils.checks.exercises.nb09.calls import ONE_FOR_ALL, call, filter_parts, made
from course_utils.checks.parts import edits
from course_utils.denoisers import Hybrid
from course_utils.wiener import WienerDenoiser

ONE_SIDE = "Right with pictures on both sides. They may also all be on one side."
HAND_ON = "Hand each denoiser xt and alpha_bar as they are, or xt[mask] and alpha_bar[mask]."


class Asked(WienerDenoiser):
    """Keeps what it is handed."""

    handed = ()

    def predict_x0(self, xt, alpha_bar):
        self.handed = (*self.handed, (xt.clone(), alpha_bar))
        return super().predict_x0(xt, alpha_bar)


def experiment(probe, attempt):
    for B, C, H, W, sigma, alpha_bars in [
        (5, 2, 3, 4, 1.0, [0.9, 0.2, 0.5, 0.45, 0.7]),  # sigma 1 is alpha_bar 0.5
        (5, 1, 4, 2, 2.0, [0.1, 0.05, 0.6, 0.25, 0.4]),  # 0.2; 1 / (1 + sigma) would be 0.33
        (5, 1, 2, 3, 0.5, [0.95, 0.7, 0.1, 0.85, 0.6]),  # 0.8; 1 / (1 + sigma) would be 0.67
    ]:
        n = C * H * W
        above, below = (Asked(*filter_parts(probe, n)) for _ in range(2))
        hybrid = made(probe, attempt, above, below, sigma)
        xt = probe.normal(B, C, H, W)
        call(probe, hybrid.predict_x0, xt, torch.tensor(alpha_bars))
        result = probe.seen[-3]  # what was changed and the dtype come after it
        for name, denoiser in (("below", below), ("above", above)):
            for told in handed_wrongly(name, denoiser, xt, torch.tensor(alpha_bars)):
                result.wrong, result.look = f"{result.what}: {told}", HAND_ON
        for same_side in ([0.98, 0.96, 0.99], [0.02, 0.08, 0.03]):
            call(probe, hybrid.predict_x0, xt[:3], torch.tensor(same_side), look=ONE_SIDE)
        for alpha_bar in (0.97, 0.04, torch.tensor(0.98), torch.tensor(0.03)):
            call(probe, hybrid.predict_x0, xt, alpha_bar, look=ONE_FOR_ALL)

    def ask(xt, alpha_bar, *parts):
        above, below = WienerDenoiser(*parts), WienerDenoiser(*parts)
        return attempt(above, below, 1.0).predict_x0(xt, alpha_bar)

    for alpha_bar in (torch.tensor(alpha_bars), 0.3):
        probe.on_fake_device(ask, xt, alpha_bar, *filter_parts(probe, n))


def handed_wrongly(name, denoiser, xt, alpha_bar):
    """Yield what a denoiser was handed that it should not be."""
    for x, given in denoiser.handed:
        same = (x.flatten(1)[:, None] == xt.flatten(1)).all(dim=2)  # (b, B)
        if not same.any(dim=1).all():
            yield f"{name} was given something other than pictures of xt."
            return
        levels = alpha_bar[same.int().argmax(dim=1)]
        for a, level in zip(torch.as_tensor(given).expand(len(x)), levels):
            if abs(a - level) > 1e-5:
                yield f"{name} was given alpha_bar {a:.3g} for a picture of alpha_bar {level:.3g}."


class HybridByChoice(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        is_above = (alpha_bar < self.alpha_bar)[:, None, None, None]
        above = self.above.predict_x0(xt, alpha_bar)
        below = self.below.predict_x0(xt, alpha_bar)
        return torch.where(is_above, above, below)


MISTAKES_OF_BOTH = """
# wrong way round
- alpha_bar < self.alpha_bar
+ alpha_bar > self.alpha_bar
Your comparison is the wrong way round, or the two answers have changed places. Much noise means a
large sigma and a small alpha_bar, so above answers where alpha_bar < self.alpha_bar.
# boundary to above
+ alpha_bar <= self.alpha_bar
Right except exactly at the noise level, where your above answers and below should. above is asked
where alpha_bar < self.alpha_bar, without the =.
# something else compared
+ alpha_bar < 0.5
| ((1 - alpha_bar) / alpha_bar).sqrt() > self.alpha_bar
| alpha_bar < (1 / self.alpha_bar - 1) ** 0.5
| (1 - alpha_bar) / alpha_bar > (1 / self.alpha_bar - 1) ** 0.5
You compare with a fixed number, or an alpha_bar with a sigma or its square. __init__ made an
alpha_bar of the sigma handed over: compare like with like, alpha_bar < self.alpha_bar.
# plain number not taken
- alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
+
| alpha_bar = torch.as_tensor(alpha_bar, device=xt.device)
alpha_bar may be one number for all pictures. Make it a tensor with one for each:
torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)).
"""

MISTAKES = """
# one picture decides for all
- torch.empty_like(xt), alpha_bar < self.alpha_bar
+ torch.empty_like(xt), (alpha_bar < self.alpha_bar)[:1].expand(len(xt))
| torch.empty_like(xt), (alpha_bar < self.alpha_bar).any().expand(len(xt))
| torch.empty_like(xt), (alpha_bar.mean() < self.alpha_bar).expand(len(xt))
You decide once for the whole batch: by its first picture, with .any() or .all(), or by the mean.
Each picture has its own alpha_bar, so choose for each, with a mask of shape (B,).
# only one is asked
+ torch.empty_like(xt), alpha_bar > 0
| torch.empty_like(xt), alpha_bar < 0
Only one of the two ever answers. Where alpha_bar < self.alpha_bar it's above, elsewhere below.
# written into xt
+ xt, alpha_bar < self.alpha_bar
You write the answers into xt itself, or into another name for it. Whoever called needs xt as it
was, so begin with torch.empty_like(xt).
# in another order
+ [], alpha_bar < self.alpha_bar
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0.append(denoiser.predict_x0(xt[meant], alpha_bar[meant]))
- return x0
+ return torch.cat(x0)
The pictures come back in another order, because cat puts all of above first and then those of
below. Write each to its place: x0[is_above] = ... and x0[~is_above] = ...
# some without an answer
+ torch.zeros_like(xt), alpha_bar < self.alpha_bar
- ((self.above, is_above), (self.below, ~is_above))
+ ((self.below, ~is_above),)
or
+ xt.clone(), alpha_bar < self.alpha_bar
- , (self.below, ~is_above)
+ ,
Some pictures never get an answer: they stay 0, or noisy, or hold whatever was in memory. One batch
may need both denoisers, so ask below about xt[~is_above] in any case, not in an else.
# if of several
+ def predict_x0(self, xt, alpha_bar):
+     if alpha_bar < self.alpha_bar:
+         return self.above.predict_x0(xt, alpha_bar)
+     return self.below.predict_x0(xt, alpha_bar)
`if`, `not` and `and` need a single True or False; here is one for each picture. Choose with a mask,
is_above = alpha_bar < self.alpha_bar: by xt[is_above] and xt[~is_above], or torch.where.
# mask used on one alone
- denoiser.predict_x0(xt[meant], alpha_bar[meant]
+ denoiser.predict_x0(xt[meant], alpha_bar
| denoiser.predict_x0(xt, alpha_bar
The mask is missing somewhere, so some of the pictures meet all of the alpha_bars or all of the
answers. Use it on everything: x0[mask] = denoiser.predict_x0(xt[mask], alpha_bar[mask]).
# denoiser called
+ denoiser(xt[meant], alpha_bar[meant]
A denoiser isn't a function. Ask it with its method: self.above.predict_x0(xt, alpha_bar).
"""

MISTAKES_OF_CHOICE = """
# answers mixed
- torch.where(is_above, above, below)
+ (above + below) / 2
You mix the answers of both. For each picture, return the answer of one of them.
# one after the other
- self.below.predict_x0(xt
+ self.below.predict_x0(above
You hand the answer of one denoiser to the other. Give both xt, and take the answer of one.
# mask without axes
- [:, None, None, None]
+
The mask, (B,), meets pictures, (B, C, H, W), and PyTorch lines it up with W. Give it three more
axes: mask[:, None, None, None].
"""


class HybridByMask(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
        x0[is_above] = self.above.predict_x0(xt[is_above], alpha_bar[is_above])
        x0[~is_above] = self.below.predict_x0(xt[~is_above], alpha_bar[~is_above])
        return x0


class HybridOneByOne(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        answers = []
        for x, a in zip(xt, torch.as_tensor(alpha_bar).expand(len(xt)).tolist()):
            chosen = self.above if a < self.alpha_bar else self.below
            answers.append(chosen.predict_x0(x[None], a))
        return torch.cat(answers)


class HybridByNumbers(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        a = alpha_bar * torch.ones(len(xt), device=xt.device)
        share = (a >= self.alpha_bar).to(xt).reshape(-1, 1, 1, 1)
        return share * self.below.predict_x0(xt, a) + (1 - share) * self.above.predict_x0(xt, a)


REFERENCE = Hybrid
LOOK = "Print alpha_bar < self.alpha_bar: where it is True, above has to answer."
CATALOGUE = edits(Hybrid, MISTAKES_OF_BOTH + MISTAKES) + edits(
    HybridByChoice, MISTAKES_OF_BOTH + MISTAKES_OF_CHOICE
)
ALSO_RIGHT = [HybridByMask, HybridOneByOne, HybridByNumbers]
