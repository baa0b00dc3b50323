"""One request: what is asked for, where it stands, what to do next, what happened."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.masking import NONE, mask_name, suggested_mask
from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.content import sensitive_fields
from chengshu.data.sharing.requests.flow import APPLY, Move
from chengshu.data.sharing.requests.forms import ActForm, AttachForm
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.presentation import (
    asked,
    changes,
    corrections,
    due_tag,
    facts,
    moved_table,
    moves_by_hand,
    next_step,
    purpose_word,
    request_url,
    state_word,
    timeline,
    tone,
)
from chengshu.data.sharing.requests.services.attachments import attached, may_attach
from chengshu.data.sharing.requests.services.moves import available, may
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import HolidayTable, uncertainty
from chengshu.kernel.ui.components import Action, Column, Crumb, DiffTable, Table

HISTORY = 100
PRIMARY = ("approve", "forward", "correct", "grant", "uphold", "negotiate")
# Acts with a page of their own, because they need more than a reason.
PAGES = {"return": "return", "ask": "return", "correct": "correct", "grant": "grant"}


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """The page of one request."""
    item = selectors.request(request.actor, pk)
    return render(request, "requests/request.html", context_of(request, item))


def crumbs_of(request: ActorRequest, item: AccessRequest, *more: Crumb) -> list[Crumb]:
    """The way back: to the list the reader came from by his side."""
    own = may(request.actor, item, APPLY) and not selectors.reviews(request.actor)
    home = (
        Crumb("我的申请", reverse("sharing_requests:requests"))
        if own
        else Crumb("申请办理", reverse("sharing_requests:inbox"))
    )
    return [home, Crumb(item.number, request_url(item) if more else ""), *more]


def context_of(
    request: ActorRequest, item: AccessRequest, bound: ActForm | None = None,
    attaching: AttachForm | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Everything the page shows; ``bound`` is the form whose input was refused."""
    now, table = timezone.now(), stored_table()
    moves = available(request.actor, item)
    return {
        "title": f"{item.application} {purpose_word(item)} {item.interface}", "item": item,
        "diff": DiffTable(
            old_title="现在的授权", new_title="申请的", changes=changes(item)
        ),
        "moved": moved_table(by_hand) if (by_hand := moves_by_hand(item)) else None,
        "subtitle": f"{item.number} · {item.application.owner.short} → {item.provider.short}",
        "crumbs": crumbs_of(request, item),
        "state": tone(item), "word": state_word(item), "due": due_tag(item, now, table),
        "warning": _warning(item, table),
        "next_step": next_step(item), "facts": facts(item), "asked": asked(item),
        "corrections": corrections(item), "sensitive": "、".join(sensitive_fields(item)),
        "fields": fields_table(item), "trail": timeline(list(item.history.all()[:HISTORY])),
        "pages": [*(_page(item, move) for move in moves if move.key in PAGES),
                  *_after(request, item)],
        "acts": [
            bound if bound is not None and bound.move.key == move.key
            else ActForm(move=move, item=item)
            for move in moves if move.key not in PAGES
        ],
        "primary": PRIMARY, "bound": bound, "files": attached(item),
        "attach": attaching or (AttachForm() if may_attach(request.actor, item) else None),
    }  # fmt: skip


def _warning(item: AccessRequest, table: HolidayTable) -> str:
    """What stands in the way, or makes a term uncertain."""
    if item.is_open and item.interface.state == InterfaceState.WANTED:
        return "这个资源还没有接口：提供单位先在接口页点“建接口”，建好后再开通。"
    return uncertainty([item.due_at.date()], table=table) if item.due_at else ""


def _page(item: AccessRequest, move: Move) -> Action:
    url = reverse(f"sharing_requests:{PAGES[move.key]}", args=[item.pk])
    return Action(title=move.verb, url=url, icon=move.icon, primary=move.key in PRIMARY)


def _after(request: ActorRequest, item: AccessRequest) -> list[Action]:
    """What an applicant does with a grant: the first key, or the sample call of the grant's page."""
    if item.grant is None:
        return []
    found = [
        Action(title="看授权和调用样例", icon="code",
               url=reverse("sharing:grant", args=[item.grant.pk]))
    ]  # fmt: skip
    if allows(request.actor, "sharing.key.manage", item.application):
        url = reverse("sharing:key-new", args=[item.application.code])
        found.insert(0, Action(title="签发密钥，开始调用", url=url, icon="key", primary=True))
    return found


def fields_table(item: AccessRequest) -> Table:
    """The wanted fields, their levels, and the mask each would get."""
    known = {c["name"]: c for c in item.interface.columns}
    rows = [
        {
            "name": name, "title": known.get(name, {}).get("title", "（已不在接口中）"),
            "level": known.get(name, {}).get("sensitivity", ""),
            "mask": mask_name(suggested_mask(known[name]) if name in known else NONE),
        }
        for name in item.fields
    ]  # fmt: skip
    columns = (
        Column(key="title", title="中文名称", kind="main"),
        Column(key="name", title="字段名", kind="code"),
        Column(key="level", title="级别"),
        Column(key="mask", title="按级别脱敏"),
    )
    return Table.plain(key="request-fields", columns=columns, rows=rows, caption="申请的字段")
