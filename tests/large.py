"""Real sizes: a CSV of 5 GB in a 2 GB sandbox, and questions of 100 million rows.  Run by `make large`.

It needs about 25 GB of disk and half an hour on two cores.  Each row is measured, not computed; the table
is printed and written to docs/evidence/large.json.  `--part ingest|queries` runs one half, `--scale 0.01`
a hundredth of the sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import duckdb

from csvanalyst_ext.agent.events import Event, ToolProgress
from csvanalyst_ext.config import Settings
from csvanalyst_ext.protocol import SqlRequest
from csvanalyst_ext.session.session import AnalystSession
from tests.support.cgroup import Memory

ROOT: Final = Path(__file__).resolve().parents[1]
EVIDENCE: Final = ROOT / "docs" / "evidence" / "large.json"
GB: Final = 1_000_000_000
MIB: Final = 1024 * 1024

CSV_SQL: Final = """
    SELECT i AS order_id, (random() * 1e6)::INT AS customer,
        ['north', 'south', 'east', 'west', 'Zürich', 'São Paulo'][1 + (random() * 6)::INT % 6] AS region,
        DATE '2015-01-01' + (random() * 3650)::INT AS day,
        TIMESTAMP '2015-01-01' + INTERVAL 1 SECOND * (random() * 3e8)::BIGINT AS booked,
        round(random() * 1000, 2) AS price, (random() * 20)::INT AS quantity, random() < 0.3 AS express,
        CASE WHEN random() < 0.1 THEN 'said "' || chr(97 + (random() * 26)::INT % 26) || '", ok'
                || CASE WHEN random() < 0.2 THEN chr(10) || 'second line' ELSE '' END
            WHEN random() < 0.5 THEN NULL ELSE 'note ' || md5(random()::VARCHAR)[1:12] END AS remark,
        md5(random()::VARCHAR)[1:16] AS token,
        round(random() * 180 - 90, 6) AS lat, round(random() * 360 - 180, 6) AS lon
    FROM range({rows}) t(i)"""
CSV_ROW: Final = 117.0
"""Bytes of a row, about."""
SALES_SQL: Final = """
    SELECT i AS id, hash(i) % 1000000 AS customer, hash(i + 1) % 20000 AS product,
        ['north', 'south', 'east', 'west', 'Zürich', 'São Paulo', 'centre', 'abroad'][1 + (hash(i + 2) % 8)::INT]
            AS region,
        DATE '2015-01-01' + (hash(i + 3) % 3650)::INT AS day,
        (hash(i + 4) % 100000) / 100.0 AS amount, hash(i + 5) % 20 AS quantity,
        CASE WHEN hash(i + 6) % 3 = 0 THEN NULL ELSE 'note ' || hash(i) % 5000000 END AS note
    FROM range({rows}) t(i)"""
SMALL_SQL: Final = "SELECT i AS product, 'product ' || i AS title, i % 40 AS family FROM range(20000) t(i)"
CUSTOMERS_SQL: Final = "SELECT i AS id, hash(i) % 90 AS age, 'customer ' || i AS name FROM range({rows}) t(i)"

QUERIES: Final = {
    "count": "SELECT count(*) FROM sales",
    "filter and sum": "SELECT sum(amount) FROM sales WHERE day >= DATE '2020-01-01' AND region = 'west'",
    "group by, 8 groups": "SELECT region, sum(amount), avg(quantity) FROM sales GROUP BY region ORDER BY 1",
    "group by, 1 million groups": """
        SELECT customer, sum(amount) AS s FROM sales GROUP BY customer ORDER BY s DESC LIMIT 10""",
    "group by, 5 million groups": """
        SELECT note, count(*) AS n FROM sales GROUP BY note ORDER BY n DESC, note LIMIT 10""",
    "group by, 100 million groups": """
        SELECT id, count(*) AS n FROM sales GROUP BY id ORDER BY n DESC, id LIMIT 10""",
    "count distinct, 1 million": "SELECT count(DISTINCT customer) FROM sales",
    "count distinct, 100 million": "SELECT count(DISTINCT id) FROM sales",
    "sort with LIMIT 100": "SELECT * FROM sales ORDER BY amount DESC, id LIMIT 100",
    "sort of all rows": "SELECT id FROM sales ORDER BY amount, id LIMIT 10 OFFSET {half}",
    "join with 20,000 rows": """
        SELECT family, sum(amount) FROM sales JOIN products USING (product) GROUP BY family ORDER BY 1""",
    "join with 1 million rows": """
        SELECT age, sum(amount) FROM sales JOIN customers ON customer = customers.id GROUP BY age ORDER BY 1""",
    "join with itself": "SELECT count(*), sum(a.amount) FROM sales a JOIN sales b USING (id)",
    "window, 8 partitions": """
        SELECT max(r) FROM (SELECT row_number() OVER (PARTITION BY region ORDER BY day) AS r FROM sales)""",
    "window, 1 million partitions": """
        SELECT sum(s) FROM (SELECT amount - lag(amount) OVER (PARTITION BY customer ORDER BY id) AS s FROM sales)""",
}
SHAPES: Final = (
    ("1g", 1024, 512),
    ("2g", 2048, 512),
    ("2g, scratch 1g", 2048, 1024),
    ("4g", 4096, 512),
    ("4g, scratch 2g", 4096, 2048),
)
"""Name, memory and scratch in MiB."""


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds; MiB of memory that the container and this process could not give back at their peak."""

    what: str
    how: str
    seconds: float
    status: str = "ok"
    sandbox_mib: int | None = None
    host_mib: int | None = None
    note: str = ""

    def show(self) -> None:
        memory = "" if self.sandbox_mib is None else f"  sandbox {self.sandbox_mib:>5} MiB"
        print(
            f"  {self.what:<34} {self.how:<24} {self.seconds:>8.2f} s  {self.status:<8}{memory}  {self.note}",
            flush=True,
        )


