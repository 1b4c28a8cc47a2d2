"""9.6 The ideal denoiser."""

import torch
from torch.nn import functional as F

from course_utils.checks.exercises.nb09.calls import call
from course_utils.checks.parts import Stop, agree, edits
from course_utils.ideal import ideal_x0

LITTLE_NOISE = (
    "With little noise the exponents are large and negative. Clip nothing, and hand them to "
    "torch.softmax, or subtract each picture's largest from its others before exp."
)
BOTH_COUNT = (
    "Two images are almost equally near at alpha_bar = 0.9999, and both count. Is 1 - alpha_bar "
    "clipped or added to, or only the nearest image taken?"
)
CHUNKS = (
    "Right where all images are one chunk. Here {} come in chunks of {}: add up all of them, "
    "relative to the same largest exponent, and divide once at the end."
)


def experiment(probe, attempt):
    right = True
    for B, N, C, H, W, *chunk in [
        (3, 8, 1, 2, 3),
        (2, 7, 2, 3, 2, 1000),
        (4, 9, 1, 3, 4, 4),
        (5, 10, 3, 2, 2, 1),
        (3, 11, 2, 1, 5, 5),
    ]:
        images = 0.6 * probe.normal(N, C, H, W) + 0.3
        alpha_bar = 0.15 + 0.6 * probe.uniform(B)
        xt = 0.7 * probe.normal(B, C, H, W)
        look = CHUNKS.format(N, chunk[0]) if chunk and chunk[0] < N else ""
        came = call(probe, attempt, xt, alpha_bar, images, *chunk, look=look)
        right = right and agree(ideal_x0(xt, alpha_bar, images), came)
    if not right:  # what it does with little noise says no more
        raise Stop
    note_little_noise(probe, attempt)
    probe.on_fake_device(attempt, xt[:3], torch.tensor([0.3, 0.5, 0.8]), images)


def note_little_noise(probe, attempt):
    """Ask where one image is far more likely than the others."""
    images = probe.normal(7, 2, 3, 4)
    xt = images[[4, 1, 6]] * torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1, 1)
    xt = xt + 0.2 * probe.normal(3, 2, 3, 4)  # the third is far from all
    alpha_bar = torch.tensor([0.9999, 0.999, 0.9999])
    for B, *chunk in ((1,), (3,), (3, 3)):  # alone first: then there is one maximum
        call(probe, attempt, xt[:B], alpha_bar[:B], images, *chunk, look=LITTLE_NOISE)
    images[2] = images[4] + 0.05  # the exponents differ by 24 * 0.05 * 0.00008 / 0.0001, about 1
    xt = 0.99995 * (images[[4]] + 0.02508)
    call(probe, attempt, xt, alpha_bar[:1], images, look=BOTH_COUNT)


def ideal_at_once(xt, alpha_bar, images, chunk=1000):
    a, y, x = alpha_bar[:, None], xt.flatten(1), images.flatten(1)
    distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)  # (B, N)
    exponents = -distances / (2 * (1 - a))
    weights = exponents.softmax(dim=1)
    return (weights @ x).view_as(xt)


