"""An entry's life: draft, submit, return, publish, change, suspend, retire, and who may do what."""

from dataclasses import replace

import pytest

from chengshu.data.catalog import selectors
from chengshu.data.catalog.choices import ResourceState, VersionState
from chengshu.data.catalog.content import ItemContent, VersionContent, version_content
from chengshu.data.catalog.models import DataItem, Resource, ResourceVersion
from chengshu.data.catalog.services import drafts, lifecycle, review
from chengshu.data.catalog.tests.cast import PAID, PENSION, PERSON, changed, draft, published
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chengshu.kernel.events.models import Event


def fresh(entry):
    return Resource.objects.select_related("published", "working").get(pk=entry.pk)


def test_codes_follow_the_category_and_are_never_given_twice(cast):
    first, second = draft(cast), draft(cast, name="rs_pension_two")
    assert (first.code, second.code) == ("1/01/001/01/00001", "1/01/001/01/00002")
    drafts.discard_draft(actor=cast.officer, version=second.working)
    assert draft(cast, name="rs_pension_three").code.endswith("/00003")


def test_from_draft_to_published_by_two_people(cast):
    entry = draft(cast)
    review.submit(actor=cast.officer, version=entry.working)
    review.approve(actor=cast.admin, version=entry.working, remark="同意")
    entry = fresh(entry)
    assert entry.state == ResourceState.PUBLISHED
    assert (entry.published.number, entry.published.level, entry.working) == (1, "L3", None)
    event = Event.objects.get(type="city.catalog.resource.published")
    assert event.data["code"] == entry.code
    assert event.data["version"] == 1
    assert AuditRecord.objects.filter(action="catalog.resource.published").count() == 1


def test_submission_lists_everything_that_is_missing_in_chinese(cast):
    bare = VersionContent(
        title="社保卡", sharing_type="none", open_type="restricted",
        items=(ItemContent(title="卡号"), ItemContent(name="flag", title="启用", type="boolean", format="uscc")),
    )  # fmt: skip
    entry = draft(cast, content=bare)
    with pytest.raises(InvalidInput) as caught:
        review.submit(actor=cast.officer, version=entry.working)
    fields = caught.value.fields
    assert {"summary", "system", "warehouse", "formats", "update_cycle", "sharing_basis",
            "open_condition", "items", "items.0.name", "items.1.type"} == set(fields)  # fmt: skip
    assert "法定依据" in fields["sharing_basis"]
    assert "类型必须是文本" in fields["items.1.type"]
    assert fresh(entry).working.state == VersionState.DRAFT


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"open_type": "unconditional"}, "open_type"),
        ({"level_floor": "L2"}, "level_floor"),
        ({"level_floor": "L4", "open_type": "restricted"}, "open_type"),
        ({"sharing_condition": " "}, "sharing_condition"),
    ],
)
def test_levels_and_sharing_must_not_contradict(cast, values, field):
    entry = draft(cast, content=replace(PENSION, **values))
    with pytest.raises(InvalidInput) as caught:
        review.submit(actor=cast.officer, version=entry.working)
    assert list(caught.value.fields) == [field]


def test_the_level_is_the_highest_of_the_items_and_may_be_set_higher(cast):
    entry = draft(cast, content=replace(PENSION, level_floor="L4"))
    assert entry.working.level == "L4"
    assert (
        draft(cast, name="harmless", content=replace(PENSION, items=(PAID,))).working.level == "L2"
    )


def test_nobody_approves_an_entry_they_submitted(cast):
    entry = draft(cast, actor=cast.admin)
    review.submit(actor=cast.admin, version=entry.working)
    with pytest.raises(NotAllowed, match="自己提交"):
        review.approve(actor=cast.admin, version=entry.working)
    assert fresh(entry).working.state == VersionState.SUBMITTED
    review.approve(actor=cast.second_admin, version=entry.working)
    assert fresh(entry).state == ResourceState.PUBLISHED


