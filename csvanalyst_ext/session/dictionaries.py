"""Finding, reading and writing data dictionaries.

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
from ..datasets.storage import storing
from ..errors import DataError, PlanError, UsageError
from ..planning.document import lines_of, parse
from ..planning.formula import BadFormula, read_formula, written
from ..planning.plan import Ref

ENDING: Final = ".dictionary.yaml"
MAX_BYTES: Final = 64 * 1024
ENTRIES: Final = ("version", "description", "synonyms", "key", "columns", "measures", "references")
_COLUMN: Final = ("description", "unit", "synonyms")
_MEASURE: Final = ("formula", "function", "column", "description", "unit", "synonyms")
_FUNCTIONS: Final = ("sum", "mean", "median", "min", "max", "count distinct", "stddev")
_MOST: Final = 200
_MOST_TEXT: Final = 300


def of_source(source: Source, given: Path | None) -> Dictionary | None:
    """The dictionary of ``source``: the file ``given``, else the one beside the data, else the manifest's words.

    Raises ``DataError`` (``dictionary_not_found``, ``bad_dictionary``).
    """
    if given is not None:
        return read(given)
    if not isinstance(source, FileSource):
        return None
    if source.shipped is not None:
        found = tuple(r for item in catalogue().sets for r in item.relationships)
        return of_shipped(source.shipped, found)
    beside = source.path.with_name(source.stem + ENDING)
    return read(beside) if beside.is_file() else None


def read(path: Path) -> Dictionary:
    """The dictionary in a file of at most ``MAX_BYTES``.

    Raises ``DataError``: ``dictionary_not_found``, or ``bad_dictionary`` with the ``line`` (from 1) among its
    details where the mistake has one.
    """
    if not path.is_file():
        hint = "Check the path after --dictionary."
        raise DataError("dictionary_not_found", f"There is no file {path}.", hint)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError("dictionary_not_found", f"{path} cannot be read ({error.strerror}).") from None
    if len(raw) > MAX_BYTES:
        raise _bad(path.name, f"It is larger than {MAX_BYTES // 1024} KiB.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _bad(path.name, "It is not UTF-8 text.", line) from None
    return dictionary_in(text, path.name)


def write(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a dictionary to ``path``, whole or not at all.

    Raises ``UsageError`` (``file_exists``) when there is something already and it is not to be replaced, and
    ``StorageError``.
    """
    place = path.with_name(f".{path.name}.writing") if overwrite else path
    with storing(path.parent):
        try:
            file = place.open("w" if overwrite else "x", encoding="utf-8")
        except FileExistsError:
            message = f"{path} is there already; nothing was written."
            raise UsageError("file_exists", message, "--overwrite replaces it.") from None
        try:
            with file:
                file.write(text)
            if overwrite:
                place.replace(path)
        except BaseException:
            place.unlink(missing_ok=True)
            raise


def dictionary_in(text: str, name: str) -> Dictionary:
    """The dictionary in a YAML or JSON text.  ``name`` is for messages.  Raises ``DataError`` (``bad_dictionary``)."""
    try:
        document = parse(text)
    except PlanError as error:
        raise _bad(name, error.message.replace("The plan", "The dictionary"), error.details.get("line")) from None
    return _Reader(name, lines_of(text)).dictionary(document)


