"""A network under the names that the page's JavaScript knows: the course's own class.

A reader's class may name its layers otherwise, or register them in another order. Its weights are
carried over to the course's class by the order in which both use their layers, and then both have
to give the same answers.
"""

import inspect
import math
from collections import defaultdict

import torch
from torch import nn

from course_utils.attention_unet import attention_heads, with_attention
from course_utils.averaging import unwrapped
from course_utils.grown_unet import GrownUNet
from course_utils.unet import UNet

KINDS = {
    "normalisation in groups": nn.GroupNorm,
    "batch normalisation": nn.modules.batchnorm._BatchNorm,
    "embedding": nn.Embedding,
    "transposed convolution": nn.modules.conv._ConvTransposeNd,
    "convolution or linear layer": (nn.modules.conv._ConvNd, nn.Linear),
}
STATISTICS = "running_mean", "running_var"
THESE = "the page draws with a UNet or a GrownUNet, the course's or your own"
SAME = 1e-3  # relative: two orders of adding up differ by far less, another network by far more


def twin(net, settings, size):
    """Return the course's network that answers as net does, in eval mode on the CPU.

    module -> (UNet or GrownUNet)

    settings are the arguments of its class; for a network of the course's own class they are read
    off its weights. net stays as it is. Raises ValueError, with what differs, where there is none.
    """
    net = unwrapped(net)
    assert_no_stranger(net)
    network = GrownUNet if takes_labels(net) else UNet
    if type(net) is network:
        settings = settings_of(net)
    heads, labels = attention_heads(net), None
    with torch.random.fork_rng([]):  # the random generator stays as it was
        generator = torch.Generator().manual_seed(0)
        try:
            same = network(**settings)
            if heads:
                same = with_attention(same, heads, same.in_ch, size)
        except TypeError as error:
            raise ValueError(f"these are no settings of a {network.__name__}: {error}") from None
        x = torch.randn(5, same.in_ch, size, size, generator=generator)
        t = torch.tensor([0, 1, 250, 700, 999])
        if network is GrownUNet:
            classes = same.cond_embed.hidden
            labels = torch.arange(5) % (classes + 1)
        inputs = [x, t] if labels is None else [x, t, labels]
        same.eval()
        wanted, name = answers(net, inputs), type(net).__name__
        # A linear layer may stand for a 1x1 convolution; but first each is taken for what it is.
        for shape_of in (torch.Tensor.size, squeezed):
            try:
                theirs, ours = (layers_in_use(n, inputs, shape_of) for n in (net, same))
                carry_over(theirs, ours, name, network.__name__)
                assert_same(wanted, answers(same, inputs), name, network.__name__)
                return same
            except ValueError as problem:
                reason = problem
        raise reason


def assert_no_stranger(net):
    """Raise ValueError for what is no network, and for the course's networks of other kinds."""
    name, wanted = type(net).__name__, f"{THESE}; this is a {type(net).__name__}"
    ours = (
        type(net).__module__.startswith("course_utils.") and ".checks." not in type(net).__module__
    )
    if not isinstance(net, nn.Module) or ours and type(net) not in (UNet, GrownUNet):
        raise ValueError(wanted)
    if not any(True for _ in net.parameters()):
        raise ValueError(f"{THESE}. This {name} is neither: it has no weights")


def takes_labels(net):
    """Tell whether a network is called with labels as well.  module -> bool"""
    try:
        inspect.signature(net.forward).bind(None, None, None)
    except TypeError:
        return False
    return "GrownUNet" in type(net).__name__ or not accepts_two(net)


def accepts_two(net):
    try:
        inspect.signature(net.forward).bind(None, None)
    except TypeError:
        return False
    return True


