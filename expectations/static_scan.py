"""Static scan: places in the source that often look ahead, found in the syntax tree and only pointed at.

Names end in a legend of their axes (`close_ST`: securities by sessions), which tells a statistic over all sessions from
one within a session. Where a point is honest, a comment `# looks ahead: why` on its line says so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping

import polars as pl

STATIC_SCAN = pl.Schema(
    {
        "module": pl.String(),
        "line": pl.Int64(),
        "rule": pl.String(),
        "first_example": pl.String(),
        "why": pl.String(),
        "explanation": pl.String(),
        "passed": pl.Boolean(),
    }
)
MARKER = "# looks ahead:"
MOST_CODE = 120

SHIFTS = {"shift", "diff", "pct_change", "roll"}
CUMULATIVE = ("cum", "rolling", "ewm", "accumulate", "forward_fill", "ffill", "shift", "expanding")
STATISTICS = {"mean", "std", "var", "median", "quantile", "nanmean", "nanstd", "nanvar", "nanmedian", "nanquantile"}
STATISTICS |= {"percentile", "nanpercentile"}
OF_EXPRESSIONS = STATISTICS | {"rank", "qcut", "cut"}
WITHIN_GROUPS = {"over", "agg", "rolling", "group_by", "group_by_dynamic", "map_groups"}
AXES = re.compile(r"_([A-Z][A-Z0-9]*)$")
SESSIONS = "T"

Finds = Callable[[ast.Call, "Around"], bool]


class Around:
    """What encloses each node of a module, and which names are read inside an aggregation by group."""

    def __init__(self, tree: ast.Module) -> None:
        self.parent = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.grouped = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and _method(node) in WITHIN_GROUPS
            for name in _names(node)
        }

    def enclosing(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around one, the nearest first."""
        while node in self.parent:
            node = self.parent[node]
            yield node

    def is_grouped(self, node: ast.AST) -> bool:
        """Whether a call stands in an aggregation by group, or under a name that is read in one."""
        for outer in self.enclosing(node):
            if isinstance(outer, ast.Call) and _method(outer) in WITHIN_GROUPS:
                return True
            if isinstance(outer, ast.Assign) and any(_names(target) & self.grouped for target in outer.targets):
                return True
            if isinstance(outer, ast.FunctionDef):
                return outer.name in self.grouped
        return False


def static_scan(sources: Mapping[str, str]) -> pl.DataFrame:
    """Points of every rule, by module and line.

    sources  module -> its source
    returns  STATIC_SCAN; a module without points has one row without a line; `passed` is false for a point that no
             comment explains
    """
    rows: list[dict[str, object]] = []
    for module, source in sorted(sources.items()):
        found = list(_points(source))
        rows += [{"module": module, **point} for point in found or [{"passed": True}]]
    return pl.DataFrame(rows, schema=STATIC_SCAN)


def _points(source: str) -> Iterator[dict[str, object]]:
    tree, lines = ast.parse(source), source.splitlines()
    around = Around(tree)
    for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Call)), key=lambda n: (n.lineno, n.col_offset)):
        for rule, (why, finds) in RULES.items():
            if finds(node, around):
                explanation = _explanation(lines[node.lineno - 1 : node.end_lineno])
                code = " ".join((ast.get_source_segment(source, node) or "").split())
                yield {
                    "line": _line(node),
                    "rule": rule,
                    "first_example": code if len(code) <= MOST_CODE else f"... {code[-MOST_CODE:]}",
                    "why": why,
                    "explanation": explanation,
                    "passed": explanation is not None,
                }


def _line(node: ast.Call) -> int:
    """The line of a method's name, which in a chain of calls is below that of the call."""
    return node.func.end_lineno or node.lineno


def _explanation(lines: list[str]) -> str | None:
    said = [line.split(MARKER, 1)[1].strip() for line in lines if MARKER in line]
    return " ".join(said) or None


def _shifts_back(node: ast.Call, _: Around) -> bool:
    if _method(node) not in SHIFTS:
        return False
    steps = [*node.args, *(k.value for k in node.keywords if k.arg in ("n", "periods", "shift"))]
    return any(isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub) for step in steps)


def _is_centred(node: ast.Call, _: Around) -> bool:
    return _keyword(node, "center") is True


def _fills_backward(node: ast.Call, _: Around) -> bool:
    said = {_keyword(node, "strategy"), _keyword(node, "method")} | {_constant(a) for a in node.args}
    fills = _method(node) in ("fill_null", "fillna", "fill_nan", "reindex") and said & {"backward", "bfill", "backfill"}
    return _method(node) in ("backward_fill", "bfill", "backfill") or bool(fills)


