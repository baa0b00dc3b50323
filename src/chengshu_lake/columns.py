"""Arrow schemas of lake tables, and fitting incoming batches to them.

Only scalar types: text, whole and floating numbers, decimals, booleans, dates, timestamps
(microseconds; with a zone they are kept as UTC) and binary. A value never changes its kind on
the way in: a number offered for a text column is refused, because an 18-digit identifier that was
a number once is already corrupted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from chengshu_lake.errors import SchemaMismatch

TIMESTAMP_UTC = pa.timestamp("us", "UTC")
TIMESTAMP = pa.timestamp("us")

ArrowInput = pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch]


def storable_type(kind: pa.DataType) -> pa.DataType | None:
    """The type under which the lake stores values of ``kind``; ``None`` when it cannot."""
    family = _family(kind)
    if family == "text":
        return pa.string()
    if family == "binary":
        return pa.binary()
    if family == "timestamp":
        return TIMESTAMP_UTC if _zone(kind) else TIMESTAMP
    if family == "date":
        return pa.date32()
    if pa.types.is_unsigned_integer(kind) or pa.types.is_float16(kind):
        return None
    if pa.types.is_decimal128(kind) or family in {"integer", "float", "bool"}:
        return kind
    return None


_FAMILIES: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "binary": (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    "integer": (pa.types.is_integer,),
    "float": (pa.types.is_floating,),
    "decimal": (pa.types.is_decimal,),
    "bool": (pa.types.is_boolean,),
    "date": (pa.types.is_date,),
    "timestamp": (pa.types.is_timestamp,),
    "null": (pa.types.is_null,),
}


def _family(kind: pa.DataType) -> str:
    if isinstance(kind, pa.DictionaryType):
        return _family(kind.value_type)
    for name, tests in _FAMILIES.items():
        if any(test(kind) for test in tests):
            return name
    return "other"


def _zone(kind: pa.DataType) -> str | None:
    return kind.tz if isinstance(kind, pa.TimestampType) else None


_WIDER = {("integer", "float"), ("integer", "decimal")}


def _may_become(source: pa.DataType, target: pa.DataType) -> bool:
    families = (_family(source), _family(target))
    if families[0] == "timestamp" and families[1] == "timestamp":
        return (_zone(source) is None) == (_zone(target) is None)
    return families[0] == families[1] or families[0] == "null" or families in _WIDER


def storable_schema(schema: pa.Schema, key: Sequence[str] = ()) -> pa.Schema:
    """The schema a table of these columns gets; key columns become required.

    Raises:
        SchemaMismatch: no columns, a name twice (also when only the case differs), an unknown key
            column, or a type the lake does not store.
    """
    names = [name.lower() for name in schema.names]
    if not names or len(set(names)) != len(names):
        raise SchemaMismatch("表结构至少要有一列，且列名不能重复（不区分大小写）。")
    if len(set(key)) != len(key) or not set(key) <= set(schema.names):
        raise SchemaMismatch(f"主键 {list(key)} 中有重复或表中没有的列。")
    fields = []
    for field in schema:
        kind = storable_type(field.type)
        if kind is None:
            raise SchemaMismatch(f"列“{field.name}”的类型 {field.type} 不能入湖。")
        if field.name in key and _family(kind) in {"float", "binary"}:
            raise SchemaMismatch(f"列“{field.name}”的类型 {kind} 不能作主键。")
        fields.append(pa.field(field.name, kind, field.nullable and field.name not in key))
    return pa.schema(fields)


def added_fields(current: pa.Schema, wanted: pa.Schema) -> "list[pa.Field[Any]]":
    """Fields of ``wanted`` that ``current`` lacks.

    Raises:
        SchemaMismatch: a column disappeared, changed its type, or a new one is not nullable.
    """
    wanted = storable_schema(wanted)
    lost = [name for name in current.names if name not in wanted.names]
    if lost:
        raise SchemaMismatch(f"新结构缺少原有列 {lost}；表结构只能增加可为空的列，原表未改动。")
    changed = [f.name for f in current if wanted.field(f.name).type != f.type]
    if changed:
        raise SchemaMismatch(
            f"列 {changed} 的类型与原表不同；表结构只能增加可为空的列，原表未改动。"
        )
    new = [field for field in wanted if field.name not in current.names]
    taken = {name.lower() for name in current.names}
    for field in new:
        if not field.nullable:
            raise SchemaMismatch(f"新增列“{field.name}”必须允许为空，原表未改动。")
        if field.name.lower() in taken:
            raise SchemaMismatch(f"新增列“{field.name}”与原有列只差大小写，原表未改动。")
    return new


def input_schema(offered: pa.Schema, table: pa.Schema) -> pa.Schema:
    """The table's columns that the input offers, in table order.

    Raises:
        SchemaMismatch: unknown or repeated columns, a missing required column, or another kind of
            value.
    """
    if len(set(offered.names)) != len(offered.names):
        raise SchemaMismatch("输入数据中有重名的列，未写入任何数据。")
    extra = [name for name in offered.names if name not in table.names]
    if extra:
        raise SchemaMismatch(f"表中没有列 {extra}，未写入任何数据。请核对列名，或先扩展表结构。")
    fields = []
    for field in table:
        if field.name in offered.names:
            kind = offered.field(field.name).type
            if not _may_become(kind, field.type):
                raise SchemaMismatch(
                    f"列“{field.name}”应为 {field.type}，收到 {kind}，未写入任何数据。"
                    "编码类数据请始终以文本提供。"
                )
            fields.append(field)
        elif not field.nullable:
            raise SchemaMismatch(f"输入数据缺少必填列“{field.name}”，未写入任何数据。")
    return pa.schema(fields)


def fit(batch: pa.RecordBatch, target: pa.Schema) -> pa.RecordBatch:
    """Reorder and losslessly cast a batch to ``target``.

    Raises:
        SchemaMismatch: a value does not fit, or a required column holds an empty value.
    """
    arrays: list[pa.Array[Any]] = []
    for field in target:
        array = batch.column(field.name)
        if array.type != field.type:
            try:
                array = array.cast(field.type)
            except pa.ArrowInvalid as error:
                raise SchemaMismatch(
                    f"列“{field.name}”中有不能表示为 {field.type} 的值，未写入任何数据：{error}"
                ) from error
        if not field.nullable and array.null_count:
            raise SchemaMismatch(
                f"必填列“{field.name}”中有 {array.null_count} 个空值，未写入任何数据。"
            )
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=target)


def fitted(data: ArrowInput, table: pa.Schema) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The input as batches of (a subset of) the table's columns, lazily."""
    batches: Iterator[pa.RecordBatch]
    if isinstance(data, pa.Table):
        offered, batches = data.schema, iter(data.to_batches())
    elif isinstance(data, pa.RecordBatchReader):
        offered, batches = data.schema, iter(data)
    else:
        batches = iter(data)
        first = next(batches, None)
        if first is None:
            return table, iter(())
        offered, batches = first.schema, _chain(first, batches)
    target = input_schema(offered, table)
    return target, (fit(batch, target) for batch in batches if batch.num_rows)


def padded(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches with all columns of the schema; those they lack are empty."""
    for batch in batches:
        arrays = [
            batch.column(field.name)
            if field.name in batch.schema.names
            else pa.nulls(batch.num_rows, field.type)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    for batch in rest:
        if batch.schema.names != first.schema.names:
            raise SchemaMismatch("输入数据各批次的列不一致，未写入任何数据。")
        yield batch
