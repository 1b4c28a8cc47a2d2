"""Fourth set of networks that strangers got wrong: sizes, views, heads."""

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "side_of_511": ["15", "14", "odd|multiple|divisible|rounded|lost a|halv|pool"],
    "segment_is_no_multiple_of_the_hop": [
        "28",
        "30",
        "multiple|56|divi|hop|factor|made 28|of 7|4 times|upsampl|interpolat|stride",
    ],
    "three_channels_in_two_groups": ["3", "(g)|channel", "2|two|even"],
    "side_of_100": [
        "5",
        "odd|multiple of|divisible|remain|halv|power of|even",
        "10|20|downs",
    ],
    "frames_written_in": [
        "32",
        "48|16|4 x 4|(4, 4)|4, 4",
        "written|0|nothing|empty|ends|short|only|slice",
    ],
    "more_pictures_than_were_given": ["18", "view|reshape|flatten|more pictures|9|-1"],
    "volume_of_a_quarter_of_the_numbers": [
        "64|128",
        "16|32|2, 2, 2, 2, 2|2 channels",
        "8 in place|channel|4 times|four times|linear|axis 1|8 where|(2, 8,|quarter|wide",
    ],
    "heads_stay_in_the_batch": ["8", "2|4 times|four times", "head|batch|picture|image|axis 0"],
    "mask_without_heads": ["4", "2", "head|axis 1|[:, None]|unsqueeze(1)|(2, 1"],
}


class PooledUNet(nn.Module):
    """Two levels; the answer is added to what came in."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.bottom = nn.Conv2d(8, 8, 3, padding=1)
        self.back2, self.back1 = nn.Conv2d(16, 4, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, slide):
        one = F.relu(self.first(slide))
        two = F.relu(self.second(F.max_pool2d(one, 2)))
        low = F.relu(self.bottom(F.max_pool2d(two, 2)))
        low = F.interpolate(low, scale_factor=2)
        low = F.relu(self.back2(torch.cat([two, low], 1)))
        low = F.interpolate(low, scale_factor=2)
        return slide + self.back1(torch.cat([one, low], 1))


def side_of_511():
    """Pictures of 511 x 511 were given to a residual U-Net that halves them by pooling.

    https://github.com/fepegar/unet/issues/29
    """
    return PooledUNet(), [draw(2, 1, 31, 31)], PooledUNet(), [draw(2, 1, 32, 32)]


class MelVocoder(nn.Module):
    """Makes noise into sound: the sound goes down, the mel frames go up, they meet half way."""

    def __init__(self):
        super().__init__()
        self.sound = nn.Conv1d(1, 6, 5, padding=2)
        self.down = nn.Conv1d(6, 6, 3, stride=2, padding=1)
        self.frames = nn.Conv1d(5, 6, 3, padding=1)
        self.refine, self.out = nn.Conv1d(6, 6, 3, padding=1), nn.Conv1d(6, 1, 3, padding=1)

    def forward(self, noisy, mel):
        wide = self.sound(noisy)
        narrow = self.down(F.leaky_relu(wide))
        h = F.interpolate(self.frames(mel), scale_factor=4)
        h = F.leaky_relu(self.refine(h + narrow))
        return self.out(F.interpolate(h, scale_factor=2) + wide)


def segment_is_no_multiple_of_the_hop():
    """Factors were changed for a hop of 256, the segment of 7200 samples is not 256 times a number.

    https://github.com/ivanvovk/WaveGrad/issues/5
    """
    mel = draw(2, 5, 7)
    return MelVocoder(), [draw(2, 1, 60), mel], MelVocoder(), [draw(2, 1, 56), mel]


class GroupedJudge(nn.Module):
    """Tells real from made pictures; large ones are made smaller first."""

    def __init__(self, widens):
        super().__init__()
        self.shrink = nn.Conv2d(3, 8, 4, 2, 1) if widens else nn.AvgPool2d(2)
        self.gate = nn.Parameter(torch.ones(2, 1, 1, 1))
        self.score = nn.Conv2d(8 if widens else 3, 1, 4)

    def forward(self, face):
        h = self.shrink(face)
        h = rearrange(h, "b (g c) h w -> b g c h w", g=2) * self.gate
        return self.score(rearrange(h, "b g c h w -> b (g c) h w"))


def three_channels_in_two_groups():
    """For larger pictures a first step is put before, and the colours come to a layer of 2 groups.

    https://github.com/lucidrains/lightweight-gan/issues/12
    """
    x = draw(2, 3, 16, 16)
    return GroupedJudge(False), [x], GroupedJudge(True), [x]


class FoldingDenoiser(nn.Module):
    """Each step down folds 2 x 2 pixels into the channels."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(3, 4, 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(16, 4, 1) for _ in range(3))
        self.leave = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, spectrum):
        h = self.enter(spectrum)
        for down in self.downs:
            h = F.silu(down(rearrange(h, "b c (h p) (w q) -> b (c p q) h w", p=2, q=2)))
        return self.leave(F.interpolate(h, scale_factor=8))


def side_of_100():
    """Mel spectrograms of 100 x 100 in a diffusion U-Net that halves three times.

    https://github.com/lucidrains/denoising-diffusion-pytorch/issues/232
    """
    return FoldingDenoiser(), [draw(2, 3, 20, 20)], FoldingDenoiser(), [draw(2, 3, 24, 24)]


