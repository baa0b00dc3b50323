"""Move a request from state to state as :mod:`~chengshu.data.sharing.requests.flow` allows, with its clock.

This is the one door: pages, jobs and later the process engine all go through :func:`act_on`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from django.db.models import Model
from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, CallKind
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests import clock
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.content import (
    GrantTerms,
    common_of,
    mark_of,
    moved,
    proposed_terms,
    require_common,
    require_grantable,
    set_values,
    standing,
)
from chengshu.data.sharing.requests.flow import (
    ANSWER,
    APPLY,
    CORRECTABLE,
    MOVES,
    REVIEW,
    Move,
    fits,
)
from chengshu.data.sharing.requests.models import AccessRequest, RequestPolicy
from chengshu.data.sharing.requests.services.trace import leave
from chengshu.data.sharing.services.grants import change_grant, grant
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.unit_of_work import unit_of_work

NOTHING = "申请没有变化。"
SHORTEST_REASON, LONGEST_REASON, LONGEST_REMARK = 2, 2_000, 300


def act_on(
    *,
    actor: Actor,
    item: AccessRequest,
    act: str,
    reason: str = "",
    remarks: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    terms: GrantTerms | None = None,
    version: int | None = None,
    seen: str = "",
) -> AccessRequest:
    """Do one act of the flow, as a person or as the platform.

    - ``remarks``: for ``return`` and ``ask``, what to correct by field (keys of ``flow.CORRECTABLE``).
    - ``values``: for ``correct``, the new values, of the named fields only.
    - ``terms``: for acts that grant; None grants what was asked, masked by level. More than was asked is refused.
    - ``version`` is what the person saw: another version means that somebody acted meanwhile.
    - ``seen`` is the mark of the grant to be changed as the person saw it (``content.mark_of``). Where the provider
      changed it by hand since the change was asked for, only who has seen that may agree.

    Acts that grant write the grant, its audit record and its event in the same transaction: the gateway obeys within
    two seconds, and a request is granted exactly once.

    Raises:
        NotAllowed: no permission, or the actor would decide about an own request or an own decision.
        InvalidInput: something needed is missing or cannot be enforced.
        Conflict: the state does not allow it, somebody else was first, or the interface does not answer.
            Nothing is changed then.
    """
    move = MOVES.get(act)
    if move is None:
        raise InvalidInput(f"没有“{act}”这个操作。", kept=NOTHING)
    check(actor, move.permission, _reach(move, item))
    with unit_of_work():
        locked = _lock(item, version)
        _require_fitting(move, locked)
        _require_other_person(actor, move, locked)
        before, now = State(locked.state), timezone.now()
        text = _reason(move, reason)
        timed = _timing(locked, now)
        told: dict[str, Any] = {}
        if move.remarks:
            told = _note_corrections(locked, remarks or {})
        elif move.key == "correct":
            told = _correct(locked, values or {})
        elif move.grants:
            told = _provision(actor, locked, terms, seen)
        _turn(move, locked, actor, before, now)
        leave(actor=actor, item=locked, action=act, before=before, reason=text, data=told, **timed)
    return locked


def available(actor: Actor, item: AccessRequest) -> list[Move]:
    """The acts the actor may do on a request now, in the order of the flow."""
    return [
        move
        for move in MOVES.values()
        if _fits(move, item)
        and allows(actor, move.permission, _reach(move, item))
        and not _own(actor, move, item)
    ]


def may(actor: Actor, item: AccessRequest, permission: str) -> bool:
    """Whether a permission of the flow reaches this request: as applicant, provider or data bureau."""
    reach = {APPLY: item.application, ANSWER: item.interface, REVIEW: RequestPolicy()}
    return allows(actor, permission, reach[permission])


def _reach(move: Move, item: AccessRequest) -> Model:
    if move.permission == APPLY:
        return item.application
    return item.interface if move.permission == ANSWER else RequestPolicy()


def _lock(item: AccessRequest, version: int | None) -> AccessRequest:
    locked = (
        AccessRequest.objects.select_for_update(of=("self",))
        .select_related("application__owner", "interface__resource__provider", "provider",
                        "applicant", "form", "amends")
        .get(pk=item.pk)
    )  # fmt: skip
    if version is not None and version != locked.version:
        raise Conflict(
            "申请刚刚被别人处理过。", kept=NOTHING, advice="请看最新的办理经过后再操作。"
        )
    return locked


def _fits(move: Move, item: AccessRequest) -> bool:
    return fits(
        move, state=item.state, sharing=item.sharing_type, refusal=item.refusal,
        negotiated=item.negotiated,
    )  # fmt: skip


def _require_fitting(move: Move, item: AccessRequest) -> None:
    if not _fits(move, item):
        raise Conflict(
            f"申请现在是“{State(item.state).label}”，不能{move.verb}。", kept=NOTHING,
            advice="请刷新后再看。",
        )  # fmt: skip


def _own(actor: Actor, move: Move, item: AccessRequest) -> str:
    """Why the actor is not the one to decide; "" when nothing stands against it."""
    account = actor.account
    if account is None or move.permission == APPLY:
        return ""
    if account.pk == item.applicant_id:
        return "不能审批自己提交的申请。"
    if move.answers and item.state != State.DELIVERY and account.pk == item.reviewed_by_id:
        return "合规审核人不能再代提供单位答复同一件申请。"
    if item.state == State.DISPUTE and account.pk == item.refused_by_id:
        return "不能裁决自己作出的不同意。"
    return ""


def _require_other_person(actor: Actor, move: Move, item: AccessRequest) -> None:
    if words := _own(actor, move, item):
        raise NotAllowed(words, kept=NOTHING, advice="请由另一位有权限的同志办理。")


def _reason(move: Move, reason: str) -> str:
    text = reason.strip()[:LONGEST_REASON]
    if move.reason and len(text) < SHORTEST_REASON:
        raise InvalidInput(
            f"{move.verb}需要写明理由。", kept=NOTHING, fields={"reason": "请写明理由"}
        )
    return text


def _timing(item: AccessRequest, now: datetime) -> dict[str, Any]:
    """How long the state that is left has taken, where a clock ran."""
    if item.due_at is None:
        return {}
    return {"worked_days": clock.used(item, now), "late": now >= item.due_at}


def _note_corrections(item: AccessRequest, remarks: Mapping[str, str]) -> dict[str, Any]:
    if unknown := set(remarks) - set(CORRECTABLE):
        raise InvalidInput(f"没有“{min(unknown)}”这一项。", kept=NOTHING)
    found = {name: text.strip()[:LONGEST_REMARK] for name, text in remarks.items() if text.strip()}
    if not found:
        raise InvalidInput(
            "请至少在一项旁写明要补正什么。", kept=NOTHING, fields={"purpose": "至少填写一项"}
        )
    item.correction = found
    return {"correction": found}


def _correct(item: AccessRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was asked to be corrected may change, so that nothing slips past those who have seen the rest."""
    if strange := set(values) - set(item.correction):
        named = "、".join(CORRECTABLE.get(name, name) for name in sorted(strange))
        raise InvalidInput(f"{named}没有要求补正，不能改。", kept=NOTHING)
    before = {name: getattr(item, name) for name in item.correction}
    set_values(item, values)
    after = {name: getattr(item, name) for name in item.correction}
    if before == after:
        raise InvalidInput(
            "要求补正的内容还没有改动。", kept=NOTHING, advice="请按意见修改后再提交。"
        )
    require_common(common_of(item))
    require_grantable(item)
    if item.amends is not None:
        # Whoever corrects has the grant as it is now before the eyes.
        item.base = standing(item.amends)
    item.correction = {}
    return {"changed": [name for name in before if before[name] != after[name]]}


