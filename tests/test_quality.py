import math

import pytest
import torch

from course_utils import classifier
from course_utils.data import load
from course_utils.quality import (
    frechet_distance,
    gaussian,
    measure,
    nearest,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def train():
    return load("digits", "train")[0]


@pytest.fixture(scope="module")
def test():
    return load("digits", "test")[0]


def cloud(n, mean, covariance):
    """Return n vectors whose own mean and covariance are these, not only on average."""
    z = torch.randn(n, len(mean), dtype=torch.float64)
    z -= z.mean(dim=0)
    white = z @ torch.linalg.inv(torch.linalg.cholesky(z.T.cov())).T
    return mean + white @ torch.linalg.cholesky(covariance).T


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def test_real_digits_score_near_the_floor_and_noise_far_from_it(test):
    q = measure(test)
    assert q.n == 360 and q.accuracy >= 0.99
    assert q.samples.distance < 1.5 * q.real.distance
    assert q.samples.recognised == q.real.recognised > 0.95
    assert q.samples.entropy > 3.3
    assert q.samples.nearest == q.real.nearest > 0.1
    noise = measure(torch.randn(500, 1, 16, 16).clamp(-1, 1))
    assert 10 * q.real.distance < q.gaussian.distance < noise.samples.distance / 10
    assert q.gaussian.recognised < 0.6 and q.gaussian.nearest > 1.5 * q.real.nearest
    assert noise.samples.nearest > 3 * q.gaussian.nearest
    assert noise.real.nearest == q.real.nearest  # the samples do not move it
    # Fewer pictures are farther off, so the floor is that of as many real ones.
    assert noise.real.distance < q.real.distance


def test_a_training_digit_again_and_again_is_found_out(train):
    figures = measure(train[:1].repeat(100, 1, 1, 1)).samples
    assert figures.nearest < 0.01 and figures.entropy == 0
    assert figures.recognised == 1  # which alone would look like a perfect model
    assert figures.distance > 100


def test_few_classes_are_found_out(train):
    labels = load("digits", "train")[1]
    figures = measure(train[labels < 2]).samples
    assert figures.entropy == pytest.approx(1, abs=0.02)


def test_the_table_says_what_was_found(test):
    q = measure(test)
    table = str(q).splitlines()
    assert table[0].split() == ["360", "pictures", "samples", "real", "Gaussian"]
    columns = (q.samples, q.real, q.gaussian)
    assert table[1].split()[-3:] == [f"{c.recognised:.1%}" for c in columns]
    assert table[2].split()[-3:] == [f"{c.entropy:.2f}" for c in columns]
    assert table[3].split()[-3:] == [f"{c.distance:.1f}" for c in columns]
    assert table[4].split()[-3:] == [f"{c.nearest:.2f}" for c in columns]
    assert f"{q.accuracy:.1%}" in table[5]


def test_measuring_leaves_torch_and_the_samples_as_they_were(test):
    rng, kept = torch.get_rng_state(), test.clone()
    first = measure(test)
    assert measure(test) == first
    assert torch.equal(torch.get_rng_state(), rng) and torch.equal(test, kept)
    assert torch.is_grad_enabled()


def test_frechet_distance_of_two_gaussians_is_the_closed_form():
    factors = torch.randn(2, 6, 6, dtype=torch.float64)
    A, B = factors @ factors.mT + torch.eye(6)
    mean_a, mean_b = torch.randn(2, 6, dtype=torch.float64)
    between = root(root(A) @ B @ root(A))
    expected = (mean_a - mean_b).square().sum() + (A + B - 2 * between).trace()
    ours = frechet_distance(cloud(50, mean_a, A), cloud(80, mean_b, B))
    assert ours == pytest.approx(expected.item(), rel=1e-9)


def test_frechet_distance_in_numbers():
    # Of independent features: (difference of means)^2 + (difference of deviations)^2 each.
    a = cloud(40, torch.tensor([1.0, 0.0]).double(), torch.diag(torch.tensor([4.0, 9.0]).double()))
    b = cloud(60, torch.tensor([4.0, 0.0]).double(), torch.diag(torch.tensor([36.0, 1.0]).double()))
    assert frechet_distance(a, b) == pytest.approx(3**2 + 4**2 + 2**2)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_when_a_feature_never_changes():
    # Where covariances are singular, rounding must not make it NaN.
    a, b = torch.randn(30, 4), torch.randn(40, 4)
    a[:, 2] = b[:, 2] = 1.0
    rest = [0, 1, 3]
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(a[:, rest], b[:, rest]))


