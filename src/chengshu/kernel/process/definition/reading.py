"""Reads a BPMN 2.0 file into a :class:`Process`, or says in Chinese what is wrong at which line.

Only what the platform runs is accepted: what it does not run is refused here, not found out in a living case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.process.definition import expressions, extensions
from chengshu.kernel.process.definition.elements import Box, Flow, Process, Step, StepKind
from chengshu.kernel.process.definition.extensions import Complaint

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DD = "{http://www.omg.org/spec/DD/20100524/DI}"
MAX_BYTES = 1_000_000

KINDS: dict[str, StepKind] = {
    "startEvent": "start",
    "endEvent": "end",
    "userTask": "user",
    "serviceTask": "service",
    "exclusiveGateway": "exclusive",
    "parallelGateway": "parallel",
    "inclusiveGateway": "inclusive",
    "intermediateCatchEvent": "timer",
    "boundaryEvent": "boundary",
}
_SILENT = {
    "sequenceFlow",
    "documentation",
    "extensionElements",
    "laneSet",
    "textAnnotation",
    "association",
}
_REFUSED = {
    "scriptTask": "不允许脚本任务：请改用已登记的服务任务",
    "task": "没有类型的任务不能运行：请改为人工任务或服务任务",
    "manualTask": "请改为人工任务",
    "subProcess": "暂不支持子流程：请把步骤画在同一张图上",
    "callActivity": "暂不支持调用其他流程",
}
_EVENTS = {"timerEventDefinition", "terminateEventDefinition"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake of a file and where it is."""

    line: int
    element: str
    text: str

    def __str__(self) -> str:
        where = f"第 {self.line} 行" + (f"“{self.element}”" if self.element else "")
        return f"{where}：{self.text}"


class BadDefinition(InvalidInput):
    """A process file with mistakes; ``problems`` names each with its line."""

    title = "流程定义有误"

    def __init__(self, problems: list[Problem], *, file: str = "") -> None:
        self.problems = problems
        shown = "；".join(str(problem) for problem in problems[:5])
        more = f"；另有 {len(problems) - 5} 处" if len(problems) > 5 else ""  # noqa: PLR2004 - as shown
        super().__init__(
            f"流程定义{f' {file} ' if file else ''}有 {len(problems)} 处错误：{shown}{more}。",
            kept="原来的版本照常使用。",
            advice="请按行号改正后再发布。",
        )


def read(source: bytes, *, services: frozenset[str] | None = None, file: str = "") -> Process:
    """Return the process of a file.

    Args:
        source: the file's bytes.
        services: keys a service task may name; None: not checked (a version that runs already).
        file: its name, for the message.

    Raises:
        BadDefinition: with every mistake found, its line and its element.
    """
    try:
        root = _tree(source)
        reader = _Reader(root, _only_process(root), services)
        found = reader.process()
    except Complaint as complaint:
        raise BadDefinition([_problem(complaint)], file=file) from complaint
    if reader.problems:
        raise BadDefinition(reader.problems, file=file)
    return found


def _only_process(root: etree._Element) -> etree._Element:
    found = root.findall(f"{BPMN}process")
    if len(found) != 1:
        raise Complaint(root, "文件里应当正好有一个流程（bpmn:process）")
    return found[0]


