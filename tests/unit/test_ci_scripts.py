"""The scripts that prepare a machine: which engine is asked, which one may be stopped, how results are added up."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with its state in a directory of the test and no Docker configuration."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("CSVANALYST_ENGINE_DIR", str(tmp_path / "state"))
    specification = importlib.util.spec_from_file_location("engine", CI / "engine.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "engine", module)
    specification.loader.exec_module(module)
    return module


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...

    def address_string(self) -> str:
        return ""


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[str]:
    """The address of something that answers a ping as an engine does."""
    path = tmp_path / "docker.sock"
    with socketserver.UnixStreamServer(str(path), _Answer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"unix://{path}"
        server.shutdown()


def test_docker_host_names_the_engine(engine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere")
    assert engine.address() == "unix:///somewhere"


def test_without_configuration_it_is_the_default_socket(engine: ModuleType) -> None:
    assert engine.address() == "unix:///var/run/docker.sock"


def test_the_current_docker_context_names_the_engine(engine: ModuleType, tmp_path: Path) -> None:
    meta = tmp_path / "config" / "contexts" / "meta" / hashlib.sha256(b"desktop").hexdigest()
    meta.mkdir(parents=True)
    (tmp_path / "config" / "config.json").write_text('{"currentContext": "desktop"}')
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": "unix:///desktop"}}}))
    assert engine.address() == "unix:///desktop"


def test_an_engine_that_answers_is_noticed(engine: ModuleType, listening: str) -> None:
    assert engine.ping(listening)


def test_no_engine_is_noticed(engine: ModuleType, tmp_path: Path) -> None:
    assert not engine.ping(f"unix://{tmp_path}/nothing")


def test_an_engine_that_answers_is_left_alone(
    engine: ModuleType, listening: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", listening)
    assert engine.main(["start"]) == 0
    assert engine.main(["stop"]) == 0
    command = [sys.executable, str(CI / "engine.py"), "run", "--", sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(command, check=False).returncode == 7  # on its own: it sets signal handlers
    assert engine.ping(listening)
    assert "nothing to stop" in capsys.readouterr().out


def test_an_engine_elsewhere_that_does_not_answer_is_not_started(
    engine: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "OWN", "")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing")
    assert engine.main(["start"]) == 1
    assert "unset DOCKER_HOST" in capsys.readouterr().err


def test_a_process_that_took_over_the_recorded_number_is_not_stopped(engine: ModuleType, tmp_path: Path) -> None:
    engine.STATE.mkdir()
    (engine.STATE / "engine.json").write_text(json.dumps({"pid": os.getpid(), "started": "0", "keep": True}))
    assert engine.recorded() is None
    started = engine.start_time(os.getpid())
    (engine.STATE / "engine.json").write_text(json.dumps({"pid": os.getpid(), "started": started, "keep": True}))
    assert engine.recorded() is not None


def test_the_summary_adds_up_all_suites(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        '<testsuites><testsuite tests="5" failures="1" errors="0" skipped="1"/></testsuites>'
    )
    (tmp_path / "b.xml").write_text(
        '<testsuites><testsuite tests="3" failures="0" errors="1" skipped="0"/></testsuites>'
    )
    done = subprocess.run(
        [sys.executable, CI / "summary.py", tmp_path, "1"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "FAIL: 5 passed, 2 failed, 1 skipped\n"


def test_make_help_lists_every_target() -> None:
    root = CI.parent
    targets = {
        line.partition(":")[0]
        for line in (root / "Makefile").read_text().splitlines()
        if line[:1].isalpha() and ":" in line and ":=" not in line
    } - {"before-docker", "with-docker"}
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=root, capture_output=True, text=True, check=True
    )
    assert targets == {line.split()[1] for line in done.stdout.splitlines()}
