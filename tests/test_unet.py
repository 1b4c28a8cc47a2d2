import re

import pytest
import torch

from course_utils.unet import UNet, check_picture, timesteps


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def tiny(in_ch=3, base_ch=4, ch_mult=(1, 2), time_dim=8):
    return UNet(in_ch, base_ch, ch_mult, time_dim)


@pytest.mark.parametrize("ch_mult", [(1,), (1, 2), (1, 2, 4), (2, 1, 3, 1)])
@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (2, 3, 16, 24), (2, 2, 40, 8)])
def test_output_has_the_shape_of_the_input(shape, ch_mult):
    x = torch.randn(shape)
    assert tiny(shape[1], 4, ch_mult)(x, 5).shape == shape


def test_one_skip_for_each_halving():
    net, seen = tiny(ch_mult=(1, 2, 4, 8)), []
    net.encoder.register_forward_hook(lambda *call: seen.extend(call[-1][1]))
    net(torch.randn(2, 3, 8, 16), 0)
    assert [s.shape for s in seen] == [(2, 4 << i, 8 >> i, 16 >> i) for i in range(3)]


def test_levels_are_as_wide_as_asked():
    def widths(net):
        return [b.conv1.out_channels for b in (*net.encoder.blocks, net.encoder.bottom)]

    assert widths(UNet()) == [64, 128, 256, 512]  # the tutorial's
    assert UNet().time.dim == 256
    assert widths(UNet(3, 4, (2, 1, 3), 8)) == [8, 4, 12]


def test_every_parameter_gets_a_gradient():
    net, x = tiny(ch_mult=(1, 2, 4)), torch.randn(4, 3, 16, 16)
    (net(x, torch.arange(4)) * torch.randn_like(x)).sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_time_changes_the_output():
    net, x = tiny().eval(), torch.randn(1, 3, 8, 8)
    out = net(x.expand(3, 3, 8, 8), torch.tensor([0, 1, 999]))
    assert (out[1] - out[0]).abs().max() > 1e-4
    assert (out[2] - out[0]).abs().max() > 1e-4


def test_an_int_stands_for_the_whole_batch():
    net, x = tiny().eval(), torch.randn(4, 3, 8, 8)
    assert torch.equal(net(x, 7), net(x, torch.full((4,), 7)))


def test_pictures_of_a_batch_do_not_touch_in_eval_mode():
    net, x, t = tiny().eval(), torch.randn(4, 3, 8, 8), torch.tensor([3, 40, 500, 999])
    together = net(x, t)
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone)
    x[0], t[0] = 100.0, 0
    torch.testing.assert_close(net(x, t)[1:], together[1:], rtol=0, atol=0)


def test_input_is_left_as_it_was():
    x, t = torch.randn(2, 3, 8, 8), torch.tensor([1, 2])
    kept = x.clone(), t.clone()
    tiny()(x, t)
    assert torch.equal(x, kept[0]) and torch.equal(t, kept[1])


@pytest.mark.parametrize(
    ("H", "W", "levels", "sentence"),
    [
        (28, 28, 4, "28 x 28 can be halved twice, not 3 times; pad to 32 x 32 "),
        (28, 28, 4, "(any multiple of 8 works) or use 3 levels"),
        (32, 28, 4, "32 x 28 can be halved twice, not 3 times; pad to 32 x 32 "),
        (12, 6, 3, "12 x 6 can be halved once, not twice; pad to 12 x 8 "),
        (12, 6, 3, "(any multiple of 4 works) or use 2 levels"),
        (40, 8, 5, "40 x 8 can be halved 3 times, not 4 times; pad to 48 x 16 "),
        (9, 8, 2, "pad to 10 x 8 (any multiple of 2 works) or use 1 level"),
        (8, 9, 4, "pad to 8 x 16 (any multiple of 8 works) or use 1 level"),
        (1, 1, 2, "pad to 2 x 2 (any multiple of 2 works) or use 1 level"),
    ],
)
def test_a_picture_that_cannot_be_halved_is_refused(H, W, levels, sentence):
    net = tiny(ch_mult=(1,) * levels)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        net(torch.randn(2, 3, H, W), 0)


def test_the_advice_for_a_refused_picture_works():
    for size in range(1, 33):
        for levels in range(1, 6):
            try:
                check_picture(torch.zeros(1, 3, size, size), 3, levels - 1)
            except ValueError as error:
                advice = re.search(r"pad to (\d+) x .* or use (\d) level", str(error))
                padded, fewer = int(advice[1]), int(advice[2])
                assert size < padded < size + 2 ** (levels - 1)
                check_picture(torch.zeros(1, 3, padded, padded), 3, levels - 1)
                check_picture(torch.zeros(1, 3, size, size), 3, fewer - 1)
                with pytest.raises(ValueError):  # the most levels that this size allows
                    check_picture(torch.zeros(1, 3, size, size), 3, fewer)


@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (2, 4, 8, 8), (3, 8, 8), (2, 8, 8, 3), (2, 3, 64)])
def test_wrong_channels_or_dimensions_are_refused(shape):
    came = re.escape(str(shape))
    with pytest.raises(ValueError, match=rf"shape \(B, 3, H, W\); got {came}"):
        tiny()(torch.randn(shape), 0)


@pytest.mark.parametrize(
    ("t", "came"),
    [
        (torch.tensor([5]), r"shape \(1,\)"),
        (torch.tensor(5), r"shape \(\)"),
        (torch.zeros(7), r"shape \(7,\)"),
        (torch.zeros(8, 1), r"shape \(8, 1\)"),
        (0.5, "float"),
        ([1] * 8, "list"),
        (None, "NoneType"),
    ],
)
def test_a_time_that_does_not_fit_the_batch_is_refused(t, came):
    with pytest.raises(ValueError, match=rf"shape \(8,\).* 8 images.*got {came}$"):
        tiny()(torch.randn(8, 3, 8, 8), t)


def test_timesteps_are_integers_on_the_device_of_the_picture():
    x = torch.zeros(3, 1, 2, 2, device="meta")  # a device that is everywhere
    t = timesteps(4, x)
    assert t.dtype == torch.int64 and t.device == x.device and t.shape == (3,)
    assert timesteps(torch.arange(3), x).device == x.device
