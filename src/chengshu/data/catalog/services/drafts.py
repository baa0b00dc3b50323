"""Write drafts: create an entry, edit it, start a change of a published one, discard."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from django.db import models
from django.utils import timezone

from chengshu.data.catalog.choices import EDITABLE_STATES, ResourceState, VersionState
from chengshu.data.catalog.content import (
    LIST_VERSION_FIELDS,
    PLAIN_VERSION_FIELDS,
    ItemContent,
    VersionContent,
    version_content,
)
from chengshu.data.catalog.diff import compare
from chengshu.data.catalog.models import (
    BusinessItem,
    Category,
    CodeTable,
    DataElement,
    DataItem,
    InformationSystem,
    Resource,
    ResourceVersion,
    Warehouse,
)
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services.locking import lock_resource, lock_version, refuse_stale
from chengshu.data.catalog.services.mirroring import mirror, mirror_business
from chengshu.data.catalog.validation import SNAKE_ADVICE, SNAKE_CASE, draft_problems
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

M = TypeVar("M", bound=models.Model)

LAKE_ZONE = "std"
SEQUENCE_DIGITS = 5


def create_resource(
    *,
    actor: Actor,
    provider: Organization,
    category: Category,
    physical_name: str,
    content: VersionContent,
) -> Resource:
    """Create an entry with its first draft; the code is the category's code, ``/`` and the next sequence.

    Raises:
        NotAllowed: the provider is outside the actor's scope.
        InvalidInput: a value is wrong (missing ones are only demanded at submission), or the table name is taken.
    """
    check(actor, "catalog.resource.edit", provider)
    found = draft_problems(content)
    if not SNAKE_CASE.fullmatch(physical_name):
        found["physical_name"] = f"物理表名“{physical_name}”不对：{SNAKE_ADVICE}"
    elif Resource.objects.filter(physical_name=physical_name).exists():
        found["physical_name"] = f"物理表名“{physical_name}”已被另一个资源使用"
    if category.level != LEAF_LEVEL:
        found["category"] = "请选到细目一级"
    if found:
        raise InvalidInput(_sentence(found), kept="没有创建目录。", fields=found)
    with unit_of_work():
        resource = Resource.objects.create(
            code=next_code(category), title=content.title.strip(), provider=provider,
            category=category, physical_name=physical_name,
            lake_table=f"{LAKE_ZONE}/{physical_name}", created_by=actor.account,
        )  # fmt: skip
        version = ResourceVersion(resource=resource, number=1)
        _write(version, content, actor)
        _mirror(resource, version)
        record(
            actor=actor, action="catalog.resource.created", obj=resource,
            after={"code": resource.code, "provider": provider.code, "items": len(content.items)},
        )  # fmt: skip
    return resource


def next_code(category: Category) -> str:
    """The next entry code of a category; the counter's row lock keeps two creators apart."""
    locked = Category.objects.select_for_update().get(pk=category.pk)
    locked.last_sequence += 1
    locked.save(update_fields=["last_sequence"])
    return f"{locked.code}/{locked.last_sequence:0{SEQUENCE_DIGITS}d}"


def edit_draft(
    *, actor: Actor, version: ResourceVersion, revision: int, content: VersionContent
) -> ResourceVersion:
    """Replace the content of an open draft.

    Raises:
        Conflict: somebody saved after ``revision`` was read (says who and when), or the version is not a draft.
        InvalidInput: a value is wrong; nothing was saved.
    """
    check(actor, "catalog.resource.edit", version.resource)
    found = draft_problems(content)
    if found:
        raise InvalidInput(_sentence(found), kept="草稿没有保存。", fields=found)
    with unit_of_work():
        resource = lock_resource(version.resource, actor=actor, permission="catalog.resource.edit")
        locked = lock_version(version)
        refuse_stale(locked, revision)
        if not locked.editable:
            raise Conflict(
                f"这个版本{locked.get_state_display()}，不能编辑。",
                kept="内容没有改变。",
                advice="待审核的请先撤回，已发布的请发起变更。",
            )
        difference = compare(version_content(locked), content)
        locked.revision += 1
        _write(locked, content, actor)
        _mirror(resource, locked)
        record(
            actor=actor, action="catalog.resource.edited", obj=resource,
            after={"version": locked.number, "revision": locked.revision, **difference.as_dict()},
        )  # fmt: skip
    return locked


def start_change(*, actor: Actor, resource: Resource) -> ResourceVersion:
    """Open a new draft that copies the published version.

    Raises:
        Conflict: a draft is already open, or the entry was never published or is retired.
    """
    check(actor, "catalog.resource.edit", resource)
    with unit_of_work():
        resource = lock_resource(resource, actor=actor, permission="catalog.resource.edit")
        if resource.working is not None:
            raise Conflict(
                f"已经有一个{resource.working.get_state_display()}的版本 v{resource.working.number}。",
                advice="请在那个版本上继续，或先撤回、放弃它。",
            )
        if resource.published is None or resource.state == ResourceState.RETIRED:
            raise Conflict("只有已发布的目录可以发起变更。")
        highest = resource.versions.aggregate(top=models.Max("number"))["top"]
        version = ResourceVersion(resource=resource, number=highest + 1)
        copied = replace(version_content(resource.published), change_note="")
        _write(version, copied, actor)
        _mirror(resource, version)
        record(
            actor=actor, action="catalog.resource.change_started", obj=resource,
            after={"version": version.number, "from": resource.published.number},
        )  # fmt: skip
    return version


