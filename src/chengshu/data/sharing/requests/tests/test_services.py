"""Who may do what with requests, their clocks, what is granted, who is told."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from chengshu.data.sharing.choices import GrantState
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests import clock, reminders, selectors, statistics
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.content import GrantTerms, Wanted, proposed_terms
from chengshu.data.sharing.requests.models import AccessRequest, CartItem, RequestForm
from chengshu.data.sharing.requests.services.carts import add_to_cart
from chengshu.data.sharing.requests.services.moves import act_on, available
from chengshu.data.sharing.requests.services.policies import change_policy
from chengshu.data.sharing.requests.services.submission import submit
from chengshu.data.sharing.requests.tests.conftest import FIELDS, common
from chengshu.data.sharing.services import applications, grants, interfaces
from chengshu.data.sharing.tests.cast import Caller, dispatch_all, gateway
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.calendar.working_days import last_day, local_date, working_days_between
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chengshu.kernel.events.models import Event
from chengshu.kernel.notices.models import Notice, Receipt


def told(actor):
    """Titles of a person's notices, oldest first."""
    rows = Receipt.objects.filter(account=actor.account).order_by("pk")
    return list(rows.values_list("notice__title", flat=True))


def term(item):
    """The running term in working days."""
    return working_days_between(local_date(timezone.now()), last_day(item.due_at))


def test_one_form_over_a_cart_becomes_one_request_each_and_empties_the_cart(scene, free_interface):
    bound, free = scene.interface(), free_interface()
    for interface in (bound, free, bound):
        add_to_cart(actor=scene.asker, interface=interface)
    assert CartItem.objects.count() == 2
    sent = submit(
        actor=scene.asker, application=scene.application(), common=common(),
        wanted=[Wanted(interface=i, fields=FIELDS) for i in (bound, free)],
    )  # fmt: skip
    form = RequestForm.objects.get()
    assert [item.number for item in sent] == [f"{form.number}-1", f"{form.number}-2"]
    assert {item.sharing_type for item in sent} == {"conditional", "unconditional"}
    assert not CartItem.objects.exists()
    assert Event.objects.filter(type="city.access_request.submitted").count() == 2
    assert any("提交申请" in title for title in told(scene.city.admin))


def test_a_form_is_sent_whole_or_not_at_all(scene, free_interface):
    bound, free = scene.interface(), free_interface()
    application = scene.application()
    with pytest.raises(InvalidInput, match="查居民名册") as caught:
        submit(
            actor=scene.asker, application=application, common=common(),
            wanted=[Wanted(interface=bound, fields=FIELDS), Wanted(interface=free, fields=[])],
        )  # fmt: skip
    assert "fields" in caught.value.fields
    assert not AccessRequest.objects.exists()
    assert not Event.objects.filter(type__startswith="city.access_request").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purpose": " "}, "purpose"), ({"legal_basis": ""}, "legal_basis"),
        ({"business_item": "x" * 121}, "business_item"), ({"frequency": "often"}, "frequency"),
        ({"valid_until": None}, "valid_until"), ({"fields": []}, "fields"),
        ({"valid_until": timezone.now() - timedelta(days=1)}, "valid_until"),
        ({"fields": ["salary"]}, "fields"),
    ],
)  # fmt: skip
def test_an_incomplete_form_names_the_field(send, change, field):
    with pytest.raises(InvalidInput) as caught:
        send(**change)
    assert field in caught.value.fields


def test_what_the_gateway_could_not_enforce_is_refused_before_it_is_sent(send):
    with pytest.raises(InvalidInput, match=r"10\.0\.0\.0/33"):
        send(networks=["10.0.0.0/33"])


def test_nobody_asks_twice_or_for_what_is_granted_or_for_anothers_application(scene, send):
    interface, application = scene.interface(), scene.application()
    with pytest.raises(NotAllowed):
        send(interface, application=application, actor=scene.officer)
    first = send(interface, application=application)
    with pytest.raises(Conflict, match="已在办理中"):
        send(interface, application=application)
    act_on(actor=scene.asker, item=first, act="withdraw")
    scene.grant(application=application, interface=interface)
    with pytest.raises(Conflict, match="已有"):
        send(interface, application=application)


