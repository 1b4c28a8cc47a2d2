"""The tracer: what it writes down, what it says of a failure, and that it leaves nothing behind."""

import threading
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pytest
import torch
from diffusers import UNet2DModel
from einops import rearrange
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, Rectangle
from smalldiffusion.model_unet import Unet
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.nn.modules import module as torch_module

from course_utils.attention import (
    AttentionBlock,
    LinearAttention,
    MultiHeadAttention,
    SingleHeadAttention,
    TorchAttention,
)
from course_utils.blocks import ConvBlock
from course_utils.checks.exercises import broken_networks as patients
from course_utils.checks.exercises import healthy_networks as clinic
from course_utils.ddpm_unet import DDPMUNet
from course_utils.dit import DiT
from course_utils.plots.colours import RED
from course_utils.shapes import check_inputs, draw_u, trace
from course_utils.shapes.inputs import about_steps
from course_utils.sigma_unet import Scaled, SigmaUNet
from course_utils.unet import UNet
from course_utils.widgets.shapes import Unchecked, shape_explorer

LINED_UP = "lines up the last axes"


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def draw(*shape):
    return torch.randn(shape)


def steps(*t):
    return torch.tensor(t)


def small(cls=UNet, ch_mult=(1, 2, 4)):
    return cls(1, 8, ch_mult, 16)


# The clinic: each patient, how it is examined, PyTorch's exception and our words


@dataclass
class Case:
    id: str
    make: object  # of a module, patients or clinic: a model and its inputs
    error: type | None
    said: list


def noisy(ward):
    alpha_bar = torch.linspace(0.9, 0.1, 10)
    return small(Unchecked), list(ward.noisy_batch(draw(8, 1, 16, 16), alpha_bar))[:2]


CLINIC = {
    "TutorialDecoder": Case(
        "6.3",
        lambda ward: (
            ward.TutorialDecoder((8, 16, 32), 3, 12),
            [draw(5, 32, 3, 3), [draw(5, 8, 12, 12), draw(5, 16, 6, 6)], draw(5, 12)],
        ),
        RuntimeError,
        ["blocks.0.conv1 expects 64 channels and gets 32: the concatenation gave 16 + 16."],
    ),
    "TokenMixer": Case(
        "6.4",
        lambda ward: (ward.TokenMixer(12, 3), [draw(5, 9, 12)]),
        TypeError,
        ["takes query, key, value and gets one input", "Sequential hands on one thing"],
    ),
    "UpStep": Case(
        "6.5",
        lambda ward: (
            ward.UpStep(16, 8, 12),
            [draw(5, 16, 4, 4), draw(5, 8, 8, 8), draw(5, 12)],
        ),
        RuntimeError,
        ["conv1 expects 16 channels and gets 8, 8 too few", "a skip with 8 was not concatenated"],
    ),
    "TimedConv": Case(
        "6.6",
        lambda ward: (ward.TimedConv(3, 12, 16), [draw(5, 3, 9, 7), draw(5, 16)]),
        RuntimeError,
        ["(5, 12, 9, 7) + (5, 12)", LINED_UP, "12 channels meet 7 columns", "[:, :, None, None]"],
    ),
    "PoolUNet": Case(
        "6.7",
        lambda ward: (ward.PoolUNet(1, 8), [draw(5, 1, 16, 16)]),
        RuntimeError,
        ["the skip is 16 x 16, the upsampled map is 10 x 10", "pool made 5 of 16, up made 10 of 5"],
    ),
    "AnySize": Case(
        "6.8",
        lambda ward: (
            ward.AnySize(small(Unchecked, (1, 2, 4, 8)), 3),
            [draw(2, 1, 28, 28), steps(3, 4)],
        ),
        RuntimeError,
        ["the skip is 7 x 7, the upsampled map is 6 x 6: 7 is odd, so halving lost a row."],
    ),
    "NormedConv": Case(
        "6.9",
        lambda ward: (lambda x: ward.NormedConv(3, 48)(x), [draw(5, 3, 8, 8)]),
        ValueError,
        ["GroupNorm(32) cannot split 48 channels; 24 groups can"],
    ),
    "PictureCode": Case(
        "6.10",
        lambda ward: (ward.PictureCode(8, 4), [draw(1, 8, 5, 5)]),
        ValueError,
        ["norm gets (1, 8), one number for each channel: BatchNorm needs two or more"],
    ),
    "StepMLP": Case(
        "6.11",
        lambda ward: (ward.StepMLP(100, 8), [steps(5, 6, 7)]),
        RuntimeError,
        ["weights of float32 and gets int64, (3,), the network's first input as it came"],
    ),
    "noisy_batch": Case("6.12", noisy, None, ["t has shape (1,), x has 8 images"]),
    "FlatUNet": Case(
        "6.13",
        lambda ward: (ward.FlatUNet(1, 8, 12), [draw(5, 1, 8, 8), draw(5, 12)]),
        None,
        ["taken in the order in which they were made (down.0, down.1, down.2)"],
    ),
    "PixelAttention": Case(
        "6.14",
        lambda ward: (ward.PixelAttention(6), [draw(5, 6, 8, 8)]),
        None,
        [
            "reshape of (5, 6, 8, 8) to (5, 64, 6), reshape of (5, 64, 6) to (5, 6, 8, 8) keeps",
        ],
    ),
    "LateLayers": Case(
        "6.15",
        lambda ward: (ward.LateLayers(3, 8, 2), [draw(5, 3, 8, 8)]),
        None,
        [
            "LateLayers uses a Conv2d that is kept in self.convs, a plain Python list; LateLayers "
            "uses a Conv2d that is made in forward, or outside the class."
        ],
    ),
}


