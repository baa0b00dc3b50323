"""Restricted opening from end to end: refused, mended, approved, applied for, let in, fetched; also on a phone."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

TEACHERS = "/console/opening/datasets/new/1/01/006/03/00080/"
SLUG = "e2e-teachers"
AT, OPEN = f"/console/opening/datasets/{SLUG}/", f"/open/restricted/{SLUG}/"
NARROW = "document.documentElement.scrollWidth <= window.innerWidth"
SLOW, CHINA = 60_000, ZoneInfo("Asia/Shanghai")


def press(page: Page, name: str) -> None:
    """Press a button, and confirm where the page asks."""
    page.get_by_role("button", name=name).first.click()
    confirm = page.locator("#confirm[open] [data-confirm-yes]")
    if confirm.count() and confirm.is_visible():
        confirm.click()


def drafted_and_refused(page: Page) -> None:
    page.fill("input[name=slug]", SLUG)
    page.select_option("select[name=theme]", index=3)
    while (ticked := page.locator("input[name=fields]:checked")).count():
        ticked.first.uncheck()
    expect(page.locator("select[name=mask_birth_date]")).to_be_hidden()
    page.check("input[name=fields][value=birth_date]")
    page.check("input[name=fields][value=source_org_name]")
    page.select_option("select[name=mask_birth_date]", "year")
    page.fill("textarea[name=basis]", "《浙江省公共数据条例》第二十八条；经市教育主管部门同意")
    page.locator("main form button[type=submit]").last.click()
    press(page, "检查")
    expect(page.locator("main")).to_contain_text("照现在的草稿不能发布", timeout=SLOW)
    expect(page.locator("main")).to_contain_text("出生日期 19")


def test_a_refused_release_is_mended_and_opened_to_one_citizen_under_an_agreement(visit, city):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then=TEACHERS)
    drafted_and_refused(page)
    officer.keep("opening-refused", full=True)
    officer.check_accessibility()
    press(page, "采用")
    expect(page.locator("main")).not_to_contain_text("照现在的草稿不能发布", timeout=SLOW)
    expect(page.locator("main")).to_contain_text(re.compile("没有准标识符|没有发现"), timeout=SLOW)
    press(page, "提交审批")

    bureau = visit()
    page = bureau.sign_in("guanliyuan", then=AT)
    press(page, "通过审批")
    press(page, "发布")
    expect(page.locator("main")).to_contain_text("已开放", timeout=SLOW)

    citizen = visit(PHONE)
    mine = citizen.sign_in("shimin", then=OPEN)
    assert mine.evaluate(NARROW)
    # Whoever reads from top to bottom comes to the agreement before the button.
    agreement, button = (
        mine.get_by_text("数据利用协议").first,
        mine.get_by_role("button", name="提交申请"),
    )
    above, below = agreement.bounding_box(), button.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] < below["y"]
    citizen.keep("restricted-apply", full=True)
    citizen.check_accessibility()
    mine.fill("textarea[name=purpose]", "研究教师年龄与城乡分布的关系，论文只公开统计结果。")
    mine.check("input[name=accepted]")
    button.click()
    expect(mine.locator("main")).to_contain_text("前答复")

    page.goto(f"{city.web}/console/opening/accesses/")
    page.locator("main tbody a").first.click()
    page.check("input[name=act][value=grant]")
    page.fill("input[name=until]", (datetime.now(tz=CHINA).date() + timedelta(days=30)).isoformat())
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("已同意")
    bureau.keep("restricted-granted")

    mine.goto(f"{city.web}/me/notices/")
    mine.locator("a.cs-cell", has_text="受限开放").first.click()
    mine.get_by_role("link", name="打开相关页面").click()
    press(mine, "领取新密钥")
    expect(mine.locator("main")).to_contain_text("密钥只显示这一次")
    assert mine.evaluate(NARROW)
    citizen.keep("restricted-key", full=True)
    citizen.check_accessibility()
    with mine.expect_download() as waiting:
        mine.get_by_role("link", name="CSV").first.click()
    text = Path(waiting.value.path()).read_text("utf-8-sig")
    assert len(text.splitlines()) == 151
    stranger = visit()
    page = stranger.open(OPEN)
    expect(page.locator("main")).to_contain_text("登录后申请")
    assert page.request.get(f"{city.web}/open/restricted/{SLUG}.csv").status == 403
