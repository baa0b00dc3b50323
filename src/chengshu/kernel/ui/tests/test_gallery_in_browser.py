"""The gallery in a real browser: accessible in every mode, and its scripts do what they promise."""

import os
import shutil
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from chengshu.kernel.ui.gallery import views

ROOT = Path(__file__).resolve().parents[5]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
DESK, PHONE, SMALL = (
    {"width": width, "height": height} for width, height in ((1440, 900), (390, 844), (320, 640))
)
LARGE, DARK = {"cs_type": "large"}, {"cs_theme": "dark"}
LOOKS = {
    "desk": (DESK, {}, ("", "list/", "shells/detail/", "shells/auth/", "faults/409/")),
    "desk-dark": (DESK, DARK, ("", "shells/detail/", "shells/opendata/")),
    "wall": ({"width": 1920, "height": 1080}, {}, ("shells/cockpit/",)),
    "phone": (
        PHONE,
        {},
        ("list/", "shells/detail/", "shells/citizen/", "shells/cockpit/", "shells/opendata/"),
    ),
    "phone-dark": (PHONE, DARK, ("shells/staff/",)),
    "phone-large": (SMALL, LARGE, ("shells/citizen/", "shells/staff/")),
    "phone-large-dark": (PHONE, LARGE | DARK, ("shells/citizen/",)),
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.service,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CHENGSHU_REQUIRE_ALL"),
        reason="Chromium is not installed",
    ),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    # Playwright's loop runs in this thread; Django takes that for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def open_page(browser, live_server, cast, client_for):
    """A function that opens a signed-in page and fails the test on any script or policy error."""
    session = client_for(cast.operator).cookies["chengshu_session"].value
    contexts, errors = [], []

    def open_(address, *, size=None, cookies=None, **options):
        context = browser.new_context(
            viewport=size or {"width": 1440, "height": 900}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        jar = {"chengshu_session": session, **(cookies or {})}
        context.add_cookies(
            [{"name": name, "value": value, "url": live_server.url} for name, value in jar.items()]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                errors.append(message.text)
                if message.type == "error" and "status of" not in message.text
                else None
            ),
        )
        page.goto(f"{live_server.url}{address}", wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def violations(page, *, enhanced):
    page.evaluate((ROOT / "tests/e2e/vendor" / axe_file()).read_text("utf-8"))
    options = {"runOnly": RULES, "rules": {"color-contrast-enhanced": {"enabled": enhanced}}}
    # The hundreds of icons at the end are all alike and would take most of the time.
    found = page.evaluate("options => axe.run({exclude: ['.cs-icons']}, options)", options)[
        "violations"
    ]
    return [(item["id"], [node["target"] for node in item["nodes"]]) for item in found]


def axe_file():
    folder = ROOT / "tests/e2e/vendor"
    return next(folder.glob("axe-core/*/axe.min.js")).relative_to(folder)


@pytest.mark.parametrize("look", LOOKS)
def test_components_and_shells_are_accessible_and_fit(look, open_page):
    size, cookies, addresses = LOOKS[look]
    told = {}
    for address in addresses:
        page = open_page(reverse("ui:gallery") + address, size=size, cookies=cookies)
        page.wait_for_timeout(250)
        found = violations(page, enhanced="cs_type" in cookies)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(("wider than the screen", []))
        if found:
            told[address] = found
        page.close()
    assert told == {}


def test_a_list_searches_sorts_and_pages_without_leaving_the_page(open_page):
    ContentType.objects.bulk_create(
        ContentType(app_label="sample", model=f"kind{n:03}") for n in range(50)
    )
    page = open_page(reverse("ui:gallery-list"))
    page.evaluate("window.sameDocument = true")
    page.get_by_placeholder("搜索记录类型").fill("kind")
    page.get_by_text("共 50 条").wait_for()
    page.get_by_role("link", name="记录类型").click()
    page.locator("th[aria-sort=descending]").wait_for()
    assert page.locator("td.is-main").first.inner_text() == "kind049"
    page.get_by_role("link", name="下一页").click()
    page.get_by_text("kind029").wait_for()
    assert "q=kind" in page.url
    assert page.evaluate("window.sameDocument")
    page.go_back()
    page.get_by_text("kind049").wait_for()


def test_selected_rows_reach_the_bulk_action_only_after_confirmation(open_page):
    page = open_page(reverse("ui:gallery-list"))
    page.get_by_label("选择第 1 行").check()
    page.get_by_text("已选 1 条").wait_for()
    page.get_by_role("button", name="查看所选").click()
    page.get_by_role("button", name="返回").click()
    assert page.url.endswith(reverse("ui:gallery-list"))
    page.get_by_role("button", name="查看所选").click()
    page.locator("#confirm [data-confirm-yes]").click()
    page.wait_for_url(f"**{reverse('ui:gallery-selected')}")
    assert page.locator(".cs-list__row").count() == 1


def test_a_list_is_worked_with_the_keyboard_alone(open_page):
    ContentType.objects.bulk_create(
        ContentType(app_label="sample", model=f"kind{n:03}") for n in range(30)
    )
    page = open_page(reverse("ui:gallery-list") + "?app_label=sample")
    for key in ("j", "j", "x"):
        page.keyboard.press(key)
    page.get_by_text("已选 1 条").wait_for()
    assert page.get_by_label("选择第 2 行").is_checked()
    page.keyboard.press("n")
    page.get_by_text("kind020").wait_for()
    page.locator("[data-slash]").fill("")
    page.keyboard.press("p")
    assert page.locator("[data-slash]").input_value() == "p", "letters typed into a box are letters"


def test_conditions_are_saved_and_opened_from_the_list(open_page):
    page = open_page(reverse("ui:gallery-list") + "?app_label=ui")
    page.get_by_text("常用", exact=True).click()
    page.get_by_label("给现在的条件起个名字").fill("界面的记录")
    page.get_by_role("button", name="保存现在的条件").click()
    page.get_by_text("已保存为“界面的记录”").wait_for()
    assert page.url.endswith("?app_label=ui")
    page.goto(page.url.partition("?")[0])
    page.get_by_text("常用", exact=True).click()
    page.get_by_role("link", name="界面的记录").click()
    page.wait_for_url("**?app_label=ui")


def test_slash_finds_the_search_box_and_the_navigation_stays_folded(open_page):
    page = open_page(reverse("ui:gallery"))
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-slash]')")
    page.get_by_role("button", name="收起导航").click()
    page.reload()
    assert page.locator("html").get_attribute("data-nav") == "folded"


def test_charts_are_drawn_and_say_their_numbers_without_script(open_page):
    page = open_page(reverse("ui:gallery"))
    page.locator("[data-chart] canvas").first.wait_for()
    assert page.locator("[data-chart] canvas").count() == len(views.samples.charts())
    plain = open_page(reverse("ui:gallery"), java_script_enabled=False)
    assert plain.locator(".cs-chart table").count() == len(views.samples.charts())


def test_progress_refreshes_itself(open_page):
    page = open_page(reverse("ui:gallery"))
    with page.expect_response(f"**{reverse('ui:gallery-progress')}"):
        pass
    assert page.locator("#progress-live").count() == 1


def test_large_type_works_with_and_without_script(open_page):
    address = reverse("ui:gallery-shell", args=["citizen"])
    for scripted in (True, False):
        page = open_page(address, java_script_enabled=scripted)
        page.get_by_role("button", name="大字版").click()
        page.get_by_role("button", name="标准版").wait_for()
        assert page.locator("html").get_attribute("data-type") == "large"
        assert page.url.endswith(address)


def test_anonymous_visitors_can_choose_their_type_size(db):
    response = Client().post(reverse("ui:preferences"), {"type": "large", "next": "/"})
    assert response.status_code == 302
