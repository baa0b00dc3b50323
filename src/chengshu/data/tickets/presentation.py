"""How tickets read: tags, terms in words, the time line."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.urls import reverse

from chengshu.data.tickets.choices import Resolution, State
from chengshu.data.tickets.flow import CLOCKS, HOLDERS, Clock, Holder, word
from chengshu.data.tickets.kinds import kind_name
from chengshu.data.tickets.models import Ticket, TicketEvent
from chengshu.kernel.calendar.deadlines import describe
from chengshu.kernel.calendar.deadlines import overdue as is_late
from chengshu.kernel.calendar.working_days import HolidayTable, last_day
from chengshu.kernel.ui.components import Fact, StatusTag, Tone
from chengshu.kernel.ui.formatting import iso_date, number

TAGS: dict[State, StatusTag] = {
    State.PENDING: StatusTag("待签收", "amber", "inbox"),
    State.WORKING: StatusTag("处理中", "blue", "tool"),
    State.CHECKING: StatusTag("待复核", "blue", "loader-2"),
    State.RETURNED: StatusTag("退回待分派", "amber", "arrow-back-up"),
    State.CONTESTED: StatusTag("异议待裁定", "amber", "gavel"),
    State.SUSPENDED: StatusTag("挂起", "grey", "clock"),
    State.CLOSED: StatusTag("已关闭", "teal", "circle-check"),
}
# Keys of the shared status tags, for list cells.
TONES = {
    State.PENDING: "pending",
    State.WORKING: "running",
    State.CHECKING: "queued",
    State.RETURNED: "returned",
    State.CONTESTED: "submitted",
    State.SUSPENDED: "suspended",
    State.CLOSED: "closed",
}
_EVENT_TONES: dict[str, Tone] = {
    "open": "amber", "pass": "teal", "fail": "red", "escalate": "red", "contest": "amber",
    "uphold": "teal", "overrule": "amber", "supervise": "red", "reopen": "amber", "recur": "red",
    "grant_extension": "teal", "refuse_extension": "red",
}  # fmt: skip


def ticket_url(ticket: Ticket) -> str:
    """The ticket's page."""
    return ticket.get_absolute_url()


def list_url(**query: str) -> str:
    """The list, filtered."""
    pairs = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{reverse('tickets:tickets')}?{pairs}"


def tone(ticket: Ticket) -> str:
    """Key of the status tag in lists."""
    return TONES[State(ticket.state)]


def state_word(ticket: Ticket) -> str:
    """The state; a closed ticket also says how it ended."""
    if ticket.state == State.CLOSED:
        return "已关闭 · " + {
            Resolution.FIXED: "已整改", Resolution.INVALID: "无效", Resolution.WITHDRAWN: "人工",
        }[Resolution(ticket.resolution)]  # fmt: skip
    return State(ticket.state).label


def tag(ticket: Ticket) -> StatusTag:
    """The tag in the head of a page."""
    known = TAGS[State(ticket.state)]
    return StatusTag(state_word(ticket), known.tone, known.icon)


def due_word(ticket: Ticket, now: datetime, table: HolidayTable) -> str:
    """How much time is left, for whoever holds the ticket."""
    if ticket.due_at is None:
        return "—"
    if ticket.state == State.SUSPENDED:
        return f"计时已暂停，等到 {iso_date(last_day(ticket.due_at))}"
    words = describe(ticket.due_at, now, table=table)
    if CLOCKS[State(ticket.state)] is Clock.BUREAU:
        return f"裁定{words}" if ticket.state == State.CONTESTED else f"分派{words}"
    return words


def due_tag(ticket: Ticket, now: datetime, table: HolidayTable) -> StatusTag | None:
    """The term as a tag; red when it has ended."""
    if ticket.due_at is None:
        return None
    if ticket.state == State.SUSPENDED:
        return StatusTag(due_word(ticket, now, table), "grey", "clock")
    if is_late(ticket.due_at, now):
        return StatusTag(due_word(ticket, now, table), "red", "alarm")
    soon = (ticket.due_at - now).days < 2  # noqa: PLR2004 - the last two days
    return StatusTag(due_word(ticket, now, table), "amber" if soon else "blue", "alarm")


def holder(ticket: Ticket) -> str:
    """Who has to act now."""
    who = HOLDERS[State(ticket.state)]
    if who is Holder.OWNER and ticket.owner is not None:
        return f"{ticket.owner.display_name}（{ticket.department.short}）"
    return {
        Holder.DEPARTMENT: f"{ticket.department.short}（待签收）",
        Holder.PLATFORM: "平台自动复检",
        Holder.BUREAU: "智慧城市建设中心",
        Holder.NOBODY: "—",
        Holder.OWNER: ticket.department.short,
    }[who]


def facts(ticket: Ticket) -> list[Fact]:
    """What the side panel says."""
    found = [
        Fact("编号", ticket.number or "", mono=True),
        Fact("现在由谁办", holder(ticket)),
        Fact("责任单位", ticket.department.name),
        Fact("经办人", ticket.owner.display_name if ticket.owner else ""),
        Fact(
            "数据资源", ticket.resource.title,
            reverse("catalog:resource", args=[ticket.resource_id]),
        ),
        Fact("规则", ticket.rule_name or ticket.rule),
        Fact("来源", kind_name(ticket.kind)),
        Fact("程度", ticket.get_severity_display()),
        Fact("开出时间", ticket.opened_at),
        Fact("期限", f"{ticket.term_days} 个工作日"),
        Fact("到期", last_day(ticket.due_at) if ticket.due_at else None),
        Fact("发现时", f"{number(ticket.first_rows)} 行"),
        Fact("现在", f"{number(ticket.affected_rows)} 行"),
        Fact("最近复检", ticket.checked_at),
    ]  # fmt: skip
    if ticket.reopened:
        found.append(Fact("重新打开", f"{ticket.reopened} 次"))
    if ticket.state == State.CLOSED:
        found += [
            Fact("关闭时间", ticket.closed_at),
            Fact("用时", f"{ticket.worked_days} 个工作日"),
            Fact("按时", "是" if ticket.on_time else "否"),
        ]
    return found


def event_tone(event: TicketEvent) -> Tone:
    """Colour of a line in the time line."""
    return _EVENT_TONES.get(event.action, "grey")


def detail_words(event: TicketEvent) -> str:
    """What a line says besides its act."""
    data, parts = event.data, []
    if "from" in data:
        parts.append(f"{data['from']} → {data['to']}")
    if "days" in data:
        parts.append(f"{data['days']} 个工作日")
    if "until" in data:
        parts.append(f"等到 {data['until']}")
    if event.action in {"open", "recount", "fail"} and "rows" in data:
        parts.append(f"{data['rows']:,} 行")
    return "，".join(parts)


def lines(events: Iterable[TicketEvent]) -> Sequence[dict[str, object]]:
    """The time line as the template draws it, newest first."""
    return [
        {
            "title": word(event.action), "tone": event_tone(event), "event": event,
            "who": " · ".join(p for p in (event.organization_name, event.actor_name) if p),
            "detail": detail_words(event), "files": list(event.files.all()),
            "state": State(event.after).label if event.before and event.before != event.after else "",
        }
        for event in events
    ]  # fmt: skip
