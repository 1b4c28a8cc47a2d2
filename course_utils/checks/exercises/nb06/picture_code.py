"""6.10 A batch of one."""

import torch
from einops import reduce
from torch import nn
from torch.nn import functional as F

from course_utils.checks.exercises.nb06.healthy_networks import PictureCode
from course_utils.checks.parts import call_of, change, tensors


def experiment(probe, PictureCode):
    for B, C, K, H, W in [(4, 5, 7, 6, 3), (3, 6, 2, 4, 5)]:
        module = probe.build(PictureCode, C, K)
        x = probe.normal(B, C, H, W)
        probe.train_and_eval(module, x)
        note_alone_and_together(probe, module.train(), x)
    faint = 0.02 * probe.normal(2, C, W, H)
    with probe.advice(
        look="Only in faint pictures is yours different. There the norm's eps counts: LayerNorm "
        "divides by the root of (variance + 1e-5), and its variance is a plain mean of squares."
    ):
        probe.train_and_eval(module, faint)
    probe.on_fake_device(module, x)


def note_alone_and_together(probe, module, x):
    """Call the attempt with one picture and with its whole batch, in training mode."""
    alone, together = (call_with_nan(probe, module, part) for part in (x[1:2], x))
    both_tensors = isinstance(alone, torch.Tensor) and isinstance(together, torch.Tensor)
    alike = both_tensors and torch.allclose(alone, together[1:2], atol=1e-4, equal_nan=True)
    told = "In training mode a picture alone gives something else than in its batch."
    look = "nn.LayerNorm normalises each picture's averages separately, whatever the others are."
    probe.note("a picture alone and in its batch", alike, told, look)


def call_with_nan(probe, module, x):
    """Call the attempt; write down whether NaN come back, so that these too can be recognised."""
    result = probe.run(call_of(module, [x]), module, x.clone())
    bad = sum(int((~y.isfinite()).sum()) for y in tensors(result))
    told = f"In training mode, {bad} values are NaN or infinite for a batch of {len(x)}."
    look = "For one picture alone the deviation over the batch is 0 or NaN."
    probe.note("NaN in training mode", bad > 0, told, look)
    probe.note(f"what a batch of {len(x)} gives", change(result, torch.nan_to_num))
    return result


MISTAKES = """
# norm at the end
- nn.LayerNorm(in_ch)
+ nn.LayerNorm(out_ch)
- self.mix(self.norm(x.mean(dim=(2, 3))))
+ self.norm(self.mix(x.mean(dim=(2, 3))))
You normalise what comes out. It's the averages that the norm gets, before they are mixed.
# LayerNorm for the outputs
+ nn.LayerNorm(out_ch)
The norm gets the averages of the in_ch channels, before they are mixed: nn.LayerNorm(in_ch).
# norm not learned
+ nn.LayerNorm(in_ch, elementwise_affine=False)
Your norm has no scale and shift to learn, like a bare F.layer_norm. nn.LayerNorm(in_ch) has both.
# another treatment for one
+ nn.BatchNorm1d(in_ch)
- return self.mix(self.norm(x.mean(dim=(2, 3))))
+ h = x.mean(dim=(2, 3))
+ return self.mix(self.norm(h) if len(x) > 1 else h)
You treat a single picture differently to get it past BatchNorm, so alone it gives something else
than in a batch. nn.LayerNorm treats each picture separately.
# no norm
+ nn.Identity()
or
- return self.mix(self.norm(x.mean(dim=(2, 3))))
+ return self.mix(x.mean(dim=(2, 3)))
The averages don't go through a norm. Give them to nn.LayerNorm, which needs no batch, then mix.
# norm of the maps
- nn.LayerNorm(in_ch)
+ nn.BatchNorm2d(in_ch)
| nn.GroupNorm(in_ch, in_ch)
| nn.GroupNorm(1, in_ch)
- self.norm(x.mean(dim=(2, 3)))
+ self.norm(x).mean(dim=(2, 3))
or
- return self.mix(self.norm(x.mean(dim=(2, 3))))
+ return self.mix(self.norm(x).mean(dim=(2, 3)))
You normalise the maps and average afterwards. It's the averages that have to be normalised:
x.mean(dim=(2, 3)) has the channels last, where LayerNorm wants them.
# no average
+ return self.mix(self.norm(x.sum(dim=(2, 3))))
| return self.mix(self.norm(x.amax(dim=(2, 3))))
You don't take the average of each channel over its pixels: x.mean(dim=(2, 3)).
# divided by one less
+ h = x.mean(dim=(2, 3))
+ h = (h - h.mean(1, keepdim=True)) / (h.std(1, keepdim=True) + 1e-5)
+ return self.mix(h * self.norm.weight + self.norm.bias)
std and var divide by one less than the number of channels. LayerNorm doesn't, and has eps under the
root: var(dim=1, correction=0).
# over the batch
+ h = x.mean(dim=(2, 3))
+ h = (h - h.mean(0)) / (h.std(0) + 1e-5)
+ return self.mix(h * self.norm.weight + self.norm.bias)
or
+ h = x.mean(dim=(2, 3))
+ h = (h - h.mean(0)) / (h.var(0, correction=0) + 1e-5).sqrt()
+ return self.mix(h * self.norm.weight + self.norm.bias)
or
- nn.LayerNorm(in_ch)
+ nn.BatchNorm1d(in_ch, track_running_stats=False)
You take mean and deviation over the batch, as BatchNorm does, and that fails for one picture.
Normalise over dim 1, the channels of each picture: nn.LayerNorm.
# no bias
- nn.Linear(in_ch, out_ch)
+ nn.Linear(in_ch, out_ch, bias=False)
The linear layer has lost its bias. Leave it at its default, True.
"""


class CodeByGroupNorm(nn.Sequential):
    def __init__(self, in_ch, out_ch):
        mix = nn.GroupNorm(1, in_ch), nn.Linear(in_ch, out_ch)
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *mix)


class CodeByConv(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.mix = nn.Conv2d(in_ch, out_ch, 1)
        self.norm = nn.LayerNorm([in_ch])

    def forward(self, x):
        averages = self.norm(reduce(x, "b c h w -> b c", "mean"))
        return self.mix(averages[..., None, None]).squeeze(-1).squeeze(-1)


class CodeByHand(PictureCode):
    def forward(self, x):
        h = x.flatten(2).mean(-1)
        h = h - h.mean(1, keepdim=True)
        h = h / (h.square().mean(1, keepdim=True) + 1e-5).sqrt()
        return self.mix(h * self.norm.weight + self.norm.bias)


class CodeByFunction(PictureCode):
    def forward(self, x):
        h = F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)
        h = F.layer_norm(h, (h.size(1),), self.norm.weight, self.norm.bias)
        return F.linear(h, self.mix.weight, self.mix.bias)


REFERENCE = PictureCode
LOOK = (
    "In this order: each channel's average over all pixels, nn.LayerNorm(in_ch) of a "
    "picture's averages with scale and shift, nn.Linear with its bias, and nothing after it."
)
ALSO_RIGHT = [CodeByGroupNorm, CodeByConv, CodeByHand, CodeByFunction]
