"""What Python printed, as a table: one row for each line, its first words and its numbers.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from typing import Final

from .reading import masked, numbers
from .results import Result

MAX_LINES: Final = 400
MAX_NUMBERS: Final = 8


def table_of(result: Result) -> Result | None:
    """``result``'s printed text as a result of its own; ``None`` when it printed no number."""
    import pyarrow as pa

    lines = [line for line in result.printed[:20_000].splitlines() if line.strip()][:MAX_LINES]
    names: list[str | None] = []
    cells: list[list[float | None]] = []
    for line in lines:
        tokens = [t for t in numbers(masked(line), []) if t.form != "count"][:MAX_NUMBERS]
        if not tokens:
            continue
        head = re.sub(r"^\s*\d+\s+(?=\D)", "", line[: tokens[0].start])
        names.append(head.strip(" :=\t-*|") or None)
        cells.append([t.value * (t.sign or 1) for t in tokens])
    if not cells:
        return None
    width = max(len(row) for row in cells)
    columns = {"line": pa.array(names, pa.string())}
    for place in range(width):
        columns[f"{place + 1}"] = pa.array([row[place] if place < len(row) else None for row in cells], pa.float64())
    return Result(f"{result.name} (printed)", pa.table(columns))
