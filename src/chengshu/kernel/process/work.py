"""One act on one case: the lock, the trace, and what a move of tokens means for the rows.

Every service opens a :class:`CaseWork`. It locks the case's row (a second actor waits and then sees what the first one
did), gathers trace lines, and writes case, trace, audit record and event together at the end.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, NotFound
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Account
from chengshu.kernel.process import candidates, clocks, engine
from chengshu.kernel.process.catalogue import plan_of
from chengshu.kernel.process.choices import CaseState, TaskKind, TaskState, TraceAct
from chengshu.kernel.process.definition.elements import Step
from chengshu.kernel.process.definition.expressions import BadExpression
from chengshu.kernel.process.engine import Marking, Move, Token
from chengshu.kernel.process.models import (
    OPEN_STATES,
    CaseTimer,
    HumanTask,
    ProcessCase,
    TraceEntry,
)
from chengshu.kernel.registry import registry
from chengshu.kernel.unit_of_work import unit_of_work

SOURCE = "/process"


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """What a service task's function receives; ``data`` is to be read, changes are returned."""

    case: ProcessCase
    step: Step
    actor: Actor
    data: Mapping[str, Any]


class CaseWork:
    """The case in hand, locked, with everything an act needs."""

    def __init__(self, actor: Actor, case: ProcessCase, task: HumanTask | None = None) -> None:
        self.actor, self.case = actor, case
        self.task_in_hand = task
        self.plan = plan_of(case.version)
        self.now = timezone.now()
        self._lines: list[TraceEntry] = []

    @property
    def task(self) -> HumanTask:
        """The task the act is about."""
        assert self.task_in_hand is not None
        return self.task_in_hand

    @property
    def marking(self) -> Marking:
        """Where the case stands."""
        return Marking.of(self.case.marking)

    @property
    def step(self) -> Step:
        """The step of the task in hand."""
        return self.plan.process.steps[self.task.step]

    def note(
        self,
        act: TraceAct,
        *,
        step: Step | None = None,
        task: HumanTask | None = None,
        token: int = 0,
        outcome: str = "",
        text: str = "",
        **detail: Any,
    ) -> None:
        """Add a line to the trace."""
        self.case.steps += 1
        self._lines.append(
            TraceEntry(
                case=self.case,
                number=self.case.steps,
                at=self.now,
                act=act,
                step=step.id if step else "",
                step_name=step.name if step else "",
                token=token or (task.token if task else 0),
                task=task,
                actor=self.actor.account,
                actor_name=self.actor.name[:60],
                outcome=outcome,
                text=text,
                detail=detail,
            )
        )

    def save(self, action: str, *, reason: str = "", **after: Any) -> None:
        """Write the case and its trace, then the audit record and the event: all or nothing."""
        self.case.revision += 1
        self.case.save()
        TraceEntry.objects.bulk_create(self._lines)
        self._lines = []
        told = {"state": self.case.state, **after}
        if self.task_in_hand is not None:
            told["task"] = self.task_in_hand.pk
        emit(
            type=f"city.{action}", source=SOURCE, subject=str(self.case.pk),
            data={"case": self.case.pk, "process": self.case.key, **told},
        )  # fmt: skip
        # Last, because the chain has one end for the whole city: it is held only until the commit.
        record(actor=self.actor, action=action, obj=self.case, after=told, reason=reason)

    # moving

    def begin(self) -> None:
        """Run from the start to the first rest."""
        self._apply(
            self._run(lambda: engine.begin(self.plan, data=self.case.data, call=self._call))
        )

    def advance(self, number: int, *, cause: HumanTask | None = None) -> Move:
        """Complete the open step ``number`` and open what follows.

        Raises:
            Conflict: the process cannot go on with the present data; nothing is kept of the move.
        """
        move = self._run(
            lambda: engine.advance(
                self.plan, self.marking, number, data=self.case.data, call=self._call
            )
        )
        self._apply(move, cause=cause, completed=number)
        return move

    def place(self, step: Step, remove: set[int], *, person: Account | None = None) -> Move:
        """Open ``step`` instead of the tokens and arrivals ``remove``."""
        move = self._run(
            lambda: engine.place(
                self.plan, self.marking, step.id, remove=remove, data=self.case.data,
                call=self._call,
            )
        )  # fmt: skip
        self._apply(move, person=person)
        return move

    def _run(self, run: Any) -> Move:
        try:
            move: Move = run()
        except BadExpression as error:
            raise Conflict(
                f"流程走不下去：{error}。",
                kept="办件停在原来的步骤，填写的内容没有提交。",
                advice="请联系流程管理员核对流程定义。",
            ) from error
        return move

    def _call(self, step_id: str) -> None:
        step = self.plan.process.steps[step_id]
        service = registry.process_services().get(step.service)
        if service is None:
            raise BadExpression(f"服务“{step.service}”已不再登记")
        call = import_string(service.call)
        changed = call(ServiceCall(self.case, step, self.actor, self.case.data))
        self.case.data.update(changed or {})

    def _apply(
        self,
        move: Move,
        *,
        cause: HumanTask | None = None,
        person: Account | None = None,
        completed: int = 0,
    ) -> None:
        steps = self.plan.process.steps
        gone = [token.number for token in move.closed]
        if gone:
            people = [t.number for t in move.closed if steps[t.step].kind == "user"]
            self.close_tasks([number for number in people if number != completed])
            CaseTimer.objects.filter(case=self.case, token__in=gone).delete()
        self.case.marking = move.marking.plain()
        if move.path and self._lines:
            # The line of the act that caused the move says which automatic nodes it passed.
            self._lines[-1].detail["path"] = list(move.path)
        for token in move.opened:
            self._open(token, cause=cause, person=person)
        if move.finished:
            self._end(move)

    def _end(self, move: Move) -> None:
        last = self.plan.process.steps.get(move.path[-1]) if move.path else None
        self.finish(CaseState.FINISHED, TraceAct.FINISH, last.name if last else "")

    def finish(self, state: CaseState, act: TraceAct, outcome: str, text: str = "") -> None:
        """End the case: its state is dropped, its trace stays."""
        self.close_tasks(None)
        self.case.timers.all().delete()
        self.case.state, self.case.ended_at, self.case.marking = state, self.now, None
        self.case.outcome = outcome[:80]
        self.note(act, outcome=self.case.outcome, text=text)

    def close_tasks(self, numbers: list[int] | None) -> None:
        """Take open tasks off the lists (of those tokens, or all): nobody has to do them any more."""
        if numbers is not None and not numbers:
            return
        rows = self.case.tasks.filter(state__in=OPEN_STATES)
        if numbers is not None:
            rows = rows.filter(token__in=numbers)
        rows.update(state=TaskState.CLOSED, finished_at=self.now)

    # opening

    def restore_timer(self, token: Token) -> None:
        """Set the timer of an event step that is open again."""
        step = self.plan.process.steps[token.step]
        if step.timer is not None:
            clocks.wait_for(self.case, token, step.timer, now=self.now)

    def _open(self, token: Token, *, cause: HumanTask | None, person: Account | None) -> None:
        step = self.plan.process.steps[token.step]
        if step.timer is not None:
            try:
                self.restore_timer(token)
            except ValueError as error:
                raise Conflict(
                    f"定时“{step.name}”没有可用的时间：{error}。", kept="办件停在原来的步骤。"
                ) from error
            return
        if step.countersign is not None and person is None:
            self._open_countersign(token, step, cause)
        else:
            self._open_one(token, step, cause, person)

    def _open_one(
        self, token: Token, step: Step, cause: HumanTask | None, person: Account | None
    ) -> None:
        who = candidates.Target(account=person) if person else candidates.target(self.case, step)
        task = self.make_task(token.number, step, opened_by=cause)
        task.assignee, task.group = who.account, who.group
        self.start_clock(task, step)

    def _open_countersign(self, token: Token, step: Step, cause: HumanTask | None) -> None:
        assert step.countersign is not None
        for slot, account in enumerate(candidates.signers(self.case, step)):
            task = self.make_task(token.number, step, opened_by=cause)
            task.kind, task.slot, task.assignee = TaskKind.SIGN, slot, account
            if step.countersign.sequential and slot:
                task.state = TaskState.WAITING
                task.save()
            else:
                self.start_clock(task, step)

    def make_task(self, token: int, step: Step, *, opened_by: HumanTask | None = None) -> HumanTask:
        """A task of this case, not yet written."""
        batch = next((o.key for o in step.outcomes if o.batch and not step.fields), "")
        return HumanTask(
            owner_key=str(self.case.pk), case=self.case, step=step.id, name=step.name,
            matter=self.case.version.name, matter_key=self.case.key, title=self.case.title,
            token=token, organization=self.case.organization, opened_at=self.now,
            opened_by=opened_by, batch=batch,
        )  # fmt: skip

    def start_clock(self, task: HumanTask, step: Step, *, since: datetime | None = None) -> None:
        """Write an open task; its term begins now, or goes on ``since`` it was first opened."""
        task.state, task.opened_at = TaskState.OPEN, since or self.now
        if step.clock is not None:
            task.term_days = step.clock.days
        task.save()
        if step.clock is not None:
            task.due_at = clocks.hang(
                self.case, step.clock, task.opened_at, now=self.now, task=task
            )
            task.save(update_fields=["due_at"])
        self.note(
            TraceAct.OPEN, step=step, task=task,
            text=str(task.assignee or ""), to=task.assignee_id or None,
        )  # fmt: skip


