"""Data sources: register by kind, test, browse what they offer, collect one object."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.ingest import selectors
from chengshu.data.ingest.forms import SecretsForm, SettingsForm, SourceForm, place_errors
from chengshu.data.ingest.masking import mask_unknown
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.presentation import batch_url, skew_words, tone
from chengshu.data.ingest.services import collecting as collecting_services
from chengshu.data.ingest.services import sources as services
from chengshu.data.ingest.services.clearing import stuck
from chengshu.data.ingest.services.clocks import strays
from chengshu.data.ingest.source_actions import source_actions
from chengshu.data.ingest.sources import Field, SourceObject, SourceStructure, connectors
from chengshu.data.ingest.views.collecting import crumbs as resource_crumbs
from chengshu.data.ingest.views.collecting import steps
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, InvalidInput, Unavailable
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter, Table
from chengshu.kernel.ui.tables import TableView

HOME = "数据源"
DEFAULT_KIND = "postgresql"
SAMPLE_ROWS = 8
LOOKED_AT = 100
SHOWN = 24


def source_url(source: DataSource) -> str:
    """Where a source's page is."""
    return reverse("ingest:source", args=[source.pk])


def checked(source: DataSource) -> str:
    """The state of the last check, as the shared status tags know it."""
    if source.check_passed is None:
        return "pending"
    return "succeeded" if source.check_passed else "failed"


def checked_words(source: DataSource) -> str:
    """The state of the last check in a word."""
    if source.check_passed is None:
        return "还没有检查"
    return "连接正常" if source.check_passed else "连不上"


class SourceList(TableView[DataSource]):
    """The sources the actor may collect from."""

    request: ActorRequest
    title = HOME
    subtitle = (
        "登记本单位的数据库、文件夹或接口，就能直接归集，不用导出文件。密码加密保存，谁也看不到。"
    )
    key = "ingest-sources"
    columns = (
        Column(key="name", title="名称", kind="main", sort="name", url=source_url, locked=True),
        Column(key="owner", title="所属单位", value="owner.short"),
        Column(key="kind", title="类型", value="kind_name", sort="kind"),
        Column(
            key="warehouse", title="数据仓", value=lambda s: s.warehouse.name if s.warehouse else ""
        ),
        Column(key="place", title="位置", kind="code", value="place"),
        Column(key="check", title="最近检查", kind="status", value=checked, label=checked_words),
        Column(key="checked_at", title="检查时间", kind="ago", sort="checked_at"),
        Column(key="created_at", title="登记时间", kind="ago", sort="created_at", hidden=True),
    )
    filters = (
        Filter(key="kind", title="类型", choices=lambda: [(c.key, c.name) for c in connectors().values()]),
        Filter(
            key="warehouse", title="数据仓", choices=selectors.warehouse_choices,
        ),
        Filter(key="check_passed", title="最近检查", choices=((True, "连接正常"), (False, "连不上"))),
    )  # fmt: skip
    search_fields = ("name", "owner__short", "options")
    search_hint = "搜索名称、单位、位置"
    default_sort = "name"
    empty = EmptyState(
        title="还没有登记数据源", text="登记一次，之后每次归集只要选表、核对对应关系。",
        icon="plug-connected",
        action=Action(title="登记数据源", url="/console/ingest/sources/new/", icon="plus"),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[DataSource]:
        return selectors.sources(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        return (
            Action(title="推送令牌", url=reverse("ingest:tokens"), icon="key"),
            Action(title="登记数据源", url=reverse("ingest:source-new"), icon="plus", primary=True),
        )


def new(request: ActorRequest) -> HttpResponse:
    """Register a source; it is really connected to once. The kind decides the fields."""
    known = connectors()
    kind = request.POST.get("kind") or request.GET.get("kind") or DEFAULT_KIND
    chosen = known.get(kind, known[DEFAULT_KIND])
    form = SourceForm(request.POST or None, actor=request.actor, connector=chosen)
    if request.method == "POST" and form.is_valid():
        try:
            source = services.register_source(actor=request.actor, **form.split())
        except (InvalidInput, Unavailable) as error:
            place_errors(form, error.fields, error.detail)
        else:
            messages.success(request, f"已连接并登记“{source.name}”（{source.check_message}）。")
            return redirect("ingest:source", source.pk)
    context = {
        "title": "登记数据源",
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb("登记")],
        "form": form,
        "kinds": known.values(),
        "chosen": chosen,
        "submit": "连接并登记",
        "cancel_url": reverse("ingest:sources"),
    }
    template = "ingest/source_new.html"
    if request.headers.get("HX-Request"):
        template = "ingest/source_form.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _columns_of(item: SourceObject) -> str:
    names = [c.name for c in item.columns[:8]]
    return "、".join(names) + ("…" if len(item.columns) > len(names) else "")


def _batches(rows: list[Batch]) -> Table:
    return Table.plain(
        key="source-batches", columns=_BATCH_COLUMNS, rows=rows, caption="从这里归集的批次",
        empty=EmptyState(title="还没有从这里归集过", icon="stack-2"),
    )  # fmt: skip


_BATCH_COLUMNS = (
    Column(key="resource", title="数据资源", kind="main", value="resource.title", url=batch_url),
    Column(key="state", title="状态", kind="status", value=tone, label="get_state_display"),
    Column(key="accepted", title="入库", kind="number"),
    Column(key="created_at", title="时间", kind="ago"),
)


def source(request: ActorRequest, pk: int) -> HttpResponse:
    """One source: where it is, what it offers, what was collected from it."""
    item = selectors.source(request.actor, pk)
    found: list[SourceObject] = []
    refusal: ChengshuError | None = None
    try:
        found = services.objects(actor=request.actor, source=item)
    except Unavailable as error:
        refusal = error

    def object_url(one: SourceObject) -> str:
        return f"{reverse('ingest:source-object', args=[pk])}?name={quote(one.name)}"

    columns = (
        Column(key="full", title="名称", kind="main", value="name", url=object_url),
        Column(key="comment", title="说明", value="comment"),
        Column(key="rows", title="大约行数", kind="number"),
        Column(key="columns", title="列", kind="number", value=lambda o: len(o.columns)),
        Column(key="names", title="列名", value=_columns_of),
    )
    recent = selectors.batches(request.actor).filter(data_source=item)[:10]
    context = {
        "title": item.name,
        "subtitle": item.owner.name,
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb(item.name)],
        "actions": [*_source_actions(item), *source_actions(request.actor, item)],
        "facts": _source_facts(item),
        "refusal": refusal,
        "stuck": stuck(item),
        "skew": skew_words(item.clock_skew or 0) if strays(item) else "",
        "objects": Table.plain(
            key="source-objects", columns=columns, rows=found, caption="可以归集的对象",
            empty=EmptyState(title="没有可以读取的对象", text="请确认账号有读取权限。", icon="table"),
        ),
        "batches": _batches(list(recent)),
    }  # fmt: skip
    return render(request, "ingest/source.html", context)


