"""9.5 Two denoisers, each where it is better."""

import torch

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits
from course_utils.checks.exercises.nb09.calls import call, filter_parts, made
from course_utils.denoisers import Hybrid
from course_utils.wiener import WienerDenoiser


def hybrid_experiment(probe, attempt):
    for B, C, H, W, sigma, alpha_bars in [
        (5, 2, 3, 4, 1.0, [0.9, 0.2, 0.5, 0.45, 0.7]),  # sigma 1 is alpha_bar 0.5
        (5, 1, 4, 2, 2.0, [0.1, 0.05, 0.6, 0.25, 0.4]),  # 0.2; 1 / (1 + sigma) would be 0.33
        (5, 1, 2, 3, 0.5, [0.95, 0.7, 0.1, 0.85, 0.6]),  # 0.8; 1 / (1 + sigma) would be 0.67
    ]:
        n = C * H * W
        above, below = (WienerDenoiser(*filter_parts(probe, n)) for _ in range(2))
        hybrid = made(probe, attempt, above, below, sigma)
        xt = probe.normal(B, C, H, W)
        call(probe, hybrid.predict_x0, xt, torch.tensor(alpha_bars))
        for same_side in ([0.98, 0.96, 0.99], [0.02, 0.08, 0.03]):
            call(
                probe, hybrid.predict_x0, xt[:3], torch.tensor(same_side),
                look="Right with pictures on both sides. They may also all be on one side.",
            )  # fmt: skip
        for alpha_bar in (0.97, 0.04, torch.tensor(0.98), torch.tensor(0.03)):
            call(
                probe, hybrid.predict_x0, xt, alpha_bar,
                look="Right with an alpha_bar for each picture. It may also be one number for all.",
            )  # fmt: skip

    def ask(xt, alpha_bar, *parts):
        above, below = WienerDenoiser(*parts), WienerDenoiser(*parts)
        return attempt(above, below, 1.0).predict_x0(xt, alpha_bar)

    for alpha_bar in (torch.tensor(alpha_bars), 0.3):
        probe.on_fake_device(ask, xt, alpha_bar, *filter_parts(probe, n))


