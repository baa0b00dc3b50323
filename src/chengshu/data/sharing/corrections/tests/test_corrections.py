"""A wrong value is reported, corrected at its source or not, and whoever received it can fetch it again."""

import json

import pytest
from django.urls import reverse

from chengshu.data.sharing.corrections import receivers
from chengshu.data.sharing.corrections.models import Correction, Informed, Outcome
from chengshu.data.sharing.services.interfaces import request_snapshot
from chengshu.data.sharing.tests.cast import build, collect_rows, dispatch_all, gateway, rows
from chengshu.data.sharing.tests.test_sources import registered
from chengshu.data.sharing.uses import index
from chengshu.data.tickets.facade import act_on
from chengshu.data.tickets.services import rechecks
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import InvalidInput, NotAllowed, NotFound
from chengshu.kernel.events.models import Event
from chengshu.kernel.notices.models import Notice

RIGHT = "15400000000"


def recollect(received, **changed):
    """The source delivers R1 again, with some values changed."""
    row = rows(2)[1] | changed
    collect_rows(received.scene.resource, [row])


def test_a_corrected_value_is_told_to_all_who_received_it_once_they_can_fetch_it(received):
    registered(received.scene)  # an interface of the same resource without a copy holds nothing up
    item = received.report()
    ticket = item.ticket
    assert (ticket.department, ticket.term_days, ticket.column) == (
        received.scene.city.hr, 10, "mobile",
    )  # fmt: skip
    assert RIGHT not in f"{ticket.title}{ticket.evidence}"
    assert rechecks.run(ticket).remaining is None  # the source still says what it said
    recollect(received, mobile=RIGHT)
    assert rechecks.run(ticket).remaining == 0
    dispatch_all()
    item.refresh_from_db()
    assert (item.outcome, item.informed_at) == (Outcome.CORRECTED, None)
    assert not Informed.objects.exists()  # the interface still answers with the old number

    request_snapshot(actor=platform(), interface=received.interface, key="again")
    build(received.interface)
    dispatch_all()
    item.refresh_from_db()
    assert item.informed_at is not None
    told = {row.application.code: row.uses for row in Informed.objects.all()}
    assert told == {"grid-app": 1, "hr-app": 1}  # not for the call that asked for the name alone
    assert Notice.objects.filter(title__startswith="您查过的一条记录已更正").count() == 2
    events = Event.objects.filter(type="city.sharing_corrections.informed")
    assert {e.data["application"] for e in events} == {"grid-app", "hr-app"}
    assert "R1" not in "".join(json.dumps(e.data) for e in events)
    with gateway(received.scene) as running:
        assert received.caller.ask(running, "R1").json["data"]["mobile"].endswith("0000")


def test_a_check_of_the_source_that_ends_without_correction_is_told_to_the_reporter_alone(received):
    item = received.report()
    ticket = act_on(
        actor=received.scene.officer, ticket=item.ticket, act="contest", reason="与本人核对无误"
    )
    act_on(actor=received.scene.city.admin, ticket=ticket, act="uphold", reason="号码是本人的")
    dispatch_all()
    item.refresh_from_db()
    assert (item.outcome, item.answer) == (Outcome.REJECTED, "号码是本人的")
    assert not Informed.objects.exists()
    again = received.report(evidence="当事人又出示了营业厅的单据")
    assert again.ticket_id != item.ticket_id
    assert again.ticket.is_open


def test_two_reports_of_one_value_are_one_ticket_and_tell_everybody_once(received):
    first, second = received.report(), received.report(right="15400000001")
    assert first.ticket_id == second.ticket_id
    recollect(received, mobile=RIGHT)
    request_snapshot(actor=platform(), interface=received.interface, key="again")
    build(received.interface)
    rechecks.run(first.ticket)
    dispatch_all()
    assert set(Correction.objects.values_list("outcome", flat=True)) == {Outcome.CORRECTED}
    assert Informed.objects.count() == 2