def test_returned_with_remarks_then_mended_and_submitted_again(cast):
    entry = draft(cast)
    review.submit(actor=cast.officer, version=entry.working)
    with pytest.raises(InvalidInput):
        review.send_back(actor=cast.admin, version=entry.working, remark="  ")
    review.send_back(
        actor=cast.admin, version=entry.working, remark="请补充定义",
        field_remarks={"items.paid": "说明单位", "summary": " "},
    )  # fmt: skip
    version = fresh(entry).working
    assert version.state == VersionState.RETURNED
    assert version.field_remarks == {"items.paid": "说明单位"}
    better = replace(PENSION, items=(PERSON, replace(PAID, definition="单位：元")))
    drafts.edit_draft(
        actor=cast.officer, version=version, revision=version.revision, content=better
    )
    review.submit(actor=cast.officer, version=version)
    assert fresh(entry).working.review_remark == ""


def test_the_second_of_two_editors_is_told_who_and_when(cast):
    entry = draft(cast)
    drafts.edit_draft(
        actor=cast.admin,
        version=entry.working,
        revision=1,
        content=replace(PENSION, title="新名称"),
    )
    with pytest.raises(Conflict, match=r"admin同志在 20.* 修改并保存"):
        drafts.edit_draft(
            actor=cast.officer, version=entry.working, revision=1,
            content=replace(PENSION, title="另一个名称"),
        )  # fmt: skip
    assert fresh(entry).working.title == "新名称"


def test_a_submitted_version_is_withdrawn_before_it_is_edited(cast):
    entry = draft(cast)
    review.submit(actor=cast.officer, version=entry.working)
    with pytest.raises(Conflict, match="待审核"):
        drafts.edit_draft(actor=cast.officer, version=entry.working, revision=1, content=PENSION)
    review.withdraw(actor=cast.officer, version=entry.working)
    drafts.edit_draft(actor=cast.officer, version=entry.working, revision=1, content=PENSION)
    with pytest.raises(Conflict):
        review.approve(actor=cast.admin, version=entry.working)


def test_published_versions_never_change(cast):
    version = published(cast).published
    with pytest.raises(Conflict):
        drafts.edit_draft(actor=cast.officer, version=version, revision=1, content=PENSION)
    version.title = "篡改"
    item = version.items.first()
    for attempt in (
        version.save,
        version.delete,
        item.save,
        item.delete,
        lambda: ResourceVersion.objects.filter(pk=version.pk).update(title="篡改"),
        lambda: ResourceVersion.objects.filter(pk=version.pk).delete(),
        lambda: DataItem.objects.filter(version=version).update(title="篡改"),
        lambda: version.items.all().delete(),
    ):
        with pytest.raises(Conflict):
            attempt()
    stored = ResourceVersion.objects.get(pk=version.pk)
    assert version_content(stored) == PENSION


def test_a_change_supersedes_the_published_version_and_tells_the_difference(cast):
    entry = published(cast)
    phone = ItemContent(name="phone", title="手机号", length=11, format="mobile", sensitivity="L3")
    entry = changed(
        cast, entry, replace(PENSION, items=(PERSON, replace(PAID, precision=10), phone))
    )
    assert entry.published.number == 1
    review.approve(actor=cast.admin, version=entry.working)
    entry = fresh(entry)
    states = dict(entry.versions.values_list("number", "state"))
    assert states == {1: "superseded", 2: "published"}
    data = Event.objects.filter(type="city.catalog.resource.published").get(data__version=2).data
    assert data["previous"] == 1
    assert data["diff"]["items_added"] == ["phone"]
    assert data["diff"]["items_removed"] == ["sex"]
    assert data["diff"]["breaking"] == ["删除了数据项“性别”"]


