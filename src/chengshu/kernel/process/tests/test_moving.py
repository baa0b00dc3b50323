"""Returning, withdrawing, jumping, cancelling; standing still; pressing on."""

from datetime import datetime, timedelta

import pytest
import time_machine

from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, TooMany
from chengshu.kernel.identity.tests.cast import make_account
from chengshu.kernel.notices.models import Receipt
from chengshu.kernel.process import timers
from chengshu.kernel.process.models import CaseTimer, HumanTask, ProcessCase, TraceEntry
from chengshu.kernel.process.services import completing, holding, moving, pausing, pressing, remarks
from chengshu.kernel.process.tests.conftest import Seal, actor

MONDAY = datetime.fromisoformat("2026-12-07T10:00:00+08:00")


def acts(case) -> list[str]:
    return list(TraceEntry.objects.filter(case=case).values_list("act", flat=True))


def to_review(seal: Seal):
    case = seal.start()
    seal.apply(case)
    return case


def to_stamp(seal: Seal, **data):
    case = to_review(seal)
    seal.do(case, "review", seal.cast.approver, "agree")
    return case


def test_a_return_goes_to_whoever_did_the_step_and_closes_the_branches(seal: Seal) -> None:
    case = to_stamp(seal)
    task = seal.task(case, "stamp")
    with pytest.raises(InvalidInput, match="写明退回原因"):
        moving.send_back(
            actor=actor(seal.cast.officer_a), task_id=task.pk, step="review", comment=""
        )
    moving.send_back(
        actor=actor(seal.cast.officer_a), task_id=task.pk, step="review", comment="缺附件"
    )
    assert seal.open_steps(case) == ["review"]
    assert seal.task(case, "review").assignee == seal.cast.approver
    seal.do(case, "review", seal.cast.approver, "agree")
    assert seal.open_steps(case) == ["archive", "stamp"]


def test_a_straight_return_comes_back_without_the_steps_between(seal: Seal) -> None:
    case = to_stamp(seal)
    task = seal.task(case, "archive")
    moving.send_back(
        actor=actor(seal.starter), task_id=task.pk, step="apply", comment="改份数", straight=True
    )
    with pytest.raises(Conflict, match="这一步不允许退回"):
        moving.send_back(
            actor=actor(seal.starter), task_id=seal.task(case, "apply").pk, step="sign", comment="x"
        )
    seal.apply(case)
    assert seal.open_steps(case) == ["archive"]


def test_only_a_step_that_was_done_can_be_returned_to(seal: Seal) -> None:
    case = to_review(seal)
    task = seal.task(case, "review")
    assert moving.former_steps(case, before=task) == [("apply", "填写申请")]
    with pytest.raises(InvalidInput, match="办理过的步骤"):
        moving.send_back(
            actor=actor(seal.cast.approver), task_id=task.pk, step="stamp", comment="x"
        )


def test_who_went_first_may_take_it_back_until_the_next_begins(seal: Seal) -> None:
    case = to_review(seal)
    done = HumanTask.objects.get(case=case, step="apply")
    again = moving.withdraw(actor=actor(seal.starter), task_id=done.pk)
    assert (seal.open_steps(case), again.assignee) == (["apply"], seal.starter)
    assert CaseTimer.objects.filter(case=case, task__isnull=False).count() == 0
    seal.apply(case)
    holding.claim(actor=actor(seal.cast.approver), task_id=seal.task(case, "review").pk)
    with pytest.raises(Conflict, match="下一步已有人开始办理"):
        moving.withdraw(actor=actor(seal.starter), task_id=again.pk)


def test_taking_back_at_a_join_puts_the_other_branch_back_to_waiting(seal: Seal) -> None:
    case = to_stamp(seal)
    stamped = seal.do(case, "stamp", seal.cast.officer_a, "stamped")
    moving.withdraw(actor=actor(seal.cast.officer_a), task_id=stamped.pk)
    assert seal.open_steps(case) == ["archive", "stamp"]
    seal.do(case, "archive", seal.starter, "kept")
    seal.do(case, "stamp", seal.cast.officer_a, "stamped")
    case.refresh_from_db()
    assert case.state == "finished"


