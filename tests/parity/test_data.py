"""Data: files turned into Parquet with a report, and the tables that questions see."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csvanalyst_ext.errors import StorageError
from csvanalyst_ext.protocol import IngestRequest
from tests.support.sandbox import Sandbox

CSV = b"name,amount,day\na,1,2024-01-01\nb,2,2024-01-02\n"
JSON = b'{"name":"a","amount":1,"day":"2024-01-01"}\n{"name":"b","amount":2,"day":"2024-01-02"}\n'


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "format", "compression"),
    [
        (CSV, "csv", ""),
        (CSV.replace(b",", b"\t"), "tsv", ""),
        (JSON, "json", ""),
        (gzip.compress(CSV), "csv", "gzip"),
    ],
    ids=["csv", "tsv", "json", "csv.gz"],
)
def test_a_file_becomes_typed_parquet_with_a_report(
    sandbox: Sandbox, data: bytes, format: str, compression: str
) -> None:
    outcome, made = sandbox.ingest(data, format, compression=compression)
    assert outcome.fault is None
    assert [(c.name, c.type) for c in outcome.columns] == [("name", "VARCHAR"), ("amount", "BIGINT"), ("day", "DATE")]
    assert (outcome.row_count, outcome.report["rows"], outcome.report["repairs"]) == (2, 2, [])
    assert [column["maximum"] for column in outcome.report["columns"]] == ["b", "2", "2024-01-02"]
    assert pq.read_table(io.BytesIO(made)).column("amount").to_pylist() == [1, 2]


def test_parquet_is_rewritten(sandbox: Sandbox) -> None:
    table = pa.table({"x": [1, None], "y": ["a", "b"]})
    outcome, made = sandbox.ingest(parquet(table), "parquet")
    assert outcome.fault is None
    assert pq.read_table(io.BytesIO(made)).to_pydict() == table.to_pydict()


@pytest.mark.parametrize(
    ("data", "format", "code"),
    [
        (b"", "csv", "data_empty"),
        (b"a,b\n1,2\n3,4,5\n", "csv", "csv_ragged"),
        (b'a,b\n1,"open\n2,3\n', "csv", "csv_quotes"),
        (b"PAR1 not at all PAR1", "parquet", "parquet_broken"),
        (b"{not json", "json", "json_broken"),
    ],
)
def test_a_bad_file_is_one_typed_error(sandbox: Sandbox, data: bytes, format: str, code: str) -> None:
    outcome, made = sandbox.ingest(data, format)
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code, made) == ("error", code, b"")
    assert outcome.fault.hint


def test_a_sink_that_raises_stops_the_ingest_and_the_next_question_works(sandbox: Sandbox) -> None:
    def full(_: bytes) -> None:
        raise StorageError("disk_full", "There is no room.")

    (sandbox.data / "incoming" / "wide").write_bytes(b"x\n" + b"".join(b"%d\n" % i for i in range(100_000)))
    with pytest.raises(StorageError):
        sandbox.do(sandbox.executor.run(IngestRequest("wide", "csv"), body=full))
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_tables_named_before_the_start_and_after_it_are_there(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()  # `flights` was named before there was a sandbox
    assert sandbox.value("SELECT count(*) FROM flights") == 5
    sandbox.add_table("later", pa.table({"x": [1, 2, 3]}))
    assert sandbox.value("SELECT sum(x) FROM later") == 6
    assert sandbox.python("len(later) + len(flights)").table == pa.table({"result": [8]})
    sandbox.do(sandbox.executor.set_tables({"later": "later.parquet"}))
    gone = sandbox.sql("SELECT * FROM flights")
    assert gone.fault is not None
    assert gone.fault.code == "sql_unknown_table"


def test_tables_can_change_faster_than_workers_are_made(sandbox: Sandbox) -> None:
    sandbox.value("SELECT 1")
    container = sandbox.executor.facts()["container"]
    for count in range(6):
        tables = {"flights": "flights.parquet"} if count % 2 else {}
        for _ in range(count % 4):
            sandbox.do(sandbox.executor.set_tables(tables))
        if count % 3:
            assert sandbox.sql("SELECT 1").status == "ok"
    sandbox.do(sandbox.executor.set_tables({"flights": "flights.parquet"}))
    assert sandbox.value("SELECT count(*) FROM flights") == 5
    assert sandbox.executor.facts()["container"] == container
