"""The pages, for the applicant, the data bureau, the provider, and who must be refused."""

import re
from datetime import timedelta
from urllib.parse import urljoin

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.models import AccessRequest, CartItem
from chengshu.data.sharing.requests.services.carts import add_to_cart
from chengshu.data.sharing.requests.services.moves import act_on
from chengshu.kernel.identity.models import Organization


@pytest.fixture
def browse(client):
    """Sign in as somebody of the cast."""

    def as_(actor):
        client.force_login(actor.account)
        return client

    return as_


def text(response, status=200):
    assert response.status_code == status, response.content.decode()[:3000]
    return response.content.decode()


def url(name, *args):
    return reverse(f"sharing_requests:{name}", args=args)


def do(client, item, act, reason=""):
    """One act from the request's page."""
    item.refresh_from_db()
    data = {f"{act}-version": item.version, f"{act}-reason": reason}
    return client.post(url("act", item.pk, act), data, follow=True)


def filled(*interfaces, application, **changes):
    """The form as a browser sends it."""
    until = timezone.localdate() + timedelta(days=200)
    data = {
        "application": application.pk, "purpose": "入户走访核对", "legal_basis": "条例第五条",
        "business_item": "网格走访", "frequency": "daily", "per_day": "500", "networks": "",
        "valid_on": until.isoformat(),
    }  # fmt: skip
    for interface in interfaces:
        data |= {
            f"i{interface.pk}-fields": ["resident_no", "name"], f"i{interface.pk}-kinds": ["lookup"],
            f"i{interface.pk}-row_field": "community_code",
            f"i{interface.pk}-row_operator": "prefix", f"i{interface.pk}-row_value": "330383001",
        }  # fmt: skip
    return data | changes


def test_from_the_shelf_through_the_cart_to_two_requests(scene, browse, free_interface):
    bound, free, application = scene.interface(), free_interface(), scene.application()
    client = browse(scene.asker)
    assert "加入申请车" in text(client.get(reverse("sharing:interfaces")))
    page = text(client.post(url("cart-add", bound.code), follow=True))
    assert "已加入申请车" in page
    page = text(client.post(url("cart-add-chosen"), {"selected": [free.pk, bound.pk]}, follow=True))
    for words in (bound.title, free.title, "有条件共享", "无条件共享", "去填申请单"):
        assert words in page
    form = text(client.get(url("new")))
    assert "姓名（L3）" in form
    assert f'name="i{free.pk}-fields"' in form
    page = text(client.post(url("new"), filled(bound, free, application=application), follow=True))
    assert "分别办理" in page
    assert AccessRequest.objects.count() == 2
    item = AccessRequest.objects.get(interface=free)
    assert item.row_filter == {"prefix": ["community_code", "330383001"]}
    assert "申请车是空的" in text(client.get(url("cart")))
    # The next form begins with what was said before, but not with its term.
    add_to_cart(actor=scene.asker, interface=scene.interface("third"))
    again = text(client.get(url("new")))
    assert item.number[:11] in again
    assert "网格走访" in again
    assert (timezone.localdate() + timedelta(days=200)).isoformat() not in again


def test_empty_pages_offer_the_first_step(scene, browse):
    client = browse(scene.asker)
    for name in ("cart", "requests"):
        first = text(client.get(url(name))).split('class="cs-empty"')[1]
        target = re.search(r'<a [^>]*href="([^"]+)"', first).group(1)
        assert urljoin(url(name), target) == reverse("sharing:interfaces")
    assert "没有要办理的申请" in text(client.get(url("inbox")))
    assert client.get(url("new")).url == url("cart")
    scene.interface()
    add_to_cart(actor=scene.asker, interface=scene.interface("other"))
    assert "先登记一个应用" in text(client.get(url("new")))