class TriplaneDenoiser(nn.Module):
    """A clip's latent: three planes (rows x columns, frames x columns, frames x rows) in a row."""

    def __init__(self, frames, side=4):
        super().__init__()
        self.frames, self.side = frames, side
        self.enter, self.plane = nn.Conv1d(3, 4, 1), nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, latent):
        h = self.enter(latent)
        s, f = self.side, self.frames
        n, c = h.shape[:2]
        pixels = h[:, :, : s * s].reshape(n, c, s, s)
        across = h[:, :, s * s : s * s + f * s].reshape(n, c, f, s)
        along = h[:, :, s * s + f * s : s * s + 2 * f * s].reshape(n, c, f, s)
        return torch.cat([self.plane(p).flatten(2) for p in (pixels, across, along)], dim=2)


def frames_written_in():
    """The number of frames is written into a video net that cuts its latent into planes.

    https://github.com/sihyun-yu/PVDM/issues/37
    """
    x = draw(2, 3, 4 * 4 + 2 * (2 * 4))
    return TriplaneDenoiser(4), [x], TriplaneDenoiser(2), [x]


class SmallVAE(nn.Module):
    """Meant for pictures of 16 x 16; forward gives the error."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 6, 4, 2, 1)
        self.c = nn.Conv2d(6, 8, 4, 2, 1)
        self.mean, self.grow = nn.Linear(32, 5), nn.Linear(5, 32)
        self.up = nn.ConvTranspose2d(8, 3, 8, 8)

    def forward(self, photo):
        h = F.relu(self.c(F.relu(self.b(F.relu(self.a(photo))))))
        z = self.mean(h.view(-1, 8 * 2 * 2))
        again = self.up(self.grow(z).view(-1, 8, 2, 2))
        return (again - photo).square().mean()


def more_pictures_than_were_given():
    """A VAE for 32 x 32 was given 224 x 224; its view made 3136 pictures of 64.

    https://github.com/sinhasam/vaal/issues/21
    """
    return SmallVAE(), [draw(2, 3, 48, 48)], SmallVAE(), [draw(2, 3, 16, 16)]


class TumourVAE(nn.Module):
    """The branch of a volume net that makes the volume again."""

    def __init__(self, width, squeezed=4):
        super().__init__()
        self.width, self.half = width, squeezed // 2
        self.down1, self.down2 = nn.Conv3d(2, 4, 3, 2, 1), nn.Conv3d(4, 8, 3, 2, 1)
        self.squeeze = nn.Linear(8 * 2 * 2 * 2, squeezed)
        self.again = nn.Linear(self.half, 8 * 2 * 2 * 2)
        self.up = nn.Conv3d(width, 2, 3, padding=1)

    def forward(self, brain):
        h = F.relu(self.down2(F.relu(self.down1(brain))))
        z = self.squeeze(h.flatten(1))[:, : self.half]
        h = F.relu(self.again(z)).view(len(z), self.width, 2, 2, 2)
        return self.up(F.interpolate(h, scale_factor=4))


def volume_of_a_quarter_of_the_numbers():
    """Init makes numbers for 8 times the first channels, the view in forward asks for fewer.

    https://github.com/doublechenching/brats_segmentation-pytorch/issues/4
    """
    x = draw(2, 2, 8, 8, 8)
    return TumourVAE(2), [x], TumourVAE(8), [x]


class HeadAttention(nn.Module):
    """Attention in a denoiser; heads are laid into the batch for a while."""

    def __init__(self, divides, ch=12, heads=4):
        super().__init__()
        self.divides, self.heads = divides, heads
        self.norm, self.qkv, self.out = (
            nn.GroupNorm(2, ch),
            nn.Linear(ch, 3 * ch),
            nn.Linear(ch, ch),
        )

    def split(self, t):
        n, places, ch = t.shape
        t = t.reshape(n, places, self.heads, ch // self.heads)
        return t.transpose(1, 2).reshape(n * self.heads, places, ch // self.heads)

    def merge(self, t):
        n, places, ch = t.shape
        t = t.reshape(n // self.heads, self.heads, places, ch).transpose(1, 2)
        if self.divides:
            n = n // self.heads
        return t.reshape(n, places, ch * self.heads)

    def forward(self, x):
        tokens = self.norm(x).flatten(2).mT
        q, k, v = (self.split(t) for t in self.qkv(tokens).chunk(3, -1))
        seen = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
        return x + self.out(self.merge(seen)).mT.reshape(x.shape)


def heads_stay_in_the_batch():
    """On the way back from (batch times heads) the batch was not divided by the heads.

    https://github.com/huggingface/diffusers/issues/3207
    """
    x = draw(2, 12, 4, 5)
    return HeadAttention(False), [x], HeadAttention(True), [x]


class PatchLooker(nn.Module):
    """Patches of a picture look at those that a mask allows."""

    def __init__(self, with_heads, dim=16, heads=4):
        super().__init__()
        self.with_heads, self.heads = with_heads, heads
        self.patches = nn.Conv2d(3, dim, 4, 4)
        self.qkv, self.head = nn.Linear(dim, 3 * dim), nn.Linear(dim, 7)

    def forward(self, img, mask):
        tokens = self.patches(img).flatten(2).mT
        q, k, v = rearrange(self.qkv(tokens), "b n (s h d) -> s b h n d", s=3, h=self.heads)
        mask = mask.flatten(1)
        allowed = mask[:, :, None] & mask[:, None, :]
        if self.with_heads:
            allowed = allowed[:, None]
        dots = (q @ k.mT).masked_fill(~allowed, -1e4)
        seen = rearrange(dots.softmax(-1) @ v, "b h n d -> b n (h d)")
        return self.head(seen.mean(1))


def mask_without_heads():
    """A ViT's mask was tried with two pictures; it has no axis for the heads.

    https://github.com/lucidrains/vit-pytorch/issues/71
    """
    inputs = [draw(2, 3, 12, 12), torch.rand(2, 3, 3) < 0.8]
    return PatchLooker(False), inputs, PatchLooker(True), inputs
