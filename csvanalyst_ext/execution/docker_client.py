"""Find the Docker engine, and say clearly when there is none.

Runs on the host.  The docker package is imported only when a client is wanted.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..errors import EngineUnavailable

if TYPE_CHECKING:
    import docker

_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})


def connect(timeout: float = 30.0, *, host: str = "") -> docker.DockerClient:
    """A client of the engine at ``host``, or that ``DOCKER_HOST``, the current Docker context or the default
    socket names.

    ``timeout`` (seconds) bounds each call.  Raises ``EngineUnavailable``: ``sandbox_no_permission``
    when this user may not talk to the engine, ``sandbox_no_engine`` otherwise.
    """
    import docker

    try:
        # Asking which version to speak is a first call, so whoever gets a client knows that the engine answers.
        return docker.DockerClient(base_url=host or _address(), timeout=timeout, version="auto")  # type: ignore[arg-type]
    except (docker.errors.DockerException, OSError) as error:
        raise unavailable(error) from error


@contextmanager
def hurried(client: docker.DockerClient, seconds: int = 5) -> Iterator[None]:
    """Calls in the block may take no longer: what winds up or explains must not wait for an engine that hangs."""
    patience, client.api.timeout = client.api.timeout, seconds
    try:
        yield
    finally:
        client.api.timeout = patience


def _address() -> str | None:
    from docker.context import ContextAPI

    if "DOCKER_HOST" in os.environ:
        return os.environ["DOCKER_HOST"]
    context = ContextAPI.get_current_context()
    return context.Host if context is not None else None


def unavailable(error: BaseException) -> EngineUnavailable:
    """The typed form of an error in talking to the engine."""
    if any(getattr(cause, "errno", None) in _NO_DESCRIPTORS for cause in _causes(error)):
        return EngineUnavailable(
            "sandbox_no_descriptors",
            "This process has too many files open to reach the Docker engine, so nothing was run.",
            "Close files or connections that are no longer needed, or raise the limit (ulimit -n) and restart it.",
        )
    if any(isinstance(cause, PermissionError) for cause in _causes(error)):
        return EngineUnavailable(
            "sandbox_no_permission",
            "A Docker engine is there, but this user may not talk to it, so nothing was run.",
            "Add the user to the docker group (sudo usermod -aG docker $USER, then log in again), or use a rootless "
            "engine.",
        )
    return EngineUnavailable(
        "sandbox_no_engine",
        "No Docker engine answers, so nothing was run.",
        "Start Docker Desktop or the engine (sudo systemctl start docker); `csvanalyst doctor` tells more.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps; requests and urllib3 keep causes in ``args``."""
    todo: list[BaseException] = [error]
    seen: set[int] = set()
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        nested = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        todo += [item for item in nested if isinstance(item, BaseException)]
