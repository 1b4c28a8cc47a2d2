"""6.1 The shape behind every layer."""

import contextlib
import functools
from collections import Counter

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from course_utils.blocks import ConvBlock
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.hints import Hint
from course_utils.checks.engine.values import freeze
from course_utils.checks.exercises.nb06.healthy_networks import TutorialDecoder
from course_utils.checks.mistakes import edits


def layer_shapes(model, *inputs):
    """Call the model and list the shape of what each layer without children returns, in order.

    [("encoder.blocks.0.conv1", (B, K, H, W)), ...]

    The hooks are removed again, also when the call fails.
    """
    shapes, handles = [], []
    for name, layer in model.named_modules():
        if not list(layer.children()):

            def note(layer, given, returned, name=name):
                shapes.append((name, tuple(returned.shape)))

            handles.append(layer.register_forward_hook(note))
    try:
        model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def layer_shapes_experiment(probe, attempt):
    for what, model, *inputs in small_models(probe):
        wanted, before = layer_shapes(model, *inputs), condition(model)
        with probe.advice(*HINTS):
            rows = probe.run(f"layer_shapes of {what}", attempt, model, *inputs)
        note_rows(probe, f"layer_shapes of {what}", rows, wanted)
        note_condition(probe, model, before, "the call")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Linear(7, 2)).eval()
    before = condition(model)
    raised = probe.run("a model that fails", failure, attempt, model, probe.normal(2, 3, 6, 5))
    tip = "A `try` with `finally`, and no `except`, cleans up and lets the exception through."
    wrong = "When the model fails, your function keeps the exception to itself."
    probe.note("the exception of a model that fails", bool(raised), wrong, tip)
    wrong = "When the model fails, your function raises an exception of its own, not the model's."
    probe.note("the model's own exception", "mat1 and mat2" in raised, wrong, tip)
    note_condition(probe, model, before, "a call that failed")


def small_models(probe):
    nested = nn.Sequential(nn.SiLU(), nn.Conv2d(4, 6, 2, stride=2))
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nested, nn.Flatten()).eval()
    yield "a Sequential in a Sequential", model, probe.normal(2, 3, 8, 6)
    yield "a ConvBlock", ConvBlock(3, 5, 7), probe.normal(4, 3, 6, 5), probe.normal(4, 7)
    act = nn.SiLU()
    model = nn.Sequential(nn.Conv2d(2, 6, 3), act, nn.Conv2d(6, 3, 1), act)
    yield "a Sequential with one SiLU in two places", model, probe.normal(5, 2, 4, 7)
    model = TutorialDecoder([3, 5, 6], 2, 4)
    model.out.register_forward_hook(lambda *given: None)  # not ours to remove
    skips = [probe.normal(2, 3, 8, 12), probe.normal(2, 5, 4, 6)]
    yield "a decoder", model, probe.normal(2, 6, 2, 3), skips, probe.normal(2, 4)


HOOK = "PyTorch calls a hook with the layer, a tuple of its inputs, and what it returned. "
HINTS = [
    Hint(r"argument: 'name'|name 'name'", "", HOOK + "The name needs a default: name=name."),
    Hint(r"positional argument", "", HOOK + "Register the hook itself, without calling it."),
    Hint(r"attribute 'remove'", "", "Keep what register_forward_hook returns: it has remove()."),
]


def note_rows(probe, what, rows, wanted):
    kinds = tuple, list
    if not (isinstance(rows, list) and all(isinstance(r, kinds) and len(r) == 2 for r in rows)):
        probe.note(what, freeze(rows))
        return
    names, shapes = [str(name) for name, _ in rows], [shape for _, shape in rows]
    counts, due = Counter(names), Counter(name for name, _ in wanted)
    wrong = "The rows are in another order than the calls."
    if counts != due:
        wrong = f"{what}: rows missing for {listed(due - counts) or 'none'}, and rows too many for "
        wrong += f"{listed(counts - due) or 'none'}."
    look = "One row is due for each call of a layer without children, under the layer's own name."
    probe.note("the names", names, wrong, look)
    look = "The names are right. The shape is that of the hook's third argument, returned.shape."
    probe.note(f"{what}, the shapes", freeze(shapes), look=look)
    plain, tip = all(type(s) is tuple for s in shapes), "tuple(returned.shape) makes one."
    probe.note("plain tuples", plain, "The shapes are not plain tuples such as (2, 4, 8, 6).", tip)


