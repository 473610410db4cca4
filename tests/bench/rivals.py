"""Other ways to run a query sealed: a container for each, a process in a warm one, and llm-sandbox.

All have our engine, image, processor and memory limits and the same Parquet files, mounted read-only, and
each gets the quickest road that it offers: only what a case needs is imported, small results come as text,
large ones as an Arrow stream.
"""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from .cases import Case
from .measuring import Answer
from .ways import SETTINGS, THREADS

LABEL = "csvanalyst.bench=1"
FOREVER = "import signal; signal.pause()"
RESULT = "/tmp/result.arrow"
CONNECT = (
    f"import duckdb\nc = duckdb.connect(config={{'threads': {THREADS}}})\n"
    "c.execute('SET enable_progress_bar = false')\n"  # it would be printed into the result
)


def program(case: Case, to: str = "") -> str:
    """Python that answers ``case``: text on standard output, or an Arrow stream there or into the file ``to``."""
    if case.language == "python":
        loads = "".join(f"{name} = pd.read_parquet('/data/{name}.parquet')\n" for name in case.tables)
        return f"import pandas as pd\n{loads}print(({case.text}).to_json(orient='split'))\n"
    views = "".join(
        f"c.execute(\"CREATE VIEW {name} AS FROM read_parquet('/data/{name}.parquet')\")\n" for name in case.tables
    )
    start = f"{CONNECT}{views}r = c.sql({case.text!r})\n"
    if not case.large:
        return start + "import json\nprint(json.dumps([r.columns, r.fetchall()], default=str))\n"
    out = f"open({to!r}, 'wb')" if to else "sys.stdout.buffer"
    return start + (
        "import sys, pyarrow as pa\n"
        f"t = r.to_arrow_table()\nwith {out} as f, pa.ipc.new_stream(f, t.schema) as w:\n    w.write_table(t)\n"
    )


def copying(source: Path) -> str:
    return (
        f"{CONNECT}c.execute(\"COPY (FROM read_csv('/csv/{source.name}')) TO '/tmp/copy.parquet' (FORMAT parquet)\")\n"
    )


def small(case: Case, text: str) -> pd.DataFrame:
    if case.language == "python":
        return pd.read_json(io.StringIO(text), orient="split")
    columns, rows = json.loads(text)
    return pd.DataFrame(rows, columns=columns)


def large(case: Case, table: pa.Table) -> Any:
    return table if case.gives == "arrow" else table.to_pandas()


def _ran(command: list[str], case: Case | None) -> Any:
    """What the command's output says.  Raises ``RuntimeError`` with its complaints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        value: Any = None
        try:
            if case is not None and case.large:
                value = large(case, pa.ipc.open_stream(process.stdout).read_all())
            rest = process.stdout.read()
        except pa.ArrowInvalid as error:
            raise RuntimeError(process.stderr.read().decode()) from error
        if process.wait():
            raise RuntimeError(process.stderr.read().decode())
    return value if case is None or case.large else small(case, rest.decode())


class DockerRun:
    """``docker run`` for every question."""

    name = "docker run each"
    runs = 0.1

    def __init__(self, image: str, data: Path, csv: Path) -> None:
        limits = ["--network", "none", "--memory", str(SETTINGS.memory), "--cpus", str(THREADS), "--label", LABEL]
        mounts = ["-v", f"{data}:/data:ro", "-v", f"{csv}:/csv:ro"]
        self._options = [*limits, *mounts, "--entrypoint", "/usr/bin/python3", image]

    def ask(self, case: Case) -> Answer:
        return Answer(self._python(program(case), case))

    def ingest(self, source: Path) -> Answer:
        return Answer(self._python(copying(source), None))

    def _python(self, code: str, case: Case | None) -> Any:
        return _ran(["docker", "run", "--rm", *self._options, "-c", code], case)

    def close(self) -> None:
        pass


class DockerExec(DockerRun):
    """``docker exec`` for every question, in one container that keeps running."""

    name = "docker exec each"

    def __init__(self, image: str, data: Path, csv: Path) -> None:
        super().__init__(image, data, csv)
        command = ["docker", "run", "--rm", "--detach", *self._options, "-c", FOREVER]
        self._container = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def _python(self, code: str, case: Case | None) -> Any:
        return _ran(["docker", "exec", self._container, "/usr/bin/python3", "-c", code], case)

    def close(self) -> None:
        subprocess.run(["docker", "rm", "--force", self._container], check=True, capture_output=True)


class LlmSandbox:
    """llm-sandbox (PyPI): one open session, and ``run`` for every question.

    The image has its libraries, so the session's own set-up (a virtual environment, pip) is switched off,
    as it offers; ``python``, which it calls, is put on the path.  A large result is fetched as a file.
    Raises ``ImportError`` where it is not installed.
    """

    name = "llm-sandbox"
    runs = 0.1

    def __init__(self, image: str, data: Path, csv: Path) -> None:
        import llm_sandbox

        self._kind = llm_sandbox.SandboxSession
        self._directory = tempfile.TemporaryDirectory()
        self._place = Path(self._directory.name)
        (self._place / "bin").mkdir()
        (self._place / "bin" / "python").symlink_to("/usr/bin/python3")
        self._place.chmod(0o755)
        self._image = image
        self._settings = {
            "entrypoint": ["/usr/bin/python3", "-c", FOREVER],
            "network_mode": "none",
            "mem_limit": SETTINGS.memory,
            "nano_cpus": THREADS * 10**9,
            "environment": {"PATH": "/usr/local/bin:/usr/bin"},
            "labels": dict([LABEL.split("=")]),
            "volumes": {
                str(self._place / "bin"): {"bind": "/usr/local/bin", "mode": "ro"},
                str(data): {"bind": "/data", "mode": "ro"},
                str(csv): {"bind": "/csv", "mode": "ro"},
            },
        }
        self._session = self.open()

    def open(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session = self._kind(
                lang="python",
                image=self._image,
                keep_template=True,
                skip_environment_setup=True,
                workdir="/tmp",
                runtime_configs=dict(self._settings),
            )
            session.open()
        return session

    def run(self, session: Any, code: str) -> str:
        done = session.run(code)
        if done.exit_code:
            raise RuntimeError(done.stderr)
        return str(done.stdout)

    def ask(self, case: Case) -> Answer:
        if not case.large:
            return Answer(small(case, self.run(self._session, program(case))))
        self.run(self._session, program(case, RESULT))
        target = self._place / "result.arrow"
        self._session.copy_from_runtime(RESULT, str(target))
        with pa.memory_map(str(target)) as source:
            return Answer(large(case, pa.ipc.open_stream(source).read_all()), after=target.unlink)

    def cold(self, case: Case) -> Answer:
        """A new session that answers one question."""
        session = self.open()
        return Answer(small(case, self.run(session, program(case))), after=session.close)

    def ingest(self, source: Path) -> Answer:
        return Answer(self.run(self._session, copying(source)))

    def close(self) -> None:
        self._session.close()
        self._directory.cleanup()
