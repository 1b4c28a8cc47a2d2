"""What the file of an exercise is made of, in one place: the engine's parts and the edits."""

# ruff: noqa: F401

from course_utils.checks.engine.around_calls import Filled
from course_utils.checks.engine.compare import advice, agree, difference
from course_utils.checks.engine.crash import Crash, crash
from course_utils.checks.engine.fake_device import (
    FAKE_DEVICE,
    DeviceMismatch,
    FakeDeviceMode,
    device_mismatch,
)
from course_utils.checks.engine.probe import FOLLOWS, SEED, Stop, Vague, parameters_made
from course_utils.checks.engine.sandbox import Stopped
from course_utils.checks.engine.values import (
    call_of,
    change,
    describe,
    freeze,
    is_tensor,
    name,
    state,
    tensors,
)
from course_utils.checks.engine.watching import Watch, place
from course_utils.checks.engine.weights import fill, is_lazy
from course_utils.checks.mistakes import edits
