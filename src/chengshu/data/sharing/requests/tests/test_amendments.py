"""A grant in force is changed and prolonged by request: reviewed and answered as the first one, whole or not at all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.choices import GrantState
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests import reminders
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.content import Wanted, differences, mark_of, proposed_terms
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.moves import act_on
from chengshu.data.sharing.requests.services.submission import submit_change
from chengshu.data.sharing.requests.tests.conftest import FIELDS, Asked, common
from chengshu.data.sharing.services import grants
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.notices.models import Receipt


@pytest.fixture
def held(asked: Asked) -> Grant:
    """A grant that was asked for and given, with a mask of the provider's own choice."""
    item = act_on(actor=asked.bureau, item=asked.item, act="forward")
    terms = replace(
        proposed_terms(item), masks={"name": "full"}, per_minute=30, misses_per_minute=5000
    )
    made = act_on(actor=asked.provider, item=item, act="grant", terms=terms).grant
    assert made is not None
    return made


@pytest.fixture
def ask_change(asked: Asked, held: Grant) -> Callable[..., AccessRequest]:
    """A function that asks for the grant as it is but for what is named."""

    def make(**changes: Any) -> AccessRequest:
        wanted = Wanted(
            interface=held.interface, fields=changes.pop("fields", FIELDS),
            row_filter=changes.pop("row_filter", held.row_filter),
            kinds=changes.pop("kinds", ["lookup"]),
        )  # fmt: skip
        said = common(**{"valid_until": held.valid_until, **changes})
        actor = changes.get("actor", asked.applicant)
        return submit_change(actor=actor, grant=held, common=said, wanted=wanted)

    return make


def told(actor):
    """Titles of a person's notices."""
    return list(
        Receipt.objects.filter(account=actor.account).values_list("notice__title", flat=True)
    )


def answered(asked, item):
    act_on(actor=asked.bureau, item=item, act="forward")
    return act_on(actor=asked.provider, item=item, act="grant")


def test_more_fields_ways_quota_and_networks_take_effect_when_they_are_answered(
    asked, held, ask_change
):
    item = ask_change(
        fields=[*FIELDS, "mobile"], kinds=["lookup", "batch"], per_day=900,
        networks=["10.33.0.0/16"],
    )  # fmt: skip
    assert differences(item) == ["fields", "kinds", "per_day", "networks"]
    held.refresh_from_db()
    assert (held.fields, held.kinds) == (FIELDS, ["lookup"]), "until then it stays as it is"
    done = answered(asked, item)
    assert (done.state, done.grant_id, Grant.objects.count()) == (State.GRANTED, held.pk, 1)
    held.refresh_from_db()
    assert held.fields == [*FIELDS, "mobile"]
    assert held.masks == {"name": "full", "mobile": "phone"}, "what the provider chose stays"
    assert (held.kinds, held.per_day, held.per_minute) == (["lookup", "batch"], 900, 30)
    assert held.networks == ["10.33.0.0/16"]
    assert (held.misses_per_minute, held.tries_per_day) == (5000, 5)
    actions = AuditRecord.objects.order_by("-seq").values_list("action", flat=True)[:2]
    assert list(actions) == ["access_request.grant", "sharing.grant_changed"]


