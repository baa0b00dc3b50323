"""A restricted dataset shows no row to anybody but those let in, under an agreement kept with its text."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chengshu.data.catalog.facade import DatasetOffer
from chengshu.data.opening.agreements import reminders, selectors, services
from chengshu.data.opening.agreements.models import Agreement, RestrictedAccess
from chengshu.data.opening.offers import of_resources
from chengshu.data.opening.services import datasets
from chengshu.data.opening.tests.cast import Scene, release
from chengshu.data.opening.tests.conftest import bound
from chengshu.kernel.access.actor import ANONYMOUS
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.notices.models import Notice

__all__ = ["bound"]
PAGE = "/open/restricted/public-facility/"
FILE = "/open/restricted/public-facility.csv"
PURPOSE = "研究公厕责任人分布与满意度的关系，论文只公开统计结果。"


@pytest.fixture
def closed(bound: Scene) -> Scene:
    """60 facilities with keepers, approved, published under the agreement."""
    release(bound.approved(restricted=True))
    return bound


def applied(scene: Scene) -> RestrictedAccess:
    return services.apply(
        actor=scene.city.nobody, dataset=selectors.restricted_dataset("public-facility"),
        purpose=PURPOSE, unit="某大学", agreement=selectors.current_agreement().number, accepted=True,
    )  # fmt: skip


def granted(scene: Scene) -> tuple[RestrictedAccess, str]:
    item = applied(scene)
    services.grant(actor=scene.admin, access=item, until=timezone.localdate())
    return item, services.new_key(actor=scene.city.nobody, access=item)


def fetch(client: Client, key: str) -> int:
    answer = client.get(FILE, headers={"Authorization": f"Bearer {key}"})
    if answer.streaming:
        # Read to its end, which closes the file; closing by hand would close the test's database too.
        assert b"".join(answer.streaming_content)
    return answer.status_code


@pytest.mark.parametrize(
    "path",
    [
        "/open/datasets/public-facility/", "/open/datasets/public-facility.csv",
        "/open/datasets/public-facility/files/1/public-facility.csv",
        "/open/datasets/public-facility/datapackage.json", "/open/api/v1/datasets/public-facility",
        "/open/api/v1/datasets/public-facility/records", "/open/datasets/public-facility/feed.atom",
        FILE,
    ],
)  # fmt: skip
def test_no_public_door_leads_to_its_rows(closed: Scene, client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {403, 404}
    assert "BM00001" not in answer.text


def test_lists_feeds_and_searches_leave_it_out_and_say_where_to_apply(
    closed: Scene, client: Client
) -> None:
    for path in ("/open/feed.atom", "/sitemap.xml", "/open/api/v1/datasets"):
        assert "datasets/public-facility" not in client.get(path).text
        assert "public-facility.csv" not in client.get(path).text
    [offer] = of_resources([closed.resource.pk])[closed.resource.pk]
    assert isinstance(offer, DatasetOffer)
    assert (offer.restricted, offer.files) == (True, ())
    assert "按协议开放" in client.get("/open/datasets/").text
    assert PAGE in client.get("/open/restricted/").text
    page = client.get(PAGE).text
    assert "登录后申请" in page
    assert "BM00001" not in page


def test_from_the_agreement_to_the_file_by_pages(closed: Scene, client: Client, client_for) -> None:
    person, admin = client_for(closed.city.nobody.account), client_for(closed.admin.account)
    assert "不转给他人" in person.get(PAGE).text
    said = {"purpose": PURPOSE, "unit": "某大学", "agreement": 1}
    assert "请阅读并接受协议" in person.post(f"{PAGE}apply/", said).text
    person.post(f"{PAGE}apply/", said | {"accepted": "on"})
    item = RestrictedAccess.objects.get()
    assert item.accepted_digest == Agreement.objects.get().digest
    assert person.get(FILE).status_code == 403
    at = f"/console/opening/accesses/{item.pk}/"
    assert "某大学" in admin.get("/console/opening/accesses/").text
    assert "请填写有效期" in admin.post(at, {"act": "grant"}).text
    until = timezone.localdate() + timedelta(days=30)
    admin.post(at, {"act": "grant", "until": until.isoformat()})
    got = person.post(f"{PAGE}key/")
    assert "密钥只显示这一次" in got.text
    assert "BM00001" in b"".join(person.get(FILE).streaming_content).decode()
    assert client.get(FILE).status_code == 403
    assert "下载" in admin.get(at).text
    assert AuditRecord.objects.filter(action="opening.access_fetched").count() == 1
    admin.post(at, {"act": "withdraw", "remark": "用途变了"})
    assert person.get(FILE).status_code == 403
    assert "用途变了" in person.get(PAGE).text
    assert "第 1 版" in admin.get("/console/opening/accesses/agreement/").text


def test_withdrawn_expired_and_replaced_keys_end_with_the_next_request(
    closed: Scene, client: Client
) -> None:
    item, key = granted(closed)
    assert fetch(client, key) == 200
    assert fetch(client, "x" * len(key)) == 403
    fresh = services.new_key(actor=closed.city.nobody, access=item)
    assert (fetch(client, key), fetch(client, fresh)) == (403, 200)
    RestrictedAccess.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    assert fetch(client, fresh) == 403
    RestrictedAccess.objects.update(expires_on=timezone.localdate())
    assert fetch(client, fresh) == 200
    datasets.withdraw(actor=closed.admin, dataset=item.dataset, reason="核对")
    assert fetch(client, fresh) == 404


def test_nobody_decides_for_oneself_or_on_an_agreement_never_seen(closed: Scene) -> None:
    dataset = selectors.restricted_dataset("public-facility")
    given = {"dataset": dataset, "purpose": PURPOSE, "unit": "", "accepted": True}
    own = services.apply(actor=closed.admin, agreement=1, **given)
    with pytest.raises(NotAllowed, match="不能答复自己"):
        services.grant(actor=closed.admin, access=own, until=timezone.localdate())
    made = services.publish_agreement(actor=closed.admin, text="新的协议内容。" * 10)
    assert made.number == 2
    with pytest.raises(Conflict, match="新版本"):
        services.apply(actor=closed.city.nobody, agreement=1, **given)
    own.refresh_from_db()
    assert "不转给他人" in own.agreement.text
    with pytest.raises(InvalidInput):
        services.refuse(actor=closed.city.second_admin, access=own, remark=" ")
    with pytest.raises(NotAllowed):
        services.new_key(actor=ANONYMOUS, access=own)


def test_a_published_dataset_does_not_change_its_door(closed: Scene) -> None:
    item = selectors.restricted_dataset("public-facility")
    with pytest.raises(InvalidInput, match="没有保存"):
        datasets.update_dataset(
            actor=closed.officer, dataset=item, revision=item.revision, title=item.title,
            summary=item.summary, fields=item.fields, theme=item.theme, masks=item.masks,
            basis=item.basis, restricted=False,
        )  # fmt: skip


def test_a_late_answer_is_reminded_of_once_a_working_day(closed: Scene) -> None:
    item = applied(closed)
    assert reminders.run() == {"reminded": 0, "late": 0}
    rest_day = item.due_at
    while rest_day.astimezone().weekday() < 5:
        rest_day += timedelta(days=1)
    assert reminders.run(rest_day) == {"reminded": 0, "late": 0}
    assert reminders.run(item.due_at - timedelta(hours=1)) == {"reminded": 1, "late": 0}
    day = rest_day + timedelta(days=2)
    while not reminders.run(day)["late"]:  # holidays are rest days too
        day += timedelta(days=1)
    assert reminders.run(day) == {"reminded": 0, "late": 0}
    told = Notice.objects.filter(title__startswith="受限开放申请已超期").get()
    assert told.url == item.get_absolute_url()
    services.refuse(actor=closed.admin, access=item, remark="用途不清")
    assert reminders.run(day + timedelta(days=1)) == {"reminded": 0, "late": 0}
