"""6.1 The shape behind every layer."""

import contextlib
import functools
from collections import Counter
from unittest import mock

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from course_utils.blocks import ConvBlock
from course_utils.checks.exercises.nb06.healthy_networks import TutorialDecoder
from course_utils.checks.parts import agree, freeze


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


def experiment(probe, attempt):
    for what, model, *inputs in small_models(probe):
        wanted, before = layer_shapes(model, *inputs), condition(model)
        with probe.advice(*HINTS):
            rows = probe.run(f"layer_shapes of {what}", attempt, model, *inputs)
        note_rows(probe, f"layer_shapes of {what}", rows, wanted)
        note_condition(probe, model, before, "the call")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Linear(7, 2)).eval()
    before = condition(model)
    raised = probe.run("a model that fails", failure, attempt, model, probe.normal(2, 3, 6, 5))
    does = "raises an exception of its own, not the model's" if raised else "hides the exception"
    wrong = f"When the model fails, your function {does}."
    tip = "A `try` with `finally`, and no `except`, cleans up and lets the exception through."
    probe.note("the exception of a model that fails", "mat1 and mat2" in raised, wrong, tip)
    note_condition(probe, model, before, "a call that failed")


def small_models(probe):
    nested, act = nn.Sequential(nn.Conv2d(4, 6, 2, stride=2)), nn.SiLU()
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), act, nested, act, nn.Flatten()).eval()
    yield "a Sequential with one SiLU in two places", model, probe.normal(2, 3, 8, 6)
    yield "a ConvBlock", ConvBlock(3, 5, 7), probe.normal(4, 3, 6, 5), probe.normal(4, 7)
    model = TutorialDecoder([3, 5, 6], 2, 4)
    model.out.register_forward_hook(lambda *given: None)  # not ours to remove
    skips = [probe.normal(2, 3, 8, 12), probe.normal(2, 5, 4, 6)]
    yield "a decoder", model, probe.normal(2, 6, 2, 3), skips, probe.normal(2, 4)
    yield "a model that is one layer", nn.Linear(3, 4).eval(), probe.normal(2, 3)


HOOK = "PyTorch calls a hook with the layer, a tuple of its inputs, and what it returned. "
HINTS = [
    (r"argument: 'name'|name 'name'", "", HOOK + "The name needs a default: name=name."),
    (r"positional argument", "", HOOK + "Register the hook itself, without calling it."),
    (r"attribute 'remove'", "", "Keep what register_forward_hook returns: it has remove()."),
]


def note_rows(probe, what, rows, wanted):
    kinds = tuple, list
    if not (isinstance(rows, list) and all(isinstance(r, kinds) and len(r) == 2 for r in rows)):
        probe.note(what, freeze(rows))
        return
    names, shapes = [str(name) for name, _ in rows], [shape for _, shape in rows]
    due, came = Counter(name for name, _ in wanted), Counter(names)
    off = {"too few": due - came, "too many": came - due}
    off = " and ".join(f"{how} rows for {listed(layers)}" for how, layers in off.items() if layers)
    wrong = f"{what} has {off}." if off else "The rows are in another order than the calls."
    look = "There should be one row for each call of a layer without children, under its own name."
    probe.note("the names", names, wrong, look)
    look = "The names are right. The shape is that of the hook's third argument, returned.shape."
    probe.note(f"{what}, the shapes", freeze(shapes), look=look)
    plain, tip = all(type(s) is tuple for s in shapes), "tuple(returned.shape) makes one."
    probe.note("plain tuples", plain, "The shapes are not plain tuples such as (2, 4, 8, 6).", tip)


def condition(model):
    """What a call must leave as it was: hooks, modes and weights."""
    kept = [(name, vars(layer)) for name, layer in model.named_modules()]
    hooks = {(n, id) for n, own in kept for k in ("", "_pre") for id in own[f"_forward{k}_hooks"]}
    hooks |= {(name, "forward") for name, own in kept if "forward" in own}
    return hooks, [own["training"] for _, own in kept], freeze([*model.parameters()])


def note_condition(probe, model, before, after):
    (hooks, *others), (hooks_now, *others_now) = before, condition(model)
    left, lost = (listed({name for name, _ in s}) for s in (hooks_now - hooks, hooks - hooks_now))
    tip = "Keep every handle that you get, and call its remove() in `finally`."
    wrong = f"After {after}, hooks of yours are still on these layers: {left}."
    probe.note("hooks left in the model", left, wrong, tip)
    wrong = f"After {after}, hooks that somebody else had put on these layers are gone: {lost}."
    probe.note("hooks taken from the model", lost, wrong, f"Remove only your own. {tip}")
    same, tip = agree(others, others_now), "Call the model, and leave it as it is."
    wrong = "Your function changes the model's mode, its weights, or the device they are on."
    probe.note("the model is as it was", same, wrong, tip)


