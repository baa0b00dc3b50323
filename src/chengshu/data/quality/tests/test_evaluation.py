"""From a load to a grade: what counts, what is kept, and how tickets and fixes follow."""

from collections.abc import Callable

import pytest
from django_tasks_db.models import DBTaskResult

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.catalog.models import Resource
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.tests import factories
from chengshu.data.quality import facade, selectors
from chengshu.data.quality.choices import Dimension
from chengshu.data.quality.failing import failing_page
from chengshu.data.quality.models import Evaluation, Rule, RuleResult, ScoreDay
from chengshu.data.quality.services.evaluation import evaluate
from chengshu.data.quality.services.policies import change_policy
from chengshu.data.quality.services.references import build_references
from chengshu.data.quality.services.rules import (
    save_rule,
    set_builtin,
    switch_rule,
    try_rule,
)
from chengshu.data.quality.ticketing import raise_ticket, recheck, recheck_open
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.errors import InvalidInput, NotAllowed
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue, run_job

pytestmark = pytest.mark.django_db


def result(evaluation: Evaluation, key: str) -> RuleResult | None:
    return evaluation.results.filter(key__startswith=key).first()


def judged(resource: Resource, *, full: bool = False) -> Evaluation:
    return evaluate(resource_ids=[resource.pk], full=full)[0]


@pytest.mark.parametrize("full", [False, True])
def test_stored_faults_and_refused_rows_both_count(loaded: Resource, full: bool) -> None:
    found = judged(loaded, full=full)
    gender, digit = result(found, "gender:"), result(found, "id_number:check_digit")
    assert (found.rows, found.quarantined, found.failing) == (9, 1, 2)
    assert gender is not None
    assert (gender.failed, gender.quarantined) == (2, 0)
    assert digit is not None
    assert (digit.failed, digit.quarantined) == (0, 1)
    assert found.dimensions[Dimension.CONSISTENCY] == pytest.approx(80)
    assert found.dimensions[Dimension.ACCURACY] == pytest.approx(90)
    assert found.dimensions[Dimension.COMPLETENESS] == pytest.approx(100)


def test_the_failing_rows_are_exactly_those(loaded: Resource) -> None:
    found = judged(loaded)
    gender = result(found, "gender:")
    assert gender is not None
    gender.evaluation = found
    page = failing_page(found, gender, published_by_id(loaded.pk))
    assert [row["person_no"] for row in page.rows] == ["P00008", "P00009"]
    assert page.total == 2


def test_a_fix_is_worth_what_mending_the_source_gives(loaded: Resource, officer: Actor) -> None:
    before = judged(loaded)
    promised = next(fix for fix in before.fixes if fix["key"].startswith("gender:"))
    headers = tuple("公民身份号码" if h == "身份证号" else h for h in factories.HEADERS)
    rows = [factories.row(n, 身份证号=factories.id_number(2 * n), 性别="2") for n in (8, 9)]
    mended = factories.load(officer, loaded, factories.table(rows, headers))
    # The refused row belongs to the delivery before; it is still missing when the new one is looked at.
    Batch.objects.filter(pk=mended.pk).update(created_at=before.at.replace(year=2000))
    after = judged(loaded)
    assert after.dimensions[Dimension.CONSISTENCY] == pytest.approx(promised["after"])
    assert after.score == pytest.approx(promised["total_after"], abs=1e-3)


def test_a_replayed_row_counts_against_nobody(loaded: Resource) -> None:
    batch = Batch.objects.get(resource=loaded)
    QuarantineDecision.objects.create(batch=batch, row_number=11, kind="replayed")
    assert judged(loaded).quarantined == 0


def test_only_the_newest_evaluation_keeps_rows_and_the_trend_keeps_scores(loaded: Resource) -> None:
    first, second = judged(loaded), judged(loaded)
    first.refresh_from_db()
    assert not first.latest
    assert not first.rows_file.exists()
    assert second.rows_file.exists()
    assert first.kept == []
    assert [e.pk for e in selectors.history(second)] == [first.pk, second.pk]
    assert ScoreDay.objects.filter(scope="city").count() == 1
    assert facade.grades([loaded.pk])[loaded.pk].pk == second.pk


def test_a_load_is_evaluated_by_itself(loaded: Resource) -> None:
    dispatch()
    job = Job.objects.get(kind="quality.evaluate")
    run_job.func(str(job.pk))
    assert Evaluation.objects.get(resource=loaded, latest=True).grade


def test_whoever_loaded_data_does_not_wait_behind_the_routine(
    loaded: Resource,
) -> None:
    routine = enqueue("quality.nightly", actor=platform())
    dispatch()
    waited = Job.objects.get(kind="quality.evaluate")
    priorities = dict(DBTaskResult.objects.values_list("args_kwargs__args__0", "priority"))
    assert priorities[str(waited.pk)] > priorities[str(routine.pk)]


def test_what_an_evaluation_knows_already_is_not_evaluated_again(
    loaded: Resource, officer: Actor
) -> None:
    judged(loaded)
    dispatch()
    assert not Job.objects.filter(kind="quality.evaluate").exists()
    factories.load(officer, loaded, factories.table([factories.row(1)]))
    dispatch()
    assert Job.objects.filter(kind="quality.evaluate").count() == 1


def test_the_nightly_job_builds_references_and_asks_everything_again(loaded: Resource) -> None:
    job = enqueue("quality.nightly", actor=platform())
    run_job.func(str(job.pk))
    job.refresh_from_db()
    assert job.error == ""
    assert Evaluation.objects.get(resource=loaded, latest=True).full


