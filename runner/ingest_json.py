"""JSON lines and arrays of JSON objects.

Runs in the sandbox, in the ingest worker.  The fast road is the engine's reader, told to look at all
of the file before it decides on types.  Where that would lose something (integers above 64 bits, keys
that differ only in case, values that are not objects) each record is read exactly, as texts.
"""
# ruff: noqa: S608 - identifiers are generated or quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import duckdb
import pyarrow as pa

from .ingest_csv import MAX_COLUMNS
from .ingest_engine import Engine, literal, name
from .ingest_faults import IngestFault, TakeSlowRoad, shown
from .ingest_load import Loaded, Relation, load, unreadable
from .ingest_names import clean_names
from .ingest_scan import Scan, Scanner
from .ingest_text import LINE_CAP, TextSource, open_text, wrong_encoding
from .ingest_types import Plan, guess

_BIG_INTEGER: Final = re.compile(rb"[:\[,\s]-?\d{16,}(?=[\s,}\]]|$)")
_NUMBERED: Final = re.compile(r"(.+)_\d+")
_TEXT_KINDS: Final = (
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_NS",
    "UUID",
    "JSON",
    "VARCHAR",
)
_SLOW_SHARE: Final = 0.5  # of the work: the pass that finds all keys
_SAMPLE_ROWS: Final = 2_000
_READ: Final = 1024 * 1024
_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def ingest_json(engine: Engine, path: str, compression: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Ingest; returns the report.  Raises ``IngestFault``."""
    source = open_text(path, compression, options.get("encoding"))
    scanner = Scanner(-1, -1, check_utf8=source.encoding == "utf-8")
    big = False
    for chunk in source.scannable():
        scanner.feed(chunk)
        big = big or _BIG_INTEGER.search(chunk) is not None
    scan = scanner.finish()
    if scan.only_blank:
        raise IngestFault(
            "data_empty", "The file holds no records.", "Check that it was saved or downloaded completely."
        )
    if scan.not_utf8_line:
        raise wrong_encoding("utf-8", scan.not_utf8_line)
    head, _ = source.head()
    array = head.decode(source.encoding, "replace").lstrip()[:1] == "["
    found = None
    if source.encoding == "utf-8" and not source.bom:
        with contextlib.suppress(_Inexact, TakeSlowRoad, duckdb.InvalidInputException, duckdb.BinderException):
            found = _fast(engine, source, scan, array, big)
    loaded, notes = found or _slow(engine, source, scan)
    dialect = {"encoding": source.encoding, "array": array, "compression": "gzip" if source.gzip else ""}
    return {"loaded": loaded, "notes": [*notes, *loaded.notes], "dialect": dialect, "repairs": []}


class _Inexact(Exception):
    """The engine's reader would lose something."""


# --- fast road ------------------------------------------------------------------------------------


def _fast(engine: Engine, source: TextSource, scan: Scan, array: bool, big: bool) -> tuple[Loaded, list[str]]:
    options = (
        f"format='{'array' if array else 'newline_delimited'}', compression='{'gzip' if source.gzip else 'none'}', "
        f"maximum_object_size={LINE_CAP}, ignore_errors=false"
    )
    detect = "sample_size=-1, maximum_depth=-1, map_inference_threshold=-1, field_appearance_threshold=0, "
    read = f"read_json({literal(engine.source)}, "
    kinds = {row[0]: row[1] for row in engine.rows(f"DESCRIBE FROM {read}{detect}{options})")}
    _check_width(len(kinds))
    exact = not any("HUGEINT" in kind or "DOUBLE" in kind for kind in kinds.values()) or not big
    folded = {key.casefold() for key in kinds}
    renamed = any((m := _NUMBERED.fullmatch(key)) and m[1].casefold() in folded for key in kinds)
    if not exact or renamed or list(kinds) == ["json"] or any("\0" in key for key in kinds):
        raise _Inexact
    names, notes = clean_names(list(kinds))
    texts = [i for i, kind in enumerate(kinds.values()) if kind in _TEXT_KINDS]
    columns = ", ".join(
        f"{name(key)}: {literal('VARCHAR' if kind in _TEXT_KINDS else kind)}" for key, kind in kinds.items()
    )
    aliases = ", ".join(f"c{i}" for i in range(len(kinds)))
    item = f"{read}columns={{{columns}}}, auto_detect=false, {options}) AS source({aliases})"

    @contextlib.contextmanager
    def opened() -> Iterator[str]:
        yield item

    plans = [Plan()] * len(kinds)
    if texts:
        wanted = ", ".join(f"c{i}" for i in texts)
        sample = engine.rows(f"SELECT {wanted} FROM {item} LIMIT {_SAMPLE_ROWS}")
        for i, column in zip(texts, zip(*sample, strict=True) if sample else [()] * len(texts), strict=True):
            plans[i] = guess(column, numbers=False)
    rows = None if array else scan.records
    relation = Relation(opened, len(kinds), rows, scan.size, 3 * scan.size)
    return load(engine, relation, names, plans), notes


def _check_width(width: int) -> None:
    if width > MAX_COLUMNS:
        raise IngestFault(
            "data_too_many_columns",
            f"The records have {width:,} different keys; at most {MAX_COLUMNS:,} columns can be read.",
            "Turn keys that are data into values before adding the file.",
            columns=width,
            limit=MAX_COLUMNS,
        )


# --- slow road ------------------------------------------------------------------------------------


class _Float(float):
    """A number that remembers how it was written."""

    text: str

    def __new__(cls, text: str) -> _Float:
        value = super().__new__(cls, text)
        value.text = text
        return value


@dataclass(slots=True)
class _Keys:
    """The keys of all records, in order of appearance, and what their values are."""

    strings: dict[str, bool] = field(default_factory=dict)
    others: dict[str, bool] = field(default_factory=dict)
    broken_text: bool = False


def _slow(engine: Engine, source: TextSource, scan: Scan) -> tuple[Loaded, list[str]]:
    keys, count = _Keys(), 0
    sample: list[dict[str, Any]] = []
    for line, record in values(source):
        row = _row(record)
        for key, value in row.items():
            keys.strings[key] = keys.strings.get(key, False) or isinstance(value, str)
            keys.others[key] = keys.others.get(key, False) or not (value is None or isinstance(value, str))
        _check_width(len(keys.strings))
        count += 1
        if count <= _SAMPLE_ROWS:
            sample.append(row)
        elif count % 65_536 == 0:
            share = _SLOW_SHARE * line / max(1, scan.lines)
            engine.outlet.progress(int(count * share), int(scan.size * share))
    if not keys.strings:
        raise IngestFault("data_empty", "The file holds no records with values.", "Add a file with at least one key.")
    order = list(keys.strings)
    names, notes = clean_names(order)
    schema = pa.schema([(f"c{i}", pa.string()) for i in range(len(order))])

    @contextlib.contextmanager
    def opened() -> Iterator[str]:
        engine.con.register("mended", pa.RecordBatchReader.from_batches(schema, _batches(source, order, schema, keys)))
        try:
            yield "mended"
        finally:
            engine.con.unregister("mended")

    plans = [guess([_cell(row.get(key)) for row in sample], numbers=not keys.strings[key]) for key in order]
    for key, title in zip(order, names, strict=True):
        if keys.strings[key] and keys.others[key]:
            notes.append(f"Column {shown(title)} holds values of different kinds; all were kept as text.")
    relation = Relation(opened, len(order), count, scan.size, 3 * scan.size, done=_SLOW_SHARE)
    try:
        loaded = load(engine, relation, names, plans)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(error) from error
    if keys.broken_text:
        notes.append("Some texts hold half of a surrogate pair, which no text may; it was replaced by '?'.")
    return loaded, notes


def _row(record: Any) -> dict[str, Any]:
    return record if isinstance(record, dict) else {"value": record}


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Float):
        return value.text
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _batches(source: TextSource, order: list[str], schema: pa.Schema, keys: _Keys) -> Iterator[pa.RecordBatch]:
    rows = (_row(record) for _, record in values(source))
    while block := list(islice(rows, max(64, min(8_192, 1_000_000 // len(order))))):
        columns = []
        for key in order:
            cells = [_cell(row.get(key)) for row in block]
            try:
                columns.append(pa.array(cells, pa.string()))
            except UnicodeEncodeError:
                keys.broken_text = True
                mended = [None if cell is None else cell.encode("utf-8", "replace").decode() for cell in cells]
                columns.append(pa.array(mended, pa.string()))
        yield pa.record_batch(columns, schema=schema)


class _Text:
    """Text that is read piece by piece: a window, the place in it, and the line of that place."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._want = _READ
        self.window, self.place, self.line, self.ended = "", 0, 1, False

    def move(self, place: int) -> None:
        self.line += self.window.count("\n", self.place, place)
        self.place = place

    def more(self) -> None:
        """Drop what was read and append a piece, larger each time in a row that nothing was read."""
        self._want = _READ if self.place else min(2 * self._want, LINE_CAP)
        piece = self._stream.read(self._want)
        self.window, self.place, self.ended = self.window[self.place :] + piece, 0, not piece

    def skip_blanks(self) -> bool:
        """Go to the next character that is no blank; false at the end of the text."""
        while True:
            found = _BLANKS.match(self.window, self.place)
            assert found is not None
            self.move(found.end())
            if self.place < len(self.window) or self.ended:
                return self.place < len(self.window)
            self.more()

    @property
    def next(self) -> str:
        return self.window[self.place]

    def line_at(self, place: int) -> int:
        return self.line + self.window.count("\n", self.place, place)


def values(source: TextSource) -> Iterator[tuple[int, Any]]:
    """Each record of an array, or of lines, with its line.  Raises ``IngestFault`` (json_broken).

    Memory held is about the largest record, at most ``LINE_CAP``, and one piece of text.
    """
    decoder = json.JSONDecoder(parse_float=_Float)
    with source.lines() as stream:
        text = _Text(stream)
        array = text.skip_blanks() and text.next == "["
        if array:
            text.move(text.place + 1)
        while text.skip_blanks():
            if array and text.next == "]":
                text.move(text.place + 1)
                if text.skip_blanks():
                    raise _broken(text.line, "there is text after the end of the array")
                return
            if array and text.next == ",":
                text.move(text.place + 1)
                continue
            line = text.line
            yield line, _value(decoder, text)
        if array:
            raise _broken(text.line, "the array is not closed")


def _value(decoder: json.JSONDecoder, text: _Text) -> Any:
    """The value at the text's place, which moves behind it."""
    while True:
        try:
            value, end = decoder.raw_decode(text.window, text.place)
        except json.JSONDecodeError as error:
            if text.ended or len(text.window) - text.place > LINE_CAP:
                raise _broken(text.line, error.msg, text.line_at(error.pos)) from error
        except (RecursionError, ValueError) as error:
            raise _broken(text.line, "values are nested too deeply, or a number is too long") from error
        else:
            if end < len(text.window) or text.ended:  # a number at the edge may go on
                text.move(end)
                return value
        text.more()


def _broken(start: int, what: str, at: int = 0) -> IngestFault:
    where = f"Line {start} is" if at in (0, start) else f"The record that starts at line {start} is"
    return IngestFault(
        "json_broken",
        f"{where} not valid JSON: {what}{f' at line {at}' if at not in (0, start) else ''}.",
        "Correct that record. The file must hold one JSON object a line, or one array of objects.",
        lines=[start],
    )
