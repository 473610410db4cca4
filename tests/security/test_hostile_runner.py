"""A runner that is hostile from its first byte: the host bounds, refuses and goes on.

A worker that forges its own answer behind an honest supervisor is in ``tests/security/attacks``; the bytes of
Arrow tables are in ``test_hostile_arrow.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import io
import json
import os
import resource
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext import protocol
from csvanalyst_ext.errors import AnalystError, ImageUnavailable, RunnerMisbehaved, SandboxLost
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.execution.channel import Channel
from csvanalyst_ext.execution.collector import Collector
from csvanalyst_ext.execution.local import MAP_ABOVE, SOCKET_NAME, Door, LocalCarrier, Mappings
from csvanalyst_ext.execution.stream import StreamCarrier
from csvanalyst_ext.protocol import (
    BODY_CHUNK,
    HEADER,
    MAGIC,
    MAX_PAYLOAD,
    Decoder,
    Frame,
    IngestRequest,
    Kind,
    Limits,
    ProtocolError,
    Reply,
    Request,
    SqlRequest,
    encode,
    request_to_json,
)

PATIENCE = 5.0
QUESTION = SqlRequest("SELECT 1", limits=Limits(max_rows=1000, max_bytes=1_000_000, max_stdout=1000))
GROWTH = 64 * 2**20


def raw(kind: int, payload: bytes | dict[str, Any] = b"", number: int = 1, version: int = 1) -> bytes:
    """A frame without any of the checks that ``encode`` makes."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return HEADER.pack(MAGIC, version, kind, 0, number, len(data)) + data


def reply(number: int = 1, **changes: Any) -> bytes:
    return raw(Kind.REPLY, {**Reply("ok").to_json(), **changes}, number)


def body(data: bytes, place: int = 0, number: int = 1) -> bytes:
    return raw(Kind.BODY, bytes((place,)) + data, number)


