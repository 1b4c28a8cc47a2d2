"""Make the notebooks: notebooks/source/NN_name.py becomes notebooks/NN_name.ipynb.

    python notebooks/build.py [NN ...]              assemble, execute and store (all, or some)
    python notebooks/build.py --prose [NN ...]      take over prose that changed, keep the outputs;
                                                    only the table of all exercises is made anew
    python notebooks/build.py --check               does every stored notebook fit its source?
    python notebooks/build.py --copies DIR [--share 0.01]
                                                    write copies for the tests into DIR/stored and
                                                    DIR/solved, which train that share of the steps

The parts lie beside it: assemble.py (from a source to a notebook), exercises.py and stubs.py,
outputs.py (executing), flaws.py, address.py, copies.py, course_files.py.
"""

import argparse
import copy
import re
import sys
from pathlib import Path

import nbformat

from address import Address, current_address, stored_address
from assemble import assemble
from copies import copies
from course_files import NOTEBOOKS, SOURCES, CourseError, read, shipped, sources, write
from exercises import load_checks
from flaws import flaws
from outputs import FAILURES, clean, clean_output, describe, execute, output_text, pictures

# The cell that counts what a reader has done, in all notebooks: it is out of date when another one
# has got an exercise more.
TABLE = re.compile(r"^progress\(\)$", re.MULTILINE)


def build(numbers):
    exercises, address = load_checks().EXERCISES, current_address()
    for source in sources(numbers):
        try:
            notebook = build_one(source, exercises, address)
        except (CourseError, *FAILURES) as error:
            raise CourseError(f"{source.stem}: {error}") from None
        write(notebook, shipped(source.stem))
        keep_pictures(notebook)
        print(f"{source.stem}: built, {len(notebook.cells)} cells", flush=True)


def build_prose(numbers):
    """Store prose and alt texts of the sources anew, and keep the outputs: no code has changed."""
    exercises = load_checks().EXERCISES
    for source in sources(numbers):
        stored = read(shipped(source.stem))
        address = Address(stored_address(stored).repository, current_address().ref)
        fresh = assemble(source, exercises, address)
        old, new = ([c for c in n.cells if c.cell_type == "code"] for n in (stored, fresh))
        if [code_of(cell) for cell in old] != [code_of(cell) for cell in new]:
            raise CourseError(f"{source.stem}: its code has changed too: build it")
        for cell, before in zip(new, old):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
            for output in cell.outputs:
                if "alt" in cell.metadata:
                    describe(output, cell.metadata.alt)
            if out_of_date(cell, exercises):
                renew(cell, new[0])
        write(fresh, shipped(source.stem))
        print(f"{source.stem}: prose stored")


def code_of(cell):
    """What of a cell makes its outputs: all but the alt text. A picture has one, or has none."""
    others = {name: value for name, value in cell.metadata.items() if name != "alt"}
    return cell.source, others, "alt" in cell.metadata


def out_of_date(cell, exercises):
    """Tell whether a cell has stored a table of other exercises than there are."""
    if cell.cell_type != "code" or not TABLE.search(cell.source):
        return False
    told = re.search(r"of (\d+) exercises", "".join(map(output_text, cell.outputs)))
    return not told or int(told[1]) != sum(not e.hunted for e in exercises.values())


def renew(cell, setup):
    """Run a cell that needs nothing but the setup cell, and store its outputs."""
    alone = nbformat.v4.new_notebook(cells=[copy.deepcopy(setup), copy.deepcopy(cell)])
    execute(alone, CUDA_VISIBLE_DEVICES="")
    cell.outputs = [clean_output(o, cell.execution_count) for o in alone.cells[1].outputs]


def build_one(source, exercises, address):
    notebook = assemble(source, exercises, address)
    # On the CPU, as in the tests: what is stored must come out on every machine. The sliders bring
    # their stills, which readers who run the notebook do not see.
    execute(notebook, CUDA_VISIBLE_DEVICES="", COURSE_STILLS="1")
    clean(notebook, source.stem)
    if problems := flaws(notebook):
        raise CourseError("; ".join(problems))
    return notebook


def keep_pictures(notebook):
    """Write the picture of a cell tagged `picture:NAME` to files, a PNG and a GIF, for the README.

    The GIF is what moves, if it does; the PNG is its still.
    """
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("picture:"):
                for kind in ("png", "gif"):
                    for picture in pictures(cell, kind):
                        path = NOTEBOOKS / f"{tag.removeprefix('picture:')}.{kind}"
                        path.write_bytes(picture)


def check():
    """Print how the stored notebooks differ from their sources; return how many do."""
    exercises, wrong = load_checks().EXERCISES, 0
    for source in sources():
        problems = differences(source, exercises)
        wrong += bool(problems)
        verdict = "does not fit its source" if problems else "fits its source"
        print("\n  ".join([f"{source.stem}: {verdict}", *problems]))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not (SOURCES / f"{path.stem}.py").exists():
            wrong += 1
            print(f"{path.stem}: has no source")
    return wrong


def differences(source, exercises):
    """Return what a stored notebook has that its source would not give, as sentences."""
    try:
        stored = read(shipped(source.stem))
        # A fork has its own repository; the tag or branch must be the one in pyproject.toml.
        address = Address(stored_address(stored).repository, current_address().ref)
        fresh = assemble(source, exercises, address)
    except CourseError as error:
        return [str(error)]
    found = flaws(stored)
    if stored.metadata != fresh.metadata:
        found.append("the notebook's metadata differ")
    if len(stored.cells) != len(fresh.cells):
        found.append(f"{len(stored.cells)} cells, the source has {len(fresh.cells)}")
    for index, (old, new) in enumerate(zip(stored.cells, fresh.cells), start=1):
        if out_of_date(old, exercises):
            found.append(f"cell {index}: its table counts other exercises than there are: --prose")
        for part in ("cell_type", "source", "id", "metadata"):
            if old[part] != new[part]:
                found.append(f"cell {index}: {part} is {old[part]!r:.90}, not {new[part]!r:.90}")
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Make the notebooks of the course.")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="build these (default: all)")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--prose", action="store_true", help="take over prose, keep outputs")
    others.add_argument("--check", action="store_true", help="compare notebooks with sources")
    others.add_argument("--copies", type=Path, metavar="DIR", help="write copies for the tests")
    parser.add_argument("--share", type=float, default=0.01, help="how much the copies train")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            sys.exit(1 if check() else 0)
        elif options.prose:
            build_prose(options.numbers)
        elif options.copies:
            copies(options.copies, options.share)
        else:
            build(options.numbers)
    except CourseError as error:
        sys.exit(f"build.py: {error}")


if __name__ == "__main__":
    main()
