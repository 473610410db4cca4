"""A whole Docker engine ends and comes back: one of this test's own, with its own data and socket."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from csvanalyst_ext.execution import docker_client, docker_image

from .conftest import Fault

ROOT = Path(__file__).parents[2]


class OwnEngine:
    """Started by the script that also starts the machine's, in a directory apart (`CSVANALYST_ENGINE_DIR`)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = f"unix://{directory}/docker.sock"
        self._environment = {**os.environ, "CSVANALYST_ENGINE_DIR": str(directory), "DOCKER_HOST": self.address}

    def _tell(self, what: str) -> None:
        command = [sys.executable, str(ROOT / ".ci" / "engine.py"), what]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode:
            pytest.skip(f"no second engine can be started here: {done.stdout}{done.stderr}")

    def start(self) -> None:
        self._tell("start")

    def stop(self) -> None:
        self._tell("stop")

    def kill(self) -> None:
        pid = json.loads((self.directory / "engine.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                break
            time.sleep(0.05)
        # The next one would take them for running where nobody reaps the dead.
        for file in ("dockerd.pid", "run/containerd/containerd.pid"):
            (self.directory / file).unlink(missing_ok=True)

    def load(self, image: str, source: docker.DockerClient) -> None:
        """Copy the image from ``source``."""
        client = docker.DockerClient(base_url=self.address, timeout=300)
        try:
            with tempfile.TemporaryFile(dir=self.directory) as file:
                for piece in source.images.get(image).save(named=True):
                    file.write(piece)
                file.seek(0)
                client.images.load(file)
        finally:
            client.close()


@pytest.fixture(scope="module")
def own_engine(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    if os.geteuid() != 0 or not shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        pytest.skip("a second engine needs root and dockerd")
    directory = Path(tempfile.mkdtemp(prefix="ca-engine-"))  # a socket's path has to be short
    made = OwnEngine(directory)
    made.start()
    try:
        made.load(docker_image.expected().tag, engine)
        yield made
    finally:
        made.stop()
        for pid in _processes(directory):  # of containers that a killed engine lost
            os.kill(pid, signal.SIGKILL)
        for mount in sorted(_mounts(directory), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(directory, ignore_errors=True)


def _mounts(directory: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(str(directory))]


def _processes(directory: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if str(directory).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def restart(engine: OwnEngine) -> None:
    engine.stop()
    engine.start()


def crash(engine: OwnEngine) -> None:
    engine.kill()
    engine.start()


@pytest.mark.parametrize(("what", "happen"), [("restarted", restart), ("killed (SIGKILL) and started", crash)])
@pytest.mark.parametrize("when", ["during a question", "between questions"])
def test_an_engine_that_comes_back_is_used_again(
    fault: Fault,
    own_engine: OwnEngine,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    happen: Callable[[OwnEngine], None],
    when: str,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_engine.address)
    client = docker_client.connect()
    try:
        with fault(f"engine {what} {when}", engine=client, garbage=True) as stage:
            if when == "during a question":
                run = stage.during("PYTHON: while True: pass", lambda: happen(own_engine), timeout=30)
                stage.sees_error(run.error, "sandbox_lost", "timeout")
            else:
                happen(own_engine)
                stage.sees("nothing: the sandbox is replaced")
    finally:
        client.close()


def test_an_engine_that_stays_away_is_said_to(
    fault: Fault, own_engine: OwnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_engine.address)
    client = docker_client.connect()
    try:
        with fault("engine stopped, and started after the error", engine=client, garbage=True) as stage:
            own_engine.stop()
            run = stage.ask("SQL: SELECT 1")
            stage.sees_error(run.error, "sandbox_no_engine", "sandbox_lost")
            own_engine.start()
    finally:
        client.close()