def test_every_patient_is_examined():
    names = {n for n, cls in vars(patients).items() if getattr(cls, "__module__", "") == (
        patients.__name__
    )}  # fmt: skip
    assert names == set(CLINIC)


@pytest.mark.parametrize("name", CLINIC)
def test_true_cause_of_a_fault_is_named(name, record_property):
    case = CLINIC[name]
    model, inputs = case.make(patients)
    found = trace(model, *inputs)
    assert type(found.error) is (case.error or type(None))
    said = found.cause or " ".join(found.remarks)
    for words in case.said:
        assert words in said
    theirs = str(found.error).splitlines()[0] if found.error else "no error"
    record_property("shape errors", f"{case.id:5} {name}\n      PyTorch: {theirs}\n      {said}")


@pytest.mark.parametrize("name", CLINIC)
def test_nothing_is_said_of_a_healthy_network(name):
    model, inputs = CLINIC[name].make(clinic)
    found = trace(model, *inputs)
    assert (found.error, found.cause, found.remarks) == (None, None, [])


# Networks that nobody here wrote, with wrong sizes and channels


def of_diffusers(**changes):
    settings = dict(
        sample_size=16, in_channels=1, out_channels=1, block_out_channels=(32, 64),
        layers_per_block=1, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
    )  # fmt: skip
    return UNet2DModel(**(settings | changes))


def of_smalldiffusion(**changes):
    settings = dict(
        in_dim=16, in_ch=1, out_ch=1, ch=32, ch_mult=(1, 2), num_res_blocks=1,
        attn_resolutions=(8,),
    )  # fmt: skip
    return Unet(**(settings | changes))


