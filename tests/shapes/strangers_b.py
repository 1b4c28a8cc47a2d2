"""Networks that strangers got wrong: axes, masks and losses."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "frames_before_channels": ["3", "7", "frame|axis 2|axis 1|transpose|permute|swap"],
    "squeezed_batch_of_one": ["squeeze", "batch"],
    "short_recording_is_mirrored": [
        "10",
        "16",
        "longer|zeros|constant|replicate|at most|too short|shorter",
    ],
    "mask_without_batch": ["(8, 8)|(8, 1, 8)|8 x 8", "batch|[None"],
    "view_of_a_permuted_map": ["permute|transpose|movedim", "reshape|contiguous()"],
    "padding_mask_is_turned": ["mask", "(3, 5)|3 x 5", "transpose|turn|swap|exchang|batch|mT"],
    "causal_mask_of_the_batch": ["mask", "5", "batch"],
    "mask_keeps_its_channel": ["(2, 1, 6, 5)|2 x 1 x 6 x 5", "channel|squeeze|[:, 0]|axis 1"],
    "grey_values_as_classes": [
        "192|255",
        "2 classes|two classes|0 to 1|0 and 1|0..1|2 channels|0 or 1",
    ],
    "net_returns_a_pair": ["tuple|pair|two tensors|2 tensors", "net", "[0]|first|unpack|take"],
}


class FrameByFrame(nn.Module):
    """Video (picture, channel, frame, row, column); each frame goes through a 2-D net."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(3, 8, 3, padding=1)
        self.leave = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, video):
        frames = video.shape[2]
        flat = video.transpose(1, 2).flatten(0, 1)
        made = self.leave(F.silu(self.enter(flat)))
        return made.unflatten(0, (-1, frames)).transpose(1, 2)


def frames_before_channels():
    """The documentation said (batch, frames, channels, ...), the code takes channels first.

    https://github.com/huggingface/diffusers/issues/6657
    """
    video = draw(2, 7, 3, 8, 10)
    return FrameByFrame(), [video], FrameByFrame(), [video.transpose(1, 2)]


class Recognizer(nn.Module):
    def __init__(self, is_squeezed):
        super().__init__()
        self.is_squeezed = is_squeezed
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(6, 4))

    def forward(self, x):
        h = self.body(x)
        return self.head(h.squeeze() if self.is_squeezed else h.flatten(1))


def squeezed_batch_of_one():
    """squeeze() without an axis also takes the batch away when the last batch has one picture.

    https://github.com/layumi/Person_reID_baseline_pytorch/issues/77
    """
    x = draw(1, 3, 8, 8)
    return Recognizer(True).eval(), [x], Recognizer(False).eval(), [x]


class Separator(nn.Module):
    """1-D audio: the edges are padded by a whole window before it is cut."""

    def __init__(self, mode):
        super().__init__()
        self.mode = mode
        self.frames = nn.Conv1d(1, 6, 16, stride=8)
        self.waves = nn.ConvTranspose1d(6, 1, 16, stride=8)

    def forward(self, audio):
        padded = F.pad(audio, (16, 16), mode=self.mode)
        return self.waves(torch.relu(self.frames(padded)))[..., 16 : 16 + audio.shape[-1]]


def short_recording_is_mirrored():
    """A recording shorter than the window was to be padded by its mirror image.

    https://github.com/kwatcharasupat/bandit/issues/8
    """
    audio = draw(2, 1, 10)
    return Separator("reflect"), [audio], Separator("constant"), [audio]


class MaskedTokens(nn.Module):
    """A mask, made as small as the map, weighs what the tokens get."""

    def __init__(self):
        super().__init__()
        self.cut = nn.Conv2d(3, 8, 2, stride=2)
        self.value = nn.Linear(8, 8)

    def forward(self, x, mask):
        h = self.cut(x)
        weight = F.interpolate(mask[:, None], size=h.shape[2:], mode="bicubic")
        seen = self.value(h.flatten(2).mT).mT.unflatten(2, h.shape[2:])
        return h + weight * seen


def mask_without_batch():
    """One mask (rows, columns) was given where masks have a batch axis in front.

    https://github.com/cubiq/ComfyUI_IPAdapter_plus/pull/110
    """
    x, mask = draw(2, 3, 8, 8), torch.rand(8, 8)
    return MaskedTokens(), [x, mask], MaskedTokens(), [x, mask[None]]


