"""Decide about many quarantined rows at once: one correction for one wrong value, over all batches of a resource."""

from dataclasses import dataclass

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.ingest.choices import DecisionKind
from chengshu.data.ingest.groups import Group, batches_of, waiting_for_replay
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.quarantined import OPEN, RowFilter, numbers, rows_with_value
from chengshu.data.ingest.services.deciding import decide
from chengshu.data.ingest.services.quarantine import give_up, replay
from chengshu.data.ingest.suggestions import ValueProbe
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

NOTHING = "没有更正任何一行。"
MANAGE = "ingest.quarantine.manage"


@dataclass(frozen=True, slots=True)
class Corrected:
    """How many rows of how many batches."""

    rows: int
    batches: int


def correct_value(
    *, actor: Actor, group: Group, value: str | None, replacement: str | None
) -> Corrected:
    """Correct every undecided row of ``group`` whose wrong value is ``value``; rows decided meanwhile are left out.

    Raises:
        InvalidInput: the same value, a whole-row rule, or a value the catalogue refuses as well.
        NotAllowed: the actor may not work on this quarantine. Conflict: nothing with this value is left.
    """
    wanted = accepted_value(group, value, replacement)
    rows = count = 0
    with unit_of_work():
        for batch in batches_of(actor, group):
            check(actor, MANAGE, batch)
            found = rows_with_value(batch, rule=group.rule, column=group.column, value=value)
            if not found:
                continue
            # One mapping for all of them: there may be a million.
            change = {group.column: wanted}
            values = dict.fromkeys(found, change)
            done = decide(actor, batch, values, DecisionKind.CORRECTED, only_open=True)
            rows, count = rows + done, count + bool(done)
            # The values stay out of the trail: they may be personal, and the decisions keep them.
            record(
                actor=actor, action="ingest.value_corrected", obj=batch,
                after={"rows": done, "columns": [group.column], "rule": group.rule},
            )  # fmt: skip
        if not rows:
            raise Conflict("这个值的行刚刚都被处理过了。", kept=NOTHING, advice="请刷新后再看。")
    return Corrected(rows, count)


def accepted_value(group: Group, value: str | None, replacement: str | None) -> str | None:
    """The new value as it will be kept.

    Raises:
        InvalidInput: the same value, a whole-row rule, or a value the catalogue refuses as well.
    """
    if not group.column:
        raise InvalidInput("整行的问题不能按值更正。", kept=NOTHING, advice="请逐行处理。")
    column = published_by_id(group.resource_id).column(group.column)
    wanted = (replacement or "").strip() or None
    if wanted == value:
        raise InvalidInput("新值和原值一样。", kept=NOTHING, fields={"replacement": "请改成别的值"})
    if objection := ValueProbe(column).objection(wanted):
        raise InvalidInput(
            f"改成的值仍不符合目录：{objection}", kept=NOTHING, fields={"replacement": objection}
        )
    return wanted


def give_up_group(*, actor: Actor, group: Group, reason: str) -> Corrected:
    """Set aside every undecided row of a group, with a reason.

    Raises:
        InvalidInput: no reason. NotAllowed: as for :func:`correct_value`. Conflict: nothing is left.
    """
    rows = count = 0
    with unit_of_work():
        for batch in batches_of(actor, group):
            chosen = numbers(batch, RowFilter(rule=group.rule, column=group.column, status=OPEN))
            if chosen:
                done = give_up(
                    actor=actor, batch=batch, row_numbers=chosen, reason=reason, only_open=True
                )
                rows, count = rows + done, count + 1
        if not rows:
            raise Conflict("这类问题没有未处理的行了。", kept="没有放弃任何一行。")
    return Corrected(rows, count)


def replay_resource(*, actor: Actor, resource_id: int) -> list[Batch]:
    """Replay the corrected rows of every batch of a resource; one new batch for each.

    Raises:
        Conflict: nothing is corrected.
    """
    waiting = [
        batch for batch in waiting_for_replay(actor, [resource_id]) if allows(actor, MANAGE, batch)
    ]
    if not waiting:
        raise Conflict("还没有更正任何一行。", advice="请先更正，再回放。")
    return [replay(actor=actor, batch=batch) for batch in waiting]
