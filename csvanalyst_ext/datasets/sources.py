"""What a person means by the text after ``add``: files, a shipped data set, or a variable.

Runs on the host.  Looks at names and at what kind of thing lies there; opens no file (see ``staging``).

The order, strongest first:

1. ``shipped:NAME`` and ``variable:NAME`` say it outright;
2. a file that exists is that file, whatever else has the name (``*`` and ``[`` in an existing name too);
3. a text with ``*``, ``?`` or ``[`` is a pattern for files, ``**`` reaches into directories;
4. a variable of the notebook that holds a frame;
5. a shipped data set or one of its tables.

When a stronger meaning hides another, the source carries a note that says how to get the other one.
"""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..errors import DataError, UsageError
from .formats import Format, format_of, stem_of
from .frames import frame_kind
from .shipped import Catalogue, ShippedFile, catalogue

MAX_FILES: Final = 500
SHIPPED: Final = "shipped:"
VARIABLE: Final = "variable:"
_REMOTE: Final = re.compile(r"(?i)[a-z][a-z0-9+.-]+://")
_PATTERN: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file to stage and ingest.  ``label`` is what ``Dataset.source`` says; ``stem`` suggests the table's
    name.  ``path`` is absolute; its last part may be a link, which staging refuses."""

    path: Path
    format: Format
    label: str
    stem: str
    shipped: ShippedFile | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameSource:
    """A variable of the notebook.  ``kind`` is for people: ``pandas DataFrame`` …"""

    variable: str
    value: Any
    kind: str
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"variable {self.variable}"

    @property
    def stem(self) -> str:
        return self.variable


Source = FileSource | FrameSource


def resolve(
    text: str, *, cwd: Path, variables: Mapping[str, Any], shipped: Catalogue | None = None
) -> tuple[Source, ...]:
    """The sources that ``text`` means, at least one; files of a pattern in the order of their names.

    Raises ``UsageError`` (``no_source``) or ``DataError``: ``data_not_found``, ``data_is_directory``,
    ``data_not_frame``, ``data_remote``, ``too_many_files``, ``format_not_supported``.
    """
    text = text.strip()
    if not text or "\0" in text:
        raise UsageError("no_source", "There is nothing to add.", "Give a file, a pattern, a data set or a variable.")
    shipped = catalogue() if shipped is None else shipped
    if text.lower().startswith(SHIPPED):
        return _shipped(text[len(SHIPPED) :].strip(), shipped)
    if text.lower().startswith(VARIABLE):
        return (_variable(text[len(VARIABLE) :].strip(), variables),)
    if _REMOTE.match(text):
        raise DataError(
            "data_remote",
            f"{text!r} is a remote address, and the sandbox has no network.",
            "Download the file and add it from disk.",
        )
    path = _absolute(text, cwd)
    if _exists(path) and not _is_directory(path):
        return (_noted(_file(path, text), _hidden(text, variables, shipped)),)
    if _PATTERN.search(text):
        return _pattern(text, cwd)
    if frame_kind(variables.get(text)):
        return (_noted(_variable(text, variables), _hidden(text, {}, shipped)),)
    if shipped.find(text):
        return _shipped(text, shipped)
    raise _nothing(text, path, variables, shipped)


def _file(path: Path, label: str) -> FileSource:
    return FileSource(path, format_of(path), label, stem_of(path))


def _shipped(name: str, shipped: Catalogue) -> tuple[Source, ...]:
    files = shipped.find(name)
    if files is None:
        raise DataError(
            "data_not_found",
            f"There is no shipped data set named {name!r}.",
            _did_you_mean(shipped.close_names(name)) or f"Shipped are: {', '.join(shipped.names())}.",
        )
    return tuple(
        FileSource(file.path, format_of(file.path), f"{SHIPPED}{file.name}", file.name, shipped=file) for file in files
    )


def _variable(name: str, variables: Mapping[str, Any]) -> FrameSource:
    if name not in variables:
        close = difflib.get_close_matches(name, _frames(variables), n=3)
        raise DataError("data_not_found", f"There is no variable named {name!r}.", _did_you_mean(close))
    value = variables[name]
    kind = frame_kind(value)
    if kind is None:
        raise _not_frame(name, value)
    return FrameSource(name, value, kind)


def _pattern(text: str, cwd: Path) -> tuple[Source, ...]:
    expanded = str(_absolute(text, cwd))
    found: list[Path] = []
    for name in glob.iglob(expanded, recursive=True):  # noqa: PTH207 Path.glob takes no absolute pattern
        path = Path(name)
        if _is_directory(path) and not path.is_symlink():
            continue
        found.append(path)
        if len(found) > MAX_FILES:
            raise DataError(
                "too_many_files",
                f"The pattern {text!r} matches more than {MAX_FILES} files.",
                "Narrow it, or join the files into one first.",
            )
    if not found:
        raise DataError("data_not_found", f"No file matches the pattern {text!r}.", _files_beside(Path(expanded)))
    return tuple(_file(path, str(path)) for path in sorted(found))


def _nothing(text: str, path: Path, variables: Mapping[str, Any], shipped: Catalogue) -> DataError:
    if _is_directory(path):
        return DataError(
            "data_is_directory",
            f"{text!r} is a directory.",
            f"Add the files in it with a pattern, for example {text.rstrip('/')}/*.csv.",
        )
    if text in variables:
        return _not_frame(text, variables[text])
    if "/" in text:
        close: list[str] = []
    else:
        close = [*difflib.get_close_matches(text, _frames(variables), n=2), *shipped.close_names(text)]
    where = "" if _is_directory(path.parent) else f" The directory {str(path.parent)!r} does not exist."
    hint = _did_you_mean([*_close_files(path), *close]) or _files_beside(path)
    shown = text if len(text) <= 200 else f"{text[:199]}…"
    return DataError("data_not_found", f"There is no file, data set or DataFrame variable {shown!r}.{where}", hint)


def _not_frame(name: str, value: Any) -> DataError:
    kind = type(value)
    hint = "Assign a pandas or polars DataFrame, or an Arrow table, to a variable and add that."
    if kind.__name__ == "LazyFrame":
        hint = f"Collect it first: {name} = {name}.collect()"
    return DataError(
        "data_not_frame", f"The variable {name!r} is a {kind.__module__}.{kind.__qualname__}, not a table.", hint
    )


def _hidden(text: str, variables: Mapping[str, Any], shipped: Catalogue) -> tuple[str, ...]:
    """What else the text could have meant, and how to say that."""
    notes = []
    if frame_kind(variables.get(text)):
        notes.append(f"A file named {text!r} was taken; the variable of that name is {VARIABLE}{text}.")
    if shipped.find(text):
        notes.append(f"The shipped data set of the same name is {SHIPPED}{text}.")
    return tuple(notes)


def _noted(source: Source, notes: tuple[str, ...]) -> Source:
    return replace(source, notes=notes) if notes else source


def _absolute(text: str, cwd: Path) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise DataError("data_not_found", f"{text!r} names the home directory of an unknown user.") from error
    return path if path.is_absolute() else cwd / path


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long, a loop of links
        return False


def _frames(variables: Mapping[str, Any]) -> list[str]:
    return [name for name, value in variables.items() if not name.startswith("_") and frame_kind(value)]


def _listing(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))[:5000]
    except OSError:
        return []


def _close_files(path: Path) -> list[str]:
    return difflib.get_close_matches(path.name, _listing(path.parent), n=3)


def _files_beside(path: Path) -> str:
    names = [name for name in _listing(path.parent) if Path(name).suffix.lower() in {".csv", ".gz", ".parquet", ".tsv"}]
    return f"In {str(path.parent)!r} there are: {', '.join(names[:5])}{', …' if names[5:] else ''}." if names else ""


def _did_you_mean(names: list[str] | tuple[str, ...]) -> str:
    return f"Did you mean {' or '.join(dict.fromkeys(map(repr, names)))}?" if names else ""
