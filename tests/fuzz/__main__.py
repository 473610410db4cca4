"""``python -m tests.fuzz``: many cases, a table by kind; or one case, to look at."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from . import cases, runs, worker

SEED = 20_261_123


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--kind", default="", help="only cases of this kind")
    parser.add_argument("--one", type=int, metavar="NUMBER", help="run this case alone, and show what came of it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary there")
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker.work(options.seed, *options.worker, options.kind)
        return 0
    if options.one is not None:
        print(cases.script_of(options.seed, options.one, options.kind).kind)
        summary = runs.run(options.seed, 1, workers=1, kind=options.kind, first=options.one)
    else:
        summary = runs.run(
            options.seed, options.cases, workers=options.workers, kind=options.kind,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
    print(table(summary))
    if options.json:
        options.json.write_text(json.dumps(to_json(summary), indent=1) + "\n")
    return 0 if summary.clean else 1


def table(summary: runs.Summary) -> str:
    lines = [
        f"{'kind':<20}{'cases':>8}{'answers':>9}{'crash':>7}{'hang':>6}{'fault':>7}{'MiB':>6}{'per s':>7}  refusals"
    ]
    for name, kind in sorted(summary.kinds.items()):
        answers = sum(kind.words[word] for word in ANSWERS)
        codes = [f"{word} {n}" for word, n in kind.words.most_common() if word not in ANSWERS]
        rate = kind.cases / kind.seconds if kind.seconds else 0
        lines.append(
            f"{name:<20}{kind.cases:>8}{answers:>9}{kind.crashes:>7}{kind.hangs:>6}{kind.faults:>7}"
            f"{kind.peak / 2**20:>6.0f}{rate:>7.0f}  {', '.join(codes)}"
        )
    lines += [f"case {f['case']} ({f.get('kind', '')}): {f['what'][:300]}" for f in summary.failures[:20]]
    lines.append(last_line(summary))
    return "\n".join(lines)


ANSWERS = ("ok", "error", "refused", "timeout", "memory", "cancelled", "crashed")


def last_line(summary: runs.Summary) -> str:
    peak = max((kind.peak for kind in summary.kinds.values()), default=0) / 2**20
    return (
        f"fuzz: {summary.total('cases')} cases, {summary.total('crashes')} crashes, {summary.total('hangs')} hangs, "
        f"{len(summary.failures)} failures in all, at most {peak:.0f} MiB in a case, {summary.growth / 2**20:.0f} MiB "
        f"in a process, {summary.seconds:.0f} s, seed {summary.seed}"
    )


def to_json(summary: runs.Summary) -> dict[str, object]:
    return {
        "seed": summary.seed,
        "cases": summary.total("cases"),
        "crashes": summary.total("crashes"),
        "hangs": summary.total("hangs"),
        "failures": summary.failures[:100],
        "seconds": round(summary.seconds, 1),
        "growth_of_a_process_bytes": summary.growth,
        "kinds": {
            name: {
                "cases": kind.cases,
                "outcomes": dict(kind.words.most_common()),
                "peak_growth_bytes": kind.peak,
                "cases_per_second": round(kind.cases / kind.seconds, 1) if kind.seconds else 0,
            }
            for name, kind in sorted(summary.kinds.items())
        },
    }


if __name__ == "__main__":
    sys.exit(main())
