"""What the exercises with a layer of attention share: how it is built and tried, and mistakes."""

import torch

from course_utils.checks.parts import SEED, parameters_made

HINTS = [
    (r"values to unpack", r"chunk|split|unbind|rearrange|qkv", "You need three parts. By default, "
     "chunk, split and unbind go along axis 0, the batch. Tell them the axis of the 3C channels."),
    (r"view size is not compatible", r"transpose|permute|\.mT|einsum|rearrange", "transpose moves "
     "nothing in memory, and view can't read the numbers in their new order. Use reshape here: it "
     "copies them in that order."),
    (r"b c h w -> b \(h w\) c", r"", "to_tokens takes a map, (B, C, H, W). Print the shape of what "
     "you give it."),
    (r"b \(h w\) c -> b c h w|to_map\(\)", r"", "to_map takes tokens, (B, N, C), and the height of "
     "the map, x.shape[2]. Print the shape of what you give it."),
    (r"Could not infer sizes", r"", "In each pair of brackets, all axes but one need a size: qkv=3 "
     "and h=heads, for example, or y=x.shape[2]."),
]  # fmt: skip
ON_MAPS = [
    (r"mat1 and mat2 shapes", r"", "nn.Linear works on the last axis, and that of a map is its "
     "width. The layers here are 1x1 convolutions, nn.Conv2d(..., 1), which take maps."),
    *HINTS,
]  # fmt: skip


def build(probe, cls, *args):
    """Build a layer of attention, in which no norm should be."""
    module = probe.build(cls, *args)
    norms = [key for key, part in module.named_modules() if "Norm" in type(part).__name__]
    told = f"There's a norm inside your layer: {', '.join(norms)}."
    look = "Leave it out: AttentionBlock, around it, already normalises."
    probe.note_unless(not norms, "no norm inside", told, look)
    probe.answered = True  # an __init__ that makes layers is no stub any more
    return module


def try_out(probe, method, x, *context):
    """Call a method once; write down whether it makes layers or drops numbers at random, before
    what comes of that."""
    name = getattr(method, "__name__", "forward")
    with parameters_made() as made:
        what = f"{name}(x{', context' * len(context)}), with x of shape {tuple(x.shape)}"
        probe.run(what, method, x.clone(), *(tokens.clone() for tokens in context))
    probe.note(
        f"layers made in {name}", bool(made),
        f"Your {name} makes layers. They are new, with new random weights, in every call, and the "
        f"optimizer never sees them.",
        f"Make them in __init__, keep them on self, and only call them in {name}.",
    )  # fmt: skip
    drawn = torch.get_rng_state(), torch.Generator().manual_seed(SEED).get_state()
    told = f"Your {name} draws random numbers, as dropout does."
    look = "Leave dropout out, or at 0."
    probe.note(f"random numbers in {name}", not torch.equal(*drawn), told, look)


def note_parameters(probe, module):
    """Write down how many numbers a layer learns: it tells many mistakes apart at little cost."""
    probe.note(
        "number of parameters", sum(p.numel() for p in module.parameters()),
        look="Compare your layers with the table: how many, which sizes, and which have biases? "
        "One layer with two names counts once.",
    )  # fmt: skip


# Of answers that end with `return self.proj(mixed)`.
LAYER = """
# input added
- return self.proj(mixed)
+ return x + self.proj(mixed)
| return self.proj(mixed + x)
You add x inside the layer. AttentionBlock, around it, already has that residual connection. Return
what proj makes of the mixture.
# projection without a bias
- self.proj = nn.Conv2d(ch, ch, 1)
+ self.proj = nn.Conv2d(ch, ch, 1, bias=False)
proj has no bias. Leave bias at its default there, True.
"""

# Of answers that give the height as `x.shape[2]`.
HEIGHT = """
# width taken for the height
- x.shape[2]
+ x.shape[3]
Your map comes back with height and width exchanged. The height is x.shape[2].
"""

# Of answers with `to_map(mixed, x.shape[2])`.
MAPS = f"""{HEIGHT}
# reshaped on the way out
- to_map(mixed, x.shape[2])
+ mixed.reshape(x.shape)
| mixed.view(x.shape)
You reshape or view (B, N, C) as (B, C, H, W) on the way back. The shape is right, but the numbers
stay in their old order. The channels have to move first: to_map(mixed, x.shape[2]).
"""

# Of answers that split self.qkv(x) with "(qkv h d)" and join the heads with "(h d)".
HEADS = """
# heads in turn
- (qkv h d)
+ (qkv d h)
or
+ (qkv d h)
- (h d)
+ (d h)
You deal the channels out to the heads one at a time. Head 0 should get the first d of them, head 1
the next d, and so on: "(h d)", not "(d h)".
# q, k, v within heads
+ (h qkv d)
You split the 3C channels into heads first, and each of those into q, k and v. Some networks do, but
here the first C channels are all queries: "(qkv h d)".
# heads joined in turn
- (h d)
+ (d h)
You interleave the heads at the end. They belong one after the other: "(h d)", not "(d h)".
# q, k, v in another order
- q, k, v =
+ k, q, v =
| q, v, k =
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
You make d heads of `heads` channels each. It's the other way round: h=self.heads.
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
