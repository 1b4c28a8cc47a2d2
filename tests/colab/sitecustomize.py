"""What Colab has done before the first cell: its own package is imported."""

import google.colab  # noqa: F401
