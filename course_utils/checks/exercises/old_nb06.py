"""The exercises 6.1 to 6.7 of notebook 06. A docstring of a wrong answer is what its author is
told."""

import contextlib
import functools

import torch
from einops import pack, rearrange, reduce, repeat
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.module import register_module_forward_hook

from course_utils.blocks import ConvBlock, Upsample
from course_utils.checks.engine.exercise import Exercise
from course_utils.checks.engine.probe import arguments, fill, freeze
from course_utils.checks.exercises import broken_networks as patients
from course_utils.checks.exercises.healthy_networks import (
    PoolUNet,
    TimedConv,
    TokenMixer,
    TutorialDecoder,
    UpStep,
)
from course_utils.checks.exercises.nb06.layer_shapes import layer_shapes
from course_utils.checks.mistakes import by_hand
from course_utils.unet import UNet

NOTEBOOK = "06_debugging_dimensions"


# 6.1 layer_shapes


def shapes_experiment(probe, layer_shapes):
    for model, *inputs in small_models(probe):
        before = condition(model)
        rows = probe.call(layer_shapes, model, *inputs)
        probe.seen[-2].look = advice_on_rows(model, rows)  # the result stands before the changes
        note_plain(probe, rows)
        note_condition(probe, model, before, "the call")
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Linear(7, 2)).eval()
    before = condition(model)
    raised = probe.run("a model that fails", fails_with, layer_shapes, model, probe.normal(2, 3, 6, 5))
    probe.note(
        "the exception of a model that fails", bool(raised),
        "A model that fails gives no sign: your function keeps its exception to itself.",
        "Whoever calls it has to see what went wrong. try with finally, and no except, cleans up "
        "and lets the exception through.",
    )  # fmt: skip
    probe.note(
        "the model's own exception", "mat1 and mat2" in raised,
        "When the model fails, your function raises an exception of its own, and what the model "
        "had to say is lost.",
        "try with finally, and no except, lets the model's exception through.",
    )  # fmt: skip
    note_condition(probe, model, before, "a call that failed")


def small_models(probe):
    """Models in a Sequential, with two inputs, with a layer used twice, with a list as input."""
    nested = nn.Sequential(nn.SiLU(), nn.Conv2d(4, 6, 2, stride=2))
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nested, nn.Flatten())
    yield model.eval(), probe.normal(2, 3, 8, 6)
    yield ConvBlock(3, 5, 7), probe.normal(4, 3, 6, 5), probe.normal(4, 7)
    act = nn.SiLU()
    yield nn.Sequential(nn.Conv2d(2, 6, 3), act, nn.Conv2d(6, 3, 1), act), probe.normal(5, 2, 4, 7)
    model = TutorialDecoder([3, 5, 6], 2, 4)
    model.out.register_forward_hook(lambda *given: None)  # not ours to remove
    skips = [probe.normal(2, 3, 8, 12), probe.normal(2, 5, 4, 6)]
    yield model, probe.normal(2, 6, 2, 3), skips, probe.normal(2, 4)


def advice_on_rows(model, rows):
    """Say where to look if the names in the rows are not those of layers, else nothing."""
    if not isinstance(rows, list) or not all(isinstance(row, (list, tuple)) for row in rows):
        return ""
    called = ["".join(map(str, row[:1])) for row in rows]
    layers = dict(model.named_modules())
    if len(called) > 1 and len(set(called)) == 1:
        return (
            "All rows have one name. A hook looks its variables up when it is called; by then your "
            "loop is over. Bind the name as the hook is made, with name=name among its arguments."
        )
    if any(name not in layers for name in called):
        return "A row begins with the layer's name in the model, as named_modules() gives it."
    if any(next(layers[name].children(), None) is not None for name in called):
        return "There are rows of containers: leave out what has children."
    return ""


def condition(model):
    """What a call must leave as it was: hooks, mode and weights of every layer."""
    hooks, modes = {}, {}
    for name, layer in model.named_modules():
        own_forward = {"forward"} & vars(layer).keys()
        hooks[name] = {*layer._forward_hooks, *layer._forward_pre_hooks, *own_forward}
        modes[name] = layer.training
    return hooks, modes, {n: p.detach().clone() for n, p in model.named_parameters()}


def note_condition(probe, model, before, after_what):
    now = condition(model)
    left = [name for name, hooks in now[0].items() if hooks - before[0][name]]
    lost = [name for name, hooks in now[0].items() if before[0][name] - hooks]
    probe.note(
        "hooks left in the model", left,
        f"After {after_what}, hooks of yours are left on {listed(left)}: they write to your list "
        f"at every later call.",
        "Keep what register_forward_hook returns, and call remove() of each, in finally.",
    )  # fmt: skip
    probe.note(
        "hooks taken from the model", lost,
        f"After {after_what}, hooks that were there before are gone from {listed(lost)}.",
        "Remove your own alone: handle.remove() for each handle that you got.",
    )  # fmt: skip
    probe.note(
        "the mode of the model", now[1] == before[1],
        "Your function switches the model between train and eval mode.",
        "Leave it as it is: whoever trains the model would not notice.",
    )  # fmt: skip
    as_it_was = all(
        p.device == now[2][n].device and torch.equal(p, now[2][n]) for n, p in before[2].items()
    )
    probe.note(
        "the weights of the model", as_it_was,
        "Your function changes the weights of the model, or where they are.",
        "It has to call the model, and nothing else.",
    )  # fmt: skip


def listed(layers):
    return ", ".join(layer or "the model itself" for layer in layers)


def note_plain(probe, rows):
    plain = all(type(shape) is tuple for name, shape in rows)
    probe.note(
        "shapes as plain tuples", plain,
        "The shapes are not plain tuples: (2, 4, 8, 6) is asked for.",
        "tuple(returned.shape) makes one of a torch.Size, which is printed as torch.Size([...]).",
    )  # fmt: skip


def fails_with(layer_shapes, model, x):
    """Return what an exception that comes through says; nothing if none does."""
    try:
        layer_shapes(model, x)
    except Exception as error:
        return str(error) or "no message"
    return ""


def leaves(model):
    return [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]


def listing(hooked, row, clean=True):
    """A version of layer_shapes: hooked(model) are the layers, row(name, layer, given, returned)
    is what is listed for one."""

    def layer_shapes(model, *inputs):
        rows, handles = [], []
        for name, layer in hooked(model):

            def note(layer, given, returned, name=name):
                rows.append(row(name, layer, given, returned))

            handles.append(layer.register_forward_hook(note))
        try:
            model(*inputs)
        finally:
            for handle in handles if clean else []:
                handle.remove()
        return rows

    return layer_shapes


def name_and_shape(name, layer, given, returned):
    return name, tuple(returned.shape)


def all_layers(model, *inputs):
    """Containers are listed too. A container is a layer with children; leave it out with
    `if not list(layer.children())`."""
    return listing(lambda model: model.named_modules(), name_and_shape)(model, *inputs)


def top_layers(model, *inputs):
    """Only the outermost layers are listed. named_children() stops there; named_modules() goes on
    into them, and names each by its whole path."""
    return listing(lambda model: model.named_children(), name_and_shape)(model, *inputs)


def shapes_of_inputs(model, *inputs):
    """These are the shapes of what the layers are given. Asked for is what they return, the third
    argument of a forward hook."""
    return listing(leaves, lambda name, m, given, returned: (name, tuple(given[0].shape)))(
        model, *inputs
    )


def last_name(model, *inputs):
    """Every row has the name of the last layer. A hook looks its variables up when it is called;
    by then the loop is over, and name is the last one. Bind it as the hook is made, with
    name=name among its arguments."""
    last, _ = leaves(model)[-1]
    return listing(leaves, lambda n, m, given, returned: (last, tuple(returned.shape)))(
        model, *inputs
    )