@dataclass(frozen=True, slots=True)
class _Reader:
    """``lines`` are those at which the entries stand, by their place (``columns.amt.unit``)."""

    name: str
    lines: Mapping[str, int]

    def dictionary(self, document: Any) -> Dictionary:
        top = self.mapping(document, "", ENTRIES)
        if top.get("version", 1) not in (1, "1"):
            raise self.bad("version", f"This is version {top['version']!r}, and only version 1 is known.")
        return Dictionary(
            self.text(top.get("description"), "description"),
            self.texts(top.get("synonyms"), "synonyms"),
            tuple(self.column(str(name), value) for name, value in self.entries(top, "columns")),
            tuple(self.measure(str(name), value) for name, value in self.entries(top, "measures")),
            tuple(
                self.reference(value, f"references[{place}]")
                for place, value in enumerate(self.items(top.get("references"), "references"))
            ),
            self.texts(top.get("key"), "key"),
        )

    def column(self, name: str, value: Any) -> ColumnEntry:
        place = f"columns.{name}"
        entry = self.mapping(value or {}, place, _COLUMN)
        return ColumnEntry(
            name,
            self.text(entry.get("description"), f"{place}.description"),
            self.text(entry.get("unit"), f"{place}.unit"),
            self.texts(entry.get("synonyms"), f"{place}.synonyms"),
        )

    def measure(self, name: str, value: Any) -> MeasureEntry:
        """As a formula alone, as an entry with a formula, or with function and column."""
        place = f"measures.{name}"
        if isinstance(value, str):
            return MeasureEntry(name, self.formula(value, place))
        entry = self.mapping(value, place, _MEASURE)
        if "formula" in entry:
            formula = self.formula(entry["formula"], f"{place}.formula")
        else:
            function, column = entry.get("function"), self.text(entry.get("column"), f"{place}.column")
            if function not in _FUNCTIONS:
                known = ", ".join(_FUNCTIONS)
                raise self.bad(f"{place}.function", f"This must be one of {known}; or write a formula.")
            if not column:
                raise self.bad(place, "This names no column: write a formula, such as formula: sum(price * quantity).")
            distinct = "distinct " if function == "count distinct" else ""
            formula = f"{str(function).partition(' ')[0]}({distinct}{written(Ref(column))})"
        return MeasureEntry(
            name,
            formula,
            self.text(entry.get("description"), f"{place}.description"),
            self.text(entry.get("unit"), f"{place}.unit"),
            self.texts(entry.get("synonyms"), f"{place}.synonyms"),
        )

    def formula(self, value: Any, place: str) -> str:
        text = self.text(value, place)
        try:
            return str(read_formula(text))
        except BadFormula as bad:
            raise self.bad(place, f"{text[:80]!r} is no formula: {bad}.") from None

    def reference(self, value: Any, place: str) -> Reference:
        entry = self.mapping(value, place, ("columns", "refers_to"))
        columns = self.texts(entry.get("columns"), f"{place}.columns")
        targets = [target.partition(".") for target in self.texts(entry.get("refers_to"), f"{place}.refers_to")]
        tables = {table for table, _, _ in targets}
        if not columns or len(columns) != len(targets) or len(tables) != 1 or not all(all(t) for t in targets):
            message = (
                "This needs as many columns as it refers to, all of one table: columns: [a], refers_to: [table.b]."
            )
            raise self.bad(place, message)
        return Reference(columns, tables.pop(), tuple(key for _, _, key in targets))

    # --- values -----------------------------------------------------------------------------------

    def entries(self, top: Mapping[str, Any], name: str) -> Sequence[tuple[Any, Any]]:
        return tuple(self.mapping(top.get(name) or {}, name).items())

    def mapping(self, value: Any, place: str, known: Sequence[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.bad(place, "This must be a mapping (name: value).")
        for key in value:
            if known and key not in known:
                inner = f"{place}.{key}" if place else str(key)
                raise self.bad(inner, f"There is no entry {str(key)[:60]!r}; possible are {', '.join(known)}.")
        if len(value) > _MOST * 5:
            raise self.bad(place, f"This has more than {_MOST * 5} entries.")
        return value

    def items(self, value: Any, place: str) -> Sequence[Any]:
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > _MOST:
            raise self.bad(place, f"This must be a list of at most {_MOST} entries.")
        return value

    def text(self, value: Any, place: str) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            raise self.bad(place, f"Put {str(value).lower()} into quotes if the text is meant.")
        if not isinstance(value, str | int | float) or len(str(value)) > _MOST_TEXT:
            raise self.bad(place, f"This must be a text of at most {_MOST_TEXT} characters.")
        return str(value).strip()

    def texts(self, value: Any, place: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one."""
        many = [value] if isinstance(value, str) else self.items(value, place)
        return tuple(filter(None, (self.text(item, f"{place}[{n}]") for n, item in enumerate(many))))

    def bad(self, place: str, message: str) -> DataError:
        """The error for ``place``, with its line or that of what it stands in."""
        return _bad(self.name, f"{place}: {message}" if place else message, _line(self.lines, place))


def _line(lines: Mapping[str, int], place: str) -> int | None:
    while place and place not in lines:
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return lines.get(place)


def _bad(name: str, message: str, line: int | None = None) -> DataError:
    hint = "The format is in docs/reference/dictionary.md."
    where = f", line {line}" if line and f"line {line}" not in message else ""
    details = {"line": line} if line else {}
    return DataError("bad_dictionary", f"The dictionary {name}{where} cannot be used: {message}", hint, **details)
