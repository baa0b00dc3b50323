"""One ticket: what is wrong, what good looks like, how to mend it, what happened, what to do next."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import Consumer, consumers_of
from chengshu.data.tickets import selectors
from chengshu.data.tickets.choices import ExtensionState, State
from chengshu.data.tickets.flow import CLOCKS, DISPATCH, HANDLE, Clock
from chengshu.data.tickets.forms import (
    ActForm,
    AnswerForm,
    CommentForm,
    ExtensionForm,
    SuperviseForm,
)
from chengshu.data.tickets.kinds import KINDS, Evidence
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.presentation import due_tag, facts, lines, tag
from chengshu.data.tickets.services.moves import available
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import uncertainty
from chengshu.kernel.errors import NotFound
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.jobs.models import FINISHED, Job
from chengshu.kernel.ui.components import Crumb

HISTORY = 100
PRIMARY = ("claim", "submit", "resume", "uphold", "insist")


def console(request: ActorRequest, pk: int) -> HttpResponse:
    """The page in the console."""
    ticket = selectors.ticket(request.actor, pk)
    context = context_of(request, ticket) | {
        "crumbs": [
            Crumb("问题工单", reverse("tickets:tickets")),
            Crumb(ticket.number or ticket.title),
        ],
    }
    return render(request, "tickets/ticket.html", context)


def phone(request: ActorRequest, pk: int) -> HttpResponse:
    """The same on the phone."""
    ticket = selectors.ticket(request.actor, pk)
    context = context_of(request, ticket) | {"on_phone": True}
    return render(request, "tickets/phone_ticket.html", context)


def evidence_of(request: ActorRequest, ticket: Ticket) -> Evidence:
    """What the kind shows of the failing rows; the stored sentences where it shows none."""
    kind = KINDS.get(ticket.kind)
    if kind is not None and kind.evidence is not None:
        return kind.evidence(request.actor, ticket)
    return Evidence(
        total=ticket.affected_rows, sentence=str(ticket.evidence.get("sentence", "")),
        good=str(ticket.evidence.get("good", "")),
    )  # fmt: skip


def context_of(request: ActorRequest, ticket: Ticket, bound: Any = None) -> dict[str, Any]:
    """Everything both pages show; ``bound`` is the form whose input was refused."""
    now, table = timezone.now(), stored_table()
    actor = request.actor
    kind = KINDS.get(ticket.kind)
    moves = available(actor, ticket)
    forms = [
        bound if isinstance(bound, ActForm) and bound.move.key == move.key
        else ActForm(move=move, ticket=ticket)
        for move in moves
    ]  # fmt: skip
    wish = ticket.extensions.filter(state=ExtensionState.PENDING).select_related("asked_by").first()
    runs = CLOCKS[State(ticket.state)] is Clock.DEPARTMENT
    history = ticket.history.prefetch_related("files")[:HISTORY]
    return {
        "title": ticket.title,
        "ticket": ticket,
        "tag": tag(ticket),
        "due": due_tag(ticket, now, table),
        "warning": uncertainty([ticket.due_at.date()], table=table) if ticket.due_at else "",
        "facts": facts(ticket),
        "evidence": evidence_of(request, ticket),
        "evidence_url": kind.evidence_url(ticket) if kind else "",
        "primary": [form for form in forms if form.move.key in PRIMARY],
        "more": [form for form in forms if form.move.key not in PRIMARY],
        "bound": bound,
        "contact": _contact(ticket),
        "affected": affected(ticket) if ticket.is_open else [],
        "lines": lines(history),
        "checking": _checking(ticket),
        "comment_form": bound if isinstance(bound, CommentForm) else CommentForm(),
        "may_dispatch": allows(actor, DISPATCH, ticket),
        "supervise_form": bound if isinstance(bound, SuperviseForm) else SuperviseForm(),
        "may_ask": runs and wish is None and allows(actor, HANDLE, ticket),
        "extension_form": bound if isinstance(bound, ExtensionForm) else ExtensionForm(),
        "wish": wish,
        "answer_form": bound if isinstance(bound, AnswerForm) else AnswerForm(),
    }


def affected(ticket: Ticket) -> list[Consumer]:
    """Who uses the data that are wrong: the column, or the whole entry."""
    return [
        item
        for item in consumers_of(ticket.resource_id)
        if not ticket.column or not item.fields or ticket.column in item.fields
    ]


def _contact(ticket: Ticket) -> str:
    """Whom to ask at the source system."""
    system = ticket.resource.system
    if system is None:
        return ""
    return " ".join(part for part in (system.name, system.contact, system.contact_phone) if part)


def _checking(ticket: Ticket) -> Job | None:
    """The re-check that runs or waits for this ticket."""
    jobs = Job.objects.filter(kind="tickets.recheck", arguments__ticket=ticket.pk)
    return jobs.exclude(state__in=FINISHED).order_by("-created_at").first()


def download(request: ActorRequest, pk: int, file: UUID) -> HttpResponseBase:
    """An attachment of the ticket."""
    ticket = selectors.ticket(request.actor, pk)
    found = StoredFile.objects.filter(pk=file, pk__in=ticket.history.values("files")).first()
    if found is None or not found.path.is_file():
        raise NotFound("没有找到这个附件。")
    return FileResponse(found.path.open("rb"), as_attachment=True, filename=found.name)
