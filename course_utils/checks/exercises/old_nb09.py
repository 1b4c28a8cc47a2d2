"""The exercises of notebook 09. A docstring of a wrong answer is what its author is told."""

import re

import numpy
import torch
from torch.nn import functional as F

from course_utils.checks.engine.compare import advice, difference
from course_utils.checks.engine.crash import Crash
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.fake_device import FAKE_DEVICE, FakeDeviceMode
from course_utils.checks.engine.probe import FOLLOWS, SEED, Filled, Stop, device_mismatch
from course_utils.checks.engine.values import arguments, change, describe, name, state, tensors
from course_utils.checks.mistakes import by_hand
from course_utils.covariance import empty_covariance, vectors
from course_utils.denoisers import Hybrid
from course_utils.ideal import ideal_x0
from course_utils.wiener import WienerDenoiser, compute_wiener_filter, draw_gaussian, shrink

NOTEBOOK = "09_wiener_baseline"
CPU = torch.device("cpu")


def call(probe, function, *args, what="", look=""):
    """Call the attempt as the probe does. NaN becomes words: then two wrong answers that give it are
    the same. So are float32 and float64, as far as values go."""
    begun = len(probe.seen)
    try:
        with Filled():
            result = probe.call(function, *args)
    finally:
        for seen in probe.seen[begun:]:
            seen.what = what or seen.what
            seen.look = seen.look or look
            give_hint(seen)
    seen = probe.seen[-2]  # the result stands before the changes
    if type(result) in (tuple, list) and any(isinstance(x, numpy.ndarray) for x in result):
        seen.look = "Return torch tensors: torch.from_numpy makes one of an array."
    if any(x.is_cuda for x in tensors(result)):  # what goes in is on the CPU
        seen.look = NO_CUDA
    for x in tensors(result):
        if bad := int((~x.isfinite()).sum()):
            seen.value = "NaN or infinity"
            seen.wrong = f"{seen.what}: {bad} of {x.numel()} values are NaN or infinite."
            seen.look = look or "Print what you divide by, and what goes into roots, logs and exp."
            return seen.value
    seen.value = as_float32(seen.value)
    note_dtype(probe, result)
    return seen.value


def as_float32(value):
    return change(value, lambda x: x.float() if x.dtype == torch.float64 else x)


def note_dtype(probe, result):
    """Write down whether the result is float32, as the inputs are. A mistake is the same one in
    float64, so this stands beside what follows to a GPU, which tells no mistakes apart."""
    probe.note(
        FOLLOWS, not any(x.dtype == torch.float64 for x in tensors(result)),
        "The result is float64, and the inputs are float32. The notebook would stop where it "
        "multiplies both.",
        "Work in float64 if you like, and return it with .float() at the end.",
    )  # fmt: skip


# What an exception is about: words of it, words of the line that raised it, what to do.
HINTS = [
    (r"no attribute '(randn|rand|normal)'", r"", "A generator draws nothing itself: "
     "torch.randn(N, n, generator=generator)."),
    (r"randn|Generator", r"(randn|rand|normal)\([^=]*generator\)",
     "Hand the generator over by its name: generator=generator."),
    (r"no attribute 'shrink'", r"self\.shrink", "shrink is a function: leave out self."),
    (r"NoneType", r"print\(", "print shows and returns nothing. Write return in its place."),
    (r"NoneType", r"", "Something is None. Does each function end with a return? "
     "(append changes a list and returns nothing.)"),
    (r"one element|converted to|to Scalar|Scalars", r"float\(|item\(|math\.",
     "alpha_bar has one number for each picture. Leave it a tensor, and compute with all of them."),
    (r"Boolean value", r"\b(if|while|and|or|not)\b.*(\bLA\b|[=<>] ?[01]\b)",
     "if takes one True or False, and here is one for each number. torch.where chooses for each."),
    (r"same dtype|scalar type|dtypes? ", r"", "float32 meets float64. Bring both to one dtype, "
     "with .float(), or .to(x.dtype) for another tensor x."),
    (r"the filter is for pictures", r"", "shape is (n_channels, resolution, resolution)."),
    (r"RecursionError", r"", "It calls itself: the function that you call has the name of the one "
     "that you write."),
    (r"non-empty|ZeroDivision", r"", "Was a loop never run? There may be fewer pictures than a "
     "chunk, and the last chunk may be smaller: range(0, N, chunk)."),
]  # fmt: skip
NO_CUDA = "The device is handed over: write device, without quotation marks, for the name of one."
# U, Vh or LA without self, in a method that gives none of these names to anything.
STRAY = r"(?s)\A(?=.*\bself\b)(?!.*(?<![.\w])(?:U|Vh|LA)\b[^\n()]*=[^=]).*(?<![.\w])(?:U|Vh|LA)\b"
# The same as HINTS, with words of the whole function.
HINTS_ANYWHERE = [
    (r"CUDA|cuda|NVIDIA|devices", r"[\"']cuda|\.cuda\(", NO_CUDA),
    (r"size|shape", r"(?<!def )shrink\(\s*(alpha_bar|alphas?|a)\b", "shrink takes LA first: "
     "shrink(self.LA, alpha_bar)."),
    (r"size|shape|'U'|'Vh'|'LA'", STRAY,
     "U, LA and Vh are the notebook's. Those of the denoiser are self.U, self.LA, self.Vh."),
]  # fmt: skip


def give_hint(seen):
    """Say what an exception is about, where that is known."""
    if not isinstance(seen.value, Crash):
        return
    crash = seen.value
    message = f"{type(crash.error).__name__}: {crash.error}"
    code = "\n".join(line.split("#")[0] for line in crash.source.splitlines())
    places = [(crash.text, HINTS), (code, HINTS_ANYWHERE)]
    for where, hints in places:
        for words, line, tip in hints:
            if not crash.hint and re.search(words, message) and re.search(line, where):
                crash.hint = seen.look = tip


def made(probe, cls, *args):
    """Make a denoiser of the attempt's class."""
    denoiser = probe.run(f"{cls.__name__}({arguments(args, cls)})", cls, *args)
    has_method = callable(getattr(denoiser, "predict_x0", None))
    probe.note(
        "the method predict_x0", has_method, "Your class has no method predict_x0.",
        "Is its name spelled so, and is it indented, so that it belongs to the class?",
    )  # fmt: skip
    if not has_method:
        raise Stop
    return denoiser


def basis(probe, n):
    """Draw n directions at right angles, the columns of a matrix that is not symmetric.

    () -> (n, n)
    """
    return torch.linalg.qr(probe.normal(n, n))[0]


# 9.1 compute_wiener_filter


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


def filter_with(
    dataloader, device, resolution, n_channels, taken=lambda x, mean: x - mean,
    divisor=lambda count, batches, last: count - 1,
    mean_divisor=lambda count, batches: count, mean_of=lambda mean, means: mean,
    first=0.0, second=lambda rows: rows,
):  # fmt: skip
    """The two passes, with a switch for some ways to err."""
    shape = n_channels, resolution, resolution
    S = empty_covariance(shape, device, torch.float32) + first
    rows = list(vectors(dataloader, shape, device))
    count, batches = sum(map(len, rows)), len(rows)
    mean = sum(x.sum(dim=0) for x in rows) / mean_divisor(count, batches)
    mean = mean_of(mean, [x.mean(dim=0) for x in rows])
    for x in second(rows):
        x = taken(x, mean)
        S = S + x.T @ x
    return S / divisor(count, batches, len(x)), mean


def loader_used_up(*args):
    """Your covariance is 0. vectors(...) is used up after one pass, so a second loop over the same
    v finds nothing. Call vectors(...) anew for the second pass."""
    S, mean = compute_wiener_filter(*args)
    return torch.zeros_like(S), mean


def begun_with_ones(*args):
    """S begins with ones, so each entry is too large by 1 / (N - 1). Begin with zeros."""
    return filter_with(*args, first=1.0)


def mean_of_the_first(*args):
    """The mean is that of the first batch alone. Add up all batches and divide by the number of
    pictures."""
    return filter_with(*args, mean_of=lambda mean, means: means[0])


def number_for_a_mean(*args):
    """The mean is one number, (). Each pixel has a mean of its own, over the pictures:
    mean(dim=0), with shape (n,)."""
    return filter_with(*args, mean_of=lambda mean, means: mean.mean())


def number_beside(*args):
    """The covariance is right, but the mean is one number, (). Each pixel has a mean of its own,
    over the pictures: mean(dim=0), with shape (n,)."""
    S, mean = compute_wiener_filter(*args)
    return S, mean.mean()


def first_in_the_second_pass(*args):
    """Only the first batch is in the covariance. Is the return indented too far, so that it is in
    the loop?"""
    return filter_with(*args, second=lambda rows: rows[:1])


def all_batches_alike(*args):
    """You take the number of batches times the size of the first for the number of pictures. The
    last batch may be smaller: add len(x) to the count for each."""
    rows = all_rows(*args)
    first = next(iter(args[0]))
    N = len(args[0]) * len(first if torch.is_tensor(first) else first[0])
    mean = rows.sum(dim=0) / N
    return (rows - mean).T @ (rows - mean) / (N - 1), mean


def minus_one_outside(*args):
    """Brackets are missing: S / N - 1 divides by N, and takes 1 from each entry. Divide by
    (N - 1)."""
    S, mean = filter_with(*args, divisor=lambda count, batches, last: count)
    return S - 1, mean


def mean_squared_once(*args):
    """The product of the mean is subtracted once. The formula has N times that: each picture lost
    the mean. Go through the pictures twice, and multiply x - mean: the digits are kept then."""
    S, mean = filter_with(*args, taken=lambda x, mean: x)
    return S - torch.outer(mean, mean) / (len(all_rows(*args)) - 1), mean


def everything_by_batch(*args):
    """You average the means and the covariances of the batches. A small batch counts as much as a
    large one so, and what differs from batch to batch is lost. Subtract the mean of all, add up the
    products of all batches, and divide once."""
    rows = [all_rows([batch], *args[1:]) for batch in args[0]]
    S = sum(torch.cov(x.T) if len(x) > 1 else 0.0 for x in rows) / len(rows)
    return S, sum(x.mean(dim=0) for x in rows) / len(rows)


def first_of_each_batch(dataloader, device, resolution, n_channels):
    """When a batch is a tensor, batch[0] is its first picture, and so is the x of x, *rest. Ask
    with torch.is_tensor(batch), or take vectors, which does it."""
    n = n_channels * resolution**2
    x = torch.cat([batch[0].reshape(-1, n) for batch in dataloader])
    return torch.cov(x.T), x.mean(dim=0)


def averaged_by_batch(*args):
    """The products of each batch are divided by its own size, and then averaged. A small batch
    counts as much as a large one so. Add up the products of all, and divide once by N - 1."""
    return filter_with(
        *args, taken=lambda x, mean: (x - mean) / len(x) ** 0.5,
        divisor=lambda count, batches, last: batches,
    )  # fmt: skip


def divided_by_batch(*args):
    """The products of each batch are divided by its own size, and then added. Add up the products
    as they are, and divide once at the end by N - 1."""
    return filter_with(
        *args, taken=lambda x, mean: (x - mean) / len(x) ** 0.5,
        divisor=lambda count, batches, last: 1,
    )  # fmt: skip


def all_rows(dataloader, device, resolution, n_channels):
    """All pictures as rows.

    batches -> (N, n)
    """
    shape = n_channels, resolution, resolution
    return torch.cat(list(vectors(dataloader, shape, device)))


def by_n(*args):
    """The products are divided by N, the number of pictures. The mean comes from the same
    pictures, which makes the differences a little too small: divide by N - 1."""
    return filter_with(*args, divisor=lambda count, batches, last: count)


def by_batches(*args):
    """The products are divided by the number of batches. Count the pictures, count + len(x), and
    divide by their number less 1."""
    return filter_with(*args, divisor=lambda count, batches, last: batches)


def by_batches_less_one(*args):
    """The products are divided by the number of batches, less 1. Count the pictures,
    count + len(x), and divide by their number less 1."""
    return filter_with(*args, divisor=lambda count, batches, last: batches - 1)


