"""The boundary's words: what is sent arrives, what does not fit is refused before it is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.protocol import (
    HEADER,
    MAGIC,
    MAX_PAYLOAD,
    VERSION,
    BodyInfo,
    Column,
    Decoder,
    Fault,
    Frame,
    IngestRequest,
    Kind,
    Limits,
    ProtocolError,
    PythonRequest,
    Reply,
    SqlRequest,
    dump_json,
    encode,
    encode_body,
    failure,
    request_from_json,
    request_to_json,
    tables_from_json,
    tables_to_json,
)

frames = st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=300)), max_size=8)


def through_json(value: dict[str, Any]) -> dict[str, Any]:
    return Frame(Kind.REQUEST, 1, dump_json(value)).json()


@given(frames, st.data())
def test_frames_arrive_whole_and_in_order_however_the_bytes_are_cut(
    sent: list[tuple[Kind, int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(encode(*frame) for frame in sent)
    decoder, received, place = Decoder(), [], 0
    while place < len(stream):
        size = data.draw(st.integers(1, len(stream) - place))
        received += decoder.feed(stream[place : place + size])
        place += size
    assert [(f.kind, f.request, f.payload) for f in received] == sent
    assert decoder.pending == 0


@given(st.binary(min_size=1, max_size=200))
def test_bytes_that_are_no_frames_are_refused_or_wait_but_never_crash(noise: bytes) -> None:
    decoder = Decoder()
    try:
        decoder.feed(noise)
    except ProtocolError as error:
        assert error.code.startswith("frame_")
        with pytest.raises(ProtocolError):
            decoder.feed(encode(Kind.HELLO, 0))
    else:
        assert decoder.pending <= len(noise)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (HEADER.pack(b"HTTP", VERSION, 1, 0, 0, 0), "frame_magic"),
        (HEADER.pack(MAGIC, VERSION + 1, 1, 0, 0, 0), "frame_version"),
        (HEADER.pack(MAGIC, VERSION, 99, 0, 0, 0), "frame_kind"),
        (HEADER.pack(MAGIC, VERSION, 1, 7, 0, 0), "frame_kind"),
        (HEADER.pack(MAGIC, VERSION, 1, 0, 0, MAX_PAYLOAD + 1), "frame_too_large"),
        (HEADER.pack(MAGIC, VERSION, 1, 0, 0, 2**32 - 1), "frame_too_large"),
    ],
)
def test_a_lying_header_is_refused_at_once(header: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        Decoder().feed(header)
    assert caught.value.code == code


def test_a_frame_that_announces_much_costs_nothing_until_it_comes() -> None:
    decoder = Decoder()
    assert decoder.feed(HEADER.pack(MAGIC, VERSION, 1, 0, 0, MAX_PAYLOAD)) == []
    assert decoder.pending == HEADER.size


@given(st.binary(max_size=3_000_000))
def test_a_body_comes_in_numbered_pieces(data: bytes) -> None:
    pieces = Decoder().feed(b"".join(encode_body(7, 3, data)))
    assert {piece.payload[0] for piece in pieces} <= {3}
    assert b"".join(piece.payload[1:] for piece in pieces) == data


@pytest.mark.parametrize(
    "request_",
    [
        SqlRequest("SELECT 1", ("a", "b")),
        SqlRequest("SELECT 'ä\x00'", None, gate=False, limits=Limits(max_rows=5, timeout=0.5)),
        PythonRequest("x = 1"),
        IngestRequest("file", "csv", "gzip", {"delimiter": ";", "header": False}),
    ],
)
def test_a_request_survives_the_journey(request_: SqlRequest | PythonRequest | IngestRequest) -> None:
    assert request_from_json(through_json(request_to_json(request_))) == request_


@pytest.mark.parametrize(
    "change",
    [
        {"op": "shell"},
        {"op": None},
        {"text": 5},
        {"text": "x" * 300_000},
        {"tables": "all"},
        {"tables": [1]},
        {"gate": "no"},
        {"extra": 1},
        {"limits": {}},
        {"limits": None},
    ],
    ids=str,
)
def test_a_request_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        request_from_json({**through_json(request_to_json(SqlRequest("SELECT 1"))), **change})


@pytest.mark.parametrize("name", ["../secret", "a/b", "", ".", ".."])
def test_only_bare_file_names_cross_the_boundary(name: str) -> None:
    with pytest.raises(ProtocolError):
        request_from_json(through_json(request_to_json(IngestRequest(name, "csv"))))
    with pytest.raises(ProtocolError):
        tables_from_json(through_json(tables_to_json({"t": name})))


def test_a_reply_survives_the_journey() -> None:
    reply = Reply(
        "ok",
        columns=(Column("a", "BIGINT"),),
        row_count=1,
        total_rows=2,
        truncated=("rows",),
        bodies=(BodyInfo("table", "", 10),),
        stdout="ü\n",
        timings={"run": 0.5},
        report={"x": [1]},
    )
    assert Reply.from_json(through_json(reply.to_json())) == reply
    fault = failure("error", "sql_syntax", "no", "yes", line=3)
    assert Reply.from_json(through_json(fault.to_json())) == fault
    assert fault.fault == Fault("sql_syntax", "no", "yes", {"line": 3})


@pytest.mark.parametrize(
    "change",
    [
        {"status": "fine"},
        {"status": "error"},
        {"fault": {"code": "x", "message": "m", "hint": "", "details": {}}},
        {"row_count": -1},
        {"row_count": True},
        {"row_count": 2**70},
        {"total_rows": "many"},
        {"columns": [{"name": "x" * 1000, "type": "T"}]},
        {"columns": ["a"]},
        {"bodies": [{"kind": "text/html", "name": "", "size": 1}]},
        {"bodies": [{"kind": "table", "name": "", "size": 1}] * 33},
        {"truncated": ["everything"]},
        {"timings": {"a": "b"}},
        {"stdout": None},
        {"surprise": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_reply_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Reply.from_json({**through_json(Reply("ok").to_json()), **change})


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 100_000])
def test_a_payload_that_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        Frame(Kind.REPLY, 1, payload).json()
    assert caught.value.code == "bad_json"


def test_json_payloads_are_plain_utf8() -> None:
    assert json.loads(dump_json({"a": "ä\ud800"}).decode("utf-8")) == {"a": "ä?"}
