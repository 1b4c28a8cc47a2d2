"""2.1 BatchNorm by hand."""

import torch
from einops import rearrange, reduce
from torch.nn import functional as F


def batch_norm(x, scale, shift, eps=1e-5):
    """Normalise every channel over the whole batch, then scale and shift it.

    (B, C, H, W), (C,), (C,) -> (B, C, H, W)

    What nn.BatchNorm2d does in training mode. The variance is that of the batch itself: the mean
    squared deviation, divided by B * H * W, not by one less.
    Source: "Batch Normalization" (2015), algorithm 1.
    """
    mean = x.mean(dim=(0, 2, 3), keepdim=True)  # (1, C, 1, 1)
    var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)  # (1, C, 1, 1)
    normal = (x - mean) / (var + eps).sqrt()
    return scale[:, None, None] * normal + shift[:, None, None]


def experiment(probe, batch_norm):
    batches = [
        3 * probe.normal(B, C, H, W) + probe.normal(C, 1, 1)
        for B, C, H, W in [(2, 3, 4, 5), (5, 2, 3, 3), (1, 4, 6, 2)]
    ]
    with probe.advice(SHAPES, look=NORMAL):
        for x in batches:
            probe.call(batch_norm, x, torch.ones(x.shape[1]), torch.zeros(x.shape[1]))
    with probe.advice(SHAPES, look=SCALED):
        for x in batches:
            probe.call(batch_norm, x, probe.normal(x.shape[1]), probe.normal(x.shape[1]))
    with probe.advice(look=EPS):
        x = probe.normal(3, 2, 2, 4) * torch.tensor([0.3, 2.0])[:, None, None]
        probe.call(batch_norm, x, probe.normal(2), probe.normal(2), 0.5)
        probe.call(batch_norm, torch.full((2, 2, 2, 3), 2.0), probe.normal(2), probe.normal(2))


SHAPES = "size|shape", "", "Print the shape of each part: mean, variance, scale with its axes."
NORMAL = (
    "With scale 1 and shift 0, as here, each channel of your result should have mean 0 and "
    "standard deviation 1. Print both."
)
SCALED = "With scale 1 and shift 0 your result is right, so look at how you use scale and shift."
EPS = "All else is right, so look at how you use eps: sqrt(variance + eps)."

MISTAKES = """
# each picture by itself
- mean = x.mean(dim=(0, 2, 3), keepdim=True)
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ mean = x.mean(dim=(2, 3), keepdim=True)
+ var = x.var(dim=(2, 3), correction=0, keepdim=True)
You average each picture separately (instance norm). BatchNorm pools the batch: dim=(0, 2, 3).
# each pixel by itself
+ mean = x.mean(dim=0, keepdim=True)
+ var = x.var(dim=0, correction=0, keepdim=True)
You average each pixel separately. BatchNorm pools a channel's pixels too: dim=(0, 2, 3).
# all channels together
+ mean = x.mean(dim=(0, 1, 2, 3), keepdim=True)
+ var = x.var(dim=(0, 1, 2, 3), correction=0, keepdim=True)
You pool the channels too. Each has its own mean and variance: dim=(0, 2, 3).
# over the channels of a picture
+ mean = x.mean(dim=(1, 2, 3), keepdim=True)
+ var = x.var(dim=(1, 2, 3), correction=0, keepdim=True)
You pool each picture's channels (layer norm). BatchNorm keeps them apart: dim=(0, 2, 3).
# (C,) meets the columns
+ mean = x.mean(dim=(0, 2, 3))
+ var = x.var(dim=(0, 2, 3), correction=0)
or
- scale[:, None, None] * normal + shift[:, None, None]
+ scale * normal + shift
Something of shape (C,) meets the W columns, because PyTorch lines up the last axes. For mean and
variance use keepdim=True, which makes (1, C, 1, 1); scale[:, None, None] is (C, 1, 1), like shift.
# divided by one less
- x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ x.var(dim=(0, 2, 3), correction=1, keepdim=True)
You divide by one less than the number of values, the default of x.var. Take correction=0.
# mean of the squares for the variance
+ x.square().mean(dim=(0, 2, 3), keepdim=True)
Your variance is the mean of x squared. Subtract the mean before you square.
# eps outside the root
- (x - mean) / (var + eps).sqrt()
+ (x - mean) / (var.sqrt() + eps)
You add eps to the standard deviation. It belongs under the root: sqrt(var + eps).
# divided by the variance
+ (x - mean) / (var + eps)
You divide by the variance. Divide by its square root, the standard deviation.
# eps as a lower limit
+ (x - mean) / var.clamp(min=eps).sqrt()
You use eps as a lower limit for the variance. The formula adds it: sqrt(var + eps).
# eps not used
+ (x - mean) / (var + 1e-5).sqrt()
| (x - mean) / var.sqrt()
Your function ignores its argument eps. Add it to the variance, under the root.
# mean not subtracted
+ x / (var + eps).sqrt()
You never subtract the mean from x, so each channel keeps its own. The numerator is x - mean.
# only the mean divided
+ x - mean / (var + eps).sqrt()
Only the mean is divided, because / binds more tightly than -. Write (x - mean) / ...
# shifted before scaled
- scale[:, None, None] * normal + shift[:, None, None]
+ scale[:, None, None] * (normal + shift[:, None, None])
You scale the shift as well, because it is added first. Scale first, then add the shift.
# shift not used
+ scale[:, None, None] * normal
You never use shift. At the end, add each channel's own number from it.
# scale not used
+ normal + shift[:, None, None]
You never use scale. Multiply each normalised channel by its own number from scale, then shift.
# scale one axis short, or one too many
+ scale[:, None] * normal + shift[:, None]
| scale[:, None, None, None] * normal + shift[:, None, None, None]
The numbers of scale or shift meet rows or pictures. Just two axes must follow: [:, None, None].
# channels left at the end
+ (scale[:, None, None] * normal + shift[:, None, None]).movedim(1, -1)
Your channels come last, (B, H, W, C). Move them back: .movedim(-1, 1).
# scale and shift swapped
+ shift[:, None, None] * normal + scale[:, None, None]
You swapped scale and shift: scale is the factor, shift is added.
"""


def by_function(x, scale, shift, eps=1e-5):
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=eps)


def by_einops(x, scale, shift, eps=1e-5):
    centred = x - reduce(x, "b c h w -> 1 c 1 1", "mean")
    power = reduce(centred**2, "b c h w -> 1 c 1 1", "mean")
    scale, shift = (rearrange(v, "c -> c 1 1") for v in (scale, shift))
    return scale * centred * (power + eps).rsqrt() + shift


def channel_by_channel(x, scale, shift, eps=1e-5):
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]
        var = (values**2).mean() - values.mean() ** 2
        out[:, c] = (values - values.mean()) / torch.sqrt(var + eps) * scale[c] + shift[c]
    return out


def on_rows(x, gamma, beta, eps=1e-5):
    rows = x.transpose(0, 1).flatten(1)  # (C, B * H * W)
    var, mean = torch.var_mean(rows, dim=1, unbiased=False, keepdim=True)
    rows = torch.addcmul(beta[:, None], gamma[:, None], (rows - mean) / torch.sqrt(var + eps))
    return rows.view(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)


REFERENCE = batch_norm
LOOK = "Go through the formula from left to right."
ALSO_RIGHT = [by_function, by_einops, channel_by_channel, on_rows]