def batches_counted(*args):
    """You count batches, not pictures, so that both the mean and the covariance come out too
    large. Add len(x) to the count for each batch, not 1."""
    return filter_with(
        *args, divisor=lambda count, batches, last: batches - 1,
        mean_divisor=lambda count, batches: batches,
    )  # fmt: skip


def by_last_batch(*args):
    """The products are divided by len(x) after the loop, which is the size of the last batch.
    Divide by the number of all pictures, less 1."""
    return filter_with(*args, divisor=lambda count, batches, last: last)


def by_last_batch_less_one(*args):
    """The products are divided by len(x) - 1 after the loop, and x is the last batch there. Divide
    by the number of all pictures, less 1."""
    return filter_with(*args, divisor=lambda count, batches, last: last - 1)


def not_divided(*args):
    """The products are added up and not divided. Divide by N - 1 at the end."""
    return filter_with(*args, divisor=lambda count, batches, last: 1)


def divided_twice(*args):
    """The products are divided by N - 1 twice, in the loop and after it. Once is enough."""
    return filter_with(*args, divisor=lambda count, batches, last: (count - 1) ** 2)


def by_root(*args):
    """The products are divided by the root of N - 1. A covariance is a mean of products: divide
    by N - 1 itself."""
    return filter_with(*args, divisor=lambda count, batches, last: (count - 1) ** 0.5)


def mean_of_means(*args):
    """The mean is that of the batches' means. A small batch, as the last one often is, then counts
    as much as a large one. Add up all pictures and divide by their number."""
    return filter_with(*args, mean_of=lambda mean, means: torch.stack(means).mean(dim=0))


def mean_of_the_last(*args):
    """The mean is that of the last batch alone: = in the loop where += is needed. Add up all
    batches and divide by the number of pictures."""
    return filter_with(*args, mean_of=lambda mean, means: means[-1])


def mean_not_divided(*args):
    """What you call the mean is the sum of all pictures. Divide it by their number before the
    second pass."""
    return filter_with(*args, mean_divisor=lambda count, batches: 1)


def one_mean_for_all(*args):
    """The mean is one number for all pixels. Each pixel has a mean of its own, over the pictures:
    mean(dim=0), with shape (n,)."""
    return filter_with(*args, mean_of=lambda mean, means: torch.full_like(mean, mean.mean()))


def mean_kept(*args):
    """The mean is not subtracted before the products. They then measure how far the pictures are
    from 0, not from their mean: multiply x - mean."""
    return filter_with(*args, taken=lambda x, mean: x)


def mean_kept_by_n(*args):
    """The mean is not subtracted before the products, and they are divided by N. Multiply
    x - mean, and divide by N - 1."""
    return filter_with(
        *args, taken=lambda x, mean: x, divisor=lambda count, batches, last: count
    )  # fmt: skip


def own_mean(*args):
    """Each batch loses its own mean. Then what differs from batch to batch is lost. Subtract the
    mean of all pictures, which the first pass finds."""
    return filter_with(*args, taken=lambda x, mean: x - x.mean(dim=0))


def mean_of_each_picture(*args):
    """Each picture loses the mean of its own pixels. Subtract from each pixel its mean over all
    pictures, which has shape (n,)."""
    return filter_with(*args, taken=lambda x, mean: x - x.mean(dim=1, keepdim=True))


def mean_added(*args):
    """The mean is added where it should be subtracted: multiply x - mean."""
    return filter_with(*args, taken=lambda x, mean: x + mean)


def one_pass_in_float32(dataloader, device, resolution, n_channels):
    """The formula is right, but it subtracts two large numbers that are nearly the same: the mean
    product and the product of the means. In float32 few digits are left of that when the mean is
    large. Go through the pictures twice and multiply x - mean, or compute in float64."""
    x = all_rows(dataloader, device, resolution, n_channels)
    count, mean = len(x), x.mean(dim=0)
    return (x.T @ x - count * torch.outer(mean, mean)) / (count - 1), mean


def rows_meet(dataloader, device, resolution, n_channels):
    """x @ x.T compares pictures with each other, (B, B). Asked for is how pixels vary together,
    (n, n): x.T @ x."""
    shape = n_channels, resolution, resolution
    S = empty_covariance(shape, device, torch.float32)
    x = all_rows(dataloader, device, resolution, n_channels)
    count, mean = len(x), x.mean(dim=0)
    for x in vectors(dataloader, shape, device):
        x = x - mean
        S = S + x @ x.T
    return S / (count - 1), mean


def pictures_meet(dataloader, device, resolution, n_channels):
    """Your matrix is (N, N): it compares pictures. Asked for is how pixels vary together, (n, n).
    torch.cov and numpy.cov take each row for a variable: hand them X.T, pixels as rows."""
    x = all_rows(dataloader, device, resolution, n_channels)
    return torch.cov(x), x.mean(dim=0)


def last_batch_only(dataloader, device, resolution, n_channels):
    """Only the last batch is in the covariance: = in the loop where += is needed."""
    shape = n_channels, resolution, resolution
    x = all_rows(dataloader, device, resolution, n_channels)
    count, mean = len(x), x.mean(dim=0)
    for x in vectors(dataloader, shape, device):
        x = x - mean
        S = x.T @ x
    return S / (count - 1), mean


def first_batch_only(dataloader, device, resolution, n_channels):
    """Only the first batch is used. Is the return indented too far, so that it is in the loop?"""
    shape = n_channels, resolution, resolution
    x = next(vectors(dataloader, shape, device))
    return torch.cov(x.T), x.mean(dim=0)


def mean_of_covariances(dataloader, device, resolution, n_channels):
    """You average the covariances of the batches. Each of them knows only its own mean, and the
    small ones count as much as the large. Subtract the mean of all, add up the products of all
    batches, and divide once."""
    shape = n_channels, resolution, resolution
    found = [torch.cov(x.T) for x in vectors(dataloader, shape, device)]
    x = all_rows(dataloader, device, resolution, n_channels)
    return sum(found) / len(found), x.mean(dim=0)


def mean_first(*args):
    """The two results are in the wrong order: the covariance comes first, then the mean."""
    return compute_wiener_filter(*args)[::-1]


def covariance_alone(*args):
    """Only the covariance is returned. The mean is asked for too: return S, mean."""
    return compute_wiener_filter(*args)[0]


def mean_as_picture(dataloader, device, resolution, n_channels):
    """The mean has the shape of a picture. Here it is a row of n numbers, as the pictures are:
    mean.flatten()."""
    S, mean = compute_wiener_filter(dataloader, device, resolution, n_channels)
    return S, mean.view(n_channels, resolution, resolution)


def mean_as_matrix(*args):
    """The mean has shape (1, n). Leave out keepdim=True, or take its first row: (n,)."""
    S, mean = compute_wiener_filter(*args)
    return S, mean[None]


def correlation(*args):
    """These are correlations: each pixel is divided by its standard deviation. The filter has to
    know how much a pixel varies; leave that division out."""
    S, mean = compute_wiener_filter(*args)
    deviation = S.diag().sqrt()
    return S / torch.outer(deviation, deviation), mean


def variances_alone(*args):
    """You return the variance of each pixel, (n,). The covariance holds that of each pair too:
    x.T @ x, with shape (n, n)."""
    S, mean = compute_wiener_filter(*args)
    return S.diag(), mean


def products_only_at_home(*args):
    """Your matrix holds the variances and is 0 elsewhere: each pixel meets only itself. x.T @ x
    multiplies each with every other."""
    S, mean = compute_wiener_filter(*args)
    return S.diag().diag(), mean


def channels_last(dataloader, device, resolution, n_channels):
    """The numbers of a picture are in another order, channels last. Flatten (B, C, H, W) as it is:
    x.flatten(1), all of the first channel, then the next."""
    shape = n_channels, resolution, resolution
    S, mean = compute_wiener_filter(dataloader, device, resolution, n_channels)
    order = torch.arange(len(mean), device=device).view(shape).permute(1, 2, 0).flatten()
    return S[order][:, order], mean[order]


def subtracted_in_place(dataloader, device, resolution, n_channels):
    """x -= mean changes the pictures of the loader themselves: vectors hands out the same memory
    with another shape. Write x = x - mean."""
    shape = n_channels, resolution, resolution
    rows = all_rows(dataloader, device, resolution, n_channels)
    S, mean = empty_covariance(shape, device, torch.float32), rows.mean(dim=0)
    for x in vectors(dataloader, shape, device):
        x -= mean
        S += x.T @ x
    return S / (len(rows) - 1), mean


def tuples_not_opened(dataloader, device, resolution, n_channels):
    """A batch may be a tuple, whose first item are the pictures: take batch[0] then. vectors does
    that."""
    x = torch.cat([batch.flatten(1) for batch in dataloader]).to(device)
    return torch.cov(x.T), x.mean(dim=0)


def always_unpacked(dataloader, device, resolution, n_channels):
    """A batch may also be the pictures alone; then there is no pair to unpack. Ask with
    torch.is_tensor(batch), or let vectors do it."""
    x = torch.cat([pictures.flatten(1) for pictures, _ in dataloader]).to(device)
    return torch.cov(x.T), x.mean(dim=0)


def dataset_counted(dataloader, device, resolution, n_channels):
    """The loader may be a plain list of batches, which has no dataset. Count the pictures as they
    come: count + len(x)."""
    x = all_rows(dataloader, device, resolution, n_channels)
    mean = x.sum(dim=0) / len(dataloader.dataset)
    return (x - mean).T @ (x - mean) / (len(dataloader.dataset) - 1), mean


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


# 9.2 shrink


def shrink_experiment(probe, attempt):
    wrong = False
    for B, n in [(3, 5), (4, 2), (2, 7)]:
        LA, alpha_bar = 0.1 + 3 * probe.uniform(n), 0.05 + 0.9 * probe.uniform(B)
        came = call(probe, attempt, LA, alpha_bar)
        wrong = wrong or difference(shrink(LA, alpha_bar), came)
    if wrong:  # what it does with zeros says no more
        raise Stop
    LA = torch.tensor([2.0, 0.7, 0.0, 0.0])
    call(
        probe, attempt, LA, torch.tensor([0.2, 0.5, 0.9]),
        look="Right where LA is above 0. Where it is 0, nothing is kept.",
    )  # fmt: skip
    note_ends(probe, attempt)
    call(
        probe, attempt, LA, torch.tensor([0.5, 1.0]),
        look="Right for alpha_bar below 1. At alpha_bar = 1, all is kept where LA is above 0, and "
        "nothing where it is 0.",
    )  # fmt: skip
    probe.on_fake_device(attempt, LA, torch.tensor([0.5, 0.8, 0.3]))


def note_ends(probe, attempt):
    """Ask where alpha_bar is 1 and LA above 0, then where LA is small."""
    kept = call(
        probe, attempt, torch.tensor([2.0, 0.7, 1.0]), torch.tensor([0.5, 1.0]),
        look="Right for alpha_bar below 1. At alpha_bar = 1 all is kept where LA is above 0.",
    )  # fmt: skip
    if not torch.is_tensor(kept) or kept.shape != (2, 3):
        raise Stop
    if difference(torch.ones(3), kept[1]):
        seen = next(seen for seen in probe.seen if seen.value is kept)
        seen.wrong = f"At alpha_bar = 1 and LA = 0.7 all is kept: 1. You keep {kept[1, 1]:.6g}."
        seen.look = (
            "Is alpha_bar clipped, or something added to the divisor? Use alpha_bar as it is, and "
            "keep the divisor above 0 with .clamp(min=1e-30)."
        )
        raise Stop
    call(
        probe, attempt, torch.tensor([2.0**-20, 2.0**-15, 1.0]), torch.tensor([0.9999, 1.0]),
        look="The guard is too large: it changes the fraction where LA is small, here 1e-6. Take "
        "1e-30.",
    )  # fmt: skip


def infinite_ratio(LA, alpha_bar):
    """At alpha_bar = 1 you divide by 1 - alpha_bar, which is 0. What comes is infinite, and
    infinity by infinity is NaN, for every LA. Use alpha_bar LA / (alpha_bar LA + 1 - alpha_bar),
    which is not divided twice."""
    ratio = alpha_bar[:, None] * LA / (1 - alpha_bar[:, None])
    return ratio / (ratio + 1)


