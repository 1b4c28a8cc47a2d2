import pytest
import torch
from torch import nn

from course_utils.precision import (
    PRECISIONS,
    autocast,
    best_precision,
    gradient_scaler,
    where_it_overflows,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_products_take_the_precision_and_the_loss_keeps_its_own(precision):
    x = torch.randn(4, 3)
    with autocast(precision, CPU):
        out = nn.Linear(3, 3)(x)
        assert out.dtype == PRECISIONS[precision]
        assert nn.functional.mse_loss(out, out).dtype == torch.float32


def test_autocast_ends_with_its_block():
    with autocast("bf16", CPU):
        pass
    assert nn.Linear(3, 2)(torch.randn(4, 3)).dtype == torch.float32


@pytest.mark.parametrize("precision, fused", [("fp32", True), ("bf16", False), ("fp16", False)])
def test_attention_is_written_out_in_16_bits_on_a_cpu(precision, fused):
    with autocast(precision, CPU):
        assert torch.backends.cuda.flash_sdp_enabled() is fused
    assert torch.backends.cuda.flash_sdp_enabled()


@pytest.mark.parametrize("precision, scale", [("fp32", 1.0), ("bf16", 1.0), ("fp16", 65536.0)])
def test_only_fp16_is_scaled(precision, scale):
    scaler = gradient_scaler(precision, CPU)
    assert scaler.scale(torch.ones(())).item() == scale


@pytest.mark.parametrize(
    "able, best",
    [({}, "fp32"), ({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16")],
)
def test_best_precision_of_a_cpu_is_what_it_computes_with(monkeypatch, able, best):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert best_precision(CPU) == best


@pytest.mark.parametrize("has_bf16, best", [(True, "bf16"), (False, "fp16")])
def test_best_precision_of_a_gpu(monkeypatch, has_bf16, best):
    def supported(including_emulation=True):
        return has_bf16 or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert best_precision(torch.device("cuda")) == best


class Steep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.third = nn.Linear(2, 2, bias=False)
        for layer, factor in ((self.first, 3e4), (self.second, 1e30), (self.third, 1e30)):
            nn.init.eye_(layer.weight)
            layer.weight.data *= factor

    def forward(self, x):
        return self.third(self.second(self.first(x)))


def test_the_first_layer_that_overflows_is_named():
    net = Steep()
    told = where_it_overflows(net, lambda: net(torch.ones(1, 2)))
    assert told == (
        "third is the first layer that is not finite, the largest activation before is 3e+34"
    )
    assert where_it_overflows(net, lambda: net(torch.zeros(1, 2))).startswith("every layer is fin")
    assert not any(layer._forward_hooks for layer in net.modules())


def test_hooks_are_gone_after_an_error():
    net = Steep()
    with pytest.raises(RuntimeError):
        where_it_overflows(net, lambda: net(torch.ones(1, 3)))
    assert not any(layer._forward_hooks for layer in net.modules())
