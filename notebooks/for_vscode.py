"""Write notebooks for VS Code, in which solution cells fetch their code: course.py vscode

VS Code has no metadata for a closed cell: it shows form cells open, and every solution with them.
The notebooks go into the folder vscode/ of the course; what is there already stays as it is.
"""

from course_files import NOTEBOOKS, ROOT, read, write

FOLDER = ROOT / "vscode"


def fetched(notebook):
    """Leave of each solution cell its magic and its title."""
    for cell in notebook.cells:
        if cell.source.startswith("%%solution "):
            cell.source = "\n".join(cell.source.split("\n")[:2])
            cell.outputs, cell.execution_count = [], None
    return notebook


def main():
    FOLDER.mkdir(exist_ok=True)
    new = [p for p in sorted(NOTEBOOKS.glob("*.ipynb")) if not (FOLDER / p.name).exists()]
    for path in new:
        write(fetched(read(path)), FOLDER / path.name)
    print(
        f"Open {FOLDER} in VS Code: {len(new)} notebooks are new; choose .venv-readers as kernel."
    )


if __name__ == "__main__":
    main()
