"""`%{ ... }%`: assertions about TCP_INFO, in a small part of Python that is walked, not executed:
assert, print, names, numbers, comparisons, arithmetic, and, or, not."""

from __future__ import annotations

import ast
import operator
import textwrap
from typing import Any, Callable

from . import linux

NODES_MAX = 1000
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}
UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.Not: operator.not_,
                                           ast.UAdd: operator.pos}
FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max, "int": int,
                                            "float": float, "round": round, "len": len}


class CheckError(Exception):
    """Code outside the small part, or an assertion that does not hold."""


def parse(code: str) -> ast.Module:
    """The tree. CheckError: not Python, or more of Python than is taken here."""
    try:
        tree = ast.parse(textwrap.dedent(code).strip())
    except SyntaxError as error:
        raise CheckError(f"not a check: {error.msg}") from None
    if sum(1 for _ in ast.walk(tree)) > NODES_MAX:
        raise CheckError(f"more than {NODES_MAX} parts in one check")
    for statement in tree.body:
        is_print = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        if not is_print and not isinstance(statement, (ast.Assert, ast.Pass)):
            raise CheckError(f"{ast.unparse(statement)}: only assert and print() are taken")
    return tree


def run(code: str, facts: dict[str, int], say: Callable[[str], None]) -> None:
    """Every statement in turn; CheckError names the first assertion that does not hold."""
    known: dict[str, Any] = {**linux.TCP_CA, **linux.TCP_STATES, **linux.TCPI_OPTIONS, **facts}
    evaluator = _Evaluator(known, say)
    for statement in parse(code).body:
        if isinstance(statement, ast.Assert):
            if not evaluator.value(statement.test):
                raise CheckError(evaluator.explain(statement))
        elif isinstance(statement, ast.Expr):
            evaluator.value(statement.value)


class _Evaluator:
    def __init__(self, known: dict[str, Any], say: Callable[[str], None]) -> None:
        self.known, self.say = known, say

    def value(self, node: ast.expr) -> Any:
        try:
            return self._value(node)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise CheckError(f"{ast.unparse(node)}: {error}") from None

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BoolOp):
            holds = [self.value(part) for part in node.values]
            return all(holds) if isinstance(node.op, ast.And) else any(holds)
        if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
            return UNARY[type(node.op)](self.value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
            sides = self.value(node.left), self.value(node.right)
            if not all(isinstance(side, (int, float)) for side in sides):
                raise TypeError("arithmetic is for numbers")
            return BINARY[type(node.op)](*sides)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self.value(item) for item in node.elts]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, [self.value(part) for part in node.args])
        raise CheckError(f"{ast.unparse(node)}: not taken in a check")

    def _name(self, name: str) -> Any:
        if name not in self.known:
            tcpi = name.startswith("tcpi_") and name[5:] in linux.TCP_INFO_UNKNOWN
            raise CheckError(f"{name}: " + ("the stack keeps no such figure" if tcpi
                                            else "no such name"))
        return self.known[name]

    def _compare(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for op, right_node in zip(node.ops, node.comparators):
            right = self.value(right_node)
            if type(op) not in BINARY:
                raise CheckError(f"{ast.unparse(node)}: not taken in a check")
            if not BINARY[type(op)](left, right):
                return False
            left = right
        return True

    def _call(self, name: str, arguments: list[Any]) -> Any:
        if name == "print":
            self.say(" ".join(map(str, arguments)))
            return None
        if name not in FUNCTIONS:
            raise CheckError(f"{name}(): not taken in a check")
        return FUNCTIONS[name](*arguments)

    def explain(self, statement: ast.Assert) -> str:
        """The assertion and what its names are."""
        names = dict.fromkeys(node.id for node in ast.walk(statement)
                              if isinstance(node, ast.Name) and node.id.startswith("tcpi_"))
        values = ", ".join(f"{name} = {self.known[name]}" for name in names)
        return f"{ast.unparse(statement)} does not hold" + (f"; {values}" if values else "")
