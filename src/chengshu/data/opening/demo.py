"""Opens the demo city's one dataset and its open interfaces, through the same gate and jobs as everybody."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from chengshu.data.catalog.facade import PublishedResource, list_published
from chengshu.data.opening import gate
from chengshu.data.opening.choices import Theme
from chengshu.data.opening.models import OpenDataset, OpenInterface
from chengshu.data.opening.release.building import publish_release
from chengshu.data.opening.services import datasets, interfaces
from chengshu.data.opening.zone import lake
from chengshu_demo import city

KEYWORDS = ("便民设施", "公共厕所", "充电桩", "点位", "位置")


def load(context: Any) -> None:
    """Create and publish what is missing; data that was not collected yet stays for a later run."""
    resources = {r.physical_name: r for r in list_published()}
    dataset = _dataset(context, resources[city().open_dataset])
    online = 0
    for item in city().open_interfaces:
        resource = resources[item.entry]
        linked = dataset if item.entry == city().open_dataset else None
        online += _interface(context, resource, item.code, item.title, linked)
    context.say(f"  开放数据集 {dataset.rows:,} 条记录，开放接口 {online} 个")


def _job_id(slug: str, resource: PublishedResource) -> UUID:
    """The same for the same data, so that loading again publishes nothing twice."""
    version = lake().version(resource.lake_table)
    return uuid5(NAMESPACE_URL, f"demo:{slug}:{resource.version}:{version}")


def _dataset(context: Any, resource: PublishedResource) -> OpenDataset:
    slug = resource.physical_name.replace("_", "-")
    item = OpenDataset.objects.filter(slug=slug).first() or datasets.create_dataset(
        actor=context.actor, resource_code=resource.code, slug=slug, title=resource.title,
        summary=resource.summary, fields=gate.allowed_fields(resource), theme=Theme.LIVING,
        keywords=KEYWORDS,
    )  # fmt: skip
    if lake().exists(resource.lake_table):
        publish_release(
            dataset=item, actor=context.actor, job_id=_job_id(slug, resource), context=None
        )
        item.refresh_from_db()
    return item


def _interface(
    context: Any, resource: PublishedResource, code: str, title: str, dataset: OpenDataset | None
) -> int:
    item = OpenInterface.objects.filter(slug=code).first() or interfaces.create_interface(
        actor=context.actor, resource_code=resource.code, slug=code, title=title,
        dataset=dataset, start=False,
    )  # fmt: skip
    if not lake().exists(resource.lake_table):
        return 0
    interfaces.publish_interface(
        interface=item, actor=context.actor, job_id=_job_id(code, resource), context=None
    )
    return 1
