"""Which layer held an attack, from what came of it.

The answer of the sandbox tells most of it: which code refused, what an attempt failed with, who ended it.  Only where
it does not (``EPERM`` may come from either of two filters, and what ran to its end was harmless for a reason that no
error names) the case says which layer is meant.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from .seen import Seen

Layer = Literal["gate", "engine", "worker", "container", "host"]
"""gate: the decision on the syntax tree.  engine: DuckDB's locked, read-only connection.  worker: the sealed
one-shot process and the supervisor that ends it.  container: launch specification and its system call
filter.  host: what the host refuses or bounds by itself."""

ORDER: Final = get_args(Layer)

_GATE: Final = frozenset(
    """
    sql_bad_text sql_too_long sql_too_complex sql_syntax sql_not_one_statement sql_not_a_query sql_unknown_table
    sql_function_refused sql_unknown_function sql_parameter sql_construct_refused
    """.split()  # noqa: SIM905
)
"""Codes of the gate (see ``runner/gate.py``).  Without it, the same words are the engine's."""

_CONTAINER: Final = frozenset(
    "EROFS ENOSPC EFBIG EAGAIN ENOENT EXDEV ENXIO ENODEV ENOSYS ENETUNREACH EHOSTUNREACH RuntimeError gaierror".split()  # noqa: SIM905
)
"""What only the container's own view of files, network and numbers answers."""


def held_by(seen: Seen, *, gate: bool, otherwise: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers, outermost last.  ``otherwise`` where the answer does not tell."""
    if seen.outcome is None:
        return ("container",) if seen.code == "sandbox_lost" else ("host",)
    if seen.code == "text_too_long":
        return ("host",)
    answered = "worker" in seen.outcome.timings
    match seen.status:
        case "timeout" | "cancelled":
            return ("worker",)
        case "memory":
            return ("engine",) if seen.code.startswith("sql_") else ("worker",) if answered else ("container",)
        case "crashed":
            signal = seen.outcome.fault.details.get("signal") if seen.outcome.fault else ""
            return otherwise if signal == "SIGSYS" else ("worker",)
        case "refused" | "error":
            if gate and seen.code in _GATE:
                return ("gate",)
            return ("engine",) if seen.code.startswith("sql_") and seen.code != "sql_not_one_statement" else ("worker",)
    if seen.outcome.truncated:
        return ("worker",)
    found = {layer for value in seen.attempts.values() for layer in _of_attempt(value, otherwise)}
    return tuple(layer for layer in ORDER if layer in found) or otherwise


def _of_attempt(value: str, otherwise: tuple[Layer, ...]) -> tuple[Layer, ...]:
    if value in _CONTAINER:
        return ("container",)
    if value.endswith("Exception"):  # the engine's, all of them
        return ("engine",)
    return otherwise if value.startswith("E") and value.isupper() else ()
