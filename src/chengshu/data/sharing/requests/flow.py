"""The life of an access request as data: which act leads from where to where, who may, whose clock runs.

One service (``services.moves``) does every act, so that this table can move to the process engine as it is.

===============  ====================  ============================================================
state            held by               clock (working days, configurable)
===============  ====================  ============================================================
待合规审核       the data bureau       2
待补正           the applicant         5; the clock of whoever returned it stands still
待提供单位答复   the provider          10
已同意，待开通   the provider          20
协商中           the provider          10
争议待裁决       the data bureau       10
已开通           nobody                none
不予共享         nobody                none; the applicant may ask to negotiate, then for a decision
已撤回           nobody                none
===============  ====================  ============================================================

The numbers 2, 10 and 20 are the city's defaults for 政务数据共享条例 (国务院令第 809 号), which asks for limits of
review, answer and delivery, a reason for every refusal, and negotiation before the data authority decides.
"""

from dataclasses import dataclass
from enum import StrEnum

from chengshu.data.catalog.facade import SharingType
from chengshu.data.sharing.requests.choices import Refusal, State

VIEW, APPLY = "sharing.request.view", "sharing.request.apply"
ANSWER, REVIEW = "sharing.request.answer", "sharing.request.review"
TERMS = "sharing.request.terms"


class Holder(StrEnum):
    """Who has to act."""

    APPLICANT = "applicant"
    PROVIDER = "provider"
    BUREAU = "bureau"
    NOBODY = "nobody"