def test_an_unconditional_resource_is_granted_at_once_and_the_gateway_answers(
    scene, send, free_interface
):
    item = send(free_interface(), row_filter={"eq": ["community_code", "330383001000"]})
    done = act_on(actor=scene.city.admin, item=item, act="approve")
    made = done.grant
    assert (done.state, made.fields, made.per_day) == (State.GRANTED, FIELDS, 500)
    assert made.masks == {"name": proposed_terms(item).masks["name"]}
    assert made.valid_until == item.valid_until
    key, secret = applications.issue_key(actor=scene.asker, application=item.application)
    dispatch_all()
    caller = Caller(made, key, secret)
    with gateway(scene) as running:
        inside, outside = caller.ask(running, "R0"), caller.ask(running, "R1")
    assert inside.status == 200
    assert set(inside.json["data"]) == set(FIELDS)
    assert inside.json["data"]["name"] != "王小明"
    assert outside.status == 404
    assert any("当即开通" in title for title in told(scene.asker))


def test_a_conditional_resource_needs_the_provider_and_narrower_terms_hold(asked):
    assert "approve" not in {m.key for m in available(asked.bureau, asked.item)}
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    assert term(asked.fresh()) == 10
    assert any("转提供单位答复" in title for title in told(asked.provider))
    narrow = GrantTerms(
        fields=["resident_no"], masks={}, row_filter=None, per_minute=10, per_day=100,
        networks=["10.33.0.0/16"], valid_until=asked.item.valid_until,
    )  # fmt: skip
    wider = replace(narrow, kinds=["lookup", "export"])
    with pytest.raises(InvalidInput) as refused:
        act_on(actor=asked.provider, item=asked.fresh(), act="grant", terms=wider)
    assert "申请的调用方式只有" in refused.value.fields["kinds"]
    done = act_on(actor=asked.provider, item=asked.fresh(), act="grant", terms=narrow)
    made = Grant.objects.get()
    assert (made.fields, made.per_day, made.networks) == (
        ["resident_no"], 100, ["10.33.0.0/16"],
    )  # fmt: skip
    assert (done.grant, done.due_at) == (made, None)
    actions = list(AuditRecord.objects.order_by("-seq").values_list("action", flat=True)[:2])
    assert actions == ["access_request.grant", "sharing.granted"]
    with pytest.raises(Conflict):
        act_on(actor=asked.provider, item=asked.fresh(), act="grant")
    assert Grant.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fields": [*FIELDS, "mobile"]}, "fields"), ({"valid_until": None}, "valid_until"),
        ({"per_day": None}, "per_day"), ({"row_filter": None}, "row_filter"),
    ],
)  # fmt: skip
def test_a_grant_is_never_wider_than_what_was_asked(scene, send, change, field):
    item = send(row_filter={"eq": ["community_code", "330383001000"]})
    act_on(actor=scene.city.admin, item=item, act="forward")
    with pytest.raises(InvalidInput) as caught:
        act_on(
            actor=scene.officer, item=item, act="grant",
            terms=replace(proposed_terms(item), **change),
        )  # fmt: skip
    assert set(caught.value.fields) == {field}
    assert not Grant.objects.exists()


def test_a_grant_that_cannot_be_written_leaves_the_request_as_it_was(asked):
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    interfaces.set_online(
        actor=asked.provider, interface=asked.item.interface, online=False, reason="口径核对"
    )
    before = asked.fresh()
    with pytest.raises(Conflict, match="没有上线"):
        act_on(actor=asked.provider, item=before, act="grant")
    after = asked.fresh()
    assert (after.state, after.version) == (State.ANSWER, before.version)
    consented = act_on(actor=asked.provider, item=after, act="consent")
    assert term(consented) == 20
    interfaces.set_online(
        actor=asked.provider, interface=asked.item.interface, online=True, reason=""
    )
    assert act_on(actor=asked.provider, item=consented, act="grant").state == State.GRANTED


