"""What can be changed in a file so that it still runs: one comparison, constant, operator or statement at a time."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

import attrs

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}

_OF_ATTRS = ("init", "repr")  # what a field takes from a constructor and shows of itself is no behaviour


@attrs.frozen
class Mutant:
    """One change: the text of a node, and what stands there instead."""

    line: int
    start: int  # offsets in the file's bytes
    end: int
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """Return the file with the change."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    def __str__(self) -> str:
        return f"line {self.line}: `{' '.join(self.before.split())}` -> `{' '.join(self.after.split())}`"


def mutants_of(source: bytes) -> list[Mutant]:
    """Return all mutants of a file, in the order of its lines. Annotations, docstrings and imports are left alone."""
    text = source.decode()
    starts = [0, *itertools.accumulate(len(line.encode()) for line in text.splitlines(keepends=True))]
    found = []
    for node, changed in _changes(ast.parse(text)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        before, after = source[start:end].decode(), changed
        if before != after:
            found.append(Mutant(node.lineno, start, end, before, after))
    return sorted(set(found), key=lambda mutant: (mutant.start, mutant.end, mutant.after))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    for node in _code(tree):
        if isinstance(node, ast.Compare) and (other := _COMPARISONS.get(type(node.ops[0]))):
            yield node, _parenthesised(ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators))
        elif isinstance(node, ast.BoolOp):
            yield node, _parenthesised(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, _parenthesised(node.operand)
        elif isinstance(node, ast.BinOp) and (operator := _ARITHMETIC.get(type(node.op))):
            yield node, _parenthesised(ast.BinOp(node.left, operator(), node.right))
        elif isinstance(node, ast.Constant):
            yield from _constants(node)
        elif isinstance(node, ast.AugAssign | ast.Expr) and _does_something(node):
            yield node, "pass"


def _does_something(node: ast.AugAssign | ast.Expr) -> bool:
    """Tell whether a statement could be missed: what is written to the log is for people, no promise of the code."""
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call | ast.Await):
        return False
    return not ast.unparse(node).startswith(("_log.", "self._log."))


def _constants(node: ast.Constant) -> Iterator[tuple[ast.expr, str]]:
    if isinstance(node.value, bool):
        yield node, str(not node.value)
    elif isinstance(node.value, int):
        yield node, str(node.value + 1)
    elif isinstance(node.value, float):
        yield node, repr(node.value * 1.5 if node.value else 1.0)


def _parenthesised(node: ast.expr) -> str:
    return f"({ast.unparse(ast.fix_missing_locations(node))})"


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs: no annotations, no decorators' arguments, no f-strings' insides, no `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
            continue
        if isinstance(child, ast.keyword) and child.arg in _OF_ATTRS:
            continue
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.AnnAssign):
            if child.value is not None:
                yield child.value
                yield from _code(child.value)
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _code(ast.Module([*child.body], []))
            for default in [*child.args.defaults, *filter(None, child.args.kw_defaults)]:
                yield default
                yield from _code(default)
            continue
        yield child
        yield from _code(child)
