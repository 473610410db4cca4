"""The boundary: what the host and the sandboxed runner say to each other.

Runs on BOTH sides (the image carries a byte-identical copy) and therefore imports the standard
library only.  It must not open files, sockets or processes: it turns values into bytes and back.

A *frame* is a 16-byte header and a payload::

    offset  size  field
    0       4     magic  b"CSVA"
    4       1     version
    5       1     kind (``Kind``)
    6       2     reserved, zero
    8       4     request number, big-endian; 0 is the session itself
    12      4     payload length in bytes, big-endian, at most ``MAX_PAYLOAD``

Payloads are UTF-8 JSON objects, except for ``BODY``: one byte that says which body of the reply
it continues, then raw bytes.  A carrier that can pass descriptors brings all bodies of a reply at
once instead, back to back in a sealed memory file that comes with a ``SEGMENT`` frame.  The peer is
always treated as hostile: every decoder here checks type, range and size before it keeps anything,
and raises ``ProtocolError``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import IntEnum
from pathlib import Path
from typing import Any, ClassVar, Final

VERSION: Final = 1
MAGIC: Final = b"CSVA"
HEADER: Final = struct.Struct("!4sBBHII")
MAX_PAYLOAD: Final = 4 * 1024 * 1024
BODY_CHUNK: Final = 1024 * 1024
MAX_BODIES: Final = 32
MAX_KEPT: Final = 16
"""Results that a sandbox keeps by name."""
MAX_CODE_BYTES: Final = 256 * 1024
MAX_NAME: Final = 255
MAX_MESSAGE: Final = 8 * 1024
MAX_DEPTH: Final = 32
MAX_PARTS: Final = 100_000
"""How deep the free-form fields (``details``, ``report``) may be nested, and how many objects and lists
they may hold: reading them must stay cheap."""

STATUSES: Final = ("ok", "refused", "error", "timeout", "memory", "cancelled", "crashed")
CAPS: Final = ("rows", "columns", "bytes", "cells")
BODY_KINDS: Final = ("table", "image/png", "application/vnd.vegalite.v5+json", "parquet")


class ProtocolError(Exception):
    """The peer broke the protocol.  ``code`` is stable; the connection is not usable afterwards."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Kind(IntEnum):
    """Frame kinds.  The comment says who may send it."""

    HELLO = 1  # runner: who I am, first frame of a connection
    TABLES = 2  # host: the tables that later requests may read
    REQUEST = 3  # host: run this
    CANCEL = 4  # host: stop that request now
    PROGRESS = 5  # runner: rows and bytes so far; the first, without any, says that a worker has the request
    BODY = 6  # runner: a piece of a result
    REPLY = 7  # runner: the envelope, last frame of a request
    SEGMENT = 8  # runner: all bodies of the reply, in the memory file that came with this frame