def unguarded(LA, alpha_bar):
    """Right but for one place: at LA = 0 and alpha_bar = 1 you compute 0 / 0, which is NaN. Where
    LA is 0, nothing is kept: keep the divisor above 0, with clamp(min=1e-30), or choose with
    torch.where."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA + 1 - a)


def filled_with_one(LA, alpha_bar):
    """Right but for one place: at LA = 0 and alpha_bar = 1, where the division would be 0 / 0, you
    give 1. Where LA is 0, the pictures do not vary and nothing is kept: give 0."""
    return unguarded(LA, alpha_bar).nan_to_num(nan=1.0)


def with_root_of_alpha_bar(LA, alpha_bar):
    """You take the root of alpha_bar. The pictures are multiplied by sqrt(alpha_bar) and LA are
    variances, so they are multiplied by alpha_bar itself."""
    return shrink(LA, alpha_bar.sqrt())


def root_above(LA, alpha_bar):
    """sqrt(alpha_bar) stands above the line where alpha_bar belongs. Above and below, LA has the
    same factor: the share is alpha_bar LA of alpha_bar LA + 1 - alpha_bar."""
    a = alpha_bar[:, None]
    return a.sqrt() * LA / (a * LA + 1 - a)


def root_before_la(LA, alpha_bar):
    """LA is multiplied by the root of alpha_bar. LA are variances: when the pictures are multiplied
    by sqrt(alpha_bar), their variances are by alpha_bar."""
    a = alpha_bar[:, None]
    return a.sqrt() * LA / (a.sqrt() * LA + 1 - a)


def alpha_bar_squared(LA, alpha_bar):
    """You take alpha_bar squared. alpha_bar is a factor of variances already."""
    return shrink(LA, alpha_bar**2)


def no_alpha_bar(LA, alpha_bar):
    """LA stands without alpha_bar, or brackets make alpha_bar multiply 1 - alpha_bar too. In xt
    the pictures are multiplied by sqrt(alpha_bar), so their variance there is alpha_bar LA. The
    noise has 1 - alpha_bar, as it is."""
    a = alpha_bar[:, None]
    return LA / (LA + 1 - a)


def no_alpha_bar_above(LA, alpha_bar):
    """alpha_bar is missing above the line: it is alpha_bar LA that is a share of the whole. As it
    is, more than 1 may come out."""
    a = alpha_bar[:, None]
    return LA / (a * LA + 1 - a)


def no_alpha_bar_below(LA, alpha_bar):
    """alpha_bar is missing below the line: the whole is alpha_bar LA + 1 - alpha_bar."""
    a = alpha_bar[:, None]
    return a * LA / (LA + 1 - a)


def noise_share(LA, alpha_bar):
    """This is the share of the noise, which is to be taken away. What is kept is the share of the
    pictures: alpha_bar LA stands above the line."""
    return 1 - shrink(LA, alpha_bar)


def turned_over(LA, alpha_bar):
    """The fraction is upside down. alpha_bar LA stands above, the sum below."""
    return 1 / shrink(LA, alpha_bar)


def against_noise(LA, alpha_bar):
    """You divide by the variance of the noise alone. It is a share of the whole: divide by
    alpha_bar LA + 1 - alpha_bar."""
    a = alpha_bar[:, None]
    return a * LA / (1 - a)


def noise_of_one(LA, alpha_bar):
    """The noise counts as 1. In xt it is multiplied by sqrt(1 - alpha_bar), so its variance is
    1 - alpha_bar."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA + 1)


def noise_squared(LA, alpha_bar):
    """1 - alpha_bar is squared. It is the variance of the noise already."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA + (1 - a) ** 2)


def noise_root(LA, alpha_bar):
    """You take the root of 1 - alpha_bar. That is how much noise there is; its variance is
    1 - alpha_bar, and variances are compared here."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA + (1 - a).sqrt())


def noise_with_alpha_bar_squared(LA, alpha_bar):
    """The noise has 1 - alpha_bar**2. Its variance is 1 - alpha_bar."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA + 1 - a**2)


def sigma_for_variance(LA, alpha_bar):
    """You compare LA with sigma, the root of (1 - alpha_bar) / alpha_bar. LA are variances:
    compare them with sigma**2."""
    sigma = ((1 - alpha_bar) / alpha_bar).sqrt()[:, None]
    return LA / (LA + sigma)


def amplitudes(LA, alpha_bar):
    """You take the root at the end, or of both parts. The best factor is the ratio of the variances
    itself, though it multiplies amplitudes."""
    return shrink(LA, alpha_bar).sqrt()


def la_squared(LA, alpha_bar):
    """LA is squared. It is variances already, not standard deviations."""
    return shrink(LA**2, alpha_bar)


def root_of_la(LA, alpha_bar):
    """You take the root of LA. LA are variances, and variances are compared here."""
    return shrink(LA.sqrt(), alpha_bar)


def roles_swapped(LA, alpha_bar):
    """alpha_bar and 1 - alpha_bar have changed places. alpha_bar belongs to the picture,
    1 - alpha_bar to the noise."""
    return shrink(LA, 1 - alpha_bar)


def brackets_missing(LA, alpha_bar):
    """Brackets are missing below the line: a * LA / a * LA + 1 - a is read from left to right, and
    only the first a is below. Put the whole sum in brackets."""
    a = alpha_bar[:, None]
    return a * LA / a * LA + 1 - a


def brackets_around_product(LA, alpha_bar):
    """Brackets are missing below the line: the sum 1 - alpha_bar is added to the fraction. Put the
    whole sum, a * LA + 1 - a, in brackets."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA) + 1 - a


def noise_never_left(LA, alpha_bar):
    """Brackets are wrong: 1 - alpha_bar is multiplied by LA too. It is alpha_bar * LA, plus
    1 - alpha_bar."""
    a = alpha_bar[:, None]
    return a * LA / (a * LA + (1 - a) * LA)


def turned(LA, alpha_bar):
    """The result is the wrong way round, (n, B). There is a row for each alpha_bar and a column
    for each of LA: give alpha_bar the new axis, alpha_bar[:, None]."""
    return shrink(LA, alpha_bar).T


def axes_meet(LA, alpha_bar):
    """alpha_bar, (B,), meets LA, (n,). Each is to meet every one of the other: give alpha_bar
    another axis, alpha_bar[:, None], with shape (B, 1)."""
    return alpha_bar * LA / (alpha_bar * LA + 1 - alpha_bar)


def axes_meet_turned(LA, alpha_bar):
    """LA, (n,), meets alpha_bar, (B,). Each is to meet every one of the other: give alpha_bar
    another axis, alpha_bar[:, None], with shape (B, 1)."""
    return LA * alpha_bar / (LA * alpha_bar + 1 - alpha_bar)


def first_for_all(LA, alpha_bar):
    """Only the first alpha_bar is used. Each picture has its own: a row for each."""
    return shrink(LA, alpha_bar[:1].expand(len(alpha_bar)))


def mean_for_all(LA, alpha_bar):
    """The mean of alpha_bar is used for all. Each picture has its own: a row for each."""
    return shrink(LA, alpha_bar.mean().expand(len(alpha_bar)))


def shrink_by_numpy(LA, alpha_bar):
    signal = alpha_bar.cpu().numpy()[:, None] * LA.cpu().numpy()
    whole = signal + 1 - alpha_bar.cpu().numpy()[:, None]
    return torch.from_numpy(signal / numpy.maximum(whole, 1e-30)).to(LA)


def shrink_by_sigma(LA, alpha_bar):
    noise = (1 / alpha_bar - 1).unsqueeze(1)
    return torch.where(LA > 0, LA / (LA + noise), torch.zeros(()).to(LA))


def shrink_repaired(LA, alpha_bar):
    signal = torch.outer(alpha_bar, LA)
    return torch.nan_to_num(signal / (signal + (1 - alpha_bar).view(-1, 1)), nan=0.0)


def shrink_row_by_row(LA, alpha_bar):
    return torch.stack([a * LA / (a * LA + (1 - a) + 1e-12) for a in alpha_bar])


def shrink_from_one(LA, alpha_bar):
    noise = 1 - alpha_bar[:, None] + 1e-20
    return 1 - noise / (torch.einsum("b,n->bn", alpha_bar, LA) + noise)


# 9.3 WienerDenoiser


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


FILTER = "self.U", "self.LA", "self.Vh", "self.mean"


def filter_parts(probe, n):
    """Draw a filter as an SVD gives it for a covariance of low rank: where LA is 0, U and Vh name
    other directions.

    () -> (n, n), (n,), (n, n), (n,)
    """
    U, LA = basis(probe, n), (0.2 + 3 * probe.uniform(n)).sort(descending=True).values
    LA[-2:] = 0
    Vh = U.T.clone()
    Vh[-2:] = torch.stack([Vh[-1], -Vh[-2]])
    return U, LA, Vh, probe.normal(n)


class InSteps(WienerDenoiser):
    """A WienerDenoiser whose steps can be replaced one at a time."""

    def rows(self, xt):
        return xt.flatten(1)

    def clean(self, rows, a):
        return rows / a.sqrt() - self.mean

    def apart(self, x):
        return x @ self.Vh.T

    def kept(self, alpha_bar):
        return shrink(self.LA, alpha_bar)

    def together(self, shares):
        return self.mean + shares @ self.U.T

    def shaped(self, x0, xt):
        return x0.view_as(xt)

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x = self.clean(self.rows(xt), alpha_bar[:, None])
        return self.shaped(self.together(self.kept(alpha_bar) * self.apart(x)), xt)


class NotDivided(InSteps):
    """xt is not divided by sqrt(alpha_bar). It is a picture times sqrt(alpha_bar), with noise:
    divide first, so that it can be compared with the mean."""

    def clean(self, rows, a):
        return rows - self.mean


class DividedByAlphaBar(InSteps):
    """xt is divided by alpha_bar. The picture in it is multiplied by its root: divide by
    sqrt(alpha_bar)."""

    def clean(self, rows, a):
        return rows / a - self.mean


class Multiplied(InSteps):
    """xt is multiplied by sqrt(alpha_bar). Divide by it, as the mixing multiplied by it."""

    def clean(self, rows, a):
        return rows * a.sqrt() - self.mean


class DividedByNoise(InSteps):
    """xt is divided by sqrt(1 - alpha_bar), which is the noise's factor. Divide by that of the
    picture, sqrt(alpha_bar)."""

    def clean(self, rows, a):
        return rows / (1 - a).sqrt() - self.mean


class MeanKept(InSteps):
    """The mean is not subtracted before the filter. The filter is for what differs from the mean:
    take it off after the division, and add it at the end."""

    def clean(self, rows, a):
        return rows / a.sqrt()


class MeanNotAdded(InSteps):
    """The mean is not added back at the end. The filter returns what differs from it."""

    def together(self, shares):
        return shares @ self.U.T


class NoMean(MeanKept):
    """The mean is not used. Subtract it after the division, and add it at the end."""

    def together(self, shares):
        return shares @ self.U.T


class MeanBeforeDividing(InSteps):
    """The mean is subtracted before the division. In xt it is multiplied by sqrt(alpha_bar) too:
    divide first, then subtract."""

    def clean(self, rows, a):
        return (rows - self.mean) / a.sqrt()


class MeanWrongWay(InSteps):
    """The mean is added before the filter and subtracted after it. It is the other way round."""

    def clean(self, rows, a):
        return rows / a.sqrt() + self.mean

    def together(self, shares):
        return shares @ self.U.T - self.mean


class Subtracted(InSteps):
    """What the filter keeps is subtracted from the mean. Add it."""

    def together(self, shares):
        return self.mean - shares @ self.U.T


class MeanIntoEigenimages(InSteps):
    """The mean is added before the eigenimages are put together. It is a picture, not shares of
    eigenimages: add it after the product with U.T."""

    def together(self, shares):
        return (self.mean + shares) @ self.U.T


class MeanScaledBack(InSteps):
    """The guess is multiplied by sqrt(alpha_bar) at the end. Asked for is the clean picture, as it
    is without noise."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))[:, None, None, None]
        return super().predict_x0(xt, alpha_bar) * a.sqrt()


class TheNoise(InSteps):
    """This is what the filter takes away, or the noise. Asked for is the clean picture."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))[:, None, None, None]
        return (xt - a.sqrt() * super().predict_x0(xt, alpha_bar)) / (1 - a).sqrt()


