"""Conversations that lie: frames, their order and numbers, JSON, multiplexing, endings.  Pure."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from csvanalyst_ext.protocol import BODY_CHUNK, MAX_PAYLOAD, Kind, Reply, protocol_hash

from . import arrow_cases
from .arrow_cases import EXTREMES, Lie
from .script import INGEST, LIMITS, Script, body, cut, frame, mux, ok, table_reply, wire

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
HELLO = {"protocol": protocol_hash(), "versions": {"duckdb": "2.0.0"}, "seconds": 0.5}
FAULT = {"code": "sql_error", "message": "m", "hint": "h", "details": {"line": 1}}
DEEP: Any = {}
for _ in range(60):
    DEEP = {"x": [DEEP]}
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e308, "", "x",
    "ok", "error", "\ud800", "\udfff\ud83d", "\U0001f4a9", "\0", "\u202e", "x" * 300, "x" * 9000, "../../etc/passwd",
    "__class__", [], [[]], {}, {"": None}, {"x": {}}, [None], ["rows"], ["rows"] * 5, [{"kind": "table"}],
    [{"name": "x", "type": "y"}], DEEP, [[]] * 200_000, {"k" * 1000: 1},
)  # fmt: skip
RAW = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"-0", b"1.0", b'"\\ud800"',
    b'"\xed\xa0\x80"', b'"\xff"', b"[" * 2000 + b"]" * 2000, b'{"a":' * 2000, b"nul", b"", b"'x'", b"0x10",
    b"/**/1", b'{"a":1,"a":2}',
)  # fmt: skip
_TEXTS = ("\u2028", "`", "${x}", "{}", "%s%s%s", "<script>", "\x1b[2J", "x" * 255, "é" * 255, "ﬁ")


def good(chance: random.Random, number: int = 1) -> list[bytes]:
    """The frames of an honest answer: progress, a table, perhaps a picture, the reply."""
    lie, _ = arrow_cases.honest_stream(chance)
    pieces = cut(chance, lie.stream, 4) or [b""]
    frames = [body(piece, number=number) for piece in pieces]
    if chance.random() < 0.3:
        frames.insert(chance.randrange(len(frames) + 1), frame(Kind.PROGRESS, {"rows": 1, "bytes": 9}, number))
    reply = table_reply(lie.names, lie.rows, len(lie.stream))
    if chance.random() < 0.3:
        frames.append(body(PNG, 1, number))
        reply["bodies"].append({"kind": "image/png", "name": "figure 1", "size": len(PNG)})
    return [*frames, frame(Kind.REPLY, reply, number)]


def _json_reply(chance: random.Random) -> dict[str, Any]:
    match chance.randrange(3):
        case 0:
            return {**Reply("ok").to_json(), "stdout": "printed\n", "timings": {"run": 0.1}, "report": {"a": [1]}}
        case 1:
            return {
                **Reply("ok").to_json(),
                "status": chance.choice(("error", "refused", "timeout")),
                "fault": dict(FAULT),
            }
        case _:
            return table_reply(("x",), 3, 100)


# --- one frame of the conversation changed ----------------------------------------------------------


def header(chance: random.Random) -> Script:
    """Lies in the header of one frame: magic, version, kind, reserved, number, length."""
    frames = good(chance)
    at = chance.randrange(len(frames))
    payload, kind = frames[at][16:], frames[at][5]
    lies: dict[str, Any] = chance.choice((
        {"magic": chance.choice((b"CSVB", b"\0\0\0\0", b"HTTP", b"csva", chance.randbytes(4)))},
        {"version": chance.choice((0, 2, 255))},
        {"kind": chance.choice((0, 1, 2, 3, 4, 8, 9, 127, 255))},
        {"reserved": chance.choice((1, 256, 65535))},
        {"number": chance.choice((0, 2, 3, 2**31, 2**32 - 1))},
        {"length": chance.choice((0, 1, len(payload) - 1, len(payload) + 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2**32 - 1))},
    ))  # fmt: skip
    lies["length"] = max(0, lies.get("length", len(payload)))
    frames[at] = frame(**{"kind": kind, "payload": payload, **lies})
    return _script(chance, "header", frames)


def fields(chance: random.Random) -> Script:
    """Lies in the JSON of a reply: types, ranges, missing and unknown fields, depth, surrogates, bare constants."""
    reply = _json_reply(chance)
    raw: bytes | None = None
    for _ in range(chance.choice((1, 1, 2, 3))):
        target: Any = reply
        key: Any = chance.choice(list(target))
        while isinstance(target[key], dict | list) and target[key] and chance.random() < 0.7:
            target = target[key]
            key = chance.choice(list(target)) if isinstance(target, dict) else chance.randrange(len(target))
        match chance.randrange(8):
            case 0 if isinstance(target, dict):
                del target[key]
                if not reply:
                    break
            case 1 if isinstance(target, dict):
                target[chance.choice(("planted", "", "x" * 300, "\ud800", "__proto__", "gate"))] = copy.deepcopy(
                    chance.choice(ODD)
                )
            case 2:
                target[key] = "@@"
                raw = chance.choice(RAW)
            case 3:
                target[key] = chance.choice(EXTREMES)
            case 4:
                target[key] = chance.choice(_TEXTS)
            case 5:
                target[key] = [target[key]] * chance.choice((2, 33, 5000))
            case _:
                target[key] = copy.deepcopy(chance.choice(ODD))
        if target is reply and not reply:
            break
    data = json.dumps(reply).encode()
    if raw is not None:
        data = data.replace(b'"@@"', raw, 1)
    match chance.randrange(12):
        case 0:
            data = data[: chance.randrange(len(data) + 1)]
        case 1:
            data += chance.choice((b" ", b"\0", b"{}", b"]", data))
        case 2:
            data = chance.choice(
                (data.decode(errors="replace").encode("utf-16"), b"\xef\xbb\xbf" + data, b"[" + data + b"]", data[1:])
            )
        case 3:
            at = chance.randrange(len(data) or 1)
            data = data[:at] + chance.randbytes(2) + data[at + 1 :]
        case _:
            pass
    return _script(chance, "json", [frame(Kind.REPLY, data[:MAX_PAYLOAD])])


def hello(chance: random.Random) -> Script:
    """A greeting that lies, comes late, twice or with another number."""
    greeting: dict[str, Any] = {**HELLO, "versions": dict(HELLO["versions"])}  # type: ignore[call-overload]
    match chance.randrange(4):
        case 0:
            greeting[chance.choice(list(greeting))] = chance.choice(ODD)
        case 1:
            greeting["versions"][chance.choice(("a", "x" * 10_000, ""))] = chance.choice(ODD)
        case 2:
            greeting["planted"] = chance.choice(ODD)
        case _:
            pass
    data = json.dumps(greeting).encode()
    if chance.random() < 0.2:
        data = data.replace(b"0.5", chance.choice(RAW))
    one = frame(Kind.HELLO, data[:MAX_PAYLOAD], chance.choice((0, 0, 0, 1, 2**32 - 1)))
    first = one * chance.choice((0, 1, 1, 1, 2, 100))
    late = one * chance.choice((0, 0, 1, 2))
    answer = [late, *good(chance)] if chance.random() < 0.5 else [*good(chance), late]
    return _script(chance, "hello", answer, first=first, greet=True)


def progress(chance: random.Random) -> Script:
    """Progress that lies about how far it is, goes back, or holds something else."""
    lies = []
    for _ in range(chance.choice((1, 2, 50))):
        value = {"rows": chance.choice((*ODD[:20], *EXTREMES)), "bytes": chance.choice((1, 2**62, -1, None, 1.5))}
        if chance.random() < 0.2:
            value[chance.choice(("x", "rows "))] = chance.choice(ODD[:30])
        data = json.dumps(value).encode()
        lies.append(frame(Kind.PROGRESS, chance.choice((data, data, data[:-1], b"", b"[1]", data + b" " * 300))))
    if chance.random() < 0.5:
        lies = [frame(Kind.PROGRESS, {"rows": chance.randrange(10**6), "bytes": chance.randrange(2**63)}) for _ in lies]
    return _script(chance, "progress", [*lies, *good(chance)])


def bodies(chance: random.Random) -> Script:
    """Lies about the bodies: numbers, order, sizes, kinds, how many there are."""
    lie, _ = arrow_cases.honest_stream(chance)
    reply = table_reply(lie.names, lie.rows, len(lie.stream))
    info = reply["bodies"][0]
    frames = [body(lie.stream)]
    match chance.randrange(10):
        case 0:
            info["size"] += chance.choice((1, -1, 2**40))
        case 1:
            info["kind"] = chance.choice(
                ("parquet", "image/png", "application/vnd.vegalite.v5+json", "text/html", "Table")
            )
        case 2:
            frames = [body(lie.stream, chance.choice((1, 2, 31, 32, 255)))]
        case 3:
            frames += [body(b"x" * chance.randrange(10), place) for place in chance.choices(range(40), k=5)]
        case 4:
            reply["bodies"] = [info] * chance.choice((0, 2, 32, 33, 1000))
        case 5:
            frames = [body(b"", place) for place in range(chance.choice((2, 32, 33, 256)) % 256)] + frames
        case 6:
            frames = [frame(Kind.BODY, b"")] * chance.choice((1, 3)) + frames
        case 7:
            frames += [body(lie.stream, 1)]
            reply["bodies"] = [info, {**info}]
        case 8:
            reply[chance.choice(("row_count", "total_rows"))] = chance.choice(
                (0, lie.rows - 1, lie.rows + 1, 2**62, None)
            )
        case _:
            reply["columns"] = chance.choice((
                [], reply["columns"][1:], reply["columns"] * 2, reply["columns"][::-1], [{"name": "y", "type": "T"}],
            ))  # fmt: skip
    status = chance.choice(("ok", "ok", "ok", "error"))
    if status != "ok":
        reply |= {"status": status, "fault": FAULT}
    return _script(chance, "bodies", [*frames, frame(Kind.REPLY, reply)])


# --- the order and number of frames -----------------------------------------------------------------


def order(chance: random.Random) -> Script:
    """Frames twice, swapped, left out, of other requests, before they are asked for, after the answer."""
    frames = good(chance)
    first, late = b"", b""
    for _ in range(chance.choice((1, 1, 2))):
        match chance.randrange(8):
            case 0:
                frames.insert(chance.randrange(len(frames) + 1), chance.choice(frames))
            case 1:
                chance.shuffle(frames)
            case 2:
                del frames[chance.randrange(len(frames))]
            case 3:
                at = chance.randrange(len(frames) + 1)
                frames[at:at] = good(chance, chance.choice((0, 1, 2, 2**32 - 1)))
            case 4:
                first = b"".join(good(chance, chance.choice((0, 1, 2))))
            case 5:
                late = b"".join(good(chance, chance.choice((0, 1, 2, 3))))
            case 6:
                frames.append(frames[-1] * chance.choice((1, 100)))
            case _:
                kind = chance.choice((Kind.REQUEST, Kind.CANCEL, Kind.TABLES, Kind.HELLO))
                frames.insert(chance.randrange(len(frames) + 1), frame(kind, ok(), chance.choice((0, 1, 2))))
    tables = chance.random() < 0.3
    numbered = [frame(Kind.REPLY, ok())] if tables else []
    answers = [numbered] if tables else []
    script = _script(chance, "order", frames, first=first, late=late)
    if not tables:
        return script
    before = tuple(wire(chance, b"".join(answer)) for answer in answers)
    return Script("order", script.first, (*before, *script.answers), tables=True, ending=script.ending)


def cancel(chance: random.Random) -> Script:
    """The person cancels; the peer goes on, answers twice, answers something else, or never stops."""
    frames = good(chance)
    split = chance.randrange(len(frames) + 1)
    after: list[bytes] = chance.choice((
        frames[split:], [], frames, [frame(Kind.REPLY, b"\0")], [frame(Kind.REPLY, ok(), 2)], [b"garbage!" * 5],
        [frame(Kind.REPLY, ok())] * 3, [frame(Kind.PROGRESS, {"rows": 1, "bytes": 1})] * 100,
    ))  # fmt: skip
    answers = tuple(wire(chance, b"".join(part)) for part in (frames[:split], after, good(chance, 2)))
    return Script("cancel", (), answers, cancel=True, ending=chance.choice(("stall", "close")))


def ingest(chance: random.Random) -> Script:
    """An answer to an ingest: the sink gets one body, whatever is said about it."""
    pieces = [body(chance.randbytes(chance.randrange(2000)), chance.choice((0, 0, 0, 0, 1))) for _ in range(3)]
    size = sum(len(piece) - 17 for piece in pieces)
    info = {"kind": chance.choice(("parquet", "parquet", "table", "image/png")), "name": "", "size": size}
    reply = ok(bodies=[info] * chance.choice((1, 1, 1, 0, 2)), report={"rows": chance.choice(ODD[:20])})
    if chance.random() < 0.3:
        info["size"] = chance.choice((0, size + 1, 2**62))
    if chance.random() < 0.3:
        reply[chance.choice(list(reply))] = chance.choice(ODD[:30])
    script = _script(chance, "ingest", [*pieces, frame(Kind.REPLY, reply)])
    return Script("ingest", script.first, script.answers, request=INGEST, ending=script.ending)


def lies(chance: random.Random) -> Script:
    """One lie, plainly told: an answer must not be taken."""
    lie, _ = arrow_cases.honest_stream(chance)
    size, most = len(lie.stream), LIMITS.max_bytes
    sent = [body(lie.stream)]
    reply = table_reply(lie.names, lie.rows, size)
    info = reply["bodies"][0]
    picture = {"kind": "image/png", "name": "", "size": 9}

    def told(*frames: bytes, **changes: Any) -> list[bytes]:
        return [*frames, frame(Kind.REPLY, {**reply, **changes})]

    def bad(**changes: Any) -> list[bytes]:
        return [frame(Kind.REPLY, ok(status="error", fault={**FAULT, **changes}))]

    some = chance.randint(1, 1000)
    plain = frame(Kind.REPLY, reply)[16:]
    told_lies: tuple[Callable[[], list[bytes]], ...] = (
        lambda: told(*sent, row_count=lie.rows + some),
        lambda: told(*sent, total_rows=max(0, lie.rows - 1) if lie.rows else -1),
        lambda: told(*sent, row_count=float(lie.rows)),
        lambda: told(*sent, columns=[*reply["columns"], {"name": "more", "type": "T"}]),
        lambda: told(*sent, columns=[{**column, "planted": 1} for column in reply["columns"]] or [1]),
        lambda: told(*sent, bodies=[{**info, "size": size + chance.choice((1, -1))}]),
        lambda: told(*sent, bodies=[]),
        lambda: told(*sent, body(b"x", 1)),
        lambda: told(*sent, body(lie.stream, 1), bodies=[info, info]),
        lambda: told(*sent, body(b"<svg xmlns", 1), bodies=[info, {**picture, "size": 10}]),
        lambda: told(*sent, bodies=[{**info, "kind": "text/html"}]),
        lambda: told(*sent, bodies=[{**info, "planted": 1}]),
        lambda: told(*sent, bodies=[info, *[{**picture, "size": 0}] * 32]),
        lambda: told(*[body(lie.stream[i : i + 1], i % 2) for i in range(4)]),
        lambda: told(body(b"x" * 10, 32)),
        lambda: told(frame(Kind.BODY, b""), *sent),
        lambda: told(*sent, planted=some),
        lambda: told(*sent, stdout="x" * (LIMITS.max_stdout + some)),
        lambda: told(*sent, stdout="\ud800"),
        lambda: told(*sent, truncated=["rows", "planted"]),
        lambda: told(*sent, truncated=["rows"] * 5),
        lambda: told(*sent, status="fine"),
        lambda: told(*sent, status="error"),
        lambda: told(*sent, fault=FAULT),
        lambda: told(*sent, timings={"run": "1"}),
        lambda: told(*sent, timings={"run": 10**400}),
        lambda: told(*sent, report=DEEP),
        lambda: told(*sent, report={"x": [[]] * 200_000}),
        lambda: told(*sent, stdout_truncated=1),
        lambda: bad(code="<script>"),
        lambda: bad(code="x" * 65),
        lambda: bad(message="m" * 9000),
        lambda: bad(details=DEEP),
        lambda: bad(planted=1),
        lambda: [*sent, frame(Kind.REPLY, plain.replace(b"{", b'{"report": NaN, ', 1))],
        lambda: [*sent, frame(Kind.REPLY, plain.replace(b'"stdout": ""', b'"stdout": "\xed\xa0\x80"'))],
        lambda: [*sent, frame(Kind.REPLY, plain.decode().encode("utf-16"))],
        lambda: [*sent, frame(Kind.REPLY, b"[" + plain + b"]")],
        lambda: [*sent, frame(Kind.REPLY, reply, some + 1)],
        lambda: [*sent, frame(Kind.REPLY, reply, 0)],
        lambda: [*sent, frame(Kind.REPLY, reply, version=2)],
        lambda: [*sent, frame(Kind.REPLY, reply, reserved=some)],
        lambda: [*sent, frame(Kind.REPLY, reply, magic=b"CSVB")],
        lambda: [*sent, frame(chance.choice((Kind.REQUEST, Kind.CANCEL, Kind.TABLES)), {}), *told()],
        lambda: [*sent, frame(Kind.HELLO, HELLO) * 2, *told()],
        lambda: [frame(Kind.PROGRESS, b'{"rows":1,"bytes":1' + b" " * 300 + b"}"), *told(*sent)],
        lambda: [frame(Kind.PROGRESS, {"rows": -some, "bytes": 1}), *told(*sent)],
        lambda: [frame(Kind.PROGRESS, {"rows": 2**63, "bytes": True}), *told(*sent)],
        lambda: [
            *[body(b"x" * (most // 2 + some))] * 2,
            frame(Kind.REPLY, table_reply(("x",), 1, 2 * (most // 2 + some))),
        ],
        lambda: [*[body(b"x" * (4 * 2**20 - 1))] * 24, frame(Kind.REPLY, table_reply(("x",), 1, 24 * (2**22 - 1)))],
    )  # fmt: skip
    return replace(_script(chance, "lies", chance.choice(told_lies)()), refused=True)


# --- below the frames -------------------------------------------------------------------------------


def multiplex(chance: random.Random) -> Script:
    """Lies of the stream below: unknown streams, lengths, last words, no multiplexing at all."""
    data = b"".join(good(chance))
    at = chance.randrange(len(data))
    lie = chance.choice((
        mux(b"", 1) * chance.choice((1, 10_000)),
        mux(b"Traceback \x1b[2J \xff" * chance.choice((1, 5000)), 2),
        mux(b"x", chance.choice((0, 3, 7, 255))),
        struct.pack(">BxxxI", chance.choice((1, 2)), chance.choice((2**31, 2**32 - 1, 5))),
        struct.pack(">B3sI", 1, chance.randbytes(3), 4) + b"CSVA",
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
        chance.randbytes(chance.randint(1, 64)),
    ))  # fmt: skip
    answer = mux(data[:at]) + lie + (mux(data[at:]) if at < len(data) else b"")
    return Script("multiplex", (), (tuple(cut(chance, answer, 4)),), ending=_ending(chance))


def any_bytes(chance: random.Random) -> Script:
    """Bytes anywhere in the whole conversation."""
    data = bytearray(b"".join(mux(piece) for piece in good(chance)))
    for _ in range(chance.choice((1, 2, 8))):
        at = chance.randrange(len(data) or 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randint(1, 40)]
            case 2:
                data[at:at] = chance.randbytes(chance.randint(1, 40))
            case _:
                data[at : at + 4] = struct.pack(">I", chance.choice(EXTREMES) % 2**32)
    return Script("any bytes", (), (tuple(cut(chance, bytes(data))),), ending=_ending(chance))


def ends(chance: random.Random) -> Script:
    """A good conversation that ends, or stops without ending, anywhere."""
    data = b"".join(mux(piece) for piece in good(chance))
    data = data[: chance.randrange(len(data) + 1)]
    pieces = tuple(data[i : i + 1] for i in range(len(data))) if len(data) < 60 else tuple(cut(chance, data))
    return Script("ends", (), (pieces,), ending=chance.choice(("close", "stall", "half_close")))


def flood(chance: random.Random) -> Script:
    """The same again and again until the host has had enough."""
    block = chance.choice((
        frame(Kind.PROGRESS, {"rows": 1, "bytes": 1}) * 2000,
        body(b"x" * BODY_CHUNK),
        body(b"") * 20_000,
        frame(Kind.BODY, bytes((0,)) + b"x" * (MAX_PAYLOAD - 1)),
        frame(Kind.HELLO, HELLO, 0) * 500,
        frame(Kind.REPLY, ok(), 7) * 500,
        frame(Kind.PROGRESS, b" " * MAX_PAYLOAD),
    ))  # fmt: skip
    if chance.random() < 0.2:
        data = mux(block, 2)
    elif chance.random() < 0.1:
        data = mux(b"") * 50_000
    else:
        data = mux(block)
    return Script("flood", (), ((data,),), ending="endless")


# --- Arrow ------------------------------------------------------------------------------------------


def honest(chance: random.Random) -> Script:
    """Nothing is wrong: it must be taken as it is."""
    lie, table = arrow_cases.honest_stream(chance)
    answers = tuple(wire(chance, _frames(lie, number)) for number in (1, 2))
    return Script("honest", (), answers, ending=chance.choice(("close", "stall")), expected=table)


def arrow(name: str, make: Callable[[random.Random], Lie]) -> Callable[[random.Random], Script]:
    def script(chance: random.Random) -> Script:
        lie = make(chance)
        return Script(name, (), (wire(chance, _frames(lie, 1)),), refused=lie.refused)

    return script


def _frames(lie: Lie, number: int) -> bytes:
    return body(lie.stream, number=number) + frame(
        Kind.REPLY, table_reply(lie.names, lie.rows, len(lie.stream)), number
    )  # fmt: skip


def _script(
    chance: random.Random, kind: str, frames: list[bytes], *, first: bytes = b"", late: bytes = b"", greet: bool = False
) -> Script:
    """``frames`` are the first answer, ``late`` comes with it or in place of the second one."""
    answers = [b"".join(frames), late]
    if late and chance.random() < 0.5:
        answers = [answers[0] + late]
    pieces = tuple(wire(chance, answer) for answer in answers if answer)
    return Script(kind, wire(chance, first) if first else (), pieces, ending=_ending(chance), greet=greet)


def _ending(chance: random.Random) -> Any:
    return chance.choice(("close", "close", "stall", "half_close"))
