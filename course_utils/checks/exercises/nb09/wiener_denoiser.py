"""9.3 The Wiener denoiser."""

import torch

from course_utils.checks.exercises.nb09.calls import ONE_FOR_ALL, call, filter_parts, made
from course_utils.checks.parts import Watch
from course_utils.wiener import WienerDenoiser, shrink

FILTER = "self.U", "self.LA", "self.Vh", "self.mean"
AGAIN = "Asked again, it answers wrongly. Does it keep something of the first call?"


def experiment(probe, attempt):
    for B, C, H, W in [(4, 1, 2, 3), (3, 2, 3, 2), (2, 3, 1, 4)]:
        parts = filter_parts(probe, C * H * W)
        denoiser = made(probe, attempt, *parts)
        before = [part.clone() for part in parts]
        call(probe, denoiser.predict_x0, probe.normal(B, C, H, W), 0.1 + 0.85 * probe.uniform(B))
        for alpha_bar in (0.3, torch.tensor(0.6)):
            call(probe, denoiser.predict_x0, probe.normal(B, C, H, W), alpha_bar, look=ONE_FOR_ALL)
        xt, alpha_bar = probe.normal(B + 1, C, H, W), 0.1 + 0.8 * probe.uniform(B + 1)
        call(probe, denoiser.predict_x0, xt, alpha_bar, look=AGAIN)
        changed = [n for n, a, b in zip(FILTER, parts, before) if not torch.equal(a, b)]
        probe.note("parts changed", changed,
            f"predict_x0 changes the filter: {', '.join(changed)} is different after the call.",
            "The filter is used again for the next step. Write x = x + 1, not x += 1.")  # fmt: skip

    note_cost(probe, attempt)

    def ask(U, LA, Vh, mean, xt, alpha_bar):
        return attempt(U, LA, Vh, mean).predict_x0(xt, alpha_bar)

    for alpha_bar in (probe.uniform(B), 0.4):
        probe.on_fake_device(ask, *parts, probe.normal(B, C, H, W), alpha_bar)


def note_cost(probe, attempt, side=6):
    """Write down whether a matrix is made for a step."""
    n = side * side
    denoiser, xt = made(probe, attempt, *filter_parts(probe, n)), probe.normal(2, 1, side, side)
    watch, what = Watch(), f"predict_x0(xt, alpha_bar), with {n} pixels"
    probe.run(what, watch.calling(denoiser.predict_x0), xt, 0.4)
    wrong = "Your guesses are right, but each step makes a new n x n matrix on the way."
    look = "Rows (B, n) are enough: multiply them by Vh.T, then by the factors, then by U.T."
    probe.note("an n x n matrix", watch.largest >= n * n, wrong, look)


