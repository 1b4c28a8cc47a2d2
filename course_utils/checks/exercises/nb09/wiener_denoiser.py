"""9.3 The Wiener denoiser."""

import torch

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits
from course_utils.checks.exercises.nb09.calls import FILTER, call, filter_parts, made
from course_utils.wiener import WienerDenoiser, shrink


def denoiser_experiment(probe, attempt):
    for B, C, H, W in [(4, 1, 2, 3), (3, 2, 3, 2), (2, 3, 1, 4)]:
        parts = filter_parts(probe, C * H * W)
        denoiser = made(probe, attempt, *parts)
        alone = [part.clone() for part in parts]
        call(probe, denoiser.predict_x0, probe.normal(B, C, H, W), 0.1 + 0.85 * probe.uniform(B))
        one_for_all = "Right with an alpha_bar for each picture. It may also be one number for all."
        for alpha_bar in (0.3, torch.tensor(0.6)):
            call(probe, denoiser.predict_x0, probe.normal(B, C, H, W), alpha_bar, look=one_for_all)
        call(
            probe, denoiser.predict_x0, probe.normal(B + 1, C, H, W), 0.1 + 0.8 * probe.uniform(B + 1),
            look="The denoiser is asked twice, and its second answer is wrong: does it keep "
            "something of the first?",
        )  # fmt: skip
        changed = [n for n, a, b in zip(FILTER, parts, alone) if not torch.equal(a, b)]
        probe.note(
            "parts changed", changed,
            f"predict_x0 changes the filter: {', '.join(changed)} is different after the call.",
            "The filter is used again for the next step. Write x = x + 1, not x += 1.",
        )  # fmt: skip

    def ask(U, LA, Vh, mean, xt, alpha_bar):
        return attempt(U, LA, Vh, mean).predict_x0(xt, alpha_bar)

    for alpha_bar in (probe.uniform(B), 0.4):
        probe.on_fake_device(ask, *parts, probe.normal(B, C, H, W), alpha_bar)