def arrow(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


TABLE = pa.table({"x": [1, 2, 3]})
TABLE_BODY = arrow(TABLE)
TABLE_REPLY = {
    "columns": [{"name": "x", "type": "BIGINT"}],
    "row_count": 3,
    "bodies": [{"kind": "table", "name": "result", "size": len(TABLE_BODY)}],
}


class FakeCarrier:
    """Answers whatever the host sends with bytes made beforehand, in pieces of ``piece`` bytes."""

    def __init__(self, channel: Channel, answer: bytes, piece: int = 1 << 20) -> None:
        self._channel = channel
        self._answer = answer
        self._piece = piece
        self.sent: list[Frame] = []
        self.closed = False

    async def send(self, data: bytes) -> None:
        self.sent += Decoder().feed(data)
        if self.sent[-1].kind is Kind.REQUEST:
            self.feed(self._answer)

    def feed(self, answer: bytes) -> None:
        decoder = Decoder()
        try:
            for start in range(0, len(answer), self._piece):
                for frame in decoder.feed(answer[start : start + self._piece]):
                    self._channel.frame(frame)
        except ProtocolError as error:
            self._channel.gone(error, "")

    def close(self) -> None:
        self.closed = True


async def asked(
    answer: bytes, request: Request = QUESTION, within: float = 0.3, **more: Any
) -> tuple[Outcome, Channel]:
    """What the host makes of ``answer``; the outcome has been validated."""
    channel = Channel()
    channel.carrier = FakeCarrier(channel, answer, **more)
    collector = Collector(request, None, None)
    await channel.exchange(Kind.REQUEST, {}, collector, within)
    return collector.outcome(), channel


def ask(answer: bytes, request: Request = QUESTION, within: float = 0.3, **more: Any) -> Outcome:
    return asyncio.run(asked(answer, request, within, **more))[0]


def test_an_honest_answer_passes_whatever_its_pieces() -> None:
    for piece in (1, 7, 1 << 20):
        outcome = ask(body(TABLE_BODY[:50]) + body(TABLE_BODY[50:]) + reply(**TABLE_REPLY), piece=piece)
        assert outcome.table == TABLE


DEEP: dict[str, Any] = {}
for _ in range(200):
    DEEP = {"x": DEEP}
_OK = json.dumps(Reply("ok").to_json())

REFUSED: dict[str, bytes] = {
    "no frames": b"HTTP/1.1 200 OK\r\n\r\n",
    "another version": raw(Kind.REPLY, b"{}", version=2),
    "an unknown kind": raw(99),
    "reserved bits": HEADER.pack(MAGIC, 1, Kind.REPLY, 7, 1, 0),
    "a length of four gigabytes": HEADER.pack(MAGIC, 1, Kind.REPLY, 0, 1, 2**32 - 1),
    "a length one above the most": HEADER.pack(MAGIC, 1, Kind.BODY, 0, 1, MAX_PAYLOAD + 1),
    "another number": reply(2),
    "number zero": reply(0),
    "a number of the future": reply(2**32 - 1),
    "a second hello": raw(Kind.HELLO, {"protocol": "x", "versions": {}, "seconds": 1}) * 2,
    "a request": raw(Kind.REQUEST, {}),
    "a cancellation": raw(Kind.CANCEL),
    "tables": raw(Kind.TABLES, {}),
    "no JSON": raw(Kind.REPLY, b"\x00\x01"),
    "JSON in UTF-16": raw(Kind.REPLY, _OK.encode("utf-16")),
    "JSON that is a list": raw(Kind.REPLY, b"[1]"),
    "JSON 100,000 deep": raw(Kind.REPLY, b'{"x":' * 100_000),
    "not a number": raw(Kind.REPLY, _OK.replace('"row_count": 0', '"row_count": NaN').encode()),
    "no end": raw(Kind.REPLY, _OK.replace('"timings": {}', '"timings": {"x": 1e999}').encode()),
    "minus no end": raw(Kind.REPLY, _OK.replace('"timings": {}', '"timings": {"x": -1e999}').encode()),
    "seconds of 400 digits": raw(Kind.REPLY, _OK.replace('"timings": {}', f'"timings": {{"x": {10**400}}}').encode()),
    "rows of 5,000 digits": raw(Kind.REPLY, _OK.replace('"row_count": 0', f'"row_count": {"9" * 5000}').encode()),
    "rows below zero": reply(row_count=-1),
    "rows that are true": reply(row_count=True),
    "rows that are not there": reply(row_count=10**12),
    "columns that are not there": reply(columns=[{"name": "x", "type": "y"}]),
    "an unknown status": reply(status="fine"),
    "a fault in a good answer": reply(fault={"code": "x", "message": "", "hint": "", "details": {}}),
    "no fault in a bad one": reply(status="error"),
    "a code that is none": reply(status="error", fault={"code": "<b>", "message": "", "hint": "", "details": {}}),
    "a message of a megabyte": reply(
        status="error", fault={"code": "x", "message": "m" * 2**20, "hint": "", "details": {}}
    ),
    "details 200 deep": reply(status="error", fault={"code": "x", "message": "", "hint": "", "details": DEEP}),
    "a report 200 deep": reply(report=DEEP),
    "a report of a million parts": raw(
        Kind.REPLY, _OK.replace('"report": {}', '"report": {"x": [' + "[]," * 1_000_000 + "[]]}").encode()
    ),
    "unknown fields": reply(planted=1),
    "missing fields": raw(Kind.REPLY, b'{"status": "ok"}'),
    "caps that are none": reply(truncated=["rows", "planted"]),
    "caps nested deep": reply(truncated=[DEEP]),
    "caps without end": reply(truncated=["rows"] * 100_000),
    "an escaped surrogate": reply(stdout="\ud800"),
    "a surrogate as it is": raw(Kind.REPLY, _OK.encode().replace(b'"stdout": ""', b'"stdout": "\xed\xa0\x80"')),
    "output beyond its cap": reply(stdout="x" * 1001),
    "too many bodies": reply(bodies=[{"kind": "table", "name": "", "size": 0}] * 33),
    "an unknown kind of body": reply(bodies=[{"kind": "text/html", "name": "", "size": 0}]),
    "a body that was not sent": reply(bodies=[{"kind": "table", "name": "", "size": 5}]),
    "a body of another size": body(b"xy") + reply(bodies=[{"kind": "table", "name": "", "size": 5}]),
    "a body that was not named": body(b"xy") + reply(),
    "a body without a number": raw(Kind.BODY, b"") + reply(),
    "bodies out of order": body(b"x", 1) + body(b"x", 0),
    "a body gone back to": body(b"x", 0) + body(b"x", 1) + body(b"x", 0),
    "more bodies than there may be": b"".join(body(b"", place) for place in range(200)),
    "more bytes than allowed": b"".join(body(b"x" * BODY_CHUNK) for _ in range(90)),
    "a table beyond its cap": body(b"x" * 1_000_001) + reply(bodies=[{"kind": "table", "name": "", "size": 1_000_001}]),
    "two tables": body(TABLE_BODY)
    + body(TABLE_BODY, 1)
    + reply(**{**TABLE_REPLY, "bodies": TABLE_REPLY["bodies"] * 2}),  # type: ignore[operator]
    "fewer rows than announced": body(TABLE_BODY) + reply(**{**TABLE_REPLY, "row_count": 4}),
    "fewer rows in all than sent": body(TABLE_BODY) + reply(**{**TABLE_REPLY, "total_rows": 2}),
    "other columns than announced": body(TABLE_BODY) + reply(**{**TABLE_REPLY, "columns": [{"name": "y", "type": ""}]}),
    "a picture that is none": body(b"<svg/>") + reply(bodies=[{"kind": "image/png", "name": "", "size": 6}]),
    "progress of a megabyte": raw(Kind.PROGRESS, b'{"rows":1,"bytes":1,"x":"' + b"x" * 2**20 + b'"}'),
    "progress without numbers": raw(Kind.PROGRESS, b'{"rows":"1","bytes":1}'),
    "progress below zero": raw(Kind.PROGRESS, b'{"rows":-1,"bytes":1}'),
    "progress of 4,000 digits": raw(Kind.PROGRESS, b'{"rows":' + b"9" * 200 + b',"bytes":1}'),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.attack(68, "frames and answers that break the protocol")
def test_what_breaks_the_protocol_is_refused_at_once(name: str) -> None:
    with pytest.raises(RunnerMisbehaved) as caught:
        ask(REFUSED[name], within=PATIENCE)
    assert caught.value.code.startswith(("runner_", "bad_arrow"))
    assert caught.value.hint


@pytest.mark.parametrize(
    "answer", [b"", reply()[:7], reply()[:-1], body(TABLE_BODY), raw(Kind.PROGRESS, b'{"rows":1,"bytes":1}')]
)
@pytest.mark.attack(68, "an answer that never ends")
def test_an_answer_that_never_ends_is_given_up(answer: bytes) -> None:
    with pytest.raises(SandboxLost) as caught:
        ask(answer, within=0.05)
    assert caught.value.code == "sandbox_unresponsive"


@pytest.mark.attack(68, "frames after the answer")
def test_frames_after_the_answer_cost_the_sandbox_and_not_the_answer() -> None:
    async def late() -> tuple[Outcome, AnalystError | None]:
        outcome, channel = await asked(body(TABLE_BODY) + reply(**TABLE_REPLY))
        channel.frame(Frame(Kind.REPLY, 1, b"{}"))
        return outcome, channel.lost

    outcome, lost = asyncio.run(late())
    assert outcome.table == TABLE
    assert isinstance(lost, RunnerMisbehaved)
    assert lost.code == "runner_unexpected_frame"


def test_a_duplicate_answer_changes_nothing() -> None:
    assert ask(body(TABLE_BODY) + reply(**TABLE_REPLY) + reply(status="ok") * 3).table == TABLE


@pytest.mark.attack(68, "answers to questions to come")
def test_an_answer_to_a_question_that_is_not_yet_asked_is_never_taken() -> None:
    async def early() -> AnalystError | None:
        channel = Channel()
        channel.carrier = FakeCarrier(channel, reply(1))
        channel.frame(Frame(Kind.REPLY, 1, reply()[HEADER.size :]))
        with pytest.raises(RunnerMisbehaved):
            await channel.exchange(Kind.REQUEST, {}, Collector(QUESTION, None, None), 0.2)
        return channel.lost

    assert isinstance(asyncio.run(early()), RunnerMisbehaved)


def test_a_lost_channel_stays_lost() -> None:
    async def twice() -> None:
        channel = Channel()
        channel.carrier = FakeCarrier(channel, reply(9))
        for _ in range(2):
            with pytest.raises(RunnerMisbehaved):
                await channel.exchange(Kind.REQUEST, {}, Collector(QUESTION, None, None), 0.2)

    asyncio.run(twice())


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b'{"protocol": 1, "versions": {}, "seconds": 1}',
        b'{"protocol": "x", "versions": {"a": "' + b"x" * 65 + b'"}, "seconds": 1}',
        b'{"protocol": "x", "versions": {}, "seconds": 1e999}',
        b'{"protocol": "x", "versions": {}, "seconds": 1' + b"0" * 400 + b"}",
        b'{"protocol": "' + b"x" * 65 + b'", "versions": {}, "seconds": 1}',
    ],
)
def test_a_hello_that_is_none_is_refused(payload: bytes) -> None:
    async def greet() -> None:
        channel = Channel()
        channel.frame(Frame(Kind.HELLO, 0, payload))
        await asyncio.wait_for(channel.greeting(), 1)

    with pytest.raises(RunnerMisbehaved):
        asyncio.run(greet())


