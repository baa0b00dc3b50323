"""The journey that decides adoption, in one story: the data officer and the data administrator on a running city.

Register a system, describe a table by reverse cataloguing, have it approved, collect it with a plan, see three rows
refused, mend two, be sent a ticket for the third, correct it at the source, and watch the ticket close and the
grade rise.
"""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, Visitor
from tests.e2e.department import (
    COLUMNS,
    NO_DAY,
    RUN,
    SHORT_CODE,
    SOURCE,
    TABLE,
    TITLE,
    WORDS,
    Department,
)  # fmt: skip

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

SYSTEM = f"社区书房管理系统{RUN}"
LOADED = 60_000


@pytest.fixture
def department(city) -> Iterator[Department]:
    url = os.environ.get("CHENGSHU_TEST_POSTGRES_URL", "")
    found = Department(url, city.folder / "drops" / TABLE)
    found.remove()
    found.prepare()
    yield found
    found.remove()


def choose(page: Page, name: str, words: str) -> None:
    """Choose the option of a select whose label contains ``words``."""
    option = page.locator(f"select[name={name}] option", has_text=words).first
    page.select_option(f"select[name={name}]", option.get_attribute("value"))


def look(visitor: Visitor, name: str) -> None:
    """Keep and check a page as it stands at the desk and on the phone."""
    for size, label in ((DESKTOP, "1440"), (PHONE, "390")):
        visitor.page.set_viewport_size({"width": size[0], "height": size[1]})
        visitor.size = label
        visitor.keep(f"officer-{name}", full=True)
        visitor.check_accessibility()
        wide = visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{name}: the page is wider than {label} pixels"
    visitor.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    visitor.size = "1440"


def agree(page: Page) -> None:
    """Say yes where the page asks again."""
    yes = page.locator("#confirm[open] [data-confirm-yes]")
    if yes.count() and yes.is_visible():
        yes.click()


def score_in(page: Page) -> float:
    """The points in the grade panel of a loaded batch or run, once its own data are evaluated."""
    panel = page.locator(".cs-panel", has=page.get_by_role("heading", name="质量等级"))
    expect(panel).to_contain_text("评价于", timeout=LOADED)
    found = re.search(r"([\d.]+)\s*分", panel.inner_text())
    assert found is not None, panel.inner_text()
    return float(found[1])


def score_of(page: Page, web: str, resource: str) -> float:
    """The points on the quality page of the resource."""
    page.goto(f"{web}/console/quality/resources/{resource}/")
    text = page.locator(".cs-stat", has_text="总分").first.inner_text()
    return float(re.search(r"[\d.]+", text.partition("总分")[2])[0])


def describe(officer: Visitor, city, department: Department) -> str:
    """Register the system and the source, take the proposal, submit it; returns the resource's number."""
    page = officer.open("/console/catalog/systems/new/")
    page.fill("input[name=code]", f"330383-SS-{RUN}")
    page.fill("input[name=name]", SYSTEM)
    choose(page, "owner", "社会事业局")
    page.fill("textarea[name=purpose]", "登记社区书房，安排开放时间。")
    choose(page, "security_level", "二级")
    page.get_by_role("button", name="登记系统").click()
    expect(page.locator("h1")).to_contain_text(SYSTEM)
    department.register(page, city.web)
    look(officer, "source")
    page.get_by_role("button", name="连接并登记").click()
    expect(page.locator("h1")).to_contain_text(SOURCE)
    page.get_by_role("link", name="从这里生成目录").click()
    page.locator("tbody tr", has_text=department.object).locator("input[name=table]").check()
    look(officer, "tables")
    page.get_by_role("button", name="分析选中的表").click()
    page.get_by_role("link", name="去核对").or_(
        page.get_by_role("button", name="生成目录草稿")
    ).first.wait_for(timeout=LOADED)
    if page.get_by_role("link", name="去核对").count():
        page.get_by_role("link", name="去核对").click()
    confirm(officer)
    page.get_by_role("button", name="生成目录草稿").click()
    expect(page.locator("main")).to_contain_text("目录草稿已生成")
    page.get_by_role("link", name="补全并提交审核").click()
    complete(page)
    look(officer, "entry")
    page.get_by_role("button", name="保存并提交审核").click()
    expect(page.locator("main")).to_contain_text("待审核")
    return re.search(r"/resources/(\d+)/", page.url)[1]


