"""A second scene: people on relief, each row a person, everything harmless field by field."""

from datetime import date
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.opening.tests.cast import Scene
from chengshu_lake import Lake

ITEMS = (
    ItemContent(name="record_no", title="登记编号", length=20, is_key=True, nullable=False, sensitivity="L1"),
    ItemContent(name="gender", title="性别", length=2, sensitivity="L1"),
    ItemContent(name="age_band", title="年龄段", length=10, sensitivity="L1"),
    ItemContent(name="community_code", title="所属社区代码", length=12, format="region12", sensitivity="L1"),
    ItemContent(name="relief", title="救助类别", length=10, sensitivity="L1"),
    ItemContent(name="confirmed_on", title="认定日期", type="date", sensitivity="L1"),
)  # fmt: skip
CONTENT = VersionContent(
    title="社会救助对象分布", system="rs-sb", warehouse="dw-people",
    summary="按社区登记的社会救助对象，不含姓名和证件号码，由民政部门认定",
    sharing_type="unconditional", open_type="unconditional", update_cycle="monthly",
    formats=("table",), items=ITEMS,
)  # fmt: skip
OPEN = ["record_no", "gender", "age_band", "community_code", "relief"]
SCHEMA = pa.schema(
    [pa.field("record_no", pa.string(), nullable=False)]
    + [pa.field(name, pa.string()) for name in ("gender", "age_band", "community_code", "relief")]
    + [pa.field("confirmed_on", pa.date32())]
)


def person(number: int, group: int, relief: str) -> dict[str, Any]:
    """One of the people; equal ``group`` means equal in everything others may know."""
    return {
        "record_no": f"JZ{number:05}", "gender": "男女"[group % 2], "age_band": f"{group % 3 + 3}0-{group % 3 + 3}9岁",
        "community_code": f"33038310{group % 4:04}", "relief": relief, "confirmed_on": date(2026, 1, 1),
    }  # fmt: skip


def people(groups: int, each: int, start: int = 0) -> list[dict[str, Any]]:
    """``groups`` groups of ``each`` people with two kinds of relief in each."""
    return [
        person(start + group * each + i, group, ("低保", "临时救助")[i % 2])
        for group in range(groups)
        for i in range(each)
    ]


def catalogued() -> Scene:
    """The department with its catalogue entry, nothing collected yet."""
    city = catalog_cast.assemble()
    return Scene(city, catalog_cast.published(city, name="relief_people", content=CONTENT))


def collect(resource: Resource, data: list[dict[str, Any]]) -> None:
    """Put people into the working table."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        lake.create(resource.lake_table, SCHEMA, key=["record_no"])
    lake.merge(resource.lake_table, pa.Table.from_pylist(data, schema=SCHEMA))


def draft(scene: Scene, **changes: Any) -> Any:
    """A draft of everything but the date."""
    return scene.dataset(**{"slug": "relief", "fields": OPEN, "theme": "welfare"} | changes)
