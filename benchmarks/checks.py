"""How long a reader waits for a check, and how many mistakes made two at a time are named.

python benchmarks/checks.py [2.5 ...] [--pairs 120] [--mutants 120]

For each exercise: the wait for the first verdict on a known mistake, on two at once, and on a
mutant that no mistake covers; the wait for the same verdict again; how many of the pairs, drawn at
random from the catalogue, are named as that pair; and how many of the mutants are falsely told as
a pair. A pair that crashes, is right, or does what a single mistake does cannot be told as two.
"""

import argparse
import inspect
import itertools
import random
import textwrap
import time
import warnings

import torch
from mutate import mutants

from course_utils.checks import EXERCISES, grade
from course_utils.checks.engine import recognise
from course_utils.checks.mistakes import EditError, both, built


def timed(id, attempt):
    """Grade an attempt as if nothing were known yet, and again.  -> verdict, seconds, seconds"""
    recognise.KNOWN.clear(), recognise.PAIRS.clear()
    grade(id, EXERCISES[id].reference)
    waits = []
    for _ in range(2):
        begun = time.perf_counter()
        verdict = grade(id, attempt)
        waits.append(time.perf_counter() - begun)
    return verdict, *waits


def pairs_of(exercise, count, rng):
    """Yield (names, attempt) of pairs of edits that go together."""
    together = [
        pair for pair in itertools.combinations(exercise.catalogue, 2)
        if pair[0].right is pair[1].right and pair[0].name != pair[1].name
    ]  # fmt: skip
    for one, other in rng.sample(together, min(count, len(together))):
        try:
            yield f"{one.name} + {other.name}", both(one, other).attempt
        except (EditError, SyntaxError):
            continue


def mutants_of(exercise, count, rng):
    """Yield (the changed line, attempt) of mutants of the reference."""
    right = exercise.reference
    found = list(mutants(textwrap.dedent(inspect.getsource(right))))
    for i, (_, line, code) in enumerate(rng.sample(found, min(count, len(found)))):
        try:
            yield line, built(code, right, f"mutant {i}", {})
        except Exception:  # a mutant that cannot even be defined
            continue


def tell_pairs(exercise, count, rng):
    told, waits = {"named": 0, "one": 0, "other pair": 0, "nothing": 0, "cannot": 0}, []
    for names, attempt in pairs_of(exercise, count, rng):
        verdict, first, again = timed(exercise.id, attempt)
        if verdict.outcome != "not yet" or "NaN" in verdict.message:
            told["cannot"] += 1
            continue
        waits.append((first, again))
        if verdict.mistake is None:
            told["nothing"] += 1
        elif set(verdict.mistake.split(" + ")) == set(names.split(" + ")):
            told["named"] += 1
        else:
            told["other pair" if " + " in verdict.mistake else "one"] += 1
    return told, waits


def tell_mutants(exercise, count, rng):
    falsely, uncovered, waits = 0, 0, []
    for _, attempt in mutants_of(exercise, count, rng):
        verdict, first, again = timed(exercise.id, attempt)
        waits.append((first, again))
        covered = verdict.mistake and " + " not in verdict.mistake
        if verdict.outcome in ("not yet", "crashed") and not covered:
            uncovered += 1
            falsely += verdict.mistake is not None
    return falsely, uncovered, waits


def percentile(waits, share):
    ordered = sorted(waits)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def line_of(waits):
    firsts, agains = zip(*waits) if waits else ((), ())
    return (
        f"first {percentile(firsts, 0.5):.2f} s, 95% {percentile(firsts, 0.95):.2f} s, longest "
        f"{max(firsts, default=0):.2f} s; again 95% {percentile(agains, 0.95):.2f} s"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("ids", nargs="*", help="exercises, such as 2.5; all without")
    parser.add_argument("--pairs", type=int, default=10, help="pairs for each exercise")
    parser.add_argument("--mutants", type=int, default=10, help="mutants for each exercise")
    given = parser.parse_args()
    torch.set_num_threads(1)
    every, all_told, all_falsely, all_uncovered = [], {}, 0, 0
    for id in given.ids or EXERCISES:
        exercise, rng = EXERCISES[id], random.Random(id)
        told, waits = tell_pairs(exercise, given.pairs, rng)
        falsely, uncovered, more = tell_mutants(exercise, given.mutants, rng)
        waits += more
        every += waits
        all_told = {key: all_told.get(key, 0) + n for key, n in told.items()}
        all_falsely, all_uncovered = all_falsely + falsely, all_uncovered + uncovered
        counts = ", ".join(f"{n} {key}" for key, n in told.items())
        print(f"{id:5} pairs: {counts}; mutants told as pairs: {falsely} of {uncovered}; ", end="")
        print(line_of(waits), flush=True)
    counts = ", ".join(f"{n} {key}" for key, n in all_told.items())
    print(
        f"all   pairs: {counts}; mutants told as pairs: {all_falsely} of {all_uncovered}; ", end=""
    )
    print(line_of(every))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
