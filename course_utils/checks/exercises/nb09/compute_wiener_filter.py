"""9.1 Mean and covariance of all pictures."""

import numpy
import torch

from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import FAKE_DEVICE, FakeDeviceMode, Stop, device_mismatch, name
from course_utils.checks.mistakes import edits
from course_utils.checks.exercises.nb09.calls import call
from course_utils.covariance import vectors
from course_utils.wiener import compute_wiener_filter

CPU = torch.device("cpu")


def filter_experiment(probe, attempt):
    for sizes, C, R, has_labels in [
        ((7, 7, 5), 1, 3, False),
        ((4, 1, 4, 2), 3, 2, True),
        ((7, 6), 2, 2, False),
    ]:
        x = pictures(probe, sum(sizes), C, R)
        loader = [(part, probe.steps(len(part))) if has_labels else part for part in x.split(sizes)]
        what = f"{name(attempt)} of pictures {C, R, R} in batches of {sizes}"
        what += ", each with labels" * has_labels
        came = call(probe, attempt, loader, CPU, R, C, what=what, look=own_pictures(attempt))
        rows = x.flatten(1)
        if difference((torch.cov(rows.T), rows.mean(dim=0)), came):
            raise Stop  # the others say no more
    x = 300 + probe.normal(50, 1, 4, 4)
    S, _ = probe.run("of pictures with a mean of 300", attempt, x.split(20), CPU, 4, 1)
    probe.note(
        "the digits of the covariance",
        difference(torch.cov(x.flatten(1).double().T), S.double()) is None,
        "Right for pictures whose mean is near 0. With a mean of 300 the covariance loses its "
        "digits.",
        "Take the mean away from the pictures first, and multiply then.",
    )  # fmt: skip
    note_device(probe, attempt, x.split(20))


def own_pictures(attempt):
    """What to say to one who takes the notebook's pictures in place of the loader's."""
    used = getattr(attempt, "__code__", None)
    stray = used and "images" in used.co_names
    return "You use the notebook's images. Take what the loader gives." if stray else ""


def pictures(probe, N, C, R):
    """Draw pictures whose pixels depend on each other, with a mean.  () -> (N, C, R, R)"""
    n = C * R * R
    x = probe.normal(N, n) @ probe.normal(n, n) / n**0.5 + probe.normal(n)
    return x.view(N, C, R, R)


def note_device(probe, compute_wiener_filter, loader):
    """Write down whether the work is done on the device that is asked for, and stays there."""
    with FakeDeviceMode():
        probe.note_mismatch(device_mismatch(compute_wiener_filter, loader, FAKE_DEVICE, 4, 1))


def filter_in_two_passes(dataloader, device, resolution, n_channels):
    shape, count, total = (n_channels, resolution, resolution), 0, 0.0
    for x in vectors(dataloader, shape, device):
        count = count + len(x)
        total = total + x.sum(dim=0)
    mean = total / count
    S = torch.zeros(len(total), len(total), device=device)
    for x in vectors(dataloader, shape, device):
        x = x - mean
        S = S + x.T @ x
    return S / (count - 1), mean


