"""What an import of standards would do: checked against the file and the standards in force, nothing written."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Prefetch

from chengshu.data.catalog.choices import (
    OPEN_STANDARD_STATES,
    StandardState,
    StandardVersionState,
)
from chengshu.data.catalog.codes import (
    KEY,
    MAX_CODES,
    CodeDiff,
    Codes,
    code_faults,
    compare_codes,
    pairs,
)
from chengshu.data.catalog.element_rules import IDENTIFIER, element_problems
from chengshu.data.catalog.elements import ELEMENT_FIELDS, ElementContent, element_content
from chengshu.data.catalog.excel.planning import Act
from chengshu.data.catalog.excel.reading import CellError, Contents, Record
from chengshu.data.catalog.excel.standard_layout import CODE_TABLES, CODES, ELEMENTS
from chengshu.data.catalog.models import (
    CodeTable,
    CodeTableVersion,
    DataElement,
    ElementVersion,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.identity.models import Organization

PROPOSE, EDIT = "catalog.element.propose", "catalog.standard.edit"
_WAITS = "正在等待发布，请先退回或等发布之后再导入"
_RETIRED = "已废止，不能再修改"
_SAID = ("name", "standard", "description")
_SHEET_ORDER = {ELEMENTS.title: 0, CODE_TABLES.title: 1, CODES.title: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementChange:
    """What happens to one data element; ``changed`` names the attributes that differ."""

    act: Act
    row: int
    identifier: str
    owner: Organization
    content: ElementContent
    existing: DataElement | None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """What happens to one code table.

    ``difference`` is that of the codes, None for a new table; ``described``: name, standard, owner or description
    changes, which needs no new version.
    """

    act: Act
    row: int
    key: str
    said: dict[str, str]
    owner: Organization | None
    codes: Codes
    change_note: str
    existing: CodeTable | None
    version: CodeTableVersion | None
    difference: CodeDiff | None
    described: bool

    @property
    def recoded(self) -> bool:
        """Whether the codes change, so that there is something to publish."""
        return self.difference is None or not self.difference.is_empty


@dataclass(slots=True)
class StandardPlan:
    """The whole import. With ``errors`` it must not be applied."""

    elements: list[ElementChange] = field(default_factory=list)
    tables: list[TableChange] = field(default_factory=list)
    errors: list[CellError] = field(default_factory=list)
    examples_skipped: int = 0

    def count(self, act: Act) -> int:
        """How many elements and tables are created, changed or left as they are."""
        changes: list[ElementChange | TableChange] = [*self.elements, *self.tables]
        return sum(change.act == act for change in changes)

    @property
    def digest(self) -> str:
        """Fingerprint of what would be done: confirming checks that nothing changed since the preview."""
        parts = []
        for element in self.elements:
            base = _base(element.existing) if element.existing else None
            parts.append(f"{element.act}|{element.identifier}|{_edition(base)}")
        for table in self.tables:
            number = table.existing.number if table.existing else 0
            parts.append(f"{table.act}|{table.key}|{number}|{_edition(table.version)}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _edition(version: ElementVersion | CodeTableVersion | None) -> str:
    return f"{version.pk}.{version.revision}" if version else "0"


def _base(element: DataElement) -> ElementVersion | None:
    """The version a change is compared with: the open one, else the one in force."""
    return element.working or element.published


def plan(*, actor: Actor, contents: Contents) -> StandardPlan:
    """Check everything the file says (a constant number of queries)."""
    return _Planner(actor, contents).run()


class _Planner:
    """Holds the look-ups of one import."""

    def __init__(self, actor: Actor, contents: Contents) -> None:
        self.actor, self.contents = actor, contents
        records = contents.records
        units = {
            r.values.get("owner") for s in (ELEMENTS, CODE_TABLES) for r in records[s.title]
        }  # fmt: skip
        self.organizations = {
            o.code: o for o in Organization.objects.filter(code__in=units - {None})
        }
        names = {r.values.get("identifier") for r in records[ELEMENTS.title]}
        self.elements = {
            e.identifier: e
            for e in DataElement.objects.filter(identifier__in=names - {None}).select_related(
                "owner", "published__code_table", "working__code_table"
            )
        }
        opened = CodeTableVersion.objects.filter(state__in=OPEN_STANDARD_STATES)
        keys = {r.values.get("key") for r in records[CODE_TABLES.title]}
        self.tables = {
            t.key: t
            for t in CodeTable.objects.filter(key__in=keys - {None})
            .select_related("owner")
            .prefetch_related("values", Prefetch("versions", opened, to_attr="opened"))
        }
        self.known = set(CodeTable.objects.values_list("key", flat=True))
        self.plan = StandardPlan(errors=contents.errors, examples_skipped=contents.examples_skipped)

    def run(self) -> StandardPlan:
        codes: dict[str, list[Record]] = {}
        for record in self.contents.records[CODES.title]:
            codes.setdefault(record.values.get("key", ""), []).append(record)
        codes.pop("", None)
        seen: dict[str, int] = {}
        for record in self.contents.records[CODE_TABLES.title]:
            self._table(record, seen, codes)
        for key, rows in codes.items():
            if key not in seen:
                self._refuse(CODES, rows[0], "key", "“代码表”里没有这个标识")
        named: dict[str, int] = {}
        for record in self.contents.records[ELEMENTS.title]:
            self._element(record, named)
        if not (self.plan.elements or self.plan.tables or self.plan.errors):
            self.contents.refuse(ELEMENTS, 2, "identifier", "文件里没有可导入的内容")
        self.plan.errors.sort(key=lambda e: (_SHEET_ORDER.get(e.sheet, 9), e.row))
        return self.plan

    def _refuse(self, sheet: Any, record: Record, name: str, reason: str) -> None:
        self.contents.refuse(sheet, record.row, name, reason, record.values.get(name, ""))

    def _once(self, sheet: Any, record: Record, name: str, seen: dict[str, int]) -> str:
        key: str = record.values.get(name, "")
        if key and seen.setdefault(key, record.row) != record.row:
            self._refuse(sheet, record, name, f"与第 {seen[key]} 行重复")
        return key

    def _unit(self, sheet: Any, record: Record) -> Organization | None:
        code = record.values.get("owner", "")
        unit = self.organizations.get(code)
        if unit is None and code:
            self._refuse(sheet, record, "owner", "没有这个机构代码")
        return unit

    def _absent(self, sheet: Any) -> set[str]:
        """Columns the file does not have: what they would say stays as it is stored."""
        present = self.contents.fields.get(sheet.title, frozenset())
        return {column.field for column in sheet.columns} - present

    def _element(self, record: Record, seen: dict[str, int]) -> None:
        values, before = record.values, len(self.plan.errors)
        identifier = self._once(ELEMENTS, record, "identifier", seen)
        if identifier and not IDENTIFIER.fullmatch(identifier):
            self._refuse(
                ELEMENTS, record, "identifier", "用字母、数字、点、横线或下划线，最多 40 个字符"
            )
        owner = self._unit(ELEMENTS, record)
        existing = self.elements.get(identifier)
        if owner and not allows(self.actor, PROPOSE, owner):
            self._refuse(ELEMENTS, record, "owner", "您没有为这个单位起草数据元的权限")
        if owner and existing and existing.owner_id != owner.pk:
            self._refuse(
                ELEMENTS, record, "owner", f"这个数据元由{existing.owner}管理，导入不能改管理单位"
            )
        version = _base(existing) if existing else None
        base = element_content(version) if version else None
        kept = (
            {n: getattr(base, n) for n in self._absent(ELEMENTS) & set(ELEMENT_FIELDS)}
            if base
            else {}
        )
        given = {name: values[name] for name in ELEMENT_FIELDS if name in values}
        content = ElementContent(**{"title": "", **kept, **given})
        self._check_content(record, content)
        changed = self._changed(record, existing, base, content)
        if len(self.plan.errors) > before or owner is None or not identifier:
            return
        act: Act = "create" if existing is None else "change" if changed else "unchanged"
        self.plan.elements.append(
            ElementChange(
                act=act, row=record.row, identifier=identifier, owner=owner, content=content,
                existing=existing, changed=changed,
            )
        )  # fmt: skip

    def _check_content(self, record: Record, content: ElementContent) -> None:
        for name, text in element_problems(content).items():
            if name in record.values:
                self._refuse(ELEMENTS, record, name, text)
        table = content.code_table
        in_file = {r.values.get("key") for r in self.contents.records[CODE_TABLES.title]}
        if table and table not in self.known and table not in in_file:
            self._refuse(ELEMENTS, record, "code_table", "没有这个代码表，本文件“代码表”里也没有")

    def _changed(
        self,
        record: Record,
        existing: DataElement | None,
        base: ElementContent | None,
        content: ElementContent,
    ) -> tuple[str, ...]:
        """Titles of the attributes that differ; nothing when the file only repeats what is in force."""
        if existing is None or base is None:
            return ()
        if existing.published and _same(element_content(existing.published), content):
            return ()
        changed = tuple(
            c.title for c in ELEMENTS.columns
            if c.field in ELEMENT_FIELDS and getattr(base, c.field) != getattr(content, c.field)
        )  # fmt: skip
        if changed and existing.state == StandardState.RETIRED:
            self._refuse(ELEMENTS, record, "identifier", _RETIRED)
        if (
            changed
            and existing.working
            and existing.working.state == StandardVersionState.SUBMITTED
        ):
            self._refuse(ELEMENTS, record, "identifier", _WAITS)
        return changed

    def _table(self, record: Record, seen: dict[str, int], codes: dict[str, list[Record]]) -> None:
        values, before = record.values, len(self.plan.errors)
        key = self._once(CODE_TABLES, record, "key", seen)
        if not key:
            return
        if not KEY.fullmatch(key):
            self._refuse(
                CODE_TABLES, record, "key", "用字母、数字、点、横线或下划线，最多 60 个字符"
            )
        if not holds(self.actor, EDIT):
            self._refuse(CODE_TABLES, record, "key", "您没有维护代码表的权限，请由数据管理员导入")
        existing, absent = self.tables.get(key), self._absent(CODE_TABLES)
        owner = self._unit(CODE_TABLES, record)
        if existing and "owner" in absent:
            owner = existing.owner
        said = {name: values.get(name, "") for name in _SAID}
        if existing:
            said |= {name: getattr(existing, name) for name in absent & set(_SAID)}
        self._check_said(record, said)
        wanted = self._codes(record, codes.get(key, []), existing)
        change = self._compared(
            record, key, said=said, owner=owner, codes=wanted, existing=existing
        )
        if len(self.plan.errors) == before:
            self.plan.tables.append(change)

    def _check_said(self, record: Record, said: dict[str, str]) -> None:
        for name, text in said.items():
            field: Any = CodeTable._meta.get_field(name)
            if len(text) > field.max_length:
                self._refuse(CODE_TABLES, record, name, f"最多 {field.max_length} 个字")

    def _codes(self, record: Record, rows: list[Record], existing: CodeTable | None) -> Codes:
        """The codes the file gives; those stored when it gives none for a known table."""
        if not rows:
            if existing is None:
                self._refuse(CODE_TABLES, record, "key", "“代码”表里没有它的代码")
                return ()
            return _stored(existing)
        found = [(r.values.get("code", ""), r.values.get("name", "")) for r in rows]
        if len(found) > MAX_CODES:
            self._refuse(CODE_TABLES, record, "key", f"代码最多 {MAX_CODES} 个")
            return ()
        by_row = {row.row: row for row in rows}
        for fault in code_faults(found, list(by_row)):
            if fault.field in by_row[fault.line].values:  # an empty cell is told already
                self._refuse(CODES, by_row[fault.line], fault.field, fault.reason)
        return found

    def _compared(
        self,
        record: Record,
        key: str,
        *,
        said: dict[str, str],
        owner: Organization | None,
        codes: Codes,
        existing: CodeTable | None,
    ) -> TableChange:
        version = existing.opened[0] if existing and existing.opened else None  # type: ignore[attr-defined]
        difference, described = None, False
        if existing is not None:
            difference = compare_codes(_stored(existing), codes)
            if compare_codes(
                _in_force(existing), codes
            ).is_empty:  # an open draft is not undone by that
                difference = compare_codes(codes, codes)
            described = (
                any(getattr(existing, n) != said[n] for n in _SAID) or existing.owner != owner
            )
            self._check_open(record, existing, version, changes=not difference.is_empty)
        act: Act = "create"
        if difference is not None:
            act = "unchanged" if difference.is_empty and not described else "change"
        return TableChange(
            act=act, row=record.row, key=key, said=said, owner=owner, codes=codes,
            change_note=record.values.get("change_note", ""), existing=existing, version=version,
            difference=difference, described=described,
        )  # fmt: skip

    def _check_open(
        self,
        record: Record,
        table: CodeTable,
        version: CodeTableVersion | None,
        *,
        changes: bool,
    ) -> None:
        if changes and table.state == StandardState.RETIRED:
            self._refuse(CODE_TABLES, record, "key", _RETIRED)
        if changes and version and version.state == StandardVersionState.SUBMITTED:
            self._refuse(CODE_TABLES, record, "key", _WAITS)


def _same(stored: ElementContent, given: ElementContent) -> bool:
    return replace(stored, change_note="") == replace(given, change_note="")


def _in_force(table: CodeTable) -> list[tuple[str, str]]:
    return [(value.code, value.name) for value in table.values.all()]


def _stored(table: CodeTable) -> list[tuple[str, str]]:
    """The codes being written, else those in force."""
    opened: list[CodeTableVersion] = table.opened  # type: ignore[attr-defined]
    return pairs(opened[0].codes) if opened else _in_force(table)
