"""A department's PostgreSQL: really connected to, read-only, collected like a file."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.test import Client
from django.urls import reverse
from psycopg import sql

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import DataSource
from chengshu.data.ingest.services import closing, tables
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import ITEMS, row
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput, NotAllowed, Unavailable
from chengshu.kernel.identity.tests.cast import Cast

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.service]
TABLE = "person_source"
USER, PASSWORD = "chengshu_reader", "Reader's pass/word 1"


@pytest.fixture
def server(postgres_url: str) -> Iterator[dict[str, object]]:
    """A real database with one table and a user who may only read it."""
    parts = urlsplit(postgres_url)
    columns = [spec["name"] for spec in ITEMS]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        run = connection.execute
        run(f"DROP SCHEMA IF EXISTS {TABLE} CASCADE")
        run(f"CREATE SCHEMA {TABLE}")
        run(
            sql.SQL("CREATE TABLE {}.people ({})").format(
                sql.Identifier(TABLE),
                sql.SQL(", ").join(
                    sql.SQL("{} text").format(sql.Identifier(c)) for c in columns[1:]
                ),
            )
        )
        run(sql.SQL("ALTER TABLE {}.people ADD COLUMN no_ text").format(sql.Identifier(TABLE)))
        run(sql.SQL("COMMENT ON COLUMN {}.people.no_ IS '人员编号'").format(sql.Identifier(TABLE)))
        run(sql.SQL("COMMENT ON TABLE {}.people IS '人员表'").format(sql.Identifier(TABLE)))
        lines = [row(1), row(2), row(3, 身份证号="339983198001010010")]
        for line in lines:
            values = sql.SQL(", ").join(sql.Literal(v) for v in [*line[1:], line[0]])
            run(sql.SQL("INSERT INTO {}.people VALUES ({})").format(sql.Identifier(TABLE), values))
        run(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(USER)))
        run(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(USER), sql.Literal(PASSWORD)
            )
        )
        run(
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
                sql.Identifier(TABLE), sql.Identifier(USER)
            )
        )
        run(
            sql.SQL("GRANT SELECT ON {}.people TO {}").format(
                sql.Identifier(TABLE), sql.Identifier(USER)
            )
        )
    yield {
        "host": parts.hostname or "127.0.0.1", "port": parts.port or 5432,
        "database": parts.path.lstrip("/"), "user": USER, "password": PASSWORD,
    }  # fmt: skip
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {TABLE} CASCADE")
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(USER)))


@pytest.fixture
def source(officer: Actor, cast: Cast, server: dict[str, object]) -> DataSource:
    return tables.register_source(
        actor=officer, name="人员业务库", owner=cast.department_a, **server
    )  # type: ignore[arg-type]


def test_a_table_is_proposed_by_name_and_comment_and_collected(
    officer: Actor, resource: Resource, source: DataSource
) -> None:
    [table] = [t for t in tables.tables(actor=officer, source=source) if t.schema == TABLE]
    assert (table.name, table.comment) == ("people", "人员表")
    mapping = tables.propose_mapping(resource.code, table)
    assert mapping["no_"] == "person_no"
    batch = tables.collect_table(
        actor=officer, resource_code=resource.code, source=source, schema=TABLE, table="people",
        mapping=mapping,
    )  # fmt: skip
    batch = factories.run(batch)
    assert batch.state == BatchState.LOADED, batch.error
    assert (batch.source_rows, batch.accepted, batch.quarantined) == (3, 2, 1)
    found = loading.lake().read(resource.lake_table, order_by=["person_no"]).read_all().to_pylist()
    assert found[0]["id_number"] == factories.id_number(1)
    assert str(found[0]["registered_on"]) == "2026-11-23"


def test_the_connection_is_read_only(source: DataSource) -> None:
    with tables.connect(source) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TEMP SEQUENCE s; SELECT nextval('s')")
    assert "default_transaction_read_only" in tables.uri(source)


def test_a_wrong_password_or_port_registers_nothing_and_shows_no_password(
    officer: Actor, cast: Cast, server: dict[str, object]
) -> None:
    for wrong, words in (({"database": "nowhere"}, "不存在"), ({"port": 1}, "没有开启这个端口")):
        with pytest.raises(Unavailable) as refusal:
            tables.register_source(
                actor=officer, name="库", owner=cast.department_a, **(server | wrong)
            )  # type: ignore[arg-type]
        assert words in refusal.value.detail
        assert PASSWORD not in refusal.value.detail
    assert not DataSource.objects.exists()


def test_the_password_is_sealed_and_never_on_a_page(
    client_for: object, cast: Cast, source: DataSource, officer: Actor
) -> None:
    assert PASSWORD not in source.password_sealed
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    for name in ("source", "source-password"):
        page = client.get(reverse(f"ingest:{name}", args=[source.pk])).content.decode()
        assert PASSWORD not in page
        assert source.password_sealed not in page
    assert "people" in client.get(reverse("ingest:source", args=[source.pk])).content.decode()
    with pytest.raises(InvalidInput, match="没有登记"):
        tables.register_source(
            actor=officer, name="人员业务库", owner=cast.department_a, host="h", port=1,
            database="d", user="u", password="",
        )  # fmt: skip


def test_registering_choosing_and_collecting_in_the_browser(
    client_for: object, cast: Cast, resource: Resource, server: dict[str, object]
) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    fields = server | {"name": "业务库", "owner": cast.department_a.pk}
    refused = client.post(reverse("ingest:source-new"), fields | {"port": 1})
    assert refused.status_code == 422
    assert "没有开启这个端口" in refused.content.decode()
    client.post(reverse("ingest:source-new"), fields)
    source = DataSource.objects.get()
    assert "业务库" in client.get(reverse("ingest:sources")).content.decode()
    assert (
        "连接正常"
        in client.post(
            reverse("ingest:source-test", args=[source.pk]), follow=True
        ).content.decode()
    )
    client.post(reverse("ingest:source-password", args=[source.pk]), {"password": PASSWORD})

    where = reverse("ingest:tables", args=[source.pk])
    assert f"{TABLE}.people" in client.get(where, {"resource": resource.pk}).content.decode()
    query = f"{where}?resource={resource.pk}&table={TABLE}.people"
    page = client.get(query)
    assert page.context["missing"] == []
    assert [c[1] for c in page.context["columns"]][-1] == "no_"
    nothing = client.post(query, {"map-0": "full_name"})
    assert nothing.status_code == 422
    chosen = {key: target for key, _, _, target in page.context["columns"]}
    client.post(query, chosen)
    batch = factories.run(resource.batches.get())
    assert (batch.state, batch.accepted) == (BatchState.LOADED, 2)
    assert "业务库" in client.get(reverse("ingest:batch", args=[batch.pk])).content.decode()


def test_another_department_may_not_use_the_source(
    client_for: object, cast: Cast, source: DataSource, actor_for: object
) -> None:
    other = actor_for(cast.officer_b)  # type: ignore[operator]
    with pytest.raises(NotAllowed):
        tables.tables(actor=other, source=source)
    client: Client = client_for(cast.officer_b)  # type: ignore[operator]
    assert client.get(reverse("ingest:source", args=[source.pk])).status_code == 404


def test_a_table_that_vanished_fails_in_words_and_can_be_repeated(
    officer: Actor, resource: Resource, source: DataSource
) -> None:
    mapping = {"no_": "person_no", "full_name": "full_name"}
    batch = tables.collect_table(
        actor=officer, resource_code=resource.code, source=source, schema=TABLE, table="gone",
        mapping=mapping,
    )  # fmt: skip
    failed = factories.run(batch)
    assert failed.state == BatchState.FAILED
    assert "没有表" in failed.error
    assert closing.again(actor=officer, batch=failed).state == BatchState.QUEUED
