"""The table and ``docs/evidence/bench.json``, with the aims beside the numbers."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from . import cases, memory, moments
from .measuring import Row
from .ways import IN_PROCESS, THREADS

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "bench.json"
INGEST = "ingest of a CSV"
MS = 0.001


@dataclass(frozen=True)
class Aim:
    """At most ``times`` the median in process ``plus`` so much (seconds, or the row's unit).  ``p95`` is what the
    95th percentile may be above that in process."""

    text: str
    times: float = 0.0
    plus: float = 0.0
    p95: float | None = None

    def met(self, row: Row, base: Row | None) -> bool | None:
        """``None`` where there is nothing to compare with."""
        if self.times and base is None:
            return None
        limit = self.times * (base.p50 if base else 0.0) + self.plus
        late = self.p95 is not None and base is not None and row.p95 > base.p95 + self.p95
        return row.p50 <= limit and not late


AIMS: Mapping[str, Aim] = {
    cases.SELECT_1.name: Aim("in process + 2 ms, p95 + 10 ms", 1.0, 2 * MS, 10 * MS),
    cases.GROUP_BY.name: Aim("1.15 x in process + 2 ms", 1.15, 2 * MS),
    cases.PYTHON.name: Aim("40 ms", 0.0, 40 * MS),
    cases.LARGE_FRAME.name: Aim("1.3 x in process", 1.3),
    INGEST: Aim("1.3 x DuckDB's COPY", 1.3),
    moments.COLD: Aim("1.5 s", 0.0, 1.5),
    moments.REFILL: Aim("60 ms", 0.0, 60 * MS),
    memory.ARROW: Aim("1.2 x the result", 0.0, 1.2),
    memory.FRAME: Aim("1.2 x the result", 0.0, 1.2),
}


def aim_of(row: Row) -> Aim | None:
    """Only our own ways have aims; the ingest's case carries its size in the name."""
    if not row.way.startswith("sandbox"):
        return None
    return AIMS.get(row.case) or (AIMS[INGEST] if row.case.startswith(INGEST) else None)


def described(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows with their ratio to in process and how they stand to their aim."""
    base = {row.case: row for row in rows if row.way == IN_PROCESS}
    found = []
    for row in rows:
        entry = {key: value for key, value in asdict(row).items() if value or key in ("p50", "p95")}
        reference = base.get(row.case)
        if reference is not None and reference is not row:
            entry["ratio"] = row.p50 / reference.p50
        aim = aim_of(row)
        if aim is not None:
            met = aim.met(row, reference)
            entry["aim"] = {"text": aim.text, "met": met}
        found.append(entry)
    return found


def table(rows: Sequence[Row]) -> str:
    """Cases as headings, a line for each way."""
    lines: list[str] = []
    last = ""
    for row, entry in zip(rows, described(rows), strict=True):
        if row.case != last:
            lines += ["", row.case]
            last = row.case
        ratio = f"{entry['ratio']:8.2f} x" if "ratio" in entry else " " * 10
        aim = entry.get("aim")
        verdict = "" if aim is None else f"   {_word(aim['met'])}: {aim['text']}"
        figures = f"{_figure(row.p50, row.unit)}  p95 {_figure(row.p95, row.unit)}  n {row.n:<4}"
        lines.append(f"  {row.way:<18} {figures} {ratio}{verdict}".rstrip())
    return "\n".join(lines)


def _word(met: bool | None) -> str:
    return {True: "met", False: "MISSED", None: "not compared"}[met]


def _figure(value: float, unit: str) -> str:
    return f"{value * 1000:10.1f} ms" if unit == "s" else f"{value:10.2f} {unit} "


def document(rows: Sequence[Row], skipped: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in ("duckdb", "pandas", "pyarrow", "docker")}
    for name in ("llm-sandbox",):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    return {
        "machine": machine,
        "threads": THREADS,
        "versions": versions,
        **facts,
        "skipped": dict(skipped),
        "rows": described(rows),
    }


def write(found: Mapping[str, Any], path: Path = EVIDENCE) -> None:
    path.write_text(json.dumps(_rounded(found), indent=1, ensure_ascii=False) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
