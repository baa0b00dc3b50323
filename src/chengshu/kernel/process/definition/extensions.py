"""Reads our extension elements (``cs:``, namespace ``urn:chengshu:process:1``) of one BPMN node."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from lxml import etree

from chengshu.kernel.process.definition import expressions
from chengshu.kernel.process.definition.elements import (
    ACTS,
    NAMESPACE,
    Candidates,
    Clock,
    Countersign,
    FieldType,
    FormField,
    Outcome,
    SignMode,
    Step,
    StepKind,
    TimerRule,
)

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_CS = "{" + NAMESPACE + "}"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_UNIT_SECONDS = (86_400, 3_600, 60, 1)
AGREE = (Outcome(key="done", name="办结"),)


class Complaint(Exception):
    """What is wrong with one element."""

    def __init__(self, node: etree._Element, text: str) -> None:
        super().__init__(text)
        self.node, self.text = node, text


def step(node: etree._Element, kind: StepKind, *, lane: str) -> Step:
    """Return the step a node describes.

    Raises:
        Complaint: an extension element is wrong.
    """
    more: dict[str, Any] = {}
    if kind == "user":
        more = _human(node)
    elif kind == "service":
        element = _one(node, "service")
        more = {"service": _need(element, "key") if element is not None else ""}
    elif kind in {"timer", "boundary"}:
        more = {"timer": _timer(node)}
    elif kind == "end":
        more = {"terminate": node.find(f"{BPMN}terminateEventDefinition") is not None}
    if kind == "boundary":
        more["attached_to"] = node.get("attachedToRef") or ""
        more["interrupting"] = node.get("cancelActivity", "true") == "true"
    key = node.get("id") or ""
    return Step(
        id=key,
        name=node.get("name") or key,
        kind=kind,
        line=node.sourceline or 0,
        lane=lane,
        **more,
    )


def starters(node: etree._Element) -> str:
    """The permission somebody needs to start the process; "": whoever may use the application."""
    element = _one(node, "starters")
    return _need(element, "permission") if element is not None else ""


def clock(node: etree._Element) -> Clock | None:
    """The term of a step or of the whole process."""
    element = _one(node, "clock")
    if element is None:
        return None
    escalate = element.get("escalate")
    found = Clock(
        days=_whole(element, "days"),
        warn=_whole(element, "warn", 0),
        escalate=None if escalate is None else _whole(element, "escalate"),
        escalate_to=element.get("escalateTo") or "",
    )
    if found.escalate is not None and not found.escalate_to:
        raise Complaint(element, "写了升级天数，还要写明升级给哪个角色（escalateTo）")
    return found


def _human(node: etree._Element) -> dict[str, Any]:
    outcomes = tuple(_outcome(element) for element in _all(node, "outcome"))
    allow = _one(node, "allow")
    acts = frozenset((allow.get("acts") or "").split()) if allow is not None else frozenset(ACTS)
    if unknown := acts - set(ACTS):
        raise Complaint(node, f"不认识的操作 {'、'.join(sorted(unknown))}")
    return {
        "candidates": _candidates(node),
        "clock": clock(node),
        "outcomes": outcomes or AGREE,
        "fields": tuple(_field(element) for element in _all(node, "field")),
        "countersign": _countersign(node),
        "allow": acts,
    }


def _candidates(node: etree._Element) -> Candidates | None:
    element = _one(node, "candidates")
    if element is None:
        return None
    found = Candidates(
        role=element.get("role") or "",
        organization=element.get("organization") or "case",
        region=element.get("region") or "",
        actor=element.get("actor") or "",
        people=element.get("people") or "",
    )
    for text in (found.people, found.organization.removeprefix("=")):
        if text and (text == found.people or found.organization.startswith("=")):
            expressions.parse(text)
    return found


def _outcome(element: etree._Element) -> Outcome:
    return Outcome(
        key=_need(element, "key"),
        name=_need(element, "name"),
        comment=element.get("comment") == "true",
        against=element.get("against") == "true",
        batch=element.get("batch") == "true",
    )


def _field(element: etree._Element) -> FormField:
    kind = element.get("type") or "text"
    if kind not in get_args(FieldType):
        raise Complaint(element, f"不认识的字段类型 {kind}")
    key = _need(element, "key")
    if not key.isidentifier() or key.startswith("_"):
        raise Complaint(element, f"字段名 {key} 只能用字母、数字和下划线")
    pairs = [part.partition(":") for part in (element.get("choices") or "").split()]
    if kind == "choice" and not pairs:
        raise Complaint(element, "选择字段要列出选项（choices）")
    return FormField(
        key=key, label=_need(element, "label"), type=kind,  # type: ignore[arg-type] # checked above
        required=element.get("required") == "true",
        choices=tuple((value, word or value) for value, _, word in pairs),
    )  # fmt: skip


def _countersign(node: etree._Element) -> Countersign | None:
    element = _one(node, "countersign")
    if element is None:
        return None
    mode = element.get("mode") or "all"
    if mode not in get_args(SignMode):
        raise Complaint(element, f"不认识的会签方式 {mode}：应为 all、any 或 ratio")
    try:
        ratio = float(element.get("ratio") or 1)
    except ValueError:
        ratio = 0
    if not 0 < ratio <= 1:
        raise Complaint(element, "会签比例要大于 0、不超过 1")
    return Countersign(mode=mode, ratio=ratio, sequential=element.get("order") == "sequence")  # type: ignore[arg-type]


def _timer(node: etree._Element) -> TimerRule:
    event = node.find(f"{BPMN}timerEventDefinition")
    if event is None:
        raise Complaint(node, "只支持定时事件")
    days = _one(node, "timer")
    if days is not None:
        return TimerRule(working_days=_whole(days, "workingDays"))
    moment = (event.findtext(f"{BPMN}timeDate") or "").strip()
    if moment:
        if not moment.isidentifier():
            raise Complaint(event, "时间点（timeDate）请写存放时间的字段名")
        return TimerRule(at=moment)
    text = (event.findtext(f"{BPMN}timeDuration") or "").strip()
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise Complaint(
            event, "定时要写 timeDuration（如 PT30M、P2D）、timeDate 或 cs:timer workingDays"
        )
    pairs = zip(match.groups(), _UNIT_SECONDS, strict=True)
    return TimerRule(seconds=sum(float(value) * unit for value, unit in pairs if value))


def _all(node: etree._Element, name: str) -> Iterator[etree._Element]:
    for holder in node.iterchildren(f"{BPMN}extensionElements"):
        yield from holder.iterchildren(f"{_CS}{name}")


def _one(node: etree._Element, name: str) -> etree._Element | None:
    found = list(_all(node, name))
    if len(found) > 1:
        raise Complaint(found[1], f"cs:{name} 只能写一次")
    return found[0] if found else None


def _need(element: etree._Element, name: str) -> str:
    value = (element.get(name) or "").strip()
    if not value:
        raise Complaint(element, f"cs:{etree.QName(element).localname} 缺少 {name}")
    return value


def _whole(element: etree._Element, name: str, default: int | None = None) -> int:
    text = element.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal():
        raise Complaint(element, f"{name} 要写天数（整数）")
    return int(text)
