"""What happens to the sandbox, and what the person hears: one typed error, then business as usual."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets.owners import started
from csvanalyst_ext.errors import EngineUnavailable, ImageUnavailable, SandboxError, SandboxLost, UsageError
from csvanalyst_ext.execution import docker_client, docker_reaper, factory
from csvanalyst_ext.protocol import Limits, PythonRequest, SqlRequest
from tests.support.engine_proxy import EngineProxy
from tests.support.sandbox import Sandbox

ENDLESS = PythonRequest("while True: pass", None, Limits(timeout=60))


def while_running(sandbox: Sandbox, happen: Callable[[], Any]) -> BaseException | None:
    """Start an endless question, let something ``happen``, and say what the question raised."""

    async def both() -> BaseException | None:
        task = asyncio.ensure_future(sandbox.executor.run(ENDLESS))
        await asyncio.wait({task}, timeout=0.5)
        await asyncio.to_thread(happen)
        await asyncio.wait({task}, timeout=10)
        assert task.done()
        return task.exception()

    return sandbox.do(both())


def test_a_paused_container_is_given_up_after_the_deadline(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.value("SELECT 1")
    [container] = sandbox.containers()
    sandbox.client.api.pause(container)
    with pytest.raises(SandboxLost) as caught:
        sandbox.do(sandbox.executor.run(SqlRequest("SELECT 1", limits=Limits(timeout=0.5))))
    assert caught.value.code == "sandbox_unresponsive"
    assert sandbox.value("SELECT count(*) FROM flights") == 5
    assert container not in sandbox.containers()


def test_an_engine_that_dies_in_a_query_is_one_error_and_its_return_is_noticed(
    new_sandbox: Callable[..., Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = EngineProxy(tmp_path / "engine.sock")
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", proxy.address)
        sandbox = new_sandbox()
        sandbox.value("SELECT 1")
        assert isinstance(while_running(sandbox, proxy.cut), SandboxError)
        with pytest.raises(EngineUnavailable) as caught:
            sandbox.sql("SELECT 1")
        assert caught.value.code == "sandbox_no_engine"
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_without_an_engine_there_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EngineUnavailable) as caught:
        docker_client.connect()
    assert caught.value.code == "sandbox_no_engine"
    assert "doctor" in caught.value.hint


def test_an_image_that_is_not_there_is_named_with_the_command_that_makes_it(
    new_sandbox: Callable[..., Sandbox],
) -> None:
    sandbox = new_sandbox(Settings(image="csvanalyst-runner:no-such-tag"))
    with pytest.raises(ImageUnavailable) as caught:
        sandbox.sql("SELECT 1")
    assert caught.value.code == "sandbox_no_image"
    assert "csvanalyst image build" in caught.value.hint
    assert sandbox.containers() == []


def test_an_image_with_another_protocol_is_refused(new_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = new_sandbox()
    sandbox.do(sandbox.executor.start())
    image = sandbox.executor.facts()["image"]
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nLABEL csvanalyst.protocol=0000\n")
    sandbox.client.images.build(path=str(tmp_path), tag="csvanalyst-runner:test-other-protocol", rm=True, forcerm=True)
    try:
        mismatched = new_sandbox(Settings(image="csvanalyst-runner:test-other-protocol"))
        with pytest.raises(ImageUnavailable) as caught:
            mismatched.sql("SELECT 1")
        assert caught.value.code == "sandbox_image_mismatch"
        assert mismatched.containers() == []
    finally:
        sandbox.client.images.remove("csvanalyst-runner:test-other-protocol", force=True)


def test_an_unknown_provider_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        factory.create(Settings(provider="bare-metal"), session_id="x", data_dir=tmp_path)
    assert caught.value.code == "unknown_provider"
    assert "docker" in caught.value.hint


def test_an_idle_container_that_disappears_is_replaced_unnoticed(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.value("SELECT 1")
    [container] = sandbox.containers()
    docker_reaper.remove(sandbox.client, container)
    sandbox.do(asyncio.sleep(0.2))
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_the_reaper_removes_what_a_dead_owner_left_and_nothing_else(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.value("SELECT 1")
    image = sandbox.executor.facts()["image"]
    labels = {"csvanalyst": "1", docker_reaper.HOST: docker_reaper.machine(), docker_reaper.OWNER: "999999999:1"}
    dead = sandbox.client.api.create_container(image, labels=labels)["Id"]
    mine = {**labels, docker_reaper.OWNER: f"{os.getpid()}:{started(os.getpid())}"}
    alive = sandbox.client.api.create_container(image, labels=mine)["Id"]
    try:
        assert docker_reaper.reap(sandbox.client) >= 1
        left = {c["Id"] for c in sandbox.client.api.containers(all=True, filters={"label": "csvanalyst=1"})}
        assert dead not in left
        assert alive in left
        assert set(sandbox.containers()) <= left
    finally:
        docker_reaper.remove(sandbox.client, alive)