class VhNotTransposed(InSteps):
    """The share along an eigenimage is the product with a row of Vh. Pictures are rows here, so it
    is x @ self.Vh.T, with .T."""

    def apart(self, x):
        return x @ self.Vh


class UNotTransposed(InSteps):
    """An eigenimage is a column of U. Shares are rows here, so they are put together with
    shares @ self.U.T, with .T."""

    def together(self, shares):
        return self.mean + shares @ self.U


class NeitherTransposed(VhNotTransposed):
    """Both products lack a .T. Formulas have pictures as columns; here they are rows, so each
    matrix is transposed: x @ self.Vh.T, and shares @ self.U.T."""

    def together(self, shares):
        return self.mean + shares @ self.U


class SwappedAndTransposed(InSteps):
    """U and Vh have changed places. Vh takes a picture apart, U puts it together:
    x @ self.Vh.T, and shares @ self.U.T."""

    def apart(self, x):
        return x @ self.U.T

    def together(self, shares):
        return self.mean + shares @ self.Vh.T


class NotApart(InSteps):
    """shrink is applied to pixels. Its n numbers belong to the eigenimages: take the picture apart
    with x @ self.Vh.T, shrink the shares, and put them together with self.U.T."""

    def apart(self, x):
        return x

    def together(self, shares):
        return self.mean + shares


class NotTogether(InSteps):
    """The shares are returned as if they were pixels. Put the eigenimages together:
    shares @ self.U.T."""

    def together(self, shares):
        return self.mean + shares


class NeverApart(InSteps):
    """The picture is not taken apart before shrink. Its shares along the eigenimages are
    x @ self.Vh.T."""

    def apart(self, x):
        return x


class ShrunkTooLate(InSteps):
    """The shrinking comes after the eigenimages are put together, so it meets pixels. Shrink the
    shares, between the two products."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x = xt.flatten(1) / a[:, None].sqrt() - self.mean
        return (self.mean + shrink(self.LA, a) * (x @ self.Vh.T @ self.U.T)).view_as(xt)


class NotShrunk(InSteps):
    """Nothing is shrunk, so the noise comes back with the picture. Multiply the shares by
    shrink(self.LA, alpha_bar)."""

    def kept(self, alpha_bar):
        return torch.ones_like(alpha_bar)[:, None]


class ShrunkTwice(InSteps):
    """The shares are shrunk twice. Once is enough."""

    def kept(self, alpha_bar):
        return shrink(self.LA, alpha_bar) ** 2


class NoiseKept(InSteps):
    """The shares are multiplied by 1 - shrink(...), so the noise is kept. Multiply by
    shrink(...)."""

    def kept(self, alpha_bar):
        return 1 - shrink(self.LA, alpha_bar)


class TimesVariance(InSteps):
    """The shares are multiplied by LA. That is how much the pictures vary, not how much to keep:
    shrink(self.LA, alpha_bar)."""

    def kept(self, alpha_bar):
        return self.LA


class RootHandedOn(InSteps):
    """shrink gets the root of alpha_bar. Hand it alpha_bar itself."""

    def kept(self, alpha_bar):
        return shrink(self.LA, alpha_bar.sqrt())


class NoiseHandedOn(InSteps):
    """shrink gets 1 - alpha_bar. Hand it alpha_bar itself."""

    def kept(self, alpha_bar):
        return shrink(self.LA, 1 - alpha_bar)


class FirstForAll(InSteps):
    """The first picture's alpha_bar is used for all. Each picture has its own."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        return super().predict_x0(xt, alpha_bar[0])


class MeanForAll(InSteps):
    """The mean of alpha_bar is used for all pictures. Each picture has its own."""

    def predict_x0(self, xt, alpha_bar):
        return super().predict_x0(xt, torch.as_tensor(alpha_bar).mean())


class FlatReturned(InSteps):
    """The guesses come back as rows, (B, n). Give them the shape of xt: view_as(xt)."""

    def shaped(self, x0, xt):
        return x0


class ChannelsLastIn(InSteps):
    """The channels are moved to the end before xt becomes rows, and the filter's rows have them
    first. Flatten xt as it is: xt.flatten(1)."""

    def rows(self, xt):
        return xt.permute(0, 2, 3, 1).flatten(1)


class ChannelsLastAlways(ChannelsLastIn):
    """The channels are moved to the end before xt becomes rows, and back at the end. The filter's
    rows have them first: xt.flatten(1), and view_as(xt) at the end."""

    def shaped(self, x0, xt):
        B, C, H, W = xt.shape
        return x0.view(B, H, W, C).permute(0, 3, 1, 2)


class ChannelsLastOut(InSteps):
    """At the end the rows are read as if channels came last. They come first: view_as(xt)."""

    def shaped(self, x0, xt):
        B, C, H, W = xt.shape
        return x0.view(B, H, W, C).permute(0, 3, 1, 2)


class WidthFirst(InSteps):
    """Height and width change places. Give the rows the shape of xt: view_as(xt)."""

    def shaped(self, x0, xt):
        B, C, H, W = xt.shape
        return x0.view(B, C, W, H)


class DividedInPlace(InSteps):
    """/= and -= on xt, or on xt.flatten(1), which is the same memory, change the picture of whoever
    called. The sampler needs it as it was: write x = xt.flatten(1) / ... instead."""

    def clean(self, rows, a):
        rows /= a.sqrt()
        return rows - self.mean


class FloatNotTaken(InSteps):
    """alpha_bar may be one number for all pictures. Make it a tensor with one for each:
    torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))."""

    def predict_x0(self, xt, alpha_bar):
        return super().predict_x0(xt, alpha_bar[:, None].flatten())


class FloatHasNoRoot(InSteps):
    """alpha_bar may be a plain number, and that has no sqrt. Make it a tensor with one for each
    picture: torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))."""

    def predict_x0(self, xt, alpha_bar):
        return super().predict_x0(xt, alpha_bar.sqrt() ** 2)


class NotSpread(InSteps):
    """alpha_bar may be one number for all pictures, and then has no axis: give it one, with
    .expand(len(xt))."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device)
        x = self.clean(self.rows(xt), alpha_bar[:, None])
        return self.shaped(self.together(self.kept(alpha_bar) * self.apart(x)), xt)


class FourAxesForRows(InSteps):
    """alpha_bar has been given four axes, (B, 1, 1, 1), for a picture that is a row by now, (B, n).
    Divide by alpha_bar[:, None].sqrt()."""

    def clean(self, rows, a):
        return rows / a[:, :, None, None].sqrt() - self.mean


class MeanMeetsPictures(InSteps):
    """The mean is a row, (n,), and meets pictures, (B, C, H, W). Make rows of xt first:
    xt.flatten(1)."""

    def predict_x0(self, xt, alpha_bar):
        return super().predict_x0(xt - self.mean, alpha_bar)


class LevelsMeetWidth(InSteps):
    """alpha_bar, (B,), meets pictures, (B, C, H, W), and PyTorch lines it up with W. Make rows of
    xt first, (B, n), and divide them by alpha_bar[:, None].sqrt()."""

    def predict_x0(self, xt, alpha_bar):
        return super().predict_x0(xt / alpha_bar.sqrt(), alpha_bar)


class LevelsMeetRows(InSteps):
    """alpha_bar, (B,), meets rows, (B, n), and PyTorch lines it up with n. Give it another axis:
    alpha_bar[:, None].sqrt()."""

    def clean(self, rows, a):
        return rows / a[:, 0].sqrt() - self.mean


class Clamped(InSteps):
    """The guess is clamped. The best linear guess may leave -1 to 1: return it as it is."""

    def shaped(self, x0, xt):
        return x0.clamp(-1, 1).view_as(xt)


class MeanSubtractedAtEnd(InSteps):
    """The mean is subtracted at the end as well. Take it off before the filter, and add it at the
    end."""

    def together(self, shares):
        return shares @ self.U.T - self.mean


class MeanTwice(InSteps):
    """The mean is added twice at the end. Once is enough."""

    def together(self, shares):
        return 2 * self.mean + shares @ self.U.T


class SharesReturned(InSteps):
    """The shares are returned. Put the eigenimages together, shares @ self.U.T, and add the
    mean."""

    def together(self, shares):
        return shares


class ScaledNoise(TheNoise):
    """This is the noise times sigma: xt / sqrt(alpha_bar), less the guess. Asked for is the guess
    itself, the clean picture."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))[:, None, None, None]
        return super().predict_x0(xt, alpha_bar) * (1 / a - 1).sqrt()


