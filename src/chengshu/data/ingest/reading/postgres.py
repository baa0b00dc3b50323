"""A PostgreSQL table as a source: read through ADBC, streamed as text batches."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi

from chengshu.data.ingest.reading.errors import SourceDatabaseError
from chengshu.data.ingest.reading.rows import HeaderPlan, RowBatch

_BATCH_BYTES = 8 * 1024 * 1024
_SETTINGS = (
    "SET timezone = 'Asia/Shanghai'",
    "SET datestyle = 'ISO, YMD'",
    "SET extra_float_digits = 3",
)
_CAUSES = (
    ("password authentication failed", "用户名或密码不对"),
    ("no password supplied", "没有提供密码"),
    ("does not exist", "数据库或用户不存在"),
    ("could not translate host name", "找不到这个主机名"),
    ("Connection refused", "对方没有在该地址和端口提供服务"),
    ("timeout expired", "连接超时"),
    ("no pg_hba.conf entry", "对方的访问规则不允许从本机连接"),
    ("permission denied", "这个账号没有读取权限"),
)


def open_postgres(uri: str, schema: str, table: str, columns: dict[str, str]) -> Iterator[RowBatch]:
    """Stream `schema.table`; `columns` maps source column → column name of the contract.

    `__row` counts the rows of this extraction from 1. Values come as PostgreSQL's own text form
    (dates ISO, instants in China time). Raises SourceDatabaseError; the password is never shown.
    """
    where = f"“{schema}.{table}”"
    try:
        with closing(dbapi.connect(uri)) as connection, closing(connection.cursor()) as cursor:
            _check_columns(cursor, schema, table, columns)
            for setting in _SETTINGS:
                cursor.execute(setting)
            cursor.adbc_statement.set_options(
                **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
            )
            wanted = ", ".join(f"{_quote(source)}::text" for source in columns)
            cursor.execute(f"SELECT {wanted} FROM {_quote(schema)}.{_quote(table)}")  # noqa: S608
            yield from _batches(cursor.fetch_record_batch(), columns)
    except AdbcError as error:
        raise SourceDatabaseError(
            f"读取来源数据库的表 {where} 失败：{_cause(str(error))}。"
        ) from error


def _batches(reader: Any, columns: dict[str, str]) -> Iterator[RowBatch]:
    names = tuple(columns.values())
    plan = HeaderPlan(
        positions=tuple(range(len(names))), names=names, headers=tuple(columns), width=len(names)
    )
    first = 1
    for batch in reader:
        numbers = np.arange(first, first + batch.num_rows, dtype=np.int64)
        first += batch.num_rows
        yield RowBatch(plan.batch(numbers, [column.cast(pa.string()) for column in batch.columns]))


def _check_columns(cursor: Any, schema: str, table: str, columns: dict[str, str]) -> None:
    cursor.execute(
        "SELECT column_name::text FROM information_schema.columns "
        "WHERE table_schema = $1 AND table_name = $2",
        (schema, table),
    )
    known = {row[0] for row in cursor.fetchall()}
    if not known:
        raise SourceDatabaseError(
            f"来源数据库里没有表“{schema}.{table}”，或这个账号看不到它。请核对模式名、表名和授权。"
        )
    absent = [source for source in columns if source not in known]
    if absent or not columns:
        raise SourceDatabaseError(
            f"表“{schema}.{table}”里没有列 {'、'.join(f'“{c}”' for c in absent) or '（未选择任何列）'}；"
            f"现有的列是：{'、'.join(sorted(known))}。",
            column=next(iter(absent), None),
        )


def _quote(name: str) -> str:
    """A name as a PostgreSQL identifier; a zero byte cannot be part of one."""
    if "\x00" in name:
        raise SourceDatabaseError("表名或列名里有非法字符。")
    return '"' + name.replace('"', '""') + '"'


def _cause(message: str) -> str:
    for sign, cause in _CAUSES:
        if sign in message:
            return cause
    return "对方没有接受请求，请联系来源系统的管理员查看日志"
