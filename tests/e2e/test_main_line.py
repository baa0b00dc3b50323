"""The data officer's first hour and everybody after: one table from a department's file to a call and a download.

The steps build on each other, as they do for people; each leaves a screenshot.
"""

import csv
import io
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chengshu_gateway.client import GatewayClient, GatewayRefusedError
from tests.e2e.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(600)]
CITY_ITEMS = 11_315 + 6  # of the demo city and of the villages; journeys add their own

SYSTEM = "330383-SS-E2E"
TITLE = "社区助老餐点信息"
TABLE = "e2e_meal_point"
ITEMS = (
    # title, name, type, length, required, key, format
    ("餐点编号", "code", "text", "10", True, True, ""),
    ("餐点名称", "name", "text", "40", True, False, ""),
    ("社区代码", "community_code", "text", "12", True, False, "region12"),
    ("每餐价格", "price", "decimal", "", False, False, ""),
    ("开办日期", "opened_on", "date", "", False, False, ""),
)
HEADER = [item[0] for item in ITEMS]
GOOD = [
    [f"C{n:04d}", f"{name}助老餐点", f"330383198{n:03d}", f"{8 + n % 5}.50", f"2024-{n % 12 + 1:02d}-18"]
    for n, name in enumerate(("龙城", "江口", "江浦", "池浦", "下埠", "东城", "洪宫", "龙虹", "下涝", "方岩"), 1)
]  # fmt: skip
BAD = [
    ["C0011", "新渡助老餐点", "33038319801", "9.50", "2024-03-01"],  # eleven digits
    ["C0012", "流浦助老餐点", "330383198016", "九块五", "2024-03-01"],  # not a number
    ["C0013", "瓯南助老餐点", "330383198017", "9.50", "2024-02-31"],  # no such day
]


def delivery(folder: Path) -> Path:
    """The department's file: GB18030, three wrong rows, one repeated row."""
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *GOOD, *BAD, GOOD[0]])
    path = folder / "助老餐点.csv"
    path.write_bytes(text.getvalue().encode("gb18030"))
    return path


def choose(page: Page, name: str, words: str) -> None:
    """Choose the option of a select whose label contains ``words``."""
    option = page.locator(f"select[name={name}] option", has_text=words).first
    page.select_option(f"select[name={name}]", option.get_attribute("value"))


def wait_for_state(page: Page, words: str, seconds: int = 60) -> None:
    """Wait until the live page says ``words``."""
    expect(page.locator("main")).to_contain_text(words, timeout=seconds * 1000)


def test_the_officer_registers_a_system(visit):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then="/console/catalog/systems/new/")
    page.fill("input[name=code]", SYSTEM)
    page.fill("input[name=name]", "助老餐点管理系统")
    choose(page, "owner", "社会事业局")
    page.fill("textarea[name=purpose]", "登记助老餐点，核对补贴。")
    choose(page, "security_level", "二级")
    officer.keep("system-new")
    officer.check_accessibility()
    page.get_by_role("button", name="登记系统").click()
    expect(page.locator("h1")).to_contain_text("助老餐点管理系统")


def test_the_officer_describes_a_resource_and_submits_it(visit):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then="/console/catalog/resources/new/")
    page.fill("input[name=title]", TITLE)
    page.fill(
        "textarea[name=summary]", "各社区助老餐点的位置、价格和开办日期，供老年人和家属查找。"
    )
    page.check("input[name=formats][value=table]")
    choose(page, "update_cycle", "每月")
    choose(page, "provider", "社会事业局")
    choose(page, "category", "便民服务点")
    page.fill("input[name=physical_name]", TABLE)
    choose(page, "system", "助老餐点")
    page.select_option("select[name=warehouse]", index=1)
    page.check("input[name=sharing_type][value=unconditional]")
    page.check("input[name=open_type][value=unconditional]")
    page.get_by_role("button", name="添加五项").click()
    expect(page.locator("input[name='item-4-title']")).to_be_visible()
    for index, (title, name, kind, length, required, key, form) in enumerate(ITEMS):
        page.fill(f"[name='item-{index}-title']", title)
        page.fill(f"[name='item-{index}-name']", name)
        page.select_option(f"[name='item-{index}-type']", kind)
        page.fill(f"[name='item-{index}-length']", length)
        page.set_checked(f"[name='item-{index}-required']", required)
        page.set_checked(f"[name='item-{index}-is_key']", key)
        if form:
            page.select_option(f"[name='item-{index}-format']", form, force=True)
    officer.keep("resource-new", full=True)
    page.get_by_role("button", name="保存并提交审核").click()
    expect(page.locator("main")).to_contain_text("待审核")
    officer.keep("resource-submitted")


