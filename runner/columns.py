"""Which columns of a table Python code can see at all: only those need to be loaded.

Runs in the sandbox, in a worker.  Reads the syntax tree and nothing else.  It knows the few ways in which
most code takes columns out of a frame, and where it meets any other use it says that all may be seen, so a
column that is left out is one whose absence cannot show.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from typing import Final

_LOOK_AROUND: Final = frozenset(("globals", "locals", "vars", "eval", "exec", "query", "dir", "__builtins__",
                                 "f_globals", "f_locals", "__globals__"))  # fmt: skip
"""Names by which code can reach a variable, or a column, without naming it."""
_MASKS: Final = frozenset(("isin", "between", "isna", "isnull", "notna", "notnull", "duplicated", "contains",
                           "startswith", "endswith", "match", "eq", "ne", "lt", "le", "gt", "ge"))  # fmt: skip
"""Methods of a column that give one truth value a row."""
_ROWS: Final = {"head": (), "tail": (), "copy": (), "sort_values": ("by",), "dropna": ("subset",)}
"""Methods that give the same columns of other rows, and the argument that names columns, which must be there."""
_AGGREGATES: Final = frozenset(("sum", "mean", "median", "min", "max", "count", "std", "var", "nunique", "first",
                                "last", "quantile", "agg"))  # fmt: skip
"""Methods of several grouped columns that look at these alone."""
_PLAIN: Final = frozenset(("as_index", "sort", "dropna", "observed", "group_keys", "ascending", "ignore_index",
                           "na_position", "kind", "n", "how"))  # fmt: skip
"""Arguments that name no column."""


class _All(Exception):
    """Any column may be seen."""


def seen(tree: ast.Module, name: str, columns: Collection[str], methods: Collection[str]) -> list[str] | None:
    """The ``columns`` of the frame ``name`` that the code can see, in their order; ``None``: all of them.

    ``methods`` are the attributes that a frame has of its own, which hide columns of the same name.
    """
    nodes = list(ast.walk(tree))
    words = {node.id for node in nodes if isinstance(node, ast.Name)}
    words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    if words & _LOOK_AROUND:
        return None
    reader = _Reader(nodes, frozenset(columns) - frozenset(methods))
    try:
        for node in nodes:
            if isinstance(node, ast.Name) and node.id == name:
                reader.follow(node)
            elif isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
                return None
    except _All:
        return None
    found = [column for column in columns if column in reader.found]
    return found or list(columns)[:1]


class _Reader:
    def __init__(self, nodes: Iterable[ast.AST], attributes: frozenset[str]) -> None:
        self.found: set[str] = set()
        self._attributes = attributes
        self._above = {id(child): node for node in nodes for child in ast.iter_child_nodes(node)}

    def follow(self, node: ast.expr) -> None:
        """Note what is taken out of the frame that ``node`` is.  Raises ``_All``."""
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            raise _All
        above = self._above[id(node)]
        if isinstance(above, ast.Subscript) and above.value is node:
            self._subscript(above)
        elif isinstance(above, ast.Attribute) and isinstance(above.ctx, ast.Load):
            self._attribute(above)
        elif not (isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id == "len"):
            raise _All

    def _subscript(self, node: ast.Subscript) -> None:
        """``frame["a"]``, ``frame[["a", "b"]]``, ``frame[mask]``."""
        if not isinstance(node.ctx, ast.Load):
            raise _All
        if _is_mask(node.slice):
            self.follow(node)
        else:
            self.found |= _names(node.slice)

    def _attribute(self, node: ast.Attribute) -> None:
        """``frame.a``, ``frame.groupby("a")…``, ``frame.loc[mask, "a"]``, ``frame.head()…``."""
        above = self._above[id(node)]
        called = isinstance(above, ast.Call) and above.func is node
        if node.attr in self._attributes and not called:
            self.found.add(node.attr)
        elif node.attr == "loc" and isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Load):
            rows, wanted = _pair(above.slice)
            if not _is_mask(rows):
                raise _All
            self.found |= _names(wanted)
        elif called and node.attr == "groupby":
            assert isinstance(above, ast.Call)
            self._named(above, ("by",))
            self._group(above)
        elif called and node.attr in _ROWS:
            assert isinstance(above, ast.Call)
            self._named(above, _ROWS[node.attr])
            self.follow(above)
        else:
            raise _All

    def _named(self, call: ast.Call, parameters: tuple[str, ...]) -> None:
        """Note the columns that a call names, by its first argument or by keyword."""
        if parameters and len(call.args) > 1:
            raise _All
        given = (
            [*call.args[:1], *(word.value for word in call.keywords if word.arg in parameters)] if parameters else []
        )
        if parameters and len(given) != 1:
            raise _All
        for argument in given:
            self.found |= _names(argument)
        if any(word.arg not in _PLAIN and word.arg not in parameters for word in call.keywords):
            raise _All

    def _group(self, node: ast.Call) -> None:
        """What follows a group-by: columns of it, its sizes, or ``agg`` with the columns by name."""
        above = self._above[id(node)]
        call = self._above[id(above)]
        if isinstance(above, ast.Subscript) and above.value is node and isinstance(above.ctx, ast.Load):
            several = isinstance(above.slice, ast.List)
            if several and not (isinstance(call, ast.Attribute) and call.attr in _AGGREGATES):
                raise _All
            self.found |= _names(above.slice)
            return
        if not (isinstance(above, ast.Attribute) and isinstance(call, ast.Call) and call.func is above):
            raise _All
        if above.attr == "agg" and (call.args or call.keywords):
            for argument in call.args:
                if not isinstance(argument, ast.Dict) or not all(argument.keys):
                    raise _All
                self.found |= {name for key in argument.keys if key for name in _names(key)}
            for word in call.keywords:
                if word.arg is None:
                    raise _All
                self.found |= _names(_pair(word.value)[0])
        elif above.attr != "size":
            raise _All


def _names(node: ast.expr) -> set[str]:
    """The texts written out in ``node``: one, or a list of them.  Raises ``_All``."""
    items = node.elts if isinstance(node, ast.List) else [node]
    found = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    if len(found) != len(items) or not found:
        raise _All
    return set(found)


def _pair(node: ast.expr) -> tuple[ast.expr, ast.expr]:
    if not (isinstance(node, ast.Tuple) and len(node.elts) == 2):
        raise _All
    return node.elts[0], node.elts[1]


def _is_mask(node: ast.expr) -> bool:
    """Whether ``node`` can only be one truth value a row (or an error, whichever columns there are)."""
    match node:
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()]):
            return True
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr(), left=left, right=right):
            return _is_mask(left) and _is_mask(right)
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return _is_mask(operand)
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr in _MASKS
    return False
