# %% [markdown]
# # 06 Debugging dimensions: which shape met which?
#
# {{badge}}
#
# In this notebook you will
#
# - write down the shape of everything that a network computes, with prints and with hooks;
# - read PyTorch's error messages from the bottom, and know what each number in them is;
# - get `torchsummary` to work on a network with a time input, after seeing how it fails;
# - use the course's tracer, which says in one sentence what met what, and draws it;
# - choose sizes with sliders, and see where the U breaks;
# - repair thirteen broken networks, nine that stop with an error and four that do not.
#
# It has two longer exercises and a clinic of thirteen short ones. Sections 1 to 5 take about an
# hour. The whole clinic takes another 50 minutes. Any five of its patients will do for a start,
# if two of them are among the last four. You need notebooks 01 to 05 before it. Nothing is trained
# here, and a CPU is enough.

# %%
# setup

# %%
import io
import re
import textwrap
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

try:
    from torchsummary import summary
except ImportError:  # Colab's TPU machines and Kaggle don't have it
    from course_utils.colab import no_torchsummary as summary

from course_utils import plots
from course_utils.blocks import ConvBlock, downsample, upsample
from course_utils.checks import check
from course_utils.checks.exercises.nb06 import broken_networks as patients
from course_utils.ddpm_unet import DDPMUNet
from course_utils.decoder import Decoder
from course_utils.shapes import check_batch, check_inputs, draw_u, trace
from course_utils.unet import UNet
from course_utils.widgets import shape_explorer

# %% [markdown]
# This is the network that you have built. Every column and every arrow in it is a tensor with a
# shape. One wrong number in one of them, and it does not run. Or it runs, and does something
# else.

# %%
# alt: The U-Net as a diagram, all parts coloured. Its maps have 16, 32 and 64 channels.
plots.draw_u(chs=(16, 32, 64))
plt.show()

# %% [markdown]
# We take the course's network here, so that you see the same numbers as are printed below, with
# few channels, so that it is fast. Four pictures of 16 x 16, `(4, 1, 16, 16)`, and four steps,
# `(4,)`, go in:

# %%
torch.manual_seed(0)
net = UNet(in_ch=1, base_ch=16, ch_mult=(1, 2, 4), time_dim=64)
x = torch.rand(4, 1, 16, 16) * 2 - 1  # from -1 to 1, as pictures are
t = torch.tensor([10, 200, 400, 900])
print("in: ", tuple(x.shape), tuple(t.shape), "\nout:", tuple(net(x, t).shape))

# %% [markdown]
# ## 1. What shape does it have inside?
#
# The simplest tool is a `print` in a `forward`. Here is the decoder of notebook 04 with one line
# more. It goes up from the bottom, `(4, 64, 4, 4)`, in two steps. **Write down first: what will
# the two lines say?**

# %%
class Talkative(Decoder):
    def forward(self, h, skips, temb):
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips)):
            h = up(h)
            print("from below:", tuple(h.shape), "  skip:", tuple(skip.shape))
            h = block(torch.cat([h, skip], dim=1), temb)
        return self.out(h)


temb = net.time(t)  # (4, 64)
bottom, skips = net.encoder(x, temb)
eps = Talkative([16, 32, 64], 1, 64)(bottom, skips, temb)

# %% [markdown]
# The two that are concatenated agree in everything but perhaps their channels. That is what you
# check for. A print is quickly written, and it is often enough. But you have to change the class,
# and to take the lines out again. And the inside of somebody else's layer cannot be printed.
#
# A *hook* needs no change. It is a function that PyTorch calls each time a layer has run, with
# the layer, its inputs (always as a tuple) and what it returned. `register_forward_hook` puts it
# onto a layer and returns a handle. `handle.remove()` takes it off again. A hook must return
# nothing: what it returns would take the place of the layer's output. **The next cell calls the
# network three times. How many lines will the hook print?**

# %%
def tell(layer, given, returned):
    print(type(layer).__name__, tuple(given[0].shape), "->", tuple(returned.shape))


handle = net.encoder.downs[0].register_forward_hook(tell)
eps = net(x, t)
eps = net(x[:2], t[:2])
handle.remove()
eps = net(x, t)

# %% [markdown]
# Two. Until it is removed, a hook stays on its layer and is called every time. After that the
# layer is as it was.
#
# ### Exercise 6.1: the shapes of all layers
# difficulty 3 of 5, about 12 minutes
#
# With a hook on every layer, one call of the network gives the whole list.
#
# | | |
# |---|---|
# | `model`, `*inputs` | the network, and what it is called with: `model(*inputs)` |
# | returns | a list of pairs: a layer's name, and the shape of what it returned, a plain tuple |
# | which layers | those with no layers inside, maybe the model: `list(layer.children())` is empty |
# | in which order | that of the calls; a layer that is called twice is listed twice |
#
# `model.named_modules()` gives pairs `(name, layer)` of all layers, however deep. All hooks have
# to be removed at the end, also when the call fails: Python runs a `finally:` behind a `try:` in
# either case. Do not catch the exception: whoever called your function needs to see it.

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
# Here is the first block of the encoder. **Which of its operations will be missing in the list?**
# (You wrote it in notebook 02: two convolutions, two norms, SiLU twice, the time, the shortcut.)

# %%
for name, shape in layer_shapes(net.encoder.blocks[0], x, temb):
    print(f"{name:10} {shape}")

# %% [markdown]
# The two SiLUs are missing, and so are the two additions. `F.silu`, `+` and `torch.cat` are
# functions, not layers, and a hook sees only layers. Many shape errors happen at just these
# places. Section 4 has a tool that sees them too.
#
# ## 2. What does the error message say?
#
# Our U-Net comes from a Colab tutorial, and the decoder that it published does
# not run. We have kept it as `patients.TutorialDecoder`. Here it has two levels with 16 and 32
# channels. It gets a bottom of `(4, 32, 8, 8)` and a skip of `(4, 16, 16, 16)`. A traceback is
# long, so we print only the lines that are not PyTorch's own, and the message. **What do the four
# numbers in "weight of size" mean?**

