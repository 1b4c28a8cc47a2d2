# %% [markdown]
# # 06 Debugging dimensions: which shape met which?
#
# {{badge}}
#
# In this notebook you will
#
# - take your own network to a place where it fails, and find out why;
# - list the shape of everything that a network computes, with prints and with hooks;
# - read PyTorch's messages from the bottom, and say what each number in them is;
# - let a tracer draw the U, with the failure in red, and catch bad inputs at the entrance;
# - repair six broken networks, and hunt for as many bugs as you like.
#
# It has seven exercises and takes about 60 minutes. Nothing is trained, so a CPU is enough.

# %%
# setup

# %%
import textwrap
import traceback
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

try:
    from torchsummary import summary
except ImportError:  # Colab's TPU machines and Kaggle don't have it
    from course_utils.colab import no_torchsummary as summary

from course_utils import portfolio
from course_utils.blocks import ConvBlock, downsample, upsample
from course_utils.checks import bug_hunt, check
from course_utils.checks.exercises.nb06 import broken_networks as patients
from course_utils.shapes import check_batch, check_inputs, draw_u, trace
from course_utils.unet import UNet
from course_utils.widgets import shape_explorer
from course_utils.widgets.shapes import Unchecked

# %% [markdown]
# Your network draws digits of 16 x 16. Those of MNIST have 28 x 28 pixels, so let's take it there,
# with a fourth level. This is your U, put together from your parts as in 05:

# %% tags=["nbval-ignore-output"]
mine = portfolio.load()


class MyUNet(nn.Module):
    def __init__(self, in_ch, chs, time_dim):
        super().__init__()
        self.time = mine.TimeEmbedding(time_dim)
        self.encoder = mine.Encoder(in_ch, chs, time_dim)
        self.decoder = mine.Decoder(chs, in_ch, time_dim)

    def forward(self, x, t):
        temb = self.time(t)
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, list(skips), temb)

# %%
torch.manual_seed(0)
t = torch.tensor([10, 200, 400, 900])
mnist = torch.zeros(4, 1, 28, 28)  # four pictures of MNIST's size
larger = MyUNet(in_ch=1, chs=[16, 32, 64, 128], time_dim=64)
try:
    larger(mnist, t)
except Exception as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
# It fails. (An unusual part may fail elsewhere.) Which list? No layer of yours is named, and you
# chose neither 6 nor 7. This notebook is about what to do next.
#
# ## 1. What shape does it have inside?
#
# The simplest tool is a `print` in a `forward`. Here is your U with one line more. **Write down
# first: what are the shapes of the bottom and of the three skips, from a picture of 28 x 28?**

# %%
class Talkative(MyUNet):
    def forward(self, x, t):
        temb = self.time(t)
        bottom, skips = self.encoder(x, temb)
        print("bottom:", tuple(bottom.shape))
        print("skips: ", *(tuple(skip.shape) for skip in skips))
        return self.decoder(bottom, list(skips), temb)


try:
    Talkative(1, [16, 32, 64, 128], 64)(mnist, t)
except Exception:
    print("and then it fails")

# %% [markdown]
# 28 is halved to 14 and to 7, and then to 3, because the last row and column of 7 have no partner.
# On the way up, 3 becomes 6, and the skip of that level has 7. So the error shows in the decoder,
# but its cause is in the encoder.
#
# Often a print is enough. But you have to change the class, and you can't reach the inside of
# somebody else's layer.
#
# A *hook* leaves the class alone. It's a function that PyTorch calls whenever a layer has run, with
# the layer, a tuple of its inputs, and its output. `register_forward_hook` attaches it and returns
# a handle, and `handle.remove()` detaches it. The hook itself must return nothing, because what it
# returns replaces the layer's output. **The next cell calls the network three times. How many lines
# will the hook print?**

# %%
torch.manual_seed(0)
net = MyUNet(in_ch=1, chs=[16, 32, 64], time_dim=64)
x = torch.rand(4, 1, 16, 16) * 2 - 1  # from -1 to 1, as pictures are


def tell(layer, given, returned):
    print(type(layer).__name__, tuple(given[0].shape), "->", tuple(returned.shape))


handle = net.decoder.register_forward_hook(tell)
eps = net(x, t)
eps = net(x[:2], t[:2])
handle.remove()
eps = net(x, t)

