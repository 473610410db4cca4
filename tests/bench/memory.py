"""Peak memory of the host's process for a large result, as a multiple of the result's size.

Runs in a process of its own (``python -m tests.bench.memory WAY HOME PARQUET``) and prints JSON.  The kernel
keeps the peak of the resident memory (VmHWM in /proc/self/status: anonymous, shared and file pages), and
forgets it on request (``5`` into /proc/self/clear_refs, proc(5)), so nothing is missed between samples.  A
result that is mapped counts as soon as it is touched.  What the container itself uses is not in it.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from csvanalyst_ext.protocol import Limits, SqlRequest
from csvanalyst_ext.rendering import values

from . import cases
from .measuring import Row, row
from .moments import settings_of
from .ways import IN_PROCESS, MOST_ROWS, InProcess, Sandbox

ARROW = "peak memory of 5 million rows, Arrow table"
FRAME = "peak memory of 5 million rows, table and DataFrame"
RESET = Path("/proc/self/clear_refs")
TEXT = cases.LARGE_ARROW.text


def _resident(name: str) -> int:
    """``VmHWM``, ``VmRSS``, ``RssAnon`` … in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def _peaks(fetch: Any, convert: Any) -> dict[str, float]:
    """Fetch a table, then make a frame of it; the peaks above what was there before."""
    gc.collect()
    RESET.write_text("5")
    before = _resident("VmRSS")
    table = fetch()
    peak_table, kinds = _resident("VmHWM"), {kind: _resident(kind) for kind in ("RssAnon", "RssShmem", "RssFile")}
    RESET.write_text("5")
    frame = convert(table)
    assert len(frame) == table.num_rows == cases.LARGE_ROWS
    return {
        "size": table.nbytes,
        "arrow": (peak_table - before) / table.nbytes,
        "frame": (max(peak_table, _resident("VmHWM")) - before) / table.nbytes,
        **{f"{kind} after": value / table.nbytes for kind, value in kinds.items()},
    }


def _measured(way: str, home: Path, parquet: Path) -> dict[str, float]:
    if way == IN_PROCESS:
        inside = InProcess({"large": parquet})
        inside.ask(cases.SELECT_1)
        inside.ask(replace(cases.SELECT_1, gives="arrow"))
        relation = inside._connection.sql(TEXT)
        return _peaks(relation.to_arrow_table, lambda table: table.to_pandas())
    sandbox = Sandbox(way, settings_of(way), home)
    try:
        sandbox.add(str(parquet), "large")
        sandbox.ask(cases.SELECT_1)
        request = SqlRequest(TEXT, ("large",), True, Limits(max_rows=MOST_ROWS))
        return _peaks(lambda: sandbox.run(request).table, values.to_pandas)
    finally:
        sandbox.close()


def rows(name: str, way: str, home: Path, parquet: Path, runs: int) -> list[Row]:
    """``name`` is the way's name in the table, ``way`` ``in process`` or a carrier."""
    if not RESET.exists():
        return []
    command = [sys.executable, "-m", __spec__.name, way, str(home), str(parquet)]
    found = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(runs)]
    parts = {key: value for key, value in found[0].items() if key.endswith("after")}
    note = f"of {found[0]['size'] / 1e6:.0f} MB; VmHWM above VmRSS before"
    return [
        row(ARROW, name, [one["arrow"] for one in found], unit="x", note=note, parts=parts),
        row(FRAME, name, [one["frame"] for one in found], unit="x", note=note),
    ]


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