# %%
def from_the_bottom(error):
    """Print the end of a traceback, without the lines of PyTorch itself."""
    for frame in traceback.extract_tb(error.__traceback__)[1:]:
        path = Path(frame.filename)
        if "torch" not in path.parts:
            print(f"{path.name}, {frame.name}:  {frame.line}")
    print(textwrap.fill(f"{type(error).__name__}: {error}", 90))


torch.manual_seed(0)
broken = patients.TutorialDecoder([16, 32], 1, 64)
small, skip = torch.randn(4, 32, 8, 8), torch.randn(4, 16, 16, 16)
try:
    broken(small, [skip], temb)
except RuntimeError as error:
    from_the_bottom(error)

# %% [markdown]
# Read it from the bottom.
#
# - **The last line says what happened.** The weight of a convolution has the shape (out, in,
#   height, width): this one makes 16 channels of 64, with a kernel of 3 x 3. The input is (B, C,
#   H, W): 4 pictures, 32 channels, 16 x 16. The layer wants 64 channels and gets 32.
# - **The line above says where.** `conv1` of a block in `blocks.py`.
# - **The line above that says who called it.** A block in the decoder, which was given `x`.
#
# What it does not say is **which of the two is wrong**, the 64 or the 32. That is for you to
# find out. There are two suspects: the line that made the layer, in `__init__`, and the line that
# made the tensor, just before the call. The tensor is a concatenation of what `upsample` gave, 16
# channels, and a skip of 16. That is what we want, so 32 is right. The layer was made with
# `2 * chs[i]`, 2 times 32, and this is wrong.
#
# Here are four more messages that you will meet, each from one line. **Read them before you read
# on. Which operation is behind each, and what are the numbers?**

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
# 1. `nn.Linear` multiplies matrices. `mat1` is the input, 4 x 64. `mat2` is the weight, turned
#    round to (in, out), 32 x 16. The two numbers in the middle have to agree.
# 2. An addition (or any other operation between two tensors). PyTorch lines the shapes up **at
#    their ends**: the last axis of one meets the last axis of the other, here 16 columns and 32
#    channels. "Dimension 3" is counted in the longer shape. An axis of size 1 (a *singleton*)
#    fits all.
# 3. `torch.cat`. Everything but the axis along which it joins has to agree.
# 4. `view` and `reshape` cannot make or lose numbers: 4 * 8 * 16 = 512, and 4 * 8 * 5 * 5 = 800.
#
# ## 3. What does torchsummary say, and when does it not?
#
# `torchsummary` prints the layers of a network with their shapes. It is on Colab. You give it the
# size of one input **without** the batch. (`device="cpu"` says where the network is. The default
# is the GPU if there is one, and then a network on the CPU does not meet its input.)

# %%
torch.manual_seed(0)
plain = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.SiLU(), downsample(16))
summary(plain, (1, 16, 16), device="cpu")

# %% [markdown]
# -1 stands for the batch. For a plain network that is a good table. Ours has a second input, t.
# For several inputs, `summary` takes a list of their sizes. There are three ways to say it: leave
# t out, or say that it is one number, `(1,)`, or that it has no axis besides the batch, `()`.
# **Which of them will work?** Each gets a fresh network:

# %%
def small_unet():
    torch.manual_seed(0)
    return UNet(in_ch=1, base_ch=16, ch_mult=(1, 2), time_dim=64)


