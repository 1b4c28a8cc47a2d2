"""4.4 The channels of the decoder."""

from dataclasses import fields, is_dataclass

from course_utils.checks.parts import edits, name


def decoder_channels(chs):
    """Return the (in, out) channels of the up-layers, and of the blocks, in the order going up.

    () -> n pairs, n pairs

    chs lists the channels of the levels, top to bottom: n + 1 numbers. An up-layer takes the
    channels of the level below and gives those of its own level. A block takes what the
    concatenation gives, and returns the channels of its level.
    """
    upward = list(reversed(chs))
    ups = list(zip(upward, upward[1:]))
    blocks = [(2 * ch, ch) for ch in upward[1:]]
    return ups, blocks


LOOKS = {
    "up-layers": "A pair is (in, out), from the bottom up: with chs = [4, 9] there's only (9, 4).",
    "blocks": "A block takes the up-layer's channels and the skip's together, and returns those of "
    "its level: with chs = [4, 9] there's only (8, 4).",
}


def experiment(probe, decoder_channels):
    for chs in ([3, 5, 11], [4, 9], [8, 20, 30, 64], [7, 7, 5, 12]):
        given, called = list(chs), f"in {name(decoder_channels)}({chs})"
        answer = plain(probe.run(called[3:], decoder_channels, given))
        lists = isinstance(answer, list) and all(isinstance(part, list) for part in answer)
        n = len(chs) - 1
        with probe.advice(look=f"Return two lists, each of length {n}: the up-layers, the blocks."):
            probe.note(f"The lengths {called}", list(map(len, answer)) if lists else answer)
        for what, pairs in zip(LOOKS, answer) if lists else ():
            probe.note(f"The {what} {called}", pairs, look=LOOKS[what])
        probe.note_changes(decoder_channels, [chs], [given], [[]])


def plain(value):
    """Tuples of all kinds as lists, numbers of NumPy or PyTorch as Python's own."""
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "__next__"):
        return "an iterator"
    return value.tolist() if hasattr(value, "tolist") else value


MISTAKES = """
# twice the channels of the level below
- 2 * chs[i - 1]
+ 2 * chs[i]
Your blocks take twice the channels of the level below, like the published tutorial. The up-layer
has brought those down to the level's own: with [4, 9] the concatenation gives 4 + 4.
# channels of the level below
+ chs[i]
Your blocks take the channels of the level below, which is right only where these double. With
[4, 9], the concatenation gives 4 + 4, not 9.
# skip not counted
+ chs[i - 1]
Your blocks take the up-layer's channels alone. The concatenation has the skip's too.
# channels from below added to the skip's
+ chs[i] + chs[i - 1]
Your blocks take the channels of the level below and the skip's. But the up-layer comes first: with
[4, 9] it makes 4 out of 9, so 4 + 4 go into the block.
# blocks keep channels
- 2 * chs[i - 1], chs[i - 1]
+ 2 * chs[i - 1], 2 * chs[i - 1]
Your blocks return as many channels as they take. A block takes 2 * ch, and returns ch.
# blocks (out, in)
+ chs[i - 1], 2 * chs[i - 1]
The pairs of your blocks are swapped. What a layer takes comes first: (in, out).
# up-layers keep channels
- chs[i], chs[i - 1]
+ chs[i], chs[i]
or
+ chs[i], chs[i]
- 2 * chs[i - 1]
+ chs[i] + chs[i - 1]
Your up-layers keep the channels of the level below. They should give those of their own level.
# up-layers (out, in)
+ chs[i - 1], chs[i]
Your up-layers' pairs are swapped. They go from the channels of the level below to their own.
# up-layers from the top
- len(chs) - 1, 0, -1
+ 1, len(chs)
or
- ups, blocks = [], []
+ ups, blocks, chs = [], [], chs[::-1]
Your layers go down, as the encoder's do. Going up, the first up-layer takes the last number of chs.
# a step missing
- len(chs) - 1, 0
+ len(chs) - 1, 1
| len(chs) - 2, 0
A step up is missing. n halvings need n steps: the first from the bottom, the last to level 0.
# a step too many
+ len(chs) - 1, -1
There's a step too many: for i = 0, chs[i - 1] is chs[-1]. The last step leads to level 0.
# return inside the loop
-     return ups, blocks
+         return ups, blocks
You return after the first step, because the return is inside the loop. Move it after the loop.
# blocks first
- return ups, blocks
+ return blocks, ups
The blocks come first in your answer. Return the up-layers first, then the blocks.
# opposite orders
+ return ups, blocks[::-1]
| return ups[::-1], blocks
Your up-layers and your blocks come in opposite orders. Begin both at the bottom.
# one list
+ return ups + blocks
| return ups
| return list(zip(ups, blocks))
Return two lists: all up-layers, then all blocks.
"""


def channels_by_index(chs):
    ups, blocks = [], []
    for i in range(len(chs) - 1, 0, -1):
        ups.append((chs[i], chs[i - 1]))
        blocks.append((2 * chs[i - 1], chs[i - 1]))
    return ups, blocks


def channels_by_popping(chs):
    chs = [*chs]
    ups, blocks = [], []
    while chs[1:]:
        below, ch = chs.pop(), chs[-1]
        ups, blocks = [*ups, [below, ch]], [*blocks, [ch * 2, ch]]
    return [ups, blocks]


def channels_by_recursion(chs):
    if len(chs) == 1:
        return (), ()
    top, below, *_ = chs
    ups, blocks = channels_by_recursion(chs[1:])
    return (*ups, (below, top)), (*blocks, (2 * top, top))


def channels_by_pairs(chs):
    steps = [(below, ch) for ch, below in zip(chs[:-1], chs[1:])][::-1]
    return steps, [(ch + ch, ch) for _, ch in steps]


REFERENCE = decoder_channels
LOOK = (
    "Draw the levels of [4, 9]: 9 channels come from below, the up-layer makes 4 of them, and "
    "the skip has 4."
)
CATALOGUE = edits(channels_by_index, MISTAKES)
ALSO_RIGHT = [channels_by_popping, channels_by_recursion, channels_by_pairs]
