"""What holds for all tests: how they are shared out, compared and told."""

from collections import Counter

import pytest

# What takes longest begins first, in this order, so that all workers end together.
LONGEST = (
    *("solved", "test_browser.py", "test_believed_gpu.py", "test_rehearsal.py"),
    *("checks", ".ipynb"),
)
# What is on one worker because it takes long to make: my_unet.py in the solved notebooks, what is
# seen of all known mistakes in the tests of checks, a trained classifier in these files.
TOGETHER = ("solved", "checks")
JUDGED = (
    *("test_classifier.py", "test_quality.py", "test_keeping.py", "test_scores.py"),
    "test_shape_lines.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep the tests of a file on one worker, and those of several that share something.

    The browser's are kept together for each kind of widgets: they share a JupyterLab. The parts
    of the notebooks on a believed GPU go to all workers.
    """
    for item in items:
        group = item.path.parent if item.path.parent.name in TOGETHER else item.path
        group = "judged" if item.path.name in JUDGED else group
        given = item.callspec.params if hasattr(item, "callspec") else {}
        apart = given.get("widgets") or given.get("part", "")
        item.add_marker(pytest.mark.xdist_group(f"{group} {apart}"))
        if hasattr(item, "output_timeout"):  # nbval's, for what a cell that has ended still sends
            item.output_timeout = 60
    items.sort(key=lambda item: place(item.path))


def place(path):
    """Say how early the tests of a file begin: 0 is first. All that are quick come last."""
    names = path.parent.name, path.name, path.suffix
    return next((i for i, name in enumerate(LONGEST) if name in names), len(LONGEST))


def pytest_configure(config):
    config.pluginmanager.register(Everywhere())


class Everywhere:
    """What holds for the notebooks of the rehearsal too, which lie outside of this folder."""

    def pytest_collectstart(self, collector):
        """Let nbval leave out warnings, and HTML, which says in colour what the text says."""
        if hasattr(collector, "skip_compare"):
            collector.skip_compare += ("stderr", "text/html")


def pytest_terminal_summary(terminalreporter):
    """Print the rows that tests have recorded as theirs in a table, and where the time went."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for table in ("mutants", "shape errors", "reported networks"):
        rows = [row for r in reports for name, row in r.user_properties if name == table]
        if rows:
            terminalreporter.section(table)
        for row in sorted(rows, key=in_order):
            terminalreporter.write_line(row)
    terminalreporter.section("where the time went")
    seconds = Counter()
    for stats in terminalreporter.stats.values():
        for report in stats:
            if hasattr(report, "duration"):
                seconds[part_of(report.nodeid)] += report.duration
    for part, spent in seconds.most_common(20):
        terminalreporter.write_line(f"{spent:7.0f} s  {part}")
    terminalreporter.write_line(f"{seconds.total():7.0f} s  in all, of all workers together")


def in_order(row):
    """By the number of an exercise, 6.3 before 6.12, or by name."""
    first = row.split()[0]
    return [int(part) if part.isdigit() else part for part in first.split(".")]


def part_of(nodeid):
    """The part of the tests that a test belongs to: notebooks as stored or as solved, or a file."""
    path = nodeid.partition("::")[0]
    if path.endswith(".ipynb"):  # a stored one lies in a folder of its own
        return f"notebooks, {'stored' if '/' in path else 'solved'}"
    return path
