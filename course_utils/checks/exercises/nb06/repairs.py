"""What the exercises share in which a broken network is repaired."""

import contextlib

from course_utils.checks.parts import Stop


def repair_experiment(arguments, cases, hints, lenient=()):
    """Make an experiment that builds a network for each case and feeds it.

    arguments(probe, *case) are those of the class and those of forward. In a lenient case wrong
    sizes fit, so that other mistakes show; the experiment goes on if it fails. hints gives a
    sentence for a pattern of an exception's message.
    """
    hints = [(pattern, "", tip) for pattern, tip in hints.items()]
    look = "The result is right, but there's a layer too many or too few. Change only the fault."

    def one(probe, network, case):
        made, inputs = arguments(probe, *case)
        with probe.advice(*hints):
            module = probe.build(network, *made)
            probe.train_and_eval(module, *inputs)
        count = sum(p.numel() for p in module.parameters())
        probe.note("number of parameters", count, look=look)
        return module, inputs

    def experiment(probe, network):
        for case in lenient:
            with contextlib.suppress(Stop):
                one(probe, network, case)
        for case in cases:
            module, inputs = one(probe, network, case)
        probe.on_fake_device(module, *inputs)

    return experiment


# Wrong ways to join a skip: UP is what it is joined to, WIDE how the next layer is made
JOINS = """
# skip first
- skip], dim=1)
+ skip][::-1], dim=1)
You join the skip first. The map from below comes first, and the skip goes behind it.
# joined along another axis
+ skip], dim=0)
| skip], dim=2)
| skip], dim=3)
You join the two along another axis than the channels, which are dim=1. 0 is the batch (and what cat
takes unless told otherwise), 2 the rows, 3 the columns.
# not in a list
- torch.cat([UP, skip], dim=1)
+ torch.cat(UP, skip, dim=1)
torch.cat takes what it joins as one list or tuple: torch.cat([a, b], dim=1).
# skip added, or not joined
+ UP + skip
The next layer is made for the channels of both maps, but gets those of one: the skip is added, left
out, or joined and then not used.
# skip added
- WIDE
+ NARROW
- torch.cat([UP, skip], dim=1)
+ UP + skip
You add the skip, and the next layer takes half the channels. That runs, but the layer can no longer
tell what comes up from what comes across: keep cat.
# skip not used
+ NARROW
- torch.cat([UP, skip], dim=1)
+ UP
You don't use the skip, and the next layer takes half the channels. That runs, but the picture's
details are lost: join the two with cat.
"""


def joins(up, wide):
    """The catalogue for a network in which `up` is joined, for a layer made with `wide`.  -> str"""
    narrow = wide.replace("2 * ", "")
    return JOINS.replace("UP", up).replace("WIDE", wide).replace("NARROW", narrow)
