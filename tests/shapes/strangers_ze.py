"""Seventh set of networks that strangers got wrong: judges, autoencoders, losses."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "judge_made_for_larger_faces": [
        "128",
        "32",
        "resolution|flatten|picture size|input size|size of|adaptive|pixel|"
        "16 x 16|larger|smaller|4 x 4|2 x 2",
    ],
    "pictures_fall_into_rows": [
        "54",
        "view|flatten|reshape|16",
        "12 x 12|12, 12|144|batch|rows|6",
    ],
    "truths_lack_an_axis": [
        "8, 1|(8,1)|8 x 1",
        "squeeze|[:, None]|view|reshape|axis|flatten|dimension|[:, 0]|same shape",
    ],
    "features_of_the_small_picture": [
        "12",
        "3",
        "48|target|sharp|larger|upscale|low|4 times|four times|resize|resolution|enlarge",
    ],
    "stack_in_double": [
        "double|float64",
        "float32|.float()|dtype|weight|single|cast|convert|bias",
    ],
    "face_of_22_rows": [
        "22",
        "20",
        "odd|round|multiple|divisible|divide|pad|crop|even|stride|lost|interpolate|resize|halv",
    ],
    "last_batch_is_one_scene": [
        "norm|BatchNorm|batch normal|whole|statistics|variance|deviation",
        "batch of 1|batch of one|one picture|batch size|single|more than one|eval()|drop_last|"
        "two pictures|1 value|one value|one number",
    ],
}


class FaceJudge(nn.Module):
    """Halves the picture until 4 x 4 is left of the size that it was made for."""

    def __init__(self, size):
        super().__init__()
        steps, wide = [nn.Conv2d(3, 8, 1)], size
        while wide > 4:
            steps += [nn.LeakyReLU(0.2), nn.Conv2d(8, 8, 3, 2, 1)]
            wide //= 2
        self.steps, self.final = nn.Sequential(*steps), nn.Linear(8 * 4 * 4, 6)
        self.verdict = nn.Linear(6, 1)

    def forward(self, face):
        h = F.leaky_relu(self.steps(face), 0.2)
        return self.verdict(F.leaky_relu(self.final(h.flatten(1)), 0.2))


def judge_made_for_larger_faces():
    """Training on pictures of 128 x 128 while the judge is still made for 256 x 256.

    https://github.com/XPixelGroup/BasicSR/issues/484
    """
    x = draw(3, 3, 16, 16)
    return FaceJudge(32), [x], FaceJudge(16), [x]


class StampJudge(nn.Module):
    """Judges stamps of 4 x 4 and says how far off the verdicts were."""

    def __init__(self, pixels):
        super().__init__()
        self.pixels = pixels
        self.body = nn.Sequential(nn.Linear(pixels, 12), nn.LeakyReLU(0.2), nn.Linear(12, 1))

    def forward(self, stamps):
        verdict = torch.sigmoid(self.body(stamps.view(-1, self.pixels)))
        truth = torch.ones(len(stamps), 1)
        return F.binary_cross_entropy(verdict, truth)


def pictures_fall_into_rows():
    """Pictures of 160 x 160 were viewed as rows of 64 numbers: far more verdicts than pictures.

    https://github.com/bentrevett/pytorch-sentiment-analysis/issues/105
    """
    x = draw(6, 1, 12, 12)
    return StampJudge(16), [x], StampJudge(144), [x]


class EvenJudge(nn.Module):
    """Learns to tell even numbers, written in bits, from what was made up."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(7, 1)
        self.loss = nn.BCELoss()

    def forward(self, bits, truth):
        return self.loss(torch.sigmoid(self.dense(bits)), truth)


def truths_lack_an_axis():
    """The verdicts are of shape (16, 1), the truths of shape (16,), and BCELoss refuses.

    https://github.com/nbertagnolli/pytorch-simple-gan/issues/1
    """
    bits, truth = draw(8, 7), torch.ones(8)
    return EvenJudge(), [bits, truth], EvenJudge(), [bits, truth[:, None]]


