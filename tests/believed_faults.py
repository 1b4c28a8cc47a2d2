"""What the believed GPU must refuse, and what it must let through; prints a line for each.

    python tests/believed_faults.py

A fault is a change of the course that works on a CPU and stops on a GPU: a .to(device) forgotten.
"""

import copy
import importlib
import io
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from believed_gpu import believe  # noqa: E402
from nbformat.v4 import new_code_cell  # noqa: E402
from on_believed_gpu import run  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from course_utils import classifier, diffusion, samplers  # noqa: E402
from course_utils.data import load  # noqa: E402
from course_utils.plots import attention  # noqa: E402
from course_utils.schedule import cosine_schedule  # noqa: E402

GPU = believe()
X = torch.linspace(-1, 1, 12, device=GPU).view(3, 4)


def plot():
    attention.attention_maps(
        torch.ones(1, 2, 2, device=GPU), torch.ones(1, 4, 4, device=GPU), [(0, 1)]
    )


def sampler():
    samplers.last(
        samplers.ddim(lambda x, t: x, torch.ones(1, 1, 2, 2).to(GPU), cosine_schedule(), 2)
    )


def judge():
    net = classifier.classifier.__wrapped__("digits", "data", GPU, epochs=1)
    return net(torch.zeros(1, 1, 16, 16, device=GPU))


def batch():
    x0, t, eps = diffusion.draw_batch(load("digits")[0].to(GPU), 1000, 2, torch.Generator())
    x0 + eps


# name: (module, what it says, what it says instead, who uses it)
FAULTS = {
    "a plot": ("plots.attention", ".detach().cpu()", ".detach()", plot),
    "a sampler": ("samplers", "schedule.alpha_bar.to(xT.device)", "schedule.alpha_bar", sampler),
    "the classifier": ("classifier", "images.shape[2]).to(device)", "images.shape[2])", judge),
    "a batch": ("diffusion", "sent(t, x0.device), sent(eps, x0.device)", "t, eps", batch),
}


def saved_and_loaded(**options):
    file = io.BytesIO()
    torch.save(nn.Linear(2, 2).to(GPU).state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True, **options)["weight"].device.type


REFUSED = {
    ".numpy()": lambda: X.numpy(),
    "np.asarray": lambda: np.asarray(X),
    "a sum of both": lambda: X + torch.ones(4),
    "a list of both": lambda: torch.stack([X[0, 0], torch.ones(())]),
    "an embedding's index": lambda: F.embedding(torch.tensor([0]), X),
    "an index that is there": lambda: torch.ones(3)[torch.tensor([0], device=GPU)],
    "numbers of the CPU's generator": lambda: torch.randn(
        3, device=GPU, generator=torch.Generator()
    ),
    "an order of the CPU's generator": lambda: torch.randperm(
        3, device=GPU, generator=torch.Generator()
    ),
    "a network left behind": lambda: nn.Linear(4, 4)(X),
}
ALLOWED = {
    "by way of the CPU": lambda: X.cpu().numpy().shape == (3, 4),
    "a plain number": lambda: (X * torch.tensor(2.0)).device == GPU,
    "an index of the CPU": lambda: X[torch.tensor([0])].device == GPU,
    "rows put on the CPU": lambda: torch.ones(3, 4).copy_(X).device.type == "cpu",
    "a checkpoint": lambda: saved_and_loaded() == "gpu",
    "a checkpoint, for the CPU": lambda: saved_and_loaded(map_location="cpu") == "cpu",
    "a copy": lambda: copy.deepcopy(nn.Linear(2, 2).to(GPU)).weight.device == GPU,
    "the same parameters": lambda: moved_in_place(nn.Linear(2, 2)),
    "a number's format": lambda: f"{X[0, 0]:.1f}" == "-1.0",
    "16 bits in products": lambda: in_half(lambda net: net(X)) == torch.float16,
    "32 bits in norms": lambda: in_half(lambda net: F.layer_norm(net(X), (4,))) == torch.float32,
    "rows of benchmarks/gpu.py": lambda: bool(
        re.fullmatch(r"\| bf16 \| channels_last(\s*\|\s*[\d.]+){4} \|", row_of_the_benchmark())
    ),
    "memory is counted": lambda: torch.cuda.memory_allocated() >= 48,
}


def row_of_the_benchmark():
    row = runpy.run_path(str(ROOT / "benchmarks/gpu.py"), run_name="imported")["row"]
    return row(GPU, 2, "bf16", "channels_last")


def moved_in_place(net):
    before = net.weight
    return net.to(GPU).weight is before and before.device == GPU


def in_half(operation):
    with torch.autocast("gpu", dtype=torch.float16):
        return operation(nn.Linear(4, 4).to(GPU)).dtype


def tell(kind, name, attempt):
    """Print what became of it."""
    try:
        passed = attempt()
    except (RuntimeError, TypeError) as error:
        print(f"{kind}, {name}: refused, {error}")
    else:
        print(f"{kind}, {name}: {'wrong' if passed is False else 'passed'}")


CELL = "import torch; x = torch.ones(2, device='gpu')"
IN_A_WIDGET = "from ipywidgets import interact; interact(lambda k: x.numpy(), k=(0, 3))"


def in_cells(*codes):
    """Run cells as those of a notebook; raise what the runner would tell of."""
    for code, error in run([new_code_cell(code) for code in codes]):
        raise error


def main():
    for name, (where, said, instead, use) in FAULTS.items():
        module = importlib.import_module(f"course_utils.{where}")
        text = Path(module.__file__).read_text(encoding="utf-8")
        if said not in text:
            raise LookupError(f"{module.__file__} does not say {said!r} any more")
        tell("whole", name, use)
        exec(text.replace(said, instead), module.__dict__)
        tell("fault", name, use)
        exec(text, module.__dict__)
    tell("whole", "a cell", lambda: in_cells(CELL, "x.cpu().numpy()"))
    tell("fault", "a cell", lambda: in_cells(CELL, "x.numpy()", "x.cpu()"))
    tell("fault", "a slider", lambda: in_cells(CELL, IN_A_WIDGET, "x.cpu()"))
    for kind, cases in {"refused": REFUSED, "allowed": ALLOWED}.items():
        for name, attempt in cases.items():
            tell(kind, name, attempt)


if __name__ == "__main__":
    main()