MISTAKES = """
# not divided
- xt.flatten(1) / alpha_bar[:, None].sqrt() - self.mean
+ xt.flatten(1) - self.mean
| xt.flatten(1) - alpha_bar[:, None].sqrt() * self.mean
You don't divide xt by sqrt(alpha_bar). xt is the picture times sqrt(alpha_bar), plus noise, so
divide first; then it can be compared with the mean.
# divided by something else
+ xt.flatten(1) / alpha_bar[:, None] - self.mean
| xt.flatten(1) * alpha_bar[:, None].sqrt() - self.mean
You multiply xt, or divide it by something other than sqrt(alpha_bar), which is the factor of the
picture in it. Divide by alpha_bar[:, None].sqrt().
# mean not subtracted
+ xt.flatten(1) / alpha_bar[:, None].sqrt()
You don't subtract the mean. The filter is for what differs from it: subtract it after dividing.
# mean before dividing
+ (xt.flatten(1) - self.mean) / alpha_bar[:, None].sqrt()
You subtract the mean first. In xt it's multiplied by sqrt(alpha_bar) too, so divide first.
# rows and pictures mixed
+ (xt / alpha_bar[:, None, None, None].sqrt() - self.mean).flatten(1)
| xt.flatten(1) / alpha_bar.sqrt() - self.mean
alpha_bar or the mean doesn't line up with the picture. Make rows of xt first, (B, n): they can be
divided by alpha_bar[:, None].sqrt(), which is (B, 1), and the mean is such a row.
# mean the wrong way
+ xt.flatten(1) / alpha_bar[:, None].sqrt() + self.mean
or
- (self.mean + coefficients @ self.U.T).view_as(xt)
+ (coefficients @ self.U.T - self.mean).view_as(xt)
A sign is wrong. Subtract the mean before the filter, and add it to what comes out of it.
# mean not added
+ (coefficients @ self.U.T).view_as(xt)
You don't add the mean back at the end. The filter only returns what differs from it.
# mean into the coefficients
+ ((self.mean + coefficients) @ self.U.T).view_as(xt)
You add the mean to the coefficients. It's a picture, so add it after the product with U.T.
# scaled at the end
+ (alpha_bar[:, None].sqrt() * (self.mean + coefficients @ self.U.T)).view_as(xt)
You multiply the guess by sqrt(alpha_bar). Return the clean picture at its full strength.
# U not transposed
+ (self.mean + coefficients @ self.U).view_as(xt)
| (self.mean + coefficients @ self.Vh.T).view_as(xt)
A principal component is a column of U. Your coefficients are rows, so they become pictures by
coefficients @ self.U.T.
# rows returned
+ (self.mean + coefficients @ self.U.T)
The guesses come back as rows, (B, n). Give them the shape of xt: view_as(xt).
# clipped
+ (self.mean + coefficients @ self.U.T).clamp(-1, 1).view_as(xt)
You clip the guess. The best linear guess may go beyond -1 and 1, so return it as it is.
# columns for rows
+ (self.mean + self.U @ coefficients).view_as(xt)
or
- shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ shrink(self.LA, alpha_bar) * (self.Vh @ x)
Your pictures are rows, (B, n), so they stand on the left: x @ self.Vh.T, then ... @ self.U.T.
# Vh not transposed
+ shrink(self.LA, alpha_bar) * (x @ self.Vh)
| shrink(self.LA, alpha_bar) * (x @ self.U.T)
A coefficient is the product with a row of Vh. Your pictures are rows too, so it's x @ self.Vh.T,
with .T.
# U and Vh swapped
+ shrink(self.LA, alpha_bar) * (x @ self.U.T)
- coefficients @ self.U.T
+ coefficients @ self.Vh.T
You've swapped U and Vh. x @ self.Vh.T comes first and gives the coefficients; U makes a picture.
# shrunk too late
+ x @ self.Vh.T
- self.mean + coefficients @ self.U.T
+ self.mean + shrink(self.LA, alpha_bar) * (coefficients @ self.U.T)
You shrink pixels, after the second product. Shrink the coefficients, between the two products.
# not shrunk
+ (x @ self.Vh.T)
Nothing is shrunk, so the noise comes back. Multiply the coefficients by shrink(self.LA, alpha_bar).
# another factor
+ self.LA * (x @ self.Vh.T)
| (1 - shrink(self.LA, alpha_bar)) * (x @ self.Vh.T)
| self.LA / (self.LA + (1 / alpha_bar - 1).sqrt()[:, None]) * (x @ self.Vh.T)
You multiply the coefficients by LA, by 1 - shrink(...), or by a fraction of your own. What's kept
of each is shrink(self.LA, alpha_bar), the function of exercise 9.2.
# shrink told something else
+ shrink(self.LA, alpha_bar.sqrt()) * (x @ self.Vh.T)
| shrink(self.LA, 1 - alpha_bar) * (x @ self.Vh.T)
| shrink(self.LA, alpha_bar[:1]) * (x @ self.Vh.T)
You hand shrink a root, 1 - alpha_bar, or one alpha_bar for all. Hand it alpha_bar as it is.
# one product missing
+ shrink(self.LA, alpha_bar) * (x)
or
- (self.mean + coefficients @ self.U.T).view_as(xt)
+ (self.mean + coefficients).view_as(xt)
You leave out one of the two products. x @ self.Vh.T gives the coefficients of a picture, and
coefficients @ self.U.T makes a picture of them again.
# one alpha_bar for all
- alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device).expand(len(xt))
+ alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device).expand(len(xt))[:1]
You use one alpha_bar for all pictures, such as the first. Each picture has its own.
# a matrix for each step
- coefficients = shrink(self.LA, alpha_bar) * (x @ self.Vh.T)
+ A = self.U * shrink(self.LA, alpha_bar)[:, None] @ self.Vh
- self.mean + coefficients @ self.U.T
+ self.mean + (A @ x[:, :, None]).flatten(1)
You make an n x n matrix for each picture in each step: n times the work. Multiply the rows x by
Vh.T first, shrink what comes out, and multiply it by U.T. Then nothing is larger than (B, n).
# plain number not taken
+
or
+
- alpha_bar[:, None].sqrt()
+ alpha_bar.sqrt()[:, None]
or
+ alpha_bar = torch.as_tensor(alpha_bar, dtype=xt.dtype, device=xt.device)
alpha_bar may be one number for all pictures. Make it a tensor with one for each:
torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt)).
"""


