"""What Colab has done before the first cell: its package is imported; another may be missing."""

import os
import sys

import google.colab  # noqa: F401

if lacks := os.environ.get("REHEARSAL_LACKS"):
    sys.modules[lacks] = None  # so that importing it is an ImportError