def discard_draft(*, actor: Actor, version: ResourceVersion) -> None:
    """Throw an open draft of a published entry away; an entry never published disappears with it.

    Raises:
        Conflict: the version is not a draft.
    """
    check(actor, "catalog.resource.edit", version.resource)
    with unit_of_work():
        resource = lock_resource(version.resource, actor=actor, permission="catalog.resource.edit")
        locked = lock_version(version)
        if locked.state not in EDITABLE_STATES:
            raise Conflict(f"这个版本{locked.get_state_display()}，不能放弃。")
        record(
            actor=actor, action="catalog.resource.discarded", obj=resource,
            before={"version": locked.number, "title": locked.title},
        )  # fmt: skip
        resource.working = None
        resource.save(update_fields=["working"])
        locked.delete()
        if resource.published is None:
            resource.delete()


def _write(version: ResourceVersion, content: VersionContent, actor: Actor) -> None:
    """Store content and items; the caller holds the locks and has validated."""
    for name in PLAIN_VERSION_FIELDS:
        value = getattr(content, name)
        setattr(version, name, value.strip() if isinstance(value, str) else value)
    version.system = _referred(InformationSystem, content.system, "system", "信息系统")
    version.warehouse = _referred(Warehouse, content.warehouse, "warehouse", "数据仓")
    for name in LIST_VERSION_FIELDS:
        setattr(version, name, list(getattr(content, name)))
    _refuse_unknown(Resource, content.related, "related", "数据资源")
    _refuse_unknown(BusinessItem, content.business_codes, "business_codes", "业务事项")
    version.level = content.level
    version.item_count = len(content.items)
    version.edited_at, version.edited_by = timezone.now(), actor.account
    version.state = VersionState(version.state)
    version.save()
    version.items.all().delete()
    DataItem.objects.bulk_create(_items(version, content.items), batch_size=500)


def _items(version: ResourceVersion, items: Sequence[ItemContent]) -> list[DataItem]:
    wanted = {item.code_table for item in items if item.code_table}
    tables = {t.key: t for t in CodeTable.objects.filter(key__in=wanted)} if wanted else {}
    bound = {item.element for item in items if item.element}
    stored = DataElement.objects.filter(identifier__in=bound) if bound else ()
    elements = {e.identifier: e for e in stored}
    found: dict[str, str] = {}
    rows: list[DataItem] = []
    for index, item in enumerate(items):
        if item.code_table and item.code_table not in tables:
            found[f"items.{index}.code_table"] = f"没有代码表“{item.code_table}”"
        if item.element and item.element not in elements:
            found[f"items.{index}.element"] = f"没有数据元“{item.element}”"
        rows.append(
            build_item(
                version, index + 1, item, tables.get(item.code_table), elements.get(item.element)
            )
        )
    if found:
        raise InvalidInput(_sentence(found), kept="没有保存。", fields=found)
    return rows


def build_item(
    version: ResourceVersion,
    order: int,
    item: ItemContent,
    table: CodeTable | None,
    element: DataElement | None = None,
) -> DataItem:
    """An unsaved data item."""
    return DataItem(
        version=version, order=order, name=item.name, title=item.title.strip(), type=item.type,
        length=item.length, precision=item.precision, scale=item.scale,
        nullable=item.nullable and not item.is_key, is_key=item.is_key, code_table=table,
        format=item.format, minimum=item.minimum, maximum=item.maximum, pattern=item.pattern,
        sensitivity=item.sensitivity, definition=item.definition.strip(), element=element,
        english=item.english.strip(), unit=item.unit.strip(),
    )  # fmt: skip


def _referred(model: type[M], code: str, field: str, noun: str) -> M | None:
    if not code:
        return None
    found = model._default_manager.filter(code=code).first()
    if found is None:
        text = f"没有代码为“{code}”的{noun}"
        raise InvalidInput(f"{text}。", kept="没有保存。", fields={field: text})
    return found


def _refuse_unknown(model: type[models.Model], codes: Sequence[str], field: str, noun: str) -> None:
    known = (
        set(model._default_manager.filter(code__in=codes).values_list("code", flat=True))
        if codes
        else set()
    )
    if absent := [code for code in codes if code not in known]:
        text = f"没有代码为“{'、'.join(absent)}”的{noun}"
        raise InvalidInput(f"{text}。", kept="没有保存。", fields={field: text})


def _mirror(resource: Resource, version: ResourceVersion) -> None:
    """Point the entry at its open version; before the first publication it also shows that version's data."""
    resource.working = version
    resource.updated_at = timezone.now()
    first = resource.published_id is None
    if first:
        mirror(resource, version)
    resource.save()
    if first:
        mirror_business(resource, version)


def _sentence(found: dict[str, str]) -> str:
    return f"有 {len(found)} 处填写有误：" + "；".join(found.values()) + "。"
