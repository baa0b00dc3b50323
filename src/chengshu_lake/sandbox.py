"""What a query may contain. DuckDB's own parser reads it, so there is no second opinion.

One SELECT (or VALUES) over the given tables and its own CTEs. No files, no other catalogues, no
table functions except a few pure ones, no functions that tell about the machine. The session that
runs it has file access and configuration locked as well: this check is for clear messages and for
what DuckDB itself would allow.
"""

# ruff: noqa: S608 - identifiers go through quoted(), values through parameters or literal()

import json
import os
import threading
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

from chengshu_lake.errors import BadQuery

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
_FUNCTIONS_REFUSED = frozenset(
    {
        "current_setting", "getenv", "getvariable", "query", "query_table", "nextval", "currval",
        "sql_auto_complete", "json_execute_serialized_sql", "json_serialize_plan",
        "txid_current", "write_log", "current_database", "current_schemas", "current_schema",
    }
)  # fmt: skip
_FUNCTION_PREFIXES_REFUSED = ("read_", "duckdb_", "pragma_", "pg_", "parquet_", "sniff_", "glob")
# By process: a fork must not use its parent's database.
_parsers: dict[int, duckdb.DuckDBPyConnection] = {}
_guard = threading.Lock()
_REFERENCES_REFUSED = frozenset({"SHOW_REF", "COLUMN_DATA", "BOUND_TABLE_FUNCTION"})


def check_query(query: str, tables: Collection[str]) -> None:
    """Accept one read-only query over ``tables``.

    Raises:
        BadQuery: anything else; the message names what was refused.
    """
    parsed = _parse(query)
    if len(parsed) != 1:
        raise BadQuery("一次只能执行一条查询语句。")
    known = {name.lower() for name in tables}
    _check(parsed[0], known)


def check_condition(condition: str, columns_of: str) -> None:
    """Accept a text that stands alone as one WHERE condition over a single table.

    Raises:
        BadQuery: it is not a condition, or it refers to more than that table.
    """
    parsed = _parse(f"SELECT 1 FROM {columns_of} WHERE ({condition}\n)")
    node = parsed[0].get("node", {}) if len(parsed) == 1 else {}
    clean = node.get("type") == "SELECT_NODE" and not node.get("modifiers")
    grouped = any(node.get(part) for part in ("group_expressions", "having", "qualify"))
    if not clean or grouped:
        raise BadQuery("筛选条件不是一个单独的条件表达式。")
    _check(parsed[0], {columns_of.lower()})


def _parser() -> duckdb.DuckDBPyConnection:
    """A connection that only parses. Opening a database for each query would cost more than most."""
    with _guard:
        process = os.getpid()
        if process not in _parsers:
            _parsers[process] = duckdb.connect(config={"threads": 1})
        return _parsers[process].cursor()


def _parse(query: str) -> list[dict[str, Any]]:
    with _parser() as parser:
        found = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    answer: dict[str, Any] = json.loads(found[0]) if found else {"error": True}
    if answer["error"]:
        if answer.get("error_type") == "not implemented":
            raise BadQuery("只允许执行 SELECT 查询，不能修改数据、读写文件或更改设置。")
        raise BadQuery(f"查询语句有误：{answer.get('error_message', '无法解析')}")
    statements: list[dict[str, Any]] = answer["statements"]
    return statements


def _check(node: Any, known: set[str]) -> None:
    names = known | {name.lower() for name in _cte_names(node)}
    for item in _dicts(node):
        kind = item.get("type")
        if kind in _REFERENCES_REFUSED:
            raise BadQuery("只允许执行 SELECT 查询，不能查看系统信息。")
        if kind == "BASE_TABLE":
            _check_reference(item, names)
        elif kind == "TABLE_FUNCTION":
            name = _function_name(item.get("function", {}))
            if name not in _TABLE_FUNCTIONS:
                raise BadQuery(f"查询中不能使用表函数 {name}。")
        elif "function_name" in item:
            name = _function_name(item)
            if name in _FUNCTIONS_REFUSED or name.startswith(_FUNCTION_PREFIXES_REFUSED):
                raise BadQuery(f"查询中不能使用函数 {name}。")


def _check_reference(item: dict[str, Any], names: set[str]) -> None:
    name = str(item.get("table_name", ""))
    qualified = item.get("schema_name") or item.get("catalog_name")
    if qualified or name.lower() not in names:
        full = ".".join(item.get("qualified_name", {}).get("path", [name]))
        raise BadQuery(
            f"查询引用了未授权的表 {full}，可用的表：{'、'.join(sorted(names)) or '无'}。"
        )


def _function_name(item: dict[str, Any]) -> str:
    return str(item.get("function_name", "")).lower()


def _cte_names(node: Any) -> Iterator[str]:
    for item in _dicts(node):
        cte_map = item.get("cte_map")
        if isinstance(cte_map, dict):
            for entry in cte_map.get("map", []):
                yield str(entry["key"])


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
