"""Open a resource as a public JSON interface (开放接口), with or without a downloadable dataset."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone

from chengshu.data.catalog.facade import published, published_by_id
from chengshu.data.opening import gate
from chengshu.data.opening.choices import InterfaceState
from chengshu.data.opening.disclosure import assessment, rules
from chengshu.data.opening.models import OpenDataset, OpenInterface
from chengshu.data.opening.release.building import describe_columns
from chengshu.data.opening.release.profile import refuse_personal
from chengshu.data.opening.row_scope import check_filter
from chengshu.data.opening.services.datasets import well_formed
from chengshu.data.opening.zone import copy_to_zone, source_version, table_name
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import LakeError


def create_interface(
    *,
    actor: Actor,
    resource_code: str,
    slug: str,
    title: str,
    summary: str = "",
    fields: Sequence[str] | None = None,
    row_filter: dict[str, Any] | None = None,
    dataset: OpenDataset | None = None,
    start: bool = True,
) -> OpenInterface:
    """Create an interface and queue its publication. ``fields`` None: all that may be opened.

    Raises:
        Conflict: the resource may not be opened. InvalidInput: slug malformed or taken, or a field may not be opened.
    """
    resource = published(resource_code)
    item = OpenInterface(
        slug=slug.strip(), title=title.strip() or resource.title, resource_id=resource.id,
        summary=summary.strip() or resource.summary, dataset=dataset, created_by=actor.account,
        row_filter=row_filter,
    )  # fmt: skip
    check(actor, "opening.publish", item)
    problems: dict[str, str] = {}
    if not well_formed(item.slug):
        problems["slug"] = "用小写字母、数字和连字符，最多 60 位"
    elif OpenInterface.objects.filter(slug=item.slug).exists():
        problems["slug"] = "这个网址名已被使用"
    if problems:
        raise InvalidInput("开放接口没有创建。", fields=problems)
    chosen = gate.allowed_fields(resource) if fields is None else fields
    item.fields = [column.name for column in gate.require(resource, chosen)]
    check_filter(row_filter, resource.columns)
    with unit_of_work():
        item.save()
        record(
            actor=actor, action="opening.interface_created", obj=item,
            after={"resource": resource_code, "fields": item.fields},
        )  # fmt: skip
        if start:
            request_publication(actor=actor, interface=item)
    return item


def request_publication(*, actor: Actor, interface: OpenInterface, key: str | None = None) -> Job:
    """Queue the copying of the newest data to the open zone."""
    job = enqueue(
        "opening.publish_interface", actor=actor, title=f"发布开放接口：{interface.title}", key=key,
        arguments={"interface": interface.slug}, organization=interface.resource.provider,
        object_url="/console/opening/interfaces/",
    )  # fmt: skip
    if not job.finished:
        OpenInterface.objects.filter(pk=interface.pk).update(job_id=job.id)
    return job


def publish_interface(
    *, interface: OpenInterface, actor: Actor, job_id: UUID, context: JobContext | None
) -> dict[str, Any]:
    """Copy the newest data to the open zone and point the interface to it.

    Raises:
        ChengshuError: refused by the gate or nothing collected; the former data stays and the reason is remembered.
    """

    def report(rows: int) -> None:
        if context is not None:
            context.progress(done=rows, stage="复制到开放域")

    try:
        resource = published_by_id(interface.resource_id)
        columns = gate.require(resource, interface.fields)
        if _is_current(interface, source_version(resource), describe_columns(resource, columns)):
            return {"rows": interface.rows, "unchanged": True}
        copy = copy_to_zone(
            resource=resource, columns=columns, row_filter=interface.row_filter,
            name=f"api_{table_name(interface.slug)}", commit_key=f"interface:{job_id}", report=report,
        )  # fmt: skip
        refuse_personal(copy)
        # Nobody decides anything about an interface's groups: the platform's own rules hold.
        assessment.require(assessment.assess(copy, rules.read({}), ()))
    except (LakeError, ChengshuError) as error:
        told = error if isinstance(error, ChengshuError) else Conflict(str(error))
        OpenInterface.objects.filter(pk=interface.pk).update(error=told.detail)
        if told is error:
            raise
        raise told from error
    with unit_of_work():
        item = OpenInterface.objects.select_for_update().get(pk=interface.pk)
        if item.state == InterfaceState.OFFLINE:
            raise Conflict("发布过程中接口被下线，没有更新数据。")
        item.open_table, item.open_version = copy.table, copy.version
        item.lake_version, item.rows, item.error = copy.lake_version, copy.rows, ""
        item.columns = describe_columns(resource, copy.columns)
        item.state, item.published_at = InterfaceState.ONLINE, timezone.now()
        item.save()
        record(
            actor=actor, action="opening.interface_released", obj=item, after={"rows": item.rows}
        )
        emit(
            type="city.opening.interface.published", source="opening", subject=item.slug,
            data={"id": item.pk, "rows": item.rows}, idempotency_key=f"opening-interface:{job_id}",
        )  # fmt: skip
    return {"rows": copy.rows}


def _is_current(interface: OpenInterface, lake_version: int, columns: list[dict[str, Any]]) -> bool:
    served = (interface.lake_version, interface.columns)
    return interface.state == InterfaceState.ONLINE and served == (lake_version, columns)


def set_online(
    *, actor: Actor, interface: OpenInterface, online: bool, reason: str
) -> OpenInterface:
    """Take an interface offline with a reason, or bring it back with fresh data.

    Raises:
        InvalidInput: no reason for going offline. Conflict: it is in that state already.
    """
    check(actor, "opening.publish", interface)
    if not online and not reason.strip():
        raise InvalidInput("没有下线。", fields={"reason": "请写明下线原因，会显示给调用者"})
    with unit_of_work():
        item = OpenInterface.objects.select_for_update().get(pk=interface.pk)
        if online != (item.state == InterfaceState.OFFLINE):
            raise Conflict("接口已经是这个状态。")
        before = {"state": item.state}
        item.state = InterfaceState.PUBLISHING if online else InterfaceState.OFFLINE
        item.state_reason = "" if online else reason.strip()[:300]
        item.save(update_fields=["state", "state_reason"])
        record(
            actor=actor, action="opening.interface_state", obj=item, before=before,
            after={"state": item.state}, reason=reason.strip(),
        )  # fmt: skip
        emit(
            type="city.opening.interface.state", source="opening", subject=item.slug,
            data={"id": item.pk, "state": item.state},
        )  # fmt: skip
        if online:
            gate.require(published_by_id(item.resource_id), item.fields)
            request_publication(actor=actor, interface=item)
    return item


def recheck(*, actor: Actor, interface: OpenInterface) -> bool:
    """Take an interface offline that the catalogue no longer allows to be open; return whether it was."""
    if interface.state == InterfaceState.OFFLINE:
        return False
    try:
        gate.require(published_by_id(interface.resource_id), interface.fields)
    except ChengshuError as error:
        reason = f"目录变更后不再符合开放条件：{error.message}"
        set_online(actor=actor, interface=interface, online=False, reason=reason)
        return True
    return False
