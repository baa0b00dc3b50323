"""Publish a catalogued, collected resource as a lookup interface."""

import re

from chengshu.data.catalog.facade import PublishedResource, published
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.declarations import column_of, source_of
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.services.applications import changed, required
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import FINISHED, enqueue
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.bundle import MAX_QUERYABLE

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,58}[a-z0-9]")
NOT_SHARED = "none"


def draft_interface(
    *, actor: Actor, resource: PublishedResource, code: str, title: str, key_column: str, act: str
) -> tuple[ShareInterface, dict[str, str]]:
    """An unsaved interface of any kind and what is wrong with its code, by field; ``act`` names what is done.

    Raises:
        NotAllowed: not the actor's resource.
        Conflict: the resource is catalogued as 不予共享.
    """
    item = ShareInterface(
        code=code.strip(), title=title.strip() or resource.title, key_column=key_column,
        resource_id=resource.id, created_by=actor.account,
    )  # fmt: skip
    check(actor, "sharing.interface.manage", item)
    if resource.sharing_type == NOT_SHARED:
        raise Conflict(
            f"“{resource.title}”编目为“不予共享”，不能{act}。",
            advice="如共享类型有误，请先变更目录并经审核。",
        )
    problems: dict[str, str] = {}
    if not CODE.fullmatch(item.code):
        problems["code"] = "用小写字母、数字和连字符，3–60 位"
    elif ShareInterface.objects.filter(code=item.code).exists():
        problems["code"] = "这个接口编号已被使用"
    return item, problems


def create_interface(
    *, actor: Actor, resource_code: str, code: str, title: str, key_column: str
) -> ShareInterface:
    """Create an interface over a published resource and start building its snapshot.

    Raises:
        InvalidInput: code taken or malformed; the key column is not a text column of the resource.
        Conflict: the resource is catalogued as 不予共享.
    """
    resource = published(resource_code)
    item, problems = draft_interface(
        actor=actor, resource=resource, code=code, title=title, key_column=key_column,
        act="发布接口",
    )  # fmt: skip
    if key_column not in {c.name for c in resource.columns if c.type == "text"}:
        problems["key_column"] = "查询字段须是该资源中的文本字段"
    if problems:
        raise InvalidInput("接口没有创建。", fields=problems)
    with unit_of_work():
        item.save()
        record(
            actor=actor, action="sharing.interface_created", obj=item,
            after={"resource": resource_code, "key_column": key_column},
        )  # fmt: skip
        changed("interface.created", item.code)
        request_snapshot(actor=actor, interface=item)
    return item


def want_interface(*, actor: Actor, resource_code: str, key_column: str) -> ShareInterface:
    """Put a resource on the shelf that no interface answers for yet, so that it can be applied for.

    Its fields are those of the catalogue; the provider builds it (:func:`refresh`) and answers then. Wanted a second
    time, or with an interface there already, the one that is there is returned.

    Raises:
        Conflict: the resource is catalogued as 不予共享, or has no text column to look up by.
        InvalidInput: the column is not a text column of the resource.
    """
    check(actor, "sharing.request.apply")
    resource = published(resource_code)
    if resource.sharing_type == NOT_SHARED:
        raise Conflict(f"“{resource.title}”编目为“不予共享”，不能申请。", advice="请联系提供单位。")
    text = {c.name for c in resource.columns if c.type == "text"}
    if not text:
        raise Conflict(
            f"“{resource.title}”没有文本字段，不能按字段查询。", advice="请联系提供单位。"
        )
    if key_column not in text:
        raise InvalidInput("没有放进申请车。", fields={"key_column": "请选择该资源中的文本字段"})
    known = ShareInterface.objects.filter(resource=resource.id).exclude(
        state__in=(InterfaceState.OFFLINE, InterfaceState.FAILED)
    )
    with unit_of_work():
        if (found := known.order_by("pk").first()) is not None:
            return found
        item = ShareInterface.objects.create(
            code=_free_code(resource.physical_name), title=resource.title, key_column=key_column,
            resource_id=resource.id, created_by=actor.account, state=InterfaceState.WANTED,
            columns=[column_of(column) for column in resource.columns],
        )  # fmt: skip
        record(
            actor=actor, action="sharing.interface_wanted", obj=item,
            after={"resource": resource_code, "key_column": key_column},
        )  # fmt: skip
    return item