# %% [markdown]
# Two. A hook fires at every call until it is removed.
#
# ### Exercise 6.1: the shapes of all layers
# difficulty 3 of 5, about 12 minutes
#
# With a hook on every layer, one call of the network gives you the whole list.
#
# | | |
# |---|---|
# | `model`, `*inputs` | the network, and what it is called with: `model(*inputs)` |
# | returns | a list of pairs: a layer's name, and the shape of its output as a plain tuple |
# | which layers | those with no layers inside: `list(layer.children())` is empty |
# | in which order | that of the calls; a layer that is called twice is listed twice |
#
# `model.named_modules()` gives pairs `(name, layer)` of all layers, however deep. Remove all hooks
# at the end, also when the call fails: `finally:` after `try:` runs in either case. Don't catch the
# exception, because whoever called your function needs to see it.

# %%
def layer_shapes(model, *inputs):
    """Call the model and list the shape of what each layer without children returns, in order.

    [("encoder.blocks.0.conv1", (B, K, H, W)), ...]

    The hooks are removed again, also when the call fails.
    """
    raise NotImplementedError("exercise 6.1")

# %%
layer_shapes = check("6.1", layer_shapes)

# %% [markdown]
# <details><summary>Hint 1: the frame</summary>
#
# Make two empty lists, `shapes` and `handles`. Go over `model.named_modules()`. For each layer
# without children define a hook, register it and keep its handle. Then `try:` to call the model,
# and `finally:` remove every handle.
# </details>
#
# <details><summary>Hint 2: which name does the hook see?</summary>
#
# A function that is made in a loop looks up the loop's variables when it is *called*. By then the
# loop has ended. A default argument is stored when the function is made:
# `def note(layer, given, returned, name=name):`.
# </details>
#
# <details><summary>My check says that every row has the name of the last layer</summary>
#
# That is what hint 2 is about.
# </details>

# %%
# solution 6.1

# %% [markdown]
# Here it is at work on your block of notebook 02. **Which of its operations will be missing?**

# %%
block, h, temb = mine.ConvBlock(16, 32, 64), torch.randn(4, 16, 16, 16), torch.randn(4, 64)
for name, shape in layer_shapes(block, h, temb):
    print(f"{name:10} {shape}")

# %% [markdown]
# The two additions are missing, and so is SiLU unless yours is a layer. `+`, `F.silu` and
# `torch.cat` are functions, and a hook sees only layers. This is exactly where many shape errors
# occur. Section 3 has a tool that sees them.
#
# ## 2. What does the message say?
#
# Our U-Net comes from a Colab tutorial, and the decoder that was published there doesn't run. Here
# it is with two levels of 16 and 32 channels. It gets a bottom of `(4, 32, 8, 8)` and a skip of
# `(4, 16, 16, 16)`. A traceback is long, so we print only the lines that aren't PyTorch's own, and
# the message. **What do the four numbers in "weight of size" mean?**

# %%
def from_the_bottom(error):
    """Print the end of a traceback, without the lines of PyTorch itself."""
    for frame in traceback.extract_tb(error.__traceback__)[1:]:
        if "torch" not in Path(frame.filename).parts:
            print(f"in {frame.name}:  {frame.line}")
    print(textwrap.fill(f"{type(error).__name__}: {error}", 90))


torch.manual_seed(0)
small, skip = torch.randn(4, 32, 8, 8), torch.randn(4, 16, 16, 16)
try:
    patients.TutorialDecoder([16, 32], 1, 64)(small, [skip], temb)
except RuntimeError as error:
    from_the_bottom(error)

# %% [markdown]
# Read it from the bottom.
#
# - **The last line says what happened.** The weight of a convolution has the shape (out, in,
#   height, width), so this one makes 16 channels from 64, with a kernel of 3 x 3. Its input is 4
#   pictures with 32 channels of 16 x 16. The layer wants 64 channels and gets 32.
# - **The line above says where:** at `conv1` of a block.
# - **The line above that says who called it:** the decoder, which handed `x` to that block.
#
# The message doesn't say **which of the two numbers is wrong**. There are two suspects: the line
# that made the layer, in `__init__`, and the line that made the tensor, just before the call. Only
# you know which of them does what was intended.
#
# ### Exercise 6.3: the tutorial's decoder
# difficulty 2 of 5, about 5 minutes
#
# Repair it, with as small a change as you can. `chs` lists the channels of the levels from top to
# bottom. This is what should happen on the way up from level i to level i - 1:
#
# | | channels |
# |---|---|
# | `up` makes | `chs[i - 1]` of `chs[i]` |
# | the skip of that level has | `chs[i - 1]` |
# | `cat` gives, what comes from below first | both together |
# | `block` makes | `chs[i - 1]` of these |
#
# **There are lists of channels with which it runs as it is. Which?**

