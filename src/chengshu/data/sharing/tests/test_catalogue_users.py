"""The catalogue learns who uses an entry through sharing, and which services answer from it."""

import pytest
from rdflib import DCAT, RDF

from chengshu.data.catalog.dcat import graph as building
from chengshu.data.catalog.facade import consumers_of
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services import lifecycle
from chengshu.data.sharing import consumers, offers
from chengshu.data.sharing.models import Grant, ShareInterface
from chengshu.data.sharing.tests.cast import Scene
from chengshu.kernel.errors import Conflict
from chengshu.kernel.notices.models import Notice


def test_interfaces_and_grants_are_consumers_with_their_fields(scene: Scene) -> None:
    caller = scene.shared()
    found = {c.kind: c for c in consumers.of_resource(scene.resource.pk)}
    grant = found["grant"]
    assert grant.organization == caller.grant.application.owner
    assert set(caller.grant.fields) | {caller.grant.interface.key_column} == set(grant.fields)
    assert grant.binding
    assert {c["name"] for c in caller.grant.interface.columns} == set(found["interface"].fields)
    # Registered, not only callable.
    assert {c.kind for c in consumers_of(scene.resource.pk)} >= {"grant", "interface"}


def test_a_revoked_grant_and_an_interface_taken_down_use_nothing(scene: Scene) -> None:
    scene.shared()
    Grant.objects.update(state="revoked")
    ShareInterface.objects.update(state="offline")
    assert list(consumers.of_resource(scene.resource.pk)) == []


def test_suspension_is_told_to_the_owner_of_the_grant_and_retirement_refused(scene: Scene) -> None:
    caller = scene.shared()
    entry = Resource.objects.get(pk=scene.resource.pk)
    with pytest.raises(Conflict, match="有效的共享授权"):
        lifecycle.retire(actor=scene.city.admin, resource=entry, reason="停办")
    lifecycle.suspend(actor=scene.city.admin, resource=entry, reason="核查")
    told = Notice.objects.filter(organization=caller.grant.application.owner)
    assert [n.title for n in told] == [f"您在用的“{entry.title}”已暂停"]


def test_an_interface_in_service_is_a_data_service(scene: Scene) -> None:
    caller = scene.shared()
    ShareInterface.objects.update(state="online")
    found = offers.of_resources([scene.resource.pk])
    assert [o.title for o in found[scene.resource.pk]] == [caller.grant.interface.title]
    site = building.Site("http://x/")
    rows = Resource.objects.select_related("provider", "category", "published")
    graph = building.entries(site, rows, {k: list(v) for k, v in found.items()})
    (service,) = graph.subjects(RDF.type, DCAT.DataService)
    assert caller.grant.interface.code in str(graph.value(service, DCAT.endpointURL))
