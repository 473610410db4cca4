"""``python -m tests.agent.evaluation``: coverage, precision and the failures by kind of the offline planner.

Both halves and the later questions are asked; of the held-back half
only the numbers are shown, and written, unless --show-held-back is given.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from csvanalyst_ext import config
from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.config import OFFLINE_MODEL
from csvanalyst_ext.evaluation import report, runner
from csvanalyst_ext.evaluation.scoring import EXACT, Verdict
from csvanalyst_ext.evaluation.suite import Item
from csvanalyst_ext.evaluation.tally import Attempt, by_kind

from . import harness


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.agent.evaluation", description=__doc__)
    parser.add_argument("--sandbox", action="store_true", help="through a real session in Docker, not DuckDB here")
    parser.add_argument("--half", choices=("open", "later", "held-back", "both"), default="both")
    parser.add_argument("--kind", help="only questions of this kind")
    parser.add_argument("--show-held-back", action="store_true", help="show the failures of the held-back half too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here")
    chosen = parser.parse_args()
    halves = {"open": harness.OPEN, "later": harness.LATER, "held-back": harness.HELD_BACK}
    written: dict[str, Any] = {"command": "make eval", "road": "sandbox" if chosen.sandbox else "in process"}
    ask = _in_sandbox if chosen.sandbox else harness.attempts
    for half, paths in halves.items():
        if chosen.half not in (half, "both"):
            continue
        asked = [item for item in harness.items(paths) if chosen.kind in (None, item.kind)]
        found = list(ask(asked))
        shown = half != "held-back" or chosen.show_held_back
        print(f"\n=== {half}: {len(found)} questions ===\n")
        if found:
            print(report.table(found))
            milliseconds = 1000 * report.figures(found, 1)["median_seconds"]
            print(f"\nmedian {milliseconds:.1f} ms for a question, its SQL and the loop included")
        if shown:
            print(_failures(asked, found))
        written[half] = report.to_json(found, 1, details=False)
        if half != "held-back":
            bad = [attempt for attempt in found if attempt.verdict is not Verdict.RIGHT]
            written[half]["not_right"] = {a.id: {"verdict": a.verdict, "ask": list(a.ask), "sql": a.sql} for a in bad}
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _in_sandbox(asked: Sequence[Item]) -> Iterator[Attempt]:
    analyst = Analyst(config.resolve())
    try:
        yield from runner.attempts(analyst, asked, model=OFFLINE_MODEL, rules=EXACT)
    finally:
        analyst.close()


def _failures(asked: Sequence[Item], found: Sequence[Attempt]) -> str:
    """What was not right, by kind; wrong answers first, with the SQL that was written and the rows."""
    golds = {item.id: item.golds for item in asked}
    order = (Verdict.WRONG, Verdict.FAILED, Verdict.ASKED)
    lines = []
    for kind, some in sorted(by_kind(found).items()):
        bad = sorted((a for a in some if a.verdict in order), key=lambda a: order.index(a.verdict))
        if bad:
            lines.append(f"\n--- {kind}: {len(bad)} of {len(some)} not right")
        for attempt in bad:
            lines.append(f"{attempt.verdict.upper():<6} {attempt.id}: {' >> '.join(attempt.ask)}")
            if attempt.verdict is Verdict.ASKED:
                lines.append(f"         said  {attempt.note[:160]}")
                continue
            lines.append(f"         wrote {' '.join((attempt.sql or attempt.note).split())[:300]}")
            lines.append(f"         gave  {str([list(row) for row in (attempt.rows or ())[:3]])[:160]}")
            for gold in golds[attempt.id][:1]:
                lines.append(f"         right {gold.sql}")
                lines.append(f"               {str([list(row) for row in gold.rows[:3]])[:160]}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
