"""Proves, while the image is built, that every library loads and works in it.

Runs in the image as the last step of ``Dockerfile.libraries``, without network.  Its one lasting
effect is matplotlib's font list in ``$MPLCONFIGDIR``, which saves that search at every start.
"""

import datetime
import io
import os
import zoneinfo

import duckdb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

frame = pd.DataFrame({"a": np.arange(4), "t": pd.Timestamp("2026-01-01", tz="Europe/Berlin")})
buffer = io.BytesIO()
pq.write_table(pa.Table.from_pandas(frame), buffer)
table = pq.read_table(io.BytesIO(buffer.getvalue()))
assert pc.sum(table["a"]).as_py() == 6
assert pc.strftime(table["t"], format="%Z")[0].as_py() == "CET"  # needs zone files with all transitions written out
assert pyarrow.dataset.dataset(table).count_rows() == 4
assert pl.DataFrame(table).select(pl.col("a").sum()).item() == 6
with duckdb.connect() as database:
    database.register("numbers", table)
    assert database.execute("SELECT sum(a) FROM numbers").fetchall() == [(6,)]
    instant = "TIMESTAMPTZ '2026-07-01 12:00:00 America/New_York'"
    assert database.execute(f"SELECT {instant} AT TIME ZONE 'Asia/Kolkata'").fetchall()[0][0].hour == 21
    assert database.execute("SELECT current_setting('TimeZone')").fetchall()[0][0] in ("UTC", "Etc/UTC")
assert datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo")).utcoffset() == datetime.timedelta(hours=9)
plt.plot([1, 2], [3, 4])
plt.title("é µ")
plt.savefig(picture := io.BytesIO(), format="png")
assert picture.getvalue().startswith(b"\x89PNG")
assert any(name.startswith("fontlist-") for name in os.listdir(os.environ["MPLCONFIGDIR"]))
