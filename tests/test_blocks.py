import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, Downsample, Upsample


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
    down, x = Downsample(3), torch.randn(2, 3, 8, 12)
    nn.init.zeros_(down.bias)
    with torch.no_grad():
        down.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 2, 2) / 4)
    torch.testing.assert_close(down(x), F.avg_pool2d(x, 2))


def test_upsample_can_repeat_each_pixel():
    up, x = Upsample(3, 3), torch.randn(2, 3, 4, 6)
    nn.init.zeros_(up.bias)
    with torch.no_grad():
        up.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 2, 2))
    torch.testing.assert_close(up(x), F.interpolate(x, scale_factor=2))


@pytest.mark.parametrize("in_ch", [2, 4])
def test_wrong_channels_are_refused(in_ch):
    with pytest.raises(RuntimeError, match=f"to have 3 channels, but got {in_ch} channels"):
        ConvBlock(3, 5, 6)(torch.randn(2, in_ch, 8, 8), torch.randn(2, 6))