# %%
class TutorialDecoder(nn.Module):
    """Go up the U: double, join the skip of that level, convolve.

    (B, K, H/2^n, W/2^n), n skips, (B, D) -> (B, C, H, W)

    chs lists the channels of the levels, top to bottom; the skip of level i has chs[i].
    """

    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        lower = range(len(chs) - 1, 0, -1)
        self.ups = nn.ModuleList(upsample(chs[i], chs[i - 1]) for i in lower)
        self.blocks = nn.ModuleList(ConvBlock(2 * chs[i], chs[i - 1], time_dim) for i in lower)
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def forward(self, x, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            x = torch.cat([up(x), skip], dim=1)
            x = block(x, temb)
        return self.out(x)

# %%
TutorialDecoder = check("6.3", TutorialDecoder)

# %% [markdown]
# <details><summary>Hint 1: where</summary>
#
# Go through the table with the numbers of the cell above: 16 and 32. What should `cat` give? What
# does it give?
# </details>
#
# <details><summary>Hint 2: which number</summary>
#
# `forward` does what the table says, so the tensor is as intended. Look at what the block is made
# for: two things are concatenated, and both have `chs[i - 1]` channels.
# </details>

# %%
# solution 6.3

# %%
for chs in ([16, 32, 64], [16, 16, 16]):
    maps = [torch.randn(4, ch, 16 >> i, 16 >> i) for i, ch in enumerate(chs)]
    repaired = TutorialDecoder(chs, 1, 64)(maps[2], maps[:2], temb)
    try:
        broken = tuple(patients.TutorialDecoder(chs, 1, 64)(maps[2], maps[:2], temb).shape)
    except RuntimeError:
        broken = "fails"
    print(chs, " as published:", broken, " repaired:", tuple(repaired.shape))

# %% [markdown]
# Where all levels have the same number of channels, the fault doesn't show. So test with sizes that
# all differ.
#
# Here are four lines that fail. **Which two numbers will each message complain about?**

# %%
lines = [
    lambda: nn.Linear(32, 16)(torch.randn(4, 64)),
    lambda: torch.randn(4, 32, 16, 16) + torch.randn(4, 32),
    lambda: torch.cat([torch.randn(4, 8, 6, 6), torch.randn(4, 8, 7, 7)], dim=1),
    lambda: torch.randn(4, 8, 16).view(4, 8, 5, 5),
]
for number, line in enumerate(lines, start=1):
    try:
        line()
    except RuntimeError as error:
        print(textwrap.fill(f"{number}. {error}", 90, subsequent_indent="   "))

# %% [markdown]
# 1. `nn.Linear` multiplies matrices. `mat1` is the input, 4 x 64, and `mat2` the transposed weight,
#    32 x 16. The two numbers in the middle have to agree.
# 2. An addition. PyTorch lines the shapes up **at their ends**, so the last axes meet: 16 columns
#    and 32 channels. An axis of size 1 (a *singleton*) fits all; stretching it is called
#    *broadcasting*.
# 3. `torch.cat`. Everything but the axis along which it joins has to agree.
# 4. `view` must keep all numbers and add none, and 4 * 8 * 5 * 5 isn't 512.
#
# ## 3. What met what?
#
# The third message is the one your U gave. To explain it, we needed a print and some thought. The
# course's tracer does both: `trace(net, *inputs)` runs a network once and records every layer
# **and** every operation. It doesn't raise. PyTorch's exception is in `error`, and `cause` says
# where the reason lies, which may be further back.

# %%
run = trace(larger, mnist, t)
print("PyTorch:", run.error)
print("trace:  ", run.cause)

# %% [markdown]
# `draw_u` draws the same record. **Where will the drawing end?**

# %%
# alt: Your U for 28 x 28. The sizes are 28, 14, 7 and 3 on the way down, and 6 on the way up. There
#   it ends at a red bar, marked: fails, 64 x 7 x 7 meets 64 x 6 x 6.
draw_u(larger, mnist, t)
plt.show()

# %% [markdown]
# A healthy network gives a table. "memory" is what PyTorch keeps for the backward pass, which is
# most of what fills a GPU in training. **Which layers keep most: those with many channels, or those
# with many pixels?**

# %%
print(trace(net, x, t).table("out", "parameters", "memory", depth=2))

# %% [markdown]
# Those with many pixels, at the top of the U. The block at the bottom has the most parameters.
#
# Some faults raise nothing. `remarks` lists those that the tracer recognises. **Four pictures and
# one step: what would you like to happen, and what does happen?**

# %%
run = trace(net, x, torch.tensor([500]))
print("PyTorch:", run.error)
print("trace:  ", *run.remarks)

# %% [markdown]
# It runs, because an axis of size 1 is broadcast over the batch. If you meant to give each picture
# a step of its own, PyTorch would never tell you.
#
# ### Which sizes go through?
#
# Try the sliders. (Nothing is computed: on PyTorch's device "meta", tensors have a shape and no
# numbers.) **With 4 levels, which sizes below 40 go through? What do twice the channels do to the
# parameters, and to the memory? What costs more, twice the batch or twice the height and width?**

# %% tags=["nbval-ignore-output"]
# alt: The U with four levels for pictures of 16 x 16, whole, and of 20 x 20, where it ends in red
#   at the lowest concatenation.
shape_explorer()

# %%
def built(size=16, channels=32, batch=16):
    with torch.device("meta"):
        net = Unchecked(1, channels, [1, 2, 4, 8], 4 * channels)
        return trace(net, torch.empty(batch, 1, size, size), torch.empty(batch, dtype=torch.int64))


print("sizes that go through:", [n for n in range(8, 40) if not built(size=n).cause])
before = built().steps[0]  # the whole network
for change in ({"channels": 64}, {"batch": 32}, {"size": 32}):
    after = built(**change).steps[0]
    print(f"{change}: parameters x {after.parameters / before.parameters:.2f}, "
          f"memory x {after.kept / before.kept:.2f}")

# %% [markdown]
# Three halvings need multiples of 8. Doubling the channels nearly quadruples the weights (in times
# out) but only doubles the activations. Batch and size don't touch the weights.
#
# ## 4. How do you catch it at the entrance?
#
# A sentence before anything is computed beats an explanation afterwards. An `assert` is one line
# that says what you believe. **Which of the two below would have caught which of the
# faults above?**

# %%
class Guarded(MyUNet):
    def forward(self, x, t):
        assert t.shape == x.shape[:1], f"a step for each: x {tuple(x.shape)}, t {tuple(t.shape)}"
        assert not any(side % 8 for side in x.shape[2:]), f"sides by 8, not {tuple(x.shape[2:])}"
        return super().forward(x, t)


guarded = Guarded(1, [16, 32, 64, 128], 64)
for inputs in ((mnist, t), (x, t[:1]), (x, t)):
    try:
        print("out:", tuple(guarded(*inputs).shape))
    except AssertionError as error:
        print(error)

# %% [markdown]
# The course's `UNet` raises a ValueError for both, because `python -O` skips asserts.
#
# Check a batch of your data too. `check_inputs(x, t, T)` has a sentence for each of the usual
# mistakes. **What is wrong with each of the last three?**

# %%
batches = {
    "good": (x, t),
    "bytes": ((x + 1) * 127.5, t),
    "a column of steps": (x, t[:, None]),
    "steps from 1 to T": (x, torch.tensor([1, 250, 500, 1000])),
}
for name, batch in batches.items():
    try:
        check_inputs(*batch, T=1000)
        print(f"{name}: nothing to say")
    except ValueError as error:
        print(textwrap.fill(f"{name}: {error}", 90, subsequent_indent="    "))

# %% [markdown]
# The bytes would train, badly, because pixels up to 255 drown the noise. And steps from 1 to T?
# Sinusoids take any number. But many networks look up steps in a table, and labels too:

# %%
table = nn.Embedding(1000, 64)  # a row for each step from 0 to 999
print("step 999: ", tuple(table(torch.tensor([999])).shape))
try:
    table(torch.tensor([1000]))
except IndexError as error:
    print("step 1000:", error)

# %% [markdown]
# That was the CPU. On a GPU, the same line says `CUDA error: device-side assert triggered`, which
# has puzzled many people on Colab. (We had no GPU to show it on; what follows is from the
# documentation of PyTorch and CUDA.) A GPU works *asynchronously*: Python runs on while it
# computes, so the traceback may point to a later, innocent line. And from then on every call on the
# GPU fails, until the process ends. So
#
# 1. restart the session;
# 2. run the failing batch on the CPU, where the message is the one above, at the right line. If
#    that's too slow, put `os.environ["CUDA_LAUNCH_BLOCKING"] = "1"` into the very first cell: it
#    makes Python wait for each operation;
# 3. look for an index: a step of T, or a label that equals the number of classes. And then
#    `assert t.max() < T`.
#
# ## 5. What about torchsummary?
#
# You met it in 05. For a plain network, it needs the size of one input, without the batch:

# %%
torch.manual_seed(0)
plain = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.SiLU(), downsample(16))
summary(plain, (1, 16, 16), device="cpu")

