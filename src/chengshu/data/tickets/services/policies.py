"""Change the terms in force; running terms stay as they began."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from chengshu.data.tickets.models import Policy
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

TERMS = (
    "problem_days", "objection_days", "dispatch_days", "remind_days", "bureau_after",
    "leaders_after", "longest_suspension", "reopen_days",
)  # fmt: skip
KEPT = "时限没有变化。"


def change_policy(*, actor: Actor, reason: str, **terms: int) -> Policy:
    """Set some or all terms; they count for tickets (and stages) that begin from now on.

    Raises:
        NotAllowed: not for the whole city. InvalidInput: no reason, an unknown term, or a number out of range.
    """
    check(actor, "tickets.policy.manage", Policy())
    if not reason.strip():
        raise InvalidInput("请写明修改依据。", kept=KEPT, fields={"reason": "请写明依据"})
    if unknown := set(terms) - set(TERMS):
        raise InvalidInput(f"没有“{min(unknown)}”这个时限。", kept=KEPT)
    with unit_of_work():
        item = Policy.objects.select_for_update().order_by("pk").first() or Policy()
        before: dict[str, Any] = {name: getattr(item, name) for name in TERMS}
        for name, days in terms.items():
            setattr(item, name, days)
        _require_valid(item)
        item.changed_at, item.changed_by = timezone.now(), actor.account
        item.save()
        record(
            actor=actor, action="tickets.policy_changed", obj=item, reason=reason.strip(),
            before=before, after={name: getattr(item, name) for name in TERMS},
        )  # fmt: skip
    return item


def _require_valid(item: Policy) -> None:
    try:
        item.clean_fields(exclude=("changed_by",))
    except ValidationError as error:
        fields = {name: "".join(texts) for name, texts in error.message_dict.items()}
        raise InvalidInput("时限超出范围。", kept=KEPT, fields=fields) from error
    if item.leaders_after < item.bureau_after:
        raise InvalidInput(
            "列入市领导清单不能早于报智慧城市建设中心。", kept=KEPT,
            fields={"leaders_after": "不能小于上一级"},
        )  # fmt: skip