def test_a_runner_with_another_protocol_is_refused() -> None:
    async def greet() -> None:
        channel = Channel()
        channel.frame(Frame(Kind.HELLO, 0, b'{"protocol": "other", "versions": {}, "seconds": 1}'))
        await channel.greeting()

    with pytest.raises(ImageUnavailable):
        asyncio.run(greet())
    assert protocol.protocol_hash() != "other"


@pytest.mark.parametrize("scale", [39, 236, -39])
def test_a_decimal_of_a_scale_that_no_number_has_is_refused(scale: int) -> None:
    odd = pa.Array.from_buffers(pa.decimal128(9, scale), 3, [None, pa.py_buffer(bytes(48))])
    data = arrow(pa.table({"n": odd}))
    announced = {**TABLE_REPLY, "bodies": [{"kind": "table", "name": "result", "size": len(data)}]}
    announced["columns"] = [{"name": "n", "type": "DECIMAL"}]
    with pytest.raises(RunnerMisbehaved, match="scale"):
        ask(body(data) + reply(**{**announced, "row_count": 3, "total_rows": 3}))


@pytest.mark.parametrize("idle", [protocol.encode(Kind.PROGRESS, 1, {"rows": 1, "bytes": 1}), body(b"")])
def test_a_flood_of_frames_without_a_result_is_refused_early(idle: bytes) -> None:
    assert ask(body(TABLE_BODY) + idle * 2000 + reply(**TABLE_REPLY), within=20).table == TABLE
    with pytest.raises(RunnerMisbehaved, match="more frames"):
        ask(idle * 50_000, within=20)


