"""Which provider gives the sandbox: the one place where ``SANDBOX_PROVIDER`` is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ..config import Settings
from ..errors import UsageError
from .base import Executor


def _docker(settings: Settings, session_id: str, data_dir: Path) -> Executor:
    from .docker import DockerExecutor

    return DockerExecutor(settings, session_id=session_id, data_dir=data_dir)


PROVIDERS: Final[Mapping[str, Callable[[Settings, str, Path], Executor]]] = {"docker": _docker}


def create(settings: Settings, *, session_id: str, data_dir: Path) -> Executor:
    """The executor of a session; ``data_dir`` holds its ``incoming`` and ``tables``.  Starts nothing.

    Raises ``UsageError`` (``unknown_provider``), listing the known ones.
    """
    provider = PROVIDERS.get(settings.provider)
    if provider is None:
        raise UsageError(
            "unknown_provider",
            f"There is no sandbox provider {settings.provider!r}.",
            f"Set SANDBOX_PROVIDER to one of: {', '.join(sorted(PROVIDERS))}.",
        )
    return provider(settings, session_id, data_dir)
