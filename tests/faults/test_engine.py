"""What can happen to the Docker engine, seen through a proxy that only this test's sessions use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.errors import AnalystError, UsageError
from csvanalyst_ext.execution import docker_image, factory
from tests.support.engine_proxy import EngineProxy

from .conftest import Fault

GONE = "sandbox_no_engine"


def test_an_engine_that_is_gone_before_the_question(fault: Fault, proxy: EngineProxy) -> None:
    with fault("engine gone before the question", ready=False, garbage=True) as stage:
        proxy.cut()
        with pytest.raises(AnalystError) as caught:
            stage.add()
        stage.sees_error(caught.value, GONE)
        del caught
        run = stage.fails("PYTHON: 1 + 1", GONE)
        assert run.result is None, "never another place to run"
        proxy.restore()


def test_an_engine_that_goes_during_a_question(fault: Fault, proxy: EngineProxy) -> None:
    with fault("engine gone during a question") as stage:
        run = stage.during("PYTHON: sum(i % 7 for i in range(60_000_000))", proxy.cut)
        stage.sees_error(run.error, "sandbox_lost")
        proxy.restore()


def test_an_engine_that_is_gone_after_the_question(fault: Fault, proxy: EngineProxy) -> None:
    with fault("engine gone after the question") as stage:
        proxy.cut()
        stage.fails("SQL: SELECT 1", GONE, "sandbox_lost")
        stage.fails("SQL: SELECT 1", GONE)
        proxy.restore()


def test_an_engine_that_takes_the_call_and_never_answers(fault: Fault, proxy: EngineProxy) -> None:
    with fault("engine hangs before the start", ready=False, start_timeout=8.0) as stage:
        proxy.freeze()
        started = time.monotonic()
        stage.fails("SQL: SELECT 1", "sandbox_start_timeout", GONE)
        assert time.monotonic() - started < 12.0
        proxy.thaw()


def test_an_engine_that_hangs_in_a_question(fault: Fault, proxy: EngineProxy) -> None:
    """A half-open stream: the connection stands, and nothing comes through it."""
    with fault("half-open stream (engine hangs in a question)") as stage:
        carrier = stage.carrier
        started = time.monotonic()
        run = stage.during("PYTHON: sum(i % 7 for i in range(60_000_000))", proxy.freeze, timeout=40.0)
        if carrier == "stream":
            stage.sees_error(run.error, "sandbox_unresponsive")
        else:
            assert run.error is None
            stage.sees("the answer: its bytes do not pass the engine")
        assert time.monotonic() - started < 60.0
        proxy.thaw()


def test_an_engine_that_hangs_when_the_session_ends(fault: Fault, proxy: EngineProxy) -> None:
    with fault("engine hangs at the end of the session") as stage:
        proxy.freeze()
        started = time.monotonic()
        stage.do(stage.session.reset())
        assert time.monotonic() - started < 12.0, "the end may not hang"
        stage.sees("nothing: the sandbox ends by itself")
        proxy.thaw()
        stage.do(stage.until(lambda: not stage.containers()))


def test_something_that_is_no_engine_answers(fault: Fault, proxy: EngineProxy) -> None:
    with fault("something else answers in the engine's place", ready=False) as stage:
        proxy.answer(b"SSH-2.0-dropbear\r\n")
        stage.fails("SQL: SELECT 1", GONE)
        proxy.answer(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        stage.fails("SQL: SELECT 1", GONE, "sandbox_engine_refused")
        proxy._answer = None


def test_an_engine_that_this_user_may_not_talk_to(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal itself is the kernel's; root is never refused, so the client is told of one."""
    with fault("no permission to talk to the engine", ready=False) as stage, monkeypatch.context() as patch:

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        patch.setattr("socket.socket.connect", refuse)
        stage.fails("SQL: SELECT 1", "sandbox_no_permission")
        patch.undo()


def test_an_image_that_is_not_there_is_named_with_the_command_that_makes_it(fault: Fault) -> None:
    with fault("image missing", ready=False) as stage:
        sound = stage.settings
        stage.close_session()
        stage.settings = Settings(**{**_fields(sound), "image": "csvanalyst-runner:no-such-tag"})
        stage.open()
        run = stage.fails("SQL: SELECT 1", "sandbox_no_image")
        assert run.error is not None
        assert "csvanalyst image build" in run.error.hint
        assert stage.containers() == []
        stage.close_session()
        stage.settings = sound
        stage.open()


def _fields(settings: Settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in Settings.__dataclass_fields__}


@pytest.fixture
def other_image(engine: docker.DockerClient, tmp_path: Path) -> Iterator[str]:
    """Another name for our image, with one label added; ``LABEL …`` in the file can change what it says."""
    tag = "csvanalyst-runner:test-faults"
    (tmp_path / "Dockerfile").write_text(f"FROM {docker_image.expected().tag}\nLABEL of-a-test=1\n")
    engine.images.build(path=str(tmp_path), tag=tag, rm=True, forcerm=True)
    yield tag
    if any(tag in image.tags for image in engine.images.list("csvanalyst-runner")):
        engine.images.remove(tag, force=True)


def test_an_image_that_is_removed_while_a_session_uses_it(fault: Fault, other_image: str) -> None:
    with fault("image removed during a session", ready=False, image=other_image) as stage:
        stage.ready()
        stage.engine.images.remove(other_image, force=True)
        stage.require_right()  # the running sandbox keeps what it has
        stage.engine.api.kill(stage.container())
        stage.do(stage.until(lambda: not stage.containers()))
        stage.fails("SQL: SELECT 1", "sandbox_no_image")
        stage.engine.images.get(docker_image.expected().tag).tag(*other_image.split(":"))


def test_an_image_with_another_protocol_is_refused(fault: Fault, engine: docker.DockerClient, tmp_path: Path) -> None:
    tag = "csvanalyst-runner:test-other-protocol"
    text = f"FROM {docker_image.expected().tag}\nLABEL {docker_image.LABEL_PROTOCOL}=0000\n"
    (tmp_path / "Dockerfile").write_text(text)
    engine.images.build(path=str(tmp_path), tag=tag, rm=True, forcerm=True)
    try:
        with fault("image of another version", ready=False, image=tag) as stage:
            stage.fails("SQL: SELECT 1", "sandbox_image_mismatch")
            assert stage.containers() == []
            stage.engine.images.get(docker_image.expected().tag).tag(*tag.split(":"))
    finally:
        engine.images.remove(tag, force=True)


def test_an_engine_that_refuses_the_sandbox(fault: Fault) -> None:
    with fault("engine refuses the sandbox (unknown runtime)", ready=False) as stage:
        sound = stage.settings
        stage.close_session()
        stage.settings = Settings(**{**_fields(sound), "docker_runtime": "no-such-runtime"})
        stage.open()
        stage.fails("SQL: SELECT 1", "sandbox_engine_refused", "sandbox_weak_spec")
        stage.close_session()
        stage.settings = sound
        stage.open()


def test_an_unknown_provider_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        factory.create(Settings(provider="bare-metal", memory=512 * MIB), session_id="x", data_dir=tmp_path)
    assert caught.value.code == "unknown_provider"
    assert "docker" in caught.value.hint
