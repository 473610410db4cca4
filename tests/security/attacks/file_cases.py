# ruff: noqa: E501 - attacks are easier to read unbroken
"""Section C of the attack list: hostile files, as they are added to a session.

The host's part alone (what is opened and how) is in ``test_paths.py``.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .layers import Layer

Make = Callable[[Path], Path | str]


@dataclass(frozen=True)
class FileCase:
    """``codes``: the error must be one of these.  Without any, the file must load, and ``query`` over its table ``{}``
    must give these ``rows``, or fail with ``query_code``."""

    number: int
    name: str
    make: Make
    codes: frozenset[str] = frozenset()
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    query: str = "FROM {}"
    query_code: str = ""
    contained_by: tuple[Layer, ...] = ("worker",)

    @property
    def id(self) -> str:
        return f"{self.number}-{self.name}".replace(" ", "_")


def content(name: str, data: bytes | Callable[[], bytes]) -> Make:
    def make(root: Path) -> Path:
        path = root / name
        path.write_bytes(data if isinstance(data, bytes) else data())
        return path

    return make


def gzip(block: bytes, times: int = 1) -> bytes:
    """Members of ``block``, one after the other: as large as wanted, made in no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return (packer.compress(block) + packer.flush()) * times


def parquet(table: pa.Table | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table or pa.table({"a": list(range(1000)), "s": ["x"] * 1000}), buffer, **options)
    return buffer.getvalue()


def with_footer(length: int, footer: bytes = b"") -> bytes:
    good = parquet()
    return good[: -8 if not footer else -8 - len(footer)] + footer + struct.pack("<I", length) + b"PAR1"


def three_gigabytes() -> bytes:
    """In less than a thousand bytes: each value says that it is like the one before."""
    table = pa.table({"x": pa.chunked_array([pa.array(["a" * 1_000_000])] * 3000)})
    more = {"use_dictionary": False, "column_encoding": {"x": "DELTA_BYTE_ARRAY"}, "write_statistics": False}
    return parquet(table, compression="zstd", **more)


def many_row_groups() -> bytes:
    """A file whose footer lists five thousand groups of one row."""
    buffer = io.BytesIO()
    schema = pa.schema([("a", pa.int64())])
    with pq.ParquetWriter(buffer, schema, write_statistics=False) as writer:
        group = pa.table({"a": [1]}, schema=schema)
        for _ in range(5_000):
            writer.write_table(group)
    return buffer.getvalue()


def nested(depth: int) -> bytes:
    kind, value = pa.int64(), 1
    for _ in range(depth):
        kind, value = pa.struct([("x", kind)]), {"x": value}  # type: ignore[assignment]
    return parquet(pa.table({"a": pa.array([value], kind)}))


def page_that_lies() -> bytes:
    """A page of version 2 whose header says that it unpacks to another size than it does."""
    data = parquet(
        pa.table({"s": ["x" * 1000] * 50}), data_page_version="2.0", compression="zstd", use_dictionary=False
    )
    place = data.index(b"\x28\xb5\x2f\xfd")  # where the compressed values begin; the header lies before
    head = bytearray(data[4:place])
    for at in range(2, min(8, len(head))):
        head[at] ^= 0x55
    return data[:4] + bytes(head) + data[place:]


def link_to(target: str) -> Make:
    def make(root: Path) -> Path:
        (root / "link.csv").symlink_to(target)
        return root / "link.csv"

    return make


def fifo(root: Path) -> Path:
    os.mkfifo(root / "pipe.csv")
    return root / "pipe.csv"


def sparse(size: int) -> Make:
    def make(root: Path) -> Path:
        with (root / "sparse.csv").open("wb") as file:
            file.truncate(size)
        return root / "sparse.csv"

    return make


HOSTILE_CELLS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</script>", "{{7*7}}", "$x$", "javascript:alert(1)",
    "=cmd|' /C calc'!A0", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\x1b]8;;http://evil.example/\x1b\\x", "\u202etxt", "'; DROP TABLE t; --",
]  # fmt: skip
_AS_CSV = ("cell\n" + "".join('"' + cell.replace('"', '""') + '"\n' for cell in HOSTILE_CELLS)).encode()
_NOT_REGULAR = frozenset({"data_not_regular"})
_BROKEN = frozenset({"parquet_broken"})

