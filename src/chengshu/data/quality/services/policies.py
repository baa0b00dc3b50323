"""Changes the evaluation policy."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from chengshu.data.quality.choices import Grade
from chengshu.data.quality.models import QualityPolicy
from chengshu.data.quality.policy import policy_of
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

_FULL = 100


def change_policy(*, actor: Actor, content: Mapping[str, Any]) -> QualityPolicy:
    """Set weights, losses and thresholds; evaluations made before keep the scores they were given.

    Raises:
        InvalidInput: figures that cannot work together.
    """
    check(actor, "quality.policy.manage")
    fields = _problems(content)
    if fields:
        raise InvalidInput("评价办法的数字有误。", kept="没有改动。", fields=fields)
    with unit_of_work():
        row, _ = QualityPolicy.objects.get_or_create(pk=1)
        before = row.content
        row.content, row.updated_at, row.updated_by = dict(content), timezone.now(), actor.account
        row.save()
        record(
            actor=actor, action="quality.policy_changed", obj=row, before=before, after=row.content
        )
    return row


def _problems(content: Mapping[str, Any]) -> dict[str, str]:
    wanted = policy_of(dict(content))
    fields = {}
    if any(weight < 0 for weight in wanted.weights.values()) or not sum(wanted.weights.values()):
        fields["weights"] = "权重不能为负，且不能全为 0"
    for name in ("loss", "penalty"):
        if any(not 0 <= share <= 1 for share in getattr(wanted, name).values()):
            fields[name] = "扣减比例应在 0 到 1 之间"
    order = [wanted.thresholds[grade] for grade in list(Grade)[:-1]]
    if any(not 0 <= least <= _FULL for least in order) or order != sorted(order, reverse=True):
        fields["thresholds"] = "各等级的最低分应在 0 到 100 之间，且从优到差依次降低"
    if not 0 <= wanted.floor <= _FULL:
        fields["floor"] = "短板线应在 0 到 100 之间"
    return fields