# %% [markdown]
# For ours, it gets the sizes of both inputs. **After it has failed, we simply call the network. What
# do you expect?**

# %%
torch.manual_seed(0)
unet = UNet(in_ch=1, base_ch=16, ch_mult=(1, 2), time_dim=64)
for what, call in {"torchsummary": lambda: summary(unet, [(1, 16, 16), ()], device="cpu"),
                   "the network": lambda: unet(x, t)}.items():
    try:
        call()
        print(f"{what}: no error")
    except AttributeError as error:
        print(f"{what}: {error}")

# %% [markdown]
# torchsummary's hooks ask every output for its size, and our encoder returns its skips in a list.
# (`ForSummary` in 05 hid that list.) Worse, torchsummary removes its hooks at the end, and it never
# got there. So they're still on the layers, and the network is broken until you create a new one.
# That's why exercise 6.1 insisted on `finally`.
#
# The package dates from 2018. Its successor, *torchinfo*, isn't on Colab; after `%pip install
# torchinfo` it takes the inputs themselves: `torchinfo.summary(unet, input_data=[x, t])`. Or you
# take your own `layer_shapes`. Three lines give the same columns, for any inputs:

# %%
torch.manual_seed(0)
unet = UNet(in_ch=1, base_ch=16, ch_mult=(1, 2), time_dim=64)
for model, *inputs in ((plain, x), (unet, x, t)):
    for name, shape in layer_shapes(model, *inputs):
        parameters = sum(p.numel() for p in model.get_submodule(name).parameters())
        print(f"{name:26} {str(shape):18} {parameters:6,}")
    print(f"{'all parameters':45} {sum(p.numel() for p in model.parameters()):6,}\n")

