"""A department's own PostgreSQL as the source: registered after a real connection, a table chosen, collected."""

import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import expect

pytestmark = [
    pytest.mark.browser, pytest.mark.service, pytest.mark.postgres, pytest.mark.timeout(300),
]  # fmt: skip

TITLE = "养老服务机构信息"
TABLE = "e2e_care_home"


@pytest.fixture
def department(city) -> Iterator[dict[str, str]]:
    """A table of the department with Chinese column comments; its rows are what the lake already holds, in part."""
    url = os.environ.get("CHENGSHU_TEST_POSTGRES_URL")
    if not url:
        pytest.skip("needs a real PostgreSQL: set CHENGSHU_TEST_POSTGRES_URL")
    columns = required_columns(city)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        names = ", ".join(f"{name} text" for name, _title, _values in columns)
        connection.execute(f"CREATE TABLE {TABLE} ({names})")
        for name, title, _values in columns:
            connection.execute(f"COMMENT ON COLUMN {TABLE}.{name} IS '{title}'")
        for row in zip(*(values for _n, _t, values in columns), strict=True):
            connection.execute(f"INSERT INTO {TABLE} VALUES ({','.join(['%s'] * len(row))})", row)
        yield {"url": url, "rows": str(len(columns[0][2]))}
        connection.execute(f"DROP TABLE {TABLE}")


def required_columns(city) -> list[tuple[str, str, list[str]]]:
    """Name, title and five delivered values of every required data item of the resource."""
    from chengshu_demo import city as demo
    from chengshu_demo import rows

    entry = next(e for e in demo().entries if e.title == TITLE)
    batch = next(rows(entry.key, scale="small")).slice(0, 5)
    return [
        (item.column, item.title, batch.column(item.column).to_pylist())
        for item in entry.items
        if item.key or not item.nullable
    ]


def test_a_table_is_registered_chosen_and_collected(visit, city, department):
    parts = urlsplit(department["url"])
    officer = visit()
    page = officer.sign_in("zhuanyuan.ss", then="/console/ingest/sources/new/")
    page.fill("input[name=name]", "民政业务库")
    page.select_option("select[name=owner]", index=1)
    page.fill("input[name=host]", parts.hostname or "")
    page.fill("input[name=port]", str(parts.port))
    page.fill("input[name=database]", parts.path.lstrip("/"))
    page.fill("input[name=user]", parts.username or "")
    page.fill("input[name=password]", parts.password or "")
    officer.keep("source-new")
    page.get_by_role("button", name="连接并登记").click()
    expect(page.locator("main")).to_contain_text("民政业务库")
    page.goto(f"{city.web}/console/ingest/?q={TITLE}")
    page.locator("table tbody tr", has_text=TITLE).locator("a[href*='/new/']").click()
    page.get_by_role("link", name=re.compile("民政业务库")).first.click()
    page.get_by_role("link", name=re.compile(TABLE)).click()
    officer.keep("table-mapping")
    officer.check_accessibility()
    page.get_by_role("button", name="开始归集").click()
    expect(page.locator(".cs-pagehead__title")).to_contain_text("已入库", timeout=60_000)
    expect(page.locator(".cs-balance").first).to_contain_text(department["rows"])
    officer.keep("table-loaded")
