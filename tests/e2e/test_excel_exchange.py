"""The catalogue as a spreadsheet: template, a mistake named by sheet and row, a round trip without change."""

import re
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(300)]

IMPORT = "/console/catalog/import/"


def download(page, name: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=name).first.click()
    path = folder / f"{name}.xlsx"
    started.value.save_as(path)
    return path


def check(page, web: str, path: Path) -> None:
    page.goto(web + IMPORT)
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="上传并检查").click()
    page.wait_for_load_state()


def test_an_export_comes_back_unchanged_and_a_mistake_is_named_by_row(visit, city, tmp_path):
    admin = visit()
    page = admin.sign_in("guanliyuan", then=IMPORT)
    admin.keep("import")
    admin.check_accessibility()
    template = load_workbook(download(page, "下载模板", tmp_path))
    assert {"信息系统", "数据资源", "数据项"} <= set(template.sheetnames)
    path = download(page, "导出现有内容来修改", tmp_path)
    check(page, city.web, path)
    expect(page.locator("main")).to_contain_text(re.compile("没有变化|无变化|未变"))
    admin.keep("import-unchanged")
    book = load_workbook(path)
    sheet = book["数据资源"]
    titles = [str(cell.value or "") for cell in sheet[1]]
    column = next(i for i, title in enumerate(titles, 1) if "资源名称" in title)
    row = next(r for r in range(2, sheet.max_row + 1) if sheet.cell(r, column).value and r > 5)
    sheet.cell(row, column).value = None
    book.save(path)
    check(page, city.web, path)
    expect(page.locator("main")).to_contain_text("数据资源")
    expect(page.locator("main")).to_contain_text(re.compile(rf"\b{row}\b"))
    admin.errors.clear()  # a refused file is a 422 answer, which Chromium logs
    admin.keep("import-mistake")
