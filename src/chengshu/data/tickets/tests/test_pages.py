"""Pages and API of tickets: what each person sees and can do, refusals beside the field, constant query counts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.change.consumers import PROVIDERS
from chengshu.data.catalog.facade import Consumer
from chengshu.data.catalog.models import Resource
from chengshu.data.tickets.choices import State
from chengshu.data.tickets.facade import RecheckResult, Ticket, report_recheck
from chengshu.data.tickets.services import notes
from chengshu.data.tickets.services.moves import act_on
from chengshu.data.tickets.tests.conftest import Judge
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job

pytestmark = pytest.mark.django_db
Open = Callable[..., Ticket]
SignIn = Callable[[Account], Client]


def text(answer: Any) -> str:
    return answer.content.decode()


def do(client: Client, ticket: Ticket, act: str, **values: Any) -> Any:
    ticket.refresh_from_db()
    data = {f"{act}-version": ticket.version} | {f"{act}-{k}": v for k, v in values.items()}
    return client.post(reverse("tickets:act", args=[ticket.pk, act]), data, follow=True)


def test_the_list_shows_what_is_in_scope_and_keeps_its_filters_in_the_address(
    opened: Open, cast: Cast, client_for: SignIn
) -> None:
    opened()
    page = text(client_for(cast.officer_a).get(reverse("tickets:tickets")))
    assert "身份证号校验位不对" in page
    assert "工作日" in page
    page = text(client_for(cast.officer_a).get(reverse("tickets:tickets") + "?standing=closed"))
    assert "没有符合条件的记录" in page
    page = text(client_for(cast.officer_a).get(reverse("tickets:tickets") + "?standing=mine"))
    assert "身份证号校验位不对" in page
    assert "还没有问题工单" in text(client_for(cast.officer_b).get(reverse("tickets:tickets")))


def test_the_list_costs_the_same_for_many(
    opened: Open, cast: Cast, client_for: SignIn, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        opened(f"k{number}")
    client = client_for(cast.admin)
    client.get(reverse("tickets:tickets"))
    with django_assert_max_num_queries(24):
        client.get(reverse("tickets:tickets"))
    with django_assert_max_num_queries(24):
        client.get(reverse("tickets:board"))


def test_an_officer_signs_mends_and_asks_for_the_check(
    opened: Open, cast: Cast, client_for: SignIn, judge: Judge
) -> None:
    ticket = opened()
    client = client_for(cast.officer_a)
    page = text(client.get(ticket.get_absolute_url()))
    for words in ("末位要与前 17 位相符", "与原件一致的号码", "签收", "提出异议"):
        assert words in page
    assert "人工关闭" not in page
    assert "处理中" in text(do(client, ticket, "claim"))
    page = text(do(client, ticket, "submit", reason="已改"))
    assert "已提交复检" in page
    assert "正在复检" in page
    assert Job.objects.filter(kind="tickets.recheck").count() == 1
    assert judge.asked == []


def test_the_page_says_who_else_is_affected(
    opened: Open, cast: Cast, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provider(_resource_id: int) -> list[Consumer]:
        return [
            Consumer(kind="grant", name="养老补贴核发", organization=cast.department_b),
            Consumer(kind="grant", name="只用姓名的", organization=None, fields=("full_name",)),
        ]

    monkeypatch.setitem(PROVIDERS, "test", provider)
    page = text(client_for(cast.officer_a).get(opened().get_absolute_url()))
    assert "养老补贴核发" in page
    assert "只用姓名的" not in page


def test_a_missing_reason_shows_beside_the_field_and_nothing_changes(
    opened: Open, cast: Cast, client_for: SignIn
) -> None:
    ticket = opened()
    client = client_for(cast.officer_a)
    answer = do(client, ticket, "contest", reason="")
    assert answer.status_code == 422
    assert 'aria-describedby="actform_contest-reason_error"' in text(answer)
    ticket.refresh_from_db()
    assert ticket.state == State.PENDING


def test_somebody_was_faster(opened: Open, cast: Cast, client_for: SignIn, officer: Actor) -> None:
    ticket = opened()
    seen = ticket.version
    act_on(actor=officer, ticket=ticket, act="claim")
    answer = client_for(cast.admin).post(
        reverse("tickets:act", args=[ticket.pk, "withdraw"]),
        {"withdraw-version": seen, "withdraw-reason": "不用了"},
    )
    assert answer.status_code == 409


def test_an_objection_with_a_file_is_decided_by_the_bureau(
    opened: Open, cast: Cast, client_for: SignIn
) -> None:
    ticket = opened()
    client, admin = client_for(cast.officer_a), client_for(cast.admin)
    file = SimpleUploadedFile("证明.pdf", b"%PDF-1.4")
    do(client, ticket, "contest", reason="外国人证件号", attached=file)
    page = text(admin.get(ticket.get_absolute_url()))
    assert "证明.pdf" in page
    assert "异议成立" in page
    stored = ticket.history.get(action="contest").files.get()
    link = reverse("tickets:file", args=[ticket.pk, stored.pk])
    assert b"".join(admin.get(link)) == b"%PDF-1.4"
    assert client_for(cast.officer_b).get(link).status_code == 404
    assert "无效" in text(do(admin, ticket, "uphold", reason="确实不是问题"))


def test_remarks_supervision_and_more_time(opened: Open, cast: Cast, client_for: SignIn) -> None:
    ticket = opened()
    client, admin = client_for(cast.officer_a), client_for(cast.admin)
    do(client, ticket, "claim")
    url = reverse("tickets:comment", args=[ticket.pk])
    assert client.post(url, {"reason": ""}).status_code == 422
    assert "正在核对" in text(client.post(url, {"reason": "正在核对"}, follow=True))
    supervise = reverse("tickets:supervise", args=[ticket.pk])
    assert client.post(supervise, {"reason": "快点"}).status_code == 403
    assert "督办" in text(admin.post(supervise, {"reason": "三天办结"}, follow=True))
    asked = {"days": 4, "reason": "逐户核实"}
    client.post(reverse("tickets:extension", args=[ticket.pk]), asked)
    wish = ticket.extensions.get()
    refuse = reverse("tickets:decide-extension", args=[ticket.pk, wish.pk, "refuse"])
    assert admin.post(refuse, {"answer": ""}).status_code == 422
    agree = reverse("tickets:decide-extension", args=[ticket.pk, wish.pk, "agree"])
    assert "已同意延期" in text(admin.post(agree, {"answer": ""}, follow=True))


def test_many_are_assigned_at_once(opened: Open, cast: Cast, client_for: SignIn) -> None:
    chosen = [opened("a").pk, opened("b").pk]
    admin = client_for(cast.admin)
    url = reverse("tickets:bulk-assign")
    page = text(admin.post(url, {"selected": chosen}))
    assert "指派 2 个工单" in page
    assert cast.officer_a.display_name in page
    assert cast.officer_b.display_name not in page
    admin.post(url, {"selected": chosen, "owner": cast.officer_a.pk, "reason": ""})
    assert set(Ticket.objects.values_list("owner", "state")) == {(cast.officer_a.pk, "working")}
    opened("c")
    client = client_for(cast.officer_a)
    client.post(reverse("tickets:bulk-claim"), {"selected": list(chosen)})
    assert "没有处理" in text(client.get(reverse("tickets:tickets")))


def test_the_phone_has_what_waits_and_the_same_acts(
    opened: Open, cast: Cast, client_for: SignIn
) -> None:
    ticket = opened()
    client = client_for(cast.officer_a)
    assert ticket.title in text(client.get(reverse("tickets:phone")))
    assert "签收" in text(client.get(reverse("tickets:phone-ticket", args=[ticket.pk])))
    data = {"claim-version": ticket.version, "on_phone": "1"}
    answer = client.post(reverse("tickets:act", args=[ticket.pk, "claim"]), data)
    assert answer["Location"] == reverse("tickets:phone-ticket", args=[ticket.pk])
    assert "没有等您处理的工单" in text(client_for(cast.officer_b).get(reverse("tickets:phone")))


def test_the_board_counts_from_records(
    opened: Open, cast: Cast, client_for: SignIn, officer: Actor
) -> None:
    client = client_for(cast.leader)
    assert "还没有工单" in text(client.get(reverse("tickets:board")))
    act_on(actor=officer, ticket=opened("a"), act="claim")
    done = opened("b")
    report_recheck(actor=platform(), ticket=done, result=RecheckResult(remaining=0))
    Ticket.objects.filter(key="a").update(
        due_at=timezone.now() - timedelta(days=1), escalation="leaders"
    )
    page = text(client.get(reverse("tickets:board")))
    assert "报市领导清单" in page
    assert "身份证号校验位不对" in page
    assert "100" in page


def test_the_terms_page_says_what_they_rest_on(cast: Cast, client_for: SignIn) -> None:
    client = client_for(cast.admin)
    url = reverse("tickets:policy")
    assert "第 809 号" in text(client.get(url))
    values = {
        "problem_days": 3, "objection_days": 10, "dispatch_days": 2, "remind_days": 1,
        "bureau_after": 2, "leaders_after": 1, "longest_suspension": 20, "reopen_days": 30,
        "reason": "市通知",
    }  # fmt: skip
    assert client.post(url, values).status_code == 422
    assert "时限已修改" in text(client.post(url, values | {"leaders_after": 4}, follow=True))
    assert client_for(cast.officer_a).get(url).status_code == 403


def test_the_entry_s_page_lists_its_tickets(
    opened: Open, cast: Cast, client_for: SignIn, resource: Resource
) -> None:
    ticket = opened()
    client = client_for(cast.admin)
    url = reverse("catalog:resource", args=[resource.pk])
    assert ticket.title in text(client.get(f"{url}?tab=usage")) + text(client.get(f"{url}usage/"))


def test_an_export_is_audited_and_watermarked(opened: Open, cast: Cast, client_for: SignIn) -> None:
    opened()
    answer = client_for(cast.admin).get(reverse("tickets:tickets") + "?export=csv")
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "身份证号校验位不对" in body
    assert "陈管理" in body


def test_the_api_lists_shows_and_acts(opened: Open, cast: Cast, client_for: SignIn) -> None:
    ticket = opened()
    client = client_for(cast.officer_a)
    root = "/api/v1/tickets/tickets"
    assert client.get(f"{root}?standing=mine").json()["results"][0]["number"] == ticket.number
    assert client.get(f"{root}?standing=nonsense").status_code == 422
    assert client_for(cast.officer_b).get(f"{root}/{ticket.pk}").status_code == 404
    found = client.get(f"{root}/{ticket.pk}").json()
    assert found["acts"][0] == "claim"

    def post(path: str, **body: object) -> Any:
        return client.post(f"{root}/{ticket.pk}/{path}", body, content_type="application/json")

    assert post("acts/claim", version=found["version"]).json()["state"] == "working"
    assert post("acts/claim", version=found["version"]).status_code == 409
    assert post("acts/uphold", reason="我说了算").status_code == 403
    assert post("acts/submit").json()["state"] == "checking"
    assert post("comments", text="已改").json()["history"][0]["reason"] == "已改"


def test_an_attachment_too_many_is_refused(opened: Open, officer: Actor) -> None:
    ticket = opened()
    many = [notes.Attachment(f"{n}.pdf", [b"x"]) for n in range(6)]
    with pytest.raises(Exception, match="最多附 5 个"):
        notes.keep_files(actor=officer, ticket=ticket, attachments=many)