def test_a_refusal_taken_back_lets_the_others_sign_again(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case, important="on")
    seal.do(case, "review", seal.cast.approver, "agree")
    first = seal.do(case, "sign", seal.deputy, "agree")
    moving.withdraw(actor=actor(seal.deputy), task_id=first.pk)
    assert len(seal.open_steps(case)) == 2
    seal.do(case, "sign", seal.chief, "agree")
    last = seal.do(case, "sign", seal.deputy, "agree")
    moving.withdraw(actor=actor(seal.deputy), task_id=last.pk)
    assert seal.open_steps(case) == ["sign"]


def test_an_administrator_jumps_with_a_reason_and_nobody_else_does(seal: Seal) -> None:
    case = to_review(seal)
    with pytest.raises(NotAllowed):
        moving.jump(actor=actor(seal.starter), case_id=case.pk, step="sign", reason="急")
    with pytest.raises(InvalidInput, match="跳转原因"):
        moving.jump(actor=actor(seal.cast.operator), case_id=case.pk, step="sign", reason=" ")
    moving.jump(actor=actor(seal.cast.operator), case_id=case.pk, step="sign", reason="审批人离职")
    assert seal.open_steps(case) == ["sign", "sign"]
    assert TraceEntry.objects.get(case=case, act="jump").text == "审批人离职"
    with pytest.raises(Conflict, match="并行分支"):
        moving.jump(actor=actor(seal.cast.operator), case_id=case.pk, step="stamp", reason="急")


def test_the_starter_cancels_only_while_nobody_worked_on_it(seal: Seal) -> None:
    case, other = to_review(seal), to_stamp(seal)
    moving.cancel(actor=actor(seal.starter), case_id=case.pk, reason="不用了")
    case.refresh_from_db()
    assert (case.state, case.marking, seal.open_steps(case)) == ("cancelled", None, [])
    with pytest.raises(NotAllowed):
        moving.cancel(actor=actor(seal.starter), case_id=other.pk, reason="不用了")


def test_a_supplement_stops_the_clock_and_gives_the_time_back(seal: Seal) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        case = to_review(seal)
        task = seal.task(case, "review")
        assert task.due_at.isoformat() == "2026-12-09T16:00:00+00:00"  # 24:00 of Wednesday
        wanted = pausing.request_supplement(
            actor=actor(seal.cast.approver), task_id=task.pk, reason="缺合同"
        )
        assert set(CaseTimer.objects.filter(case=case).values_list("state", flat=True)) == {"held"}
        with pytest.raises(Conflict, match="计时已停"):
            completing.complete(actor=actor(seal.cast.approver), task_id=task.pk, outcome="agree")
        clock.move_to(MONDAY + timedelta(days=7))
        assert timers.serve_due() == 0
        pausing.supply(actor=actor(seal.starter), task_id=wanted.pk, comment="已补")
        task.refresh_from_db()
        # Five working days and the rest of a Monday were given back.
        assert task.due_at.isoformat() == "2026-12-16T16:00:00+00:00"
        seal.do(case, "review", seal.cast.approver, "agree")
    assert acts(case)[-5:] == ["supplement", "resume", "complete", "open", "open"]


def test_warning_overdue_and_escalation_come_once_each_to_the_right_people(seal: Seal) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        case = to_review(seal)
        for day in range(9):
            clock.move_to(MONDAY + timedelta(days=day))
            timers.serve_due()
            timers.serve_due()
    told = Receipt.objects.filter(notice__title__contains="合同用印")
    own = told.filter(account=seal.cast.approver).values_list("notice__title", flat=True)
    assert sorted(own) == [
        "即将到期：合同用印", "即将到期：合同用印", "已超期：合同用印", "已超期：合同用印",
    ]  # fmt: skip
    assert told.get(account=seal.cast.leader).notice.title == "超期未办，请督促：合同用印"
    # The boundary timer registered that it was late, and the review is still open.
    case.refresh_from_db()
    assert case.data["register_number"]
    assert seal.open_steps(case) == ["review"]


