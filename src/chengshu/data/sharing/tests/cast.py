"""The fixed scene of sharing's tests: one department shares residents, another department's application asks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing import jobs
from chengshu.data.sharing.models import Application, ApplicationKey, Grant, ShareInterface
from chengshu.data.sharing.services import applications, grants, interfaces
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.registration import JobContext
from chengshu_gateway.client import sign
from chengshu_gateway.tests import sample_city
from chengshu_gateway.tests.sample_city import Local
from chengshu_lake import Lake

ITEMS = (
    ItemContent(name="resident_no", title="居民编号", length=20, is_key=True, nullable=False, sensitivity="L1",
                definition="平台内编号"),
    ItemContent(name="name", title="姓名", length=50, sensitivity="L3"),
    ItemContent(name="id_number", title="身份证号", length=18, format="id_number", sensitivity="L3"),
    ItemContent(name="mobile", title="联系电话", length=11, format="mobile", sensitivity="L2"),
    ItemContent(name="community_code", title="社区代码", length=12, format="region12", sensitivity="L1"),
    ItemContent(name="born_on", title="出生日期", type="date", sensitivity="L3"),
    ItemContent(name="family", title="家庭人口", type="integer", sensitivity="L2"),
)  # fmt: skip
CONTENT = VersionContent(
    title="常住人口信息", summary="全市常住人口的基本情况，一人一条", system="rs-sb",
    warehouse="dw-people", sharing_type="conditional", sharing_condition="办理本部门事项时核验",
    open_type="forbidden", update_cycle="daily", formats=("table",), items=ITEMS,
)  # fmt: skip
SCHEMA = pa.schema(
    [
        pa.field("resident_no", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("id_number", pa.string()),
        pa.field("mobile", pa.string()),
        pa.field("community_code", pa.string()),
        pa.field("born_on", pa.date32()),
        pa.field("family", pa.int64()),
    ]
)
FIELDS = ["resident_no", "name", "id_number", "mobile", "community_code"]
MASKS = {"name": "name", "id_number": "id_number", "mobile": "phone"}


def rows(count: int) -> list[dict[str, Any]]:
    """Residents, every other one in the first community; all of them fictitious."""
    return [
        {
            "resident_no": f"R{i}", "name": "王小明", "id_number": "390383199001010011",
            "mobile": "15412345678", "community_code": f"33038300{i % 2 + 1}000",
            "born_on": date(1990, 1, 1), "family": i % 5,
        }
        for i in range(count)
    ]  # fmt: skip


def collect_rows(resource: Resource, data: list[dict[str, Any]]) -> int:
    """Put rows into the resource's working table; returns the version."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        lake.create(resource.lake_table, SCHEMA, key=["resident_no"])
    return lake.merge(resource.lake_table, pa.Table.from_pylist(data, schema=SCHEMA)).version


@dataclass
class Scene:
    """People, the resource, the gateway's folder, and how to get further."""

    city: catalog_cast.Cast
    resource: Resource
    gateway: Path

    @property
    def officer(self) -> Actor:
        """Answers for the resource."""
        return self.city.officer

    @property
    def asker(self) -> Actor:
        """The other department, which owns the application."""
        return self.city.stranger

    def interface(self, code: str = "resident-by-no", **changes: Any) -> ShareInterface:
        """An interface with its snapshot built, as the worker would."""
        values = {
            "actor": self.officer, "resource_code": self.resource.code, "code": code,
            "title": "按编号查询居民", "key_column": "resident_no",
        }  # fmt: skip
        item = interfaces.create_interface(**values | changes)
        build(item)
        return item

    def application(self, code: str = "grid-app") -> Application:
        """An application of the other department."""
        return applications.register_application(
            actor=self.asker, code=code, name="网格移动端", owner=self.city.market,
            purpose="入户走访时核对居民信息",
        )  # fmt: skip

    def grant(self, **changes: Any) -> Grant:
        """A grant with masks; ``application`` and ``interface`` are made when not given."""
        values: dict[str, Any] = {
            "actor": self.officer, "fields": FIELDS, "masks": MASKS, "purpose": "入户走访核对",
        }  # fmt: skip
        values |= changes
        values.setdefault("application", Application.objects.first() or self.application())
        values.setdefault("interface", ShareInterface.objects.first() or self.interface())
        return grants.grant(**values)

    def shared(self, **changes: Any) -> "Caller":
        """Everything up to a caller with a key."""
        item = self.grant(**changes)
        key, secret = applications.issue_key(actor=self.asker, application=item.application)
        dispatch_all()
        return Caller(item, key, secret)


@dataclass
class Caller:
    """An application with its key."""

    grant: Grant
    key: ApplicationKey
    secret: str

    def ask(self, gateway: Local, record: str = "R0", query: str = "") -> Any:
        """One signed call; the gateway first takes up what was published."""
        gateway.refresh()
        path = f"/share/v1/{self.grant.interface.code}/{record}"
        return gateway.ask(path, query, headers=self.signed(f"/{record}", query=query))

    def signed(self, rest: str, **signing: Any) -> dict[str, str]:
        """The headers of a call; ``rest`` follows the interface in the path."""
        return sign(
            app=self.grant.application.code, key_id=self.key.key_id, secret=self.secret,
            path=f"/share/v1/{self.grant.interface.code}{rest}", purpose="入户走访", **signing,
        )  # fmt: skip

    def post(self, gateway: Local, operation: str, content: dict[str, Any]) -> Any:
        """One signed call with a body."""
        gateway.refresh()
        path, body = (
            f"/share/v1/{self.grant.interface.code}/{operation}",
            json.dumps(content).encode(),
        )
        headers = self.signed(f"/{operation}", method="POST", body=body)
        return gateway.ask(path, headers=headers, method="POST", body=body)


def build(item: ShareInterface) -> dict[str, Any]:
    """Run the interface's newest snapshot job, as the worker would."""
    item.refresh_from_db()
    job = Job.objects.get(id=item.job_id)
    made = jobs.snapshot(JobContext(job), interface=item.code)
    item.refresh_from_db()
    return made


def dispatch_all() -> None:
    """Deliver all events, as the worker would."""
    while dispatch():
        continue


@contextmanager
def gateway(scene: Scene) -> Iterator[Local]:
    """The real gateway over the scene's folder, in this process."""
    with sample_city.local(scene.gateway) as running:
        yield running