CASES = [
    FileCase(54, "a million columns", content("a.csv", lambda: b",".join([b"c"] * 1_000_000) + b"\n" + b",".join([b"1"] * 1_000_000)), frozenset({"data_too_many_columns"})),
    FileCase(54, "100,000 columns", content("a.csv", lambda: b",".join(b"c%d" % i for i in range(100_000)) + b"\n" + b",".join([b"1"] * 100_000)), frozenset({"data_too_many_columns"})),
    FileCase(54, "one line of 50 MB", content("a.csv", b"x" * (50 << 20)), frozenset({"csv_line_too_long"})),
    FileCase(54, "a cell of 30 MB", content("a.csv", b"a,b\n1," + b"x" * (30 << 20)), frozenset({"csv_line_too_long"})),
    FileCase(56, "byte order mark", content("a.csv", b"\xef\xbb\xbfa,b\n1,2\n"), rows=[{"a": 1, "b": 2}]),
    FileCase(56, "UTF-16", content("a.csv", "a,b\n1,é\n".encode("utf-16")), rows=[{"a": 1, "b": "é"}]),
    FileCase(56, "Latin-1", content("a.csv", "a,b\n1,é\n".encode("latin-1")), rows=[{"a": 1, "b": "é"}]),
    FileCase(56, "lone carriage returns", content("a.csv", b"a,b\r1,2\r3,4\r"), rows=[{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
    FileCase(56, "nothing but NUL", content("a.csv", bytes(10_000)), frozenset({"data_empty"})),
    FileCase(56, "a NUL inside of a value", content("a.csv", b"a,b\n1,x\0y\n"), rows=[{"a": 1, "b": "x\0y"}]),
    FileCase(57, "a row with a field too many", content("a.csv", b"a,b\n1,2\n3,4,5\n6,7\n"), frozenset({"csv_ragged"})),
    FileCase(57, "a quote that is not closed", content("a.csv", b'a,b\n1,"open\n2,3\n'), frozenset({"csv_quotes"})),
    FileCase(57, "a delimiter that changes", content("a.csv", b"a,b\n1,2\n3;4\n5;6\n"), frozenset({"csv_ragged"})),
    FileCase(57, "ten thousand open quotes", content("a.csv", b'a,b\n"1,2\n' * 10_000), frozenset({"csv_quotes"})),
    FileCase(58, "gzip bomb of lines", content("a.csv.gz", lambda: gzip(b"a,b\n" * (25 << 20), 50)), frozenset({"data_bomb", "timeout"})),
    FileCase(58, "gzip bomb of one line", content("a.csv.gz", lambda: gzip(bytes(100 << 20), 50)), frozenset({"data_bomb", "csv_line_too_long"})),
    FileCase(58, "gzip cut off", content("a.csv.gz", gzip(b"a,b\n1,2\n" * 1000)[:-20]), frozenset({"data_unreadable"})),
    FileCase(58, "gzip that is none", content("a.csv.gz", b"a,b\n1,2\n"), frozenset({"data_unreadable"})),
    FileCase(60, "Parquet cut off", content("a.parquet", parquet()[:-100]), _BROKEN),
    FileCase(60, "Parquet footer longer than the file", content("a.parquet", with_footer(0x7FFFFFFF)), _BROKEN),
    FileCase(60, "Parquet footer of four bytes", content("a.parquet", with_footer(4)), _BROKEN),
    FileCase(60, "Parquet footer of noise", content("a.parquet", with_footer(300, b"\xa5\x5a\x00" * 100)), _BROKEN),
    FileCase(60, "Parquet pages of noise", content("a.parquet", lambda: parquet()[:4] + b"\xa5\x5a\x00" * 100 + parquet()[304:]), _BROKEN),
    FileCase(60, "Parquet of its magic alone", content("a.parquet", b"PAR1PAR1"), _BROKEN),
    FileCase(60, "Parquet that unpacks to 3 GB", content("a.parquet", three_gigabytes), frozenset({"out_of_memory", "data_bomb", "timeout"})),
    FileCase(60, "Parquet of 5,000 row groups", content("a.parquet", many_row_groups), rows=[{"n": 5_000, "s": 5_000}], query="SELECT count(*) AS n, sum(a)::BIGINT AS s FROM {}"),
    FileCase(60, "Parquet nested 150 deep", content("a.parquet", lambda: nested(150)), query_code="result_too_deep"),
    FileCase(60, "Parquet page that lies about its size", content("a.parquet", page_that_lies), _BROKEN),
    FileCase(60, "JSON a hundred thousand deep", content("a.jsonl", b'{"a":' * 100_000 + b"1" + b"}" * 100_000), frozenset({"json_broken"})),
    FileCase(61, "a link", link_to("/etc/passwd"), _NOT_REGULAR, contained_by=("host",)),
    FileCase(61, "a pipe", fifo, _NOT_REGULAR, contained_by=("host",)),
    FileCase(61, "a device", lambda root: "/dev/zero", _NOT_REGULAR, contained_by=("host",)),
    FileCase(61, "memory of the host process", lambda root: "/proc/self/mem", _NOT_REGULAR, contained_by=("host",)),
    FileCase(61, "environment of the host process", lambda root: "/proc/self/environ", _NOT_REGULAR, contained_by=("host",)),
    FileCase(61, "a sparse file of 5 TB", sparse(5 << 40), frozenset({"data_too_large"}), contained_by=("host",)),
    FileCase(63, "cells that steer what shows them", content("a.csv", _AS_CSV), rows=[{"cell": cell} for cell in HOSTILE_CELLS]),
    FileCase(63, "a file named like a statement", content('x"; DROP TABLE good; --.csv', b"a\n1\n"), rows=[{"a": 1}]),
]  # fmt: skip