MISTAKES = """
# softmax over the batch
- exponents.softmax(dim=1)
+ exponents.softmax(dim=0)
| exponents.flatten().softmax(dim=0).view_as(exponents)
Your softmax runs over the batch, so what one picture gets depends on the others. It has to run over
the images: with exponents of shape (B, N), that's dim=1.
# nearest image, or all alike
+ F.one_hot(exponents.argmax(dim=1), len(x)).to(x)
| torch.full_like(exponents, 1 / len(x))
You return only the likeliest image, or the mean of all with equal weights. The ideal answer is the
mean of all images, weighted by how likely each one is: a softmax over the images.
# weights do not add up to 1
+ exponents.exp()
The weights of a picture don't add up to 1. Take softmax of the exponents, or divide exp by the sum
of the weights.
# exp of large numbers
+ exponents.exp() / exponents.exp().sum(dim=1, keepdim=True)
| exponents.exp() / (exponents.exp().sum(dim=1, keepdim=True) + 1e-12)
Right with much noise. With little noise the exponents are so far below 0 that exp makes all of them
0, and the division is lost. Subtract each picture's largest before exp; a running one starts at
-inf, not at 0.
# one maximum
- weights = exponents.softmax(dim=1)
+ weights = (exponents - exponents.max()).exp()
+ weights = weights / weights.sum(dim=1, keepdim=True)
You subtract one maximum for the whole batch, so all weights of another picture can become 0, and
0 / 0 is NaN. Each picture has its own maximum: e.amax(dim=1, keepdim=True).
# exponents clipped
- exponents.softmax(dim=1)
+ exponents.clamp(min=-80).softmax(dim=1)
You clip the exponents, so with little noise all images seem equally likely. torch.softmax copes
with large exponents as they are.
# no 2
- -distances / (2 * (1 - a))
+ -distances / ((1 - a))
The 2 below the line is missing: a Gaussian's exponent is the squared distance divided by twice the
variance. Without it the weights are too sharp.
# brackets missing
+ -distances / 2 * (1 - a)
| -distances / (2 * 1 - a)
Brackets are missing below the line, so you multiply by 1 - alpha_bar, or divide by 2 - alpha_bar.
Divide by (2 * (1 - alpha_bar)).
# plus sign
+ distances / (2 * (1 - a))
The minus is missing, so the farthest images get the largest weights. The exponent is negative.
# another variance
+ -distances / (2 * a)
| -distances / (2 * (1 - a).sqrt())
| -distances / (2 * (1 - a) ** 2)
You divide by something other than the variance of the noise. In xt the noise is multiplied by
sqrt(1 - alpha_bar), so divide by 2 (1 - alpha_bar).
# two forms mixed
+ -distances / (2 * (1 - a) / a)
or
- (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ (y[:, None] / a.sqrt()[:, :, None] - x).square().sum(dim=2)
You mix two forms. For xt and sqrt(alpha_bar) x, the variance is 1 - alpha_bar. For xt /
sqrt(alpha_bar) and x, divide that variance by alpha_bar too.
# image not multiplied by the root
+ (y[:, None] - x).square().sum(dim=2)
| (y[:, None] - a[:, :, None] * x).square().sum(dim=2)
In xt the picture is multiplied by sqrt(alpha_bar), not by 1 or alpha_bar. Measure the distance
between xt and sqrt(alpha_bar) x, or between xt / sqrt(alpha_bar) and x.
# distances not squared
+ (y[:, None] - a.sqrt()[:, :, None] * x).norm(dim=2)
or
+ (y[:, None] / a.sqrt()[:, :, None] - x).norm(dim=2)
- 2 * (1 - a)
+ 2 * (1 - a) / a
You don't square the distances. The exponent has |...|^2, the sum of the squares; cdist and norm
take a root of it, which you have to undo.
# squares averaged
+ (y[:, None] - a.sqrt()[:, :, None] * x).square().mean(dim=2)
You average the squares over the pixels. |...|^2 is their sum, so that n pixels count n times.
# axes of the exponents
+ (y[:, None] - a.sqrt()[:, :, None] * x).square()
or
- -distances / (2 * (1 - a))
+ -distances / (2 * (1 - alpha_bar))
Something doesn't line up with the exponents, (B, N). Add up the squares over the pixels, and give
what has one number for each picture another axis: alpha_bar[:, None], or sum(1, keepdim=True).
# mean of the scaled images
- weights @ x).view_as(xt)
+ weights @ x * a.sqrt()).view_as(xt)
You average sqrt(alpha_bar) x. That is for the distances; average the images themselves.
# rows returned
+ weights @ x)
The answers come back as rows, (B, n). Give them the shape of xt: view_as(xt).
# clipped
+ weights @ x).view_as(xt).clamp(-1, 1)
You clip the answer. A mean of images stays between them, and those here go beyond -1 and 1.
# one alpha_bar for all
- alpha_bar[:, None], xt.flatten(1), images.flatten(1)
+ alpha_bar[:1, None], xt.flatten(1), images.flatten(1)
You use one alpha_bar for all pictures, such as the first. Each has its own: alpha_bar[:, None].
# one chunk only
+ alpha_bar[:, None], xt.flatten(1), images.split(chunk)[-1].flatten(1)
| alpha_bar[:, None], xt.flatten(1), images[:chunk].flatten(1)
Only one chunk is in the answer. Is there an = where += belongs, or a return inside the loop?
# chunks by themselves
+ def ideal_at_once(xt, alpha_bar, images, chunk=1000):
+     found = [ideal_x0(xt, alpha_bar, part) for part in images.split(chunk)]
+     return sum(found) / len(found)
Each chunk gets a softmax of its own, so one without a likely image counts as much as one with it.
Add up weights and weighted images over all chunks, and divide once at the end.
"""


