"""10.2 Tell the network sigma."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks.parts import Exercise, edits
from course_utils.embedding import SigmaEmbedding

LAYERS = (
    "At sigma = 1 each row of the pair is 0, 1. Print yours. Then come nn.Linear(2, dim), SiLU and "
    "nn.Linear(dim, dim)."
)
ANGLE = "At sigma = 1 this is right, so look at the angle: half of the natural logarithm of sigma."
SMALL = "This is right for larger sigmas. Take the logarithm of sigma as it is, with nothing added."
HINTS = [
    (r"one element|converted to", r"torch\.tensor\(", "torch.tensor makes a tensor of plain "
     "numbers. To join tensors, use torch.stack([..., ...], dim=1)."),
]  # fmt: skip


def embedding_experiment(probe, SigmaEmbedding):
    for B, D in [(4, 6), (7, 5), (3, 12)]:
        with probe.advice(*HINTS, look=LAYERS):
            embedding = probe.build(SigmaEmbedding, D)
            probe.call(embedding, torch.ones(B))
        sigma = 10 ** (3 * probe.uniform(B) - 2)
        with probe.advice(*HINTS, look=ANGLE):
            out = probe.call(embedding.train(), sigma)
            note_gradients(probe, embedding, out)
            probe.call(embedding.eval(), sigma)
    with probe.advice(look=SMALL):
        probe.call(embedding, torch.tensor([0.002, 0.5, 80.0]))
    probe.on_fake_device(embedding, sigma)


def note_gradients(probe, module, out):
    """Write down which weights get none; sigma itself needs none, as probe.train_and_eval asks."""
    if torch.is_tensor(out) and out.requires_grad:
        out.square().sum().backward()
    missed = [n for n, p in module.named_parameters() if p.grad is None]
    wrong = f"No gradient reaches {', '.join(missed)}. Is it used? detach and no_grad cut it off."
    probe.note("parameters without gradient", len(missed), wrong)


MISTAKES = """
# no logarithm
- sigma.log() / 2
+ sigma / 2
There's no logarithm, so many different large levels look the same. The angle is log(sigma) / 2.
# not halved
+ sigma.log()
or
+ sigma.log() / 4
Your logarithm has another factor. (EDM's is a quarter.) Here it's a half: sigma.log() / 2.
# another base
- sigma.log()
+ sigma.log10()
Your logarithm has base 10. The one in the formula is the natural one: sigma.log().
# log(1 + sigma)
+ sigma.log1p()
You take log(1 + sigma), which makes all small noise levels look alike. Take log(sigma).
# small sigmas changed
+ (sigma + 1e-4).log()
You add something to sigma, or clamp it. It's never 0, so take log(sigma) as it is.
# cosine first
- angle.sin(), angle.cos()
+ angle.cos(), angle.sin()
Your cosine comes first. Published weights expect the sine first, as in the formula.
# the same twice
+ angle.sin(), angle.sin()
Both of your numbers are the same. The first is a sine, the second a cosine.
# pair not in rows
- torch.stack([angle.sin(), angle.cos()], dim=1)
+ torch.stack([angle.sin(), angle.cos()])
or
+ torch.cat([angle.sin(), angle.cos()])
or
+ torch.stack([angle.sin(), angle.cos()]).reshape(-1, 2)
Each sigma needs a row of two numbers, (B, 2): torch.stack([...], dim=1) lays two vectors side by
side. torch.cat adds no axis, and reshape(-1, 2) after it mixes up the pictures.
# no SiLU
- self.linear2(F.silu(self.linear1(pair)))
+ self.linear2(self.linear1(pair))
There's no SiLU between the two linear layers. Without one, they can do no more than a single layer.
# SiLU in another place
- return self.linear2(F.silu(self.linear1(pair)))
+ return F.silu(self.linear2(F.silu(self.linear1(pair))))
or
+ return self.linear2(self.linear1(F.silu(pair)))
There's a SiLU before or after the two linear layers. There should be just one, in between.
# no bias
- nn.Linear(2, dim)
+ nn.Linear(2, dim, bias=False)
- nn.Linear(dim, dim)
+ nn.Linear(dim, dim, bias=False)
Your linear layers have no biases. Leave out bias=False.
# another activation
- F.silu
+ F.relu
or
+ F.gelu
Your activation isn't SiLU, x * sigmoid(x), but another one. Use F.silu or nn.SiLU().
"""


class SigmaInOtherWords(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, sigma):
        half_log = torch.log(sigma)[:, None] * 0.5
        return self.mlp(torch.cat([torch.sin(half_log), torch.cos(half_log)], dim=-1))


class SigmaByRoot(SigmaEmbedding):
    def forward(self, sigma):
        angle = sigma.sqrt().log().unsqueeze(1)
        shift = torch.tensor([0.0, math.pi / 2], device=sigma.device)
        h = self.linear1((angle + shift).sin())
        return self.linear2(h * torch.sigmoid(h))


class SigmaByPython(SigmaEmbedding):
    def forward(self, sigma):
        halves = [math.log(v) / 2 for v in sigma.tolist()]
        rows = torch.tensor([[math.sin(half), math.cos(half)] for half in halves]).to(sigma)
        return self.linear2(F.silu(self.linear1(rows)))


class SigmaByNumpy(SigmaEmbedding):
    def forward(self, sigma):
        half = torch.as_tensor(np.log(sigma.cpu()) / 2).to(sigma.device)
        return self.linear2(F.silu(self.linear1(torch.stack([half.sin(), half.cos()], dim=1))))


EXERCISE = Exercise(
    id="10.2",
    title="Tell the network sigma",
    reference=SigmaEmbedding,
    experiment=embedding_experiment,
    look=LAYERS,
    catalogue=edits(SigmaEmbedding, MISTAKES),
    also_right=[SigmaInOtherWords, SigmaByRoot, SigmaByPython, SigmaByNumpy],
)