def test_frechet_distance_of_fewer_vectors_than_features():
    # Covariances are singular: in float32, or with an eigenvalue of -1e-17, it would be far off.
    a, b = torch.randn(10, 64), torch.randn(12, 64)
    distance = frechet_distance(a, b)
    assert distance == pytest.approx(frechet_distance(a.double(), b.double()), rel=1e-12)
    assert 0 < distance < (a.T.cov() + b.T.cov()).trace() + (a.mean(0) - b.mean(0)).square().sum()


def test_nearest_is_the_median_root_mean_square():
    images = torch.zeros(2, 1, 4, 4)
    images[1] = 1.0
    samples = torch.tensor([0.0, 0.1, 0.7]).view(3, 1, 1, 1).expand(3, 1, 4, 4)
    assert nearest(samples, images) == pytest.approx(0.1)
    half = torch.zeros(1, 1, 4, 4)
    half[:, :, :, :2] = 0.4  # half of the pixels are off by 0.4
    assert nearest(half, images) == pytest.approx(0.4 / math.sqrt(2))


def test_gaussian_has_the_mean_and_covariance_of_the_images():
    x = torch.randn(500, 1, 2, 2) * torch.tensor([[0.2, 0.1], [0.05, 0.2]])
    x[:, 0, 1, 1] += x[:, 0, 0, 0]  # two pixels go together
    drawn = gaussian(x, 50_000)
    torch.testing.assert_close(drawn.mean(dim=0), x.mean(dim=0), rtol=0, atol=5e-3)
    torch.testing.assert_close(drawn.flatten(1).T.cov(), x.flatten(1).T.cov(), rtol=0, atol=2e-3)
    assert torch.equal(gaussian(x, 10), gaussian(x, 10))
    assert gaussian(10 * x, 100).abs().max() == 1


def test_another_data_set_is_measured_by_its_own_pictures(monkeypatch):
    # A stripe for each class, in three colours and another size.
    labels = torch.arange(600) % 10
    images = torch.rand(600, 3, 12, 12) * 0.2 - 1
    images[torch.arange(600), labels % 3, 1 + labels] += 1.5
    sets = {"train": (images[:400], labels[:400]), "test": (images[400:], labels[400:])}
    asked = []

    def load(name, split, root):
        asked.append((name, root))
        return sets[split]

    monkeypatch.setattr(classifier, "load", load)
    q = measure(images[400:], "cifar10", "elsewhere")
    assert set(asked) == {("cifar10", "elsewhere")}
    assert q.n == 200 and q.accuracy > 0.9 and q.samples.distance < q.gaussian.distance
    assert measure(images[:200], "cifar10", "elsewhere").samples.nearest < 0.01
    again = measure(images[:300], "cifar10", "elsewhere")
    assert again.n == 300 and again.real.distance != q.real.distance  # of 300 pictures, not of 200
    sets["test"] = (images[:0], labels[:0])  # what all sets are compared with is not made anew
    assert measure(images[400:], "cifar10", "elsewhere") == q


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((200, 1, 8, 8), r"\(1, 16, 16\).*got \(200, 1, 8, 8\)"),
        ((200, 3, 16, 16), r"\(1, 16, 16\).*got \(200, 3, 16, 16\)"),
        ((200, 16, 16), r"\(1, 16, 16\).*got \(200, 16, 16\)"),
        ((200, 256), r"\(1, 16, 16\).*got \(200, 256\)"),
        ((99, 1, 16, 16), r"100 or more.*got \(99, 1, 16, 16\)"),
        ((0, 1, 16, 16), r"100 or more.*got \(0, 1, 16, 16\)"),
    ],
)
def test_samples_of_another_shape_or_too_few_are_refused(shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        measure(torch.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_samples_that_are_not_finite_are_refused(value, train):
    samples = train[:200].clone()
    samples[3, 0, :2] = value
    with pytest.raises(ValueError, match="got .*, 32 values not finite"):
        measure(samples)
