"""1.5 A step in time is a rotation."""

import torch
from einops import einsum, rearrange

from course_utils.checks.parts import Exercise, edits
from course_utils.embedding import frequencies, sinusoidal_embedding


def shift(emb, k, max_period=10_000.0):
    """Return the embedding of t + k, given that of t, without knowing t.

    (B, D) -> (B, D)

    emb holds sines, then cosines, as sinusoidal_embedding returns them; k is in time steps.
    sin(a + b) = sin a cos b + cos a sin b, and cos(a + b) = cos a cos b - sin a sin b.
    """
    angle = k * frequencies(emb.shape[1], max_period)  # (D/2,)
    sin, cos = emb.chunk(2, dim=1)  # (B, D/2) each
    later_sin = sin * angle.cos() + cos * angle.sin()
    later_cos = cos * angle.cos() - sin * angle.sin()
    return torch.cat([later_sin, later_cos], dim=1)


def shift_experiment(probe, shift):
    for B, dim, k in [(5, 8, 7), (3, 12, 250), (4, 6, -3)]:
        probe.call(shift, sinusoidal_embedding(probe.steps(B, 200), dim), k)
    with probe.advice(look="With whole steps all is right, but t may be a fraction, such as 12.7."):
        probe.call(shift, sinusoidal_embedding(200 * probe.uniform(3), 8), 7)
    with probe.advice(look="With the default max_period all is right. Is max_period handed on?"):
        probe.call(shift, sinusoidal_embedding(probe.steps(2, 200), 10, 50.0), 4, 50.0)


MISTAKES = """
# backwards in time
- angle = k * frequencies(emb.shape[1], max_period)
+ angle = -k * frequencies(emb.shape[1], max_period)
You turn backwards, to t - k. Either the two signs are the wrong way round, or you take the first
half of emb for the cosines: it holds the sines.
# k not used
+ angle = frequencies(emb.shape[1], max_period)
This is the embedding of t + 1, whatever k is. The angle b is k times the frequency.
# max_period not handed on
+ angle = k * frequencies(emb.shape[1])
Your function ignores its argument max_period. Pass it on: frequencies(emb.shape[1], max_period).
# frequencies for half of D
+ angle = k * frequencies(emb.shape[1] // 2, max_period)
frequencies already halves what it's given. Call it with D, emb.shape[1], not with D / 2.
# plus where the cosine has a minus
- later_cos = cos * angle.cos() - sin * angle.sin()
+ later_cos = cos * angle.cos() + sin * angle.sin()
Your new cosine has a plus. It needs a minus: cos a cos b - sin a sin b.
# the cosine's factors exchanged
+ later_cos = cos * angle.sin() - sin * angle.cos()
Your new cosine pairs cosine with sine. It is cos a cos b - sin a sin b.
# the new sine used for the cosine
+ later_cos = cos * angle.cos() - later_sin * angle.sin()
You use the new sine to make the new cosine. Both need the old values: use other names for the new.
# minus where the sine has a plus
- later_sin = sin * angle.cos() + cos * angle.sin()
+ later_sin = sin * angle.cos() - cos * angle.sin()
Your new sine has a minus. It needs a plus: sin a cos b + cos a sin b.
# the sine's factors exchanged
+ later_sin = sin * angle.sin() + cos * angle.cos()
Your new sine pairs sine with sine and cosine with cosine. It is sin a cos b + cos a sin b.
# cosines first in the result
- torch.cat([later_sin, later_cos], dim=1)
+ torch.cat([later_cos, later_sin], dim=1)
Your cosines come first in the result. The sines belong in the first half, as in emb.
# joined along the wrong dimension
+ torch.cat([later_sin, later_cos])
You join sines and cosines as more rows. Put them side by side: torch.cat(..., dim=1).
# embeddings added
+ emb + sinusoidal_embedding(torch.tensor([k]), emb.shape[1], max_period)
You add the embedding of k, but the sine of a sum isn't the sum of the sines. Turn each pair.
# t found and rounded
- return torch.cat([later_sin, later_cos], dim=1)
+ t = (torch.atan2(sin, cos)[:, -1] * max_period).round()
+ return sinusoidal_embedding(t + k, emb.shape[1], max_period)
You find t and round it, but t may be a fraction, such as 12.7. You don't need it: turn each pair.
# cosines taken from the first half
- sin, cos = emb.chunk(2, dim=1)
+ cos, sin = emb.chunk(2, dim=1)
You take the first half of emb for the cosines. It holds the sines.
# the batch halved
+ sin, cos = emb.chunk(2)
chunk splits the batch here, its default. Sines and cosines are in dimension 1: emb.chunk(2, dim=1).
# neighbours taken for pairs
+ sin, cos = emb[:, 0::2], emb[:, 1::2]
You pair neighbours. Here the sines fill the first half and the cosines the second: chunk(2, dim=1).
"""


def by_complex(emb, k, max_period=10_000.0):
    half = emb.shape[1] // 2
    z = torch.complex(emb[:, half:], emb[:, :half])
    z = z * torch.exp(1j * k * frequencies(2 * half, max_period))
    return torch.cat([z.imag, z.real], dim=1)


def by_angle(emb, k, max_period=10_000.0):
    half = emb.shape[1] // 2
    angle = torch.atan2(emb[:, :half], emb[:, half:]) + k * frequencies(2 * half, max_period)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def by_rotation(emb, k, max_period=10_000.0):
    a = k * frequencies(emb.shape[1], max_period)
    turn = torch.stack([torch.stack([a.cos(), a.sin()]), torch.stack([-a.sin(), a.cos()])])
    pairs = rearrange(emb, "b (two f) -> b two f", two=2)
    return rearrange(einsum(turn, pairs, "i j f, b j f -> b i f"), "b two f -> b (two f)")


def by_embedding(emb, k, max_period=10_000.0):
    turn = sinusoidal_embedding(torch.tensor([k]), emb.shape[1], max_period)
    (sin_a, cos_a), (sin_b, cos_b) = (x.chunk(2, dim=1) for x in (emb, turn))
    return torch.cat([sin_a * cos_b + cos_a * sin_b, cos_a * cos_b - sin_a * sin_b], dim=1)


EXERCISE = Exercise(
    id="1.5",
    title="A step in time is a rotation",
    reference=shift,
    experiment=shift_experiment,
    look="Compare shift(sinusoidal_embedding(t, 8), k) with sinusoidal_embedding(t + k, 8).",
    catalogue=edits(shift, MISTAKES),
    also_right=[by_complex, by_angle, by_rotation, by_embedding],
)
