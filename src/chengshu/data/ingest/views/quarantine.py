"""归集 → 隔离区: rejected rows of all batches, grouped by rule and source; one correction for one wrong value."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import PublishedResource, Resource, published_by_id
from chengshu.data.ingest import groups as grouping
from chengshu.data.ingest import quarantined, selectors, ticketing
from chengshu.data.ingest.forms import TicketForm
from chengshu.data.ingest.groups import Group
from chengshu.data.ingest.masking import masked, masks_of
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import background, bulk
from chengshu.data.ingest.services.quarantine import note_unmasking
from chengshu.data.ingest.suggestions import Suggestion, ValueProbe, hint, suggest
from chengshu.data.ingest.views import bulk_progress
from chengshu.data.tickets.facade import Ticket, tickets_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Filter,
    Stat,
    Table,
)
from chengshu.kernel.ui.components.table import Chip, FilterState, Pager, Row

PAGE, VALUES = 50, 100
MANAGE = "ingest.quarantine.manage"
HOME = "隔离区"


def _ticket_tag(item: Group, tickets: dict[str, Ticket]) -> str:
    found = tickets.get(item.key)
    return f"{found.number} {found.get_state_display()}" if found else ""


def _group_url(item: Group) -> str:
    return ticketing.group_url(item.resource_id, item.rule, item.column)


def overview(request: ActorRequest) -> HttpResponse:
    """All groups with undecided rows in scope."""
    actor, asked = request.actor, request.GET
    department, rule = asked.get("department", ""), asked.get("rule", "")
    words = asked.get("q", "").strip()
    everything = grouping.groups(actor)
    found = [
        g for g in everything
        if (not department or g.department_code == department)
        and (not rule or g.rule == rule)
        and all(word in f"{g.resource}{g.where}{g.rule_name}" for word in words.split())
    ]  # fmt: skip
    page = int(asked["page"]) if asked.get("page", "").isdecimal() else 0
    table = _table(request, everything, found, page)
    if request.headers.get("HX-Target") == f"{table.key}-results":
        return render(request, "ui/table/results.html", {"table": table})
    books = grouping.books(actor)
    context = {
        "title": HOME,
        "subtitle": "没有通过校验的行，按规则和来源归在一起；改正后回放入库，或开工单给数源部门。",
        "crumbs": [Crumb("数据归集", reverse("ingest:board")), Crumb(HOME)],
        "actions": [
            Action(title="归集批次", url=reverse("ingest:batches"), icon="stack-2"),
            Action(title="问题工单", url=reverse("tickets:tickets"), icon="clipboard-list"),
        ],
        "stats": _stats(books),
        "books": books,
        "table": table,
    }  # fmt: skip
    return render(request, "ingest/quarantine_overview.html", context)


def _stats(books: grouping.Books) -> list[Stat]:
    return [
        Stat(label="隔离", value=books.quarantined, unit="行", note="所有批次"),
        Stat(label="未处理", value=books.open, unit="行"),
        Stat(label="已更正待回放", value=books.corrected, unit="行"),
        Stat(label="已回放", value=books.replayed, unit="行"),
        Stat(label="已退回", value=books.returned, unit="行"),
        Stat(label="已放弃", value=books.given_up, unit="行"),
    ]


def _table(request: ActorRequest, everything: list[Group], found: list[Group], page: int) -> Table:
    shown = found[page * PAGE : (page + 1) * PAGE]
    tickets = _tickets(request, {g.resource_id for g in shown})
    columns = (
        Column(key="rule", title="问题", kind="main", value=lambda g: f"{g.where} · {g.rule_name}",
               url=_group_url),
        Column(key="resource", title="数据资源", url=lambda g: f"?{urlencode({'q': g.resource})}"),
        Column(key="department", title="数源部门"),
        Column(key="open", title="未处理", kind="number"),
        Column(key="rows", title="共隔离", kind="number"),
        Column(key="batches", title="批次", kind="number", value=lambda g: len(g.batches)),
        Column(key="oldest", title="最早", kind="ago"),
        Column(key="ticket", title="工单", value=lambda g: _ticket_tag(g, tickets),
               url=lambda g: tickets[g.key].get_absolute_url() if g.key in tickets else ""),
    )  # fmt: skip
    plain = Table.plain(key="quarantine", columns=columns, rows=shown)
    filters = _filters(request, everything)
    words = request.GET.get("q", "").strip()
    kept = {s.filter.key: s.value for s in filters if s.value} | ({"q": words} if words else {})

    def url(**changes: str) -> str:
        query = {key: value for key, value in (kept | changes).items() if value}
        return f"{request.path}?{urlencode(query)}" if query else request.path

    chips = [
        Chip(f"{s.filter.title}：{s.word}", url(**{s.filter.key: ""})) for s in filters if s.value
    ]
    if words:
        chips.insert(0, Chip(f"搜索：{words}", url(q="")))
    narrowed = bool(chips)
    return Table(
        key="quarantine", caption=HOME, headers=plain.headers,
        rows=[Row(row.key, row.cells) for row in plain.rows],
        url=request.path, search=words, search_hint="搜索资源、数据项、规则", filters=filters,
        chips=chips, clear_url=request.path, query=url().partition("?")[2],
        columns=[(column, True) for column in columns],
        pager=Pager(
            previous_url=url(page=str(page - 1)) if page else "",
            next_url=url(page=str(page + 1)) if len(found) > (page + 1) * PAGE else "",
            total=len(found), page_size=PAGE,
        ),
        empty=EmptyState(title="没有符合条件的问题", text="换一个条件再看。", icon="search")
        if narrowed else
        EmptyState(title="隔离区是空的", text="每一行都已入库或处理完。", icon="circle-check"),
    )  # fmt: skip


def _filters(request: ActorRequest, everything: list[Group]) -> list[FilterState]:
    departments = sorted({(g.department_code, g.department) for g in everything})
    rules = sorted({(g.rule, g.rule_name) for g in everything}, key=lambda pair: pair[1])
    states = []
    for key, title, choices in (("department", "单位", departments), ("rule", "规则", rules)):
        value = request.GET.get(key, "")
        item = Filter(key=key, title=title, choices=choices)
        states.append(FilterState(item, item.options(), value if value in dict(choices) else ""))
    return states


def _tickets(request: ActorRequest, resource_ids: set[int]) -> dict[str, Ticket]:
    """Open tickets about quarantined rows, by the group's key (one query)."""
    if not holds(request.actor, "tickets.view") or not resource_ids:
        return {}
    rows = Ticket.objects.filter(kind=ticketing.KIND, resource_id__in=resource_ids)
    return {ticket.key: ticket for ticket in rows.exclude(state="closed")}


