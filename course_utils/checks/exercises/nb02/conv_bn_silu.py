"""2.2 Convolution, BatchNorm, SiLU."""

from collections import OrderedDict

from torch import nn
from torch.nn import functional as F


def conv_bn_silu(in_ch, out_ch):
    """Return a 3x3 convolution that keeps the size, BatchNorm and SiLU, as one module.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch.
    """
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
    )  # fmt: skip


def experiment(probe, conv_bn_silu):
    for B, C, K, H, W in [(3, 2, 4, 6, 5), (2, 5, 5, 3, 7), (4, 3, 1, 4, 4)]:
        module = probe.build(conv_bn_silu, C, K)
        probe.train_and_eval(module, 2 * probe.normal(B, C, H, W) + 1)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


MISTAKES = """
# no SiLU
- , nn.SiLU()
+
SiLU is missing. Without an activation, two convolutions in a row are just one large convolution.
# another activation
- nn.SiLU()
+ nn.ReLU()
| nn.GELU()
| nn.Sigmoid()
Your activation isn't SiLU. The exercise asks for x * sigmoid(x), which is nn.SiLU().
# no padding
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(in_ch, out_ch, 3)
The padding is missing, so the convolution cuts off two rows and two columns. Add padding=1.
# 1x1 kernel
+ nn.Conv2d(in_ch, out_ch, 1)
Your kernel is 1x1, so no pixel sees its neighbours. Use kernel size 3 with padding=1.
# channels swapped
+ nn.Conv2d(out_ch, in_ch, 3, padding=1)
The convolution's channel numbers are swapped: what comes in goes first, then what comes out.
# no BatchNorm
- nn.BatchNorm2d(out_ch),
+
BatchNorm is missing between the convolution and SiLU.
# SiLU before BatchNorm
+
- nn.SiLU()
+ nn.SiLU(), nn.BatchNorm2d(out_ch)
SiLU comes before BatchNorm in your module. The order is convolution, BatchNorm, SiLU.
# another norm
- nn.BatchNorm2d(out_ch)
+ nn.GroupNorm(1, out_ch)
| nn.InstanceNorm2d(out_ch)
| nn.InstanceNorm2d(out_ch, affine=True)
Your norm works on each picture alone. The exercise asks for BatchNorm.
# the batch in eval mode too
+ nn.BatchNorm2d(out_ch, track_running_stats=False)
In eval mode yours still uses the batch, not running averages. Take nn.BatchNorm2d as it comes.
# no scale and shift
+ nn.BatchNorm2d(out_ch, affine=False)
Your BatchNorm has no scale and shift to learn: leave affine=False out.
# BatchNorm for in_ch channels
+ nn.BatchNorm2d(in_ch)
Your BatchNorm expects in_ch channels, but it follows the convolution, which makes out_ch.
# the convolution last
- nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
+ nn.BatchNorm2d(in_ch), nn.SiLU(), nn.Conv2d(in_ch, out_ch, 3, padding=1)
Your convolution comes last (pre-activation). The order is convolution, BatchNorm, SiLU.
# nn.ModuleList
- nn.Sequential(
+ nn.ModuleList([
- nn.SiLU()
+ nn.SiLU()]
An nn.ModuleList only stores layers. nn.Sequential(a, b, c) also calls them, one after the other.
# a layer handed to a layer
+ def conv_bn_silu(in_ch, out_ch):
+     return nn.SiLU(nn.BatchNorm2d(nn.Conv2d(in_ch, out_ch, 3, padding=1)))
You hand one layer to another, but a layer is made from numbers and called on tensors. Put the three
into nn.Sequential(a, b, c), which calls one after the other.
"""


def conv_bn_silu_same(in_ch, out_ch):
    conv = nn.Conv2d(in_ch, out_ch, kernel_size=(3, 3), padding="same", bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_ch), nn.SiLU(inplace=True))


def conv_bn_silu_step_by_step(in_ch, out_ch):
    layers = nn.Sequential()
    layers.add_module("norm_last", nn.Conv2d(in_ch, out_ch, 3, 1, 1))
    layers.append(nn.BatchNorm2d(num_features=out_ch))
    layers.append(nn.SiLU())
    return layers


def conv_bn_silu_by_names(in_ch, out_ch):
    conv, norm = nn.Conv2d(in_ch, out_ch, 3, padding=(1, 1)), nn.BatchNorm2d(out_ch)
    return nn.Sequential(OrderedDict(conv=conv, bn=norm, act=nn.SiLU()))


class ConvNorm(nn.Conv2d):
    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, 3)
        self.norm = nn.BatchNorm2d(out_ch)

    def forward(self, x):
        return F.silu(self.norm(super().forward(F.pad(x, (1, 1, 1, 1)))))


REFERENCE = conv_bn_silu
LOOK = (
    "Print the module and compare it with what is asked for: "
    "nn.Conv2d(in_ch, out_ch, 3, padding=1), then nn.BatchNorm2d(out_ch), then nn.SiLU()."
)
MAKES_LAYER = True
ALSO_RIGHT = [
    conv_bn_silu_same, conv_bn_silu_step_by_step, conv_bn_silu_by_names,
    ConvNorm,
]  # fmt: skip