# %% [markdown]
# ## 6. Five more patients
#
# You've repaired one. Each of the next five has **one** fault too, though it may show in two places.
# You get a description of what it should do, an examination of the broken version, which we keep as
# `patients.<name>`, and the code to repair.
#
# Time yourself, and ask four questions. What does
# the last line say? Which operation is it? Which two shapes met there? Which of the two isn't as
# described? The last three raise nothing, so they need an experiment: a property that must hold,
# and a test of it.

# %%
def examine(model, *inputs):
    """Run a network, and print the shape that comes out, or what PyTorch says."""
    try:
        print("out:", tuple(model(*inputs).shape))
    except Exception as error:
        print(textwrap.fill(f"{type(error).__name__}: {error}", 90, subsequent_indent="    "))

# %% [markdown]
# ### Exercise 6.6: the time, added
# difficulty 2 of 5, about 3 minutes
#
# A linear layer projects the time to K numbers for each picture, and each number is added to all
# pixels of its channel. (Both layers keep their bias.)
#
# $$\mathrm{out}_{bkij} = \mathrm{silu}\big(\mathrm{conv}(x)_{bkij} +
# (W\,\mathrm{temb})_{bk}\big)$$
#
# We examine it with 4 pictures and 32 channels, and then with 16 and 16. **Which of the two will
# fail?**

# %%
examine(patients.TimedConv(1, 32, 64), x, temb)
examine(patients.TimedConv(1, 16, 64), torch.randn(16, 1, 16, 16), torch.randn(16, 64))