def test_a_timer_that_cannot_be_served_is_set_aside_and_stops_no_other(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account("sysadmin", "管流程", seal.cast.department_a, role="operator")
    with time_machine.travel(MONDAY, tick=False) as clock:
        bad, good = to_review(seal), to_review(seal)
        broken = {"t": [[1, "gone", 0]], "a": [], "n": 9}
        ProcessCase.objects.filter(pk=bad.pk).update(marking=broken)
        clock.move_to(MONDAY + timedelta(days=3, hours=14))
        for _ in range(4):
            timers.serve_due()
            clock.shift(600)
    assert CaseTimer.objects.get(state="aside").case == bad
    assert Receipt.objects.filter(
        account__username="sysadmin", notice__title__startswith="办件定时未能执行"
    ).exists()
    good.refresh_from_db()
    assert good.data["register_number"]


def test_urging_reaches_the_waiting_and_not_twice_within_hours(seal: Seal) -> None:
    case = to_review(seal)
    assert pressing.urge(actor=actor(seal.starter), case_id=case.pk) == 1
    with pytest.raises(TooMany, match="刚催办过"):
        pressing.urge(actor=actor(seal.starter), case_id=case.pk)
    with pytest.raises(NotAllowed):
        pressing.urge(actor=actor(seal.cast.officer_b), case_id=case.pk)
    assert seal.task(case, "review").urged == 1


def test_supervision_says_what_is_demanded_until_it_is_relieved(seal: Seal) -> None:
    case = to_review(seal)
    leader = actor(seal.cast.leader)
    with pytest.raises(NotAllowed):
        pressing.supervise(actor=actor(seal.starter), case_id=case.pk, note="本周办结")
    pressing.supervise(actor=leader, case_id=case.pk, note="本周办结")
    with pytest.raises(Conflict, match="已由吴市长督办"):
        pressing.supervise(actor=actor(seal.cast.admin), case_id=case.pk, note="x")
    pressing.relieve(actor=leader, case_id=case.pk)
    case.refresh_from_db()
    assert case.supervised_at is None


def test_words_files_and_copies_are_for_those_who_may_see_the_case(
    seal: Seal, settings, tmp_path
) -> None:
    settings.DATA_DIR = tmp_path
    case = to_review(seal)
    with pytest.raises(Exception, match="没有找到这个办件"):
        remarks.comment(actor=actor(seal.cast.officer_b), case_id=case.pk, text="看看")
    remarks.comment(actor=actor(seal.cast.approver), case_id=case.pk, text="已电话核实")
    kept = remarks.attach(
        actor=actor(seal.starter), case_id=case.pk, name="合同.pdf", chunks=[b"%PDF"]
    )
    assert kept.file.path.read_bytes() == b"%PDF"
    assert remarks.copy_to(actor=actor(seal.starter), case_id=case.pk, people=[seal.cast.officer_b])
    remarks.comment(actor=actor(seal.cast.officer_b), case_id=case.pk, text="知悉")
    assert [t.text for t in TraceEntry.objects.filter(case=case, act="comment")] == [
        "已电话核实", "上传附件 合同.pdf", "知悉",
    ]  # fmt: skip


def test_phrases_that_are_used_come_first(seal: Seal) -> None:
    who = actor(seal.cast.approver)
    for text in ("同意。", "请按规定办理。"):
        remarks.keep_phrase(actor=who, text=text)
    case = to_review(seal)
    seal.do(case, "review", seal.cast.approver, "agree", comment="请按规定办理。")
    assert [p.text for p in seal.cast.approver.quick_phrases.all()] == ["请按规定办理。", "同意。"]


def test_many_are_done_at_once_where_the_definition_allows(seal: Seal) -> None:
    first, second = to_review(seal), to_review(seal)
    other = seal.start()
    keys = [
        seal.task(c, s).pk for c, s in ((first, "review"), (second, "review"), (other, "apply"))
    ]
    found = completing.complete_many(actor=actor(seal.cast.approver), task_ids=keys)
    assert [r.error for r in found] == ["", "", "这一步要逐件办理。"]
    assert seal.open_steps(first) == seal.open_steps(second) == ["archive", "stamp"]
