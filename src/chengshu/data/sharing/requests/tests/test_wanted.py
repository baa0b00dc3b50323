"""A resource of the catalogue without an interface: applied for first, built by its provider, granted then."""

from dataclasses import replace

import pytest
from django.urls import reverse

from chengshu.data.catalog.facade import consumers_of
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import build_bundle
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.models import CartItem
from chengshu.data.sharing.requests.services.moves import act_on
from chengshu.data.sharing.services import interfaces
from chengshu.data.sharing.services.interfaces import want_interface
from chengshu.data.sharing.tests.cast import CONTENT, build
from chengshu.kernel.errors import Conflict, NotAllowed


def test_it_is_asked_for_on_the_page_of_the_entry_and_lands_in_the_cart(scene, client):
    client.force_login(scene.asker.account)
    page = reverse("sharing_requests:want", args=[scene.resource.code])
    usage = client.get(reverse("catalog:resource", args=[scene.resource.pk]) + "usage/")
    assert page in usage.content.decode()
    assert "居民编号" in client.get(page).content.decode()
    assert client.post(page, {"key_column": "family"}).status_code == 422
    answer = client.post(page, {"key_column": "resident_no"}, follow=True)
    assert "提供单位建好接口后开通" in answer.content.decode()
    item = CartItem.objects.get().interface
    assert (item.state, item.snapshot) == (InterfaceState.WANTED, "")
    client.post(page, {"key_column": "resident_no"})
    assert ShareInterface.objects.count() == 1
    assert list(consumers_of(scene.resource.pk)) == [], "nothing uses the entry yet"
    assert build_bundle()[0].interfaces == ()


def test_the_provider_builds_it_and_answers_then(scene, send, client):
    item = want_interface(
        actor=scene.asker, resource_code=scene.resource.code, key_column="resident_no"
    )
    asked = send(item)
    act_on(actor=scene.city.admin, item=asked, act="forward")
    with pytest.raises(Conflict, match="没有上线"):
        act_on(actor=scene.officer, item=asked, act="grant")
    client.force_login(scene.officer.account)
    assert "还没有接口" in client.get(asked.get_absolute_url()).content.decode()
    act_on(actor=scene.officer, item=asked, act="consent")
    assert "建接口" in client.get(reverse("sharing:interface", args=[item.code])).content.decode()
    interfaces.refresh(actor=scene.officer, interface=item)
    build(item)
    assert item.state == InterfaceState.ONLINE
    done = act_on(actor=scene.officer, item=asked, act="grant")
    assert done.state == State.GRANTED


def test_what_is_not_shared_cannot_be_wanted_and_not_by_everybody(scene):
    closed = catalog_cast.published(
        scene.city, name="closed", content=replace(CONTENT, title="不共享的", sharing_type="none",
                                                   sharing_condition="", sharing_basis="条例第三条"),
    )  # fmt: skip
    with pytest.raises(Conflict, match="不予共享"):
        want_interface(actor=scene.asker, resource_code=closed.code, key_column="resident_no")
    with pytest.raises(NotAllowed):
        want_interface(
            actor=scene.city.nobody, resource_code=scene.resource.code, key_column="resident_no"
        )
