"""Bytes of a staged text file: opened once, decompressed, decoded, always handed on as UTF-8.

Runs in the sandbox, in the ingest worker.  It never holds more than a few chunks, and it never
trusts a compressed file's size.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from .ingest_faults import IngestFault, line_list, shown

CHUNK: Final = 1024 * 1024
HEAD: Final = 256 * 1024
LINE_CAP: Final = 16 * 1024 * 1024
"""Bytes: the longest line, and the longest single value, that is accepted."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a ZIP archive (perhaps an Excel workbook)", "Export the sheet as CSV and add that."),
    (b"PAR1", "a Parquet file", "Add it with the extension .parquet."),
    (b"ARROW1", "an Arrow file", "Load it in the notebook and add the variable."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file", "Export the sheet as CSV and add that."),
    (b"SQLite format 3", "an SQLite database", "Export its tables as CSV or Parquet."),
    (b"%PDF-", "a PDF document", "Export the table as CSV."),
)


@dataclass(frozen=True, slots=True)
class Budget:
    """How far a compressed file may expand: always up to ``free`` bytes, then up to ``ratio``
    times its compressed size, never above ``most`` bytes."""

    free: int = 64 * 1024 * 1024
    ratio: int = 100
    most: int = 16 * 1024 * 1024 * 1024

    def allowed(self, compressed: int) -> int:
        return min(self.most, max(self.free, self.ratio * compressed))


@dataclass(frozen=True, slots=True)
class TextSource:
    """A text file.  ``skip`` bytes are left out at the front (a byte order mark, lines before the
    header); they count in the file's own encoding."""

    path: str
    size: int
    gzip: bool
    encoding: str = "utf-8"
    skip: int = 0
    bom: bool = False
    stated: bool = False
    budget: Budget = Budget()

    @property
    def direct(self) -> bool:
        """Whether the engine may read the path itself."""
        return not self.gzip and self.encoding == "utf-8" and self.skip == (3 if self.bom else 0)

    @property
    def ascii_based(self) -> bool:
        """Whether bytes below 128 are those characters, wherever they stand."""
        return self.encoding in ("utf-8", "cp1252", "latin-1")

    def raw(self) -> Iterator[bytes]:
        """The decompressed bytes, all of them.  Raises ``IngestFault`` (data_bomb, data_unreadable)."""
        with open(self.path, "rb", buffering=0) as file:
            if not self.gzip:
                while chunk := file.read(CHUNK):
                    yield chunk
                return
            yield from _gunzip(file, self.budget.allowed(self.size))

    def scannable(self) -> Iterator[bytes]:
        """The bytes in which structure can be counted: raw ones where ASCII is ASCII, else UTF-8."""
        return self.skipped() if self.ascii_based else self.utf8()

    def skipped(self) -> Iterator[bytes]:
        left = self.skip
        for chunk in self.raw():
            if left:
                left, chunk = max(0, left - len(chunk)), chunk[left:]
            if chunk:
                yield chunk

    def utf8(self) -> Iterator[bytes]:
        """The text as UTF-8.  Raises ``IngestFault`` (data_encoding)."""
        if self.encoding == "utf-8":
            yield from self.skipped()
            return
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        line = 1
        for chunk in self.skipped():
            text = self._decode(decoder, chunk, line)
            line += text.count("\n")
            yield text.encode("utf-8")
        if rest := self._decode(decoder, b"", line, final=True):
            yield rest.encode("utf-8")

    def _decode(self, decoder: codecs.IncrementalDecoder, chunk: bytes, line: int, final: bool = False) -> str:
        try:
            text = decoder.decode(chunk, final)
            text.encode("utf-8")
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):
                with contextlib.suppress(UnicodeError):
                    good = error.object[: error.start]
                    line += codecs.decode(good, self.encoding).count("\n")
            raise wrong_encoding(self.encoding, line) from error
        return text

    def lines(self) -> io.TextIOWrapper:
        """The text, line by line, with its own line ends."""
        stream: io.RawIOBase = _Stream(self.utf8())
        return io.TextIOWrapper(io.BufferedReader(stream, CHUNK), encoding="utf-8", newline="")

    def head(self, most: int = HEAD) -> tuple[bytes, bool]:
        """The first bytes in the file's own encoding, with at least one whole line if that is at
        most ``LINE_CAP`` long, and whether they are all there is."""
        data = b""
        for chunk in self.skipped():
            data += chunk
            if len(data) > most and (b"\n" in data[:most] or b"\r" in data[:most]):
                return data[:most], False
            if len(data) > most and (end := max(data.find(b"\n"), data.find(b"\r"))) >= 0:
                return data[: max(end + 4, most)], False
            if len(data) > LINE_CAP:
                return data, False
        return data, True

    def in_encoding(self, name: str) -> TextSource:
        return replace(self, encoding=name)


