"""The table of the faults: what happened, what the person saw, what the next question said, what was left."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

SCORE = pytest.StashKey["Score"]()


@dataclass
class Line:
    fault: str
    seen: str = "?"
    following: str = "?"
    left: str = "?"
    survived: bool = False


@dataclass
class Score:
    lines: list[Line] = field(default_factory=list)

    def begin(self, fault: str) -> Line:
        """A line that counts as not survived until it says otherwise."""
        self.lines.append(line := Line(fault))
        return line

    def table(self) -> list[str]:
        rows = [("fault", "what the person sees", "next question", "left behind")]
        rows += [(line.fault, line.seen, line.following, line.left) for line in self.lines]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

    def last_line(self) -> str:
        return f"faults {sum(line.survived for line in self.lines)}/{len(self.lines)}"
