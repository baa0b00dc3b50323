"""The scene of cascading's tests: one database plays both sides, the calls between them are real, only unsent.

Our city's entry goes up as dataset ``resident``; the same platform as the upper side takes it into ``upper_resident``.
"""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pyarrow as pa
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from chengshu.data.cascade import rounds
from chengshu.data.cascade.choices import Mode, Role
from chengshu.data.cascade.models import Channel, Incoming, Outgoing, Plan, Platform
from chengshu.data.cascade.services import channels, delivering, planning, platforms
from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.ingest.models import Batch
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import run_job
from chengshu_lake import Lake

ITEMS = (
    ItemContent(name="resident_no", title="居民编号", length=20, is_key=True, nullable=False, sensitivity="L1"),
    ItemContent(name="name", title="姓名", length=50, sensitivity="L3"),
    ItemContent(name="mobile", title="联系电话", length=11, sensitivity="L3"),
    ItemContent(name="family", title="家庭人口", type="integer", minimum="0", sensitivity="L2"),
    ItemContent(name="income", title="收入", length=20, sensitivity="L4"),
)  # fmt: skip
FIELDS = ["resident_no", "name", "mobile", "family"]
SCHEMA = pa.schema([
    pa.field("resident_no", pa.string(), nullable=False), pa.field("name", pa.string()),
    pa.field("mobile", pa.string()), pa.field("family", pa.int64()), pa.field("income", pa.string()),
])  # fmt: skip
UPPER_ITEMS = (
    ITEMS[0],
    ItemContent(name="name", title="姓名", length=50, sensitivity="L3"),
    ItemContent(name="mobile", title="联系电话", length=20, sensitivity="L3"),
    ItemContent(name="family", title="家庭人口", type="integer", minimum="0", maximum="9", sensitivity="L2"),
)  # fmt: skip
NETWORK = "127.0.0.0/8"


def content(title: str, items: tuple[ItemContent, ...]) -> VersionContent:
    """A version with these items."""
    return VersionContent(
        title=title, summary="全市常住人口的基本情况，一人一条", system="rs-sb", warehouse="dw-people",
        sharing_type="conditional", sharing_condition="核验", open_type="forbidden",
        update_cycle="daily", formats=("table",), items=items,
    )  # fmt: skip


def rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Fictitious residents."""
    return [
        {"resident_no": f"R{i:05d}", "name": "王小明", "mobile": "15412345678", "family": i % 5,
         "income": "12000"} | changes
        for i in range(count)
    ]  # fmt: skip


def put(resource: Resource, data: list[dict[str, Any]]) -> None:
    """Put rows into the lake."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        lake.create(resource.lake_table, SCHEMA, key=["resident_no"])
    lake.merge(resource.lake_table, pa.Table.from_pylist(data, schema=SCHEMA))


def run_jobs() -> None:
    """Run what is queued, as the worker would."""
    while (
        job := Job.objects.filter(state=JobState.QUEUED).order_by("created_at").first()
    ) is not None:
        run_job.func(str(job.pk))


@dataclass
class Scene:
    """Both sides and how to get further."""

    city: catalog_cast.Cast
    resource: Resource
    upper_resource: Resource
    upper: Platform
    lower: Platform
    channel: Channel

    @property
    def admin(self) -> Actor:
        return self.city.admin

    def plan(self, **changes: Any) -> Plan:
        """An approved plan."""
        values = {"fields": FIELDS, "basis": "浙数发〔2026〕1号", "part_rows": 4} | changes
        item = planning.create(
            actor=self.admin, platform=values.pop("platform", self.upper),
            resource_code=self.resource.code, dataset=values.pop("dataset", "resident"),
            content=planning.PlanContent(**values),
        )  # fmt: skip
        planning.submit(actor=self.admin, plan=item)
        planning.decide(actor=self.city.second_admin, plan=item, agree=True)
        return item

    def deliver(self, plan: Plan) -> Outgoing:
        """Start a delivery and run both sides until the receipt is here."""
        item = delivering.start(actor=self.admin, plan=plan)
        run_jobs()
        self.round()
        item.refresh_from_db()
        return item

    def round(self) -> None:
        """A round with both platforms, everything due now."""
        Outgoing.objects.update(next_at="2020-01-01T00:00:00Z")
        Incoming.objects.update(next_at="2020-01-01T00:00:00Z")
        for item in (self.lower, self.upper):
            item.refresh_from_db()
            rounds.run(item)
        run_jobs()

    def loads(self) -> int:
        """How many batches were loaded above."""
        return Batch.objects.filter(resource=self.upper_resource, state="loaded").count()

    def count(self) -> int:
        """Rows above."""
        return Lake(settings.LAKE_ROOT).count(self.upper_resource.lake_table)


def assemble() -> Scene:
    """Register both sides with one another."""
    city = catalog_cast.assemble()
    resource = catalog_cast.published(city, name="resident", content=content("常住人口", ITEMS))
    above = catalog_cast.published(
        city, name="upper_resident", content=content("全市人口", UPPER_ITEMS)
    )
    put(resource, rows(10))
    lower, secret = platforms.register(
        actor=city.admin,
        content=platforms.Registration(name="龙港市", role=Role.LOWER, rank="county"),
    )
    upper, _none = platforms.register(
        actor=city.admin,
        content=platforms.Registration(
            name="温州市公共数据平台", rank="city", address="http://127.0.0.1:8443", app=lower.app,
            key_id=lower.key_id, secret=secret, contact="0577-0000",
        ),
    )  # fmt: skip
    channel = channels.open_channel(
        actor=platform(), platform=lower, dataset="resident", resource_code=above.code,
        upper_department="龙港市人社局",
    )  # fmt: skip
    return Scene(city, resource, above, upper, lower, channel)


class Wire(httpx.BaseTransport):
    """Carries calls to the platform itself, and can be told to go wrong."""

    def __init__(self, faults: list[str]) -> None:
        self._faults, self._inner = faults, httpx.WSGITransport(app=get_wsgi_application())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._faults.pop(0) if self._faults else ""
        if fault == "timeout":
            raise httpx.ReadTimeout("slow", request=request)
        if fault == "twice":
            request.read()
            self._ask(request)
        response = self._ask(request)
        if fault == "lost":
            raise httpx.ReadError("cut", request=request)
        if fault == "garbage":
            return httpx.Response(200, text="<html>登录", request=request)
        if fault == "list":
            return httpx.Response(200, text=json.dumps([]), request=request)
        return response

    def _ask(self, request: httpx.Request) -> httpx.Response:
        """Answer within the test's own connection, which a request's end would close, as Django's test client does."""
        ends = (request_started, request_finished)
        for end in ends:
            end.disconnect(close_old_connections)
        try:
            response = self._inner.handle_request(request)
            response.read()
        finally:
            for end in ends:
                end.connect(close_old_connections)
        return response


__all__ = ["FIELDS", "NETWORK", "Mode", "Scene", "Wire", "assemble", "put", "rows", "run_jobs"]
