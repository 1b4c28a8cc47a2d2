import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import (
    ConvBlock,
    FiLMBlock,
    NearestUpsample,
    PaddedDownsample,
    ResBlock,
    StridedDownsample,
    downsample,
    group_norm,
    upsample,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(("in_ch", "out_ch"), [(3, 5), (5, 5), (5, 3)])
def test_block_is_its_diagram(in_ch, out_ch):
    block, x, temb = ConvBlock(in_ch, out_ch, 6), torch.randn(4, in_ch, 8, 12), torch.randn(4, 6)
    conv = F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1)
    h = F.silu(F.batch_norm(conv, None, None, training=True))
    h = h + F.linear(temb, block.time_proj.weight, block.time_proj.bias).view(4, out_ch, 1, 1)
    conv = F.conv2d(h, block.conv2.weight, block.conv2.bias, padding=1)
    h = F.silu(F.batch_norm(conv, None, None, training=True))
    around = x if in_ch == out_ch else F.conv2d(x, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x, temb), h + around)


def test_shortcut_is_a_1x1_convolution_only_where_the_channels_change():
    assert isinstance(ConvBlock(4, 4, 6).shortcut, nn.Identity)
    assert ConvBlock(4, 5, 6).shortcut.weight.shape == (5, 4, 1, 1)


def test_a_silenced_block_passes_its_input_through():
    block, x = ConvBlock(4, 4, 6).eval(), torch.randn(2, 4, 8, 8)
    nn.init.zeros_(block.norm2.weight)  # silu(0) = 0: nothing but the shortcut is left
    assert torch.equal(block(x, torch.randn(2, 6)), x)


def test_each_picture_has_its_own_time():
    block, x, temb = ConvBlock(3, 5, 6).eval(), torch.randn(2, 3, 8, 8), torch.randn(2, 6)
    before = block(x, temb)
    temb[1] += 1
    after = block(x, temb)
    assert torch.equal(after[0], before[0])
    assert not torch.allclose(after[1], before[1])


def test_block_leaves_its_input_as_it_was():
    x, temb = torch.randn(2, 3, 8, 8), torch.randn(2, 6)
    kept = x.clone(), temb.clone()
    ConvBlock(3, 3, 6)(x, temb)
    assert torch.equal(x, kept[0]) and torch.equal(temb, kept[1])


def test_every_parameter_gets_a_gradient():
    block = ConvBlock(3, 5, 6)
    (block(torch.randn(4, 3, 8, 8), torch.randn(4, 6)) * torch.randn(4, 5, 8, 8)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in block.parameters())


def test_downsample_can_be_the_mean_of_each_2x2_square():
    down, x = downsample(3), torch.randn(2, 3, 8, 12)
    nn.init.zeros_(down.bias)
    with torch.no_grad():
        down.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 2, 2) / 4)
    torch.testing.assert_close(down(x), F.avg_pool2d(x, 2))


def test_upsample_can_repeat_each_pixel():
    up, x = upsample(3, 3), torch.randn(2, 3, 4, 6)
    nn.init.zeros_(up.bias)
    with torch.no_grad():
        up.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 2, 2))
    torch.testing.assert_close(up(x), F.interpolate(x, scale_factor=2))


@pytest.mark.parametrize("in_ch", [2, 4])
def test_wrong_channels_are_refused(in_ch):
    with pytest.raises(RuntimeError, match=f"to have 3 channels, but got {in_ch} channels"):
        ConvBlock(3, 5, 6)(torch.randn(2, in_ch, 8, 8), torch.randn(2, 6))