def try_summary(model, sizes):
    """Print how many lines torchsummary prints, and the error that stops it, if one does."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            summary(model, sizes, device="cpu")
        print(len(printed.getvalue().splitlines()), "lines, no error")
    except Exception as error:
        print(len(printed.getvalue().splitlines()), f"lines, then {type(error).__name__}:")
        print(textwrap.fill(f"   {error}", 90, subsequent_indent="   "))


for sizes in [[(1, 16, 16)], [(1, 16, 16), (1,)], [(1, 16, 16), ()]]:
    print(sizes)
    try_summary(small_unet(), sizes)

# %% [markdown]
# None.
#
# 1. One size, one input: there is no t.
# 2. torchsummary always puts a batch of 2 in front. So `(1,)` becomes a t of shape (2, 1), and
#    our network wants (2,), one step for each picture.
# 3. `()` does become (2,), and t goes in. Then the encoder returns its skips in a list, and
#    torchsummary asks that list for its size, as if it were a tensor.
#
# The third failure leaves something behind. **What happens if we now simply use the network?**

# %%
left = small_unet()
try_summary(left, [(1, 16, 16), ()])
try:
    left(x, t)
except AttributeError as error:
    print("calling the network itself:", error)

# %% [markdown]
# It is broken. torchsummary removes its hooks only at the end, and it did not get there. They are
# still on the layers, and stumble over the list at every call. Now you see why exercise 6.1
# insisted on `finally`. (Make the network anew, and it is well again.)
#
# So the list has to be hidden. This wrapper shows torchsummary only the innermost layers, those
# without layers inside, as `layer_shapes` does, and answers like the network:

# %%
class Innermost(nn.Module):
    """A network of which only the innermost layers can be seen."""

    def __init__(self, net):
        super().__init__()
        self.layers = nn.ModuleList(m for m in net.modules() if not list(m.children()))
        self.answer = net.forward

    def forward(self, x, t):
        return self.answer(x, t)


try_summary(Innermost(small_unet()), [(1, 16, 16), ()])

# %% [markdown]
# Better: it prints all the rows, and then fails before the totals. There it puts the sizes of
# all inputs into one array, and rows of different lengths, three numbers and none, do not make
# an array. So t needs a size of three numbers as well: `(1, 1, 1)`. Then it has the shape (2, 1,
# 1, 1), which no network takes.
#
# One more thing. The inputs are random **floats** from 0 to 1. Ours takes floats as t without a
# word, and computes the embedding of a step that is nearly 0. A network that looks t up in a
# table, such as the DDPM network of notebook 10, does not:

# %%
torch.manual_seed(0)
ddpm_unet = DDPMUNet(1000, 64, (1,), attn=[], num_res_blocks=1, dropout=0.0, in_channels=1,
                     out_channels=1)
try_summary(Innermost(ddpm_unet), [(1, 16, 16), ()])

# %% [markdown]
# ### Exercise 6.2: fit for torchsummary
# difficulty 2 of 5, about 6 minutes
#
# Write the wrapper that takes care of t, for any network that is called with `(x, t)`.
#
# | | |
# |---|---|
# | `x` | `(B, C, H, W)`, handed on as it is |
# | `t` | `(B, 1, 1, 1)`, floats from 0 to 1, 1 not included |
# | `model` gets | `x`, and floor(T * t), integers (int64) of shape `(B,)` |
# | returns | what the model returns |
#
# torchsummary has to find the model's layers: keep the model itself on `self`.

# %%
class ForSummary(nn.Module):
    """Make a network that takes a step t fit for torchsummary, which sends floats.

    (B, C, H, W), (B, 1, 1, 1) -> (B, C, H, W)

    The second input is a float from 0 to 1; the model gets floor(T * it), an int64 (B,).
    """

    def __init__(self, model, T):
        super().__init__()
        raise NotImplementedError("exercise 6.2")

    def forward(self, x, t):
        raise NotImplementedError("exercise 6.2")

# %%
ForSummary = check("6.2", ForSummary)

# %% [markdown]
# <details><summary>Hint 1: the shape</summary>
#
# `t.flatten()` lays all numbers of t in one row, however many axes of size 1 there were.
# </details>
#
# <details><summary>Hint 2: the numbers</summary>
#
# Multiply first, then `.long()`, which cuts off what is behind the point. The other way round,
# every step becomes 0.
# </details>

# %%
# solution 6.2

# %% [markdown]
# Now it works. The network has one halving, so that the table is short. **Find in it the number
# of channels that go into the block of the decoder.**

# %%
summary(ForSummary(Innermost(small_unet()), T=1000), [(1, 16, 16), (1, 1, 1)], device="cpu")

# %% [markdown]
# You cannot find it directly: torchsummary shows only what comes out of a layer. ConvTranspose2d-15 gives
# 16 channels, and the skip of that level has 16, so it must be 32. The concatenation has no row,
# for it is a function.
#
# And the count of parameters is not always right. torchsummary adds up what layers keep under the
# names `weight` and `bias`, and leaves out the rest. This layer has 16 numbers more, under another
# name:

# %%
class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1)
        self.shift = nn.Parameter(torch.zeros(16, 1, 1))

    def forward(self, x):
        return self.conv(x) + self.shift


shifted, printed = Shifted(), io.StringIO()
with redirect_stdout(printed):
    summary(shifted, (1, 16, 16), device="cpu")
total = re.search(r"Total params: (\S+)", printed.getvalue())
print("torchsummary:", total[1] if total else "not installed")
print("PyTorch:     ", sum(p.numel() for p in shifted.parameters()))

# %% [markdown]
# Most weights of PyTorch's own attention and recurrent layers have other names too. So count with
# PyTorch, as in the last line.
#
# ## 4. What met what?
#
# The course has a tool that does what we missed so far. `trace(net, *inputs)` runs the network
# once and writes down each layer **and** each operation. `table` prints it: the columns that you
# name, down to the depth that you name. "memory" is what PyTorch keeps for the backward pass:
# that is what fills a GPU in training. **Which layer do you expect to keep most?**

# %%
run = trace(net, x, t)
print(run.table("out", "parameters", "memory", depth=2))

# %% [markdown]
# The blocks at the top of the U keep most, on both sides: their maps are the largest. (A layer's
# numbers include those of the layers inside it.) The encoder returns a pair: the bottom, and a
# list with the two skips. One level further down, in one block, with what goes in:

# %%
block = net.decoder.blocks[1]
print(trace(block, torch.randn(4, 32, 16, 16), temb).table("type", "in", "out", "parameters"))

# %% [markdown]
# There is one more column, "ms", the time of each layer. It is different on every machine, so we
# do not print it here. Write `trace(net, x, t)` alone in a cell, and you get all columns as a
# table. Nothing is left behind: no hook, no changed average of a BatchNorm.
#
# What if the network fails? `trace` does not raise. The table ends at the place, and `cause` is
# one sentence. Here is the tutorial's decoder once more:

# %%
run = trace(broken, small, [skip], temb)
print(run.table("in", "out"))
print()
print("cause:", run.cause)

# %% [markdown]
# Compare it with PyTorch's message in section 2. This one has the layer's name in the network, and
# it looks one operation back: the 32 channels came from a concatenation of 16 and 16. So the
# tensor is as intended, and the 64 is wrong. PyTorch's own exception is in `run.error`.
#
# Some things do not raise, and are wrong all the same. `remarks` is a list of those that the
# tracer recognises. To see one, we need a network without checks: ours refuses a t of shape (1,),
# and pictures that cannot be halved often enough. `Unchecked` does not. **Four pictures and one
# step: what would you like to happen, and what does happen?**

# %%
class Unchecked(UNet):
    """Our U-Net without the checks of its inputs."""

    def forward(self, x, t):
        temb = self.time(t)
        bottom, skips = self.encoder(x, temb)
        return self.decoder(bottom, skips, temb)


torch.manual_seed(0)
unchecked = Unchecked(in_ch=1, base_ch=16, ch_mult=(1, 2, 4, 8), time_dim=64)
run = trace(unchecked, x, torch.tensor([500]))
print("error:  ", run.error, "\nremarks:", *run.remarks)

# %% [markdown]
# It runs. PyTorch spreads an axis of size 1 over the whole batch. If that is what you want, fine.
# If t was meant to have four steps, nothing would ever tell you.
#
# ### The same as a picture
#
# `draw_u` (of `course_utils.shapes`) runs a network and draws the maps that it finds, from left
# to right. The smaller the maps, the lower they stand. A bar is a map, the wider the more channels
# it has; its blue part, on the way up, is a skip that was concatenated. The names are those of the
# layers. Nothing in the drawing is made by hand, so it works for your networks too. **Which bar has
# the most channels?**

# %%
# alt: What the tracer saw, as a U with three rows: 16 x 16, 8 x 8 and 4 x 4. Bars stand for
#   channels, from 1 and 16 down to 32 and 64, and up again. A skip leads straight across in the
#   upper two rows, to bars with 32 and 64 channels, half of them blue.
draw_u(net, x, t)
plt.show()

# %% [markdown]
# Now pictures of 28 x 28, the size of MNIST, in the network with **three** halvings. **At which
# layer will it fail? What are the two sizes that meet?**

# %%
# alt: The same for a picture of 28 x 28. The sizes are 28, 14, 7 and 3 on the way down, and 6 on
#   the way up. There the drawing ends, at a red bar that a red arrow leads to, marked: fails, 64 x
#   7 x 7 meets 64 x 6 x 6. A sentence below says that halving 7 lost a row.
draw_u(unchecked, torch.zeros(4, 1, 28, 28), t)
plt.show()

# %% [markdown]
# 28 becomes 14, 7 and 3: the last row has no partner and is lost. On the way up, 3 becomes 6, and
# the skip has 7. Note where the error shows, and where its cause is. It shows in the decoder, at
# the concatenation. The cause is a halving at the other end of the U. And the best place to say
# it is at the very beginning, in words. Our UNet does that:

# %%
torch.manual_seed(0)
try:
    UNet(in_ch=1, base_ch=16, ch_mult=(1, 2, 4, 8), time_dim=64)(torch.zeros(4, 1, 28, 28), t)
except ValueError as error:
    print(error)

# %% [markdown]
# ### Before they go in
#
# Many errors are in the inputs. `check_inputs(x, t, T)` looks at a batch of clean pictures and
# their steps, and raises with a sentence for everything that is wrong. With good inputs it is
# silent. **What is wrong with each of the other three?**

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
# Without it, the bytes would train, badly: pixels up to 255 drown the noise. The column is refused
# by our UNet too; a network without checks stops with an error from its inside. And the last one
# would never show in our network. In one that looks steps up in a table, a step of 1000 would stop
# it, on one draw in a thousand. Call `check_inputs` for the first batch of a training run. It reads
# the smallest and the largest pixel, so on a GPU it costs a little time at each call.
#
# ## 5. Which sizes go through?
#
# The picture and the table follow the sliders. Nothing is computed: the tensors are on PyTorch's
# device "meta", where they have a shape and no numbers. Use the sliders to answer:
#
# 1. With 4 levels, that is 3 halvings: **which sizes below 40 go through?** What does the
#    sentence say for the others?
# 2. **What does doubling the base channels do** to the parameters, and what to the memory?
# 3. You have memory for twice as much. **What costs more: twice the batch, or pictures twice as
#    high and wide?** What do the parameters say to it?

# %% tags=["nbval-ignore-output"]
# alt: The U-Net for pictures of 16 x 16 and of 20 x 20, each with three levels and with four. Three
#   of the drawings are whole. That for 20 x 20 with four levels ends in red at the concatenation
#   that fails, and says why below.
shape_explorer()

# %% [markdown]
# Here are the answers, computed as the sliders do it:

# %%
def built(size=16, levels=3, channels=32, batch=16):
    with torch.device("meta"):
        net = Unchecked(1, channels, [2**i for i in range(levels)], 4 * channels)
        x, t = torch.empty(batch, 1, size, size), torch.empty(batch, dtype=torch.int64)
    return trace(net, x, t)


print("three halvings:", [n for n in range(8, 40) if built(size=n, levels=4).cause is None])
print("20 x 20:", built(size=20, levels=4).cause)
before = built().steps[0]  # the network itself
for change in ({"channels": 64}, {"batch": 32}, {"size": 32}):
    after = built(**change).steps[0]
    print(f"{change}: parameters x {after.parameters / before.parameters:.2f}, "
          f"memory x {after.kept / before.kept:.2f}")

# %% [markdown]
# The sizes are the multiples of 8, for 2 * 2 * 2 = 8. Channels count twice in the weights, once
# for what goes in and once for what comes out, and once in the maps. Batch and size are not in
# the weights at all. The size counts twice in the maps, as height and as width.
#
# ## 6. The clinic
#
# Thirteen patients, each with **one** fault, which may show in more than one place. Most of the
# stories are made up. The faults are not.
# For each patient you find
#
# - what it is for, and what a healthy one computes;
# - an examination of the broken one, which we have kept as `patients.<name>`;
# - its code, in a cell. Repair it there. Change as little as you can;
# - the check, two hints, and the solution.
#
# Take the time: with some practice, a minute is enough to find the fault. Ask four questions. What
# does the last line say? Which operation is it? What are the two shapes that met there? And
# which of the two is not as the description wants it? Here is a function that does the first part
# of the work. It prints what PyTorch says, and what `trace` says. Cover the second with your hand.

# %%
def examine(model, *inputs):
    """Run a network; print what PyTorch says, and then what trace says."""
    run = trace(model, *inputs)
    told = [run.cause] if run.cause else run.remarks
    for who, text in ("PyTorch", run.error or "nothing"), ("trace", " ".join(told) or "nothing"):
        print(textwrap.fill(f"{who}: {text}", 90, subsequent_indent="    "))

# %% [markdown]
# ### Exercise 6.3: the tutorial's decoder
# difficulty 2 of 5, about 4 minutes
#
# You know this one: it was published like this. The healthy decoder goes up level by
# level. `chs` lists the channels from top to bottom. On the way up to level i - 1,
#
# | | channels |
# |---|---|
# | `up` makes | `chs[i - 1]` of `chs[i]` |
# | the skip of that level has | `chs[i - 1]` |
# | `cat` gives, what comes from below first | both together |
# | `block` makes | `chs[i - 1]` of these |
#
# With three levels, the numbers are larger. And **there are lists of channels with which it
# runs as it is. Which?**

# %%
for chs in ([16, 32, 64], [16, 16, 16]):
    maps = [torch.randn(4, ch, 16 >> i, 16 >> i) for i, ch in enumerate(chs)]
    print(chs)
    examine(patients.TutorialDecoder(chs, 1, 64), maps[2], maps[:2], temb)

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
# `forward` does what the table says. Look at what the layers are made for.
# </details>
#
# <details><summary>Hint 2: which number</summary>
#
# Two things are concatenated, and both have `chs[i - 1]` channels.
# </details>

# %%
# solution 6.3

# %% [markdown]
# Where all levels have the same number of channels, `chs[i]` and `chs[i - 1]` are equal, and the
# fault does not show. That is why tests should use sizes that all differ. The healthy one takes
# its place in the U:

# %%
net.decoder = TutorialDecoder([16, 32, 64], 1, 64)
print("out:", tuple(net(x, t).shape))

# %% [markdown]
# ### Exercise 6.4: three inputs
# difficulty 2 of 5, about 5 minutes
#
# Someone wants pixels to look at each other. A *token* is a vector of C numbers, for example all
# channels of one pixel; a list of N of them for each picture has the shape `(B, N, C)`. In
# `nn.MultiheadAttention`, each token looks at all others and takes a mixture of them. (Notebook 08
# explains how. Here you need only know how it is called.) Made with `(ch, heads,
# batch_first=True)`, it takes three inputs, query, key and value, here three times the same
# tokens, and returns a **pair**: the new tokens, and the weights of the mixtures. The healthy
# one:
#
# $$h = \mathrm{norm}(\mathrm{tokens}) \qquad h = \mathrm{attention}(h, h, h)
# \qquad \mathrm{out} = \mathrm{tokens} + \mathrm{mix}(h)$$
#
# norm is `nn.LayerNorm(ch)`, which normalises each token by itself, and mix is
# `nn.Linear(ch, ch)`.

# %%
tokens = torch.randn(4, 64, 32)  # 4 pictures, 64 tokens, 32 channels
examine(patients.TokenMixer(32, 4), tokens)

# %%
class TokenMixer(nn.Module):
    """Normalise the tokens, let each look at all, mix their channels, add what came out.

    (B, N, C) -> (B, N, C)
    """

    def __init__(self, ch, heads):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(ch),
            nn.MultiheadAttention(ch, heads, batch_first=True),
            nn.Linear(ch, ch),
        )

    def forward(self, tokens):
        return tokens + self.layers(tokens)

# %%
TokenMixer = check("6.4", TokenMixer)

# %% [markdown]
# <details><summary>Hint 1: no Sequential</summary>
#
# `nn.Sequential` hands one thing from layer to layer. Keep the three layers under names of their
# own, and call them one by one in `forward`.
# </details>
#
# <details><summary>Hint 2: the pair</summary>
#
# `h, weights = self.attention(h, h, h)`. Only `h` is used after that.
# </details>

# %%
# solution 6.4

# %% [markdown]
# ### Exercise 6.5: one level up
# difficulty 1 of 5, about 2 minutes
#
# Someone has cleaned up the decoder and made a class of each level. A healthy level doubles the
# map, puts the skip **behind** it, and convolves:
#
# `(B, C, H, W)` becomes `(B, K, 2H, 2W)`, with the skip it is `(B, 2K, 2H, 2W)`, after the block
# `(B, K, 2H, 2W)`.

# %%
below, skip = torch.randn(4, 32, 8, 8), torch.randn(4, 16, 16, 16)
examine(patients.UpStep(32, 16, 64), below, skip, temb)

# %%
class UpStep(nn.Module):
    """One level of the way up: double the map, put the skip behind it, convolve.

    (B, C, H, W), (B, K, 2H, 2W), (B, D) -> (B, K, 2H, 2W)
    """

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.up = upsample(in_ch, out_ch)
        self.block = ConvBlock(2 * out_ch, out_ch, time_dim)

    def forward(self, x, skip, temb):
        x = self.up(x)
        return self.block(x, temb)

# %%
UpStep = check("6.5", UpStep)

# %% [markdown]
# <details><summary>Hint 1: what is not used</summary>
#
# `forward` has three inputs. How many of them occur in its body?
# </details>
#
# <details><summary>Hint 2: which axis</summary>
#
# `torch.cat([a, b], dim=1)` puts the channels of b behind those of a.
# </details>

# %%
# solution 6.5

# %% [markdown]
# Fewer channels than expected are a strong hint: in a U-Net, something was not concatenated. It
# would have been easy to "repair" it by making the block for `out_ch` channels. Then it runs, and
# has no skips.
#
# ### Exercise 6.6: the time, added
# difficulty 2 of 5, about 3 minutes
#
# Someone adds the time to a feature map, as in notebook 02. In a healthy one, a linear layer (with
# a bias, as the convolution has) projects the time to K numbers for each picture, and each number
# is added to all pixels of its channel:
#
# $$\mathrm{out}_{bkij} = \mathrm{silu}\big(\mathrm{conv}(x)_{bkij} +
# (W\,\mathrm{temb})_{bk}\big)$$
#
# We examine it twice: 4 pictures and 32 channels, then 16 pictures and 16 channels. **Which of the
# two will raise an error?**

# %%
examine(patients.TimedConv(1, 32, 64), x, temb)
print()
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
# With as many pictures as rows and as many channels as columns, everything fits, and the numbers
# meant for (picture, channel) are added to (row, column). No error, no wrong shape. Batch 16,
# channels 16 and pictures of 16 x 16 are not rare.
#
# ### Exercise 6.7: down and up
# difficulty 2 of 5, about 3 minutes
#
# Someone has found a U with pooling, and changed one number. Healthy, it halves once and doubles
# once, so that the map fits its skip again. A transposed convolution with a 2 x 2 kernel that
# steps by 2 doubles. That is as it should be.

# %%
examine(patients.PoolUNet(1, 8), x)

# %%
class PoolUNet(nn.Module):
    """A U with one halving: pool down, a 2x2 transposed convolution that steps by 2 up.

    (B, C, H, W) -> (B, C, H, W)
    """

    def __init__(self, in_ch, ch):
        super().__init__()
        self.down = nn.Conv2d(in_ch, ch, 3, padding=1)
        self.pool = nn.MaxPool2d(3)
        self.bottom = nn.Conv2d(ch, 2 * ch, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * ch, ch, kernel_size=2, stride=2)
        self.out = nn.Conv2d(2 * ch, in_ch, 3, padding=1)

    def forward(self, x):
        skip = F.silu(self.down(x))
        h = F.silu(self.bottom(self.pool(skip)))
        return self.out(torch.cat([self.up(h), skip], dim=1))

# %%
PoolUNet = check("6.7", PoolUNet)

# %% [markdown]
# <details><summary>Hint 1: what becomes of 16</summary>
#
# The cause names two layers and their numbers: 16, 5, 10. What should they be?
# </details>
#
# <details><summary>Hint 2: the step of a pooling</summary>
#
# Unless you say otherwise, `nn.MaxPool2d(k)` steps by k.
# </details>

# %%
# solution 6.7

# %% [markdown]
# ### Exercise 6.8: any size
# difficulty 3 of 5, about 5 minutes
#
# Someone has written a wrapper that lets a U take pictures of any size. It hands them on, and
# that is all. A healthy one
#
# 1. adds rows at the bottom and columns on the right until `2**halvings` divides both sides, and
#    no more than that. They repeat the last row and the last column
#    (`F.pad(..., mode="replicate")`);
# 2. calls the network;
# 3. cuts its answer back to the size of `x`.
#
# (`-H % step` is how much H lacks to the next multiple of step: 4 for 28 and 8, and 0 for 32.)

# %%
torch.manual_seed(0)
deep = UNet(in_ch=1, base_ch=8, ch_mult=(1, 2, 4, 8), time_dim=32)
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
# <details><summary>Hint 1: the order in F.pad</summary>
#
# `F.pad` counts from the last axis: `F.pad(x, (left, right, top, bottom), mode="replicate")`.
# </details>
#
# <details><summary>Hint 2: cutting back</summary>
#
# `answer[:, :, :H, :W]`, with the height and width that x had before it was padded.
# </details>

# %%
# solution 6.8

# %%
wrapped = AnySize(deep, halvings=3)
for size in ((28, 30), (32, 32), (9, 17)):
    print(size, "->", tuple(wrapped(torch.zeros(4, 1, *size), t).shape))

# %% [markdown]
# ### Exercise 6.9: groups
# difficulty 2 of 5, about 3 minutes
#
# Someone has replaced BatchNorm by GroupNorm, which normalises groups of channels of each picture
# (notebook 08 compares them), and has taken the usual 32 groups. Then 48 channels were wanted. A
# healthy one takes **the largest number of groups up to 32 that divides the channels**. This one
# fails as it is *made*, before it is called. So we trace a function that makes it.

# %%
examine(lambda x: patients.NormedConv(16, 48)(x), torch.randn(4, 16, 8, 8))

# %%
class NormedConv(nn.Module):
    """A convolution, GroupNorm, SiLU.

    (B, C, H, W) -> (B, K, H, W)

    The groups are as many as divide the channels, 32 at most.
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
        self.norm = nn.GroupNorm(32, out_ch)

    def forward(self, x):
        return F.silu(self.norm(self.conv(x)))

