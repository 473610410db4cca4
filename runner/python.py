"""Run a question's Python and turn what it gives into plain tables, text and pictures.

Runs in the sandbox, in a one-shot worker that has the libraries imported.  The code runs in this
very process: nothing here is a defence, the worker's seal and the container are.
"""

from __future__ import annotations

import ast
import time
import traceback
from collections.abc import Collection
from functools import cache
from types import CodeType
from typing import Any, Final

import duckdb

from csvanalyst_ext.protocol import Fault, PythonRequest, Reply, failure

from . import charts, columns, frames, gate, results, wire
from . import connection as connections
from .faults import engine_fault
from .sink import Sink
from .sql import QueryFailed, bind

FILE_NAME: Final = "<question>"
RESULT_NAME: Final = "result"


def run_python(request: PythonRequest, connection: Any, tables: Collection[str], sink: Sink) -> Reply:
    """Run ``request.text`` with the tables it names as pandas DataFrames.

    The result is the value of the last expression or, when that is no expression or ``None``, the
    variable ``result``.  Open matplotlib figures become PNG bodies.
    """
    started = time.perf_counter()
    try:
        tree = ast.parse(request.text, FILE_NAME)
        body, last = _split_last_expression(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _syntax_failure(error)
    namespace = _namespace(tree, connection, tables)
    loaded = time.perf_counter()
    try:
        exec(body, namespace)
        value = eval(last, namespace) if last else None  # noqa: S307 - the sandbox is the place for it
        if value is None:
            value = namespace.get(RESULT_NAME)
        ran = time.perf_counter()
        reply = results.deliver(value, request.limits, sink)
        results.deliver_figures(sink)
    except MemoryError:
        raise
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: the code's own doing
        return _failure(error, request.text)
    timings = {"load": loaded - started, "execute": ran - loaded, "serialise": time.perf_counter() - ran}
    return Reply(
        "ok",
        columns=reply.columns,
        row_count=reply.row_count,
        total_rows=reply.total_rows,
        truncated=reply.truncated,
        timings=timings,
        report=reply.report,
    )


def _split_last_expression(tree: ast.Module) -> tuple[CodeType, CodeType | None]:
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, FILE_NAME, "exec"), None
    before = ast.Module(tree.body[:-1], tree.type_ignores)
    return compile(before, FILE_NAME, "exec"), compile(ast.Expression(last.value), FILE_NAME, "eval")


def _namespace(tree: ast.Module, connection: Any, tables: Collection[str]) -> dict[str, Any]:
    """What the code finds: ``pd``, ``np``, ``plt``, ``sql()``, ``load()`` and the tables that it names."""

    def sql(text: str) -> Any:
        """Run one SQL query over the tables and return a pandas DataFrame."""
        try:
            return frames.of(bind(connection, gate.check(connection, text, tables)))
        except duckdb.Error as error:
            raise QueryFailed(*engine_fault(error, text)) from error
        finally:
            connections.restart(connection)  # an error ends the transaction; the code may go on and ask another

    def load(name: str) -> Any:
        """A table as a pandas DataFrame, for names that are no Python identifiers."""
        return sql("FROM " + connections.quoted(name))

    def needed(variable: str, table: str) -> Any:
        """The table as a DataFrame with the columns that the code can see of it."""
        whole = f"FROM {connections.quoted(table)}"
        try:
            every = connection.sql(whole).columns
        except duckdb.Error as error:
            raise QueryFailed(*engine_fault(error, whole)) from error
        some = columns.seen(tree, variable, every, _methods())
        return sql(whole if some is None else f"SELECT {', '.join(map(connections.quoted, some))} {whole}")

    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    namespace: dict[str, Any] = {"__name__": "__main__", "sql": sql, "load": load}
    if "pd" in names:
        import pandas

        namespace["pd"] = pandas
    if "np" in names:
        import numpy

        namespace["np"] = numpy
    if "plt" in names:
        namespace["plt"] = charts.load()
    by_folded = {table.casefold(): table for table in tables}
    for name in names:
        if name.casefold() in by_folded:
            namespace[name] = needed(name, by_folded[name.casefold()])
    return namespace


@cache
def _methods() -> frozenset[str]:
    """What a frame has of its own: a column of such a name is no attribute."""
    import pandas

    return frozenset(dir(pandas.DataFrame))


def _syntax_failure(error: BaseException) -> Reply:
    line = getattr(error, "lineno", None)
    where = f" in line {line}" if line else ""
    what = getattr(error, "msg", None) or type(error).__name__
    return failure("error", "python_syntax", f"The Python code cannot be parsed{where}: {what}.", line=line)


def _failure(error: BaseException, code: str) -> Reply:
    if isinstance(error, gate.Refusal):
        return Reply(error.status, Fault(error.code, error.message, error.hint, dict(error.details)))
    if isinstance(error, QueryFailed):
        return Reply(error.status, error.fault)
    if isinstance(error, wire.NotPlain):
        return failure("error", error.code, str(error), "Return fewer columns, or turn the column into text.")
    if isinstance(error, SystemExit):
        return failure(
            "error", "python_exit", "The code ended itself with exit() before it gave a result.", "Leave exit() out."
        )
    line = next(
        (f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == FILE_NAME), None
    )
    try:
        what = str(error)
    except Exception:
        what = "(its message cannot be shown)"
    source = code.splitlines()[line - 1].strip() if line and line <= len(code.splitlines()) else ""
    where = f" in line {line}, `{source[:200]}`" if source else ""
    name = type(error).__name__
    if isinstance(error, results.NoTable):
        return failure("error", "python_result", str(error), "Return a DataFrame, a Series, an array or a plain value.")
    return failure("error", "python_error", f"{name}{where}: {what[:2000]}", _hint(error), type=name, line=line)


def _hint(error: BaseException) -> str:
    if isinstance(error, NameError):
        return "Tables are DataFrames under their names; load('name') gives those whose names are no identifiers."
    if isinstance(error, KeyError):
        return "Look at the column names with list(df.columns)."
    if isinstance(error, (PermissionError, OSError)):
        return "The sandbox has no network and no files but the registered tables."
    if isinstance(error, EOFError):
        return "There is nobody to answer input() in the sandbox."
    if isinstance(error, ModuleNotFoundError):
        return "Available: pandas, numpy, pyarrow, polars, duckdb, matplotlib and the standard library."
    return "Correct the code and ask again."