def hooks_stay(model, *inputs):
    """The hooks stay on the layers: at every later call of the model they write to your list.
    Keep what register_forward_hook returns, and call remove() of each at the end."""
    return listing(leaves, name_and_shape, clean=False)(model, *inputs)


def writer(shapes, name):
    """A hook that appends the name of a layer and the shape of what it returns."""
    return lambda layer, given, returned: shapes.append((name, tuple(returned.shape)))


def hooks_stay_after_failure(model, *inputs):
    """When the model fails, the hooks stay: the exception leaves your function before it comes to
    remove(). Call the model in try, and remove the hooks in finally."""
    shapes = []
    handles = [layer.register_forward_hook(writer(shapes, name)) for name, layer in leaves(model)]
    model(*inputs)
    for handle in handles:
        handle.remove()
    return shapes


def failure_hidden(model, *inputs):
    """Your function keeps an exception of the model to itself. Whoever debugs has to see it: use
    try with finally, and no except."""
    shapes = []
    handles = [layer.register_forward_hook(writer(shapes, name)) for name, layer in leaves(model)]
    try:
        model(*inputs)
    except Exception:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def all_hooks_cleared(model, *inputs):
    """All hooks are cleared, also those that were there before. They may belong to a profiler, or
    to somebody's experiment. Remove your own: handle.remove()."""
    rows = hooks_stay(model, *inputs)
    for layer in model.modules():
        layer._forward_hooks.clear()
    return rows


def sizes_of_torch(model, *inputs):
    """The shapes are torch.Size objects, or lists. Make plain tuples of them:
    tuple(returned.shape)."""
    return listing(leaves, lambda name, m, given, out: (name, out.shape))(model, *inputs)


def kinds_for_names(model, *inputs):
    """The rows have the class of each layer, such as Conv2d. Asked for is its name in the model:
    named_modules() gives both, name and layer."""
    return listing(leaves, lambda n, m, given, out: (type(m).__name__, tuple(out.shape)))(
        model, *inputs
    )


def one_row_each(model, *inputs):
    """Each layer has one row, but a layer that the model calls twice has two. A dict keeps the
    last alone: append to a list."""
    return list(dict(layer_shapes(model, *inputs)).items())


def in_a_dict(model, *inputs):
    """Your function returns a dict. Asked for is a list of pairs: a layer that the model calls
    twice has two rows."""
    return dict(layer_shapes(model, *inputs))


def order_of_making(model, *inputs):
    """The rows are in the order in which the layers were made. Asked for is the order of the
    calls: append in the hook."""
    place = [name for name, _ in model.named_modules()].index
    return sorted(layer_shapes(model, *inputs), key=lambda row: place(row[0]))


def inputs_not_spread(model, *inputs):
    """The model gets all its inputs as one tuple. Spread them: model(*inputs), with a star."""
    return layer_shapes(model, inputs)


def one_input(model, *inputs):
    """The model gets its first input alone. Give it all: model(*inputs), with a star."""
    return layer_shapes(model, inputs[0])


def layer_by_layer(model, *inputs):
    """Your function calls the layers itself, one behind the other. A model may do more: add,
    join, use a layer twice. Call the model, and let hooks see what its layers return."""
    rows, x = [], inputs[0]
    for name, layer in leaves(model):
        x = layer(x)
        rows.append((name, tuple(x.shape)))
    return rows


def shapes_of_weights(model, *inputs):
    """These are the shapes of the weights. Asked for is what the layers return when the model is
    called, which only a hook sees."""
    return [(name, tuple(p.shape)) for name, p in model.named_parameters()]


def in_eval_mode(model, *inputs):
    """Your function leaves the model in eval mode. Whoever trains it would not notice: leave the
    mode as it is."""
    return layer_shapes(model.eval(), *inputs)


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
    names, rows = {layer: name for name, layer in leaves(model)}, []

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


def shapes_by_recursion(model, *inputs):
    rows, handles = [], []

    def hook_up(layer, path):
        for name, child in layer.named_children():
            hook_up(child, [*path, name])
        if not any(True for _ in layer.children()):
            name = ".".join(path)
            handles.append(layer.register_forward_hook(lambda *seen: rows.append([name, seen[2]])))

    hook_up(model, [])
    try:
        model(*inputs)
        return [(name, tuple(returned.shape)) for name, returned in rows]
    finally:
        while handles:
            handles.pop().remove()


def shapes_of_forwards(model, *inputs):
    rows, wrapped = [], leaves(model)

    def watched(name, forward):
        def watch(*given, **more):
            returned = forward(*given, **more)
            rows.append((name, tuple(returned.shape)))
            return returned

        return watch

    for name, layer in wrapped:
        layer.forward = watched(name, layer.forward)
    try:
        model(*inputs)
    finally:
        for _, layer in wrapped:
            del layer.forward
    return rows


# 6.2 ForSummary


class ForSummary(nn.Module):
    """Make a network that takes a step t fit for torchsummary, which sends floats.

    (B, C, H, W), (B, 1, 1, 1) -> (B, C, H, W)

    The second input is a float from 0 to 1; the model gets floor(T * it), an int64 (B,).
    """

    def __init__(self, model, T):
        super().__init__()
        self.model = model
        self.T = T

    def forward(self, x, t):
        return self.model(x, (t.flatten() * self.T).long())


def summary_experiment(probe, ForSummary):
    for B, C, T, H, W in [(4, 2, 1000, 4, 6), (1, 3, 10, 6, 2)]:
        net, came = UNet(C, 3, (1, 2), 6), []
        fill(net)
        net.time.register_forward_pre_hook(lambda layer, given: came.append(freeze(given[0])))
        module = probe.build(ForSummary, net, T)
        x, t = probe.normal(B, C, H, W), probe.uniform(B, 1, 1, 1)
        probe.run(f"ForSummary(model, {T})({arguments((x, t), module)})", module, x, t)
        probe.note(
            "The t that the network gets", came[0] if came else None,
            look="It is floor(T * t), int64, one for each picture: multiply, .long(), flatten.",
        )  # fmt: skip
        probe.train_and_eval(module, x, t)
        count = sum(p.numel() for p in module.parameters())
        probe.note(
            "number of parameters", count,
            f"Your wrapper has {count} parameters; the network in it has "
            f"{sum(p.numel() for p in net.parameters())}, and torchsummary has to find them.",
            "Keep the model itself on self: self.model = model.",
        )  # fmt: skip
    probe.on_fake_device(module, x, t)


class StepsNotFlat(ForSummary):
    """t keeps its shape (B, 1, 1, 1). The network wants one number for each picture, (B,):
    t.flatten()."""

    def forward(self, x, t):
        return self.model(x, (t * self.T).long())


class StepsOneAxisLong(ForSummary):
    """One of the axes of size 1 is left, so t has shape (B, 1). The network wants (B,):
    t.flatten()."""

    def forward(self, x, t):
        return self.model(x, (t[:, 0, 0] * self.T).long())


class StepsSqueezed(ForSummary):
    """squeeze() takes out every axis of size 1. For a batch of one picture, that is the batch too.
    t.flatten() keeps it, and t[:, 0, 0, 0] too."""

    def forward(self, x, t):
        return self.model(x, (t.squeeze() * self.T).long())


class StepsAsFloats(ForSummary):
    """t is scaled and still a float. The network counts its steps in integers: .long()."""

    def forward(self, x, t):
        return self.model(x, t.flatten() * self.T)


