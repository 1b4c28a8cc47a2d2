"""The Wiener filter: the published figures, NumPy's covariance, closed forms, and bad input."""

import json
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from course_utils.covariance import covariance_in_one_pass
from course_utils.data import load
from course_utils.denoisers import Hybrid
from course_utils.files import FileError
from course_utils.memory import free_memory, peak_memory
from course_utils.schedule import cosine_schedule, linear_schedule
from course_utils.widgets import hybrid_explorer, wiener_explorer
from course_utils.wiener import (
    FILES,
    WienerDenoiser,
    compute_wiener_filter,
    decompose,
    draw_gaussian,
    load_wiener_filter,
    save_wiener_filter,
    shrink,
)

GOLDEN = Path(__file__).parent / "golden"
TAG = "wiener_grey8"
CPU = torch.device("cpu")


def z(name, *shape):
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "locality_public.npz") as arrays:
        return {k.split("/")[1]: torch.tensor(v) for k, v in arrays.items() if k.startswith(TAG)}


def golden_images():
    a = z(f"{TAG}.images", 500, 1, 8, 8)
    right, down = np.roll(a, 1, 3), np.roll(a, 1, 2)
    return torch.tensor((a + right + down + np.roll(right, 1, 2)) / 4, dtype=torch.float32)


def batches(images, size=64):
    return DataLoader(TensorDataset(images, torch.zeros(len(images))), batch_size=size)


def fitted(images):
    S, mean = compute_wiener_filter(images.split(100), CPU, images.shape[2], images.shape[1])
    return *decompose(S), mean


# Equal to others


def test_covariance_and_mean_are_the_published_ones(golden):
    S, mean = compute_wiener_filter(batches(golden_images()), CPU, 8, 1)
    assert S.dtype == mean.dtype == torch.float32
    torch.testing.assert_close(S, golden["covariance"], rtol=0, atol=1e-5)
    torch.testing.assert_close(mean, golden["mean"], rtol=0, atol=1e-5)
    torch.testing.assert_close(decompose(S)[1], golden["eigenvalues"], rtol=1e-4, atol=1e-6)


def test_denoised_images_are_the_published_ones(golden):
    facts = json.loads((GOLDEN / "locality_public.json").read_text())[TAG]
    denoiser = WienerDenoiser(*fitted(golden_images()))
    noisy = torch.tensor(z(f"{TAG}.noisy", 4, 1, 8, 8), dtype=torch.float32)
    for t in facts["timesteps"]:
        expected = golden[f"x0_t{t}"]
        x0 = denoiser.predict_x0(noisy, linear_schedule().alpha_bar[t])
        error = (x0 - expected).norm() / expected.norm()
        assert error < (1e-3 if t == 0 else 1e-4), t


@pytest.mark.parametrize("way", [compute_wiener_filter, covariance_in_one_pass])
def test_covariance_is_numpys(way):
    images = load("digits")[0][:300]
    S, mean = way(images.split(7), CPU, 16, 1)
    flat = images.flatten(1).double().numpy()
    np.testing.assert_allclose(S, np.cov(flat.T), atol=1e-5)
    np.testing.assert_allclose(mean, flat.mean(axis=0), atol=1e-6)