def test_an_ingest_gives_one_body_and_only_to_its_sink() -> None:
    kept: list[bytes] = []

    async def ingest(answer: bytes) -> Outcome:
        channel = Channel()
        channel.carrier = FakeCarrier(channel, answer)
        collector = Collector(IngestRequest("x", "csv", limits=Limits(max_bytes=10)), None, kept.append)
        await channel.exchange(Kind.REQUEST, {}, collector, 0.2)
        return collector.outcome()

    good = body(b"PAR1") + reply(bodies=[{"kind": "parquet", "name": "", "size": 4}])
    assert asyncio.run(ingest(good)).status == "ok"
    assert kept == [b"PAR1"]
    with pytest.raises(RunnerMisbehaved):
        asyncio.run(ingest(body(b"PAR1") + body(b"more", 1)))
    with pytest.raises(RunnerMisbehaved):
        asyncio.run(ingest(body(b"PAR1") + reply(bodies=[{"kind": "parquet", "name": "", "size": 5}])))


def test_a_failed_answer_may_leave_pieces_behind_but_they_are_dropped() -> None:
    fault = {"code": "sql_io", "message": "m", "hint": "h", "details": {}}
    outcome = ask(body(TABLE_BODY[:20]) + reply(status="error", fault=fault))
    assert (outcome.status, outcome.table, outcome.artefacts) == ("error", None, ())


