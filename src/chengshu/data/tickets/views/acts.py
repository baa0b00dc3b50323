"""What people do with tickets: each view reads a form, calls one service, and shows the page again."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.tickets import selectors
from chengshu.data.tickets.flow import MOVES, Move
from chengshu.data.tickets.forms import (
    ActForm,
    AnswerForm,
    BulkAssignForm,
    CommentForm,
    ExtensionForm,
    ServiceForm,
    SuperviseForm,
)
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.services import notes, rechecks
from chengshu.data.tickets.services.moves import act_on
from chengshu.data.tickets.views.detail import context_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, InvalidInput, NotFound
from chengshu.kernel.identity.models import Account
from chengshu.kernel.ui.components import Crumb

MOST = 200


def act(request: ActorRequest, pk: int, act: str) -> HttpResponse:
    """Do one act of the flow."""
    ticket = selectors.ticket(request.actor, pk)
    move = MOVES.get(act)
    if move is None:
        raise NotFound("没有这个操作。")
    form = ActForm(request.POST, request.FILES, move=move, ticket=ticket)

    def do() -> str:
        values = form.cleaned_data
        if act == "submit":
            rechecks.submit(
                actor=request.actor, ticket=ticket, reason=values["reason"],
                version=values["version"],
            )  # fmt: skip
            return "已提交复检，通过后自动关闭。"
        files = notes.keep_files(actor=request.actor, ticket=ticket, attachments=form.attachments())
        moved = act_on(
            actor=request.actor, ticket=ticket, act=act, reason=values["reason"], files=files,
            owner=values.get("owner"), department=values.get("department"),
            until=values.get("until"), version=values["version"],
        )  # fmt: skip
        return _said(move, moved)

    return _answer(request, ticket, form, do)


def _said(move: Move, ticket: Ticket) -> str:
    return f"{move.past}，工单现在是“{ticket.get_state_display()}”。"


def comment(request: ActorRequest, pk: int) -> HttpResponse:
    """Add a remark."""
    ticket = selectors.ticket(request.actor, pk)
    form = CommentForm(request.POST, request.FILES)

    def do() -> str:
        files = notes.keep_files(actor=request.actor, ticket=ticket, attachments=form.attachments())
        notes.comment(
            actor=request.actor, ticket=ticket, text=form.cleaned_data["reason"], files=files
        )
        return "说明已记下。"

    return _answer(request, ticket, form, do)


def supervise(request: ActorRequest, pk: int) -> HttpResponse:
    """Put under 督办, or lift it."""
    ticket = selectors.ticket(request.actor, pk)
    form, on = SuperviseForm(request.POST), not ticket.supervised

    def do() -> str:
        notes.supervise(
            actor=request.actor, ticket=ticket, reason=form.cleaned_data["reason"], on=on
        )
        return "已督办，经办人会收到通知。" if on else "已取消督办。"

    return _answer(request, ticket, form, do)


def extension(request: ActorRequest, pk: int) -> HttpResponse:
    """Ask for more time."""
    ticket = selectors.ticket(request.actor, pk)
    form = ExtensionForm(request.POST)

    def do() -> str:
        notes.ask_extension(actor=request.actor, ticket=ticket, **form.cleaned_data)
        return "延期申请已提交；批准之前仍按原来的期限计算。"

    return _answer(request, ticket, form, do)


def decide_extension(request: ActorRequest, pk: int, wish: int, answer: str) -> HttpResponse:
    """Agree to more time, or not."""
    ticket = selectors.ticket(request.actor, pk)
    found = ticket.extensions.filter(pk=wish).first()
    if found is None or answer not in {"agree", "refuse"}:
        raise NotFound("没有找到这个延期申请。")
    form = AnswerForm(request.POST)

    def do() -> str:
        notes.decide_extension(
            actor=request.actor, extension=found, agree=answer == "agree",
            answer=form.cleaned_data["answer"],
        )  # fmt: skip
        return "已同意延期，到期日已顺延。" if answer == "agree" else "已答复不同意延期。"

    return _answer(request, ticket, form, do)


def _answer(
    request: ActorRequest, ticket: Ticket, form: ServiceForm, do: Callable[[], str]
) -> HttpResponse:
    """Do it and show the ticket; what was refused shows beside its field."""
    on_phone = request.POST.get("on_phone") == "1"
    if form.is_valid():
        try:
            messages.success(request, do())
        except InvalidInput as error:
            form.show(error)
        else:
            name = "tickets:phone-ticket" if on_phone else "tickets:ticket"
            return redirect(name, ticket.pk)
    context = context_of(request, ticket, bound=form) | {"on_phone": on_phone}
    template = "tickets/phone_ticket.html" if on_phone else "tickets/ticket.html"
    return render(request, template, context, status=422)


def _chosen(request: ActorRequest) -> list[Ticket]:
    keys = [int(key) for key in request.POST.getlist("selected") if key.isdecimal()][:MOST]
    found = list(selectors.tickets(request.actor).filter(pk__in=keys).order_by("pk"))
    if not found:
        raise InvalidInput("没有选中任何工单。", advice="请先勾选。")
    return found


def bulk_claim(request: ActorRequest) -> HttpResponse:
    """Sign for the chosen tickets; those that cannot be are named, the others are done."""
    _each(request, _chosen(request), "claim")
    return redirect(f"{reverse('tickets:tickets')}?standing=mine")


def bulk_assign(request: ActorRequest) -> HttpResponse:
    """First ask to whom, then assign."""
    chosen = _chosen(request)
    candidates = _shared_officers(chosen)
    asked = "owner" in request.POST
    form = BulkAssignForm(request.POST if asked else None, candidates=candidates)
    if asked and form.is_valid():
        _each(
            request, chosen, "assign", owner=form.cleaned_data["owner"],
            reason=form.cleaned_data["reason"],
        )  # fmt: skip
        return redirect("tickets:tickets")
    context = {
        "title": f"指派 {len(chosen)} 个工单",
        "crumbs": [Crumb("问题工单", reverse("tickets:tickets")), Crumb("批量指派")],
        "form": form, "chosen": chosen, "candidates": candidates,
    }  # fmt: skip
    return render(request, "tickets/bulk_assign.html", context, status=422 if asked else 200)


def _shared_officers(chosen: list[Ticket]) -> list[Account]:
    """Who may handle every one of them."""
    departments = {ticket.department_id: ticket.department for ticket in chosen}
    lists = [selectors.officers(department) for department in departments.values()]
    common = set.intersection(*({a.pk for a in found} for found in lists))
    return [account for account in lists[0] if account.pk in common]


def _each(request: ActorRequest, chosen: list[Ticket], act: str, **values: Any) -> None:
    """One act on many tickets, each for itself."""
    done, refused = 0, []
    for ticket in chosen:
        try:
            act_on(actor=request.actor, ticket=ticket, act=act, **values)
        except ChengshuError as error:
            refused.append(f"{ticket.number}：{error.message}")
        else:
            done += 1
    if done:
        messages.success(request, f"已{MOVES[act].verb} {done} 个工单。")
    if refused:
        more = f" 等 {len(refused)} 个" if len(refused) > 3 else ""  # noqa: PLR2004 - as many as fit
        messages.warning(request, "没有处理：" + "；".join(refused[:3]) + more)