def listed(layers):
    return ", ".join(sorted(layer or "the model itself" for layer in layers))


def failure(layer_shapes, model, x):
    """What an exception that comes through says; nothing if none does.  -> str"""
    try:
        layer_shapes(model, x)
    except Exception as error:
        return str(error) or "no message"
    return ""


MISTAKES = """
# containers too
- if not list(layer.children()):
+ if True:
| if not isinstance(layer, nn.Sequential):
| if not isinstance(layer, (nn.Sequential, nn.ModuleList)) and layer is not model:
You list containers too, which are layers with others inside: nn.Sequential, or a class of your own
such as a block. Hook a layer only if list(layer.children()) is empty.
# outermost layers only
- in model.named_modules()
+ in model.named_children()
You list only the outermost layers. named_modules() goes on into them, and names each layer by its
whole path.
# shapes of the inputs
- shapes.append((name, tuple(returned.shape)))
+ shapes.append((name, tuple(given[0].shape)))
| shapes.append((name, tuple(given.shape)))
Your hook looks at its second argument, a tuple of the layer's inputs. What the layer returned is
the third.
# classes in place of names
+ shapes.append((type(layer).__name__, tuple(returned.shape)))
| shapes.append((str(layer), tuple(returned.shape)))
Your rows begin with the kind of layer, and many layers are of one kind. named_modules() gives you
each layer's own name.
# hook returns something
+ shapes.append((name, tuple(returned.shape)))
+ return shapes
or
+ shapes.append((name, tuple(returned.shape)))
+ return shapes[-1]
or
+ shapes.append((name, tuple(returned.shape)))
+ return shapes[-1][1]
Your hook returns something, and that replaces the layer's output. Take its return away.
# inputs not spread
- model(*inputs)
+ model(inputs)
| model(inputs[0])
The model takes all its inputs, one by one, not as one tuple. A star spreads them: model(*inputs).
# the model itself left out
+ model.forward(*inputs)
or
- if not list(layer.children()):
+ if name and not list(layer.children()):
A model may be one layer, without others inside, and then it's the one to list. Don't skip it, and
call model(*inputs): model.forward passes by the hooks of the model itself.
# the last name everywhere
- , name=name)
+ )
Every row has the last name, because a hook looks up the loop's variables only when it is called.
Write name=name among its arguments, which stores the name when the hook is made.
# hooks not removed after a failure
- try:
-     model(*inputs)
- finally:
-     for handle in handles:
-         handle.remove()
+ model(*inputs)
+ for handle in handles:
+     handle.remove()
When the model fails, your hooks stay, because the exception leaves your function before it gets to
remove(). Remove them in `finally`.
# a dict
- return shapes
+ return dict(shapes)
| return list(dict(shapes).items())
A dict keeps one row for each name, but a layer that is called twice should be listed twice. Append
pairs to a list.
"""


def shapes_with_a_stack(model, *inputs):
    rows = []
    with contextlib.ExitStack() as stack:
        for name, layer in model.named_modules():
            if next(layer.children(), None) is None:
                note = functools.partial(lambda n, m, i, o: rows.append((n, tuple(o.size()))), name)
                stack.callback(layer.register_forward_hook(note).remove)
        model(*inputs)
    return rows


def shapes_by_one_hook(model, *inputs):
    names = {layer: name for name, layer in model.named_modules() if not len([*layer.children()])}
    rows = []
    handle = register_module_forward_hook(
        lambda m, _, out: rows.append((names[m], (*out.shape,))) if m in names else None
    )
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


def shapes_without_hooks(model, *inputs):
    rows, names, call = [], {m: name for name, m in model.named_modules()}, nn.Module.__call__

    def watched(self, *given):
        returned = call(self, *given)
        if self in names and not any(True for _ in self.children()):
            rows.append((names[self], tuple(returned.shape)))
        return returned

    with mock.patch.object(nn.Module, "__call__", watched):
        model(*inputs)
    return rows


REFERENCE = layer_shapes
LOOK = "Return a list of pairs, (name, shape). The hooks fill it while the model runs."
ALSO_RIGHT = [shapes_with_a_stack, shapes_by_one_hook, shapes_by_closures, shapes_without_hooks]