def _interpolates(node: ast.Call, _: Around) -> bool:
    return _method(node) in ("interpolate", "interpolate_by")


def _fits(node: ast.Call, _: Around) -> bool:
    return _method(node) in ("fit", "fit_transform", "partial_fit") and isinstance(node.func, ast.Attribute)


def _joins_forward(node: ast.Call, _: Around) -> bool:
    if _method(node) in ("join_asof", "merge_asof"):
        said = [k.value for k in node.keywords if k.arg in ("strategy", "direction")]
        return any(_constant(value) != "backward" for value in said)
    return False


def _accumulates_from_the_end(node: ast.Call, around: Around) -> bool:
    """A cumulative or rolling call on something that was reversed or sorted downwards before, or in such a frame."""
    if not (_method(node) or "").startswith(CUMULATIVE):
        return False
    frames = [outer.func for outer in around.enclosing(node) if isinstance(outer, ast.Call)]
    inside = [node.func, *node.args, *frames]
    return any(_is_backwards(part) for whole in inside for part in ast.walk(whole))


def _is_backwards(node: ast.AST) -> bool:
    if isinstance(node, ast.Slice) and isinstance(node.step, ast.UnaryOp) and isinstance(node.step.op, ast.USub):
        return True
    if not isinstance(node, ast.Call):
        return False
    downwards = _method(node) == "sort" and _keyword(node, "descending") is True
    downwards |= _method(node) == "sort_values" and _keyword(node, "ascending") is False
    return downwards or _method(node) in ("reverse", "flip", "flipud", "fliplr")


def _rests_on_all_sessions(node: ast.Call, around: Around) -> bool:
    """A statistic of a Polars expression outside every group, or of an array over its axis of sessions."""
    method = _method(node)
    if method in OF_EXPRESSIONS and isinstance(node.func, ast.Attribute):
        root = _root(node.func.value)
        if root == "pl" and not _is_by_row(node):
            return not around.is_grouped(node)
    return method in STATISTICS and _is_over_sessions(node)


def _is_over_sessions(node: ast.Call) -> bool:
    of = node.args[0] if _root(node.func) in ("np", "numpy") and node.args else getattr(node.func, "value", None)
    name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
    axes = AXES.search(name)
    if axes is None or SESSIONS not in axes.group(1):
        return False
    axis = _keyword(node, "axis")
    place = axes.group(1).index(SESSIONS)
    return axis is None or axis in (place, place - len(axes.group(1)))


RULES: Mapping[str, tuple[str, Finds]] = {
    "negative shift": ("it moves later rows to earlier ones", _shifts_back),
    "centred window": ("half of the window lies ahead", _is_centred),
    "backward fill": ("a gap takes the value that came after it", _fills_backward),
    "interpolation": ("a gap takes part of the value that came after it", _interpolates),
    "fit in a table": ("a table is made once, so what is fitted in it has seen the test windows", _fits),
    "as-of join not backward": ("it finds rows that came later", _joins_forward),
    "accumulated from the end": (
        "a running figure over a reversed order holds what came later",
        _accumulates_from_the_end,
    ),
    "statistic over all sessions": ("the whole sample is known at its end only", _rests_on_all_sessions),
}


def _method(node: ast.Call) -> str | None:
    """The name that is called: `shift` of `x.shift(1)`, `accumulate` of `np.minimum.accumulate(x)`."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


def _root(node: ast.AST) -> str | None:
    """The name from which a chain of calls and attributes starts."""
    while not isinstance(node, ast.Name):
        inner = node.func if isinstance(node, ast.Call) else getattr(node, "value", None)
        if isinstance(node, ast.BinOp):
            inner = node.left
        if not isinstance(inner, ast.AST):
            return None
        node = inner
    return node.id


def _is_by_row(node: ast.Call) -> bool:
    """Whether the statistic is of a list or over columns, which looks at no other row."""
    receiver = node.func.value if isinstance(node.func, ast.Attribute) else node
    return isinstance(receiver, ast.Attribute) and receiver.attr in ("list", "arr")


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _keyword(node: ast.Call, name: str) -> object:
    return next((_constant(k.value) for k in node.keywords if k.arg == name), None)


def _constant(node: ast.AST) -> object:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        return -value if isinstance(value, int | float) else None
    return node.value if isinstance(node, ast.Constant) else None
