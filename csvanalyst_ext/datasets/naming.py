"""Names of tables: made from file names, or given by a person and checked.

Runs on the host; pure.  A table's name can be written in SQL without quotes, is not a word that
SQL reserves, and differs from every other by more than case, because DuckDB's names ignore case.
``r1``, ``r2`` … belong to results.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from ..errors import UsageError

MAX_NAME: Final = 63
FALLBACK: Final = "data"

# DuckDB's words of the categories `reserved` and `type_function`: none can name a table unquoted.
_WORDS: Final = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
    collate collation column columns concurrently constraint create cross default deferrable desc describe distinct
    do else end except false fetch for foreign freeze from full generated glob group having ilike in initially inner
    intersect into is isnull join lambda lateral leading left like limit map natural not notnull null offset on only
    or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning
    right select semi show similar some struct summarize symmetric table tablesample then to trailing true try_cast
    tuple union unique unpack unpivot using variadic verbose when where window with
"""
RESERVED: Final = frozenset(_WORDS.split())
_RESULT: Final = re.compile(r"r[0-9]+\Z")
_CATALOGUE: Final = re.compile(r"(?:duckdb|pg|pragma|sqlite)_|information_schema\Z")


def fold(name: str) -> str:
    """The form in which two names are the same."""
    return name.casefold()


def table_name(stem: str, taken: Iterable[str] = ()) -> str:
    """A table name for a file stem or variable, different from all ``taken``: ``"Sales 2024"`` -> ``sales_2024``."""
    text = unicodedata.normalize("NFKC", stem).lower()
    kept = "".join(char if _is_word(char) else "_" for char in text)
    name = re.sub(r"_+", "_", kept).strip("_")[: MAX_NAME - 8].rstrip("_") or FALLBACK
    if not name.isidentifier() or _CATALOGUE.match(name):
        name = f"t_{name}"
    if _is_reserved(name):
        name = f"{name}_data"
    return _distinct(name, {fold(other) for other in taken})


def table_names(stems: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """A name for each stem, all different from each other and from ``taken``."""
    used = list(taken)
    names = []
    for stem in stems:
        names.append(table_name(stem, used))
        used.append(names[-1])
    return tuple(names)


def check_name(name: str, taken: Collection[str] = ()) -> str:
    """``name`` as a person gave it (``--as``), when it can name a table.

    Raises ``UsageError``: ``bad_name``, ``reserved_name`` or ``name_taken``.
    """
    usable = name.isidentifier() and len(name) <= MAX_NAME and unicodedata.normalize("NFKC", name) == name
    if not usable:
        shown = name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
        raise UsageError(
            "bad_name",
            f"A table cannot be named {shown!r}: a name holds letters, digits and underscores, begins with a letter"
            f" and is at most {MAX_NAME} characters long.",
            f"Try {table_name(name)!r}.",
        )
    if _is_reserved(fold(name)):
        why = "names a result" if _RESULT.match(fold(name)) else "is a word that SQL keeps for itself"
        raise UsageError("reserved_name", f"A table cannot be named {name!r}: it {why}.", f"Try {table_name(name)!r}.")
    if fold(name) in {fold(other) for other in taken}:
        raise UsageError(
            "name_taken",
            f"There is already a table named {name!r} (names ignore case).",
            f"Choose another name, for example {table_name(name, taken)!r}.",
        )
    return name


def _is_word(char: str) -> bool:
    return f"a{char}".isidentifier()


def _is_reserved(name: str) -> bool:
    return name in RESERVED or bool(_RESULT.match(name)) or bool(_CATALOGUE.match(name))


def _distinct(name: str, used: set[str]) -> str:
    candidate, number = name, 1
    while fold(candidate) in used:
        number += 1
        candidate = f"{name}_{number}"
    return candidate
