"""Tensors are found in all that may hold them, and it keeps its kind when they are changed."""

from collections import OrderedDict, namedtuple

import pytest
import torch

from course_utils.checks.engine.values import change, tensors

Pair = namedtuple("Pair", "one, other")
ONE, TWO = torch.ones(2), torch.zeros(3)


@pytest.mark.parametrize(
    "value",
    [
        (ONE, TWO),
        [ONE, (TWO, None)],
        {"b": ONE, "a": [TWO, 3]},
        Pair(ONE, TWO),
        [OrderedDict(b=ONE), OrderedDict(a=TWO)],
    ],
)
def test_tensors_are_found_and_changed(value):
    assert [id(x) for x in tensors(value)] == [id(ONE), id(TWO)]
    changed = change(value, lambda x: x + 1)
    assert [x.tolist() for x in tensors(changed)] == [[2, 2], [1, 1, 1]]
    assert type(changed) is type(value) and len(changed) == len(value)
