"""The lengths of the update cycles: read those in force, change them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from chengshu.data.catalog.due import Lengths
from chengshu.data.catalog.models import CyclePolicy
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

MANAGE = "catalog.cycle.manage"
KEPT = "更新时限没有变化。"


def policy() -> CyclePolicy:
    """The figures in force; the defaults while nobody has changed them."""
    return CyclePolicy.objects.select_related("changed_by").order_by("pk").first() or CyclePolicy()


def lengths() -> Lengths:
    """The figures in force, as due dates are computed with them."""
    item = policy()
    return Lengths(**{name: getattr(item, name) for name in CyclePolicy.LENGTHS})


def change_cycles(*, actor: Actor, reason: str, **figures: int) -> CyclePolicy:
    """Set some or all lengths; all due dates are computed anew in the background.

    Args:
        actor: who changes.
        reason: what the figures rest on.
        figures: working days (``realtime``, ``daily``), days (``weekly``) or months (the longer ones).

    Raises:
        NotAllowed: not for the whole city. InvalidInput: no reason, an unknown cycle, or a figure out of range.
    """
    check(actor, MANAGE, CyclePolicy())
    if not reason.strip():
        raise InvalidInput("请写明修改依据。", kept=KEPT, fields={"reason": "请写明依据"})
    if unknown := set(figures) - set(CyclePolicy.LENGTHS):
        raise InvalidInput(f"没有“{min(unknown)}”这个更新周期。", kept=KEPT)
    with unit_of_work():
        item = CyclePolicy.objects.select_for_update().order_by("pk").first() or CyclePolicy()
        before: dict[str, Any] = {name: getattr(item, name) for name in CyclePolicy.LENGTHS}
        for name, length in figures.items():
            setattr(item, name, length)
        _require_valid(item)
        item.changed_at, item.changed_by = timezone.now(), actor.account
        item.save()
        record(
            actor=actor, action="catalog.cycles_changed", obj=item, reason=reason.strip(),
            before=before, after={name: getattr(item, name) for name in CyclePolicy.LENGTHS},
        )  # fmt: skip
        enqueue("catalog.renew_due", actor=actor, title="更新时限重算")
    return item


def _require_valid(item: CyclePolicy) -> None:
    try:
        item.clean_fields(exclude=("changed_by",))
    except ValidationError as error:
        fields = {name: "".join(texts) for name, texts in error.message_dict.items()}
        raise InvalidInput("时限超出范围。", kept=KEPT, fields=fields) from error