class StepsNotScaled(ForSummary):
    """t goes on as it is, from 0 to 1. The network counts steps from 0 to T - 1: multiply by T,
    then .long()."""

    def forward(self, x, t):
        return self.model(x, t.flatten())


class StepsAllZero(ForSummary):
    """Every t is 0: .long() cuts what is behind the point, and t is below 1. Multiply by T
    first."""

    def forward(self, x, t):
        return self.model(x, t.flatten().long() * self.T)


class StepsRounded(ForSummary):
    """t is rounded to the nearest step. Then a t near 1 becomes T, and the last step is T - 1.
    Asked for is floor, which .long() is for positive numbers."""

    def forward(self, x, t):
        return self.model(x, (t.flatten() * self.T).round().long())


class StepsOfOneLess(ForSummary):
    """t is multiplied by T - 1. Then the last step never comes, as t is below 1. Multiply by T,
    then .long()."""

    def forward(self, x, t):
        return self.model(x, (t.flatten() * (self.T - 1)).long())


class StepsOf32Bits(ForSummary):
    """t is int32. Steps are int64, as torch.randint draws them; some functions take nothing else.
    Use .long() in place of .int()."""

    def forward(self, x, t):
        return self.model(x, (t.flatten() * self.T).int())


class StepOfTheFirst(ForSummary):
    """All pictures get the step of the first. There is one for each: flatten t, and convert the
    whole tensor with .long(). int() and .item() take one number."""

    def forward(self, x, t):
        return self.model(x, int(t.flatten()[0] * self.T))


class StepsDrawn(ForSummary):
    """The steps are drawn in forward, and the t that comes in is not used. Use it: floor(T * t)."""

    def forward(self, x, t):
        return self.model(x, torch.randint(0, self.T, (len(x),), device=x.device))


class StepsFirst(ForSummary):
    """The network takes the picture first, then t: self.model(x, t)."""

    def forward(self, x, t):
        return self.model((t.flatten() * self.T).long(), x)


class ModelOutOfSight(ForSummary):
    """The wrapper has no parameters: the model is in a function, or somewhere else where PyTorch
    does not look. torchsummary would count none. Keep the model itself: self.model = model."""

    def __init__(self, model, T):
        super().__init__(None, T)
        self.call = lambda x, t: model(x, t)

    def forward(self, x, t):
        return self.call(x, (t.flatten() * self.T).long())


class SummaryWithoutGradients(ForSummary):
    """No gradient comes through: forward runs under no_grad, or detaches. A wrapper should do no
    more than its task; whoever wants no gradients says so outside."""

    def forward(self, x, t):
        with torch.no_grad():
            return super().forward(x, t)


class ReturnsStepsToo(ForSummary):
    """forward returns more than the answer of the model. Return that alone."""

    def forward(self, x, t):
        t = (t.flatten() * self.T).long()
        return self.model(x, t), t


class SummaryByIndex(nn.Module):
    def __init__(self, model, T):
        super().__init__()
        self.steps, self.net = T, model

    def forward(self, picture, fraction):
        t = torch.floor(self.steps * fraction[:, 0, 0, 0]).to(torch.int64)
        return self.net.forward(picture, t=t)


class SummaryByEinops(nn.Module):
    def __init__(self, model, T):
        super().__init__()
        self.T = T
        self.inner = nn.ModuleDict({"net": model})

    def forward(self, x, t):
        steps = rearrange(t, "b 1 1 1 -> b").mul(self.T).type(torch.long)
        return self.inner["net"](x, steps.clamp(0, self.T - 1))


class SummaryInSequence(nn.Sequential):
    def __init__(self, model, T):
        super().__init__(model)
        self.register_buffer("T", torch.tensor(T))

    def forward(self, x, t):
        return self[0](x, (t * self.T).long().view(x.shape[0]))


class SummaryWithSqueeze(ForSummary):
    def forward(self, x, t):
        t = t.squeeze(3).squeeze(2).squeeze(1)
        return self.model(x, (t * self.T).trunc().long())


# 6.3 TutorialDecoder


def decoder_experiment(probe, TutorialDecoder):
    cases = [(3, [2, 5, 10], 4, 6, 1, 2), (2, [4, 7, 6, 3], 2, 5, 1, 1), (4, [5, 8], 1, 3, 3, 2)]
    for B, chs, K, D, H, W in cases:
        module = probe.build(TutorialDecoder, chs, K, D)
        skips = [
            probe.normal(B, ch, H * 2**n, W * 2**n) for ch, n in zip(chs, range(len(chs) - 1, 0, -1))
        ]
        inputs = probe.normal(B, chs[-1], H, W), skips, probe.normal(B, D)
        probe.train_and_eval(module, *inputs)
        note_parameters(probe, module)
    probe.on_fake_device(module, *inputs)


def note_parameters(probe, module):
    """Write down how many numbers a module learns; call it last, so that values come first."""
    probe.note("number of parameters", sum(p.numel() for p in module.parameters()))


class OtherDecoder(TutorialDecoder):
    """A decoder with other layers or another way to join: `below` and `here` are the channels of
    the level that comes up and of the one it comes to."""

    def __init__(self, chs, out_ch, time_dim):
        nn.Module.__init__(self)
        pairs = list(zip(chs[:0:-1], chs[-2::-1]))
        self.ups = nn.ModuleList(self.make_up(*pair) for pair in pairs)
        self.blocks = nn.ModuleList(self.make_block(*pair, time_dim) for pair in pairs)
        self.fits = nn.ModuleList(self.make_fit(*pair) for pair in pairs)
        self.out = nn.Conv2d(chs[0], out_ch, 1)

    def make_up(self, below, here):
        return Upsample(below, here)

    def make_block(self, below, here, time_dim):
        return ConvBlock(2 * here, here, time_dim)

    def make_fit(self, below, here):
        return nn.Identity()

    def join(self, x, skip, fit, block):
        return torch.cat([x, skip], dim=1)

    def forward(self, x, skips, temb):
        levels = zip(self.ups, self.blocks, self.fits, reversed(skips))
        for up, block, fit, skip in levels:
            x = block(self.join(up(x), skip, fit, block), temb)
        return self.out(x)


class BlocksOfBothLevels(OtherDecoder):
    """The block is made for chs[i] + chs[i - 1] channels. The layer before it has changed chs[i]
    to chs[i - 1] already, and the skip has chs[i - 1] too. Count what cat joins."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(below + here, here, time_dim)


class BlocksOfTheLevelBelow(OtherDecoder):
    """The block is made for chs[i] channels. That is right only where a level has twice the
    channels of the one above it. cat joins chs[i - 1] and chs[i - 1]: 2 * chs[i - 1]."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(below, here, time_dim)