# --- over a real stream, with the engine's multiplexing -----------------------------------------


def mux(data: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxI", stream, len(data)) + data


def over_a_socket(push: Callable[[socket.socket], None], within: float) -> BaseException | None:
    """What an exchange raises while ``push`` writes to the other end from a thread."""

    async def exchange() -> BaseException | None:
        ours, theirs = socket.socketpair()
        channel = Channel()
        channel.carrier = StreamCarrier(ours, asyncio.get_running_loop(), channel)

        def pushing() -> None:
            with contextlib.suppress(OSError):
                push(theirs)

        thread = threading.Thread(target=pushing, daemon=True)
        thread.start()
        try:
            await channel.exchange(Kind.REQUEST, {}, Collector(QUESTION, None, None), within)
        except AnalystError as error:
            return error
        finally:
            channel.close()
            theirs.close()
            await asyncio.to_thread(thread.join)
        return None

    return asyncio.run(exchange())


def endless(data: bytes) -> Callable[[socket.socket], None]:
    def push(stream: socket.socket) -> None:
        while True:
            stream.sendall(data)

    return push


def once(data: bytes) -> Callable[[socket.socket], None]:
    def push(stream: socket.socket) -> None:
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)

    return push


@pytest.mark.parametrize(
    "block",
    [
        mux(raw(Kind.PROGRESS, b'{"rows":1,"bytes":1}') * 5000),
        mux(body(b"") * 5000),
        mux(raw(Kind.BODY, b"\0" + b"x" * 100) * 5000),
        mux(b"x" * 100_000, stream=2),
        mux(bytes(0), stream=2) * 5000,
        mux(HEADER.pack(MAGIC, 1, Kind.BODY, 0, 1, MAX_PAYLOAD) + bytes(MAX_PAYLOAD)),
    ],
    ids=["progress", "empty bodies", "small bodies", "standard error", "empty pieces", "the largest frames"],
)
@pytest.mark.attack(68, "a flood of frames")
def test_a_flood_ends_at_the_deadline_and_fills_no_memory(block: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    error = over_a_socket(endless(block), within=0.5)
    assert isinstance(error, SandboxLost | RunnerMisbehaved)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < GROWTH + len(block)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "sandbox_lost"),
        (mux(reply())[:20], "sandbox_lost"),
        (mux(b"Traceback (most recent call last): \x1b[2J", stream=2), "sandbox_lost"),
        (struct.pack(">BxxxI", 7, 5) + b"hello", "runner_stream_header"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "runner_stream_header"),
        (mux(b"garbage" * 10), "runner_frame_magic"),
    ],
    ids=["nothing", "half a frame", "last words", "an unknown stream", "not multiplexed", "no frames"],
)
@pytest.mark.attack(68, "a stream that ends in a frame, or is none")
def test_a_stream_that_ends_or_is_none_is_one_error(data: bytes, code: str) -> None:
    error = over_a_socket(once(data), within=PATIENCE)
    assert isinstance(error, AnalystError)
    assert error.code == code


