"""Third set of networks that strangers got wrong: they run all the same, nothing is raised."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "softmax_over_the_queries": ["softmax", "axis 1|dim=1|dim 1|queries|query|axis 2|dim=2|keys"],
    "seen_is_reshaped_to_a_map": [
        "reshape|view",
        "permute|transpose|movedim|.mT|mixes|mixed|scrambl|axis 2 before",
    ],
    "stripes_look_at_each_other": [
        "batch_first|batch|picture|image|stripe",
        "look|attend|attention",
    ],
    "second_layer_is_left_out": [
        "layer2",
        "No operation used|not used|unused|never|no gradient|not called|nothing|left out|no effect",
    ],
    "third_input_is_not_read": [
        "class_labels|label|third input",
        "not used|unused|nothing|ignored|never|no effect|no influence|no difference|not read",
    ],
    "one_answer_for_two_targets": [
        "(1, 4, 3, 6, 6)|1 x 4 x 3 x 6 x 6|1 and 2|2 and 1|one answer|1 meets 2|2 meet 1",
        "broadcast|spread|repeat|stretch|expand|each",
    ],
}


class MapAttention(nn.Module):
    """Attention of a denoiser's map to itself, by einsum."""

    def __init__(self, axis, ch=8):
        super().__init__()
        self.axis = axis
        self.qkv, self.out = nn.Linear(ch, 3 * ch), nn.Linear(ch, ch)

    def forward(self, x):
        n, c, rows, cols = x.shape
        tokens = x.flatten(2).mT
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        share = torch.einsum("bic,bjc->bij", q, k) * c**-0.5
        share = share.softmax(dim=self.axis)
        seen = torch.einsum("bij,bjc->bic", share, v)
        return x + self.out(seen).mT.reshape(n, c, rows, cols)


class AttendingDenoiser(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.time, self.enter = nn.Linear(1, 8), nn.Conv2d(3, 8, 3, padding=1)
        self.attend, self.leave = MapAttention(axis), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x, t):
        h = self.enter(x) + self.time(t[:, None])[..., None, None]
        return self.leave(self.attend(F.silu(h)))


def softmax_over_the_queries():
    """In a DDPM's attention the softmax goes over those that look, not over what they look at.

    https://github.com/labmlai/annotated_deep_learning_paper_implementations/issues/146
    """
    inputs = [draw(2, 3, 5, 6), torch.rand(2)]
    return AttendingDenoiser(1), inputs, AttendingDenoiser(2), inputs


class AugmentedConv(nn.Module):
    """A convolution, joined with what attention sees."""

    def __init__(self, is_turned, heads=2, dim=3):
        super().__init__()
        self.is_turned, self.heads, self.dim = is_turned, heads, dim
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.qkv = nn.Conv2d(3, 3 * heads * dim, 1)

    def forward(self, x):
        n, _, rows, cols = x.shape
        qkv = self.qkv(x).reshape(n, 3, self.heads, self.dim, rows * cols)
        q, k, v = qkv.mT.unbind(1)
        seen = F.scaled_dot_product_attention(q, k, v)
        if self.is_turned:
            seen = seen.permute(0, 1, 3, 2)
        seen = seen.reshape(n, self.heads * self.dim, rows, cols)
        return torch.cat([self.conv(x), seen], dim=1)


def seen_is_reshaped_to_a_map():
    """(pixels, features) was reshaped to (features, rows, columns) without exchanging the two.

    https://github.com/leaderj1001/Attention-Augmented-Conv2d/issues/21
    """
    x = draw(2, 3, 5, 6)
    return AugmentedConv(False), [x], AugmentedConv(True), [x]


class StripeBlock(nn.Module):
    """Stripes of a map: the pixels of a stripe are to look at each other."""

    def __init__(self, batch_first, ch=4, width=2):
        super().__init__()
        self.width = width
        self.enter, self.leave = nn.Conv2d(3, ch, 3, padding=1), nn.Conv2d(ch, 1, 1)
        self.attend = nn.MultiheadAttention(ch, 2, batch_first=batch_first)

    def forward(self, x):
        h = self.enter(x)
        n, s = len(h), self.width
        rows = rearrange(h, "b c (h s) w -> (b h) (s w) c", s=s)
        rows = self.attend(rows, rows, rows)[0]
        rows = rearrange(rows, "(b h) (s w) c -> b c (h s) w", b=n, s=s)
        return self.leave(h + rows)


def stripes_look_at_each_other():
    """Stripes were laid on axis 0, as for batch_first, and the attention was made without it.

    https://github.com/aipixel/AEMatter/issues/3
    """
    x = draw(2, 3, 6, 5)
    return StripeBlock(False), [x], StripeBlock(True), [x]


class Unmixer(nn.Module):
    """How much of each material is in a pixel of many bands."""

    def __init__(self, has_both):
        super().__init__()
        self.has_both = has_both
        self.layer1 = nn.Sequential(nn.Conv2d(9, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.skip = nn.Sequential(nn.Conv2d(9, 2, 1), nn.ReLU())
        self.layer3 = nn.Conv2d(8, 3, 1)

    def forward(self, bands):
        h = self.layer1(bands)
        if self.has_both:
            h = self.layer2(h)
        h = torch.cat([h, self.skip(bands)], dim=1)
        return self.layer3(h).softmax(dim=1)


def second_layer_is_left_out():
    """The second layer is made in __init__ and not called in forward.

    https://github.com/inria-thoth/HySUPP/issues/3
    """
    x = draw(2, 9, 7, 8)
    return Unmixer(False), [x], Unmixer(True), [x]


class ClipUNet(nn.Module):
    """A denoiser of clips; forward takes labels of classes too."""

    def __init__(self, reads, dim=6):
        super().__init__()
        self.reads = reads
        self.time, self.classes = nn.Linear(1, dim), nn.Embedding(4, dim) if reads else None
        self.enter = nn.Conv3d(3, dim, 3, padding=1)
        self.leave = nn.Conv3d(dim, 3, 3, padding=1)

    def forward(self, clip, t, class_labels):
        emb = self.time(t[:, None])
        if self.reads:
            emb = emb + self.classes(class_labels)
        return self.leave(F.silu(self.enter(clip) + emb[:, :, None, None, None]))


def third_input_is_not_read():
    """A 3-D U-Net takes labels of classes in forward and does nothing with them.

    https://github.com/huggingface/diffusers/issues/6911
    """
    inputs = [draw(2, 3, 4, 6, 6), torch.rand(2), torch.tensor([1, 3])]
    return ClipUNet(False), inputs, ClipUNet(True), inputs


class ClipStep(nn.Module):
    """One step of training on latents of clips."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv3d(4, 6, 1), nn.SiLU(), nn.Conv3d(6, 4, 1))

    def forward(self, noisy, target):
        return F.mse_loss(self.net(noisy), target)


def one_answer_for_two_targets():
    """The net answered for one clip and the target held two; the loss compared it with both.

    https://github.com/aigc-apps/VideoX-Fun/issues/263
    """
    target = draw(2, 4, 3, 6, 6)
    return ClipStep(), [draw(1, 4, 3, 6, 6), target], ClipStep(), [draw(2, 4, 3, 6, 6), target]