class _Stream(io.RawIOBase):
    """An iterator of bytes as a readable stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _gunzip(file: io.RawIOBase | io.FileIO, allowed: int) -> Iterator[bytes]:
    """Decompressed chunks of a gzip file of one or more members."""
    total, damaged = 0, "The gzip data is damaged or cut off."
    hint = "Unpack it yourself (gunzip -t tells where it breaks), or fetch it again."
    decompressor, rest, started = zlib.decompressobj(31), b"", False
    while True:
        data = rest or file.read(CHUNK // 4) or b""
        rest = b""
        if not data:
            if started:
                raise IngestFault("data_unreadable", damaged, hint)
            return
        try:
            chunk = decompressor.decompress(data, CHUNK)
        except zlib.error as error:
            raise IngestFault("data_unreadable", damaged, hint) from error
        started = True
        total += len(chunk)
        if total > allowed:
            raise IngestFault(
                "data_bomb",
                f"The compressed file expands to more than {allowed:,} bytes, which is out of proportion to its size.",
                "If it really is data, unpack it yourself and add the unpacked file.",
                limit=allowed,
            )
        if chunk:
            yield chunk
        rest = decompressor.unconsumed_tail
        if decompressor.eof:
            rest = decompressor.unused_data.lstrip(b"\0")
            decompressor, started = zlib.decompressobj(31), False
            if not rest and decompressor is not None:
                rest = (file.read(CHUNK // 4) or b"").lstrip(b"\0")
                if not rest:
                    return


def open_text(path: str, compression: str, encoding: str | None, budget: Budget | None = None) -> TextSource:
    """The text file at ``path``, its encoding known as far as the first bytes tell.

    Raises ``IngestFault``: data_unreadable (not a regular file, another format, damaged gzip),
    data_empty, data_encoding (no such encoding), data_bomb.
    """
    size = regular_size(path)
    with open(path, "rb", buffering=0) as file:
        magic = file.read(16) or b""
    packed = compression == "gzip" or magic.startswith(b"\x1f\x8b")
    source = TextSource(path, size, packed, budget=budget or Budget())
    if packed and not magic.startswith(b"\x1f\x8b") and size:
        raise IngestFault(
            "data_unreadable", "The file is called gzip but is not gzip data.", "Rename it, or pack it again."
        )
    first = b"".join(_first(source.raw(), 4096))[:4096]
    if not first:
        raise IngestFault("data_empty", "The file is empty.", "Check that it was saved or downloaded completely.")
    for start, what, hint in _OTHER_FORMATS:
        if first.startswith(start):
            raise IngestFault("data_unreadable", f"This is {what}, not text.", hint)
    for mark, name in _BOMS:
        if first.startswith(mark):
            return replace(source, encoding=name, skip=len(mark), bom=True, stated=encoding is not None)
    if encoding:
        return replace(source, encoding=known_encoding(encoding), stated=True)
    return replace(source, encoding=_by_nul_pattern(first) or "utf-8")


def regular_size(path: str) -> int:
    """The size of a regular file.  Raises ``IngestFault`` (data_unreadable)."""
    try:
        facts = os.stat(path)
    except OSError as error:
        raise IngestFault("data_unreadable", "The staged file cannot be opened.", "Add the file again.") from error
    if not stat.S_ISREG(facts.st_mode):
        raise IngestFault("data_unreadable", "The staged file is not a regular file.", "Add a regular file.")
    return facts.st_size


def known_encoding(name: str) -> str:
    """Python's name of a text encoding.  Raises ``IngestFault`` (data_encoding)."""
    try:
        "".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError, UnicodeError) as error:
        raise IngestFault(
            "data_encoding",
            f"There is no text encoding {shown(name)}.",
            "Use a name such as utf-8, latin-1, cp1252, utf-16 or shift_jis.",
        ) from error
    return {"iso8859-1": "latin-1", "utf-8-sig": "utf-8", "ascii": "utf-8"}.get(found, found)


def wrong_encoding(encoding: str, line: int) -> IngestFault:
    return IngestFault(
        "data_encoding",
        f"{line_list([line], 1).capitalize()} is not valid {encoding}.",
        "Give the right one with the option encoding, such as latin-1 or cp1252, or convert the file to UTF-8.",
        encoding=encoding,
        lines=[line],
    )


def _first(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    got = 0
    for chunk in chunks:
        yield chunk
        got += len(chunk)
        if got >= most:
            return


def _by_nul_pattern(first: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every other byte of western text is zero."""
    even, odd = first[0::2].count(0), first[1::2].count(0)
    pairs = len(first) // 2
    if pairs < 2:
        return None
    if odd > 0.4 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.4 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None
