"""5.1 The U-Net."""

import torch
from torch import nn

from course_utils.blocks import ConvBlock, downsample, upsample
from course_utils.decoder import Decoder
from course_utils.embedding import TimeEmbedding
from course_utils.encoder import Encoder
from course_utils.unet import UNet, timesteps

HINTS = [
    (r"coder\.forward\(\) missing", "", "The encoder takes (x, temb) and returns (bottom, "
     "skips). The decoder takes (bottom, skips, temb)."),
    ("have the same dtype|mat1 and mat2", "", "temb goes to both sides, not t, and it has time_dim "
     "numbers: TimeEmbedding(time_dim)."),
    ("has no attribute 'float'|too many indices|iteration over a 0-d", "", "Samplers call "
     "net(xt, 300), with one int for the whole batch. timesteps(t, x) makes (B,) of it."),
    ("Sizes of tensors must match", "", "A skip meets another level's picture. The list of skips "
     "goes to the decoder as it is, and both sides get the same chs."),
]  # fmt: skip


def experiment(probe, UNet):
    for B, C, base, ch_mult, D, H, W in [(2, 3, 4, (2, 1, 3), 6, 8, 4), (3, 1, 2, (1, 3), 8, 6, 2)]:
        net = probe.build(UNet, C, base, ch_mult, D)
        clocks = [n for n, m in net.named_modules() if type(m).__name__ == "TimeEmbedding"]
        told = f"Your network has {len(clocks)} time embeddings: {', '.join(clocks)}."
        look = "One is enough: compute temb once, and hand the same to the encoder and the decoder."
        probe.note("one time embedding", len(clocks) > 1, told, look)
        with probe.advice(*HINTS):
            probe.train_and_eval(net, probe.normal(B, C, H, W), probe.steps(B))
    with probe.advice(*HINTS, look="It is right when t is a tensor. Here t is one int for all."):
        probe.call(net, probe.normal(B, C, H, W), 300)
    probe.on_fake_device(net, probe.normal(B, C, H, W), probe.steps(B))


MISTAKES = """
# an int t not spread over the batch
- self.time(timesteps(t, x))
+ self.time(t)
t may be one int for the whole batch. timesteps(t, x) makes a tensor of shape (B,) of either.
# switched to eval mode
+ self.eval().time(timesteps(t, x))
Your forward calls self.eval(), so from then on the network trains no more. Leave that to whoever
uses it.
# t scaled
+ self.time(timesteps(t, x) / 1000)
You divide t before it is embedded. The sinusoids are made for whole steps, so hand t on as it is.
# temb not handed on
- self.encoder(x, temb)
+ self.encoder(x, t)
Both the encoder and the decoder get temb, the embedded time, as their last input.
# skips turned round
- return self.decoder(bottom, skips, temb)
+ return self.decoder(bottom, skips[::-1], temb)
You reverse the skips. The decoder does that itself, and expects them from top to bottom.
# input added to the answer
+ return x + self.decoder(bottom, skips, temb)
| return x - self.decoder(bottom, skips, temb)
You combine the answer with the input x. What the decoder returns is already the noise.
# bottom and skips swapped
+ return self.decoder(skips, bottom, temb)
The encoder returns the bottleneck's features, then the skips; the decoder takes them in this order.
# answer squashed
+ return self.decoder(bottom, skips, temb).tanh()
You squash the answer with tanh or the like. Noise has no bounds: return what the decoder returns.
# channels doubled whatever ch_mult says
- chs = [base_ch * m for m in ch_mult]
+ chs = [base_ch * 2**i for i in range(len(ch_mult))]
Your channels double from level to level, whatever ch_mult says. Level i has base_ch * ch_mult[i].
# base_ch not used
+ chs = list(ch_mult)
You never use base_ch. Level i has base_ch * ch_mult[i] channels, not ch_mult[i].
# a level too many
+ chs = [base_ch] + [base_ch * m for m in ch_mult]
Your list of channels is one longer than ch_mult, so the picture is halved once too often. Level i
has base_ch * ch_mult[i] channels, and the encoder is told in_ch separately.
# multiplied from level to level
+ chs = []
+ for m in ch_mult:
+     chs.append((chs or [base_ch])[-1] * m)
You multiply from level to level. Each level has base_ch times its own multiplier.
# decoder's channels turned round
- Decoder(chs, in_ch, time_dim)
+ Decoder(chs[::-1], in_ch, time_dim)
You reverse the decoder's channels. It does that itself, and takes the encoder's list as it is.
# decoder's arguments in the encoder's order
+ Decoder(in_ch, chs, time_dim)
The decoder takes the list of channels first, and then how many come out.
# in_ch not used
+ Decoder(chs, 1, time_dim)
Your network returns one channel, whatever in_ch is. As many channels come out as go in.
# answer with base_ch channels
+ Decoder(chs, base_ch, time_dim)
The answer has the channels of the top level. It is noise in a picture, so it has in_ch of them.
# time_dim not used
- TimeEmbedding(time_dim)
+ TimeEmbedding(base_ch)
The time embedding isn't as wide as the blocks expect. All three parts get time_dim.
"""


