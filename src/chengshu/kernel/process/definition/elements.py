"""What the platform knows of a process after reading its file: plain values, no library objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

NAMESPACE = "urn:chengshu:process:1"
"""Our extension elements in a BPMN file: candidates, clock, outcome, field, countersign, allow."""

StepKind = Literal[
    "start", "end", "user", "service", "exclusive", "parallel", "inclusive", "timer", "boundary"
]
FieldType = Literal["text", "longtext", "number", "date", "choice", "yesno"]
SignMode = Literal["all", "any", "ratio"]
Act = Literal[
    "delegate", "transfer", "add_signer", "return", "withdraw", "supplement", "urge", "copy"
]
ACTS: tuple[Act, ...] = (
    "delegate", "transfer", "add_signer", "return", "withdraw", "supplement", "urge", "copy",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Who may do a step. Exactly one of the ways is set.

    Attributes:
        role: whoever holds this role at ``organization`` (below ``region``, when given).
        organization: ``case``, ``starter``, an organisation's code, or ``=expression`` that yields a code.
        region: ``""``, ``case``, or a region's code.
        actor: ``starter``, or the id of an earlier step: whoever did it last.
        people: expression over the case's data that yields a user name or a list of them.
    """

    role: str = ""
    organization: str = "case"
    region: str = ""
    actor: str = ""
    people: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A term in working days. ``warn``: days before the end; ``escalate``: days after it, to ``escalate_to``."""

    days: int
    warn: int = 0
    escalate: int | None = None
    escalate_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One way to end a step. ``against`` counts as a no in a countersign; ``batch`` may be given to many at once."""

    key: str
    name: str
    comment: bool = False
    against: bool = False
    batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A value a step asks for; kept in the case's data under ``key``."""

    key: str
    label: str
    type: FieldType = "text"
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersign:
    """Several sign one step: all, any, or a share of them; side by side or one after the other."""

    mode: SignMode = "all"
    ratio: float = 1.0
    sequential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerRule:
    """When a timer event fires: after ``working_days``, after ``seconds``, or when the data field ``at`` says."""

    working_days: int | None = None
    seconds: float | None = None
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node of the process."""

    id: str
    name: str
    kind: StepKind
    line: int
    candidates: Candidates | None = None
    clock: Clock | None = None
    outcomes: tuple[Outcome, ...] = ()
    fields: tuple[FormField, ...] = ()
    countersign: Countersign | None = None
    allow: frozenset[Act] = frozenset(ACTS)
    service: str = ""
    timer: TimerRule | None = None
    attached_to: str = ""
    interrupting: bool = True
    terminate: bool = False
    lane: str = ""

    def outcome(self, key: str) -> Outcome | None:
        """The declared outcome, if there is one."""
        return next((item for item in self.outcomes if item.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A sequence flow."""

    id: str
    source: str
    target: str
    name: str = ""
    condition: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands on the diagram, in its own units (pixels of the drawing tool)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A whole definition."""

    key: str
    name: str
    steps: Mapping[str, Step]
    flows: tuple[Flow, ...]
    clock: Clock | None = None
    starters: str = ""
    boxes: Mapping[str, Box] = field(default_factory=dict)
    ways: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    @property
    def human(self) -> tuple[Step, ...]:
        """The steps people do, in the order of the file."""
        return tuple(step for step in self.steps.values() if step.kind == "user")

    def after(self, step: str) -> tuple[Flow, ...]:
        """The flows that leave a node."""
        return tuple(flow for flow in self.flows if flow.source == step)

    def before(self, step: str) -> tuple[Flow, ...]:
        """The flows that enter a node."""
        return tuple(flow for flow in self.flows if flow.target == step)
