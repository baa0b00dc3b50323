"""A breaking change shows who is hit first, demands a word about them, and tells them at publication."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.change.consumers import Consumer
from chengshu.data.catalog.change.impact import effects_between, weigh
from chengshu.data.catalog.change.models import Handling, PlannedRetirement, ReviewRound
from chengshu.data.catalog.change.rounds import answered, open_remarks
from chengshu.data.catalog.changing import jobs
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services import drafts, lifecycle, review
from chengshu.data.catalog.tests.cast import PAID, PENSION, PERSON, SEX, Cast, draft, published
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.notices import selectors as notices
from chengshu.kernel.notices.models import Receipt

Browse = Callable[[Actor], Client]
WITHOUT_SEX = replace(PENSION, items=(PERSON, PAID), change_note="不再采集性别")


def grant(cast: Cast, **more: object) -> Consumer:
    values = {
        "kind": "grant", "name": "企业养老核验", "organization": cast.market, "url": "/console/",
        "fields": ("id_number", "sex"), "binding": True,
    }  # fmt: skip
    return Consumer(**(values | more))  # type: ignore[arg-type]


def changing(cast: Cast, content: object = WITHOUT_SEX) -> Resource:
    entry = published(cast)
    version = drafts.start_change(actor=cast.officer, resource=entry)
    drafts.edit_draft(actor=cast.officer, version=version, revision=1, content=content)  # type: ignore[arg-type]
    return Resource.objects.select_related("working", "published").get(pk=entry.pk)


def titles(actor: Actor) -> list[str]:
    return [r.notice.title for r in notices.inbox(actor).order_by("pk")]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (replace(PENSION, items=(PERSON, PAID)), "删除数据项“性别”"),
        (replace(PENSION, items=(PERSON, replace(SEX, name="gender"), PAID)), "字段名由 sex 改为 gender"),
        (replace(PENSION, items=(PERSON, replace(SEX, type="integer", length=None), PAID)), "类型由文本改为整数"),
        (replace(PENSION, items=(PERSON, replace(SEX, sensitivity="L4"), PAID)), "级别由 L2 提高到 L4"),
        (replace(PENSION, items=(PERSON, replace(SEX, code_table=""), PAID)), "代码表由 gender 改为 不限"),
        (replace(PENSION, sharing_type="none"), "共享类型收紧"),
    ],
)  # fmt: skip
def test_what_hurts_a_grant_is_seen(cast: Cast, new: object, words: str) -> None:
    impact = weigh(effects_between(PENSION, new), [grant(cast)])  # type: ignore[arg-type]
    assert len(impact.hits) == 1
    assert words in impact.hits[0].effects[0].text


@pytest.mark.parametrize(
    "new",
    [
        replace(PENSION, summary="全市城乡居民养老保险参保人员，一人一条"),
        replace(PENSION, items=(PERSON, SEX, PAID, replace(PAID, name="more", title="补缴"))),
        replace(PENSION, items=(PERSON, replace(SEX, length=2), PAID)),
        replace(PENSION, items=(PERSON, SEX)),  # a field the grant does not use
        replace(PENSION, open_type="forbidden"),  # hits open datasets, not a grant
        replace(PENSION, sharing_type="unconditional"),
    ],
)
def test_what_does_not_hurt_is_not_reported(cast: Cast, new: object) -> None:
    assert not weigh(effects_between(PENSION, new), [grant(cast)]).breaking  # type: ignore[arg-type]


def test_a_consumer_of_everything_is_hit_by_any_field(cast: Cast) -> None:
    dataset = Consumer(kind="dataset", name="开放", organization=None)
    assert weigh(effects_between(PENSION, WITHOUT_SEX), [dataset]).breaking
    tightened = replace(PENSION, open_type="forbidden")
    assert (
        weigh(effects_between(PENSION, tightened), [dataset, grant(cast)]).hits[0].consumer
        == dataset
    )


def test_a_breaking_change_needs_a_word_and_tells_those_hit(
    cast: Cast, uses: list[Consumer]
) -> None:
    uses.append(grant(cast))
    entry = changing(cast)
    assert entry.working is not None
    with pytest.raises(InvalidInput) as caught:
        review.submit(actor=cast.officer, version=entry.working)
    assert list(caught.value.fields) == ["handling"]
    assert not Handling.objects.exists()

    review.submit(
        actor=cast.officer, version=entry.working, handling="已与市监局约定年底前改用新口径"
    )
    kept = Handling.objects.get()
    assert kept.hits[0]["owner"] == "市监局"
    assert titles(cast.stranger) == []
    review.approve(actor=cast.admin, version=entry.working)

    assert titles(cast.stranger) == [f"您在用的“{PENSION.title}”有影响使用的变更（v2）"]
    body = Receipt.objects.get(account=cast.stranger.account).notice.body
    assert "删除数据项“性别”" in body
    assert "约定年底前" in body


def test_a_harmless_change_needs_no_word(cast: Cast, uses: list[Consumer]) -> None:
    uses.append(grant(cast, fields=("id_number",)))
    entry = changing(cast)
    assert entry.working is not None
    review.submit(actor=cast.officer, version=entry.working)
    assert not Handling.objects.exists()


def test_the_pages_show_who_is_hit_before_submission_and_at_review(
    cast: Cast, uses: list[Consumer], browse: Browse
) -> None:
    uses.append(grant(cast))
    entry = changing(cast)
    officer = browse(cast.officer)
    page = officer.get(reverse("catalog:resource", args=[entry.pk])).content.decode()
    assert "这次变更会影响谁" in page
    assert "企业养老核验" in page
    asked = reverse("catalog_changing:submit", args=[entry.pk])
    assert officer.post(reverse("catalog:submit", args=[entry.pk])).url == asked  # type: ignore[attr-defined]
    page = officer.get(asked).content.decode()
    assert "删除数据项“性别”" in page
    assert officer.post(asked, {"handling": "好"}).status_code == 422
    officer.post(asked, {"handling": "新旧字段并行到年底"})
    page = browse(cast.admin).get(reverse("catalog:review", args=[entry.pk])).content.decode()
    assert "新旧字段并行到年底" in page
    assert "企业养老核验" in page
    usage = reverse("catalog:resource-usage", args=[entry.pk])
    assert "企业养老核验" in officer.get(usage).content.decode()
    # Others read the entry, not who uses it.
    assert "企业养老核验" not in browse(cast.leader).get(usage).content.decode()


def test_remarks_are_ticked_off_and_answers_reach_the_reviewer(cast: Cast, browse: Browse) -> None:
    entry = draft(cast)
    version = entry.working
    assert version is not None
    review.submit(actor=cast.officer, version=version)
    review.send_back(
        actor=cast.admin, version=version, remark="请补充",
        field_remarks={"summary": "写明覆盖范围", "items.paid": "写明单位", "open_type": "为什么受限"},
    )  # fmt: skip
    assert titles(cast.officer)[-1].endswith("被退回")
    version.refresh_from_db()
    paid = replace(PAID, definition="以元计")
    drafts.edit_draft(
        actor=cast.officer, version=version, revision=version.revision,
        content=replace(PENSION, items=(PERSON, SEX, paid)),
    )  # fmt: skip
    assert {r.key: r.changed for r in open_remarks(version)} == {
        "summary": False, "items.paid": True, "open_type": False,
    }  # fmt: skip
    officer = browse(cast.officer)
    page = officer.get(reverse("catalog:edit", args=[entry.pk])).content.decode()
    assert "审核意见（待修改）：写明覆盖范围" in page
    assert "审核意见（✓ 已修改）：写明单位" in page
    asked = reverse("catalog_changing:submit", args=[entry.pk])
    assert "未修改" in officer.get(asked).content.decode()
    officer.post(asked, {"answer:summary": "摘要已写明全市", "answer:nonsense": "x"})

    found = answered(version)
    assert found is not None
    assert {r.key: r.answer for r in found[1]} == {
        "summary": "摘要已写明全市", "items.paid": "", "open_type": "",
    }  # fmt: skip
    page = browse(cast.admin).get(reverse("catalog:review", args=[entry.pk])).content.decode()
    assert "摘要已写明全市" in page
    assert "定义 以元计" in page


def test_a_second_return_opens_a_new_round(cast: Cast) -> None:
    entry = draft(cast)
    version = entry.working
    assert version is not None
    for remark in ("第一次", "第二次"):
        review.submit(actor=cast.officer, version=version)
        review.send_back(
            actor=cast.admin, version=version, remark=remark, field_remarks={"summary": remark}
        )
    assert [r.text for r in open_remarks(version)] == ["第二次"]
    assert ReviewRound.objects.exclude(resubmitted_at=None).count() == 1


def test_suspension_resumption_and_retirement_tell_the_users(
    cast: Cast, uses: list[Consumer]
) -> None:
    uses.append(grant(cast, binding=False))
    entry = published(cast)
    lifecycle.suspend(actor=cast.admin, resource=entry, reason="数据核查")
    lifecycle.resume(actor=cast.admin, resource=entry, reason="核查完成")
    lifecycle.retire(actor=cast.admin, resource=entry, reason="业务停办")
    name = PENSION.title
    assert titles(cast.stranger) == [
        f"您在用的“{name}”已暂停", f"您在用的“{name}”已恢复", f"您在用的“{name}”已撤销",
    ]  # fmt: skip
    first = Receipt.objects.filter(account=cast.stranger.account).order_by("pk")[0].notice
    assert "数据核查" in first.body
    assert "企业养老核验" in first.body
    assert f"“{name}”已暂停" in titles(cast.officer)


def test_an_entry_with_active_grants_is_retired_on_a_day_only(
    cast: Cast, uses: list[Consumer]
) -> None:
    uses.append(grant(cast))
    entry = published(cast)
    with pytest.raises(Conflict, match="有效的共享授权"):
        lifecycle.retire(actor=cast.admin, resource=entry, reason="业务停办")
    today = local_date(timezone.now())
    with pytest.raises(InvalidInput):
        lifecycle.retire(
            actor=cast.admin, resource=entry, reason="业务停办", force_on=today - timedelta(days=1)
        )
    day = today + timedelta(days=30)
    lifecycle.retire(actor=cast.admin, resource=entry, reason="业务停办", force_on=day)
    entry.refresh_from_db()
    assert entry.state == "published"
    assert f"将于 {day:%Y-%m-%d} 撤销" in titles(cast.stranger)[-1]

    assert lifecycle.retire_due(actor=cast.admin, today=day - timedelta(days=1)) == 0
    assert lifecycle.retire_due(actor=cast.admin, today=day) == 1
    entry.refresh_from_db()
    assert entry.state == "retired"
    assert not PlannedRetirement.objects.exists()


def test_a_planned_retirement_can_be_taken_back(
    cast: Cast, uses: list[Consumer], browse: Browse
) -> None:
    uses.append(grant(cast))
    entry = published(cast)
    client = browse(cast.admin)
    url = reverse("catalog_changing:life", args=[entry.pk, "retire"])
    assert "仍要撤销" in client.get(url).content.decode()
    assert client.post(url, {"reason": "停办"}).status_code == 422
    assert client.post(url, {"reason": "停办", "force": "1", "force_on": "x"}).status_code == 422
    day = (local_date(timezone.now()) + timedelta(days=9)).isoformat()
    client.post(url, {"reason": "停办", "force": "1", "force_on": day})
    assert PlannedRetirement.objects.get().on.isoformat() == day
    assert f"已安排在 {day} 撤销" in client.get(url).content.decode()
    client.post(reverse("catalog_changing:cancel-retirement", args=[entry.pk]))
    assert not PlannedRetirement.objects.exists()
    assert titles(cast.stranger)[-1].endswith("不再撤销")


def test_the_nightly_job_leaves_what_cannot_be_retired_to_people(
    cast: Cast, uses: list[Consumer]
) -> None:
    uses.append(grant(cast))
    entry = published(cast)
    today = local_date(timezone.now())
    lifecycle.retire(
        actor=cast.admin, resource=entry, reason="停办", force_on=today + timedelta(days=1)
    )
    PlannedRetirement.objects.update(on=today)
    drafts.start_change(actor=cast.officer, resource=entry)

    class Context:
        def progress(self, **_what: object) -> None:
            """Nobody looks."""

    assert jobs.retire_due(Context()) == {"retired": 0}  # type: ignore[arg-type]
    assert titles(cast.officer)[-1].endswith("没能按时撤销")
