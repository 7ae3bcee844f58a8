"""`where`: which points of a grid are run, as a Python function or a short expression.

An expression knows the parameters by name, comparisons, arithmetic and and/or/not; a text beside a
quantity is read with its unit: "loss > '0.1%' and congestion == 'cubic'". Nothing else is
evaluated, so that a command line cannot run code.
"""

from __future__ import annotations

import ast
import operator
from typing import Any, Callable, Mapping

from ..errors import ConfigError, Problem, unknown
from ..quantities import Quantity

Where = Callable[[Mapping[str, Any]], bool]
MAX_TEXT = 2000  # characters: a deeper nesting than that is no filter
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv,
}
_NODES = (ast.Constant, ast.Name, ast.Load, ast.Tuple, ast.List, ast.BoolOp, ast.boolop,
          ast.Compare, ast.UnaryOp, ast.UAdd, ast.USub, ast.Not, ast.BinOp, *_COMPARE, *_ARITHMETIC)
_ALLOWED = "parameters, numbers, 'texts', == != < <= > >= in, + - * / // %, and or not"


def _refuse(text: str, message: str) -> ConfigError:
    return ConfigError([Problem("where", text, message, _ALLOWED)])


def parse(text: str, names: list[str]) -> Where:
    """The filter of an expression over the parameters `names`."""
    if len(text) > MAX_TEXT:
        raise _refuse(text[:40], f"is longer than {MAX_TEXT} characters")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None)
        where = f" at character {at}" if at else ""
        raise _refuse(text, f"{text!r} is no expression{where}: "
                            f"{getattr(error, 'msg', None) or error}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names:
            raise ConfigError([unknown("where", node.id, "parameter", names)])
        if not isinstance(node, _NODES):
            raise _refuse(text, f"{ast.unparse(node)!r} is not allowed here")
    evaluator = _Evaluator(text)
    return lambda params: bool(evaluator.value(tree, params))


class _Evaluator:
    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, node: ast.AST, params: Mapping[str, Any]) -> Any:
        """The value of a node, whose kind parse() has checked."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return params[node.id]
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self.value(item, params) for item in node.elts]
        if isinstance(node, ast.BoolOp):
            return self._bool(node, params)
        if isinstance(node, ast.Compare):
            return self._compare(node, params)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, params)
        assert isinstance(node, ast.BinOp)
        sides = self.value(node.left, params), self.value(node.right, params)
        return self._apply(_ARITHMETIC[type(node.op)], *sides)

    def _bool(self, node: ast.BoolOp, params: Mapping[str, Any]) -> bool:
        values = (bool(self.value(item, params)) for item in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)

    def _unary(self, node: ast.UnaryOp, params: Mapping[str, Any]) -> Any:
        value = self.value(node.operand, params)
        if isinstance(node.op, ast.Not):
            return not value
        return -value if isinstance(node.op, ast.USub) else +value

    def _compare(self, node: ast.Compare, params: Mapping[str, Any]) -> bool:
        left = self.value(node.left, params)
        for op, right_node in zip(node.ops, node.comparators):
            right = self.value(right_node, params)
            if not self._apply(_COMPARE[type(op)], *_alike(left, right)):
                return False
            left = right
        return True

    def _apply(self, function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        try:
            return function(left, right)
        except (TypeError, ZeroDivisionError, OverflowError, MemoryError) as error:
            raise _refuse(self._text, str(error)) from None


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides in one type: a text beside a quantity has a unit."""
    if isinstance(left, Quantity):
        return left, _read(type(left), right)
    if isinstance(right, Quantity):
        return _read(type(right), left), right
    return left, right


def _read(kind: type[Quantity], value: Any) -> Any:
    if isinstance(value, list):
        return [_read(kind, item) for item in value]
    return kind(value, "where") if isinstance(value, str) else value
