"""Moves tokens: SpiffWorkflow between two resting states of a case, and nothing of it kept in between.

The library keeps a tree of every task that ever was, so that saving and restoring grows with a case's history (18 ms
for 100 tasks). Here a case at rest is its *marking*: which steps are open, and who has arrived at which join. It is a
few dozen bytes and does not grow. For one move a small tree is built around the marking, the library runs it to the
next rest, and the new marking is read off. Returning, withdrawing and jumping are then edits of the marking.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from lxml import etree
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import BoundaryEventSplit
from SpiffWorkflow.bpmn.specs.defaults import ServiceTask
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from chengshu.kernel.process.definition import expressions
from chengshu.kernel.process.definition.elements import Process

for _name in ("spiff", "spiff.task", "spiff.workflow"):
    # Each change of state would be formatted for a log nobody reads.
    logging.getLogger(_name).setLevel(logging.WARNING)

MAX_AUTOMATIC_STEPS = 1_000

CallService = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Token:
    """An open step. ``number`` is its own for the life of the case; ``group`` ties a step to its boundary timers."""

    number: int
    step: str
    group: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A branch that reached the join ``step`` from ``source`` and waits there for the others."""

    number: int
    step: str
    source: str


@dataclass(frozen=True, slots=True)
class Marking:
    """Where a case stands. ``last`` is the highest number ever given."""

    tokens: tuple[Token, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    last: int = 0

    def token(self, number: int) -> Token | None:
        """The open step of that number."""
        return next((item for item in self.tokens if item.number == number), None)

    def plain(self) -> dict[str, Any]:
        """As the database keeps it."""
        return {
            "t": [[t.number, t.step, t.group] for t in self.tokens],
            "a": [[a.number, a.step, a.source] for a in self.arrivals],
            "n": self.last,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any] | None) -> "Marking":
        """Read what :meth:`plain` wrote."""
        if not plain:
            return cls()
        return cls(
            tuple(Token(*item) for item in plain["t"]),
            tuple(Arrival(*item) for item in plain["a"]),
            plain["n"],
        )

    def without(self, numbers: set[int]) -> "Marking":
        """The marking less the named tokens and arrivals."""
        return replace(
            self,
            tokens=tuple(t for t in self.tokens if t.number not in numbers),
            arrivals=tuple(a for a in self.arrivals if a.number not in numbers),
        )


@dataclass(frozen=True, slots=True)
class Move:
    """What one move did.

    Attributes:
        marking: the new rest.
        opened, closed: tokens that came and went (the one that was completed included in ``closed``).
        arrived, joined: branches that began to wait at a join, and those a join consumed.
        path: ids of automatic nodes passed, in order.
        finished: nothing is left to do.
    """

    marking: Marking
    opened: tuple[Token, ...] = ()
    closed: tuple[Token, ...] = ()
    arrived: tuple[Arrival, ...] = ()
    joined: tuple[Arrival, ...] = ()
    path: tuple[str, ...] = ()
    finished: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A version ready to run: our reading of it and the library's."""

    process: Process
    spec: BpmnProcessSpec
    ids: frozenset[str] = field(default_factory=frozenset)


class _Timer(TimerEventDefinition):  # type: ignore[misc] # the library is untyped
    """A timer that fires when the platform says so, and never by itself."""

    def has_fired(self, my_task: Task) -> bool:
        return bool(my_task._get_internal_data("event_fired", False))


class _Service(ServiceTask):  # type: ignore[misc]
    """A service task: calls what the manifests registered, by its step."""

    def _execute(self, task: Task) -> bool:
        task.workflow.script_engine.call_step(task.task_spec.name)
        return True


class _Parser(BpmnParser):  # type: ignore[misc]
    OVERRIDE_PARSER_CLASSES = {full_tag("serviceTask"): (TaskParser, _Service)}


class _Conditions(PythonScriptEngine):  # type: ignore[misc]
    """Replaces the library's ``eval`` by our small language over the case's data."""

    def __init__(self, data: Mapping[str, Any], call: CallService) -> None:
        super().__init__()
        self.data, self.call_step = data, call

    def evaluate(self, task: Task, expression: str, external_context: Any = None) -> Any:
        del task, external_context
        return expressions.evaluate(expression, self.data)

    def execute(self, *_anything: Any, **_more: Any) -> Any:
        raise TypeError("scripts are refused when a process is read")


def compile_plan(process: Process, source: bytes) -> Plan:
    """Build the library's specification of a process that was read and found right."""
    parser = _Parser()
    tree = etree.fromstring(source, etree.XMLParser(resolve_entities=False, no_network=True))
    for event in tree.iter(full_tag("timerEventDefinition")):
        # When it fires is ours to say; the library only wants to see a term.
        for child in list(event):
            event.remove(child)
        etree.SubElement(event, full_tag("timeDuration")).text = "PT1S"
    parser.add_bpmn_xml(tree)
    spec = parser.get_spec(process.key)
    for item in spec.task_specs.values():
        definition = getattr(item, "event_definition", None)
        if isinstance(definition, TimerEventDefinition):
            item.event_definition = _Timer(definition.name, "")
    return Plan(process, spec, frozenset(process.steps))


