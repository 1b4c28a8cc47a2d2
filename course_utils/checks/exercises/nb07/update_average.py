"""7.3 A network that follows."""

import copy

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_utils.averaging import update_average
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.exercises.nb07.in_place import Net, copies, note_nothing_returned, same
from course_utils.checks.mistakes import edits

PAIRS = "zip(average.parameters(), model.parameters()) gives pairs, one weight of each."
HINTS = [
    ("'tuple' object|multiply sequence", "", "named_parameters() gives pairs of a name and a "
     "weight. parameters() gives the weights alone."),
    ("must match the size", "", PAIRS),
    ("'generator'", "", f"parameters() gives one weight after the other: write a loop. {PAIRS}"),
]  # fmt: skip


def average_experiment(probe, update_average):
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
    before, asked = copies(model.parameters()), [p.requires_grad for p in model.parameters()]
    weights, were = list(average.parameters()), copies(average.parameters())
    buffers = [copies(net.buffers()) for net in (average, model)]
    with probe.advice(*HINTS):
        returned = probe.run(what, update_average, average, model, keep)
    gradients_on = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    note_nothing_returned(probe, returned, average, "average itself")
    changed = [] if same(before, model.parameters()) else copies(model.parameters())
    probe.note(
        "the weights of the model", changed,
        "Your function changes the weights of the model, which would disturb its training.",
        "Only average is written to. Methods that end with _ change what they are called on: in "
        "a.lerp_(p, ...), a has to be of average and p of model.",
    )  # fmt: skip
    now, expected = copies(average.parameters()), [p.lerp(a, keep) for a, p in zip(were, before)]
    probe.note("weights that stay", *staying(update_average, average, model, keep, were, expected))
    probe.note(
        f"the averaged weights after {what}", now, "",
        "Try weights of 1 in average and 0 in model: keep is left of them. Of 0 and 1, it's "
        "1 - keep.",
    )  # fmt: skip
    probe.note(
        "the same parameters", all(a is b for a, b in zip(weights, average.parameters())),
        "Your function puts new parameters into average. Anything that holds the old ones, such as "
        "an optimizer, would not see the change.",
        "Change them in place: a.lerp_(p, 1 - keep), or a.copy_(...).",
    )  # fmt: skip
    probe.note(
        "the buffers", [copies(net.buffers()) for net in (average, model)],
        "" if same(buffers[1], model.buffers()) and same(buffers[0], average.buffers()) else
        "Your function changes buffers, BatchNorm's running mean and variance. They aren't "
        "weights.",
        "Go through parameters() alone, because state_dict() has the buffers in it too.",
    )  # fmt: skip
    probe.note(
        "which weights of the model learn", [p.requires_grad for p in model.parameters()] == asked,
        "Your function changes which weights of the model ask for a gradient.",
        "torch.no_grad() is enough, and ends by itself. Leave requires_grad alone.",
    )  # fmt: skip
    probe.note(
        "gradients are switched on", gradients_on,
        "Your function switches gradients off for good: nothing could be trained after it.",
        "Write `with torch.no_grad():`, or @torch.no_grad() above def. Both end by themselves.",
    )  # fmt: skip
    with torch.no_grad():
        for p in model.parameters():
            p += 1
    probe.note(
        "an average of its own", same(now, average.parameters()),
        "The averaged weights are the model's own tensors, so they change whenever it learns.",
        "a.data = p.data gives one tensor two names. Copy the numbers: a.copy_(...).",
    )  # fmt: skip


def staying(update_average, average, model, keep, were, expected):
    """Which weights of average stay as they were though they should move: what to write down,
    and what to say about it."""
    now = list(average.named_parameters())
    wrong = [not torch.allclose(a, e, rtol=1e-4) for (_, a), e in zip(now, expected)]
    stay = [key for (key, a), w, bad in zip(now, were, wrong) if bad and torch.equal(a, w)]
    if not stay:
        return "", "", ""
    if len(stay) < len(now):
        told = f"Some weights of average stay as they were: {', '.join(stay)}."
        return stay, told, "Move all of them, with or without a gradient, frozen or not."
    average, model = copy.deepcopy(average), copy.deepcopy(model)
    with torch.enable_grad(), Reads(average) as ours, Reads(model) as theirs:
        update_average(average, model, keep)
    told, look = STAYS[ours.seen, theirs.seen]
    return told, f"average is as it was: {told}", look