@dataclass(frozen=True, slots=True)
class ValueLine:
    """One wrong value as drawn; ``value`` is only in the page where it may be seen."""

    shown: str
    value: str
    empty: bool
    rows: int
    editable: bool
    suggestion: Suggestion | None
    hint: str


def group(request: ActorRequest, resource_id: int) -> HttpResponse:
    """One group: its wrong values with what they probably mean, its batches, its ticket."""
    item = _group(request, resource_id)
    if bulk_progress.asked(request):
        return bulk_progress.answer(request, _group_url(item))
    return _page(request, item)


def _group(request: ActorRequest, resource_id: int) -> Group:
    asked = request.POST if request.method == "POST" else request.GET
    return grouping.group(
        request.actor, resource_id=resource_id,
        rule=asked.get("rule", request.GET.get("rule", "")),
        column=asked.get("column", request.GET.get("column", "")),
    )  # fmt: skip


def _page(
    request: ActorRequest,
    item: Group,
    *,
    status: int = 200,
    unmasked: bool = False,
    error: str = "",
    ticket_form: TicketForm | None = None,
) -> HttpResponse:
    actor = request.actor
    resource = published_by_id(item.resource_id)
    entry = selectors.resource(actor, item.resource_id)
    batches = grouping.batches_of(actor, item)
    column = next((c for c in resource.columns if c.name == item.column), None)
    may = bool(batches) and allows(actor, MANAGE, batches[0])
    hidden = column is not None and column.name in masks_of(resource.columns) and not unmasked
    tickets = tickets_of(item.resource_id, actor=actor).filter(kind=ticketing.KIND, key=item.key)
    books = grouping.books(actor, item.resource_id)
    context: dict[str, Any] = {
        "title": f"{item.where} · {item.rule_name}",
        "subtitle": f"{item.department} · {item.resource} · 未处理 {item.open:,} 行",
        "crumbs": [
            Crumb("数据归集", reverse("ingest:board")),
            Crumb(HOME, reverse("ingest:quarantine-groups")),
            Crumb(f"{item.resource} {item.where}"),
        ],
        "group": item,
        "entry": entry,
        "lines": _lines(batches, item, resource, hidden=hidden, may=may),
        "batches": [(batch, _batch_url(batch, item)) for batch in batches],
        "books": books,
        "may": may,
        "hidden": hidden,
        "unmasked": unmasked,
        "may_unmask": allows(actor, "ingest.personal.unmask", entry),
        "error": error,
        "good": ticketing.good_of(item.rule, column),
        "ticket": next((t for t in tickets if t.is_open), None) or tickets.first(),
        "ticket_form": ticket_form or TicketForm(),
        "waiting": grouping.waiting_for_replay(actor, [item.resource_id]).count(),
        "corrected": books.corrected,
        "mended": _mended(item, batches),
        **bulk_progress.context(request, _group_url(item)),
    }  # fmt: skip
    return render(request, "ingest/quarantine_group.html", context, status=status)


