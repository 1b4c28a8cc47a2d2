"""How long a reader waits: from running the setup cell to the first result of each notebook.

    PYTHONPATH=. python benchmarks/first_result.py

The kernel is running by then, as on Colab; torch is imported within the time.
"""

import subprocess
import sys
import time
from pathlib import Path

from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

from course_files import NOTEBOOKS, read, shipped, sources  # noqa: E402

IMPORT = """
import sys, time
begun = time.perf_counter()
import course_utils
print(f"{1000 * (time.perf_counter() - begun):.1f} ms; torch imported: {'torch' in sys.modules}")
"""


def seconds_to_first_result(name):
    """Run the cells of a notebook until one, other than the setup cell, shows something."""
    notebook = read(shipped(name))
    client = NotebookClient(notebook, resources={"metadata": {"path": str(NOTEBOOKS)}})
    with client.setup_kernel():
        begun = time.perf_counter()
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            if cell.get("outputs") and "#@title Set up" not in cell.source:
                return time.perf_counter() - begun


def main():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True)
    print("import course_utils:", done.stdout.strip())
    for source in sources():
        print(f"{source.stem:24} {seconds_to_first_result(source.stem):5.1f} s", flush=True)


if __name__ == "__main__":
    main()
