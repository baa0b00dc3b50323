"""A department's own interface is asked for and granted like any other, in the one way it can be called."""

import pytest

from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests.forms import WantedForm
from chengshu.data.sharing.requests.services.moves import act_on
from chengshu.data.sharing.tests.test_sources import registered
from chengshu.kernel.errors import InvalidInput

FIELDS = ["name", "id_number"]


def ways(interface):
    return [key for key, _title in WantedForm(interface=interface).fields["kinds"].choices]


def test_a_proxied_interface_is_requested_and_granted_in_its_only_way(scene, send):
    live = registered(scene)
    assert ways(live) == ["proxy"]
    item = send(live, fields=FIELDS)  # a program that does not say how gets the way there is
    assert item.kinds == ["proxy"]
    act_on(actor=scene.city.admin, item=item, act="forward")
    item.refresh_from_db()
    act_on(actor=scene.officer, item=item, act="grant")
    assert Grant.objects.get(interface=live).kinds == ["proxy"]


def test_the_citys_own_interface_offers_no_proxy_and_takes_none(scene, send):
    interface = scene.interface()
    assert "proxy" not in ways(interface)
    with pytest.raises(InvalidInput):
        send(interface, kinds=["proxy"])
