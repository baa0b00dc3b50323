"""The fixed cast of the catalogue's tests: two departments, their officers, two reviewers, one who must be refused."""

from dataclasses import dataclass, replace

from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.models import (
    Category,
    CodeTable,
    CodeValue,
    InformationSystem,
    Resource,
    Warehouse,
)
from chengshu.data.catalog.services import drafts, review
from chengshu.data.catalog.services.systems import register_system
from chengshu.data.catalog.systems import SystemContent
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.identity.models import Account, Organization, RoleAssignment

PERSON = ItemContent(
    name="id_number", title="身份证号", length=18, is_key=True, nullable=False, format="id_number",
    sensitivity="L3", definition="参保人的居民身份证号",
)  # fmt: skip
SEX = ItemContent(name="sex", title="性别", length=1, code_table="gender", sensitivity="L2")
PAID = ItemContent(
    name="paid",
    title="缴费金额",
    type="decimal",
    precision=12,
    scale=2,
    minimum="0",
    sensitivity="L2",
)
PENSION = VersionContent(
    title="城乡居民养老保险参保信息",
    summary="全市城乡居民养老保险参保人员及缴费情况，一人一条",
    system="rs-sb", warehouse="dw-people", sharing_type="conditional",
    sharing_condition="仅限办理本部门事项时核验", open_type="restricted",
    open_condition="依申请审核", update_cycle="daily", formats=("table",),
    items=(PERSON, SEX, PAID),
)  # fmt: skip


@dataclass
class Cast:
    """People of the city, and what they work with."""

    hr: Organization
    market: Organization
    officer: Actor
    stranger: Actor
    admin: Actor
    second_admin: Actor
    leader: Actor
    nobody: Actor
    category: Category
    system: InformationSystem
    warehouse: Warehouse


def _account(name: str, unit: Organization, role: str, at: Organization) -> Actor:
    account = Account.objects.create(username=name, display_name=f"{name}同志", organization=unit)
    if role:
        RoleAssignment.objects.create(account=account, role=role, organization=at)
    return Actor(account=account, name=account.display_name)


def assemble() -> Cast:
    """Create the cast."""
    city = Organization.objects.create(
        code="330383", name="龙港市", short="龙港市", kind="municipal"
    )
    hr, market, bureau = (
        Organization.objects.create(
            code=f"330383-{code}", name=f"龙港市{name}", short=name, kind="department", parent=city
        )
        for code, name in (("RS", "人社局"), ("SJ", "市监局"), ("DS", "数据局"))
    )
    category = None
    for depth, (code, name) in enumerate(
        (("1", "基础信息资源"), ("1/01", "人口"), ("1/01/001", "社会保障"), ("1/01/001/01", "养老保险")), 1
    ):  # fmt: skip
        category = Category.objects.create(code=code, name=name, level=depth, parent=category)
    assert category is not None
    table = CodeTable.objects.create(key="gender", name="性别代码", standard="GB/T 2261.1-2003")
    for order, (code, name) in enumerate((("1", "男性"), ("2", "女性")), 1):
        CodeValue.objects.create(table=table, code=code, name=name, order=order)
    warehouse = Warehouse.objects.create(code="dw-people", name="人口数据仓")
    system = register_system(
        actor=platform(), code="rs-sb", owner=hr,
        content=SystemContent(name="社会保险系统", purpose="社会保险参保登记与缴费", security_level="3"),
    )  # fmt: skip
    return Cast(
        hr=hr, market=market, category=category, system=system, warehouse=warehouse,
        officer=_account("officer", hr, "data_officer", hr),
        stranger=_account("stranger", market, "data_officer", market),
        admin=_account("admin", bureau, "data_admin", city),
        second_admin=_account("admin2", bureau, "data_admin", city),
        leader=_account("leader", city, "leader", city),
        nobody=_account("nobody", hr, "", hr),
    )  # fmt: skip


def draft(
    cast: Cast, *, actor: Actor | None = None, name: str = "rs_pension",
    content: VersionContent = PENSION, provider: Organization | None = None,
) -> Resource:  # fmt: skip
    """An entry with a complete draft."""
    return drafts.create_resource(
        actor=actor or cast.officer, provider=provider or cast.hr, category=cast.category,
        physical_name=name, content=content,
    )  # fmt: skip


def published(
    cast: Cast, *, name: str = "rs_pension", content: VersionContent = PENSION
) -> Resource:
    """A published entry."""
    entry = draft(cast, name=name, content=content)
    assert entry.working is not None
    review.submit(actor=cast.officer, version=entry.working)
    review.approve(actor=cast.admin, version=entry.working)
    return Resource.objects.get(pk=entry.pk)


def changed(cast: Cast, entry: Resource, content: VersionContent) -> Resource:
    """A published entry with a change that waits for review."""
    version = drafts.start_change(actor=cast.officer, resource=entry)
    drafts.edit_draft(
        actor=cast.officer, version=version, revision=1,
        content=replace(content, change_note="按新政策调整"),
    )  # fmt: skip
    review.submit(actor=cast.officer, version=version, handling="已通知使用方")
    return Resource.objects.get(pk=entry.pk)
