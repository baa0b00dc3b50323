"""Every face of the city at the sizes people use: it opens, nothing complains, axe finds nothing serious."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

CONSOLE = (
    ("guanliyuan", "console-home", "/console/"),
    ("guanliyuan", "catalogue", "/console/catalog/resources/"),
    ("guanliyuan", "systems", "/console/catalog/systems/"),
    ("guanliyuan", "collection", "/console/ingest/"),
    ("guanliyuan", "batches", "/console/ingest/batches/"),
    ("guanliyuan", "interfaces", "/console/sharing/interfaces/"),
    ("guanliyuan", "calls", "/console/sharing/calls/"),
    ("guanliyuan", "opening", "/console/opening/datasets/"),
    ("guanliyuan", "search", "/console/search/?q=养老"),
    ("yunwei", "organizations", "/console/organizations/"),
    ("yunwei", "accounts", "/console/accounts/"),
    ("yunwei", "jobs", "/console/jobs/"),
    ("yunwei", "gallery", "/console/ui/"),
    ("anquan", "audit-records", "/console/audit/"),
    ("kaifazhe", "integrator-home", "/console/"),
)
PHONES = (
    ("shimin", "citizen-me", "/me/"),
    ("guanliyuan", "staff-home", "/staff/"),
    ("guanliyuan", "staff-apps", "/staff/apps/"),
    ("guanliyuan", "staff-me", "/staff/me/"),
)
PUBLIC = (
    ("citizen-home", "/"),
    ("departments", "/departments/"),
    ("open-home", "/open/"),
    ("open-list", "/open/datasets/?q=区划"),
    ("open-villages", "/open/datasets/zhejiang-villages/"),
    ("sign-in", "/sign-in/"),
)


@pytest.mark.parametrize(("username", "name", "path"), CONSOLE, ids=[c[1] for c in CONSOLE])
def test_console(visit, username, name, path):
    person = visit(DESKTOP)
    person.sign_in(username, then=path)
    person.page.wait_for_timeout(400)
    person.keep(name)
    person.check_accessibility()


@pytest.mark.parametrize(("username", "name", "path"), PHONES, ids=[c[1] for c in PHONES])
def test_phone(visit, username, name, path):
    person = visit(PHONE)
    person.sign_in(username, then=path)
    person.keep(name)
    person.check_accessibility()
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(("name", "path"), PUBLIC, ids=[c[0] for c in PUBLIC])
def test_public(visit, name, path, size):
    stranger = visit(size)
    stranger.open(path)
    stranger.page.wait_for_timeout(300)
    stranger.keep(name)
    stranger.check_accessibility()
    assert stranger.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_reading_works_without_javascript_and_in_large_type(visit):
    stranger = visit(PHONE, java_script_enabled=False)
    page = stranger.open("/")
    page.get_by_role("button", name="大字版").click()
    expect(page.locator("html")).to_have_attribute("data-type", "large")
    stranger.keep("citizen-large")
    page = stranger.open("/open/datasets/zhejiang-villages/")
    expect(page.locator("main")).to_contain_text("清波门社区")


def test_five_wrong_passwords_lock_the_account_and_say_for_how_long(visit):
    stranger = visit(PHONE)
    page = stranger.open("/sign-in/")
    for _ in range(6):
        page.fill("input[name=username]", "qiye")
        page.fill("input[name=password]", "Wrong-Pass-1")
        page.press("input[name=password]", "Enter")
        page.wait_for_load_state()
    expect(page.locator("main")).to_contain_text("分钟")
    stranger.errors.clear()  # the refused sign-ins are 4xx answers, which Chromium logs
    stranger.keep("locked-out")


def test_a_link_one_may_not_use_says_so_and_what_to_do(visit):
    person = visit(DESKTOP)
    person.sign_in("kaifazhe")
    answer = person.page.goto(person.city.web + "/console/audit/")
    assert answer is not None
    assert answer.status == 403
    expect(person.page.locator("main")).to_contain_text("没有做任何改动")