class NoiseInXt(TheNoise):
    """This is what is left of xt without the picture in it. Asked for is the picture, not the
    noise."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))[:, None, None, None]
        return super().predict_x0(xt, alpha_bar) * (1 - a).sqrt()


class SigmaForVariance(InSteps):
    """LA is compared with sigma, the root of (1 - alpha_bar) / alpha_bar. LA are variances: it is
    LA / (LA + sigma**2), or shrink(self.LA, alpha_bar)."""

    def kept(self, alpha_bar):
        return self.LA / (self.LA + (1 / alpha_bar - 1).sqrt()[:, None])


class MeanOfBatch(InSteps):
    """The mean of the batch is subtracted. The filter has a mean of its own, of the training
    pictures: self.mean."""

    def clean(self, rows, a):
        x = rows / a.sqrt()
        return x - x.mean(dim=0)


class MeanOfBatchTwice(MeanOfBatch):
    """The mean of the batch is subtracted and added. The filter has a mean of its own, of the
    training pictures: self.mean."""

    def predict_x0(self, xt, alpha_bar):
        a = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))[:, None]
        mean = (xt.flatten(1) / a.sqrt()).mean(dim=0) - self.mean
        return super().predict_x0(xt, alpha_bar) + mean.view_as(xt[0])


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


# 9.4 draw_gaussian


MANY = 20_000


def draw_experiment(probe, attempt):
    U, mean = basis(probe, 5), 2 * probe.normal(5)
    LA = torch.tensor([4.0, 2.0, 0.9, 0.3, 0.0])

    def draw(N, generator):
        made_ready = generator if isinstance(generator, torch.Generator) else seeded(generator)
        try:
            given = N, U, LA, mean, made_ready
            return probe.run(f"draw_gaussian(N = {N}, ...)", attempt, *given)
        finally:
            give_hint(probe.seen[-1])

    args = 3, U, LA, mean, seeded(1)
    before = [state(a) for a in args]
    few = draw(3, 1)
    probe.note_changes(attempt, args, args, before)
    note_three(probe, few)
    note_generator(probe, draw, few)
    note_dtype(probe, few)
    x = draw(MANY, 3).double()
    note_ends_of(probe, x)
    note_draws(probe, x, U.double(), LA.double(), mean.double())
    probe.on_fake_device(attempt, 4, U, LA, mean, seeded(0))


def note_three(probe, few):
    """Write down whether three draws are three rows of numbers."""
    probe.note(
        "three draws", describe(as_float32(few)),
        f"draw_gaussian(N = 3, ...): expected a tensor of shape (3, 5), float32, got "
        f"{describe(few)}.",
        kind_tip(few) or "Each draw is a row of n numbers, one for each pixel, and there are N "
        "rows.",
    )  # fmt: skip
    if not isinstance(few, torch.Tensor) or few.shape != (3, 5):
        raise Stop
    probe.note(
        "finite draws", bool(few.isfinite().all()), "The draws hold NaN or infinity.",
        "LA may be 0: multiply by its root, and divide by nothing.",
    )  # fmt: skip


def kind_tip(few):
    """What to do about a result that is no tensor."""
    if isinstance(few, (list, tuple)) and len(few) > 1:
        return "torch.stack makes one tensor of a list of draws."
    return "" if isinstance(few, torch.Tensor) else advice(torch.zeros(3, 5), few)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def note_generator(probe, draw, few):
    """Write down whether all randomness comes from the generator that is handed over."""
    untouched = torch.equal(torch.get_rng_state(), seeded(SEED).get_state())
    probe.note(
        "the same seed", torch.equal(few, draw(3, 1)),
        "Two generators with the same seed give other draws.",
        "Take all random numbers from the generator: torch.randn(..., generator=generator).",
    )  # fmt: skip
    probe.note(
        "torch's own random numbers", untouched,
        "Your code takes torch's own random numbers, not those of the generator.",
        "Hand the generator on: torch.randn(..., generator=generator).",
    )  # fmt: skip
    generator = seeded(1)
    both = draw(3, generator), draw(3, generator), draw(3, 2)
    probe.note(
        "other draws the next time", not any(torch.equal(few, later) for later in both[1:]),
        "The draws are the same each time, whatever generator is handed over.",
        "Take them from the generator, and set no seed.",
    )  # fmt: skip
    probe.note(
        "each draw is another", not torch.equal(few[0], few[1]) and not torch.equal(few[1], few[2]),
        "All draws of a call are the same.",
        "Each draw needs random numbers of its own: there are N rows of them.",
    )  # fmt: skip


def note_ends_of(probe, x):
    """Write down whether many numbers are the largest or the smallest."""
    ends = max(int((x == end).sum()) for end in (x.min(), x.max()))
    probe.note(
        "clipped", ends > MANY // 100,
        f"The draws are clipped: {ends:,} numbers are {x.max():.3g} or {x.min():.3g}.",
        "Leave them as they are. A Gaussian has no bounds.",
    )  # fmt: skip


def note_draws(probe, x, U, LA, mean):
    """Write down which Gaussian the draws are from, within what chance allows."""
    found, covariance = x.mean(dim=0), torch.cov(x.T)
    roots = LA.sqrt()
    means = {
        "mean": mean,
        "0": torch.zeros_like(mean),
        "- mean": -mean,
        "mean @ U.T": mean @ U.T,
        "mean + half of each root": mean + 0.5 * roots @ U.T,
        "mean + that of amounts": mean + (2 / torch.pi) ** 0.5 * roots @ U.T,
    }
    at = int((found - mean).abs().argmax())
    probe.note(
        "the mean of the draws", nearest(found, means),
        f"The mean of {MANY:,} draws is wrong: at [{at}] expected about {mean[at]:.3g}, got "
        f"{found[at]:.3g}.",
        "Take normal numbers, which have mean 0, times the roots of LA, and add the mean at the "
        "end.",
    )  # fmt: skip
    covariances = {
        "U LA U.T": U * LA @ U.T,
        "U LA^2 U.T": U * LA**2 @ U.T,
        "U U.T": U @ U.T,
        "U.T LA U": U.T * LA @ U,
        "U.T LA^2 U": U.T * LA**2 @ U,
        "LA": LA.diag(),
        "LA^2": (LA**2).diag(),
        "U LA U.T / 12": U * LA @ U.T / 12,
        "that of amounts": (1 - 2 / torch.pi) * (U * LA @ U.T),
        "one number for all": torch.outer(U @ roots, U @ roots),
    }
    right = covariances["U LA U.T"]
    at = (covariance - right).abs().argmax()
    i, j = divmod(int(at), len(LA))
    probe.note(
        "the covariance of the draws", nearest(covariance, covariances),
        f"The covariance of {MANY:,} draws is wrong: at [{i}, {j}] expected about "
        f"{right[i, j]:.3g}, got {covariance[i, j]:.3g}.",
        "Along eigenimage i, which is a column of U, the draws must vary by LA[i]: multiply normal "
        "numbers by the roots of LA, then put the eigenimages together.",
    )  # fmt: skip
    still = (x - found) @ U[:, LA == 0]
    probe.note(
        "nothing varies where LA is 0", bool(still.abs().max() < 1e-2),
        "The draws vary along an eigenimage whose LA is 0.",
        "Multiply by the root of LA itself, with nothing added to it.",
    )  # fmt: skip
    along = (x - found) @ U[:, LA > 0]
    fourth = (along**4).mean(dim=0) / along.square().mean(dim=0).clamp(min=1e-12) ** 2
    probe.note(
        "normal numbers", bool(((fourth - 3).abs() < 0.6).all()),
        "Mean and covariance are right, but the draws are not normal.",
        "Take normal numbers, torch.randn.",
    )  # fmt: skip


def nearest(found, known):
    """The name of what was found, if it is known, within what chance allows."""
    for key, value in known.items():
        if (found - value).abs().max() < 0.06 * max(float(value.abs().max()), 1.0):
            return key
    return "another"


def variances_for_roots(N, U, LA, mean, generator):
    """The normal numbers are multiplied by LA. LA are variances; a number is spread by the
    standard deviation, their root: LA.sqrt()."""
    return mean + (LA * torch.randn(N, len(LA), generator=generator)) @ U.T


def not_spread(N, U, LA, mean, generator):
    """LA is not used: the draws vary by 1 along each eigenimage. Multiply the normal numbers by
    LA.sqrt()."""
    return mean + torch.randn(N, len(LA), generator=generator) @ U.T


def u_not_transposed(N, U, LA, mean, generator):
    """The eigenimages are the columns of U, and you take its rows. Draws are rows here, so it is
    (LA.sqrt() * z) @ U.T, with .T."""
    return mean + (LA.sqrt() * torch.randn(N, len(LA), generator=generator)) @ U


def two_mistakes(N, U, LA, mean, generator):
    """The normal numbers are multiplied by LA, and U lacks a .T. Take the roots of LA, and
    (LA.sqrt() * z) @ U.T."""
    return mean + (LA * torch.randn(N, len(LA), generator=generator)) @ U


def spread_in_pixels(N, U, LA, mean, generator):
    """Pixel i varies by LA[i], and none depends on another. The roots of LA belong to the
    eigenimages: (LA.sqrt() * z) @ U.T, in this order. Or a .T is missing:
    z @ (U * LA.sqrt()).T."""
    return mean + LA.sqrt() * torch.randn(N, len(LA), generator=generator)


def variances_in_pixels(N, U, LA, mean, generator):
    """LA is multiplied with pixels. LA are variances, and belong to the eigenimages: take the
    roots, and put the eigenimages together then, (LA.sqrt() * z) @ U.T."""
    return mean + LA * torch.randn(N, len(LA), generator=generator)


def no_mean(N, U, LA, mean, generator):
    """The mean is not added. The eigenimages say how a picture differs from it."""
    return (LA.sqrt() * torch.randn(N, len(LA), generator=generator)) @ U.T


def mean_subtracted(N, U, LA, mean, generator):
    """The mean is subtracted. Add it."""
    return (LA.sqrt() * torch.randn(N, len(LA), generator=generator)) @ U.T - mean


def mean_into_eigenimages(N, U, LA, mean, generator):
    """The mean is added before the eigenimages are put together. It is a picture, not shares of
    eigenimages: add it after the product with U.T."""
    return (mean + LA.sqrt() * torch.randn(N, len(LA), generator=generator)) @ U.T


def amounts_drawn(N, U, LA, mean, generator):
    """abs makes all normal numbers positive, so the eigenimages are added and never subtracted.
    Take the numbers as they are."""
    return mean + (LA.sqrt() * torch.randn(N, len(LA), generator=generator).abs()) @ U.T


def clipped(N, U, LA, mean, generator):
    """The draws are clipped to -1 and 1. Leave them as they are: a Gaussian has no bounds."""
    return draw_gaussian(N, U, LA, mean, generator).clamp(-1, 1)


def roots_in_place(N, U, LA, mean, generator):
    """LA.sqrt_() changes LA itself, and whoever called needs it as it was. LA.sqrt(), without _,
    makes new numbers."""
    return draw_gaussian(N, U, LA.sqrt_() ** 2, mean, generator)


def uniform_numbers(N, U, LA, mean, generator):
    """torch.rand gives numbers between 0 and 1, all as likely. Normal numbers are torch.randn."""
    return mean + (LA.sqrt() * torch.rand(N, len(LA), generator=generator)) @ U.T


def uniform_of_variance_one(N, U, LA, mean, generator):
    """Mean and covariance are right, but the numbers are not normal. Take torch.randn."""
    z = (torch.rand(N, len(LA), generator=generator) - 0.5) * 12**0.5
    return mean + (LA.sqrt() * z) @ U.T


def generator_ignored(N, U, LA, mean, generator):
    """The generator is not used: the draws come from torch's own random numbers. Whoever hands it
    over wants the same draws again: torch.randn(..., generator=generator)."""
    return mean + (LA.sqrt() * torch.randn(N, len(LA))) @ U.T


def always_the_same(N, U, LA, mean, generator):
    """The draws are the same each time. Your code makes a generator of its own, or sets its seed.
    Take the numbers from the one that is handed over, as it is."""
    return draw_gaussian(N, U, LA, mean, torch.Generator().manual_seed(0))


def one_draw_for_all(N, U, LA, mean, generator):
    """One draw is made and repeated N times. Draw N rows: torch.randn(N, n, ...)."""
    return draw_gaussian(1, U, LA, mean, generator).repeat(N, 1)


def one_number_for_all(N, U, LA, mean, generator):
    """Each draw has one normal number, for all eigenimages. Each eigenimage needs its own:
    torch.randn(N, n, ...)."""
    return mean + (LA.sqrt() * torch.randn(N, 1, generator=generator)) @ U.T


def sizes_swapped(N, U, LA, mean, generator):
    """The normal numbers are (n, N). Draws are rows: torch.randn(N, n, generator=generator), with
    n = len(LA)."""
    return mean + (LA.sqrt() * torch.randn(len(LA), N, generator=generator)) @ U.T


def draws_as_columns(N, U, LA, mean, generator):
    """The draws are the columns of what you return, (n, N). They should be rows, (N, n): transpose
    it at the end."""
    return draw_gaussian(N, U, LA, mean, generator).T


def one_draw_alone(N, U, LA, mean, generator):
    """One draw is returned, (n,). N are asked for, as rows: torch.randn(N, n, ...)."""
    return draw_gaussian(1, U, LA, mean, generator)[0]


def divided_by_roots(N, U, LA, mean, generator):
    """The normal numbers are divided by the roots of LA. Multiply: a large LA means that the
    pictures vary much along that eigenimage."""
    return mean + (torch.randn(N, len(LA), generator=generator) / LA.sqrt()) @ U.T


def mean_forgotten_in_columns(N, U, LA, mean, generator):
    """The mean, (n,), meets draws that are columns, (n, N). Make them rows first, with .T."""
    z = torch.randn(len(LA), N, generator=generator)
    return U @ (LA.sqrt()[:, None] * z) + mean


def draw_in_a_loop(N, U, LA, mean, generator):
    rows = []
    for _ in range(N):
        z = torch.randn(U.shape[0], generator=generator).to(U.device)
        rows.append(U @ (z * LA**0.5) + mean)
    return torch.stack(rows)


def draw_by_symmetric_root(N, U, LA, mean, generator):
    root = U @ torch.diag(LA.sqrt()) @ U.T
    return torch.randn(N, len(mean), generator=generator).to(mean.device) @ root + mean


def draw_spread_on_the_cpu(N, U, LA, mean, generator):
    roots = LA.sqrt().cpu().expand(N, -1)
    return torch.normal(torch.zeros(N, len(LA)), roots, generator=generator).to(U) @ U.T + mean


def draw_on_the_cpu(N, U, LA, mean, generator):
    z = torch.randn(N, len(LA), generator=generator)
    return (mean.cpu() + (z * LA.cpu().sqrt()) @ U.cpu().T).to(U.device)


def draw_as_columns(N, U, LA, mean, generator):
    z = torch.randn((len(LA), N), generator=generator).to(LA)
    return (U * LA.sqrt() @ z + mean[:, None]).T


def draw_by_normal(N, U, LA, mean, generator):
    z = torch.empty(N, len(LA), dtype=torch.float64).normal_(generator=generator)
    return torch.einsum("bk,k,nk->bn", z.to(U), LA.sqrt(), U) + mean.expand(N, -1)


# 9.5 Hybrid


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


class Choosing(Hybrid):
    """Both are asked about all pictures; is_above says whose answer counts."""

    def is_above(self, alpha_bar):
        return alpha_bar < self.alpha_bar

    def told(self, alpha_bar):
        return alpha_bar

    def mix(self, is_above, above, below):
        return torch.where(is_above[:, None, None, None], above, below)

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        both = [d.predict_x0(xt, self.told(alpha_bar)) for d in (self.above, self.below)]
        return self.mix(self.is_above(alpha_bar), *both)


class Swapped(Choosing):
    """The two have changed places: above answers up to the noise level, and below beyond it. A
    small alpha_bar means much noise, so above answers where alpha_bar < self.alpha_bar."""

    def is_above(self, alpha_bar):
        return alpha_bar >= self.alpha_bar


class WrongWay(Choosing):
    """The comparison is the wrong way round. Much noise is a large sigma and a small alpha_bar: it
    is alpha_bar < self.alpha_bar where above answers."""

    def is_above(self, alpha_bar):
        return alpha_bar > self.alpha_bar


class BoundaryAbove(Choosing):
    """Right but at the boundary itself, where above answers. There below does: above is asked
    where alpha_bar < self.alpha_bar, without =."""

    def is_above(self, alpha_bar):
        return alpha_bar <= self.alpha_bar


class FirstDecides(Choosing):
    """The first picture decides for all. Each picture has its own alpha_bar, so compare all of
    them: the result is a mask with shape (B,)."""

    def is_above(self, alpha_bar):
        return (alpha_bar < self.alpha_bar)[:1].expand(len(alpha_bar))


class AnyDecides(Choosing):
    """One picture above the level sends all to above: .any() decides for the whole batch. Choose
    for each picture, with a mask of shape (B,)."""

    def is_above(self, alpha_bar):
        return (alpha_bar < self.alpha_bar).any().expand(len(alpha_bar))


class AllDecide(Choosing):
    """One picture up to the level sends all to below: .all() decides for the whole batch. Choose
    for each picture, with a mask of shape (B,)."""

    def is_above(self, alpha_bar):
        return (alpha_bar < self.alpha_bar).all().expand(len(alpha_bar))


class MeanDecides(Choosing):
    """The mean of alpha_bar decides for all. Choose for each picture, with a mask of shape (B,)."""

    def is_above(self, alpha_bar):
        return (alpha_bar.mean() < self.alpha_bar).expand(len(alpha_bar))


class SigmaCompared(Choosing):
    """You compute sigma and compare it with self.alpha_bar. Compare like with like: self.alpha_bar
    was made from sigma in __init__, so it is alpha_bar < self.alpha_bar."""

    def is_above(self, alpha_bar):
        return ((1 - alpha_bar) / alpha_bar).sqrt() > self.alpha_bar


class NoiseCompared(Choosing):
    """You compare 1 - alpha_bar with self.alpha_bar. Compare alpha_bar itself:
    alpha_bar < self.alpha_bar."""

    def is_above(self, alpha_bar):
        return 1 - alpha_bar > self.alpha_bar


class RootCompared(Choosing):
    """You compare the root of alpha_bar with self.alpha_bar. Compare alpha_bar itself."""

    def is_above(self, alpha_bar):
        return alpha_bar.sqrt() < self.alpha_bar


class SquareAgainstSigma(Choosing):
    """You compare a square with sigma itself. (1 - alpha_bar) / alpha_bar is sigma squared, and
    self.alpha_bar is 1 / (1 + sigma**2)."""

    def is_above(self, alpha_bar):
        return 1 / alpha_bar - 1 > self.sigma()

    def sigma(self):
        return (1 / self.alpha_bar - 1) ** 0.5


class AgainstSigma(SquareAgainstSigma):
    """You compare alpha_bar with sigma. Compare it with self.alpha_bar, which belongs to that
    sigma."""

    def is_above(self, alpha_bar):
        return alpha_bar < self.sigma()


class OneHalfCompared(Choosing):
    """You compare with a fixed number. The level is handed over: it is in self.alpha_bar."""

    def is_above(self, alpha_bar):
        return alpha_bar < 0.5


class AboveAlways(Choosing):
    """Only above answers. Up to the noise level it is below."""

    def is_above(self, alpha_bar):
        return torch.ones_like(alpha_bar, dtype=torch.bool)


class BelowAlways(Choosing):
    """Only below answers. Above the noise level, where alpha_bar < self.alpha_bar, it is above."""

    def is_above(self, alpha_bar):
        return torch.zeros_like(alpha_bar, dtype=torch.bool)


class Averaged(Choosing):
    """Both answers are averaged. Take for each picture the answer of one."""

    def mix(self, is_above, above, below):
        return (above + below) / 2


class Summed(Choosing):
    """Both answers are added. Take for each picture the answer of one."""

    def mix(self, is_above, above, below):
        return above + below


class AboveLeftOut(Choosing):
    """Pictures above the noise level stay 0: above is never asked, or its answer is not used."""

    def mix(self, is_above, above, below):
        return super().mix(is_above, torch.zeros_like(above), below)


class BelowLeftOut(Choosing):
    """Pictures up to the noise level stay 0: below is never asked, or its answer is not used."""

    def mix(self, is_above, above, below):
        return super().mix(is_above, above, torch.zeros_like(below))


class NotDenoised(Choosing):
    """Pictures up to the noise level come back as they are, with their noise. below has to be asked
    about them."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        return self.mix(self.is_above(alpha_bar), self.above.predict_x0(xt, alpha_bar), xt)