def begin(plan: Plan, *, data: Mapping[str, Any], call: CallService) -> Move:
    """Run from the start event to the first rest."""
    run = _Run(plan, Marking(), data, call)
    return run.go(None)


def advance(
    plan: Plan, marking: Marking, number: int, *, data: Mapping[str, Any], call: CallService
) -> Move:
    """Complete the open step ``number``, or let its timer fire, and run to the next rest.

    Raises:
        LookupError: there is no such open step.
    """
    run = _Run(plan, marking, data, call)
    return run.go(number)


def place(
    plan: Plan,
    marking: Marking,
    step: str,
    *,
    remove: set[int],
    data: Mapping[str, Any],
    call: CallService,
) -> Move:
    """Take the named tokens and arrivals away and open ``step``: how a return or a jump moves."""
    run = _Run(plan, marking.without(remove), data, call)
    move = run.enter(step)
    gone = marking.tokens, marking.arrivals
    return replace(
        move,
        closed=tuple(t for t in gone[0] if move.marking.token(t.number) is None),
        joined=tuple(a for a in gone[1] if a not in move.marking.arrivals),
    )


class _Run:
    """One move: a tree around the marking, run once."""

    def __init__(
        self, plan: Plan, marking: Marking, data: Mapping[str, Any], call: CallService
    ) -> None:
        self.plan, self.before = plan, marking
        self.path: list[str] = []
        self.numbers: dict[UUID, int] = {}
        engine = _Conditions(data, call)
        if not marking.last:
            self.flow = BpmnWorkflow(plan.spec, script_engine=engine)
            return
        self.flow = BpmnWorkflow(plan.spec, script_engine=engine, deserializing=True)
        self.flow.task_tree = Task(self.flow, plan.spec.start, state=TaskState.COMPLETED)
        self._rebuild()

    def _rebuild(self) -> None:
        splits: dict[int, Task] = {}
        for token in self.before.tokens:
            parent = self.flow.task_tree
            if token.group:
                parent = splits.get(token.group) or self._split(token, splits)
            self._add(token.number, token.step, parent)
        for arrival in self.before.arrivals:
            source = Task(
                self.flow, self.plan.spec.task_specs[arrival.source], self.flow.task_tree,
                state=TaskState.COMPLETED,
            )  # fmt: skip
            self._add(arrival.number, arrival.step, source)

    def _split(self, token: Token, splits: dict[int, Task]) -> Task:
        step = self.plan.process.steps[token.step]
        host = step.attached_to or token.step
        spec = self.plan.spec.task_specs[f"{host}.BoundaryEventSplit"]
        split = Task(self.flow, spec, self.flow.task_tree, state=TaskState.COMPLETED)
        splits[token.group] = split
        return split

    def _add(self, number: int, step: str, parent: Task) -> None:
        spec = self.plan.spec.task_specs[step]
        state = TaskState.READY if spec.manual else TaskState.WAITING
        task = Task(self.flow, spec, parent, state=state)
        self.numbers[task.id] = number
        if isinstance(spec, CatchingEvent):
            self.flow.event_manager.add_task(task)
        spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)

    def go(self, number: int | None) -> Move:
        if number is not None:
            task = next(
                (t for t in self.flow.tasks.values() if self.numbers.get(t.id) == number), None
            )
            if task is None:
                raise LookupError(f"no open step {number}")
            if task.task_spec.manual:
                task.run()
            else:
                task._set_internal_data(event_fired=True)
                task.task_spec._update(task)
        self.flow.do_engine_steps(will_complete_task=self._note)
        return self._read()

    def enter(self, step: str) -> Move:
        """Open a step from outside its incoming flows, together with the timers on its edge."""
        specs = self.plan.spec.task_specs
        spec = specs.get(f"{step}.BoundaryEventSplit") or specs[step]
        task = Task(self.flow, spec, self.flow.task_tree, state=TaskState.FUTURE)
        spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)
        spec._update(task)
        self.flow.do_engine_steps(will_complete_task=self._note)
        return self._read()

    def _note(self, task: Task) -> None:
        if task.task_spec.name in self.plan.ids:
            self.path.append(task.task_spec.name)
        if len(self.path) > MAX_AUTOMATIC_STEPS:
            raise expressions.BadExpression("流程在自动步骤之间不停地循环")

    def _read(self) -> Move:
        tokens, arrivals, last = [], [], self.before.last
        groups: dict[UUID, int] = {}
        for task in list(self.flow.tasks.values()):
            open_step = self._rests(task)
            if not open_step and not self._waits(task):
                continue
            number = self.numbers.get(task.id)
            if number is None:
                number = last = last + 1
            if open_step:
                tokens.append(Token(number, task.task_spec.name, self._group(task, number, groups)))
            else:
                arrivals.append(Arrival(number, task.task_spec.name, task.parent.task_spec.name))
        marking = Marking(tuple(tokens), tuple(arrivals), max(last, 1))
        return self._difference(marking)

    def _rests(self, task: Task) -> bool:
        if task.task_spec.manual:
            return bool(task.state == TaskState.READY)
        return task.state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent)

    def _waits(self, task: Task) -> bool:
        """Whether a branch stands at a join: waiting, or set aside for a later one that waits."""
        spec = task.task_spec
        if not self._is_join(spec.name) or not task.has_state(
            TaskState.WAITING | TaskState.CANCELLED
        ):
            return False
        if task.parent is None or task.parent.state != TaskState.COMPLETED:
            return False
        fired = [
            t
            for t in self.flow.tasks.values()
            if t.task_spec is spec and t.state == TaskState.COMPLETED
        ]
        return all(task.is_descendant_of(t) for t in fired)

    def _is_join(self, name: str) -> bool:
        step = self.plan.process.steps.get(name)
        return step is not None and step.kind in {"parallel", "inclusive"}

    def _group(self, task: Task, number: int, groups: dict[UUID, int]) -> int:
        parent = task.parent
        if parent is None or not isinstance(parent.task_spec, BoundaryEventSplit):
            return 0
        known = next((t.group for t in self.before.tokens if t.number == number), 0)
        return groups.setdefault(parent.id, known or number)

    def _difference(self, marking: Marking) -> Move:
        before, after = self.before, marking
        if after.arrivals and not after.tokens:
            waiting = "、".join(sorted({a.step for a in after.arrivals}))
            raise expressions.BadExpression(
                f"流程停在会合点 {waiting}：其余分支不会再到，请检查流程图"
            )
        old, new = {t.number for t in before.tokens}, {t.number for t in after.tokens}
        waited, waits = {a.number for a in before.arrivals}, {a.number for a in after.arrivals}
        return Move(
            marking,
            opened=tuple(t for t in after.tokens if t.number not in old),
            closed=tuple(t for t in before.tokens if t.number not in new),
            arrived=tuple(a for a in after.arrivals if a.number not in waited),
            joined=tuple(a for a in before.arrivals if a.number not in waits),
            path=tuple(self.path),
            finished=not after.tokens,
        )


