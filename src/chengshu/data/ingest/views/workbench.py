"""The quarantine workbench: rejected rows with the reason beside the value; correct, return, replay."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.contract.facade import ColumnSpec, shorten
from chengshu.data.ingest import quarantined, selectors
from chengshu.data.ingest.choices import BatchState, DecisionKind
from chengshu.data.ingest.forms import CorrectionsForm
from chengshu.data.ingest.masking import Mask, masked, masks_of
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.pipeline import EXPORT_ROWS, Problem
from chengshu.data.ingest.quarantined import OPEN, RowFilter, WorkRow
from chengshu.data.ingest.services import background, exporting, quarantine
from chengshu.data.ingest.services.deciding import seen_mark
from chengshu.data.ingest.views import bulk_progress
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.ui.components import Crumb, StatusTag

PAGE_SIZE = 20
HIDDEN = "******"
# Where the fault is: the workbench shows the sentence right there.
_PLACE = re.compile(r"^第 \d+ 行“[^”]*”[： ]?")
STATUSES = {
    OPEN: "未处理",
    DecisionKind.CORRECTED: "已更正待回放",
    DecisionKind.RETURNED: "已退回",
    DecisionKind.REPLAYED: "已回放",
    DecisionKind.GIVEN_UP: "已放弃",
}
_TAGS = {
    DecisionKind.CORRECTED: StatusTag("已更正待回放", "blue", "pencil"),
    DecisionKind.RETURNED: StatusTag("已退回数源部门", "grey", "arrow-back-up"),
    DecisionKind.REPLAYED: StatusTag("已回放", "teal", "circle-check"),
    DecisionKind.GIVEN_UP: StatusTag("已放弃", "grey", "archive"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell on the workbench. ``editable`` is False while its personal value is masked."""

    column: ColumnSpec
    original: str
    current: str
    messages: tuple[str, ...]
    editable: bool
    corrected: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A rejected row as drawn."""

    number: int
    bad: list[Cell]
    rest: list[Cell]
    notes: list[str]
    raw: str
    tag: StatusTag | None
    decision: Any
    seen: str
    open: bool
    hides: bool


def workbench(request: ActorRequest, pk: UUID) -> HttpResponse:
    """A page of rejected rows; a POST with a reason shows this page once with personal values."""
    batch = selectors.batch(request.actor, pk)
    if batch.state != BatchState.LOADED:
        return redirect("ingest:batch", pk)
    if bulk_progress.asked(request):
        return bulk_progress.answer(request, background.batch_url(batch))
    resource = published_by_id(batch.resource_id)
    chosen = _filter(request.GET)
    page = quarantined.WorkPage([], None, None)
    if quarantined.quarantine_file(batch).is_file():
        page = quarantined.page(batch, chosen, size=PAGE_SIZE, **_cursor(request.GET))
    masks: dict[str, Mask] = masks_of(resource.columns)
    reason_error = ""
    if request.method == "POST":
        shown = "、".join(str(item.row.row) for item in page.rows)
        try:
            quarantine.note_unmasking(
                actor=request.actor, obj=batch, reason=request.POST.get("reason", ""),
                shown=f"第 {shown} 行",
            )  # fmt: skip
        except InvalidInput as error:
            reason_error = error.fields.get("reason", error.detail)
        else:
            masks = {}
    may = allows(request.actor, "ingest.quarantine.manage", batch)
    context = {
        "title": "处理隔离数据",
        "subtitle": f"{batch.resource.title} · 隔离 {batch.quarantined:,} 行",
        "crumbs": [
            Crumb("归集批次", reverse("ingest:batches")),
            Crumb(str(batch), reverse("ingest:batch", args=[batch.pk])),
            Crumb("隔离区"),
        ],
        "batch": batch,
        "lines": [line_of(item, resource, masks, editable=may) for item in page.rows],
        **_tally(batch, request.GET),
        "problems": list(batch.problems.all()),
        "previous_url": _page_url(request.GET, "before", page.before),
        "next_url": _page_url(request.GET, "after", page.after),
        "may": may,
        "personal": bool(masks_of(resource.columns)),
        "unmasked": not masks and request.method == "POST",
        "may_unmask": allows(request.actor, "ingest.personal.unmask", batch),
        "reason_error": reason_error,
        "upload_form": CorrectionsForm(),
        "large": batch.quarantined > exporting.DIRECT_ROWS,
        "export_limit": EXPORT_ROWS if batch.quarantined > EXPORT_ROWS else 0,
        "export_ready": exporting.finished_export(batch) is not None,
        **bulk_progress.context(request, background.batch_url(batch)),
    }  # fmt: skip
    return render(request, "ingest/workbench.html", context, status=422 if reason_error else 200)


def _tally(batch: Batch, where: QueryDict) -> dict[str, Any]:
    """How many rows are in which state, and which of them the page at ``where`` shows."""
    decided = selectors.decided(batch)
    return {
        "decided": decided,
        "undecided": max(0, batch.quarantined - decided.total),
        "statuses": STATUSES.items(),
        "chosen": _filter(where),
        "problem": where.get("problem", ""),
    }


def _filter(data: QueryDict) -> RowFilter:
    rule, _, column = data.get("problem", "").partition(":")
    status = data.get("status", "")
    return RowFilter(rule=rule, column=column, status=status if status in STATUSES else "")


def _cursor(data: QueryDict) -> dict[str, int]:
    for name in ("before", "after"):
        value = data.get(name, "")
        if value.isdecimal():
            return {name: int(value)}
    return {}


def _page_url(data: QueryDict, name: str, row: int | None) -> str:
    if row is None:
        return ""
    kept = {key: str(data[key]) for key in ("problem", "status") if data.get(key)}
    return "?" + urlencode(kept | {name: str(row)})


def line_of(
    item: WorkRow, resource: PublishedResource, masks: Mapping[str, Mask], *, editable: bool
) -> Line:
    """A row ready to draw; with ``masks`` its personal values are starred, also inside the reasons."""
    decision = item.decision
    values = decision.values if decision else {}
    done = decision is not None and decision.kind == DecisionKind.REPLAYED
    reasons: dict[str, list[str]] = {}
    for problem in item.row.problems:
        text = _reason(problem, masks, resource)
        reasons.setdefault(problem.column, []).append(text)
    cells = []
    for column in resource.columns:
        original = item.row.cells.get(column.name)
        current = values.get(column.name, original)
        cells.append(
            Cell(
                column=column,
                original=masked(masks, column.name, original) or "",
                current=masked(masks, column.name, current) or "",
                messages=tuple(reasons.get(column.name, ())),
                editable=editable and not done and column.name not in masks,
                corrected=column.name in values,
            )
        )  # fmt: skip
    raw = item.row.line or ""
    # A row that never became cells is corrected as a whole.
    whole = item.row.line is not None
    return Line(
        number=item.row.row,
        bad=[cell for cell in cells if cell.messages or whole],
        rest=[cell for cell in cells if not cell.messages and not whole],
        notes=reasons.get("", []),
        raw=HIDDEN if raw and masks else raw,
        tag=_TAGS[DecisionKind(decision.kind)] if decision else None,
        decision=decision,
        seen=seen_mark(decision),
        open=editable and not done,
        hides=any(column.name in masks for column in resource.columns),
    )


def _reason(problem: Problem, masks: Mapping[str, Mask], resource: PublishedResource) -> str:
    """The sentence beside a value; it quotes the value, so it hides what the cell hides."""
    message = _PLACE.sub("", problem.message, count=1)
    personal = problem.column in masks or (not problem.column and bool(masks))
    if not personal or not problem.value:
        return message
    if problem.rule == "key_conflict" and not set(resource.key) & set(masks):
        return message
    cover = masked(masks, problem.column, problem.value) if problem.column in masks else HIDDEN
    return message.replace(shorten(problem.value), cover or HIDDEN)


def save_row(request: ActorRequest, pk: UUID, number: int) -> HttpResponse:
    """Keep what was changed in one row; answers with the row, masked again."""
    batch = selectors.batch(request.actor, pk)
    found = _row(batch, number)
    resource = published_by_id(batch.resource_id)
    before = found.decision.values if found.decision else {}
    values: dict[str, str | None] = {}
    for column in resource.columns:
        posted = request.POST.get(f"cell-{column.name}")
        current = before.get(column.name, found.row.cells.get(column.name)) or ""
        if posted is not None and posted.strip() != current:
            values[column.name] = posted.strip() or None
    quarantine.correct(
        actor=request.actor, batch=batch, row_number=number, values=values,
        seen=request.POST.get("seen"),
    )  # fmt: skip
    if request.headers.get("HX-Request"):
        line = line_of(_row(batch, number), resource, masks_of(resource.columns), editable=True)
        where = QueryDict(urlsplit(request.headers.get("HX-Current-URL", "")).query)
        context = {"line": line, "batch": batch, **_tally(batch, where)}
        return render(request, "ingest/workbench_saved.html", context)
    messages.success(request, f"第 {number} 行已更正，回放后入库。")
    return redirect("ingest:quarantine", pk)


def _row(batch: Batch, number: int) -> WorkRow:
    found = None
    if quarantined.quarantine_file(batch).is_file():
        found = quarantined.row(batch, number)
    if found is None:
        raise NotFound(f"第 {number} 行不在这个批次的隔离区里。")
    return found


def send_back(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Return the chosen rows, or all undecided ones of the present filter, with a note."""
    batch = selectors.batch(request.actor, pk)
    everything = request.POST.get("scope") == "all"
    note = request.POST.get("note", "")
    if everything:
        rule, _, column = request.POST.get("problem", "").partition(":")
        chosen = RowFilter(rule=rule, column=column, status=OPEN)
        count = background.send_back_open(
            actor=request.actor, batch=batch, chosen=chosen, note=note
        )
    else:
        rows = [int(value) for value in request.POST.getlist("row") if value.isdecimal()]
        count = quarantine.send_back(actor=request.actor, batch=batch, row_numbers=rows, note=note)
    if isinstance(count, Job):
        return redirect("ingest:quarantine", pk)
    messages.success(request, f"已退回 {count:,} 行，等数源部门改好后重新归集。")
    return redirect("ingest:quarantine", pk)


