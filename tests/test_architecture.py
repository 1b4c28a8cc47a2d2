"""The figure of the U has exactly the operations and the tensors of its network."""

import re
from collections import Counter

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex, to_rgba
from torch import nn
from torch.nn import functional as F

from course_utils.blocks import ConvBlock, ResBlock
from course_utils.decoder import Decoder
from course_utils.encoder import Encoder
from course_utils.plots import draw_maps, draw_u
from course_utils.plots.colours import BLUE, PALE, PURPLE
from course_utils.shapes import draw_u as tracer_draws
from course_utils.unet import UNet


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


def lines(figure):
    return [line for text in figure.axes[0].texts for line in text.get_text().split("\n")]


def arrows(figure, colour):
    patches = [getattr(text, "arrow_patch", None) for text in figure.axes[0].texts]
    return [p for p in patches if p is not None and p.get_edgecolor() == to_rgba(colour)]


def named(net):
    """The parts that a reader puts together: blocks, and the layers beside them."""
    layers = ("encoder.downs.", "decoder.ups.", "decoder.out")
    return {
        n: m for n, m in net.named_modules() if isinstance(m, ConvBlock) or n.startswith(layers)
    }


def kind(layer):
    """What the figure calls a layer: its type, and the size of its kernel if it has one."""
    kernel = getattr(layer, "kernel_size", None)
    return type(layer).__name__ + (f" {kernel[0]}x{kernel[1]}" if kernel else "")


def tensors(net, *inputs):
    """The maps that go into these layers and come out of them, as hooks see them."""
    met = {}

    def look(layer, given, made):
        met.update({id(x): x for x in (given[0], made)})

    hooks = [layer.register_forward_hook(look) for layer in named(net).values()]
    net(*inputs)
    for hook in hooks:
        hook.remove()
    return Counter(" x ".join(map(str, x.shape[1:])) for x in met.values())


def assert_is_of(figure, net, size=16):
    """The figure names each layer once, joins once a halving, and has the tensors' shapes."""
    said, layers = lines(figure), named(net)
    known = dict(net.named_modules()).keys() - {""}
    assert sorted(line for line in said if line in known) == sorted(layers)
    assert sum(line.startswith("concatenate") for line in said) == net.halvings
    kinds = Counter(map(kind, layers.values()))
    assert Counter(line for line in said if line in kinds) == kinds
    shapes = Counter(line for line in said if re.fullmatch(r"\d+ x \d+ x \d+", line))
    assert shapes == tensors(net, torch.zeros(2, net.in_ch, size, size), torch.zeros(2).long())
    assert len(arrows(figure, PURPLE)) == kinds["ConvBlock"]


@pytest.mark.parametrize("chs", [(16, 32), (32, 64, 128), (8, 8, 8, 8), (8, 16, 32, 64, 64)])
def test_figure_has_what_the_network_does(chs):
    net = UNet(3, 1, chs, 16)
    assert_is_of(draw_u(3, 16, chs), net)
    assert_is_of(draw_u(net=net, in_ch=3), net)


class NoSkip(UNet):
    """Its decoder joins zeros in place of the skips."""

    def forward(self, x, t):
        temb = self.time(t)
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, [torch.zeros_like(s) for s in skips], temb)


class OneMore(UNet):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.extra = nn.Conv2d(self.in_ch, self.in_ch, 3, padding=1)

    def forward(self, x, t):
        return self.extra(super().forward(x, t))


class OneLess(UNet):
    """Its last convolution is there, and isn't used."""

    def forward(self, x, t):
        last, self.decoder.out = self.decoder.out, nn.Identity()
        made = super().forward(x, t)
        self.decoder.out = last
        return made


class Untold(UNet):
    """Its blocks hear of no time."""

    def forward(self, x, t):
        temb = torch.zeros(len(x), self.time.dim)
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, skips, temb)


@pytest.mark.parametrize("broken", [NoSkip, OneMore, OneLess, Untold])
def test_figure_of_a_broken_network_is_another(broken):
    net = broken(1, 8, (1, 2, 4), 16)
    figure = draw_u(net=net)
    with pytest.raises(AssertionError):
        assert_is_of(figure, net)


def block_figure(block):
    return tracer_draws(block, torch.zeros(2, 8, 16, 16), torch.zeros(2, 6))


@pytest.mark.parametrize("out_ch", [8, 12])
def test_block_has_its_operations_and_its_way_around(out_ch):
    block = ConvBlock(8, out_ch, 6)
    said = [text.get_text() for text in block_figure(block).axes[0].texts]
    layers = {f"{kind(m)}\n{name}" for name, m in block.named_children()}
    shown = Counter(w for w in said if w in layers | {"silu", "add"})
    carried = ["Conv2d 1x1\nshortcut"] * (out_ch != 8)
    convs = "Conv2d 3x3\nconv1", "BatchNorm2d\nnorm1", "Conv2d 3x3\nconv2", "BatchNorm2d\nnorm2"
    assert shown == Counter([*convs, *carried, "silu", "silu", "add", "add"])
    assert f"temb  →  Linear  →  {out_ch} numbers" in said


def test_block_without_its_shortcut_has_no_way_around():
    def lines_around(block):
        lines = block_figure(block).axes[0].lines
        return sum(line.get_color() == BLUE for line in lines)

    class Plain(ConvBlock):
        def forward(self, x, temb):
            h = F.silu(self.norm1(self.conv1(x))) + self.time_proj(temb)[:, :, None, None]
            return F.silu(self.norm2(self.conv2(h)))

    assert lines_around(ConvBlock(8, 8, 6)) == 1 and lines_around(Plain(8, 8, 6)) == 0