def _source_actions(item: DataSource) -> list[Action]:
    return [
        Action(
            title="测试连接", url=reverse("ingest:source-test", args=[item.pk]), method="post",
            icon="plug",
        ),
        Action(title="修改设置", url=reverse("ingest:source-edit", args=[item.pk]), icon="settings"),
        *(
            [
                Action(
                    title=f"更换{item.connector.secret_name}",
                    url=reverse("ingest:source-password", args=[item.pk]), icon="key",
                )
            ]
            if item.connector.secret_fields()
            else []
        ),
    ]  # fmt: skip


def _source_facts(item: DataSource) -> list[Fact]:
    plain = [
        Fact(field.label, _shown(field, item.options.get(field.key)), mono=field.kind == "text")
        for field in item.connector.plain_fields()
        if item.options.get(field.key) not in (None, "", False)
    ]
    return [
        Fact("类型", item.kind_name),
        Fact("数据仓", item.warehouse.name if item.warehouse else "未归入"),
        *plain,
        Fact(item.connector.secret_name, "已加密保存" if item.secrets_sealed else "没有"),
        Fact("最近检查", f"{checked_words(item)}：{item.check_message}" if item.checked_at else ""),
        Fact("检查时间", item.checked_at),
        Fact(
            "时钟",
            ""
            if item.clock_skew is None
            else skew_words(item.clock_skew)
            if strays(item)
            else "与平台一致",
        ),
        Fact("登记人", item.created_by or ""),
        Fact("登记时间", item.created_at),
    ]


def _shown(field: Field, value: object) -> str:
    if field.kind == "flag":
        return "是"
    return dict(field.choices).get(str(value), str(value))


_COLUMN_COLUMNS = (
    Column(key="name", title="列", kind="main", value="name"),
    Column(key="comment", title="说明", value="comment"),
    Column(key="type", title="类型", kind="code", value="type"),
    Column(key="length", title="长度", kind="number"),
    Column(key="precision", title="精度", kind="number"),
    Column(key="scale", title="小数位", kind="number"),
    Column(key="nullable", title="可空", value=lambda c: "是" if c.nullable else "否"),
    Column(key="key", title="主键", value=lambda c: "主键" if c.key else ""),
)


def source_object(request: ActorRequest, pk: int) -> HttpResponse:
    """One object of a source: its columns, and its first rows with personal numbers hidden."""
    item = selectors.source(request.actor, pk)
    name = request.GET.get("name", "")
    structure = services.structure(actor=request.actor, source=item, name=name)
    headers, lines = services.sample(actor=request.actor, source=item, name=name, rows=LOOKED_AT)
    context = {
        "title": name,
        "subtitle": item.name,
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb(item.name, source_url(item)), Crumb(name)],
        "columns": Table.plain(
            key="source-columns", columns=_COLUMN_COLUMNS, rows=list(structure.columns),
            caption="列", empty=EmptyState(title="没有列", icon="table"),
        ),
        "headers": headers,
        "lines": _masked_lines(structure, lines),
    }  # fmt: skip
    return render(request, "ingest/source_object.html", context)


