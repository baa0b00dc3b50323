"""Standards by Excel: template, export, preview and import of data elements and code tables, all of it as drafts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chengshu.data.catalog import standards
from chengshu.data.catalog.choices import StandardState
from chengshu.data.catalog.elements import ELEMENT_FIELDS, element_content
from chengshu.data.catalog.excel.reading import read
from chengshu.data.catalog.excel.standard_layout import (
    CODE_TABLES,
    CODES,
    ELEMENTS,
    STANDARD_SHEETS,
)
from chengshu.data.catalog.excel.standard_planning import (
    ElementChange,
    StandardPlan,
    TableChange,
    plan,
)
from chengshu.data.catalog.excel.writing import Options, workbook
from chengshu.data.catalog.models import CodeTable, DataElement
from chengshu.data.catalog.services import code_tables, elements
from chengshu.data.catalog.services.exchange import PROVIDER_KINDS, refuse_unfit
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check, holds, scope
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

PURPOSE = "catalog.import_standards"
Records = Iterator[dict[str, Any]]


def template_file(*, actor: Actor) -> bytes:
    """The empty file to fill in."""
    check(actor, elements.PROPOSE)
    return workbook({}, _options(actor), examples=True, sheets=STANDARD_SHEETS)


def export_file(*, actor: Actor) -> bytes:
    """Every standard the actor may see, in the form the import reads; audited."""
    check(actor, "catalog.element.view")
    found = list(standards.elements(actor=actor).order_by("identifier"))
    tables = CodeTable.objects.select_related("owner").prefetch_related("values").order_by("key")
    shown = list(tables.exclude(state=StandardState.DRAFT))
    rows = {
        ELEMENTS.title: _element_rows(found),
        CODE_TABLES.title: _table_rows(shown),
        CODES.title: (
            {"key": table.key, "code": value.code, "name": value.name}
            for table in shown for value in table.values.all()
        ),
    }  # fmt: skip
    content = workbook(rows, _options(actor), examples=False, sheets=STANDARD_SHEETS)
    with unit_of_work():
        record(
            actor=actor, action="catalog.standards_exported", object_type="catalog.dataelement",
            object_name="数据标准", after={"elements": len(found), "code_tables": len(shown)},
        )  # fmt: skip
    return content


def preview(*, actor: Actor, content: bytes) -> StandardPlan:
    """What importing ``content`` would do; nothing is written.

    Raises:
        InvalidInput: not a workbook of ours at all. Wrong cells are in the plan's ``errors``.
    """
    check(actor, elements.PROPOSE)
    return plan(actor=actor, contents=read(content, STANDARD_SHEETS))


def import_file(
    *, actor: Actor, file: StoredFile, digest: str, submit: bool = False
) -> StandardPlan:
    """Do what the preview showed, in one transaction: all of it as drafts, or nothing.

    Args:
        actor: who imports.
        file: what was uploaded.
        digest: of the plan the actor saw.
        submit: propose every new or changed standard for publication by another person at once.

    Raises:
        InvalidInput: the file has errors, or something is missing for publication.
        Conflict: the standards changed since the preview.
    """
    check(actor, elements.PROPOSE)
    content = file.path.read_bytes()
    with unit_of_work():
        todo = preview(actor=actor, content=content)
        refuse_unfit(todo.errors, stale=todo.digest != digest)
        # Tables first: elements of the same file may use them.
        for table in todo.tables:
            _import_table(actor, table, submit=submit)
        for element in todo.elements:
            _import_element(actor, element, submit=submit)
        record(
            actor=actor, action="catalog.standards_imported", obj=file,
            after={
                "created": todo.count("create"), "changed": todo.count("change"),
                "unchanged": todo.count("unchanged"), "submitted": submit,
            },
        )  # fmt: skip
    return todo


def _import_element(actor: Actor, change: ElementChange, *, submit: bool) -> None:
    if change.act == "unchanged":
        return
    element = change.existing
    if element is None:
        element = elements.create_element(
            actor=actor, identifier=change.identifier, owner=change.owner, content=change.content
        )
    else:
        version = element.working or elements.revise_element(actor=actor, element=element)
        elements.edit_element(
            actor=actor, element=element, revision=version.revision, content=change.content
        )
    if submit:
        with _nothing_kept():
            elements.submit_element(actor=actor, element=element)


def _import_table(actor: Actor, change: TableChange, *, submit: bool) -> None:
    if change.act == "unchanged":
        return
    table = change.existing
    if table is None:
        table = code_tables.create_code_table(
            actor=actor, key=change.key, owner=change.owner, codes=change.codes, **change.said
        )
    elif change.described:
        code_tables.describe_code_table(actor=actor, table=table, owner=change.owner, **change.said)
    if change.existing is not None and change.recoded:
        version = change.version or code_tables.revise_code_table(actor=actor, table=table)
        code_tables.edit_codes(
            actor=actor, version=version, revision=version.revision, codes=change.codes,
            change_note=change.change_note,
        )  # fmt: skip
    if submit and change.recoded:
        with _nothing_kept():
            code_tables.submit_codes(actor=actor, table=table)


@contextmanager
def _nothing_kept() -> Iterator[None]:
    """Say of what a draft lacks for publication that nothing was imported."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            error.detail, kept="没有导入任何内容。",
            advice="请在文件里补齐后重新上传；或者不勾选“提请发布”，先存为草案。",
        ) from error  # fmt: skip


def _options(actor: Actor) -> Options:
    units = scope(actor, elements.PROPOSE, Organization.objects.filter(active=True))
    if holds(actor, code_tables.EDIT):
        units = Organization.objects.filter(active=True)
    tables = CodeTable.objects.exclude(state=StandardState.RETIRED)
    return {
        "organizations": list(units.filter(kind__in=PROVIDER_KINDS).values_list("code", "short")),
        "code_tables": list(tables.values_list("key", "name")),
    }


def _element_rows(found: list[DataElement]) -> Records:
    for element in found:
        if element.shown is None:
            continue
        content = element_content(element.shown)
        said = {name: getattr(content, name) for name in ELEMENT_FIELDS if name != "change_note"}
        owner = f"{element.owner.code} {element.owner}"
        yield {"identifier": element.identifier, "owner": owner, **said}


def _table_rows(found: list[CodeTable]) -> Records:
    for table in found:
        owner = f"{table.owner.code} {table.owner}" if table.owner else ""
        yield {
            "key": table.key, "name": table.name, "standard": table.standard, "owner": owner,
            "description": table.description,
        }  # fmt: skip