def test_one_pass_in_float32_loses_digits():
    images = 100 + torch.randn(400, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    exact = np.cov(images.flatten(1).double().numpy().T)

    def error(way, *more):
        return np.abs(way(images.split(50), CPU, 4, 1, *more)[0].numpy() - exact).max()

    assert error(compute_wiener_filter) < 1e-5
    assert error(covariance_in_one_pass) < 1e-9
    assert error(covariance_in_one_pass, torch.float32) > 1e-3


def test_decomposition_is_that_of_the_matrix():
    a = torch.randn(12, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    S = a @ a.T
    U, LA, Vh = decompose(S)
    torch.testing.assert_close(U * LA @ Vh, S)
    torch.testing.assert_close(U.T @ U, torch.eye(12, dtype=torch.float64))
    assert (LA.diff() <= 0).all()


# Closed forms


def test_independent_pixels_are_shrunk_one_by_one():
    variance, mean = torch.tensor([4.0, 1.0, 0.25, 0.0]), torch.tensor([0.0, 1.0, -1.0, 0.5])
    denoiser = WienerDenoiser(torch.eye(4), variance, torch.eye(4), mean)
    xt = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    alpha_bar = torch.tensor([0.9, 0.5, 0.01])
    for x, a, got in zip(xt, alpha_bar, denoiser.predict_x0(xt, alpha_bar)):
        noise = (1 - a) / a
        x = x.flatten() / a.sqrt()
        torch.testing.assert_close(got.flatten(), mean + variance / (variance + noise) * (x - mean))
    one = denoiser.predict_x0(xt, 0.5)
    torch.testing.assert_close(one[1], denoiser.predict_x0(xt, alpha_bar)[1])


def test_it_is_the_posterior_mean_of_gaussian_pictures():
    """x0 and xt are jointly Gaussian: E[x0 | xt] = m + C_0t C_tt^-1 (xt - E xt)."""
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(16, 16, dtype=torch.float64, generator=generator)
    S, mean = a @ a.T / 16, torch.randn(16, dtype=torch.float64, generator=generator)
    xt = torch.randn(5, 1, 4, 4, dtype=torch.float64, generator=generator)
    for a in (0.99, 0.5, 0.01):
        gain = a**0.5 * S @ torch.linalg.inv(a * S + (1 - a) * torch.eye(16))
        expected = mean + (xt.flatten(1) - a**0.5 * mean) @ gain.T
        x0 = WienerDenoiser(*decompose(S), mean).predict_x0(xt, a)
        torch.testing.assert_close(x0.flatten(1), expected)


def test_no_linear_guess_is_better():
    """Least squares on noisy pictures themselves finds nothing better than the filter."""
    images = golden_images()
    generator = torch.Generator().manual_seed(2)
    a = torch.tensor(0.5)
    x0 = images.repeat(40, 1, 1, 1)
    xt = a.sqrt() * x0 + (1 - a).sqrt() * torch.randn(x0.shape, generator=generator)
    rows = torch.cat([xt.flatten(1), torch.ones(len(xt), 1)], dim=1).double()
    weights = torch.linalg.lstsq(rows, x0.flatten(1).double()).solution
    best = (rows @ weights - x0.flatten(1)).square().mean()
    ours = (WienerDenoiser(*fitted(images)).predict_x0(xt, a) - x0).square().mean()
    assert best < ours < 1.01 * best


@pytest.mark.parametrize("schedule", [linear_schedule(), cosine_schedule()])
def test_no_nan_at_any_step(schedule):
    images = golden_images()[:10]  # rank 9 at most
    images[:, :, :3] = 0.25  # pixels that never change
    denoiser = WienerDenoiser(*fitted(images))
    xt = torch.randn(len(schedule.alpha_bar), 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert denoiser.predict_x0(xt, schedule.alpha_bar).isfinite().all()
    for a in (0.9999999, 1.0):
        assert denoiser.predict_x0(xt[:1], a).isfinite().all()
    assert (denoiser.predict_x0(xt, 0.5)[:, :, :3] - 0.25).abs().max() < 1e-3


def test_shrink_goes_from_all_to_nothing():
    LA = torch.tensor([3.0, 0.1, 0.0])
    kept = shrink(LA, torch.tensor([1.0, 0.5, 0.0]))
    expected = [[1, 1, 0], [0.75, 0.1 / 1.1, 0], [0, 0, 0]]
    torch.testing.assert_close(kept, torch.tensor(expected))


def test_draws_have_the_mean_and_the_covariance():
    S = torch.tensor([[2.0, 1.2], [1.2, 1.0]])
    mean = torch.tensor([5.0, -1.0])
    U, LA, _ = decompose(S)
    drawn = draw_gaussian(40_000, U, LA, mean, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(dim=0), mean, rtol=0, atol=0.03)
    torch.testing.assert_close(drawn.T.cov(), S, rtol=0, atol=0.04)
    again = draw_gaussian(40_000, U, LA, mean, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)


# Memory


@pytest.mark.parametrize("way, size", [(compute_wiener_filter, 4), (covariance_in_one_pass, 8)])
def test_little_more_than_the_covariance_is_needed(way, size):
    loader = list(torch.randn(256, 1, 32, 32).split(64))
    assert peak_memory(lambda: way(loader, CPU, 32, 1), CPU) < 1.5 * size * 1024**2


def test_a_step_makes_no_matrix():
    n, B = 1024, 4
    denoiser = WienerDenoiser(torch.eye(n), torch.ones(n), torch.eye(n), torch.zeros(n))
    xt = torch.randn(B, 1, 32, 32)
    assert peak_memory(lambda: denoiser.predict_x0(xt, 0.5), CPU) < 8 * 4 * B * n


def test_a_covariance_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr("course_utils.memory.free_memory", lambda device: 500 * 2**20)
    with pytest.raises(MemoryError) as raised:
        compute_wiener_filter([torch.zeros(2, 3, 64, 64)], CPU, 64, 3)
    told = str(raised.value)
    assert told.startswith("64 x 64 x 3 needs a 576 MiB covariance, and 500 MiB are free")
    with pytest.raises(MemoryError, match="1,152 MiB"):
        covariance_in_one_pass([torch.zeros(2, 3, 64, 64)], CPU, 64, 3)
    monkeypatch.setattr("course_utils.memory.free_memory", lambda device: 30 * 2**20)
    told = "decomposing a 1,024 x 1,024 covariance needs 36 MiB, and 30 MiB are free"
    with pytest.raises(MemoryError, match=told):
        decompose(torch.eye(1024))


def test_free_memory_is_a_number_of_bytes():
    assert 2**20 < free_memory(CPU) < 2**50


# Bad input


@pytest.mark.parametrize(
    "loader, words",
    [
        ([], "two pictures or more; the loader gave 0"),
        ([torch.zeros(1, 1, 4, 4)], "the loader gave 1"),
        ([torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 5, 5)], r"\(B, 1, 4, 4\).*\(2, 1, 5, 5\)"),
        ([torch.zeros(2, 3, 4, 4)], r"gives \(2, 3, 4, 4\), float32$"),
        (torch.zeros(2, 1, 4, 4), r"gives \(1, 4, 4\), float32. One picture is no batch"),
        ([torch.zeros(2, 1, 4, 4, dtype=torch.uint8)], "of floats.*uint8"),
        ([torch.full((2, 1, 4, 4), torch.nan)], "hold NaN or infinity"),
        ([torch.full((2, 1, 4, 4), torch.inf)], "hold NaN or infinity"),
    ],
)
@pytest.mark.parametrize("way", [compute_wiener_filter, covariance_in_one_pass])
def test_bad_pictures_are_refused(way, loader, words):
    with pytest.raises(ValueError, match=words):
        way(loader, CPU, 4, 1)


def test_a_loader_that_is_used_up_is_told():
    with pytest.raises(ValueError, match="3 pictures at first and 0 the second time"):
        compute_wiener_filter(iter([torch.zeros(3, 1, 4, 4)]), CPU, 4, 1)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"U, LA, Vh, mean must be .*got \(3, 3\), \(4,\)"):
        WienerDenoiser(torch.eye(3), torch.ones(4), torch.eye(4), torch.zeros(4))
    denoiser = WienerDenoiser(torch.eye(4), torch.ones(4), torch.eye(4), torch.zeros(4))
    with pytest.raises(ValueError, match=r"of 4 numbers; got \(2, 1, 3, 3\)"):
        denoiser.predict_x0(torch.zeros(2, 1, 3, 3), 0.5)
    with pytest.raises(ValueError, match=r"pictures \(B, C, H, W\) of 4 numbers; got \(1, 2, 2\)"):
        denoiser.predict_x0(torch.zeros(1, 2, 2), 0.5)
    with pytest.raises(ValueError, match="some are negative; is it the mean"):
        WienerDenoiser(torch.eye(4), torch.tensor([1.0, 1, 1, -1]), torch.eye(4), torch.zeros(4))


@pytest.mark.parametrize("S", [torch.zeros(3, 4), torch.zeros(4), torch.full((2, 2), torch.nan)])
def test_what_is_no_covariance_is_not_decomposed(S):
    with pytest.raises(ValueError, match=r"\(n, n\) without NaN; got \("):
        decompose(S)
    with pytest.raises(ValueError, match="the covariance alone, a tensor .n, n.; got tuple"):
        decompose((S, S[0]))


# The sliders


def test_the_filter_slider_takes_one_picture_and_tells_what_it_does_not_take():
    denoiser = WienerDenoiser(torch.eye(4), torch.ones(4), torch.eye(4), torch.zeros(4))
    assert wiener_explorer(denoiser, torch.ones(4), torch.zeros(1, 1, 2, 2)).children[1].value
    for images, got in [(torch.zeros(1, 2, 2), "(1, 2, 2)"), (torch.zeros(0, 1, 2, 2), "(0, 1"),
                        ([1], "list")]:  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(f"one or more; got {got}")):
            wiener_explorer(denoiser, torch.ones(4), images)