def test_each_side_does_its_own_acts_only(asked):
    city = asked.scene.city
    for who in (asked.provider, asked.applicant, city.leader, city.nobody):
        for act in ("forward", "return", "reject"):
            with pytest.raises(NotAllowed):
                act_on(actor=who, item=asked.item, act=act, reason="不行", remarks={"purpose": "x"})
    for who in (asked.provider, city.leader, city.nobody):
        with pytest.raises(NotAllowed):
            act_on(actor=who, item=asked.item, act="withdraw")
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    for who in (asked.applicant, city.leader, city.nobody):
        with pytest.raises(NotAllowed):
            act_on(actor=who, item=asked.item, act="refuse", reason="不行")
    with pytest.raises(NotAllowed, match="合规审核人"):
        act_on(actor=asked.bureau, item=asked.item, act="grant")
    assert not Grant.objects.exists()


def test_nobody_reviews_an_own_request(scene, send):
    item = send(actor=scene.city.admin)
    with pytest.raises(NotAllowed, match="自己提交"):
        act_on(actor=scene.city.admin, item=item, act="forward")
    assert act_on(actor=scene.city.second_admin, item=item, act="forward").state == State.ANSWER


def test_a_correction_changes_the_named_fields_only_and_the_clock_stands_still(asked):
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    with pytest.raises(InvalidInput):
        act_on(actor=asked.provider, item=asked.item, act="ask", remarks={"purpose": "  "})
    act_on(actor=asked.provider, item=asked.item, act="ask", remarks={"legal_basis": "写明条款"})
    item = asked.fresh()
    assert (item.state, term(item)) == (State.CORRECTION, 5)
    assert "退回补正" in told(asked.applicant)[-1]
    with pytest.raises(InvalidInput, match="没有要求补正"):
        act_on(actor=asked.applicant, item=item, act="correct",
               values={"legal_basis": "第五条", "fields": ["resident_no"]})  # fmt: skip
    with pytest.raises(InvalidInput, match="还没有改动"):
        act_on(actor=asked.applicant, item=item, act="correct", values={})
    later = timezone.now() + timedelta(days=14)
    with patch("django.utils.timezone.now", return_value=later):
        done = act_on(
            actor=asked.applicant, item=item, act="correct",
            values={"legal_basis": "《政务数据共享条例》第五条"},
        )  # fmt: skip
        assert (done.state, done.correction) == (State.ANSWER, {})
        left = working_days_between(local_date(later), last_day(done.due_at))
    assert left == 10, "the provider's ten days were not used up by the applicant's fortnight"


def test_a_refusal_is_negotiated_then_decided_by_somebody_else(asked):
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    with pytest.raises(InvalidInput, match="理由"):
        act_on(actor=asked.provider, item=asked.item, act="refuse")
    item = act_on(actor=asked.provider, item=asked.item, act="refuse", reason="不属于本事项需要")
    with pytest.raises(Conflict):
        act_on(actor=asked.applicant, item=item, act="dispute", reason="要用")
    item = act_on(actor=asked.applicant, item=item, act="negotiate", reason="条例第五条写明")
    assert term(item) == 10
    item = act_on(actor=asked.provider, item=item, act="refuse", reason="仍不同意")
    with pytest.raises(Conflict):
        act_on(actor=asked.applicant, item=item, act="negotiate", reason="再谈")
    item = act_on(actor=asked.applicant, item=item, act="dispute", reason="请裁决")
    item = act_on(actor=asked.bureau, item=item, act="uphold", reason="属于法定职责")
    assert (item.state, item.refusal, term(item)) == (State.DELIVERY, "", 20)
    assert act_on(actor=asked.provider, item=item, act="grant").grant is not None