MISTAKES = """
# divided by N
- return S / (count - 1), mean
+ return S / count, mean
The products are divided by N, the number of pictures. The mean comes from the same pictures,
which makes the differences a little too small: divide by N - 1.

# divided by the batches
- return S / (count - 1), mean
+ return S / len(dataloader), mean
The products are divided by the number of batches. Count the pictures, count + len(x), and divide
by their number less 1.

# divided by the batches less one
- return S / (count - 1), mean
+ return S / (len(dataloader) - 1), mean
The products are divided by the number of batches, less 1. Count the pictures, count + len(x), and
divide by their number less 1.

# batches counted
- count = count + len(x)
+ count = count + 1
You count batches, not pictures, so that both the mean and the covariance come out too large. Add
len(x) to the count for each batch, not 1.

# divided by the last batch
- return S / (count - 1), mean
+ return S / len(x), mean
The products are divided by len(x) after the loop, which is the size of the last batch. Divide by
the number of all pictures, less 1.

# divided by the last batch less one
- return S / (count - 1), mean
+ return S / (len(x) - 1), mean
The products are divided by len(x) - 1 after the loop, and x is the last batch there. Divide by
the number of all pictures, less 1.

# not divided
- return S / (count - 1), mean
+ return S, mean
The products are added up and not divided. Divide by N - 1 at the end.

# divided twice
- return S / (count - 1), mean
+ return S / (count - 1) ** 2, mean
The products are divided by N - 1 twice, in the loop and after it. Once is enough.

# divided by the root
- return S / (count - 1), mean
+ return S / (count - 1) ** 0.5, mean
The products are divided by the root of N - 1. A covariance is a mean of products: divide by N - 1
itself.

# averaged by batch
-     S = S + x.T @ x
- return S / (count - 1), mean
+     S = S + x.T @ x / len(x)
+ return S / len(dataloader), mean
The products of each batch are divided by its own size, and then averaged. A small batch counts as
much as a large one so. Add up the products of all, and divide once by N - 1.

# divided by each batch
-     S = S + x.T @ x
- return S / (count - 1), mean
+     S = S + x.T @ x / len(x)
+ return S, mean
The products of each batch are divided by its own size, and then added. Add up the products as
they are, and divide once at the end by N - 1.

# mean of means
-     total = total + x.sum(dim=0)
- mean = total / count
+     total = total + x.mean(dim=0)
+ mean = total / len(dataloader)
The mean is that of the batches' means. A small batch, as the last one often is, then counts as
much as a large one. Add up all pictures and divide by their number.

# mean of the last batch
- mean = total / count
+ mean = x.mean(dim=0)
The mean is that of the last batch alone: = in the loop where += is needed. Add up all batches and
divide by the number of pictures.

# mean not divided
- mean = total / count
+ mean = total
What you call the mean is the sum of all pictures. Divide it by their number before the second
pass.

# one mean for all pixels
- mean = total / count
+ mean = (total / count).mean().expand(len(total))
The mean is one number for all pixels. Each pixel has a mean of its own, over the pictures:
mean(dim=0), with shape (n,).

# mean kept
- x = x - mean
+
The mean is not subtracted before the products. They then measure how far the pictures are from 0,
not from their mean: multiply x - mean.

# own mean of each batch
- x = x - mean
+ x = x - x.mean(dim=0)
Each batch loses its own mean. Then what differs from batch to batch is lost. Subtract the mean of
all pictures, which the first pass finds.

# own mean of each picture
- x = x - mean
+ x = x - x.mean(dim=1, keepdim=True)
Each picture loses the mean of its own pixels. Subtract from each pixel its mean over all
pictures, which has shape (n,).

# mean added
- x = x - mean
+ x = x + mean
The mean is added where it should be subtracted: multiply x - mean.

# one pass in float32
-     x = x - mean
-     S = S + x.T @ x
- return S / (count - 1), mean
+     S = S + x.T @ x
+ return (S - count * torch.outer(mean, mean)) / (count - 1), mean
The formula is right, but it subtracts two large numbers that are nearly the same: the mean
product and the product of the means. In float32 few digits are left of that when the mean is
large. Go through the pictures twice and multiply x - mean, or compute in float64.

# rows meet
- S = S + x.T @ x
+ S = S + x @ x.T
x @ x.T compares pictures with each other, (B, B). Asked for is how pixels vary together, (n, n):
x.T @ x.

# pictures meet
+ x = torch.cat(list(vectors(dataloader, (n_channels, resolution, resolution), device)))
+ return torch.cov(x), x.mean(dim=0)
Your matrix is (N, N): it compares pictures. Asked for is how pixels vary together, (n, n).
torch.cov and numpy.cov take each row for a variable: hand them X.T, pixels as rows.

# last batch only
- S = S + x.T @ x
+ S = x.T @ x
Only the last batch is in the covariance: = in the loop where += is needed.

# first batch only
- total = total + x.sum(dim=0)
+ total = total + x.sum(dim=0)
+ break
- S = S + x.T @ x
+ S = S + x.T @ x
+ break
Only the first batch is used. Is the return indented too far, so that it is in the loop?

# mean of covariances
-     x = x - mean
-     S = S + x.T @ x
- return S / (count - 1), mean
+     S = S + torch.cov(x.T)
+ return S / len(dataloader), mean
You average the covariances of the batches. Each of them knows only its own mean, and the small
ones count as much as the large. Subtract the mean of all, add up the products of all batches, and
divide once.

# mean first
- return S / (count - 1), mean
+ return mean, S / (count - 1)
The two results are in the wrong order: the covariance comes first, then the mean.

# covariance alone
- return S / (count - 1), mean
+ return S / (count - 1)
Only the covariance is returned. The mean is asked for too: return S, mean.

# mean as a picture
- return S / (count - 1), mean
+ return S / (count - 1), mean.view(shape)
The mean has the shape of a picture. Here it is a row of n numbers, as the pictures are:
mean.flatten().

# mean as a matrix
- return S / (count - 1), mean
+ return S / (count - 1), mean[None]
The mean has shape (1, n). Leave out keepdim=True, or take its first row: (n,).

# correlation
- return S / (count - 1), mean
+ return S / torch.outer(S.diag(), S.diag()).sqrt(), mean
These are correlations: each pixel is divided by its standard deviation. The filter has to know
how much a pixel varies; leave that division out.

# variances alone
- return S / (count - 1), mean
+ return S.diag() / (count - 1), mean
You return the variance of each pixel, (n,). The covariance holds that of each pair too: x.T @ x,
with shape (n, n).

# variances in a matrix
- return S / (count - 1), mean
+ return S.diag().diag() / (count - 1), mean
Your matrix holds the variances and is 0 elsewhere: each pixel meets only itself. x.T @ x
multiplies each with every other.

# channels last
- return S / (count - 1), mean
+ order = torch.arange(len(mean)).view(shape).permute(1, 2, 0).flatten()
+ return S[order][:, order] / (count - 1), mean[order]
The numbers of a picture are in another order, channels last. Flatten (B, C, H, W) as it is:
x.flatten(1), all of the first channel, then the next.

# subtracted in place
- x = x - mean
+ x -= mean
x -= mean changes the pictures of the loader themselves: vectors hands out the same memory with
another shape. Write x = x - mean.

# loader used up
- for x in vectors(dataloader, shape, device):
-     count = count + len(x)
+ rows = vectors(dataloader, shape, device)
+ for x in rows:
+     count = count + len(x)
- for x in vectors(dataloader, shape, device):
-     x = x - mean
+ for x in rows:
+     x = x - mean
Your covariance is 0. vectors(...) is used up after one pass, so a second loop over the same v
finds nothing. Call vectors(...) anew for the second pass.

# begun with ones
- S = torch.zeros(len(total), len(total), device=device)
+ S = torch.ones(len(total), len(total), device=device)
S begins with ones, so each entry is too large by 1 / (N - 1). Begin with zeros.

# mean of the first
- mean = total / count
+ mean = next(vectors(dataloader, shape, device)).mean(dim=0)
The mean is that of the first batch alone. Add up all batches and divide by the number of
pictures.

# a number for the mean
- mean = total / count
+ mean = (total / count).mean()
The mean is one number, (). Each pixel has a mean of its own, over the pictures: mean(dim=0), with
shape (n,).

# a number for the mean, beside
- return S / (count - 1), mean
+ return S / (count - 1), mean.mean()
The covariance is right, but the mean is one number, (). Each pixel has a mean of its own, over
the pictures: mean(dim=0), with shape (n,).

# first batch in the second pass
- S = S + x.T @ x
+ S = S + x.T @ x
+ break
Only the first batch is in the covariance. Is the return indented too far, so that it is in the
loop?

# all batches alike
- mean = total / count
+ count = len(dataloader) * len(next(vectors(dataloader, shape, device)))
+ mean = total / count
You take the number of batches times the size of the first for the number of pictures. The last
batch may be smaller: add len(x) to the count for each.

# brackets missing
- return S / (count - 1), mean
+ return S / count - 1, mean
Brackets are missing: S / N - 1 divides by N, and takes 1 from each entry. Divide by (N - 1).

# mean squared once
-     x = x - mean
-     S = S + x.T @ x
- return S / (count - 1), mean
+     S = S + x.T @ x
+ return (S - torch.outer(mean, mean)) / (count - 1), mean
The product of the mean is subtracted once. The formula has N times that: each picture lost the
mean. Go through the pictures twice, and multiply x - mean: the digits are kept then.

# first of each batch
+ x = torch.cat([batch[0].reshape(-1, n_channels * resolution**2) for batch in dataloader])
+ return torch.cov(x.T), x.mean(dim=0)
When a batch is a tensor, batch[0] is its first picture, and so is the x of x, *rest. Ask with
torch.is_tensor(batch), or take vectors, which does it.

# tuples not opened
+ x = torch.cat([batch.flatten(1) for batch in dataloader]).to(device)
+ return torch.cov(x.T), x.mean(dim=0)
A batch may be a tuple, whose first item are the pictures: take batch[0] then. vectors does that.

# always a pair
+ x = torch.cat([pictures.flatten(1) for pictures, _ in dataloader]).to(device)
+ return torch.cov(x.T), x.mean(dim=0)
A batch may also be the pictures alone; then there is no pair to unpack. Ask with
torch.is_tensor(batch), or let vectors do it.

# dataset counted
- mean = total / count
+ count = len(dataloader.dataset)
+ mean = total / count
The loader may be a plain list of batches, which has no dataset. Count the pictures as they come:
count + len(x).
"""


