"""7.3 A network that follows."""

import copy

import torch
from torch import nn

from course_utils.averaging import update_average
from course_utils.checks.exercises.nb07.notes import Net, copies, note_return, notes, same
from course_utils.checks.parts import Vague, Watch, edits, place

PAIRS = "zip(average.parameters(), model.parameters()) gives pairs, one weight of each."
HINTS = [
    ("'tuple' object|multiply sequence", "", "named_parameters() gives pairs of a name and a "
     "weight. parameters() gives the weights alone."),
    ("must match the size", "", PAIRS),
    ("not iterable", "", f"A network is not its weights, and can't be looped over. {PAIRS}"),
    ("'generator'", "", f"parameters() gives one weight after the other: write a loop. {PAIRS}"),
]  # fmt: skip


def experiment(probe, update_average):
    for keep in (0.9, 0.25, 0.0, 1.0):
        average, model = normed_net(probe), normed_net(probe)
        for turn in ("", " for the second time"):
            move_average(probe, update_average, average, model, keep, turn)


def normed_net(probe):
    """A network with BatchNorm and a frozen weight."""
    layers = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.SiLU(), nn.Flatten(), nn.Linear(12, 2)
    net = Net(lambda *shape: 10 * probe.uniform(*shape), *layers)
    net.layers[1].weight.requires_grad_(False)
    return net


def move_average(probe, update_average, average, model, keep, turn):
    what = f"update_average(average, model, {keep}){turn}"
    for p in list(model.parameters())[::2]:  # whether a weight has a gradient makes no difference
        p.grad = torch.ones_like(p) if p.requires_grad else None
    weights, before = list(average.parameters()), copies(average.parameters())
    theirs = copies(model.parameters())
    with probe.advice(*HINTS):
        returned = probe.run(what, update_average, average, model, keep)
    gradients_on = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    note_return(probe, returned, average, "average itself")
    now = average.named_parameters()
    stay = [key for (key, a), was in zip(now, before) if keep < 1 and torch.equal(a, was)]
    told = f"some of its weights, {', '.join(stay)}, stay as they were."
    look = "Move all of them, with or without a gradient, frozen or not."
    if len(stay) == len(weights) and same(theirs, model.parameters()):
        told, look = why_it_stays(update_average, average, model, keep)
        stay = Vague(told)
    notes(
        probe,
        ("the weights of the model", copies(model.parameters()),
         "Your function changes the weights of the model, which would disturb its training.",
         "Only average is written to. Methods that end with _ change what they are called on: in "
         "a.lerp_(p, ...), a has to be of average and p of model."),
        ("weights that stay", stay, f"average is not moved: {told}", look),
        (f"the averaged weights after {what}", copies(average.parameters()), "",
         "Try weights of 1 in average and 0 in model: keep is left of them. Of 0 and 1, it's "
         "1 - keep."),
        ("the same parameters", all(a is b for a, b in zip(weights, average.parameters())),
         "Your function puts new parameters into average. Anything that holds the old ones, such "
         "as an optimizer, would not see the change.",
         "Change them in place: a.lerp_(p, 1 - keep), or a.copy_(...)."),
        ("the buffers", copies([*average.buffers(), *model.buffers()]),
         "Your function changes buffers, BatchNorm's running mean and variance.",
         "They aren't weights. Go through parameters() alone; state_dict() has the buffers too."),
        ("which weights of the model learn", [p.requires_grad for p in model.parameters()],
         "Your function changes which weights of the model ask for a gradient.",
         "torch.no_grad() is enough, and ends by itself. Leave requires_grad alone.", True),
        ("gradients are switched on", gradients_on,
         "Your function switches gradients off for good: nothing could be trained after it.",
         "Write `with torch.no_grad():`, or @torch.no_grad() above def; both end by themselves.",
         True),
    )  # fmt: skip
    with torch.no_grad():
        for p in model.parameters():
            p += 1
    wrong = "The averaged weights are the model's own tensors, so they change whenever it learns."
    tip = "a.data = p.data gives one tensor two names. Copy the numbers: a.copy_(...)."
    probe.note("an average of its own", copies(average.parameters()), wrong, tip)


def why_it_stays(update_average, average, model, keep):
    """Call the attempt again; say why it does not move average, and what to do."""
    average, model = copy.deepcopy(average), copy.deepcopy(model)
    with torch.enable_grad(), Watch() as watch:
        update_average(average, model, keep)
    ours, theirs = (any(place(p) in watch.places for p in n.parameters()) for n in (average, model))
    if ours and theirs:
        told = "what you compute is not written into its tensors."
        return told, "a.lerp_(...) and a.copy_(...) write into a; `a = ...` and a.lerp(...) do not."
    if ours or theirs:
        return f"nothing is computed with the weights of {'model' if ours else 'average'}.", PAIRS
    told = "nothing is computed with the weights."
    return told, "A generator, (... for ... in ...), and map do nothing alone. Write a loop."


