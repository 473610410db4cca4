"""A sandbox starts before it is needed, goes when it is not, and nobody notices either."""

from __future__ import annotations

import time

import pytest

from csvanalyst_ext.errors import AnalystError
from tests.support.engine_proxy import EngineProxy

from .conftest import Fault


def test_registering_known_data_starts_the_sandbox_and_does_not_wait_for_it(fault: Fault) -> None:
    with fault("registration while the sandbox starts") as stage:
        stage.do(stage.session.reset())
        assert "container" not in stage.session.facts()
        began = time.monotonic()
        stage.add()
        registered = time.monotonic() - began
        stage.do(stage.until(lambda: "container" in stage.session.facts()))
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert run.timings["start"] < 0.1, "the sandbox was there"
        assert registered < 0.5, "it waited for the sandbox"
        stage.sees("nothing: the first answer is quick")


def test_a_sandbox_that_nobody_asked_goes_too(fault: Fault) -> None:
    with fault("sandbox started early and never asked", idle_timeout=1.0) as stage:
        stage.do(stage.session.reset())
        stage.add()
        stage.do(stage.until(stage.containers))
        stage.do(stage.until(lambda: not stage.containers()))
        assert "container" not in stage.session.facts()
        stage.sees("nothing: it is removed")


def test_an_idle_sandbox_goes_and_returns_unnoticed(fault: Fault) -> None:
    with fault("idle sandbox", idle_timeout=0.5) as stage:
        before = stage.session.facts()
        stage.do(stage.until(lambda: not stage.containers()))
        after = stage.session.facts()
        assert "container" in before
        assert "container" not in after
        assert after["image"] == before["image"]
        stage.require_right()
        stage.sees("nothing: it returns")


def test_the_error_of_an_early_start_is_told_once_by_what_needs_it(fault: Fault, proxy: EngineProxy) -> None:
    with fault("early start fails", ready=False, garbage=True) as stage:
        proxy.cut()
        with pytest.raises(AnalystError) as caught:
            stage.add()
        stage.sees_error(caught.value, "sandbox_no_engine")
        proxy.restore()
        del caught