def _mended(item: Group, batches: list[Batch]) -> Batch | None:
    """A newer delivery that no longer has the problem: the old rows may be set aside."""
    if not batches:
        return None
    newest = grouping.newer_deliveries(item.resource_id, batches[-1].created_at).first()
    if newest is None or newest.pk in item.batches:
        return None
    has = newest.problems.filter(rule=item.rule, column=item.column).exists()
    return None if has else newest


def _batch_url(batch: Batch, item: Group) -> str:
    query = urlencode({"problem": f"{item.rule}:{item.column}", "status": quarantined.OPEN})
    return f"{reverse('ingest:quarantine', args=[batch.pk])}?{query}"


def _lines(
    batches: list[Batch], item: Group, resource: PublishedResource, *, hidden: bool, may: bool
) -> list[ValueLine]:
    if not item.column:
        return []
    counts: dict[str | None, int] = {}
    for batch in batches:
        for found in quarantined.wrong_values(
            batch, rule=item.rule, column=item.column, limit=VALUES
        ):
            counts[found.value] = counts.get(found.value, 0) + found.rows
    column = resource.column(item.column)
    probe, masks = ValueProbe(column), masks_of(resource.columns)
    commonest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))[:VALUES]
    return [_line(value, rows, probe, masks if hidden else {}, may) for value, rows in commonest]


def _line(value: str | None, rows: int, probe: ValueProbe, masks: Any, may: bool) -> ValueLine:
    column = probe.column
    covered = column.name in masks
    return ValueLine(
        shown=masked(masks, column.name, value) or "",
        value="" if covered else value or "",
        empty=value is None,
        rows=rows,
        editable=may and not covered,
        suggestion=None if covered else suggest(probe, value),
        hint="" if covered else hint(column, value),
    )


def unmask(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Show the values of a personal column once, with a reason that is kept."""
    item = _group(request, resource_id)
    entry: Resource = selectors.resource(request.actor, resource_id)
    try:
        note_unmasking(
            actor=request.actor, obj=entry, reason=request.POST.get("reason", ""),
            shown=f"隔离区“{item.where}”的错误值",
        )  # fmt: skip
    except InvalidInput as error:
        return _page(request, item, status=422, error=error.fields.get("reason", error.detail))
    return _page(request, item, unmasked=True)


def correct(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Correct all rows with one wrong value."""
    item = _group(request, resource_id)
    value = None if request.POST.get("empty") else request.POST.get("value", "")
    try:
        done = background.correct_value(
            actor=request.actor, group=item, value=value,
            replacement=request.POST.get("replacement", ""),
        )  # fmt: skip
    except (InvalidInput, Conflict) as error:
        return _page(request, item, status=int(error.status), error=error.detail)
    if isinstance(done, Job):
        return redirect(_group_url(item))
    messages.success(request, f"已更正 {done.rows:,} 行（{done.batches} 个批次），回放后入库。")
    return redirect(_group_url(item))


def give_up(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Set aside what is left of a group."""
    item = _group(request, resource_id)
    try:
        done = background.give_up_group(
            actor=request.actor, group=item, reason=request.POST.get("note", "")
        )
    except (InvalidInput, Conflict) as error:
        return _page(request, item, status=int(error.status), error=error.detail)
    if isinstance(done, Job):
        return redirect(_group_url(item))
    messages.success(request, f"已放弃 {done.rows:,} 行；它们留在隔离区，可以再更正。")
    return redirect("ingest:quarantine-groups")


def replay(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Replay everything corrected of a resource."""
    item = _group(request, resource_id)
    started = bulk.replay_resource(actor=request.actor, resource_id=resource_id)
    if len(started) == 1:
        return redirect("ingest:batch", started[0].pk)
    messages.success(request, f"已开始回放 {len(started)} 个批次的更正。")
    return redirect(_group_url(item))


def ticket(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Send the group to its department as a ticket."""
    item = _group(request, resource_id)
    form = TicketForm(request.POST)
    if not form.is_valid():
        return _page(request, item, status=422, ticket_form=form)
    try:
        opened = ticketing.send_ticket(
            actor=request.actor, item=item, severity=form.cleaned_data["severity"],
            remark=form.cleaned_data["remark"],
        )  # fmt: skip
    except ChengshuError as error:
        return _page(request, item, status=int(error.status), error=error.detail)
    messages.success(request, f"工单 {opened.number} 已开给{opened.department.short}。")
    return redirect(opened.get_absolute_url())
