"""Networks that people got wrong: sizes that do not meet, axes missing or in another order."""

import torch
from reported_inputs import draw, sinusoid, whole
from torch import nn
from torch.nn import functional as F


class WaveUNet(nn.Module):
    """1-D: halve by a strided convolution, double by repeating, join."""

    def __init__(self, chs=(8, 16, 32)):
        super().__init__()
        self.head = nn.Conv1d(1, chs[0], 3, padding=1)
        pairs = list(zip(chs, chs[1:]))
        self.downs = nn.ModuleList(nn.Conv1d(a, b, 4, stride=2, padding=1) for a, b in pairs)
        self.ups = nn.ModuleList(nn.Conv1d(b, a, 3, padding=1) for a, b in reversed(pairs))
        self.mixes = nn.ModuleList(nn.Conv1d(2 * a, a, 3, padding=1) for a, _ in reversed(pairs))
        self.tail = nn.Conv1d(chs[0], 1, 1)

    def forward(self, x):
        h, skips = self.head(x), []
        for down in self.downs:
            skips.append(h)
            h = F.silu(down(h))
        for up, mix in zip(self.ups, self.mixes):
            h = up(F.interpolate(h, scale_factor=2))
            h = F.silu(mix(torch.cat((h, skips.pop()), dim=1)))
        return self.tail(h)


def skip_1d_odd_length():
    return WaveUNet(), [draw(3, 1, 15)], WaveUNet(), [draw(3, 1, 16)]


class WaveResUNet(nn.Module):
    """1-D: the skip is added, not joined."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv1d(2, 8, 3, padding=1)
        self.down = nn.Conv1d(8, 8, 2, stride=2)
        self.up = nn.ConvTranspose1d(8, 8, 2, stride=2)
        self.tail = nn.Conv1d(8, 2, 3, padding=1)

    def forward(self, x):
        h = F.silu(self.head(x))
        return self.tail(h + self.up(F.silu(self.down(h))))


def skip_1d_added():
    return WaveResUNet(), [draw(3, 2, 37)], WaveResUNet(), [draw(3, 2, 36)]


class SpectrogramUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(1, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.Conv2d(16, 16, 3, padding=1)
        self.mix = nn.Conv2d(24, 8, 3, padding=1)
        self.tail = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        skips = [F.silu(self.head(x))]
        h = F.silu(self.down(skips[-1]))
        h = self.up(F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.tail(F.silu(self.mix(torch.cat([h, skips.pop()], dim=1))))


def spectrogram_odd_rows():
    return SpectrogramUNet(), [draw(2, 1, 17, 64)], SpectrogramUNet(), [draw(2, 1, 16, 64)]


class PaddedUNet(nn.Module):
    """The upsampled map is padded to the size of the skip."""

    def __init__(self, is_swapped):
        super().__init__()
        self.is_swapped = is_swapped
        self.one = nn.Conv2d(3, 8, 3, padding=1)
        self.two = nn.Conv2d(8, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.mix = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, x):
        skip = F.relu(self.one(x))
        h = self.up(F.relu(self.two(F.max_pool2d(skip, 2))))
        rows, columns = skip.shape[2] - h.shape[2], skip.shape[3] - h.shape[3]
        if self.is_swapped:
            rows, columns = columns, rows
        h = F.pad(h, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.mix(torch.cat([skip, h], dim=1))


def pad_swapped():
    return PaddedUNet(True), [draw(2, 3, 16, 21)], PaddedUNet(False), [draw(2, 3, 16, 21)]


class StridedUNet(nn.Module):
    def __init__(self, output_padding):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=output_padding)
        self.tail = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, x):
        skip = F.relu(self.head(x))
        return self.tail(torch.cat([skip, self.up(F.relu(self.down(skip)))], dim=1))


def no_output_padding():
    return StridedUNet(0), [draw(2, 3, 16, 16)], StridedUNet(1), [draw(2, 3, 16, 16)]


class StrideUNet(nn.Module):
    """Strides of the way down can be chosen, the way up doubles."""

    def __init__(self, stride):
        super().__init__()
        self.head = nn.Conv2d(1, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 16, 3, stride=stride, padding=1)
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, 8, 3, padding=1))
        self.tail = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, x):
        skip = F.relu(self.head(x))
        return self.tail(torch.cat([skip, self.up(F.relu(self.down(skip)))], dim=1))


def stride_of_one():
    return StrideUNet(1), [draw(2, 1, 16, 16)], StrideUNet(2), [draw(2, 1, 16, 16)]


class Plain2d(nn.Module):
    def __init__(self, in_ch=1):
        super().__init__()
        self.inc = nn.Sequential(nn.Conv2d(in_ch, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.low = nn.Conv2d(8, 16, 3, padding=1)
        self.out = nn.Conv2d(24, 1, 3, padding=1)

    def forward(self, x):
        skip = self.inc(x)
        h = F.interpolate(F.relu(self.low(F.max_pool2d(skip, 2))), scale_factor=2)
        return self.out(torch.cat([skip, h], dim=1))


def grey_batch_without_channel():
    x = draw(15, 24, 24)
    return Plain2d(), [x], Plain2d(), [x[:, None]]


def volume_in_2d_net():
    x = draw(3, 1, 5, 16, 16)
    return Plain2d(), [x], Plain2d(), [x.transpose(1, 2).flatten(0, 1)]


def one_axis_too_many():
    def net():
        return nn.Sequential(nn.Conv3d(4, 6, 3, padding=1), nn.BatchNorm3d(6), nn.ReLU())

    return net(), [draw(2, 1, 4, 8, 8, 6)], net(), [draw(2, 4, 8, 8, 6)]


class SequenceNet(nn.Module):
    """1-D: the time is joined to the sequence as further channels."""

    def __init__(self, in_ch, time_ch):
        super().__init__()
        self.time_ch = time_ch
        self.inner = nn.Conv1d(in_ch + time_ch, 32, 1)
        self.out = nn.Conv1d(32, in_ch, 1)

    def forward(self, x, t):
        temb = sinusoid(t, self.time_ch)[:, :, None].expand(-1, -1, x.shape[-1])
        return self.out(F.silu(self.inner(torch.cat([x, temb], dim=1))))


def sequence_with_channels_last():
    x, t = draw(2, 12, 20), whole(3, 40)
    return SequenceNet(20, 4), [x, t], SequenceNet(20, 4), [x.transpose(1, 2), t]


CASES = {
    case.__name__: case
    for case in (
        skip_1d_odd_length,
        skip_1d_added,
        spectrogram_odd_rows,
        pad_swapped,
        no_output_padding,
        stride_of_one,
        grey_batch_without_channel,
        volume_in_2d_net,
        one_axis_too_many,
        sequence_with_channels_last,
    )
}
