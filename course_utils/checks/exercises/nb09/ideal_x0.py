"""9.6 The ideal denoiser."""

import torch
from torch.nn import functional as F

from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import Stop
from course_utils.checks.mistakes import edits
from course_utils.checks.exercises.nb09.calls import call
from course_utils.ideal import ideal_x0


def ideal_experiment(probe, attempt):
    wrong = False
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
        look = (
            f"Right where all images are one chunk. Here {N} come in chunks of {chunk[0]}: the "
            f"weights of all together must add up to 1."
            if chunk and chunk[0] < N else ""
        )  # fmt: skip
        come = call(probe, attempt, xt, alpha_bar, images, *chunk, look=look)
        wrong = wrong or difference(ideal_x0(xt, alpha_bar, images), come)
    if wrong:  # what it does with little noise says no more
        raise Stop
    note_little_noise(probe, attempt)
    probe.on_fake_device(attempt, xt[:3], torch.tensor([0.3, 0.5, 0.8]), images)


def note_little_noise(probe, attempt):
    """Ask where one image is far more likely than the others."""
    images = probe.normal(7, 2, 3, 4)
    xt = images[[4, 1, 6]] * torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1, 1)
    xt = xt + 0.2 * probe.normal(3, 2, 3, 4)  # the third is far from all
    for B, chunk in ((1, []), (3, []), (3, [3])):  # alone first: then there is one maximum
        call(
            probe, attempt, xt[:B], torch.tensor([0.9999, 0.999, 0.9999])[:B], images, *chunk,
            look="With little noise the exponents are large and negative, and exp makes all of "
            "them 0. Subtract the largest exponent from all before exp, as softmax does.",
        )  # fmt: skip
    images[2] = images[4] + 0.12 / images[4].numel() ** 0.5
    call(
        probe, attempt, images[[4]] + 0.003 * probe.normal(1, 2, 3, 4), torch.tensor([0.9999]), images,
        look="Two images are nearly the same here, and alpha_bar is 0.9999: only the nearer one "
        "counts. Is alpha_bar clipped, or something added to 1 - alpha_bar?",
    )  # fmt: skip


def ideal_at_once(xt, alpha_bar, images, chunk=1000):
    a, x, y = alpha_bar[:, None], images.flatten(1), xt.flatten(1)
    distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)  # (B, N)
    exponents = -distances / (2 * (1 - a))
    weights = exponents.softmax(dim=1)
    return (weights @ x).view_as(xt)