def confirm(officer: Visitor) -> None:
    """The proposal: names, key and types are filled in already; a person looks and decides."""
    page = officer.page
    # A file has no comment that says what it is about; the officer writes it.
    page.fill("input[name=title]", TITLE)
    rows = {}
    for name, title in COLUMNS:
        told = page.locator(f"input[name$='-title'][value='{title}']")
        expect(told).to_have_count(1)
        rows[name] = page.locator("tr", has=told)
        # A file has Chinese headers only; the officer gives its columns the names a table would have.
        named = rows[name].locator("input[name$='-name']")
        if named.input_value() != name:
            named.fill(name)
    expect(rows["room_no"].locator("[name$='-is_key']")).to_be_checked()
    expect(rows["opened_on"].locator("[name$='-type']")).to_have_value("date")
    expect(rows["seats"].locator("[name$='-type']")).to_have_value("integer")
    expect(rows["community_code"].locator("[name$='-format']")).to_have_value("region12")
    look(officer, "proposal")
    choose(page, "category", "便民服务点")
    choose(page, "update_cycle", "每月")
    page.fill("input[name=summary]", "各社区书房的位置、座位和开放日期，供居民查找。")


def complete(page: Page) -> None:
    """What no machine can know: the system, how it is shared and opened."""
    choose(page, "system", SYSTEM)
    page.select_option("select[name=warehouse]", index=1)
    page.check("input[name=formats][value=table]")
    page.check("input[name=sharing_type][value=unconditional]")
    page.check("input[name=open_type][value=unconditional]")


def approve(admin: Visitor) -> None:
    page = admin.open("/console/catalog/reviews/")
    page.get_by_role("link", name=TITLE).first.click()
    look(admin, "review")
    page.get_by_role("button", name="通过并发布").click()
    agree(page)
    expect(page.locator("main")).to_contain_text("已发布")


def collect(officer: Visitor, city, department: Department) -> str:
    """Make the plan and run it; returns the address of the run."""
    page = officer.open(f"/console/collection/new/?q={TITLE}")
    page.locator("table").get_by_role("link", name=TITLE).click()
    page.locator("table").get_by_role("link", name=SOURCE).click()
    page.locator("table").get_by_role("link", name=department.object).click()
    look(officer, "plan")
    page.get_by_role("button", name="创建并立即运行").click()
    loaded(page, (14, 10, 3, 1))
    return page.url.removeprefix(city.web)


def loaded(page: Page, books: tuple[int, int, int, int]) -> None:
    """Wait until the live page has its books: source = accepted + quarantined + duplicates."""
    expect(page.locator(".cs-balance").first).to_be_visible(timeout=LOADED)
    source, accepted, quarantined, repeated = books
    words = page.locator(".cs-balance__sum").first.inner_text()
    told = re.sub(r"\s+", "", words)
    assert f"来源{source}=入库{accepted}+隔离{quarantined}+重复{repeated}" in told, words


def mend_two(officer: Visitor) -> None:
    """Three reasons beside three values; two are corrected here and replayed."""
    page = officer.page
    page.get_by_role("link", name="处理隔离数据").click()
    rows = page.locator("article.ing-row")
    expect(rows).to_have_count(3)
    for value in (SHORT_CODE, WORDS, NO_DAY):
        row = rows.filter(has=page.locator(".is-bad", has_text=value))
        expect(row.locator(".is-bad .ing-cell__why")).not_to_be_empty()
    look(officer, "quarantine")
    for value, cell, right in (
        (SHORT_CODE, "community_code", "330383198011"), (WORDS, "seats", "24"),
    ):  # fmt: skip
        row = rows.filter(has=page.locator(".is-bad", has_text=value))
        number = row.get_attribute("id")
        row.locator(f".is-bad [name='cell-{cell}']").fill(right)
        row.get_by_role("button", name="保存更正").click()
        expect(page.locator(f"#{number}")).to_contain_text("已更正待回放")
    page.get_by_role("button", name=re.compile(r"回放\s*2\s*行")).click()
    agree(page)
    loaded(page, (2, 2, 0, 0))


