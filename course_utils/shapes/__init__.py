"""What shape has what, and what met what when it fails.

trace(model, *inputs) runs a network once and returns the table of its layers, trace.loss(model,
loss, *inputs) a training step; draw_u(model, *inputs) draws what the table says. check_inputs(x, t,
T) looks at the inputs before they go in, check_batch(model, *inputs) whether pictures mix. All of
it needs torch alone, and matplotlib for the drawing: the folder can be taken along.

record.py   one run of a network, written down: its layers and its operations
calls.py    what an operation of the record was given, and what its tensors came from
table.py    the record as a table
cause.py    an exception becomes a sentence: what met what
rules/      by which it does, a file for each kind of operation
words.py    how sizes are said in a sentence
remarks.py  what ran, and looks wrong all the same
plan.py     which operations and maps of the record a picture shows
places.py   where they stand in it
drawing.py  the record as a picture
inputs.py   are the inputs what a network is trained on?
probe.py    does one picture's result depend on the others?
"""

from course_utils.shapes.drawing import draw_u
from course_utils.shapes.inputs import check_inputs
from course_utils.shapes.probe import check_batch
from course_utils.shapes.table import Trace, trace

__all__ = ["Trace", "check_batch", "check_inputs", "draw_u", "trace"]