@pytest.mark.parametrize(("in_ch", "out_ch"), [(32, 64), (64, 64), (64, 32)])
def test_res_block_is_its_diagram(in_ch, out_ch):
    block, x, temb = ResBlock(in_ch, out_ch, 6), torch.randn(4, in_ch, 8, 12), torch.randn(4, 6)
    for norm in (block.norm1, block.norm2):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    h = F.silu(F.group_norm(x, 32, block.norm1.weight, block.norm1.bias))
    h = F.conv2d(h, block.conv1.weight, block.conv1.bias, padding=1)
    time = F.linear(F.silu(temb), block.time_proj.weight, block.time_proj.bias)
    h = h + time.view(4, out_ch, 1, 1)
    h = F.silu(F.group_norm(h, 32, block.norm2.weight, block.norm2.bias))
    h = F.conv2d(h, block.conv2.weight, block.conv2.bias, padding=1)
    around = x if in_ch == out_ch else F.conv2d(x, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x, temb), h + around)


@pytest.mark.parametrize(("in_ch", "out_ch"), [(8, 16), (16, 16)])
def test_film_block_is_that_of_diffusers(in_ch, out_ch):
    theirs = ResnetBlock2D(
        in_channels=in_ch,
        out_channels=out_ch,
        temb_channels=6,
        groups=4,
        time_embedding_norm="scale_shift",
    ).eval()
    ours = FiLMBlock(in_ch, out_ch, 6, groups=4)
    x, temb = torch.randn(3, in_ch, 8, 12), torch.randn(3, 6)
    renamed = {"time_proj": "time_emb_proj", "shortcut": "conv_shortcut"}
    with torch.no_grad():
        for name, value in ours.named_parameters():
            layer, _, kind = name.partition(".")
            value.normal_()
            theirs.get_parameter(f"{renamed.get(layer, layer)}.{kind}").copy_(value)
    ours.norm1.eps = ours.norm2.eps = 1e-6  # as theirs
    torch.testing.assert_close(ours(x, temb), theirs(x, temb))


def test_dropout_is_between_the_second_norm_and_convolution():
    block, x, temb = ResBlock(32, 32, 6, dropout=0.5), torch.randn(2, 32, 4, 4), torch.randn(2, 6)
    seen = []
    block.conv2.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(x, temb)
    block.eval()(x, temb)
    dropped, whole = seen
    assert 0.3 < (dropped == 0).float().mean() < 0.7
    torch.testing.assert_close(dropped, torch.where(dropped == 0, 0, 2 * whole))


def test_eps_counts_where_a_map_is_nearly_flat():
    flat = 1e-3 * torch.randn(1, 32, 4, 4)
    assert (group_norm(32, 1e-6)(flat).std() - 1).abs() > 0.1 > group_norm(32, 1e-5)(flat).std() - 1
    assert group_norm(32, 1e-6)(flat).std() > 2 * group_norm(32, 1e-5)(flat).std()


def test_a_group_norm_that_cannot_split_is_told():
    with pytest.raises(ValueError, match="32 groups cannot split 48 channels"):
        group_norm(48)


def centre(down):
    """Return which input pixel the middle tap of output (1, 2) looks at."""
    nn.init.zeros_(down.weight)
    down.weight.data[0, 0, 1, 1] = 1
    x = torch.zeros(1, 1, 8, 8, requires_grad=True)
    down(x)[0, 0, 1, 2].backward()
    return x.grad[0, 0].nonzero().tolist()


def test_the_downsamples_are_centred_on_other_pixels():
    assert centre(StridedDownsample(1)) == [[2, 4]]
    assert centre(PaddedDownsample(1)) == [[3, 5]]


@pytest.mark.parametrize("Down", [StridedDownsample, PaddedDownsample])
def test_downsamples_pad_with_zeros(Down):
    down = Down(1)
    nn.init.ones_(down.weight)
    nn.init.zeros_(down.bias)
    edge = down(torch.ones(1, 1, 4, 4))[0, 0].tolist()
    assert edge == ([[4, 6], [6, 9]] if Down is StridedDownsample else [[9, 6], [6, 4]])


def test_nearest_upsample_repeats_then_convolves():
    up, x = NearestUpsample(3), torch.randn(2, 3, 4, 5)
    repeated = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(up(x), F.conv2d(repeated, up.weight, up.bias, padding=1))
