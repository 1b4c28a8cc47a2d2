"""7.1 What fp16 loses."""

import torch

from course_utils.checks.exercises.nb07.notes import note_number, note_plain
from course_utils.checks.parts import call_of, state


def lost_in_fp16(gradient, scale=1.0):
    """Return the share of a tensor's numbers that become 0 in fp16, of those that are not 0.

    any shape -> float from 0 to 1

    They are multiplied by scale first. Without a number that is not 0, nothing is lost: 0.0.
    Source: "Mixed Precision Training" (2017), section 3.2.
    """
    numbers = gradient[gradient != 0]
    if len(numbers) == 0:
        return 0.0
    lost = (numbers * scale).to(torch.float16) == 0
    return lost.float().mean().item()


# The smallest number of fp16 is 2 ** -24, 5.96e-8; half of it and less is rounded to 0. Of bf16 it
# is 9.2e-41.
NEAR = [2.1e-8, -2.7e-8, 3.1e-8, -3.4e-8, 4.2e-8, -5.1e-8, 5.8e-8, 6.3e-8, -2e-6, 4e-5, -7e-5,
        2e-41, -3e-41]  # fmt: skip
UNSCALED = (
    "Print the numbers beside what .half() makes of them, for a tensor like "
    "torch.tensor([0, 1e-9, 4e-8, -1]): of its three numbers that aren't 0, one is lost."
)
SCALED = "Without a scale your share is right. What does scale do to the numbers before .half()?"
CANCEL = "The two numbers add up to 0, but neither of them is 0: count with gradient != 0."
ZEROS = "In a tensor of zeros there is no number left to count. Nothing is lost: return 0.0."


def experiment(probe, attempt):
    shares = []
    for shape, *scale in [((6, 5, 7),), ((11, 9), 1024.0), ((160,), 65536.0), ((4, 30), 0.125)]:
        gradient = 10 ** (18 * probe.uniform(*shape) - 15) * probe.normal(*shape).sign()
        gradient = gradient * (probe.uniform(*shape) > 0.3)
        gradient.view(-1)[: len(NEAR)] = torch.tensor(NEAR) / (scale or [1.0])[0]
        shares += [share_of(probe, attempt, SCALED if scale else UNSCALED, gradient, *scale)]
    shares += [share_of(probe, attempt, CANCEL, torch.tensor([3e-9, -3e-9]))]
    shares += [share_of(probe, attempt, ZEROS, torch.zeros(3, 4), 2.0)]
    note_plain(probe, shares)
    probe.on_fake_device(attempt, gradient, 2.0)


def share_of(probe, attempt, look, gradient, *scale):
    """Call the attempt, write down its number, in a tensor or not, and return what it returned."""
    zeros = "" if gradient.any() else ", all of it 0"
    what = f"{call_of(attempt, [gradient, *scale])[:-1]}{zeros})"
    before = [state(gradient)]
    share = probe.run(what, attempt, gradient, *scale)
    note_number(probe, what, share, look)
    probe.note_changes(attempt, [gradient], [gradient], before)
    return share