class OneAfterTheOther(Choosing):
    """The answer of one denoiser is handed to the other. Both get xt; each picture is for one of
    them alone."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        rough = self.above.predict_x0(xt, alpha_bar)
        return self.mix(self.is_above(alpha_bar), rough, self.below.predict_x0(rough, alpha_bar))


class ToldTheLevel(Choosing):
    """The denoisers are told self.alpha_bar. That is the level between them; tell each the
    alpha_bar of its pictures."""

    def told(self, alpha_bar):
        return self.alpha_bar


class ByIf(Hybrid):
    """if and not take one True or False, and here is one for each picture. Make a mask,
    is_above = alpha_bar < self.alpha_bar, with shape (B,), and use it to choose: xt[is_above] and
    xt[~is_above], or torch.where. ~ is not, for each."""

    def predict_x0(self, xt, alpha_bar):
        if alpha_bar < self.alpha_bar:
            return self.above.predict_x0(xt, alpha_bar)
        return self.below.predict_x0(xt, alpha_bar)


class MaskWithoutAxes(Choosing):
    """The mask, (B,), meets pictures, (B, C, H, W), and PyTorch lines it up with W. Give it three
    more axes: mask[:, None, None, None]."""

    def mix(self, is_above, above, below):
        return torch.where(is_above, above, below)


class PlainNumberNotTaken(Choosing):
    """alpha_bar may be one number for all pictures. Make it a tensor with one for each:
    torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))."""

    def predict_x0(self, xt, alpha_bar):
        is_above = (alpha_bar < self.alpha_bar)[:, None, None, None]
        both = [d.predict_x0(xt, alpha_bar) for d in (self.above, self.below)]
        return torch.where(is_above, *both)


class Masked(Hybrid):
    """Each is asked about its own pictures; part says what it is handed."""

    def part(self, xt, alpha_bar, meant):
        return xt[meant], alpha_bar[meant]

    def is_asked(self, meant):
        return meant.any()

    def empty(self, xt):
        return torch.empty_like(xt)

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x0, is_above = self.empty(xt), alpha_bar < self.alpha_bar
        if self.is_asked(is_above):
            x0[is_above] = self.above.predict_x0(*self.part(xt, alpha_bar, is_above))
        if self.is_asked(~is_above):
            x0[~is_above] = self.below.predict_x0(*self.part(xt, alpha_bar, ~is_above))
        return x0


class LevelsNotCut(Masked):
    """A denoiser gets some of the pictures and all the alpha_bars. Use the mask for both:
    xt[mask], alpha_bar[mask]."""

    def part(self, xt, alpha_bar, meant):
        return xt[meant], alpha_bar


class PicturesNotCut(Masked):
    """A denoiser gets all pictures, and its answers do not fit into the places of some. Use the
    mask for what it gets, xt[mask] and alpha_bar[mask], or for what it answers."""

    def part(self, xt, alpha_bar, meant):
        return xt, alpha_bar


class WrittenIntoXt(Masked):
    """The answers are written into xt itself, or into another name for it. Whoever called needs xt
    as it was: begin with torch.empty_like(xt)."""

    def empty(self, xt):
        return xt


class ElseTaken(Masked):
    """Some pictures never got an answer: torch.empty_like holds what was in memory. Both denoisers
    may be needed in one batch, so the second question needs an if of its own, not else."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x0, is_above = self.empty(xt), alpha_bar < self.alpha_bar
        if is_above.any():
            x0[is_above] = self.above.predict_x0(xt[is_above], alpha_bar[is_above])
        else:
            x0[~is_above] = self.below.predict_x0(xt[~is_above], alpha_bar[~is_above])
        return x0


class ElseTakenWithZeros(ElseTaken):
    """In a batch with pictures on both sides, below is never asked, and its pictures stay 0. Both
    denoisers may be needed in one batch, so the second needs an if of its own, not else."""

    def empty(self, xt):
        return torch.zeros_like(xt)


class PutTogetherInOrder(Masked):
    """The pictures come back in another order: cat puts all of above first, then those of below.
    Write each to its place: x0[is_above] = ..., and x0[~is_above] = ..."""

    def predict_x0(self, xt, alpha_bar):
        alpha_bar = torch.as_tensor(alpha_bar, device=xt.device).expand(len(xt))
        x0, is_above = [], alpha_bar < self.alpha_bar
        for denoiser, meant in ((self.above, is_above), (self.below, ~is_above)):
            if self.is_asked(meant):
                x0.append(denoiser.predict_x0(xt[meant], alpha_bar[meant]))
        return torch.cat(x0)


class CalledItself(Masked):
    """A denoiser is no function. Ask it with its method: self.above.predict_x0(xt, alpha_bar)."""

    def predict_x0(self, xt, alpha_bar):
        return self.above(xt, alpha_bar)


class HybridByMask(Masked):
    """Denoisers answer a batch without pictures too."""

    def is_asked(self, meant):
        return True


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


# 9.6 ideal_x0


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


def ideal_with(
    xt, alpha_bar, images, weights=lambda e: e.softmax(dim=1), noise=lambda a: 2 * (1 - a),
    factor=lambda a: a.sqrt(), power=lambda d: d.square().sum(dim=2), sign=-1, divided=False,
):  # fmt: skip
    """The formula, with a switch for some ways to err."""
    a, x, y = alpha_bar[:, None], images.flatten(1), xt.flatten(1)
    if divided:  # compare the images as they are
        y, factor = y / a.sqrt(), torch.ones_like
    distances = power(y[:, None] - factor(a)[:, :, None] * x)  # (B, N)
    return (weights(sign * distances / noise(a)) @ x).view_as(xt)


def over_the_batch(xt, alpha_bar, images, chunk=1000):
    """The softmax runs over the batch, so what one picture gives depends on the others. It has to
    run over the images: with exponents of shape (B, N), dim=1."""
    return ideal_with(xt, alpha_bar, images, weights=lambda e: e.softmax(dim=0))


def over_everything(xt, alpha_bar, images, chunk=1000):
    """The weights of the whole batch add up to 1 together. Those of each picture must: take the
    softmax, or the sum that you divide by, over the images, dim=1."""
    return ideal_with(
        xt, alpha_bar, images, weights=lambda e: e.flatten().softmax(dim=0).view_as(e)
    )  # fmt: skip


def without_two(xt, alpha_bar, images, chunk=1000):
    """The 2 below the line is missing: the exponent of a Gaussian is the squared distance divided
    by twice the variance. Without it the weights are sharper than they should be."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 1 - a)


def two_above(xt, alpha_bar, images, chunk=1000):
    """You divide by 2 and multiply by 1 - alpha_bar, or the other way round: brackets are missing
    below the line. Divide by (2 * (1 - alpha_bar))."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2 / (1 - a))


