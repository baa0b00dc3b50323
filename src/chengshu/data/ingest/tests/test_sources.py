"""A department's PostgreSQL: really connected to, read-only, collected like a file."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from psycopg import sql

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import DataSource
from chengshu.data.ingest.services import closing, collecting, extraction
from chengshu.data.ingest.services import sources as services
from chengshu.data.ingest.sources import SourceError, connectors
from chengshu.data.ingest.sources.sql import SqlConnector
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
    return register(officer, cast, server, "人员业务库")


def register(
    officer: Actor, cast: Cast, server: dict[str, object], name: str, kind: str = "postgresql"
) -> DataSource:
    plain = {key: value for key, value in server.items() if key != "password"}
    return services.register_source(
        actor=officer, kind=kind, name=name, owner=cast.department_a, options=plain,
        secrets={"password": str(server["password"])},
    )  # fmt: skip


def test_a_table_is_proposed_by_name_and_comment_and_collected(
    officer: Actor, resource: Resource, source: DataSource
) -> None:
    name = f"{TABLE}.people"
    [table] = [t for t in services.objects(actor=officer, source=source) if t.name == name]
    assert table.comment == "人员表"
    mapping = services.propose_mapping(resource.code, table.structure)
    assert mapping["no_"] == "person_no"
    batch = collecting.collect(
        actor=officer, resource_code=resource.code, source=source, name=name, mapping=mapping
    )  # fmt: skip
    batch = factories.run(batch)
    assert batch.state == BatchState.LOADED, batch.error
    assert (batch.source_rows, batch.accepted, batch.quarantined) == (3, 2, 1)
    found = loading.lake().read(resource.lake_table, order_by=["person_no"]).read_all().to_pylist()
    assert found[0]["id_number"] == factories.id_number(1)
    assert str(found[0]["registered_on"]) == "2026-11-23"


def test_the_connection_is_read_only(source: DataSource) -> None:
    kind = source.connector
    assert isinstance(kind, SqlConnector)
    with services.opened(source) as to, pytest.raises(SourceError):
        kind.query(to, "CREATE TABLE public.should_not_be (a int)")
    with services.opened(source) as to, pytest.raises(SourceError):
        list(kind.stream(to, f"DELETE FROM {TABLE}.people RETURNING full_name"))
    assert extraction.count(source, f"{TABLE}.people") == 3


def test_a_wrong_password_or_port_registers_nothing_and_shows_no_password(
    officer: Actor, cast: Cast, server: dict[str, object]
) -> None:
    for wrong, said in (({"database": "nowhere"}, "不存在"), ({"port": 1}, "没有在该地址和端口")):
        with pytest.raises(Unavailable) as refusal:
            register(officer, cast, server | wrong, "库")
        assert said in refusal.value.detail
        assert PASSWORD not in refusal.value.detail
    assert not DataSource.objects.exists()


def test_a_check_is_kept_and_shown_and_a_changed_password_keeps_the_old_one(
    officer: Actor, source: DataSource, postgres_url: str, client_for: object, cast: Cast
) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(USER)))
    with pytest.raises(Unavailable):
        services.check_source(actor=officer, source=source)
    source.refresh_from_db()
    assert source.check_passed is False
    assert "连不上" in client.get(reverse("ingest:sources")).content.decode()
    sealed = source.secrets_sealed
    with pytest.raises(Unavailable):
        services.change_secrets(actor=officer, source=source, secrets={"password": "other"})
    source.refresh_from_db()
    assert source.secrets_sealed == sealed


def test_a_clock_that_strays_is_measured_and_shown(
    officer: Actor, source: DataSource, postgres_url: str, client_for: object, cast: Cast
) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    where = reverse("ingest:source", args=[source.pk])
    assert source.clock_skew is not None
    assert abs(source.clock_skew) < 5
    page = client.get(where).content.decode()
    assert "与平台一致" in page
    assert "来源的时钟" not in page
    # For this role the server's clock is an hour slow.
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION {TABLE}.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE "
            "AS 'SELECT pg_catalog.clock_timestamp() - make_interval(hours => 1)'"
        )
        connection.execute(
            sql.SQL("ALTER ROLE {} SET search_path = {}, pg_catalog").format(
                sql.Identifier(USER), sql.Identifier(TABLE)
            )
        )
    services.check_source(actor=officer, source=source)
    source.refresh_from_db()
    assert source.clock_skew == pytest.approx(-3600, abs=5)
    page = client.get(where).content.decode()
    assert "来源的时钟比平台慢 1 小时" in page
    reading = extraction.clock(source)
    assert reading is not None
    assert timezone.now() - reading.at > timedelta(minutes=59)


def test_settings_are_changed_only_after_connecting_there(
    client_for: object, cast: Cast, source: DataSource
) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    where = reverse("ingest:source-edit", args=[source.pk])
    refused = client.post(where, {**source.options, "port": 1})
    assert refused.status_code == 422
    source.refresh_from_db()
    assert source.options["port"] != 1
    assert client.post(where, {**source.options, "port": ""}).status_code == 422
    assert client.post(where, source.options).status_code == 302


def test_an_object_shows_its_columns_and_hides_personal_values(
    client_for: object, cast: Cast, source: DataSource
) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    where = reverse("ingest:source-object", args=[source.pk])
    page = client.get(where, {"name": f"{TABLE}.people"}).content.decode()
    assert "人员编号" in page
    assert page.count("<td>") >= 3
    for personal in (factories.id_number(1), row(1)[1], row(1)[3]):
        assert personal not in page
    assert client.get(where, {"name": f"{TABLE}.gone"}).status_code == 503


def test_the_password_is_sealed_and_never_on_a_page(
    client_for: object, cast: Cast, source: DataSource, officer: Actor
) -> None:
    assert PASSWORD not in source.secrets_sealed
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    for name in ("source", "source-password"):
        page = client.get(reverse(f"ingest:{name}", args=[source.pk])).content.decode()
        assert PASSWORD not in page
        assert source.secrets_sealed not in page
    assert "people" in client.get(reverse("ingest:source", args=[source.pk])).content.decode()
    with pytest.raises(InvalidInput, match="没有登记"):
        register(
            officer, cast, {"host": "h", "port": 1, "database": "d", "user": "u", "password": ""},
            "人员业务库",
        )  # fmt: skip


def test_registering_choosing_and_collecting_in_the_browser(
    client_for: object, cast: Cast, resource: Resource, server: dict[str, object]
) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    fields = server | {"name": "业务库", "owner": cast.department_a.pk, "kind": "postgresql"}
    refused = client.post(reverse("ingest:source-new"), fields | {"port": 1})
    assert refused.status_code == 422
    assert "没有在该地址和端口提供服务" in refused.content.decode()
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
        services.objects(actor=other, source=source)
    client: Client = client_for(cast.officer_b)  # type: ignore[operator]
    assert client.get(reverse("ingest:source", args=[source.pk])).status_code == 404


def test_a_table_that_vanished_fails_in_words_and_can_be_repeated(
    officer: Actor, resource: Resource, source: DataSource
) -> None:
    mapping = {"no_": "person_no", "full_name": "full_name"}
    batch = collecting.collect(
        actor=officer, resource_code=resource.code, source=source, name=f"{TABLE}.gone",
        mapping=mapping,
    )  # fmt: skip
    failed = factories.run(batch)
    assert failed.state == BatchState.FAILED
    assert "没有表" in failed.error
    assert closing.again(actor=officer, batch=failed).state == BatchState.QUEUED


def test_every_kind_has_a_form_of_its_own(client_for: object, cast: Cast) -> None:
    client: Client = client_for(cast.officer_a)  # type: ignore[operator]
    for kind in connectors().values():
        page = client.get(reverse("ingest:source-new"), {"kind": kind.key})
        assert page.status_code == 200
        for field in kind.fields:
            assert field.label in page.content.decode(), (kind.key, field.key)
        part = client.get(
            reverse("ingest:source-new"), {"kind": kind.key}, headers={"HX-Request": "true"}
        )
        assert b"<html" not in part.content
        assert {f.key for f in kind.fields} == {k for g in kind.groups for k in g.keys}
