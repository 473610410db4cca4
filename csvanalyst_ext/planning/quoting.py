"""Names and values inside SQL.  Pure.

Everything that comes from data or from a person goes into a statement through these two functions, and
through nothing else: no name and no value can change the statement's shape.
"""

from __future__ import annotations

import datetime as dt

from .plan import Scalar


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: Scalar) -> str:
    """Raises ``ValueError`` for a number that is not finite: it has no literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return f"{'TIMESTAMPTZ' if value.tzinfo else 'TIMESTAMP'} '{value.isoformat(' ')}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("A number that is not finite has no literal.")
    return repr(value)