def multiplied_late(xt, alpha_bar, images, chunk=1000):
    """Below the line is 2 - alpha_bar, or the like: brackets are missing. It is
    2 * (1 - alpha_bar)."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2 * 1 - a)


def images_not_scaled(xt, alpha_bar, images, chunk=1000):
    """The images are compared as they are. In xt a picture is multiplied by sqrt(alpha_bar):
    measure the distance from xt to sqrt(alpha_bar) x."""
    return ideal_with(xt, alpha_bar, images, factor=torch.ones_like)


def images_times_alpha_bar(xt, alpha_bar, images, chunk=1000):
    """The images are multiplied by alpha_bar. In xt a picture is multiplied by its root,
    sqrt(alpha_bar)."""
    return ideal_with(xt, alpha_bar, images, factor=lambda a: a)


def divided_and_noise_not(xt, alpha_bar, images, chunk=1000):
    """xt is divided by sqrt(alpha_bar), which is good, but then the noise in it is larger too: its
    variance is (1 - alpha_bar) / alpha_bar."""
    return ideal_with(
        xt / alpha_bar.sqrt()[:, None, None, None], alpha_bar, images, factor=torch.ones_like
    )  # fmt: skip


def noise_of_divided(xt, alpha_bar, images, chunk=1000):
    """The variance is (1 - alpha_bar) / alpha_bar, and that is for xt / sqrt(alpha_bar) and images
    as they are. For xt itself and sqrt(alpha_bar) x it is 1 - alpha_bar."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2 * (1 - a) / a)


def unsquared(noise, divided=False):
    """Make the mistake of distances that are not squared, with what they are divided by."""

    def wrong(xt, alpha_bar, images, chunk=1000):
        return ideal_with(
            xt, alpha_bar, images, power=lambda d: d.norm(dim=2), noise=noise, divided=divided
        )  # fmt: skip

    wrong.__doc__ = """The distances are not squared: cdist and norm take a root. The exponent has
    |...|^2, the sum of the squares, by 2 (1 - alpha_bar)."""
    if divided:
        wrong.__doc__ += """ (For xt / sqrt(alpha_bar) and images as they are, that is
        2 (1 - alpha_bar) / alpha_bar.)"""
    return wrong


UNSQUARED = {
    "not squared": unsquared(lambda a: 2 * (1 - a)),
    "not squared, sigma": unsquared(lambda a: (1 - a).sqrt()),
    "not squared, sigma twice": unsquared(lambda a: 2 * (1 - a).sqrt()),
    "not squared, divided": unsquared(lambda a: 2 * (1 - a) / a, divided=True),
}


def sums_of_amounts(xt, alpha_bar, images, chunk=1000):
    """The amounts of the differences are added up. The exponent has their squares."""
    return ideal_with(xt, alpha_bar, images, power=lambda d: d.abs().sum(dim=2))


def squares_averaged(xt, alpha_bar, images, chunk=1000):
    """The squares are averaged over the pixels. |...|^2 is their sum: with a mean, n pixels count
    as little as one."""
    return ideal_with(xt, alpha_bar, images, power=lambda d: d.square().mean(dim=2))


def plus_sign(xt, alpha_bar, images, chunk=1000):
    """The minus is missing: the farthest images get the largest weights. The exponent is
    negative."""
    return ideal_with(xt, alpha_bar, images, sign=1)


def by_alpha_bar(xt, alpha_bar, images, chunk=1000):
    """You divide by alpha_bar. The variance of the noise is 1 - alpha_bar."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2 * a)


def by_root_of_noise(xt, alpha_bar, images, chunk=1000):
    """You divide by sqrt(1 - alpha_bar). The exponent has the variance of the noise,
    1 - alpha_bar."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2 * (1 - a).sqrt())


