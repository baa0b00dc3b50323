"""The public says something without signing in, a named official answers in working days, and everybody may read it."""

from datetime import timedelta

import pytest
from django.test import Client

from chengshu.data.opening.tests.cast import Scene, collect, release, rows
from chengshu.data.opening.tests.conftest import scene
from chengshu.data.opening.voices import reminders, services
from chengshu.data.opening.voices.models import Subscription, Voice
from chengshu.kernel.access.actor import ANONYMOUS
from chengshu.kernel.errors import Conflict, InvalidInput, NotSignedIn, TooMany
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.notices.models import Notice

__all__ = ["scene"]
PAGE = "/open/datasets/public-facility/"
SAID = {
    "title": "BM00003 的位置不对",
    "text": "地图上在河里，我是王小明，电话 13912345678，应在路北。",
}


@pytest.fixture
def public(scene: Scene) -> Scene:
    scene.public()
    return scene


def said(scene: Scene, **changes) -> Voice:
    values = {
        "actor": ANONYMOUS, "kind": "correction", "title": SAID["title"], "text": SAID["text"],
        "dataset": scene.resource.open_datasets.get(), "address": "192.0.2.7",
    }  # fmt: skip
    return services.submit(**values | changes)


def test_a_correction_goes_from_the_page_to_an_official_and_back_to_everybody(
    public: Scene, client: Client, client_for
) -> None:
    assert "数据纠错" in client.get(PAGE).text
    form = "/open/voices/new/?kind=correction&dataset=public-facility"
    assert "个人信息" in client.get(form).text
    own = client.post(form, SAID).headers["Location"]
    assert "还在办理" in client.get(own).text
    assert SAID["title"] not in client.get("/open/voices/").text
    item = Voice.objects.get()
    # What was masked was never stored.
    assert "13912345678" not in item.text
    assert (item.department, item.author) == (public.resource.provider, None)
    assert "192.0.2" not in item.source
    assert Notice.objects.filter(title__contains=SAID["title"]).exists()

    officer = client_for(public.officer.account)
    page = f"/console/opening/voices/{item.pk}/"
    assert "还剩 10 个工作日" in officer.get("/console/opening/voices/").text
    officer.post(f"{page}take/")
    assert "officer同志" in officer.get(page).text
    refused = officer.post(page, {"answer": "请致电 13912345678 王小明", "public": "on"})
    assert "不要写姓名" in refused.text
    officer.post(page, {"answer": "已核实并更正了坐标，下一版可见。", "public": "on"})
    for address in (own, PAGE, "/open/voices/?kind=correction"):
        assert "已核实并更正了坐标" in client.get(address).text
    item.refresh_from_db()
    assert (item.on_time, item.owner) == (True, public.officer.account)
    stranger = client_for(public.city.stranger.account)
    assert stranger.get(page).status_code == 404


def test_too_much_and_twice_the_same_are_refused_and_machines_too(
    public: Scene, client: Client
) -> None:
    said(public)
    with pytest.raises(Conflict, match="已经有人提过"):
        said(public, address="192.0.2.8")
    for number in range(services.PER_DAY - 1):
        said(public, title=f"第 {number} 条不对")
    with pytest.raises(TooMany, match="一天最多提 5 条"):
        said(public, title="又一条不对")
    with pytest.raises(InvalidInput) as refused:
        said(public, title="我叫王小明 13912345678", address="192.0.2.9")
    assert "title" in refused.value.fields
    form = "/open/voices/new/?kind=showcase"
    answer = client.post(form, SAID | {"title": "公厕地图", "homepage": "https://spam.example"})
    assert answer.status_code == 200
    assert not Voice.objects.filter(kind="showcase").exists()


def test_what_is_declined_only_its_author_reads(public: Scene, client: Client) -> None:
    item = said(public, kind="showcase", title="买课广告", link="https://shop.example/")
    with pytest.raises(NotSignedIn):
        services.answer(actor=ANONYMOUS, voice=item, text="这是别人写的答复内容")
    services.answer(
        actor=public.officer, voice=item, text="与开放数据无关，不予公开。", public=False
    )
    assert "买课广告" not in client.get("/open/voices/").text
    assert "不予公开" in client.get(f"/open/voices/{item.token}/").text
    with pytest.raises(Conflict):
        services.answer(actor=public.officer, voice=item, text="再答一次也不行，已经答过了。")


def test_late_answers_are_reminded_of(public: Scene) -> None:
    item = said(public)
    assert reminders.run() == {"reminded": 0, "late": 0}
    after = item.due_at + timedelta(hours=12)
    while not sum(done := reminders.run(after).values()):
        after += timedelta(days=1)
    assert reminders.run(after) == {"reminded": 0, "late": 0}
    assert list(done) == [0, 1]


def test_followers_hear_of_a_release_once_and_feeds_need_no_account(
    public: Scene, client: Client, client_for
) -> None:
    account = public.city.nobody.account
    follower = client_for(account)
    follower.post(f"{PAGE}follow/", {"wanted": "1"})
    assert "不再发消息" in follower.get(PAGE).text
    collect(public.resource, rows(61))
    release(public.resource.open_datasets.get())
    dispatch()
    dispatch()
    told = Notice.objects.filter(title__contains="有新版本", receipts__account=account)
    assert [notice.body for notice in told if "第 2 版" in notice.body] == ["第 2 版，61 条记录。"]
    feed = client.get(f"{PAGE}feed.atom").text
    assert "第 2 版" in feed
    follower.post(f"{PAGE}follow/", {"wanted": "0"})
    assert not Subscription.objects.exists()
    assert client.post(f"{PAGE}follow/", {"wanted": "1"}).status_code == 302
