"""9.1 Mean and covariance of all pictures."""

import numpy
import torch

from course_utils.checks.engine.compare import agree
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.fake_device import FAKE_DEVICE, FakeDeviceMode, device_mismatch
from course_utils.checks.engine.probe import Stop
from course_utils.checks.exercises.nb09.calls import call
from course_utils.checks.mistakes import edits
from course_utils.covariance import vectors
from course_utils.wiener import compute_wiener_filter

CPU = torch.device("cpu")


def filter_experiment(probe, compute_wiener_filter):
    for sizes, C, R, has_labels in [
        ((7, 7, 5), 1, 3, False),
        ((4, 1, 4, 2), 3, 2, True),
        ((7, 6), 2, 2, False),
    ]:
        n = C * R * R  # pixels depend on each other, and have a mean
        rows = probe.normal(sum(sizes), n) @ probe.normal(n, n) / n**0.5 + probe.normal(n)
        loader = list(rows.view(-1, C, R, R).split(sizes))
        if has_labels:
            loader = [(part, probe.steps(len(part))) for part in loader]
        came = call(probe, compute_wiener_filter, loader, CPU, R, C)
        if not agree((torch.cov(rows.T), rows.mean(dim=0)), came):
            raise Stop  # the others say no more
    x = 300 + probe.normal(50, 1, 4, 4)
    S, _ = probe.run(
        "of pictures with a mean of 300", compute_wiener_filter, x.split(20), CPU, 4, 1
    )
    probe.note(
        "the digits of the covariance",
        agree(torch.cov(x.flatten(1).double().T), S.double()),
        "Right for pictures whose mean is near 0, but with a mean of 300 the covariance loses its "
        "digits.",
        "Subtract the mean from the pictures first, and multiply afterwards.",
    )  # fmt: skip
    with FakeDeviceMode():
        found = device_mismatch(compute_wiener_filter, x.split(20), FAKE_DEVICE, 4, 1)
    probe.note_mismatch(found)


def filter_in_two_passes(dataloader, device, resolution, n_channels):
    shape, n = (n_channels, resolution, resolution), n_channels * resolution**2
    count, total = 0, torch.zeros(n, device=device)
    for x in vectors(dataloader, shape, device):
        count = count + len(x)
        total = total + x.sum(dim=0)
    mean = total / count
    S = torch.zeros(n, n, device=device)
    for x in vectors(dataloader, shape, device):
        x = x - mean
        S = S + x.T @ x
    return S / (count - 1), mean


