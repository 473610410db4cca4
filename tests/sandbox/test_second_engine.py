"""The engine that .ci/gvisor.py starts beside the machine's: it goes with its last user and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.providers import ROOT, known

WHY_NOT = next(provider.why_not for provider in known() if provider.name == "docker-gvisor")
pytestmark = pytest.mark.skipif(bool(WHY_NOT) or os.geteuid() != 0, reason=WHY_NOT or "a second engine needs root")


class Script:
    """.ci/gvisor.py with a directory of its own, short enough for a socket."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "CSVANALYST_GVISOR_DIR": str(self.directory)}
        command = [sys.executable, str(ROOT / ".ci" / "gvisor.py"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def processes(self) -> list[str]:
        found = []
        for directory in Path("/proc").iterdir():
            try:
                command = (directory / "cmdline").read_bytes().decode().replace("\0", " ")
            except (OSError, UnicodeDecodeError):
                continue
            if f"{self.directory}/" in command:
                found.append(command)
        return found

    def mounts(self) -> list[str]:
        return [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"{self.directory}/" in line]


@pytest.fixture
def script() -> Iterator[Script]:
    with tempfile.TemporaryDirectory(prefix="gvisor-") as directory:
        made = Script(Path(directory))
        yield made
        made("stop")


def test_it_knows_runsc_and_ends_with_the_command(script: Script) -> None:
    done = script("run", "--", "docker", "info", "--format", "{{json .Runtimes}} {{.DockerRootDir}}")
    assert done.returncode == 0, done.stderr
    assert '"runsc"' in done.stdout
    assert str(script.directory) in done.stdout
    assert script.processes() == []
    assert script.mounts() == []


SLEEPER = r"""
set -e
libraries=$(ldd /usr/bin/sleep | grep -o '/[^ ]*')
tar --create --dereference /usr/bin/sleep $libraries | docker import - sleeper
docker run --detach --runtime runsc --network none sleeper /usr/bin/sleep 600
"""
"""An image of one program, and a container of it."""


def test_what_a_killed_engine_left_is_ended(script: Script) -> None:
    assert script("start").returncode == 0
    started = script("run", "--", "sh", "-c", SLEEPER)
    assert started.returncode == 0, started.stderr
    engine = json.loads((script.directory / "engine.json").read_text())["pid"]
    os.kill(engine, signal.SIGKILL)
    assert [line for line in script.processes() if "runsc" in line], "the sandbox outlives the engine"
    stopped = script("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert script.processes() == []
    assert script.mounts() == []
    again = script("run", "--", "docker", "version", "--format", "{{.Server.Version}}")
    assert again.returncode == 0, again.stderr
