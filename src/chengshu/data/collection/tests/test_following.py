"""A plan follows a change of the source that the catalogue took over; only a guess is asked."""

from dataclasses import replace

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.catalog.facade import version_content
from chengshu.data.catalog.models import InformationSystem, Resource, Warehouse
from chengshu.data.catalog.services import drafts, review
from chengshu.data.collection.choices import RunState
from chengshu.data.collection.following import follow, suggested
from chengshu.data.collection.models import Plan
from chengshu.data.collection.services import plans
from chengshu.data.collection.subscribers import entry_published
from chengshu.data.collection.tests.factories import ITEMS, go, held, make_plan
from chengshu.data.collection.tests.shop import MAPPING, Shop
from chengshu.data.discovery.facade import bind
from chengshu.data.discovery.models import SourceBinding
from chengshu.data.discovery.services import drift
from chengshu.data.discovery.sourcing import describe, document
from chengshu.data.ingest.tests import factories
from chengshu.kernel.errors import Conflict
from chengshu.kernel.events.models import Event
from chengshu.kernel.notices.models import Notice

TITLES = {"no": "编号", "full_name": "姓名", "phone": "电话"}


def test_what_keeps_its_name_is_certain_and_a_rename_is_asked():
    found = follow(
        {"no": "no", "xm": "full_name", "old": "gone"}, columns={"no", "ry_xm", "phone", "lxdh"},
        agreed={"no": "no", "ry_xm": "full_name", "PHONE": "phone"}, renamed={"xm": "ry_xm"}, titles=TITLES,
    )  # fmt: skip
    assert found.mapping == {"no": "no", "PHONE": "phone"}
    assert found.blocking == ("“姓名”原来取自列“xm”，它可能改名为“ry_xm”",)
    other = follow(
        {"no": "no"}, columns={"no", "lxdh"}, agreed={"no": "no", "lxdh": "phone"}, renamed={},
        titles=TITLES,
    )  # fmt: skip
    assert (other.blocking, other.open_questions) == ((), ("新列“lxdh”是不是“电话”",))
    assert suggested({"xm": "full_name"}, columns={"ry_xm"}, agreed={"ry_xm": "full_name"}) == {
        "ry_xm": "full_name"
    }


_NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


@given(
    st.dictionaries(_NAMES, _NAMES, max_size=4),
    st.lists(_NAMES, max_size=4).map(set),
    st.dictionaries(_NAMES, _NAMES, max_size=4),
    st.lists(_NAMES, max_size=4).map(set),
)
def test_nothing_is_read_that_is_not_there_nor_written_twice(mapping, columns, agreed, items):
    agreed = {column: item for column, item in agreed.items() if column in columns}
    unique = {item: column for column, item in mapping.items()}
    mapping = {column: item for item, column in unique.items()}
    found = follow(
        mapping, columns=columns, agreed=agreed, renamed={}, titles={i: i for i in items}
    )
    assert set(found.mapping) <= columns
    assert set(found.mapping.values()) <= items
    assert len(set(found.mapping.values())) == len(found.mapping)
    lost = {item for column, item in mapping.items() if item in items and column not in columns}
    assert len(found.blocking) == len([c for c, i in mapping.items() if i in lost])


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, ITEMS)


@pytest.fixture
def plan(resource, source, officer, shop: Shop) -> Plan:
    """A plan of a bound entry that ran once."""
    shop.put(1)
    found = describe(source, "main.people")
    bind(
        actor=officer, resource=resource, source=source, object_name="main.people",
        columns=document(found), fingerprint=found.fingerprint, mapping=MAPPING,
    )  # fmt: skip
    plan = make_plan(officer, resource, source)
    assert go(officer, plan).state == RunState.SUCCEEDED
    return plan


