"""Data sources: register, test, look at tables, collect one."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.ingest import selectors
from chengshu.data.ingest.forms import PasswordForm, SourceForm, place_errors
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.presentation import batch_url, tone
from chengshu.data.ingest.services import tables as services
from chengshu.data.ingest.services.tables import SourceTable
from chengshu.data.ingest.views.collecting import crumbs as resource_crumbs
from chengshu.data.ingest.views.collecting import steps
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, InvalidInput, Unavailable
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Table
from chengshu.kernel.ui.tables import TableView

HOME = "数据源"


def source_url(source: DataSource) -> str:
    """Where a source's page is."""
    return reverse("ingest:source", args=[source.pk])


class SourceList(TableView[DataSource]):
    """The databases the actor may collect from."""

    request: ActorRequest
    title = HOME
    subtitle = "登记本单位的数据库，就能直接选表归集，不用导出文件。密码加密保存，谁也看不到。"
    key = "ingest-sources"
    columns = (
        Column(key="name", title="名称", kind="main", sort="name", url=source_url, locked=True),
        Column(key="owner", title="所属单位", value="owner.short"),
        Column(key="kind", title="类型", value="get_kind_display"),
        Column(key="host", title="主机", kind="code"),
        Column(key="database", title="数据库", kind="code"),
        Column(key="created_at", title="登记时间", kind="ago", sort="created_at"),
    )
    search_fields = ("name", "host", "database", "owner__short")
    search_hint = "搜索名称、主机、数据库"
    default_sort = "name"
    empty = EmptyState(
        title="还没有登记数据源", text="登记一次，之后每次归集只要选表、核对对应关系。",
        icon="plug-connected",
        action=Action(title="登记数据源", url="/console/ingest/sources/new/", icon="plus"),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[DataSource]:
        return selectors.sources(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        url = reverse("ingest:source-new")
        return (Action(title="登记数据源", url=url, icon="plus", primary=True),)


def new(request: ActorRequest) -> HttpResponse:
    """Register a database; it is really connected to once."""
    form = SourceForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        try:
            source = services.register_source(actor=request.actor, **form.cleaned_data)
        except (InvalidInput, Unavailable) as error:
            place_errors(form, error.fields, error.detail)
        else:
            messages.success(request, f"已连接并登记“{source.name}”。")
            return redirect("ingest:source", source.pk)
    context = {
        "title": "登记数据源",
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb("登记")],
        "form": form,
        "submit": "连接并登记",
        "cancel_url": reverse("ingest:sources"),
    }
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


_TABLE_COLUMNS = (
    Column(key="full", title="表", kind="main", value=lambda t: f"{t.schema}.{t.name}"),
    Column(key="comment", title="说明", value="comment"),
    Column(key="columns", title="列", kind="number", value=lambda t: len(t.columns)),
    Column(key="names", title="列名", value=lambda t: "、".join(name for name, _ in t.columns[:8])),
)
_BATCH_COLUMNS = (
    Column(key="resource", title="数据资源", kind="main", value="resource.title", url=batch_url),
    Column(key="state", title="状态", kind="status", value=tone, label="get_state_display"),
    Column(key="accepted", title="入库", kind="number"),
    Column(key="created_at", title="时间", kind="ago"),
)


def source(request: ActorRequest, pk: int) -> HttpResponse:
    """One source: where it is, its tables, what was collected from it."""
    item = selectors.source(request.actor, pk)
    found: list[SourceTable] = []
    refusal: ChengshuError | None = None
    try:
        found = services.tables(actor=request.actor, source=item)
    except Unavailable as error:
        refusal = error
    recent = selectors.batches(request.actor).filter(data_source=item)[:10]
    context = {
        "title": item.name,
        "subtitle": item.owner.name,
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb(item.name)],
        "actions": [
            Action(
                title="测试连接", url=reverse("ingest:source-test", args=[pk]), method="post",
                icon="plug",
            ),
            Action(title="更换密码", url=reverse("ingest:source-password", args=[pk]), icon="key"),
        ],
        "facts": [
            Fact("类型", item.get_kind_display()),
            Fact("主机", f"{item.host}:{item.port}", mono=True),
            Fact("数据库", item.database, mono=True),
            Fact("用户", item.user, mono=True),
            Fact("密码", "已加密保存" if item.password_sealed else "没有密码"),
            Fact("登记人", item.created_by or ""),
            Fact("登记时间", item.created_at),
        ],
        "refusal": refusal,
        "tables": Table.plain(
            key="source-tables", columns=_TABLE_COLUMNS, rows=found, caption="可以读取的表",
            empty=EmptyState(title="没有可以读取的表", text="请确认账号有读取权限。", icon="table"),
        ),
        "batches": _batches(list(recent)),
    }  # fmt: skip
    return render(request, "ingest/source.html", context)


def _batches(rows: list[Batch]) -> Table:
    return Table.plain(
        key="source-batches", columns=_BATCH_COLUMNS, rows=rows, caption="从这里归集的批次",
        empty=EmptyState(title="还没有从这里归集过", icon="stack-2"),
    )  # fmt: skip


def test(request: ActorRequest, pk: int) -> HttpResponse:
    """Connect now and say how it went."""
    item = selectors.source(request.actor, pk)
    try:
        version = services.test_connection(actor=request.actor, source=item)
    except Unavailable as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"连接正常，对方是 PostgreSQL {version}。")
    return redirect("ingest:source", pk)


def password(request: ActorRequest, pk: int) -> HttpResponse:
    """Replace the password after trying it."""
    item = selectors.source(request.actor, pk)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_password(actor=request.actor, source=item, **form.cleaned_data)
        except Unavailable as error:
            place_errors(form, {"password": error.detail}, error.detail)
        else:
            messages.success(request, "新密码已验证并保存。")
            return redirect("ingest:source", pk)
    context = {
        "title": "更换密码",
        "subtitle": item.name,
        "crumbs": [Crumb(HOME, reverse("ingest:sources")), Crumb(item.name, source_url(item)), Crumb("更换密码")],
        "form": form,
        "submit": "验证并保存",
        "cancel_url": source_url(item),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


def tables(request: ActorRequest, pk: int) -> HttpResponse:
    """Choose a table for a resource, then its columns; a POST starts the collection."""
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
    schema, _, name = request.GET.get("table", "").partition(".")
    if not name:
        found = services.tables(actor=request.actor, source=item)
        context |= {"tables": found, "steps": steps(0)}
        return render(request, "ingest/tables.html", context)
    table = services.table_of(actor=request.actor, source=item, schema=schema, name=name)
    mapping = services.propose_mapping(resource.code, table)
    refusal: ChengshuError | None = None
    if request.method == "POST":
        posted = {c: request.POST.get(f"map-{i}", "") for i, (c, _) in enumerate(table.columns)}
        mapping = {column: target for column, target in posted.items() if target}
        try:
            batch = services.collect_table(
                actor=request.actor, resource_code=resource.code, source=item, schema=schema,
                table=name, mapping=mapping,
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
        "table": table,
        "refusal": refusal,
        "missing": needed,
        "columns": [
            (f"map-{index}", column, note, mapping.get(column, ""))
            for index, (column, note) in enumerate(table.columns)
        ],
        "options": [
            (i.name, f"{i.title}{' *' if i.is_key or not i.nullable else ''}") for i in items
        ],
    }
    return render(request, "ingest/table_mapping.html", context, status=422 if refusal else 200)
