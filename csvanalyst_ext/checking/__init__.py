"""Checked numbers: what of an answer's prose stands in its results.  Pure; docs/reference/checked-numbers.md.

Runs on the host, on validated results.  It runs nothing and asks no model.
"""

from .marks import CheckedNumber, Where
from .results import Result
from .verify import check

__all__ = ["CheckedNumber", "Result", "Where", "check"]
