"""Training with numbers of 16 bits: which kind, and how small gradients survive it."""

from contextlib import contextmanager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def best_precision(device):
    """Return "bf16" where the hardware computes with it, else "fp16" on a GPU, "fp32" on a CPU."""
    if device.type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if has_bf16 else "fp16"
    able = torch.cpu.get_capabilities()
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "fp32"


@contextmanager
def autocast(precision, device):
    """Return a context in which products and convolutions take 16 bits; fp32 changes nothing.

    What needs the range or the digits of fp32 keeps it: the loss, and on a GPU norms and softmax.
    On a CPU attention is written out, because PyTorch's fused one is slow there in 16 bits (five
    times as slow with four heads on 64 tokens). Raises ValueError for another precision.
    Source: "Mixed Precision Training" (2017).
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}")
    small, on_cpu = precision != "fp32", device.type == "cpu"
    with torch.autocast(device.type, dtype=PRECISIONS[precision], enabled=small):
        with sdpa_kernel(SDPBackend.MATH) if small and on_cpu else nullcontext():
            yield


def gradient_scaler(precision, device):
    """Return what multiplies the loss, so that small gradients do not become 0 in fp16.

    bf16 has the range of fp32: for it and for fp32 the scaler does nothing.
    """
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


@torch.no_grad()
def where_it_overflows(model, run):
    """Call run() once more and say which layer is the first whose output is not finite."""
    largest, bad, hooks = 0.0, [], []

    def watch(layer, given, returned, name):
        nonlocal largest
        if bad or not torch.is_tensor(returned):
            return
        if returned.isfinite().all():
            largest = max(largest, returned.abs().max().item())
        else:
            bad.append(name)

    for name, layer in model.named_modules():
        if not list(layer.children()):
            hook = layer.register_forward_hook(
                lambda layer, given, returned, name=name: watch(layer, given, returned, name)
            )
            hooks.append(hook)
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    where = f"{bad[0]} is the first layer that is not finite" if bad else "every layer is finite"
    return f"{where}, the largest activation before is {largest:.3g}"
