"""Pieces that show how something goes: steps, time lines, progress, balances, differences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from chengshu.kernel.ui import formatting
from chengshu.kernel.ui.components.status import StatusTag, Tone, status_tag

StepState = Literal["done", "now", "next"]


@dataclass(frozen=True, slots=True)
class Step:
    """One station of a step indicator."""

    title: str
    state: StepState = "next"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event: who did what when, and why."""

    title: str
    at: datetime | None = None
    who: str = ""
    text: str = ""
    tone: Tone = "grey"
    icon: str = "point"
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A running piece of work as people see it.

    Attributes:
        percent: 0–100, None while the total is unknown.
        rate: units per second; remaining: seconds, None when it cannot be told.
        poll_url: answers with the same panel; asked every two seconds until ``finished``.
        cancel_url: POST address; no button when empty. cancel_warning: asked before it is sent.
    """

    key: str
    title: str
    state: str
    percent: int | None = None
    stage: str = ""
    done: int = 0
    total: int | None = None
    unit: str = "行"
    rate: float = 0.0
    remaining: float | None = None
    counts: Sequence[tuple[str, int]] = ()
    error: str = ""
    finished: bool = False
    poll_url: str = ""
    cancel_url: str = ""
    cancel_warning: str = "取消后，已经入库的批次会整体撤回。确定取消吗？"

    @property
    def tag(self) -> StatusTag:
        """The status of the work."""
        return status_tag(self.state)


@dataclass(frozen=True, slots=True)
class BalancePart:
    """One stretch of the balance bar in per mille of the source."""

    key: str
    title: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """来源 = 入库 + 隔离 + 重复. What does not add up is shown as missing, in red."""

    source: int
    accepted: int
    quarantined: int
    duplicates: int

    @property
    def missing(self) -> int:
        """Rows of the source that none of the three parts accounts for (negative: counted twice)."""
        return self.source - self.accepted - self.quarantined - self.duplicates

    @property
    def holds(self) -> bool:
        """Whether the books balance."""
        return self.missing == 0

    @property
    def parts(self) -> list[BalancePart]:
        """The stretches of the bar, left to right; a part that is not empty is always visible."""
        named = [
            ("accepted", "入库", self.accepted),
            ("quarantined", "隔离", self.quarantined),
            ("duplicates", "重复", self.duplicates),
            ("missing", "对不上", max(0, self.missing)),
        ]
        whole = sum(count for _, _, count in named) or 1
        widths = [max(4.0, count * 1000 / whole) if count else 0.0 for _, _, count in named]
        scale = 1000 / sum(widths) if any(widths) else 0.0
        parts, start = [], 0.0
        for (key, title, count), width in zip(named, widths, strict=True):
            parts.append(BalancePart(key, title, count, round(start, 2), round(width * scale, 2)))
            start += width * scale
        return parts

    @property
    def sentence(self) -> str:
        """The equation in words, for screen readers."""
        told = "，".join(
            f"{part.title} {formatting.number(part.count)} 行"
            for part in self.parts
            if part.count or part.key != "missing"
        )
        return f"来源 {formatting.number(self.source)} 行：{told}"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed field; None means that the field did not exist on that side."""

    title: str
    old: str | None
    new: str | None

    @property
    def kind(self) -> str:
        """The word for what happened."""
        if self.old is None:
            return "新增"
        return "删除" if self.new is None else "修改"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffTable:
    """The difference of two versions."""

    old_title: str
    new_title: str
    changes: Sequence[Change] = field(default_factory=tuple)