class BlocksOfOneLevel(OtherDecoder):
    """The block is made for chs[i - 1] channels. The skip brings as many again: cat joins two
    maps of chs[i - 1] channels each."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(here, here, time_dim)


class SkipAdded(BlocksOfOneLevel):
    """The skip is added. That runs, but it is another network: what comes up and what comes
    across can no longer be told apart. Keep cat, and correct the channels of the block."""

    def join(self, x, skip, fit, block):
        return x + skip


class SkipLeftOut(BlocksOfOneLevel):
    """The skips are not used. That runs, but the details of the picture come in nowhere. Keep
    cat, and correct the channels of the block."""

    def join(self, x, skip, fit, block):
        return x


class UpWithoutChange(OtherDecoder):
    """The layer that doubles keeps chs[i] channels. That runs, and it is a larger network than
    the one asked for. Leave self.ups alone: the fault is in one number in self.blocks."""

    def make_up(self, below, here):
        return Upsample(below, below)

    def make_block(self, below, here, time_dim):
        return ConvBlock(below + here, here, time_dim)


class BlocksKept(OtherDecoder):
    def make_block(self, below, here, time_dim):
        return ConvBlock(2 * below, here, time_dim)


class UpMadeWider(BlocksKept):
    """The layer that doubles returns more channels, so that there are enough for the block. That
    runs, and it is another network. Two maps of chs[i - 1] channels are joined: give the block
    as many as that."""

    def make_up(self, below, here):
        return Upsample(below, 2 * below - here)


class SkipMadeWider(BlocksKept):
    """Layers were added or changed so that what is joined has 2 * chs[i] channels. That runs, and
    it is another network. Joined are two maps of chs[i - 1] channels: give the block as many as
    that."""

    def make_up(self, below, here):
        return Upsample(below, below)

    def make_fit(self, below, here):
        return nn.Conv2d(here, below, 1)

    def join(self, x, skip, fit, block):
        return torch.cat([x, fit(skip)], dim=1)


class ConvolutionBetween(BlocksKept):
    """A convolution between cat and the block makes the channels fit. That runs, and it hides the
    fault behind a layer nobody needs. Take it out, and give the block the channels that cat
    joins."""

    def make_fit(self, below, here):
        return nn.Conv2d(2 * here, 2 * below, 1)

    def join(self, x, skip, fit, block):
        return fit(torch.cat([x, skip], dim=1))


class ChannelsPadded(BlocksKept):
    """Channels are cut away, or zeros put behind, until the block takes them. That runs, with
    weights that only ever see zeros. Give the block the channels that cat joins."""

    def join(self, x, skip, fit, block):
        joined = torch.cat([x, skip], dim=1)
        return F.pad(joined, (0, 0, 0, 0, 0, block.conv1.in_channels - joined.shape[1]))


class JoinedTwice(BlocksKept):
    """Maps are joined more than once, so that there are channels enough for the block. The skip
    is joined once; correct the channels of the block."""

    def join(self, x, skip, fit, block):
        return torch.cat([x, skip, x, skip], dim=1)


class SkipFirst(OtherDecoder):
    """cat has the skip first. Here the map that comes up is first, then the skip."""

    def join(self, x, skip, fit, block):
        return torch.cat([skip, x], dim=1)


class SkipsTopFirst(TutorialDecoder):
    """The skips are taken from the top. They are listed top to bottom, and the way up begins at
    the bottom: reversed(skips)."""

    def forward(self, x, skips, temb):
        return super().forward(x, list(reversed(skips)), temb)


class JoinedAlongTheBatch(OtherDecoder):
    """cat joins along dim 0, the batch. The channels are dim 1."""

    def join(self, x, skip, fit, block):
        return torch.cat([x, skip])


class WiderBlocks(OtherDecoder):
    """The blocks return chs[i] channels. Each returns chs[i - 1], those of the level it comes to:
    the next layer that doubles is made for them. The wrong number is that of its inputs."""

    def make_block(self, below, here, time_dim):
        return ConvBlock(2 * here, below, time_dim)


class DecoderByPairs(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.up, self.conv = nn.ModuleList(), nn.ModuleList()
        for below, here in zip(chs[:0:-1], chs[-2::-1]):
            self.up.append(nn.ConvTranspose2d(below, here, 2, 2))
            self.conv.append(ConvBlock(here + here, here, time_dim))
        self.last = nn.Linear(chs[0], out_ch)

    def forward(self, x, skips, temb):
        for i in range(len(skips)):
            x = self.conv[i](torch.cat((self.up[i](x), skips[-1 - i]), 1), temb)
        return self.last(x.movedim(1, -1)).movedim(-1, 1)


class DecoderThatPops(TutorialDecoder):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__(list(chs), out_ch, time_dim)
        self.blocks = nn.ModuleList([ConvBlock(2 * c, c, time_dim) for c in chs[:-1]])

    def forward(self, x, skips, temb):
        skips, blocks = list(skips), list(self.blocks)
        for up in self.ups:
            x, _ = pack([up(x), skips.pop()], "b * h w")
            x = blocks.pop()(x, temb)
        assert not skips
        return self.out(x)


class OneLevel(nn.Module):
    def __init__(self, below, here, time_dim):
        super().__init__()
        self.block = ConvBlock(2 * here, here, time_dim)
        self.up = Upsample(below, here)

    def forward(self, x, skip, temb):
        return self.block(torch.hstack([self.up(x), skip]), temb)


class DecoderOfLevels(nn.Module):
    def __init__(self, chs, out_ch, time_dim):
        super().__init__()
        self.out = nn.Conv2d(chs[0], out_ch, kernel_size=1)
        self.levels = nn.ModuleDict(
            {str(i): OneLevel(chs[i + 1], chs[i], time_dim) for i in range(len(chs) - 1)}
        )

    def forward(self, x, skips, temb):
        for i, skip in reversed(list(enumerate(skips))):
            x = self.levels[str(i)](x, skip, temb)
        return self.out(x)


class DecoderByNumbers(TutorialDecoder):
    def __init__(self, chs, out_ch, time_dim):
        nn.Module.__init__(self)
        n = len(chs)
        self.ups = nn.ModuleList([Upsample(chs[n - 1 - i], chs[n - 2 - i]) for i in range(n - 1)])
        ins = [2 * up.out_channels for up in self.ups]
        self.blocks = nn.ModuleList([ConvBlock(c, c // 2, time_dim) for c in ins])
        self.out = nn.Conv2d(chs[0], out_ch, 1)


# 6.4 TokenMixer


def mixer_experiment(probe, TokenMixer):
    for B, N, C, heads in [(3, 5, 8, 2), (4, 7, 6, 3), (5, 2, 9, 1)]:
        module = probe.build(TokenMixer, C, heads)
        probe.train_and_eval(module, 2 * probe.normal(B, N, C) + 1)
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, N, C))


class TakesTheWeights(TokenMixer):
    """nn.MultiheadAttention returns two things: what it took from the tokens, (B, N, C), and the
    weights, (B, N, N). These are the weights. Take the first: h, _ = ... or [0]."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, h, h)[1])


class TakesThePair(TokenMixer):
    """nn.MultiheadAttention returns a pair, and the next layer takes a tensor. Take the first of
    the two: h, _ = ... or [0]."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, h, h))


class TakesTheFirstPicture(TokenMixer):
    """[0] is there once too often: the first of the pair is right, and then the first picture of
    the batch is taken for all."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, h, h)[0][0])


class BatchLooksAtBatch(TokenMixer):
    """batch_first=True is lost. Then dim 0 is taken for the tokens and dim 1 for the batch: the
    shapes are the same, but pictures look at each other, and tokens do not."""

    def __init__(self, ch, heads):
        super().__init__(ch, heads)
        self.attention = nn.MultiheadAttention(ch, heads)


class AttentionLeftOut(TokenMixer):
    """The attention is left out: no token looks at another. Call it by itself,
    self.attention(h, h, h), outside nn.Sequential."""

    def forward(self, tokens):
        return tokens + self.mix(self.norm(tokens))


class NothingAdded(TokenMixer):
    """The tokens themselves are missing in the sum: return tokens plus what the layers give."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return self.mix(self.attention(h, h, h)[0])


class AddsTheNormalised(TokenMixer):
    """The normalised tokens are added. Add the tokens as they came in; h is a good name for what
    is made of them."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return h + self.mix(self.attention(h, h, h)[0])


