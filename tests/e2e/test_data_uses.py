"""A citizen on the phone: who looked me up, when, for what, and asking why; the data bureau sees the question."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

NARROW = "document.documentElement.scrollWidth <= window.innerWidth"
WORDS = "那天我没有去办过事，想知道是谁查的"


def test_a_citizen_sees_who_looked_and_asks_why(visit, city):
    citizen = visit(PHONE)
    page = citizen.sign_in("shimin", then="/me/")
    page.locator("main a", has_text="谁查过我").click()
    page.locator(".cs-tabs a", has_text="近三年").click()
    expect(page.locator("main h2").first).to_contain_text("家单位查过您")
    assert page.evaluate(NARROW)
    citizen.keep("data-uses", full=True)
    citizen.check_accessibility()

    page.locator("a.cs-cell").first.click()
    expect(page.locator("main")).to_contain_text("新的在前")
    assert page.evaluate(NARROW)
    citizen.keep("data-uses-single")
    citizen.check_accessibility()

    page.get_by_role("link", name="觉得不对").click()
    page.fill("textarea[name=words]", WORDS)
    citizen.keep("data-uses-ask")
    citizen.check_accessibility()
    page.get_by_role("button", name="提交疑问").click()
    expect(page.locator("main")).to_contain_text("正在核实")
    expect(page.locator("main")).to_contain_text(WORDS)
    citizen.keep("data-uses-asked", full=True)

    bureau = visit()
    page = bureau.sign_in("guanliyuan")
    page.goto(f"{city.web}/console/tickets/?q=群众疑问")
    page.locator("main a", has_text="为什么查我的信息").first.click()
    expect(page.locator("main")).to_contain_text(WORDS)
    expect(page.locator("main")).not_to_contain_text("章美芳")
    bureau.keep("data-uses-ticket", full=True)
    bureau.check_accessibility()


def test_another_citizen_is_told_that_nobody_looked(visit):
    other = visit(PHONE)
    page = other.sign_in("qiye", then="/me/data-uses/")
    expect(page.locator("main")).to_contain_text("没有人查过您")
    other.check_accessibility()


def test_the_data_bureau_reads_reports_hints_and_corrections(visit, city):
    bureau = visit()
    page = bureau.sign_in("guanliyuan", then="/console/sharing/calls/")
    page.get_by_role("link", name="统计报表").first.click()
    page.locator(".cs-tabs a", has_text="近一年").click()
    bureau.keep("sharing-report", full=True)
    expect(page.locator("main")).to_contain_text("实有人口信息核验")
    bureau.check_accessibility()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="导出 Excel").click()
    assert waiting.value.suggested_filename.endswith(".xlsx")
    page.goto(f"{city.web}/console/sharing/calls/")
    page.locator("main a", has_text="基层单元闭环管控平台").first.click()
    expect(page.locator("main")).to_contain_text("12 次“查无记录过多，暂缓”")
    page.locator("aside a, main a", has_text="疑似逐个试主键").first.click()
    expect(page.locator("main")).to_contain_text("查不到 88 次，88 个不同主键")
    bureau.keep("sharing-clue", full=True)
    bureau.check_accessibility()
    page.goto(f"{city.web}/console/sharing/hints/?state=open")
    expect(page.locator("main table")).to_contain_text("平时不用的时段大量调用")
    bureau.keep("sharing-clues")
    bureau.check_accessibility()
    page.goto(f"{city.web}/console/sharing/corrections/new/rk-hecha/")
    expect(page.locator("main")).to_contain_text("10 个工作日内更正或说明")
    bureau.keep("sharing-correction", full=True)
    bureau.check_accessibility()
