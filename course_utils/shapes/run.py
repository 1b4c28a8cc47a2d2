"""What is written down of one run of a network, with no tensor in it."""

from dataclasses import dataclass, field

import torch

from course_utils.shapes.looking import parts


@dataclass(frozen=True)
class Seen:
    """A tensor, as far as one wants to remember it. The later it was met, the higher number is."""

    shape: tuple
    dtype: torch.dtype
    device: torch.device
    number: int
    asks: bool = False  # for gradients

    def __str__(self):
        return f"{self.shape}" if self.dtype.is_floating_point else f"{self.shape} {self.kind}"

    @property
    def kind(self):
        return str(self.dtype).removeprefix("torch.")


@dataclass
class Step:
    """One call of a layer. What it was given and returned has a Seen for each tensor."""

    name: str
    type: str
    given: object
    parameters: int
    depth: int  # 0 for the network itself, 1 for what it calls
    kernel: str = ""  # of a convolution or a pooling: "3x3"
    registered: bool = True
    keywords: dict = field(default_factory=dict)  # what it was given by name, once it failed
    returned: object = None
    milliseconds: float | None = None  # None while it runs, and if it failed
    kept: int = 0  # bytes kept for the backward pass, in this layer and those that it calls


@dataclass
class Call:
    """One operation on tensors, such as conv2d or cat, and the layer in which it was called."""

    op: str
    place: str
    given: list  # arguments, those by name last, with a Seen for each tensor
    returned: object = None
    error: Exception | None = None
    inside: bool = True  # in the forward of a layer that has others in it, not in one of PyTorch's
    span: tuple | None = None  # smallest and largest whole number given to an operation that failed
    named: dict = field(default_factory=dict)  # the arguments by name, again
    without: str = ""  # what switched gradients off, where an argument asks for some
    autocast: bool = False


@dataclass
class Frame:
    """Where Python was when something failed: a function, its line, what its names stood for."""

    module: str
    function: str
    line: str
    names: dict
    sides: tuple = ()  # of an `assert a == b` that failed: a and b


@dataclass
class Record:
    """What was seen of a run, with no tensor in it."""

    inputs: list
    names: list = field(default_factory=list)  # of the inputs, as forward calls them
    steps: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    made_by: dict = field(default_factory=dict)  # number of a tensor -> name of the layer
    failed: Call | None = None
    error: Exception | None = None
    open: list = field(default_factory=list)  # (step, layer, arguments) that had not returned
    strays: list = field(default_factory=list)  # (place, type, where kept) of unregistered layers
    unused: list = field(default_factory=list)  # names of parameters that no operation took
    training: bool = True  # in eval mode some layers rest
    frames: list = field(default_factory=list)  # a Frame for each that an exception came through
    attributes: dict = field(default_factory=dict)  # number of a tensor -> where a layer keeps it
    returned: object = None  # what the network returned
    read: set = field(default_factory=set)  # numbers of tensors of which Python took the value
    unreached: list = field(default_factory=list)  # names of used parameters without a gradient
    changed: list = field(default_factory=list)  # (operation that kept a tensor, its shape) if
    # something changed it before the backward pass
    makers: dict = field(default_factory=dict)  # number of a tensor -> the Call that made it, later
    repeated: list = field(default_factory=list)  # names under which a list has one layer


def leaves(value, kind=Seen):
    """All things of a kind in a value, however deep in lists, tuples and dicts."""
    return parts(value, kind)