@torch.no_grad()
def average_by_copy(average, model, keep):
    for a, p in zip(average.parameters(), model.parameters()):
        a.copy_(keep * a + (1 - keep) * p)


MISTAKES = """
# keep and 1 - keep exchanged
- a.copy_(keep * a + (1 - keep) * p)
+ a.copy_((1 - keep) * a + keep * p)
keep and 1 - keep are exchanged. The average keeps the share keep of itself and takes 1 - keep from
the model; lerp_ is told the share to take.
# model's own tensors
+ a.data = p.data
average gets the model's own tensors: nothing is averaged, and from then on both networks share
their weights. Write the average of the numbers into the old tensors: a.lerp_(p, 1 - keep).
# keep without effect
+ a.copy_(p)
| average.load_state_dict(model.state_dict())
| a.copy_((a + p) / 2)
| a.copy_(0.99 * a + (1 - 0.99) * p)
The argument keep has no effect on the average: it's always the model's weights, or their mean, or a
number of your own such as 0.99. The shares are keep of the average and 1 - keep of the model.
# shares above 1
+ a.copy_(a + (1 - keep) * p)
| a.copy_(keep * a + p)
The average grows and grows, because you take one of the two whole. Multiply its old numbers by keep
and the model's by 1 - keep, so that the shares add up to 1.
# added before it is multiplied
+ a.copy_(keep * (a + (1 - keep) * p))
You add the model's share first, and then keep multiplies that too. Multiply a by keep before you
add, as in a.mul_(keep).add_(p, alpha=1 - keep).
# away from the model
+ a.copy_(a - (1 - keep) * (p - a))
| a.copy_(keep * a - (1 - keep) * p)
A sign is wrong, so the average moves away from the model. It's keep * a + (1 - keep) * p.
# brackets missing
+ a.copy_(keep * a + 1 - keep * p)
Brackets are missing: without them keep multiplies p, and 1 is added. Write (1 - keep) * p.
# one weight alone
-     a.copy_(keep * a + (1 - keep) * p)
+     a.copy_(keep * a + (1 - keep) * p)
+     return
or
+     pass
+ a.copy_(keep * a + (1 - keep) * p)
Only one weight of average moves, and the rest stay as they were. The line that moves them has to be
inside the loop, and a return below it: inside, it ends the function at once.
# change recorded
- @torch.no_grad()
+
PyTorch tries to record the change for a gradient, and refuses. Put @torch.no_grad() above def, or
the loop inside `with torch.no_grad():`.
# new network
- for a, p in zip(average.parameters(), model.parameters()):
+ average = copy.deepcopy(average)
+ for a, p in zip(average.parameters(), model.parameters()):
-     a.copy_(keep * a + (1 - keep) * p)
+     a.copy_(keep * a + (1 - keep) * p)
+ return average
You return a new network and leave average as it was, but the training loop keeps using the old one.
Write into the weights of average: a.lerp_(p, 1 - keep).
# counter averaged
- zip(average.parameters(), model.parameters())
+ zip(average.state_dict().values(), model.state_dict().values())
- a.copy_(keep * a + (1 - keep) * p)
+ a.mul_(keep).add_(p, alpha=1 - keep)
state_dict() holds more than weights: BatchNorm's num_batches_tracked is an integer, which can't be
averaged. Go through parameters() alone.
"""


def by_data(average, model, keep):
    for a, p in zip(average.parameters(), model.parameters()):
        a.data = keep * a.data + (1 - keep) * p.data


def by_name(average, model, keep):
    mine = dict(model.named_parameters())
    with torch.no_grad():
        for name, a in average.named_parameters():
            a.mul_(keep).add_(mine[name], alpha=1 - keep)
    return average


@torch.no_grad()
def by_vectors(average, model, keep):
    a, p = (nn.utils.parameters_to_vector(net.parameters()) for net in (average, model))
    nn.utils.vector_to_parameters(keep * a + (1 - keep) * p, average.parameters())


REFERENCE = update_average
LOOK = "Print one weight of average before and after the call, and the model's beside it."
CATALOGUE = edits(average_by_copy, MISTAKES)
ALSO_RIGHT = [by_data, by_name, by_vectors]
