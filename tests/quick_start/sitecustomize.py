"""Leave out, in the tests, a grammar of addresses: whoever imports nbformat builds it.

That takes over a second in every process that reads a notebook, and no format here is an address.
"""

import sys

sys.modules["rfc3987_syntax"] = None  # importing it is an ImportError, with which jsonschema copes