# %%
class TimedConv(nn.Module):
    """A convolution, then one number for each channel from the time, added to all its pixels.

    (B, C, H, W), (B, D) -> (B, K, H, W)
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.time_proj = nn.Linear(time_dim, out_ch)

    def forward(self, x, temb):
        return F.silu(self.conv(x) + self.time_proj(temb))

# %%
TimedConv = check("6.6", TimedConv)

# %% [markdown]
# <details><summary>Hint 1: line up the ends</summary>
#
# `(B, K, H, W)` and `(B, K)`: the K of the second meets the W of the first. Which axes must the
# second get, and where?
# </details>
#
# <details><summary>Hint 2: two axes of size 1</summary>
#
# Indexing with `None` adds an axis. `v[:, :, None, None]` has the shape (B, K, 1, 1).
# </details>

# %%
# solution 6.6

# %% [markdown]
# In the second case everything fits by chance, and what is meant for (picture, channel) is added to
# (row, column).
#
# ### Exercise 6.8: any size
# difficulty 3 of 5, about 6 minutes
#
# This wrapper should let a U take pictures of any size, but it just passes them on. A healthy one
# repeats the last row at the bottom and the last column on the right, with
# `F.pad(..., mode="replicate")`, until `2**halvings` divides both sides, and no further. The answer
# has the size of `x`. (In Python, `-28 % 8` is 4.)

# %%
torch.manual_seed(0)
deep = Unchecked(in_ch=1, base_ch=8, ch_mult=(1, 2, 4, 8), time_dim=32)
examine(patients.AnySize(deep, 3), torch.zeros(4, 1, 28, 30), t)

# %%
class AnySize(nn.Module):
    """Give a U any size of picture: pad, call the network, cut its answer back.

    (B, C, H, W), (B,) -> (B, C, H, W)

    Rows at the bottom and columns on the right are repeated (mode="replicate") until 2^halvings
    divides both sides, and never more than that.
    """

    def __init__(self, net, halvings):
        super().__init__()
        self.net = net
        self.step = 2**halvings

    def forward(self, x, t):
        return self.net(x, t)

# %%
AnySize = check("6.8", AnySize)

# %% [markdown]
# <details><summary>Hint 1: how much to add</summary>
#
# `-H % self.step` is how much H lacks to the next multiple of step: 4 for 28 and 8, and 0 for 32.
# </details>
#
# <details><summary>Hint 2: the order in F.pad</summary>
#
# `F.pad` counts from the last axis: `F.pad(x, (left, right, top, bottom), mode="replicate")`.
# </details>
#
# <details><summary>Hint 3: cutting back</summary>
#
# `answer[:, :, :H, :W]`, with the height and width that x had before it was padded.
# </details>

# %%
# solution 6.8

# %% [markdown]
# Now your larger U takes MNIST's pictures, and any others:

# %%
wrapped = AnySize(larger, halvings=3)
for size in ((28, 28), (32, 32), (9, 17)):
    print(size, "->", tuple(wrapped(torch.zeros(4, 1, *size), t).shape))

# %% [markdown]
# ### Exercise 6.12: a batch for training
# difficulty 2 of 5, about 3 minutes
#
# This function makes a training batch. It should draw t for each picture, integers from 0 to T - 1,
# all equally likely, and then the noise. Each picture is noised to its own step, and `x0` stays as
# it was:
#
# $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\;\varepsilon$$
#
# Here are three batches of four pictures. **What do you expect to see in t?**

# %%
torch.manual_seed(0)
alpha_bar = torch.linspace(0.999, 0.001, 1000)
for _ in range(3):
    xt, steps, eps = patients.noisy_batch(x, alpha_bar)
    print("xt:", tuple(xt.shape), " eps:", tuple(eps.shape), " t:", steps.tolist())

# %%
def noisy_batch(x0, alpha_bar):
    """Draw a step for each picture, and noise each to its own.

    (B, C, H, W), (T,) -> xt (B, C, H, W), t (B,), eps (B, C, H, W)

    xt = sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) eps. t is int64, from 0 to T - 1.
    """
    t = torch.randint(0, len(alpha_bar), (1,), device=x0.device)
    eps = torch.randn_like(x0)
    a = alpha_bar[t].view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps, t, eps

# %%
noisy_batch = check("6.12", noisy_batch)

# %% [markdown]
# <details><summary>Hint 1: how many are drawn?</summary>
#
# The third argument of `torch.randint` is the shape of what it draws.
# </details>
#
# <details><summary>Hint 2: how many are wanted?</summary>
#
# One for each picture. `len(x0)` is B.
# </details>

# %%
# solution 6.12

# %% [markdown]
# With one step for the whole batch, each batch teaches the network a single noise level. It would
# train all the same, so no error warns you. The `assert` of section 4 would have caught it.
#
# ### Exercise 6.13: a U without halvings
# difficulty 3 of 5, about 4 minutes
#
# Three blocks down and three up, each with weights of its own, and all maps of one size. As in every
# U, the first block up gets the skip of the **last** block down, and the last that of the first.
# What comes from below stands first in the concatenation.
#
# In our U, a wrong order fails, because the sizes differ. Here only an experiment can tell. Hooks
# keep what each of the six blocks gets and returns. **Which three pairs do you want to see?**

# %%
def who_gets_which(flat):
    calls = []
    for block in flat.modules():
        if isinstance(block, ConvBlock):
            block.register_forward_hook(lambda layer, given, out: calls.append((given[0], out)))
    examine(flat, x, temb)
    made, taken = [out for _, out in calls[:3]], [given[:, 8:] for given, _ in calls[3:]]
    for i, skip in enumerate(taken):
        whose = [torch.equal(skip, out) for out in made].index(True)
        print(f"block up {i} gets the skip of block down {whose}")


torch.manual_seed(0)
who_gets_which(patients.FlatUNet(1, 8, 64))

# %%
class FlatUNet(nn.Module):
    """A U without halvings: three blocks down, three up, each up with the skip of its level.

    (B, C, H, W), (B, D) -> (B, C, H, W)
    """

    def __init__(self, in_ch, ch, time_dim):
        super().__init__()
        self.down = nn.ModuleList(ConvBlock(c, ch, time_dim) for c in (in_ch, ch, ch))
        self.up = nn.ModuleList(ConvBlock(2 * ch, ch, time_dim) for _ in range(3))
        self.out = nn.Conv2d(ch, in_ch, 1)

    def forward(self, x, temb):
        skips = []
        for block in self.down:
            x = block(x, temb)
            skips.append(x)
        for block, skip in zip(self.up, skips):
            x = block(torch.cat([x, skip], dim=1), temb)
        return self.out(x)

# %%
FlatUNet = check("6.13", FlatUNet)

# %% [markdown]
# <details><summary>Hint 1: first in, last out</summary>
#
# `skips` is in the order in which the blocks went down. In which order are they needed?
# </details>
#
# <details><summary>Hint 2: turning a list round</summary>
#
# `reversed(skips)` goes through it from the end.
# </details>

# %%
# solution 6.13

# %%
who_gets_which(FlatUNet(1, 8, 64))

# %% [markdown]
# ### Exercise 6.15: a stack of convolutions
# difficulty 2 of 5, about 4 minutes
#
# `depth` convolutions, each followed by a SiLU, and a 1x1 convolution with a bias around them all,
# also where `in_ch` and `out_ch` are equal. The first convolution makes `out_ch` channels of
# `in_ch`, all others `out_ch` of `out_ch`. It runs.
#
# **How many parameter tensors should a stack of three have?** (A convolution has two, its weight
# and its bias.) **Should the same input give the same answer twice?**

# %%
torch.manual_seed(0)
late = patients.LateLayers(1, 8, 3)
examine(late, x)
print("parameter tensors:", len(list(late.parameters())))
print("the same answer twice:", torch.equal(late(x), late(x)))

# %%
class LateLayers(nn.Module):
    """Some convolutions, each with a SiLU, and a 1x1 convolution around them all.

    (B, C, H, W) -> (B, K, H, W)
    """

    def __init__(self, in_ch, out_ch, depth):
        super().__init__()
        ins = [in_ch] + [out_ch] * (depth - 1)
        self.convs = [nn.Conv2d(i, out_ch, 3, padding=1) for i in ins]

    def forward(self, x):
        h = x
        for conv in self.convs:
            h = F.silu(conv(h))
        return h + nn.Conv2d(x.shape[1], h.shape[1], 1)(x)

# %%
LateLayers = check("6.15", LateLayers)

# %% [markdown]
# <details><summary>Hint 1: two of them</summary>
#
# There is a list that PyTorch does not look into, and a layer that is made anew, with fresh random
# weights, at every call. Both are the same fault: layers that are not registered.
# </details>
#
# <details><summary>Hint 2: what registers a layer</summary>
#
# `self.name = layer` does, in `__init__`, and so does `nn.ModuleList([...])`, which can be used
# like a list.
# </details>

# %%
# solution 6.15

# %%
torch.manual_seed(0)
late = LateLayers(1, 8, 3)
print("parameter tensors:", len(list(late.parameters())))
print("the same answer twice:", torch.equal(late(x), late(x)))

# %% [markdown]
# So count the parameters of every new network. Is it the number that you expect?
#
# How would the tracer have done? Here are all six. **Which of the silent faults can be seen in a
# single run at all?**

# %%
maps = [torch.randn(4, ch, 16 >> i, 16 >> i) for i, ch in enumerate([16, 32, 64])]
cases = {
    "6.3": (patients.TutorialDecoder([16, 32, 64], 1, 64), maps[2], maps[:2], temb),
    "6.6": (patients.TimedConv(1, 32, 64), x, temb),
    "6.8": (patients.AnySize(deep, 3), torch.zeros(4, 1, 28, 30), t),
    "6.12": (net, *patients.noisy_batch(x, alpha_bar)[:2]),
    "6.13": (patients.FlatUNet(1, 8, 64), x, temb),
    "6.15": (patients.LateLayers(1, 8, 3), x),
}
for number, (model, *inputs) in cases.items():
    run = trace(model, *inputs)
    print(textwrap.fill(f"{number}: {run.cause or ' '.join(run.remarks)}", 90,
                        subsequent_indent="    "))

# %% [markdown]
# All of them, because many people make these mistakes and the tracer has a rule for each. A fault
# that nobody has met before shows only in a property that you test.
#
# ## 7. The bug hunt
#
# Now without a description. The course's checks know many mistakes. `bug_hunt` puts one of them
# into a right answer to an exercise, and tells you only what the code does wrong.

# %%
hunt = bug_hunt("2.5", seed=5)
print(hunt.symptom)

# %% [markdown]
# Here is the code. **Find the bug, mend it, and run the cell**, which checks it. (The `ConvBlock` of
# the other cells stays as it is.)

# %%
# %%bug_hunt 2.5
class ConvBlock(nn.Module):
    """Two convolutions that know the time, and a shortcut around them.

    (B, C, H, W), (B, D) -> (B, K, H, W)

    The time is projected to one number per channel and added between the convolutions.
    Where C and K differ, a 1x1 convolution carries the input around; else it is unchanged.
    Source: the tutorial's ConvBlock; the shortcut is that of "Deep Residual Learning" (2015).
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.conv1 = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(out_ch)
        self.time_proj = nn.Linear(time_dim, out_ch)
        self.conv2 = nn.Conv2d(out_ch, out_ch, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(out_ch)
        self.shortcut = nn.Identity() if in_ch == out_ch else nn.Conv2d(in_ch, out_ch, 1)

    def forward(self, x, temb):
        h = F.silu(self.norm1(self.conv1(x)))
        h = h + self.time_proj(temb)[:, :, None, None]
        h = F.silu(self.norm1(self.conv2(h)))
        return h + self.shortcut(x)

# %% [markdown]
# The next one is drawn from notebooks 00 to 05 and from seven more broken networks, and opens a cell
# of its own. Another seed gives another bug, as many as you like. `bug_hunt("4.5")` gives one in an
# exercise of your choice.

# %% tags=["nbval-ignore-output"]
bug_hunt(seed=26)

# %% [markdown]
# ## 8. Does it work on other people's networks?
#
# The tracer needs nothing but PyTorch. This is torchvision's ResNet-18, made for photographs, and it
# gets a picture of 20 x 20. **How small is the map in its last stage?**

# %%
torch.manual_seed(0)
found = trace(resnet18(num_classes=10), torch.randn(1, 3, 20, 20))
print("PyTorch:", found.error)
print(textwrap.fill(f"trace:   {found.cause}", 90))

# %% [markdown]
# PyTorch's message sounds as if the batch of one were to blame, but that's only half of the reason.
# The other half is five halvings: a larger picture would leave BatchNorm several numbers a channel.
#
# Two more tools. `trace.loss` runs the backward pass as well. `check_batch` asks whether a picture's
# result depends on the others in its batch: it exchanges them and compares. (By default,
# `nn.TransformerEncoderLayer` takes the first axis for the tokens.)

# %%
frozen = UNet(in_ch=1, base_ch=8, ch_mult=(1, 2), time_dim=32).requires_grad_(False)
found = trace.loss(frozen, lambda net, x, t: net(x, t).square().mean(), x, t)
print(textwrap.fill(f"frozen: {found.cause}", 90))

torch.manual_seed(0)
tokens = torch.randn(4, 64, 16)  # 4 pictures of 8 x 8 pixels, 16 numbers each
for batch_first in (True, False):
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first)
    try:
        check_batch(layer, tokens)
        print(f"batch_first={batch_first}: each picture by itself")
    except ValueError as error:
        print(textwrap.fill(f"batch_first={batch_first}: {str(error).split(':')[0]}", 90))

