"""1.1 The frequencies."""

import math

import torch

from course_utils.embedding import frequencies


def experiment(probe, frequencies):
    for dim in (6, 4, 10, 32):
        probe.call(frequencies, dim)
    with probe.advice(look="With the default max_period all is right, so look at how you use it."):
        probe.call(frequencies, 12, 100.0)


MISTAKES = """
# divided by n instead of n - 1
- / (half - 1)
+ / half
You divide i by n (2i / dim is the same). Divide by n - 1, which makes the last 1 / max_period.
# divided by dim
+ / dim
| / (dim - 1)
You divide i by dim or dim - 1, but there are only n = dim / 2 frequencies. Divide by n - 1.
# brackets around n - 1 forgotten
+ / half - 1
or
- torch.exp(-math.log(max_period) * i / (half - 1))
+ torch.exp(-math.log(max_period) * (i / half - 1))
| torch.exp(math.log(max_period) * (i / half - 1))
You divide by n, and perhaps subtract 1 after that: / binds more tightly than -. Write / (n - 1).
# periods instead of frequencies
+ torch.exp(math.log(max_period) * i / (half - 1))
Your numbers grow from 1 to max_period instead of falling. The exponent is negative.
# a factor 2 pi too many
+ 2 * math.pi * torch.exp(-math.log(max_period) * i / (half - 1))
Your frequencies have a factor 2 pi. They are in radians per step, from 1 down to 1 / max_period.
# slowest first
+ torch.exp(-math.log(max_period) * (1 - i / (half - 1)))
Your frequencies are in reverse order. The fastest, 1, comes first.
# equal steps instead of equal factors
+ torch.linspace(1, 1 / max_period, half)
Your frequencies fall in equal steps, not by equal factors. Equal steps belong in the exponent.
# max_period not used
+ torch.exp(-math.log(10_000) * i / (half - 1))
Your function ignores its argument max_period. Use it in place of 10000.
# log10 instead of log
+ torch.exp(-math.log10(max_period) * i / (half - 1))
You take the logarithm to base 10. exp is undone by the natural one, math.log.
# log instead of log10
+ torch.logspace(0, -math.log(max_period), half)
torch.logspace takes powers of 10, so its ends are logarithms to base 10: math.log10, not math.log.
# i begins at 1
- torch.arange(half,
+ torch.arange(1, half + 1,
Your i runs from 1 to n. It should run from 0 to n - 1, so that the first frequency is 1.
# a frequency for each number
- half = dim // 2
+ half = dim
You make dim frequencies. Each fills two places, a sine and a cosine, so only dim / 2 are needed.
"""


def by_power(dim, max_period=10_000.0):
    n = dim // 2
    return max_period ** -(torch.arange(n) / (n - 1))


def by_logspace(dim, max_period=10_000.0):
    return torch.logspace(0, -math.log10(max_period), dim // 2)


def one_by_one(dim, max_period=10_000.0):
    last = dim // 2 - 1
    return torch.tensor([max_period ** (-i / last) for i in range(last + 1)])


def by_table(dim, max_period=10_000.0):
    exponents = torch.arange(0, dim, 2).float() / (dim - 2)
    return 1.0 / torch.pow(torch.tensor(max_period), exponents)


REFERENCE = frequencies
LOOK = "Print frequencies(6): there should be three, 1, 1/100 and 1/10000."
ALSO_RIGHT = [by_power, by_logspace, one_by_one, by_table]
