"""The table that is printed after the attacks: what was tried, which layer had to hold it, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

SCORE = pytest.StashKey["Score"]()


@dataclass
class Line:
    number: str
    name: str
    layers: str
    outcome: str = "NOT CONTAINED"
    contained: bool = False


@dataclass
class Score:
    lines: list[Line] = field(default_factory=list)

    def begin(self, number: object, name: str, *layers: str) -> Line:
        """A line that counts as not contained until ``hold`` was called for it."""
        line = Line(str(number), name, " + ".join(layers))
        self.lines.append(line)
        return line

    @staticmethod
    def hold(line: Line, outcome: str, layer: str = "") -> None:
        line.contained = True
        line.outcome = outcome
        line.layers = layer or line.layers

    def table(self) -> list[str]:
        ordered = sorted(self.lines, key=lambda line: (int(line.number.rstrip("*")), line.name))
        rows = [("case", "name", "contained by", "outcome")]
        rows += [(line.number, line.name, line.layers, line.outcome) for line in ordered]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        shown = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows
        ]
        return [*shown, f"contained {sum(line.contained for line in self.lines)}/{len(self.lines)}"]