FOREIGN = [
    (of_diffusers, [draw(2, 1, 16, 16), steps(3, 4)], None),
    (of_smalldiffusion, [draw(2, 1, 16, 16), draw(2)], None),
    (
        of_diffusers,
        [draw(2, 1, 15, 15), steps(3, 4)],
        "up_blocks.1: the skip is 15 x 15, the upsampled map is 16 x 16: 15 is odd, so halving "
        "rounded up to 8.",
    ),
    (
        lambda: of_diffusers(block_out_channels=(32, 64, 64), down_block_types=("DownBlock2D",) * 3,
                             up_block_types=("UpBlock2D",) * 3),
        [draw(2, 1, 18, 18), steps(3, 4)],
        "the skip is 9 x 9, the upsampled map is 10 x 10: 9 is odd, so halving rounded up to 5.",
    ),
    (
        of_diffusers,
        [draw(2, 3, 16, 16), steps(3, 4)],
        "conv_in expects 1 channel and gets 3, the channels of the input.",
    ),
    (of_diffusers, [draw(2, 1, 16, 16), steps(3, 4, 5)], "t has shape (3,), x has 2 images."),
    (of_diffusers, [draw(1, 16, 16), steps(3)], "takes it for one picture (C, H, W)"),
    (
        of_diffusers,
        [draw(2, 1, 16, 16).double(), steps(3, 4)],
        "conv_in has weights of float32 and gets float64",
    ),
    (
        of_smalldiffusion,
        [draw(2, 1, 15, 15), draw(2)],
        "Unet demands `assert x.shape[2] == x.shape[3] == self.in_dim`, and was given "
        "(2, 1, 15, 15) and (2,).",
    ),
    (
        of_smalldiffusion,
        [draw(2, 3, 16, 16), draw(2)],
        "conv_in expects 1 channel and gets 3, the channels of the input.",
    ),
    (of_smalldiffusion, [draw(2, 1, 16, 16), draw(3)], "sig_embed: sigma.shape == []"),
    (
        lambda: grown(of_smalldiffusion()),
        [draw(2, 1, 16, 16), draw(2)],
        "expects 128 channels and gets 96: the concatenation gave 64 + 32.",
    ),
]  # fmt: skip


def grown(net):
    """A network whose last block on the way up expects more than it gets."""
    block = [m for m in net.modules() if type(m).__name__ == "ResnetBlock"][-2]
    norm = next(m for m in block.modules() if isinstance(m, nn.GroupNorm))
    assert norm.num_channels == 96
    norm.weight, norm.bias = nn.Parameter(torch.ones(128)), nn.Parameter(torch.zeros(128))
    return net


@pytest.mark.parametrize("make, inputs, said", FOREIGN)
def test_published_networks_are_explained_too(make, inputs, said):
    found = trace(make(), *inputs)
    assert said in found.cause if said else (found.cause, found.remarks) == (None, [])


def test_groups_that_do_not_divide_are_found_inside_a_library():
    found = trace(lambda x, t: of_diffusers(block_out_channels=(48, 64))(x, t), draw(1), steps(1))
    assert found.cause.startswith("GroupNorm(32) cannot split 48 channels")


@pytest.mark.parametrize(
    "net, inputs",
    [
        (small(), [draw(2, 1, 16, 16), steps(3, 4)]),
        (small(), [draw(2, 1, 16, 16), 5]),
        (DDPMUNet(9, 32, (1, 2), [1], 1, 0.1, 1, 1), [draw(2, 1, 16, 16), steps(3, 4)]),
        (
            Scaled(SigmaUNet)(16, 1, 1, 32, (1, 2), num_res_blocks=1, attn_resolutions=(8,)),
            [draw(2, 1, 16, 16), draw(2).abs()],
        ),
        (DiT(16, 1, dim=32, depth=2), [draw(2, 1, 16, 16), draw(2).abs()]),
        *[
            (AttentionBlock(32, attention), [draw(2, 32, 4, 5)])
            for attention in (
                SingleHeadAttention, MultiHeadAttention, TorchAttention, LinearAttention,
            )
        ],
    ],
)  # fmt: skip
def test_our_networks_give_no_cause_for_remarks(net, inputs):
    found = trace(net, *inputs)
    assert (found.error, found.remarks) == (None, [])


# What is written down


