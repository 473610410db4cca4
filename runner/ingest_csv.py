"""Delimited text: decide how to read it, choose the fast or the slow road, report what was done.

Runs in the sandbox, in the ingest worker.  The fast road is the engine's own reader with an explicit
dialect, held against an independent count of records and delimiters; the slow road is exact.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb
import pyarrow as pa

from . import ingest_repair as repairing
from .ingest_dialect import Dialect, Sample, decide, records
from .ingest_engine import Engine, Outlet, fed, literal
from .ingest_faults import IngestFault, TakeSlowRoad, shown
from .ingest_load import Loaded, Relation, load, unreadable
from .ingest_names import clean_names, has_header, kind
from .ingest_nulls import Wishes, wishes
from .ingest_repair import Tally, repair
from .ingest_scan import Scan, Scanner
from .ingest_text import LINE_CAP, TextSource, open_text, wrong_encoding
from .ingest_types import BLIND, Plan, blind, guess

MAX_COLUMNS: Final = 4096
_FAST_LINE: Final = 2_000_000  # bytes; the engine's own default cap
_SAMPLE_ROWS: Final = 1_000
_PROBES: Final = 24
_PROBE_BYTES: Final = 8 * 1024
_SCAN_SHARE: Final = 0.1
_SLOW_SHARE: Final = 0.4
"""Of the work: the pass over the bytes, and the one that finds what is to be mended."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is known before the rows are read."""

    source: TextSource
    dialect: Dialect
    header: bool
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    scan: Scan
    pieces: tuple[bytes, ...]
    notes: tuple[str, ...]
    wishes: Wishes

    @property
    def width(self) -> int:
        return len(self.names)