class AddsTwice(TokenMixer):
    """The tokens are added twice, or the sum comes before the last layer too. They are added
    once, at the end: tokens + mix(...)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        h = tokens + self.attention(h, h, h)[0]
        return h + self.mix(h)


class AddsBeforeTheMix(TokenMixer):
    """The tokens are added before the last layer, which then mixes them too. Add them at the end:
    tokens + mix(...)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return self.mix(tokens + self.attention(h, h, h)[0])


class NormAfterwards(TokenMixer):
    """The norm comes after the attention. The order is: norm, attention, linear layer."""

    def forward(self, tokens):
        h = self.attention(tokens, tokens, tokens)[0]
        return tokens + self.mix(self.norm(h))


class NormAtTheEnd(TokenMixer):
    """The norm comes at the end. The order is: norm, attention, linear layer, and then the
    sum."""

    def forward(self, tokens):
        h = self.attention(tokens, tokens, tokens)[0]
        return self.norm(tokens + self.mix(h))


class NormNotUsed(TokenMixer):
    """The norm is not used. In nn.Sequential it came first: h = self.norm(tokens), and the
    attention gets h three times."""

    def forward(self, tokens):
        h = self.attention(tokens, tokens, tokens)[0]
        return tokens + self.mix(h)


class QueriesAsTheyCame(TokenMixer):
    """The queries are the tokens as they came in. Normalise them too: attention(h, h, h), with
    h = self.norm(tokens)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(tokens, h, h)[0])


class OnlyQueriesNormalised(TokenMixer):
    """Only the queries are normalised. Keys and values are too: attention(h, h, h), with
    h = self.norm(tokens)."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.mix(self.attention(h, tokens, tokens)[0])


class MixLeftOut(TokenMixer):
    """The linear layer is not used. The order is: norm, attention, linear layer."""

    def forward(self, tokens):
        h = self.norm(tokens)
        return tokens + self.attention(h, h, h)[0]


class OneHead(TokenMixer):
    """The attention has one head, whatever heads says. Hand the number on."""

    def __init__(self, ch, heads):
        super().__init__(ch, 1)


class MixerOfALayer(nn.Module):
    def __init__(self, ch, heads):
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(ch), SelfAttention(ch, heads), nn.Linear(ch, ch))

    def forward(self, tokens):
        return tokens + self.layers(tokens)


class SelfAttention(nn.MultiheadAttention):
    def __init__(self, ch, heads):
        super().__init__(ch, heads, batch_first=True)

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class MixerByIndex(nn.Module):
    def __init__(self, ch, heads):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.LayerNorm(ch), nn.MultiheadAttention(ch, heads), nn.Linear(ch, ch)]
        )

    def forward(self, tokens):
        h = self.layers[0](tokens).transpose(0, 1)
        h = self.layers[1](query=h, key=h, value=h)[0].transpose(0, 1)
        return self.layers[2](h).add(tokens)


class MixerByHand(nn.Module):
    def __init__(self, ch, heads):
        super().__init__()
        self.heads = heads
        self.to_out, self.to_mix = nn.Linear(ch, ch), nn.Linear(ch, ch)
        self.to_qkv, self.norm = nn.Linear(ch, 3 * ch), nn.LayerNorm(ch)

    def forward(self, tokens):
        qkv = self.to_qkv(self.norm(tokens))
        q, k, v = rearrange(qkv, "b n (s h c) -> s b h n c", s=3, h=self.heads)
        h = rearrange(F.scaled_dot_product_attention(q, k, v), "b h n c -> b n (h c)")
        return tokens + self.to_mix(self.to_out(h))


class MixerByFunctions(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.before, self.behind = nn.LayerNorm([channels]), nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        seen, _ = self.attend(*3 * [self.before(x)])
        return x + self.behind(seen.mT).mT


# 6.5 UpStep


def step_experiment(probe, UpStep):
    for B, C, K, D, H, W in [(3, 7, 4, 5, 2, 3), (2, 3, 6, 4, 3, 1), (4, 10, 5, 3, 1, 2)]:
        module = probe.build(UpStep, C, K, D)
        inputs = probe.normal(B, C, H, W), probe.normal(B, K, 2 * H, 2 * W), probe.normal(B, D)
        note_skip(probe, module, *inputs)
        probe.train_and_eval(module, *inputs)
        note_parameters(probe, module)
    probe.on_fake_device(module, *inputs)


def note_skip(probe, module, x, skip, temb):
    """Write down whether a call does anything with the skip before it ends or fails."""
    touched, how = [], "Your forward never looks at the skip."

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            touched.append(function)
            return super().__torch_function__(function, types, args, kwargs or {})

    try:
        module(x, skip.as_subclass(Watched), temb)
    except RuntimeError as error:
        how = f'Your forward fails before it looks at the skip: "{error}".'
    except Exception:
        return probe.note("the skip is used", True)  # the probe will show what it is
    probe.note(
        "the skip is used", bool(touched), how,
        "Print the shapes on the way. The skip goes behind the doubled map: dim=1.",
    )  # fmt: skip


class NarrowStep(UpStep):
    """An UpStep whose block is made for out_ch channels."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.block = ConvBlock(out_ch, out_ch, time_dim)


class StepWithoutSkip(NarrowStep):
    """The block is made for out_ch channels now, and the skip is not used. That runs, but the
    details of the picture, which only the skip has, are lost. Put the skip behind the doubled
    map, with cat; the block was right."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x), temb)


class StepWithSum(NarrowStep):
    """The skip is added, and the block is made for out_ch channels. That runs, but the sketch
    says: put the skip behind. Join them with cat; the block was right."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x) + skip, temb)


class SumForWideBlock(UpStep):
    """The skip is used, and what the block gets has out_ch channels all the same: it is added, or
    what was joined is not what goes on. The block waits for 2 * out_ch: join the two, with cat
    along dim 1, and give it that."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x) + skip, temb)


class StepAddsAtTheEnd(NarrowStep):
    """The skip is added behind the block, which never sees it. Join it to the doubled map before
    the block, with cat; the block was made for that."""

    def forward(self, x, skip, temb):
        return self.block(self.up(x), temb) + skip


class StepJoinsAtTheEnd(NarrowStep):
    """The skip is joined behind the block, which never sees it, and 2 * out_ch channels come out.
    Join it before the block; the block was made for that."""

    def forward(self, x, skip, temb):
        return torch.cat([self.block(self.up(x), temb), skip], dim=1)


class StepUpWider(UpStep):
    """The layer that doubles now returns 2 * out_ch channels, and the skip is not used. That
    runs, but the details of the picture, which only the skip has, are lost. Join the skip to a
    map of out_ch channels."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.up = Upsample(in_ch, 2 * out_ch)

    def forward(self, x, skip, temb):
        return self.block(self.up(x), temb)


class StepSkipFirst(UpStep):
    """The skip is put before the doubled map. That runs, but weights that were trained the other
    way round would read the wrong channels. The skip goes behind: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([skip, self.up(x)], dim=1), temb)


class StepJoinsTheMapTwice(UpStep):
    """The doubled map is joined to itself. The channels fit, and the skip is still not used:
    cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        x = self.up(x)
        return self.block(torch.cat([x, x], dim=1), temb)


class StepJoinsTheSkipTwice(UpStep):
    """The skip is joined to itself, and what comes from below is lost: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([skip, skip], dim=1), temb)


class StepWithZeros(UpStep):
    """The missing channels are filled with zeros. The channels fit, and the skip is still not
    used: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        x = self.up(x)
        return self.block(torch.cat([x, torch.zeros_like(x)], dim=1), temb)


class StepAlongTheBatch(UpStep):
    """The two are joined along dim 0, the batch. The channels are dim 1: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([self.up(x), skip]), temb)


