"""What the remarks say, word for word, of the smallest thing that runs and is wrong."""

import pytest
import torch
from small_mistakes import (
    ChangedInPlace,
    CutOff,
    ForMaps,
    LastStep,
    shared_blocks,
)
from small_networks import Wrapped, apply, draw
from torch import nn
from torch.nn import functional as F

from course_utils.shapes import trace


@pytest.mark.parametrize(
    "net, inputs, said",
    [
        (LastStep(nn.LSTM(2, 4)), [draw(5, 3, 2)],
         "layer was made without batch_first=True, so it takes (5, 3, 2) for 5 steps of 3 "
         "sequences, and goes from picture to picture."),
        (LastStep(nn.LSTM(2, 4, batch_first=True)), [draw(5, 3, 2)],
         ""),
        (ForMaps(), [draw(5, 2, 3, 3)],
         "layer was made without batch_first=True, so it takes (5, 9, 2) for 5 steps of 9 "
         "sequences, and goes from picture to picture."),
        (ChangedInPlace(), [draw(2, 2)],
         "add_ in ChangedInPlace changes (2, 2) in place, and the backward pass of sigmoid "
         "in ChangedInPlace needs it as it was: backward() will fail. Write x = x + ...."),
        (CutOff(torch.detach), [draw(3, 2)],
         "No gradient reaches a.weight, a.bias and 2 more: .detach() in CutOff ends the "
         "chain, and what was computed before it learns nothing."),
        (CutOff(lambda h: h.argmax(1, keepdim=True).float().expand(-1, 2)), [draw(3, 2)],
         "No gradient reaches a.weight, a.bias and 2 more: argmax in CutOff ends the chain, "
         "and what was computed before it learns nothing."),
        (CutOff(lambda h: h.clone()), [draw(3, 2)],
         ""),
        (shared_blocks(), [draw(3, 2)],
         "0, 1, 2 are one layer with one set of weights, as [layer] * 3 makes it. For layers"
         " of their own: [make() for _ in range(3)]."),
        (apply(lambda x: x.softmax(0)), [draw(3, 2)],
         "softmax in Applied goes over axis 0 of (3, 2), the batch: the 3 pictures share "
         "what each should have alone. It is dim=1, or the axis that is meant."),
        (apply(lambda x: x.softmax(1)), [draw(3, 2)],
         ""),
        (apply(lambda x: (x @ x.T).softmax(0)), [draw(3, 2)],
         ""),
        (apply(lambda x: (x.softmax(0) * x).sum(1)), [draw(4, 3, 2)],
         "softmax in Applied goes over axis 0 of (4, 3, 2), the batch: the 4 pictures share "
         "what each should have alone. It is dim=1, or the axis that is meant."),
        (apply(lambda x: x.sum(-1, keepdim=True).softmax(-1)), [draw(3, 2)],
         "softmax in Applied goes over axis 1 of (3, 1), which has a single number, so every"
         " result is 1. Which axis is meant?"),
        (apply(lambda x: x.sum(-1, keepdim=True).log_softmax(1)), [draw(3, 2)],
         "log_softmax in Applied goes over axis 1 of (3, 1), which has a single number, so "
         "every result is 0. Which axis is meant?"),
        (apply(lambda x: x.sum(0)), [draw(3, 2)],
         "sum in Applied over axis 0 of (3, 2) takes the batch away: (2,). For each picture,"
         " leave axis 0 out."),
        (apply(lambda x: x.mean((0, 2))), [draw(3, 2, 4, 4)],
         "mean in Applied over axis 0, 2 of (3, 2, 4, 4) takes the batch away: (2, 4). For "
         "each picture, leave axis 0 out."),
        (apply(lambda x: x.mean()), [draw(3, 2)],
         ""),
        (Wrapped(lambda me, x: me.c(x).mean((1, 2)), c=nn.Conv2d(2, 5, 1)), [draw(3, 2, 4, 4)],
         "mean in Wrapped over axes 1 and 2 of (3, 5, 4, 4) takes channels and rows "
         "together; the 5 channels are gone. Over the places it is .mean((2, 3))."),
        (Wrapped(lambda me, x: me.c(x).mean((2, 3)), c=nn.Conv2d(2, 5, 1)), [draw(3, 2, 4, 4)],
         ""),
        (apply(lambda x, w: x.exp().sum() * w), [draw(3, 2), draw(3)],
         "sum in Applied without dim makes one number of all of (3, 2), and each of the 3 "
         "pictures gets it. For each picture: .sum(dim=1), or all axes but 0."),
        (apply(lambda x, w: x.exp().sum() * 0.5 * w), [draw(3, 2), draw(3)],
         "sum in Applied without dim makes one number of all of (3, 2), and each of the 3 "
         "pictures gets it. For each picture: .sum(dim=1), or all axes but 0."),
        (apply(lambda x, w: x.exp().sum(1) * w), [draw(3, 2), draw(3)],
         ""),
        (apply(lambda x: (x.exp().norm(2, dim=1) - 1) ** 2), [draw(3, 2, 4, 4)],
         "norm in Applied over axis 1 of (3, 2, 4, 4) is one norm for each pixel, of its "
         "channels. For each picture: .flatten(1) first."),
        (apply(lambda x: (x.exp().flatten(1).norm(2, dim=1) - 1) ** 2), [draw(3, 2, 4, 4)],
         ""),
        (apply(lambda x: (x @ x.mT).softmax(1) @ x), [draw(2, 3, 5, 4)],
         "softmax in Applied goes over axis 1 of the scores (2, 3, 5, 5), the heads, and the"
         " weights of one query do not add up to 1: dim=-1, the keys."),
        (apply(lambda x, y: F.cross_entropy(x.softmax(1), y)),
         [draw(3, 2), torch.tensor([0, 1, 1])],
         "cross_entropy in Applied takes raw answers (logits) and applies softmax itself, "
         "and softmax in Applied was before it: leave that out, or the network hardly "
         "learns."),
        (apply(lambda x, y: F.binary_cross_entropy_with_logits(x.sigmoid()[:, 0], y)),
         [draw(3, 2), torch.ones(3)],
         "binary_cross_entropy_with_logits in Applied takes raw answers (logits) and applies"
         " sigmoid itself, and sigmoid in Applied was before it: leave that out, or the "
         "network hardly learns."),
        (apply(lambda x, y: F.cross_entropy(x, y)), [draw(3, 2), torch.tensor([0, 1, 1])],
         ""),
        (apply(lambda x, y: F.mse_loss(x, y)), [draw(3, 1), draw(3)],
         "mse_loss in Applied: (3, 1) and (3,) are not of one shape, so one is spread over "
         "the other: each meets each other, all pairs. Take the axis of 1 away: .squeeze(1)."),
        (apply(lambda x: F.dropout(x, 0.5)).eval(), [draw(3, 1)],
         "dropout in Applied drops numbers in eval mode too: F.dropout(x, p, "
         "training=self.training), or nn.Dropout."),
        (apply(lambda x: F.dropout(x, 0.5, training=False)).eval(), [draw(3, 1)],
         ""),
        (apply(lambda x: (lambda u: torch.cat([u, u], 1))(F.interpolate(x, scale_factor=2))),
         [draw(3, 1, 2, 2)],
         "Applied joins (3, 1, 4, 4) with itself along the channels. Was the name of the "
         "skip used again for the map?"),
        (apply(lambda x: torch.cat([x, x], 1)), [draw(3, 1, 2, 2)],
         ""),
        (Wrapped(lambda me, x: me.t(x).mean(1), t=nn.TransformerEncoderLayer(4, 1, 8)),
         [draw(3, 5, 4)],
         "t.self_attn was made without batch_first=True, so it takes (3, 5, 4) for 3 tokens "
         "of 5 pictures: the pictures of the batch look at each other."),
        (apply(lambda x: x.masked_fill(x[..., :1] > 0, 0).softmax(1)), [draw(2, 4, 4)],
         ""),
        (apply(lambda x: x + x), [draw(3, 1, 2, 2)],
         "add in Applied adds (3, 1, 2, 2) to itself. Is the input of the block meant, which"
         " the name no longer stands for?"),
        (apply(lambda x: x + x.relu()), [draw(3, 1, 2, 2)],
         ""),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_remarks(net, inputs, said):
    assert " ".join(trace(net, *inputs).remarks) == said
