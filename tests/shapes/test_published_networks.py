"""Networks that nobody here wrote, with wrong sizes and channels; and our own, which are right."""

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel, UNet2DModel
from small_networks import draw, small, steps
from smalldiffusion.model_unet import Unet
from torch import nn
from torchvision import models

from course_utils.attention import (
    AttentionBlock,
    LinearAttention,
    MultiHeadAttention,
    SingleHeadAttention,
    TorchAttention,
)
from course_utils.ddpm_unet import DDPMUNet
from course_utils.dit import DiT
from course_utils.shapes import trace
from course_utils.sigma_unet import Scaled, SigmaUNet


def of_diffusers(**changes):
    settings = dict(
        sample_size=16, in_channels=1, out_channels=1, block_out_channels=(32, 64),
        layers_per_block=1, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
    )  # fmt: skip
    return UNet2DModel(**(settings | changes))


def of_smalldiffusion(**changes):
    settings = dict(
        in_dim=16, in_ch=1, out_ch=1, ch=32, ch_mult=(1, 2), num_res_blocks=1,
        attn_resolutions=(8,),
    )  # fmt: skip
    return Unet(**(settings | changes))


FOREIGN = [
    (of_diffusers, [draw(2, 1, 16, 16), steps(3, 4)], None),
    (of_smalldiffusion, [draw(2, 1, 16, 16), draw(2)], None),
    (
        of_diffusers,
        [draw(2, 1, 15, 15), steps(3, 4)],
        "up_blocks.1: the skip is 15 x 15, the upsampled map is 16 x 16: 15 is odd, so halving "
        "rounded up to 8.",
    ),
    (
        lambda: of_diffusers(block_out_channels=(32, 64, 64), down_block_types=("DownBlock2D",) * 3,
                             up_block_types=("UpBlock2D",) * 3),
        [draw(2, 1, 18, 18), steps(3, 4)],
        "the skip is 9 x 9, the upsampled map is 10 x 10: 9 is odd, so halving rounded up to 5.",
    ),
    (
        of_diffusers,
        [draw(2, 3, 16, 16), steps(3, 4)],
        "conv_in expects 1 channel and gets 3, the channels of the input",
    ),
    (of_diffusers, [draw(2, 1, 16, 16), steps(3, 4, 5)], "t has shape (3,), x has 2 images."),
    (of_diffusers, [draw(1, 16, 16), steps(3)], "takes it for one picture (C, H, W)"),
    (
        of_diffusers,
        [draw(2, 1, 16, 16).double(), steps(3, 4)],
        "conv_in has weights of float32 and gets float64",
    ),
    (
        of_smalldiffusion,
        [draw(2, 1, 15, 15), draw(2)],
        "Unet demands `assert x.shape[2] == x.shape[3] == self.in_dim`, and finds "
        "15, 15 and 16.",
    ),
    (
        of_smalldiffusion,
        [draw(2, 3, 16, 16), draw(2)],
        "conv_in expects 1 channel and gets 3, the channels of the input",
    ),
    (of_smalldiffusion, [draw(2, 1, 16, 16), draw(3)], "sig_embed: sigma.shape == []"),
    (
        lambda: grown(of_smalldiffusion()),
        [draw(2, 1, 16, 16), draw(2)],
        "expects 128 channels and gets 96: the concatenation gave 64 + 32.",
    ),
]  # fmt: skip


def grown(net):
    """A network whose last block on the way up expects more than it gets."""
    block = [m for m in net.modules() if type(m).__name__ == "ResnetBlock"][-2]
    norm = next(m for m in block.modules() if isinstance(m, nn.GroupNorm))
    assert norm.num_channels == 96
    norm.weight, norm.bias = nn.Parameter(torch.ones(128)), nn.Parameter(torch.zeros(128))
    return net


@pytest.mark.parametrize("make, inputs, said", FOREIGN)
def test_published_networks_are_explained_too(make, inputs, said):
    found = trace(make(), *inputs)
    assert said in found.cause if said else (found.cause, found.remarks) == (None, [])