MISTAKES = """
# not divided
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) - self.mean
xt is not divided by sqrt(alpha_bar). It is a picture times sqrt(alpha_bar), with noise: divide
first, so that it can be compared with the mean.

# divided by alpha_bar
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar[:, None] - self.mean
xt is divided by alpha_bar. The picture in it is multiplied by its root: divide by
sqrt(alpha_bar).

# multiplied
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) * alpha_bar[:, None].sqrt() - self.mean
xt is multiplied by sqrt(alpha_bar). Divide by it, as the mixing multiplied by it.

# divided by the noise
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / (1 - alpha_bar[:, None]).sqrt() - self.mean
xt is divided by sqrt(1 - alpha_bar), which is the noise's factor. Divide by that of the picture,
sqrt(alpha_bar).

# mean kept
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar[:, None].sqrt()
The mean is not subtracted before the filter. The filter is for what differs from the mean: take
it off after the division, and add it at the end.

# mean not added
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (shares @ self.U.T).view_as(xt)
The mean is not added back at the end. The filter returns what differs from it.

# mean before dividing
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = (xt.flatten(1) - self.mean) / alpha_bar[:, None].sqrt()
The mean is subtracted before the division. In xt it is multiplied by sqrt(alpha_bar) too: divide
first, then subtract.

# mean the wrong way
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar[:, None].sqrt() + self.mean
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (shares @ self.U.T - self.mean).view_as(xt)
The mean is added before the filter and subtracted after it. It is the other way round.

# subtracted
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (self.mean - shares @ self.U.T).view_as(xt)
What the filter keeps is subtracted from the mean. Add it.

# mean into the eigenimages
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return ((self.mean + shares) @ self.U.T).view_as(xt)
The mean is added before the eigenimages are put together. It is a picture, not shares of
eigenimages: add it after the product with U.T.

# scaled at the end
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (alpha_bar[:, None].sqrt() * (self.mean + shares @ self.U.T)).view_as(xt)
The guess is multiplied by sqrt(alpha_bar) at the end. Asked for is the clean picture, as it is
without noise.

# the noise
- return (self.mean + shares @ self.U.T).view_as(xt)
+ x0 = (self.mean + shares @ self.U.T).view_as(xt)
+ a = alpha_bar[:, None, None, None]
+ return (xt - a.sqrt() * x0) / (1 - a).sqrt()
This is what the filter takes away, or the noise. Asked for is the clean picture.

# Vh not transposed
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = shrink(self.LA, alpha_bar) * (x @ self.Vh)
The share along an eigenimage is the product with a row of Vh. Pictures are rows here, so it is x
@ self.Vh.T, with .T.

# U not transposed
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (self.mean + shares @ self.U).view_as(xt)
An eigenimage is a column of U. Shares are rows here, so they are put together with shares @
self.U.T, with .T.

# U and Vh swapped
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
- return (self.mean + shares @ self.U.T).view_as(xt)
+ shares = shrink(self.LA, alpha_bar) * (x @ self.U.T)
+ return (self.mean + shares @ self.Vh.T).view_as(xt)
U and Vh have changed places. Vh takes a picture apart, U puts it together: x @ self.Vh.T, and
shares @ self.U.T.

# not put together
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (self.mean + shares).view_as(xt)
The shares are returned as if they were pixels. Put the eigenimages together: shares @ self.U.T.

# not taken apart
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = shrink(self.LA, alpha_bar) * x
The picture is not taken apart before shrink. Its shares along the eigenimages are x @ self.Vh.T.

# shrunk too late
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
- return (self.mean + shares @ self.U.T).view_as(xt)
+ shares = x @ self.Vh.T
+ return (self.mean + shrink(self.LA, alpha_bar) * (shares @ self.U.T)).view_as(xt)
The shrinking comes after the eigenimages are put together, so it meets pixels. Shrink the shares,
between the two products.

# not shrunk
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = x @ self.Vh.T
Nothing is shrunk, so the noise comes back with the picture. Multiply the shares by
shrink(self.LA, alpha_bar).

# shrunk twice
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = shrink(self.LA, alpha_bar) ** 2 * (x @ self.Vh.T)
The shares are shrunk twice. Once is enough.

# noise kept
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = (1 - shrink(self.LA, alpha_bar)) * (x @ self.Vh.T)
The shares are multiplied by 1 - shrink(...), so the noise is kept. Multiply by shrink(...).

# times LA
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = self.LA * (x @ self.Vh.T)
The shares are multiplied by LA. That is how much the pictures vary, not how much to keep:
shrink(self.LA, alpha_bar).

# root handed on
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = shrink(self.LA, alpha_bar.sqrt()) * (x @ self.Vh.T)
shrink gets the root of alpha_bar. Hand it alpha_bar itself.

# noise handed on
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shares = shrink(self.LA, 1 - alpha_bar) * (x @ self.Vh.T)
shrink gets 1 - alpha_bar. Hand it alpha_bar itself.

# first for all
- expand(len(xt))
+ expand(len(xt))[:1]
The first picture's alpha_bar is used for all. Each picture has its own.

# mean for all
- expand(len(xt))
+ mean().expand(len(xt))
The mean of alpha_bar is used for all pictures. Each picture has its own.

# rows returned
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return self.mean + shares @ self.U.T
The guesses come back as rows, (B, n). Give them the shape of xt: view_as(xt).

# channels last, on the way in
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.permute(0, 2, 3, 1).flatten(1) / alpha_bar[:, None].sqrt() - self.mean
The channels are moved to the end before xt becomes rows, and the filter's rows have them first.
Flatten xt as it is: xt.flatten(1).

# channels last, on the way out
- return (self.mean + shares @ self.U.T).view_as(xt)
+ B, C, H, W = xt.shape
+ return (self.mean + shares @ self.U.T).view(B, H, W, C).permute(0, 3, 1, 2)
At the end the rows are read as if channels came last. They come first: view_as(xt).

# width first
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (self.mean + shares @ self.U.T).view_as(xt.mT)
Height and width change places. Give the rows the shape of xt: view_as(xt).

# clamped
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (self.mean + shares @ self.U.T).clamp(-1, 1).view_as(xt)
The guess is clamped. The best linear guess may leave -1 to 1: return it as it is.

# mean subtracted at the end
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (shares @ self.U.T - self.mean).view_as(xt)
The mean is subtracted at the end as well. Take it off before the filter, and add it at the end.

# mean twice
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (2 * self.mean + shares @ self.U.T).view_as(xt)
The mean is added twice at the end. Once is enough.

# noise times sigma
- return (self.mean + shares @ self.U.T).view_as(xt)
+ x0 = (self.mean + shares @ self.U.T).view_as(xt)
+ return xt / alpha_bar[:, None, None, None].sqrt() - x0
This is the noise times sigma: xt / sqrt(alpha_bar), less the guess. Asked for is the guess
itself, the clean picture.

# noise in xt
- return (self.mean + shares @ self.U.T).view_as(xt)
+ x0 = (self.mean + shares @ self.U.T).view_as(xt)
+ return xt - alpha_bar[:, None, None, None].sqrt() * x0
This is what is left of xt without the picture in it. Asked for is the picture, not the noise.

# sigma for its square
- shares = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ sigma = (1 / alpha_bar - 1).sqrt()[:, None]
+ shares = self.LA / (self.LA + sigma) * (x @ self.Vh.T)
LA is compared with sigma, the root of (1 - alpha_bar) / alpha_bar. LA are variances: it is LA /
(LA + sigma**2), or shrink(self.LA, alpha_bar).

# mean of the batch
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar[:, None].sqrt()
+ x = x - x.mean(dim=0)
The mean of the batch is subtracted. The filter has a mean of its own, of the training pictures:
self.mean.

# mean of the batch, twice
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar[:, None].sqrt()
+ mean = x.mean(dim=0)
+ x = x - mean
- return (self.mean + shares @ self.U.T).view_as(xt)
+ return (mean + shares @ self.U.T).view_as(xt)
The mean of the batch is subtracted and added. The filter has a mean of its own, of the training
pictures: self.mean.

# in place
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1)
+ x /= alpha_bar[:, None].sqrt()
+ x = x - self.mean
/= and -= on xt, or on xt.flatten(1), which is the same memory, change the picture of whoever
called. The sampler needs it as it was: write x = xt.flatten(1) / ... instead.

# float not taken
- alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device).expand(len(xt))
+
alpha_bar may be one number for all pictures. Make it a tensor with one for each:
torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)).

# root of a float
- alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device).expand(len(xt))
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar.sqrt()[:, None] - self.mean
alpha_bar may be a plain number, and that has no sqrt. Make it a tensor with one for each picture:
torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)).

# number not spread
- .expand(len(xt))
+
alpha_bar may be one number for all pictures, and then has no axis: give it one, with
.expand(len(xt)).

# four axes for rows
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar[:, None, None, None].sqrt() - self.mean
alpha_bar has been given four axes, (B, 1, 1, 1), for a picture that is a row by now, (B, n).
Divide by alpha_bar[:, None].sqrt().

# mean meets pictures
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = (xt / alpha_bar[:, None, None, None].sqrt() - self.mean).flatten(1)
The mean is a row, (n,), and meets pictures, (B, C, H, W). Make rows of xt first: xt.flatten(1).

# levels meet the width
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = (xt / alpha_bar.sqrt()).flatten(1) - self.mean
alpha_bar, (B,), meets pictures, (B, C, H, W), and PyTorch lines it up with W. Make rows of xt
first, (B, n), and divide them by alpha_bar[:, None].sqrt().

# levels meet the rows
- x = xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ x = xt.flatten(1) / alpha_bar.sqrt() - self.mean
alpha_bar, (B,), meets rows, (B, n), and PyTorch lines it up with n. Give it another axis:
alpha_bar[:, None].sqrt().
"""


