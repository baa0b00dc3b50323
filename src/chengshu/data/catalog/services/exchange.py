"""Excel in and out: template, export, preview of an import, and the import itself."""

from collections.abc import Iterator, Sequence
from typing import Any

from chengshu.data.catalog import selectors
from chengshu.data.catalog.choices import StandardState
from chengshu.data.catalog.content import (
    ITEM_FIELDS,
    ITEM_RELATIONS,
    VERSION_FIELDS,
    item_content,
    version_content,
)
from chengshu.data.catalog.excel.layout import ITEMS, RESOURCES, SYSTEMS
from chengshu.data.catalog.excel.planning import Plan, ResourceChange, plan
from chengshu.data.catalog.excel.reading import CellError, read
from chengshu.data.catalog.excel.writing import Options, workbook
from chengshu.data.catalog.models import (
    Category,
    CodeTable,
    DataElement,
    DataItem,
    InformationSystem,
    Resource,
    Warehouse,
)
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services import drafts
from chengshu.data.catalog.services.systems import edit_system, register_system
from chengshu.data.catalog.systems import SYSTEM_FIELDS, content_of
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check, scope
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.choices import OrganizationKind
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

PURPOSE = "catalog.import"
PROVIDER_KINDS = (
    OrganizationKind.MUNICIPAL, OrganizationKind.DEPARTMENT, OrganizationKind.INSTITUTION,
)  # fmt: skip
Records = Iterator[dict[str, Any]]


def template_file(*, actor: Actor) -> bytes:
    """The empty file to fill in, with the actor's own departments in the drop-downs."""
    check(actor, "catalog.resource.edit")
    return workbook({}, _options(actor), examples=True)


def export_file(*, actor: Actor) -> bytes:
    """Everything the actor may see, in the form the import reads; audited."""
    check(actor, "catalog.resource.view")
    entries = list(selectors.resources(actor=actor).select_related(
        "provider", "category", "published__system", "published__warehouse", "working__system",
        "working__warehouse",
    ).order_by("code"))  # fmt: skip
    found = selectors.systems(actor=actor).prefetch_related("business_items")
    systems = list(found.order_by("code"))
    content = workbook(
        {
            SYSTEMS.title: _system_rows(systems),
            RESOURCES.title: _resource_rows(entries),
            ITEMS.title: _item_rows(entries),
        },
        _options(actor),
        examples=False,
    )
    with unit_of_work():
        record(
            actor=actor, action="catalog.exported", object_type="catalog.resource",
            object_name="数据目录", after={"systems": len(systems), "resources": len(entries)},
        )  # fmt: skip
    return content


def preview(*, actor: Actor, content: bytes) -> Plan:
    """What importing ``content`` would do; nothing is written.

    Raises:
        InvalidInput: not a workbook of ours at all. Wrong cells are in the plan's ``errors``.
    """
    check(actor, "catalog.resource.edit")
    return plan(actor=actor, contents=read(content))


def import_file(*, actor: Actor, file: StoredFile, digest: str) -> Plan:
    """Do what the preview showed, in one transaction: all of it as drafts, or nothing.

    Raises:
        InvalidInput: the file has errors. Conflict: the catalogue changed since the preview (``digest``).
    """
    check(actor, "catalog.resource.edit")
    content = file.path.read_bytes()
    with unit_of_work():
        todo = preview(actor=actor, content=content)
        refuse_unfit(todo.errors, stale=todo.digest != digest)
        for change in todo.systems:
            if change.act == "create":
                register_system(
                    actor=actor, code=change.code, owner=change.owner, content=change.content
                )
            elif change.act == "change" and change.existing is not None:
                edit_system(
                    actor=actor, system=change.existing, revision=change.existing.revision,
                    content=change.content,
                )  # fmt: skip
        for entry in todo.resources:
            _import_entry(actor, entry)
        record(
            actor=actor, action="catalog.imported", obj=file,
            after={
                "created": todo.count("create"), "changed": todo.count("change"),
                "unchanged": todo.count("unchanged"),
            },
        )  # fmt: skip
    return todo


def refuse_unfit(errors: Sequence[CellError], *, stale: bool) -> None:
    """Raise when a checked file must not be imported: it has errors, or what it was checked against has changed."""
    if errors:
        raise InvalidInput(
            f"文件里有 {len(errors)} 处错误。", kept="没有导入任何内容。",
            advice="请改好后重新上传。",
        )  # fmt: skip
    if stale:
        raise Conflict(
            "核对之后，目录有了新的变化。", kept="没有导入任何内容。",
            advice="请重新核对下面的清单，再确认导入。",
        )  # fmt: skip


def _import_entry(actor: Actor, change: ResourceChange) -> None:
    if change.act == "create":
        drafts.create_resource(
            actor=actor, provider=change.provider, category=change.category,
            physical_name=change.physical_name, content=change.content,
        )  # fmt: skip
    elif change.act == "change" and change.existing is not None:
        version = change.existing.working
        if version is None:
            version = drafts.start_change(actor=actor, resource=change.existing)
        drafts.edit_draft(
            actor=actor, version=version, revision=version.revision, content=change.content
        )


def _options(actor: Actor) -> Options:
    units = scope(actor, "catalog.resource.edit", Organization.objects.filter(active=True))
    return {
        "organizations": list(units.filter(kind__in=PROVIDER_KINDS).values_list("code", "short")),
        "categories": list(Category.objects.filter(level=LEAF_LEVEL).values_list("code", "name")),
        "systems": list(
            scope(actor, "catalog.system.view", InformationSystem.objects.all()).values_list(
                "code", "name"
            )
        ),
        "warehouses": list(Warehouse.objects.values_list("code", "name")),
        "elements": list(
            DataElement.objects.filter(state=StandardState.PUBLISHED).values_list(
                "identifier", "title"
            )
        ),
        "code_tables": list(CodeTable.objects.values_list("key", "name")),
    }


def _system_rows(systems: list[InformationSystem]) -> Records:
    for system in systems:
        content = content_of(system)
        values = {name: getattr(content, name) for name in SYSTEM_FIELDS}
        yield {"code": system.code, "owner": f"{system.owner.code} {system.owner}", **values}


def _resource_rows(entries: list[Resource]) -> Records:
    for entry in entries:
        if entry.shown is None:
            continue
        content = version_content(entry.shown, items=())
        yield {
            "physical_name": entry.physical_name,
            "code": entry.code,
            "provider": f"{entry.provider.code} {entry.provider}",
            "category": f"{entry.category.code} {entry.category.name}",
            **{name: getattr(content, name) for name in VERSION_FIELDS},
        }


def _item_rows(entries: list[Resource]) -> Records:
    names = {e.shown.pk: e.physical_name for e in entries if e.shown is not None}
    items = DataItem.objects.filter(version__in=names).select_related(*ITEM_RELATIONS)
    for item in items.order_by("version__resource__code", "order").iterator(2_000):
        content = item_content(item)
        yield {
            "physical_name": names[item.version_id],
            **{name: getattr(content, name) for name in ITEM_FIELDS},
        }
