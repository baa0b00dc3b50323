"""The main line on real data: all 620,573 village-level divisions of China, from a file to a call and a download.

Every step goes through the services people use, by the demo city's own people: one describes and submits, another
approves, the file is uploaded, loaded, shared by 12-digit code and opened for Zhejiang's rows.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.models import Category, InformationSystem, Resource, Warehouse
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services.drafts import create_resource
from chengshu.data.catalog.services.review import approve, submit
from chengshu.data.catalog.services.systems import register_system
from chengshu.data.catalog.systems import SystemContent
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import uploads
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import datasets
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.services.grants import grant
from chengshu.data.sharing.services.interfaces import create_interface
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Unavailable
from chengshu.kernel.identity.models import Account
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import run_job

FILE = Path(__file__).resolve().parents[4] / "examples" / "china-villages.csv.gz"
TABLE = "national_village_division"
INTERFACE = "villages-by-code"
DATASET = "zhejiang-villages"
CATEGORY = "1/03/004"  # 基础 / 空间地理 / 地名地址
SYSTEM = "330383-ZHCS-REF"
ITEMS = (
    ("code", "村级区划代码", 12, True, "region12", "12 位统计用区划代码"),
    ("name", "村级名称", 60, False, "", "居委会、村委会名称"),
    ("street_code", "乡级区划代码", 9, False, "", "所属乡镇街道"),
    ("province_code", "省级代码", 2, False, "", "所属省、自治区、直辖市"),
    ("city_code", "地级代码", 4, False, "", "所属地级市"),
    ("area_code", "县级代码", 6, False, "region6", "所属县、市、区"),
)
HEADERS = ("code", "name", "streetCode", "provinceCode", "cityCode", "areaCode")
CHUNK = 1024 * 1024


def load(context: Any) -> None:
    """Run the main line once, at the small scale only: the full city keeps the mission's exact counters."""
    if context.scale != "small" or ShareInterface.objects.filter(code=INTERFACE).exists():
        return
    officer, reviewer = _actor("guanliyuan"), _actor("fuhe")
    resource = _catalogue(officer, reviewer)
    batch = _collect(officer, resource)
    _share(officer, resource)
    rows = _open(officer, resource)
    context.say(
        f"  全国村级区划：入库 {batch.accepted:,} 条，共享接口 {INTERFACE}，开放浙江省 {rows:,} 条"
    )


def _actor(username: str) -> Actor:
    account = Account.objects.get(username=username)
    return Actor(account=account, name=account.display_name)


def _catalogue(officer: Actor, reviewer: Actor) -> Resource:
    known = Resource.objects.filter(physical_name=TABLE).first()
    if known is not None:
        return known
    assert officer.account is not None
    provider = officer.account.organization
    assert provider is not None
    if not InformationSystem.objects.filter(code=SYSTEM).exists():
        register_system(
            actor=officer, code=SYSTEM, owner=provider,
            content=SystemContent(
                name="区划代码参考库", purpose="保存国家统计用区划代码，供各部门核对地址和归属。",
                security_level="2", network="政务外网", cloud="政务云公共服务区",
            ),
        )  # fmt: skip
    warehouse = Warehouse.objects.order_by("code").first()
    content = VersionContent(
        title="全国村级行政区划代码", system=SYSTEM,
        summary="全国村级（居委会、村委会）统计用区划代码和名称，62 万余条，用于地址核对和归属判断。",
        warehouse=warehouse.code if warehouse else "",
        sharing_type="unconditional", open_type="unconditional", update_cycle="yearly",
        formats=("file",),
        items=tuple(
            ItemContent(
                name=name, title=title, length=length, is_key=key, nullable=False, format=kind,
                definition=definition,
            )
            for name, title, length, key, kind, definition in ITEMS
        ),
    )  # fmt: skip
    category = Category.objects.filter(level=LEAF_LEVEL, code__startswith=CATEGORY).first()
    assert category is not None
    resource = create_resource(
        actor=officer, provider=provider, category=category, physical_name=TABLE, content=content
    )
    assert resource.working is not None
    approve(actor=reviewer, version=submit(actor=officer, version=resource.working))
    resource.refresh_from_db()
    return resource


def _collect(officer: Actor, resource: Resource) -> Batch:
    done = Batch.objects.filter(resource=resource, origin=Origin.FILE, state=BatchState.LOADED)
    if (batch := done.first()) is not None:
        return batch
    batch = uploads.upload(
        actor=officer, resource_code=resource.code, name="china-villages.csv", chunks=_chunks()
    )
    mapping = dict(zip(HEADERS, (item[0] for item in ITEMS), strict=True))
    batch = uploads.confirm(
        actor=officer, batch=batch, mapping=mapping, encoding="utf-8", delimiter=",", header_row=1
    )
    _run(batch.job)
    batch.refresh_from_db()
    return batch


def _chunks() -> Iterator[bytes]:
    with gzip.open(FILE) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _share(officer: Actor, resource: Resource) -> None:
    interface = create_interface(
        actor=officer, resource_code=resource.code, code=INTERFACE,
        title="按代码查询村级区划", key_column="code",
    )  # fmt: skip
    _run(Job.objects.filter(kind="sharing.build_snapshot").order_by("-created_at").first())
    interface.refresh_from_db()
    for application in Application.objects.order_by("code"):
        grant(
            actor=officer, application=application, interface=interface,
            fields=[item[0] for item in ITEMS], purpose="核对地址与归属", per_day=100_000,
        )  # fmt: skip


def _open(officer: Actor, resource: Resource) -> int:
    item = OpenDataset.objects.filter(slug=DATASET).first() or datasets.create_dataset(
        actor=officer, resource_code=resource.code, slug=DATASET,
        title="浙江省村级行政区划代码", theme="geography",
        summary="浙江省全部居委会、村委会的 12 位统计用区划代码、名称和上级代码。",
        fields=[name for name, *_rest in ITEMS], keywords=("区划", "社区", "村", "统计用区划代码"),
        row_filter={"eq": ["province_code", "33"]},
    )  # fmt: skip
    _run(datasets.publish(actor=officer, dataset=item))
    item.refresh_from_db()
    return item.rows


def _run(job: Job | None) -> None:
    """Do a queued job here and now; the worker finds it done later."""
    assert job is not None
    run_job.func(str(job.pk))
    job.refresh_from_db()
    if job.state != JobState.SUCCEEDED:
        raise Unavailable(f"“{job.title}”没有完成：{job.error}")
