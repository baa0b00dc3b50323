"""What people do with requests: each view reads a form, calls one service, and shows the page again."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from chengshu.data.sharing.forms import GrantForm, ServiceForm
from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.content import GrantTerms, mark_of, proposed_grant
from chengshu.data.sharing.requests.flow import MOVES
from chengshu.data.sharing.requests.forms import ActForm, CorrectForm, RemarksForm
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.presentation import asked, moves_by_hand, request_url
from chengshu.data.sharing.requests.services.moves import act_on, available
from chengshu.data.sharing.requests.views.detail import PAGES, context_of, crumbs_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.ui.components import Crumb


def act(request: ActorRequest, pk: int, act: str) -> HttpResponse:
    """Do one act that needs no more than a reason."""
    item, move = selectors.request(request.actor, pk), MOVES.get(act)
    if move is None or act in PAGES:
        raise NotFound("没有这个操作。")
    form = ActForm(request.POST, move=move, item=item)

    def do() -> AccessRequest:
        return act_on(
            actor=request.actor, item=item, act=act, reason=form.cleaned_data["reason"],
            version=form.cleaned_data["version"], seen=form.cleaned_data["seen"],
        )  # fmt: skip

    done = _attempt(request, form, do)
    if done is not None:
        return done
    return render(request, "requests/request.html", context_of(request, item, form), status=422)


def _attempt(
    request: ActorRequest, form: ServiceForm, do: Callable[[], AccessRequest]
) -> HttpResponse | None:
    """Do it and show the request; None when the input was refused: the form says why."""
    if not form.is_valid():
        return None
    try:
        item = do()
    except InvalidInput as error:
        form.show(error)
        return None
    messages.success(request, f"已记下，申请现在是“{item.get_state_display()}”。")
    return redirect(request_url(item))


def _require(request: ActorRequest, item: AccessRequest, *acts: str) -> str:
    """The one of these acts the actor may do now."""
    found = next((move.key for move in available(request.actor, item) if move.key in acts), "")
    if not found:
        raise Conflict(
            f"申请现在是“{item.get_state_display()}”，您不能在这里办理。", kept="申请没有变化。",
            advice="请回到申请页看现在由谁办。",
        )  # fmt: skip
    return found


def return_for_correction(request: ActorRequest, pk: int) -> HttpResponse:
    """Name the fields to correct, each with a remark."""
    item = selectors.request(request.actor, pk)
    act = _require(request, item, "return", "ask")
    form = RemarksForm(request.POST or None, item=item)

    def do() -> AccessRequest:
        return act_on(
            actor=request.actor, item=item, act=act, remarks=form.remarks(),
            version=form.cleaned_data["version"],
        )  # fmt: skip

    return _form_page(
        request, item, form, do, template="requests/return.html", verb=MOVES[act].verb
    )


def correct(request: ActorRequest, pk: int) -> HttpResponse:
    """Correct what was asked, and nothing else."""
    item = selectors.request(request.actor, pk)
    act = _require(request, item, "correct")
    form = CorrectForm(request.POST or None, item=item)

    def do() -> AccessRequest:
        return act_on(
            actor=request.actor, item=item, act=act, values=form.values(),
            version=form.cleaned_data["version"],
        )  # fmt: skip

    return _form_page(request, item, form, do, template="ui/form.html", verb=MOVES[act].verb)


def grant(request: ActorRequest, pk: int) -> HttpResponse:
    """Consent and provision: the form starts from what was asked, masked by level, and may only narrow it."""
    item = selectors.request(request.actor, pk)
    act = _require(request, item, "grant")
    form = GrantForm(request.POST or None, interface=item.interface, grant=proposed_grant(item))
    version, seen = request.POST.get("version", ""), request.POST.get("seen", "")

    def do() -> AccessRequest:
        return act_on(
            actor=request.actor, item=item, act=act, terms=GrantTerms(**form.rule()),
            version=int(version) if version.isdecimal() else None, seen=seen,
        )  # fmt: skip

    return _form_page(request, item, form, do, template="requests/grant.html", verb="同意并开通")


def _form_page(
    request: ActorRequest,
    item: AccessRequest,
    form: ServiceForm,
    do: Callable[[], AccessRequest],
    *,
    template: str,
    verb: str,
) -> HttpResponse:
    done = _attempt(request, form, do) if request.method == "POST" else None
    if done is not None:
        return done
    context = {
        "title": f"{verb}：{item.interface}", "form": form, "item": item, "submit": verb,
        "subtitle": f"{item.number} · {item.application}（{item.application.owner.short}）",
        "crumbs": crumbs_of(request, item, Crumb(verb)), "cancel_url": request_url(item),
        "asked": asked(item), "moved": moves_by_hand(item),
        # Refused input is shown again with what the person had seen, not with what came since.
        "seen": request.POST.get("seen", "") or (mark_of(item.amends) if item.amends else ""),
    }  # fmt: skip
    return render(request, template, context, status=422 if request.method == "POST" else 200)
