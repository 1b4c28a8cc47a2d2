import pytest
import torch

from course_utils.decoder import Decoder

CHS = [4, 6, 10]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def inputs():
    """Return what an encoder with CHS gives for two pictures of 8 x 12, and a time."""
    skips = [torch.randn(2, ch, 8 >> i, 12 >> i) for i, ch in enumerate(CHS[:-1])]
    return torch.randn(2, CHS[-1], 2, 3), skips, torch.randn(2, 8)


def test_picture_has_the_size_of_the_first_skip():
    assert Decoder(CHS, 3, 8)(*inputs()).shape == (2, 3, 8, 12)


def test_decoder_is_its_diagram():
    net, (bottom, skips, temb) = Decoder(CHS, 3, 8).eval(), inputs()
    x = net.blocks[0](torch.cat([net.ups[0](bottom), skips[1]], dim=1), temb)
    x = net.blocks[1](torch.cat([net.ups[1](x), skips[0]], dim=1), temb)
    assert torch.equal(net(bottom, skips, temb), net.out(x))


def test_every_skip_is_used():
    bottom, skips, temb = inputs()
    for tensor in (bottom, temb, *skips):
        tensor.requires_grad_()
    out = Decoder(CHS, 3, 8)(bottom, skips, temb)
    (out * torch.randn_like(out)).sum().backward()
    assert all(tensor.grad.any() for tensor in (bottom, temb, *skips))


def test_skips_are_left_to_the_caller():
    # A decoder that pops them would work once.
    bottom, skips, temb = inputs()
    Decoder(CHS, 3, 8)(bottom, skips, temb)
    assert len(skips) == 2


def too_few_or_too_many():
    first, second = inputs()[1]
    third = torch.randn(2, 10, 2, 3)
    return {"none": [], "first": [first], "second": [second], "third": [first, second, third]}


@pytest.mark.parametrize("name", too_few_or_too_many())
def test_too_few_or_too_many_skips_are_refused(name):
    bottom, _, temb = inputs()
    skips = too_few_or_too_many()[name]
    with pytest.raises(ValueError, match="skip"):
        Decoder(CHS, 3, 8)(bottom, skips, temb)