def generate(path: Path, sql: str, options: str) -> Path:
    if not path.exists():
        with duckdb.connect() as connection:
            connection.execute("SELECT setseed(0.5)")
            connection.execute(f"COPY ({sql}) TO '{path}.part' ({options})")
        Path(f"{path}.part").rename(path)
    return path


@contextmanager
def session(home: Path, memory: int, scratch: int) -> Iterator[tuple[AnalystSession, asyncio.AbstractEventLoop]]:
    loop = asyncio.new_event_loop()
    made = AnalystSession.open(replace(Settings(), home=home, memory=memory * MIB, scratch=scratch * MIB))
    try:
        loop.run_until_complete(made._executor.start())
        yield made, loop
    finally:
        loop.run_until_complete(made.close())
        loop.close()


@contextmanager
def resident() -> Iterator[list[int]]:
    """The highest resident memory of this process meanwhile, above what it began with, in MiB."""
    peak, done = [0], threading.Event()

    def now() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // MIB

    start = now()

    def watch() -> None:
        while not done.wait(0.1):
            peak[0] = max(peak[0], now() - start)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def ingest(work: Path, size: int, memory: int) -> list[Row]:
    """A CSV of ``size`` bytes: DuckDB's own COPY, ours, and ours again, in turn so that both see the same machine."""
    label = f"CSV of {size / GB:g} GB"
    source = generate(work / f"{size}.csv", CSV_SQL.format(rows=int(size / CSV_ROW)), "HEADER")
    rows = []
    copies = []
    for _ in range(2):
        if copies:
            rows.append(_ingest_once(work, source, label, memory))
        target = work / "copy.parquet"
        started = time.perf_counter()
        with duckdb.connect() as connection:
            connection.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet)")
        copies.append(time.perf_counter() - started)
        target.unlink()
    rows = [
        Row(label, "DuckDB COPY", min(copies), note=f"and {max(copies):.2f} s"),
        *(row for group in rows for row in group),
    ]
    mine = next(row for row in rows if row.how.startswith("sandbox"))
    rows.append(Row(label, "ratio", mine.seconds / rows[0].seconds, status=""))
    for row in rows:
        row.show()
    return rows