def test_a_second_person_reviews_and_publishes(visit):
    admin = visit()
    page = admin.sign_in("guanliyuan", then="/console/")
    expect(page.locator("main")).to_contain_text("目录审核")
    admin.keep("home-with-work")
    page.goto(admin.city.web + "/console/catalog/reviews/")
    page.get_by_role("link", name=TITLE).first.click()
    admin.keep("review")
    admin.check_accessibility()
    page.get_by_role("button", name=re.compile("通过")).first.click()
    confirm = page.locator("#confirm[open] [data-confirm-yes]")
    if confirm.is_visible():
        confirm.click()
    wait_for_state(page, "已发布")


def open_resource(page: Page, web: str) -> None:
    page.goto(f"{web}/console/catalog/resources/?q={TITLE}")
    page.get_by_role("link", name=TITLE).first.click()


def test_the_officer_uploads_checks_and_loads(visit, tmp_path):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then=f"/console/ingest/?q={TITLE}")
    page.locator("table a[href*='/new/']").first.click()
    page.set_input_files("input[type=file]", delivery(tmp_path))
    officer.keep("ingest-new")
    page.get_by_role("button", name=re.compile("上传")).first.click()
    expect(page.locator("main")).to_contain_text("GB18030")
    expect(page.locator("main")).to_contain_text("龙城助老餐点")
    officer.keep("ingest-confirm")
    officer.check_accessibility()
    page.get_by_role("button", name=re.compile("开始归集")).first.click()
    wait_for_state(page, "已入库")
    balance = page.locator(".cs-balance").first
    for number in ("14", "10", "3", "1"):
        expect(balance).to_contain_text(number)
    officer.keep("batch-loaded")
    officer.check_accessibility()


def test_the_officer_corrects_two_sends_one_back_and_replays(visit):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then=f"/console/ingest/batches/?q={TITLE}")
    page.locator("table tbody a[href*='/batches/']").first.click()
    page.get_by_role("link", name="处理隔离数据").click()
    expect(page.locator("main")).to_contain_text("33038319801")
    officer.keep("quarantine")
    officer.check_accessibility()
    for row, cell, value in ((12, "community_code", "330383198011"), (13, "price", "9.50")):
        form = page.locator(f"form[action$='/quarantine/{row}/']")
        page.locator(f"[name='cell-{cell}']").locator("visible=true").first.fill(value)
        form.get_by_role("button", name="保存更正").click()
        expect(page.locator("main")).to_contain_text("已更正待回放")
        page.wait_for_timeout(400)
    page.goto(page.url.split("?")[0])
    page.check("input[name=row][value='14']")
    page.fill("input[name=note]", "请核对开办日期后重报")
    page.get_by_role("button", name="退回选中的行").click()
    expect(page.locator("main")).to_contain_text(re.compile(r"已退回\s*1"))
    page.get_by_role("button", name=re.compile(r"回放\s*2\s*行")).click()
    confirm = page.locator("#confirm[open] [data-confirm-yes]")
    if confirm.count() and confirm.is_visible():
        confirm.click()
    expect(page.locator(".cs-pagehead__title")).to_contain_text("已入库", timeout=60_000)
    officer.keep("replayed")
    page.goto(f"{officer.city.web}/console/ingest/?q={TITLE}")
    expect(page.locator("table tbody tr", has_text=TITLE)).to_contain_text("12")


def test_the_cockpit_drills_down(visit):
    from tests.e2e.conftest import WALL

    leader = visit(WALL)
    page = leader.sign_in("lingdao", then="/cockpit/")
    items = page.get_by_role("link", name=re.compile(r"^数据项 [\d,]+"))
    counted = re.findall(r"[\d,]+", items.inner_text())[0]
    assert int(counted.replace(",", "")) >= CITY_ITEMS
    page.wait_for_timeout(800)
    leader.keep("cockpit")
    leader.check_accessibility()
    page.get_by_role("link", name=re.compile("下涝社区")).click()
    expect(page.locator("h1")).to_contain_text("下涝社区")
    page.goto(f"{leader.city.web}/console/catalog/items/")
    expect(page.locator("main")).to_contain_text(counted)
    phone = visit(PHONE)
    phone.sign_in("lingdao", then="/cockpit/")
    phone.keep("cockpit")


def pick_resource(page: Page, web: str, path: str) -> None:
    """Choose our resource in a list of resources."""
    page.goto(f"{web}{path}?q={TITLE}")
    page.locator("table tbody a", has_text=TITLE).first.click()