def protocol_hash() -> str:
    """SHA-256 (hex) of this file: both sides must carry the same bytes."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


# --- frames -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    kind: Kind
    request: int
    payload: bytes

    def json(self) -> dict[str, Any]:
        """The payload as a JSON object.  Raises ``ProtocolError``."""
        return _json_object(self.payload)


def encode(kind: Kind, request: int, payload: bytes | Mapping[str, Any] = b"") -> bytes:
    """One frame as bytes.  Raises ``ProtocolError`` when the payload is over ``MAX_PAYLOAD``."""
    data = payload if isinstance(payload, bytes) else dump_json(payload)
    if len(data) > MAX_PAYLOAD:
        raise ProtocolError("frame_too_large", f"a {kind.name} frame of {len(data)} bytes is too large")
    return HEADER.pack(MAGIC, VERSION, kind, 0, request, len(data)) + data


def encode_body(request: int, body: int, data: bytes | memoryview) -> Iterator[bytes]:
    """``data`` as BODY frames of at most ``BODY_CHUNK`` bytes each; no frame for no data."""
    view = memoryview(data).cast("B")
    for start in range(0, len(view), BODY_CHUNK):
        yield encode(Kind.BODY, request, bytes((body,)) + view[start : start + BODY_CHUNK])


class Decoder:
    """Bytes in, frames out, whatever the pieces.  Memory held is at most one frame.

    ``feed`` raises ``ProtocolError`` at the first byte that cannot belong to a frame, and keeps
    raising it: a broken stream has no way back.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._broken: ProtocolError | None = None

    @property
    def pending(self) -> int:
        """Bytes held of a frame that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes | memoryview) -> list[Frame]:
        if self._broken:
            raise self._broken
        self._buffer += data
        frames = []
        try:
            while (frame := self._take()) is not None:
                frames.append(frame)
        except ProtocolError as error:
            self._broken = error
            self._buffer.clear()
            raise
        return frames

    def _take(self) -> Frame | None:
        if len(self._buffer) < HEADER.size:
            if not MAGIC.startswith(self._buffer[: len(MAGIC)]):
                raise ProtocolError("frame_magic", "the stream does not carry frames of this protocol")
            return None
        magic, version, kind, reserved, request, length = HEADER.unpack_from(self._buffer)
        if magic != MAGIC:
            raise ProtocolError("frame_magic", "the stream does not carry frames of this protocol")
        if version != VERSION:
            raise ProtocolError("frame_version", f"frame of version {version}, this side speaks {VERSION}")
        if reserved or kind not in Kind.__members__.values():
            raise ProtocolError("frame_kind", f"unknown frame kind {kind}")
        if length > MAX_PAYLOAD:
            raise ProtocolError("frame_too_large", f"frame announces {length} bytes, the most is {MAX_PAYLOAD}")
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        payload = bytes(memoryview(self._buffer)[HEADER.size : end])
        del self._buffer[:end]
        return Frame(Kind(kind), request, payload)


# --- checked JSON -----------------------------------------------------------------------------


def dump_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8")  # ``json`` itself would also take other encodings, and surrogates
        value = json.loads(text, parse_constant=_no_constant)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # an escaped one; it could be written nowhere
    except (ValueError, RecursionError) as error:
        raise ProtocolError("bad_json", "a frame does not hold valid JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError("bad_json", "a frame does not hold a JSON object")
    return value


# A superset of the escapes of surrogates; pairs are whole characters.
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _get(raw: Mapping[str, Any], key: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
    """``raw[key]``, checked.  A bool is not taken for an int.  Raises ``ProtocolError``."""
    value = raw.get(key, default)
    if value is ...:
        raise ProtocolError("bad_field", f"field {key[:40]!r} is missing")
    wrong_bool = isinstance(value, bool) and kind in (int, float, (int, float))
    if value is not default and (wrong_bool or not isinstance(value, kind)):
        raise ProtocolError("bad_field", f"field {key[:40]!r} has the wrong type")
    return value


def _text(raw: Mapping[str, Any], key: str, most: int, default: Any = ...) -> Any:
    value = _get(raw, key, str, default)
    if isinstance(value, str) and len(value) > most:
        raise ProtocolError("bad_field", f"field {key[:40]!r} is longer than {most} characters")
    return value


def _seconds(raw: Mapping[str, Any], key: str) -> float:
    value = _get(raw, key, (int, float))
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ProtocolError("bad_field", f"field {key[:40]!r} is out of range")
    return seconds


def _tree(raw: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A free-form object.  Refused when walking it could exhaust the stack, or take long."""
    value: dict[str, Any] = _get(raw, key, dict)
    level: list[Any] = [value]
    parts = 0
    for _ in range(MAX_DEPTH):
        parts += len(level)
        if parts > MAX_PARTS:
            raise ProtocolError("bad_field", f"field {key[:40]!r} has too many parts")
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return value
    raise ProtocolError("bad_field", f"field {key[:40]!r} is nested too deep")


