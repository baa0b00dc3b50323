"""The side menu: long layers are gathered under words of their own, and every page has its place in it."""

import re

import pytest
from django.urls import reverse

from chengshu.kernel.access.shell import ROOMY, MenuGroup, MenuItem, groups


def layer(actor, path):
    """The data layer as somebody sees it on a page."""
    return next(group for group in groups("console", actor, path) if group.key == "data")


@pytest.mark.parametrize(
    ("page", "entry", "section"),
    [
        ("sharing_requests:policy", "申请办理", "共享"), ("sharing_requests:requests", "我的申请", "共享"),
        ("catalog:cycles", "更新逾期", "目录"), ("catalog:standards-import", "数据元", "标准"),
    ],
)  # fmt: skip
def test_a_page_marks_its_entry_and_only_its_section_is_unfolded(scene, page, entry, section):
    found = layer(scene.city.admin, reverse(page))
    assert len(found.items) > ROOMY
    assert [item.title for item in found.items if item.active] == [entry]
    assert [part.title for part in found.sections if part.open] == [section]
    assert sum(len(part.items) for part in found.sections) == len(found.items)


def test_folded_sections_tell_what_waits_in_them_and_are_drawn_as_such(asked, client):
    client.force_login(asked.bureau.account)
    page = client.get(reverse("catalog:resources")).content.decode()
    folded = re.search(r'data-section="data/共享"\s*>(.*?)</details>', page, re.DOTALL)
    assert folded, "one is in the catalogue: sharing is folded"
    assert 'aria-label="1 项待办"' in folded[1].split("</summary>")[0]
    assert re.search(r'data-section="data/目录"\s+data-active\s+open', page)


def test_a_short_layer_stands_open_as_a_whole():
    short = MenuGroup("data", "数据资源", "database", [
        MenuItem(title, "/x/", "list", section=word) for title, word in (("甲", "共享"), ("乙", "目录"))
    ])  # fmt: skip
    assert [part.open for part in short.sections] == [True, True]
