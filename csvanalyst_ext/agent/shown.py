"""The head of a result as text for a model: in full, as a sample, without small groups, as an outline.

Runs on the host; pure.  Holds plain values and not the table: replies outlive their results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..datasets.policy import SMALLEST_GROUP
from ..llm.datablock import compose
from ..rendering import values
from ..rendering.text import visible

if TYPE_CHECKING:
    from ..execution.base import Outcome

MAX_REPLY: Final = 8 * 1024
"""Bytes of one reply."""
MAX_ROWS: Final = 20
MAX_TEXT: Final = 200
"""Characters of one cell or name."""
MOST_COLUMNS: Final = MAX_REPLY // 40  # more cannot have room, however short they are
_MAX_STDOUT: Final = 2000
MEASURED: Final = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|DATE|TIME\w*|INTERVAL"
    r"|TIME(STAMP)? WITH TIME ZONE"
)
"""Types of numbers and times, as the engine names them."""
_TYPE_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ]{0,30}|")

ROWS_WITHHELD: Final = (
    "The rows are shown to the person, not to you: the data policy allows you only aggregates over groups of "
    f"at least {SMALLEST_GROUP} rows (count, sum, avg, median, min and max of numbers and dates …). Ask for such "
    "an aggregate, or answer by saying that the table shows it."
)
_RESULT_WITHHELD: Final = (
    "The result is shown to the person, not to you: the data policy allows you only names and types. "
    "Answer by saying that the table shows it."
)
_SMALL_WITHHELD: Final = (
    f"Groups of fewer than {SMALLEST_GROUP} rows, and cells of text that stand for single rows, are shown to the "
    "person, not to you."
)
_SAMPLE_WITHHELD: Final = "Of this data you may see a small sample of rows only; the person sees all of them."


def clean(text: str, most: int = MAX_TEXT) -> str:
    """``text`` on one line, without control characters, cut at ``most`` characters."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def clean_lines(text: str, most: int) -> str:
    shown = visible(text[: most + 1], lines=True)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def type_word(name: str) -> str:
    """A type's name without what an ENUM or a STRUCT lists, which may be taken from cells."""
    found = None if MEASURED.fullmatch(name) else _TYPE_WORD.match(name)
    return clean(name if found is None else found[0].strip())


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a result can be told.  ``columns`` are names and types; ``named`` says that the names come from
    the query and from schemas, and not from cells."""

    head: Mapping[str, Any]
    columns: tuple[tuple[str, str], ...]
    width: int
    rows: tuple[list[Any], ...]
    row_count: int
    data: Mapping[str, Any]
    has_table: bool
    named: bool

    @classmethod
    def of(cls, outcome: Outcome) -> Shown:
        head: dict[str, Any] = {"status": outcome.status}
        if outcome.name:
            head["result"] = outcome.name
        data: dict[str, Any] = {}
        if outcome.stdout:
            data["stdout"] = clean_lines(outcome.stdout, _MAX_STDOUT)
        if outcome.artefacts:
            data["figures"] = [clean(artefact.name) for artefact in outcome.artefacts[:10]]
        named = outcome.language == "sql" and not outcome.names_of_cells
        if outcome.table is None:
            return cls(head, (), 0, (), 0, data, False, named)
        few = outcome.table.slice(0, MAX_ROWS).select(list(range(min(outcome.table.num_columns, MOST_COLUMNS))))
        rows = tuple([_cell(value) for value in row] for row in values.json_rows(few))
        head |= {"row_count": outcome.row_count, "truncated": bool(outcome.truncated), "rows_shown": len(rows)}
        if outcome.truncated and outcome.total_rows is not None:
            head["total_rows"] = outcome.total_rows
        columns = tuple((c.name, c.type) for c in outcome.columns[:MOST_COLUMNS])
        return cls(head, columns, len(outcome.columns), rows, outcome.row_count, data, True, named)

    def reply(self) -> str:
        """All of it, as far as there is room."""
        if not self.has_table:
            return compose(self.head, self.data or None)
        columns = [{"name": clean(name), "type": clean(kind)} for name, kind in self.columns]
        return self._fitting(dict(self.head), columns, list(self.rows), dict(self.data))

    def sample(self, most: int) -> str:
        """At most ``most`` rows, and nothing of what was printed."""
        if not self.has_table:
            return compose(self._outline_head(counts=True))
        head = {**self.head, "withheld": _SAMPLE_WITHHELD}
        columns = [
            {"name": clean(name), "type": clean(kind)} if self.named else {"type": type_word(kind)}
            for name, kind in self.columns
        ]
        return self._fitting(head, columns, list(self.rows[:most]), {})

    def large_groups(self, head: Mapping[str, Any], row_count: int) -> str:
        """This result, of the same query without small groups, in place of one of ``row_count`` rows and ``head``."""
        kept = {**self.head, **{key: value for key, value in head.items() if key == "result"}}
        if self.row_count < row_count:
            kept["withheld"] = _SMALL_WITHHELD
        columns = [{"name": clean(name), "type": type_word(kind)} for name, kind in self.columns]
        return self._fitting(kept, columns, list(self.rows), {})

    def outline(self, *, counts: bool) -> str:
        """No rows: the columns and their types and, with ``counts``, the number of rows."""
        head = self._outline_head(counts=counts)
        if not self.has_table:
            return compose(head)
        columns = [
            {"name": clean(name), "type": type_word(kind)} if self.named else {"type": type_word(kind)}
            for name, kind in self.columns
        ]
        return self._fitting(head, columns, [], {})

    def _outline_head(self, *, counts: bool) -> dict[str, Any]:
        head = {key: value for key, value in self.head.items() if key in ("status", "result")}
        if counts and self.has_table:
            few = 0 < self.row_count < SMALLEST_GROUP
            head["row_count"] = f"fewer than {SMALLEST_GROUP}" if few else self.row_count
        if counts and "figures" in self.data:
            head["figures"] = len(self.data["figures"])
        return {**head, "withheld": ROWS_WITHHELD if counts else _RESULT_WITHHELD}

    def _fitting(
        self, head: dict[str, Any], columns: list[dict[str, str]], rows: list[Any], data: dict[str, Any]
    ) -> str:
        outline = not rows and "rows_shown" not in head
        while True:
            if not outline:
                head["rows_shown"] = len(rows)
            if len(columns) < self.width:
                head["columns_shown"] = len(columns)
            shown = {"columns": columns, **data} if outline else {"columns": columns, "rows": rows, **data}
            reply = compose(head, shown)
            if len(reply.encode()) <= MAX_REPLY:
                return reply
            # What does not fit is halved: rows first, then columns, then what was printed.
            if len(rows) > 3:
                rows = rows[: len(rows) // 2]
            elif len(columns) > 4:
                columns = columns[: len(columns) // 2]
                rows = [row[: len(columns)] for row in rows]
            elif rows:
                rows = rows[: len(rows) // 2]
            elif len(data.get("stdout", "")) > 1:
                data["stdout"] = data["stdout"][: len(data["stdout"]) // 2]
            else:
                return compose(head)


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