def _count(raw: Mapping[str, Any], key: str, default: Any = ...) -> Any:
    value = _get(raw, key, int, default)
    if isinstance(value, int) and not 0 <= value < 2**63:
        raise ProtocolError("bad_field", f"field {key[:40]!r} is out of range")
    return value


def _no_extra(raw: Mapping[str, Any], known: set[str]) -> None:
    extra = set(raw) - known
    if extra:
        raise ProtocolError("bad_field", f"unknown field {sorted(extra)[0][:40]!r}")


# --- requests (host to runner) ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may use.  Rows, columns and bytes are caps (the result is cut and flagged);
    ``timeout`` in seconds ends in SIGKILL."""

    max_rows: int = 100_000
    max_columns: int = 2_000
    max_bytes: int = 256 * 1024 * 1024
    max_stdout: int = 64 * 1024
    timeout: float = 60.0

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Limits:
        _no_extra(raw, {f.name for f in fields(cls)})
        timeout = _get(raw, "timeout", (int, float))
        if not 0 < timeout <= 86_400:
            raise ProtocolError("bad_field", "field 'timeout' is out of range")
        return cls(
            max_rows=_count(raw, "max_rows"),
            max_columns=_count(raw, "max_columns"),
            max_bytes=_count(raw, "max_bytes"),
            max_stdout=_count(raw, "max_stdout"),
            timeout=float(timeout),
        )


@dataclass(frozen=True, slots=True)
class SqlRequest:
    """Run one SQL statement.  ``tables`` narrows the visible tables; ``None`` is all of them.

    The result stays in the sandbox under the name ``keep``, if one is given, for later requests.
    ``gate=False`` skips the syntax-tree gate; only the tests of the layers below it use that.
    With a ``floor`` the query runs without groups that stand on fewer rows than that, and is refused
    (``sql_not_aggregating``) when it does not only aggregate; rows of the ``exempt`` tables are free.
    """

    op: ClassVar[str] = "sql"
    text: str
    tables: tuple[str, ...] | None = None
    gate: bool = True
    limits: Limits = field(default_factory=Limits)
    keep: str = ""
    floor: int = 0
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonRequest:
    """Run Python.  The value of the last expression, or the variable ``result``, is the result;
    ``tables`` and ``keep`` as for SQL."""

    op: ClassVar[str] = "python"
    text: str
    tables: tuple[str, ...] | None = None
    limits: Limits = field(default_factory=Limits)
    keep: str = ""


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Turn the staged file ``source`` (a bare name in the incoming directory) into Parquet.

    ``format`` is one of ``INGEST_FORMATS``; ``compression`` is ``"gzip"`` or ``""``.
    ``options`` override what would be detected: ``delimiter``, ``quote``, ``encoding`` (text), ``header``
    (bool), ``null`` (columns, or ``COLUMN=TEXT``, whose texts mean NULL) and ``text`` (columns that stay
    text), both with one entry a line.  The reply carries one ``parquet`` body and a ``report`` (see ``IngestReport``).
    """

    op: ClassVar[str] = "ingest"
    source: str
    format: str
    compression: str = ""
    options: dict[str, str | bool] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


Request = SqlRequest | PythonRequest | IngestRequest
MAX_RESULT_NAME: Final = 16
_RESULT_NAME: Final = re.compile(r"r[1-9][0-9]{0,14}")
INGEST_FORMATS: Final = ("csv", "tsv", "json", "parquet", "arrow")
INGEST_OPTIONS: Final[Mapping[str, type]] = {
    "delimiter": str,
    "quote": str,
    "encoding": str,
    "header": bool,
    "null": str,  # lines: COLUMN, or COLUMN=TEXT
    "text": str,  # lines: COLUMN
    "exact": bool,  # prove everything before the first byte is sent: two passes
}


def request_to_json(request: Request) -> dict[str, Any]:
    return {"op": request.op, **asdict(request)}


