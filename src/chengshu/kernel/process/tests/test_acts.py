"""What people do with tasks, and what each refusal says."""

from functools import cache

import pytest

from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.process import catalogue
from chengshu.kernel.process.definition.elements import Countersign
from chengshu.kernel.process.definition.reading import read
from chengshu.kernel.process.models import HumanTask, ProcessVersion, TraceEntry
from chengshu.kernel.process.services import completing, holding, starting
from chengshu.kernel.process.tests.conftest import Seal, actor
from chengshu.kernel.process.tests.test_definitions import SEAL


def walk_to_stamp(seal: Seal):
    case = seal.start()
    seal.apply(case)
    seal.do(case, "review", seal.cast.approver, "agree")
    return case


def test_a_case_runs_to_its_end_and_keeps_its_trace_but_no_state(seal: Seal) -> None:
    case = walk_to_stamp(seal)
    assert seal.open_steps(case) == ["archive", "stamp"]
    seal.do(case, "stamp", seal.cast.officer_a, "stamped")
    assert seal.open_steps(case) == ["archive"]
    seal.do(case, "archive", seal.starter, "kept")
    case.refresh_from_db()
    assert (case.state, case.outcome, case.marking) == ("finished", "已办结", None)
    assert case.data["register_number"] == f"用印-{case.pk}"
    acts = list(TraceEntry.objects.filter(case=case).values_list("act", "step"))
    assert acts == [
        ("start", ""), ("open", "apply"), ("complete", "apply"), ("open", "review"),
        ("complete", "review"), ("open", "stamp"), ("open", "archive"), ("complete", "stamp"),
        ("complete", "archive"), ("finish", ""),
    ]  # fmt: skip
    assert AuditRecord.objects.filter(action="process.task.completed").count() == 4
    assert case.timers.count() == 0


def test_a_condition_sends_important_papers_to_all_who_must_sign(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case, important="on")
    seal.do(case, "review", seal.cast.approver, "agree")
    assert seal.open_steps(case) == ["sign", "sign"]
    seal.do(case, "sign", seal.deputy, "agree")
    assert seal.open_steps(case) == ["sign"]
    seal.do(case, "sign", seal.chief, "agree")
    assert seal.open_steps(case) == ["archive", "stamp"]


def test_one_against_ends_a_countersign_of_all_and_frees_the_others(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case, important="on")
    seal.do(case, "review", seal.cast.approver, "agree")
    seal.do(case, "sign", seal.deputy, "oppose", comment="条款不清")
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("finished", "会签未通过")
    assert HumanTask.objects.get(case=case, assignee=seal.chief).state == "closed"