# %%
NormedConv = check("6.9", NormedConv)

# %% [markdown]
# <details><summary>Hint 1: try them all</summary>
#
# For each g from 1 to 32 ask whether `out_ch % g == 0`. Which of those do you want?
# </details>
#
# <details><summary>Hint 2: the largest of a set</summary>
#
# `max(g for g in range(1, 33) if ...)`. Note that `range(1, 33)` ends with 32.
# </details>

# %%
# solution 6.9

# %%
for channels in (64, 48, 20, 7):
    norms = [m for m in NormedConv(1, channels).modules() if isinstance(m, nn.GroupNorm)]
    print(f"{channels:2} channels, groups:", *(norm.num_groups for norm in norms))

# %% [markdown]
# 7 is a prime number, so each channel is a group of its own. And the largest number that divides
# is not always a good one: with 7 channels in 7 groups, each channel loses its mean, and with it
# what the time may have added.
#
# ### Exercise 6.10: a batch of one
# difficulty 2 of 5, about 3 minutes
#
# Someone describes each picture by K numbers: the average of each channel over the picture,
# normalised, then mixed by a linear layer. It trained well with a batch of 32. Then the last batch
# of an epoch had one picture. In a healthy one, the norm is `nn.LayerNorm(in_ch)`, which takes
# mean and spread of the C averages of **one** picture.
#
# We also ask it about picture 0 twice, beside different others. **Should the answer be the same?
# Will it?**