def request_from_json(raw: Mapping[str, Any]) -> Request:
    """The request that ``request_to_json`` wrote.  Raises ``ProtocolError``."""
    op = _get(raw, "op", str)
    limits = Limits.from_json(_get(raw, "limits", dict))
    if op == IngestRequest.op:
        _no_extra(raw, {"op", "source", "format", "compression", "options", "limits"})
        source = _text(raw, "source", MAX_NAME)
        if not source or "/" in source or source in (".", ".."):
            raise ProtocolError("bad_field", "field 'source' must be a bare file name")
        format_, compression = _text(raw, "format", 16), _text(raw, "compression", 16)
        if format_ not in INGEST_FORMATS or compression not in ("", "gzip"):
            raise ProtocolError("bad_field", "unknown ingest format or compression")
        options = _get(raw, "options", dict)
        _no_extra(options, set(INGEST_OPTIONS))
        for key in options:
            _get(options, key, INGEST_OPTIONS[key])
        return IngestRequest(source, format_, compression, options, limits)
    known = {"op", "text", "tables", "limits", "keep"}
    text = _text(raw, "text", MAX_CODE_BYTES)
    keep = _text(raw, "keep", MAX_RESULT_NAME)
    if keep and not _RESULT_NAME.fullmatch(keep):
        raise ProtocolError("bad_field", "field 'keep' is not the name of a result")
    tables = _get(raw, "tables", (list, type(None)))
    if tables is not None and not all(isinstance(name, str) for name in tables):
        raise ProtocolError("bad_field", "field 'tables' must be a list of names")
    names = None if tables is None else tuple(tables)
    if op == SqlRequest.op:
        _no_extra(raw, known | {"gate", "floor", "exempt"})
        exempt = _get(raw, "exempt", list)
        if not all(isinstance(name, str) for name in exempt):
            raise ProtocolError("bad_field", "field 'exempt' must be a list of names")
        gate, floor = _get(raw, "gate", bool), _count(raw, "floor")
        return SqlRequest(text, names, gate, limits, keep, floor, tuple(exempt))
    if op == PythonRequest.op:
        _no_extra(raw, known)
        return PythonRequest(text, names, limits, keep)
    raise ProtocolError("bad_field", f"unknown operation {op[:40]!r}")


def tables_to_json(tables: Mapping[str, str]) -> dict[str, Any]:
    """Table name -> bare file name in the tables directory."""
    return {"tables": dict(tables)}


def tables_from_json(raw: Mapping[str, Any]) -> dict[str, str]:
    _no_extra(raw, {"tables"})
    tables: dict[str, Any] = _get(raw, "tables", dict)
    for name, file in tables.items():
        if not isinstance(file, str) or not file or "/" in file or file in (".", ".."):
            raise ProtocolError("bad_field", "a table must name a bare file")
        if not name or len(name) > MAX_NAME:
            raise ProtocolError("bad_field", "a table's name is empty or too long")
    return tables


# --- replies (runner to host) -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, for a person and for a model: what happened, why, and what to do next.

    ``details`` is a small JSON object (line numbers, the offending construct, signal name).
    """

    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Fault:
        _no_extra(raw, {f.name for f in fields(cls)})
        code = _text(raw, "code", 64)
        if not code.isascii() or not code.replace("_", "").isalnum():
            raise ProtocolError("bad_field", "field 'code' is not an error code")
        return cls(
            code,
            _text(raw, "message", MAX_MESSAGE),
            _text(raw, "hint", MAX_MESSAGE),
            _tree(raw, "details"),
        )


@dataclass(frozen=True, slots=True)
class Column:
    """A result column: its name and the engine's own name of its type (``BIGINT``, ``VARCHAR`` …)."""

    name: str
    type: str

    @classmethod
    def from_json(cls, raw: Any) -> Column:
        if not isinstance(raw, dict):
            raise ProtocolError("bad_field", "a column must be an object")
        _no_extra(raw, {"name", "type"})
        return cls(_text(raw, "name", MAX_NAME), _text(raw, "type", 4096))