@pytest.mark.attack(68, "a length of four gigabytes")
def test_a_length_of_four_gigabytes_allocates_nothing() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    error = over_a_socket(
        once(struct.pack(">BxxxI", 1, 2**32 - 1) + encode(Kind.PROGRESS, 1, {"rows": 1, "bytes": 1})), 0.5
    )
    assert isinstance(error, SandboxLost)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < GROWTH


def test_the_answer_is_never_sent_as_a_number_that_was_used_before() -> None:
    async def numbers() -> list[int]:
        channel = Channel()
        carrier = FakeCarrier(channel, b"")
        channel.carrier = carrier
        for number in range(1, 4):
            carrier._answer = reply(number)
            await channel.exchange(Kind.REQUEST, {}, Collector(QUESTION, None, None), 0.2)
        return [frame.request for frame in carrier.sent]

    assert asyncio.run(numbers()) == [1, 2, 3]


# --- over the local carrier: a socket that passes descriptors ------------------------------------


@dataclass
class Heard:
    """A listener that has room for one megabyte."""

    segments: list[memoryview] = field(default_factory=list)
    lost: list[ProtocolError | None] = field(default_factory=list)

    def frame(self, frame: Frame) -> None: ...

    def segment(self, request: int, content: memoryview) -> None:
        self.segments.append(content)

    def room(self, request: int) -> int:
        return 1_000_000

    def gone(self, reason: ProtocolError | None, stderr: str) -> None:
        self.lost.append(reason)


def memory_file(content: bytes = b"", *, size: int | None = None, seals: int = 0xF) -> int:
    descriptor = os.memfd_create("peer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.pwrite(descriptor, content, 0)
    if size is not None:
        os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, 1033, seals)  # F_ADD_SEALS
    return descriptor


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def over_local(push: Callable[[socket.socket], None], look: Callable[[], None] = lambda: None) -> Heard:
    """What the host heard of what ``push`` sent; ``look`` is called while the connection is still there."""

    async def listen() -> Heard:
        ours, theirs = socket.socketpair()
        heard = Heard()
        carrier = LocalCarrier(ours, asyncio.get_running_loop(), heard, Mappings())
        with contextlib.suppress(OSError):
            push(theirs)
        for _ in range(100):
            await asyncio.sleep(0)
        look()
        carrier.close()
        theirs.close()
        return heard

    return asyncio.run(listen())


def announced(size: object) -> bytes:
    return raw(Kind.SEGMENT, {"size": size})


def test_a_sealed_memory_file_is_taken_and_cannot_be_changed() -> None:
    def push(theirs: socket.socket) -> None:
        descriptor = memory_file(TABLE_BODY)
        socket.send_fds(theirs, [announced(len(TABLE_BODY))], [descriptor])
        for change in (os.ftruncate, lambda fd, _: os.pwrite(fd, b"x", 0)):
            with pytest.raises(PermissionError):
                change(descriptor, 0)
        os.close(descriptor)

    before = open_descriptors()
    heard = over_local(push)
    assert [bytes(segment) for segment in heard.segments] == [TABLE_BODY]
    assert heard.lost == []
    assert open_descriptors() == before


