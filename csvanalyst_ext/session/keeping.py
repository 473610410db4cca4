"""Writes a session's runs as capsules, and removes old ones now and then.

Runs on the host, on the engine's loop; removing runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
from importlib import metadata
from typing import Final

from ..capsules.store import Retention, Store
from ..config import Settings
from ..errors import StorageError
from .run import Run, files_of, record_of

TIDY_EVERY: Final = 50
"""Runs after which it is looked again whether older ones are to go."""


class Keeper:
    """Keeps runs in ``store``."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._retention = Retention(settings.keep_days, settings.keep_runs, settings.keep_bytes)
        self._kept = 0
        self._tidying: asyncio.Task[int] | None = None

    def keep(self, run: Run) -> Run:
        """Write the capsule.  A disk that fails costs the capsule, never the answer."""
        tables, figures = files_of(run)
        try:
            path = self._store.save(record_of(run, _versions()), tables, figures, messages=run.messages, id=run.id)
        except StorageError as error:
            return run.stored(None, f"This run was not kept: {error}")
        return run.stored(path)

    def tidy(self) -> None:
        """Now and then remove the runs that are past their retention, in the background."""
        if self._kept % TIDY_EVERY == 0:
            self._tidying = asyncio.create_task(asyncio.to_thread(self._store.prune, self._retention))
        self._kept += 1


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("csvanalyst", "pyarrow", "litellm", "docker"):
        with contextlib.suppress(metadata.PackageNotFoundError, OSError):  # no descriptor left to read them with
            found[name] = metadata.version(name)
    return found
