"""The one to-do list and its neighbours."""

import pytest
from django.db.transaction import TransactionManagementError

from chengshu.kernel.identity.tests.cast import make_account
from chengshu.kernel.process import facade, selectors
from chengshu.kernel.process.services import holding, pausing, pressing, remarks
from chengshu.kernel.process.tests.conftest import Seal, actor
from chengshu.kernel.unit_of_work import unit_of_work


def test_a_group_task_is_on_every_members_list_until_one_takes_it(seal: Seal) -> None:
    other = make_account("second", "另一位", seal.cast.department_a, role="approver")
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    for member in (seal.cast.approver, other):
        assert list(selectors.todo(actor(member))) == [task]
    # The same role at another place, and another role at this one, see nothing.
    for outsider in (seal.starter, seal.cast.officer_a, seal.cast.officer_b, seal.cast.citizen):
        assert task not in selectors.todo(actor(outsider))
    holding.claim(actor=actor(other), task_id=task.pk)
    assert selectors.waiting_for(actor(seal.cast.approver)) == 0
    assert selectors.waiting_for(actor(other)) == 1


def test_each_list_holds_what_its_name_says(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    remarks.copy_to(actor=actor(seal.starter), case_id=case.pk, people=[seal.cast.officer_b])
    pressing.supervise(actor=actor(seal.cast.leader), case_id=case.pk, note="尽快")
    starter = actor(seal.starter)
    assert [t.step for t in selectors.done(starter)] == ["apply"]
    assert list(selectors.started(starter)) == [case]
    assert [c.case for c in selectors.copies(actor(seal.cast.officer_b))] == [case]
    assert list(selectors.supervised(actor(seal.cast.leader))) == [case]
    assert list(selectors.supervised(starter)) == []


def test_a_list_costs_the_same_queries_whatever_it_holds(
    seal: Seal, django_assert_num_queries
) -> None:
    for _ in range(5):
        seal.apply(seal.start())
    who = actor(seal.cast.approver)
    _ = who.scopes
    with django_assert_num_queries(2):
        assert len(selectors.todo(who)) == 5


def test_another_package_posts_and_finishes_tasks_without_any_process(seal: Seal) -> None:
    group = facade.permission_group("process.supervise", seal.cast.department_a)
    posted = {
        "owner_kind": "tickets", "owner_key": "9", "step": "open", "name": "签收工单",
        "matter": "问题工单", "title": "缺联系电话", "url": "/console/tickets/9/",
        "organization": seal.cast.department_a, "group": group,
    }  # fmt: skip
    with unit_of_work():
        first = facade.post_task(**posted)
        assert facade.post_task(**posted) == first
    leader = actor(seal.cast.leader)
    assert list(selectors.todo(leader)) == [first]
    with unit_of_work():
        done = facade.finish_task(actor=leader, owner_kind="tickets", owner_key="9", step="open")
    assert (done, selectors.waiting_for(leader)) == (1, 0)
    assert [t.title for t in selectors.done(leader)] == ["缺联系电话"]


@pytest.mark.django_db(transaction=True)
def test_a_task_of_another_package_needs_its_transaction(seal_declared: None) -> None:
    with pytest.raises(TransactionManagementError):
        facade.close_tasks(owner_kind="tickets", owner_key="1")


def test_a_suspended_case_stays_on_the_list_and_says_so(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    task = seal.task(case, "review")
    pausing.request_supplement(actor=actor(seal.cast.approver), task_id=task.pk, reason="缺页")
    assert selectors.todo(actor(seal.cast.approver)).get().held
    assert selectors.todo(actor(seal.starter)).get().name == "补正材料"
