"""Categories, warehouses, libraries, business items and the systems that serve them."""

from dataclasses import replace

import pytest

from chengshu.data.catalog.forms import category_choices
from chengshu.data.catalog.models import (
    BusinessItem,
    Category,
    InformationSystem,
    Resource,
    ThematicLibrary,
    Warehouse,
)
from chengshu.data.catalog.services import registers as services
from chengshu.data.catalog.services.registers import BusinessContent
from chengshu.data.catalog.services.systems import edit_system
from chengshu.data.catalog.systems import content_of
from chengshu.data.catalog.tests.cast import PENSION, changed, published
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed

PENSION_ITEM = BusinessContent(name="养老保险待遇核发", kind="payment", systems=("rs-sb",))
ROOT = "/console/catalog"


def business(cast, code="SX1"):
    return services.register_business_item(
        actor=cast.officer, code=code, department=cast.hr, content=PENSION_ITEM
    )


@pytest.mark.parametrize(
    ("path", "part", "fine"),
    [
        ("", "2", True), ("", "10", False), ("1", "02", True), ("1", "2", False),
        ("1/01", "002", True), ("1/01", "02", False), ("1/01/001", "A9", True),
        ("1/01", "001", False), ("1/01/001", "01", False),
    ],
)  # fmt: skip
def test_the_parts_of_a_category_code_have_the_shape_of_the_guide(cast, path, part, fine):
    parent = Category.objects.get(code=path) if path else None
    if fine:
        made = services.add_category(actor=cast.admin, parent=parent, part=part, name="新")
        assert made.code == (f"{path}/{part}" if path else part)
    else:
        with pytest.raises(InvalidInput) as refused:
            services.add_category(actor=cast.admin, parent=parent, part=part, name="新")
        assert "part" in refused.value.fields


def test_a_branch_out_of_use_cannot_be_chosen_and_a_used_one_cannot_go(cast):
    published(cast)
    leaf = cast.category
    with pytest.raises(Conflict, match="不能删除"):
        services.remove_category(actor=cast.admin, category=leaf)
    top = Category.objects.get(code="1")
    services.edit_category(actor=cast.admin, category=top, name="基础", active=False)
    assert category_choices() == []
    free = services.add_category(actor=cast.admin, parent=None, part="9", name="多余")
    services.remove_category(actor=cast.admin, category=free)
    assert not Category.objects.filter(code="9").exists()
    with pytest.raises(NotAllowed):
        services.add_category(actor=cast.officer, parent=None, part="8", name="我的")


def test_a_library_holds_published_entries_only(cast):
    entry = published(cast)
    library = services.save_library(
        actor=cast.admin, existing=None, code="zt", name="养老专题", resource_codes=[entry.code]
    )
    assert list(library.resources.all()) == [entry]
    with pytest.raises(InvalidInput, match="没有资源代码为“9/9”"):
        services.save_library(
            actor=cast.admin, existing=library, code="", name="养老", resource_codes=["9/9"]
        )
    services.save_library(actor=cast.admin, existing=library, code="", name="改名")
    assert ThematicLibrary.objects.get().resources.count() == 1


def test_a_business_item_ties_system_and_entry_together(cast, client):
    item = business(cast)
    entry = published(cast, content=replace(PENSION, business_codes=("SX1",)))
    assert list(entry.business_items.all()) == [item]
    assert content_of(cast.system).business_codes == ("SX1",)
    client.force_login(cast.leader.account)
    page = client.get(f"{ROOT}/business/{item.pk}/").content.decode()
    assert PENSION.title in page
    assert "社会保险系统" in page
    page = client.get(f"{ROOT}/systems/{cast.system.pk}/").content.decode()
    assert "养老保险待遇核发" in page
    changed_entry = changed(cast, entry, replace(PENSION, business_codes=()))
    assert changed_entry.business_items.count() == 1
    with pytest.raises(InvalidInput, match="没有代码为“SX9”的业务事项"):
        published(cast, name="x", content=replace(PENSION, business_codes=("SX9",)))


def test_the_second_editor_of_a_business_item_is_told(cast):
    item = business(cast)
    services.edit_business_item(
        actor=cast.officer, item=item, revision=1, content=replace(PENSION_ITEM, status="paused")
    )
    with pytest.raises(Conflict, match="officer同志"):
        services.edit_business_item(actor=cast.admin, item=item, revision=1, content=PENSION_ITEM)
    with pytest.raises(NotAllowed):
        services.edit_business_item(
            actor=cast.stranger, item=item, revision=2, content=PENSION_ITEM
        )
    assert BusinessItem.objects.get().status == "paused"


