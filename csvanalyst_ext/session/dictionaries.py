"""Finding and reading data dictionaries.

Runs on the host.  Reads a small YAML file that the person named or that lies beside the data
(``NAME.dictionary.yaml``); of shipped data, the manifest says the same.  The format is in
``docs/reference/dictionary.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..datasets.dictionary import ColumnEntry, Dictionary, MeasureEntry, Reference, of_shipped
from ..datasets.shipped import catalogue
from ..datasets.sources import FileSource, Source
from ..errors import DataError, PlanError
from ..planning.document import parse

ENDING: Final = ".dictionary.yaml"
MAX_BYTES: Final = 64 * 1024
_ENTRIES: Final = ("version", "description", "synonyms", "columns", "measures", "references")
_MOST: Final = 200
_MOST_TEXT: Final = 300
_FUNCTIONS: Final = ("sum", "mean", "median", "min", "max", "count distinct", "stddev")


def of_source(source: Source, given: Path | None) -> Dictionary | None:
    """The dictionary of ``source``: the file ``given``, else the one beside the data, else the manifest's words.

    Raises ``DataError`` (``dictionary_not_found``, ``bad_dictionary``).
    """
    if given is not None:
        if not given.is_file():
            raise DataError("dictionary_not_found", f"There is no file {given}.", "Check the path after --dictionary.")
        return read(given)
    if not isinstance(source, FileSource):
        return None
    if source.shipped is not None:
        found = tuple(r for item in catalogue().sets for r in item.relationships)
        return of_shipped(source.shipped, found)
    beside = source.path.with_name(source.stem + ENDING)
    return read(beside) if beside.is_file() else None


def read(path: Path) -> Dictionary:
    """The dictionary in a file of at most ``MAX_BYTES``.  Raises ``DataError`` (``bad_dictionary``)."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise _bad(path.name, f"It is larger than {MAX_BYTES // 1024} KiB.")
    try:
        document = parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise _bad(path.name, "It is not UTF-8 text.") from None
    except PlanError as error:
        raise _bad(path.name, error.message.replace("The plan", "The dictionary")) from None
    return dictionary_of(document, path.name)


def dictionary_of(document: Any, name: str) -> Dictionary:
    """The dictionary in YAML's values.  ``name`` is for messages.  Raises ``DataError`` (``bad_dictionary``)."""
    reader = _Reader(name)
    top = reader.mapping(
        document, "the file", ("version", "description", "synonyms", "columns", "measures", "references")
    )
    if top.get("version", 1) not in (1, "1"):
        raise _bad(name, f"Its version is {top['version']!r}, and only version 1 is known.")
    columns, measures, references = [], [], []
    for column, value in reader.mapping(top.get("columns") or {}, "columns").items():
        entry = reader.mapping(value or {}, f"columns.{column}", ("description", "unit", "synonyms"))
        columns.append(
            ColumnEntry(
                str(column),
                reader.text(entry.get("description", ""), f"columns.{column}.description"),
                reader.text(entry.get("unit", ""), f"columns.{column}.unit"),
                reader.texts(entry.get("synonyms"), f"columns.{column}.synonyms"),
            )
        )
    for measure, value in reader.mapping(top.get("measures") or {}, "measures").items():
        place = f"measures.{measure}"
        entry = reader.mapping(value, place, ("function", "column", "description"))
        function = entry.get("function")
        if function not in _FUNCTIONS:
            raise _bad(name, f"{place}.function must be one of {', '.join(_FUNCTIONS)}.")
        column = reader.text(entry.get("column", ""), f"{place}.column")
        if not column:
            raise _bad(name, f"{place} names no column.")
        measures.append(
            MeasureEntry(
                str(measure), function, column, reader.text(entry.get("description", ""), f"{place}.description")
            )
        )
    for place_number, value in enumerate(reader.items(top.get("references"), "references")):
        references.append(_reference(value, f"references[{place_number}]", reader))
    return Dictionary(
        reader.text(top.get("description", ""), "description"), reader.texts(top.get("synonyms"), "synonyms"),
        tuple(columns), tuple(measures), tuple(references),
    )  # fmt: skip


def _reference(value: Any, place: str, reader: _Reader) -> Reference:
    entry = reader.mapping(value, place, ("columns", "refers_to"))
    columns = reader.texts(entry.get("columns"), f"{place}.columns")
    targets = [target.rpartition(".") for target in reader.texts(entry.get("refers_to"), f"{place}.refers_to")]
    tables = {table for table, _, _ in targets}
    if not columns or len(columns) != len(targets) or len(tables) != 1 or "" in tables:
        message = (
            f"{place} needs as many columns as it refers to, all of one table: columns: [a], refers_to: [table.b]."
        )
        raise _bad(reader.name, message)
    return Reference(columns, tables.pop(), tuple(key for _, _, key in targets))


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str

    def mapping(self, value: Any, place: str, known: Sequence[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise _bad(self.name, f"{place} must be a mapping (name: value).")
        for key in value:
            if known and key not in known:
                raise _bad(self.name, f"{place} has an entry {str(key)[:60]!r}; possible are {', '.join(known)}.")
        if len(value) > _MOST * 5:
            raise _bad(self.name, f"{place} has more than {_MOST * 5} entries.")
        return value

    def items(self, value: Any, place: str) -> Sequence[Any]:
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > _MOST:
            raise _bad(self.name, f"{place} must be a list of at most {_MOST} entries.")
        return value

    def text(self, value: Any, place: str) -> str:
        if not isinstance(value, str | int | float) or len(str(value)) > _MOST_TEXT:
            raise _bad(self.name, f"{place} must be a text of at most {_MOST_TEXT} characters.")
        return str(value).strip()

    def texts(self, value: Any, place: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one."""
        many = [value] if isinstance(value, str) else self.items(value, place)
        return tuple(self.text(item, place) for item in many)


def _bad(name: str, message: str) -> DataError:
    hint = "The format is in docs/reference/dictionary.md."
    return DataError("bad_dictionary", f"The dictionary {name} cannot be used: {message}", hint)
