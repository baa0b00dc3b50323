"""The integrator's ten minutes: find, look, apply, be reviewed and answered, take a key, call: 200 on the first try."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from chengshu_gateway.client import GatewayClient
from tests.e2e.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

INTERFACE, TITLE, APPLICATION = "cl-dengji", "机动车登记信息查询", "zlb"
ITEM = "市民办事车辆信息免填"
KEY, FIELDS = "plate_no", ("brand", "vehicle_state")
MOST_CLICKS = 12


class Counted:
    """A person's page that counts clicks: the ten minutes are spent on them."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, role: str, name: str) -> None:
        self.clicks += 1
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]


def a_record(folder) -> str:
    """What the citizen at the counter says: the plate of a car that is registered."""
    snapshots = folder / "gateway" / "snapshots" / INTERFACE
    path = snapshots / (snapshots / "CURRENT").read_text().strip()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as found:
        return str(found.execute(f"SELECT {KEY} FROM data LIMIT 1").fetchone()[0])


def decide(visitor, who: str, steps) -> None:
    """Another person opens the request from the list of what waits and decides."""
    page = visitor.sign_in(who)
    page.goto(f"{visitor.city.web}/console/sharing/requests/inbox/?q={ITEM}")
    page.locator("main a", has_text=TITLE).first.click()
    expect(page.locator("h1")).to_contain_text(TITLE)
    steps(page)


def test_an_integrator_gets_from_the_shelf_to_the_first_answer(visit, city):
    me = visit()
    page = me.sign_in("kaifazhe", then="/console/sharing/interfaces/")
    hand = Counted(page)
    page.fill("#sharing-interfaces-q", "号牌种类")
    page.press("#sharing-interfaces-q", "Enter")
    expect(page.locator("#sharing-interfaces-results")).to_contain_text("共 1 条")
    me.keep("integrator-shelf")
    me.check_accessibility()
    hand.click("link", TITLE)
    for words in ("质量得分", "时效", "谁在用", "市行政审批局", "L3"):
        expect(page.locator("main")).to_contain_text(words)
    me.keep("integrator-interface")
    me.check_accessibility()
    hand.click("link", "样例数据与调用")
    expect(page.locator("main")).to_contain_text("会答什么")
    expect(page.locator("#sample-rows")).to_contain_text("********")
    me.keep("integrator-sample")
    me.check_accessibility()
    hand.click("button", "加入申请车")
    hand.click("link", "去填申请单")
    # The one application of this department and what it is for are filled in already.
    expect(page.locator("select[name=application] option:checked")).to_contain_text("龙港站点")
    expect(page.locator("textarea[name=purpose]")).not_to_be_empty()
    page.fill("input[name=business_item]", ITEM)
    page.fill("textarea[name=legal_basis]", "《浙江省公共数据条例》第二十三条")
    page.fill("input[name=valid_on]", f"{datetime.now(UTC) + timedelta(days=180):%Y-%m-%d}")
    for name in FIELDS:
        hand.clicks += 1
        page.check(f"input[value={name}]")
    me.keep("integrator-form", full=True)
    hand.click("button", "提交申请")
    expect(page.locator("main")).to_contain_text("分别办理")

    def review(bureau: Page) -> None:
        bureau.locator("summary", has_text="审核通过").click()
        bureau.locator("details[open] button[type=submit]").click()
        expect(bureau.locator("main")).to_contain_text("待提供单位答复")

    def answer(provider: Page) -> None:
        provider.get_by_role("link", name="同意并开通").click()
        provider.get_by_role("button", name="同意并开通").click()
        expect(provider.locator("main")).to_contain_text("已开通")

    decide(visit(), "guanliyuan", review)
    decide(visit(), "zhuanyuan.ga", answer)

    page.goto(f"{city.web}/console/sharing/requests/?q={ITEM}")
    hand.click("link", TITLE)
    me.keep("integrator-granted")
    hand.click("link", "签发密钥，开始调用")
    hand.click("button", "签发")
    expect(page.locator("main")).to_contain_text("密钥只在这里显示这一次")
    assert INTERFACE in page.locator("main").inner_text()
    me.keep("integrator-key")
    me.check_accessibility()
    app, key_id, secret = (page.locator("main pre").nth(n).inner_text().strip() for n in range(3))
    page.wait_for_timeout(2_000)  # the promise of the page: usable within two seconds
    client = GatewayClient(city.gateway, app=app, key_id=key_id, secret=secret)
    with closing(client):
        found = client.lookup(INTERFACE, a_record(city.folder), purpose=ITEM)
    assert app == APPLICATION
    assert set(found.data) == {KEY, *FIELDS}
    assert hand.clicks <= MOST_CLICKS

    # On the phone, before it ends: one click from the grant to a filled-in renewal, one to send it.
    page.goto(f"{city.web}/console/sharing/requests/?q={ITEM}")
    hand.click("link", TITLE)
    renew = page.get_by_role("link", name="看授权和调用样例").get_attribute("href")
    later = visit(PHONE)
    page = later.sign_in("kaifazhe", then=renew)
    page.get_by_role("link", name="续期").click()
    expect(page.locator("main")).to_contain_text("期限加了一年")
    later.keep("integrator-renewal")
    later.check_accessibility()
    page.get_by_role("button", name="提交申请").click()
    expect(page.locator("main")).to_contain_text("要变什么")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    later.keep("integrator-renewal-sent", full=True)
    later.check_accessibility()


def test_the_supermarket_fits_a_phone(visit, city):
    me = visit(PHONE)
    page = me.sign_in("kaifazhe", then="/console/sharing/interfaces/")
    paths = {
        "shelf": "interfaces/", "interface": f"interfaces/{INTERFACE}/",
        "sample": f"interfaces/{INTERFACE}/sample/",
        "compare": f"interfaces/compare/?i={INTERFACE}&i=rk-hecha&i=cj-xinxi",
    }  # fmt: skip
    for name, path in paths.items():
        page.goto(f"{city.web}/console/sharing/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        me.keep(f"integrator-{name}")
        me.check_accessibility()
