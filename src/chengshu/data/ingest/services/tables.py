"""A department's PostgreSQL: register it, look at its tables, collect one."""

from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from django.db import IntegrityError
from psycopg import conninfo

from chengshu.data.catalog.facade import published
from chengshu.data.ingest.choices import Origin
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.services.uploads import check_mapping, queue
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import open_sealed, seal
from chengshu.kernel.errors import InvalidInput, NotFound, Unavailable
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

PASSWORD_PLACE = "ingest.data_source.password"  # noqa: S105 - a column's name
CONNECT_SECONDS = 5
LAST_PORT = 65_535
READ_ONLY = "-c default_transaction_read_only=on"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table or view one may collect."""

    schema: str
    name: str
    comment: str
    columns: tuple[tuple[str, str], ...]


def register_source(
    *,
    actor: Actor,
    name: str,
    owner: Organization,
    host: str,
    port: int,
    database: str,
    user: str,
    password: str,
) -> DataSource:
    """Register a database after really connecting to it once.

    Raises:
        InvalidInput: a field is missing or the name is taken. Unavailable: the connection fails; says why.
    """
    check(actor, "ingest.source.manage", owner)
    fields = {"name": name, "host": host, "database": database, "user": user}
    empty = {key: "请填写" for key, value in fields.items() if not value.strip()}
    if empty:
        raise InvalidInput("数据源没有登记。", fields=empty)
    if not 1 <= port <= LAST_PORT:
        raise InvalidInput("数据源没有登记。", fields={"port": f"端口应在 1 到 {LAST_PORT} 之间"})
    if DataSource.objects.filter(name=name.strip()).exists():
        raise _name_taken()
    source = DataSource(
        owner=owner, port=port, created_by=actor.account,
        password_sealed=seal(password, place=PASSWORD_PLACE),
        **{key: value.strip() for key, value in fields.items()},
    )  # fmt: skip
    connect(source).close()
    try:
        with unit_of_work():
            source.save()
            record(actor=actor, action="ingest.source_registered", obj=source, after={"host": host})
            emit(
                type="city.ingest.source.registered", source="ingest", subject=source.name,
                data={"id": source.pk, "owner": owner.code},
            )  # fmt: skip
    except IntegrityError as error:  # somebody took the name meanwhile
        raise _name_taken() from error
    return source


def _name_taken() -> InvalidInput:
    return InvalidInput("数据源没有登记。", fields={"name": "这个名称已被使用"})


def change_password(*, actor: Actor, source: DataSource, password: str) -> None:
    """Replace the password after really connecting with it.

    Raises:
        Unavailable: the connection fails; the old password stays.
    """
    check(actor, "ingest.source.manage", source)
    source.password_sealed = seal(password, place=PASSWORD_PLACE)
    connect(source).close()
    with unit_of_work():
        source.save(update_fields=["password_sealed"])
        record(actor=actor, action="ingest.source_password_changed", obj=source)


def test_connection(*, actor: Actor, source: DataSource) -> str:
    """Connect now; returns the server's version.

    Raises:
        Unavailable: the connection fails; says why.
    """
    check(actor, "ingest.source.manage", source)
    with connect(source) as connection:
        found = connection.execute("SHOW server_version").fetchone()
    return str(found[0]) if found else ""


def connect(source: DataSource) -> "psycopg.Connection[tuple[object, ...]]":
    """Open a read-only connection.

    Raises:
        Unavailable: host, database, user or password is wrong; the password is never shown.
    """
    text = conninfo.make_conninfo(
        host=source.host, port=source.port, dbname=source.database, user=source.user,
        password=open_sealed(source.password_sealed, place=PASSWORD_PLACE) or None,
        connect_timeout=CONNECT_SECONDS, options=READ_ONLY,
    )  # fmt: skip
    try:
        return psycopg.connect(text, autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"连接数据源“{source.name}”失败：{_cause(error)}",
            kept="没有读取任何数据。",
            advice="请核对主机、端口、库名、用户和密码，或联系对方数据库管理员放行网络。",
        ) from error


def _cause(error: psycopg.OperationalError) -> str:
    text = str(error).lower()
    for sign, meaning in (
        ("password", "用户名或密码不对。"),
        ("does not exist", "库名或用户不存在。"),
        ("refused", "对方没有开启这个端口。"),
        ("timeout", f"{CONNECT_SECONDS} 秒内没有应答。"),
        ("could not translate", "主机名无法解析。"),
    ):
        if sign in text:
            return meaning
    return "对方拒绝了连接。"


def tables(*, actor: Actor, source: DataSource) -> list[SourceTable]:
    """Tables and views of a source with their columns and comments."""
    check(actor, "ingest.source.manage", source)
    query = """
        SELECT n.nspname, c.relname, coalesce(obj_description(c.oid), ''), a.attname,
               coalesce(col_description(c.oid, a.attnum), '')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^(pg_|information_schema)'
          AND has_table_privilege(c.oid, 'SELECT')
        ORDER BY 1, 2, a.attnum
    """
    found: dict[tuple[str, str], tuple[str, list[tuple[str, str]]]] = {}
    try:
        with connect(source) as connection:
            rows = connection.execute(query).fetchall()
    except psycopg.Error as error:
        raise Unavailable(
            f"读不到数据源“{source.name}”里的表。", kept="没有读取任何数据。",
            advice="请联系对方数据库管理员检查账号的权限。",
        ) from error  # fmt: skip
    for schema, name, comment, column, note in rows:
        entry = found.setdefault((str(schema), str(name)), (str(comment), []))
        entry[1].append((str(column), str(note)))
    return [
        SourceTable(schema, name, comment, tuple(columns))
        for (schema, name), (comment, columns) in found.items()
    ]


def table_of(*, actor: Actor, source: DataSource, schema: str, name: str) -> SourceTable:
    """One table of a source.

    Raises:
        NotFound: it is not there, or the account may not read it.
    """
    for table in tables(actor=actor, source=source):
        if (table.schema, table.name) == (schema, name):
            return table
    raise NotFound(
        f"数据源“{source.name}”里没有表“{schema}.{name}”。", advice="它可能已改名，或没有读取权限。"
    )


def propose_mapping(resource_code: str, table: SourceTable) -> dict[str, str]:
    """Source column → data item, by column name or by the column's comment."""
    contract = published(resource_code).contract
    by_name = contract.match_headers([name for name, _ in table.columns])
    by_comment = contract.match_headers([note for _, note in table.columns if note])
    mapping = dict(by_name)
    for name, note in table.columns:
        target = by_comment.get(note)
        if name not in mapping and target and target not in mapping.values():
            mapping[name] = target
    return mapping


