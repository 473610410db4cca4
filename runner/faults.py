"""What the engine raised, as a fault that a person or a model can act on.

Runs in the sandbox.  Decides by the class of the exception and by the structured error that the
connection is set to give (``errors_as_json``), never by words in a message.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import duckdb

from csvanalyst_ext.protocol import Fault

from .gate_text import locate

MAX_TEXT: Final = 1_500
MAX_LINES: Final = 12
_PATH: Final = re.compile(r"(?<![\w.:/])(?:/[\w.@+-]+){2,}/?")

# class -> status, code, hint.  The first that fits counts, so subclasses come first.
_CLASSES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("OutOfMemoryException", "memory", "sql_out_of_memory",
     "Aggregate or filter earlier, select fewer columns, or use LIMIT."),
    ("InterruptException", "cancelled", "sql_interrupted", ""),
    ("ParserException", "error", "sql_syntax", "Correct the syntax (DuckDB's SQL)."),
    ("SyntaxException", "error", "sql_syntax", "Correct the syntax (DuckDB's SQL)."),
    ("BinderException", "error", "sql_invalid", "Correct the query; DESCRIBE table shows columns and types."),
    ("CatalogException", "error", "sql_invalid", "SHOW TABLES and DESCRIBE table show what there is."),
    ("ConversionException", "error", "sql_conversion", "TRY_CAST(value AS type) gives NULL instead; or filter first."),
    ("OutOfRangeException", "error", "sql_out_of_range", "Cast to a wider type first, such as BIGINT or DOUBLE."),
    ("TypeMismatchException", "error", "sql_type", "Cast the values to the type that is wanted."),
    ("InvalidTypeException", "error", "sql_type", "Cast the values to the type that is wanted."),
    ("PermissionException", "refused", "sql_forbidden", "Only registered tables can be read, and nothing written."),
    ("TransactionException", "refused", "sql_forbidden", "Only registered tables can be read, and nothing written."),
    ("NotImplementedException", "error", "sql_not_supported", "Write it in another way."),
    ("InvalidInputException", "error", "sql_invalid_value", "Check the values and arguments; TRY(value) gives NULL."),
    ("IOException", "error", "sql_io", "Ask again; if it persists, register the data anew."),
    ("InternalException", "error", "sql_internal", "This is a fault of the engine; write the query in another way."),
    ("FatalException", "error", "sql_internal", "This is a fault of the engine; write the query in another way."),
)  # fmt: skip
_SUBTYPES: Final[Mapping[str, str]] = {
    "COLUMN_NOT_FOUND": "sql_unknown_column",
    "NO_MATCHING_FUNCTION": "sql_type",
}
_ENTRIES: Final[Mapping[str, str]] = {
    "Table": "sql_unknown_table",
    "Type": "sql_type",
    "Scalar Function": "sql_unknown_function",
    "Aggregate Function": "sql_unknown_function",
    "Table Function": "sql_unknown_function",
}


# The engine's names of its errors, for those that come through Arrow without their class.
_TYPES: Final[Mapping[str, str]] = {
    "Out of Memory": "OutOfMemoryException",
    "INTERRUPT": "InterruptException",
    "Conversion": "ConversionException",
    "Out of Range": "OutOfRangeException",
    "Mismatch Type": "TypeMismatchException",
    "Invalid type": "InvalidTypeException",
    "Permission": "PermissionException",
    "TransactionContext": "TransactionException",
    "Not implemented": "NotImplementedException",
    "Invalid Input": "InvalidInputException",
    "IO": "IOException",
    "INTERNAL": "InternalException",
    "FATAL": "FatalException",
}


def engine_fault(
    error: Exception, text: str = "", *, columns: Collection[str] = (), offset: int = 0
) -> tuple[str, Fault]:
    """The status and the fault of an engine error, which may have come through Arrow (``OSError``).

    ``text`` is the query, for line and column; ``offset`` the bytes that were put before it when it
    ran; ``columns`` the columns it could have named.
    """
    facts = facts_of(error)
    named = _TYPES.get(str(facts.get("exception_type", "")), "")
    status, code, hint = next(
        ((s, c, h) for name, s, c, h in _CLASSES if isinstance(error, getattr(duckdb, name)) or name == named),
        ("error", "sql_failed", "Write the query in another way."),
    )
    details: dict[str, Any] = {}
    place, length = _place(facts, offset)
    if place is not None and text:
        line, column = locate(text, place)
        details |= {"line": line, "column": column}
    name = str(facts.get("name", ""))
    if isinstance(error, duckdb.BinderException):
        code = _SUBTYPES.get(str(facts.get("error_subtype", "")), code)
        if code == "sql_invalid" and place is not None and columns:
            # `t.x` names its table; the engine gives no subtype for it.
            qualified = text.encode()[place : place + length].decode(errors="ignore").rpartition(".")
            name = qualified[2].strip().strip('"')
            known = {column.lower() for column in columns}
            if qualified[1] and qualified[0] and name.isidentifier() and name.lower() not in known:
                code = "sql_unknown_column"
    elif isinstance(error, duckdb.CatalogException):
        code = _ENTRIES.get(str(facts.get("type", "")), code)
    if code == "sql_unknown_column":
        hint = _column_hint(name, columns) or hint
    elif code == "sql_type":
        hint = "Cast the values to the type that is wanted: CAST(column AS type), or TRY_CAST to get NULL instead."
    if name:
        details["construct"] = name[:200]
    message = str(facts.get("exception_message", ""))
    if status == "memory":  # the engine's advice is to change its settings, which nobody can here
        message = f"The query needed more memory than there is: {message.partition(chr(10))[0]}"
    return status, Fault(code, tidy(message), hint, details)


def facts_of(error: BaseException) -> Mapping[str, Any]:
    """The fields of the structured error; only ``exception_message`` when it came as plain text."""
    _, brace, rest = str(error).partition("{")
    try:
        facts = json.loads(brace + rest)
        return facts if isinstance(facts, dict) else {}
    except ValueError:
        return {"exception_message": str(error)}


def tidy(message: str) -> str:
    """``message`` without paths, without long lists, and at most ``MAX_TEXT`` characters long."""
    lines = [line.strip() for line in _PATH.sub("(file)", message).splitlines() if line.strip()]
    shown = "; ".join(lines[:MAX_LINES]) + (" …" if len(lines) > MAX_LINES else "")
    return (shown[: MAX_TEXT - 1] + "…") if len(shown) > MAX_TEXT else shown or "The engine gave no reason."


def _place(facts: Mapping[str, Any], offset: int) -> tuple[int | None, int]:
    """Where in the query, in bytes, and how many bytes long."""
    try:
        start, length = json.loads(str(facts.get("location", "")))
        return (int(start) - offset, int(length)) if int(start) >= offset else (None, 0)
    except (ValueError, TypeError):
        return None, 0


def _column_hint(name: str, columns: Collection[str]) -> str:
    """Names close to ``name``, written as they must be, then all that there are."""
    if not columns:
        return ""
    plain = {_plain(column): column for column in columns}
    close = [plain[key] for key in difflib.get_close_matches(_plain(name), plain, n=3, cutoff=0.6)]
    others = [column for column in columns if column not in close]
    listed = ", ".join(quoted(column) for column in [*close, *others][:30]) + (", …" if len(columns) > 30 else "")
    return f"Did you mean {quoted(close[0])}? Columns: {listed}." if close else f"Columns: {listed}."


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