def test_who_comes_second_is_told_who_was_first_and_when(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    seal.do(case, "review", seal.cast.approver, "agree")
    with pytest.raises(Conflict, match=r"已由周窗口于 20\d\d-\d\d-\d\d \d\d:\d\d 办理"):
        completing.complete(actor=actor(seal.cast.approver), task_id=task.pk, outcome="agree")


def test_only_candidates_may_act_and_role_reaches_only_its_organisation(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    for outsider in (seal.cast.officer_a, seal.cast.stranger, seal.starter):
        with pytest.raises(NotAllowed, match="不在这项任务的办理人范围"):
            completing.complete(actor=actor(outsider), task_id=task.pk, outcome="agree")
    holding.claim(actor=actor(seal.cast.approver), task_id=task.pk)
    with pytest.raises(NotAllowed, match="由周窗口办理"):
        completing.complete(actor=actor(seal.cast.officer_a), task_id=task.pk, outcome="agree")


def test_a_claimed_task_can_be_put_back_and_a_personal_one_cannot(seal: Seal) -> None:
    case = seal.start()
    with pytest.raises(Conflict, match="指定给您"):
        holding.release(actor=actor(seal.starter), task_id=seal.task(case, "apply").pk)
    seal.apply(case)
    task = seal.task(case, "review")
    holding.claim(actor=actor(seal.cast.approver), task_id=task.pk)
    holding.release(actor=actor(seal.cast.approver), task_id=task.pk)
    task.refresh_from_db()
    assert (task.assignee, task.begun_at) == (None, None)


def test_a_form_is_read_field_by_field_and_nothing_undeclared_gets_in(seal: Seal) -> None:
    case = seal.start()
    with pytest.raises(InvalidInput) as refused:
        seal.do(case, "apply", seal.starter, "submit", values={"copies": "两份"})
    assert refused.value.fields == {"copies": "份数要填数字"}
    seal.apply(case, review="agree", copies="3")
    case.refresh_from_db()
    assert (case.data["copies"], "review" in case.data) == (3, False)


def test_an_outcome_that_needs_words_is_refused_without_them(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    with pytest.raises(InvalidInput, match=r"不同意.*写明意见"):
        seal.do(case, "review", seal.cast.approver, "refuse")


def test_a_delegate_answers_and_the_task_comes_back(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    holding.delegate(actor=actor(seal.cast.approver), task_id=task.pk, to=seal.deputy)
    with pytest.raises(InvalidInput, match="写下您的意见"):
        completing.complete(actor=actor(seal.deputy), task_id=task.pk)
    completing.complete(actor=actor(seal.deputy), task_id=task.pk, comment="可以")
    task.refresh_from_db()
    assert (task.state, task.assignee, task.delegated_by) == ("open", seal.cast.approver, None)


def test_a_task_handed_over_is_the_other_ones(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    holding.transfer(actor=actor(seal.cast.approver), task_id=task.pk, to=seal.deputy)
    with pytest.raises(NotAllowed):
        completing.complete(actor=actor(seal.cast.approver), task_id=task.pk, outcome="agree")
    seal.do(case, "review", seal.deputy, "agree")


def test_an_ordinary_step_waits_for_the_opinion_of_an_added_signer(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    holding.add_signer(actor=actor(seal.cast.approver), task_id=task.pk, person=seal.deputy)
    with pytest.raises(Conflict, match="前面的人尚未办理"):
        completing.complete(actor=actor(seal.cast.approver), task_id=task.pk, outcome="agree")
    seal.do(case, "review", seal.deputy, "", comment="无异议")
    seal.do(case, "review", seal.cast.approver, "agree")
    assert seal.open_steps(case) == ["archive", "stamp"]


def test_an_added_signature_counts_in_a_countersign(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case, important="on")
    seal.do(case, "review", seal.cast.approver, "agree")
    first = seal.task(case, "sign", seal.deputy)
    holding.add_signer(actor=actor(seal.deputy), task_id=first.pk, person=seal.cast.officer_a)
    seal.do(case, "sign", seal.deputy, "agree")
    seal.do(case, "sign", seal.chief, "agree")
    assert seal.open_steps(case) == ["sign"]
    seal.do(case, "sign", seal.cast.officer_a, "agree")
    assert seal.open_steps(case) == ["archive", "stamp"]


def test_nobody_to_do_the_next_step_refuses_the_whole_act(seal: Seal) -> None:
    case = seal.start(signers=["gone"])
    seal.apply(case, important="on")
    with pytest.raises(Conflict, match=r"班子会签.*找不到办理人.*gone"):
        seal.do(case, "review", seal.cast.approver, "agree")
    assert seal.open_steps(case) == ["review"]


def test_a_record_has_one_running_case(seal: Seal) -> None:
    kept = {"object_type": "seal.paper", "object_key": "7"}
    who = actor(seal.starter)
    starting.start(actor=who, process="seal", title="一", **kept)
    with pytest.raises(Conflict, match="已有一个办件"):
        starting.start(actor=who, process="seal", title="二", **kept)


def test_a_version_and_a_line_of_the_trace_are_never_changed(seal: Seal) -> None:
    case = seal.start()
    for row in (ProcessVersion.objects.get(), TraceEntry.objects.filter(case=case).first()):
        with pytest.raises(TypeError):
            row.save()


@pytest.mark.parametrize(
    ("mode", "ratio", "votes", "says"),
    [
        ("all", 1, (2, 0, 0), True), ("all", 1, (1, 0, 1), None), ("all", 1, (0, 1, 1), False),
        ("any", 1, (1, 0, 2), True), ("any", 1, (0, 2, 1), None), ("any", 1, (0, 3, 0), False),
        ("ratio", 0.6, (3, 1, 1), True), ("ratio", 0.6, (2, 2, 1), None), ("ratio", 0.6, (2, 3, 0), False),
    ],
)  # fmt: skip
def test_a_countersign_is_decided_as_soon_as_it_can_be(mode, ratio, votes, says) -> None:
    agreed, against, left = votes
    rule = Countersign(mode=mode, ratio=ratio)
    assert completing.verdict(rule, agreed=agreed, against=against, left=left) is says


def test_in_sequence_each_signs_when_the_one_before_has(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SEAL.replace('mode="all"', 'mode="ratio" ratio="0.5" order="sequence"').encode()
    item = catalogue.Declared("tests", "seal.bpmn", text, read(text))
    monkeypatch.setattr(catalogue, "declared", cache(lambda: {"seal": item}))
    case = seal.start(signers=["deputy", "chief", "officer_a"])
    seal.apply(case, important="on")
    seal.do(case, "review", seal.cast.approver, "agree")
    waiting = HumanTask.objects.get(case=case, assignee=seal.chief)
    with pytest.raises(Conflict, match="还没有轮到您"):
        completing.complete(actor=actor(seal.chief), task_id=waiting.pk, outcome="agree")
    seal.do(case, "sign", seal.deputy, "agree")
    seal.do(case, "sign", seal.chief, "agree")
    # Two of three are more than half: the third need not sign.
    assert seal.open_steps(case) == ["archive", "stamp"]
    assert (
        HumanTask.objects.get(case=case, assignee=seal.cast.officer_a, step="sign").state
        == "closed"
    )