def collect_table(
    *,
    actor: Actor,
    resource_code: str,
    source: DataSource,
    schema: str,
    table: str,
    mapping: dict[str, str],
) -> Batch:
    """Queue the collection of a table into a resource."""
    resource = published(resource_code)
    batch = Batch(
        resource_id=resource.id, origin=Origin.TABLE, data_source=source, created_by=actor.account,
        options={"schema": schema, "table": table, "mapping": mapping},
    )  # fmt: skip
    check(actor, "ingest.batch.create", batch)
    check(actor, "ingest.source.manage", source)
    check_mapping(resource, mapping)
    with unit_of_work():
        queue(actor=actor, batch=batch)
        record(actor=actor, action="ingest.table_requested", obj=batch, after=batch.options)
    return batch


def uri(source: DataSource) -> str:
    """The connection address for the extractor, with the password."""
    password = open_sealed(source.password_sealed, place=PASSWORD_PLACE)
    user = quote(source.user, safe="")
    secret = f":{quote(password, safe='')}" if password else ""
    database, options = quote(source.database, safe=""), quote(READ_ONLY, safe="")
    # As a parameter, because it may be a socket folder or an IPv6 address.
    host = f"host={quote(source.host, safe='')}&port={source.port}"
    return (
        f"postgresql://{user}{secret}@/{database}?{host}&options={options}"
        f"&connect_timeout={CONNECT_SECONDS}"
    )
