"""9.4 Draw from the Gaussian."""

import torch

from course_utils.checks.exercises.nb09.calls import HINTS, as_float32, basis, note_dtype
from course_utils.checks.parts import SEED, Vague, advice, describe, state
from course_utils.wiener import draw_gaussian

MANY = 20_000


def experiment(probe, attempt):
    U, mean = basis(probe, 5), 2 * probe.normal(5)
    LA = torch.tensor([4.0, 2.0, 0.9, 0.3, 0.0])

    def draw(N, generator):
        with probe.advice(*HINTS):
            return probe.run(f"draw_gaussian(N = {N}, ...)", attempt, N, U, LA, mean, generator)

    args = 3, U, LA, mean, seeded(1)
    before, few = [state(a) for a in args], draw(3, args[-1])
    probe.note_changes(attempt, args, args, before)
    note_three(probe, few)
    note_generator(probe, draw, few)
    note_dtype(probe, few)
    x = draw(MANY, seeded(3)).double()
    note_draws(probe, x, U.double(), LA.double(), mean.double())

    def normal(N, times):  # the numbers that the draws were made of, for many calls
        draws = [attempt(N, U, LA, mean, later) for later in [seeded(4)] for _ in range(times)]
        return (torch.stack(draws).view(times, N, 5) - mean) @ (U / LA.sqrt())[:, LA > 0]

    one, two = (probe.run(f"draw_gaussian(N = {N}, ...)", normal, N, 2000 // N**3) for N in (1, 2))
    alone = (torch.cov(one[:, 0].T) - torch.eye(4)).abs().max() < 0.16  # chance makes it 0.03
    apart = (two[:, 0] * two[:, 1]).mean(dim=0).abs().max() < 0.4
    probe.note("one or two draws a call", [bool(alone), bool(apart)],
        "Of one or two draws a call, the one varies wrongly, or the two depend on each other.",
        "Don't correct the normal numbers, and don't make some of others.")  # fmt: skip
    probe.on_fake_device(attempt, 4, U, LA, mean, seeded(0))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def note_three(probe, few):
    """Write down whether three draws are three rows of numbers."""
    rows = "Each draw is a row of n numbers, one for each pixel, and there are N rows."
    probe.note("three draws", describe(as_float32(few)),
        f"draw_gaussian(N = 3, ...): expected a tensor (3, 5), float32, got {describe(few)}.",
        rows if torch.is_tensor(few) else advice(torch.zeros(3, 5), few) or rows,
        last=not torch.is_tensor(few) or few.shape != (3, 5))  # fmt: skip
    bad = [bool(few.isnan().any()), bool(few.isinf().any())]
    probe.note("finite draws", bad, "The draws hold NaN or infinity.",
        "LA may be 0: multiply by its root, and divide by nothing.", last=any(bad))  # fmt: skip


def note_generator(probe, draw, few):
    """Write down whether all randomness comes from the generator that is handed over."""
    untouched = torch.equal(torch.get_rng_state(), seeded(SEED).get_state())
    probe.note("all from the generator", torch.equal(few, draw(3, seeded(1))) and untouched,
        "Not all random numbers come from the generator that is handed over.",
        "Pass it on in every call: torch.randn(..., generator=generator).")  # fmt: skip
    generator = seeded(1)
    later = draw(3, generator), draw(3, generator), draw(3, seeded(2))
    probe.note("other draws the next time", not any(torch.equal(few, other) for other in later[1:]),
        "The draws are the same each time, whatever generator is handed over.",
        "Take them from the generator, and set no seed.")  # fmt: skip
    probe.note(
        "each draw is another", not torch.equal(few[0], few[1]) and not torch.equal(few[1], few[2]),
        "All draws of a call are the same.",
        "Each draw needs random numbers of its own: there are N rows of them.")  # fmt: skip


def note_draws(probe, x, U, LA, mean):
    """Write down which Gaussian the draws are from, within what chance allows."""
    ends = max(int((x == end).sum()) for end in (x.min(), x.max()))
    probe.note("clipped", ends > MANY // 100 and len(x.unique()) > MANY // 10,
        f"The draws are clipped: {ends:,} numbers are {x.max():.3g} or {x.min():.3g}.",
        "Leave them as they are. A Gaussian has no bounds.")  # fmt: skip
    found, covariance, roots = x.mean(dim=0), torch.cov(x.T), LA.sqrt()
    at, bases = int((found - mean).abs().argmax()), (U, U.T, torch.eye(len(LA)).to(U))
    means = [mean, 0 * mean, -mean, mean @ U.T, mean @ U]
    means += [mean + half @ V for half in (roots / 2, LA / 2, 0.5 + 0 * LA) for V in bases]
    probe.note("the mean of the draws", nearest(found, means, 1.0),
        f"The mean of {MANY:,} draws is wrong: at [{at}] expected about {mean[at]:.3g}, got "
        f"{found[at]:.3g}.",
        "Start from normal numbers, whose mean is 0, and add the mean at the very end.",
    )  # fmt: skip
    right = U * LA @ U.T
    i, j = divmod(int((covariance - right).abs().argmax()), len(LA))
    spreads = [LA, LA**2, LA**0, roots]
    spreads += [spread / part for part in (3, 12) for spread in spreads]
    known = [V * spread @ V.T for spread in spreads for V in bases]
    known += [torch.outer(V @ root, V @ root) for root in (roots, LA) for V in (U, U.T)]
    probe.note("the covariance of the draws", nearest(covariance, known, 0.0),
        f"The covariance of {MANY:,} draws is wrong: at [{i}, {j}] expected about "
        f"{right[i, j]:.3g}, got {covariance[i, j]:.3g}.",
        "Along component i, which is a column of U, the draws must vary by LA[i]. Multiply normal "
        "numbers by the roots of LA; the product with U.T makes pictures of them.")  # fmt: skip
    still, along = (x - found) @ U[:, LA == 0], (x - found) @ U[:, LA > 0]
    probe.note("nothing varies where LA is 0", bool(still.abs().max() < 1e-2),
        "The draws vary along a component whose LA is 0.",
        "Multiply by the root of LA itself, with nothing added to it.")  # fmt: skip
    fourth = (along**4).mean(dim=0) / along.square().mean(dim=0).clamp(min=1e-12) ** 2
    probe.note("normal numbers", bool(((fourth - 3).abs() < 0.6).all()),
        "Mean and covariance are right, but the draws are not normal.",
        "Start from normal numbers: torch.randn.")  # fmt: skip


def nearest(found, known, least):
    """The number of what was found in a list, within what chance allows."""
    for i, value in enumerate(known):
        if (found - value).abs().max() < 0.06 * max(float(value.abs().max()), least):
            return i
    return Vague("another")


MISTAKES = """
# variances for roots
- return mean + (LA.sqrt() * z) @ U.T
+ return mean + (LA * z) @ U.T
You multiply the normal numbers by LA. It holds variances; multiply by their roots: LA.sqrt().
# LA not used
+ return mean + (z) @ U.T
You don't use LA, so the draws vary by 1 along each component. Multiply the normal numbers by
LA.sqrt().
# U not transposed
+ return mean + (LA.sqrt() * z) @ U
The components are the columns of U, and you use its rows. Your draws are rows, so multiply by the
transpose: (LA.sqrt() * z) @ U.T.
# spread in pixels
+ return mean + (LA.sqrt() * z)
Pixel i varies by LA[i], and no pixel depends on another. The roots of LA belong to the components:
first LA.sqrt() * z, then @ U.T. (Written the other way, it's z @ (U * LA.sqrt()).T.)
# mean not added
+ return (LA.sqrt() * z) @ U.T
| return (LA.sqrt() * z) @ U.T - mean
You don't add the mean, or you subtract it. The components only say how a picture differs from it.
# mean into the coefficients
+ return (mean + LA.sqrt() * z) @ U.T
You add the mean to the coefficients. It's a picture, so add it after the product with U.T.
# clipped
+ return (mean + (LA.sqrt() * z) @ U.T).clamp(-1, 1)
You clip the draws to -1 and 1. Leave them as they are, because a Gaussian has no bounds.
# corrected to mean 0
+ return mean + (LA.sqrt() * (z - z.mean(dim=0))) @ U.T
You correct the normal numbers to have mean 0 exactly, so that a single draw can't vary. Leave them
as they come: their mean need only be 0 on average.
# draws not in rows
+ return (mean + (LA.sqrt() * z) @ U.T).T
| return (mean + (LA.sqrt() * z) @ U.T)[0]
The draws should be the N rows of what you return, (N, n). Transpose it at the end if they're
columns; if there's only one draw, begin with torch.randn(N, n, ...).
# divided by the roots
+ return mean + (z / LA.sqrt()) @ U.T
You divide the normal numbers by the roots of LA, and where LA is 0 that's infinity. Multiply them:
a large LA means that the pictures vary a lot along that component.
# rows and columns mixed
+ return mean + U @ (LA.sqrt() * z)
| return mean + (LA.sqrt()[:, None] * z) @ U.T
or
- torch.randn(N, len(LA), generator=generator).to(U)
+ torch.randn(len(LA), N, generator=generator).to(U)
Rows and columns are mixed up. Draws are rows here, so the normal numbers are (N, n), LA and mean
meet them as they are, and the product is (LA.sqrt() * z) @ U.T.
# uniform
+ torch.rand(N, len(LA), generator=generator).to(U)
| (torch.rand(N, len(LA), generator=generator) - 0.5).to(U)
You draw uniform numbers with torch.rand. Normal numbers come from torch.randn.
# generator ignored
+ torch.randn(N, len(LA)).to(U)
The generator isn't used: your draws come from torch's own random numbers. Whoever hands it over
wants to get the same draws again: torch.randn(..., generator=generator).
# always the same
+ torch.randn(N, len(LA), generator=torch.Generator().manual_seed(0)).to(U)
| torch.randn(1, len(LA), generator=torch.Generator().manual_seed(0)).to(U).expand(N, -1)
The draws are always the same: you make a generator or set its seed. Use the one given, as it is.
# too few normal numbers
+ torch.randn(1, len(LA), generator=generator).to(U).expand(N, -1)
| torch.randn(N, 1, generator=generator).to(U)
You have one draw for all rows, or one normal number for all components. Each row and component
needs its own: torch.randn(N, len(LA), generator=generator).
"""


def draw_in_a_loop(N, U, LA, mean, generator):
    rows = []
    for _ in range(N):
        z = torch.randn(U.shape[0], generator=generator).to(U.device)
        rows.append(U @ (z * LA**0.5) + mean)
    return torch.stack(rows)


def draw_by_root(N, U, LA, mean, generator):
    root = U @ torch.diag(LA.sqrt()) @ U.T
    return torch.randn(N, len(mean), generator=generator).to(mean.device) @ root + mean


def draw_as_columns(N, U, LA, mean, generator):
    z = torch.randn((len(LA), N), generator=generator).to(LA)
    return (U * LA.sqrt() @ z + mean[:, None]).T


def draw_on_the_cpu(N, U, LA, mean, generator):
    roots = LA.sqrt().cpu().expand(N, -1)
    return torch.normal(torch.zeros(N, len(LA)), roots, generator=generator).to(U) @ U.T + mean


REFERENCE = draw_gaussian
LOOK = "Draw 10,000 times, and compare the mean and torch.cov of the draws."
ALSO_RIGHT = [draw_in_a_loop, draw_by_root, draw_as_columns, draw_on_the_cpu]