def test_the_officer_publishes_an_interface_and_grants_it(visit, city):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss")
    pick_resource(page, city.web, "/console/sharing/interfaces/new/")
    page.fill("input[name=code]", "e2e-meal-point")
    page.check("input[name=key_column][value=code]")
    page.get_by_role("button", name="发布接口").click()
    wait_for_state(page, "已上线")
    officer.keep("interface-online")
    officer.check_accessibility()
    page.goto(f"{city.web}/console/sharing/applications/new/")
    page.fill("input[name=name]", "助老地图")
    page.fill("input[name=code]", "e2e-elder-map")
    page.fill("textarea[name=purpose]", "在地图上给老年人指路")
    page.get_by_role("button", name="登记").click()
    page.goto(f"{city.web}/console/sharing/interfaces/e2e-meal-point/grant/")
    choose(page, "application", "助老地图")
    page.fill("textarea[name=purpose]", "查询餐点名称和价格")
    for _title, name, *_rest in ITEMS:
        page.set_checked(f"input[name=fields][value={name}]", name in {"code", "name", "price"})
    officer.keep("grant-new")
    officer.check_accessibility()
    page.get_by_role("button", name="授权").last.click()
    expect(page.locator("main")).to_contain_text("助老地图")
    officer.keep("granted")


def issue_key(page: Page, web: str) -> tuple[str, str]:
    """Issue a key of our application and read the secret that is shown once."""
    page.goto(f"{web}/console/sharing/applications/e2e-elder-map/")
    page.get_by_role("link", name="签发密钥").click()
    page.get_by_role("button", name="签发").click()
    expect(page.locator("h1")).to_contain_text("密钥已签发")
    text = page.locator("main").inner_text()
    key_id = re.search(r"\bk[0-9a-f]{12}\b", text)
    secret = re.search(r"(?<![\w-])[\w-]{43}(?![\w-])", text)
    assert key_id is not None, text
    assert secret is not None, text
    return key_id.group(0), secret.group(0)


def test_the_integrator_calls_and_a_revoked_grant_is_refused_within_two_seconds(visit, city):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss")
    key_id, secret = issue_key(page, city.web)
    client = GatewayClient(city.gateway, app="e2e-elder-map", key_id=key_id, secret=secret)
    answer = answered(client, "C0003")
    assert answer == {"code": "C0003", "name": "江浦助老餐点", "price": "11.50"}
    assert answered(client, "C0011")["name"] == "新渡助老餐点"
    with pytest.raises(GatewayRefusedError) as refused:
        client.lookup("e2e-meal-point", "C0003", fields=["community_code"])
    assert refused.value.status == 403
    page.goto(f"{city.web}/console/sharing/interfaces/e2e-meal-point/")
    page.locator("main a[href*='/grants/']").first.click()
    page.get_by_role("link", name=re.compile("收回")).or_(
        page.get_by_role("button", name=re.compile("收回"))
    ).first.click()
    page.locator("[name=reason]").first.fill("演练收回")
    page.get_by_role("button", name=re.compile("收回")).last.click()
    expect(page.locator("main")).to_contain_text("已收回")
    officer.keep("grant-revoked")
    time.sleep(2)
    with pytest.raises(GatewayRefusedError) as revoked:
        client.lookup("e2e-meal-point", "C0003")
    assert revoked.value.status == 403
    client.close()


def answered(client: GatewayClient, key: str) -> dict[str, object]:
    """Look a key up; rules reach the gateway within two seconds, so a first refusal is tried again."""
    deadline = time.monotonic() + 4
    while True:
        try:
            data = client.lookup("e2e-meal-point", key).data
        except GatewayRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            assert data is not None
            return data


def test_the_dataset_is_opened_and_anybody_downloads_it(visit, city):
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss")
    pick_resource(page, city.web, "/console/opening/datasets/new/")
    page.fill("input[name=slug]", "e2e-meal-points")
    choose(page, "theme", "生活服务")
    officer.keep("dataset-new")
    officer.check_accessibility()
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("草稿")
    admin = visit()
    page = admin.sign_in("guanliyuan", then="/console/opening/datasets/e2e-meal-points/")
    page.get_by_role("button", name=re.compile("发布|开放")).first.click()
    confirm = page.locator("#confirm[open] [data-confirm-yes]")
    if confirm.count() and confirm.is_visible():
        confirm.click()
    wait_for_state(page, "已开放")
    admin.keep("dataset-published")
    reader = visit()
    page = reader.open("/open/datasets/e2e-meal-points/")
    expect(page.locator("main")).to_contain_text("江浦助老餐点")
    reader.keep("open-dataset")
    reader.check_accessibility()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    assert len(rows) == 12
    phone = visit(PHONE)
    phone.open("/open/datasets/e2e-meal-points/")
    phone.keep("open-dataset")
    phone.check_accessibility()


def test_the_trail_is_whole_and_names_what_was_done(visit, city):
    auditor = visit()
    page = auditor.sign_in("anquan", then="/console/audit/")
    expect(page.locator("table")).to_contain_text("发布")
    auditor.keep("audit")
    auditor.check_accessibility()
    verified = city.command("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "链条完整" in verified.stdout
