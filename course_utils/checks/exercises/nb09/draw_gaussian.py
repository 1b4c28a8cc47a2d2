"""9.4 Draw from the Gaussian."""

import torch

from course_utils.checks.engine.compare import advice, describe
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import SEED, Stop, Vague, state
from course_utils.checks.mistakes import edits
from course_utils.checks.exercises.nb09.calls import as_float32, basis, give_hint, note_dtype
from course_utils.wiener import draw_gaussian

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
    return Vague("another")


MISTAKES = """
# variances for roots
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + (LA * z) @ U.T
The normal numbers are multiplied by LA. LA are variances; a number is spread by the standard
deviation, their root: LA.sqrt().

# LA not used
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + z @ U.T
LA is not used: the draws vary by 1 along each eigenimage. Multiply the normal numbers by
LA.sqrt().

# U not transposed
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + (LA.sqrt() * z) @ U
The eigenimages are the columns of U, and you take its rows. Draws are rows here, so it is
(LA.sqrt() * z) @ U.T, with .T.

# spread in pixels
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + LA.sqrt() * z
Pixel i varies by LA[i], and none depends on another. The roots of LA belong to the eigenimages:
(LA.sqrt() * z) @ U.T, in this order. Or a .T is missing: z @ (U * LA.sqrt()).T.

# no mean
- return mean + (LA.sqrt() * z) @ U.T
+ return (LA.sqrt() * z) @ U.T
The mean is not added. The eigenimages say how a picture differs from it.

# mean subtracted
- return mean + (LA.sqrt() * z) @ U.T
+ return (LA.sqrt() * z) @ U.T - mean
The mean is subtracted. Add it.

# mean into the eigenimages
- return mean + (LA.sqrt() * z) @ U.T
+ return (mean + LA.sqrt() * z) @ U.T
The mean is added before the eigenimages are put together. It is a picture, not shares of
eigenimages: add it after the product with U.T.

# amounts
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + (LA.sqrt() * z.abs()) @ U.T
abs makes all normal numbers positive, so the eigenimages are added and never subtracted. Take the
numbers as they are.

# clipped
- return mean + (LA.sqrt() * z) @ U.T
+ return (mean + (LA.sqrt() * z) @ U.T).clamp(-1, 1)
The draws are clipped to -1 and 1. Leave them as they are: a Gaussian has no bounds.

# roots in place
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + (LA.sqrt_() * z) @ U.T
LA.sqrt_() changes LA itself, and whoever called needs it as it was. LA.sqrt(), without _, makes
new numbers.

# uniform
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = torch.rand(N, len(LA), generator=generator).to(U)
torch.rand gives numbers between 0 and 1, all as likely. Normal numbers are torch.randn.

# uniform of variance 1
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = 12**0.5 * (torch.rand(N, len(LA), generator=generator).to(U) - 0.5)
Mean and covariance are right, but the numbers are not normal. Take torch.randn.

# generator ignored
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = torch.randn(N, len(LA)).to(U)
The generator is not used: the draws come from torch's own random numbers. Whoever hands it over
wants the same draws again: torch.randn(..., generator=generator).

# always the same
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = torch.randn(N, len(LA), generator=torch.Generator().manual_seed(0)).to(U)
The draws are the same each time. Your code makes a generator of its own, or sets its seed. Take
the numbers from the one that is handed over, as it is.

# one draw for all
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = torch.randn(1, len(LA), generator=generator).to(U).expand(N, -1)
One draw is made and repeated N times. Draw N rows: torch.randn(N, n, ...).

# one number for all
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = torch.randn(N, 1, generator=generator).to(U)
Each draw has one normal number, for all eigenimages. Each eigenimage needs its own:
torch.randn(N, n, ...).

# sizes swapped
- z = torch.randn(N, len(LA), generator=generator).to(U)
+ z = torch.randn(len(LA), N, generator=generator).to(U)
The normal numbers are (n, N). Draws are rows: torch.randn(N, n, generator=generator), with n =
len(LA).

# draws as columns
- return mean + (LA.sqrt() * z) @ U.T
+ return (mean + (LA.sqrt() * z) @ U.T).T
The draws are the columns of what you return, (n, N). They should be rows, (N, n): transpose it at
the end.

# one draw alone
- return mean + (LA.sqrt() * z) @ U.T
+ return (mean + (LA.sqrt() * z) @ U.T)[0]
One draw is returned, (n,). N are asked for, as rows: torch.randn(N, n, ...).

# divided by the roots
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + (z / LA.sqrt()) @ U.T
The normal numbers are divided by the roots of LA. Multiply: a large LA means that the pictures
vary much along that eigenimage.

# mean meets columns
- return mean + (LA.sqrt() * z) @ U.T
+ return U @ (LA.sqrt() * z).T + mean
The mean, (n,), meets draws that are columns, (n, N). Make them rows first, with .T.
"""


def draw_in_a_loop(N, U, LA, mean, generator):
    rows = []
    for _ in range(N):
        z = torch.randn(U.shape[0], generator=generator).to(U.device)
        rows.append(U @ (z * LA**0.5) + mean)
    return torch.stack(rows)


def draw_by_symmetric_root(N, U, LA, mean, generator):
    root = U @ torch.diag(LA.sqrt()) @ U.T
    return torch.randn(N, len(mean), generator=generator).to(mean.device) @ root + mean


def draw_as_columns(N, U, LA, mean, generator):
    z = torch.randn((len(LA), N), generator=generator).to(LA)
    return (U * LA.sqrt() @ z + mean[:, None]).T


def draw_by_normal(N, U, LA, mean, generator):
    z = torch.empty(N, len(LA), dtype=torch.float64).normal_(generator=generator)
    return torch.einsum("bk,k,nk->bn", z.to(U), LA.sqrt(), U) + mean.expand(N, -1)


def draw_spread_on_the_cpu(N, U, LA, mean, generator):
    roots = LA.sqrt().cpu().expand(N, -1)
    return torch.normal(torch.zeros(N, len(LA)), roots, generator=generator).to(U) @ U.T + mean


def draw_on_the_cpu(N, U, LA, mean, generator):
    z = torch.randn(N, len(LA), generator=generator)
    return (mean.cpu() + (z * LA.cpu().sqrt()) @ U.cpu().T).to(U.device)


EXERCISE = Exercise(
    id="9.4",
    title="Draw from the Gaussian",
    notebook="09_wiener_baseline",
    reference=draw_gaussian,
    experiment=draw_experiment,
    look="Draw 10,000 times, and compare the mean and torch.cov of the draws.",
    catalogue=edits(draw_gaussian, MISTAKES),
    also_right=[
        draw_in_a_loop,
        draw_by_symmetric_root,
        draw_as_columns,
        draw_by_normal,
        draw_spread_on_the_cpu,
        draw_on_the_cpu,
    ],
)