def settings_of(net):
    """Return the arguments that a UNet or GrownUNet was made with.  UNet -> dict"""
    weights = net.state_dict()
    time_dim = len(weights["time.linear.bias"])
    ups = range(net.halvings)
    prefix = "ups" if isinstance(net, GrownUNet) else "decoder.ups"
    shapes = [weights[f"{prefix}.{i}.weight"].shape[:2] for i in ups]  # from the deepest on
    chs = [shapes[-1][1], *(shape[0] for shape in reversed(shapes))]
    grown = isinstance(net, GrownUNet)
    base_ch = len(weights["conv_in.bias"]) if grown else math.gcd(*chs)
    ch_mult = tuple(ch // base_ch for ch in chs)
    found = {"in_ch": net.in_ch, "base_ch": base_ch, "ch_mult": ch_mult, "time_dim": time_dim}
    return {**found, "classes": net.cond_embed.hidden} if grown else found


def kind_of(layer):
    """Return what kind of layer with weights a module is, or None.  module -> str or None"""
    return next((name for name, cls in KINDS.items() if isinstance(layer, cls)), None)


@torch.no_grad()
def layers_in_use(net, inputs, shape_of):
    """Return the layers with weights by kind and shape, in the order of their use.

    module -> {(kind, shape): [layer]}
    """
    used = defaultdict(list)

    def note(layer, *_):
        known = used[kind_of(layer), tuple(shape_of(layer.weight))]
        if layer not in known:
            known.append(layer)

    hooks = [m.register_forward_pre_hook(note) for m in net.modules() if kind_of(m)]
    try:
        answers(net, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return used


def squeezed(weight):
    return tuple(side for side in weight.shape if side != 1)


@torch.no_grad()
def carry_over(theirs, ours, their_name, our_name):
    """Give our layers the weights of theirs. Raises ValueError where layers are left over."""
    for key in {**ours, **theirs}:
        has, needs = len(theirs.get(key, ())), len(ours.get(key, ()))
        if has != needs:
            kind, shape = key
            raise ValueError(
                f"{THESE}. This {their_name} is neither: layers of the kind {kind} with weights of "
                f"shape {shape} are used {has} times in it, and {needs} times in the course's "
                f"{our_name} with these settings"
            )
        for source, target in zip(theirs.get(key, ()), ours.get(key, ())):
            target.weight.copy_(source.weight.reshape(target.weight.shape))
            bias = getattr(source, "bias", None)
            if getattr(target, "bias", None) is not None:
                target.bias.copy_(bias) if bias is not None else target.bias.zero_()
            for name in STATISTICS:
                if getattr(target, name, None) is not None:
                    getattr(target, name).copy_(getattr(source, name))


@torch.no_grad()
def answers(net, inputs):
    """Return a network's answers in eval mode; its mode stays as it was.

    module -> (B, C, H, W)

    Raises ValueError where it cannot answer.
    """
    mode, device = net.training, next(net.parameters()).device
    try:
        answer = net.eval()(*(x.to(device) for x in inputs))
        return answer.float().cpu()
    except Exception as error:  # the reader's class can raise anything
        reason = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        raise ValueError(
            f"the page cannot draw with this {type(net).__name__}: asked for pictures with these "
            f"settings, it fails ({reason})"
        ) from error
    finally:
        net.train(mode)


def assert_same(theirs, ours, name, network):
    """Raise ValueError unless two networks gave the same answers."""
    if theirs.shape != ours.shape:
        raise ValueError(
            f"the page cannot draw with this {name}: its answers have shape "
            f"{tuple(theirs.shape[1:])}, those of the course's {network} "
            f"{tuple(ours.shape[1:])}"
        )
    if not theirs.isfinite().all():
        raise ValueError(f"the answers of this {name} are not finite, so it cannot draw")
    error = ((theirs - ours).norm() / theirs.norm().clamp(min=1e-12)).item()
    if error > SAME:
        raise ValueError(
            f"the page cannot draw with this {name}: it has the layers of the course's "
            f"{network}, but with the same weights its answers differ from that one's by "
            f"{error:.0%} of their size, so it computes something else"
        )
