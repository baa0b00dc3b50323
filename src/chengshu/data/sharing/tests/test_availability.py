"""Sharing tells the quality of data how well a resource can be reached."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chengshu.data.ingest.facade import Collected
from chengshu.data.quality.choices import Dimension
from chengshu.data.quality.facade import evaluate
from chengshu.data.sharing import availability, calls
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.jobs import note_failure
from chengshu.data.sharing.models import CallStatistic, ShareInterface
from chengshu.data.sharing.tests.cast import Scene, gateway
from chengshu.kernel.errors import Conflict


def called(interface: ShareInterface, outcome: str, count: int, days_ago: int = 0) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    CallStatistic.objects.create(
        hour=hour, application="grid-app", interface=interface.code, outcome=outcome, calls=count
    )


def measured(scene: Scene) -> float | None:
    return availability.of_resources([scene.resource.pk]).get(scene.resource.pk)


def test_audited_calls_that_were_answered_make_it_whole(scene: Scene) -> None:
    assert measured(scene) is None
    caller = scene.shared()
    with gateway(scene) as running:
        caller.ask(running, "R1")
        caller.ask(running, "nobody")
    assert calls.collect() == 2
    assert measured(scene) == 1


def test_calls_that_failed_on_our_side_count_and_those_of_a_careless_caller_do_not(
    scene: Scene,
) -> None:
    item = scene.interface()
    called(item, "ok", 6)
    called(item, "no_snapshot", 3)
    called(item, "internal", 1)
    called(item, "bad_signature", 500)
    called(item, "audit_unavailable", 500, days_ago=availability.DAYS + 1)
    assert measured(scene) == pytest.approx((1 + 1 + 0.6) / 3)


def test_a_snapshot_that_could_not_be_renewed_costs_and_one_never_built_costs_all(
    scene: Scene,
) -> None:
    item = scene.interface()
    note_failure(item, Conflict("查询字段已不在目录中。"))
    assert measured(scene) == pytest.approx(0.5)
    ShareInterface.objects.update(snapshot="", state=InterfaceState.FAILED)
    assert measured(scene) == 0


def test_what_was_taken_down_on_purpose_or_is_being_built_first_does_not_count(
    scene: Scene,
) -> None:
    scene.interface()
    ShareInterface.objects.update(state=InterfaceState.BUILDING, snapshot="", error="")
    assert measured(scene) is None
    ShareInterface.objects.update(state=InterfaceState.OFFLINE, snapshot="x", error="坏了")
    assert measured(scene) is None


def test_the_evaluation_of_a_resource_takes_it_in_and_says_on_what_it_rests(scene: Scene) -> None:
    item = scene.interface()
    called(item, "ok", 1)
    called(item, "internal", 1)
    Collected.objects.create(resource=scene.resource, lake_version=1)
    (found,) = evaluate(resource_ids=[scene.resource.pk])
    assert found.dimensions[Dimension.ACCESSIBILITY] == pytest.approx(100 * 2.5 / 3, abs=0.01)
    assert f"可访问性是这几项的平均：{availability.TITLE} 83.3%。" in found.notes
    assert any(fix["dimension"] == Dimension.ACCESSIBILITY for fix in found.fixes)
