"""Proposals: the list, and the page where one is confirmed."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import Level, UpdateCycle, category_choices, code_tables
from chengshu.data.contract.facade import ColumnFormat, ColumnType
from chengshu.data.discovery import documents, selectors
from chengshu.data.discovery.choices import ProposalState
from chengshu.data.discovery.inference.guessing import FORMAT_NAMES
from chengshu.data.discovery.models import Proposal
from chengshu.data.discovery.services import proposals as services
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput, Unavailable
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Filter, Step
from chengshu.kernel.ui.tables import TableView

TYPES = (
    (ColumnType.TEXT, "文本"), (ColumnType.INTEGER, "整数"), (ColumnType.DECIMAL, "小数"),
    (ColumnType.DATE, "日期"), (ColumnType.DATETIME, "日期时间"), (ColumnType.BOOLEAN, "是否"),
)  # fmt: skip
FIELD_WORDS = {
    "title": "名称", "name": "字段名", "type": "类型", "length": "长度", "nullable": "必填",
    "is_key": "主键", "code_table": "代码表", "format": "格式", "sensitivity": "级别",
    "element": "数据元", "precision": "总位数", "scale": "小数位",
}  # fmt: skip
_SHOWN_REASONS = (
    "title",
    "type",
    "length",
    "is_key",
    "nullable",
    "code_table",
    "format",
    "sensitivity",
    "element",
)
_OPEN = (ProposalState.QUEUED, ProposalState.RUNNING)


def url_of(row: Proposal) -> str:
    """Where a proposal is confirmed, or the draft it became."""
    if row.state == ProposalState.DRAFTED and row.resource_id:
        return reverse("catalog:resource", args=[row.resource_id])
    return reverse("discovery:proposal", args=[row.pk])


COLUMNS = (
    Column(key="object_name", title="表或文件", kind="main", sort="object_name", url=url_of, locked=True),
    Column(key="title", title="资源名称"),
    Column(key="state", title="状态", kind="status", label="get_state_display", sort="state"),
    Column(key="items", title="数据项", kind="number"),
    Column(key="doubtful", title="要看一眼", kind="number"),
    Column(key="owner", title="提供单位", value="owner.short"),
    Column(key="error", title="原因", value="error"),
    Column(key="created_at", title="提出时间", kind="ago", sort="created_at"),
)  # fmt: skip


class ProposalList(TableView[Proposal]):
    """Everything that is on its way to a draft, of all work lists."""

    request: ActorRequest
    title = "生成目录"
    subtitle = "从文件或数据库自动生成目录：认出名称、类型、主键、代码表和敏感级别，核对后成为草稿"
    key = "discovery-proposals"
    columns = COLUMNS
    filters = (Filter(key="state", title="状态", choices=ProposalState.choices),)
    search_fields = ("object_name", "title", "owner__short")
    search_hint = "搜索表、文件、名称"
    default_sort = "-created_at"
    empty = EmptyState(
        title="还没有建议",
        text="上传一个文件，或从登记过的数据库里选几张表，几秒钟就有一份填好的目录等您核对。",
        icon="wand",
        action=Action(title="选择来源", url="/console/discovery/new/", icon="plus"),
    )

    def get_queryset(self) -> QuerySet[Proposal]:
        return selectors.proposals(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        return (
            Action(
                title="从文件或数据库生成", url=reverse("discovery:new"), icon="wand", primary=True
            ),
        )


def proposal(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Confirm a proposal: a GET shows it, a POST saves or makes the draft."""
    item = selectors.proposal(request.actor, pk)
    if item.state == ProposalState.READY and request.headers.get("HX-Request"):
        # The waiting page asks: what comes now is another page, not something to put into it.
        return HttpResponse(headers={"HX-Refresh": "true"})
    if item.state == ProposalState.DRAFTED:
        return _drafted(request, item)
    if item.state != ProposalState.READY:
        return _not_ready(request, item)
    refusal: ChengshuError | None = None
    if request.method == "POST":
        try:
            item = _saved(request, item)
            if request.POST.get("act") == "draft":
                services.make_draft(actor=request.actor, proposal=item)
                messages.success(request, "目录草稿已生成。")
                return redirect("discovery:proposal", pk)
        except (InvalidInput, Conflict) as error:
            refusal = error
        else:
            messages.success(request, "已保存。")
            return redirect("discovery:proposal", pk)
    context = _frame(item) | {
        "steps": steps(2), "item": item, "content": item.content, "refusal": refusal,
        "rows": [
            _row(i, part, refusal) for i, part in enumerate(item.content["items"])
        ],
        "types": TYPES, "levels": Level.choices, "cycles": UpdateCycle.choices,
        "formats": [(f.value, FORMAT_NAMES.get(f.value, f.value)) for f in ColumnFormat],
        "code_tables": [(key, name) for key, name, _ in code_tables()],
        "categories": category_choices(),
    }  # fmt: skip
    return render(request, "discovery/proposal.html", context, status=422 if refusal else 200)


