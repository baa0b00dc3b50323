"""A citizen sees who looked up his or her records, nobody else's, and gets an answer to a question about it."""

from datetime import timedelta
from unittest import mock

import pytest
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import exporting
from chengshu.data.sharing.tests.cast import dispatch_all, gateway
from chengshu.data.sharing.uses import index, selectors, services
from chengshu.data.sharing.uses.models import RecordUse, UseObjection
from chengshu.data.tickets.facade import act_on, submit
from chengshu.data.tickets.services import rechecks
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.notices.models import Receipt

# The scene's records are asked for by a number of their own; it stands for the identity number here.
MINE, OTHERS = "R1", "R2"
LONG_AGO = timedelta(days=365)


@pytest.fixture
def asked(scene):
    """One look-up of mine, one of another person, a batch with both, a check, and calls that told nothing."""
    caller = scene.shared(kinds=["lookup", "batch", "verify"])
    with gateway(scene) as running:
        caller.ask(running, MINE)
        caller.ask(running, OTHERS)
        caller.post(running, "batch", {"keys": [MINE, OTHERS, "nobody"]})
        caller.post(running, "verify", {"key": MINE, "values": {"name": "王小明"}})
        caller.ask(running, MINE, "fields=family")  # refused: the field is not granted
        caller.ask(running, "nobody")
    return caller


def summary(account):
    return selectors.summary(account, timezone.now() - LONG_AGO)


def uses(account):
    return selectors.single_uses(
        account, application="grid-app", interface="resident-by-no",
        since=timezone.now() - LONG_AGO,
    )[0]  # fmt: skip


def test_every_way_of_asking_is_in_the_list_of_whoever_was_asked_about_and_refusals_are_not(
    scene, citizen, asked
):
    assert index.collect() == 6
    assert index.collect() == 0
    mine, other = citizen("mine", MINE), citizen("other", OTHERS)
    (group,) = summary(mine).groups
    assert (group.calls, group.unit, group.application_name) == (
        3,
        scene.city.market.name,
        "网格移动端",
    )
    assert [(u.kind, u.found) for u in uses(mine)] == [
        ("verify", None), ("batch", None), ("lookup", True),
    ]  # fmt: skip
    assert {u.purpose for u in uses(mine)} == {"入户走访"}
    assert uses(mine)[-1].fields == ["居民编号", "姓名", "身份证号", "联系电话", "社区代码"]
    assert summary(other).calls == 2
    assert summary(citizen("unasked", "R39")).calls == 0
    assert MINE not in {value for row in RecordUse.objects.values_list() for value in row}


def test_a_fetched_file_names_nobody_and_the_calls_after_it_are_read(scene):
    caller = scene.shared(kinds=["lookup", "export", "changes"])
    with gateway(scene) as running:
        export = caller.post(running, "export", {"format": "csv"}).json["data"]["export"]
        exporting.answer_all()
        part = caller.post(running, "export-part", {"export": export, "offset": 0})
        assert part.status == 200
        caller.ask(running, MINE)
    assert index.collect() == 3
    assert list(RecordUse.objects.values_list("profile__kind", flat=True)) == ["lookup"]


def test_a_killed_run_leaves_nothing_twice_and_nothing_out(asked):
    with (
        mock.patch.object(index.CallCursor, "save", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        index.collect()
    assert RecordUse.objects.count() == 0
    assert [index.collect(limit=4), index.collect(limit=4), index.collect(limit=4)] == [4, 2, 0]
    assert RecordUse.objects.count() == 7


def test_the_list_is_the_sessions_own_whatever_the_address_says_and_looking_is_on_record(
    citizen, asked, client_for, client
):
    index.collect()
    page = reverse("citizen:data-uses")
    assert client.get(page).status_code == 302
    nobody = client_for(citizen("someone", "R39"))
    for trick in ({"id_number": MINE}, {"account": "1", "person": "1"}, {"key_hash": "0" * 32}):
        assert "没有人查过您" in nobody.get(page, trick).content.decode()
    pair = {"application": "grid-app", "interface": "resident-by-no"}
    assert nobody.get(reverse("citizen:data-uses-single"), pair).status_code == 404
    assert (
        nobody.post(reverse("citizen:data-uses-ask"), {"words": "不是我办的事"}).status_code == 404
    )

    mine = client_for(citizen("mine", MINE))
    text = mine.get(page).content.decode()
    assert "1 家单位查过您 3 次" in text
    text = mine.get(reverse("citizen:data-uses-single"), pair).content.decode()
    assert "为了：入户走访" in text
    assert MINE not in text
    seen = AuditRecord.objects.filter(action="sharing_uses.viewed", actor_id="mine")
    assert [row.after["application"] for row in seen.order_by("seq")] == ["", "grid-app"]


def test_an_account_without_identity_is_told_so(citizen, client_for):
    text = client_for(citizen("bare", "")).get(reverse("citizen:data-uses")).content.decode()
    assert "账号还没有实名" in text


def test_a_question_goes_to_the_data_bureau_with_a_clock_and_comes_back_answered(
    scene, citizen, asked, client_for
):
    index.collect()
    mine = citizen("mine", MINE)
    client = client_for(mine)
    url = reverse("citizen:data-uses-ask") + "?application=grid-app&interface=resident-by-no"
    assert "10 个工作日内" in client.get(url).content.decode()
    text = client.post(url, {"words": "我那天没有办过事"}, follow=True).content.decode()
    assert "正在核实" in text
    assert "我那天没有办过事" in text
    item = UseObjection.objects.get()
    ticket = item.ticket
    assert (ticket.department, ticket.term_days) == (scene.city.admin.account.organization, 10)
    assert "章群众" not in f"{ticket.title}{ticket.evidence}"
    assert "已经提过" in client.post(url, {"words": "我再问一次"}).content.decode()

    shown = client_for(scene.city.admin.account).get(ticket.get_absolute_url()).content.decode()
    assert "入户走访" in shown
    assert "给群众的答复" in shown
    assert "行不符合规则" not in shown
    bureau = scene.city.admin
    ticket = act_on(actor=bureau, ticket=ticket, act="claim")
    ticket, _job = submit(actor=bureau, ticket=ticket)
    assert rechecks.run(ticket).remaining == 1  # nothing was said to the person yet
    ticket.refresh_from_db()
    ticket, _job = submit(actor=bureau, ticket=ticket, reason="是社区入户走访时查的，经办人已核实")
    rechecks.run(ticket)
    dispatch_all()
    assert "是社区入户走访时查的" in client.get(reverse("citizen:data-uses")).content.decode()
    assert Receipt.objects.filter(account=mine).count() == 1


def test_one_cannot_ask_about_what_is_not_in_ones_list_nor_without_words(actor_for, citizen, asked):
    index.collect()
    me = actor_for(citizen("me", MINE))
    pair = {"application": "grid-app", "interface": "resident-by-no"}
    with pytest.raises(NotFound):
        services.ask_why(actor=actor_for(citizen("no", "R39")), words="为什么查我", **pair)
    with pytest.raises(InvalidInput):
        services.ask_why(actor=me, words=" 为何 ", **pair)
    services.ask_why(actor=me, words="为什么查我", **pair)
    with pytest.raises(Conflict):
        services.ask_why(actor=me, words="为什么查我", **pair)