MISTAKES = """
# share of all numbers
- return lost.float().mean().item()
+ return (lost.sum() / gradient.numel()).item()
| return (lost.sum() / len(gradient)).item()
You divide by the size of the gradient. Numbers that are 0 from the start can't be lost, so leave
them out of both counts: divide by how many are not 0.
# number instead of share
+ return lost.float().sum().item()
You return how many numbers are lost. The share is wanted: divide by how many are not 0, or take the
mean.
# per cent
+ return 100 * lost.float().mean().item()
You return a percentage. The share is a number from 0 to 1.
# mean of booleans
+ return lost.mean().item()
PyTorch takes no mean of True and False. Make numbers of them first: lost.float().mean().
# share in a tensor
+ return lost.float().mean()
Your share is right, but it is a tensor. A float is wanted: .item() takes the number out of a tensor
that holds just one.
# zeros counted as lost
- numbers = gradient[gradient != 0]
+ numbers = gradient.flatten()
or
- lost = (numbers * scale).to(torch.float16) == 0
+ lost = (gradient * scale).to(torch.float16) == 0
You count everything that is 0 in fp16, but what was 0 before isn't lost. Take only the numbers that
are not 0, gradient[gradient != 0], and count among those.
# places in place of numbers
- numbers = gradient[gradient != 0]
+ numbers = gradient.nonzero()
| numbers = gradient[gradient.nonzero()]
| numbers = gradient != 0
gradient.nonzero() and gradient != 0 only say where the numbers are that are not 0, and you go on
with that. The numbers themselves are gradient[gradient != 0].
# positive numbers alone
+ numbers = gradient[gradient > 0]
You count only the positive numbers. A negative one is lost too if it's too small for fp16, so take
everything that is not 0: gradient[gradient != 0].
# zeros counted above alone
- lost = (numbers * scale).to(torch.float16) == 0
- return lost.float().mean().item()
+ lost = (gradient * scale).to(torch.float16) == 0
+ return (lost.sum() / len(numbers)).item()
You count everything that is 0 in fp16, including what was 0 before, and divide by how many numbers
weren't 0, so your share can be more than 1. Use gradient[gradient != 0] for both counts.
# fp16 before scaling
- lost = (numbers * scale).to(torch.float16) == 0
+ lost = numbers.to(torch.float16) * scale == 0
You convert to fp16 before you multiply. By then the small numbers are already 0, and no factor
brings them back, which is why the loss is scaled before the backward pass. Multiply first.
# scale ignored
+ lost = numbers.to(torch.float16) == 0
scale has no effect. Multiply the numbers by it before you convert them to fp16.
# divided by scale
+ lost = (numbers / scale).to(torch.float16) == 0
You divide by scale. It's there to make small numbers larger, so multiply.
# limit too high
+ lost = (numbers * scale).abs() < 2**-24
| lost = (numbers * scale).abs() < torch.finfo(torch.float16).tiny
| lost = (numbers * scale).abs() < torch.finfo(torch.float16).eps
Your limit is too high. fp16 rounds to the nearest, so anything above half of its smallest number,
6e-8, survives; torch.finfo's tiny and eps are larger still. Let .half() decide, and compare with 0.
# limit without abs
+ lost = numbers * scale <= 2**-25
Every negative number counts as small in your comparison, however large it is. Take abs() before you
compare with a limit, or let .half() decide and compare with 0.
# bf16
+ lost = (numbers * scale).to(torch.bfloat16) == 0
You convert to bf16. It has the range of fp32, so hardly anything is lost there, and it needs no
scaling. The question is about fp16: torch.float16, or .half().
# no such conversion
+ lost = torch.float16(numbers * scale) == 0
torch.float16 is the name of a type, not something to call. numbers.half() converts, and so does
numbers.to(torch.float16).
# share kept
+ lost = (numbers * scale).to(torch.float16) != 0
You return the share of numbers that survive. The share that is lost is 1 minus that: count what is
== 0 in fp16.
# division by 0 for zeros
- if len(numbers) == 0:
-     return 0.0
+
or
+
- return lost.float().mean().item()
+ return lost.sum().item() / len(numbers)
Where all numbers are 0, none is left to count, and you divide 0 by 0. Nothing is lost then, so
return 0.0. A gradient of zeros is common: a layer whose weights start at 0 causes one.
# sum tested for zeros
- if len(numbers) == 0:
+ if gradient.sum() == 0:
You return 0.0 whenever the sum of the gradient is 0. Positive and negative numbers can add up to 0
without being 0 themselves, so ask whether any number is left: len(numbers) == 0.
# 1 for zeros
- return 0.0
+ return 1.0
You return 1.0 where all numbers are 0. No number is left to count then, so nothing is lost: 0.0.
"""


def lost_by_counts(gradient, scale=1.0):
    before = gradient.count_nonzero()
    after = gradient.mul(scale).half().count_nonzero()
    return float((before - after) / before) if before > 0 else 0.0


def lost_by_limit(gradient, scale=1.0):
    sizes = scale * gradient.double().abs().flatten()
    sizes = sizes[sizes > 0]
    return sum(size <= 2**-25 for size in sizes.tolist()) / max(len(sizes), 1)


def lost_by_numpy(gradient, scale=1.0):
    numbers = gradient[gradient != 0].cpu().numpy()
    return 1 - (scale * numbers).astype("float16").astype(bool).mean() if numbers.size else 0


def lost_in_a_loop(gradient, scale=1.0):
    lost = total = 0
    for number in gradient.reshape(-1):
        if number == 0.0:
            continue
        total, lost = total + 1, lost + int((number * scale).half() == 0)
    return lost / total if total else 0.0


REFERENCE = lost_in_fp16
LOOK = UNSCALED
ALSO_RIGHT = [lost_by_counts, lost_by_limit, lost_by_numpy, lost_in_a_loop]
