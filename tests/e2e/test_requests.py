"""From the shelf to the grant: one department asks, the data bureau reviews, another consents on the phone."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

INTERFACE, TITLE = "cj-xinxi", "残疾人证信息核验"
ITEM = "个体户社保补贴核验"


def open_request(page: Page, web: str) -> None:
    """Find the request of this journey among those to work on."""
    page.goto(f"{web}/console/sharing/requests/inbox/?q={ITEM}")
    page.locator("main a", has_text=TITLE).first.click()
    expect(page.locator("h1")).to_contain_text(TITLE)


def make_late(city) -> None:
    """As if the provider had let its term pass: nobody waits ten working days in a test."""
    done = city.command(
        "shell", "-c",
        "from datetime import timedelta; from django.utils import timezone\n"
        "from chengshu.data.sharing.requests.models import AccessRequest\n"
        f"AccessRequest.objects.filter(business_item='{ITEM}', state='answer')"
        ".update(due_at=timezone.now() - timedelta(days=3))",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_data_are_asked_for_reviewed_and_granted(visit, city):
    asker = visit()
    page = asker.sign_in("zhuanyuan.sj")
    page.goto(f"{city.web}/console/sharing/interfaces/{INTERFACE}/")
    page.get_by_role("button", name="加入申请车").click()
    expect(page.locator("main")).to_contain_text(TITLE)
    asker.keep("request-cart")
    asker.check_accessibility()
    page.get_by_role("link", name="去填申请单").click()
    ours = page.locator("select[name=application] option", has_text="智慧市监平台")
    page.select_option("select[name=application]", ours.get_attribute("value"))
    page.fill("textarea[name=purpose]", "核定残疾人个体户补贴时核对证件")
    page.fill("input[name=business_item]", ITEM)
    page.fill("textarea[name=legal_basis]", "《残疾人就业条例》第十九条")
    page.fill("input[name=valid_on]", f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}")
    page.check("input[value=disability_grade_code]")
    asker.keep("request-form", full=True)
    asker.check_accessibility()
    page.get_by_role("button", name="提交申请").click()
    expect(page.locator("main")).to_contain_text("分别办理")
    asker.keep("request-list")

    bureau = visit()
    page = bureau.sign_in("guanliyuan")
    open_request(page, city.web)
    page.locator("summary", has_text="审核通过").click()
    bureau.keep("request-review")
    bureau.check_accessibility()
    page.locator("details[open] button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("待提供单位答复")
    make_late(city)
    page.goto(f"{city.web}/console/sharing/requests/board/")
    late = page.locator("main table").first
    expect(late).to_contain_text(TITLE)
    expect(late).to_contain_text("超")
    bureau.keep("request-board", full=True)
    bureau.check_accessibility()

    provider = visit(PHONE)
    page = provider.sign_in("zhuanyuan.ss")
    open_request(page, city.web)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    provider.keep("request-answer")
    provider.check_accessibility()
    page.get_by_role("link", name="同意并开通").click()
    page.get_by_role("button", name="同意并开通").click()
    expect(page.locator("main")).to_contain_text("已开通")
    provider.keep("request-granted", full=True)

    page = asker.page
    page.goto(f"{city.web}/console/sharing/requests/?q={ITEM}")
    expect(page.locator("main table")).to_contain_text("已开通")
    page.locator("main a", has_text=TITLE).first.click()
    page.get_by_role("link", name="查看授权").click()
    expect(page.locator("h1")).to_contain_text("智慧市监平台")