def test_a_change_without_a_note_or_without_a_difference_is_not_submitted(cast):
    entry = published(cast)
    version = drafts.start_change(actor=cast.officer, resource=entry)
    with pytest.raises(Conflict, match="完全相同"):
        review.submit(actor=cast.officer, version=version)
    drafts.edit_draft(
        actor=cast.officer,
        version=version,
        revision=1,
        content=replace(PENSION, update_cycle="weekly"),
    )
    with pytest.raises(InvalidInput) as caught:
        review.submit(actor=cast.officer, version=version)
    assert list(caught.value.fields) == ["change_note"]


def test_only_one_version_is_open_and_discarding_frees_the_place(cast):
    entry = published(cast)
    version = drafts.start_change(actor=cast.officer, resource=entry)
    with pytest.raises(Conflict, match="已经有一个"):
        drafts.start_change(actor=cast.officer, resource=entry)
    drafts.discard_draft(actor=cast.officer, version=version)
    assert drafts.start_change(actor=cast.officer, resource=fresh(entry)).number == 2


def test_suspend_resume_retire_need_a_reason_and_the_right_state(cast):
    entry = published(cast)
    with pytest.raises(InvalidInput):
        lifecycle.suspend(actor=cast.admin, resource=entry, reason=" ")
    with pytest.raises(Conflict):
        lifecycle.resume(actor=cast.admin, resource=entry, reason="恢复")
    lifecycle.suspend(actor=cast.admin, resource=entry, reason="数据核查")
    assert fresh(entry).state_reason == "数据核查"
    lifecycle.resume(actor=cast.admin, resource=entry, reason="核查完毕")
    lifecycle.retire(actor=cast.admin, resource=entry, reason="系统下线")
    with pytest.raises(Conflict):
        drafts.start_change(actor=cast.officer, resource=entry)
    told = set(Event.objects.values_list("type", flat=True))
    assert {f"city.catalog.resource.{v}" for v in ("suspended", "resumed", "retired")} <= told


def test_departments_write_their_own_and_read_what_is_published(cast):
    own = draft(cast)
    public = published(cast, name="rs_public")
    for act in (
        lambda: draft(cast, actor=cast.stranger, name="x"),
        lambda: drafts.edit_draft(actor=cast.stranger, version=own.working, revision=1, content=PENSION),
        lambda: drafts.start_change(actor=cast.stranger, resource=public),
        lambda: review.submit(actor=cast.stranger, version=own.working),
        lambda: review.approve(actor=cast.officer, version=own.working),
        lambda: lifecycle.suspend(actor=cast.officer, resource=public, reason="x"),
        lambda: draft(cast, actor=cast.nobody, name="y"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            act()
    seen = {a.name: set(selectors.resources(actor=a).values_list("pk", flat=True))
            for a in (cast.officer, cast.stranger, cast.admin, cast.leader, cast.nobody)}  # fmt: skip
    assert seen == {
        "officer同志": {own.pk, public.pk}, "admin同志": {own.pk, public.pk},
        "stranger同志": {public.pk}, "leader同志": {public.pk}, "nobody同志": set(),
    }  # fmt: skip


def test_a_change_being_written_is_hidden_from_other_departments(cast):
    entry = changed(cast, published(cast), replace(PENSION, title="改名"))
    numbers = [v.number for v in selectors.versions(actor=cast.stranger, entry=entry)]
    assert numbers == [1]
    with pytest.raises(NotFound):
        selectors.version(actor=cast.stranger, resource_id=entry.pk, number=2)
    assert selectors.version(actor=cast.officer, resource_id=entry.pk, number=2).title == "改名"


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (ItemContent(name="Name", title="x"), "items.0.name"),
        (ItemContent(name="a", title="x", type="number"), "items.0.type"),
        (ItemContent(name="a", title="x", length=0), "items.0.length"),
        (ItemContent(name="a", title="x", code_table="none"), "items.0.code_table"),
    ],
)
def test_wrong_values_are_refused_even_in_a_draft(cast, item, field):
    with pytest.raises(InvalidInput) as caught:
        draft(cast, content=replace(PENSION, items=(item,)))
    assert list(caught.value.fields) == [field]
    assert not Resource.objects.exists()