def test_the_bureaus_own_refusal_goes_to_another_judge_and_then_to_the_provider(asked):
    item = act_on(actor=asked.bureau, item=asked.item, act="reject", reason="用途不具体")
    item = act_on(actor=asked.applicant, item=item, act="dispute", reason="用途已写明")
    with pytest.raises(NotAllowed, match="自己作出"):
        act_on(actor=asked.bureau, item=item, act="dismiss", reason="维持")
    with pytest.raises(Conflict):
        act_on(actor=asked.judge, item=item, act="uphold", reason="没有问过提供单位")
    assert (
        act_on(actor=asked.judge, item=item, act="overturn", reason="用途清楚").state
        == State.ANSWER
    )


def test_somebody_was_faster(asked):
    seen = asked.item.version
    act_on(actor=asked.bureau, item=asked.item, act="forward", version=seen)
    with pytest.raises(Conflict, match="别人处理过"):
        act_on(actor=asked.judge, item=asked.item, act="reject", reason="不行", version=seen)


def test_reminders_come_before_the_end_and_after_it_to_the_bureau_too_once_a_day(asked):
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    Receipt.objects.all().delete()
    Notice.objects.all().delete()
    due = asked.fresh().due_at
    assert reminders.run(due - timedelta(hours=12))["reminded"] == 1
    assert any("今天到期" in title for title in told(asked.provider))
    late = due + timedelta(days=7, hours=9)
    assert reminders.run(late)["late"] == 1
    assert any("已超期" in title for title in told(asked.provider))
    assert any("已超期" in title for title in told(asked.bureau))
    count = Receipt.objects.count()
    reminders.run(late)
    assert Receipt.objects.count() == count
    assert asked.item.history.filter(action="late").count() == 1


def test_the_board_counts_what_is_late_and_how_long_steps_took(asked):
    with patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(days=30)):
        act_on(actor=asked.bureau, item=asked.item, act="forward")
        review, *_ = statistics.stages()
        assert (review.left, review.on_time) == (1, 0.0)
        assert review.days is not None
        assert review.days > 2
    AccessRequest.objects.update(due_at=timezone.now() - timedelta(days=1))
    assert selectors.count_overdue() == 1
    (provider,) = statistics.providers(AccessRequest.objects.all())
    assert (provider.waiting, provider.overdue) == (1, 1)


def test_terms_are_changed_with_a_basis_and_count_from_the_next_step_on(asked):
    with pytest.raises(NotAllowed):
        change_policy(actor=asked.provider, reason="想快点", answer_days=5)
    with pytest.raises(InvalidInput):
        change_policy(actor=asked.bureau, reason="", answer_days=5)
    with pytest.raises(InvalidInput):
        change_policy(actor=asked.bureau, reason="太长", answer_days=100)
    change_policy(actor=asked.bureau, reason="市政府办公室通知", answer_days=5, review_days=1)
    assert clock.policy().answer_days == 5
    assert term(asked.fresh()) == 2
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    assert term(asked.fresh()) == 5


def test_what_others_may_not_see_is_not_found(asked):
    city = asked.scene.city
    for who in (asked.applicant, asked.provider, asked.bureau, city.leader):
        assert selectors.request(who, asked.item.pk) == asked.item
    with pytest.raises(NotFound):
        selectors.request(city.nobody, asked.item.pk)
    assert list(selectors.own(asked.provider)) == []
    assert selectors.waiting_for(asked.bureau) == 1
    assert selectors.waiting_for(asked.provider) == 0
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    assert selectors.waiting_for(asked.provider) == 1


def test_a_revoked_grant_may_be_asked_for_again(asked, send):
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    made = act_on(actor=asked.provider, item=asked.item, act="grant").grant
    grants.set_state(actor=asked.provider, item=made, state=GrantState.REVOKED, reason="到期")
    again = send(asked.item.interface, application=asked.item.application)
    assert again.state == State.REVIEW