def _provision(
    actor: Actor, item: AccessRequest, terms: GrantTerms | None, seen: str
) -> dict[str, Any]:
    given = terms or proposed_terms(item)
    _require_no_more(item, given)
    if item.application.state != ApplicationState.ACTIVE:
        raise Conflict(f"应用“{item.application}”已停用，不能开通。", kept=NOTHING)
    if item.amends_id is None:
        made = grant(
            actor=actor, application=item.application, interface=item.interface,
            purpose=item.purpose, **asdict(given),
        )  # fmt: skip
    else:
        # Under a lock of its own: whoever revokes it meanwhile is not overruled.
        held = Grant.objects.select_for_update(of=("self",)).select_related(
            "application", "interface__resource__provider"
        ).get(pk=item.amends_id)  # fmt: skip
        _require_seen(item, held, seen)
        made = change_grant(actor=actor, item=held, tell=False, **asdict(given))
    item.grant = made
    return {"grant": made.pk, "fields": given.fields}


def _require_seen(item: AccessRequest, held: Grant, seen: str) -> None:
    """Nobody undoes unknowingly what the provider changed by hand while the request was on its way."""
    other = moved(item, held)
    if other and seen != mark_of(held):
        named = "、".join(CORRECTABLE[name] for name in other)
        raise Conflict(
            f"这份变更申请提出后，提供单位直接改过原授权：{named}。", kept="申请和授权都没有变化。",
            advice="请重新打开申请页，对照“提出时、现在、申请的”三栏：认可的再同意；"
            "不认可的退回申请人，按现在的授权重提。",
        )  # fmt: skip