def by_noise_squared(xt, alpha_bar, images, chunk=1000):
    """You divide by (1 - alpha_bar)^2. 1 - alpha_bar is the variance already."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2 * (1 - a) ** 2)


def noise_left_out(xt, alpha_bar, images, chunk=1000):
    """The noise level is missing in the exponent. Divide by 2 (1 - alpha_bar): with much noise
    many images are possible, with little noise few."""
    return ideal_with(xt, alpha_bar, images, noise=lambda a: 2)


def nearest_image(xt, alpha_bar, images, chunk=1000):
    """You return the most likely image. The ideal answer is the mean of all, weighted by how likely
    each is: softmax in place of argmin."""
    return ideal_with(
        xt, alpha_bar, images,
        weights=lambda e: F.one_hot(e.argmax(dim=1), e.shape[1]).to(e),
    )  # fmt: skip


def plain_mean(xt, alpha_bar, images, chunk=1000):
    """You return the mean of all images, all with the same weight. Those that are near xt count
    more."""
    return ideal_with(xt, alpha_bar, images, weights=lambda e: torch.zeros_like(e).softmax(dim=1))


def not_normalised(xt, alpha_bar, images, chunk=1000):
    """The weights do not add up to 1: divide by their sum, or take softmax in place of exp."""
    return ideal_with(xt, alpha_bar, images, weights=lambda e: e.exp())


def divided_by_count(xt, alpha_bar, images, chunk=1000):
    """The sum is divided by the number of images. Divide by the sum of the weights."""
    return ideal_with(xt, alpha_bar, images, weights=lambda e: e.exp() / e.shape[1])


def weights_averaged(xt, alpha_bar, images, chunk=1000):
    """The weighted images are averaged. The weights add up to 1 already, so they are summed."""
    return ideal_with(xt, alpha_bar, images, weights=lambda e: e.softmax(dim=1) / e.shape[1])


def logs_of_weights(xt, alpha_bar, images, chunk=1000):
    """The logarithms of the weights are used as weights. Take softmax, not log_softmax."""
    return ideal_with(xt, alpha_bar, images, weights=lambda e: e.log_softmax(dim=1))


def overflowing(xt, alpha_bar, images, chunk=1000):
    """Right with much noise. With little noise the exponents are far below 0, exp makes all of them
    0, and 0 / 0 is NaN. Subtract the largest exponent of each picture before exp, as softmax
    does: the weights stay the same."""
    e = lambda e: e.exp() / e.exp().sum(dim=1, keepdim=True)  # noqa: E731
    return ideal_with(xt, alpha_bar, images, weights=e)


def one_maximum(xt, alpha_bar, images, chunk=1000):
    """You subtract one maximum for the whole batch. Where another picture has the largest
    exponent, all weights of this one become 0, and 0 / 0 is NaN. Each picture has its own:
    e.max(dim=1, keepdim=True).values, or e.amax(dim=1, keepdim=True)."""

    def weights(e):
        e = (e - e.max()).exp()
        return e / e.sum(dim=1, keepdim=True)

    return ideal_with(xt, alpha_bar, images, weights=weights)


def whole_chunks(xt, alpha_bar, images, chunk=1000):
    """Images that do not fill a chunk are left out, and where there are fewer than one chunk
    nothing is left: 0 / 0 is NaN. The last chunk may be smaller: range(0, N, chunk), or
    images.split(chunk)."""
    N = len(images) // chunk * chunk
    return ideal_x0(xt, alpha_bar, images[:N]) if N else torch.full_like(xt, torch.nan)


def sum_guarded(xt, alpha_bar, images, chunk=1000):
    """Right with much noise. With little noise exp makes all weights 0; something added to their
    sum avoids NaN, but the answer is 0 then. Subtract the largest exponent of each picture before
    exp, as softmax does."""
    e = lambda e: e.exp() / (e.exp().sum(dim=1, keepdim=True) + 1e-12)  # noqa: E731
    return ideal_with(xt, alpha_bar, images, weights=e)


def scaled_images_returned(xt, alpha_bar, images, chunk=1000):
    """The mean is taken of sqrt(alpha_bar) x. Those are for the distances; the answer is the mean
    of the images themselves."""
    return ideal_x0(xt, alpha_bar, images) * alpha_bar.sqrt()[:, None, None, None]


def rows_returned(xt, alpha_bar, images, chunk=1000):
    """The answers come back as rows, (B, n). Give them the shape of xt: view_as(xt)."""
    return ideal_x0(xt, alpha_bar, images).flatten(1)


def one_level(xt, alpha_bar, images, chunk=1000):
    """The mean of alpha_bar is used for all pictures. Each has its own: alpha_bar[:, None] with
    the exponents, (B, N)."""
    return ideal_x0(xt, alpha_bar.mean().expand(len(xt)), images)


def first_level(xt, alpha_bar, images, chunk=1000):
    """The first alpha_bar is used for all pictures. Each has its own: alpha_bar[:, None] with the
    exponents, (B, N)."""
    return ideal_x0(xt, alpha_bar[:1].expand(len(xt)), images)


def length_left_out(xt, alpha_bar, images, chunk=1000):
    """Only the products of xt and the images are in the exponent. |xt - sqrt(alpha_bar) x|^2 also
    has the length of x: 2 sqrt(alpha_bar) xt x, less alpha_bar |x|^2. (|xt|^2 is the same for all
    images and may be left out.)"""
    a, x = alpha_bar[:, None], images.flatten(1)
    weights = (a.sqrt() * (xt.flatten(1) @ x.T) / (1 - a)).softmax(dim=1)
    return (weights @ x).view_as(xt)


def pixels_chosen(xt, alpha_bar, images, chunk=1000):
    """Each pixel is weighted by itself: the squares are not added up. A whole picture is likely or
    not, so sum over its pixels."""
    a, x, y = alpha_bar[:, None, None], images.flatten(1), xt.flatten(1)
    exponents = -(y[:, None] - a.sqrt() * x).square() / (2 * (1 - a))
    return (exponents.softmax(dim=1) * x).sum(dim=1).view_as(xt)


def levels_meet_images(xt, alpha_bar, images, chunk=1000):
    """alpha_bar, (B,), meets exponents, (B, N), and PyTorch lines it up with N. Give it another
    axis: alpha_bar[:, None]."""
    y = xt.flatten(1)[:, None] - alpha_bar.sqrt()[:, None, None] * images.flatten(1)
    weights = (-y.square().sum(dim=2) / (2 * (1 - alpha_bar))).softmax(dim=1)
    return (weights @ images.flatten(1)).view_as(xt)


def chunks_averaged(xt, alpha_bar, images, chunk=1000):
    """Each chunk gets a softmax of its own, and the answers are averaged. A chunk without a likely
    image then counts as much as one that has it. Add up weights and weighted images over all
    chunks, and divide once at the end."""
    found = [ideal_x0(xt, alpha_bar, part) for part in images.split(chunk)]
    return torch.stack(found).mean(dim=0)


def chunks_summed(xt, alpha_bar, images, chunk=1000):
    """Each chunk gets a softmax of its own, and the answers are added. Add up weights and weighted
    images over all chunks, and divide once at the end."""
    return sum(ideal_x0(xt, alpha_bar, part) for part in images.split(chunk))


def last_chunk(xt, alpha_bar, images, chunk=1000):
    """Only the last chunk is in the answer. All have to be: += in the loop, not =."""
    return ideal_x0(xt, alpha_bar, images.split(chunk)[-1])


def first_chunk(xt, alpha_bar, images, chunk=1000):
    """Only the first chunk is in the answer. Go through all of them. Is the return indented too
    far?"""
    return ideal_x0(xt, alpha_bar, images[:chunk])


def maximum_not_carried(xt, alpha_bar, images, chunk=1000):
    """Each chunk subtracts its own largest exponent, and the sums are added as they are. They are
    of different scale then: when the largest exponent grows, multiply the sums so far by
    exp(before - largest)."""
    a, y, total, mean = alpha_bar[:, None], xt.flatten(1), 0.0, 0.0
    for part in images.flatten(1).split(chunk):
        e = -(y[:, None] - a.sqrt()[:, :, None] * part).square().sum(dim=2) / (2 * (1 - a))
        weights = (e - e.amax(dim=1, keepdim=True)).exp()
        total, mean = total + weights.sum(dim=1, keepdim=True), mean + weights @ part
    return (mean / total).view_as(xt)


def total_not_faded(xt, alpha_bar, images, chunk=1000):
    """When a likelier image turns up, only the sum of the images is made smaller. The sum of the
    weights has to be, by the same factor exp(before - largest)."""
    a, y, total, mean = alpha_bar[:, None], xt.flatten(1), 0.0, 0.0
    largest = torch.full_like(a, -torch.inf)
    for part in images.flatten(1).split(chunk):
        e = -(y[:, None] - a.sqrt()[:, :, None] * part).square().sum(dim=2) / (2 * (1 - a))
        before, largest = largest, e.amax(dim=1, keepdim=True).maximum(largest)
        weights = (e - largest).exp()
        total = total + weights.sum(dim=1, keepdim=True)
        mean = (before - largest).exp() * mean + weights @ part
    return (mean / total).view_as(xt)


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


EXERCISES = [
    Exercise(
        id="9.1",
        title="Mean and covariance of all pictures",
        notebook=NOTEBOOK,
        reference=compute_wiener_filter,
        experiment=filter_experiment,
        look="Compare with torch.cov(X.T), for all pictures as rows X, on a few small pictures.",
        catalogue=by_hand({
            "divided by N": by_n,
            "divided by the batches": by_batches,
            "divided by the batches less one": by_batches_less_one,
            "batches counted": batches_counted,
            "divided by the last batch": by_last_batch,
            "divided by the last batch less one": by_last_batch_less_one,
            "not divided": not_divided,
            "divided twice": divided_twice,
            "divided by the root": by_root,
            "averaged by batch": averaged_by_batch,
            "divided by each batch": divided_by_batch,
            "mean of means": mean_of_means,
            "mean of the last batch": mean_of_the_last,
            "mean not divided": mean_not_divided,
            "one mean for all pixels": one_mean_for_all,
            "mean kept": mean_kept,
            "mean kept, divided by N": mean_kept_by_n,
            "own mean of each batch": own_mean,
            "own mean of each picture": mean_of_each_picture,
            "mean added": mean_added,
            "one pass in float32": one_pass_in_float32,
            "rows meet": rows_meet,
            "pictures meet": pictures_meet,
            "last batch only": last_batch_only,
            "first batch only": first_batch_only,
            "mean of covariances": mean_of_covariances,
            "mean first": mean_first,
            "covariance alone": covariance_alone,
            "mean as a picture": mean_as_picture,
            "mean as a matrix": mean_as_matrix,
            "correlation": correlation,
            "variances alone": variances_alone,
            "variances in a matrix": products_only_at_home,
            "channels last": channels_last,
            "subtracted in place": subtracted_in_place,
            "loader used up": loader_used_up,
            "begun with ones": begun_with_ones,
            "mean of the first": mean_of_the_first,
            "a number for the mean": number_for_a_mean,
            "a number for the mean, beside": number_beside,
            "first batch in the second pass": first_in_the_second_pass,
            "all batches alike": all_batches_alike,
            "brackets missing": minus_one_outside,
            "mean squared once": mean_squared_once,
            "everything by batch": everything_by_batch,
            "first of each batch": first_of_each_batch,
            "tuples not opened": tuples_not_opened,
            "always a pair": always_unpacked,
            "dataset counted": dataset_counted,
        }),
        also_right=[
            filter_at_once,
            filter_by_numpy,
            filter_in_one_pass,
            filter_as_it_goes,
            filter_picture_by_picture,
        ],
    ),
    Exercise(
        id="9.2",
        title="How much is kept",
        notebook=NOTEBOOK,
        reference=shrink,
        experiment=shrink_experiment,
        look="With LA = 1 and alpha_bar = 0.5, half is kept. Which part of the fraction is not so, "
        "or is something added to the divisor?",
        catalogue=by_hand({
            "infinity by infinity": infinite_ratio,
            "0 / 0": unguarded,
            "1 for 0 / 0": filled_with_one,
            "root of alpha_bar": with_root_of_alpha_bar,
            "root above": root_above,
            "root before LA": root_before_la,
            "alpha_bar squared": alpha_bar_squared,
            "no alpha_bar": no_alpha_bar,
            "no alpha_bar above": no_alpha_bar_above,
            "no alpha_bar below": no_alpha_bar_below,
            "share of the noise": noise_share,
            "upside down": turned_over,
            "against the noise": against_noise,
            "noise of 1": noise_of_one,
            "noise squared": noise_squared,
            "root of the noise": noise_root,
            "1 - alpha_bar squared": noise_with_alpha_bar_squared,
            "sigma for its square": sigma_for_variance,
            "amplitudes": amplitudes,
            "LA squared": la_squared,
            "root of LA": root_of_la,
            "roles swapped": roles_swapped,
            "brackets missing": brackets_missing,
            "brackets around the product": brackets_around_product,
            "noise times LA": noise_never_left,
            "turned": turned,
            "axes meet": axes_meet,
            "axes meet, LA first": axes_meet_turned,
            "first for all": first_for_all,
            "mean for all": mean_for_all,
        }),
        also_right=[
            shrink_by_sigma,
            shrink_repaired,
            shrink_row_by_row,
            shrink_from_one,
            shrink_by_numpy,
        ],
    ),
    Exercise(
        id="9.3",
        title="The Wiener denoiser",
        notebook=NOTEBOOK,
        reference=WienerDenoiser,
        experiment=denoiser_experiment,
        look="The order is: rows, divide, subtract the mean, Vh, shrink, U, add the mean, shape.",
        catalogue=by_hand({
            "not divided": NotDivided,
            "divided by alpha_bar": DividedByAlphaBar,
            "multiplied": Multiplied,
            "divided by the noise": DividedByNoise,
            "mean kept": MeanKept,
            "mean not added": MeanNotAdded,
            "no mean": NoMean,
            "mean before dividing": MeanBeforeDividing,
            "mean the wrong way": MeanWrongWay,
            "subtracted": Subtracted,
            "mean into the eigenimages": MeanIntoEigenimages,
            "scaled at the end": MeanScaledBack,
            "the noise": TheNoise,
            "Vh not transposed": VhNotTransposed,
            "U not transposed": UNotTransposed,
            "neither transposed": NeitherTransposed,
            "U and Vh swapped": SwappedAndTransposed,
            "shrunk in pixels": NotApart,
            "not put together": NotTogether,
            "not taken apart": NeverApart,
            "shrunk too late": ShrunkTooLate,
            "not shrunk": NotShrunk,
            "shrunk twice": ShrunkTwice,
            "noise kept": NoiseKept,
            "times LA": TimesVariance,
            "root handed on": RootHandedOn,
            "noise handed on": NoiseHandedOn,
            "first for all": FirstForAll,
            "mean for all": MeanForAll,
            "rows returned": FlatReturned,
            "channels last, on the way in": ChannelsLastIn,
            "channels last": ChannelsLastAlways,
            "channels last, on the way out": ChannelsLastOut,
            "width first": WidthFirst,
            "clamped": Clamped,
            "mean subtracted at the end": MeanSubtractedAtEnd,
            "mean twice": MeanTwice,
            "shares returned": SharesReturned,
            "noise times sigma": ScaledNoise,
            "noise in xt": NoiseInXt,
            "sigma for its square": SigmaForVariance,
            "mean of the batch": MeanOfBatch,
            "mean of the batch, twice": MeanOfBatchTwice,
            "in place": DividedInPlace,
            "float not taken": FloatNotTaken,
            "root of a float": FloatHasNoRoot,
            "number not spread": NotSpread,
            "four axes for rows": FourAxesForRows,
            "mean meets pictures": MeanMeetsPictures,
            "levels meet the width": LevelsMeetWidth,
            "levels meet the rows": LevelsMeetRows,
        }),
        also_right=[ByMatrices, WithUAlone, BySolving, ByColumns],
    ),
    Exercise(
        id="9.4",
        title="Draw from the Gaussian",
        notebook=NOTEBOOK,
        reference=draw_gaussian,
        experiment=draw_experiment,
        look="Draw 10,000 times, and compare the mean and torch.cov of the draws.",
        catalogue=by_hand({
            "variances for roots": variances_for_roots,
            "LA not used": not_spread,
            "U not transposed": u_not_transposed,
            "variances, and U not transposed": two_mistakes,
            "spread in pixels": spread_in_pixels,
            "variances in pixels": variances_in_pixels,
            "no mean": no_mean,
            "mean subtracted": mean_subtracted,
            "mean into the eigenimages": mean_into_eigenimages,
            "amounts": amounts_drawn,
            "clipped": clipped,
            "roots in place": roots_in_place,
            "uniform": uniform_numbers,
            "uniform of variance 1": uniform_of_variance_one,
            "generator ignored": generator_ignored,
            "always the same": always_the_same,
            "one draw for all": one_draw_for_all,
            "one number for all": one_number_for_all,
            "sizes swapped": sizes_swapped,
            "draws as columns": draws_as_columns,
            "one draw alone": one_draw_alone,
            "divided by the roots": divided_by_roots,
            "mean meets columns": mean_forgotten_in_columns,
        }),
        also_right=[
            draw_in_a_loop,
            draw_by_symmetric_root,
            draw_as_columns,
            draw_by_normal,
            draw_spread_on_the_cpu,
            draw_on_the_cpu,
        ],
    ),
    Exercise(
        id="9.5",
        title="Two denoisers, each where it is better",
        notebook=NOTEBOOK,
        reference=Hybrid,
        experiment=hybrid_experiment,
        look="Print alpha_bar < self.alpha_bar: where it is True, above has to answer.",
        catalogue=by_hand({
            "swapped": Swapped,
            "wrong way": WrongWay,
            "boundary to above": BoundaryAbove,
            "the first decides": FirstDecides,
            "any decides": AnyDecides,
            "all decide": AllDecide,
            "the mean decides": MeanDecides,
            "sigma compared": SigmaCompared,
            "noise compared": NoiseCompared,
            "root compared": RootCompared,
            "square against sigma": SquareAgainstSigma,
            "alpha_bar against sigma": AgainstSigma,
            "a fixed number": OneHalfCompared,
            "above always": AboveAlways,
            "below always": BelowAlways,
            "averaged": Averaged,
            "summed": Summed,
            "above left out": AboveLeftOut,
            "below left out": BelowLeftOut,
            "not denoised": NotDenoised,
            "one after the other": OneAfterTheOther,
            "told the level": ToldTheLevel,
            "if of several": ByIf,
            "mask without axes": MaskWithoutAxes,
            "plain number not taken": PlainNumberNotTaken,
            "levels not cut": LevelsNotCut,
            "pictures not cut": PicturesNotCut,
            "written into xt": WrittenIntoXt,
            "else for if": ElseTaken,
            "else for if, with zeros": ElseTakenWithZeros,
            "in another order": PutTogetherInOrder,
            "called itself": CalledItself,
        }),
        also_right=[
            HybridByMask,
            HybridByWhere,
            HybridOneByOne,
            HybridByList,
            HybridByNumbers,
            HybridByIndex,
        ],
    ),
    Exercise(
        id="9.6",
        title="The ideal denoiser",
        notebook=NOTEBOOK,
        reference=ideal_x0,
        experiment=ideal_experiment,
        look="Print the weights, (B, N): each row adds up to 1, and is largest for the nearest.",
        catalogue=by_hand({
            "over the batch": over_the_batch,
            "over everything": over_everything,
            "no 2": without_two,
            "brackets missing": two_above,
            "brackets missing in the difference": multiplied_late,
            "images not scaled": images_not_scaled,
            "images times alpha_bar": images_times_alpha_bar,
            "noise not divided": divided_and_noise_not,
            "noise divided": noise_of_divided,
            **UNSQUARED,
            "amounts": sums_of_amounts,
            "squares averaged": squares_averaged,
            "plus sign": plus_sign,
            "by alpha_bar": by_alpha_bar,
            "by the root of the noise": by_root_of_noise,
            "by the noise squared": by_noise_squared,
            "noise left out": noise_left_out,
            "nearest image": nearest_image,
            "plain mean": plain_mean,
            "not normalised": not_normalised,
            "divided by the count": divided_by_count,
            "averaged": weights_averaged,
            "log_softmax": logs_of_weights,
            "exp of large numbers": overflowing,
            "one maximum": one_maximum,
            "whole chunks": whole_chunks,
            "sum guarded": sum_guarded,
            "scaled images": scaled_images_returned,
            "rows returned": rows_returned,
            "one level for all": one_level,
            "first level for all": first_level,
            "length left out": length_left_out,
            "each pixel by itself": pixels_chosen,
            "levels meet images": levels_meet_images,
            "chunks averaged": chunks_averaged,
            "chunks summed": chunks_summed,
            "last chunk": last_chunk,
            "first chunk": first_chunk,
            "maximum not carried": maximum_not_carried,
            "sum not made smaller": total_not_faded,
        }),
        also_right=[
            ideal_by_cdist,
            ideal_picture_by_picture,
            ideal_with_exponents_kept,
            ideal_on_the_cpu,
            ideal_online,
        ],
    ),
]
