"""Which format a file name stands for.  Pure; no file is opened, so nothing of its content decides.

The host does not look into user data: a file that is not what its name says is reported by the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ..errors import DataError

_NO_OPTIONS: Final[Mapping[str, str | bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Format:
    """``format`` and ``compression`` as in ``protocol.IngestRequest``; ``options`` go there too."""

    format: str
    compression: str = ""
    options: Mapping[str, str | bool] = field(default_factory=lambda: _NO_OPTIONS)


_TEXT: Final = MappingProxyType(
    {
        "": Format("csv"),
        ".csv": Format("csv"),
        ".txt": Format("csv"),
        ".dat": Format("csv"),
        ".tsv": Format("tsv"),
        ".tab": Format("tsv"),
        ".psv": Format("csv", options=MappingProxyType({"delimiter": "|"})),
        ".json": Format("json"),
        ".jsonl": Format("json"),
        ".ndjson": Format("json"),
    }
)
_BINARY: Final = MappingProxyType(
    {
        ".parquet": Format("parquet"),
        ".pq": Format("parquet"),
        ".arrow": Format("arrow"),
        ".feather": Format("arrow"),
        ".ipc": Format("arrow"),
    }
)
_KNOWN: Final = "CSV, TSV, JSON lines (each also as .gz), Parquet and Arrow"
_WORKBOOK: Final = "Save the sheet as CSV, or read it with pandas and add the DataFrame by its variable name."
_DATABASE: Final = "Export the table as CSV or Parquet, or read it into a DataFrame and add that by its variable name."
_ARCHIVE: Final = "Unpack it first and add the files in it."
_RECOMPRESS: Final = "Only gzip is read compressed: decompress it, or compress it again as .gz."
_PANDAS: Final = "Read it with pandas and add the DataFrame by its variable name."
_OTHER: Final = MappingProxyType(
    {
        **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), ("a workbook", _WORKBOOK)),
        **dict.fromkeys((".db", ".sqlite", ".sqlite3", ".duckdb", ".mdb", ".accdb"), ("a database", _DATABASE)),
        **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), ("an archive", _ARCHIVE)),
        **dict.fromkeys((".bz2", ".xz", ".zst", ".lz4", ".br"), ("compressed in a way that is not read", _RECOMPRESS)),
        **dict.fromkeys((".dta", ".sav", ".sas7bdat", ".xpt", ".rds"), ("a statistics package's file", _PANDAS)),
        **dict.fromkeys((".h5", ".hdf5", ".nc", ".mat", ".npy", ".npz"), ("an array file", _PANDAS)),
        **dict.fromkeys((".orc", ".avro", ".xml", ".html", ".htm"), ("in a format that is not read", _PANDAS)),
        **dict.fromkeys((".pkl", ".pickle", ".joblib"), ("a pickle, which can run code when it is read", _PANDAS)),
        **dict.fromkeys((".pdf", ".doc", ".docx", ".ipynb", ".py", ".png", ".jpg"), ("not a table", "")),
    }
)


def format_of(path: Path) -> Format:
    """The format that the file's name stands for; an unknown suffix is taken for text with separators.

    Raises ``DataError`` (``format_not_supported``) for names of other kinds of files.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-1] if suffixes else ""
    if last == ".gz":
        inner = suffixes[-2] if len(suffixes) > 1 else ""
        if inner in _BINARY:
            raise _refusal(path, "compressed twice", f"Decompress it to {path.stem!r} first.")
        if inner in _OTHER:
            raise _refusal(path, *_OTHER[inner])
        known = _TEXT.get(inner, _TEXT[""])
        return Format(known.format, "gzip", known.options)
    if last in _OTHER:
        raise _refusal(path, *_OTHER[last])
    return _BINARY.get(last) or _TEXT.get(last, _TEXT[""])


def stem_of(path: Path) -> str:
    """The file's name without the suffixes that say its format: ``a.2024.csv.gz`` -> ``a.2024``."""
    name = path.name
    if name.lower().endswith(".gz"):
        name = name[:-3]
    suffix = Path(name).suffix
    return name[: -len(suffix)] if suffix.lower() in {*_TEXT, *_BINARY} and suffix else name


def _refusal(path: Path, what: str, hint: str) -> DataError:
    return DataError(
        "format_not_supported",
        f"{path.name!r} is {what}; {_KNOWN} can be added.",
        hint,
        path=str(path),
    )
