"""What the sandbox says about a file it ingested, checked before anything is kept.

Runs on the host; pure.  The runner has read a hostile file and counts as hostile itself: every field
is checked for type, range and length, and what does not fit is ``RunnerMisbehaved``.

A report is a JSON object::

    rows      int
    columns   list of objects: name, type, nulls, distinct, minimum, maximum, values, all_values, words,
              null_words (pairs of a text and how many cells hold it)
    notes     list of sentences, optional
    repairs   list of objects with a ``message``, a sentence, optional; they come first among the notes
    dialect   small object of scalars, optional: delimiter, quote, encoding, header …
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Never

from ..errors import RunnerMisbehaved
from ..protocol import MAX_NAME
from .model import ColumnProfile, Dataset
from .nulls import TEXT_FORMATS, offers

MAX_COLUMNS: Final = 4096
MAX_TEXT: Final = 200
MAX_VALUES: Final = 50
MAX_WORDS: Final = 50
MAX_NULL_WORDS: Final = 100
MAX_NOTES: Final = 256
MAX_NOTE: Final = 2000
MAX_TYPE: Final = 4096
MAX_DIALECT: Final = 32
MAX_COUNT: Final = 2**63

# DuckDB's names ignore the case of ASCII letters only: "ß" and "SS" are two columns to it.
_ASCII_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_REPORT: Final = frozenset({"rows", "columns", "notes", "repairs", "dialect"})
_COLUMN: Final = frozenset(ColumnProfile.__dataclass_fields__)


def dataset_from_report(
    name: str, source: str, format: str, fingerprint: str, file: str, size: int, report: Mapping[str, Any]
) -> Dataset:
    """The data set that an ingest made.

    ``file`` is its bare file name in the tables directory, ``size`` the source's bytes.
    Raises ``RunnerMisbehaved`` (``bad_report``).
    """
    rows, columns, notes, dialect = _parts(report)
    if format in TEXT_FORMATS:
        notes += offers(columns)
    return Dataset(name, source, format, fingerprint, file, rows, size, columns, notes, dialect)


def checked_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """The same report with nothing in it but what was checked, as plain JSON values.

    Raises ``RunnerMisbehaved`` (``bad_report``).
    """
    rows, columns, notes, dialect = _parts(report)
    fields = sorted(_COLUMN)
    return {
        "rows": rows,
        "columns": [{field: _plain(getattr(column, field)) for field in fields} for column in columns],
        "notes": list(notes),
        "dialect": dialect,
    }


def _parts(report: Any) -> tuple[int, tuple[ColumnProfile, ...], tuple[str, ...], dict[str, Any]]:
    if not isinstance(report, Mapping):
        _refuse("is not an object")
    extra = set(report) - _REPORT
    if extra:
        _refuse(f"has an unknown field {str(min(extra, key=str))[:40]!r}")
    rows = _count(report.get("rows"), "rows")
    raw = _list(report.get("columns"), "columns", MAX_COLUMNS)
    if not raw:
        _refuse("names no columns")
    columns = tuple(_column(item, rows) for item in raw)
    names = {column.name.translate(_ASCII_LOWER) for column in columns}
    if len(names) != len(columns):
        _refuse("names a column twice")
    repairs = tuple(_repair(item) for item in _list(report.get("repairs", []), "repairs", MAX_NOTES))
    notes = tuple(_text(note, "notes", MAX_NOTE) for note in _list(report.get("notes", []), "notes", MAX_NOTES))
    notes = tuple(dict.fromkeys((*repairs, *notes)))[:MAX_NOTES]
    return rows, columns, notes, _dialect(report.get("dialect", {}))


def _column(raw: Any, rows: int) -> ColumnProfile:
    if not isinstance(raw, Mapping) or not {"name", "type"} <= set(raw) <= _COLUMN:
        _refuse("describes a column in an unknown way")
    name = _text(raw["name"], "name", MAX_NAME)
    if not name:
        _refuse("has a column without a name")
    nulls, distinct = _count(raw.get("nulls", 0), "nulls"), _count(raw.get("distinct", 0), "distinct")
    if nulls > rows:
        _refuse(f"counts more missing values than rows in {name!r}")
    all_values = raw.get("all_values", False)
    if not isinstance(all_values, bool):
        _refuse("has a wrong 'all_values'")
    return ColumnProfile(
        name=name,
        type=_text(raw["type"], "type", MAX_TYPE),
        nulls=nulls,
        distinct=distinct,
        minimum=_optional(raw.get("minimum"), "minimum"),
        maximum=_optional(raw.get("maximum"), "maximum"),
        values=_texts(raw.get("values", []), "values", MAX_VALUES),
        all_values=all_values,
        words=_texts(raw.get("words", []), "words", MAX_WORDS),
        null_words=_counted(raw.get("null_words", [])),
    )


def _repair(raw: Any) -> str:
    if not isinstance(raw, Mapping):
        _refuse("describes a repair in an unknown way")
    return _text(raw.get("message"), "repairs", MAX_NOTE)


def _dialect(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping) or len(raw) > MAX_DIALECT:
        _refuse("has a wrong 'dialect'")
    dialect: dict[str, Any] = {}
    for key, value in raw.items():
        if isinstance(value, bool) or value is None:
            dialect[_text(key, "dialect", MAX_TEXT)] = value
        elif isinstance(value, int):
            dialect[_text(key, "dialect", MAX_TEXT)] = _count(value, "dialect")
        else:
            dialect[_text(key, "dialect", MAX_TEXT)] = _text(value, "dialect", MAX_TEXT)
    return dialect


def _counted(value: Any) -> tuple[tuple[str, int], ...]:
    pairs = [_list(pair, "null_words", 2) for pair in _list(value, "null_words", MAX_NULL_WORDS)]
    if not all(len(pair) == 2 for pair in pairs):
        _refuse("has a wrong 'null_words'")
    return tuple((_text(text, "null_words", MAX_TEXT), _count(count, "null_words")) for text, count in pairs)


def _texts(value: Any, field: str, most: int) -> tuple[str, ...]:
    return tuple(_text(item, field, MAX_TEXT) for item in _list(value, field, most))


def _optional(value: Any, field: str) -> str | None:
    return None if value is None else _text(value, field, MAX_TEXT)


def _text(value: Any, field: str, most: int) -> str:
    if not isinstance(value, str):
        _refuse(f"has a {field!r} that is not text")
    if len(value) > most:
        _refuse(f"has a {field!r} of more than {most} characters")
    if any("\ud800" <= char <= "\udfff" for char in value):
        _refuse(f"has a {field!r} that is not valid Unicode")
    return value


def _count(value: Any, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_COUNT:
        _refuse(f"has a wrong {field!r}")
    return value


def _list(value: Any, field: str, most: int) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > most:
        _refuse(f"has a wrong {field!r}")
    return list(value)


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _refuse(what: str) -> Never:
    raise RunnerMisbehaved(
        "bad_report",
        f"The sandbox described the data in a way that is refused: its report {what}.",
        "Add the data again; if it happens again, please report it.",
    )
