"""Rows that are looked up by number: embeddings."""

from course_utils.shapes.calls import given


def embedding(run, call, place):
    rows = given(call)[1].shape[0]
    if call.span and not 0 <= call.span[0] <= call.span[1] < rows:
        low, high = call.span
        return f"{place} has rows 0 to {rows - 1} and is asked for rows from {low} to {high}."
    return None


RULES = {"embedding": (embedding,)}
