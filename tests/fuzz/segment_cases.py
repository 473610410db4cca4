"""Lies of the local carrier: memory files that are none, may change, or are other than announced.  Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from csvanalyst_ext.protocol import MAX_PAYLOAD, Kind

from . import arrow_cases, frame_cases
from .arrow_cases import EXTREMES, Lie
from .frame_cases import ODD, PNG
from .script import LIMITS, SEALED, File, Handed, Piece, Script, body, cut, frame, ok, over_socket, table_reply

SEAL, SHRINK, GROW, WRITE, FUTURE_WRITE = 1, 2, 4, 8, 16
ODD_FILES = (
    "pipe", "socket", "/", "/proc", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/proc/self/mem",
    "/proc/self/maps", "/etc/passwd", "/proc/self/exe",
)  # fmt: skip


def announced(size: Any, number: int = 1) -> bytes:
    return frame(Kind.SEGMENT, {"size": size}, number)


def answer(lie: Lie, number: int = 1, *, picture: bool = False, **file: Any) -> tuple[Piece, ...]:
    """An honest answer over the local carrier, but for what ``file`` says otherwise."""
    content = lie.stream + (PNG if picture else b"")
    reply = table_reply(lie.names, lie.rows, len(lie.stream))
    if picture:
        reply["bodies"].append({"kind": "image/png", "name": "figure 1", "size": len(PNG)})
    handed = Handed(announced(len(content), number), (File(**{"content": content, **file}),))
    return handed, frame(Kind.REPLY, reply, number)


def honest(chance: random.Random) -> Script:
    """Nothing is wrong; the peer tries in vain to change the file, which is sealed."""
    lie, table = arrow_cases.honest_stream(chance)
    after = chance.choice(("", "shrink", "grow", "write"))
    picture = chance.random() < 0.3
    answers = tuple(answer(lie, number, picture=picture, after=after) for number in (1, 2))
    return Script("segment: honest", (), answers, expected=table, local=True, ending=chance.choice(("close", "stall")))


def lies(chance: random.Random) -> Script:
    """One lie, plainly told: an answer must not be taken."""
    lie, _ = arrow_cases.honest_stream(chance)
    good = answer(lie)
    handed, reply = good
    assert isinstance(handed, Handed)
    size = len(lie.stream)
    file = handed.files[0]
    some = chance.randint(1, 5000)

    def with_file(**changes: Any) -> tuple[Piece, ...]:
        return answer(lie, **changes)

    def saying(said: Any, **changes: Any) -> tuple[Piece, ...]:
        return Handed(announced(said), (replace(file, **changes),)), reply

    def far_too_large(most: int) -> tuple[Piece, ...]:
        return Handed(announced(most), (File(content=lie.stream, size=most),)), reply

    many = table_reply(lie.names, lie.rows, size)
    told: tuple[Callable[[], tuple[Piece, ...]], ...] = (
        lambda: (handed.data, reply),
        lambda: (Handed(handed.data, handed.files * chance.choice((2, 8))), reply),
        lambda: (Handed(handed.data, handed.files * chance.choice((9, 60, 250))), reply),
        lambda: (Handed(handed.data, handed.files, starved=True), reply),
        lambda: (Handed(reply if isinstance(reply, bytes) else b"", (file,)),),
        lambda: (Handed(frame(Kind.PROGRESS, {"rows": 1, "bytes": 1}), (file,)), *good),
        lambda: (Handed(body(lie.stream[:1000]), (file,)), *good),
        lambda: (*good[:1], *good),
        lambda: (body(b"x"), *good),
        lambda: (handed, body(b"x"), reply),
        lambda: with_file(seals=chance.choice((0, 1, 2, 4, 8, 3, 5, 6, 7, 9, 10, 11, 12, 13, 14, 16, 23, 24))),
        lambda: with_file(seals=chance.choice((0, SHRINK, GROW, WRITE, SHRINK | GROW | WRITE)), after="shrink"),
        lambda: with_file(seals=SHRINK | GROW | SEAL | FUTURE_WRITE, after="write"),
        lambda: with_file(kind=chance.choice(ODD_FILES)),
        lambda: saying(2 * 2**20, kind="huge"),
        lambda: saying(size + some),
        lambda: saying(max(0, size - some) if size > some else -1),
        lambda: saying(chance.choice((None, True, -1, -size, str(size), float(size), [size], 2**63, 10**30))),
        lambda: saying(size, size=size + some),
        lambda: saying(size + some, size=size + some),
        lambda: with_file(content=b"", size=0),
        lambda: saying(0, content=b"", size=0),
        lambda: (Handed(announced(size, chance.choice((0, 2, 2**32 - 1))), (file,)), reply),
        lambda: (Handed(frame(Kind.SEGMENT, chance.choice((b"", b"{}", b"[]", b"\xff", b" " * 4096))), (file,)), reply),
        lambda: (handed, frame(Kind.REPLY, {**many, "bodies": []})),
        lambda: (handed, frame(Kind.REPLY, {**many, "bodies": [{**many["bodies"][0], "size": size - 1}]})),
        lambda: (handed, frame(Kind.REPLY, {**many, "bodies": many["bodies"] * 2})),
        lambda: (handed, frame(Kind.REPLY, {**many, "row_count": lie.rows + some})),
        lambda: far_too_large(LIMITS.max_bytes + some),
        lambda: far_too_large(chance.choice((90 * 2**20, 300 * 2**20))),
        lambda: far_too_large(chance.choice((600 * 2**20, 2**31, 2**40, 2**62))),
    )  # fmt: skip
    ending = chance.choice(("close", "close", "stall"))
    pieces = chance.choice(told)()
    return Script("segment: lies", (), (pieces,), refused=True, local=True, ending=ending)


def files(chance: random.Random) -> Script:
    """Several lies at once: files, numbers, sizes, frames with and without descriptors, in any order."""
    lie, _ = arrow_cases.honest_stream(chance)
    pieces: list[Piece] = list(answer(lie))
    for _ in range(chance.randint(1, 4)):
        kind = chance.choice(("memfd", "memfd", "memfd", "huge", *ODD_FILES))
        content = chance.choice((lie.stream, b"", b"x" * 5000, PNG))
        file = File(
            kind, content, chance.choice((None, None, 0, len(content) + 1, 2**21, 2**33)),
            chance.choice((SEALED, 0, 15, 7)), chance.choice(("", "shrink", "grow", "write")),
        )  # fmt: skip
        said = chance.choice((file.size, len(content), chance.choice(EXTREMES), chance.choice(ODD[:30])))
        data = chance.choice((
            announced(said), announced(said, 2), ok_frame(), frame(Kind.BODY, b"\0x"), b"\0", announced(said)[:10],
        ))  # fmt: skip
        pieces.insert(chance.randrange(len(pieces) + 1), Handed(data, (file,) * chance.choice((0, 1, 1, 1, 2, 9))))
    return Script("segment: files", (), (tuple(pieces),), local=True, ending=chance.choice(("close", "stall")))


def hoard(chance: random.Random) -> Script:
    """Descriptors that come with the bytes of one frame that does not end: they must not pile up."""
    file = File(content=b"x")
    beginning = frame(Kind.BODY, b"", length=MAX_PAYLOAD)
    handed = Handed(b"\0", (file,) * chance.choice((1, 8)))
    if chance.random() < 0.3:
        handed = Handed(announced(1), (file,))
    return Script(
        "segment: hoard", (), ((beginning, *(handed,) * chance.choice((40, 150))),), local=True, ending="stall"
    )


def arrow(chance: random.Random) -> Script:
    """Arrow that lies, in a memory file."""
    make = chance.choice((
        arrow_cases.any_bytes, arrow_cases.metadata, arrow_cases.metadata, arrow_cases.contents, arrow_cases.contents,
        arrow_cases.messages, arrow_cases.refused_type,
    ))  # fmt: skip
    lie = make(chance)
    large = LIMITS.max_bytes < len(lie.stream)
    return Script("segment: arrow", (), (answer(lie),), refused=lie.refused or large, local=True)


def frames(chance: random.Random) -> Script:
    """The lies about frames, over the socket."""
    make = chance.choice((
        frame_cases.header, frame_cases.fields, frame_cases.bodies, frame_cases.order, frame_cases.lies,
        frame_cases.hello, frame_cases.cancel, frame_cases.ingest, frame_cases.honest,
    ))  # fmt: skip
    return over_socket(chance, make(chance), "socket: frames")


def ends(chance: random.Random) -> Script:
    """A good conversation with a file that stops anywhere."""
    lie, _ = arrow_cases.honest_stream(chance)
    handed, reply = answer(lie)
    assert isinstance(handed, Handed) and isinstance(reply, bytes)
    at = chance.randrange(len(handed.data) + 1)
    slowly = tuple(handed.data[i : i + 1] for i in range(len(handed.data) - 1))
    pieces: tuple[Piece, ...] = chance.choice((
        (handed,), (Handed(handed.data[:at] or b"C", handed.files),), (handed, reply[: chance.randrange(len(reply))]),
        (handed.data[:at], Handed(handed.data[at:] or b"\0", handed.files), *cut(chance, reply)),
        (*slowly, Handed(handed.data[-1:], handed.files), *cut(chance, reply)),
    ))  # fmt: skip
    return Script("segment: ends", (), (pieces,), local=True, ending=chance.choice(("close", "stall", "half_close")))


def ok_frame() -> bytes:
    return frame(Kind.REPLY, ok())
