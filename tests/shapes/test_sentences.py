"""What the rules say, word for word, of the smallest thing that breaks each."""

import pytest
import torch
from small_mistakes import (
    Added,
    Constructor,
    Demands,
    Hub,
    LastStep,
    Named,
    Nothing,
    Pair,
    SameSize,
    Skips,
    Stated,
    Unmade,
    Written,
)
from small_networks import Wrapped, apply, draw
from torch import nn
from torch.nn import functional as F

from course_utils.shapes import trace


@pytest.mark.parametrize(
    "net, inputs, said",
    [
        (Skips(), [draw(2, 3)],
         "Skips: `x = up(x + skips.pop())` takes more from a list than was put in (skips has"
         " 0, ups has 3). Does the way up take as many skips as the way down keeps?"),
        (Named(), [draw(1, 1, 2, 2), 'name'],
         "Named (Named) has no conv2, which `return self.conv2(x)` asks for; it has conv1. "
         "Is a name misspelt, or is it never made in __init__?"),
        (Named(), [draw(1, 1, 2, 2), 'class'],
         "Named: self.act is the class ReLU and not a layer, so `return "
         "self.act(self.conv1(x)).mean()` makes one instead of calling it: self.act = "
         "ReLU()."),
        (Named(), [draw(1, 1, 2, 2), 'tensor'],
         "Named: in `return self.conv1(x).flaten(1)`, a Tensor has no flaten. Is it flatten "
         "or unflatten?"),
        (Named(), [draw(1, 1, 2, 2), 'method'],
         "Named (Named) has no encode, which `return self.encode(x)` asks for; it has conv1,"
         " act. Is a name misspelt, or is it never made in __init__?"),
        (Named(), [draw(1, 1, 2, 2), 'pair'],
         "Named: in `return self.conv1(x) + nn.MaxPool2d(1, return_indices=True)(x)`, "
         "(MaxPool2d) (MaxPool2d) returned a tuple of 2: take its first, [0]."),
        (Unmade(), [draw(2)],
         "the network: a layer is kept on self before super().__init__() was called."),
        (Constructor(), [draw(1, 1, 2, 2)],
         "Constructor (Constructor) has no conv: its layers are made in _init_, which Python never "
         "calls. The name is __init__, with two underscores on each side."),
        (Added(Pair()), [draw(2)],
         "Added: in `return x + self.layer(x)`, layer (Pair) returned a tuple of 2: take its"
         " first, [0]."),
        (Added(Nothing()), [draw(2)],
         "Added: in `return x + self.layer(x)`, layer (Nothing) returned None: does its "
         "forward end with a return?"),
        (apply(lambda x: torch.cat(x, x)), [draw(2)],
         "Applied: cat takes a list of tensors first, then the axis: <> lacks the brackets, "
         "torch.cat([a, b], dim=1)."),
        (apply(lambda x: torch.stack(x, x)), [draw(2)],
         "Applied: stack takes a list of tensors first, then the axis: <> lacks the brackets, "
         "torch.stack([a, b], dim=1)."),
        (apply(lambda x: x + [x]), [draw(2)],
         "Applied: <> has a list beside `+`, where a tensor is needed."),
        (Stated(nn.LSTM(3, 4)), [draw(5, 2, 3), draw(1, 2, 4)],
         "layer is an LSTM, whose state is a pair (h, c), and gets one tensor."),
        (Stated(nn.GRU(3, 4, batch_first=True)), [draw(5, 2, 3), draw(1, 2, 4)],
         "layer: the state is (1, 2, 4), and x (5, 2, 3), (B, L, D), needs (1, 5, 4): "
         "(layers x directions, batch, hidden_size). Make it from x.shape, or leave it out, "
         "and it is zeros."),
        (Stated(nn.GRU(3, 4, num_layers=2, bidirectional=True)), [draw(5, 2, 3), draw(2, 2, 4)],
         "layer: the state is (2, 2, 4), and x (5, 2, 3), (L, B, D), needs (4, 2, 4): "
         "(layers x directions, batch, hidden_size). Make it from x.shape, or leave it out, "
         "and it is zeros."),
        (Stated(nn.LSTM(3, 4)), [draw(5, 3), (draw(1, 2, 4), draw(1, 2, 4))],
         "layer: the state is (1, 2, 4), and x (5, 3), (L, B, D), needs (1, 4): (layers x "
         "directions, batch, hidden_size). Make it from x.shape, or leave it out, and it is "
         "zeros."),
        (LastStep(nn.LSTM(3, 4)), [draw(5, 3, 2)],
         "layer (LSTM) takes 3 numbers for each step, input_size=3, on the last axis, and "
         "gets (5, 3, 2) with 2: the 3 are on axis 1. Swap them: .transpose(1, -1)."),
        (LastStep(nn.LSTM(3, 4)), [draw(5, 6, 2)],
         "layer (LSTM) takes 3 numbers for each step, input_size=3, on the last axis, and "
         "gets (5, 6, 2) with 2."),
        (LastStep(nn.RNN(3, 4, batch_first=True)), [draw(5, 6, 2, 3)],
         "layer (RNN) takes three axes, (B, L, D), and gets (5, 6, 2, 3): join axes first, "
         ".flatten(2), or take their mean."),
        (Hub(True), [draw(1, 2)],
         "Hub: a.weight is (3, 4) in the weights that are loaded and (3, 2) in the network, "
         "and 2 more do not fit: make the network with the sizes that the weights were "
         "trained with."),
        (Hub(False), [draw(1, 2)],
         "Hub: Error(s) in loading state_dict for Hub: Missing key(s) in state_dict: "
         "\"a.weight\", \"a.bias\", \"b.weight\", \"b.bias\"."),
        (Demands(), [draw(2)],
         "Demands: a label is needed. (label is None: not given.)"),
        (SameSize(), [draw(2, 3, 4), draw(2, 4)],
         "SameSize demands `assert x.shape == y.shape`, and finds (2, 3, 4) and (2, 4). One "
         "lacks axis 1, the channels or classes, which has 3 in the other: unsqueeze or "
         "one_hot makes one, argmax takes one away."),
        (SameSize(), [draw(2, 3, 4), draw(3, 4)],
         "SameSize demands `assert x.shape == y.shape`, and finds (2, 3, 4) and (3, 4). One "
         "lacks axis 0, which has 2 in the other: unsqueeze or one_hot makes one, argmax "
         "takes one away."),
        (Written(), [draw(2, 3, 2, 4), 2],
         "Written, in `room[:, :channels, 1:3] = x`: the part (2, 2, 2, 4) of (2, 4, 4, 4) "
         "that is written to has no room for (2, 3, 2, 4). Was the tensor made, or the slice"
         " written, with sizes of something else?"),
        (Written(), [draw(2, 2, 4, 4), 2],
         "Written, in `room[:, :channels, 1:3] = x`: the part (2, 2, 2, 4) of (2, 4, 4, 4) "
         "that is written to has no room for (2, 2, 4, 4). Was the tensor made, or the slice"
         " written, with sizes of something else?"),
        (apply(lambda x: x[:, :, 0]), [draw(2, 3)],
         "Applied: (2, 3), the network's first input, has 2 axes, and <> takes 3."),
        (apply(lambda x, t: x * t[:, None]), [draw(2, 3), torch.tensor(4)],
         "Applied: (), the network's second input, has no axis, and <> takes 1. Give one "
         "number for each picture, (B,): t[None]."),
        (apply(lambda x: x[:, 3]), [draw(2, 3)],
         "Applied: <> takes number 3 of axis 1 of (2, 3), the network's first input, which "
         "goes from 0 to 2."),
        (apply(lambda x: x[:, :x.shape[1] / 2]), [draw(2, 4)],
         "Applied: a slice of (2, 4) ends at 2.0, a float: `/` gives one, `//` does not."),
        (apply(lambda x: x.view(2, x.shape[1] / 2, 2)), [draw(2, 4)],
         "Applied: view gets 2.0 for a size, which is a float: `/` gives one, and `//` a "
         "whole number."),
        (apply(lambda x: x.view(-1, 3, 4, 4)), [draw(2, 12)],
         "Applied: (2, 12) holds 24 numbers, (-1, 3, 4, 4) asks for 48: 12 for each picture,"
         " and 3 * 4 * 4 is 48. 12 is 3 * 2 * 2."),
        (apply(lambda x: x.view(-1, 50)), [draw(2, 12)],
         "Applied: (2, 12) holds 24 numbers, (-1, 50) asks for 50: 12 for each picture, and "
         "that is another. Is view meant for pictures of another size? Take the sizes from "
         "x.shape."),
        (apply(lambda x: x.mean(1).sum(2)), [draw(2, 3, 4)],
         "Applied: sum asks for axis 2, dim=2, and (2, 4) has 2 axes, in <>. The shapes on "
         "the way: (2, 3, 4) -mean-> (2, 4)."),
        (apply(lambda x: x.squeeze().softmax(1)), [draw(1, 3, 1, 1)],
         "Applied: softmax asks for axis 1, dim=1, and (3,) has a single axis, axis 0, in "
         "<>. squeeze in Applied made (3,) of (1, 3, 1, 1): without an axis it also takes "
         "away the batch of one. Use .flatten(1)."),
        (apply(lambda x: torch.bmm(x, x)), [draw(1, 3, 2, 2)],
         "Applied: bmm takes two tensors of three axes, and gets (1, 3, 2, 2) and (1, 3, 2, "
         "2): `@` takes any number. Or join axes first, (B * heads, ...)."),
        (apply(lambda x: x @ x), [draw(2, 3, 4)],
         "Applied: (2, 3, 4) @ (2, 3, 4), but 4 columns need as many rows. Turn the second: "
         ".transpose(-2, -1)."),
        (Wrapped(lambda me, x: me.f(x.mean((1, 2))), f=nn.Linear(3, 2)), [draw(2, 3, 4, 5)],
         "f expects 3 numbers on the last axis and gets (2, 5): mean in Wrapped made (2, 5) "
         "of (2, 3, 4, 5), and the 3 channels are gone. Over the places it is .mean((2, 3))."),
        (Wrapped(lambda me, x: me.f(x.view(6, -1)), f=nn.Linear(12, 2)), [draw(3, 3, 4)],
         "f expects 12 numbers on the last axis and gets (6, 6). view in Wrapped: view of "
         "(3, 3, 4) to (6, -1) made 6 pictures of 3: it is meant for maps of another size. "
         "Take the sizes from x.shape."),
        (Wrapped(lambda me, x: me.f(x.view(4, -1)), f=nn.Linear(8, 2)), [draw(3, 4, 2)],
         "f expects 8 numbers on the last axis and gets (4, 6). view in Wrapped: view of (3,"
         " 4, 2) to (4, -1) made 4 pictures of 3: it is meant for maps of another size. Take"
         " the sizes from x.shape."),
        (apply(lambda x: x * x.mean(1)), [draw(2, 3, 4, 5)],
         "Applied: (2, 3, 4, 5) * (2, 4, 5) lines up the last axes, and 3 channels meet 2. "
         "mean in Applied took an axis of (2, 3, 4, 5) away; keepdim=True leaves it as 1."),
        (apply(lambda x, y: x + y), [draw(5, 7, 3), draw(7, 1, 3)],
         "Applied: (5, 7, 3) + (7, 1, 3) lines up the last axes, and 5 on axis -3 meet 7: "
         "(7, 1, 3) has its 7 places on axis 0 and waits for the batch on axis 1, and (5, 7,"
         " 3) has the batch first. Turn it: .transpose(0, 1). Axis 0 is the batch."),
        (apply(lambda x, y: x - y), [draw(2, 3, 4, 4), draw(2, 6, 4, 4)],
         "Applied: (2, 3, 4, 4) - (2, 6, 4, 4) lines up the last axes, and 3 channels meet "
         "6: 6 is twice 3. Are they two things, as with a learned variance? .chunk(2, 1)."),
        (apply(lambda x, y: x - y.exp().expand(4, 3)), [draw(2, 3), draw(1, 3)],
         "Applied: (2, 3) - (4, 3) do not fit. expand in Applied: expand made (4, 3) of (1, "
         "3): 4 pictures of 1."),
        (Wrapped(lambda me, x: x + me.h, h=nn.Parameter(draw(4, 3))), [draw(2, 3)],
         "Wrapped: (2, 3) + (4, 3) lines up the last axes, and 2 on axis -2 meet 4: (4, 3) "
         "is self.h, made for a batch of 4, and this one has 2. Make it (1, ...), and it is "
         "spread. Axis 0 is the batch."),
        (apply(lambda x: x.expand(2, 3, 4)), [draw(2, 3)],
         "Applied: (2, 3), the network's first input, cannot be expanded to (2, 3, 4), "
         "because only an axis of 1 can, and the 2 meet 3. It lines up the last axes, so it "
         "needs 1 more behind: [:, :, None]."),
        (apply(lambda x, y: torch.cat([x, y[:, :, None, None]], 1)), [draw(2, 3, 4, 4), draw(2, 5)],
         "Applied joins (2, 3, 4, 4) and (2, 5, 1, 1): cat spreads nothing, so (2, 5, 1, 1) "
         "becomes a map first: .expand(-1, -1, 4, 4)."),
        (apply(lambda x: torch.cat([x[:, 0::2], x[:, 1::2]], -1)), [draw(2, 5, 4)],
         "Applied joins (2, 3, 4) and (2, 2, 4) along axis 2, but axis 1 is 3 and 2. They "
         "are parts of (2, 5, 4): 5 on axis 1 is odd, so one half has one more. Pad or crop "
         "it to an even number first."),
        (apply(lambda x: (lambda p: torch.cat([p[:, 0::2], p[:, 1::2]], -1))(F.pad(x, (0, 1)))),
         [draw(2, 5, 4)],
         "Applied joins (2, 3, 5) and (2, 2, 5) along axis 2, but axis 1 is 3 and 2. They "
         "are parts of (2, 5, 5): 5 on axis 1 is odd, though pad in Applied made (2, 5, 5) "
         "of (2, 5, 4): F.pad counts from the last axis."),
        (apply(lambda x, y: torch.cat([x, y.repeat(1, 8)[None]], 1)),
         [draw(2, 3, 4, 4), draw(2, 1)],
         "Applied joins (2, 3, 4, 4) and (1, 2, 8): the number of axes differs. The shapes "
         "on the way: (2, 1) -repeat-> (2, 8) -__getitem__-> (1, 2, 8)."),
        (apply(lambda x: F.interpolate(x, size=(2, 3, 8, 8))), [draw(2, 3, 4, 4)],
         "Applied: interpolate takes the sides alone, and size=(2, 3, 8, 8) has batch and "
         "channels too, 4 numbers for (2, 3, 4, 4): size=(8, 8), x.shape[2:]."),
        (apply(lambda x: F.interpolate(x, scale_factor=2, mode='bilnear')), [draw(2, 3, 4, 4)],
         "Applied: interpolate knows no mode='bilnear'; is it 'bilinear'?"),
        (nn.Conv2d(3, 1, 1), [nn.ReLU()],
         "Conv2d expects a tensor and gets a layer, ReLU: nn.ReLU(x) makes one and does not "
         "call it. nn.ReLU()(x) does."),
        (nn.Conv2d(3, 1, 1), [[draw(3, 2, 2), draw(3, 2, 2)]],
         "Conv2d expects a tensor and gets a list of 2: torch.stack it."),
        (nn.Conv2d(3, 1, 1), [draw(2, 3, 2, 2), 4],
         "Conv2d (Conv2d) takes input and gets 2 inputs: an argument too many for its "
         "forward, which lacks a parameter for it."),
        (nn.Conv2d(1, 1, 3), [draw(2, 12, 8, 8)],
         "Conv2d expects 1 channel and gets 12, the channels of the input. Are they 12 "
         "slices of a volume? nn.Conv3d takes it as x[:, None], and x.transpose(0, 1) makes "
         "a batch of them."),
        (nn.Conv2d(6, 1, 1), [draw(2, 3, 8, 8)],
         "Conv2d expects 6 channels and gets 3, the channels of the input."),
        (Wrapped(lambda me, x: me.c([F.avg_pool2d(x, 2)][0]), c=nn.Conv2d(6, 1, 1)),
         [draw(2, 3, 8, 8)],
         "c expects 6 channels and gets 3, the channels of the network's first input, which "
         "no layer has changed. Is it the first of a list, [0], where another is meant."),
        (nn.MaxPool3d(2), [draw(2, 3, 1, 4, 4)],
         "MaxPool3d: a map of 1 x 4 x 4 cannot be made smaller. Too few slices (or frames)."),
        (nn.Sequential(nn.AvgPool2d(2), nn.MaxPool2d(4)), [draw(2, 3, 4, 4)],
         "1: a map of 2 x 2 cannot be made smaller: 4 -0-> 2. Larger pictures, or fewer "
         "halvings."),
        (apply(lambda x, y: F.mse_loss(x.flatten(), y, reduction='none')),
         [draw(2, 1, 3, 3), draw(2)],
         "Applied: mse_loss compares (18,) with (2,), the network's second input. Both need "
         "one shape. The map is (2, 1, 3, 3) at last, one answer for each place: are the "
         "pictures larger than those that the network was made for? A mean over the places "
         "leaves one."),
        (apply(lambda x, y: F.binary_cross_entropy(x, y)), [draw(3, 1) - 5, draw(3, 1).sigmoid()],
         "Applied: binary_cross_entropy takes probabilities between 0 and 1, and (3, 1) are "
         "raw answers (logits): apply sigmoid, or take F.binary_cross_entropy_with_logits."),
        (apply(lambda x, y: F.cross_entropy(x.view(6, -1), y)),
         [draw(2, 3, 4), torch.tensor([1, 0])],
         "Applied: cross_entropy of (6, 4) and (2,), the network's second input: 6 answers "
         "need as many targets, not 2. view in Applied: view of (2, 3, 4) to (6, -1) made 6 "
         "pictures of 2: it is meant for maps of another size. Take the sizes from x.shape."),
        (Wrapped(lambda me, x: F.l1_loss(F.interpolate(me.c(x), scale_factor=4), x),
         c=nn.Conv1d(1, 1, 4, 4)),
         [draw(2, 1, 46)],
         "Wrapped: l1_loss compares (2, 1, 44) with (2, 1, 46), the network's first input. "
         "The positions of the answer: 46 -c-> 11 -interpolate-> 44; 46 are wanted. c goes "
         "in strides of 4 and leaves 2 of the 46 over: pad to a length that it reaches, and "
         "cut the answer."),
        (Wrapped(lambda me, x: F.l1_loss(F.interpolate(me.c(x), scale_factor=2), x),
         c=nn.MaxPool2d(2)),
         [draw(2, 1, 5, 4)],
         "Wrapped: l1_loss compares (2, 1, 4, 4) with (2, 1, 5, 4), the network's first "
         "input. The rows of the answer: 5 -c-> 2 -interpolate-> 4; 5 are wanted. 5 is odd, "
         "so c rounded to 2."),
        (Wrapped(lambda me, x: torch.cat([x, F.interpolate(me.c(x), scale_factor=3)], 1),
         c=nn.MaxPool2d(3)),
         [draw(2, 1, 16, 16)],
         "Wrapped: the skip is 16 x 16, the upsampled map is 15 x 15: 16 is no multiple of "
         "3, so c rounded down to 5."),
        (Wrapped(lambda me, x: x - me.c(x), c=nn.MaxPool2d(2)), [draw(2, 1, 4, 4)],
         "Wrapped: the skip is 4 x 4, the map is 2 x 2: c made 2 of 4. Is the minus in <> "
         "meant?"),
        (Wrapped(lambda me, x, m: me.a(x, x, x, attn_mask=m)[0],
         a=nn.MultiheadAttention(4, 2, batch_first=True)),
         [draw(3, 5, 4), draw(3, 5, 5)],
         "a: the mask is (3, 5, 5); with 2 heads one of three axes is (B * heads, N, M), (6,"
         " 5, 5): repeat_interleave(2, 0)."),
        (apply(F.scaled_dot_product_attention),
         [draw(6, 2, 5, 4), draw(2, 2, 5, 4), draw(2, 2, 5, 4)],
         "Applied: attention of (6, 2, 5, 4) and (2, 2, 5, 4) and (2, 2, 5, 4): 6 and 2 on "
         "axis -4, the batch, do not fit. Repeat the smaller 3 times, repeat_interleave."),
        (apply(lambda x: x.view(2, 4, 4, 3)), [draw(2, 24, 3)],
         "Applied: (2, 24, 3) holds 144 numbers, (2, 4, 4, 3) asks for 96: the 24 cannot be "
         "4 x 4; the code expects a square map, and this one is not square; it would be with 6 in "
         "place of the first 4."),
        (apply(lambda x: x.numpy()), [draw(2, 3).requires_grad_()],
         "Applied, in <>: numpy was given (2, 3). RuntimeError: Can't call numpy() on Tensor"
         " that requires grad. Use tensor.detach().numpy() instead."),
        (Wrapped(lambda me, x: me.f(x.mean((2, 3), keepdim=True).squeeze(2)), f=nn.Linear(3, 2)),
         [draw(2, 3, 4, 4)],
         "f expects 3 numbers on the last axis and gets (2, 3, 1): behind the 3 are axes of "
         "1. Take them away: .flatten(1)."),
        (Wrapped(lambda me, x: me.f(x) + x, f=nn.Conv2d(3, 5, 1)), [draw(2, 3, 4, 4)],
         "Wrapped: (2, 5, 4, 4) + (2, 3, 4, 4) lines up the last axes, and 5 channels meet "
         "3: the shortcut keeps 3 channels, and the layers made 5 of them. A convolution "
         "of 1 x 1 from 3 to 5 belongs on it."),
        (apply(lambda x, t: x * t.chunk(2, 1)[0]), [draw(2, 6, 4, 4), draw(2, 8, 1, 1)],
         "Applied: (2, 6, 4, 4) * (2, 4, 1, 1) lines up the last axes, and 6 channels meet "
         "4: chunk in Applied cut 8 into 2 parts of 4, and 2 parts of 6 are 12."),
        (apply(lambda x: sum(x.chunk(3, 1))), [draw(2, 16)],
         "Applied: (2, 6) + (2, 4) do not fit. chunk in Applied cut (2, 16) into parts of 6,"
         " 6, 4 along axis 1: 16 is no multiple of 3."),
        (Wrapped(lambda me, x: x + me.p[:x.shape[1]], p=nn.Parameter(draw(4, 3))), [draw(2, 6, 3)],
         "Wrapped: (2, 6, 3) + (4, 3) lines up the last axes, and 6 on axis -2 meet 4: (4, "
         "3) is self.p, whose number of places was settled when it was made. Other pictures "
         "have another number of patches."),
        (Wrapped(lambda me, x: torch.cat([me.k, x], 1), k=nn.Parameter(draw(1, 1, 3))),
         [draw(2, 6, 3)],
         "Wrapped joins (1, 1, 3) and (2, 6, 3): (1, 1, 3) is self.k, one for all, and cat "
         "spreads nothing: .expand(2, -1, -1) first."),
        (apply(lambda q, k: torch.einsum('bnd,bmd->bnm', q, k)), [draw(2, 5, 8), draw(2, 6, 7)],
         "Applied: einsum `bnd,bmd->bnm` of (2, 5, 8) and (2, 6, 7): d is 8 in one and 7 in "
         "the other."),
        (apply(lambda q, k: torch.einsum('bnd, bmd -> bnm', q, k)),
         [draw(2, 5, 8), draw(2, 1, 5, 8)],
         "Applied: einsum `bnd,bmd->bnm` names 3 axes, bmd, and (2, 1, 5, 8) has 4."),
        (nn.Unflatten(1, (4, 4)), [draw(2, 12)],
         "Unflatten: 12 on axis 1 of (2, 12) cannot be 4 x 4, which is 16."),
        (nn.Conv2d(1, 1, 3), [torch.ones(2, 1, 8, 8).bool()],
         "Conv2d has weights of float32 and gets bool, (2, 1, 8, 8), the network's first "
         "input as it came. True and False become numbers first: .float()."),
        (nn.Conv2d(1, 1, 3), [draw(2, 1, 8, 8) + 0j],
         "Conv2d has weights of float32 and gets complex64, (2, 1, 8, 8), the network's "
         "first input as it came. A layer takes real numbers: .abs(), or real and imaginary "
         "part as two channels (torch.view_as_real)."),
        (nn.Conv2d(1, 1, 3), [{'image': draw(2, 1, 8, 8)}],
         "Conv2d expects a tensor and gets a dict of 'image': take what is meant."),
        (nn.Conv2d(1, 1, 3), [draw(2, 1, 8, 8).numpy()],
         "Conv2d expects a tensor and gets an array of NumPy: torch.from_numpy makes one."),
        (apply(lambda x, y: F.nll_loss(x, y)), [draw(2, 4), torch.tensor([0, 4])],
         "Applied: nll_loss of (2, 4) and (2,), the network's second input: its 4 channels "
         "are for classes 0 to 3, and the target has numbers from 0 to 4."),
        (apply(lambda x: x.transpose(1, 3)), [draw(2, 4, 3)],
         "Applied: transpose asks for axis 3, dim=3, and (2, 4, 3) has 3 axes, in <>."),
        (apply(lambda x, y: F.mse_loss(x, y)), [draw(4, 7), draw(4)],
         "Applied: mse_loss compares (4, 7) with (4,), the network's second input. Are they "
         "numbers of classes? F.cross_entropy takes them, mse_loss wants one shape for both."),
        (apply(lambda x: F.l1_loss(F.max_pool2d(x, 2), torch.ones(2, 1, 3, 3))), [draw(2, 1, 8, 8)],
         "Applied: l1_loss compares (2, 1, 4, 4) with (2, 1, 3, 3), whose size was written "
         "in (ones_like takes the answer's). The rows of the answer: 8 -max_pool2d-> 4; 3 "
         "are wanted."),
        (apply(lambda x: x.view(-1, 8, 9, 9)), [draw(2, 392)],
         "Applied: (2, 392) holds 784 numbers, (-1, 8, 9, 9) asks for 648: 392 for each "
         "picture, and 8 * 9 * 9 is 648. 392 is 8 * 7 * 7."),
        (Wrapped(lambda me, x: me.f(torch.cat([x, x + 1, x - 1])), f=nn.Linear(12, 2)),
         [draw(2, 4)],
         "f expects 12 numbers on the last axis and gets (6, 4): cat in Wrapped put 3 parts "
         "under one another, (6, 4); side by side, torch.cat(..., dim=-1), they have 12."),
        (Wrapped(lambda me, x: me.a(x, x, x, attn_mask=torch.zeros(7, 7))[0],
         a=nn.MultiheadAttention(4, 2, batch_first=True)),
         [draw(7, 3, 4)],
         "a: the mask is (7, 7), one for each of the 7 of the batch; 3 queries and 3 keys "
         "need (3, 3). Was x turned to (N, B, C)? batch_first=True takes (B, N, C)."),
        (lambda x, t: x * t[:, None] * torch.ones(1, 6), [draw(2, 1, 8, 8), draw(2, 1, 8, 8)],
         "mul in the network: (2, 1, 8, 8) * (2, 1, 1, 8, 8) gives (2, 2, 1, 8, 8): each of "
         "the 2 met each other. Give both one shape, with x[:, None] or .squeeze(1)."),
    ],
)  # fmt: skip
def test_cause(net, inputs, said):
    first, _, last = said.partition("<>")  # which stands for the test's own line, that is quoted
    cause = trace(net, *inputs).cause
    assert cause.startswith(first) and cause.endswith(last)
    assert cause == said or "<>" in said