def test_groups_that_do_not_divide_are_found_inside_a_library():
    found = trace(lambda x, t: of_diffusers(block_out_channels=(48, 64))(x, t), draw(1), steps(1))
    assert found.cause.startswith("GroupNorm(32) cannot split 48 channels")


@pytest.mark.parametrize(
    "net, inputs",
    [
        (small(), [draw(2, 1, 16, 16), steps(3, 4)]),
        (small(), [draw(2, 1, 16, 16), 5]),
        (DDPMUNet(9, 32, (1, 2), [1], 1, 0.1, 1, 1), [draw(2, 1, 16, 16), steps(3, 4)]),
        (
            Scaled(SigmaUNet)(16, 1, 1, 32, (1, 2), num_res_blocks=1, attn_resolutions=(8,)),
            [draw(2, 1, 16, 16), draw(2).abs()],
        ),
        (DiT(16, 1, dim=32, depth=2), [draw(2, 1, 16, 16), draw(2).abs()]),
        *[
            (AttentionBlock(32, attention), [draw(2, 32, 4, 5)])
            for attention in (
                SingleHeadAttention, MultiHeadAttention, TorchAttention, LinearAttention,
            )
        ],
    ],
)  # fmt: skip
def test_our_networks_give_no_cause_for_remarks(net, inputs):
    found = trace(net, *inputs)
    assert (found.error, found.remarks) == (None, [])


class Nested(nn.Module):
    """A U-Net++ of two levels: maps of the way down are joined again and again."""

    def __init__(self):
        super().__init__()
        sizes = {"a": (1, 4), "b": (4, 4), "c": (4, 4), "ab": (8, 4), "bc": (8, 4), "abc": (12, 4)}
        self.convs = nn.ModuleDict({n: nn.Conv2d(*s, 3, padding=1) for n, s in sizes.items()})
        self.up, self.down = nn.Upsample(scale_factor=2), nn.MaxPool2d(2)

    def forward(self, x):
        a = self.convs["a"](x)
        b = self.convs["b"](self.down(a))
        ab = self.convs["ab"](torch.cat([a, self.up(b)], 1))
        c = self.convs["c"](self.down(b))
        bc = self.convs["bc"](torch.cat([b, self.up(c)], 1))
        return self.convs["abc"](torch.cat([a, ab, self.up(bc)], 1))


def with_text():
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(32, 64),
        layers_per_block=1, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=24,
        attention_head_dim=8,
    )  # fmt: skip


def coder():
    levels = {"block_out_channels": (32, 64), "down_block_types": ("DownEncoderBlock2D",) * 2}
    return AutoencoderKL(**levels, up_block_types=("UpDecoderBlock2D",) * 2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "make, inputs",
    [
        (Nested, [draw(2, 1, 8, 8)]),
        (with_text, [draw(2, 4, 16, 16), steps(3, 4), draw(2, 7, 24)]),
        (coder, [draw(2, 3, 16, 16)]),
        (lambda: models.resnet18(num_classes=3), [draw(2, 3, 64, 64)]),
        (lambda: models.mobilenet_v3_small(num_classes=3), [draw(2, 3, 64, 64)]),
        (lambda: models.convnext_tiny(num_classes=3), [draw(2, 3, 32, 32)]),
        (lambda: models.swin_t(num_classes=3), [draw(2, 3, 64, 64)]),
        (lambda: models.googlenet(num_classes=3, init_weights=False), [draw(2, 3, 64, 64)]),
        (lambda: torch.compile(small(), backend="eager"), [draw(2, 1, 16, 16), steps(3, 4)]),
    ],
)
def test_nothing_is_told_of_healthy_networks_of_others(make, inputs, training):
    found = trace(make().train(training), *inputs)
    assert (found.error, found.cause, found.remarks) == (None, None, [])


def test_layers_of_a_compiled_network_keep_their_names():
    net = torch.compile(small(), backend="eager")
    names = [step.name for step in trace(net, draw(2, 1, 16, 16), 5).steps]
    assert "encoder.blocks.0" in names