MISTAKES_OF_CHUNKS = """
# whole chunks only
- for part in images.flatten(1).split(chunk):
-     part = part.double()
+ for i in range(len(images) // chunk):
+     part = images.flatten(1)[i * chunk : (i + 1) * chunk].double()
You leave out images that don't fill a chunk, and with fewer images than one chunk nothing is left:
0 / 0 is NaN. The last chunk may be smaller: range(0, N, chunk), or images.split(chunk).
# maximum not carried over
- (exponent - largest).exp(), (before - largest).exp()
+ (exponent - exponent.amax(dim=1, keepdim=True)).exp(), 1.0
or
- total = fade * total
+ total = total
or
- (before - largest).exp()
+ torch.ones_like(largest)
Each chunk's weights are relative to the largest exponent so far, so the sums can't just be added
up. When the largest exponent grows, multiply both sums so far by exp(before - largest).
"""


def ideal_by_cdist(xt, alpha_bar, images, chunk=1000):
    sigma = ((1 - alpha_bar) / alpha_bar).sqrt().unsqueeze(1)
    y = xt.reshape(len(xt), -1) / alpha_bar.sqrt().unsqueeze(1)
    distances = torch.cdist(y, images.reshape(len(images), -1)) / sigma
    return torch.einsum("bn,nchw->bchw", F.softmax(-(distances**2) / 2, dim=-1), images)


def ideal_picture_by_picture(xt, alpha_bar, images, chunk=1000):
    answers = []
    for x, a in zip(xt, alpha_bar):
        e = -((x - a**0.5 * images) ** 2).sum(dim=(1, 2, 3)) / 2 / (1 - a)
        answers.append(torch.tensordot(torch.exp(e - torch.logsumexp(e, dim=0)), images, 1))
    return torch.stack(answers)


def ideal_online(xt, alpha_bar, images, chunk=1000):
    a, y = alpha_bar[:, None, None], xt.flatten(1)[:, None]
    top = torch.full((len(xt), 1), -1e30, device=xt.device)
    total, mean = torch.zeros_like(top), torch.zeros_like(xt.flatten(1))
    for start in range(0, len(images), chunk):
        part = images[start : start + chunk].flatten(1)
        e = -((y - a.sqrt() * part[None]) ** 2).sum(2) / (2 * (1 - a[:, :, 0]))
        new = torch.maximum(top, e.max(dim=1, keepdim=True).values)
        old, w = torch.exp(top - new), torch.exp(e - new)
        total, mean, top = total * old + w.sum(1, keepdim=True), mean * old + w @ part, new
    return (mean / total).view(xt.shape)


REFERENCE = ideal_x0
LOOK = (
    "Print the weights, (B, N): each row adds up to 1, and is largest for the nearest. Is "
    "anything added to 2 * (1 - alpha_bar)?"
)
CATALOGUE = edits(ideal_at_once, MISTAKES) + edits(ideal_x0, MISTAKES_OF_CHUNKS)
ALSO_RIGHT = [ideal_by_cdist, ideal_picture_by_picture, ideal_online]
