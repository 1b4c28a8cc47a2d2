"""2.2 Convolution, BatchNorm, SiLU."""

from torch import nn
from torch.nn import functional as F

from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.mistakes import edits


def conv_bn_silu(in_ch, out_ch):
    """Return a 3x3 convolution that keeps the size, BatchNorm and SiLU, as one module.

    () -> module of (B, C, H, W) -> (B, K, H, W)

    C is in_ch, K is out_ch.
    """
    return nn.Sequential(
        nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
    )  # fmt: skip


def conv_bn_silu_experiment(probe, conv_bn_silu):
    for B, C, K, H, W in [(3, 2, 4, 6, 5), (2, 5, 5, 3, 7), (4, 3, 1, 4, 4)]:
        module = probe.build(conv_bn_silu, C, K)
        probe.train_and_eval(module, 2 * probe.normal(B, C, H, W) + 1)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


ACTIVATIONS = "GELU()", "LeakyReLU()", "LeakyReLU(0.2)", "Mish()", "Sigmoid()", "Tanh()", "ELU()"
NORMS = *(f"GroupNorm({n}, out_ch)" for n in (1, 8, 32)), "InstanceNorm2d(out_ch)"
ANOTHER_ACTIVATION = "\nor\n".join(f"- nn.SiLU()\n+ nn.{name}" for name in ACTIVATIONS)
ANOTHER_NORM = "\nor\n".join(f"- nn.BatchNorm2d(out_ch)\n+ nn.{name}" for name in NORMS)

MISTAKES = f"""
# no padding
- 3, padding=1)
+ 3)
The padding is missing, so the convolution cuts off two rows and two columns. Add padding=1.

# no BatchNorm
- nn.BatchNorm2d(out_ch),
+
BatchNorm is missing between the convolution and SiLU.

# no SiLU
- , nn.SiLU()
+
SiLU is missing. Without an activation, two convolutions in a row are just one large convolution.

# ReLU instead of SiLU
- nn.SiLU()
+ nn.ReLU()
You use ReLU as the activation; the exercise asks for SiLU.

# another activation
{ANOTHER_ACTIVATION}
Your activation is another function. The exercise asks for SiLU, x * sigmoid(x): nn.SiLU().

# SiLU before BatchNorm
- nn.BatchNorm2d(out_ch),
+
- nn.SiLU()
+ nn.SiLU(), nn.BatchNorm2d(out_ch)
SiLU comes before BatchNorm in your module. The order is convolution, BatchNorm, SiLU.

# the convolution last
- nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.BatchNorm2d(out_ch), nn.SiLU()
+ nn.BatchNorm2d(in_ch), nn.SiLU(), nn.Conv2d(in_ch, out_ch, 3, padding=1)
Your convolution comes last (pre-activation). The order is convolution, BatchNorm, SiLU.

# 1x1 kernel
- nn.Conv2d(in_ch, out_ch, 3, padding=1)
+ nn.Conv2d(in_ch, out_ch, 1)
Your kernel is 1x1, so no pixel sees its neighbours. Use kernel size 3 with padding=1.

# halved by the stride
- 3, padding=1
+ 3, stride=2, padding=1
Your convolution has stride 2, which halves height and width. This one keeps the size.

# GroupNorm instead of BatchNorm
{ANOTHER_NORM}
Your norm works on each picture alone. The exercise asks for BatchNorm.

# BatchNorm for in_ch channels
- nn.BatchNorm2d(out_ch)
+ nn.BatchNorm2d(in_ch)
Your BatchNorm expects in_ch channels, but it follows the convolution, which makes out_ch.

# BatchNorm1d
- nn.BatchNorm2d(out_ch)
+ nn.BatchNorm1d(out_ch)
nn.BatchNorm1d takes (B, C) or (B, C, L). Pictures are (B, C, H, W) and need nn.BatchNorm2d.

# BatchNorm's momentum
- nn.BatchNorm2d(out_ch)
+ nn.BatchNorm2d(out_ch, momentum=0.99)
PyTorch's momentum is the weight of the newest batch, so 0.99 forgets all earlier ones. Leave it at
0.1. (Other libraries count the other way round.)

# dropout
- nn.SiLU()
+ nn.SiLU(), nn.Dropout(0.1)
Your module has dropout in it. The exercise asks for convolution, BatchNorm and SiLU alone.

# channels swapped
- nn.Conv2d(in_ch, out_ch
+ nn.Conv2d(out_ch, in_ch
The convolution's channel numbers are swapped: what comes in goes first, then what comes out.

# nn.ModuleList
- nn.Sequential(
+ nn.ModuleList([
- nn.SiLU()
+ nn.SiLU()]
An nn.ModuleList only stores layers. nn.Sequential(a, b, c) also calls them, one after the other.

# a list in nn.Sequential
- nn.Sequential(
+ nn.Sequential([
- nn.SiLU()
+ nn.SiLU()]
nn.Sequential takes the layers themselves, not a list of them: drop the square brackets.

# a layer handed to a layer
+ def conv_bn_silu(in_ch, out_ch):
+     return nn.SiLU(nn.BatchNorm2d(nn.Conv2d(in_ch, out_ch, 3, padding=1)))
or
+ def conv_bn_silu(in_ch, out_ch):
+     return nn.SiLU()(nn.BatchNorm2d(out_ch)(nn.Conv2d(in_ch, out_ch, 3, padding=1)))
You hand one layer to another, but a layer is made from numbers and called on tensors. Put the three
into nn.Sequential(a, b, c), which calls one after the other.

# a function among the layers
- nn.SiLU()
+ F.silu
nn.Sequential takes modules, and F.silu is a function. The module is nn.SiLU().
"""


def conv_bn_silu_same(in_ch, out_ch):
    conv = nn.Conv2d(in_ch, out_ch, kernel_size=(3, 3), padding="same", bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_ch), nn.SiLU(inplace=True))


class ConvBnSilu(nn.Module):
    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.norm = nn.BatchNorm2d(out_ch)
        self.conv = nn.Conv2d(in_ch, out_ch, 3)

    def forward(self, x):
        return F.silu(self.norm(self.conv(F.pad(x, (1, 1, 1, 1)))))


def conv_bn_silu_step_by_step(in_ch, out_ch):
    layers = nn.Sequential()
    layers.add_module("norm_last", nn.Conv2d(in_ch, out_ch, 3, 1, 1))
    layers.append(nn.BatchNorm2d(num_features=out_ch))
    layers.append(nn.SiLU())
    return layers


class ConvNorm(nn.Conv2d):
    def __init__(self, in_ch, out_ch):
        super().__init__(in_ch, out_ch, 3, 1, 1)
        self.bn, self.act = nn.BatchNorm2d(out_ch), nn.SiLU()

    def forward(self, x):
        return self.act(self.bn(super().forward(x)))


EXERCISE = Exercise(
    id="2.2",
    title="Convolution, BatchNorm, SiLU",
    notebook="02_conv_block",
    reference=conv_bn_silu,
    experiment=conv_bn_silu_experiment,
    look="Print the module and compare it with what is asked for: "
    "nn.Conv2d(in_ch, out_ch, 3, padding=1), then nn.BatchNorm2d(out_ch), then nn.SiLU().",
    catalogue=edits(conv_bn_silu, MISTAKES),
    also_right=[
        conv_bn_silu_same,
        lambda in_ch, out_ch: ConvBnSilu(in_ch, out_ch),
        conv_bn_silu_step_by_step,
        lambda in_ch, out_ch: ConvNorm(in_ch, out_ch),
    ],
)