def test_rows_are_the_layers_in_the_order_of_their_calls():
    net = small()
    x, t = draw(3, 1, 16, 16), steps(1, 2, 3)
    expected = []
    hooks = [
        m.register_forward_hook(
            lambda m, given, out, n=n: expected.append((n, tuple(out.shape)))
        )
        for n, m in net.named_modules() if not list(m.children())
    ]  # fmt: skip
    net(x, t)
    for hook in hooks:
        hook.remove()
    found = trace(net, x, t)
    ends = [s for s in found.steps if not any(True for m in net.get_submodule(
        "" if s.name == "UNet" else s.name).children())]  # fmt: skip
    assert [(s.name, s.returned.shape) for s in ends] == expected
    assert found.steps[0].name == "UNet" and found.steps[0].depth == 0
    assert [s.depth for s in found.steps[1:4]] == [1, 2, 1]
    assert {s.name: s.parameters for s in found.steps}["encoder"] == sum(
        p.numel() for p in net.encoder.parameters()
    )
    assert all(s.milliseconds >= 0 for s in found.steps)
    assert found.steps[0].milliseconds >= sum(s.milliseconds for s in found.steps if s.depth == 1)


def test_memory_is_what_the_backward_pass_keeps():
    net, x, t = small(), draw(3, 1, 16, 16), steps(1, 2, 3)
    weights = {p.data_ptr() for p in net.parameters()}
    kept = {}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        out = net(x, t)
    assert out.requires_grad
    found = trace(net, x, t)
    total = found.steps[0].kept
    assert total == sum(storage.nbytes() for storage in kept.values()) > 100_000
    assert sum(s.kept for s in found.steps if s.depth == 1) <= total
    with torch.no_grad():
        assert trace(net, x, t).steps[0].kept == 0