# %%
torch.manual_seed(0)
code = patients.PictureCode(16, 8)
examine(code, torch.randn(1, 16, 8, 8))
pictures, others = torch.randn(4, 16, 8, 8), torch.randn(3, 16, 8, 8)
one, two = code(pictures)[0], code(torch.cat([pictures[:1], others]))[0]
print("picture 0 has the same code in both batches:", torch.allclose(one, two, atol=1e-5))

# %%
class PictureCode(nn.Module):
    """Average each channel over the picture, normalise the averages, mix them.

    (B, C, H, W) -> (B, K)

    The norm is nn.LayerNorm: what a picture gives does not depend on the others of its batch.
    """

    def __init__(self, in_ch, out_ch):
        super().__init__()
        self.norm = nn.BatchNorm1d(in_ch)
        self.mix = nn.Linear(in_ch, out_ch)

    def forward(self, x):
        return self.mix(self.norm(x.mean(dim=(2, 3))))

# %%
PictureCode = check("6.10", PictureCode)

# %% [markdown]
# <details><summary>Hint 1: what does the norm see?</summary>
#
# `x.mean(dim=(2, 3))` has the shape (B, C). BatchNorm takes a mean over B. LayerNorm takes one
# over C.
# </details>
#
# <details><summary>Hint 2: how much to change</summary>
#
# One line of `__init__`.
# </details>