def condition(model):
    """What a call must leave as it was: hooks, mode and weights of every layer."""
    hooks, modes = {}, {}
    for name, layer in model.named_modules():
        own_forward = {"forward"} & vars(layer).keys()
        hooks[name] = {*layer._forward_hooks, *layer._forward_pre_hooks, *own_forward}
        modes[name] = layer.training
    return hooks, modes, {n: p.detach().clone() for n, p in model.named_parameters()}


def note_condition(probe, model, before, after):
    (hooks, modes, weights), now = before, condition(model)
    left = [name for name in hooks if now[0][name] - hooks[name]]
    lost = [name for name in hooks if hooks[name] - now[0][name]]
    same = [p.device == now[2][n].device and torch.equal(p, now[2][n]) for n, p in weights.items()]
    probe.note(
        "hooks left in the model", left,
        f"After {after}, hooks of yours are still on {listed(left)}. They write to your list "
        f"at every later call.",
        "Keep what register_forward_hook returns, and call remove() of each, in `finally`.",
    )  # fmt: skip
    probe.note(
        "hooks taken from the model", lost,
        f"After {after}, hooks that somebody else had put on {listed(lost)} are gone.",
        "Remove only your own: handle.remove() for each handle that you got.",
    )  # fmt: skip
    for what, kept in ("the mode", modes == now[1]), ("the weights, or the device,", all(same)):
        wrong = f"Your function changes {what} of the model."
        probe.note(f"{what} as before", kept, wrong, "Call the model, and leave it as it is.")


def listed(layers):
    return ", ".join(layer or "the model itself" for layer in layers)


def failure(layer_shapes, model, x):
    """Return what an exception that comes through says; nothing if none does."""
    try:
        layer_shapes(model, x)
    except Exception as error:
        return str(error) or "no message"
    return ""


