"""Change the terms in force; terms that run stay as they began."""

from django.core.exceptions import ValidationError
from django.utils import timezone

from chengshu.data.sharing.requests.flow import TERMS
from chengshu.data.sharing.requests.models import RequestPolicy
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

NAMES = (
    "review_days", "answer_days", "delivery_days", "correction_days", "negotiation_days",
    "dispute_days", "remind_days", "renew_days",
)  # fmt: skip
KEPT = "时限没有变化。"


def change_policy(*, actor: Actor, reason: str, **terms: int) -> RequestPolicy:
    """Set some or all terms; they count for states that begin from now on.

    Raises:
        NotAllowed: not for the whole city. InvalidInput: no reason, an unknown term, or a number out of range.
    """
    check(actor, TERMS, RequestPolicy())
    if not reason.strip():
        raise InvalidInput("请写明修改依据。", kept=KEPT, fields={"reason": "请写明依据"})
    if unknown := set(terms) - set(NAMES):
        raise InvalidInput(f"没有“{min(unknown)}”这个时限。", kept=KEPT)
    with unit_of_work():
        item = RequestPolicy.objects.select_for_update().order_by("pk").first() or RequestPolicy()
        before = {name: getattr(item, name) for name in NAMES}
        for name, days in terms.items():
            setattr(item, name, days)
        try:
            item.clean_fields(exclude=("changed_by",))
        except ValidationError as error:
            fields = {name: "".join(texts) for name, texts in error.message_dict.items()}
            raise InvalidInput("时限超出范围。", kept=KEPT, fields=fields) from error
        item.changed_at, item.changed_by = timezone.now(), actor.account
        item.save()
        record(
            actor=actor, action="access_request.policy_changed", obj=item, reason=reason.strip(),
            before=before, after={name: getattr(item, name) for name in NAMES},
        )  # fmt: skip
    return item