def test_a_system_says_where_it_runs_and_whom_to_ask(cast):
    business(cast)
    content = replace(
        content_of(cast.system), cloud_zone="行政服务区", security_record="33038312345",
        maintainer="某运维公司", contact="王工", contact_phone="0577-1", business_codes=(),
    )  # fmt: skip
    edit_system(actor=cast.officer, system=cast.system, revision=1, content=content)
    assert content_of(InformationSystem.objects.get()) == content
    with pytest.raises(InvalidInput, match="没有事项编码为“no”"):
        edit_system(
            actor=cast.officer, system=cast.system, revision=2,
            content=replace(content, business_codes=("no",)),
        )  # fmt: skip


def test_pages_of_the_registers(cast, client):
    published(cast)
    client.force_login(cast.admin.account)
    tree = client.get(f"{ROOT}/categories/").content.decode()
    assert "1/01/001/01" in tree
    assert "1 个资源" in tree
    parent = Category.objects.get(code="1/01")
    made = client.post(
        f"{ROOT}/categories/new/?parent={parent.pk}", {"part": "009", "name": "新目"}
    )
    assert made.status_code == 302
    node = Category.objects.get(code="1/01/009")
    bad = client.post(f"{ROOT}/categories/new/?parent={node.pk}", {"part": "?", "name": "x"})
    assert "1–10 位字母或数字" in bad.content.decode()
    client.post(f"{ROOT}/categories/{node.pk}/", {"name": "改目"})
    node.refresh_from_db()
    assert (node.name, node.active) == ("改目", False)
    client.post(f"{ROOT}/categories/{node.pk}/remove/")
    assert not Category.objects.filter(pk=node.pk).exists()
    client.post(f"{ROOT}/warehouses/new/", {"code": "w2", "name": "新仓", "active": "on"})
    house = Warehouse.objects.get(code="w2")
    client.post(f"{ROOT}/warehouses/{house.pk}/edit/", {"name": "旧仓", "owner": "330383-RS"})
    house.refresh_from_db()
    assert (house.name, house.active, house.owner) == ("旧仓", False, cast.hr)
    codes = "\n".join(Resource.objects.values_list("code", flat=True))
    values = {"code": "l1", "name": "专题", "active": "on", "resource_codes": codes}
    client.post(f"{ROOT}/libraries/new/", values)
    assert ThematicLibrary.objects.get(code="l1").resources.count() == 1
    for name in ("warehouses", "libraries", "business"):
        assert client.get(f"{ROOT}/{name}/").status_code == 200


def test_the_page_of_a_warehouse_lists_its_entries(cast, client):
    entry = published(cast)
    client.force_login(cast.officer.account)
    page = client.get(f"{ROOT}/warehouses/{cast.warehouse.pk}/").content.decode()
    assert entry.title in page
    assert "1 个" in page
    assert f"{ROOT}/warehouses/{cast.warehouse.pk}/edit/" not in page
    client.force_login(cast.admin.account)
    page = client.get(f"{ROOT}/warehouses/{cast.warehouse.pk}/").content.decode()
    assert f"{ROOT}/warehouses/{cast.warehouse.pk}/edit/" in page
    assert client.get(f"{ROOT}/warehouses/0/").status_code == 404


def test_the_officer_registers_a_business_item_on_a_page(cast, client):
    client.force_login(cast.officer.account)
    values = {"code": "SX2", "name": "工伤认定", "department": "330383-RS", "kind": "confirmation",
              "status": "active", "systems": ["rs-sb"]}  # fmt: skip
    made = client.post(f"{ROOT}/business/new/", values)
    item = BusinessItem.objects.get(code="SX2")
    assert made.url == f"{ROOT}/business/{item.pk}/"
    form = client.get(f"{ROOT}/business/{item.pk}/edit/").content.decode()
    assert "工伤认定" in form
    bad = client.post(f"{ROOT}/business/{item.pk}/edit/", values | {"name": "", "revision": 1})
    assert bad.status_code == 422
    assert client.get(f"{ROOT}/categories/new/").status_code == 403
