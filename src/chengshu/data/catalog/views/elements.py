"""Data elements: list, detail with versions and uses, draft, propose, publish, return, retire."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog import standards
from chengshu.data.catalog.choices import (
    ItemType,
    Level,
    StandardState,
    StandardVersionState,
)
from chengshu.data.catalog.content import display, item_content
from chengshu.data.catalog.element_rules import missing_for_publication
from chengshu.data.catalog.elements import (
    ELEMENT_FIELDS,
    ElementContent,
    deviations,
    element_content,
)
from chengshu.data.catalog.models import DataElement, DataItem, ElementVersion
from chengshu.data.catalog.services import elements as services
from chengshu.data.catalog.services.locking import is_own
from chengshu.data.catalog.standard_forms import ElementForm, ReasonForm
from chengshu.data.catalog.views.form_pages import form_page, posted
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check, holds
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, NotFound
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import (
    Action,
    Change,
    Column,
    Crumb,
    DiffTable,
    Fact,
    Filter,
    Table,
)
from chengshu.kernel.ui.components.display import EmptyState
from chengshu.kernel.ui.tables import TableView
from chengshu.kernel.unit_of_work import unit_of_work

_SHOWN_USES = 100


def _said(field: str) -> Any:
    return lambda row: getattr(row.shown, field) if row.shown else None


def _type(row: DataElement) -> str:
    if row.shown is None:
        return ""
    return f"{row.shown.get_type_display()} {element_content(row.shown).notation}"


def owners() -> list[tuple[str, str]]:
    """Units that look after data elements."""
    found = Organization.objects.filter(data_elements__isnull=False).distinct().order_by("code")
    return list(found.values_list("code", "short"))


def _by_state(queryset: QuerySet[DataElement], value: str) -> QuerySet[DataElement]:
    if value == StandardVersionState.SUBMITTED:
        return queryset.filter(working__state=value)
    return queryset.filter(state=value)


class ElementList(TableView[DataElement]):
    """All data elements the actor may see."""

    title = "数据元"
    subtitle = "全市统一的数据定义：同一个意思只定义一次，各单位的数据项引用它（DB33/T 2426-2022）"
    key = "catalog-elements"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="中文名称", kind="main", sort="title", locked=True,
            url=lambda row: reverse("catalog:element", args=[row.pk]),
        ),
        Column(key="identifier", title="标识符", kind="code", sort="identifier"),
        Column(key="type", title="类型与格式", value=_type),
        Column(key="domain", title="代码表", value="shown.code_table.name"),
        Column(key="sensitivity", title="敏感级别", value=_said("sensitivity")),
        Column(key="uses", title="引用数据项", kind="number", sort="uses"),
        Column(key="departments", title="涉及单位", kind="number", sort="departments"),
        Column(key="owner", title="管理单位", value="owner.short", sort="owner__short"),
        Column(key="version", title="版本", kind="number", value=_said("number")),
        Column(
            key="state", title="状态", kind="status", label="get_state_display", sort="state"
        ),
        Column(key="english", title="英文名称", value=_said("english"), hidden=True),
        Column(key="definition", title="定义", value=_said("definition"), hidden=True),
        Column(key="unit", title="计量单位", value=_said("unit"), hidden=True),
        Column(
            key="synonyms", title="同义名称", hidden=True,
            value=lambda row: "、".join(row.shown.synonyms) if row.shown else "",
        ),
        Column(key="source", title="来源机构", value=_said("source"), hidden=True),
        Column(key="updated", title="更新时间", kind="ago", value="updated_at", sort="updated_at",
               hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="owner", title="管理单位", choices=owners, lookup="owner__code"),
        Filter(
            key="state", title="状态", apply=_by_state,
            choices=[*StandardState.choices, (StandardVersionState.SUBMITTED, "待发布")],
        ),
        Filter(key="type", title="类型", choices=ItemType.choices, lookup="published__type"),
        Filter(
            key="level", title="敏感级别", choices=Level.choices, lookup="published__sensitivity"
        ),
    )  # fmt: skip
    search_fields = ("title", "identifier", "published__english", "published__name",
                     "published__definition")  # fmt: skip
    search_hint = "搜名称、标识符、英文名、定义"
    default_sort = "identifier"
    export_name = "数据元"
    empty = EmptyState(
        title="还没有数据元",
        text="把各单位反复登记的同一个数据（如公民身份号码）定义成数据元，之后登记数据项时直接套用。",
        icon="book-2",
    )

    def get_queryset(self) -> QuerySet[DataElement]:
        return standards.counted(standards.elements(actor=self.request.actor))  # type: ignore[attr-defined]

    def before_export(self, *, file_format: str, rows: int) -> str:
        """An export of the standards is on record."""
        with unit_of_work():
            record(
                actor=self.request.actor,  # type: ignore[attr-defined]
                action="catalog.list_exported", object_type="catalog.dataelement",
                object_name=self.title, after={"rows": rows, "format": file_format},
            )  # fmt: skip
        return ""

    def get_actions(self) -> Sequence[Action]:
        found = [
            Action(title="不一致清单", url=reverse("catalog:departures"), icon="alert-triangle")
        ]
        if holds(self.request.actor, "catalog.element.propose"):  # type: ignore[attr-defined]
            url = reverse("catalog:standards-import")
            found.append(Action(title="批量导入", url=url, icon="file-upload"))
            url = reverse("catalog:element-new")
            found.append(Action(title="起草数据元", url=url, icon="plus", primary=True))
        return found


class DepartureList(TableView[DataItem]):
    """Published data items that depart from their element."""

    title = "与数据元不一致的数据项"
    subtitle = "允许不一致，但要看得见：请在变更目录时改成一致，或修订数据元"
    key = "catalog-departures"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="数据项", kind="main", sort="title", locked=True,
            url=lambda row: reverse("catalog:resource", args=[row.version.resource_id]),
        ),
        Column(key="name", title="字段名", kind="code"),
        Column(key="resource", title="数据资源", value="version.title", sort="version__title"),
        Column(
            key="provider", title="提供单位", value="version.resource.provider.short",
            sort="version__resource__provider__short",
        ),
        Column(
            key="element", title="数据元", value="element.title",
            url=lambda row: reverse("catalog:element", args=[row.element_id]),
        ),
        Column(
            key="departures", title="不一致之处",
            value=lambda row: "；".join(
                d.sentence
                for d in deviations(item_content(row), element_content(row.element.published))
            ),
        ),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(
            key="provider", title="单位", lookup="version__resource__provider__code",
            choices=lambda: list(
                Organization.objects.filter(resources__isnull=False).distinct().order_by("code")
                .values_list("code", "short")
            ),
        ),
        Filter(
            key="element", title="数据元", lookup="element__identifier",
            choices=lambda: list(
                DataElement.objects.filter(state=StandardState.PUBLISHED).values_list(
                    "identifier", "title"
                )
            ),
        ),
    )  # fmt: skip
    search_fields = ("title", "name", "version__title")
    search_hint = "搜数据项、资源"
    default_sort = "title"
    empty = EmptyState(
        title="没有不一致的数据项", text="引用数据元的数据项都与它一致。", icon="circle-check"
    )

    def get_queryset(self) -> QuerySet[DataItem]:
        return standards.departing_items().select_related(
            "version__resource__provider", "code_table", "element__published__code_table"
        )

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb("数据元", reverse("catalog:elements")), Crumb("不一致清单"))


_USE_COLUMNS = (
    Column(
        key="title", title="数据项", kind="main",
        url=lambda row: reverse("catalog:resource", args=[row.version.resource_id]),
    ),
    Column(key="name", title="字段名", kind="code"),
    Column(key="resource", title="数据资源", value="version.title"),
    Column(key="provider", title="提供单位", value="version.resource.provider.short"),
    Column(
        key="lead", title="数源", value=lambda row: "数源单位" if row.version.is_lead else ""
    ),
    Column(key="departures", title="不一致之处", value=lambda row: "；".join(row.departures)),
)  # fmt: skip


def element(request: ActorRequest, element_id: int) -> HttpResponse:
    """What an element says, which versions it had, and which items of which departments use it."""
    found = standards.element(actor=request.actor, element_id=element_id)
    shown = found.shown
    if shown is None:
        raise NotFound("这个数据元没有可看的版本。")
    uses = standards.items_of(found).select_related("element__published__code_table")
    total = uses.count()
    departing = standards.departing_items().filter(element=found)
    marked = uses.annotate(departs=Exists(departing.filter(pk=OuterRef("pk"))))
    rows = standards.with_departures(marked.order_by("-departs", "version__title")[:_SHOWN_USES])
    versions = list(found.versions.select_related("edited_by", "published_by"))
    open_one = versions[0] if versions and not versions[0].fixed else None
    context = {
        "title": found.title,
        "subtitle": f"数据元 {found.identifier} · {found.owner.name}管理",
        "crumbs": [Crumb("数据元", reverse("catalog:elements")), Crumb(found.title)],
        "actions": _actions(request, found),
        "element": found,
        "shown": shown,
        "open_version": open_one if _may_write(request, found) else None,
        "own_proposal": bool(found.working and is_own(found.working, request.actor)),
        "groups": element_facts(element_content(shown)),
        "uses": Table.plain(
            key="element-uses", columns=_USE_COLUMNS, rows=rows, caption="引用它的数据项",
            empty=EmptyState(
                title="还没有数据项引用它", text="编目时“按名称套用数据元”，就会出现在这里。",
                icon="columns",
            ),
        ),
        "total": total,
        "departing": departing.count(),
        "cut": total > _SHOWN_USES,
        "versions": versions if _may_write(request, found) else [v for v in versions if v.fixed],
        "changes": _changes(versions),
    }  # fmt: skip
    return render(request, "catalog/element.html", context)


def _may_write(request: ActorRequest, found: DataElement) -> bool:
    return any(allows(request.actor, p, found) for p in (services.PROPOSE, services.PUBLISH))


def element_facts(content: ElementContent) -> list[tuple[str, list[Fact]]]:
    """The attributes of DB33/T 2426-2022 in groups."""

    def facts(*pairs: tuple[str, object]) -> list[Fact]:
        return [Fact(term, value) for term, value in pairs if value not in (None, "", "—")]

    bounds = f"{content.minimum or '不限'} 至 {content.maximum or '不限'}"
    return [
        (
            "是什么",
            facts(
                ("英文名称", content.english), ("建议字段名", content.name),
                ("定义", content.definition), ("对象类词", content.object_class),
                ("特性词", content.property_word), ("表示词", content.representation),
                ("同义名称", "、".join(content.synonyms)), ("关系", content.relation),
            ),
        ),
        (
            "怎么写",
            facts(
                ("数据类型", display("type", content.type)), ("数据格式", content.notation),
                ("长度", content.length), ("总位数", content.precision), ("小数位", content.scale),
                ("校验格式", display("format", content.format)), ("代码表", content.code_table),
                ("取值范围", bounds if content.minimum or content.maximum else ""),
                ("正则", content.pattern), ("值域", content.value_domain),
                ("计量单位", content.unit),
            ),
        ),
        (
            "安全与来源",
            facts(
                ("敏感级别", display("sensitivity", content.sensitivity)),
                ("来源机构", content.source), ("所属应用", content.application),
                ("备注", content.note),
            ),
        ),
    ]  # fmt: skip


def element_diff(old: ElementVersion, new: ElementVersion) -> DiffTable:
    """What changed from one version to the next."""
    before, after = element_content(old), element_content(new)
    changes = []
    for name in ELEMENT_FIELDS:
        was, now = getattr(before, name), getattr(after, name)
        if name != "change_note" and was != now:
            field: Any = ElementVersion._meta.get_field(name)
            title = str(field.verbose_name)
            changes.append(Change(title, display(name, was), display(name, now)))
    return DiffTable(changes=changes, old_title=f"v{old.number}", new_title=f"v{new.number}")


def _changes(versions: list[ElementVersion]) -> list[tuple[ElementVersion, DiffTable | None]]:
    return [
        (version, element_diff(before, version) if before else None)
        for version, before in zip_longest(versions, versions[1:])
    ]


def _actions(request: ActorRequest, found: DataElement) -> list[Action]:
    actor, key = request.actor, [found.pk]
    actions: list[Action] = []
    propose, publish = (
        allows(actor, services.PROPOSE, found),
        allows(actor, services.PUBLISH, found),
    )
    working = found.working
    if working is None:
        if propose and found.state == StandardState.PUBLISHED:
            actions.append(_post("修订", "element-revise", key, "pencil"))
        if publish and found.state == StandardState.PUBLISHED:
            url = reverse("catalog:element-step", args=[*key, "retire"])
            actions.append(Action(title="废止", url=url, icon="circle-x", danger=True))
        return actions
    if publish and working.state == StandardVersionState.SUBMITTED:
        if not is_own(working, actor):
            url = reverse("catalog:element-publish", args=key)
            actions.append(Action(title="核对并发布", url=url, icon="circle-check", primary=True))
        url = reverse("catalog:element-step", args=[*key, "return"])
        actions.append(Action(title="退回", url=url, icon="rotate-2"))
    if propose and working.state != StandardVersionState.SUBMITTED:
        actions.append(_post("提请发布", "element-submit", key, "send", primary=True))
        url = reverse("catalog:element-edit", args=key)
        actions.append(Action(title="继续编辑", url=url, icon="pencil"))
        actions.append(
            Action(
                title="放弃草案", url=reverse("catalog:element-discard", args=key), icon="trash",
                method="post", danger=True, confirm=f"放弃“{working.title}”的草案 v{working.number}？放弃后不能恢复。",
            )
        )  # fmt: skip
    return actions


def _post(title: str, name: str, key: list[int], icon: str, *, primary: bool = False) -> Action:
    url = reverse(f"catalog:{name}", args=key)
    return Action(title=title, url=url, icon=icon, method="post", primary=primary)


def new(request: ActorRequest) -> HttpResponse:
    """Draft a data element."""
    form = ElementForm(posted(request), actor=request.actor)

    def save() -> tuple[str, str]:
        found = services.create_element(
            actor=request.actor, identifier=form.cleaned_data["identifier"],
            owner=Organization.objects.get(code=form.cleaned_data["owner"]),
            content=form.content(),
        )  # fmt: skip
        return reverse("catalog:element", args=[found.pk]), f"已建立“{found.title}”的草案。"

    return form_page(
        request, form, save, title="起草数据元", submit="保存草案",
        crumbs=[Crumb("数据元", reverse("catalog:elements")), Crumb("起草")],
        cancel_url=reverse("catalog:elements"),
    )  # fmt: skip


def edit(request: ActorRequest, element_id: int) -> HttpResponse:
    """Edit the open draft of an element."""
    found = standards.element(actor=request.actor, element_id=element_id)
    check(request.actor, services.PROPOSE, found)
    if found.working is None:
        raise NotFound("这个数据元没有修订中的版本。", advice="请先点“修订”。")
    content = element_content(found.working)
    initial = {name: getattr(content, name) for name in ELEMENT_FIELDS}
    form = ElementForm(
        posted(request), actor=request.actor, existing=True,
        initial=initial | {"revision": found.working.revision},
    )  # fmt: skip
    target = reverse("catalog:element", args=[found.pk])

    def save() -> tuple[str, str]:
        services.edit_element(
            actor=request.actor, element=found, revision=form.cleaned_data["revision"] or 0,
            content=form.content(),
        )  # fmt: skip
        return target, "草案已保存。"

    return form_page(
        request, form, save, title=f"编辑“{found.title}”v{found.working.number}",
        submit="保存草案", cancel_url=target,
        crumbs=[
            Crumb("数据元", reverse("catalog:elements")), Crumb(found.title, target), Crumb("编辑"),
        ],
    )  # fmt: skip


def revise(request: ActorRequest, element_id: int) -> HttpResponse:
    """Open a new version."""
    found = standards.element(actor=request.actor, element_id=element_id)
    version = services.revise_element(actor=request.actor, element=found)
    messages.success(request, f"已建立修订版本 v{version.number}，发布前原版本继续有效。")
    return redirect("catalog:element-edit", found.pk)


def submit(request: ActorRequest, element_id: int) -> HttpResponse:
    """Propose the draft."""
    found = standards.element(actor=request.actor, element_id=element_id)
    services.submit_element(actor=request.actor, element=found)
    messages.success(request, "已提请发布，由另一位数据管理员核对。")
    return redirect("catalog:element", found.pk)


def discard(request: ActorRequest, element_id: int) -> HttpResponse:
    """Throw the open version away."""
    found = standards.element(actor=request.actor, element_id=element_id)
    services.discard_element(actor=request.actor, element=found)
    messages.success(request, f"已放弃“{found.title}”的草案。")
    if found.published_id is None:
        return redirect("catalog:elements")
    return redirect("catalog:element", found.pk)


def publish(request: ActorRequest, element_id: int) -> HttpResponse:
    """Show what changes and which items would depart; then put the version in force."""
    found = standards.element(actor=request.actor, element_id=element_id)
    check(request.actor, services.PUBLISH, found)
    version = found.working
    if version is None or version.state != StandardVersionState.SUBMITTED:
        raise Conflict("没有等待发布的版本。", advice="可能刚有人发布了它，请刷新页面查看。")
    target = reverse("catalog:element", args=[found.pk])
    form = ReasonForm(posted(request))

    def save() -> tuple[str, str]:
        done = services.publish_element(actor=request.actor, element=found)
        return target, f"已发布“{found.title}”v{done.number}。"

    hit = standards.hit_by(found, element_content(version))
    return form_page(
        request, form, save, title=f"发布“{version.title}”v{version.number}", cancel_url=target,
        template="catalog/element_publish.html",
        crumbs=[
            Crumb("数据元", reverse("catalog:elements")), Crumb(found.title, target), Crumb("发布"),
        ],
        version=version, element=found, hit=hit, own=is_own(version, request.actor),
        missing=missing_for_publication(element_content(version)),
        difference=element_diff(found.published, version) if found.published else None,
        groups=element_facts(element_content(version)),
    )  # fmt: skip


_STEPS: dict[str, tuple[str, str, str]] = {
    "retire": ("废止", "废止后不能再引用；已引用的数据项照旧，会标出数据元已废止。", "为什么废止"),
    "return": ("退回", "退回后起草人按意见修改，再提请发布。", "要改什么"),
}


def step(request: ActorRequest, element_id: int, verb: str) -> HttpResponse:
    """Retire or return, with a reason."""
    if verb not in _STEPS:
        raise NotFound("没有这个操作。")
    found = standards.element(actor=request.actor, element_id=element_id)
    check(request.actor, services.PUBLISH, found)
    word, effect, label = _STEPS[verb]
    form = ReasonForm(posted(request))
    form.fields["reason"].label, form.fields["reason"].help_text = label, effect
    target = reverse("catalog:element", args=[found.pk])

    def save() -> tuple[str, str]:
        text = form.cleaned_data["reason"]
        if verb == "retire":
            services.retire_element(actor=request.actor, element=found, reason=text)
        else:
            services.return_element(actor=request.actor, element=found, remark=text)
        return target, f"已{word}“{found.title}”。"

    return form_page(
        request, form, save, title=f"{word}“{found.title}”", submit=word, cancel_url=target,
        crumbs=[
            Crumb("数据元", reverse("catalog:elements")), Crumb(found.title, target), Crumb(word),
        ],
    )  # fmt: skip