# %%
# solution 6.10

# %%
torch.manual_seed(0)
code = PictureCode(16, 8)
print("a batch of one:", tuple(code(pictures[:1]).shape))
one, two = code(pictures)[0], code(torch.cat([pictures[:1], others]))[0]
print("picture 0 has the same code in both batches:", torch.allclose(one, two, atol=1e-5))

# %% [markdown]
# ### Exercise 6.11: steps as numbers
# difficulty 2 of 5, about 3 minutes
#
# Someone skips the sinusoids of notebook 01 and feeds the step to two linear layers directly. In a
# healthy one the steps t, `(B,)`, integers, become **one column** t / T, `(B, 1)`, floats. Then
# they go through the layers.
#
# When you have repaired what the message says, there will be another message. **Which?** The
# second half of the output shows it.

# %%
examine(patients.StepMLP(1000, 32), t)
print()
examine(patients.StepMLP(1000, 32), t / 1000)

# %%
class StepMLP(nn.Module):
    """Turn a step into a vector: t / T as one column, then two linear layers.

    (B,) -> (B, D)

    t is an integer tensor from 0 to T - 1.
    """

    def __init__(self, T, dim):
        super().__init__()
        self.T = T
        self.layers = nn.Sequential(nn.Linear(1, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t):
        return self.layers(t)

# %%
StepMLP = check("6.11", StepMLP)

# %% [markdown]
# <details><summary>Hint 1: floats</summary>
#
# A division makes floats of integers: `t / self.T`.
# </details>
#
# <details><summary>Hint 2: a column</summary>
#
# `t[:, None]` has the shape (B, 1): B rows, one number in each. That is what `nn.Linear(1, ...)`
# takes.
# </details>

# %%
# solution 6.11

# %% [markdown]
# ### The silent ones
#
# The last four run. Every shape is what it should be, and what comes out is wrong. There is no
# message. `trace` has remarks for some such faults, not for all: the first of the four is a
# function that makes a batch, and `trace` looks at networks. What always helps is a small
# experiment: a property that must hold, and a look whether it does. So we begin with that.
#
# ### Exercise 6.12: a step for each
# difficulty 2 of 5, about 3 minutes
#
# Someone has written the function that makes a training batch. A healthy one draws a step for
# each picture, t of shape `(B,)`, integers from 0 to T - 1, all equally likely, and then the
# noise. Each picture is noised to its own step, and `x0` itself stays as it was:
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
# One step for all: `a` has the shape (1, 1, 1, 1), and is spread over the batch. A batch then
# teaches the network one noise level, and the next batch another. It trains, with a loss that
# jumps. Our UNet would have refused such a t. The tutorial's would not.

# %%
torch.manual_seed(0)
xt, steps, eps = noisy_batch(x, alpha_bar)
print("t:", tuple(steps.shape), " all different:", len(set(steps.tolist())) == 4)

# %% [markdown]
# ### Exercise 6.13: the order of the skips
# difficulty 3 of 5, about 4 minutes
#
# Someone wants a U without halvings: all maps have the same size, three blocks down, three up. In
# a healthy one, the first block up gets the skip of the **last** block down, the second that of
# the second, the last that of the first, as in a U. What comes from below stands first in the
# concatenation. Each of the six blocks has weights of its own.
#
# In our U, a wrong order stops with an error, for the sizes differ. Here they do not. Hooks can
# say which skip goes where: they keep what each block down returns, and the second half of the
# channels that each block up gets. **Which three pairs do you want to see?**

# %%
torch.manual_seed(0)
flat, made, taken = patients.FlatUNet(1, 8, 64), [], []
for block in flat.down:
    block.register_forward_hook(lambda layer, given, returned: made.append(returned))
for block in flat.up:
    block.register_forward_hook(lambda layer, given, returned: taken.append(given[0][:, 8:]))
print("out:", tuple(flat(x, temb).shape))
for i, skip in enumerate(taken):
    whose = [torch.equal(skip, m) for m in made].index(True)
    print(f"block up {i} gets the skip of block down {whose}")

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

# %% [markdown]
# The tracer knows this one. It sees which tensor was made when, and that the skips are taken in
# the order in which they were made:

# %%
examine(patients.FlatUNet(1, 8, 64), x, temb)

# %% [markdown]
# ### Exercise 6.14: pixels and channels
# difficulty 3 of 5, about 5 minutes
#
# Someone lets every pixel look at all others. A healthy one makes a list of tokens of the map:
# H * W tokens, row by row, each with the C channels of its pixel. It lets them attend to each
# other, brings the result back into the shape of a map, and adds the map that came in:
#
# `(B, C, H, W)` becomes `(B, H*W, C)`, that goes through attention, and becomes `(B, C, H, W)`.
# Query, key and value come from three layers, and these stay as they are.
#
# Which property can be tested? Attention does not know where a pixel lies. If we shuffle the
# pixels first, or shuffle the result, it must be the same. **Is it?**

# %%
def shuffle_commutes(layer, x):
    order = torch.randperm(x.shape[2] * x.shape[3])
    shuffled = x.flatten(2)[:, :, order].view_as(x)
    out = layer(x).flatten(2)[:, :, order].view_as(x)
    return torch.allclose(layer(shuffled), out, atol=1e-5)


torch.manual_seed(0)
maps, layer = torch.randn(4, 8, 5, 7), patients.PixelAttention(8)
print("out:", tuple(layer(maps).shape), " shuffle commutes:", shuffle_commutes(layer, maps))

# %%
class PixelAttention(nn.Module):
    """Every pixel is a token and looks at all others; what it takes from them is added.

    (B, C, H, W) -> (B, C, H, W)
    """

    def __init__(self, ch):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(ch, ch) for _ in range(3))

    def forward(self, x):
        B, C, H, W = x.shape
        tokens = x.reshape(B, H * W, C)
        seen = F.scaled_dot_product_attention(self.q(tokens), self.k(tokens), self.v(tokens))
        return x + seen.reshape(B, C, H, W)

