"""The small registers other things refer to: categories, warehouses, thematic libraries and business items."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from django.utils import timezone

from chengshu.data.catalog.choices import BusinessKind, BusinessStatus, ResourceState
from chengshu.data.catalog.models import (
    BusinessItem,
    Category,
    InformationSystem,
    Resource,
    ThematicLibrary,
    Warehouse,
)
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services.locking import refuse_stale
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

R = TypeVar("R", Warehouse, ThematicLibrary)

STANDARD, BUSINESS = "catalog.standard.edit", "catalog.system.edit"
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
BUSINESS_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
# 类 1 digit, 项 2, 目 3, 细目 of any width (政务信息资源目录编制指南).
PARTS = (r"[1-9]", r"\d{2}", r"\d{3}", r"[0-9A-Za-z]{1,10}")
PART_WORDS = ("1 位数字", "2 位数字", "3 位数字", "1–10 位字母或数字")
LEVELS = ("类", "项", "目", "细目")


def add_category(*, actor: Actor, parent: Category | None, part: str, name: str) -> Category:
    """Add a node of 类/项/目/细目; ``part`` is its own part of the code.

    Raises:
        InvalidInput: below a 细目, the part has the wrong shape or is taken, or no name.
    """
    check(actor, STANDARD)
    level = parent.level + 1 if parent else 1
    if level > LEAF_LEVEL:
        _refuse({"parent": "细目下面不能再分"})
    code = f"{parent.code}/{part}" if parent else part
    found = _named(name, 60)
    if not re.fullmatch(PARTS[level - 1], part):
        found["part"] = f"{LEVELS[level - 1]}的代码要用{PART_WORDS[level - 1]}"
    elif Category.objects.filter(code=code).exists():
        found["part"] = f"代码 {code} 已经用过"
    _refuse(found)
    with unit_of_work():
        category = Category.objects.create(code=code, name=name.strip(), level=level, parent=parent)
        record(
            actor=actor, action="catalog.category.saved", obj=category,
            after={"code": code, "name": category.name},
        )  # fmt: skip
    return category


def edit_category(*, actor: Actor, category: Category, name: str, active: bool) -> Category:
    """Rename a node, or take it out of use for new entries; its code stays.

    Raises:
        InvalidInput: no name.
    """
    check(actor, STANDARD)
    _refuse(_named(name, 60))
    with unit_of_work():
        locked = Category.objects.select_for_update().get(pk=category.pk)
        before = {"name": locked.name, "active": locked.active}
        locked.name, locked.active = name.strip(), active
        locked.save(update_fields=["name", "active"])
        # A branch out of use takes everything below it along.
        if not active:
            Category.objects.filter(code__startswith=f"{locked.code}/").update(active=False)
        record(
            actor=actor, action="catalog.category.saved", obj=locked, before=before,
            after={"name": locked.name, "active": active},
        )  # fmt: skip
    return locked


def remove_category(*, actor: Actor, category: Category) -> None:
    """Delete a node nothing was ever filed under.

    Raises:
        Conflict: it has nodes below it, or entries, or has given codes.
    """
    check(actor, STANDARD)
    with unit_of_work():
        locked = Category.objects.select_for_update().get(pk=category.pk)
        if locked.children.exists() or locked.resources.exists() or locked.last_sequence:
            raise Conflict(
                f"“{locked.name}”下面还有分类或编过目录，不能删除。", kept="没有做任何改动。",
                advice="可以改为停用：已有目录不受影响，新目录不能再选。",
            )  # fmt: skip
        record(
            actor=actor, action="catalog.category.removed", obj=locked,
            before={"code": locked.code, "name": locked.name},
        )  # fmt: skip
        locked.delete()


def save_warehouse(
    *, actor: Actor, existing: Warehouse | None, code: str, name: str, description: str = "",
    owner: Organization | None = None, active: bool = True,
) -> Warehouse:  # fmt: skip
    """Register or change a 数据仓; the code stays once given.

    Raises:
        InvalidInput: a value is wrong or the code is taken.
    """
    values = {"name": name.strip(), "description": description.strip(), "active": active}
    return _save(
        actor, Warehouse(code=code, owner=owner), noun="warehouse", existing=existing, values=values
    )


def save_library(
    *, actor: Actor, existing: ThematicLibrary | None, code: str, name: str,
    description: str = "", owner: Organization | None = None, active: bool = True,
    resource_codes: Iterable[str] | None = None,
) -> ThematicLibrary:  # fmt: skip
    """Register or change a 专题库; ``resource_codes`` replaces its entries (None leaves them).

    Raises:
        InvalidInput: a value is wrong, the code is taken, or an entry is unknown or not published.
    """
    check(actor, STANDARD)
    wanted = list(dict.fromkeys(resource_codes or ()))
    found = {
        r.code: r
        for r in Resource.objects.filter(code__in=wanted).exclude(state=ResourceState.DRAFT)
    }
    if absent := [code for code in wanted if code not in found]:
        _refuse({"resource_codes": f"没有资源代码为“{'、'.join(absent)}”的已发布目录"})
    values = {"name": name.strip(), "description": description.strip(), "active": active}
    with unit_of_work():
        library = _save(
            actor, ThematicLibrary(code=code, owner=owner), noun="library", existing=existing,
            values=values,
        )  # fmt: skip
        if resource_codes is not None:
            library.resources.set(found.values())
    return library


def _save(actor: Actor, new: R, *, noun: str, existing: R | None, values: dict[str, Any]) -> R:
    check(actor, STANDARD)
    found = _named(values["name"], 120)
    if len(values["description"]) > 500:  # noqa: PLR2004 - the column's width
        found["description"] = "说明最多 500 个字"
    model: Any = type(new)
    if existing is None and not CODE.fullmatch(new.code):
        found["code"] = "代码用字母、数字、点、横线或下划线，最多 40 个字符"
    elif existing is None and model.objects.filter(code=new.code).exists():
        found["code"] = "这个代码已经用过"
    _refuse(found)
    with unit_of_work():
        if existing is None:
            row, before = new, None
        else:
            row = model.objects.select_for_update().get(pk=existing.pk)
            before = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        row.owner = new.owner
        row.save()
        record(
            actor=actor, action=f"catalog.{noun}.saved", obj=row, before=before,
            after={"code": row.code, **values},
        )  # fmt: skip
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessContent:
    """What is registered about a 事项 besides code and department; ``systems`` are codes."""

    name: str
    kind: str
    status: str = BusinessStatus.ACTIVE
    basis: str = ""
    description: str = ""
    systems: tuple[str, ...] = ()


BUSINESS_FIELDS = tuple(BusinessContent.__dataclass_fields__)


def business_content(item: BusinessItem) -> BusinessContent:
    """The stored content of a business item."""
    values = {name: getattr(item, name) for name in BUSINESS_FIELDS if name != "systems"}
    codes = tuple(sorted(system.code for system in item.systems.all()))
    return BusinessContent(**values, systems=codes)


def register_business_item(
    *, actor: Actor, code: str, department: Organization, content: BusinessContent
) -> BusinessItem:
    """Register a 事项 of a department.

    Raises:
        NotAllowed: the department is outside the actor's scope. InvalidInput: a value is wrong or the code is taken.
    """
    check(actor, BUSINESS, department)
    found = _business_problems(content)
    if not BUSINESS_CODE.fullmatch(code):
        found["code"] = "事项编码用字母、数字、点、横线或下划线，最多 60 个字符"
    elif BusinessItem.objects.filter(code=code).exists():
        found["code"] = "这个事项编码已经登记过"
    _refuse(found)
    with unit_of_work():
        item = BusinessItem(code=code, department=department)
        _write_business(actor, item, content)
        record(
            actor=actor, action="catalog.business.saved", obj=item,
            after={"code": code, **asdict(content)},
        )  # fmt: skip
    return item


def edit_business_item(
    *, actor: Actor, item: BusinessItem, revision: int, content: BusinessContent
) -> BusinessItem:
    """Change a 事项; code and department stay.

    Raises:
        Conflict: somebody else saved after ``revision`` was read. InvalidInput: a value is wrong.
    """
    check(actor, BUSINESS, item)
    _refuse(_business_problems(content))
    with unit_of_work():
        locked = BusinessItem.objects.select_for_update().get(pk=item.pk)
        refuse_stale(locked, revision)
        before = asdict(business_content(locked))
        locked.revision += 1
        _write_business(actor, locked, content)
        record(
            actor=actor, action="catalog.business.saved", obj=locked, before=before,
            after=asdict(content),
        )  # fmt: skip
    return locked


def _business_problems(content: BusinessContent) -> dict[str, str]:
    found = _named(content.name, 160)
    if content.kind not in BusinessKind.values:
        found["kind"] = "请选择事项类型"
    if content.status not in BusinessStatus.values:
        found["status"] = "请选择状态"
    for name, word in (("basis", "设定依据"), ("description", "说明")):
        if len(getattr(content, name)) > 500:  # noqa: PLR2004 - the column's width
            found[name] = f"{word}最多 500 个字"
    return found


def _write_business(actor: Actor, item: BusinessItem, content: BusinessContent) -> None:
    systems = {s.code: s for s in InformationSystem.objects.filter(code__in=content.systems)}
    if absent := [code for code in content.systems if code not in systems]:
        _refuse({"systems": f"没有登记过系统“{'、'.join(absent)}”"})
    item.name, item.kind, item.status = content.name.strip(), content.kind, content.status
    item.basis, item.description = content.basis.strip(), content.description.strip()
    item.edited_at, item.edited_by = timezone.now(), actor.account
    item.save()
    item.systems.set(systems.values())


def _named(name: str, limit: int) -> dict[str, str]:
    if not name.strip():
        return {"name": "请填写名称"}
    return {"name": f"名称最多 {limit} 个字"} if len(name.strip()) > limit else {}


def _refuse(found: dict[str, str]) -> None:
    if found:
        raise InvalidInput("；".join(found.values()) + "。", kept="没有保存。", fields=found)
