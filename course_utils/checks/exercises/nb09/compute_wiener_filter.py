"""9.1 Mean and covariance of all pictures."""

import numpy
import torch

from course_utils.checks.exercises.nb09.calls import call
from course_utils.checks.parts import (
    FAKE_DEVICE,
    FakeDeviceMode,
    Stop,
    agree,
    device_mismatch,
    edits,
)
from course_utils.covariance import vectors
from course_utils.wiener import compute_wiener_filter

CPU = torch.device("cpu")


def experiment(probe, compute_wiener_filter):
    for sizes, C, R in [((7, 7, 5), 1, 3), ((4, 1, 4, 2), 3, 2), ((7, 6), 2, 2)]:
        n = C * R * R  # pixels depend on each other, and have a mean
        rows = probe.normal(sum(sizes), n) @ probe.normal(n, n) / n**0.5 + probe.normal(n)
        loader = list(rows.view(-1, C, R, R).split(sizes))
        if C == 3:  # with labels
            loader = [(part, probe.steps(len(part))) for part in loader]
        right = torch.cov(rows.T), rows.mean(dim=0)  # before, as rows are the loader's memory
        if not agree(right, call(probe, compute_wiener_filter, loader, CPU, R, C)):
            raise Stop  # the others say no more
    x = 300 + probe.normal(50, 1, 4, 4)
    S, _ = probe.run(
        "of pictures with a mean of 300", compute_wiener_filter, x.split(20), CPU, 4, 1
    )
    probe.note("the digits of S", agree(torch.cov(x.flatten(1).double().T), S.double()),
        "Right where the mean is near 0, but where it's 300 the covariance loses its digits.",
        "Subtract the mean from the pictures first, and multiply afterwards.")  # fmt: skip
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
- return S / (count - 1), mean
+ return S / count, mean
You divide the products by N, the number of pictures. Because the mean comes from the same pictures,
the differences are a little too small; dividing by N - 1 makes up for that.
# divided by something else
+ return S / len(dataloader), mean
| return S / len(x), mean
You divide the products by the number of batches, or by len(x) after the loop, where x is the last
batch. Divide by the number of all pictures, less 1.
# not divided
+ return S, mean
The products are added up and never divided. Divide by N - 1 at the end.
# brackets missing
+ return S / count - 1, mean
Brackets are missing: S / N - 1 divides by N, then takes 1 off each entry. Divide by (N - 1).
# other results, or another order
+ return mean, S / (count - 1)
| return S / (count - 1)
| return S / (count - 1), mean.view(shape)
| return S / (count - 1), mean[None]
Return two things, in this order: the covariance, (n, n), and the mean as one row of n numbers,
(n,). Leave out keepdim=True, and don't give the mean the shape of a picture.
# variances alone
+ return S.diag() / (count - 1), mean
or
- S = S + x.T @ x
+ S = S + (x**2).sum(dim=0)
You find the variance of each pixel and nothing about pairs of them. x.T @ x multiplies each pixel
with every other, and has shape (n, n).
# divided in the loop
+ S = S + x.T @ x / len(x)
- S / (count - 1)
+ S
| S / len(dataloader)
You divide the products of each batch by its own size, so a picture in a small batch counts for more
than one in a large batch. Add up all products as they are, and divide once at the end by N - 1.
# one batch only
+ S = x.T @ x
or
+ S = S + x.T @ x
+ break
Only one batch is in the covariance. Is there an = in the loop where += belongs, or a return that is
indented too far, so that it's inside the loop?
# pictures compared
+ S = S + x @ x.T
or
+ def filter_in_two_passes(dataloader, device, resolution, n_channels):
+     x = torch.cat(list(vectors(dataloader, (n_channels, resolution, resolution), device)))
+     return torch.cov(x), x.mean(dim=0)
You compare pictures with each other, not pixels. What's wanted is how the pixels vary together, a
matrix (n, n): x.T @ x. torch.cov and numpy.cov take a row for each variable, so hand them X.T.
# pictures not counted
- count = count + len(x)
+ count = count + 1
| count = len(dataloader) * len(x)
| count = len(dataloader.dataset)
You don't count the pictures as they come, with count + len(x). The number of batches is smaller,
the last batch may be smaller than the others, and a plain list of batches has no dataset.
# sum of the pictures divided by something else
- mean = total / count
+ mean = total
| mean = total / (count - 1)
You don't divide the sum of all pictures by their number, N. Only the covariance has N - 1.
# mean of one batch
+ mean = x.mean(dim=0)
or
- total + x.sum(dim=0)
+ x.sum(dim=0)
Your mean is that of the last batch. Is there an = where += belongs, or do you divide by the batch's
size, not by all pictures so far? Add up all batches and divide by the number of pictures.
# mean of means
+ total + x.mean(dim=0)
- total / count
+ total / len(dataloader)
You average the batches' means. A small batch, as the last one often is, then counts as much as a
large one. Add up all pictures and divide by their number.
# mean not of each pixel
+ total + x.sum(dim=1)
or
- mean = total / count
+ mean = (total / count).mean()
Your mean is one number for all pixels, or one for each picture. Each pixel has a mean of its own,
over the pictures: dim=0, with shape (n,).
# mean not subtracted
- x = x - mean
+
You don't subtract the mean, so the products measure how far the pictures are from 0: use x - mean.
# own mean of each batch or picture
+ x = x - x.mean(dim=0)
| x = x - x.mean(dim=1, keepdim=True)
You subtract the mean of a single batch or picture, which loses whatever differs from one to the
next. Subtract the mean of all pictures, (n,), which the first pass finds.
# mean of covariances
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
# subtracted in place
+ x -= mean
x -= mean changes the loader's own pictures, because flatten, view and vectors hand out the same
memory with another shape. Write x = x - mean.
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
    N = total = products = 0
    for batch in dataloader:
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        x = x.to(device).double().reshape(len(x), n_channels * resolution * resolution)
        N, total = N + x.shape[0], total + x.sum(0)
        products += torch.einsum("bi,bj->ij", x, x)
    mean = total / N
    return ((products - N * torch.outer(mean, mean)) / (N - 1)).float(), mean.float()


MISTAKES_OF_BATCHES = """
# batches of one kind
- x = batch[0] if isinstance(batch, (tuple, list)) else batch
+ x = batch[0]
| x = batch
A batch is the pictures alone, or a tuple whose first item they are; yours takes one kind. Of a
tensor, batch[0] is the first picture. Ask torch.is_tensor(batch), or let vectors do it.
"""


REFERENCE = compute_wiener_filter
LOOK = "Compare with torch.cov(X.T), for all pictures as rows X, on a few small pictures."
CATALOGUE = edits(filter_in_two_passes, MISTAKES) + edits(filter_in_one_pass, MISTAKES_OF_BATCHES)
ALSO_RIGHT = [filter_at_once, filter_by_numpy]