# %%
PixelAttention = check("6.14", PixelAttention)

# %% [markdown]
# <details><summary>Hint 1: what reshape does not do</summary>
#
# `reshape` never moves a number. It reads them in their old order and cuts the row elsewhere. In
# `(B, C, H, W)`, neighbours in the row are neighbours in one channel, and not the channels of one
# pixel. Two axes have to change places. That is needed on the way back too.
# </details>
#
# <details><summary>Hint 2: there and back</summary>
#
# There: `x.flatten(2)` is (B, C, H*W), and `.transpose(1, 2)` swaps the last two axes. Back:
# `.transpose(1, 2)` first, then `reshape`.
# </details>

# %%
# solution 6.14

# %%
torch.manual_seed(0)
print("shuffle commutes:", shuffle_commutes(PixelAttention(8), maps))
print("The broken one, examined:")
examine(patients.PixelAttention(8), maps)

# %% [markdown]
# ### Exercise 6.15: layers that nobody knows
# difficulty 2 of 5, about 4 minutes
#
# Someone has written a stack of convolutions, each with a SiLU, and a 1x1 convolution (with a
# bias) around them all. It runs. In a healthy one, all layers are made once, in `__init__`, and
# PyTorch knows them. The first convolution makes `out_ch` channels of `in_ch`, all others `out_ch`
# of `out_ch`; the 1x1 convolution is there also where the two are equal.
#
# **How many parameter tensors should a stack of three have?** (A convolution has two, its weight
# and its bias.)

