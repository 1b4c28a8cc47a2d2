"""Moved to nb06/healthy_networks.py."""

from course_utils.checks.exercises.nb06.healthy_networks import *  # noqa: F403
