"""Agree on a dataset that a platform hands to us: which entry it is loaded into, through which source."""

from chengshu.data.cascade.adapters.folder import allowed_roots
from chengshu.data.cascade.choices import Role
from chengshu.data.cascade.models import Channel, Platform
from chengshu.data.cascade.notes import DATASET
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.catalog.facade import Resource, published
from chengshu.data.ingest.facade import DataSource, DropConnector, register_source
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work


def open_channel(
    *,
    actor: Actor,
    platform: Platform,
    dataset: str,
    resource_code: str,
    source: DataSource | None = None,
    object_name: str = "",
    upper_department: str = "",
    answers: str = "",
) -> Channel:
    """Receive ``dataset`` of a platform into a published entry.

    Without a ``source`` the files of its batches are put into a folder source made for it; with one, that is collected
    as any department's (a database, an interface) whenever a delivery note comes.

    Raises:
        InvalidInput: with messages by field. Conflict: the entry is not published.
    """
    resource = Resource.objects.select_related("provider").get(pk=published(resource_code).id)
    item = Channel(
        platform=platform, dataset=dataset.strip(), resource=resource, source=source,
        object_name=object_name.strip(), upper_department=upper_department.strip(),
        answers=answers.strip(), created_by=actor.account,
    )  # fmt: skip
    check(actor, MANAGE, item)
    _require_valid(item, source)
    if source is None:
        item.source = _folder_source(actor, platform, item.dataset, resource)
    with unit_of_work():
        item.save(force_insert=True)
        record(
            actor=actor, action="cascade.channel_opened", obj=item,
            after={"dataset": item.dataset, "resource": resource.code, "source": item.source.name},
        )  # fmt: skip
        emit(
            type="city.cascade.channel.opened", source="cascade", subject=item.dataset,
            data={"platform": platform.pk, "resource": resource.code},
        )  # fmt: skip
    return item


def _require_valid(item: Channel, source: DataSource | None) -> None:
    problems = {}
    if not DATASET.fullmatch(item.dataset):
        problems["dataset"] = "小写字母开头，只含小写字母、数字和下划线"
    elif Channel.objects.filter(platform=item.platform, dataset=item.dataset).exists():
        problems["dataset"] = "这个数据集已经开通接收"
    if source is not None and not isinstance(source.connector, DropConnector):
        if item.platform.role == Role.LOWER:
            problems["source"] = "下级平台送来的是文件，请留空"
        elif not item.object_name:
            problems["object_name"] = "请填写表名或子地址"
    if problems:
        raise InvalidInput("没有开通接收。", fields=problems)


def folder_name(platform: Platform, dataset: str) -> str:
    """Where the files of a dataset are put, below the first folder the operator allows."""
    return f"cascade-{platform.pk}-{dataset}"


def _folder_source(
    actor: Actor, platform: Platform, dataset: str, resource: Resource
) -> DataSource:
    folder = folder_name(platform, dataset)
    (allowed_roots()[0] / folder).mkdir(parents=True, exist_ok=True)
    name = f"{platform.name}·{dataset}"[:80]
    known = DataSource.objects.filter(name=name).first()
    if known is not None:
        return known
    return register_source(
        actor=actor, kind="folder", name=name, owner=platform.organization or resource.provider,
        options={"folder": folder, "pattern": "*", "complete": "ok", "order": "name", "encoding": "utf-8"},
        secrets={},
    )  # fmt: skip


def set_receiving(*, actor: Actor, channel: Channel, active: bool) -> None:
    """Stop or go on receiving a dataset; what is on its way is finished."""
    check(actor, MANAGE, channel)
    with unit_of_work():
        channel.active = active
        channel.save(update_fields=["active"])
        record(actor=actor, action="cascade.channel_state", obj=channel, after={"active": active})