# %%
torch.manual_seed(0)
late = patients.LateLayers(1, 8, 3)
print("parameter tensors:", len(list(late.parameters())))
print("the same answer twice:", torch.equal(late(x), late(x)))
examine(late, x)

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
# It is worth a line in every notebook: print the number of parameters, and see whether it is what
# you expect.
#
# ## 7. Take it along
#
# The tracer needs nothing but PyTorch, and matplotlib for the picture. So it works on networks
# that nobody here wrote. This is torchvision's ResNet-18, which was made for pictures of 224 x 224
# and is given one of 20 x 20. **How small is the map in its last stage?**

# %%
from torchvision.models import resnet18

torch.manual_seed(0)
found = trace(resnet18(num_classes=10), torch.randn(1, 3, 20, 20))
print("PyTorch:", found.error)
print(textwrap.fill(f"trace:   {found.cause}", 90))

# %% [markdown]
# A batch of one is only half of the reason. The other half is five halvings: with larger pictures
# each channel has more than one number, even in a batch of one.
#
# A training step can fail on its way back. `trace.loss` takes a network and what you do with it,
# and runs the backward pass as well.

# %%
def squares(net, x, t):
    return net(x, t).square().mean()


frozen = small_unet().requires_grad_(False)
print(textwrap.fill(trace.loss(frozen, squares, x, t).cause, 90))

# %% [markdown]
# One question needs two runs: does what a network says of one picture depend on the others of
# its batch? `check_batch` exchanges the others and compares. `nn.TransformerEncoderLayer`, as it
# comes, takes the first axis for the tokens:

# %%
torch.manual_seed(0)
tokens = torch.randn(4, 64, 16)  # 4 pictures of 8 x 8 pixels, 16 numbers each
for batch_first in (True, False):
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=batch_first)
    try:
        check_batch(layer, tokens)
        print(f"batch_first={batch_first}: each picture by itself")
    except ValueError as error:
        print(textwrap.fill(f"batch_first={batch_first}: {error}", 90))

# %% [markdown]
# To use all this in a notebook of your own, copy the first code cell of this one, the setup, to
# its top. Then it is one line: `from course_utils.shapes import trace`. The folder
# `course_utils/shapes` also works alone, copied beside your code.
#
# ## 8. What do I do first?
#
# | symptom | likely cause | what to do |
# |---|---|---|
# | expected ... to have 64 channels, but got 32 | a layer made for the wrong number, or a missing `cat` | ask who made the layer and who made the tensor |
# | sizes must match except in dimension 1 | a skip and a map differ in size: an odd side, or kernels that disagree | pad the picture; compare each layer down with its partner up |
# | must match at non-singleton dimension | shapes line up at their ends | `[:, :, None, None]` |
# | mat1 and mat2 shapes cannot be multiplied | the last axis is not what `nn.Linear` takes | print the shape; move the axis to the end |
# | got Long and Float; type (unsigned char) and (float) | integers where floats are wanted | `.float()`, and steps are embedded first |
# | shape is invalid for input of size | `view` asks for more or fewer numbers | multiply the sizes of both |
# | missing required positional arguments | a layer with several inputs in `nn.Sequential`, or a forgotten t | call it in a `forward` of your own, with all it takes |
# | tuple (or list) has no attribute | a layer returned a pair | take one of it |
# | divisible by num_groups | GroupNorm and the channels | choose groups that divide |
# | more than 1 value per channel | BatchNorm and a batch of one | a larger batch, another norm, or `eval()` |
# | does not require grad; modified by an inplace operation | frozen weights, `no_grad`, `x += ...` | `trace.loss(...)` |
# | it runs, the loss is stuck or jumps | spread axes, order of skips, reshape for transpose, layers not registered, an input that nothing uses | `trace(...).remarks`; `check_batch`; count parameters |
# | it runs only with some sizes | two sizes happen to be equal | test with sizes that all differ |
#
# ## Recap
#
# - Read from the bottom: what, where, who called. The message does not say which of the two is
#   wrong.
# - A hook sees every layer and no function. Remove it in `finally`.
# - `torchsummary` wants floats, sizes of equal length, and layers that return tensors.
# - `trace(net, *inputs)` says what met what, and where it came from; `draw_u` draws it;
#   `trace.loss` goes through the backward pass too.
# - What runs may be wrong. Shuffle, swap, count, call twice: test a property.
#
# **What can go wrong.** Making the message go away is not the same as repairing the fault: a block
# made for half of the channels runs, and has no skips. A hook that was not removed works on for as
# long as the network lives. Sizes that are equal by chance hide a fault until the day one of them
# changes. And a check at the entrance, in words, saves the search.
#
# **Where to look.** `course_utils/shapes/` has the tracer, and `rules/` in it the sentences, a file
# for each kind of fault.
# `course_utils/checks/exercises/nb06/` has the healthy networks in `healthy_networks.py`, and in
# `broken_networks.py` the one edit that broke each. The next notebook,
# [07, AMP training](07_amp_training.ipynb), takes the training loop apart. Attention is explained in [08, attention variants](08_attention_variants.ipynb). The map of the course is in
# [00](00_start_here.ipynb).

# %% [markdown]
# ## How far are you?
#
# Here are all exercises of the course. What you have done is kept in `my_progress.txt`, beside
# `my_unet.py`.

# %% tags=["nbval-ignore-output"]
from course_utils.checks import progress

progress()
