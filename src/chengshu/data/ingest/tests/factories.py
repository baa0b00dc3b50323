"""Published entries, files and loaded batches for the tests of collection."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import xlsxwriter
from django.utils import timezone

from chengshu.data.catalog.models import (
    Category,
    CodeTable,
    CodeValue,
    DataItem,
    Resource,
    ResourceVersion,
)
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import uploads
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.jobs.services import run_job

HEADERS = ("人员编号", "姓名", "身份证号", "手机号", "性别", "区划代码", "登记日期", "金额")
ITEMS: tuple[dict[str, Any], ...] = (
    {"name": "person_no", "title": "人员编号", "is_key": True, "nullable": False, "length": 20},
    {"name": "full_name", "title": "姓名", "nullable": False, "length": 30, "sensitivity": "L3"},
    {"name": "id_number", "title": "身份证号", "format": "id_number", "sensitivity": "L3"},
    {"name": "mobile", "title": "手机号", "format": "mobile", "sensitivity": "L3"},
    {"name": "gender", "title": "性别", "code_table": "gender"},
    {"name": "region", "title": "区划代码", "format": "region12"},
    {"name": "registered_on", "title": "登记日期", "type": "date"},
    {"name": "amount", "title": "金额", "type": "decimal", "precision": 12, "scale": 2},
)


def id_number(sequence: int) -> str:
    """A valid fictitious identity number (GB 11643-1999; the division 339983 was never assigned)."""
    body = f"33998319800101{sequence:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def row(number: int, **changes: str) -> list[str]:
    """A good row; ``changes`` by header."""
    values = {
        "人员编号": f"P{number:05d}",
        "姓名": "张三",
        "身份证号": id_number(number % 1000),
        "手机号": f"1540000{number % 10_000:04d}",
        "性别": "1",
        "区划代码": "330383001000",
        "登记日期": "2026-11-23",
        "金额": "12.50",
    }
    return [str(value) for value in (values | changes).values()]


def table(rows: Sequence[Sequence[str]], headers: Sequence[str] = HEADERS) -> str:
    """Rows as CSV text (values without separators)."""
    return "\n".join(",".join(line) for line in [headers, *rows]) + "\n"


def workbook(rows: Sequence[Sequence[Any]], headers: Sequence[str] = HEADERS) -> bytes:
    """Rows as an XLSX file."""
    target = BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("数据")
        for index, line in enumerate([headers, *rows]):
            sheet.write_row(index, 0, line)
    return target.getvalue()


def publish(
    provider: Organization,
    items: Sequence[dict[str, Any]] = ITEMS,
    *,
    title: str = "人员登记信息",
    physical_name: str = "person_register",
    resource: Resource | None = None,
    kind: str = "table",
) -> Resource:
    """A published entry, or the next version of ``resource``."""
    gender, made = CodeTable.objects.get_or_create(key="gender", defaults={"name": "性别"})
    if made:
        for code, name in (("1", "男"), ("2", "女")):
            CodeValue.objects.create(table=gender, code=code, name=name)
    if resource is None:
        category, _ = Category.objects.get_or_create(
            code="3/01/002/01", defaults={"name": "人员", "level": 4}
        )
        resource = Resource.objects.create(
            code=f"3/01/002/01/{Resource.objects.count() + 1:05d}", title=title, provider=provider,
            category=category, physical_name=physical_name, lake_table=f"std/{physical_name}",
        )  # fmt: skip
    number = resource.versions.count() + 1
    resource.versions.filter(state="published").update(state="superseded")
    version = ResourceVersion.objects.create(
        resource=resource, number=number, title=title, summary="测试用", level="L3", kind=kind,
        sharing_type="conditional", open_type="forbidden", update_cycle="daily",
        item_count=len(items),
    )  # fmt: skip
    for order, item in enumerate(items, 1):
        values = dict(item)
        code_table = gender if values.pop("code_table", "") else None
        DataItem.objects.create(version=version, order=order, code_table=code_table, **values)
    version.state, version.published_at = "published", timezone.now()
    version.save()
    resource.state, resource.published, resource.working = "published", version, None
    resource.kind = kind
    resource.save()
    return resource


def upload(actor: Actor, resource: Resource, content: bytes | str, name: str = "人员.csv") -> Batch:
    """An unconfirmed batch."""
    data = content.encode() if isinstance(content, str) else content
    return uploads.upload(actor=actor, resource_code=resource.code, name=name, chunks=[data])


def run(batch: Batch) -> Batch:
    """Run the batch's job as the worker would."""
    run_job.func(str(batch.job_id))
    batch.refresh_from_db()
    return batch


def load(
    actor: Actor, resource: Resource, content: bytes | str, name: str = "人员.csv", **choices: Any
) -> Batch:
    """Upload, confirm with the proposed mapping and run."""
    batch = upload(actor, resource, content, name)
    mapping = uploads.inspect(actor=actor, batch=batch, **choices).mapping
    return run(uploads.confirm(actor=actor, batch=batch, mapping=mapping, **choices))
