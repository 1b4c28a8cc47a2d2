import torch
from torch import nn

from course_utils.blocks import ConvBlock, downsample
from course_utils.res_unet import ResDecoder, ResEncoder

CHS = [4, 6, 8]


class Note(nn.Module):
    """A block that notes its place and the pictures that it gets."""

    def __init__(self, in_ch, out_ch, level):
        super().__init__()
        self.place = in_ch, out_ch, level

    def forward(self, x, temb):
        assert x.shape[1] == self.place[0]
        return x.mean(dim=1, keepdim=True).expand(-1, self.place[1], -1, -1)


def places(side):
    return [[block.place for block in level] for level in side.blocks]


def test_blocks_have_the_channels_of_ho_s_network():
    assert places(ResEncoder(3, CHS, 2, Note, downsample)) == [
        [(3, 4, 0), (4, 4, 0)],
        [(4, 6, 1), (6, 6, 1)],
        [(6, 8, 2), (8, 8, 2)],
    ]
    assert places(ResDecoder(3, CHS, 2, Note)) == [
        [(8 + 8, 8, 2), (8 + 8, 8, 2), (8 + 6, 8, 2)],
        [(8 + 6, 6, 1), (6 + 6, 6, 1), (6 + 4, 6, 1)],
        [(6 + 4, 4, 0), (4 + 4, 4, 0), (4 + 3, 4, 0)],
    ]


def test_every_output_on_the_way_down_is_kept():
    encoder, x = ResEncoder(3, CHS, 2, Note, downsample), torch.randn(2, 3, 8, 12)
    skips = encoder(x, None)
    assert skips[0] is x
    assert [tuple(s.shape[1:]) for s in skips] == [
        (3, 8, 12),
        (4, 8, 12),
        (4, 8, 12),
        (4, 4, 6),
        (6, 4, 6),
        (6, 4, 6),
        (6, 2, 3),
        (8, 2, 3),
        (8, 2, 3),
    ]


def test_every_skip_goes_into_one_block_the_last_one_first():
    joined = []

    class Seen(Note):
        def forward(self, x, temb):
            joined.append(x[0, -1, 0, 0].item())
            return super().forward(x, temb)

    sizes = [(3, 8), (4, 8), (4, 8), (4, 4), (6, 4), (6, 4), (6, 2), (8, 2), (8, 2)]
    skips = [torch.full((1, ch, size, size), float(i)) for i, (ch, size) in enumerate(sizes)]
    decoder = ResDecoder(3, CHS, 2, Seen)
    assert decoder(torch.zeros(1, 8, 2, 2), skips, None).shape == (1, 4, 8, 8)
    assert joined == [8, 7, 6, 5, 4, 3, 2, 1, 0] and skips == []


def test_the_time_reaches_every_block():
    def block(in_ch, out_ch, level):
        return ConvBlock(in_ch, out_ch, 5)

    temb = torch.randn(2, 5)
    encoder, decoder = ResEncoder(3, CHS, 1, block, downsample), ResDecoder(3, CHS, 1, block)
    seen = []
    for module in [*encoder.modules(), *decoder.modules()]:
        if isinstance(module, ConvBlock):
            module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1] is temb))
    skips = encoder(torch.randn(2, 3, 8, 8), temb)
    decoder(skips[-1], skips, temb)
    assert seen == [True] * (3 + 6)
