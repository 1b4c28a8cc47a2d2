"""Third set of networks that strangers got wrong: losses, calls, kinds of numbers, devices."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "two_channels_for_yes_or_no": [
        "(4, 2, 8, 8)|4 x 2 x 8 x 8|2 channels|two channels|channels",
        "(4, 8, 8)|4 x 8 x 8",
        "axis|axes|one channel|1 channel|[:, None]|unsqueeze|cross_entropy|one-hot|one hot",
    ],
    "mask_in_one_hot": [
        "one-hot|one hot|argmax|channel for each|indices|index|.float()|float32",
        "mask|label|second input|target|(2, 5, 8, 8)|2 x 5 x 8 x 8",
    ],
    "net_answers_on_three_scales": [
        "tuple|three|several",
        "DeepUNet|net|returns|returned|heads|outputs",
    ],
    "loop_over_the_batch": [
        "(1, 8, 8)|one of the 5|one picture|one image|first picture|each picture",
        "loop|batch|iterat|goes over|list|picture by picture|pictures",
    ],
    "return_is_forgotten": ["return", "OutConv|out", "None|nothing"],
    "mask_of_whole_numbers": [
        "mask|target|label|second input|(2, 1, 6, 6)",
        "int64|Long|whole",
        ".float()|float32|float",
    ],
    "scan_in_float64": [
        "scan|input|given|as it came",
        "float64|double",
        ".float()|float32|.double()",
    ],
    "label_is_a_measure": [
        "Embedding|rows|labels|table",
        "float32|float64|real number|continuous|not whole|float",
        "whole|.long()|integer|int64|Linear|index",
    ],
    "places_of_time_stay_behind": [
        "table",
        "register_buffer|buffer|plain tensor|plain attribute|attribute",
        "meta|cpu",
    ],
}


class YesNoStep(nn.Module):
    """Is it a road or not? The error of a small net's answer."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(6, channels, 1)

    def forward(self, street, mask):
        answer = self.head(self.body(street)).sigmoid()
        return F.binary_cross_entropy(answer, mask)


def two_channels_for_yes_or_no():
    """Cross entropy was replaced by BCELoss, with two channels of answer and (N, H, W) masks.

    https://github.com/PacktPublishing/Modern-Computer-Vision-with-PyTorch/issues/25
    """
    x, mask = draw(4, 3, 8, 8), torch.randint(2, (4, 8, 8)).float()
    return YesNoStep(2), [x, mask], YesNoStep(1), [x, mask[:, None]]


class ClassStep(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 6, 3, 2, 1), nn.ConvTranspose2d(6, classes, 2, 2)

    def forward(self, street, mask):
        return F.cross_entropy(self.up(F.relu(self.down(street))), mask)


def mask_in_one_hot():
    """Colour masks were turned into one channel of 0 and 1 for each class, for cross entropy.

    https://github.com/UsamaI000/CamVid-Segmentation-Pytorch/issues/2
    """
    x, mask = draw(2, 3, 8, 8), torch.randint(5, (2, 8, 8))
    one_hot = F.one_hot(mask, 5).permute(0, 3, 1, 2)
    return ClassStep(5), [x, one_hot], ClassStep(5), [x, mask]