class Sharpener(nn.Module):
    """Makes pictures four times as large; compared by what a critic sees in them."""

    def __init__(self):
        super().__init__()
        self.enlarge = nn.Sequential(nn.Conv2d(3, 48, 3, 1, 1), nn.PixelShuffle(4))
        self.critic = nn.Sequential(nn.Conv2d(3, 5, 4, 4), nn.ReLU(), nn.Conv2d(5, 6, 3, 1, 1))

    def forward(self, small, target):
        seen = self.critic(self.enlarge(small))
        return F.mse_loss(seen, self.critic(target))


def features_of_the_small_picture():
    """The pictures made are four times as large as those they are compared with.

    https://github.com/alohaleonardo/Super_Resolution_with_CNNs_and_GANs/issues/6
    """
    small = draw(2, 3, 12, 12)
    return Sharpener(), [small, small], Sharpener(), [small, draw(2, 3, 48, 48)]


class StackDenoiser(nn.Module):
    """Takes the noise out of stacks of pictures from a microscope."""

    def __init__(self):
        super().__init__()
        self.look, self.give = nn.Conv3d(1, 4, 3, 1, 1), nn.Conv3d(4, 1, 3, 1, 1)

    def forward(self, stack):
        stack = (stack - stack.mean()) / stack.std()
        return stack - self.give(F.leaky_relu(self.look(stack)))


def stack_in_double():
    """The stack comes in double precision, the layers have single precision.

    https://github.com/cabooster/SRDTrans/issues/16
    """
    stack = draw(1, 1, 4, 8, 8)
    return StackDenoiser(), [stack.double()], StackDenoiser(), [stack]


class CodedFaces(nn.Module):
    """Replaces each place by the nearest word of a book, and paints the face again."""

    def __init__(self):
        super().__init__()
        self.fold = nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.ReLU(), nn.Conv2d(6, 4, 4, 2, 1))
        self.book = nn.Embedding(10, 4)
        self.unfold = nn.Sequential(
            nn.ConvTranspose2d(4, 6, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(6, 3, 4, 2, 1)
        )

    def forward(self, face):
        z = self.fold(face).permute(0, 2, 3, 1)
        nearest = torch.cdist(z.flatten(0, 2), self.book.weight).argmin(1)
        words = self.book(nearest).view_as(z)
        kept = z + (words - z).detach()
        painted = self.unfold(kept.permute(0, 3, 1, 2))
        return F.l1_loss(painted, face) + F.mse_loss(words, z.detach())


def face_of_22_rows():
    """Faces of 78 x 64 come out as 76 x 64 and cannot be compared.

    https://github.com/nakosung/VQ-VAE/issues/3
    """
    return CodedFaces(), [draw(2, 3, 22, 16)], CodedFaces(), [draw(2, 3, 24, 16)]


class SceneMarker(nn.Module):
    """Marks scenes; one branch sums the whole picture up in a single place."""

    def __init__(self):
        super().__init__()
        self.near = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.whole = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 4, 1), nn.BatchNorm2d(4), nn.ReLU()
        )
        self.marks = nn.Conv2d(10, 3, 1)

    def forward(self, scene):
        near = self.near(scene)
        whole = self.whole(near).expand(-1, -1, *near.shape[-2:])
        marks = self.marks(torch.cat([near, whole], dim=1))
        return F.interpolate(marks, size=scene.shape[-2:], mode="bilinear")


def last_batch_is_one_scene():
    """The last batch has one picture: a batch norm after global pooling has one value a channel.

    https://github.com/YudeWang/deeplabv3plus-pytorch/issues/34
    """
    return SceneMarker(), [draw(1, 3, 16, 16)], SceneMarker(), [draw(2, 3, 16, 16)]
