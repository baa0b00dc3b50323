"""Complete a task: the outcome, the values, the opinion; one signature of a countersign; many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import ChengshuError, InvalidInput
from chengshu.kernel.identity.models import Account
from chengshu.kernel.process import engine
from chengshu.kernel.process.choices import TaskKind, TaskState, TraceAct
from chengshu.kernel.process.definition.elements import Countersign, FormField, Outcome, Step
from chengshu.kernel.process.engine import Move
from chengshu.kernel.process.models import OPEN_STATES, HumanTask, QuickPhrase
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.services.answers import settle_side_task
from chengshu.kernel.process.work import CaseWork, on_task

MAX_BATCH = 200


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one task of a batch; ``error`` is "" when it was done."""

    task_id: int
    title: str
    error: str


def complete(
    *,
    actor: Actor,
    task_id: int,
    outcome: str = "",
    values: Mapping[str, Any] | None = None,
    comment: str = "",
) -> HumanTask:
    """Do a task and let the case go on.

    A task of a group need not be claimed first. A delegated task goes back to who delegated it, with the opinion; an
    added signer's opinion goes to who asked for it.

    Raises:
        NotFound, NotSignedIn, NotAllowed: no such task, nobody signed in, not the actor's.
        Conflict: somebody else was faster (named, with the time), the case stands still or has ended, or the process
            cannot go on with the present data.
        InvalidInput: the outcome is none of the step's, a required field or opinion is missing.
    """
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        if settle_side_task(work, task, comment):
            return task
        chosen = _outcome(work.step, outcome, comment)
        work.case.data.update(_values(work.step.fields, values or {}))
        _mark_done(work, task, chosen, comment)
        _count_phrase(actor, comment)
        if task.kind == TaskKind.SIGN:
            _sign(work, task, chosen)
        else:
            work.case.data[work.step.id] = chosen.key
            _go_on(work, task)
        if task.undo is not None:
            task.save(update_fields=["undo"])
        work.save("process.task.completed", outcome=chosen.key, step=work.step.id)
    return task


def complete_many(*, actor: Actor, task_ids: Sequence[int], comment: str = "") -> list[BatchResult]:
    """Give each task its batch outcome, each in its own transaction: one refusal does not undo the others.

    Raises:
        InvalidInput: more than 200 at once.
    """
    if len(task_ids) > MAX_BATCH:
        raise InvalidInput(f"一次最多批量办理 {MAX_BATCH} 项。", kept="没有做任何改动。")
    rows = {t.pk: t for t in HumanTask.objects.filter(pk__in=task_ids)}
    found = []
    for key in dict.fromkeys(task_ids):
        task = rows.get(key)
        error = ""
        if task is None:
            error = "没有找到这项任务。"
        elif not task.batch:
            error = "这一步要逐件办理。"
        else:
            try:
                complete(actor=actor, task_id=key, outcome=task.batch, comment=comment)
            except ChengshuError as refusal:
                error = refusal.message
        found.append(BatchResult(key, task.title if task else "", error))
    return found


def _outcome(step: Step, key: str, comment: str) -> Outcome:
    chosen = step.outcome(key) if key else (step.outcomes[0] if len(step.outcomes) == 1 else None)
    if chosen is None:
        words = "、".join(item.name for item in step.outcomes)
        raise InvalidInput(
            f"请选择办理结果：{words}。", kept="没有提交。", fields={"outcome": "请选择办理结果"}
        )
    if chosen.comment and not comment.strip():
        raise InvalidInput(
            f"选“{chosen.name}”要写明意见。", kept="没有提交。", fields={"comment": "请写明意见"}
        )
    return chosen


def _values(fields: Sequence[FormField], given: Mapping[str, Any]) -> dict[str, Any]:
    """Read what the form gave, field by field; only declared fields are taken."""
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for item in fields:
        raw = given.get(item.key)
        text = raw.strip() if isinstance(raw, str) else raw
        if text in (None, ""):
            if item.required:
                wrong[item.key] = f"请填写{item.label}"
            continue
        try:
            found[item.key] = _read(item, text)
        except ValueError as error:
            wrong[item.key] = str(error)
    if wrong:
        raise InvalidInput("、".join(wrong.values()) + "。", kept="没有提交。", fields=wrong)
    return found