class Odd(nn.Module):
    """Uses a layer twice, takes lists and dicts, returns (h, skips) and a dict."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.pair = Pair()

    def forward(self, x, more, scale=1):
        h, skips = self.pair(self.conv(self.conv(x)), more["skips"])
        return {"h": h * scale, "skips": skips}


class Pair(nn.Module):
    def forward(self, h, skips):
        return h + skips[0], [h, *skips]


def test_many_kinds_of_inputs_and_outputs():
    found = trace(Odd(), draw(3, 2, 5, 5), {"skips": [draw(3, 2, 5, 5)]}, scale=2)
    assert [s.name for s in found.steps] == ["Odd", "conv", "conv", "pair"]
    table = found.table("in", "out")
    assert "{skips: [(3, 2, 5, 5)]}, 2" in table
    assert "((3, 2, 5, 5), [2 tensors])" in table
    assert "{h: (3, 2, 5, 5), skips: [2 tensors]}" in table


def test_integer_t_stands_in_the_table_as_such():
    assert "(2,) int64" in trace(small(), draw(2, 1, 16, 16), steps(3, 4)).table("in")


def test_table_ends_where_the_network_failed():
    found = trace(small(Unchecked), draw(2, 1, 15, 15), steps(3, 4))
    lines = found.table("out", depth=1).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["Unchecked", "time", "encoder", "decoder"]
    assert lines[1].endswith("failed") and lines[4].endswith("failed")
    assert isinstance(found.error, RuntimeError) and "Sizes of tensors" in str(found.error)
    assert found.cause in repr(found) and found.cause in found._repr_html_()
    assert found._repr_html_().count("failed") == 2


def test_table_has_the_columns_asked_for():
    found = trace(small(), draw(2, 1, 16, 16), steps(3, 4))
    head, first, *_ = found.table("parameters", "out", depth=0).splitlines()
    assert head.split() == ["layer", "parameters", "out"]
    assert first.split()[:2] == ["UNet", f"{found.steps[0].parameters:,}"]
    assert repr(found).splitlines()[0].split() == (
        ["layer", "type", "in", "out", "parameters", "ms", "memory"]
    )
    with pytest.raises(ValueError, match="no column time"):
        found.table("time")


def test_html_shows_names_as_text():
    class Angle(nn.Module):
        def forward(self, x, name):
            return x

    assert "&lt;b&gt;" in trace(Angle(), draw(1), "<b>")._repr_html_()


# It leaves nothing behind


class Ends(nn.Module):
    """Adds up what it sees, draws random numbers, and ends as told."""

    def __init__(self, error=None):
        super().__init__()
        self.norm, self.error = nn.BatchNorm1d(3), error

    def forward(self, x):
        x = F.dropout(self.norm(x))
        if self.error:
            raise self.error
        return x


def left_behind():
    return (
        list(torch_module._global_forward_hooks),
        list(torch_module._global_forward_pre_hooks),
        torch.overrides._get_current_function_mode_stack(),
    )


@pytest.mark.parametrize("error", [None, RuntimeError("of my own"), KeyboardInterrupt()])
def test_nothing_is_left_behind(error):
    net, x = Ends(error), draw(4, 3)
    before, random = left_behind(), torch.get_rng_state()
    values = {name: value.clone() for name, value in net.state_dict().items()}
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            trace(net, x)
    else:
        assert trace(net, x).error is error
    assert left_behind() == before
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in net.state_dict().items():
        assert torch.equal(value, values[name]), name
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_layers_of_another_thread_are_not_written_down():
    class Waits(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 2)

        def forward(self, x):
            other = threading.Thread(target=nn.Linear(3, 3), args=[draw(1, 3)])
            other.start()
            other.join()
            return self.inner(x)

    found = trace(Waits(), draw(1, 2))
    assert [s.name for s in found.steps] == ["Waits", "inner"] and found.remarks == []


def test_exception_that_the_network_catches_is_no_failure():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(4, 3)

        def forward(self, x):
            try:
                return self.first(x)
            except RuntimeError:
                return self.second(x)

    found = trace(Careful(), draw(2, 4))
    assert found.cause is None
    assert [s.milliseconds is None for s in found.steps] == [False, True, False]


# A sentence for each kind of failure


class Residual(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, kernel)

    def forward(self, x):
        return x + F.silu(self.conv(x))


class Joined(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis, self.conv = axis, nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.conv(torch.cat([x, x], dim=self.axis))


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)

    def forward(self, x):
        return torch.cat([self.up(F.max_pool2d(x, 3)), x], dim=1)


def apply(function):
    class Applied(nn.Module):
        def forward(self, *inputs):
            return function(*inputs)

    return Applied()


@pytest.mark.parametrize(
    "net, inputs, said",
    [
        (nn.Linear(6, 2), [draw(5, 4)], "expects 6 numbers on the last axis and gets (5, 4)."),
        (nn.Linear(6, 2), [draw(5, 6, 4)], "the 6 are on axis 1. Move that axis to the end."),
        (nn.Linear(1, 2), [draw(5)], "x[:, None] makes a column of it."),
        (nn.Conv2d(3, 4, 3), [draw(5, 3)], "Conv2d expects (B, C, H, W) and gets (5, 3)."),
        (nn.Conv2d(3, 4, 5), [draw(1, 3, 2, 9)], "the map is 2 x 9, too small for a kernel of 5"),
        (nn.Conv2d(4, 4, 3, groups=2), [draw(1, 6, 9, 9)], "expects 4 channels and gets 6"),
        (nn.ConvTranspose2d(4, 2, 2), [draw(1, 6, 9, 9)], "expects 4 channels and gets 6"),
        (nn.GroupNorm(2, 4), [draw(1, 6, 9, 9)], "expects 4 channels and gets 6"),
        (apply(lambda x: F.group_norm(x, 4)), [draw(1, 6, 2, 2)], "GroupNorm(4) cannot split 6 ch"),
        (nn.BatchNorm2d(4), [draw(2, 6, 9, 9)], "expects 4 channels and gets 6"),
        (nn.LayerNorm(4), [draw(2, 6)], "normalises the last axes, (4,), and gets (2, 6)."),
        (nn.Embedding(9, 2), [steps(3, 9)], "has rows 0 to 8 and is asked for rows from 3 to 9."),
        (nn.Embedding(9, 2), [steps(0, 9)], "has rows 0 to 8 and is asked for rows from 0 to 9."),
        (nn.Embedding(9, 2), [steps(-1)], "has rows 0 to 8 and is asked for rows from -1 to -1."),
        (nn.Embedding(9, 2), [draw(3)], "looks up rows by whole numbers and gets float32"),
        (apply(torch.matmul), [draw(2, 3), draw(2, 3)], "(2, 3) @ (2, 3), but 3 columns"),
        (apply(torch.matmul), [draw(4, 2, 3), draw(4, 2, 3)], "(4, 2, 3) @ (4, 2, 3), but 3"),
        (apply(lambda a, b: a @ b), [draw(2, 3), draw(2, 3)], "(2, 3) @ (2, 3), but 3 columns"),
        (apply(lambda x: x.view(4, 4)), [draw(2, 6)], "holds 12 numbers, (4, 4) asks for 16."),
        (apply(lambda x: x.mT.view(12)), [draw(2, 6)], "a transpose has moved them; use reshape."),
        (nn.MaxPool2d(2), [draw(1, 3, 1, 1)], "a map of 1 x 1 cannot be made smaller."),
        (apply(lambda a, b: torch.cat([a, b])), [draw(2, 3), draw(2, 4)], "axis 1 is 3 and 4."),
        (apply(lambda a, b: torch.cat([a, b])), [draw(2, 3), draw(2)], "number of axes differs"),
        (
            apply(lambda a, b: a + b),
            [draw(2, 3), draw(2, 4)],
            "axes, and 3 on axis -1 meet 4.",
        ),
        (apply(lambda a, b: a * b), [draw(2, 3, 4), draw(3, 1)], None),
        (apply(lambda a, b: a + b), [draw(4, 8, 5, 5), draw(2, 8, 1, 1)], "and 4 images meet 2."),
        (apply(lambda a, b: a + b), [draw(4, 8, 5, 5), draw(4, 6, 1, 1)], "and 8 channels meet 6."),
        (Residual(3), [draw(2, 4, 8, 8)], "conv lost the border; padding would keep it."),
        (Joined(0), [draw(2, 4, 8, 8)], "gets 4: the concatenation joined along axis 0, and the"),
        (Joined(-3), [draw(2, 4, 8, 8)], None),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(16, 8, 3)), [draw(2, 3, 9, 9)], "gets 8."),
        (nn.Conv2d(3, 8, 3), [draw(2, 9, 9, 3)], "gets 9: the 3 are on the last axis, and chan"),
        (nn.Linear(64, 3), [draw(5, 4, 4, 4)], "4 * 4 * 4 is 64; x.flatten(1) first."),
        (nn.Linear(3, 3), [torch.zeros(5, 3).byte()], "Bytes of pictures become floats first"),
        (
            nn.Sequential(apply(lambda x: None), nn.Conv2d(3, 3, 1)),
            [draw(1, 3, 2, 2)],
            "1 gets Non",
        ),
        (apply(lambda x: rearrange(x, "b (c d) -> b c d", c=3)), [draw(2, 16)], "divide axis of l"),
        (Pooled(), [draw(2, 4, 12, 12)], "max_pool2d in Pooled made 4 of 12, up made 8 of 4."),
        (apply(lambda a, b: a - b), [draw(1, 2, 3, 4), draw(1, 2, 4, 4)], "the map is 4 x 4."),
        (nn.Sequential(nn.LSTM(3, 3), nn.Linear(3, 3)), [draw(2, 3)], "a tuple of 2 from 0: take"),
        (ConvBlock(2, 3, 4), [draw(1, 2, 3, 3)], "takes x, temb and gets one input."),
        (apply(lambda x: x.missing), [draw(1)], "AttributeError: "),
        (apply(lambda x: 1 / 0), [draw(1)], "Applied: ZeroDivisionError: division by zero"),
        (nn.MultiheadAttention(4, 2), [draw(3, 5)] * 3, "was given (3, 5) and (3, 5)"),
    ],
)
def test_failure_is_explained(net, inputs, said):
    found = trace(net, *inputs)
    if said is None:
        assert found.cause is None
    else:
        assert said in found.cause
        assert found.cause == " ".join(found.cause.split())


def test_two_devices_are_named():
    net = nn.Linear(3, 3)
    x = torch.empty(2, 3, device="meta")
    found = trace(apply(lambda x: x + net.bias), x)
    assert "(2, 3) on meta and (3,) on cpu meet" in found.cause


def test_column_lost_is_told_from_a_row():
    found = trace(small(Unchecked), draw(2, 1, 16, 18), steps(3, 4))
    assert "the skip is 8 x 9, the upsampled map is 8 x 8: 9 is odd" in found.cause
    assert "lost a column" in found.cause


def test_operation_that_was_caught_is_not_blamed():
    def forward(x):
        try:
            return x @ x
        except RuntimeError:
            pass
        raise ValueError("the real one")

    assert trace(apply(forward), draw(2, 3)).cause == "Applied: the real one."


# What ran and looks wrong


def test_one_number_for_each_channel_that_met_the_columns():
    found = trace(patients.TimedConv(3, 7, 4), draw(7, 3, 7, 7), draw(7, 4))
    assert found.error is None and LINED_UP in found.remarks[0]


def test_batch_of_one_in_training():
    net = ConvBlock(1, 4, 4)
    assert "batch of one" in trace(net, draw(1, 1, 4, 4), draw(1, 4)).remarks[0]
    assert trace(net.eval(), draw(1, 1, 4, 4), draw(1, 4)).remarks == []
    assert trace(net.train(), draw(2, 1, 4, 4), draw(2, 4)).remarks == []


def test_parameters_that_nothing_used():
    net = nn.Sequential(nn.Linear(3, 3))
    net.extra = nn.Linear(2, 2)
    net.forward = lambda x: net[0](x)
    assert trace(net, draw(1, 3)).remarks == [
        "No operation used extra.weight, extra.bias: what is that layer for?"
    ]


@pytest.mark.parametrize(
    "function, shape, said",
    [
        (lambda x: x.reshape(2, 20, 3), (2, 3, 4, 5), True),
        (lambda x: x.view(2, 20, 3), (2, 3, 4, 5), True),
        (lambda x: x.flatten(2).mT.reshape(2, 20, 3), (2, 3, 4, 5), False),
        (lambda x: x.permute(0, 2, 3, 1).reshape(2, 20, 3), (2, 3, 4, 5), False),
        (lambda x: x.permute(0, 2, 3, 1).reshape(2, 64, 8), (2, 8, 8, 8), False),
        (lambda x: x.reshape(2, 16, 16), (2, 16, 4, 4), False),  # (B, C, H W), as it may be
        (lambda x: x.reshape(2, 3, 4, 5), (2, 20, 3), True),
        (lambda x: x.mT.reshape(2, 3, 4, 5), (2, 20, 3), False),
        (lambda x: x.reshape(2, 1, 4, 5), (2, 20, 1), False),
        (lambda x: x.reshape(2, 4, 5, 4), (2, 20, 4), False),  # the 20 split into 4 and 5
        (lambda x: x.reshape(2, 3, 3, 5), (2, 15, 3), True),
    ],
)
def test_reshape_in_place_of_a_transpose(function, shape, said):
    assert any("old order" in r for r in trace(apply(function), draw(*shape)).remarks) is said


# The picture


def words(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts] + [
        text.get_text() for text in figure.texts
    ]


def patches(figure, kind):
    return [p for p in figure.axes[0].patches if isinstance(p, kind)]


def test_u_has_its_shapes_and_skips():
    figure = draw_u(small(), draw(3, 1, 16, 16), steps(1, 2, 3))
    shapes = [
        "1 x 16 x 16", "8 x 16 x 16", "8 x 8 x 8", "16 x 8 x 8", "16 x 4 x 4", "32 x 4 x 4",
        "16 x 8 x 8", "32 x 8 x 8", "16 x 8 x 8", "8 x 16 x 16", "16 x 16 x 16", "8 x 16 x 16",
        "1 x 16 x 16",
    ]  # fmt: skip
    assert words(figure) == shapes
    for x, column in enumerate(patches(figure, Rectangle)):
        assert column.get_x() + column.get_width() / 2 == pytest.approx(x)
    skips = [p._posA_posB for p in patches(figure, FancyArrowPatch)]
    assert [(round(a[0]), round(b[0])) for a, b in skips] == [(3, 7), (1, 10)]
    plt.close(figure)


def test_failure_is_red():
    figure = draw_u(small(Unchecked, (1, 2, 4, 8)), draw(2, 1, 28, 28), steps(3, 4))
    red = [p for p in patches(figure, Rectangle) if p.get_facecolor() == to_rgba(RED)]
    assert len(red) == 1 and red[0] is patches(figure, Rectangle)[-1]
    assert "fails" in words(figure) and any("7 is odd" in text for text in words(figure))
    assert patches(figure, FancyArrowPatch)[-1].get_edgecolor() == to_rgba(RED)
    plt.close(figure)


@pytest.mark.parametrize("name", CLINIC)
def test_every_patient_can_be_drawn(name):
    model, inputs = CLINIC[name].make(patients)
    figure = draw_u(model, *inputs)
    figure.savefig("/dev/null", format="png")
    plt.close(figure)


def test_explorer_shows_where_it_breaks():
    box = shape_explorer()
    size, levels, _, batch, picture, table = box.children
    before = picture.value
    assert "failed" not in table.value
    size.value, levels.value, batch.value = 28, 4, 3
    assert picture.value != before and picture.value[:4] == b"\x89PNG"
    assert "(3, 128, 6, 6)" in table.value and "failed" in table.value


# The inputs


GOOD = (torch.zeros(2, 1, 4, 4), steps(0, 9), 10)


def test_good_inputs_pass():
    assert check_inputs(*GOOD) is None
    assert check_inputs(GOOD[0].half(), GOOD[1].int(), 10) is None


@pytest.mark.parametrize(
    "changed, said",
    [
        (dict(x=[1]), "x must be a tensor (B, C, H, W); got list."),
        (dict(x=torch.zeros(1, 4, 4)), "got (1, 4, 4). A single picture needs an axis in front"),
        (dict(x=torch.zeros(0, 1, 4, 4)), "and hold numbers; got (0, 1, 4, 4). t must"),
        (dict(x=torch.zeros(2, 1, 4, 4).byte()), "x must hold floats; got uint8."),
        (dict(x=torch.full((2, 1, 4, 4), torch.nan)), "32 of its 32 numbers are NaN or infinite."),
        (dict(x=GOOD[0] + 1.5), "x must lie in [-1, 1]; it runs from 1.5 to 1.5."),
        (dict(x=GOOD[0] + 200), "Pictures from 0 to 255 become x / 127.5 - 1."),
        (dict(t=3), "t must be a tensor (B,) of integers; got int."),
        (dict(t=steps(0.0, 1.0)), "t must hold integers, int64 at best; got float32."),
        (dict(t=steps(1)), "t must have shape (2,), a step for each image of x; got (1,)."),
        (dict(t=steps(0, 10)), "t must lie in 0 to 9; it runs from 0 to 10."),
        (dict(t=steps(-1, 3)), "t must lie in 0 to 9; it runs from -1 to 3."),
        (dict(x=GOOD[0] + 2, t=steps(1)), "2 to 2. t must have shape"),
    ],
)
def test_bad_inputs_get_a_sentence(changed, said):
    with pytest.raises(ValueError) as raised:
        check_inputs(**(dict(zip("xtT", GOOD)) | changed))
    assert said in str(raised.value)


def test_inputs_on_two_devices():
    told = list(about_steps(steps(0, 9), torch.zeros(2, 1, 4, 4, device="meta"), 10))
    assert told == ["t must be where x is, on meta; it is on cpu. Use t.to(x.device)."]
