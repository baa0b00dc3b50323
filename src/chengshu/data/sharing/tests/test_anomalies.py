"""What the gateway refuses too often is found, from the gateway's own record."""

from datetime import timedelta

from django.utils import timezone

from chengshu.data.sharing import anomalies, selectors, usage
from chengshu.data.sharing.models import DayStatistic


def count(application, interface, outcome, number, *, days=0):
    DayStatistic.objects.create(
        day=timezone.localdate() - timedelta(days=days), application=application,
        interface=interface, outcome=outcome, calls=number,
    )  # fmt: skip


def test_a_slow_walk_many_failures_and_replays_are_found_and_ordinary_calls_are_not(scene):
    count("slow", "i", "no_record", 100)
    count("slow", "i", "ok", 99)
    count("honest", "i", "no_record", 100)
    count("honest", "i", "ok", 100)
    count("new", "i", "no_record", 99)
    count("slowed", "i", "no_record", 300)
    count("slowed", "i", "scanning", 2)  # told of as slowed, not once more as missing
    count("clumsy", "i", "bad_signature", 19)
    count("guesser", "-", "bad_signature", 20)
    count("thief", "i", "bad_proof", 5)
    count("late", "i", "replayed", 50, days=1)
    count("slow", "", "ok", 7)  # requests for tokens name no interface
    rows = selectors.statistics(scene.city.admin)
    assert [share.title for share in usage.by_interface(rows)] == ["i"]
    found = anomalies.of_day(timezone.localdate())
    assert [(a.application, a.interface, a.kind, a.calls) for a in found] == [
        ("slow", "i", anomalies.MISSING, 100),
        ("guesser", "", anomalies.UNPROVEN, 20),
        ("thief", "i", anomalies.TOKEN, 5),
        ("slowed", "i", anomalies.SLOWED, 2),
    ]
