"""The state machine of tickets as data: which act leads from where to where, who may, and what it needs.

Nobody else decides about states. For every state it is also said here who holds the ticket and which clock runs,
so that no path leads to a ticket that nobody has or that no term drives:

=============  ==========================  ===========================================
state          held by                     clock
=============  ==========================  ===========================================
待签收         the department's queue      the department's
处理中         the officer who signed      the department's
待复核         the platform's re-check     the department's (a late delivery is late)
退回待分派     the data bureau             the bureau's own; the department's stands still
异议待裁定     the data bureau             the bureau's own; the department's stands still
挂起           the officer who signed      stands still until the date given
已关闭         nobody                      none
=============  ==========================  ===========================================
"""

from dataclasses import dataclass
from enum import StrEnum

from chengshu.data.tickets.choices import Resolution, State

HANDLE, DISPATCH, OPEN = "tickets.ticket.handle", "tickets.ticket.dispatch", "tickets.ticket.open"
PLATFORM = "*platform"


class Clock(StrEnum):
    """Whose time runs."""

    DEPARTMENT = "department"
    BUREAU = "bureau"
    STOPPED = "stopped"
    NONE = "none"


class Holder(StrEnum):
    """Who has to act."""

    DEPARTMENT = "department"
    OWNER = "owner"
    PLATFORM = "platform"
    BUREAU = "bureau"
    NOBODY = "nobody"


CLOCKS: dict[State, Clock] = {
    State.PENDING: Clock.DEPARTMENT,
    State.WORKING: Clock.DEPARTMENT,
    State.CHECKING: Clock.DEPARTMENT,
    State.RETURNED: Clock.BUREAU,
    State.CONTESTED: Clock.BUREAU,
    State.SUSPENDED: Clock.STOPPED,
    State.CLOSED: Clock.NONE,
}
HOLDERS: dict[State, Holder] = {
    State.PENDING: Holder.DEPARTMENT,
    State.WORKING: Holder.OWNER,
    State.CHECKING: Holder.PLATFORM,
    State.RETURNED: Holder.BUREAU,
    State.CONTESTED: Holder.BUREAU,
    State.SUSPENDED: Holder.OWNER,
    State.CLOSED: Holder.NOBODY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One act.

    Attributes:
        verb: on the button; ``past``: in the time line.
        permission: what the actor needs on the ticket; :data:`PLATFORM` for the platform alone.
        reason: whether a reason must be given.
        owner: ``"actor"`` the actor takes it (if nobody has), ``"given"`` a named officer, ``"clear"`` nobody,
            "" unchanged.
        needs: further values: ``"department"``, ``"until"``.
        restart: the department's term begins anew.
        resolution: of a move to 已关闭.
    """

    key: str
    verb: str
    past: str
    sources: frozenset[State]
    target: State
    permission: str
    icon: str
    reason: bool = False
    owner: str = ""
    needs: str = ""
    restart: bool = False
    resolution: str = ""


def _move(key: str, verb: str, past: str, sources: str, target: State, **more: object) -> Move:
    states = frozenset(State(word) for word in sources.split())
    return Move(key=key, verb=verb, past=past, sources=states, target=target, **more)  # type: ignore[arg-type]


MOVES: dict[str, Move] = {
    move.key: move
    for move in (
        _move("claim", "签收", "签收", "pending", State.WORKING, permission=HANDLE, owner="actor",
              icon="user-check"),
        _move("assign", "指派", "指派经办人", "pending working", State.WORKING, permission=HANDLE,
              owner="given", icon="user-plus"),
        _move("release", "放回队列", "放回单位队列", "working", State.PENDING, permission=HANDLE,
              owner="clear", reason=True, icon="arrow-back-up"),
        _move("submit", "我已更正，请复检", "提交复检", "working", State.CHECKING, permission=HANDLE,
              icon="circle-check"),
        _move("recall", "撤回复检", "撤回复检", "checking", State.WORKING, permission=HANDLE,
              icon="arrow-back-up"),
        _move("return", "退回", "退回（不属于本单位）", "pending working", State.RETURNED,
              permission=HANDLE, owner="clear", reason=True, icon="arrow-back-up"),
        _move("contest", "提出异议", "提出异议", "pending working", State.CONTESTED,
              permission=HANDLE, owner="actor", reason=True, icon="alert-circle"),
        _move("suspend", "挂起", "挂起，等待第三方", "working", State.SUSPENDED, permission=HANDLE,
              reason=True, needs="until", icon="clock"),
        _move("resume", "恢复处理", "恢复处理", "suspended", State.WORKING, permission=HANDLE,
              icon="player-play"),
        _move("transfer", "转办", "转办", "pending working returned", State.PENDING,
              permission=DISPATCH, owner="clear", reason=True, needs="department", restart=True,
              icon="arrow-right"),
        _move("insist", "驳回退回", "驳回退回，仍由原单位处理", "returned", State.PENDING,
              permission=DISPATCH, reason=True, icon="arrow-right"),
        _move("uphold", "异议成立", "异议成立，按无效关闭", "contested", State.CLOSED,
              permission=DISPATCH, reason=True, resolution=Resolution.INVALID, icon="check"),
        _move("overrule", "驳回异议", "驳回异议", "contested", State.WORKING, permission=DISPATCH,
              reason=True, icon="x"),
        _move("withdraw", "人工关闭", "人工关闭", "pending working checking returned suspended",
              State.CLOSED, permission=DISPATCH, reason=True, resolution=Resolution.WITHDRAWN,
              icon="x"),
        _move("reopen", "重新打开", "重新打开", "closed", State.PENDING, permission=DISPATCH,
              owner="clear", reason=True, restart=True, icon="refresh"),
        _move("pass", "复检通过", "复检通过，自动关闭",
              "pending working checking returned suspended", State.CLOSED, permission=PLATFORM,
              resolution=Resolution.FIXED, icon="circle-check"),
        _move("fail", "复检未通过", "复检未通过", "checking", State.WORKING, permission=PLATFORM,
              icon="circle-x"),
        _move("wake", "到期恢复", "挂起到期，自动恢复处理", "suspended", State.WORKING,
              permission=PLATFORM, icon="clock"),
        _move("orphan", "收回", "经办人已停用，放回单位队列", "working checking suspended",
              State.PENDING, permission=PLATFORM, owner="clear", icon="arrow-back-up"),
        _move("recur", "再次出现", "问题再次出现，重新打开", "closed", State.PENDING,
              permission=PLATFORM, owner="clear", restart=True, icon="refresh"),
    )
}  # fmt: skip

# Acts that change no state, with the words of the time line.
NOTES: dict[str, str] = {
    "open": "开出工单",
    "comment": "补充说明",
    "supervise": "督办",
    "relax": "取消督办",
    "ask_extension": "申请延期",
    "grant_extension": "同意延期",
    "refuse_extension": "不同意延期",
    "recount": "复检更新行数",
    "escalate": "超期升级",
    "waiting": "复检等待新数据",
}


def word(action: str) -> str:
    """What the time line calls an act."""
    move = MOVES.get(action)
    return move.past if move else NOTES[action]