@dataclass(frozen=True, slots=True)
class BodyInfo:
    """What the body frames of a reply carried, in the order of their numbers."""

    kind: str
    name: str
    size: int

    @classmethod
    def from_json(cls, raw: Any) -> BodyInfo:
        if not isinstance(raw, dict):
            raise ProtocolError("bad_field", "a body must be an object")
        _no_extra(raw, {"kind", "name", "size"})
        kind = _text(raw, "kind", 64)
        if kind not in BODY_KINDS:
            raise ProtocolError("bad_field", f"unknown body kind {kind!r}")
        return cls(kind, _text(raw, "name", MAX_NAME), _count(raw, "size"))


@dataclass(frozen=True, slots=True)
class Reply:
    """The normalised result envelope, the same for every operation.

    ``row_count`` is the number of rows delivered; ``total_rows`` is the number there would have
    been, or ``None`` when the runner stopped counting; ``truncated`` names the caps that cut
    (``rows``, ``columns``, ``bytes``, ``cells``).  ``timings`` are seconds.  ``kept`` are the names
    of all results that the sandbox has now.
    """

    status: str
    fault: Fault | None = None
    columns: tuple[Column, ...] = ()
    row_count: int = 0
    total_rows: int | None = None
    truncated: tuple[str, ...] = ()
    bodies: tuple[BodyInfo, ...] = ()
    stdout: str = ""
    stdout_truncated: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Reply:
        """Checked.  Raises ``ProtocolError``."""
        _no_extra(raw, {f.name for f in fields(cls)})
        status = _text(raw, "status", 16)
        if status not in STATUSES:
            raise ProtocolError("bad_field", f"unknown status {status!r}")
        fault = _get(raw, "fault", (dict, type(None)))
        if (fault is None) != (status == "ok"):
            raise ProtocolError("bad_field", "a reply has a fault exactly when its status is not ok")
        bodies = _get(raw, "bodies", list)
        if len(bodies) > MAX_BODIES:
            raise ProtocolError("bad_field", "a reply names too many bodies")
        timings = _get(raw, "timings", dict)
        truncated = _get(raw, "truncated", list)
        if len(truncated) > len(CAPS) or not all(isinstance(cap, str) and cap in CAPS for cap in truncated):
            raise ProtocolError("bad_field", "unknown cap in 'truncated'")
        return cls(
            status=status,
            fault=None if fault is None else Fault.from_json(fault),
            columns=tuple(Column.from_json(c) for c in _get(raw, "columns", list)),
            row_count=_count(raw, "row_count"),
            total_rows=_count(raw, "total_rows", None),
            truncated=tuple(truncated),
            bodies=tuple(BodyInfo.from_json(b) for b in bodies),
            stdout=_text(raw, "stdout", MAX_PAYLOAD),
            stdout_truncated=_get(raw, "stdout_truncated", bool),
            timings={key: _seconds(timings, key) for key in timings},
            report=_tree(raw, "report"),
            kept=_result_names(_get(raw, "kept", list)),
        )


def _result_names(names: list[Any]) -> tuple[str, ...]:
    if len(names) > MAX_KEPT or not all(isinstance(name, str) and _RESULT_NAME.fullmatch(name) for name in names):
        raise ProtocolError("bad_field", "field 'kept' does not list names of results")
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Hello:
    """The runner's first frame."""

    protocol: str
    versions: dict[str, str]
    seconds: float

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Hello:
        _no_extra(raw, {f.name for f in fields(cls)})
        versions = _get(raw, "versions", dict)
        for key in versions:
            _text(versions, key, 64)
        return cls(_text(raw, "protocol", 64), versions, _seconds(raw, "seconds"))


def failure(status: str, code: str, message: str, hint: str = "", **details: Any) -> Reply:
    """A reply that carries a fault and nothing else; texts are cut to what the protocol allows."""
    return Reply(status, Fault(code, message[:MAX_MESSAGE], hint[:MAX_MESSAGE], details))
