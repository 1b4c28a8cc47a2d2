"""4.1 A transposed convolution, painted by hand."""

import torch
from einops import einsum
from torch.nn import functional as F


def paint(x, kernel, stride):
    """Return the transposed convolution of one channel: every input pixel paints the kernel.

    (H, W), (k, k) -> ((H - 1) * stride + k, (W - 1) * stride + k)

    Pixel (i, j) adds x[i, j] * kernel to the k x k patch whose upper left corner is at
    (i * stride, j * stride). Where patches overlap, they add up.
    """
    (H, W), k = x.shape, len(kernel)
    out = x.new_zeros((H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            top, left = i * stride, j * stride
            out[top : top + k, left : left + k] += x[i, j] * kernel
    return out


CRASH = "size|shape|index", "", "Print i, j and the shapes in the line before it."
PIXEL = "Here x is a single pixel, so the result is x[0, 0] * kernel, and k x k."
CORNER = "Here patches don't overlap; that of pixel (i, j) begins at (i * stride, j * stride)."
OVERLAP = "Here patches overlap, and add up where they do."


def experiment(probe, paint):
    # Twice the first stride that overlaps is less than k, so that a patch that doesn't fit tells
    # whether it's the output that is too small, or the part of it that is added to.
    for H, W, k, stride, look in [
        (1, 1, 2, 3, PIXEL), (2, 3, 2, 2, CORNER), (3, 2, 2, 3, CORNER), (3, 5, 5, 2, OVERLAP),
        (3, 5, 3, 1, OVERLAP),
    ]:  # fmt: skip
        with probe.advice(CRASH, look=look):
            probe.call(paint, probe.normal(H, W), probe.normal(k, k), stride)


MISTAKES = """
# patches overwrite one another
- +=
+ =
Each patch replaces what's under it. Where patches overlap, they add up: write += instead of =.
# patches one pixel apart
- = i * stride, j * stride
+ = i, j
Your patches are one pixel apart. That of pixel (i, j) begins at (i * stride, j * stride).
# patches k apart
+ = i * k, j * k
Your patches lie side by side, k pixels apart. They begin stride pixels apart, and may overlap.
# stride for the rows only
+ = i * stride, j
Your patches are stride rows apart, but only one column. Multiply j by the stride too.
# corner with rows and columns swapped
+ = j * stride, i * stride
The corner of your patches has rows and columns swapped: i counts rows, so top is i * stride.
# output too small
- zeros((H - 1) * stride + k, (W - 1) * stride + k)
+ zeros(H * stride, W * stride)
| zeros((H - 1) * stride, (W - 1) * stride)
Your output is too small for the last patch, k rows from row (H - 1) * stride on. Add the two.
# height and width of the output swapped
+ zeros((W - 1) * stride + k, (H - 1) * stride + k)
The output's height and width are swapped. H comes first: it counts the rows of x.
# output too large
+ zeros(H * stride + k, W * stride + k)
Your output is too large: its last rows stay empty. (H - 1) * stride + k are enough.
# part of the output too small
- top + k, left : left + k
+ top + stride, left : left + stride
You add to only stride rows of the output. The kernel has k of them: top : top + k.
# slice that ends at k
+ k, left : k
Your slice ends at k. A patch ends k after it begins: out[top : top + k, left : left + k].
# two pairs of brackets
- top + k, left
+ top + k][left
out[a:b][c:d] slices the rows twice. Rows and columns go into one pair of brackets, with a comma.
# return inside a loop
-     return out
+         return out
|             return out
Only the first row or pixel of x is painted: your return is inside a loop. Move it after both loops.
# kernel rotated
- += x[i, j] * kernel
+ += x[i, j] * kernel.flip(0, 1)
Your kernel is rotated by 180 degrees. Paint it as it is. (Rotated, it's for conv2d.)
# kernel transposed
+ += x[i, j] * kernel.T
Rows and columns of the kernel are swapped. Add x[i, j] * kernel as it is.
# kernel not used
+ += x[i, j]
Each patch is filled with x[i, j] itself. Multiply it by the kernel.
# pixel's value not used
+ += kernel
Each pixel adds the bare kernel. Multiply the kernel by the pixel's value, x[i, j].
# rows and columns of x swapped
- += x[i, j]
+ += x[j, i]
Rows and columns of x are mixed up. H, W = x.shape: i counts the H rows, and j the W columns.
# ordinary convolution
+ def paint(x, kernel, stride):
+     return F.conv2d(x[None, None], kernel[None, None], stride=stride)[0, 0]
That's the ordinary convolution. Here each pixel paints a patch, and the picture grows.
"""


def paint_by_kernel_pixel(x, kernel, stride):
    (h, w), k = [(n - 1) * stride for n in x.shape], kernel.shape[0]
    out = torch.zeros(h + k, w + k)
    for a in range(k):
        for b in range(k):
            out[a : a + h + 1 : stride, b : b + w + 1 : stride] += kernel[a, b] * x
    return out


def paint_by_stuffing(x, kernel, stride):
    (H, W), k = x.shape, len(kernel)
    spread = torch.zeros((H - 1) * stride + 1, (W - 1) * stride + 1)
    spread[::stride, ::stride] = x
    return F.conv2d(spread[None, None], kernel.rot90(2)[None, None], padding=k - 1).squeeze()


def paint_by_folding(x, kernel, stride):
    (H, W), k = x.shape, len(kernel)
    patches = einsum(kernel, x, "a b, h w -> a b h w").reshape(1, k * k, H * W)
    size = ((H - 1) * stride + k, (W - 1) * stride + k)
    return F.fold(patches, size, kernel_size=k, stride=stride)[0, 0]


def paint_by_padding(x, kernel, stride):
    down, across = ([(i * stride, (n - 1 - i) * stride) for i in range(n)] for n in x.shape)
    pads = [pad + above for above in down for pad in across]
    return sum(F.pad(pixel * kernel, pad) for pixel, pad in zip(x.flatten(), pads))


REFERENCE = paint
LOOK = OVERLAP
ALSO_RIGHT = [paint_by_kernel_pixel, paint_by_stuffing, paint_by_folding, paint_by_padding]