def steps(now: int) -> list[Step]:
    """The stations; ``now`` counts from 0."""
    titles = ("选择来源", "自动分析", "核对确认", "生成草稿")
    return [
        Step(title, "done" if i < now else "now" if i == now else "next")
        for i, title in enumerate(titles)
    ]


def _frame(item: Proposal) -> dict[str, Any]:
    source = f"{item.data_source.name} · " if item.data_source else ""
    return {
        "title": item.title or item.object_name,
        "subtitle": f"{item.owner.name} · 来自 {source}{item.object_name}",
        "crumbs": [
            Crumb("生成目录", reverse("discovery:proposals")),
            Crumb("工作单", reverse("discovery:work", args=[item.work])), Crumb(item.object_name),
        ],
    }  # fmt: skip


def _row(index: int, part: Mapping[str, Any], refusal: ChengshuError | None) -> dict[str, Any]:
    """One line of the page: values, reasons, doubts, refusals of the catalogue."""
    fields = part["fields"]
    doubts = documents.doubtful(part)
    prefix = f"items.{index}."
    errors = {
        k.removeprefix(prefix): v
        for k, v in (refusal.fields if refusal else {}).items()
        if k.startswith(prefix)
    }
    return {
        "index": index, "column": part["column"], "include": part["include"],
        "sample": part["sample"], "new_codes": part.get("new_codes") or [], "errors": errors,
        "values": {name: documents.value(fields, name) for name in documents.ITEM_FIELDS},
        "doubts": doubts, "doubt_words": "、".join(FIELD_WORDS[d] for d in doubts),
        "reasons": [
            (FIELD_WORDS[name], fields[name]["why"], round(fields[name]["sure"] * 100))
            for name in _SHOWN_REASONS if name in fields and fields[name].get("why")
        ],
    }  # fmt: skip


def _saved(request: ActorRequest, item: Proposal) -> Proposal:
    data: QueryDict = request.POST
    head = {name: data.get(name, "") for name in documents.HEAD_FIELDS if name in data}
    rows: list[Mapping[str, str]] = [
        {
            "include": data.get(f"item-{i}-include", ""),
            "nullable": "" if data.get(f"item-{i}-required") else "1",
            "is_key": data.get(f"item-{i}-is_key", ""),
            **{
                name: str(data[f"item-{i}-{name}"]) for name in documents.ITEM_FIELDS
                if f"item-{i}-{name}" in data and name not in documents.FLAGS
            },
        }
        for i in range(len(item.content["items"]))
    ]  # fmt: skip
    text = data.get("revision", "")
    return services.edit(
        actor=request.actor, proposal=item, revision=int(text) if text.isdigit() else 0, head=head,
        items=rows,
    )  # fmt: skip


def _not_ready(request: ActorRequest, item: Proposal) -> HttpResponse:
    """While it is being looked at, after it failed, or when it was set aside."""
    running = item.state in _OPEN
    context = _frame(item) | {
        "steps": steps(1), "item": item, "running": running,
        "url": reverse("discovery:proposal", args=[item.pk]),
    }  # fmt: skip
    if request.headers.get("HX-Request"):
        return render(request, "discovery/proposal_live.html", context)
    return render(request, "discovery/proposal_waiting.html", context)


def _drafted(request: ActorRequest, item: Proposal) -> HttpResponse:
    """What comes next once the draft is there."""
    context = _frame(item) | {"steps": steps(4), "item": item}
    response = render(request, "discovery/drafted.html", context)
    if request.headers.get("HX-Request"):
        response["HX-Refresh"] = "true"
    return response


def accept(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Take every guess as it stands."""
    item = selectors.proposal(request.actor, pk)
    services.accept_all(actor=request.actor, proposal=item)
    messages.success(request, "已按建议全部确认。")
    return redirect("discovery:proposal", pk)


def again(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Look at the source again."""
    item = selectors.proposal(request.actor, pk)
    try:
        services.repeat(actor=request.actor, proposal=item)
    except (Conflict, Unavailable) as error:
        messages.error(request, error.detail)
    return redirect("discovery:proposal", pk)


def dismiss(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Put a table aside."""
    item = selectors.proposal(request.actor, pk)
    services.dismiss(actor=request.actor, proposal=item)
    messages.success(request, f"“{item}”不登记。需要时可以重新分析。")
    return redirect("discovery:work", item.work)