def test_the_filter_slider_takes_a_denoiser_with_other_names():
    class Mine:
        def predict_x0(self, xt, alpha_bar):
            return xt

    assert wiener_explorer(Mine(), torch.ones(4), torch.zeros(1, 1, 2, 2)).children[1].value


def test_the_hybrid_slider_asks_for_each_level_and_tells_what_it_does_not_take():
    asked = []
    box = hybrid_explorer(lambda sigma: asked.append(sigma) or torch.zeros(2, 1, 4, 4))
    box.children[0].value = 0.3
    assert asked == [10.0, 0.3]
    with pytest.raises(ValueError, match="must be a function of sigma; got a Hybrid"):
        hybrid_explorer(Hybrid(None, None, 1.0))
    with pytest.raises(ValueError, match="what sample.sigma. returns must be .*; got NoneType"):
        hybrid_explorer(lambda sigma: None)


# Files


@pytest.fixture
def folder(tmp_path):
    save_wiener_filter(*fitted(golden_images()), tmp_path / "a" / "filter")
    return tmp_path / "a" / "filter"


def test_a_filter_comes_back_as_it_was(folder):
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    for kept, made in zip(load_wiener_filter(str(folder)), fitted(golden_images()), strict=True):
        assert torch.equal(kept, made)
    assert all(p.device.type == "cpu" for p in load_wiener_filter(folder, device="cpu"))