def _require_no_more(item: AccessRequest, given: GrantTerms) -> None:
    """A grant may be narrower than what was asked, reviewed and argued for, never wider."""
    titles = {c["name"]: c["title"] for c in item.interface.columns}
    wider: dict[str, str] = {}
    if more := [titles.get(name, name) for name in given.fields if name not in item.fields]:
        wider["fields"] = f"没有申请{'、'.join(more)}"
    if item.row_filter and not given.row_filter:
        wider["row_filter"] = "申请只要一部分记录，不能给全部"
    if given.valid_until is None or given.valid_until > item.valid_until:
        wider["valid_until"] = "不能晚于申请的使用期限"
    if item.per_day and (given.per_day is None or given.per_day > item.per_day):
        wider["per_day"] = f"申请每天最多 {item.per_day:,} 次"
    if set(given.kinds) - set(item.kinds):
        named = "、".join(dict(CallKind.choices).get(kind, kind) for kind in item.kinds)
        wider["kinds"] = f"申请的调用方式只有：{named}"
    if item.networks and not _within(given.networks, item.networks):
        wider["networks"] = f"申请的网段只有：{'、'.join(item.networks)}"
    if wider:
        raise InvalidInput("授权不能多于申请。", kept=NOTHING, fields=wider)


def _within(given: list[str], asked: list[str]) -> bool:
    """Whether every network given lies in one that was asked for; nothing given means everywhere."""
    known = [ip_network(text, strict=False) for text in asked]
    try:
        wanted = [ip_network(text, strict=False) for text in given]
    except ValueError:
        return True  # not a network at all: the grant's own rules say so, beside its field
    return bool(wanted) and all(
        any(one.version == net.version and one.subnet_of(net) for net in known)  # type: ignore[arg-type]
        for one in wanted
    )


def _turn(move: Move, item: AccessRequest, actor: Actor, before: State, now: datetime) -> None:
    target = move.target or State(item.returned_from)
    item.state = target
    item.returned_from = before if target == State.CORRECTION else ""
    if target != State.CORRECTION:
        item.correction = {}
    if before == State.REVIEW and move.permission == REVIEW:
        item.reviewed_by = actor.account
    if move.refusal:
        item.refusal, item.refused_by = move.refusal, actor.account
    elif target in (State.GRANTED, State.DELIVERY, State.ANSWER):
        item.refusal, item.refused_by = "", None
    item.negotiated = item.negotiated or move.key == "negotiate"
    clock.turn(item, before, now)
    item.closed_at = None if item.is_open else now
    item.version += 1
    item.save()
