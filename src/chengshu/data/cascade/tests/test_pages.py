"""The pages of cascading, as the bureau, a department and one who must be refused see them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chengshu.data.cascade import rounds
from chengshu.data.cascade.choices import OutgoingState
from chengshu.data.cascade.models import Incoming, LowerEntry, Outgoing, Plan, Platform
from chengshu.data.cascade.services import cataloguing, platforms
from chengshu.data.cascade.tests.cast import FIELDS, Scene
from chengshu.kernel.access.actor import Actor

BACKEND = "chengshu.kernel.identity.backends.AccountBackend"
LISTS = ("platforms", "incoming", "outgoing", "plans", "entries", "lower-entries")


@pytest.fixture
def pages(scene: Scene, client_for: Any) -> Any:
    """A function that reads a page as somebody."""

    def read(actor: Actor, name: str, *args: Any, post: Any = None, query: str = "") -> Any:
        client = client_for(actor.account)
        url = reverse(f"cascade:{name}", args=args) + query
        return client.get(url) if post is None else client.post(url, post)

    return read


def test_the_lists_lead_to_what_happened_and_strangers_are_refused(scene: Scene, pages: Any):
    scene.deliver(scene.plan())
    cataloguing.send_up(actor=scene.admin, platform=scene.upper, resource=scene.upper_resource)
    rounds.run(scene.upper)
    waiting = Outgoing.objects.get()
    Outgoing.objects.create(
        plan=waiting.plan, number=2, state=OutgoingState.DELIVERED, mode="full", lake_version=1,
        receipt_due_at="2026-11-30T16:00:00Z",
    )  # fmt: skip
    late = pages(scene.admin, "outgoing", query="?late=yes").content.decode()
    assert "2026-11-30，已超期" in late
    Outgoing.objects.filter(number=2).delete()
    for name in LISTS:
        assert pages(scene.admin, name).status_code == 200
        assert pages(scene.city.nobody, name).status_code == 403
    delivery, batch, entry = (
        Outgoing.objects.get(),
        Incoming.objects.get(),
        LowerEntry.objects.get(),
    )
    for name, pk in (
        ("delivery", delivery.pk), ("incoming-batch", batch.pk), ("plan", delivery.plan_id),
        ("platform", scene.upper.pk), ("lower-entry", entry.pk),
    ):  # fmt: skip
        text = pages(scene.admin, name, pk).content.decode()
        assert "温州市公共数据平台" in text or "龙港市" in text
    assert "对方全部收下" in pages(scene.admin, "delivery", delivery.pk).content.decode()
    assert pages(scene.city.stranger, "delivery", delivery.pk).status_code == 404
    assert pages(scene.city.officer, "delivery", delivery.pk).status_code == 200
    usage = _page(scene, reverse("catalog:resource-usage", args=[scene.upper_resource.pk]))
    assert "回流" in usage
    assert "龙港市人社局" in usage
    marked = _page(scene, reverse("catalog:resources") + "?mark=returned")
    assert "全市人口" in marked
    assert "常住人口" not in marked


def _page(scene: Scene, url: str) -> str:
    client = Client()
    client.force_login(scene.admin.account, backend=BACKEND)
    return client.get(url).content.decode()


def test_a_secret_is_shown_once_and_never_again(scene: Scene, pages: Any):
    answer = pages(
        scene.admin, "platform-new",
        post={"name": "平阳县", "role": "lower", "rank": "county", "way": "api", "scheme": "hmac"},
    )  # fmt: skip
    secret = answer.context["secret"]
    assert secret in answer.content.decode()
    item = Platform.objects.get(name="平阳县")
    assert secret not in pages(scene.admin, "platform", item.pk).content.decode()
    assert secret not in item.secret_sealed
    assert "生成新密钥" in pages(scene.admin, "platform-secret", item.pk).content.decode()
    changed = pages(scene.admin, "platform-secret", item.pk, post={})
    assert changed.context["secret"] != secret


def test_a_plan_is_written_submitted_and_decided_by_two_people_on_the_pages(
    scene: Scene, pages: Any
):
    query = f"?resource={scene.resource.code}"
    form = pages(scene.admin, "plan-new", query=query).content.decode()
    assert "居民编号" in form
    assert "收入" not in form  # L4
    pages(
        scene.admin, "plan-new", query=query,
        post={
            "platform": scene.upper.pk, "mode": "full", "fields_chosen": FIELDS, "cycle": "daily",
            "file_format": "csv", "part_rows": 100, "receipt_days": 5, "basis": "浙数发〔2026〕1号",
        },
    )  # fmt: skip
    plan = Plan.objects.get()
    pages(scene.admin, "plan-act", plan.pk, "submit", post={})
    assert f"plans/{plan.pk}/approve" not in pages(scene.admin, "plan", plan.pk).content.decode()
    second = scene.city.second_admin
    assert pages(second, "plan-return", plan.pk).status_code == 200
    pages(second, "plan-return", plan.pk, post={"reason": "请写清楚依据"})
    assert "请写清楚依据" in pages(scene.admin, "plan", plan.pk).content.decode()
    pages(scene.admin, "plan-act", plan.pk, "submit", post={})
    pages(second, "plan-act", plan.pk, "approve", post={})
    pages(scene.admin, "plan-act", plan.pk, "pause", post={})
    pages(scene.admin, "plan-act", plan.pk, "resume", post={})
    pages(scene.admin, "plan-act", plan.pk, "start", post={})
    assert Outgoing.objects.get().plan.approved_by == second.account
    assert Plan.objects.get().next_at is not None


def test_the_bureau_checks_pauses_and_opens_a_channel(scene: Scene, pages: Any):
    shown = pages(scene.admin, "platform-check", scene.upper.pk, post={})
    assert shown.status_code == 302
    assert "已连通" in pages(scene.admin, "platform", scene.upper.pk).content.decode()
    assert pages(scene.city.officer, "platform-check", scene.upper.pk, post={}).status_code == 403
    pages(
        scene.admin, "channel-new",
        post={"platform": scene.upper.pk, "dataset": "back", "resource": scene.upper_resource.code},
    )  # fmt: skip
    assert "back" in pages(scene.admin, "platform", scene.upper.pk).content.decode()
    pages(scene.admin, "platform-state", scene.upper.pk, post={"reason": "联调"})
    scene.upper.refresh_from_db()
    assert scene.upper.state == "suspended"
    assert "联调" in pages(scene.admin, "platform", scene.upper.pk).content.decode()
    assert not rounds.run(scene.upper)


def test_an_entry_is_sent_up_by_hand_and_a_lower_one_returned_with_a_reason(
    scene: Scene, pages: Any
):
    query = f"?resource={scene.upper_resource.code}"
    assert pages(scene.admin, "entry-new", query=query).status_code == 200
    pages(scene.admin, "entry-new", query=query, post={"platform": scene.upper.pk})
    rounds.run(scene.upper)
    received = LowerEntry.objects.get()
    pages(scene.admin, "lower-entry-return", received.pk, post={"reason": "与省标不一致"})
    rounds.run(scene.upper)
    assert "与省标不一致" in pages(scene.admin, "entries").content.decode()


def test_a_new_secret_of_the_upper_platform_is_typed_in(scene: Scene, pages: Any):
    before = scene.upper.secret_sealed
    pages(scene.admin, "platform-secret", scene.upper.pk, post={"secret": "another"})
    scene.upper.refresh_from_db()
    assert scene.upper.secret_sealed != before
    with pytest.raises(Exception, match="签名不对"):
        platforms.test_connection(actor=scene.admin, platform=scene.upper)
