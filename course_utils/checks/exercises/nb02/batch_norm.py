"""2.1 BatchNorm by hand."""

import torch
from einops import rearrange, reduce
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits


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


def batch_norm_experiment(probe, batch_norm):
    for B, C, H, W in [(2, 3, 4, 5), (5, 2, 3, 3), (1, 4, 6, 2)]:
        x = 3 * probe.normal(B, C, H, W) + probe.normal(C, 1, 1)
        probe.call(batch_norm, x, probe.normal(C), probe.normal(C))
    probe.call(batch_norm, probe.normal(3, 2, 2, 4), probe.normal(2), probe.normal(2), 0.5)


MISTAKES = """
# each picture by itself
- mean = x.mean(dim=(0, 2, 3), keepdim=True)
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ mean = x.mean(dim=(2, 3), keepdim=True)
+ var = x.var(dim=(2, 3), correction=0, keepdim=True)
You take mean and variance of each picture by itself. That is another normalisation (instance
norm); BatchNorm pools all pictures of the batch, so dimension 0 belongs to it.

# each pixel by itself
- mean = x.mean(dim=(0, 2, 3), keepdim=True)
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ mean = x.mean(dim=0)
+ var = x.var(dim=0, correction=0)
You take mean and variance over the batch alone, for each pixel by itself. The pixels of a channel
are pooled too: dimensions 0, 2 and 3.

# all channels together
- mean = x.mean(dim=(0, 2, 3), keepdim=True)
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ mean = x.mean()
+ var = x.var(correction=0)
You pool the channels too. Each channel has a mean and a variance of its own.

# over the channels of a picture
- mean = x.mean(dim=(0, 2, 3), keepdim=True)
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ mean = x.mean(dim=(1, 2, 3), keepdim=True)
+ var = x.var(dim=(1, 2, 3), correction=0, keepdim=True)
You normalise over the channels of each picture (layer norm). BatchNorm keeps the channels apart
and pools the pictures.

# divided by one less
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ var = x.var(dim=(0, 2, 3), keepdim=True)
You divide the squared deviations by one less than their number, as x.var does unless told
otherwise. Here it is the plain mean of the squares: correction=0.

# eps outside the root
- normal = (x - mean) / (var + eps).sqrt()
+ normal = (x - mean) / (var.sqrt() + eps)
eps is added to the root. It belongs under it: sqrt(var + eps).

# divided by the variance
- normal = (x - mean) / (var + eps).sqrt()
+ normal = (x - mean) / (var + eps)
You divide by the variance. Divide by its root, the standard deviation.

# shifted before scaled
- return scale[:, None, None] * normal + shift[:, None, None]
+ return scale[:, None, None] * (normal + shift[:, None, None])
The scale multiplies the shift too. First scale, then shift.

# shift not used
- return scale[:, None, None] * normal + shift[:, None, None]
+ return scale[:, None, None] * normal
shift is not used. Each channel has a number of its own that is added at the end.

# scale not used
- return scale[:, None, None] * normal + shift[:, None, None]
+ return normal + shift[:, None, None]
scale is not used. Each channel is multiplied by a number of its own before the shift.

# mean not subtracted
- normal = (x - mean) / (var + eps).sqrt()
+ normal = x / (var + eps).sqrt()
The mean is not subtracted: your channels keep theirs.

# only the mean divided
- normal = (x - mean) / (var + eps).sqrt()
- return scale[:, None, None] * normal + shift[:, None, None]
+ return scale[:, None, None] * x - mean / (var + eps).sqrt() + shift[:, None, None]
Only the mean is divided, since / comes before -. Put brackets around the difference: (x - mean) /
...

# mean of the squares for the variance
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ var = x.square().mean(dim=(0, 2, 3), keepdim=True)
Your variance is the mean of the squares of x. It is that of the squared differences from the
mean: subtract the mean first.

# scale not spread over the pixels
- return scale[:, None, None] * normal + shift[:, None, None]
+ return scale * normal + shift
scale has shape (C,), and PyTorch lines it up with the last axis, the W columns. It needs two more
axes: (C, 1, 1).

# keepdim forgotten
- mean = x.mean(dim=(0, 2, 3), keepdim=True)
- var = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
+ mean = x.mean(dim=(0, 2, 3))
+ var = x.var(dim=(0, 2, 3), correction=0)
Something of shape (C,) meets the W columns, for PyTorch lines up the last axes. With
keepdim=True, mean and variance are (1, C, 1, 1); with [:, None, None], scale and shift are (C, 1,
1).

# scale one axis short
- return scale[:, None, None] * normal + shift[:, None, None]
+ return scale[:, None] * normal + shift[:, None]
or
- return scale[:, None, None] * normal + shift[:, None, None]
+ return normal * scale[:, None] + shift[:, None]
scale and shift have one axis too few: (C, 1) meets H and W. They need two more than they have,
[:, None, None], to be (C, 1, 1).

# scale with an axis too many
- return scale[:, None, None] * normal + shift[:, None, None]
+ return scale[:, None, None, None] * normal + shift[:, None, None, None]
or
- return scale[:, None, None] * normal + shift[:, None, None]
+ return normal * scale[:, None, None, None] + shift[:, None, None, None]
scale and shift have one axis too many: (C, 1, 1, 1) has the channels where the pictures are. With
[:, None, None] they are (C, 1, 1).

# math.sqrt of a tensor
- normal = (x - mean) / (var + eps).sqrt()
+ normal = (x - mean) / math.sqrt(var + eps)
math.sqrt takes a single number, and there is a variance for each channel. A tensor has a root of
its own, taken number by number: (var + eps).sqrt().

# eps not used
- normal = (x - mean) / (var + eps).sqrt()
+ normal = (x - mean) / (var + 1e-5).sqrt()
eps makes no difference in your function. Add the argument to the variance, under the root.
"""


def batch_norm_by_function(x, scale, shift, eps=1e-5):
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=eps)


def batch_norm_by_einops(x, scale, shift, eps=1e-5):
    centred = x - reduce(x, "b c h w -> 1 c 1 1", "mean")
    power = reduce(centred**2, "b c h w -> 1 c 1 1", "mean")
    return rearrange(scale, "c -> c 1 1") * centred * (power + eps).rsqrt() + rearrange(
        shift, "c -> c 1 1"
    )


def batch_norm_channel_by_channel(x, scale, shift, eps=1e-5):
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]
        var = (values**2).mean() - values.mean() ** 2
        out[:, c] = (values - values.mean()) / torch.sqrt(var + eps) * scale[c] + shift[c]
    return out


EXERCISE = Exercise(
    id="2.1",
    title="BatchNorm by hand",
    notebook="02_conv_block",
    reference=batch_norm,
    experiment=batch_norm_experiment,
    look="Print the mean and the standard deviation of each channel of your result: with scale "
    "1 and shift 0 they are 0 and 1.",
    catalogue=edits(batch_norm, MISTAKES),
    also_right=[batch_norm_by_function, batch_norm_by_einops, batch_norm_channel_by_channel],
)