STAYS = {
    (False, False): (
        "your function computes nothing with the weights.",
        "A generator, (... for ... in ...), and map do nothing until something runs through them: "
        "write a loop.",
    ),
    (True, False): ("your function never looks at the weights of model.", PAIRS),
    (False, True): ("your function never looks at its weights.", PAIRS),
    (True, True): (
        "what you compute is not written into its tensors.",
        "a.lerp_(p, 1 - keep) and a.copy_(...) write into a; `a = ...` and a.lerp(...) do not.",
    ),
}


class Reads(TorchDispatchMode):
    """While it is entered, see whether something is computed with a network's weights."""

    def __init__(self, net):
        super().__init__()
        self.weights = {p.untyped_storage().data_ptr() for p in net.parameters()}
        self.seen = False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        self.seen |= any(x.untyped_storage().data_ptr() in self.weights for x in given)
        return function(*args, **kwargs or {})


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
# average as it was
+ a = keep * a + (1 - keep) * p
average is as it was. `a = keep * a + ...` makes a new tensor and gives it the name a, and
a.lerp(...) without _ makes one too. Write into the old tensors: a.lerp_(p, 1 - keep), or
a.copy_(...).
# weights without gradient left out
+ if p.grad is not None:
+     a.copy_(keep * a + (1 - keep) * p)
You leave out the weights that have no gradient at the moment. The average has nothing to do with
gradients, so move all of them.
# frozen weights left out
+ if p.requires_grad:
+     a.copy_(keep * a + (1 - keep) * p)
You leave out frozen weights, those with requires_grad=False. The formula is for all parameters: if
the model's frozen weights differ from the average's, they have to move too.
# model moved
+ p.copy_(keep * p + (1 - keep) * a)
The model moves towards the average. It's the other way round: the average follows, and the model is
left alone.
# average written into the model
+ p.copy_(keep * a + (1 - keep) * p)
You compute the right average and write it into the model, because methods that end with _ change
what they are called on. Call it on a, a weight of average.
# model scaled in place
+ a.copy_(keep * a + p.mul_(1 - keep))
p.mul_(...) multiplies the model's own weights, because methods that end with _ change what they are
called on. Write (1 - keep) * p, which makes a new tensor.
# model's own tensors
+ a.data = p.data
average gets the model's own tensors: nothing is averaged, and from then on both networks share
their weights. Write the average of the numbers into the old tensors: a.lerp_(p, 1 - keep).
# keep without effect
+ a.copy_(p)
or
+ average.load_state_dict(model.state_dict())
You copy the model, so keep has no effect. The average has to keep the share keep of itself.
# model left out
+ a.copy_(keep * a)
You only make the average smaller: nothing of the model is added. Add (1 - keep) * p.
# nothing taken away
+ a.copy_(a + (1 - keep) * p)
You add to the average without taking anything away, so it grows and grows. Multiply its old numbers
by keep.
# model added whole
+ a.copy_(keep * a + p)
You add the model's weights whole. Multiply them by 1 - keep, so that the two shares add up to 1.
# away from the model
+ a.copy_(a - (1 - keep) * (p - a))
or
+ a.copy_(keep * a - (1 - keep) * p)
A sign is wrong, so the average moves away from the model. It's keep * a + (1 - keep) * p.
# brackets missing
+ a.copy_(keep * a + 1 - keep * p)
Brackets are missing: without them keep multiplies p, and 1 is added. Write (1 - keep) * p.
# always the mean
+ a.copy_((a + p) / 2)
You take the mean of both, whatever keep is. The shares are keep and 1 - keep.
# keep written out
+ a.copy_(0.99 * a + (1 - 0.99) * p)
or
+ a.copy_(0.999 * a + (1 - 0.999) * p)
You write keep as a number, such as 0.99. Use the argument, because each run looks back over a
different number of steps.

# average towards itself
- zip(average.parameters(), model.parameters())
+ zip(average.parameters(), average.parameters())
average moves towards itself, so it stays as it was. You never look at the weights of model:
zip(average.parameters(), model.parameters()).
# model towards itself
+ zip(model.parameters(), model.parameters())
The model moves towards itself, and average is as it was. You never look at its weights:
zip(average.parameters(), model.parameters()).
# buffers averaged
+ zip(average.state_dict().values(), model.state_dict().values())
or
- for a, p in zip(average.parameters(), model.parameters()):
-     a.copy_(keep * a + (1 - keep) * p)
+ for a, p in zip(average.state_dict().values(), model.state_dict().values()):
+     if a.is_floating_point():
+         a.copy_(keep * a + (1 - keep) * p)
You average the buffers too, BatchNorm's running mean and variance. They aren't weights, so go
through parameters() alone. (For averaged weights they are measured afresh.)
# networks in place of their parameters
- zip(average.parameters(), model.parameters())
+ zip(average, model)
A network is not its weights, and can't be looped over. parameters() gives its weights, one after
the other.