def _masked_lines(
    structure: SourceStructure, lines: list[tuple[str | None, ...]]
) -> list[list[str]]:
    """The rows to show; more are looked at than shown, because few values say little about a column."""
    columns = [
        mask_unknown(column.name, column.comment or column.name, [line[i] for line in lines])
        for i, column in enumerate(structure.columns)
    ]
    rows = list(zip(*columns, strict=True))[:SAMPLE_ROWS]
    return [[c if len(c) <= SHOWN else f"{c[:SHOWN]}…" for c in row] for row in rows]


def test(request: ActorRequest, pk: int) -> HttpResponse:
    """Connect now and say how it went."""
    item = selectors.source(request.actor, pk)
    try:
        answered = services.check_source(actor=request.actor, source=item)
    except Unavailable as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"连接正常，对方是 {answered}。")
    return redirect("ingest:source", pk)


def _changed(
    request: ActorRequest, item: DataSource, form: SecretsForm | SettingsForm, title: str
) -> HttpResponse:
    context = {
        "title": title,
        "subtitle": item.name,
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb(item.name, source_url(item)), Crumb(title)],
        "form": form,
        "submit": "验证并保存",
        "cancel_url": source_url(item),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


def password(request: ActorRequest, pk: int) -> HttpResponse:
    """Replace the secrets after trying them."""
    item = selectors.source(request.actor, pk)
    form = SecretsForm(request.POST or None, source=item)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_secrets(actor=request.actor, source=item, secrets=form.cleaned_data)
        except (InvalidInput, Unavailable) as error:
            place_errors(form, error.fields, error.detail)
        else:
            messages.success(request, f"新的{item.connector.secret_name}已验证并保存。")
            return redirect("ingest:source", pk)
    return _changed(request, item, form, f"更换{item.connector.secret_name}")


def edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change where a source is, after trying it."""
    item = selectors.source(request.actor, pk)
    form = SettingsForm(request.POST or None, source=item)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_settings(actor=request.actor, source=item, **form.split())
        except (InvalidInput, Unavailable) as error:
            place_errors(form, error.fields, error.detail)
        else:
            messages.success(request, "新的设置已验证并保存。")
            return redirect("ingest:source", pk)
    return _changed(request, item, form, "修改设置")


def tables(request: ActorRequest, pk: int) -> HttpResponse:
    """Choose an object for a resource, then its columns; a POST starts the collection."""
    item = selectors.source(request.actor, pk)
    wanted = request.GET.get("resource", "")
    if not wanted.isdecimal():
        return redirect("ingest:source", pk)
    resource = selectors.resource(request.actor, int(wanted), "ingest.batch.create")
    context: dict[str, Any] = {
        "title": f"归集“{resource.title}”",
        "subtitle": f"从 {item.name}",
        "crumbs": resource_crumbs(resource, "选择表"),
        "source": item,
        "resource": resource,
    }
    name = request.GET.get("table", "")
    if not name:
        found = services.objects(actor=request.actor, source=item)
        context |= {"tables": found, "steps": steps(0)}
        return render(request, "ingest/tables.html", context)
    structure = services.structure(actor=request.actor, source=item, name=name)
    mapping = services.propose_mapping(resource.code, structure)
    refusal: ChengshuError | None = None
    if request.method == "POST":
        posted = {c.name: request.POST.get(f"map-{i}", "") for i, c in enumerate(structure.columns)}
        mapping = {column: target for column, target in posted.items() if target}
        try:
            batch = collecting_services.collect(
                actor=request.actor, resource_code=resource.code, source=item, name=name,
                mapping=mapping,
            )  # fmt: skip
        except InvalidInput as error:
            refusal = error
        else:
            return redirect("ingest:batch", batch.pk)
    items = list(resource.published.items.order_by("order")) if resource.published else []
    mapped = set(mapping.values())
    needed = [i.title for i in items if (i.is_key or not i.nullable) and i.name not in mapped]
    context |= {
        "steps": steps(1),
        "name": name,
        "refusal": refusal,
        "missing": needed,
        "columns": [
            (f"map-{index}", column.name, column.comment, mapping.get(column.name, ""))
            for index, column in enumerate(structure.columns)
        ],
        "options": [
            (i.name, f"{i.title}{' *' if i.is_key or not i.nullable else ''}") for i in items
        ],
    }
    return render(request, "ingest/table_mapping.html", context, status=422 if refusal else 200)