def all_rows(dataloader, device, resolution, n_channels):
    """All pictures as rows.

    batches -> (N, n)
    """
    shape = n_channels, resolution, resolution
    return torch.cat(list(vectors(dataloader, shape, device)))


def filter_at_once(dataloader, device, resolution, n_channels):
    x = all_rows(dataloader, device, resolution, n_channels)
    return torch.cov(x.T), x.mean(0)


def filter_by_numpy(dataloader, device, resolution, n_channels):
    found = [batch if torch.is_tensor(batch) else batch[0] for batch in dataloader]
    x = torch.cat(found).reshape(-1, n_channels * resolution**2).numpy().astype("float64")
    S, mean = numpy.cov(x, rowvar=False), x.mean(axis=0)
    return torch.from_numpy(S).float().to(device), torch.tensor(mean).to(device, torch.float32)


def filter_in_one_pass(dataloader, device, resolution, n_channels):
    n = n_channels * resolution * resolution
    N, total = 0, torch.zeros(n, dtype=torch.float64, device=device)
    products = torch.zeros(n, n, dtype=torch.float64, device=device)
    for batch in dataloader:
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        x = x.to(device).double().reshape(len(x), n)
        N += x.shape[0]
        total += x.sum(0)
        products += torch.einsum("bi,bj->ij", x, x)
    mean = total / N
    return (products / (N - 1) - torch.outer(mean, mean) * (N / (N - 1))).float(), mean.float()