class HybridByChoice(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        is_above = (alpha_bar < self.alpha_bar)[:, None, None, None]
        above = self.above.predict_x0(xt, alpha_bar)
        below = self.below.predict_x0(xt, alpha_bar)
        return torch.where(is_above, above, below)


MISTAKES = """
# swapped
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar >= self.alpha_bar
The two have changed places: above answers up to the noise level, and below beyond it. A small
alpha_bar means much noise, so above answers where alpha_bar < self.alpha_bar.

# wrong way
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar > self.alpha_bar
The comparison is the wrong way round. Much noise is a large sigma and a small alpha_bar: it is
alpha_bar < self.alpha_bar where above answers.

# boundary to above
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar <= self.alpha_bar
Right but at the boundary itself, where above answers. There below does: above is asked where
alpha_bar < self.alpha_bar, without =.

# the first decides
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), (alpha_bar < self.alpha_bar)[:1].expand(len(xt))
The first picture decides for all. Each picture has its own alpha_bar, so compare all of them: the
result is a mask with shape (B,).

# any decides
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), (alpha_bar < self.alpha_bar).any().expand(len(xt))
One picture above the level sends all to above: .any() decides for the whole batch. Choose for
each picture, with a mask of shape (B,).

# all decide
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), (alpha_bar < self.alpha_bar).all().expand(len(xt))
One picture up to the level sends all to below: .all() decides for the whole batch. Choose for
each picture, with a mask of shape (B,).

# the mean decides
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), (alpha_bar.mean() < self.alpha_bar).expand(len(xt))
The mean of alpha_bar decides for all. Choose for each picture, with a mask of shape (B,).

# sigma compared
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), ((1 - alpha_bar) / alpha_bar).sqrt() > self.alpha_bar
You compute sigma and compare it with self.alpha_bar. Compare like with like: self.alpha_bar was
made from sigma in __init__, so it is alpha_bar < self.alpha_bar.

# noise compared
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), 1 - alpha_bar > self.alpha_bar
You compare 1 - alpha_bar with self.alpha_bar. Compare alpha_bar itself: alpha_bar <
self.alpha_bar.

# root compared
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar.sqrt() < self.alpha_bar
You compare the root of alpha_bar with self.alpha_bar. Compare alpha_bar itself.

# square against sigma
- self.alpha_bar = 1 / (1 + sigma**2)
+ self.sigma = sigma
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), (1 - alpha_bar) / alpha_bar > self.sigma
You compare a square with sigma itself. (1 - alpha_bar) / alpha_bar is sigma squared, and
self.alpha_bar is 1 / (1 + sigma**2).

# alpha_bar against sigma
- self.alpha_bar = 1 / (1 + sigma**2)
+ self.alpha_bar = sigma
You compare alpha_bar with sigma. Compare it with self.alpha_bar, which belongs to that sigma.

# a fixed number
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar < 0.5
You compare with a fixed number. The level is handed over: it is in self.alpha_bar.

# above always
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar > 0
Only above answers. Up to the noise level it is below.

# below always
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.empty_like(xt), alpha_bar < 0
Only below answers. Above the noise level, where alpha_bar < self.alpha_bar, it is above.

# above left out
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
- for denoiser, meant in ((self.above, is_above), (self.below, ~is_above)):
+ x0, is_above = torch.zeros_like(xt), alpha_bar < self.alpha_bar
+ for denoiser, meant in ((self.below, ~is_above),):
Pictures above the noise level stay 0: above is never asked, or its answer is not used.

# below left out
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
- for denoiser, meant in ((self.above, is_above), (self.below, ~is_above)):
+ x0, is_above = torch.zeros_like(xt), alpha_bar < self.alpha_bar
+ for denoiser, meant in ((self.above, is_above),):
Pictures up to the noise level stay 0: below is never asked, or its answer is not used.

# not denoised
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
- for denoiser, meant in ((self.above, is_above), (self.below, ~is_above)):
+ x0, is_above = xt.clone(), alpha_bar < self.alpha_bar
+ for denoiser, meant in ((self.above, is_above),):
Pictures up to the noise level come back as they are, with their noise. below has to be asked
about them.

# told the level
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0[meant] = denoiser.predict_x0(xt[meant], self.alpha_bar)
The denoisers are told self.alpha_bar. That is the level between them; tell each the alpha_bar of
its pictures.

# if of several
+ def predict_x0(self, xt, alpha_bar):
+     if alpha_bar < self.alpha_bar:
+         return self.above.predict_x0(xt, alpha_bar)
+     return self.below.predict_x0(xt, alpha_bar)
if and not take one True or False, and here is one for each picture. Make a mask, is_above =
alpha_bar < self.alpha_bar, with shape (B,), and use it to choose: xt[is_above] and xt[~is_above],
or torch.where. ~ is not, for each.

# levels not cut
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar)
A denoiser gets some of the pictures and all the alpha_bars. Use the mask for both: xt[mask],
alpha_bar[mask].

# pictures not cut
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0[meant] = denoiser.predict_x0(xt, alpha_bar)
A denoiser gets all pictures, and its answers do not fit into the places of some. Use the mask for
what it gets, xt[mask] and alpha_bar[mask], or for what it answers.

# written into xt
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = xt, alpha_bar < self.alpha_bar
The answers are written into xt itself, or into another name for it. Whoever called needs xt as it
was: begin with torch.empty_like(xt).

# else for if
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ break
Some pictures never got an answer: torch.empty_like holds what was in memory. Both denoisers may
be needed in one batch, so the second question needs an if of its own, not else.

# else for if, with zeros
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = torch.zeros_like(xt), alpha_bar < self.alpha_bar
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ break
In a batch with pictures on both sides, below is never asked, and its pictures stay 0. Both
denoisers may be needed in one batch, so the second needs an if of its own, not else.

# in another order
- x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
+ x0, is_above = [], alpha_bar < self.alpha_bar
-         x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
- return x0
+         x0.append(denoiser.predict_x0(xt[meant], alpha_bar[meant]))
+ return torch.cat(x0)
The pictures come back in another order: cat puts all of above first, then those of below. Write
each to its place: x0[is_above] = ..., and x0[~is_above] = ...

# called itself
- x0[meant] = denoiser.predict_x0(xt[meant], alpha_bar[meant])
+ x0[meant] = denoiser(xt[meant], alpha_bar[meant])
A denoiser is no function. Ask it with its method: self.above.predict_x0(xt, alpha_bar).
"""


MISTAKES_OF_CHOICE = """
# averaged
- return torch.where(is_above, above, below)
+ return (above + below) / 2
Both answers are averaged. Take for each picture the answer of one.

# summed
- return torch.where(is_above, above, below)
+ return above + below
Both answers are added. Take for each picture the answer of one.

# one after the other
- below = self.below.predict_x0(xt, alpha_bar)
+ below = self.below.predict_x0(above, alpha_bar)
The answer of one denoiser is handed to the other. Both get xt; each picture is for one of them
alone.

# mask without axes
- is_above = (alpha_bar < self.alpha_bar)[:, None, None, None]
+ is_above = alpha_bar < self.alpha_bar
The mask, (B,), meets pictures, (B, C, H, W), and PyTorch lines it up with W. Give it three more
axes: mask[:, None, None, None].

# plain number not taken
- alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
+
alpha_bar may be one number for all pictures. Make it a tensor with one for each:
torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)).
"""


class HybridByMask(Hybrid):
    """Denoisers answer a batch without pictures too."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x0, is_above = torch.empty_like(xt), alpha_bar < self.alpha_bar
        x0[is_above] = self.above.predict_x0(xt[is_above], alpha_bar[is_above])
        x0[~is_above] = self.below.predict_x0(xt[~is_above], alpha_bar[~is_above])
        return x0


class HybridByWhere(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        each = torch.full((len(xt), 1, 1, 1), 1.0, device=xt.device)
        each = each * torch.as_tensor(alpha_bar, device=xt.device).view(-1, 1, 1, 1)
        high, low = self.above.predict_x0(xt, alpha_bar), self.below.predict_x0(xt, alpha_bar)
        return torch.where(each < self.alpha_bar, high, low)


class HybridOneByOne(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        answers = []
        for i, x in enumerate(xt):
            a = alpha_bar[i] if torch.is_tensor(alpha_bar) and alpha_bar.ndim else alpha_bar
            chosen = self.above if a < self.alpha_bar else self.below
            answers.append(chosen.predict_x0(x[None], a)[0])
        return torch.stack(answers)


class HybridByList(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar, out = torch.as_tensor(alpha_bar).expand(len(xt)), []
        for i, a in enumerate(alpha_bar.tolist()):
            who = self.above if a < self.alpha_bar else self.below
            out.append(who.predict_x0(xt[i : i + 1], alpha_bar[i : i + 1]))
        return torch.cat(out)


class HybridByNumbers(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        a = alpha_bar * torch.ones(len(xt), device=xt.device)
        share = (a >= self.alpha_bar).to(xt).reshape(-1, 1, 1, 1)
        return share * self.below.predict_x0(xt, a) + (1 - share) * self.above.predict_x0(xt, a)


class HybridByIndex(Hybrid):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar).to(xt.device)
        if alpha_bar.ndim == 0:
            chosen = self.above if alpha_bar < self.alpha_bar else self.below
            return chosen.predict_x0(xt, alpha_bar)
        x0 = self.below.predict_x0(xt, alpha_bar).clone()
        for i in (alpha_bar < self.alpha_bar).nonzero()[:, 0].tolist():
            x0[i] = self.above.predict_x0(xt[i : i + 1], alpha_bar[i : i + 1])[0]
        return x0


EXERCISE = Exercise(
    id="9.5",
    title="Two denoisers, each where it is better",
    notebook="09_wiener_baseline",
    reference=Hybrid,
    experiment=hybrid_experiment,
    look="Print alpha_bar < self.alpha_bar: where it is True, above has to answer.",
    catalogue=edits(Hybrid, MISTAKES) + edits(HybridByChoice, MISTAKES_OF_CHOICE),
    also_right=[
        HybridByChoice,
        HybridByMask,
        HybridByWhere,
        HybridOneByOne,
        HybridByList,
        HybridByNumbers,
        HybridByIndex,
    ],
)
