"""What the tracer writes down: the table of the layers, their shapes, times and memory."""

import pytest
import torch
from small_networks import draw, small, steps
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from course_utils.shapes import trace
from course_utils.widgets.shapes import Unchecked


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