def filter_as_it_goes(dataloader, device, resolution, n_channels):
    """The mean and the products so far are put together with those of each batch."""
    shape, N, mean, S = (n_channels, resolution, resolution), 0, 0.0, 0.0
    for x in vectors(dataloader, shape, device):
        own, B = x.mean(dim=0), len(x)
        away = own - mean
        S = S + (x - own).T @ (x - own) + torch.outer(away, away) * N * B / (N + B)
        mean, N = mean + away * B / (N + B), N + B
    return S / (N - 1), mean


def filter_picture_by_picture(dataloader, device, resolution, n_channels):
    shape = (n_channels, resolution, resolution)
    n = n_channels * resolution * resolution
    mean, S, N = torch.zeros(n, device=device), torch.zeros((n, n), device=device), 0
    for rows in vectors(dataloader, shape, device):
        for row in rows:
            mean, N = mean + row, N + 1
    mean = mean / N
    for rows in vectors(dataloader, shape, device):
        for row in rows:
            S += torch.outer(row - mean, row - mean) / (N - 1)
    return [S, mean]


EXERCISE = Exercise(
    id="9.1",
    title="Mean and covariance of all pictures",
    notebook="09_wiener_baseline",
    reference=compute_wiener_filter,
    experiment=filter_experiment,
    look="Compare with torch.cov(X.T), for all pictures as rows X, on a few small pictures.",
    catalogue=edits(filter_in_two_passes, MISTAKES),
    also_right=[
        filter_in_two_passes,
        filter_at_once,
        filter_by_numpy,
        filter_in_one_pass,
        filter_as_it_goes,
        filter_picture_by_picture,
    ],
)
