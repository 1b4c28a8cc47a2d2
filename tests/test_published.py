import pytest
import torch

from course_utils.ddpm_unet import DDPMUNet
from course_utils.sigma_unet import SigmaUNet


def small():
    return DDPMUNet(10, 32, (1, 2), (), 1, 0.0, 1, 1)


def weights(net):
    return {net.published_name(name): p.clone() for name, p in net.state_dict().items()}


def test_weights_are_taken_over():
    net, other = small(), small()
    assert net.load_published(weights(other)) is net
    for ours, theirs in zip(net.state_dict().values(), other.state_dict().values()):
        assert torch.equal(ours, theirs)


def test_what_comes_from_a_formula_may_be_left_out():
    net, state = small(), weights(small())
    table = state.pop("time_embedding.timembedding.0.weight")
    assert torch.equal(net.load_published(state).time.table, table)


def test_names_are_all_different():
    net = DDPMUNet(10, 32, (1, 2, 2), (0, 2), 3, 0.0)
    assert len({net.published_name(name) for name in net.state_dict()}) == len(net.state_dict())


def test_everything_that_does_not_fit_is_told_and_nothing_is_loaded():
    net, state = small(), weights(small())
    before = weights(net)
    del state["head.bias"]
    state["tail.0.weight"] = torch.zeros(7)
    state["module.head.bias"] = torch.zeros(32)
    with pytest.raises(ValueError) as error:
        net.load_published(state)
    assert "missing: head.bias" in str(error.value)
    assert "unknown: module.head.bias" in str(error.value)
    assert "of another shape: tail.0.weight (7,), expected (32,)" in str(error.value)
    assert all(torch.equal(p, before[name]) for name, p in weights(net).items())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("head.bias"),
        lambda state: state.update(extra=torch.zeros(1)),
        lambda state: state.update({"head.bias": torch.zeros(1)}),
    ],
)
def test_one_thing_that_does_not_fit_is_enough(spoil):
    state = weights(small())
    spoil(state)
    with pytest.raises(ValueError, match="for another network"):
        small().load_published(state)


def test_a_long_list_is_cut():
    with pytest.raises(ValueError, match=r"missing: .*, .* and \d+ more. Nothing was loaded"):
        SigmaUNet(8, 1, 1, ch=32, ch_mult=(1,)).load_published({})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": {}, "step": 3}, "a dict with the keys model, step"),
        ([1], "Got list"),
        (small(), "Got DDPMUNet"),
        ("weights.pt", "Got str"),
    ],
)
def test_what_is_no_state_dict_is_told(given, words):
    with pytest.raises(ValueError, match=words):
        small().load_published(given)