HOLDERS: dict[State, Holder] = {
    State.REVIEW: Holder.BUREAU,
    State.CORRECTION: Holder.APPLICANT,
    State.ANSWER: Holder.PROVIDER,
    State.DELIVERY: Holder.PROVIDER,
    State.NEGOTIATION: Holder.PROVIDER,
    State.DISPUTE: Holder.BUREAU,
    State.GRANTED: Holder.NOBODY,
    State.REFUSED: Holder.NOBODY,
    State.WITHDRAWN: Holder.NOBODY,
}
# Field of the policy that says how long a state may last.
TERM_OF: dict[State, str] = {
    State.REVIEW: "review_days",
    State.CORRECTION: "correction_days",
    State.ANSWER: "answer_days",
    State.DELIVERY: "delivery_days",
    State.NEGOTIATION: "negotiation_days",
    State.DISPUTE: "dispute_days",
}
OPEN: tuple[State, ...] = tuple(TERM_OF)
# What a return may ask to be corrected, with the words of pages.
CORRECTABLE: dict[str, str] = {
    "purpose": "用途",
    "legal_basis": "法律依据",
    "business_item": "业务事项",
    "fields": "字段",
    "row_filter": "行范围",
    "kinds": "调用方式",
    "frequency": "使用频率",
    "per_day": "每天最多",
    "networks": "来源网段",
    "valid_until": "使用期限",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One act.

    Attributes:
        verb: on the button; ``past``: in the time line.
        target: None leads back to the state the request was returned from.
        permission: what the actor needs: for the application, the interface, or the whole city.
        reason: whether a reason must be given.
        remarks: whether the fields to correct must be named, each with a remark.
        grants: provisions the grant in the same transaction.
        sharing: only for resources of this sharing type; "" for all.
        refusal: who says no with it.
    """

    key: str
    verb: str
    past: str
    sources: frozenset[State]
    target: State | None
    permission: str
    icon: str
    reason: bool = False
    remarks: bool = False
    grants: bool = False
    sharing: str = ""
    refusal: str = ""

    @property
    def answers(self) -> bool:
        """Whether it decides on the provider's behalf."""
        return self.permission == ANSWER


def _move(
    key: str, verb: str, past: str, sources: str, target: State | None, **more: object
) -> Move:
    states = frozenset(State(word) for word in sources.split())
    return Move(key=key, verb=verb, past=past, sources=states, target=target, **more)  # type: ignore[arg-type]


_FREE, _BOUND = SharingType.UNCONDITIONAL, SharingType.CONDITIONAL
MOVES: dict[str, Move] = {
    move.key: move
    for move in (
        _move("approve", "审核通过并开通", "合规审核通过，当即开通", "review", State.GRANTED,
              permission=REVIEW, grants=True, sharing=_FREE, icon="circle-check"),
        _move("queue", "审核通过，由提供单位开通", "合规审核通过，转提供单位开通", "review",
              State.DELIVERY, permission=REVIEW, sharing=_FREE, icon="arrow-right"),
        _move("forward", "审核通过", "合规审核通过，转提供单位答复", "review", State.ANSWER,
              permission=REVIEW, sharing=_BOUND, icon="circle-check"),
        _move("return", "退回补正", "合规审核退回补正", "review", State.CORRECTION,
              permission=REVIEW, remarks=True, icon="arrow-back-up"),
        _move("reject", "审核不通过", "合规审核不通过", "review", State.REFUSED, permission=REVIEW,
              reason=True, refusal=Refusal.CONFORMITY, icon="x"),
        _move("correct", "提交补正", "提交补正", "correction", None, permission=APPLY,
              icon="send"),
        _move("grant", "同意并开通", "同意并开通", "answer negotiation delivery", State.GRANTED,
              permission=ANSWER, grants=True, icon="circle-check"),
        _move("consent", "同意，稍后开通", "同意共享，待开通", "answer negotiation",
              State.DELIVERY, permission=ANSWER, icon="check"),
        _move("ask", "请申请人补正", "提供单位退回补正", "answer", State.CORRECTION,
              permission=ANSWER, remarks=True, icon="arrow-back-up"),
        _move("refuse", "不同意", "提供单位不同意", "answer negotiation", State.REFUSED,
              permission=ANSWER, reason=True, refusal=Refusal.PROVIDER, icon="x"),
        _move("negotiate", "请求协商", "请求协商", "refused", State.NEGOTIATION, permission=APPLY,
              reason=True, icon="gavel"),
        _move("dispute", "提请裁决", "提请数据主管部门裁决", "negotiation refused", State.DISPUTE,
              permission=APPLY, reason=True, icon="gavel"),
        _move("uphold", "裁决：应当共享", "裁决应当共享", "dispute", State.DELIVERY,
              permission=REVIEW, reason=True, icon="check"),
        _move("overturn", "裁决：转提供单位答复", "裁决撤销审核意见，转提供单位答复", "dispute",
              State.ANSWER, permission=REVIEW, reason=True, sharing=_BOUND, icon="arrow-right"),
        _move("dismiss", "裁决：不予共享", "裁决不予共享", "dispute", State.REFUSED,
              permission=REVIEW, reason=True, refusal=Refusal.AUTHORITY, icon="x"),
        _move("withdraw", "撤回申请", "申请人撤回",
              "review correction answer delivery negotiation dispute", State.WITHDRAWN,
              permission=APPLY, icon="circle-minus"),
    )
}  # fmt: skip

NOTES: dict[str, str] = {"submit": "提交申请", "late": "超期提醒", "attach": "补充材料"}


def fits(move: Move, *, state: str, sharing: str, refusal: str, negotiated: bool) -> bool:
    """Whether the act belongs to what the request is and went through; permissions are asked elsewhere.

    A refusal by the provider is negotiated once before the data authority decides; the bureau's own refusal has
    nobody to negotiate with; after the authority's decision only the government above remains, outside the platform.
    """
    if state not in move.sources or (move.sharing and move.sharing != sharing):
        return False
    if move.key == "negotiate":
        return refusal == Refusal.PROVIDER and not negotiated
    if move.key == "dispute":
        return refusal == Refusal.CONFORMITY or (negotiated and refusal != Refusal.AUTHORITY)
    never_asked = refusal == Refusal.CONFORMITY and sharing == _BOUND
    if move.key == "uphold":
        return not never_asked
    return move.key != "overturn" or never_asked


def word(action: str) -> str:
    """What the time line calls an act."""
    move = MOVES.get(action)
    return move.past if move else NOTES[action]
