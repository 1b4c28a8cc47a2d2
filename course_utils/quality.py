"""Are the samples any good? Figures from a small classifier that knows the real pictures."""

import math
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import torch

from course_utils.classifier import classifier, some

ROWS = (
    ("recognised, confidence over 0.9", "recognised", ".1%"),
    ("entropy of the classes, bits", "entropy", ".2f"),
    ("Frechet distance to real ones", "distance", ".1f"),
    ("nearest training picture", "nearest", ".2f"),
)


@dataclass(frozen=True)
class Figures:
    """How one set of pictures does."""

    recognised: float  # share that the classifier is sure of, with confidence over 0.9
    entropy: float  # of the classes that it sees, in bits; ten classes alike give 3.32
    distance: float  # Frechet distance to the real pictures, in the classifier's features
    nearest: float  # median root mean square distance to the nearest training picture


@dataclass(frozen=True)
class Quality:
    """What `measure` found; print it to see a table."""

    n: int  # samples
    accuracy: float  # of the classifier, on held-out pictures
    samples: Figures
    real: Figures  # of held-out pictures; the distance is from n real ones to the others
    gaussian: Figures  # of n draws from a Gaussian with the mean and covariance of the data

    def __str__(self):
        lines = [f"{f'{self.n} pictures':34}{'samples':>9}{'real':>9}{'Gaussian':>10}"]
        for name, field, form in ROWS:
            values = [getattr(c, field) for c in (self.samples, self.real, self.gaussian)]
            lines.append(f"{name:34}" + "{:>9{f}}{:>9{f}}{:>10{f}}".format(*values, f=form))
        lines.append(f"(the classifier is right on {self.accuracy:.1%} of the held-out pictures)")
        return "\n".join(lines)


@torch.no_grad()
def measure(samples, data="digits", root="data"):
    """Tell how much samples look like the pictures of a data set.

    (N, C, H, W) -> Quality

    Samples are in [-1, 1], of the size of the data set's images; of a large set the first 10,000
    images are used. Distances in pixels are root mean squares. Raises ValueError for another
    shape, for fewer than 100 samples and for values that are not finite.
    Source: "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6, with the features
    of our Classifier in place of Inception's.
    """
    train, _ = some(data, "train", root, samples.device)
    if samples.shape[1:] != train.shape[1:] or len(samples) < 100 or not samples.isfinite().all():
        raise ValueError(
            f"measure takes 100 or more samples of shape {tuple(train.shape[1:])} without NaN; "
            f"got {tuple(samples.shape)}, {int((~samples.isfinite()).sum())} values not finite"
        )
    features = real_features(data, root, samples.device)
    net = classifier(data, root, samples.device)
    found = figures(net, samples.float(), train, features)
    return replace(others(data, root, samples.device, len(samples)), samples=found)


@lru_cache(maxsize=1)
def real_features(data, root, device):
    """Return the features of all pictures of a data set.

    () -> (N, 64)
    """
    pictures = [some(data, split, root, device)[0] for split in ("train", "test")]
    return seen(classifier(data, root, device), torch.cat(pictures))


@cache
def others(data, root, device, n):
    """Return the Quality of what n samples are compared with, whatever they are.

    () -> Quality
    """
    train, _ = some(data, "train", root, device)
    test, labels = some(data, "test", root, device)
    net, features = classifier(data, root, device), real_features(data, root, device)
    return Quality(
        n=n,
        accuracy=float((net(test).argmax(dim=1) == labels).float().mean()),
        samples=None,
        real=replace(figures(net, test, train, features), distance=real_distance(features, n)),
        gaussian=figures(net, gaussian(train, n), train, features),
    )


def seen(net, pictures):
    """Return the features of many pictures, a thousand at a time.

    Classifier, (N, C, H, H) -> (N, 64)
    """
    return torch.cat([net.features(part) for part in pictures.split(1000)])


def figures(net, pictures, train, features_of_real):
    """Return the Figures of a set of pictures.

    Classifier, (N, C, H, H), (N, C, H, H), (N, 64) -> Figures
    """
    features = seen(net, pictures)
    chances = net.head(features).softmax(dim=1)
    classes = chances.argmax(dim=1).bincount(minlength=10) / len(pictures)
    return Figures(
        recognised=float((chances.amax(dim=1) > 0.9).float().mean()),
        entropy=float(torch.special.entr(classes).sum()) / math.log(2),
        distance=frechet_distance(features, features_of_real),
        nearest=nearest(pictures, train),
    )


def frechet_distance(a, b):
    """Return the squared Frechet distance of two Gaussians fitted to two sets of vectors.

    (N, D), (N, D) -> ()
    """
    a, b = a.double(), b.double()
    cov_a, cov_b = a.T.cov(), b.T.cov()
    between = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0).sqrt().sum()
    means = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    return float(means + cov_a.trace() + cov_b.trace() - 2 * between)


def real_distance(features, n, splits=5):
    """Return the mean distance from n real pictures to the others, over a few random splits.

    (N, D) -> ()
    """
    n = min(n, len(features) // 2)
    generator = torch.Generator().manual_seed(0)
    orders = [torch.randperm(len(features), generator=generator) for _ in range(splits)]
    return sum(frechet_distance(features[i[:n]], features[i[n:]]) for i in orders) / splits


def gaussian(images, n):
    """Draw from the Gaussian that has the images' mean and covariance.

    (N, C, H, W) -> (n, C, H, W)
    """
    flat = images.flatten(1).double()
    variances, directions = torch.linalg.eigh(flat.T.cov())
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(n, flat.shape[1], dtype=torch.float64, generator=generator)
    drawn = flat.mean(dim=0) + z.to(flat.device) * variances.clamp(min=0).sqrt() @ directions.T
    return drawn.float().clamp(-1, 1).view(n, *images.shape[1:])


def nearest(samples, images):
    """Return the median over samples of the root mean square distance to the nearest image.

    (N, C, H, W), (N, C, H, W) -> ()
    """
    distances = torch.cdist(samples.flatten(1), images.flatten(1)) / samples[0].numel() ** 0.5
    return float(distances.amin(dim=1).median())
