"""What goes into a network is checked before it does."""

import pytest
import torch
from small_networks import steps

from course_utils.shapes import check_inputs
from course_utils.shapes.inputs import about_steps

GOOD = (torch.zeros(2, 1, 4, 4), steps(0, 9), 10)


def test_good_inputs_pass():
    assert check_inputs(*GOOD) is None
    assert check_inputs(GOOD[0].half(), GOOD[1].int(), 10) is None


@pytest.mark.parametrize(
    "changed, said",
    [
        (dict(x=[1]), "x must be a tensor (B, C, H, W); got list."),
        (dict(x=torch.zeros(1, 4, 4)), "got (1, 4, 4). A single picture needs an axis in front"),
        (dict(x=torch.zeros(0, 1, 4, 4)), "and hold numbers; got (0, 1, 4, 4). t must"),
        (dict(x=torch.zeros(2, 1, 4, 4).byte()), "x must hold floats; got uint8."),
        (dict(x=torch.full((2, 1, 4, 4), torch.nan)), "32 of its 32 numbers are NaN or infinite."),
        (dict(x=GOOD[0] + 1.5), "x must lie in [-1, 1]; it runs from 1.5 to 1.5."),
        (dict(x=GOOD[0] + 200), "Pictures from 0 to 255 become x / 127.5 - 1."),
        (dict(t=3), "t must be a tensor (B,) of integers; got int."),
        (dict(t=steps(0.0, 1.0)), "t must hold integers, int64 at best; got float32."),
        (dict(t=steps(1)), "t must have shape (2,), a step for each image of x; got (1,)."),
        (dict(t=steps(0, 10)), "t must lie in 0 to 9; it runs from 0 to 10."),
        (dict(t=steps(-1, 3)), "t must lie in 0 to 9; it runs from -1 to 3."),
        (dict(x=GOOD[0] + 2, t=steps(1)), "2 to 2. t must have shape"),
    ],
)
def test_bad_inputs_get_a_sentence(changed, said):
    with pytest.raises(ValueError) as raised:
        check_inputs(**(dict(zip("xtT", GOOD)) | changed))
    assert said in str(raised.value)


def test_inputs_on_two_devices():
    told = list(about_steps(steps(0, 9), torch.zeros(2, 1, 4, 4, device="meta"), 10))
    assert told == ["t must be where x is, on meta; it is on cpu. Use t.to(x.device)."]