@lru_cache(maxsize=256)
def _onward(plan: Plan) -> dict[str, tuple[str, ...]]:
    onward: dict[str, tuple[str, ...]] = {}
    for flow in plan.process.flows:
        onward[flow.source] = (*onward.get(flow.source, ()), flow.target)
    for step in plan.process.steps.values():
        if step.kind == "boundary":
            onward[step.attached_to] = (*onward.get(step.attached_to, ()), step.id)
    return onward


def _joins(plan: Plan, step: str) -> bool:
    kind = plan.process.steps[step].kind
    return kind in {"parallel", "inclusive"} and len(plan.process.before(step)) > 1


def _within(plan: Plan, start: str) -> set[str]:
    """Nodes reached from ``start`` without passing a join."""
    seen, waiting = {start}, [start]
    while waiting:
        for target in _onward(plan).get(waiting.pop(), ()):
            if target not in seen and not _joins(plan, target):
                seen.add(target)
                waiting.append(target)
    return seen


def _in_branch(plan: Plan, step: str) -> bool:
    """Whether ``step`` lies between a split and its join."""
    for item in plan.process.steps.values():
        splits = item.kind in {"parallel", "inclusive"} and len(plan.process.after(item.id)) > 1
        branches = [f.target for f in plan.process.after(item.id) if not _joins(plan, f.target)]
        # A step after the join is never reached without passing it; one that is reached here lies inside.
        if splits and any(step in _within(plan, target) for target in branches):
            return True
    return False


def to_remove(plan: Plan, marking: Marking, *, current: str, target: str) -> set[int] | None:
    """Which tokens and arrivals must go when the case goes from ``current`` to ``target``.

    Outside all branches everything goes: one token is left, at ``target``. Inside a branch only what lies on the way of
    that branch goes, and the others go on undisturbed. None: the move would leave a join waiting for ever.
    """
    everything = {t.number for t in marking.tokens} | {a.number for a in marking.arrivals}
    if not _in_branch(plan, target):
        return everything
    reached = _within(plan, target)
    if current not in reached:
        return None
    return {t.number for t in marking.tokens if t.step in reached} | {
        a.number for a in marking.arrivals if a.source in reached
    }
