"""What the exercises with a layer of attention share: how it is built and tried, and mistakes."""

from torch.nn.modules.module import register_module_parameter_registration_hook

from course_utils.checks.engine.crash import crash
from course_utils.checks.engine.hints import Hint
from course_utils.checks.engine.probe import Stop

HINTS = [
    Hint(r"values to unpack", r"chunk|split|unbind|rearrange|qkv", "You need three parts. By "
         "default, chunk, split and unbind go along axis 0, the batch; tell them the axis of the "
         "3C channels."),
    Hint(r"view size is not compatible", r"transpose|permute|\.mT|einsum|rearrange", "transpose "
         "moves nothing in memory, and view cannot read the numbers in their new order. Use "
         "reshape here: it copies them in that order."),
    Hint(r"b c h w -> b \(h w\) c", r"", "to_tokens takes a map, (B, C, H, W). Print the shape of "
         "what you give it."),
    Hint(r"b \(h w\) c -> b c h w|to_map\(\)", r"", "to_map takes tokens, (B, N, C), and the "
         "height of the map, x.shape[2]. Print what you give it."),
    Hint(r"Could not infer sizes", r"", "Of the axes in one pair of brackets, all but one need a "
         "size: qkv=3 and h=heads, for example, or y=x.shape[2]."),
]  # fmt: skip
ON_MAPS = [
    Hint(r"mat1 and mat2 shapes", r"", "nn.Linear works on the last axis, and that of a map is its "
         "width. The layers here are 1x1 convolutions, nn.Conv2d(..., 1), which take maps."),
    *HINTS,
]  # fmt: skip


def build(probe, cls, *args):
    """Build a layer of attention, and write down whether a norm is in it."""
    module = probe.build(cls, *args)
    norms = [key for key, part in module.named_modules() if "Norm" in type(part).__name__]
    probe.note("a norm inside", bool(norms))
    if norms:
        raise Stop
    probe.answered = True  # an __init__ that makes layers is no stub any more
    return module


def try_out(probe, method, x, name="forward"):
    """Call a method once; write down whether it makes new layers, or what it raises."""
    made, error = [], None
    watch = register_module_parameter_registration_hook(lambda *found: made.append(found))
    try:
        method(x.clone())
    except (Exception, SystemExit) as raised:
        error = crash(raised.with_traceback(raised.__traceback__.tb_next))  # without this frame
    finally:
        watch.remove()
    probe.note("layers made in each call", bool(made))
    if error and not made:
        probe.note(f"{name}(x), with x of shape {tuple(x.shape)}", error)
    if error or made:
        raise Stop


def note_parameters(probe, module):
    """Write down how many numbers a layer learns: it tells many mistakes apart at little cost."""
    probe.note(
        "number of parameters", sum(p.numel() for p in module.parameters()),
        look="Compare your layers with the table: how many, of which sizes, and which have a bias?",
    )  # fmt: skip
    probe.stop_where_it_differs()


NORM = """
# norm inside
- super().__init__()
+ super().__init__()
+ self.norm = nn.GroupNorm(1, ch)
- def forward(self, x):
+ def forward(self, x):
+     x = self.norm(x)
There's a norm inside your layer. Leave it out: AttentionBlock, around it, already normalises.
"""

# Of answers that end with `return self.proj(mixed)`.
LAYER = """
# input added
- return self.proj(mixed)
+ return x + self.proj(mixed)
or
+ return self.proj(mixed + x)
You add x inside the layer. AttentionBlock, the block around it, has that residual connection, so x
would be added twice. Return what proj makes of the mixture.
# layers made in forward
+ return nn.Conv2d(*self.proj.weight.shape[:2], 1)(mixed)
You make a layer anew in every call: its weights are random each time, and the optimizer never sees
them. Make it in __init__, and keep it on self.

# projection without a bias
- self.proj = nn.Conv2d(ch, ch, 1)
+ self.proj = nn.Conv2d(ch, ch, 1, bias=False)
proj has no bias. Leave bias at its default there, True.
"""

# Of answers that return `to_map(mixed, x.shape[2])`, or project it.
MAPS = """
# reshaped on the way out
- to_map(mixed, x.shape[2])
+ mixed.reshape(x.shape)
or
+ mixed.view(x.shape)
You reshape or view (B, N, C) as (B, C, H, W) on the way back. The shape is right, but the numbers
stay in their old order. The channels have to move first: to_map(mixed, x.shape[2]).

# width taken for the height
- x.shape[2]
+ x.shape[3]
Your map comes back with height and width exchanged. The height is x.shape[2].
"""

# Of answers that split self.qkv(x) with "(qkv h d)" and join the heads with "(h d)".
HEADS = """
# heads in turn
- (qkv h d)
+ (qkv d h)
You deal the channels out one at a time, in turn. Head 0 has to get the first d of them, head 1 the
next d, and so on: "(h d)", not "(d h)".
# q, k, v within heads
+ (h qkv d)
You split the 3C channels into heads first, and each of those into q, k and v. Some networks do, but
here the first C channels are all queries: "(qkv h d)".
# q, k, v in turn
+ (h d qkv)
You take q, k and v in turn, every third channel each. The first C channels of self.qkv(x) are the
queries, the next C the keys, the last C the values: "(qkv h d)".

# heads joined in turn
- (h d)
+ (d h)
At the end, you interleave the heads. They belong one after the other: "(h d)", not "(d h)".

# q, k, v in another order
- q, k, v =
+ k, q, v =
or
+ q, v, k =
or
+ v, k, q =
You take q, k and v in another order. The first C channels of self.qkv(x) are the queries, the next
C the keys, the last C the values.

# always the same heads
- h=self.heads
+ h=1
or
- self.heads = heads
+ self.heads = 4
heads makes no difference in your class. Keep it as self.heads, and split into that many.
# heads and d swapped
- h=self.heads
+ d=self.heads
You make d heads with `heads` channels each, the wrong way round. In "(qkv h d)", h is self.heads.

# projection not used
- return self.proj(mixed)
+ return mixed
or
- self.proj = nn.Conv2d(ch, ch, 1)
+
- return self.proj(mixed)
+ return mixed
The mixture never goes through proj, the only place where the heads' results meet. It comes last.
"""
