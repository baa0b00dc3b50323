"""A changed source becomes a finding, and a finding a change of the catalogue or a reasoned refusal."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client

from chengshu.data.catalog.facade import Resource, published_by_id, version_content
from chengshu.data.discovery import structure
from chengshu.data.discovery.choices import BindingState, FindingState
from chengshu.data.discovery.models import BatchFigures, DriftFinding, SourceBinding
from chengshu.data.discovery.services import drift, duplicates, figures
from chengshu.data.discovery.services.bindings import bind
from chengshu.data.discovery.sourcing import document
from chengshu.data.discovery.subscribers import run_met_drift
from chengshu.data.discovery.tests import cast as made
from chengshu.data.discovery.tests.conftest import Answering
from chengshu.data.ingest.facade import Batch, Reason, SourceColumn, SourceError, SourceStructure
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.models import Event
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.notices.models import Notice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
COLUMNS = (
    SourceColumn(name="no", type="varchar(20)", length=20, nullable=False, key=True),
    SourceColumn(name="name", type="varchar(30)", length=30, comment="姓名"),
    SourceColumn(name="memo", type="text"),
)
ITEMS = (
    {"name": "no", "title": "编号", "is_key": True, "nullable": False, "length": 20},
    {"name": "person_name", "title": "姓名", "length": 30},
)

KINDS = (
    {"name": "no", "title": "编号", "is_key": True, "nullable": False},
    {"name": "kind", "title": "类别"},
    {"name": "memo", "title": "备注"},
)


@pytest.fixture
def bound(officer: Actor, cast: Cast, database: Answering) -> SourceBinding:
    resource = made.entry(cast.department_a, "a_people", "人员", ITEMS)
    database.columns = COLUMNS
    found = SourceStructure("public.t_ry", COLUMNS)
    return bind(
        actor=officer, resource=resource, source=made.source(cast.department_a),
        object_name="public.t_ry", columns=document(found), fingerprint=found.fingerprint,
        mapping={"no": "no", "name": "person_name"},
    )  # fmt: skip


def changed(database: Answering, *columns: SourceColumn) -> None:
    database.columns = columns


def test_an_unchanged_source_is_noted_as_such(bound: SourceBinding) -> None:
    assert drift.watch(bound) is None
    assert bound.state == BindingState.SAME
    assert not DriftFinding.objects.exists()


def test_a_vanished_column_is_one_finding_however_often_it_is_seen(
    bound: SourceBinding, database: Answering
) -> None:
    changed(database, COLUMNS[0], COLUMNS[2])
    first, second = drift.watch(bound), drift.watch(bound)
    assert first is not None
    assert first == second
    assert first.breaking
    assert "不见了" in first.summary
    assert Notice.objects.count() == 1


def test_a_source_that_mends_itself_takes_the_finding_back(
    bound: SourceBinding, database: Answering
) -> None:
    changed(database, COLUMNS[0], COLUMNS[2])
    drift.watch(bound)
    changed(database, *COLUMNS)
    assert drift.watch(bound) is None
    assert DriftFinding.objects.get().state == FindingState.GONE


def test_an_unreachable_source_says_so_and_is_no_change(
    bound: SourceBinding, database: Answering
) -> None:
    database.failure = SourceError(Reason.OTHER, "连不上。", "请检查网络。")
    assert drift.watch(bound) is None
    assert bound.state == BindingState.UNREACHABLE
    assert "连不上" in bound.message


def test_one_click_makes_a_draft_that_follows_the_source(
    bound: SourceBinding, database: Answering, officer: Actor
) -> None:
    changed(
        database, COLUMNS[0], replace(COLUMNS[1], name="full_name", length=60), COLUMNS[2],
        SourceColumn(name="birthday", type="date"),
    )  # fmt: skip
    finding = drift.watch(bound)
    assert finding is not None
    drift.apply(actor=officer, finding=finding)
    resource = Resource.objects.get(pk=bound.resource_id)
    assert resource.working is not None
    items = {i.name: i for i in version_content(resource.working).items}
    # A renamed column keeps its item: consumers notice nothing.
    assert items["person_name"].length == 60
    assert (items["birthday"].title, items["birthday"].type) == ("出生日期", "date")
    bound.refresh_from_db()
    assert {c["name"]: c["item"] for c in bound.structure}["full_name"] == "person_name"
    assert drift.watch(bound) is None
    with pytest.raises(Conflict):
        drift.apply(actor=officer, finding=finding)


def test_a_new_column_nobody_has_seen_a_value_of_gets_no_size_that_would_refuse_them(
    bound: SourceBinding, database: Answering, officer: Actor
) -> None:
    more = (SourceColumn(name="bz", type="text"), SourceColumn(name="amount", type="numeric"))
    changed(database, *COLUMNS, *more)
    finding = drift.watch(bound)
    assert finding is not None
    drift.apply(actor=officer, finding=finding)
    working = Resource.objects.get(pk=bound.resource_id).working
    assert working is not None
    items = version_content(working).items
    assert items[2].length is None
    assert (items[3].type, items[3].precision, items[3].scale) == ("decimal", 24, 6)


def test_a_removed_column_takes_its_item_away_in_the_draft(
    bound: SourceBinding, database: Answering, officer: Actor
) -> None:
    changed(database, COLUMNS[0], COLUMNS[2])
    finding = drift.watch(bound)
    assert finding is not None
    drift.apply(actor=officer, finding=finding)
    working = Resource.objects.get(pk=bound.resource_id).working
    assert working is not None
    assert [i.name for i in version_content(working).items] == ["no"]


def test_an_ignored_change_is_not_brought_up_again(
    bound: SourceBinding, database: Answering, officer: Actor
) -> None:
    changed(database, *COLUMNS, SourceColumn(name="extra", type="text"))
    finding = drift.watch(bound)
    assert finding is not None
    with pytest.raises(InvalidInput):
        drift.ignore(actor=officer, finding=finding, reason=" ")
    drift.ignore(actor=officer, finding=finding, reason="临时列")
    assert drift.watch(bound) is None
    assert DriftFinding.objects.count() == 1


def test_a_run_that_met_drift_makes_us_look_at_once(
    bound: SourceBinding, database: Answering
) -> None:
    changed(database, COLUMNS[0], COLUMNS[2])
    run_met_drift(
        Event(type="city.collection.source.drifted", data={"resource_id": bound.resource_id})
    )
    assert DriftFinding.objects.filter(resource=bound.resource_id).exists()


def test_a_rename_is_told_from_a_new_column() -> None:
    agreed = [{"name": "xm", "type": "text", "comment": "姓名", "item": "name"}]
    found = [{"name": "ry_xm", "type": "text", "comment": "姓名"}, {"name": "memo", "type": "int"}]
    assert [(c.kind, c.column) for c in structure.compare(agreed, found)] == [
        ("renamed", "ry_xm"), ("added", "memo"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "was", "now", "breaking"),
    [("length", 20, 50, True), ("length", 50, 20, False), ("nullable", False, True, True),
     ("comment", "甲", "乙", False), ("type", "int", "text", True)],
)  # fmt: skip
def test_what_would_lose_data_counts_as_breaking(
    field: str, was: object, now: object, breaking: bool
) -> None:
    (found,) = structure.compare(
        [{"name": "a", "item": "a", field: was}], [{"name": "a", field: now}]
    )
    assert found.breaking is breaking


def figure(rows: int, filled: int, codes: dict[str, int]) -> BatchFigures:
    return BatchFigures(rows=rows, columns={"kind": {"filled": filled, "codes": codes}})


def test_fewer_rows_more_gaps_and_unknown_codes_are_unusual() -> None:
    earlier = [figure(1000, 1000, {"甲": 500, "乙": 500}) for _ in range(3)]
    said = figures.unusual(figure(300, 150, {"甲": 100, "丙": 50}), earlier, {"kind": "类别"})
    assert any("300 行" in s for s in said)
    assert any("空着的" in s for s in said)
    assert any("“丙”" in s for s in said)
    assert figures.unusual(figure(990, 985, {"甲": 985}), earlier, {}) == []


def test_the_figures_of_a_batch_are_counted_in_the_lake(cast: Cast) -> None:
    resource = made.entry(cast.department_a, "a_kinds", "类别", KINDS)
    for number, kind in enumerate(("甲", "甲", "乙")):
        batch = Batch.objects.create(resource=resource, origin="file", state="queued")
        stamp = f"s{number}"
        values = [None, *[kind] * 29] if number < 2 else [kind] * 30
        made.put(
            resource, {"no": [str(i) for i in range(30)], "kind": values, "memo": ["x"] * 30, "_batch": [stamp] * 30}
        )  # fmt: skip
        found = figures.examine(
            batch=batch, resource=published_by_id(resource.pk), lake=duplicates.lake(), stamp=stamp
        )
    kept = BatchFigures.objects.order_by("pk").first()
    assert kept is not None
    assert (kept.rows, kept.columns["kind"]) == (30, {"filled": 29, "codes": {"甲": 29}})
    assert found is not None
    assert "“乙”" in found.summary


def test_the_officer_decides_on_the_page(
    bound: SourceBinding, database: Answering, cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    changed(database, COLUMNS[0], COLUMNS[2])
    finding = drift.watch(bound)
    assert finding is not None
    client = client_for(cast.officer_a)
    assert "人员" in client.get("/console/discovery/drift/").content.decode()
    url = f"/console/discovery/drift/{finding.pk}/"
    assert "生成目录变更" in client.get(url).content.decode()
    assert client.post(f"{url}ignore/", {"reason": ""}).status_code == 422
    tab = client.get(f"/console/discovery/resources/{bound.resource_id}/drift/").content.decode()
    assert "public.t_ry" in tab
    assert (
        client.post(f"/console/discovery/resources/{bound.resource_id}/check/").status_code == 302
    )
    assert client.post(f"{url}apply/").status_code == 302
    basics = client.get(f"/console/catalog/resources/{bound.resource_id}/basics/").content.decode()
    assert "public.t_ry" in basics
    stranger = client_for(cast.officer_b)
    assert stranger.get(url).status_code == 404