class ByMatrices(WienerDenoiser):
    """A matrix for each picture: slower, and the same values."""

    def predict_x0(self, xt, alpha_bar):
        found = []
        each = torch.as_tensor(alpha_bar).to(xt).expand(xt.shape[0])
        for x, a in zip(xt, each):
            A = self.U @ torch.diag(self.LA / (self.LA + (1 - a) / a)) @ self.Vh
            found.append(self.mean + A @ (x.reshape(-1) / a.sqrt() - self.mean))
        return torch.stack(found).reshape(xt.shape)


class WithUAlone(WienerDenoiser):
    """Where U.T is not Vh, LA is 0 and nothing is kept."""

    def predict_x0(self, xt, alpha_bar):
        if not torch.is_tensor(alpha_bar) or alpha_bar.ndim == 0:
            alpha_bar = torch.full((len(xt),), float(alpha_bar), device=xt.device)
        a = alpha_bar.view(-1, 1)
        centred = xt.reshape(len(xt), -1) - a.sqrt() * self.mean
        shares = torch.einsum("bn,nk->bk", centred, self.U) * shrink(self.LA, alpha_bar) / a.sqrt()
        return torch.einsum("bk,nk->bn", shares, self.U).add(self.mean).reshape(xt.shape)


class BySolving(WienerDenoiser):
    """S (S + sigma^2)^-1, by solving equations."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)).reshape(-1, 1, 1)
        S = self.U @ torch.diag(self.LA) @ self.Vh
        whole = S + (1 - a) / a * torch.eye(len(S), device=xt.device)
        y = xt.flatten(1).unsqueeze(2) / a**0.5 - self.mean[:, None]
        return (self.mean[:, None] + S @ torch.linalg.solve(whole, y)).view_as(xt)


class ByColumns(WienerDenoiser):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar = alpha_bar * torch.ones(len(xt), device=xt.device)
        x = xt.flatten(1) / torch.sqrt(alpha_bar).unsqueeze(1) - self.mean
        kept = self.Vh @ x.T * shrink(self.LA, alpha_bar).T
        return ((self.U @ kept).T + self.mean).unflatten(1, xt.shape[1:])


EXERCISE = Exercise(
    id="9.3",
    title="The Wiener denoiser",
    notebook="09_wiener_baseline",
    reference=WienerDenoiser,
    experiment=denoiser_experiment,
    look="The order is: rows, divide, subtract the mean, Vh, shrink, U, add the mean, shape.",
    catalogue=edits(WienerDenoiser, MISTAKES),
    also_right=[ByMatrices, WithUAlone, BySolving, ByColumns],
)
