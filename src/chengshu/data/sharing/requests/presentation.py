"""How requests read: tags, terms in words, who has to act, the time line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.choices import kind_words
from chengshu.data.sharing.requests.choices import Refusal, State
from chengshu.data.sharing.requests.content import differences, moved
from chengshu.data.sharing.requests.flow import CORRECTABLE, HOLDERS, Holder, word
from chengshu.data.sharing.requests.models import AccessRequest, RequestEvent
from chengshu.data.sharing.row_filter import sentence
from chengshu.kernel.calendar.deadlines import describe, overdue, working_days_left
from chengshu.kernel.calendar.working_days import HolidayTable, last_day
from chengshu.kernel.ui.components import (
    Change,
    Column,
    Fact,
    StatusTag,
    Table,
    TimelineEntry,
    Tone,
)
from chengshu.kernel.ui.formatting import iso_date

BUREAU = "数据主管部门"
# Keys of the shared status tags.
TONES: dict[State, str] = {
    State.REVIEW: "submitted",
    State.CORRECTION: "returned",
    State.ANSWER: "pending",
    State.DELIVERY: "running",
    State.NEGOTIATION: "pending",
    State.DISPUTE: "pending",
    State.GRANTED: "granted",
    State.REFUSED: "refused",
    State.WITHDRAWN: "cancelled",
}
_EVENT_TONES: dict[str, Tone] = {
    "approve": "teal", "grant": "teal", "forward": "teal", "consent": "teal", "uphold": "teal",
    "return": "amber", "ask": "amber", "negotiate": "amber", "dispute": "amber", "reject": "red",
    "refuse": "red", "dismiss": "red", "late": "red",
}  # fmt: skip


def tone(item: AccessRequest) -> str:
    """Key of the state's tag."""
    return TONES[State(item.state)]


def state_word(item: AccessRequest) -> str:
    """The state; a refusal also says whose."""
    if item.state == State.REFUSED:
        return f"不予共享 · {Refusal(item.refusal).label}"
    return State(item.state).label


def request_url(item: AccessRequest) -> str:
    """The request's page."""
    return item.get_absolute_url()


def inbox_url(**query: str) -> str:
    """The list of received requests, filtered."""
    pairs = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{reverse('sharing_requests:inbox')}?{pairs}"


def due_word(item: AccessRequest, now: datetime, table: HolidayTable) -> str:
    """How much time is left, for whoever holds the request."""
    return "—" if item.due_at is None else describe(item.due_at, now, table=table)


def due_tag(item: AccessRequest, now: datetime, table: HolidayTable) -> StatusTag | None:
    """The same as a tag, in colour when it presses."""
    if item.due_at is None:
        return None
    words = due_word(item, now, table)
    if overdue(item.due_at, now):
        return StatusTag(words, "red", "alarm")
    soon = working_days_left(item.due_at, now, table=table) <= 1
    return StatusTag(words, "amber" if soon else "blue", "alarm")


def holder(item: AccessRequest) -> str:
    """Who has to act now."""
    who = HOLDERS[State(item.state)]
    if who is Holder.APPLICANT:
        return f"申请单位（{item.application.owner.short}）"
    if who is Holder.PROVIDER:
        return f"提供单位（{item.provider.short}）"
    return BUREAU if who is Holder.BUREAU else "—"


def next_step(item: AccessRequest) -> str:
    """What happens next, in one sentence."""
    return {
        State.REVIEW: "数据主管部门看用途、依据和字段是否合规，通过后"
        + ("当即开通。" if item.sharing_type == "unconditional" else "转提供单位答复。"),
        State.CORRECTION: "请按意见补正后再提交；原来的办理期限暂停计时，补正后接着算。",
        State.ANSWER: "提供单位在期限内答复；不同意要写明理由。",
        State.DELIVERY: "提供单位备好接口后开通。",
        State.NEGOTIATION: "两个单位正在协商；协商不成，申请人可以提请数据主管部门裁决。",
        State.DISPUTE: "数据主管部门听取双方意见后裁决。",
        State.GRANTED: "已经可以调用；字段、脱敏和限额见授权。",
        State.REFUSED: {
            Refusal.CONFORMITY: "对审核意见有异议，可以提请裁决；也可以改好后重新申请。",
            Refusal.PROVIDER: "可以提请数据主管部门裁决。" if item.negotiated
            else "可以先请求协商；协商不成，再提请数据主管部门裁决。",
            Refusal.AUTHORITY: "数据主管部门已裁决。仍有争议的，按规定报本级人民政府决定，不在平台上办理。",
        }.get(Refusal(item.refusal), "") if item.refusal else "",
        State.WITHDRAWN: "需要时可以重新申请。",
    }[State(item.state)]  # fmt: skip


def titles_of(item: AccessRequest) -> dict[str, str]:
    """Column → title of the interface."""
    return {c["name"]: c["title"] for c in item.interface.columns}