def test_the_answer_may_be_narrower_than_the_change_and_never_wider(asked, held, ask_change):
    item = ask_change(fields=[*FIELDS, "mobile"], networks=["10.33.0.0/16"])
    act_on(actor=asked.bureau, item=item, act="forward")
    asked_for = proposed_terms(item)
    for change, field in (
        ({"kinds": ["lookup", "batch"]}, "kinds"), ({"networks": []}, "networks"),
        ({"networks": ["10.0.0.0/8"]}, "networks"), ({"fields": [*FIELDS, "family"]}, "fields"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as caught:
            act_on(actor=asked.provider, item=item, act="grant", terms=replace(asked_for, **change))
        assert set(caught.value.fields) == {field}
    narrow = replace(asked_for, fields=FIELDS, masks={"name": "full"}, networks=["10.33.8.0/24"])
    act_on(actor=asked.provider, item=item, act="grant", terms=narrow)
    held.refresh_from_db()
    assert (held.fields, held.networks) == (FIELDS, ["10.33.8.0/24"])


def test_a_change_that_changes_nothing_or_comes_twice_or_too_late_is_refused(
    asked, held, ask_change
):
    with pytest.raises(InvalidInput, match="没有要变的"):
        ask_change()
    with pytest.raises(NotAllowed):
        submit_change(
            actor=asked.provider, grant=held, common=common(),
            wanted=Wanted(interface=held.interface, fields=["name"]),
        )  # fmt: skip
    item = ask_change(per_day=900)
    with pytest.raises(Conflict, match="已在办理中"):
        ask_change(per_day=800)
    act_on(actor=asked.bureau, item=item, act="forward")
    grants.set_state(actor=asked.provider, item=held, state=GrantState.REVOKED, reason="项目结束")
    with pytest.raises(Conflict, match="收回"):
        act_on(actor=asked.provider, item=item, act="grant")
    assert AccessRequest.objects.get(pk=item.pk).state == State.ANSWER
    act_on(actor=asked.applicant, item=item, act="withdraw")
    with pytest.raises(Conflict, match="收回"):
        ask_change(per_day=700)


def test_the_end_of_a_grant_is_told_in_time_once_and_not_to_who_asked_already(
    asked, held, ask_change
):
    end = held.valid_until
    assert reminders.run(end - timedelta(days=45))["ending"] == 0
    moments = [end - timedelta(days=n) for n in range(29, 0, -1)]
    assert sum(reminders.run(moment)["ending"] for moment in moments) == 2
    notice = Receipt.objects.filter(account=asked.applicant.account).latest("pk").notice
    assert "天到期" in notice.title
    assert notice.url == f"{reverse('sharing_requests:change', args=[held.pk])}?renew=1"
    ask_change(valid_until=end + timedelta(days=365))
    Receipt.objects.all().delete()
    Receipt.objects.model.notice.field.related_model.objects.all().delete()
    assert reminders.run(end - timedelta(days=20))["ending"] == 0


def test_a_renewal_is_one_click_from_its_notice(asked, held, client):
    client.force_login(asked.applicant.account)
    page = f"{reverse('sharing_requests:change', args=[held.pk])}?renew=1"
    answer = client.get(page)
    form, part = answer.context["form"], answer.context["wanted"][0]
    data = {name: value for name, value in form.initial.items() if value is not None}
    data["valid_on"] = data["valid_on"].isoformat()
    data |= {f"{part.prefix}-{name}": value for name, value in part.initial.items()}
    shown = client.post(page, data, follow=True).content.decode()
    item = AccessRequest.objects.get(amends=held)
    assert differences(item) == ["valid_until"]
    assert item.valid_until.date() == (held.valid_until + timedelta(days=365)).date()
    for words in ("续期", "要变什么", "原授权照常有效", item.number):
        assert words in shown
    answered(asked, item)
    held.refresh_from_db()
    assert held.valid_until == item.valid_until
    with patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(days=400)):
        assert held.valid_until > timezone.now()


def test_a_refused_change_shows_again_with_what_was_typed(asked, held, client):
    client.force_login(asked.applicant.account)
    page = reverse("sharing_requests:change", args=[held.pk])
    prefix = f"i{held.interface_id}"
    data = {
        "purpose": "补充核对", "legal_basis": "条例第九条", "business_item": "网格走访", "frequency": "daily",
        "valid_on": (timezone.localdate() + timedelta(days=90)).isoformat(), "networks": "10.33.0.0/99",
        f"{prefix}-fields": ["resident_no", "mobile"], f"{prefix}-kinds": ["lookup", "verify"],
    }  # fmt: skip
    answer = client.post(page, data)
    shown = answer.content.decode()
    assert answer.status_code == 422
    for words in ("10.33.0.0/99", "补充核对", "条例第九条", data["valid_on"], "已填的都还在"):
        assert words in shown
    assert answer.context["wanted"][0]["kinds"].value() == ["lookup", "verify"]


def test_both_sides_hear_of_a_suspension_by_the_bureau_with_its_reason(asked, held):
    Receipt.objects.all().delete()
    grants.set_state(
        actor=asked.bureau, item=held, state=GrantState.SUSPENDED, reason="调用量异常，核查"
    )
    for person in (asked.applicant, asked.provider):
        assert any("已暂停" in title for title in told(person))
    body = Receipt.objects.filter(account=asked.applicant.account).latest("pk").notice.body
    assert "调用量异常" in body
    grants.set_state(actor=asked.provider, item=held, state=GrantState.ACTIVE, reason="核查完毕")
    assert any("已恢复" in title for title in told(asked.applicant))
    assert not any("已恢复" in title for title in told(asked.provider)), "who did it knows"


def test_a_grant_changed_by_hand_meanwhile_is_not_undone_unseen(asked, held, ask_change, client):
    item = ask_change(per_day=900)
    act_on(actor=asked.bureau, item=item, act="forward")
    before = mark_of(held)
    terms = grants.describe(held)
    del terms["kinds"], terms["minimum_group"]
    grants.change_grant(
        actor=asked.provider, item=held, **{**terms, "fields": held.fields[:1], "masks": {}}
    )
    for seen in ("", before):
        with pytest.raises(Conflict, match="直接改过原授权：字段"):
            act_on(actor=asked.provider, item=item, act="grant", seen=seen)
    held.refresh_from_db()
    assert held.fields == FIELDS[:1], "what was changed by hand stays"
    client.force_login(asked.provider.account)
    page = client.get(item.get_absolute_url()).text
    assert "原授权在申请提出后改过" in page
    assert page.count("提出时的授权") >= 1
    assert (
        "原授权在申请提出后改过"
        in client.get(reverse("sharing_requests:grant", args=[item.pk])).text
    )
    done = act_on(actor=asked.provider, item=item, act="grant", seen=mark_of(held))
    assert done.grant.per_day == 900


def test_a_corrected_change_is_measured_against_the_grant_as_it_was_then(asked, held, ask_change):
    item = ask_change(per_day=900)
    terms = grants.describe(held)
    del terms["kinds"], terms["minimum_group"]
    grants.change_grant(actor=asked.provider, item=held, **{**terms, "per_day": 700})
    act_on(actor=asked.bureau, item=item, act="return", remarks={"per_day": "请按现在的授权重提"})
    act_on(actor=asked.applicant, item=item, act="correct", values={"per_day": 800})
    act_on(actor=asked.bureau, item=item, act="forward")
    done = act_on(actor=asked.provider, item=item, act="grant")
    assert done.grant.per_day == 800
