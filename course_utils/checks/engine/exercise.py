"""What an exercise is, and what a check finds."""

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Exercise:
    """A thing to build, the reference for it, and the answers that are known.

    experiment(probe, attempt) feeds an attempt and writes down what it does. look is what a reader
    is told whose mistake is not known. catalogue lists known mistakes, see checks/mistakes.py, and
    also_right right answers that are written differently. patient is the broken code that a reader
    is given to repair, where that is what is asked for. makes_layer says that the reference is a
    function that returns a layer, so that a class does as well. notebook is that of its folder;
    hunted says that its text doesn't ask for it, and only the bug hunt does.
    """

    id: str
    title: str
    reference: object
    experiment: object
    look: str
    catalogue: list = field(default_factory=list)
    also_right: list = field(default_factory=list)
    patient: object = None
    makes_layer: bool = False
    notebook: str = ""
    hunted: bool = False

    @cached_property
    def mistakes(self):
        """The known mistakes by name, each as an attempt that makes it, in the first way."""
        return {mistake.name: mistake.attempt for mistake in reversed(self.catalogue)}


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    exercise: str
    outcome: str  # "correct", "not yet", "not attempted" or "crashed"
    mistake: str | None
    message: str

    def __str__(self):
        return self.message