def _read(item: FormField, value: Any) -> Any:
    match item.type:
        case "number":
            try:
                number = float(value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{item.label}要填数字") from error
            return int(number) if number.is_integer() else number
        case "date":
            try:
                return date.fromisoformat(str(value)).isoformat()
            except ValueError as error:
                raise ValueError(f"{item.label}要填日期，如 2026-12-01") from error
        case "yesno":
            return value in (True, "true", "on", "1", "yes")
        case "choice":
            if value not in dict(item.choices):
                raise ValueError(f"{item.label}的选项里没有“{value}”")
    return str(value)


def _mark_done(work: CaseWork, task: HumanTask, chosen: Outcome, comment: str) -> None:
    task.state, task.finished_at, task.finished_by = TaskState.DONE, work.now, work.actor.account
    task.begun_at = task.begun_at or work.now
    task.outcome, task.comment = chosen.key, comment.strip()
    if task.kind == TaskKind.SIGN:
        # The step may stay open for others; a step that ends takes its timers with it.
        task.timers.all().delete()
    task.save(
        update_fields=["state", "finished_at", "finished_by", "begun_at", "outcome", "comment"]
    )
    act = TraceAct.SIGN if task.kind == TaskKind.SIGN else TraceAct.COMPLETE
    work.note(act, step=work.step, task=task, outcome=chosen.name, text=task.comment)


def _go_on(work: CaseWork, task: HumanTask) -> None:
    """The usual way, or straight back to where the case was returned from."""
    back = work.plan.process.steps.get(task.back_to)
    if back is None:
        remember(task, work.advance(task.token, cause=task))
        return
    remove = engine.to_remove(work.plan, work.marking, current=task.step, target=back.id)
    group = {t.number for t in work.marking.tokens if t.group and t.group == task.token}
    person = moving_back_to(work, back.id)
    remember(task, work.place(back, (remove or set()) | {task.token} | group, person=person))


def moving_back_to(work: CaseWork, step: str) -> Account | None:
    """Who returned the case from ``step``: it comes back to them."""
    rows = work.case.tasks.filter(step=step, state=TaskState.RETURNED)
    last = rows.select_related("finished_by").order_by("-finished_at", "-pk").first()
    person = last.finished_by if last else None
    return person if person is not None and person.is_active else None


def _sign(work: CaseWork, task: HumanTask, chosen: Outcome) -> None:
    """Count the signatures of the step; go on when they decide it."""
    rule = work.step.countersign or Countersign()
    rows = list(work.case.tasks.filter(token=task.token, kind=TaskKind.SIGN))
    signed = [row for row in rows if row.state == TaskState.DONE]
    left = [row for row in rows if row.state in OPEN_STATES]
    against = sum(1 for row in signed if _against(work.step, row.outcome))
    decision = verdict(rule, agreed=len(signed) - against, against=against, left=len(left))
    if decision is None:
        if rule.sequential:
            following = min(left, key=lambda row: row.slot)
            work.start_clock(following, work.step)
        return
    key = next((o.key for o in work.step.outcomes if o.against is not decision), chosen.key)
    work.case.data[work.step.id] = key
    work.close_tasks([task.token])
    remember(task, work.advance(task.token, cause=task))


def verdict(rule: Countersign, *, agreed: int, against: int, left: int) -> bool | None:
    """Whether a countersign is decided: True agreed, False refused, None still open."""
    total = agreed + against + left
    if rule.mode == "any":
        return True if agreed else (None if left else False)
    needed = total if rule.mode == "all" else rule.ratio * total
    # A share is met up to rounding: 0.6 of 5 is 3.
    if agreed + 1e-9 >= needed and total:
        return True
    return False if agreed + left + 1e-9 < needed else None


def _against(step: Step, key: str) -> bool:
    outcome = step.outcome(key)
    return outcome is not None and outcome.against


def remember(task: HumanTask, move: Move) -> None:
    """Keep what the move changed, so that it can be withdrawn while nobody went on."""
    task.undo = {
        "opened": [t.number for t in move.opened],
        "arrived": [a.number for a in move.arrived],
        "closed": [[t.number, t.step, t.group] for t in move.closed],
        "joined": [[a.number, a.step, a.source] for a in move.joined],
        "path": list(move.path),
    }


def _count_phrase(actor: Actor, comment: str) -> None:
    text = comment.strip()
    if text and len(text) <= 120:  # noqa: PLR2004 - as long as a phrase may be
        for phrase in QuickPhrase.objects.filter(account=actor.account, text=text):
            phrase.used += 1
            phrase.save(update_fields=["used"])
