"""What nbval compares. It stands here, not in tests/, so that it holds for notebooks/ too."""


def pytest_collectstart(collector):
    """Leave out warnings, and HTML, which says in colour what the compared text says."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "text/html")