def test_what_is_wrong_shows_beside_its_field_and_nothing_is_sent(scene, browse):
    interface, application = scene.interface(), scene.application()
    add_to_cart(actor=scene.asker, interface=interface)
    client = browse(scene.asker)
    page = text(
        client.post(url("new"), filled(interface, application=application, legal_basis="")), 422
    )
    assert 'id="id_legal_basis_error"' in page
    assert "入户走访核对" in page
    bare = filled(interface, application=application)
    del bare[f"i{interface.pk}-fields"]
    assert f"id_i{interface.pk}-fields_error" in text(client.post(url("new"), bare), 422)
    wrong = filled(interface, application=application, **{f"i{interface.pk}-row_value": ""})
    assert f"id_i{interface.pk}-row_value_error" in text(client.post(url("new"), wrong), 422)
    scene.grant(application=application, interface=interface)
    assert "已有" in text(client.post(url("new"), filled(interface, application=application)), 422)
    assert not AccessRequest.objects.exists()
    assert "网格移动端已有授权" in text(client.get(url("cart")))
    client.post(url("cart-remove", interface.code))
    assert not CartItem.objects.exists()


def test_review_correction_and_consent_from_page_to_page(asked, browse):
    item = asked.item
    page = text(browse(asked.bureau).get(item.get_absolute_url()))
    for words in ("待合规审核", "审核通过", "退回补正", "姓名是较敏感字段", "剩 2 个工作日"):
        assert words in page
    assert "撤回申请" not in text(browse(asked.provider).get(item.get_absolute_url()))
    client = browse(asked.bureau)
    assert "法律依据" in text(client.get(url("return", item.pk)))
    missing = {"version": item.version}
    assert "至少填写一项" in text(client.post(url("return", item.pk), missing), 422)
    client.post(url("return", item.pk), missing | {"legal_basis": "请写到条款"})
    client = browse(asked.applicant)
    page = text(client.get(item.get_absolute_url()))
    assert "请写到条款" in page
    form = text(client.get(url("correct", item.pk)))
    assert "意见：请写到条款" in form
    assert 'name="purpose"' not in form
    item.refresh_from_db()
    data = {"version": item.version, "legal_basis": "条例第五条第二款"}
    assert "待合规审核" in text(client.post(url("correct", item.pk), data, follow=True))
    text(do(browse(asked.bureau), item, "forward"))
    client = browse(asked.provider)
    form = text(client.get(url("grant", item.pk)))
    until = f'value="{timezone.localdate(item.valid_until).isoformat()}"'
    for words in ("申请内容", "条例第五条第二款", "同意并开通", until):
        assert words in form
    data = {
        "fields": ["resident_no", "mobile"], "per_day": "400", "networks": "", "kinds": ["lookup", "batch"],
        "valid_on": timezone.localdate(item.valid_until).isoformat(), "filter_json": "",
        **{f"mask_{c['name']}": "none" for c in item.interface.columns},
    }  # fmt: skip
    refused = text(client.post(url("grant", item.pk), data), 422)
    assert "没有申请联系电话" in refused
    assert "申请的调用方式只有" in refused
    until = item.valid_until - timedelta(days=2)
    data |= {
        "fields": ["resident_no"], "valid_on": timezone.localdate(until).isoformat(),
        "kinds": ["lookup"],
    }  # fmt: skip
    page = text(client.post(url("grant", item.pk), data, follow=True))
    assert "已开通" in page
    made = Grant.objects.get()
    assert reverse("sharing:grant", args=[made.pk]) in page
    assert (made.fields, made.per_day) == (["resident_no"], 400)
    assert made.kinds == ["lookup"]


def test_a_refusal_needs_a_reason_and_shows_the_way_on(asked, browse):
    item = act_on(actor=asked.bureau, item=asked.item, act="forward")
    client = browse(asked.provider)
    answer = do(client, item, "refuse")
    assert "请写明理由" in text(answer, 422)
    assert "不予共享 · 提供单位" in text(do(client, item, "refuse", "与事项无关"))
    client = browse(asked.applicant)
    page = text(client.get(item.get_absolute_url()))
    assert "与事项无关" in page
    assert "请求协商" in page
    assert url("act", item.pk, "dispute") not in page
    assert "协商中" in text(do(client, item, "negotiate", "第五条写明了"))
    assert "已撤回" in text(do(client, item, "withdraw"))


