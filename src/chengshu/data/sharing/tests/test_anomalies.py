"""What looks like an attack is shown to those who answer for it, from the gateway's own record of it."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import anomalies, calls, selectors, usage
from chengshu.data.sharing.models import CallStatistic
from chengshu.data.sharing.tests.cast import gateway


def count(application, interface, outcome, number, *, hours=0):
    CallStatistic.objects.create(
        hour=timezone.now() - timedelta(hours=hours), application=application,
        interface=interface, outcome=outcome, calls=number,
    )  # fmt: skip


def test_a_walk_through_the_keys_reaches_the_administrators_page(scene, client):
    caller = scene.shared(misses_per_minute=3)
    with gateway(scene) as running:
        assert [caller.ask(running, f"N{n}").status for n in range(5)] == [404, 404, 404, 429, 429]
    calls.collect()
    for reader in (scene.city.admin, scene.officer, scene.asker):
        client.force_login(reader.account)
        page = client.get(reverse("sharing:calls")).content.decode()
        assert "异常提示" in page
        assert "逐个试主键" in page
        assert "网格移动端" in page


def test_a_slow_walk_many_failures_and_replays_are_found_and_ordinary_calls_are_not(scene):
    count("slow", "i", "no_record", 100)
    count("slow", "i", "ok", 99)
    count("honest", "i", "no_record", 100)
    count("honest", "i", "ok", 100)
    count("new", "i", "no_record", 99)
    count("clumsy", "i", "bad_signature", 19)
    count("guesser", "i", "bad_signature", 20)
    count("thief", "i", "bad_proof", 5)
    count("late", "i", "replayed", 50, hours=25)
    count("slow", "", "ok", 7)  # requests for tokens name no interface
    rows = selectors.hourly_statistics(scene.city.admin)
    assert [share.title for share in usage.by_interface(rows)] == ["i"]
    found = anomalies.recent(rows)
    assert [(a.application, a.outcome) for a in found] == [
        ("slow", "no_record"),
        ("guesser", "bad_signature"),
        ("thief", "bad_proof"),
    ]