def facts(item: AccessRequest) -> list[Fact]:
    """What the side panel says."""
    found = [
        Fact("编号", item.number, mono=True),
        Fact("现在由谁办", holder(item)),
        Fact("应用", item.application.name),
        Fact("使用单位", item.application.owner.name),
        Fact("申请人", item.applicant.display_name if item.applicant else "已停用的账号"),
        Fact("接口", item.interface.title, reverse("sharing:interface", args=[item.interface.code])),
        Fact("提供单位", item.provider.name),
        Fact("共享类型", item.get_sharing_type_display()),
        Fact("提交时间", item.sent_at),
    ]  # fmt: skip
    if item.amends is not None and item.grant is None:
        url = reverse("sharing:grant", args=[item.amends.pk])
        found.append(Fact("现有授权", "查看现有授权", url))
    if item.due_at is not None:
        found.append(Fact("本步到期", last_day(item.due_at)))
    if item.closed_at is not None:
        found.append(Fact("办结时间", item.closed_at))
    if item.grant is not None:
        found.append(Fact("授权", "查看授权", reverse("sharing:grant", args=[item.grant.pk])))
    return found


def asked(item: AccessRequest) -> list[Fact]:
    """What is asked for and why."""
    return [
        Fact("用途", item.purpose),
        Fact("业务事项", item.business_item),
        Fact("法律依据", item.legal_basis),
        Fact("行范围", sentence(item.row_filter, titles_of(item))),
        Fact("调用方式", kind_words(item.kinds)),
        Fact("使用频率", item.get_frequency_display()),
        Fact("每天最多", f"{item.per_day:,} 次" if item.per_day else "不限"),
        Fact("来源网段", "、".join(item.networks) or "不限"),
        Fact("用到", iso_date(last_day(item.valid_until))),
    ]


@dataclass(frozen=True, slots=True)
class Moved:
    """One term of the grant: when the change was asked for, now, and as it is asked to be."""

    title: str
    then: str
    now: str
    asked: str


def purpose_word(item: AccessRequest) -> str:
    """What kind of request it is: the first one, a longer term, or other terms."""
    if item.amends is None:
        return "申请"
    return "续期" if item.is_open and differences(item) == ["valid_until"] else "变更"


def changes(item: AccessRequest) -> list[Change]:
    """What a change asks for, beside what the grant allows now; empty for a first request and once it is closed."""
    held, titles = item.amends, titles_of(item)
    if held is None or not item.is_open:
        return []
    return [
        Change(CORRECTABLE[name], _words(name, getattr(held, name), titles),
               _words(name, getattr(item, name), titles))
        for name in differences(item)
    ]  # fmt: skip


def moves_by_hand(item: AccessRequest) -> list[Moved]:
    """Where the grant is no longer what it was when the change was asked for: all three sides, field by field."""
    held, titles = item.amends, titles_of(item)
    if held is None or not item.is_open or item.base is None:
        return []
    return [
        Moved(CORRECTABLE[name], _words(name, _moment(name, item.base.get(name)), titles),
              _words(name, getattr(held, name), titles), _words(name, getattr(item, name), titles))
        for name in moved(item, held)
    ]  # fmt: skip


def moved_table(rows: list[Moved]) -> Table:
    """What was, what is, what is asked for."""
    columns = (
        Column(key="title", title="内容", kind="main"), Column(key="then", title="提出时的授权"),
        Column(key="now", title="现在的授权"), Column(key="asked", title="申请的"),
    )  # fmt: skip
    return Table.plain(key="moved", columns=columns, rows=rows, caption="提出后改过的内容")


def _moment(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name == "valid_until" and value else value


def _words(name: str, value: Any, titles: dict[str, str]) -> str:
    """A value of :data:`~chengshu.data.sharing.requests.content.CHANGEABLE` as people read it."""
    match name:
        case "fields":
            # In the interface's order, so that sides which hold the same read the same.
            known = [title for name, title in titles.items() if name in value]
            return "、".join([*known, *(field for field in value if field not in titles)])
        case "kinds":
            return kind_words(value)
        case "row_filter":
            return sentence(value, titles)
        case "networks":
            return "、".join(value) or "不限"
        case "valid_until":
            return iso_date(timezone.localtime(value).date()) if value else "长期"
        case _:
            return f"{value:,} 次" if value else "不限"


def corrections(item: AccessRequest) -> list[Fact]:
    """What was asked to be corrected."""
    return [Fact(CORRECTABLE[name], text) for name, text in item.correction.items()]


def timeline(events: list[RequestEvent]) -> list[TimelineEntry]:
    """The time line, newest first."""
    return [
        TimelineEntry(
            title=word(event.action), at=event.at, text=_said(event),
            who=" · ".join(p for p in (event.organization_name, event.actor_name) if p),
            tone=_EVENT_TONES.get(event.action, "grey"),
        )
        for event in events
    ]  # fmt: skip


def _said(event: RequestEvent) -> str:
    parts = [event.reason] if event.reason else []
    parts += [
        f"{CORRECTABLE[name]}：{text}" for name, text in event.data.get("correction", {}).items()
    ]
    if changed := event.data.get("changed"):
        parts.append(f"改了{'、'.join(CORRECTABLE[name] for name in changed)}")
    if event.late:
        parts.append(f"这一步用了 {event.worked_days} 个工作日，已超期")
    return "；".join(parts)