def _free_code(physical_name: str) -> str:
    """A code nobody uses, after the table's name."""
    base = re.sub(r"[^a-z0-9]+", "-", physical_name.lower()).strip("-")[:50] or "interface"
    for ending in ("", *(f"-{n}" for n in range(2, 100))):
        code = f"{base}{ending}"
        if CODE.fullmatch(code) and not ShareInterface.objects.filter(code=code).exists():
            return code
    raise Conflict("这个资源的接口编号用完了。", advice="请联系提供单位。")


def set_query_columns(*, actor: Actor, interface: ShareInterface, columns: list[str]) -> Job:
    """Declare the columns that queries may ask for, and build a snapshot with their indexes.

    Until it is there, queries by a new column are refused; everything else is answered as before.

    Raises:
        InvalidInput: a column is not of this interface, or there are more than the gateway takes.
    """
    check(actor, "sharing.interface.manage", interface)
    _refuse_proxied(interface)
    _check_query_columns(columns, {column["name"] for column in interface.columns})
    before = {"query_columns": interface.query_columns}
    with unit_of_work():
        interface.query_columns = columns
        interface.save(update_fields=["query_columns"])
        record(
            actor=actor, action="sharing.query_columns_changed", obj=interface, before=before,
            after={"query_columns": columns},
        )  # fmt: skip
        changed("interface.changed", interface.code)
        return request_snapshot(actor=actor, interface=interface)


def _refuse_proxied(interface: ShareInterface) -> None:
    if source_of(interface) is not None:
        raise Conflict("代理接口没有快照，由提供部门自己的接口应答。")


def _check_query_columns(columns: list[str], known: set[str]) -> None:
    text = ""
    if len(set(columns)) != len(columns) or not set(columns) <= known:
        text = "查询条件字段须是接口的字段，且不能重复"
    elif len(columns) > MAX_QUERYABLE:
        text = f"查询条件字段最多 {MAX_QUERYABLE} 个"
    if text:
        raise InvalidInput("没有保存。", kept="原来的设置没有变。", fields={"query_columns": text})


def refresh(*, actor: Actor, interface: ShareInterface) -> Job:
    """Queue a fresh snapshot on a person's wish; a build under way is returned instead."""
    check(actor, "sharing.interface.manage", interface)
    _refuse_proxied(interface)
    if interface.job_id is not None:
        running = Job.objects.filter(id=interface.job_id).exclude(state__in=FINISHED).first()
        if running is not None:
            return running
    with unit_of_work():
        job = request_snapshot(actor=actor, interface=interface)
        record(actor=actor, action="sharing.snapshot_requested", obj=interface)
    return job


def request_snapshot(*, actor: Actor, interface: ShareInterface, key: str | None = None) -> Job:
    """Queue the building of a fresh snapshot and let the interface's page follow it."""
    job = enqueue(
        "sharing.build_snapshot",
        actor=actor,
        title=f"发布接口快照：{interface.title}",
        arguments={"interface": interface.code},
        organization=interface.resource.provider,
        object_url=f"/console/sharing/interfaces/{interface.code}/",
        key=key,
    )
    ShareInterface.objects.filter(pk=interface.pk).update(job_id=job.id)
    interface.job_id = job.id
    return job


def set_online(*, actor: Actor, interface: ShareInterface, online: bool, reason: str) -> None:
    """Take an interface offline, or bring it back with its last snapshot.

    Raises:
        InvalidInput: no reason for going offline. Conflict: it has no snapshot yet.
    """
    check(actor, "sharing.interface.manage", interface)
    if not online:
        required(reason)
    if online and not interface.snapshot and source_of(interface) is None:
        raise Conflict("接口还没有生成过快照，不能上线。", advice="请先归集数据并重新发布。")
    with unit_of_work():
        before = {"state": interface.state}
        interface.state = InterfaceState.ONLINE if online else InterfaceState.OFFLINE
        interface.state_reason = "" if online else reason.strip()
        interface.save(update_fields=["state", "state_reason"])
        record(
            actor=actor, action="sharing.interface_state", obj=interface, before=before,
            after={"state": interface.state}, reason=reason,
        )  # fmt: skip
        changed("interface.state", interface.code)