class UNetInOtherWords(nn.Module):
    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        widths = tuple(m * base_ch for m in ch_mult)
        self.right = Decoder(widths, in_ch, time_dim)
        self.left = Encoder(in_ch, widths, time_dim)
        self.clock = TimeEmbedding(time_dim)

    def forward(self, x, t):
        now = self.clock(timesteps(t, x))
        return self.right(*self.left(x, now), now)


class UNetByHand(nn.Module):
    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        *upper, lowest = [base_ch * m for m in ch_mult]
        self.time = TimeEmbedding(time_dim)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        ch = in_ch
        for out in upper:
            self.down.append(nn.ModuleList([ConvBlock(ch, out, time_dim), downsample(out)]))
            ch = out
        self.middle = ConvBlock(ch, lowest, time_dim)
        ch = lowest
        for out in reversed(upper):
            self.up.append(nn.ModuleList([upsample(ch, out), ConvBlock(2 * out, out, time_dim)]))
            ch = out
        self.last = nn.Conv2d(ch, in_ch, 1)

    def forward(self, x, t):
        if not isinstance(t, torch.Tensor):
            t = torch.full((x.shape[0],), t, device=x.device)
        temb, stack = self.time(t), []
        for block, halve in self.down:
            x = block(x, temb)
            stack.append(x)
            x = halve(x)
        x = self.middle(x, temb)
        for double, block in self.up:
            x = block(torch.cat((double(x), stack.pop()), 1), temb)
        return self.last(x)


class UNetForAnyT(nn.Module):
    def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
        super().__init__()
        chs = [base_ch * m for m in ch_mult]
        self.time = TimeEmbedding(time_dim)
        self.encoder, self.decoder = Encoder(in_ch, chs, time_dim), Decoder(chs, in_ch, time_dim)

    def forward(self, x, t):
        t = torch.as_tensor(t, device=x.device)
        temb = self.time(t.expand(len(x)) if t.ndim == 0 else t)
        return self.decoder(*self.encoder(x, temb), temb)


class UNetInSmallMethods(UNetForAnyT):
    def forward(self, x, t):
        t = t if torch.is_tensor(t) else torch.tensor([t] * x.size(0), device=x.device)
        return self.decode(self.encoder(x, temb=self.time(t)), self.time(t))

    def decode(self, encoded, temb):
        return self.decoder(x=encoded[0], skips=list(encoded[1]), temb=temb)


REFERENCE = UNet
LOOK = (
    "The shapes fit, the values don't. Level i has base_ch * ch_mult[i] channels. x goes in "
    "as it is, the same temb to both sides, the skips in the encoder's order, and what the decoder "
    "returns comes out as it is."
)
ALSO_RIGHT = [UNetInOtherWords, UNetByHand, UNetForAnyT, UNetInSmallMethods]