MISTAKES = """
# containers too
- if not list(layer.children()):
+ if True:
or
+ if name:
There are rows for containers, the layers with layers inside. Hook only those whose
list(layer.children()) is empty.
# only nn.Sequential left out
+ if not isinstance(layer, nn.Sequential):
or
+ if not isinstance(layer, (nn.Sequential, nn.ModuleList)) and layer is not model:
A block of your own class has layers inside as well. Hook a layer only if list(layer.children()) is
empty.

# outermost layers only
- in model.named_modules()
+ in model.named_children()
or
- for name, layer in model.named_modules():
-     if not list(layer.children()):
+ for name, layer in model.named_children():
+     if True:
Only the outermost layers are listed. named_modules() goes on into them, and names each by its whole
path.

# shapes of the inputs
- tuple(returned.shape)
+ tuple(given[0].shape)
These are the shapes that go in. What the layer returned is the third argument of the hook.
# shape of a tuple
+ tuple(given.shape)
The second argument of a hook is a tuple of the layer's inputs, and a tuple has no shape. The third
is what the layer returned.
# torch.Size in place of tuples
+ returned.shape
The shapes are torch.Size objects or lists, not plain tuples. tuple(returned.shape) makes one.

# the last name everywhere
- , name=name)
+ )
All rows have the last name, because a hook looks its variables up when it is called. name=name
among its arguments stores the name when the hook is made.

# hooks not removed
- handle.remove()
+ pass
Your hooks stay on the layers, and write to your list at every later call. Keep what
register_forward_hook returns, and call its remove().

# hooks not removed after a failure
- try:
-     model(*inputs)
- finally:
-     for handle in handles:
-         handle.remove()
+ model(*inputs)
+ for handle in handles:
+     handle.remove()
When the model fails, your hooks stay, because the exception leaves your function before remove().
Remove them in `finally`.

# exception hidden
- finally:
+ except Exception:
+     pass
+ finally:
When the model fails, your function hides the exception. Use `try` with `finally`, without `except`
and without a `return` in `finally`.

# all hooks cleared
- for handle in handles:
-     handle.remove()
+ for layer in model.modules():
+     layer._forward_hooks.clear()
You clear all the hooks, including those of others, such as a profiler's. Remove only your own, with
handle.remove().

# classes in place of names
- (name, tuple(
+ (type(layer).__name__, tuple(
or
+ (str(layer), tuple(
Your rows begin with what kind of layer it is, and many are of one kind. named_modules() gives each
layer's own name.

# a dict
- return shapes
+ return dict(shapes)
or
+ return list(dict(shapes).items())
A dict keeps one row for each layer, and a layer that is called twice should have two. Append to a
list of pairs.

# inputs not spread
- model(*inputs)
+ model(inputs)
The model gets all its inputs as one tuple. A star spreads them: model(*inputs).
# first input only
+ model(inputs[0])
The model gets only its first input. The star hands over all of them: model(*inputs).

# hook returns something
- shapes.append((name, tuple(returned.shape)))
+ shapes.append((name, tuple(returned.shape)))
+ return shapes
Your hook returns something, and that takes the place of the layer's output. A hook that only
watches has no return.

# left in eval mode
- shapes, handles = [], []
+ shapes, handles = [], []
+ model.eval()
Your function leaves the model in eval mode, and whoever trains it would not notice.

# layers called one by one
+ def layer_shapes(model, *inputs):
+     shapes, x = [], inputs[0]
+     for name, layer in model.named_modules():
+         if not list(layer.children()):
+             x = layer(x)
+             shapes.append((name, tuple(x.shape)))
+     return shapes
You call the layers one after the other, but a model may do more than that, such as add or join.
Call the model, and let hooks watch.
"""


def shapes_with_a_stack(model, *inputs):
    rows = []

    def note(name, layer, given, returned):
        rows.append((name, tuple(returned.size())))

    with contextlib.ExitStack() as stack:
        for name, layer in model.named_modules():
            if next(layer.children(), None) is None:
                handle = layer.register_forward_hook(functools.partial(note, name))
                stack.callback(handle.remove)
        model(*inputs)
    return rows


def shapes_by_one_hook(model, *inputs):
    names = {layer: name for name, layer in model.named_modules() if not len([*layer.children()])}
    rows = []

    def note(layer, given, returned):
        if layer in names:
            rows.append((names[layer], (*returned.shape,)))

    handle = register_module_forward_hook(note)
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        handle.remove()
    return rows


def shapes_by_closures(model, *inputs):
    def make_hook(name):
        return lambda module, input, output: rows.append((name, tuple(output.shape)))

    rows, leaves = [], [(n, m) for n, m in model.named_modules() if len(list(m.children())) == 0]
    hooks = [module.register_forward_hook(make_hook(name)) for name, module in leaves]
    try:
        model(*inputs)
    finally:
        [hook.remove() for hook in hooks]
    return rows


def shapes_of_forwards(model, *inputs):
    rows = []
    wrapped = [(n, layer) for n, layer in model.named_modules() if not list(layer.children())]

    def watched(name, forward, *given):
        returned = forward(*given)
        rows.append((name, tuple(returned.shape)))
        return returned

    for name, layer in wrapped:
        layer.forward = functools.partial(watched, name, layer.forward)
    try:
        model(*inputs)
    finally:
        for _, layer in wrapped:
            del layer.forward
    return rows


EXERCISE = Exercise(
    id="6.1",
    title="The shape behind every layer",
    notebook="06_debugging_dimensions",
    reference=layer_shapes,
    experiment=layer_shapes_experiment,
    look="Return a list of pairs, (name, shape). The hooks fill it while the model runs.",
    catalogue=edits(layer_shapes, MISTAKES),
    also_right=[shapes_with_a_stack, shapes_by_one_hook, shapes_by_closures, shapes_of_forwards],
)
