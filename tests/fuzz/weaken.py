"""``python -m tests.fuzz.weaken``: can the fuzzing fail?  Takes the host's checks away, one at a time, and looks.

Each check is taken out of a copy of the sources, the cases of one kind run against the copy, and the table says
whether anything was found.  A check that is not found is either covered by another one or lacks a case.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
CASES = 400


class Check(NamedTuple):
    """``old`` is there once in ``file``, and becomes ``new`` in the weakened copy."""

    name: str
    file: str
    old: str
    new: str
    kind: str


CHECKS = (
    Check(
        "Arrow: full validation", "arrow", "            column.validate(full=True)", "            pass", "arrow: values"
    ),
    Check(
        "Arrow: offsets of ASCII text",
        "arrow",
        ".validate(full=True)\n    return True",
        "\n    return True",
        "arrow: values",
    ),
    Check("Arrow: only ASCII goes the short way", "arrow", ".max() >= _BEYOND_ASCII", ".max() > 0xFF", "arrow: values"),
    Check("Arrow: rows", "arrow", "if rows > limits.max_rows:", "if False:", "arrow: never sent"),
    Check("Arrow: columns", "arrow", "if len(schema) > limits.max_columns:", "if False:", "arrow: never sent"),
    Check("Arrow: bytes", "arrow", "if len(body) > limits.max_bytes:", "if False:", "lies"),
    Check(
        "Arrow: columns as announced",
        "arrow",
        "if schema.names != [column.name for column in columns]:",
        "if False:",
        "bodies",
    ),
    Check("Arrow: names differ", "arrow", "    _refuse_names(schema.names)\n", "", "arrow: never sent"),
    Check("Arrow: plain types only", "arrow", "not in _PLAIN or kind", "not in _PLAIN and kind", "arrow: never sent"),
    Check("Arrow: time zones", "arrow", "and not _ZONE.fullmatch(kind.tz)", "and False", "arrow: never sent"),
    Check("Arrow: compression", "arrow_messages", "if compression or variadic:", "if variadic:", "arrow: never sent"),
    Check("Arrow: buffers overlap", "arrow_messages", "offset < end or size < 0", "size < 0", "arrow: bombs"),
    Check("Arrow: values without bytes", "arrow_messages", "or budget.values < 0 ", "", "arrow: bombs"),
    Check("Arrow: number of fields", "arrow_messages", "or budget.fields < 0", "", "arrow: bombs"),
    Check(
        "Arrow: metadata of the schema", "arrow_messages", "or features or metadata", "or features", "arrow: never sent"
    ),
    Check(
        "Arrow: metadata of fields",
        "arrow_messages",
        "if dictionary or metadata:",
        "if dictionary:",
        "arrow: never sent",
    ),
    Check(
        "Arrow: metadata of messages",
        "arrow_messages",
        "if metadata or not header:",
        "if not header:",
        "arrow: never sent",
    ),
    Check("Arrow: the end", "arrow_messages", "if place != len(stream):", "if False:", "arrow: never sent"),
    Check("reply: rows as announced", "collector", "if reply.row_count != (", "if False and (", "lies"),
    Check("reply: rows in all", "collector", "and reply.total_rows < reply.row_count", "and False", "lies"),
    Check("reply: bodies as announced", "collector", 'if reply.status == "ok":', "if False:", "lies"),
    Check("reply: one table", "collector", "if table is not None:", "if False:", "lies"),
    Check("reply: pictures are PNG", "collector", "and not data.startswith(PNG_MAGIC)", "and False", "lies"),
    Check(
        "reply: captured output",
        "collector",
        "if len(reply.stdout) > self._request.limits.max_stdout:",
        "if False:",
        "lies",
    ),
    Check("bodies: order", "collector", "if number != len(self._bodies) - 1:", "if False:", "lies"),
    Check("bodies: bytes in all", "collector", "if sum(self._sizes) > self._most:", "if False:", "flood"),
    Check(
        "bodies: none beside a segment",
        "collector",
        "if self._segment is not None:\n            raise",
        "if False:\n            raise",
        "segment: lies",
    ),
    Check("progress: size", "collector", "if len(frame.payload) > MAX_PROGRESS:", "if False:", "lies"),
    Check("progress: whole numbers", "collector", "or not 0 <= value < 2**63:", "or False:", "lies"),
    Check("frame: reserved bits", "protocol", "if reserved or kind not in", "if kind not in", "lies"),
    Check("frame: version", "protocol", "if version != VERSION:", "if False:", "lies"),
    Check("frame: length", "protocol", "if length > MAX_PAYLOAD:", "if False:", "header"),
    Check("JSON: unknown fields", "protocol", "    if extra:\n", "    if False:\n", "lies"),
    Check("JSON: NaN", "protocol", ", parse_constant=_no_constant", "", "lies"),
    Check("JSON: surrogates", "protocol", "if _SURROGATE.search(text):", "if False:", "lies"),
    Check("JSON: depth and parts", "protocol", '_tree(raw, "report")', '_get(raw, "report", dict)', "lies"),
    Check("JSON: fault and status agree", "protocol", 'if (fault is None) != (status == "ok"):', "if False:", "lies"),
    Check(
        "JSON: error codes",
        "protocol",
        'if not code.isascii() or not code.replace("_", "").isalnum():',
        "if False:",
        "lies",
    ),
    Check(
        "JSON: numbers in range",
        "protocol",
        "if isinstance(value, int) and not 0 <= value < 2**63:",
        "if False:",
        "json",
    ),
    Check("JSON: seconds are finite", "protocol", "    if not math.isfinite(seconds):", "    if False:", "lies"),
    Check(
        "JSON: refusals quote little",
        "protocol",
        'f"field {key[:40]!r} has the wrong type"',
        'f"field {key!r} has the wrong type"',
        "hello",
    ),
    Check(
        "exchange: number of the request",
        "channel",
        "if exchange is None or request != exchange.number:\n            raise",
        "if exchange is None:\n            raise",
        "lies",
    ),
    Check("exchange: one answer", "channel", "        if self.done.done():\n            return\n", "", "order"),
    Check("stream: known streams", "stream", "if stream not in (_STDOUT, _STDERR):", "if False:", "multiplex"),
    Check("segment: seals", "local", " or seals & _SEALS != _SEALS", "", "segment: lies"),
    Check(
        "segment: size as announced",
        "local",
        "or size != _sealed_size(descriptor)",
        "or not _sealed_size(descriptor)",
        "segment: lies",
    ),
    Check("segment: room", "local", "if size > self._listener.room(frame.request):", "if False:", "segment: lies"),
    Check("segment: cut control message", "local", "if flags & socket.MSG_CTRUNC or", "if", "segment: lies"),
    Check(
        "segment: descriptors pile up", "local", " or len(self._descriptors) > _MOST_DESCRIPTORS", "", "segment: hoard"
    ),
    Check(
        "segment: unannounced descriptors",
        "local",
        "if self._descriptors and not self._decoder.pending:",
        "if False:",
        "segment: lies",
    ),
    Check(
        "segment: descriptors are closed",
        "local",
        "        finally:\n            os.close(descriptor)",
        "        finally:\n            pass",
        "segment: honest",
    ),
    Check(
        "segment: waiting descriptors are closed",
        "local",
        "os.close(self._descriptors.popleft())",
        "self._descriptors.popleft()",
        "segment: lies",
    ),
)


class Result(NamedTuple):
    check: Check
    failures: int
    first: str


def weakened(check: Check, seed: int) -> Result:
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for part in ("csvanalyst_ext", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        folder = "" if check.file == "protocol" else "execution/"
        source = copy / f"csvanalyst_ext/{folder}{check.file}.py"
        text = source.read_text()
        if text.count(check.old) != 1:
            raise SystemExit(f"{check.name}: the check is not where it was; {text.count(check.old)} places match.")
        source.write_text(text.replace(check.old, check.new))
        command = [sys.executable, "-m", "tests.fuzz", "--kind", check.kind, "--cases", str(CASES), "--workers", "1"]
        command += ["--seed", str(seed), "--json", str(copy / "found.json"), "--until", "5"]
        subprocess.run(command, cwd=copy, env=os.environ | {"PYTHONPATH": name}, capture_output=True, check=False)
        found = json.loads((copy / "found.json").read_text())["failures"]
        return Result(check, len(found), str(found[0]["what"]) if found else "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.weaken", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only checks whose name contains this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there")
    options = parser.parse_args()
    checks = [check for check in CHECKS if options.only in check.name]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda check: weakened(check, options.seed), checks))
    for check, failures, first in results:
        print(f"{check.name:<45}{check.kind:<20}{'found' if failures else 'NOT FOUND':<11}{_short(first)}")
    found = sum(bool(result.failures) for result in results)
    print(f"weaken: {found}/{len(results)} removed checks found, at most {CASES} cases each, seed {options.seed}")
    if options.json:
        rows = [
            {"removed": check.name, "kind": check.kind, "found": bool(failures), "how": _short(first)}
            for check, failures, first in results
        ]
        options.json.write_text(json.dumps({"seed": options.seed, "cases": CASES, "checks": rows}, indent=1) + "\n")
    return 0 if found == len(results) else 1


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:90]


if __name__ == "__main__":
    sys.exit(main())
