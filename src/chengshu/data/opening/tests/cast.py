"""The fixed scene of opening's tests: a department with a table of public facilities, collected into the lake."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.models import CodeTable, CodeValue, Resource
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.release.building import publish_release
from chengshu.data.opening.services import approvals, datasets
from chengshu.kernel.access.actor import Actor, platform
from chengshu_lake import Lake

ITEMS = (
    ItemContent(name="facility_no", title="设施编号", length=20, is_key=True, nullable=False, sensitivity="L1",
                definition="设施的唯一编号"),
    ItemContent(name="facility_name", title="设施名称", length=100, sensitivity="L1", definition="挂牌名称"),
    ItemContent(name="kind", title="设施类别", length=2, code_table="facility", sensitivity="L1"),
    ItemContent(name="community_code", title="所属社区代码", length=12, format="region12", sensitivity="L1"),
    ItemContent(name="longitude", title="经度(度)", type="decimal", precision=10, scale=6, sensitivity="L1"),
    ItemContent(name="latitude", title="纬度(度)", type="decimal", precision=9, scale=6, sensitivity="L1"),
    ItemContent(name="seats", title="座位数", type="integer", sensitivity="L1"),
    ItemContent(name="is_free", title="是否免费", type="boolean", sensitivity="L1"),
    ItemContent(name="opened_on", title="启用日期", type="date", sensitivity="L1"),
    ItemContent(name="checked_at", title="巡检时间", type="datetime", sensitivity="L1"),
    ItemContent(name="remark", title="备注", length=200, sensitivity="L1"),
    ItemContent(name="keeper", title="责任人姓名", length=50, sensitivity="L1"),
    ItemContent(name="keeper_mobile", title="联系电话", length=11, format="mobile", sensitivity="L1"),
    ItemContent(name="cost", title="造价", type="decimal", precision=12, scale=2, sensitivity="L1"),
)  # fmt: skip
CONTENT = VersionContent(
    title="城市公共便民设施点位信息", system="rs-sb", warehouse="dw-people",
    summary="公厕、直饮水、休憩座椅等便民设施的位置与开放时间，由综合行政执法部门登记",
    sharing_type="unconditional", open_type="unconditional", update_cycle="quarterly",
    formats=("table",), items=ITEMS,
)  # fmt: skip
OPEN = [i.name for i in ITEMS if i.name not in {"keeper", "keeper_mobile"}]
SCHEMA = pa.schema(
    [
        pa.field("facility_no", pa.string(), nullable=False),
        pa.field("facility_name", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("community_code", pa.string()),
        pa.field("longitude", pa.decimal128(10, 6)),
        pa.field("latitude", pa.decimal128(9, 6)),
        pa.field("seats", pa.int64()),
        pa.field("is_free", pa.bool_()),
        pa.field("opened_on", pa.date32()),
        pa.field("checked_at", pa.timestamp("us", tz="UTC")),
        pa.field("remark", pa.string()),
        pa.field("keeper", pa.string()),
        pa.field("keeper_mobile", pa.string()),
        pa.field("cost", pa.decimal128(12, 2)),
    ]
)


@dataclass
class Scene:
    """People, the resource and how to get further."""

    city: catalog_cast.Cast
    resource: Resource

    @property
    def officer(self) -> Actor:
        """Drafts, may not publish."""
        return self.city.officer

    @property
    def admin(self) -> Actor:
        """Publishes."""
        return self.city.admin

    def dataset(self, **changes: Any) -> OpenDataset:
        """A draft over all fields that may be opened."""
        values: dict[str, Any] = {
            "actor": self.officer, "resource_code": self.resource.code, "slug": "public-facility",
            "title": self.resource.title, "summary": CONTENT.summary, "fields": OPEN, "theme": "living",
            "keywords": ["公厕", "便民设施", "位置"],
        }  # fmt: skip
        return datasets.create_dataset(**values | changes)

    def masked(self, **changes: Any) -> OpenDataset:
        """A draft over fields above L1, with masks and basis."""
        values = {"fields": MASKED_FIELDS, "masks": MASKS, "basis": BASIS}
        return self.dataset(**values | changes)

    def approved(self, **changes: Any) -> OpenDataset:
        """Such a draft, submitted by its author and approved by the bureau."""
        item = self.masked(**changes)
        approvals.submit(actor=self.officer, dataset=item)
        approvals.approve(actor=self.admin, dataset=item)
        return item

    def public(self, **changes: Any) -> OpenDataset:
        """A published dataset."""
        item = self.dataset(**changes)
        release(item)
        item.refresh_from_db()
        return item


_LEVELS = {"keeper": "L3", "keeper_mobile": "L2", "opened_on": "L2", "cost": "L2"}
SENSITIVE = replace(
    CONTENT, title="便民设施责任人名录", open_condition="脱敏并经审批",
    items=tuple(
        replace(item, sensitivity=_LEVELS.get(item.name, "L1")) for item in ITEMS
    ),
)  # fmt: skip
RESTRICTED = replace(SENSITIVE, open_type="restricted", open_condition="实名申请并接受协议")
MASKED_FIELDS = ["facility_no", "facility_name", "keeper", "keeper_mobile", "opened_on", "cost"]
MASKS = {"keeper": "name", "keeper_mobile": "phone", "opened_on": "year", "cost": "band:10"}
BASIS = "《龙港市公共数据开放办法》第十条；责任人已书面同意公示"


def keepers(count: int) -> list[dict[str, Any]]:
    """Facilities, each with a keeper and a mobile of its own; all of them fictitious."""
    given = "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩"
    names = [f"王{a}{b}" for a in given for b in given]
    return [
        row | {
            "keeper": names[i], "keeper_mobile": f"1540000{i:04}",
            "opened_on": date(2015, 1, 1) + timedelta(days=37 * i), "cost": Decimal(f"{100 + 7 * i}.25"),
        }
        for i, row in enumerate(rows(count))
    ]  # fmt: skip


def release(item: OpenDataset) -> dict[str, Any]:
    """Publish the next release as the job would."""
    item = OpenDataset.objects.select_related("current", "resource").get(pk=item.pk)
    return publish_release(dataset=item, actor=platform(), job_id=uuid4(), context=None)


def rows(count: int, **fixed: Any) -> list[dict[str, Any]]:
    """Facilities, deterministic; ``fixed`` replaces values in every row."""
    first = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    return [
        {
            "facility_no": f"BM{i:05}", "facility_name": f"便民设施{i}号", "kind": f"0{i % 3 + 1}",
            "community_code": f"330383{i % 4:06}", "longitude": Decimal("120.500000") + Decimal(i) / 1000,
            "latitude": Decimal("27.550000") + Decimal(i) / 2000, "seats": i % 7 if i % 5 else None,
            "is_free": i % 2 == 0, "opened_on": date(2020 + i % 4, 5, 1), "checked_at": first + timedelta(hours=i),
            "remark": None, "keeper": "王小明", "keeper_mobile": "15400000000", "cost": Decimal("100.00"),
        } | fixed
        for i in range(count)
    ]  # fmt: skip


def collect(resource: Resource, data: list[dict[str, Any]]) -> int:
    """Put rows into the resource's working table; returns the version."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        lake.create(resource.lake_table, SCHEMA, key=["facility_no"])
    return lake.merge(resource.lake_table, pa.Table.from_pylist(data, schema=SCHEMA)).version


def catalogued(
    city: catalog_cast.Cast, name: str = "public_facility", content: VersionContent = CONTENT
) -> Resource:
    """A published catalogue entry of facilities."""
    if not CodeTable.objects.filter(key="facility").exists():
        table = CodeTable.objects.create(key="facility", name="设施类别")
        for order, (code, word) in enumerate(
            (("01", "公共厕所"), ("02", "直饮水点"), ("03", "休憩驿站")), 1
        ):
            CodeValue.objects.create(table=table, code=code, name=word, order=order)
    return catalog_cast.published(city, name=name, content=content)