class StepAlongTheRows(UpStep):
    """The two are joined along dim 2, the rows: one picture below the other. The channels are
    dim 1: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([self.up(x), skip], dim=2), temb)


class StepAlongTheColumns(UpStep):
    """The two are joined along the last axis, the columns: one picture beside the other. The
    channels are dim 1: cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(torch.cat([self.up(x), skip], dim=-1), temb)


class StepJoinsTooEarly(UpStep):
    """The skip is joined before the map is doubled, when their sizes differ. First
    x = self.up(x), then cat([x, skip], dim=1)."""

    def forward(self, x, skip, temb):
        return self.block(self.up(torch.cat([x, skip], dim=1)), temb)


class StepDetached(UpStep):
    """No gradient comes through to the skip: detach or .data cuts the way. The encoder learns
    through it. Take it out."""

    def forward(self, x, skip, temb):
        return super().forward(x, skip.detach(), temb)


class StepByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.convs = ConvBlock(2 * out_ch, out_ch, time_dim)
        self.up2 = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=2, stride=2)

    def forward(self, x, skip, temb):
        joined, _ = pack([self.up2(x), skip], "b * h w")
        return self.convs(joined, temb)


class StepThatFills(UpStep):
    def forward(self, x, skip, temb):
        K = skip.shape[1]
        joined = skip.new_empty(len(skip), 2 * K, *skip.shape[2:])
        joined[:, :K] = self.up(x)
        joined[:, K:] = skip
        return self.block(joined, temb)


class StepInOneLine(UpStep):
    def forward(self, below, across, temb):
        return self.block(torch.hstack((self.up(below), across)), temb)


class StepByStack(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.parts = nn.ModuleDict(
            {"block": ConvBlock(2 * out_ch, out_ch, time_dim), "up": Upsample(in_ch, out_ch)}
        )

    def forward(self, x, skip, temb):
        two = torch.stack([self.parts["up"](x), skip], dim=1)
        return self.parts["block"](two.flatten(1, 2), temb)


# 6.6 TimedConv


def timed_experiment(probe, TimedConv):
    # Where sizes agree, most wrong places of an axis run: each has its own wrong values there.
    cases = [(4, 3, 4, 6, 4, 4), (2, 3, 5, 8, 4, 7), (3, 6, 2, 4, 7, 5), (1, 2, 6, 3, 5, 8)]
    for B, C, K, D, H, W in cases:
        module = probe.build(TimedConv, C, K, D)
        probe.train_and_eval(module, probe.normal(B, C, H, W), probe.normal(B, D))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, C, H, W), probe.normal(B, D))


class OtherTimed(TimedConv):
    """A TimedConv in which the projected time is spread in another way."""

    def forward(self, x, temb):
        return F.silu(self.conv(x) + self.spread(self.time_proj(temb)))


class TimeOnTheColumns(OtherTimed):
    """The projected time is (B, 1, 1, K): its channels meet the columns. The new axes go behind:
    [:, :, None, None] makes (B, K, 1, 1)."""

    def spread(self, time):
        return time[:, None, None]


class TimeOnTheRows(OtherTimed):
    """The projected time is (B, 1, K, 1): its channels meet the rows. Both new axes go behind:
    [:, :, None, None] makes (B, K, 1, 1)."""

    def spread(self, time):
        return time[:, None, :, None]


class TimeOneAxisShort(OtherTimed):
    """The projected time is (B, K, 1), or (1, B, K, 1). PyTorch lines shapes up from the right, so
    B meets the channels, and K the rows. Both new axes go behind: [:, :, None, None]."""

    def spread(self, time):
        return time.unsqueeze(-1)


class TimeOneAxisShortInside(OtherTimed):
    """The projected time is (B, 1, K), or (1, B, 1, K). PyTorch lines shapes up from the right, so
    B meets the channels, and K the columns. Both new axes go behind: [:, :, None, None]."""

    def spread(self, time):
        return time.unsqueeze(1)


class TimeWithoutBatch(OtherTimed):
    """The projected time has more channels than the map. view(1, -1, 1, 1) does that, for it puts
    all pictures in one row of B * K channels; so may a number of channels that is written down. It
    must be (B, K, 1, 1): [:, :, None, None] makes that of (B, K), whatever B and K are."""

    def spread(self, time):
        return time.view(1, -1, 1, 1)


class TimeOfAllChannels(OtherTimed):
    """The projected time is averaged over its channels, so all channels get the same number. That
    runs, but each channel should have its own: [:, :, None, None]."""

    def spread(self, time):
        return time.mean(dim=1)[:, None, None, None]


class TimeOfAllPictures(OtherTimed):
    """The projected time is averaged over the batch. That runs, but each picture has a time of its
    own: [:, :, None, None] keeps the batch."""

    def spread(self, time):
        return time.mean(dim=0)[:, None, None]


class TimeAsOneNumber(OtherTimed):
    """The projected time is averaged to a single number. That runs, but each picture and each
    channel has its own: [:, :, None, None] keeps them."""

    def spread(self, time):
        return time.mean()


class TimeOfTheFirstPicture(OtherTimed):
    """Every picture gets the time of the first one. Each has its own row in temb:
    [:, :, None, None] keeps them all."""

    def spread(self, time):
        return time[0].view(1, -1, 1, 1)


class TimeActivatedToo(OtherTimed):
    """The projected time goes through SiLU before it is added. There is one SiLU, of the sum."""

    def spread(self, time):
        return F.silu(time)[:, :, None, None]


class TimeAfterSilu(TimedConv):
    """The time is added after SiLU. Add it to what the convolution returns; SiLU comes last."""

    def forward(self, x, temb):
        return F.silu(self.conv(x)) + self.time_proj(temb)[:, :, None, None]


class TimeWithoutSilu(TimedConv):
    """SiLU is lost. The sum of the two goes through it, as before."""

    def forward(self, x, temb):
        return self.conv(x) + self.time_proj(temb)[:, :, None, None]


class TimeMultiplies(TimedConv):
    """The time multiplies the map; here it is added."""

    def forward(self, x, temb):
        return F.silu(self.conv(x) * self.time_proj(temb)[:, :, None, None])


class TimeLeftOut(TimedConv):
    """The time has no effect on what is returned. Add self.time_proj(temb) to what the
    convolution returns."""

    def forward(self, x, temb):
        return F.silu(self.conv(x))


class TimeOnTheInput(TimedConv):
    """The time is added to the input, and time_proj has in_ch channels for that. That runs, but
    it is another network. Add it after the convolution; time_proj was right."""

    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__(in_ch, out_ch, time_dim)
        self.time_proj = nn.Linear(time_dim, in_ch)

    def forward(self, x, temb):
        return F.silu(self.conv(x + self.time_proj(temb)[:, :, None, None]))


class ConvTimedByView(TimedConv):
    def forward(self, x, temb):
        h, time = self.conv(x), self.time_proj(temb)
        h += time.view(*time.shape, 1, 1)
        return F.silu(h)