def taken_over(officer, admin, resource: Resource) -> None:
    """The change is found, proposed, completed, reviewed by a second person and published."""
    finding = drift.watch(SourceBinding.objects.get(resource=resource))
    drift.apply(actor=officer, finding=finding)
    version = Resource.objects.get(pk=resource.pk).working
    system, _ = InformationSystem.objects.get_or_create(
        code="s", defaults={"name": "s", "owner": resource.provider}
    )
    house, _ = Warehouse.objects.get_or_create(code="w", defaults={"name": "w"})
    content = replace(
        version_content(version), summary="全市人员登记情况，一人一条", system=system.code,
        warehouse=house.code, formats=("table",), sharing_condition="仅限核验",
    )  # fmt: skip
    drafts.edit_draft(actor=officer, version=version, revision=version.revision, content=content)
    review.submit(actor=officer, version=version, handling="任务照新目录归集")
    review.approve(actor=admin, version=version)
    entry_published(Event.objects.filter(type="city.catalog.resource.published").latest("pk"))


@pytest.fixture
def admin(cast, actor_for):
    return actor_for(cast.admin)


@pytest.mark.django_db(transaction=True)
def test_a_new_column_and_another_type_are_collected_without_anybody_confirming_again(
    plan, shop: Shop, officer, admin
):
    shop.columns |= {"remark": "varchar", "amount": "decimal"}
    shop.put(2, remark="新来的")
    assert go(officer, plan).state == RunState.DRIFTED
    taken_over(officer, admin, plan.resource)
    plan.refresh_from_db()
    assert plan.mapping == MAPPING | {"remark": "remark"}
    assert not Notice.objects.filter(title__contains="要核对对应关系").exists()
    for row in shop.rows.values():
        row.setdefault("remark", None)
    run = go(officer, plan)
    assert (run.state, run.message) == (RunState.SUCCEEDED, "")
    assert held(plan.resource.lake_table)["P00002"]["remark"] == "新来的"


@pytest.mark.django_db(transaction=True)
def test_a_run_follows_even_when_nobody_told_it(plan, shop: Shop, officer, admin):
    shop.columns["amount"] = "decimal"
    taken_over(officer, admin, plan.resource)
    Plan.objects.filter(pk=plan.pk).update(mapping=plan.mapping, structure=plan.structure)
    plan.refresh_from_db()
    assert go(officer, plan).state == RunState.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_a_likely_rename_is_put_before_a_person_and_nothing_is_read_before(
    plan, shop: Shop, officer, admin, client_for
):
    shop.columns["sex2"] = shop.columns.pop("sex")
    taken_over(officer, admin, plan.resource)
    plan.refresh_from_db()
    assert plan.mapping == MAPPING
    notice = Notice.objects.get(title__contains="要核对对应关系")
    assert "可能改名为“sex2”" in notice.body
    reads = shop.reads
    assert go(officer, plan).state == RunState.DRIFTED
    assert shop.reads == reads
    page = client_for(officer.account).get(reverse("collection:edit", args=[plan.pk]))
    offered = {column: item for _, column, _, item in page.context["rows"]}
    assert offered["sex2"] == "gender"
    for row in shop.rows.values():
        row["sex2"] = row.pop("sex")
    given = plans.Settings(name=plan.name, mode=plan.mode)
    plans.change(
        actor=officer, plan=plan, settings=given, mapping={c: i for c, i in offered.items() if i}
    )
    assert go(officer, plan).state == RunState.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_what_the_catalogue_has_not_taken_over_is_not_followed(plan, shop: Shop, officer, resource):
    shop.columns["amount"] = "decimal"
    drift.apply(actor=officer, finding=drift.watch(SourceBinding.objects.get(resource=resource)))
    assert go(officer, plan).state == RunState.DRIFTED


@pytest.mark.django_db
def test_a_plan_for_a_stream_is_refused_before_the_source_is_asked(
    officer, resource, source, shop: Shop
):
    stream = factories.publish(resource.provider, ITEMS, resource=resource, kind="stream")
    with pytest.raises(Conflict, match="数据流资源，现在还不能归集"):
        make_plan(officer, stream, source)
    assert shop.reads == 0