MISTAKES = """
# over the batch
- weights = exponents.softmax(dim=1)
+ weights = exponents.softmax(dim=0)
The softmax runs over the batch, so what one picture gives depends on the others. It has to run
over the images: with exponents of shape (B, N), dim=1.

# over everything
- weights = exponents.softmax(dim=1)
+ weights = exponents.flatten().softmax(dim=0).view_as(exponents)
The weights of the whole batch add up to 1 together. Those of each picture must: take the softmax,
or the sum that you divide by, over the images, dim=1.

# no 2
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (1 - a)
The 2 below the line is missing: the exponent of a Gaussian is the squared distance divided by
twice the variance. Without it the weights are sharper than they should be.

# brackets missing
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / 2 * (1 - a)
You divide by 2 and multiply by 1 - alpha_bar, or the other way round: brackets are missing below
the line. Divide by (2 * (1 - alpha_bar)).

# brackets missing in the difference
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (2 * 1 - a)
Below the line is 2 - alpha_bar, or the like: brackets are missing. It is 2 * (1 - alpha_bar).

# images not scaled
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ distances = (y[:, None] - x).square().sum(dim=2)
The images are compared as they are. In xt a picture is multiplied by sqrt(alpha_bar): measure the
distance from xt to sqrt(alpha_bar) x.

# images times alpha_bar
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ distances = (y[:, None] - a[:, :, None] * x).square().sum(dim=2)
The images are multiplied by alpha_bar. In xt a picture is multiplied by its root,
sqrt(alpha_bar).

# noise not divided
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ distances = (y[:, None] / a.sqrt()[:, :, None] - x).square().sum(dim=2)
xt is divided by sqrt(alpha_bar), which is good, but then the noise in it is larger too: its
variance is (1 - alpha_bar) / alpha_bar.

# noise divided
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (2 * (1 - a) / a)
The variance is (1 - alpha_bar) / alpha_bar, and that is for xt / sqrt(alpha_bar) and images as
they are. For xt itself and sqrt(alpha_bar) x it is 1 - alpha_bar.

# not squared
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ distances = (y[:, None] - a.sqrt()[:, :, None] * x).norm(dim=2)
or
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
- exponents = -distances / (2 * (1 - a))
+ distances = (y[:, None] - a.sqrt()[:, :, None] * x).norm(dim=2)
+ exponents = -distances / (1 - a).sqrt()
or
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
- exponents = -distances / (2 * (1 - a))
+ distances = (y[:, None] - a.sqrt()[:, :, None] * x).norm(dim=2)
+ exponents = -distances / (2 * (1 - a).sqrt())
The distances are not squared: cdist and norm take a root. The exponent has |...|^2, the sum of
the squares, by 2 (1 - alpha_bar).

# not squared, divided
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
- exponents = -distances / (2 * (1 - a))
+ distances = (y[:, None] / a.sqrt()[:, :, None] - x).norm(dim=2)
+ exponents = -distances / (2 * (1 - a) / a)
The distances are not squared: cdist and norm take a root. The exponent has |...|^2, the sum of
the squares, by 2 (1 - alpha_bar). (For xt / sqrt(alpha_bar) and images as they are, that is 2 (1
- alpha_bar) / alpha_bar.)

# amounts
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ distances = (y[:, None] - a.sqrt()[:, :, None] * x).abs().sum(dim=2)
The amounts of the differences are added up. The exponent has their squares.

# squares averaged
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
+ distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().mean(dim=2)
The squares are averaged over the pixels. |...|^2 is their sum: with a mean, n pixels count as
little as one.

# plus sign
- exponents = -distances / (2 * (1 - a))
+ exponents = distances / (2 * (1 - a))
The minus is missing: the farthest images get the largest weights. The exponent is negative.

# by alpha_bar
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (2 * a)
You divide by alpha_bar. The variance of the noise is 1 - alpha_bar.

# by the root of the noise
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (2 * (1 - a).sqrt())
You divide by sqrt(1 - alpha_bar). The exponent has the variance of the noise, 1 - alpha_bar.

# by the noise squared
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (2 * (1 - a) ** 2)
You divide by (1 - alpha_bar)^2. 1 - alpha_bar is the variance already.

# noise left out
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / 2
The noise level is missing in the exponent. Divide by 2 (1 - alpha_bar): with much noise many
images are possible, with little noise few.

# nearest image
- weights = exponents.softmax(dim=1)
+ weights = F.one_hot(exponents.argmax(dim=1), len(x)).to(x)
You return the most likely image. The ideal answer is the mean of all, weighted by how likely each
is: softmax in place of argmin.

# plain mean
- weights = exponents.softmax(dim=1)
+ weights = torch.full_like(exponents, 1 / len(x))
You return the mean of all images, all with the same weight. Those that are near xt count more.

# not normalised
- weights = exponents.softmax(dim=1)
+ weights = exponents.exp()
The weights do not add up to 1: divide by their sum, or take softmax in place of exp.

# divided by the count
- weights = exponents.softmax(dim=1)
+ weights = exponents.exp() / len(x)
The sum is divided by the number of images. Divide by the sum of the weights.

# averaged
- weights = exponents.softmax(dim=1)
+ weights = exponents.softmax(dim=1) / len(x)
The weighted images are averaged. The weights add up to 1 already, so they are summed.

# log_softmax
- weights = exponents.softmax(dim=1)
+ weights = exponents.log_softmax(dim=1)
The logarithms of the weights are used as weights. Take softmax, not log_softmax.

# exp of large numbers
- weights = exponents.softmax(dim=1)
+ weights = exponents.exp() / exponents.exp().sum(dim=1, keepdim=True)
Right with much noise. With little noise the exponents are far below 0, exp makes all of them 0,
and 0 / 0 is NaN. Subtract the largest exponent of each picture before exp, as softmax does: the
weights stay the same.

# one maximum
- weights = exponents.softmax(dim=1)
+ weights = (exponents - exponents.max()).exp()
+ weights = weights / weights.sum(dim=1, keepdim=True)
You subtract one maximum for the whole batch. Where another picture has the largest exponent, all
weights of this one become 0, and 0 / 0 is NaN. Each picture has its own: e.max(dim=1,
keepdim=True).values, or e.amax(dim=1, keepdim=True).

# sum guarded
- weights = exponents.softmax(dim=1)
+ weights = exponents.exp() / (exponents.exp().sum(dim=1, keepdim=True) + 1e-12)
Right with much noise. With little noise exp makes all weights 0; something added to their sum
avoids NaN, but the answer is 0 then. Subtract the largest exponent of each picture before exp, as
softmax does.

# scaled images
- return (weights @ x).view_as(xt)
+ return (weights @ x * a.sqrt()).view_as(xt)
The mean is taken of sqrt(alpha_bar) x. Those are for the distances; the answer is the mean of the
images themselves.

# rows returned
- return (weights @ x).view_as(xt)
+ return weights @ x
The answers come back as rows, (B, n). Give them the shape of xt: view_as(xt).

# one level for all
- a, x, y = alpha_bar[:, None], images.flatten(1), xt.flatten(1)
+ a, x, y = alpha_bar.mean().view(1, 1), images.flatten(1), xt.flatten(1)
The mean of alpha_bar is used for all pictures. Each has its own: alpha_bar[:, None] with the
exponents, (B, N).

# first level for all
- a, x, y = alpha_bar[:, None], images.flatten(1), xt.flatten(1)
+ a, x, y = alpha_bar[:1, None], images.flatten(1), xt.flatten(1)
The first alpha_bar is used for all pictures. Each has its own: alpha_bar[:, None] with the
exponents, (B, N).

# length left out
- exponents = -distances / (2 * (1 - a))
+ exponents = a.sqrt() * (y @ x.T) / (1 - a)
Only the products of xt and the images are in the exponent. |xt - sqrt(alpha_bar) x|^2 also has
the length of x: 2 sqrt(alpha_bar) xt x, less alpha_bar |x|^2. (|xt|^2 is the same for all images
and may be left out.)

# each pixel by itself
- distances = (y[:, None] - a.sqrt()[:, :, None] * x).square().sum(dim=2)
- exponents = -distances / (2 * (1 - a))
+ distances = (y[:, None] - a.sqrt()[:, :, None] * x).square()
+ exponents = -distances / (2 * (1 - a))[:, :, None]
- return (weights @ x).view_as(xt)
+ return (weights * x).sum(dim=1).view_as(xt)
Each pixel is weighted by itself: the squares are not added up. A whole picture is likely or not,
so sum over its pixels.

# levels meet images
- exponents = -distances / (2 * (1 - a))
+ exponents = -distances / (2 * (1 - alpha_bar))
alpha_bar, (B,), meets exponents, (B, N), and PyTorch lines it up with N. Give it another axis:
alpha_bar[:, None].

# chunks averaged
+ parts = images.split(chunk)
+ return sum(ideal_x0(xt, alpha_bar, part) for part in parts) / len(parts)
Each chunk gets a softmax of its own, and the answers are averaged. A chunk without a likely image
then counts as much as one that has it. Add up weights and weighted images over all chunks, and
divide once at the end.

# chunks summed
+ return sum(ideal_x0(xt, alpha_bar, part) for part in images.split(chunk))
Each chunk gets a softmax of its own, and the answers are added. Add up weights and weighted
images over all chunks, and divide once at the end.

# last chunk
- a, x, y = alpha_bar[:, None], images.flatten(1), xt.flatten(1)
+ a, x, y = alpha_bar[:, None], images.split(chunk)[-1].flatten(1), xt.flatten(1)
Only the last chunk is in the answer. All have to be: += in the loop, not =.

# first chunk
- a, x, y = alpha_bar[:, None], images.flatten(1), xt.flatten(1)
+ a, x, y = alpha_bar[:, None], images[:chunk].flatten(1), xt.flatten(1)
Only the first chunk is in the answer. Go through all of them. Is the return indented too far?
"""