def send_ticket(admin: Visitor, city) -> str:
    """The administrator finds what is left and asks the department for it; returns the ticket's address."""
    page = admin.open(f"/console/ingest/quarantine/?q={TITLE}")
    look(admin, "quarantine-groups")
    page.get_by_role("link", name=re.compile("开放日期 · ")).first.click()
    expect(page.locator(".ing-values")).to_contain_text(NO_DAY)
    look(admin, "quarantine-group")
    page.get_by_role("button", name=re.compile("开工单给")).click()
    expect(page.locator("h1")).to_contain_text("开放日期")
    return page.url.removeprefix(city.web)


def claim(officer: Visitor, ticket: str) -> None:
    page = officer.open(ticket)
    box = page.locator("details.tk-act").filter(has=page.locator("summary", has_text="签收")).first
    box.locator("summary").click()
    box.get_by_role("button", name="签收").click()
    expect(page.locator(".cs-pagehead")).to_contain_text("处理中")
    look(officer, "ticket")


def collect_again(officer: Visitor) -> None:
    """The same plan once more, after the source was corrected."""
    page = officer.open(f"/console/collection/?q={TITLE}")
    page.locator("table tbody a", has_text=TITLE).first.click()
    look(officer, "plan-page")
    page.get_by_role("button", name="立即运行").click()
    expect(page.locator(".cs-pagehead")).to_contain_text("已入库", timeout=LOADED)
    expect(page.locator(".cs-balance__sum").first).to_contain_text("账平")


def closed(visitor: Visitor, ticket: str) -> None:
    """The re-check needs nobody: the ticket is closed when one looks again."""
    for _ in range(60):
        page = visitor.open(ticket)
        if page.locator(".cs-pagehead", has_text="已关闭").count():
            break
        page.wait_for_timeout(500)
    expect(page.locator(".cs-pagehead")).to_contain_text("已关闭")
    expect(page.locator(".cs-timeline").first).to_contain_text("复检通过")


def test_from_a_registered_system_to_a_closed_ticket_and_a_better_grade(visit, city, department):
    officer, admin = visit(), visit()
    officer.sign_in("zhuanyuan.ss")
    admin.sign_in("guanliyuan")
    resource = describe(officer, city, department)
    approve(admin)
    department.deliver()
    collect(officer, city, department)
    before = score_in(officer.page)
    look(officer, "run")
    assert score_of(admin.page, city.web, resource) == pytest.approx(before, abs=0.01)
    look(admin, "quality-before")

    mend_two(officer)
    halfway = score_in(officer.page)
    look(officer, "replayed")
    assert halfway > before

    ticket = send_ticket(admin, city)
    claim(officer, ticket)
    department.correct()
    collect_again(officer)
    after = score_in(officer.page)
    expect(officer.page.locator("main")).to_contain_text("比这次归集前高")
    look(officer, "run-again")
    assert after > halfway
    closed(officer, ticket)
    look(officer, "ticket-closed")

    assert score_of(officer.page, city.web, resource) == pytest.approx(after, abs=0.01)
    look(officer, "quality-after")
    administrator_sees_it(admin, resource)


def administrator_sees_it(admin: Visitor, resource: str) -> None:
    """The quality board, the list behind it, and the closed ticket in the list of tickets."""
    page = admin.open("/console/quality/")
    expect(page.locator("main")).to_contain_text("社会事业局")
    look(admin, "quality-board")
    page = admin.open(f"/console/quality/resources/?q={TITLE}")
    expect(page.locator(f"tbody a[href='/console/quality/resources/{resource}/']")).to_be_visible()
    look(admin, "quality-list")
    page = admin.open(f"/console/tickets/?standing=closed&q={TITLE}")
    row = page.locator("tbody tr", has_text=TITLE)
    expect(row.first).to_contain_text("已关闭")
    look(admin, "tickets")
