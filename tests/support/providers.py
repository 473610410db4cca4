"""The sandbox providers that a suite can run against, and what each needs to be started.

A suite asks for the session fixture ``provider``: its tests then run once with each provider, which is
started before the first of them and stopped after the last.  Where one cannot run, its tests are skipped
with the reason.  ``CSVANALYST_PROVIDERS`` (names, separated by commas) says that these and no others must
run: what cannot run is then an error.  ``running`` is the same for code that is no test.

    from tests.support.providers import Provider

    def test_something(provider: Provider, tmp_path: Path) -> None:
        sandbox = Sandbox(tmp_path, provider.configure(Settings(memory=768 * MIB)))
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, Protocol

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import SandboxError
from csvanalyst_ext.execution import docker_client, docker_image

ROOT: Final = Path(__file__).resolve().parents[2]
GVISOR: Final = Path(os.environ.get("CSVANALYST_GVISOR_DIR") or ROOT / ".cache" / "gvisor").absolute()
GVISOR_HOST: Final = f"unix://{GVISOR}/docker.sock"
BUSY: Final = 300.0
"""Seconds that an engine may take to write or read an image."""
READY: Final = "the engine is ready"


class Outside(Protocol):
    """A provider seen from outside, past the executor."""

    def sandboxes(self, session: str) -> list[str]:
        """What exists of a session, running or not."""

    def kill(self, sandbox: str) -> None:
        """End a sandbox as bad luck would."""


@dataclass(frozen=True)
class Provider:
    """``settings`` are the changes to ``config.Settings`` that choose it.

    ``slowness`` is how many seconds may pass here for what takes one second with ``docker-runc``: for the bounds
    of tests.  ``one_fate``: too much memory or too many processes end the sandbox, and not only the worker.
    """

    name: str
    outside: Outside
    settings: Mapping[str, Any] = field(default_factory=dict)
    available: bool = True
    why_not: str = ""
    slowness: float = 1.0
    one_fate: bool = False
    start: Callable[[], AbstractContextManager[None]] = field(default=nullcontext, repr=False)

    def configure(self, settings: Settings | None = None) -> Settings:
        """These settings (the defaults if none), with what this provider needs."""
        return replace(settings or Settings(), **self.settings)


class CannotRun(Exception):
    """A provider cannot run here; the text says why."""


def known() -> tuple[Provider, ...]:
    """All providers, as far as can be told without starting anything."""
    runc = Provider("docker-runc", Docker(), start=_machines_engine)
    why_not = _why_no_gvisor()
    gvisor = Provider(
        "docker-gvisor",
        Docker(GVISOR_HOST),
        {"docker_host": GVISOR_HOST, "docker_runtime": "runsc"},
        available=not why_not,
        why_not=why_not,
        slowness=5.0,
        one_fate=True,
        start=_gvisors_engine,
    )
    return runc, gvisor


def wanted() -> tuple[Provider, ...]:
    """Those that ``CSVANALYST_PROVIDERS`` names, or all.  Raises ``pytest.UsageError`` for an unknown name."""
    providers = {provider.name: provider for provider in known()}
    names = os.environ.get("CSVANALYST_PROVIDERS")
    if not names:
        return tuple(providers.values())
    chosen = [name.strip() for name in names.split(",")]
    if unknown := [name for name in chosen if name not in providers]:
        raise pytest.UsageError(f"CSVANALYST_PROVIDERS: {unknown[0]!r} is not one of {', '.join(providers)}")
    return tuple(providers[name] for name in chosen)


@contextmanager
def running(provider: Provider) -> Iterator[Provider]:
    """The provider, started; what was started is stopped at the end.  Raises ``CannotRun``."""
    if not provider.available:
        raise CannotRun(provider.why_not)
    with provider.start():
        yield provider


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider" in metafunc.fixturenames:
        chosen = wanted()
        metafunc.parametrize("provider", chosen, indirect=True, ids=[one.name for one in chosen], scope="session")


@pytest.fixture(scope="session")
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """Each provider in turn."""
    try:
        with running(request.param) as started:
            yield started
    except CannotRun as error:
        if os.environ.get("CSVANALYST_PROVIDERS"):
            raise
        pytest.skip(f"{request.param.name}: {error}")


# --- Docker ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Docker:
    """The engine at ``host``; the machine's if that is empty."""

    host: str = ""

    def sandboxes(self, session: str) -> list[str]:
        with closing(docker_client.connect(host=self.host)) as client:
            found = client.api.containers(all=True, filters={"label": f"csvanalyst.session={session}"})
            return [container["Id"] for container in found]

    def kill(self, sandbox: str) -> None:
        with closing(docker_client.connect(host=self.host)) as client:
            client.api.kill(sandbox)


# --- docker-runc ----------------------------------------------------------------------------------


@contextmanager
def _machines_engine() -> Iterator[None]:
    """Nothing to start: `make` has seen to the engine and the image."""
    try:
        with closing(docker_client.connect()) as client:
            docker_image.find(client)
    except SandboxError as error:
        raise CannotRun(str(error)) from error
    yield


# --- docker-gvisor --------------------------------------------------------------------------------


def _why_no_gvisor() -> str:
    if sys.platform != "linux":
        return "gVisor runs on Linux only"
    if shutil.which("runsc") is None and shutil.which("apt-get") is None:
        return "runsc is not installed, and cannot be with apt-get"
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        return "a second engine needs root"
    return ""


@contextmanager
def _gvisors_engine() -> Iterator[None]:
    """An engine of our own (see .ci/gvisor.py) for as long as this process holds on to it, even if it is killed."""
    command = [sys.executable, str(ROOT / ".ci" / "gvisor.py"), "run", "--", "sh", "-c", f"echo '{READY}'; cat"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CSVANALYST_GVISOR_DIR": str(GVISOR)},
        start_new_session=True,  # an interrupt is for the tests, which stop the engine when they are done
    ) as process:
        assert process.stdout is not None
        said = _until_ready(process.stdout)
        if said is not None:
            raise CannotRun(said)
        _bring_image()
        yield
        process.communicate()  # closes its input, which ends the engine after its last user


def _until_ready(lines: IO[str]) -> str | None:
    """``None`` once it is ready; what was said instead when it ends before."""
    said = []
    for line in lines:
        if line.strip() == READY:
            return None
        said.append(line)
    return "".join(said).strip() or "the second engine did not start"


def _bring_image() -> None:
    """Copy the runner's image from the machine's engine, and see that the runtime runs it.  Raises ``CannotRun``."""
    import docker

    tag = docker_image.expected().tag
    try:
        with (
            closing(docker_client.connect(BUSY)) as ours,
            closing(docker_client.connect(BUSY, host=GVISOR_HOST)) as theirs,
        ):
            if docker_image.find(ours) not in [image.id for image in theirs.images.list()]:
                for old in theirs.images.list(filters={"label": f"{docker_image.LABEL_IMAGE}=1"}):
                    theirs.images.remove(str(old.id), force=True)
                theirs.api.load_image(ours.api.get_image(tag))
            theirs.containers.run(tag, ["--help"], runtime="runsc", network_mode="none", remove=True)
    except (SandboxError, docker.errors.DockerException) as error:
        raise CannotRun(f"gVisor's engine cannot run the image: {error}") from error
