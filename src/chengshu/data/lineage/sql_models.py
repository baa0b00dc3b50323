"""Column lineage of SQL models: which columns of which tables an output column is computed from (by sqlglot)."""

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify

from chengshu.data.lineage.graph import Edge, Node, column
from chengshu.kernel.errors import InvalidInput

Origins = dict[str, set[tuple[str, str]]]


def column_lineage(
    sql: str, schema: Mapping[str, Sequence[str]], *, dialect: str = "duckdb"
) -> Origins:
    """Output column → (table, column) pairs it is made of.

    Args:
        sql: one SELECT, with or without CTEs, joins, unions and windows.
        schema: the columns of every table it reads, by table name.
        dialect: as sqlglot calls it.

    Raises:
        InvalidInput: not one readable SELECT, or it names a table or column that is not in the schema.
    """
    tables: dict[str, object] = {
        table: dict.fromkeys(columns, "text") for table, columns in schema.items()
    }
    try:
        query: exp.Expression = exp.maybe_parse(sql, dialect=dialect)
        if not isinstance(query, exp.Query):
            raise InvalidInput("只能分析一条 SELECT 查询的血缘。", kept="没有做任何改动。")
        whole = qualify(query.copy(), schema=tables, dialect=dialect)
        names = [projection.alias_or_name for projection in whole.selects]
        if not names:
            raise InvalidInput("这条查询没有输出字段。", kept="没有做任何改动。")
        return {name: _origins(name, query, tables, dialect) for name in names}
    except SqlglotError as error:
        raise InvalidInput(
            f"看不懂这条查询：{error}。",
            kept="没有做任何改动。",
            advice="请检查表名、字段名和语法。",
        ) from error


def _origins(
    name: str, query: exp.Query, tables: Mapping[str, object], dialect: str
) -> set[tuple[str, str]]:
    root = lineage(name, query.copy(), schema=dict(tables), dialect=dialect)
    found = set()
    for node in root.walk():
        if node.downstream or not isinstance(node.expression, exp.Table):
            continue
        found.add((node.expression.name, exp.to_column(node.name).name))
    return found


def model_edges(
    sql: str, *, target: Node, sources: Mapping[str, Node], schema: Mapping[str, Sequence[str]],
    dialect: str = "duckdb",
) -> Iterator[Edge]:  # fmt: skip
    """Edges of a model: ``sources`` are the nodes of the tables it reads, by the name the query uses.

    Raises:
        InvalidInput: as :func:`column_lineage`.
    """
    for name, origins in column_lineage(sql, schema, dialect=dialect).items():
        for table, origin in sorted(origins):
            yield Edge(column(sources[table], origin), column(target, name), "计算")
    for source in sources.values():
        yield Edge(source, target)
