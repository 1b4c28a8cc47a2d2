"""What holds for all tests: how they are shared out, compared and told."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep the tests of a file on one worker, and all solved notebooks: they share my_unet.py.

    The browser's are kept together for each kind of widgets: they share a JupyterLab.
    """
    for item in items:
        group = item.path.parent if item.path.parent.name == "solved" else item.path
        widgets = item.callspec.params.get("widgets", "") if hasattr(item, "callspec") else ""
        item.add_marker(pytest.mark.xdist_group(f"{group} {widgets}"))
        if hasattr(item, "output_timeout"):  # nbval's, for what a cell that has ended still sends
            item.output_timeout = 60


def pytest_configure(config):
    config.pluginmanager.register(Everywhere())


class Everywhere:
    """What holds for the notebooks of the rehearsal too, which lie outside of this folder."""

    def pytest_collectstart(self, collector):
        """Let nbval leave out warnings, and HTML, which says in colour what the text says."""
        if hasattr(collector, "skip_compare"):
            collector.skip_compare += ("stderr", "text/html")


def pytest_terminal_summary(terminalreporter):
    """Print the rows that tests have recorded as theirs in a table."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for table in ("mutants", "shape errors"):
        rows = [row for r in reports for name, row in r.user_properties if name == table]
        if rows:
            terminalreporter.section(table)
        for row in sorted(rows, key=lambda row: [int(n) for n in row.split()[0].split(".")]):
            terminalreporter.write_line(row)
