"""Rules in SQL for experts: one SELECT over declared tables that returns the keys of failing rows.

Two readers check it: SQLGlot here (one SELECT, declared tables, no file or network functions), DuckDB's own parser in
the lake's sandbox, where it also runs, sealed, with limits of time and memory.
"""

from collections.abc import Mapping

import pyarrow as pa
import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from chengshu.data.quality.engine.model import RuleError, Tables, TableShape
from chengshu_lake import Lake, LakeError

SECONDS = 20.0
MOST_KEYS = 200_000
OWN = "t"
_WRITES = (
    exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Drop, exp.Alter, exp.Copy, exp.Command,
    exp.Set, exp.Attach, exp.Detach, exp.Pragma, exp.Merge, exp.Into,
)  # fmt: skip
_FORBIDDEN = (
    "read_", "duckdb_", "pragma_", "pg_", "parquet_", "sniff_", "glob", "getenv", "http", "query",
)  # fmt: skip


def parse_tables(text: str) -> dict[str, str]:
    """``别名=资源代码`` per line as a mapping.

    Raises:
        RuleError: a line that is not of this form.
    """
    found = {}
    for line in filter(None, (part.strip() for part in text.splitlines())):
        alias, equals, code = line.partition("=")
        if not equals or not alias.strip().isidentifier():
            raise RuleError(f"“{line}”不是“别名=资源代码”的写法。")
        found[alias.strip()] = code.strip()
    return found


def check_sql(query: str, shape: TableShape, aliases: Mapping[str, str]) -> None:
    """Accept one SELECT over ``t`` (the table itself) and the declared aliases that returns the key.

    Raises:
        RuleError: anything else; the message names what was refused.
    """
    try:
        statements = [one for one in sqlglot.parse(query, dialect="duckdb") if one is not None]
    except SqlglotError as error:
        raise RuleError(f"SQL 写得不对：{str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise RuleError("只能写一条 SELECT 语句。")
    tree = statements[0]
    _check_nodes(tree, aliases)
    if not shape.key:
        raise RuleError("这张表没有主键，SQL 规则无法指出是哪些行。")
    columns = [column.alias_or_name for column in tree.selects]
    if columns != list(shape.key):
        raise RuleError(f"SELECT 的列必须正好是主键：{'、'.join(shape.key)}。")


def _check_nodes(tree: exp.Query, aliases: Mapping[str, str]) -> None:
    known = {OWN, *aliases, *(cte.alias_or_name for cte in tree.find_all(exp.CTE))}
    for node in tree.walk():
        if isinstance(node, _WRITES):
            raise RuleError("只能查询，不能修改数据、读写文件或更改设置。")
        if isinstance(node, exp.Table):
            if not isinstance(node.this, exp.Identifier) or node.db or node.catalog:
                raise RuleError(
                    f"不能查询“{node.sql(dialect='duckdb')[:60]}”，只能用本表 t 和声明的资源。"
                )
            if node.name not in known:
                raise RuleError(f"没有声明“{node.name}”，请在“用到的资源”中写明别名和资源代码。")
        if isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if name.startswith(_FORBIDDEN):
                raise RuleError(f"SQL 中不能使用函数 {name}。")


def failing_keys(
    lake: Lake, query: str, shape: TableShape, aliases: Mapping[str, str], tables: Tables
) -> pa.Table:
    """The distinct keys the query returns; runs in the lake's sandbox.

    Raises:
        RuleError: refused, too slow, too large, or wrong; nothing else of the evaluation is touched.
    """
    check_sql(query, shape, aliases)
    wanted = {OWN: shape.lake_table} | {
        alias: tables(code).lake_table for alias, code in aliases.items()
    }
    # The person's text ends with a line break, so that a comment at its end cannot swallow the limit.
    limited = f"SELECT DISTINCT * FROM (\n{query.rstrip().rstrip(';')}\n) LIMIT {MOST_KEYS + 1}"  # noqa: S608 - checked above, sandboxed below
    try:
        found = lake.sql(limited, tables=wanted, timeout=SECONDS).read_all()
    except LakeError as error:
        raise RuleError(f"SQL 规则没有执行：{error}") from error
    if len(found) > MOST_KEYS:
        raise RuleError(f"SQL 规则返回了超过 {MOST_KEYS:,} 行，请缩小条件。")
    return found


__all__ = ["MOST_KEYS", "OWN", "SECONDS", "check_sql", "failing_keys", "parse_tables"]
