"""A stand-in for Colab's own package, for the rehearsal: only what the course uses of it."""

from google.colab import drive  # noqa: F401