class LastChannels(nn.Module):
    """An autoencoder whose maps have their channels last before they are flattened."""

    def __init__(self, flatten):
        super().__init__()
        self.flatten = flatten
        self.encode = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.code, self.back = nn.Linear(64, 6), nn.Linear(6, 64)

    def forward(self, x):
        h = self.encode(x).permute(0, 2, 3, 1)
        return self.back(self.code(self.flatten(h)))


def view_of_a_permuted_map():
    """view() was asked of a tensor whose axes had been moved; reshape() copies where needed.

    https://github.com/davidstutz/disentangling-robustness-generalization/issues/2
    """
    x = draw(2, 1, 8, 8)
    broken = LastChannels(lambda h: h.view(len(h), -1))
    return broken, [x], LastChannels(lambda h: h.reshape(len(h), -1)), [x]


class Reader(nn.Module):
    """Words stand in columns (length, batch); those that are 0 are padding."""

    def __init__(self, is_turned):
        super().__init__()
        self.is_turned = is_turned
        self.embed = nn.Embedding(10, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16)
        self.encode = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, words):
        mask = words == 0
        if self.is_turned:
            mask = mask.mT
        return self.encode(self.embed(words), src_key_padding_mask=mask)


def padding_mask_is_turned():
    """The padding mask was made (length, batch) like the words, but it must be (batch, length).

    https://github.com/pytorch/pytorch/issues/25129
    """
    words = torch.tensor([[4, 2, 7], [1, 1, 9], [3, 0, 5], [8, 0, 2], [6, 0, 0]])
    return Reader(False), [words], Reader(True), [words]


class Forecaster(nn.Module):
    """A series looks only back; the mask is made for the axis that is named."""

    def __init__(self, axis):
        super().__init__()
        self.axis = axis
        self.enter = nn.Linear(4, 8)
        self.core = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)

    def forward(self, series):
        h = self.enter(series)
        mask = nn.Transformer.generate_square_subsequent_mask(series.shape[self.axis])
        return self.core(h, h, src_mask=mask, tgt_mask=mask)


def causal_mask_of_the_batch():
    """The causal mask was made as large as the batch, with batch_first it must be the length.

    https://github.com/pytorch/pytorch/issues/115472
    """
    series = draw(6, 5, 4)
    return Forecaster(0), [series], Forecaster(1), [series]


class LabelStep(nn.Module):
    """The step of a segmentation net."""

    def __init__(self, classes):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, classes, 1))

    def forward(self, x, mask):
        return F.cross_entropy(self.net(x), mask)


def mask_keeps_its_channel():
    """The mask of classes came as (batch, 1, rows, columns); cross entropy wants it without the 1.

    https://github.com/HSG-AIML/SSLTransformerRS/issues/1
    """
    x, mask = draw(2, 3, 6, 5), torch.randint(0, 4, (2, 1, 6, 5))
    return LabelStep(4), [x, mask], LabelStep(4), [x, mask[:, 0]]


def grey_values_as_classes():
    """Masks were loaded as grey values (0, 192, 255), not as numbers of classes (0 and 1).

    https://github.com/milesial/Pytorch-UNet/issues/291
    """
    x, mask = draw(2, 3, 6, 5), torch.zeros(2, 6, 5, dtype=torch.long)
    mask[:, 2:4, 1:3], mask[:, 4:, 3:] = 192, 255
    return LabelStep(2), [x, mask], LabelStep(2), [x, (mask > 0).long()]


class Attentive(nn.Module):
    """Weighs the frames of a recording; gives its answer and the weights."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv1d(1, 6, 5, stride=2)
        self.weigh, self.answer = nn.Conv1d(6, 1, 1), nn.Linear(6, 1)

    def forward(self, audio):
        h = torch.relu(self.features(audio))
        weights = self.weigh(h).softmax(-1)
        return self.answer((h * weights).sum(-1)).sigmoid(), weights


class SpoofStep(nn.Module):
    def __init__(self, is_first):
        super().__init__()
        self.is_first, self.net = is_first, Attentive()

    def forward(self, audio, wanted):
        made = self.net(audio)
        if self.is_first:
            made = made[0]
        return F.binary_cross_entropy(made, wanted)


def net_returns_a_pair():
    """The net gives an answer and its weights, and the loss was handed both as one.

    https://github.com/jefflai108/Attentive-Filtering-Network/issues/8
    """
    inputs = [draw(3, 1, 21), torch.tensor([[1.0], [0.0], [1.0]])]
    return SpoofStep(False), inputs, SpoofStep(True), inputs
