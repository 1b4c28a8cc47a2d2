"""Networks that strangers got wrong: sizes that do not meet, and what einops is given."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "volume_of_14_slices": ["7", "8", "odd|divisible|divided by|multiple"],
    "density_map_is_an_eighth": [
        "(1, 1, 3, 4)|3 x 4|4 of 32|3 of 24",
        "pool|halved|smaller|shrink|eighth|wanted",
    ],
    "stripes_do_not_divide": ["14", "12", "divi|multiple|remainder|left over"],
    "side_of_the_map_is_written_in": ["49", "8", "7 x 7|7, 7|7 by 7|28 x 28|28, 28|for 32"],
    "recording_without_batch": ["(5, 40)|5 x 40", "batch"],
    "words_and_picture_exchanged": [
        "picture",
        "(2, 7)|2 x 7",
        "order|swap|exchang|other way|words",
    ],
    "three_frames_where_five_are_cut": ["9", "6", "15|five frames|5 frames|slice|cut|3:12"],
    "more_places_than_patches": ["37", "5", "places|position", "patch|8 x 8|8, 8"],
    "heads_do_not_divide": ["16", "6", "divi|multiple|remainder|left over|12 of 16"],
    "latent_layer_for_another_size": [
        "576",
        "256",
        "6 x 6|6, 6|4 x 4|4, 4|48 x 48|48, 48|32",
    ],
}


class VolumeNet(nn.Module):
    """3-D: two strided convolutions, each doubled again."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv3d(1, 4, 3, stride=2, padding=1)
        self.down = nn.Conv3d(4, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose3d(8, 4, 2, stride=2)
        self.leave = nn.ConvTranspose3d(8, 2, 2, stride=2)

    def forward(self, scan):
        half = F.relu(self.enter(scan))
        back = self.up(F.relu(self.down(half)))
        return self.leave(torch.cat([half, back], dim=1))


def volume_of_14_slices():
    """A 3-D U-Net got scans whose last side is not divisible by 4 (78 slices: 39, 20, 40).

    https://github.com/Project-MONAI/MONAI/issues/678
    """
    return VolumeNet(), [draw(1, 1, 16, 16, 14)], VolumeNet(), [draw(1, 1, 16, 16, 16)]


class CrowdStep(nn.Module):
    """Counts people by a density map; three poolings before it."""

    def __init__(self):
        super().__init__()
        steps = []
        for a, b in ((3, 4), (4, 8), (8, 8)):
            steps += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.front = nn.Sequential(*steps)
        self.density = nn.Conv2d(8, 1, 1)

    def forward(self, photo, wanted):
        return F.mse_loss(self.density(self.front(photo)), wanted)


def density_map_is_an_eighth():
    """The net answers with a map of an eighth of the photo, the wanted map was left at full size.

    https://github.com/surajdakua/Crowd-Counting-Using-Pytorch/issues/4
    """
    photo, wanted = draw(1, 3, 24, 32), torch.rand(1, 1, 24, 32)
    small = F.avg_pool2d(wanted, 8) * 64
    return CrowdStep(), [photo, wanted], CrowdStep(), [photo, small]


class Stripes(nn.Module):
    """Tokens look at those in their own vertical stripe."""

    def __init__(self, width, ch=8):
        super().__init__()
        self.width = width
        self.patches = nn.Conv2d(3, ch, 2, stride=2)
        self.look = nn.MultiheadAttention(ch, 2, batch_first=True)

    def forward(self, x):
        h = self.patches(x)
        n, c, rows, cols = h.shape
        stripes = h.view(n, c, rows, cols // self.width, self.width)
        tokens = stripes.permute(0, 3, 2, 4, 1).flatten(0, 1).flatten(1, 2)
        seen, _ = self.look(tokens, tokens, tokens)
        seen = seen.view(n, cols // self.width, rows, self.width, c)
        return h + seen.permute(0, 4, 2, 1, 3).reshape(n, c, rows, cols)


def stripes_do_not_divide():
    """Stripes of 12 columns (a setting for larger pictures) were asked of a map of 14 columns.

    https://github.com/microsoft/CSWin-Transformer/issues/5
    """
    x = draw(2, 3, 28, 28)
    return Stripes(12), [x], Stripes(7), [x]


class TokenBridge(nn.Module):
    """A segmentation net with a transformer at the bottom; the side of its map is written in."""

    def __init__(self, side=None):
        super().__init__()
        self.side = side
        self.encode = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.GELU())
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.decode = nn.ConvTranspose2d(8, 1, 4, stride=4)

    def forward(self, x):
        h = self.encode(x)
        rows, cols = (self.side, self.side) if self.side else h.shape[2:]
        tokens = self.layer(rearrange(h, "n c i j -> n (i j) c"))
        return self.decode(rearrange(tokens, "n (i j) c -> n c i j", i=rows, j=cols))


def side_of_the_map_is_written_in():
    """Smaller pictures than the net was written for: 49 tokens, but 8 x 8 stand in the code.

    https://github.com/ccjcv/BPAT-UNet/issues/1
    """
    x = draw(2, 3, 28, 28)
    return TokenBridge(8), [x], TokenBridge(), [x]


class BrainWaves(nn.Module):
    """Each electrode's signal is cut into pieces of ten samples, and each piece is a token."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(10, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, signal):
        pieces = rearrange(signal, "n electrode (piece t) -> n electrode piece t", t=10)
        return self.layer(self.embed(pieces).flatten(1, 2)).mean(1)


def recording_without_batch():
    """One recording (electrodes, samples) was given where a batch of recordings is expected.

    https://github.com/935963004/LaBraM/issues/12
    """
    signal = draw(5, 40)
    return BrainWaves(), [signal], BrainWaves(), [signal[None]]


class PictureAndWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Linear(48, 8)
        self.word = nn.Embedding(20, 8)
        self.mix = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, picture, words):
        cut = rearrange(picture, "n c (i p) (j q) -> n (i j) (p q c)", p=4, q=4)
        return self.mix(torch.cat([self.patch(cut), self.word(words)], dim=1))


def words_and_picture_exchanged():
    """The two inputs were handed over in the wrong order: words first, the picture second.

    https://github.com/kyegomez/CM3Leon/issues/6
    """
    picture, words = draw(2, 3, 8, 8), torch.randint(0, 20, (2, 7))
    net = PictureAndWords()
    return net, [words, picture], net, [picture, words]


class VideoDenoiser(nn.Module):
    """Frames are stacked as channels; three triples out of five are denoised, then mixed."""

    def __init__(self, per_frame=3):
        super().__init__()
        self.per_frame = per_frame
        self.triple = nn.Conv2d(3 * per_frame, 8, 3, padding=1)
        self.mix = nn.Conv2d(24, per_frame, 3, padding=1)

    def forward(self, frames):
        c = self.per_frame
        triples = [frames[:, i * c : (i + 3) * c] for i in range(3)]
        return self.mix(torch.cat([F.relu(self.triple(part)) for part in triples], dim=1))


def three_frames_where_five_are_cut():
    """Three frames were stacked (9 channels), but the net cuts triples out of five (15).

    https://github.com/sreyas-mohan/udvd/issues/1
    """
    net = VideoDenoiser()
    return net, [draw(2, 9, 8, 10)], net, [draw(2, 15, 8, 10)]


class SmallViT(nn.Module):
    def __init__(self, side, ch=8):
        super().__init__()
        self.cut = nn.Conv2d(3, ch, 4, stride=4)
        self.first = nn.Parameter(torch.zeros(1, 1, ch))
        self.places = nn.Parameter(torch.zeros(1, (side // 4) ** 2 + 1, ch))
        self.layer = nn.TransformerEncoderLayer(ch, 2, 16, batch_first=True)
        self.label = nn.Linear(ch, 10)

    def forward(self, x):
        tokens = self.cut(x).flatten(2).mT
        tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], dim=1)
        return self.label(self.layer(tokens + self.places)[:, 0])


def more_places_than_patches():
    """A transformer made for larger pictures was given small ones: 5 tokens, a table of 37 places.

    https://github.com/jeonsworld/ViT-pytorch/issues/3
    """
    x = draw(2, 3, 8, 8)
    return SmallViT(24), [x], SmallViT(8), [x]


class PointAttention(nn.Module):
    """Query, key and value come from one layer and are cut into heads by hand."""

    def __init__(self, ch, heads):
        super().__init__()
        self.heads = heads
        self.points, self.qkv = nn.Linear(3, ch), nn.Linear(ch, 3 * ch)
        self.out = nn.Linear(ch, ch)

    def forward(self, cloud):
        h = self.points(cloud)
        n, count, ch = h.shape
        parts = self.qkv(h).reshape(n, count, 3, self.heads, ch // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v)
        return h + self.out(seen.transpose(1, 2).flatten(2))


def heads_do_not_divide():
    """The width of the tokens was changed, and can no longer be divided among the 6 heads.

    https://github.com/Pang-Yatian/Point-MAE/issues/24
    """
    cloud = draw(2, 7, 3)
    return PointAttention(16, 6), [cloud], PointAttention(16, 4), [cloud]


class FlatVAE(nn.Module):
    def __init__(self, side):
        super().__init__()
        chs, steps = (3, 8, 8, 16), []
        for a, b in zip(chs, chs[1:]):
            steps += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.LeakyReLU()]
        self.encode = nn.Sequential(*steps)
        self.mean = nn.Linear(16 * (side // 8) ** 2, 5)
        self.log_var = nn.Linear(16 * (side // 8) ** 2, 5)

    def forward(self, x):
        h = self.encode(x).flatten(1)
        return self.mean(h), self.log_var(h)


def latent_layer_for_another_size():
    """The layer behind the flattening counts on pictures of one size, and larger ones came.

    https://github.com/AntixK/PyTorch-VAE/issues/99
    """
    x = draw(2, 3, 48, 48)
    return FlatVAE(32), [x], FlatVAE(48), [x]