def test_a_published_filter_loads(tmp_path):
    """Saved with torch.save by svd's own parts, as the package does."""
    S = golden_images().flatten(1).T.cov()
    parts = dict(zip(FILES, (*torch.linalg.svd(S), torch.zeros(64))))
    for name, part in parts.items():
        torch.save(part, tmp_path / name)
    denoiser = WienerDenoiser(*load_wiener_filter(tmp_path))
    xt = torch.randn(2, 1, 8, 8)
    ours = WienerDenoiser(*decompose(S), torch.zeros(64))
    torch.testing.assert_close(
        denoiser.predict_x0(xt, 0.5), ours.predict_x0(xt, 0.5), rtol=1e-4, atol=1e-5
    )


def test_a_filter_in_float64_comes_in_float32(tmp_path):
    save_wiener_filter(*(part.double() for part in fitted(golden_images())), tmp_path)
    assert {part.dtype for part in load_wiener_filter(tmp_path)} == {torch.float32}


def test_a_missing_file_is_named(folder):
    (folder / "Vh.pt").unlink()
    with pytest.raises(FileNotFoundError, match="Vh.pt"):
        load_wiener_filter(folder)


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])


def foreign(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello", "world")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (cut, "LA.pt is cut off or damaged"),
        (foreign, "LA.pt is not a file of torch.save"),
        (lambda path: path.write_bytes(b""), "LA.pt is empty"),
        (lambda path: torch.save({"a": 1}, path), "LA.pt in .* should hold a tensor"),
        (lambda path: torch.save(torch.nn.Linear(1, 1), path), "LA.pt holds more than tensors"),
        (lambda path: torch.save(torch.full((64,), torch.nan), path), "LA.pt in .* holds NaN"),
        (lambda path: torch.save(torch.ones(9), path), r"LA.pt in .* is \(9,\).*must be \(64,\)"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(spoil, words, folder):
    spoil(folder / "LA.pt")
    with pytest.raises(FileError, match=words):
        load_wiener_filter(folder)
