"""What a check says: one mark for each number, date and ranked name of an answer's prose.

Runs on the host; pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["found", "derived", "given", "not found"]
Kind = Literal["number", "percent", "date", "name"]


@dataclass(frozen=True, slots=True)
class Where:
    """A cell: the result's name, the row counted from 1 (``None`` for a fact about the whole result), the column."""

    result: str
    row: int | None = None
    column: str = ""

    def __str__(self) -> str:
        parts = [self.result]
        if self.row is not None:
            parts.append(f"row {self.row:,}")
        if self.column:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class CheckedNumber:
    """One number, percentage, date or ranked name of the prose.

    ``span`` are the offsets of ``text`` in the prose.  ``found`` stands in a result, at ``where``;
    ``derived`` was computed from a result, as ``how`` says; ``given`` only repeats the question or a
    condition of the query; ``not found`` could not be confirmed.
    """

    text: str
    span: tuple[int, int]
    kind: Kind
    status: Status
    where: Where | None = None
    how: str = ""

    def explain(self) -> str:
        """The mark in words, for a tooltip or a screen reader."""
        if self.status == "not found":
            return f"not found in the results{': ' + self.how if self.how else ''}"
        if self.status == "given":
            return f"repeats {self.how}"
        place = "" if self.where is None else f" in {self.where}"
        return f"{self.status}{place}{': ' + self.how if self.how else ''}"

    def to_json(self) -> dict[str, Any]:
        where = self.where
        return {
            "text": self.text,
            "start": self.span[0],
            "end": self.span[1],
            "kind": self.kind,
            "status": self.status,
            "result": where.result if where else None,
            "row": where.row if where else None,
            "column": where.column if where else None,
            "how": self.how,
        }
