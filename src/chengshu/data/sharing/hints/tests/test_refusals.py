"""What the gateway refuses too often becomes a clue for those concerned."""

from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import calls
from chengshu.data.sharing.hints import services
from chengshu.data.sharing.tests.cast import gateway
from chengshu.data.sharing.tests.conftest import scene

__all__ = ["scene"]


def test_a_walk_through_the_keys_reaches_those_concerned_and_nobody_else(scene, client):
    caller = scene.shared(misses_per_minute=3)
    with gateway(scene) as running:
        assert [caller.ask(running, f"N{n}").status for n in range(5)] == [404, 404, 404, 429, 429]
    calls.collect()
    assert services.look_at_refusals(timezone.localdate()) == 1
    for reader in (scene.city.admin, scene.officer, scene.asker):
        client.force_login(reader.account)
        assert reverse("sharing_hints:panel") in client.get(reverse("sharing:calls")).text
        page = client.get(reverse("sharing_hints:panel")).text
        assert "已被暂缓" in page
        assert "网格移动端" in page
        assert "2 次“查无记录过多，暂缓”，共 5 次调用" in page
    client.force_login(scene.city.nobody.account)
    assert client.get(reverse("sharing_hints:panel")).status_code == 403