class DeepUNet(nn.Module):
    """Answers on each level."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(1, 4, 3, padding=1)
        self.heads = nn.ModuleList(nn.Conv2d(4, 1, 1) for _ in range(3))

    def forward(self, x):
        h = self.enter(x)
        maps = [h, F.max_pool2d(h, 2), F.max_pool2d(h, 4)]
        return tuple(head(m) for head, m in zip(self.heads, maps))


class DiceStep(nn.Module):
    def __init__(self, takes_all):
        super().__init__()
        self.net, self.takes_all = DeepUNet(), takes_all

    def overlap(self, answer, target):
        target = F.interpolate(target, answer.shape[2:])
        both = (answer.sigmoid() * target).sum()
        return 1 - 2 * both / (answer.sigmoid().sum() + target.sum() + 1)

    def forward(self, scan, target):
        answer = self.net(scan)
        if self.takes_all:
            return sum(self.overlap(a, target) for a in answer)
        return self.overlap(answer, target)


def net_answers_on_three_scales():
    """Deep supervision was switched on; the loss asks the net's tuple for its shape.

    https://github.com/MIC-DKFZ/nnUNet/issues/75
    """
    inputs = [draw(2, 1, 8, 8), torch.randint(2, (2, 1, 8, 8)).float()]
    return DiceStep(False), inputs, DiceStep(True), inputs


class SupervisedStep(nn.Module):
    """Sums the errors of all that the net gives back."""

    def __init__(self, is_list):
        super().__init__()
        self.is_list = is_list
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))

    def forward(self, tissue, target):
        answers = self.net(tissue)
        if self.is_list:
            answers = [answers]
        loss = 0
        for answer in answers:
            loss = loss + F.binary_cross_entropy_with_logits(answer, target)
        return loss


def loop_over_the_batch():
    """Deep supervision was switched on for a net with one answer; the loop goes over pictures.

    https://github.com/jeya-maria-jose/UNeXt-pytorch/issues/7
    """
    inputs = [draw(5, 3, 8, 8), torch.randint(2, (5, 1, 8, 8)).float()]
    return SupervisedStep(False), inputs, SupervisedStep(True), inputs


class OutConv(nn.Module):
    def __init__(self, ch, returns):
        super().__init__()
        self.conv, self.returns = nn.Conv2d(ch, 1, 1), returns

    def forward(self, x):
        x = self.conv(x)
        if self.returns:
            return x
        return


class ScanCleaner(nn.Module):
    def __init__(self, returns):
        super().__init__()
        self.enter, self.out = nn.Conv2d(1, 4, 3, padding=1), OutConv(4, returns)

    def forward(self, scan):
        noise = self.out(F.relu(self.enter(scan)))
        return scan[..., : noise.shape[-2], : noise.shape[-1]] - noise


def return_is_forgotten():
    """The last layer's forward computes its map and returns nothing; the next line wants its shape.

    https://github.com/LujiaJin/One-Pot_Multi-Frame_Denoising/issues/12
    """
    x = draw(2, 1, 8, 8)
    return ScanCleaner(False), [x], ScanCleaner(True), [x]


class SaliencyStep(nn.Module):
    """Several answers are compared with the same mask."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, padding=1)
        self.sides = nn.ModuleList(nn.Conv2d(4, 1, 1) for _ in range(2))

    def forward(self, photo, mask):
        h = F.relu(self.body(photo))
        return sum(F.binary_cross_entropy(side(h).sigmoid(), mask) for side in self.sides)


def mask_of_whole_numbers():
    """The mask for a binary cross entropy is of int64.

    https://github.com/xuebinqin/U-2-Net/issues/25
    """
    x, mask = draw(2, 3, 6, 6), torch.randint(2, (2, 1, 6, 6))
    return SaliencyStep(), [x, mask], SaliencyStep(), [x, mask.float()]


class RootNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 2, 1)

    def forward(self, scan):
        brightest = scan.amax((2, 3, 4), keepdim=True)
        return self.b(F.relu(self.a(scan / brightest)))


def scan_in_float64():
    """A scan of whole numbers was normed by numpy to float64; the 3-D net has float32.

    https://github.com/Abe404/RootPainter3D/issues/1
    """
    x = torch.rand(1, 1, 6, 6, 6, dtype=torch.float64)
    return RootNet(), [x], RootNet(), [x.float()]


class LabelledUNet(nn.Module):
    """The label's embedding is added to the time's."""

    def __init__(self, labels):
        super().__init__()
        self.time, self.labels = nn.Linear(1, 6), labels
        self.enter, self.leave = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 1, 3, padding=1)

    def forward(self, x, t, label):
        emb = F.silu(self.time(t[:, None]) + self.labels(label))
        return self.leave(F.silu(self.enter(x) + emb[:, :, None, None]))


def label_is_a_measure():
    """Pictures labelled by one real number were given to a U-Net that looks labels up in a table.

    https://github.com/dome272/Diffusion-Models-pytorch/issues/29
    """
    x, t, size = draw(3, 1, 8, 8), torch.rand(3), torch.tensor([0.3, 1.7, 2.2])
    fixed = LabelledUNet(nn.Linear(1, 6))
    return LabelledUNet(nn.Embedding(4, 6)), [x, t, size], fixed, [x, t, size[:, None]]


class TimePlaces(nn.Module):
    """Sines of all steps, made once."""

    def __init__(self, is_buffer, steps=50, dim=6):
        super().__init__()
        angles = torch.arange(steps)[:, None] / 10 ** torch.linspace(0, 2, dim // 2)
        table = torch.cat([angles.sin(), angles.cos()], dim=1)
        if is_buffer:
            self.register_buffer("table", table)
        else:
            self.table = table
        self.linear = nn.Linear(dim, dim)

    def forward(self, t):
        return self.linear(self.table[t])


class PlacedDenoiser(nn.Module):
    def __init__(self, is_buffer):
        super().__init__()
        self.time = TimePlaces(is_buffer)
        self.enter, self.leave = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 3, 3, padding=1)

    def forward(self, x, t):
        return self.leave(F.silu(self.enter(x) + self.time(t)[..., None, None]))


def places_of_time_stay_behind():
    """The tables of the schedule and of the steps' sines are plain tensors and stay on the CPU.

    https://github.com/mattroz/diffusion-ddpm/issues/5
    """
    x, t = draw(2, 3, 8, 8).to("meta"), torch.tensor([4, 31]).to("meta")
    return PlacedDenoiser(False).to("meta"), [x, t], PlacedDenoiser(True).to("meta"), [x, t]