@pytest.mark.parametrize("size", [1_000_001, 600 * 2**20, 2**40], ids=str)
def test_a_file_larger_than_allowed_is_never_read(size: int) -> None:
    """Such a file is sparse: it costs the sandbox nothing, and whoever reads it all of its size."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def push(theirs: socket.socket) -> None:
        descriptor = memory_file(size=size)
        socket.send_fds(theirs, [announced(size)], [descriptor])
        os.close(descriptor)

    heard = over_local(push)
    assert not heard.segments
    assert len(heard.lost) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < GROWTH


def test_descriptors_do_not_pile_up_while_a_frame_does_not_end() -> None:
    most = 0

    def push(theirs: socket.socket) -> None:
        descriptor = memory_file()
        theirs.sendall(HEADER.pack(MAGIC, 1, Kind.BODY, 0, 1, MAX_PAYLOAD))
        for _ in range(20):
            socket.send_fds(theirs, [b"x"], [descriptor] * 8)
        os.close(descriptor)

    def look() -> None:
        nonlocal most
        most = len(open_descriptors())

    before = len(open_descriptors())
    heard = over_local(push, look)
    assert most - before < 24
    assert len(heard.lost) == 1
    assert len(open_descriptors()) == before


def test_a_received_descriptor_is_not_inherited_by_other_programs() -> None:
    inherited: list[bool] = []

    def push(theirs: socket.socket) -> None:
        descriptor = memory_file(b"x")
        # Half of the frame: the descriptor is there, and waits for the rest.
        socket.send_fds(theirs, [announced(1)[:5]], [descriptor])
        os.close(descriptor)

    def look() -> None:
        for name in open_descriptors():
            with contextlib.suppress(OSError):
                if str(Path(f"/proc/self/fd/{name}").readlink()).startswith("/memfd:peer"):
                    inherited.append(os.get_inheritable(int(name)))

    over_local(push, look)
    assert inherited == [False]


def test_the_door_lets_nobody_in_but_the_process_of_the_container(tmp_path: Path) -> None:
    async def knock(expected: int) -> bool:
        door = Door(tmp_path)
        try:
            visit = asyncio.create_task(door.visitor(expected))
            reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
            try:
                async with asyncio.timeout(0.5):
                    closed = asyncio.create_task(reader.read())
                    done, _ = await asyncio.wait({visit, closed}, return_when=asyncio.FIRST_COMPLETED)
                    let_in = visit in done
                    if let_in:
                        visit.result().close()
                    return let_in
            finally:
                writer.close()
                visit.cancel()
        finally:
            door.close()

    assert asyncio.run(knock(os.getpid()))
    assert not asyncio.run(knock(1))
    assert not (tmp_path / SOCKET_NAME).exists()


@pytest.mark.parametrize(
    "after",
    ["a descriptor that was not announced", "a second segment"],
)
def test_a_mapped_result_is_let_go_at_once_when_the_runner_is_refused(after: str) -> None:
    """Without waiting for the garbage collector: the error, and what it refers to, may live long."""
    size = 2 * MAP_ABOVE

    async def ask() -> tuple[int, BaseException]:
        ours, theirs = socket.socketpair()
        channel = Channel()
        channel.carrier = LocalCarrier(ours, asyncio.get_running_loop(), channel, Mappings())
        descriptors = [memory_file(bytes(size)), memory_file(bytes(size))]
        try:
            if after == "a second segment":
                socket.send_fds(theirs, [announced(size) * 2], descriptors)
            else:
                socket.send_fds(theirs, [announced(size)], descriptors)
            collector = Collector(SqlRequest("SELECT 1"), None, None)
            with pytest.raises(RunnerMisbehaved) as refused:
                await channel.exchange(Kind.REQUEST, request_to_json(SqlRequest("SELECT 1")), collector, PATIENCE)
            return len([target for target in targets() if "memfd" in target]) - len(descriptors), refused.value
        finally:
            channel.close()
            theirs.close()
            for descriptor in descriptors:
                os.close(descriptor)

    gc.collect()
    gc.disable()
    try:
        left, error = asyncio.run(ask())
    finally:
        gc.enable()
    assert isinstance(error, RunnerMisbehaved)
    assert left == 0


def targets() -> list[str]:
    """What this process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(entry.readlink()))
    return found
