"""The exercises: a folder for each notebook, a file for each exercise."""

from course_utils.checks.exercises import (
    old_nb00, old_nb01, old_nb02, old_nb03, old_nb04, old_nb05, old_nb06, old_nb06_more, old_nb07,
    old_nb08, old_nb09, old_nb10,
)

NOTEBOOKS = (
    old_nb00, old_nb01, old_nb02, old_nb03, old_nb04, old_nb05, old_nb06, old_nb06_more, old_nb07,
    old_nb08, old_nb09, old_nb10,
)
EXERCISES = {exercise.id: exercise for nb in NOTEBOOKS for exercise in nb.EXERCISES}
