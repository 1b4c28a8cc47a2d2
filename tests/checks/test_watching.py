"""What is seen of a computation besides its result."""

import torch

from course_utils.checks.parts import Watch, place


def test_the_largest_tensor_counts_but_no_view_and_no_copy():
    x, watch = torch.ones(2, 50), Watch()
    assert watch.calling(lambda x: x.double().T.expand(9, 50, 2).sum())(x) == 900
    assert watch.largest == 1
    watch.calling(lambda x: (x.T @ x).sum())(x)
    assert watch.largest == 2500


def test_reads_and_places_are_of_the_call_alone():
    x, y, watch = torch.ones(3), torch.ones(3), Watch()
    assert watch.calling(lambda x: (x + 1).sum().item() + float(x[0]))(x) == 7
    assert y.sum().item() == 3
    assert watch.reads == 2
    assert place(x[1:]) in watch.places and place(y) not in watch.places
