"""The safe grammar of free expressions: columns, constants, arithmetic, comparison, a few pure functions.

SQLGlot parses; every node of the tree must be on the list, every name a column of the table (by its Chinese
title or its field name). What comes out is generated anew from the tree, never the text itself.
"""

import re
from functools import lru_cache

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.quality.engine.model import RuleError, TableShape
from chengshu.data.quality.engine.text import ROW

_NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg, exp.Add,
    exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And,
    exp.Or, exp.Not, exp.In, exp.Between, exp.Is, exp.Case, exp.If, exp.Tuple,
    exp.Length, exp.Substring, exp.Upper, exp.Lower, exp.Trim, exp.Abs, exp.Round, exp.Coalesce,
    exp.Year, exp.Month, exp.Day, exp.CurrentDate, exp.Greatest, exp.Least, exp.Contains,
    exp.StartsWith,
)  # fmt: skip
_ALLOWED = (
    "字段、数字、'文字'、+ - * / %、= <> < <= > >=、AND OR NOT、IN、BETWEEN、IS NULL，"
    "以及 length、substr、abs、round、coalesce、year、month、day、current_date"
)
_MAX = 2_000


def _by_word(shape: TableShape) -> dict[str, ColumnSpec]:
    return {c.title: c for c in shape.columns} | {c.name: c for c in shape.columns}


def _quote_titles(text: str, shape: TableShape) -> str:
    """Put titles into quotes, so that brackets and signs in them are not read as operators."""
    # Only titles that occur: compiling all titles of a wide table takes longer than the rest.
    words = sorted((c.title for c in shape.columns if c.title in text), key=len, reverse=True)
    if not words:
        return text
    # A title inside quotes of either kind is left alone.
    pattern = re.compile(r"('[^']*'|\"[^\"]*\")|(" + "|".join(map(re.escape, words)) + ")")
    return pattern.sub(lambda m: m[1] or f'"{m[2]}"', text)


def _parse(text: str, shape: TableShape) -> exp.Condition:
    if len(text) > _MAX:
        raise RuleError(f"表达式太长，最多 {_MAX} 个字。")
    return _parsed(_quote_titles(text, shape)).copy()


@lru_cache(maxsize=1_000)
def _parsed(text: str) -> exp.Condition:
    """The tree of a text in the grammar; tables share many expressions, and parsing costs more than the rest."""
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb", into=exp.Condition)
    except SqlglotError as error:
        raise RuleError(f"表达式写得不对，可以用：{_ALLOWED}。") from error
    for node in tree.walk():
        if not isinstance(node, _NODES) or node.find(exp.Query):
            raise RuleError(
                f"表达式里不能用“{node.sql(dialect='duckdb')[:40]}”，可以用：{_ALLOWED}。"
            )
    return tree


def condition(text: str, shape: TableShape) -> tuple[str, tuple[str, ...]]:
    """The expression as an SQL condition over ``t``, and the columns it uses.

    Raises:
        RuleError: not in the grammar, or an unknown column.
    """
    tree = _parse(text, shape)
    known, used = _by_word(shape), []
    for column in tree.find_all(exp.Column):
        spec = known.get(column.name)
        if spec is None or column.table:
            raise RuleError(f"“{shape.title}”没有字段“{column.name}”，请核对写法。")
        column.set("this", exp.to_identifier(spec.name, quoted=True))
        column.set("table", exp.to_identifier(ROW))
        used.append(spec.name)
    return tree.sql(dialect="duckdb"), tuple(dict.fromkeys(used))


def titled(text: str, shape: TableShape) -> str:
    """The expression with titles instead of field names, for people."""
    known = {c.name: c.title for c in shape.columns}
    return re.sub(r"[A-Za-z_]\w*", lambda m: known.get(m[0], m[0]), text.replace('"', ""))