# buffers copied
-     a.copy_(keep * a + (1 - keep) * p)
+     a.copy_(keep * a + (1 - keep) * p)
+ for a, p in zip(average.buffers(), model.buffers()):
+     a.copy_(p)
You copy the model's buffers, BatchNorm's running mean and variance. Leave them alone: for averaged
weights they are measured afresh.
# first pair alone
+     a.copy_(keep * a + (1 - keep) * p)
+     return
Only the first weights of average move, and the rest stay as they were. Is there a return inside the
loop? It ends the function at once.
# last pair alone
+     pass
+ a.copy_(keep * a + (1 - keep) * p)
Only the last weights of average move. The line that moves them has to be inside the loop, indented
further than `for`.

# change recorded
- @torch.no_grad()
+
PyTorch tries to record the change for a gradient, and refuses. Put @torch.no_grad() above def, or
the loop inside `with torch.no_grad():`.

# model frozen
- for a, p in zip(average.parameters(), model.parameters()):
+ model.requires_grad_(False)
+ for a, p in zip(average.parameters(), model.parameters()):
requires_grad_(False) on the model's weights ends its training. Leave requires_grad alone: `with
torch.no_grad():` is enough, and ends by itself.

# new network
+ average = copy.deepcopy(average)
+ for a, p in zip(average.parameters(), model.parameters()):
-     a.copy_(keep * a + (1 - keep) * p)
+     a.copy_(keep * a + (1 - keep) * p)
+ return average
You return a new network and leave average as it was, but the training loop keeps using the old one.
Write into the weights of average: a.lerp_(p, 1 - keep).

# nothing computed
+ @torch.no_grad()
+ def average_by_copy(average, model, keep):
+     (a.lerp_(p, 1 - keep) for a, p in zip(average.parameters(), model.parameters()))
average is as it was, because nothing is computed. A generator, (... for ... in ...), and map do
nothing until something runs through them. Write a loop.

# counter averaged
- zip(average.parameters(), model.parameters())
+ zip(average.state_dict().values(), model.state_dict().values())
- a.copy_(keep * a + (1 - keep) * p)
+ a.mul_(keep).add_(p, alpha=1 - keep)
or
+ zip(average.state_dict().values(), model.state_dict().values())
- a.copy_(keep * a + (1 - keep) * p)
+ a.lerp_(p, 1 - keep)
state_dict() holds more than weights: BatchNorm's num_batches_tracked is an integer, which can't be
averaged. Go through parameters() alone.

# gradients off for good
- @torch.no_grad()
+
- for a, p in zip(average.parameters(), model.parameters()):
+ torch.set_grad_enabled(False)
+ for a, p in zip(average.parameters(), model.parameters()):
torch.set_grad_enabled(False) switches gradients off for good, and no training step works after it.
`with torch.no_grad():` ends by itself.
"""


def average_by_data(average, model, keep):
    for a, p in zip(average.parameters(), model.parameters()):
        a.data = keep * a.data + (1 - keep) * p.data


def average_by_name(average, model, keep):
    mine = dict(model.named_parameters())
    with torch.no_grad():
        for name, a in average.named_parameters():
            a.mul_(keep).add_(mine[name], alpha=1 - keep)
    return average


@torch.no_grad()
def average_at_once(average, model, keep):
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)


def average_by_state(average, model, keep):
    state, weights = average.state_dict(), dict(model.named_parameters())
    for key in weights:
        state[key] = state[key] + (weights[key].detach() - state[key]) * (1 - keep)
    average.load_state_dict(state)


@torch.no_grad()
def average_of_vectors(average, model, keep):
    a, p = (nn.utils.parameters_to_vector(net.parameters()) for net in (average, model))
    nn.utils.vector_to_parameters(keep * a + (1 - keep) * p, average.parameters())


EXERCISE = Exercise(
    id="7.3",
    title="A network that follows",
    notebook="07_amp_training",
    reference=update_average,
    experiment=average_experiment,
    look="Print one weight of average before and after the call, and the model's beside it.",
    catalogue=edits(average_by_copy, MISTAKES),
    also_right=[
        average_by_copy, average_by_data, average_by_name, average_at_once, average_by_state,
        average_of_vectors,
    ],
)  # fmt: skip