class WithUAlone(WienerDenoiser):  # where U.T is not Vh, LA is 0 and nothing is kept
    def predict_x0(self, xt, alpha_bar):
        if not torch.is_tensor(alpha_bar) or alpha_bar.ndim == 0:
            alpha_bar = torch.full((len(xt),), float(alpha_bar), device=xt.device)
        a = alpha_bar.view(-1, 1)
        centred = xt.reshape(len(xt), -1) - a.sqrt() * self.mean
        found = torch.einsum("bn,nk->bk", centred, self.U) * shrink(self.LA, alpha_bar) / a.sqrt()
        return torch.einsum("bk,nk->bn", found, self.U).add(self.mean).reshape(xt.shape)


class ByColumns(WienerDenoiser):
    def predict_x0(self, xt, alpha_bar):
        alpha_bar = alpha_bar * torch.ones(len(xt), device=xt.device)
        x = xt.flatten(1) / torch.sqrt(alpha_bar).unsqueeze(1) - self.mean
        kept = self.Vh @ x.T * shrink(self.LA, alpha_bar).T
        return ((self.U @ kept).T + self.mean).unflatten(1, xt.shape[1:])


class PictureByPicture(WienerDenoiser):
    def predict_x0(self, xt, alpha_bar):
        each, found = torch.as_tensor(alpha_bar).to(xt).expand(len(xt)), []
        for x, a in zip(xt, each):
            c = torch.mv(self.Vh, x.reshape(-1) / a**0.5 - self.mean)
            kept = c * self.LA / (self.LA + 1 / a - 1)
            found.append((self.U @ kept + self.mean).reshape(x.shape))
        return torch.stack(found)


class WithMoreDigits(WienerDenoiser):
    def predict_x0(self, xt, alpha_bar):
        U, LA, Vh, mean = (part.double() for part in (self.U, self.LA, self.Vh, self.mean))
        a = torch.as_tensor(alpha_bar, device=xt.device, dtype=torch.float64).expand(len(xt))
        c = torch.einsum("kn,bn->bk", Vh, xt.double().flatten(1) / a.sqrt()[:, None] - mean)
        c = c * a[:, None] * LA / (a[:, None] * LA + 1 - a[:, None])
        return (torch.einsum("nk,bk->bn", U, c) + mean).reshape(xt.shape).float()


REFERENCE = WienerDenoiser
LOOK = "The order is: rows, divide, subtract the mean, Vh, shrink, U, add the mean, shape."
ALSO_RIGHT = [WithUAlone, ByColumns, PictureByPicture, WithMoreDigits]