# %% [markdown]
# To use the tracer elsewhere, copy its folder beside your code, as `course_utils/shapes`. And
# wherever you are, `%debug` in the cell after an error opens a debugger at the line that failed.
#
# | symptom | likely cause | what to do |
# |---|---|---|
# | expected 64 channels, but got 32 | a wrong number, or a missing `cat` | who made the layer, who the tensor? |
# | sizes must match except in dimension 1 | an odd side, or kernels that disagree | pad; compare the layers down and up |
# | must match at non-singleton dimension | shapes line up at their ends | `[:, :, None, None]` |
# | index out of range; device-side assert | a step or label too large | restart, run on the CPU |
# | tuple (or list) has no attribute | a layer returned several things | take one of them |
# | more than 1 value per channel | BatchNorm and a batch of one | a larger batch, another norm, or `eval()` |
# | it runs, but learns badly | broadcasting, order of skips, unregistered layers | `remarks`, `check_batch`, count |
#
# ## Recap
#
# - Read from the bottom: what, where, who called. Which of the two is wrong, only you know.
# - A hook sees every layer and no function. Remove it in `finally`.
# - `trace(net, *inputs)` says what met what, and `draw_u` draws it.
# - An assert at the entrance is one line, and saves the search.
# - What runs may still be wrong: count, swap, call twice, test a property.
#
# **What can go wrong.** Making the message go away isn't repairing the fault: a block made for half
# of the channels runs, and has no skips. A hook that is never removed keeps firing as long as the
# network exists.
#
# **Where to look.** `course_utils/shapes/` has the tracer, with a file for each kind of fault in
# `rules/`. `course_utils/checks/exercises/nb06/` has the healthy networks, and what broke each. In
# [07, AMP training](07_amp_training.ipynb) your network gets a training loop that is fast and
# survives a disconnect. The map of the course is in [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