def _tree(source: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    if len(source) > MAX_BYTES:
        raise BadDefinition([Problem(1, "", "文件超过 1 MB")])
    try:
        return etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise BadDefinition(
            [Problem(error.lineno or 1, "", f"不是完整的 XML：{error.msg}")]
        ) from error


def _problem(complaint: Complaint) -> Problem:
    node = complaint.node
    element = node.get("name") or node.get("id") or ""
    return Problem(node.sourceline or 0, element, complaint.text)


class _Reader:
    """Walks one ``bpmn:process`` and gathers mistakes instead of stopping at the first."""

    def __init__(
        self, root: etree._Element, node: etree._Element, services: frozenset[str] | None
    ) -> None:
        self.root, self.node, self.services = root, node, services
        self.problems: list[Problem] = []
        self.nodes: dict[str, etree._Element] = {}

    def complain(self, node: etree._Element, text: str) -> None:
        self.problems.append(_problem(Complaint(node, text)))

    def process(self) -> Process:
        lanes = self._lanes()
        steps: dict[str, Step] = {}
        flows: list[Flow] = []
        for node in self.node.iterchildren(f"{BPMN}*"):
            tag = etree.QName(node).localname
            if tag == "sequenceFlow":
                flows.append(self._flow(node))
            elif tag in KINDS:
                self._guarded(node, self._keep, steps, node, tag, lanes)
            elif tag not in _SILENT:
                self.complain(node, _REFUSED.get(tag, f"不支持的元素 {tag}"))
        key = self.node.get("id") or ""
        if not key or not self.node.get("name"):
            self.complain(self.node, "流程要有 id 和 name")
        clock = None
        try:
            clock = extensions.clock(self.node)
        except Complaint as complaint:
            self.problems.append(_problem(complaint))
        found = Process(
            key=key, name=self.node.get("name") or key, steps=steps, flows=tuple(flows), clock=clock,
            starters=extensions.starters(self.node), boxes=self._boxes(), ways=self._ways(),
        )  # fmt: skip
        self._check(found)
        return found

    def _guarded(
        self, node: etree._Element, act: Callable[..., object], *arguments: object
    ) -> None:
        try:
            act(*arguments)
        except Complaint as complaint:
            self.problems.append(_problem(complaint))
        except expressions.BadExpression as error:
            self.complain(node, str(error))

    def _keep(
        self, steps: dict[str, Step], node: etree._Element, tag: str, lanes: dict[str, str]
    ) -> None:
        key = node.get("id") or ""
        if not key:
            raise Complaint(node, "缺少 id")
        if key in self.nodes:
            raise Complaint(node, "id 重复")
        self.nodes[key] = node
        for child in node.iterchildren(f"{BPMN}*"):
            name = etree.QName(child).localname
            if name.endswith("EventDefinition") and name not in _EVENTS:
                raise Complaint(child, "只支持定时事件和终止事件")
            if name.endswith("LoopCharacteristics"):
                raise Complaint(child, "不支持循环标记：会签请用 cs:countersign")
        steps[key] = extensions.step(node, KINDS[tag], lane=lanes.get(key, ""))

    def _flow(self, node: etree._Element) -> Flow:
        condition = (node.findtext(f"{BPMN}conditionExpression") or "").strip()
        flow = Flow(
            id=node.get("id") or "", source=node.get("sourceRef") or "", target=node.get("targetRef") or "",
            name=node.get("name") or "", condition=condition, line=node.sourceline or 0,
        )  # fmt: skip
        self.nodes[flow.id] = node
        if condition:
            self._guarded(node, expressions.parse, condition)
        return flow

    def _lanes(self) -> dict[str, str]:
        return {
            (ref.text or "").strip(): lane.get("name") or ""
            for lane in self.node.iter(f"{BPMN}lane")
            for ref in lane.iterchildren(f"{BPMN}flowNodeRef")
        }

    def _boxes(self) -> dict[str, Box]:
        found = {}
        for shape in self.root.iter(f"{DI}BPMNShape"):
            bounds = shape.find(f"{DC}Bounds")
            if bounds is not None:
                x, y, width, height = (
                    float(bounds.get(k, 0)) for k in ("x", "y", "width", "height")
                )
                found[shape.get("bpmnElement") or ""] = Box(x, y, width, height)
        return found

    def _ways(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {
            edge.get("bpmnElement") or "": tuple(
                (float(point.get("x", 0)), float(point.get("y", 0)))
                for point in edge.iterchildren(f"{DD}waypoint")
            )
            for edge in self.root.iter(f"{DI}BPMNEdge")
        }

    # what makes a process that can be run to its end

    def _check(self, process: Process) -> None:
        starts = [step for step in process.steps.values() if step.kind == "start"]
        if len(starts) != 1:
            self.complain(self.node, f"流程要有一个开始事件，现在有 {len(starts)} 个")
        for flow in process.flows:
            for end in (flow.source, flow.target):
                if end not in process.steps:
                    self.complain(self.nodes[flow.id], f"连线的一端 {end!r} 不存在")
        for step in process.steps.values():
            for text in self._faults(process, step):
                self.complain(self.nodes[step.id], text)
        if len(starts) == 1 and not self.problems:
            self._check_reach(process, starts[0])

    def _faults(self, process: Process, step: Step) -> Iterator[str]:
        leaving, entering = process.after(step.id), process.before(step.id)
        if step.kind == "end":
            if leaving:
                yield "结束事件后面不能再有连线"
        elif not leaving:
            yield "没有通往下一步的连线"
        gateway = step.kind in {"exclusive", "inclusive", "parallel"}
        if not gateway and len(leaving) > 1:
            yield "只能有一条出线：分支请用网关"
        if not entering and step.kind not in {"start", "boundary"}:
            yield "没有连线通到这里"
        if step.kind in {"exclusive", "inclusive"} and len(leaving) > 1:
            yield from self._choice_faults(step, leaving)
        if step.kind == "user":
            yield from _human_faults(process, step)
        if (
            step.kind == "service"
            and self.services is not None
            and step.service not in self.services
        ):
            yield f"服务“{step.service}”没有登记：请在清单的 process_services 中声明"
        if step.kind == "boundary" and process.steps.get(step.attached_to, step).kind != "user":
            yield "定时边界事件只能贴在人工任务上"

    def _choice_faults(self, step: Step, leaving: tuple[Flow, ...]) -> Iterator[str]:
        default = self.nodes[step.id].get("default")
        if default not in {flow.id for flow in leaving}:
            yield "分支网关要指定一条默认连线（default），否则条件都不满足时会卡住"
        for flow in leaving:
            if not flow.condition and flow.id != default:
                yield f"连线“{flow.name or flow.id}”缺少条件"

    def _check_reach(self, process: Process, start: Step) -> None:
        onward: dict[str, list[str]] = {}
        for flow in process.flows:
            onward.setdefault(flow.source, []).append(flow.target)
        for step in process.steps.values():
            if step.kind == "boundary":
                onward.setdefault(step.attached_to, []).append(step.id)
        reached = reach(onward, start.id)
        ends = {step.id for step in process.steps.values() if step.kind == "end"}
        for step in process.steps.values():
            if step.id not in reached:
                self.complain(self.nodes[step.id], "从开始走不到这里")
            elif not ends & (reach(onward, step.id) | {step.id}):
                self.complain(self.nodes[step.id], "从这里走不到结束")


def reach(onward: dict[str, list[str]], start: str) -> set[str]:
    """Every node on some way from ``start``, itself included."""
    seen, waiting = {start}, [start]
    while waiting:
        for target in onward.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def _human_faults(process: Process, step: Step) -> Iterator[str]:
    who = step.candidates
    if who is None:
        yield "没有写明由谁办理（cs:candidates）"
        return
    if sum(map(bool, (who.role, who.actor, who.people))) != 1:
        yield "办理人要从角色、前面步骤的办理人、表达式中选一种写法"
    elif who.actor and who.actor != "starter" and who.actor not in {s.id for s in process.human}:
        yield f"办理人取自步骤“{who.actor}”，但没有这个人工步骤"
    if step.countersign and not any(outcome.against for outcome in step.outcomes):
        yield "会签要有一个表示反对的结果（against）"