def ingest_csv(engine: Engine, path: str, format_: str, compression: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Ingest; returns the report.  Raises ``IngestFault``."""
    table = examine(path, format_, compression, options, engine.outlet)
    loaded, repairs = _quickly(engine, table) or _slowly(engine, table)
    skipped = table.dialect.skip
    if skipped:
        kind_ = "preamble" if table.dialect.preamble else "blank_lines"
        repairs.insert(0, repair(kind_, skipped, range(1, skipped + 1)))
    return _report(table, loaded, repairs)


def _quickly(engine: Engine, table: Table) -> tuple[Loaded, list[dict[str, Any]]] | None:
    """The fast road; ``None`` when it cannot be taken or its end cannot be trusted."""
    if not fast(table):
        return None
    try:
        loaded = load(engine, _fast_relation(engine, table), table.names, _plans(table), table.wishes.nulls)
    except duckdb.OutOfMemoryException:
        raise
    except (TakeSlowRoad, duckdb.Error):
        return None
    blank = table.scan.blank_lines
    return loaded, [repair("blank_lines", blank, table.scan.blank_at)] if blank else []


def examine(
    path: str, format_: str, compression: str, options: Mapping[str, Any], outlet: Outlet | None = None
) -> Table:
    """Everything about the file but its rows, from its first part and one pass over its bytes."""
    source = open_text(path, compression, options.get("encoding"))
    head, complete = source.head()
    text, source = _as_text(source, head, complete)
    if not text.strip():
        _refuse_blank(source, complete)
    dialect, sample = decide(text, complete, options, tsv=format_ == "tsv")
    if len(text) > LINE_CAP and not complete and "\n" not in text and "\r" not in text:
        _too_wide(text.count(dialect.delimiter) + 1)
        raise repairing.too_long(1)
    if not sample.records:
        sample = _first_record(text, dialect)
    first = sample.records[0][1]
    _too_wide(len(first))
    source = _past_preamble(source, text, dialect)
    stated = options.get("header")
    body = [fields for _, fields in sample.records]
    header = bool(stated) if stated is not None else has_header(body)
    if header:
        names, notes = clean_names(first)
        labels = [cell for cell in first if kind(cell) in ("number", "date")]
        if labels and stated is None:
            cells = ", ".join(map(shown, labels[:3]))
            notes.append(f"The first line was taken as the header although some of its cells look like data: {cells}.")
    else:
        names = [f"column{i + 1}" for i in range(max(len(first), sample.width))]
        notes = [
            "There is no header line: the first line looks like data."
            if stated is None
            else "The file has no header line."
        ]
        notes[0] += f" The columns are named {names[0]} to {names[-1]}."
    scan, pieces = _scan(source, dialect, outlet)
    source, encoding_notes = _settle_encoding(source, scan, options)
    if scan.only_blank:
        _refuse_blank(source, True)
    if scan.longest_line > LINE_CAP:
        raise repairing.too_long(scan.longest_line_at)
    if scan.nul_line:
        encoding_notes.append(
            f"The file holds NUL bytes, first at line {scan.nul_line}; they were kept inside the values."
        )
    if dialect.preamble:
        quoted = "; ".join(shown(line) for line in dialect.preamble[:3])
        notes.append(f"{dialect.skip} line{'s' * (dialect.skip > 1)} before the header left out: {quoted}.")
    rows = tuple(fields for fields in body[int(header) :] if len(fields) == len(names))
    if header and len(body) == 1 and scan.records == 1:
        notes.append("The file has a header and no rows.")
    wished = wishes(options, names)
    return Table(source, dialect, header, tuple(names), rows, scan, tuple(pieces), (*encoding_notes, *notes), wished)


def _as_text(source: TextSource, head: bytes, complete: bool) -> tuple[str, TextSource]:
    """The head as text.  Bytes that are not UTF-8 are read as Latin-1 for now: only structure counts."""
    if source.encoding != "utf-8":
        with contextlib.suppress(UnicodeError):
            return codecs.getincrementaldecoder(source.encoding)("strict").decode(head, complete), source
        raise wrong_encoding(source.encoding, 1)
    cut = head if complete else head[: max(1, len(head) - 3)]
    for end in range(len(cut), max(len(cut) - 4, 0), -1):
        with contextlib.suppress(UnicodeDecodeError):
            return cut[:end].decode("utf-8"), source
    return head.decode("latin-1"), source


def _refuse_blank(source: TextSource, complete: bool) -> None:
    if complete:
        raise IngestFault(
            "data_empty",
            "The file holds nothing but blanks and line ends.",
            "Check that it was saved or downloaded completely.",
        )


def _too_wide(width: int) -> None:
    if width > MAX_COLUMNS:
        raise IngestFault(
            "data_too_many_columns",
            f"The first line has {width:,} values; at most {MAX_COLUMNS:,} columns can be read.",
            "If the delimiter is wrong, give it with the option delimiter; otherwise turn columns into rows.",
            columns=width,
            limit=MAX_COLUMNS,
        )


def _first_record(text: str, dialect: Dialect) -> Sample:
    """A first record of only blank fields, or one that the sample cuts."""
    with contextlib.suppress(csv.Error):
        for line, fields in records(io.StringIO(text, newline=""), dialect, strict=False):
            if fields:
                return Sample(((line, tuple(fields)),), len(fields))
    return Sample(((1, (text.split("\n", 1)[0],)),), 1)


def _past_preamble(source: TextSource, text: str, dialect: Dialect) -> TextSource:
    if not dialect.skip:
        return source
    lines = io.StringIO(text, newline="")
    before = "".join(lines.readline() for _ in range(dialect.skip))
    encoding = source.encoding
    if encoding == "utf-8" and "\ufffd" not in before:
        with contextlib.suppress(UnicodeError):
            raw, _ = source.head()
            if not raw.startswith(before.encode("utf-8")):
                encoding = "latin-1"
    return replace(source, skip=source.skip + len(before.encode(encoding)))


def _scan(source: TextSource, dialect: Dialect, outlet: Outlet | None) -> tuple[Scan, list[bytes]]:
    """The facts, and pieces of whole lines from all over the file."""
    simple = dialect.delimiter.isascii() and dialect.quote.isascii()
    scanner = Scanner(
        ord(dialect.delimiter) if simple else -1,
        ord(dialect.quote) if simple and dialect.quote else -1,
        check_utf8=source.encoding == "utf-8",
        first_line=1 + dialect.skip,
    )
    pieces: list[bytes] = []
    every = 1
    for number, chunk in enumerate(source.scannable()):
        scanner.feed(chunk)
        if outlet is not None:
            outlet.progress(int(_SCAN_SHARE * scanner.records), int(_SCAN_SHARE * scanner.size))
        if number and number % every == 0:
            middle = len(chunk) // 2
            pieces.append(chunk[middle : middle + _PROBE_BYTES])
            if len(pieces) > _PROBES:
                pieces, every = pieces[1::2], 2 * every
    return scanner.finish(), pieces


def _settle_encoding(source: TextSource, scan: Scan, options: Mapping[str, Any]) -> tuple[TextSource, list[str]]:
    if not scan.not_utf8_line:
        if source.encoding.startswith(("utf-16", "utf-32")) and not source.bom and not source.stated:
            return source, [f"The text is {source.encoding.upper()} without a byte order mark, told by its zero bytes."]
        return source, []
    if source.stated or source.bom:
        raise wrong_encoding("utf-8", scan.not_utf8_line)
    encoding, called = ("latin-1", "Latin-1") if scan.high_controls else ("cp1252", "Windows-1252")
    note = (
        f"Line {scan.not_utf8_line} is the first that is not UTF-8; the file was read as {called}. "
        "If letters look wrong, give the right encoding with the option encoding."
    )
    return source.in_encoding(encoding), [note]


# --- fast road ------------------------------------------------------------------------------------


def fast(table: Table) -> bool:
    """Whether the engine's reader must give exactly the records that the scan counted."""
    scan, dialect, width = table.scan, table.dialect, table.width
    return (
        dialect.delimiter.isascii()
        and dialect.quote.isascii()
        and dialect.escape in ('"', "'", "")
        and not dialect.blanks
        and scan.regular_quotes
        and scan.newlines in ("\n", "\r\n", "")
        and scan.longest_record <= _FAST_LINE
        and scan.delimiters == (width - 1) * scan.records
        and not (scan.blank_lines and (width == 1 or scan.blank_at[:1] == (1 + dialect.skip,)))
        and scan.records > 0
    )


def _fast_relation(engine: Engine, table: Table) -> Relation:
    source, dialect = table.source, table.dialect
    columns = ", ".join(f"c{i}: 'VARCHAR'" for i in range(table.width))

    def reader(path: str) -> str:
        return (
            f"read_csv({literal(path)}, auto_detect=false, delim={literal(dialect.delimiter)}, "
            f"quote={literal(dialect.quote)}, escape={literal(dialect.quote)}, header={table.header}, "
            f"columns={{{columns}}}, strict_mode=true, null_padding=false, ignore_errors=false, "
            f"compression='none', nullstr='')"
        )

    @contextlib.contextmanager
    def opened() -> Iterator[str]:
        if source.direct:
            yield reader(engine.source)
            return
        with fed(engine, source) as failures:
            try:
                yield reader(engine.feed)
            finally:
                if failures:
                    raise failures[0]

    def line_of(row: int) -> int:
        if table.scan.lines == table.scan.records:  # one line each
            return row + int(table.header) + dialect.skip
        return _walk(table, row)

    rows = table.scan.records - int(table.header)
    memory = rows * _row_bytes(table)
    return Relation(opened, table.width, rows, table.scan.size, memory, line_of, table.scan.underscores, _SCAN_SHARE)


def _walk(table: Table, row: int) -> int:
    """The line of a row, by walking there."""
    found = repairing.rows(table.source, table.dialect, table.width, Tally())
    return next((line for number, (line, _) in enumerate(found, 1) if number == row + int(table.header)), 0)


def _row_bytes(table: Table) -> int:
    """Bytes of a row in the engine's memory, estimated from the sample."""
    sample = table.sample[:500]
    total = sum(16 + (len(cell) if len(cell) > 12 else 0) for fields in sample for cell in fields)
    return max(8 * table.width, total // max(1, len(sample)))


def _plans(table: Table) -> list[Plan]:
    return _guess([*table.sample[:_SAMPLE_ROWS], *_probe(table)], table, table.scan.records - int(table.header))


def _guess(rows: Sequence[Sequence[str | None]], table: Table, count: int) -> list[Plan]:
    """A plan for each column from some of the ``count`` rows."""
    if not rows:
        return [Plan()] * table.width
    wished = table.wishes
    columns = [wished.cleared(place, column) for place, column in enumerate(zip(*rows, strict=True))]
    plans = [guess(column, delimiter=table.dialect.delimiter) for column in columns]
    if count > len(rows):
        # a file has one way of marking what is missing: expect it in all its columns
        words = tuple(dict.fromkeys(word for plan in plans for word in plan.na))
        plans = [replace(plan, na=words) if plan.type != "VARCHAR" else plan for plan in plans]
        plans = [BLIND if blind(column) else plan for column, plan in zip(columns, plans, strict=True)]
    return [Plan() if place in wished.texts else plan for place, plan in enumerate(plans)]


def _probe(table: Table) -> list[Sequence[str]]:
    """Rows from all over a large file, where no value can span lines."""
    if table.scan.lines != table.scan.records:
        return []
    found: list[Sequence[str]] = []
    encoding = table.source.encoding if table.source.ascii_based else "utf-8"
    for piece in table.pieces:
        lines = io.StringIO("\n".join(piece.decode(encoding, "replace").splitlines()[1:-1]), newline="")
        with contextlib.suppress(csv.Error):
            found += [fields for _, fields in records(lines, table.dialect) if len(fields) == table.width]
    return found


# --- slow road ------------------------------------------------------------------------------------


def _slowly(engine: Engine, table: Table) -> tuple[Loaded, list[dict[str, Any]]]:
    """Diagnose all of the file, then load what was mended.  Raises ``IngestFault``."""
    tally, count = Tally(), 0
    sample: list[list[str | None]] = []
    if table.dialect.blanks:
        tally.add("blanks", 1 + table.dialect.skip)
    for line, cells in repairing.rows(table.source, table.dialect, table.width, tally):
        count += 1
        if count <= _SAMPLE_ROWS:
            sample.append(cells)
        elif count % 65_536 == 0:
            share = _SCAN_SHARE + _SLOW_SHARE * line / max(1, table.scan.lines)
            engine.outlet.progress(int(count * share), int(table.scan.size * share))
    header = int(table.header)
    schema = pa.schema([(f"c{i}", pa.string()) for i in range(table.width)])

    @contextlib.contextmanager
    def opened() -> Iterator[str]:
        failures: list[BaseException] = []

        def kept() -> Iterator[pa.RecordBatch]:
            try:
                yield from repairing.batches(
                    table.source, table.dialect, table.width, table.header, schema, engine.memory // 200
                )
            except BaseException as error:
                failures.append(error)
                raise

        engine.con.register("mended", pa.RecordBatchReader.from_batches(schema, kept()))
        try:
            yield "mended"
        except duckdb.Error:
            if failures:
                raise failures[0] from None
            raise
        finally:
            engine.con.unregister("mended")

    rows = max(0, count - header)
    relation = Relation(
        opened,
        table.width,
        rows,
        table.scan.size,
        rows * _row_bytes(table),
        lambda row: _walk(table, row),
        done=_SCAN_SHARE + _SLOW_SHARE,
    )
    plans = _guess(sample[header:], table, rows)
    try:
        loaded = load(engine, relation, table.names, plans, table.wishes.nulls)
    except TakeSlowRoad as error:
        raise IngestFault(
            "data_unreadable", f"Rows went missing while reading: {error}.", "Please report this."
        ) from error
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(error) from error
    return loaded, tally.repairs()


def _report(table: Table, loaded: Loaded, repairs: list[dict[str, Any]]) -> dict[str, Any]:
    dialect = {
        "delimiter": table.dialect.delimiter if table.width > 1 else "",
        "quote": table.dialect.quote,
        "escape": table.dialect.escape,
        "encoding": table.source.encoding,
        "byte_order_mark": table.source.bom,
        "compression": "gzip" if table.source.gzip else "",
        "header": table.header,
        "newline": {"\n": "\\n", "\r\n": "\\r\\n", "\r": "\\r"}.get(table.scan.newlines, table.scan.newlines),
        "skipped_lines": table.dialect.skip,
    }
    return {"loaded": loaded, "notes": [*table.notes, *loaded.notes], "dialect": dialect, "repairs": repairs}