MISTAKES_OF_CHUNKS = """
# whole chunks
- for part in images.flatten(1).split(chunk):
-     part = part.double()
+ for i in range(len(images) // chunk):
+     part = images.flatten(1)[i * chunk : (i + 1) * chunk].double()
Images that do not fill a chunk are left out, and where there are fewer than one chunk nothing is
left: 0 / 0 is NaN. The last chunk may be smaller: range(0, N, chunk), or images.split(chunk).

# maximum not carried
- before, largest = largest, exponent.amax(dim=1, keepdim=True).maximum(largest)
- weights, fade = (exponent - largest).exp(), (before - largest).exp()
+ weights, fade = (exponent - exponent.amax(dim=1, keepdim=True)).exp(), 1.0
Each chunk subtracts its own largest exponent, and the sums are added as they are. They are of
different scale then: when the largest exponent grows, multiply the sums so far by exp(before -
largest).

# sum not made smaller
- total = fade * total + weights.sum(dim=1, keepdim=True)
+ total = total + weights.sum(dim=1, keepdim=True)
When a likelier image turns up, only the sum of the images is made smaller. The sum of the weights
has to be, by the same factor exp(before - largest).
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
        weights = torch.exp(e - torch.logsumexp(e, dim=0))
        answers.append((weights[:, None, None, None] * images).sum(dim=0))
    return torch.stack(answers)


def ideal_with_exponents_kept(xt, alpha_bar, images, chunk=1000):
    a, y = alpha_bar.double().view(-1, 1), xt.flatten(1).double()
    exponents = []
    for part in images.flatten(1).double().split(chunk):
        cross = 2 * a.sqrt() * (y @ part.T)
        distances = y.square().sum(1, keepdim=True) - cross + a * part.square().sum(1)
        exponents.append(-distances / (2 * (1 - a)))
    weights = torch.cat(exponents, dim=1).softmax(1)
    return (weights @ images.flatten(1).double()).reshape(xt.shape).float()


def ideal_on_the_cpu(xt, alpha_bar, images, chunk=1000):
    a, x, y = alpha_bar.cpu().double()[:, None], xt.cpu().flatten(1), images.cpu().flatten(1)
    squares = (x.double()[:, None] - a.sqrt()[:, :, None] * y.double()).square().sum(dim=2)
    out = torch.softmax(-squares / (2 * (1 - a)), dim=1) @ y.double()
    return out.to(xt).view_as(xt)


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


EXERCISE = Exercise(
    id="9.6",
    title="The ideal denoiser",
    notebook="09_wiener_baseline",
    reference=ideal_x0,
    experiment=ideal_experiment,
    look="Print the weights, (B, N): each row adds up to 1, and is largest for the nearest.",
    catalogue=edits(ideal_at_once, MISTAKES) + edits(ideal_x0, MISTAKES_OF_CHUNKS),
    also_right=[
        ideal_at_once,
        ideal_by_cdist,
        ideal_picture_by_picture,
        ideal_with_exponents_kept,
        ideal_on_the_cpu,
        ideal_online,
    ],
)
