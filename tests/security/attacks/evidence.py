"""``python -m tests.security.attacks.evidence``: the table of the last `make security` as a page of the docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from .score import LEGEND, REPORT

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "evidence" / "attack-table.md"


def page(report: dict[str, object], rows: list[list[str]], columns: list[str]) -> str:
    lines = [
        "# Attacks, and which layer held them",
        "",
        "Written by `python -m tests.security.attacks.evidence` from the last `make security`; see",
        "[the attack cases](../explanation/attack-cases.md). Where two layers would hold an attack, the first one that",
        "answers is named, and that may change with the load: a query that needs too much reaches its deadline",
        "(worker) or the memory limit (engine, container).",
        "",
        *(f"- {line}" for line in LEGEND),
        "",
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows),
        "",
        f"contained {report['contained']}/{report['ran']}, skipped {report['skipped']}",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    last = json.loads(REPORT.read_text(encoding="utf-8"))
    PAGE.write_text(page(last, last["rows"], last["columns"]), encoding="utf-8")
