import copy

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from course_utils.ddpm_unet import DDPMUNet
from course_utils.recompute import recompute_blocks
from course_utils.unet import UNet


def networks():
    torch.manual_seed(0)
    return [UNet(1, 8, (1, 2), 16), DDPMUNet(9, 32, (1, 2), [1], 1, 0.3, 1, 1)]


def gradients(net):
    x, t = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(3)
    torch.manual_seed(1)  # of the dropout
    net.train()(x, t).square().sum().backward()
    return [p.grad for p in net.parameters()]


@pytest.mark.parametrize("net", networks())
def test_gradients_and_statistics_are_the_same(net):
    other = recompute_blocks(copy.deepcopy(net))
    third = copy.deepcopy(other)  # such as the averaged network
    expected = gradients(net)
    for one in (other, third):
        assert all(map(torch.equal, gradients(one), expected))
        assert all(map(torch.equal, one.state_dict().values(), net.state_dict().values()))
    assert list(other.state_dict()) == list(net.state_dict())


@pytest.mark.parametrize("net", networks())
def test_less_is_kept(net):
    def kept(net):
        total = {}

        def keep(tensor):
            storage = tensor.untyped_storage()
            total[storage.data_ptr()] = storage
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            net.train()(torch.randn(3, 1, 16, 16), torch.arange(3))
        weights = {p.data_ptr() for p in net.parameters()}
        return sum(s.nbytes() for pointer, s in total.items() if pointer not in weights)

    before = kept(net)
    assert kept(recompute_blocks(net)) < 0.6 * before
