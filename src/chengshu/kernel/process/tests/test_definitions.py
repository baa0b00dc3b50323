"""A process with a mistake is refused at its line; conditions can do nothing but compare data."""

from functools import cache
from pathlib import Path

import pytest

from chengshu.kernel.process import catalogue, engine
from chengshu.kernel.process.definition.expressions import BadExpression, evaluate, parse
from chengshu.kernel.process.definition.reading import BadDefinition, read
from chengshu.kernel.process.models import ProcessVersion
from chengshu.kernel.process.tests.conftest import Seal

SEAL = (Path(__file__).parent / "seal" / "flows" / "seal.bpmn").read_text(encoding="utf-8")


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(SEAL.split("\n"), 1) if text in line)


@pytest.mark.parametrize(
    ("right", "wrong", "place", "says"),
    [
        ('<cs:candidates people="signers"/>', "", 'id="sign"', "没有写明由谁办理"),
        (' default="to_stamp_gate2"', "", 'id="signed"', "默认连线"),
        ('review == "agree"', "__import__('os')", 'id="to_weigh"', "不能用"),
        ('key="seal.register"', 'key="seal.forget"', 'id="note"', "没有登记"),
        ('workingDays="3"', 'workingDays="三"', 'workingDays="3"', "天数"),
        ('targetRef="done"', 'targetRef="nowhere"', 'id="f12"', "不存在"),
        ('<bpmn:serviceTask id="register"', '<bpmn:scriptTask id="register"', 'id="register"', "脚本任务"),
        ('mode="all"', 'mode="most"', 'mode="all"', "会签方式"),
        ('acts="withdraw urge copy"', 'acts="fly"', 'id="apply"', "不认识的操作 fly"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(right: str, wrong: str, place: str, says: str) -> None:
    text = SEAL.replace(right, wrong)
    if "scriptTask" in wrong:
        text = text.replace(
            '</bpmn:serviceTask>\n    <bpmn:endEvent id="done"',
            '</bpmn:scriptTask>\n    <bpmn:endEvent id="done"',
        )
    with pytest.raises(BadDefinition) as refused:
        read(text.encode(), services=frozenset({"seal.register"}), file="seal.bpmn")
    found = [p for p in refused.value.problems if says in p.text]
    assert found, refused.value.problems
    assert found[0].line == line_of(place)
    assert f"第 {found[0].line} 行" in refused.value.message


def test_a_file_that_is_no_xml_or_reaches_outside_is_refused() -> None:
    with pytest.raises(BadDefinition, match="不是完整的 XML"):
        read(SEAL[:900].encode())
    bomb = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    text = SEAL.replace("?>\n", f"?>\n{bomb}", 1).replace('name="用印审批"', 'name="&x;"')
    with pytest.raises(BadDefinition):
        read(text.encode())


def test_a_path_that_leads_nowhere_is_found_before_any_case_walks_it() -> None:
    text = SEAL.replace('sourceRef="note" targetRef="noted"', 'sourceRef="note" targetRef="note"')
    text = text.replace('    <bpmn:endEvent id="noted" name="已记录"/>\n', "")
    with pytest.raises(BadDefinition, match="从这里走不到结束"):
        read(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "data.__class__", "open('x')", "().__class__.__bases__", "len.__self__", "lambda: 1",
        "[x for x in a]", "a := 1", "f'{a}'", "a ** 9", "'x' * 9", "__import__", "len(*a)", "a if", "1;2",
        "a[0:9]", "max(a, key=b)",
    ],
)  # fmt: skip
def test_a_condition_can_reach_nothing_of_python(text: str) -> None:
    with pytest.raises(BadExpression):
        parse(text)


def test_a_condition_reads_data_and_what_is_missing_is_nothing() -> None:
    data = {"amount": 3, "kind": "重要", "who": ["a"], "form": {"days": "2"}}
    assert evaluate('amount >= 3 and kind in ["重要", "紧急"] and not gone', data)
    assert evaluate('number(form["days"]) + 1 == 3 and "a" in who and "a" not in gone', data)
    with pytest.raises(BadExpression, match="算不出来"):
        evaluate("kind > 1", data)
    with pytest.raises(BadExpression, match="相乘"):
        evaluate("kind * amount", data)


def test_a_running_case_stays_on_its_version_when_the_file_changes(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = seal.start()
    newer = SEAL.replace("科室负责人审核", "分管领导审核")
    item = catalogue.Declared("tests", "seal.bpmn", newer.encode(), read(newer.encode()))
    monkeypatch.setattr(catalogue, "declared", cache(lambda: {"seal": item}))
    later = seal.start()
    seal.apply(case)
    seal.apply(later)
    assert seal.task(case, "review").name == "科室负责人审核"
    assert seal.task(later, "review").name == "分管领导审核"
    assert list(ProcessVersion.objects.values_list("number", flat=True)) == [1, 2]


def test_a_loop_costs_the_same_at_any_turn() -> None:
    plan = engine.compile_plan(read(SEAL.encode()), SEAL.encode())
    move = engine.begin(plan, data={}, call=lambda _step: None)
    sizes = set()
    for _ in range(200):
        number = move.marking.tokens[0].number
        move = engine.place(
            plan, move.marking, "apply", remove={number}, data={}, call=lambda _step: None
        )
        sizes.add(len(move.marking.tokens) + len(move.marking.arrivals))
    assert sizes == {1}
