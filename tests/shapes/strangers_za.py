"""Sixth set of networks that strangers got wrong: windows, sound, weights, Python."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "volume_in_windows_of_three": [
        "8",
        "3",
        "divisible|multiple|pad|divid|remainder|fit|window|whole number",
    ],
    "places_of_a_wide_photograph": [
        "20",
        "25",
        "place|position|pos_embed|square|interpolat|resiz|20 x 20|crop|pad|5 x 5|4 x 5",
    ],
    "first_feature_is_the_picture": [
        "12",
        "3",
        "[-1]|last|[0]|first|picture|deepest|index|itself|input",
    ],
    "sound_returns_too_short": [
        "44",
        "46",
        "stride|rest|remainder|pad|crop|divisible|multiple|cut|lost|round|lose|left over|shorter",
    ],
    "strides_of_one": [
        "24",
        "12",
        "stride|doubl|twice|scale|rise|halv",
    ],
    "weights_for_three_sequences": [
        "enter",
        "3",
        "2",
        "load|checkpoint|saved|state_dict|stored|kept",
    ],
    "border_is_set_to_zero": [
        "in place|in-place|inplace|assign|overwrit|written|= 0|modified|changed",
        "relu|gradient|backward",
    ],
    "forward_one_step_to_the_right": [
        "forward",
        "indent|inside|nested|__init__|missing|no forward|not defined|lacks|has no|own forward",
        "MobileStem|backbone",
    ],
}


class WindowedVolume(nn.Module):
    """Tokens of a volume, normed within windows of 2 x 2 x 3."""

    def __init__(self):
        super().__init__()
        self.embed, self.mix = nn.Conv3d(2, 6, 4, 4), nn.Linear(6, 6)
        self.window = (2, 2, 3)

    def forward(self, volumes):
        x = self.embed(volumes).permute(0, 2, 3, 4, 1).contiguous()
        b, h, w, d, c = x.shape
        p, q, r = self.window
        x = x.view(b, h // p, p, w // q, q, d // r, r, c)
        x = x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, p * q * r, c)
        return F.scaled_dot_product_attention(self.mix(x), x, x)


def volume_in_windows_of_three():
    """Volumes of 192 x 192 x 208 were to be cut in windows that fit 160 x 192 x 224.

    https://github.com/junyuchen245/TransMorph_Transformer_for_Medical_Image_Registration/issues/2
    """
    old, new = draw(1, 2, 16, 16, 32), draw(1, 2, 16, 16, 36)
    return WindowedVolume(), [old], WindowedVolume(), [new]


class AerialViT(nn.Module):
    """Features of an aerial photograph; it learns a vector for each of 5 x 5 places."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, 10, 4, 4)
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 25, 10))
        self.block = nn.TransformerEncoderLayer(10, 2, 16, batch_first=True)

    def forward(self, photo):
        h = self.proj(photo)
        rows, columns = h.shape[2:]
        x = h.flatten(2).transpose(1, 2) + self.pos_embed
        return self.block(x).transpose(1, 2).unflatten(2, (rows, columns))


def places_of_a_wide_photograph():
    """Pictures of 600 x 800 came into the training set, the net was made for squares.

    https://github.com/ViTAE-Transformer/MTP/issues/48
    """
    return AerialViT(), [draw(2, 3, 16, 20)], AerialViT(), [draw(2, 3, 20, 20)]


class PyramidEncoder(nn.Module):
    """Returns a list: the picture itself, then what each level makes of it."""

    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList([nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 12, 3, 2, 1)])

    def forward(self, picture):
        features = [picture]
        for level in self.levels:
            features.append(F.relu(level(features[-1])))
        return features


class SteelClasses(nn.Module):
    """Defects in steel: the encoder of a U-Net with a small head."""

    def __init__(self, which):
        super().__init__()
        self.which = which
        self.encoder, self.feature = PyramidEncoder(), nn.Conv2d(12, 5, 1)
        self.logit = nn.Conv2d(5, 4, 1)

    def forward(self, sheet):
        x = self.encoder(sheet)[self.which]
        return self.logit(F.relu(self.feature(F.adaptive_avg_pool2d(x, 1))))


def first_feature_is_the_picture():
    """The first entry of the encoder's list was taken for the deepest; it is the input.

    https://github.com/qubvel-org/segmentation_models.pytorch/issues/255
    """
    x = draw(2, 3, 16, 24)
    return SteelClasses(0), [x], SteelClasses(-1), [x]


class SpeechCleaner(nn.Module):
    """Steps down and up by four without padding, a skip between; returns the loss."""

    def __init__(self):
        super().__init__()
        self.shrink, self.gate = nn.Conv1d(1, 6, 8, 4), nn.Conv1d(6, 12, 1)
        self.memory = nn.LSTM(6, 6, batch_first=True)
        self.grow = nn.ConvTranspose1d(6, 1, 8, 4)

    def forward(self, noisy, clean):
        skip = F.glu(self.gate(F.relu(self.shrink(noisy))), dim=1)
        deep = self.memory(skip.transpose(1, 2))[0].transpose(1, 2)
        return F.l1_loss(self.grow(deep + skip), clean)


