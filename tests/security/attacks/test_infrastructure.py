"""Engine, image and disk that fail, and a host process that is killed: one clear error, never another place to run.

``make faults`` has more kinds of them; here is at least one for each that the attack list names.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import EngineUnavailable, ImageUnavailable, SandboxError, StorageError
from csvanalyst_ext.execution import docker_client
from csvanalyst_ext.protocol import Limits, PythonRequest
from tests.support.providers import Provider
from tests.support.sandbox import FLIGHTS, Sandbox

from .asking import Asking
from .ground import SMALL

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def new_sandbox(provider: Provider, tmp_path: Path) -> Iterator[Callable[[Settings], Sandbox]]:
    made: list[Sandbox] = []

    def make(settings: Settings = SMALL) -> Sandbox:
        made.append(Sandbox(tmp_path, provider.configure(settings)))
        made[-1].add_table("flights", FLIGHTS)
        return made[-1]

    yield make
    for one in made:
        one.close()


class Recorded:
    """A socket in front of an engine: it notes every call, and passes them on until ``cut``."""

    def __init__(self, path: Path, engine: str) -> None:
        self.address = f"unix://{path}"
        self.calls: list[str] = []
        self._engine = engine.removeprefix("unix://") or "/var/run/docker.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                self._open += [client, engine]
                threading.Thread(target=self._pump, args=(client, engine, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(engine, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, note: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if note and data.split(b" ", 1)[0] in (b"GET", b"POST", b"DELETE", b"PUT", b"HEAD"):
                    self.calls.append(data.split(b"\r\n", 1)[0].decode("latin-1"))
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def engine_of(settings: Settings) -> str:
    return settings.docker_host or os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


# --- the engine -----------------------------------------------------------------------------------


@pytest.mark.attack(79, "no engine")
def test_without_an_engine_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        docker_client.connect(host=f"unix://{tmp_path}/nobody.sock")
    assert caught.value.code == "sandbox_no_engine"
    assert caught.value.hint


@pytest.mark.attack(79, "an engine that this user may not talk to")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_an_engine_without_permission_is_said_to_be_one(tmp_path: Path) -> None:
    path = Path("/tmp") / f"engine-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        try:
            path.chmod(0o600)
            code = (
                "import os, sys\nfrom csvanalyst_ext.errors import EngineUnavailable\nimport docker, requests\n"
                "from csvanalyst_ext.execution import docker_client\nos.setuid(65534)\n"
                f"try: docker_client.connect(host='unix://{path}')\n"
                "except EngineUnavailable as error: print(error.code)"
            )
            done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        finally:
            path.unlink()
    assert done.stdout.strip() == "sandbox_no_permission", done.stderr


@pytest.mark.attack(79, "an engine that never answers")
def test_an_engine_that_never_answers_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        started = time.monotonic()
        with pytest.raises(EngineUnavailable) as caught:
            docker_client.connect(0.5, host=f"unix://{path}")
        assert time.monotonic() - started < 10
    assert caught.value.code == "sandbox_no_engine"


@pytest.mark.attack(79, "an engine that dies while a question runs")
def test_an_engine_that_dies_is_one_error(
    new_sandbox: Callable[[Settings], Sandbox], provider: Provider, tmp_path: Path, held: Callable[..., None]
) -> None:
    engine = Recorded(tmp_path / "e.sock", engine_of(provider.configure()))
    sandbox = new_sandbox(SMALL)
    sandbox.executor._settings = replace(sandbox.settings, docker_host=engine.address)
    sandbox.value("SELECT 1")
    endless = PythonRequest("while True: pass", None, Limits(timeout=60))

    def cut() -> None:
        time.sleep(0.5)
        engine.cut()

    threading.Thread(target=cut).start()
    with pytest.raises(SandboxError):
        sandbox.do(sandbox.executor.run(endless))
    with pytest.raises(EngineUnavailable) as caught:
        sandbox.sql("SELECT 1")
    assert caught.value.code == "sandbox_no_engine"
    sandbox.executor._settings = sandbox.settings
    assert sandbox.value("SELECT count(*) FROM flights") == 5
    held("host")


@pytest.mark.attack(79, "an image that is missing, and a registry that would have one")
def test_a_missing_image_is_never_fetched(
    new_sandbox: Callable[[Settings], Sandbox], provider: Provider, tmp_path: Path, held: Callable[..., None]
) -> None:
    engine = Recorded(tmp_path / "e.sock", engine_of(provider.configure()))
    sandbox = new_sandbox(replace(SMALL, image="csvanalyst-runner:no-such-tag"))
    sandbox.executor._settings = replace(sandbox.settings, docker_host=engine.address)
    with pytest.raises(ImageUnavailable) as caught:
        sandbox.sql("SELECT 1")
    assert caught.value.code == "sandbox_no_image"
    assert "csvanalyst image build" in caught.value.hint
    assert sandbox.containers() == []
    assert engine.calls, "nothing was asked"
    assert not [call for call in engine.calls if "/images/create" in call or "/containers/create" in call]
    engine.cut()
    held("host")


@pytest.mark.attack(79, "a disk that is full")
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_leaves_nothing_half_written(provider: Provider, tmp_path: Path, held: Callable[..., None]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=True)
    try:
        (tmp_path / "big.csv").write_text("x,y\n" + "".join(f"{i},{i * 7919 % 100_003}\n" for i in range(2_500_000)))
        (tmp_path / "good.csv").write_text("x\n1\n2\n")
        asking = Asking(small / "home", provider, timeout=60.0)
        with pytest.raises(StorageError) as caught:
            asking.add(tmp_path / "big.csv")
        assert caught.value.code == "disk_full"
        asking.add(tmp_path / "good.csv")
        assert asking.rows("SELECT sum(x) AS s FROM good") == [{"s": 3}]
        asking.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    held("host")


# --- the host process -----------------------------------------------------------------------------

OWNER = """
import json, sys
from dataclasses import replace
from pathlib import Path
from tests.security.attacks.ground import SMALL
from tests.support.sandbox import Sandbox
sandbox = Sandbox(Path(sys.argv[1]), replace(SMALL, **json.loads(sys.argv[2])))
sandbox.value("SELECT 1")
print(sandbox.session, flush=True)
sandbox.python("import os, time\\nfor _ in range(5): os.fork() or time.sleep(600)\\nwhile True: pass", timeout=600)
"""


@pytest.mark.attack(80, "kill -9 of the host process while a question runs")
def test_nothing_outlives_a_host_process_that_is_killed(
    provider: Provider, tmp_path: Path, held: Callable[..., None]
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), json.dumps(dict(provider.settings))],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert owner.stdout is not None
    with owner, owner.stdout:
        session = owner.stdout.readline().strip()
        assert session, "the owner did not start"
        time.sleep(0.5)
        owner.send_signal(signal.SIGKILL)
    client = docker_client.connect(host=provider.configure().docker_host)
    deadline = time.monotonic() + 60
    while left := client.api.containers(all=True, filters={"label": f"csvanalyst.session={session}"}):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    client.close()
    held("worker", "container")