@contextmanager
def on_case(actor: Actor, case_id: int) -> Iterator[CaseWork]:
    """Lock a case for one act.

    Raises:
        NotFound: there is none.
    """
    with unit_of_work():
        yield CaseWork(actor, locked(case_id))


@contextmanager
def on_task(actor: Actor, task_id: int) -> Iterator[CaseWork]:
    """Lock the case of a task for one act, and read the task as it is under the lock.

    Raises:
        NotFound: there is no such task, or it is not one of a process.
    """
    with unit_of_work():
        case_id = HumanTask.objects.filter(pk=task_id).values_list("case_id", flat=True).first()
        if case_id is None:
            raise NotFound("没有找到这项任务。", advice="请回到待办列表重新选择。")
        case = locked(case_id)
        task = HumanTask.objects.select_related(
            "assignee", "finished_by", "delegated_by", "group__organization"
        ).get(pk=task_id)
        task.case = case
        yield CaseWork(actor, case, task)


def locked(case_id: int) -> ProcessCase:
    """The case's row, held until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    # On SQLite the unit of work has the only writer's lock already.
    rows = ProcessCase.objects.select_for_update(of=("self",)).defer("version__source")
    found = (
        rows.select_related("version", "organization", "region", "started_by")
        .filter(pk=case_id)
        .first()
    )
    if found is None:
        raise NotFound("没有找到这个办件。", advice="请回到列表重新选择。")
    return found
