"""The data sets of a session, by name.

Runs on the host; pure but for asking the disk whether a source has changed.  A registry never
changes: ``add`` and ``remove`` give a new one, so a question keeps what it started with and an
``add`` that fails half way changes nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DataError
from .model import Dataset
from .naming import fold
from .opening import Signature, signature
from .sources import FileSource, Source


@dataclass(frozen=True, slots=True)
class Registered:
    """A data set and where it came from.  ``signature`` is the file's when it was read; ``None`` for a variable.
    ``key`` is that of its cache entry, which pruning must keep."""

    dataset: Dataset
    source: Source
    signature: Signature | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A source file that is not what was read: ``changed``, or ``missing`` (the table can still be used)."""

    registered: Registered
    what: Literal["changed", "missing"]


@dataclass(frozen=True, slots=True)
class Registry:
    """Data sets in the order in which they were first added.  Names ignore case."""

    items: tuple[Registered, ...] = ()

    def add(self, item: Registered) -> Registry:
        """With ``item`` added; it takes the place of one that has its name."""
        wanted = fold(item.dataset.name)
        if any(fold(other.dataset.name) == wanted for other in self.items):
            return Registry(tuple(item if fold(old.dataset.name) == wanted else old for old in self.items))
        return Registry((*self.items, item))

    def remove(self, name: str) -> Registry:
        """Without that data set.  Raises ``DataError`` (``data_unknown``)."""
        gone = self.find(name)
        return Registry(tuple(item for item in self.items if item is not gone))

    def find(self, name: str) -> Registered:
        """The data set of that name.  Raises ``DataError`` (``data_unknown``) with names that look like it."""
        for item in self.items:
            if fold(item.dataset.name) == fold(name):
                return item
        close = difflib.get_close_matches(fold(name), self.names, n=3, cutoff=0.5)
        if close:
            hint = f"Did you mean {' or '.join(map(repr, close))}?"
        elif self.items:
            hint = f"There are: {', '.join(self.names)}."
        else:
            hint = "None has been added yet."
        raise DataError("data_unknown", f"There is no data set named {name!r}.", hint)

    def of_source(self, source: Source) -> Registered | None:
        """The data set that was made from the same file or variable, so that adding it again renews it."""
        wanted = _origin(source)
        return next((item for item in self.items if _origin(item.source) == wanted), None)

    def changed(self) -> tuple[Change, ...]:
        """The file sources that are not as they were read.  Looks at the disk; opens nothing."""
        changes = []
        for item in self.items:
            if item.signature is None or not isinstance(item.source, FileSource):
                continue
            now = signature(item.source.path)
            if now != item.signature:
                changes.append(Change(item, "missing" if now is None else "changed"))
        return tuple(changes)

    def tables(self, names: tuple[str, ...] | None = None) -> dict[str, str]:
        """Table name -> file in the tables directory, of all or of these data sets."""
        chosen = self.items if names is None else tuple(self.find(name) for name in names)
        return {item.dataset.name: item.dataset.file for item in chosen}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(item.dataset.name for item in self.items)

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple(item.dataset for item in self.items)

    @property
    def cache_keys(self) -> frozenset[str]:
        """Cache entries in use."""
        return frozenset(item.key for item in self.items if item.key)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Registered]:
        return iter(self.items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(fold(item.dataset.name) == fold(name) for item in self.items)


def _origin(source: Source) -> tuple[str, str]:
    if isinstance(source, FileSource):
        return "file", str(Path(source.path))
    return "variable", source.variable
