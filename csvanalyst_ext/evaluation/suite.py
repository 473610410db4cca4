"""Suites of questions: TOML files with questions, the tables they are about, and the rows that answer them.

Runs on the host; reads the suite file only.  The data files are added by a session like any others.

    version = 1

    [[question]]
    id = "penguins-01"                   # unique
    kind = "group"                       # by which results are counted
    data = "shipped"                     # shipped data, or the directory data/NAME beside the suite file
    tables = ["penguins"]                # those that are in sight
    ask = ["by species?", "and island?"] # one question, or a conversation; the last answer is judged
    ordered = true                       # the order of the rows was asked for; left out when not
    core = true                          # belongs to the short suite; left out when not

    [[question.gold]]                    # several: any of them is right; none: right is to ask, or to say so
    sql = "SELECT …"                     # DuckDB; how the rows were found, never run by this package
    rows = [["Adelie", 152]]             # a missing value is "NULL", a date or time ISO 8601 text
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..datasets import shipped
from ..errors import UsageError

SHIPPED: Final = "shipped"
CORE: Final = "core"
FILE: Final = "suite.toml"
_NULL: Final = "NULL"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Gold:
    """A right answer: ``rows`` of plain JSON values; ``sql`` says how they were found."""

    sql: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a suite, or a conversation of which the last answer is judged.

    Without ``golds`` the right thing is to ask back or to say that the data cannot answer.  ``data`` is
    ``None`` for shipped tables, else the directory that holds ``TABLE.csv`` for each table.
    """

    id: str
    kind: str
    data: Path | None
    tables: tuple[str, ...]
    ask: tuple[str, ...]
    golds: tuple[Gold, ...]
    ordered: bool = False
    core: bool = False

    def sources(self) -> tuple[str, ...]:
        """What a session adds, in order."""
        return self.tables if self.data is None else tuple(str(self.data / f"{name}.csv") for name in self.tables)


def load(name: str) -> tuple[Item, ...]:
    """The suite ``shipped``, its short part ``core``, or a file of one's own.

    Raises ``UsageError`` (``no_suite``, ``bad_suite``).
    """
    if name not in (SHIPPED, CORE):
        return read(Path(name))
    place = shipped.directory()
    if place is None or not (place / FILE).is_file():
        raise UsageError("no_suite", "This installation has no shipped suite.", "Install the package again.")
    return tuple(item for item in read(place / FILE) if name == SHIPPED or item.core)


def read(path: Path) -> tuple[Item, ...]:
    """The questions of one file.  Raises ``UsageError`` (``no_suite``, ``bad_suite``)."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        hint = f"There are {SHIPPED} and {CORE}; anything else is the path of a TOML file."
        raise UsageError("no_suite", f"The suite {str(path)!r} cannot be read: {error.strerror}.", hint) from error
    except ValueError as error:
        raise UsageError("bad_suite", f"The suite {str(path)!r} is not TOML: {error}.", _HELP) from error
    try:
        if raw["version"] != 1:
            raise ValueError(f"version {raw['version']!r} is not known")
        items = tuple(_item(entry, path.parent) for entry in raw["question"])
        ids = [item.id for item in items]
        if len(set(ids)) < len(ids):
            raise ValueError("two questions have the same id")
    except (KeyError, TypeError, ValueError) as error:
        message = f"The suite {str(path)!r} cannot be understood ({type(error).__name__}: {error})."
        raise UsageError("bad_suite", message, _HELP) from error
    return items


_HELP: Final = "The form is in docs/reference/eval.md."


def _item(raw: Mapping[str, Any], place: Path) -> Item:
    data, tables, ask = raw["data"], raw["tables"], raw["ask"]
    if not all(isinstance(word, str) for word in (raw["id"], raw["kind"], data, *tables, *ask)):
        raise TypeError(f"{raw['id']!r}: id, kind, data, tables and ask are text")
    if not tables or not ask or isinstance(tables, str) or isinstance(ask, str):
        raise ValueError(f"{raw['id']}: tables and ask are lists that are not empty")
    if any(Path(word).name != word for word in (data, *tables)):
        raise ValueError(f"{raw['id']}: data and tables are bare names")
    return Item(
        id=raw["id"],
        kind=raw["kind"],
        data=None if data == SHIPPED else place / "data" / data,
        tables=tuple(tables),
        ask=tuple(ask),
        golds=tuple(Gold(str(gold["sql"]), _rows(gold["rows"])) for gold in raw.get("gold", ())),
        ordered=bool(raw.get("ordered", False)),
        core=bool(raw.get("core", False)),
    )


def _rows(raw: Sequence[Sequence[Any]]) -> tuple[Row, ...]:
    rows = tuple(tuple(None if value == _NULL else value for value in row) for row in raw)
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
        raise ValueError("the rows of a gold answer are equally long and at least one")
    return rows


def narrowed(items: Sequence[Item], limit: int | None) -> tuple[Item, ...]:
    """At most ``limit`` questions, taken from each kind in turn, in the order of the suite."""
    if limit is None or limit >= len(items):
        return tuple(items)
    turns: dict[str, int] = {}
    ranked = []
    for place, item in enumerate(items):
        turns[item.kind] = turns.get(item.kind, 0) + 1
        ranked.append((turns[item.kind], place))
    chosen = {place for _, place in sorted(ranked)[:limit]}
    return tuple(item for place, item in enumerate(items) if place in chosen)
