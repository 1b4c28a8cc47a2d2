"""Write down what is told of each reported network: python tests/shapes/write_told.py"""

import torch
from test_reported import CASES, TOLD, told


def one_line(case):
    torch.manual_seed(0)
    model, inputs, _, _ = case()
    return " ".join(told(model, inputs).split())


lines = [f"{name}: {one_line(case)}\n" for name, case in sorted(CASES.items())]
TOLD.write_text("".join(lines), encoding="utf-8")