def sound_returns_too_short():
    """Whole recordings were used to validate; some samples less come out than went in.

    https://github.com/facebookresearch/denoiser/issues/47
    """
    old, new = [draw(2, 1, 46), draw(2, 1, 46)], [draw(2, 1, 44), draw(2, 1, 44)]
    return SpeechCleaner(), old, SpeechCleaner(), new


class GatedUNet(nn.Module):
    """A skip is weighed by what comes from below; the strides may be chosen."""

    def __init__(self, stride):
        super().__init__()
        self.head, self.down = nn.Conv2d(1, 6, 3, 1, 1), nn.Conv2d(6, 8, 3, stride, 1)
        self.rise = nn.ConvTranspose2d(8, 6, 3, 2, 1, output_padding=1)
        self.of_below, self.of_skip = nn.Conv2d(6, 4, 1), nn.Conv2d(6, 4, 1)
        self.weight, self.merge = nn.Conv2d(4, 1, 1), nn.Conv2d(12, 2, 3, 1, 1)

    def forward(self, scan):
        skip = F.relu(self.head(scan))
        below = self.rise(F.relu(self.down(skip)))
        gate = self.weight(F.relu(self.of_below(below) + self.of_skip(skip))).sigmoid()
        return self.merge(torch.cat([below, gate * skip], 1))


def strides_of_one():
    """The U-Net with gates was built with strides of one; the way up doubles all the same.

    https://github.com/Project-MONAI/MONAI/issues/5422
    """
    x = draw(2, 1, 12, 12)
    return GatedUNet(1), [x], GatedUNet(2), [x]


class BrainUNet(nn.Module):
    """Finds lesions in slices of some sequences of a scanner."""

    def __init__(self, sequences):
        super().__init__()
        self.enter, self.down = nn.Conv2d(sequences, 6, 3, 1, 1), nn.Conv2d(6, 8, 2, 2)
        self.up, self.lesion = nn.ConvTranspose2d(8, 6, 2, 2), nn.Conv2d(12, 1, 1)

    def forward(self, slices):
        skip = F.relu(self.enter(slices))
        return self.lesion(torch.cat([self.up(F.relu(self.down(skip))), skip], 1)).sigmoid()


class FromTheHub(nn.Module):
    """Loads the published weights when it is first used."""

    def __init__(self, sequences):
        super().__init__()
        self.unet, self.kept = BrainUNet(sequences), BrainUNet(3).state_dict()

    def forward(self, slices):
        if self.kept is not None:
            self.unet.load_state_dict(self.kept)
            self.kept = None
        return self.unet(slices)


def weights_for_three_sequences():
    """The published weights know three channels, the net was asked for with two.

    https://github.com/mateuszbuda/brain-segmentation-pytorch/issues/15
    """
    return FromTheHub(2), [draw(2, 2, 12, 12)], FromTheHub(3), [draw(2, 3, 12, 12)]


class KeyPoints(nn.Module):
    """Weighs features by a map of points whose border counts for nothing; then backward."""

    def __init__(self, copies):
        super().__init__()
        self.copies = copies
        self.features, self.points = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 1, 3, 1, 1)

    def forward(self, photo):
        h = self.features(photo)
        att = F.relu(self.points(h))
        if self.copies:
            att = att.clone()
        att[:, :, :, 0] = 0
        att[:, :, :, -1] = 0
        att[:, :, 0, :] = 0
        att[:, :, -1, :] = 0
        loss = (att * h).pow(2).mean()
        loss.backward()
        return loss


def border_is_set_to_zero():
    """The border of the map was set to zero within what ReLU keeps for the gradient.

    https://github.com/AggMan96/RK-Net/issues/9
    """
    x = draw(2, 3, 10, 10)
    return KeyPoints(False), [x], KeyPoints(True), [x]


class MobileStem(nn.Module):
    """The first layers; its forward stands one step too far to the right."""

    def __init__(self):
        super().__init__()
        self.low, self.high = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)

        def forward(self, x):
            low = F.relu6(self.low(x))
            return low, F.relu6(self.high(low))


class RightStem(MobileStem):
    def forward(self, x):
        low = F.relu6(self.low(x))
        return low, F.relu6(self.high(low))


class RoadDeepLab(nn.Module):
    """Joins low and high features of its backbone."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone, self.shortcut = backbone, nn.Conv2d(4, 4, 1)
        self.classes = nn.Conv2d(12, 5, 3, 1, 1)

    def forward(self, road):
        low, high = self.backbone(road)
        high = F.interpolate(high, size=low.shape[2:], mode="bilinear")
        return self.classes(torch.cat([high, self.shortcut(low)], 1))


def forward_one_step_to_the_right():
    """The method forward was indented too far and so was no method of the class.

    https://github.com/bubbliiiing/deeplabv3-plus-pytorch/issues/55
    """
    x = draw(2, 3, 16, 16)
    return RoadDeepLab(MobileStem()), [x], RoadDeepLab(RightStem()), [x]