def _ingest_once(work: Path, source: Path, label: str, memory: int) -> list[Row]:
    seen: list[tuple[float, int, int]] = []
    with tempfile.TemporaryDirectory(dir=work) as home, session(Path(home), memory, 512) as (made, loop):
        started = time.perf_counter()

        def watch(event: Event) -> None:
            if isinstance(event, ToolProgress):
                seen.append((time.perf_counter() - started, event.rows, event.bytes))

        with Memory(made.facts()["container"]) as used, resident() as host:
            (dataset,) = loop.run_until_complete(made.add(str(source), name="t", emit=watch))
        seconds = time.perf_counter() - started
        assert all(a[1] <= b[1] and a[2] <= b[2] for a, b in pairwise(seen)), "progress went back"
        share = sum(path.stat().st_size for path in Path(home, "cache").rglob("*.parquet")) / source.stat().st_size
        note = f"{dataset.rows:,} rows, Parquet {share:.2f} of the CSV, first progress after {seen[0][0]:.1f} s"
        rows = [Row(label, f"sandbox of {memory} MiB", seconds, sandbox_mib=used.peak, host_mib=host[0], note=note)]
        started = time.perf_counter()
        loop.run_until_complete(made.add(str(source), name="u"))
        rows.append(Row(label, "again", time.perf_counter() - started))
    return rows


def queries(work: Path, count: int, only: str | None) -> list[Row]:
    millions = f"{count / 1e6:g} M rows"
    source = generate(work / f"sales-{count}.parquet", SALES_SQL.format(rows=count), "FORMAT parquet")
    generate(work / "products.parquet", SMALL_SQL, "FORMAT parquet")
    generate(work / "customers.parquet", CUSTOMERS_SQL.format(rows=1_000_000), "FORMAT parquet")
    print(f"  ({source.name}: {source.stat().st_size / GB:.2f} GB)")
    rows = []
    home = work / "home"
    for shape, memory, scratch in SHAPES:
        if only not in (None, shape):
            continue
        with session(home, memory, scratch) as (made, loop):
            for name in (source.name, "products.parquet", "customers.parquet"):
                started = time.perf_counter()
                stem = name.split("-")[0].split(".")[0]
                with Memory(made.facts()["container"]) as used:
                    loop.run_until_complete(made.add(str(work / name), name=stem))
                if stem == "sales":
                    rows.append(Row(f"add Parquet, {millions}", shape, time.perf_counter() - started, "ok", used.peak))
                    rows[-1].show()
            limits = made.settings.limits(timeout=600.0)
            for what, sql in QUERIES.items():
                with Memory(made.facts()["container"]) as used:
                    started = time.perf_counter()
                    outcome = loop.run_until_complete(
                        made._executor.run(SqlRequest(sql.format(half=count // 2), limits=limits))
                    )
                    seconds = time.perf_counter() - started
                note = "" if outcome.fault is None else f"{outcome.fault.code}: {outcome.fault.message[:120]}"
                rows.append(Row(what, shape, seconds, outcome.status, used.peak, note=note))
                rows[-1].show()
                after = loop.run_until_complete(made._executor.run(SqlRequest("SELECT count(*) FROM products")))
                assert after.table is not None, "the next question must work"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("ingest", "queries"))
    parser.add_argument("--shape", help="only sandboxes of this kind, such as 2g")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--dir", type=Path, help="where to keep the generated files")
    given = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=given.dir) as scratch:
        work = given.dir or Path(scratch)
        if given.part != "queries":
            for size, memory in ((GB // 10, 1024), (GB, 1024), (5 * GB, 2048)):
                rows += ingest(work, int(size * given.scale), memory)
        if given.part != "ingest":
            rows += queries(work, int(100_000_000 * given.scale), given.shape)
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    before = json.loads(EVIDENCE.read_text())["rows"] if EVIDENCE.exists() and given.part else []
    ours = {(row.what, row.how) for row in rows}
    kept = [row for row in before if (row["what"], row["how"]) not in ours]
    document = {
        "machine": machine,
        "duckdb": duckdb.__version__,
        "scale": given.scale,
        "rows": kept + [asdict(row) for row in rows],
    }
    EVIDENCE.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