def test_halved_maps_are_half_as_high():
    heights = {round(p.get_height(), 6) for p in draw_u().axes[0].patches if p.get_linewidth() == 0}
    assert {1.2, 0.6, 0.3} <= heights


@pytest.mark.parametrize("part", ["time", "block", "encoder", "decoder", "skips"])
def test_a_part_is_coloured_and_the_rest_is_pale(part):
    figure = draw_u(highlight=part)
    assert len(arrows(figure, PURPLE)) == (5 if part == "time" else 0)
    assert len(arrows(figure, BLUE)) == (2 if part == "skips" else 0)
    bars = [p for p in figure.axes[0].patches if not p.get_linewidth()]
    paints = Counter(to_hex(p.get_facecolor()) for p in bars)
    pale = {"time": 13, "block": 9, "encoder": 8, "decoder": 7, "skips": 12}  # of 14, with the time
    assert paints[PALE] == pale[part]


def test_real_pictures_and_features_are_those_of_the_run():
    net = UNet(1, 8, (1, 2), 16).eval()
    xt, t = torch.randn(2, 1, 8, 8), torch.tensor([3, 4])
    images = draw_u(net=net, xt=xt, t=t).axes[0].images
    assert [image.get_array().shape for image in images] == [(8, 8), (8, 8)]
    assert torch.equal(torch.as_tensor(images[0].get_array().data), xt[0, 0])
    predicted = net(xt, t)[0, 0].detach()
    assert torch.allclose(torch.as_tensor(images[1].get_array().data), predicted)
    features = draw_u(net=net, xt=xt, t=t, features=True).axes[0].images
    # both pictures, three channels of each of four tensors, twice three of the concatenation
    assert len(features) == 2 + 3 * 4 + 2 * 3


def test_drawing_leaves_random_numbers_alone():
    torch.manual_seed(0)
    draw_u()
    after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(1))


def test_a_network_that_fails_says_so():
    with pytest.raises(ValueError, match="pad to 20 x 20"):
        draw_u(size=18)


def test_features_need_a_picture():
    with pytest.raises(ValueError, match="give xt and t too"):
        draw_u(features=True)


def test_a_level_of_the_encoder_hands_out_its_skip():
    x, temb = torch.randn(2, 1, 16, 16), torch.randn(2, 8)
    figure = draw_maps(Encoder(1, [4, 8], 8), x, temb, ends=("picture", "bottom"), title="A level")
    said = lines(figure)
    assert said.count("returned") == 1 and len(arrows(figure, BLUE)) == 1
    assert {"picture", "bottom", "A level", "Conv2d 2x2"} <= set(said)

    class KeepsIt(Encoder):
        def forward(self, x, temb):
            return super().forward(x, temb)[0]

    assert "returned" not in lines(draw_maps(KeepsIt(1, [4, 8], 8), x, temb))


def test_a_level_of_the_decoder_takes_its_skip_from_the_left():
    torch.manual_seed(0)
    bottom, skip, temb = torch.randn(2, 8, 4, 4), torch.randn(2, 4, 8, 8), torch.randn(2, 8)
    figure = draw_maps(Decoder([4, 8], 1, 8), bottom, [skip], temb)
    said = lines(figure)
    assert {
        "input",
        "skips",
        "skip",
        "concatenate 4 + 4:",
        "ConvTranspose2d 2x2",
        "Conv2d 1x1",
    } <= set(said)
    tiles = [torch.tensor(image.get_array()) for image in figure.axes[0].images]
    shown = sum(any(torch.equal(tile, channel) for channel in skip[0]) for tile in tiles)
    assert shown == 2 * 3  # where it comes in, and where it is joined
    ways = [a for a in figure.axes[0].texts if hasattr(a, "xyann")]
    (up,) = [a for a in ways if a.xyann[1] < a.xy[1] - 0.3]
    (x, y), images = up.xy, figure.axes[0].images
    above = [
        i for i in images if i.get_extent()[0] < x < i.get_extent()[1] and y < i.get_extent()[3]
    ]
    tiles = [torch.tensor(image.get_array()) for image in above]
    assert len(tiles) == 3 and not any(torch.equal(t, c) for t in tiles for c in skip[0])


def test_a_row_is_one_channel_as_long_as_channels_stay_apart():
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 1))
    torch.manual_seed(0)
    figure = draw_maps(net, torch.randn(4, 1, 10, 10))
    _, *tiles = [torch.tensor(image.get_array()) for image in figure.axes[0].images]
    normed, activated = tiles[3:6], tiles[6:9]
    assert all(torch.allclose(F.silu(n), a) for n, a in zip(normed, activated, strict=True))
    assert not any(torch.allclose(a, b) for a, b in zip(activated, tiles[9:], strict=True))


def test_maps_of_one_figure_have_one_scale():
    figure = draw_maps(ResBlock(32, 32, 8), torch.randn(1, 32, 8, 8), torch.randn(1, 8))
    limits = {image.norm.vmax for image in figure.axes[0].images}
    tiles = [torch.tensor(image.get_array()) for image in figure.axes[0].images]
    beyond = torch.stack([tile.abs() > max(limits) for tile in tiles]).float().mean()
    assert 0 < beyond < 0.03
    assert len(limits) == 1 and any("3 channels" in text for text in lines(figure))
    assert "temb  →  silu  →  Linear  →  32 numbers" in lines(figure)