class ConvTimedByEinops(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.time = nn.Linear(time_dim, out_ch)
        self.layer = nn.Conv2d(in_ch, out_ch, (3, 3), padding="same")

    def forward(self, x, temb):
        time = repeat(self.time(temb), "b k -> b k h w", h=x.shape[2], w=x.shape[3])
        h = self.layer(x) + time
        return h * h.sigmoid()


class ConvTimedByConv(nn.Module):
    def __init__(self, in_ch, out_ch, time_dim):
        super().__init__()
        self.spread = nn.Sequential(
            nn.Unflatten(1, (time_dim, 1, 1)), nn.Conv2d(time_dim, out_ch, 1)
        )
        self.conv, self.act = nn.Conv2d(in_ch, out_ch, 3, padding=1), nn.SiLU(inplace=True)

    def forward(self, x, temb):
        return self.act(self.spread(temb) + self.conv(x))


class ConvTimedLast(TimedConv):
    def forward(self, x, temb):
        h = self.conv(x).permute(2, 3, 0, 1)  # (H, W, B, K)
        return F.silu(h + self.time_proj(temb)).permute(2, 3, 0, 1)


# 6.7 PoolUNet


def pool_experiment(probe, PoolUNet):
    for B, C, K, H, W in [(2, 3, 4, 12, 6), (3, 1, 5, 8, 6), (4, 2, 3, 4, 10)]:
        module = probe.build(PoolUNet, C, K)
        probe.train_and_eval(module, probe.normal(B, C, H, W))
        note_parameters(probe, module)
    probe.on_fake_device(module, probe.normal(B, C, H, W))


class ThirdUNet(PoolUNet):
    """A PoolUNet that still pools by 3."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.pool = nn.MaxPool2d(3)

    def forward(self, x):
        skip = F.silu(self.down(x))
        h = F.silu(self.bottom(self.pool(skip)))
        return self.out(torch.cat(self.fitted(self.up(h), skip), dim=1))


class PadsTheMap(ThirdUNet):
    """The map that comes up is padded to the size of the skip. That runs, but the two no longer
    show the same place: a third is pooled away, and a half comes back. Pool by 2, as the
    transposed convolution doubles."""

    def fitted(self, up, skip):
        H, W = skip.shape[2:]
        return F.pad(up, (0, W - up.shape[3], 0, H - up.shape[2])), skip


class PadsAround(ThirdUNet):
    """The map that comes up is padded on all sides to the size of the skip. That runs, but the
    two no longer show the same place: a third is pooled away, and a half comes back. Pool by 2,
    as the transposed convolution doubles."""

    def fitted(self, up, skip):
        rows, columns = skip.shape[2] - up.shape[2], skip.shape[3] - up.shape[3]
        left, top = columns // 2, rows // 2
        return F.pad(up, (left, columns - left, top, rows - top)), skip


class StretchesTheMap(ThirdUNet):
    """The map that comes up is stretched to the size of the skip. That runs, and hides the fault:
    the pool and the layer that doubles do not belong together. Pool by 2."""

    def fitted(self, up, skip):
        return F.interpolate(up, size=skip.shape[2:]), skip


class StretchesSmoothly(ThirdUNet):
    """The map that comes up is stretched to the size of the skip. That runs, and hides the fault:
    the pool and the layer that doubles do not belong together. Pool by 2."""

    def fitted(self, up, skip):
        return F.interpolate(up, size=skip.shape[2:], mode="bilinear"), skip


class CutsTheSkip(ThirdUNet):
    """The skip is cut to the size of what comes up. That runs, but the picture that comes out is
    smaller than the one that went in. Pool by 2, as the transposed convolution doubles."""

    def fitted(self, up, skip):
        return up, skip[:, :, : up.shape[2], : up.shape[3]]


class ShrinksTheSkip(ThirdUNet):
    """The skip is shrunk to the size of what comes up. That runs, but the picture that comes out
    is smaller than the one that went in. Pool by 2, as the transposed convolution doubles."""

    def fitted(self, up, skip):
        return up, F.interpolate(skip, size=up.shape[2:])


class WithOutputPadding(ThirdUNet):
    """output_padding, or a kernel of 3, adds one row and one column. That is not enough: 12 rows
    pool to 4 and come back as 9. Pool by 2."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.up = nn.ConvTranspose2d(2 * ch, ch, kernel_size=2, stride=2, output_padding=1)

    def fitted(self, up, skip):
        return up, skip


class TriplesInstead(ThirdUNet):
    """The transposed convolution now steps by 3, as the pool does. That runs where 3 divides the
    sides, but asked for is one halving: leave it at 2, and pool by 2."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.up = nn.ConvTranspose2d(2 * ch, ch, kernel_size=3, stride=3)

    def fitted(self, up, skip):
        return up, skip


class OtherPool(PoolUNet):
    """A PoolUNet with another pool."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.pool = self.make_pool(ch)


class OverlappingPool(OtherPool):
    """The pool steps by 2, but its windows are still 3 wide, with padding. The sizes fit; the
    values are those of other windows. nn.MaxPool2d(2) takes 2x2 pixels, and steps by 2."""

    def make_pool(self, ch):
        return nn.MaxPool2d(3, stride=2, padding=1)


class OverlappingCeilPool(OtherPool):
    """The pool steps by 2, but its windows are still 3 wide, and reach over the border. The sizes
    fit; the values are those of other windows. nn.MaxPool2d(2) takes 2x2 pixels, and steps by
    2."""

    def make_pool(self, ch):
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class OverlappingShortPool(OtherPool):
    """The pool steps by 2, but its windows are still 3 wide: the last does not fit, and a row is
    missing. nn.MaxPool2d(2) takes 2x2 pixels, and steps by 2."""

    def make_pool(self, ch):
        return nn.MaxPool2d(3, stride=2)


class AveragePool(OtherPool):
    """The pool takes the average of its pixels. The largest is asked for: nn.MaxPool2d(2)."""

    def make_pool(self, ch):
        return nn.AvgPool2d(2)


class ConvolvedPool(OtherPool):
    """A convolution that steps by 2 stands in place of the pool. That is a good network, and
    another one: here it is nn.MaxPool2d(2), which learns nothing."""

    def make_pool(self, ch):
        return nn.Conv2d(ch, ch, 2, stride=2)


class SkipNotJoined(PoolUNet):
    """The skip is gone, and the last convolution takes ch channels. That runs for any pool, but
    what is pooled away cannot come back. Join it, and correct the pool."""

    def __init__(self, in_ch, ch):
        super().__init__(in_ch, ch)
        self.out = nn.Conv2d(ch, in_ch, 3, padding=1)

    def forward(self, x):
        return self.out(self.up(F.silu(self.bottom(self.pool(F.silu(self.down(x)))))))


class PoolSkipFirst(PoolUNet):
    """cat has the skip first. Here the map that comes up is first, then the skip."""

    def forward(self, x):
        skip = F.silu(self.down(x))
        h = F.silu(self.bottom(self.pool(skip)))
        return self.out(torch.cat([skip, self.up(h)], dim=1))


class PoolByFunction(nn.Module):
    def __init__(self, in_ch, ch):
        super().__init__()
        self.up = Upsample(2 * ch, ch)
        self.out = nn.Conv2d(2 * ch, in_ch, 3, 1, 1)
        self.first, self.second = nn.Conv2d(in_ch, ch, 3, 1, 1), nn.Conv2d(ch, 2 * ch, 3, 1, 1)

    def forward(self, x):
        h = F.silu(self.first(x))
        low = self.second(F.max_pool2d(h, kernel_size=2, stride=2))
        return self.out(torch.cat((self.up(F.silu(low)), h), 1))


class PoolByEinops(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        half = reduce(skip, "b c (h i) (w j) -> b c h w", "max", i=2, j=2)
        joined, _ = pack([self.up(F.silu(self.bottom(half))), skip], "b * h w")
        return self.out(joined)


class PoolAdaptive(PoolUNet):
    def forward(self, x):
        skip = F.silu(self.down(x))
        H, W = x.shape[2:]
        half = F.adaptive_max_pool2d(skip, (H // 2, W // 2))
        return self.out(torch.hstack([self.up(F.silu(self.bottom(half))), skip]))


class PoolInSequence(nn.Module):
    def __init__(self, in_ch, ch):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(in_ch, ch, 3, padding="same"), nn.SiLU())
        self.around = nn.Sequential(
            nn.MaxPool2d((2, 2), ceil_mode=True),
            nn.Conv2d(ch, 2 * ch, 3, padding="same"),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * ch, ch, 2, 2),
        )
        self.out = nn.Conv2d(2 * ch, in_ch, 3, padding="same")

    def forward(self, x):
        x = self.down(x)
        return self.out(torch.cat([self.around(x), x], dim=-3))


EXERCISES = [
    Exercise(
        id="6.2",
        title="A wrapper for torchsummary",
        notebook=NOTEBOOK,
        reference=ForSummary,
        experiment=summary_experiment,
        look="Print t as it comes in, and what you hand to the model: shape, dtype, values.",
        catalogue=by_hand({
            "t not flattened": StepsNotFlat,
            "t one axis too long": StepsOneAxisLong,
            "t squeezed": StepsSqueezed,
            "t as floats": StepsAsFloats,
            "t not scaled": StepsNotScaled,
            "t all zero": StepsAllZero,
            "t rounded": StepsRounded,
            "T - 1": StepsOfOneLess,
            "t as int32": StepsOf32Bits,
            "t of the first picture for all": StepOfTheFirst,
            "t drawn at random": StepsDrawn,
            "t before the picture": StepsFirst,
            "model out of sight": ModelOutOfSight,
            "no gradients": SummaryWithoutGradients,
            "t returned too": ReturnsStepsToo,
        }),
        also_right=[SummaryByIndex, SummaryByEinops, SummaryInSequence, SummaryWithSqueeze],
    ),
    Exercise(
        id="6.3",
        title="Too many channels for a block",
        notebook=NOTEBOOK,
        reference=TutorialDecoder,
        patient=patients.TutorialDecoder,
        experiment=decoder_experiment,
        look="Print the shapes of up(x), of skip and of what cat makes of them, and compare with "
        "what the block is made for. The numbers of the other layers are right.",
        catalogue=by_hand({
            "channels of both levels": BlocksOfBothLevels,
            "channels of the level below": BlocksOfTheLevelBelow,
            "channels of one map": BlocksOfOneLevel,
            "skip added": SkipAdded,
            "skip not used": SkipLeftOut,
            "up keeps its channels": UpWithoutChange,
            "up made wider": UpMadeWider,
            "skip made wider": SkipMadeWider,
            "convolution in between": ConvolutionBetween,
            "channels padded": ChannelsPadded,
            "joined twice": JoinedTwice,
            "skip first": SkipFirst,
            "skips from the top": SkipsTopFirst,
            "joined along the batch": JoinedAlongTheBatch,
            "blocks return too much": WiderBlocks,
        }),
        also_right=[DecoderByPairs, DecoderThatPops, DecoderOfLevels, DecoderByNumbers],
    ),
    Exercise(
        id="6.4",
        title="A layer that returns two things",
        notebook=NOTEBOOK,
        reference=TokenMixer,
        patient=patients.TokenMixer,
        experiment=mixer_experiment,
        look="The order is: norm, attention of the normalised tokens with themselves, linear "
        "layer; then the tokens as they came in are added.",
        catalogue=by_hand({
            "weights taken": TakesTheWeights,
            "pair taken": TakesThePair,
            "first picture taken": TakesTheFirstPicture,
            "batch_first lost": BatchLooksAtBatch,
            "no attention": AttentionLeftOut,
            "nothing added": NothingAdded,
            "normalised tokens added": AddsTheNormalised,
            "tokens added twice": AddsTwice,
            "tokens added before the linear layer": AddsBeforeTheMix,
            "norm after the attention": NormAfterwards,
            "norm at the end": NormAtTheEnd,
            "no norm": NormNotUsed,
            "queries not normalised": QueriesAsTheyCame,
            "keys and values not normalised": OnlyQueriesNormalised,
            "no linear layer": MixLeftOut,
            "one head": OneHead,
        }),
        also_right=[MixerOfALayer, MixerByIndex, MixerByHand, MixerByFunctions],
    ),
    Exercise(
        id="6.5",
        title="Half the channels are missing",
        notebook=NOTEBOOK,
        reference=UpStep,
        patient=patients.UpStep,
        experiment=step_experiment,
        look="The order is: double the map, put the skip behind it along the channels, block. "
        "Print the shape before each.",
        catalogue=by_hand({
            "skip not used": StepWithoutSkip,
            "skip added": StepWithSum,
            "skip added, block unchanged": SumForWideBlock,
            "skip added at the end": StepAddsAtTheEnd,
            "skip joined at the end": StepJoinsAtTheEnd,
            "up made wider": StepUpWider,
            "skip first": StepSkipFirst,
            "map joined to itself": StepJoinsTheMapTwice,
            "skip joined to itself": StepJoinsTheSkipTwice,
            "filled with zeros": StepWithZeros,
            "joined along the batch": StepAlongTheBatch,
            "joined along the rows": StepAlongTheRows,
            "joined along the columns": StepAlongTheColumns,
            "joined before doubling": StepJoinsTooEarly,
            "skip detached": StepDetached,
        }),
        also_right=[StepByEinops, StepThatFills, StepInOneLine, StepByStack],
    ),
    Exercise(
        id="6.6",
        title="The time on the wrong axis",
        notebook=NOTEBOOK,
        reference=TimedConv,
        patient=patients.TimedConv,
        experiment=timed_experiment,
        look="Write the two shapes below each other, flush right: (B, K, H, W) and that of the "
        "projected time. In each column the numbers are the same, or one is 1.",
        catalogue=by_hand({
            "channels on the columns": TimeOnTheColumns,
            "channels on the rows": TimeOnTheRows,
            "one axis short": TimeOneAxisShort,
            "one axis short, inside": TimeOneAxisShortInside,
            "batch lost in view": TimeWithoutBatch,
            "mean over the channels": TimeOfAllChannels,
            "mean over the batch": TimeOfAllPictures,
            "a single number": TimeAsOneNumber,
            "time of the first picture for all": TimeOfTheFirstPicture,
            "SiLU on the time": TimeActivatedToo,
            "time after SiLU": TimeAfterSilu,
            "no SiLU": TimeWithoutSilu,
            "time multiplied": TimeMultiplies,
            "time not used": TimeLeftOut,
            "time on the input": TimeOnTheInput,
        }),
        also_right=[ConvTimedByView, ConvTimedByEinops, ConvTimedByConv, ConvTimedLast],
    ),
    Exercise(
        id="6.7",
        title="Down by three, up by two",
        notebook=NOTEBOOK,
        reference=PoolUNet,
        patient=patients.PoolUNet,
        experiment=pool_experiment,
        look="Print height and width behind every layer: what the pool takes away, the "
        "transposed convolution has to give back.",
        catalogue=by_hand({
            "padded": PadsTheMap,
            "padded all around": PadsAround,
            "stretched": StretchesTheMap,
            "stretched smoothly": StretchesSmoothly,
            "skip cut": CutsTheSkip,
            "skip shrunk": ShrinksTheSkip,
            "output_padding": WithOutputPadding,
            "tripled instead": TriplesInstead,
            "windows of 3, padded": OverlappingPool,
            "windows of 3 over the border": OverlappingCeilPool,
            "windows of 3": OverlappingShortPool,
            "average": AveragePool,
            "convolution in place of the pool": ConvolvedPool,
            "skip not used": SkipNotJoined,
            "skip first": PoolSkipFirst,
        }),
        also_right=[PoolByFunction, PoolByEinops, PoolAdaptive, PoolInSequence],
    ),
]
