import pytest
import torch

from course_utils.classifier import Classifier, classifier, shift
from course_utils.data import load

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def test():
    return load("digits", "test")[0]


def test_shift_moves_every_picture_by_a_pixel_at_most():
    x = torch.randn(3, 1, 5, 6)
    framed = torch.full((3, 1, 7, 8), -1.0)
    framed[:, :, 1:-1, 1:-1] = x
    seen = set()
    for _ in range(100):
        moved = shift(x)
        places = [(i, j) for i in range(3) for j in range(3)]
        seen |= {(i, j) for i, j in places if moved.equal(framed[:, :, i : i + 5, j : j + 6])}
    assert len(seen) == 9


def test_classifier_knows_held_out_digits(test):
    net = classifier("digits", "data", CPU)
    assert classifier("digits", "data", CPU) is net  # trained once
    right = net(test).argmax(dim=1) == load("digits", "test")[1]
    assert right.float().mean() >= 0.99
    assert not net.training and not any(p.requires_grad for p in net.parameters())


def test_training_the_classifier_leaves_torch_as_it_was():
    rng = torch.get_rng_state()
    with torch.no_grad():  # where measure() calls it
        one = classifier.__wrapped__("digits", "data", CPU, epochs=1)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), rng)
    torch.manual_seed(5)
    again = classifier.__wrapped__("digits", "data", CPU, epochs=1)
    assert all(map(torch.equal, one.state_dict().values(), again.state_dict().values()))


def test_classifier_sees_each_picture_by_itself():
    net, x = Classifier(1, 16).eval(), torch.randn(4, 1, 16, 16)
    alone = torch.cat([net(x[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(net(x), alone)