MISTAKES = """
# divided by N
- (count - 1)
+ count
You divide the products by N, the number of pictures. Because the mean comes from the same pictures,
the differences are a little too small; dividing by N - 1 makes up for that.

# divided by something else
+ len(dataloader)
or
+ (len(dataloader) - 1)
or
+ len(x)
You divide the products by the number of batches, or by len(x) after the loop, where x is the last
batch. Divide by the number of all pictures, less 1.

# pictures not counted
- count + len(x)
+ count + 1
or
- count = count + len(x)
+ count = len(dataloader) * len(x)
or
+ count = len(dataloader.dataset)
You don't count the pictures as they come, with count + len(x). The number of batches is smaller,
the last batch may be smaller than the others, and a plain list of batches has no dataset.

# not divided
- S / (count - 1)
+ S
The products are added up and never divided. Divide by N - 1 at the end.

# divided in the loop
- x.T @ x
+ x.T @ x / len(x)
- S / (count - 1)
+ S
or
+ x.T @ x / len(x)
- S / (count - 1)
+ S / len(dataloader)
or
+ x.T @ x / (len(x) - 1)
- S / (count - 1)
+ S / len(dataloader)
You divide the products of each batch by its own size, so a picture in a small batch counts for more
than one in a large batch. Add up all products as they are, and divide once at the end by N - 1.

# brackets missing
- (count - 1)
+ count - 1
Brackets are missing: S / N - 1 divides by N, then takes 1 off each entry. Divide by (N - 1).

# mean of means
- x.sum(dim=0)
+ x.mean(dim=0)
- total / count
+ total / len(dataloader)
You average the batches' means. A small batch, as the last one often is, then counts as much as a
large one. Add up all pictures and divide by their number.

# mean of one batch
- total / count
+ x.mean(dim=0)
or
- total + x.sum(dim=0)
+ x.sum(dim=0)
Your mean is made of the last batch alone. Is there an = in the loop where += belongs? Add up all
batches and divide by the number of pictures.

# sum of the pictures divided by something else
- mean = total / count
+ mean = total
or
- total / count
+ total / len(dataloader)
or
+ total / (count - 1)
You don't divide the sum of all pictures by their number, N, so what you subtract isn't their mean.
Only the covariance has N - 1.

# mean not of each pixel
+ (total / count).mean().expand(n)
or
+ (total / count).mean()
or
- x.sum(dim=0)
+ x.sum()
or
+ x.sum(dim=1)
or
- , mean
+ , mean.mean()
Your mean is one number for all pixels, or one for each picture. Each pixel has a mean of its own,
over the pictures: dim=0, with shape (n,).

# mean not subtracted
- x = x - mean
+
You don't subtract the mean before the products, so they measure how far the pictures are from 0 and
not from their mean. Multiply x - mean.

# own mean of each batch or picture
- x - mean
+ x - x.mean(dim=0)
or
+ x - x.mean(dim=1, keepdim=True)
You subtract the mean of a single batch or picture, which loses whatever differs from one to the
next. Subtract the mean of all pictures, (n,), which the first pass finds.

# mean of covariances
- x = x - mean
+
- x.T @ x
+ torch.cov(x.T)
- (count - 1)
+ len(dataloader)
You average the covariances of the batches. Each of them knows only its own mean, and small ones
count as much as large ones. Subtract the mean of all, add up all products, and divide once.

# one pass in float32
+
- S / (count - 1)
+ (S - count * torch.outer(mean, mean)) / (count - 1)
The formula is right, but it subtracts two large numbers that are nearly equal, and in float32 few
digits survive that. Go through the pictures twice and multiply x - mean, or compute in float64.

# product of the mean
+
- S / (count - 1)
+ S / (count - 1) - torch.outer(mean, mean)
You take the mean's product off after dividing by N - 1, where it would have to be multiplied by N /
(N - 1). Better go through the pictures twice and multiply x - mean, which also keeps the digits.

# pictures compared
+ def filter_in_two_passes(dataloader, device, resolution, n_channels):
+     shape = n_channels, resolution, resolution
+     x = torch.cat(list(vectors(dataloader, shape, device)))
+     return torch.cov(x), x.mean(dim=0)
or
+ def filter_in_two_passes(dataloader, device, resolution, n_channels):
+     shape = n_channels, resolution, resolution
+     x = torch.cat(list(vectors(dataloader, shape, device)))
+     return (x - x.mean(dim=0)) @ (x - x.mean(dim=0)).T / (len(x) - 1), x.mean(dim=0)
or
- x.T @ x
+ x @ x.T
You compare pictures with each other, not pixels. What's wanted is how the pixels vary together, a
matrix (n, n): x.T @ x. torch.cov and numpy.cov take a row for each variable, so hand them X.T.

# last batch only
- S = S + x.T @ x
+ S = x.T @ x
Only the last batch is in the covariance: there's an = in the loop where += belongs.

# first batch only
+ S = S + x.T @ x
+ break
Only the first batch is in the covariance. Is the return indented too far, so that it's inside the
loop?

# other results, or another order
- return S / (count - 1), mean
+ return mean, S / (count - 1)
or
- , mean
+
or
+ , mean.view(shape)
or
+ , mean[None]
Return two things, in this order: the covariance, (n, n), and the mean as one row of n numbers,
(n,). Leave out keepdim=True, and don't give the mean the shape of a picture.

# variances alone
- S / (count - 1)
+ S.diag() / (count - 1)
or
+ S.diag().diag() / (count - 1)
or
- x.T @ x
+ (x**2).sum(dim=0)
You find the variance of each pixel and nothing about pairs of them. x.T @ x multiplies each pixel
with every other, and has shape (n, n).

# subtracted in place
- x = x - mean
+ x -= mean
x -= mean changes the loader's own pictures, because vectors hands out the same memory with another
shape. Write x = x - mean.

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
Your covariance is 0, because vectors(...) is used up after one pass and a second loop over it finds
nothing. Call vectors(...) again for the second pass.

# batches of one kind
+ def filter_in_two_passes(dataloader, device, resolution, n_channels):
+     x = torch.cat([batch[0].reshape(-1, n_channels * resolution**2) for batch in dataloader])
+     return torch.cov(x.T), x.mean(dim=0)
or
+ def filter_in_two_passes(dataloader, device, resolution, n_channels):
+     x = torch.cat([batch.flatten(1) for batch in dataloader]).to(device)
+     return torch.cov(x.T), x.mean(dim=0)
or
+ def filter_in_two_passes(dataloader, device, resolution, n_channels):
+     x = torch.cat([pictures.flatten(1) for pictures, _ in dataloader]).to(device)
+     return torch.cov(x.T), x.mean(dim=0)
A batch is either the pictures alone, or a tuple whose first item they are; yours takes one kind.
When it's a tensor, batch[0] is only its first picture. Ask torch.is_tensor(batch), or let vectors
do it.
"""


def filter_at_once(dataloader, device, resolution, n_channels):
    shape = n_channels, resolution, resolution
    x = torch.cat(list(vectors(dataloader, shape, device)))
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


EXERCISE = Exercise(
    id="9.1",
    title="Mean and covariance of all pictures",
    notebook="09_wiener_baseline",
    reference=compute_wiener_filter,
    experiment=filter_experiment,
    look="Compare with torch.cov(X.T), for all pictures as rows X, on a few small pictures.",
    catalogue=edits(filter_in_two_passes, MISTAKES),
    also_right=[filter_in_two_passes, filter_at_once, filter_by_numpy, filter_in_one_pass],
)
