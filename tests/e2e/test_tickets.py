"""A problem's whole way: rejected rows, a ticket, corrected, replayed, re-checked, closed; and an objection."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

TITLE = "养老服务机构信息"
HOME = "/console/ingest/quarantine/"


def delivery(city) -> tuple[bytes, str, str]:
    """Six delivered rows as CSV, three of them with “约50” beds; that column and its title."""
    from chengshu_demo import city as demo
    from chengshu_demo import rows

    entry = next(e for e in demo().entries if e.title == TITLE)
    items = list(entry.items)
    number = next(i for i in items if i.title.startswith("床位数"))
    batch = next(rows(entry.key, scale="small")).slice(0, 6)
    lines = [",".join(item.title for item in items)]
    for index, row in enumerate(batch.to_pylist()):
        cells = ["" if row[i.column] is None else str(row[i.column]) for i in items]
        if index < 3:
            cells[items.index(number)] = "约50"
        lines.append(",".join(f'"{cell}"' for cell in cells))
    assert city.web
    return ("\n".join(lines) + "\n").encode(), number.column, number.title


def upload(page: Page, web: str, content: bytes) -> None:
    page.goto(f"{web}/console/ingest/?q={TITLE}")
    page.locator("table tbody tr", has_text=TITLE).locator("a[href*='/new/']").click()
    page.set_input_files(
        "input[type=file]", {"name": "机构.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name=re.compile("上传")).click()
    page.get_by_role("button", name=re.compile("开始归集")).click()
    expect(page.locator(".cs-pagehead__title")).to_contain_text("已入库", timeout=60_000)


def the_group(page: Page, web: str, title: str) -> None:
    page.goto(f"{web}{HOME}?rule=type&q={TITLE}")
    page.get_by_role("link", name=re.compile(re.escape(f"{title} · "))).first.click()
    expect(page.locator("h1")).to_contain_text(title)


def act(page: Page, verb: str, **values: str) -> None:
    """Unfold an act, fill it in, do it."""
    box = page.locator("details.tk-act").filter(has=page.locator("summary", has_text=verb)).first
    box.locator("summary").click()
    for name, value in values.items():
        box.locator(f"[name$='{name}']").fill(value)
    box.get_by_role("button", name=verb).click()


def test_from_rejected_rows_to_a_closed_ticket(visit, city):
    content, _column, title = delivery(city)
    admin = visit()
    page = admin.sign_in("guanliyuan")
    upload(page, city.web, content)
    the_group(page, city.web, title)
    expect(page.locator(".ing-values")).to_contain_text("约50")
    admin.keep("quarantine-group")
    admin.check_accessibility()
    page.get_by_role("button", name=re.compile("开工单给")).click()
    expect(page.locator("h1")).to_contain_text(title)
    address = page.url.removeprefix(city.web)
    admin.keep("ticket-opened")

    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then=address)
    act(page, "签收")
    expect(page.locator(".cs-pagehead")).to_contain_text("处理中")
    officer.check_accessibility()
    page.get_by_role("link", name="在隔离区更正").click()
    line = page.locator(".ing-value", has_text="约50").first
    expect(line.locator("input[name=replacement]")).to_have_value("50")
    line.get_by_role("button", name="全部改正").click()
    expect(page.locator("main")).to_contain_text("回放后入库")
    page.get_by_role("button", name=re.compile("回放")).first.click()
    expect(page.locator(".cs-pagehead__title")).to_contain_text("已入库", timeout=60_000)

    for _ in range(30):
        officer.open(address)
        if page.locator(".cs-pagehead", has_text="已关闭").count():
            break
        page.wait_for_timeout(1_000)
    expect(page.locator(".cs-pagehead")).to_contain_text("已关闭")
    expect(page.locator(".cs-timeline").first).to_contain_text("复检通过")
    officer.keep("ticket-closed", full=True)


def test_an_objection_is_decided_by_the_bureau(visit, city):
    admin = visit()
    page = admin.sign_in("guanliyuan", then=f"{HOME}?department=")
    page.locator("table tbody tr").filter(
        has_not=page.locator("a[href*='/tickets/']")
    ).first.locator("a[href*='/quarantine/']").first.click()
    page.get_by_role("button", name=re.compile("开工单给")).click()
    expect(page.locator("h1")).not_to_be_empty()
    address = page.url.removeprefix(city.web)
    act(page, "提出异议", reason="按外国人证件规则，这些号码是对的")
    expect(page.locator(".cs-pagehead")).to_contain_text("异议待裁定")

    other = visit()
    page = other.sign_in("fuhe", then=address)
    other.keep("ticket-contested")
    act(page, "异议成立", reason="规则没有考虑外国人证件，改规则")
    expect(page.locator(".cs-pagehead")).to_contain_text("无效")
    expect(page.locator(".cs-timeline").first).to_contain_text("异议成立")


def test_the_phone_and_the_board(visit, city):
    assert city.web
    phone = visit(PHONE)
    page = phone.sign_in("guanliyuan", then="/staff/tickets/")
    phone.keep("tickets-phone")
    page.locator(".cs-cell").first.click()
    expect(page.locator("h1")).not_to_be_empty()
    phone.keep("ticket-phone", full=True)
    phone.check_accessibility()
    desk = visit()
    desk.sign_in("lingdao", then="/console/tickets/board/")
    desk.keep("tickets-board", full=True)
    desk.check_accessibility()