def test_a_built_rule_counts_from_the_next_evaluation_and_can_be_switched_off(
    loaded: Resource, officer: Actor
) -> None:
    definition = {"left": "amount", "operator": ">", "value": "100"}
    trial = try_rule(actor=officer, resource=loaded, kind="compare", definition=definition)
    assert (trial.checked, trial.failed) == (9, 9)
    rule = save_rule(actor=officer, resource=loaded, kind="compare", definition=definition)
    found = result(judged(loaded), rule.key)
    assert found is not None
    assert found.failed == 9
    switch_rule(actor=officer, rule=rule, enabled=False)
    assert result(judged(loaded), rule.key) is None
    assert [v.number for v in rule.versions.all()] == [2, 1]


def test_a_rule_that_cannot_run_costs_nothing_and_says_why(
    loaded: Resource, officer: Actor
) -> None:
    definition = {"left": "amount", "operator": "<", "value": "1"}
    rule = save_rule(actor=officer, resource=loaded, kind="compare", definition=definition)
    Rule.objects.filter(pk=rule.pk).update(definition=definition | {"left": "gone"})
    found = judged(loaded)
    broken = result(found, rule.key)
    assert broken is not None
    assert "没有字段" in broken.error
    assert result(found, "gender:") is not None


def test_expert_sql_needs_its_own_permission_and_finds_its_rows(
    loaded: Resource, officer: Actor, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    definition = {"query": "SELECT person_no FROM t WHERE person_no > 'P00007'", "tables": {}}
    with pytest.raises(NotAllowed):
        save_rule(actor=officer, resource=loaded, kind="sql", definition=definition)
    rule = save_rule(
        actor=actor_for(cast.admin), resource=loaded, kind="sql", definition=definition
    )
    found = result(judged(loaded), rule.key)
    assert found is not None
    assert found.failed == 2


def test_a_table_level_rule_takes_its_share_of_a_dimension(
    loaded: Resource, officer: Actor
) -> None:
    before = judged(loaded)
    save_rule(
        actor=officer, resource=loaded, kind="threshold",
        definition={"measure": "rows", "operator": ">=", "value": "50"},
    )  # fmt: skip
    after = judged(loaded)
    assert after.dimensions["completeness"] == pytest.approx(
        before.dimensions["completeness"] * 0.95
    )
    assert any(fix["key"].startswith("rule:") for fix in after.fixes)


def test_a_template_can_be_switched_off_for_one_resource(loaded: Resource, officer: Actor) -> None:
    key = result(judged(loaded), "gender:").key  # type: ignore[union-attr]
    set_builtin(actor=officer, resource=loaded, key=key, enabled=False)
    assert result(judged(loaded), "gender:") is None


def test_values_are_compared_with_what_most_sources_say(
    loaded: Resource, officer: Actor, cast: Cast
) -> None:
    for n, name in enumerate(("张三", "张三", "张山")):
        items = [
            {"name": "no", "title": "编号", "is_key": True, "nullable": False, "length": 20},
            {"name": "id_number", "title": "公民身份号码", "format": "id_number"},
            {"name": "full_name", "title": "姓名", "length": 30},
        ]
        other = factories.publish(
            cast.department_a, items, title=f"来源{n}", physical_name=f"source_{n}"
        )
        factories.load(
            officer, other, f"编号,公民身份号码,姓名\nA1,{factories.id_number(3)},{name}\n"
        )
    build_references()
    odd = Resource.objects.get(physical_name="source_2")
    save_rule(
        actor=officer, resource=odd, kind="reference",
        definition={"subject": "person", "key_column": "id_number", "value_column": "full_name",
                    "attribute": "name"},
    )  # fmt: skip
    found = result(judged(odd), "rule:")
    assert found is not None
    assert (found.checked, found.failed) == (1, 1)


def test_a_ticket_closes_when_the_next_evaluation_passes(loaded: Resource, officer: Actor) -> None:
    found = judged(loaded)
    gender = result(found, "gender:")
    assert gender is not None
    ticket = raise_ticket(actor=officer, result=gender)
    assert ticket.affected_rows == 2
    recheck_open([loaded.pk])
    ticket.refresh_from_db()
    assert ticket.is_open
    headers = tuple("公民身份号码" if h == "身份证号" else h for h in factories.HEADERS)
    rows = [factories.row(n, 身份证号=factories.id_number(2 * n), 性别="2") for n in (8, 9)]
    factories.load(officer, loaded, factories.table(rows, headers))
    judged(loaded)
    assert recheck(ticket).remaining == 0
    recheck_open([loaded.pk])
    ticket.refresh_from_db()
    assert not ticket.is_open


def test_other_departments_see_nothing_and_change_nothing(
    loaded: Resource, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    judged(loaded)
    stranger = actor_for(cast.officer_b)
    assert selectors.latest(stranger, loaded.pk) is None
    with pytest.raises(NotAllowed):
        set_builtin(actor=stranger, resource=loaded, key="x", enabled=False)


def test_the_policy_is_checked_and_changes_the_next_evaluation(
    loaded: Resource, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    admin = actor_for(cast.admin)
    with pytest.raises(InvalidInput):
        change_policy(actor=admin, content={"thresholds": {"excellent": 10, "good": 90}})
    change_policy(actor=admin, content={"loss": {"severe": 0.5}})
    assert judged(loaded).dimensions[Dimension.CONSISTENCY] == pytest.approx(90)