def test_everybody_sees_own_lists_only_and_others_are_refused(asked, browse):
    item = asked.item
    assert item.number in text(browse(asked.applicant).get(url("requests")))
    assert item.number not in text(browse(asked.applicant).get(url("inbox")))
    assert item.number in text(browse(asked.provider).get(url("inbox")))
    assert item.number not in text(browse(asked.provider).get(url("requests")))
    assert item.number in text(browse(asked.bureau).get(url("inbox") + "?standing=mine"))
    third = catalog_cast._account("third", _unit(asked), "data_officer", _unit(asked))
    client = browse(third)
    assert client.get(item.get_absolute_url()).status_code == 404
    assert do(client, item, "withdraw").status_code == 404
    for name in ("grant", "return", "correct"):
        assert client.get(url(name, item.pk)).status_code == 404
    for name in ("board", "policy"):
        assert client.get(url(name)).status_code == 403
        assert browse(asked.provider).get(url(name)).status_code == 403
        client = browse(third)
    nobody = browse(asked.scene.city.nobody)
    for name in ("requests", "inbox", "cart", "new"):
        assert nobody.get(url(name)).status_code == 403
    # The applicant sees the request but may not answer it, nor the provider correct it.
    assert browse(asked.applicant).get(url("grant", item.pk)).status_code == 409
    assert browse(asked.provider).get(url("correct", item.pk)).status_code == 409
    assert do(browse(asked.provider), item, "forward").status_code == 403
    assert asked.fresh().state == State.REVIEW


def _unit(asked):
    city = asked.scene.city.market.parent
    return Organization.objects.get_or_create(
        code="330383-ZJ",
        defaults={"name": "龙港市住建局", "short": "住建局", "kind": "department", "parent": city},
    )[0]


def test_the_board_shows_what_is_late_with_whom(asked, browse):
    client = browse(asked.bureau)
    assert "没有超期的申请" in text(client.get(url("board")))
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    AccessRequest.objects.update(due_at=timezone.now() - timedelta(days=10))
    page = text(client.get(url("board")))
    for words in ("已超期", "提供单位（人社局）", asked.item.interface.title, "待提供单位答复"):
        assert words in page
    assert asked.item.number in text(client.get(url("inbox") + "?standing=overdue"))


def test_terms_are_changed_on_their_page_with_a_basis(asked, browse):
    client = browse(asked.bureau)
    page = text(client.get(url("policy")))
    assert 'value="10"' in page
    data = {
        "review_days": 2, "answer_days": 7, "delivery_days": 20, "correction_days": 5,
        "negotiation_days": 10, "dispute_days": 10, "remind_days": 1, "renew_days": 30, "reason": "",
    }  # fmt: skip
    assert "修改依据" in text(client.post(url("policy"), data), 422)
    assert "时限已修改" in text(client.post(url("policy"), data | {"reason": "办法"}, follow=True))


@pytest.mark.parametrize("name", ["requests", "inbox", "board"])
def test_lists_take_the_same_queries_for_one_row_and_for_many(
    scene, send, browse, django_assert_num_queries, name
):
    # The administrator answers for all, the applicant has requests of his own.
    client = browse(scene.asker if name == "requests" else scene.city.admin)
    application = scene.application()
    numbers = [send(application=application).number]
    AccessRequest.objects.update(due_at=timezone.now() - timedelta(days=1))
    text(client.get(url(name)))
    with CaptureQueriesContext(connection) as first:
        text(client.get(url(name)))
    assert len(first) <= 22
    numbers += [send(scene.interface(f"more-{n}"), application=application).number for n in "abc"]
    AccessRequest.objects.update(due_at=timezone.now() - timedelta(days=1))
    with django_assert_num_queries(len(first)):
        page = text(client.get(url(name)))
    assert page.count("已超期") > len(numbers)