def give_up(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Set the chosen rows aside for good, with a reason."""
    batch = selectors.batch(request.actor, pk)
    rows = [int(value) for value in request.POST.getlist("row") if value.isdecimal()]
    count = quarantine.give_up(
        actor=request.actor, batch=batch, row_numbers=rows, reason=request.POST.get("note", "")
    )
    messages.success(request, f"已放弃 {count:,} 行；它们仍计入隔离，以后还能更正。")
    return redirect("ingest:quarantine", pk)


def export(request: ActorRequest, pk: UUID) -> HttpResponseBase:
    """The rejected rows as Excel: at once, or for very many as a job whose file waits here."""
    batch = selectors.batch(request.actor, pk)
    if batch.quarantined > exporting.DIRECT_ROWS:
        job = exporting.start_export(actor=request.actor, batch=batch)
        return redirect("jobs:job", job.pk)
    with tempfile.NamedTemporaryFile(suffix=".xlsx", delete=False) as file:
        target = Path(file.name)
    try:
        quarantine.export(actor=request.actor, batch=batch, target=target)
        # Opened before it is unlinked: the answer streams it, and nothing stays behind.
        content = target.open("rb")
    finally:
        target.unlink()
    return FileResponse(content, as_attachment=True, filename=exporting.file_name(batch))


def exported(request: ActorRequest, pk: UUID) -> HttpResponseBase:
    """The file a job has written."""
    batch = selectors.batch(request.actor, pk)
    content = exporting.download(actor=request.actor, batch=batch)
    return FileResponse(content, as_attachment=True, filename=exporting.file_name(batch))


def upload(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Take over a corrected workbook."""
    batch = selectors.batch(request.actor, pk)
    form = CorrectionsForm(request.POST, request.FILES)
    if not form.is_valid():
        raise InvalidInput("请选择要上传的表格。", kept="没有做任何改动。")
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        for chunk in form.cleaned_data["file"].chunks():
            file.write(chunk)
        file.flush()
        count = background.adopt_workbook(
            actor=request.actor, batch=batch, workbook=Path(file.name)
        )
    if isinstance(count, Job):
        return redirect("ingest:quarantine", pk)
    messages.success(request, f"已采用表格中 {count:,} 行的更正，回放后入库。")
    return redirect(f"{reverse('ingest:quarantine', args=[pk])}?status={DecisionKind.CORRECTED}")


def replay(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Load the corrected rows, or the chosen ones of them, as a batch of their own."""
    batch = selectors.batch(request.actor, pk)
    chosen = [int(value) for value in request.POST.getlist("row") if value.isdecimal()]
    if "selected" in request.POST and not chosen:
        messages.warning(request, "没有选中任何一行。请先勾选已更正的行。")
        return redirect("ingest:quarantine", pk)
    try:
        child = quarantine.replay(actor=request.actor, batch=batch, row_numbers=chosen or None)
    except Conflict as error:
        messages.warning(request, error.detail)
        return redirect("ingest:quarantine", pk)
    return redirect("ingest:batch", child.pk)