def test_receivers_through_another_key_of_the_same_resource_are_found(received):
    """The record is asked for by another column through a second interface: another hash in the trail."""
    item = received.report()
    collect_rows(received.scene.resource, [rows(2)[1] | {"id_number": "390383199001010038"},
                                           *[r | {"id_number": f"3903831990010{n:05d}"} for n, r in
                                             enumerate(rows(40)) if n != 1]])  # fmt: skip
    second = received.scene.interface(
        "resident-by-id", key_column="id_number", title="按身份证号查"
    )
    ways = dict(receivers.ways_to(item))
    assert set(ways) == {"resident-by-no", second.code}
    assert ways["resident-by-no"] != ways[second.code]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"key": "R7"}, "key"),  # never received
        ({"key": "nobody"}, "key"),  # asked for, not found
        ({"column": "born_on"}, "column"),  # not granted
        ({"right": " "}, "right"), ({"evidence": "错"}, "evidence"), ({"wrong": "1" * 201}, "wrong"),
    ],
)  # fmt: skip
def test_only_a_received_value_can_be_reported_with_a_reason(received, changed, field):
    with pytest.raises(InvalidInput) as refused:
        received.report(**changed)
    assert list(refused.value.fields) == [field]
    assert not Correction.objects.exists()


def test_a_report_tells_nothing_about_the_sources_value(received):
    """Whether the guess is right or wrong, everything answers the same: a masked value cannot be tried out."""
    right, wrong = received.report(right="15412345678"), received.report(right="15499999999")
    assert rechecks.run(right.ticket).remaining is None
    assert {right.outcome, wrong.outcome} == {Outcome.OPEN}
    with pytest.raises(NotAllowed):
        received.report(actor=received.scene.city.nobody)


def test_pages_and_api_show_the_report_and_its_values_only_to_those_concerned(received, client_for):
    asker = client_for(received.scene.asker.account)
    url = reverse("sharing_corrections:new", args=[received.interface.code])
    assert url in asker.get(reverse("sharing:interface", args=["resident-by-no"])).content.decode()
    form = asker.get(url).content.decode()
    assert "居民编号" in form
    assert "出生日期" not in form
    sent = {
        "application": received.application.pk, "key": "R1", "column": "mobile", "right": RIGHT,
        "evidence": "当事人出示的本人手机",
    }  # fmt: skip
    assert "没有通过这个接口查到过" in asker.post(url, sent | {"key": "R9"}).content.decode()
    page = asker.post(url, sent, follow=True).content.decode()
    assert "正在查证" in page
    assert RIGHT not in page
    item = Correction.objects.get()
    values = reverse("sharing_corrections:values", args=[item.pk])
    assert RIGHT in asker.post(values).content.decode()
    officer = client_for(received.scene.officer.account)
    assert RIGHT in officer.post(values).content.decode()
    assert RIGHT not in officer.get(item.ticket.get_absolute_url()).content.decode()
    assert client_for(received.scene.city.leader.account).post(values).status_code == 403
    assert AuditRecord.objects.filter(action="sharing_corrections.revealed").count() == 2
    listed = asker.get(reverse("sharing_corrections:corrections")).content.decode()
    assert item.get_absolute_url() in listed

    body = {"application": "grid-app", "interface": "resident-by-no", "key": "R2",
            "column": "name", "right": "王晓明", "evidence": "户口簿登记的姓名"}  # fmt: skip
    api = "/api/v1/corrections/corrections"
    made = asker.post(api, json.dumps(body), content_type="application/json")
    assert (made.status_code, made.json()["outcome"]) == (200, "open")
    refused = asker.post(api, json.dumps(body | {"key": "R9"}), content_type="application/json")
    assert refused.status_code == 422
    assert len(asker.get(api).json()) == 2
    assert asker.get(f"{api}/{item.pk}").json()["ticket"] == item.ticket.number
    assert client_for(received.scene.city.nobody.account).get(api).status_code == 403


def test_a_told_application_is_shown_as_having_fetched_again_only_when_it_has(received, client_for):
    item = received.report()
    recollect(received, mobile=RIGHT)
    request_snapshot(actor=platform(), interface=received.interface, key="again")
    build(received.interface)
    rechecks.run(item.ticket)
    dispatch_all()
    page = item.get_absolute_url()
    asker = client_for(received.scene.asker.account)
    assert asker.get(page).content.decode().count("还没有重新查询") == 2
    with gateway(received.scene) as running:
        received.other.ask(running, "R1")
    index.collect()
    assert asker.get(page).content.decode().count("还没有重新查询") == 1


def test_another_departments_report_is_not_there(received):
    from chengshu.data.sharing.corrections import selectors

    item = received.report()
    assert selectors.correction(received.scene.officer, item.pk) == item
    with pytest.raises(NotFound):
        selectors.correction(received.scene.city.nobody, item.pk)
