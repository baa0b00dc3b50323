"""Fixtures of the tests of access requests: sharing's scene, with an interface and a form that was sent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.requests.content import Common, Wanted
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.submission import submit
from chengshu.data.sharing.tests.cast import CONTENT, Scene, collect_rows, rows
from chengshu.data.sharing.tests.conftest import scene
from chengshu.kernel.access.actor import Actor

__all__ = ["scene"]

FIELDS = ["resident_no", "name", "community_code"]


def common(**changes: Any) -> Common:
    """What a good form says."""
    values: dict[str, Any] = {
        "purpose": "入户走访时核对居民信息", "legal_basis": "《浙江省公共数据条例》第二十三条",
        "business_item": "网格走访", "frequency": "daily", "per_day": 500,
        "valid_until": timezone.now() + timedelta(days=300),
    }  # fmt: skip
    return Common(**values | changes)


@dataclass
class Asked:
    """The scene with a request, and the people of the flow."""

    scene: Scene
    item: AccessRequest

    @property
    def applicant(self) -> Actor:
        return self.scene.asker

    @property
    def provider(self) -> Actor:
        return self.scene.officer

    @property
    def bureau(self) -> Actor:
        return self.scene.city.admin

    @property
    def judge(self) -> Actor:
        return self.scene.city.second_admin

    def fresh(self) -> AccessRequest:
        """The request as it is in the database now."""
        return AccessRequest.objects.get(pk=self.item.pk)


@pytest.fixture
def free_interface(scene: Scene) -> Callable[[], ShareInterface]:
    """A function that makes an interface of an unconditionally shared resource."""

    def make() -> ShareInterface:
        resource = catalog_cast.published(
            scene.city, name="open_resident",
            content=replace(CONTENT, title="居民名册", sharing_type="unconditional",
                            sharing_condition=""),
        )  # fmt: skip
        collect_rows(resource, rows(10))
        return scene.interface("open-resident", resource_code=resource.code, title="查居民名册")

    return make


@pytest.fixture
def send(scene: Scene) -> Callable[..., AccessRequest]:
    """A function that sends a form over one interface."""

    def make(interface: ShareInterface | None = None, **changes: Any) -> AccessRequest:
        wanted = Wanted(
            interface=interface or scene.interface(), fields=changes.pop("fields", FIELDS),
            row_filter=changes.pop("row_filter", None),
            kinds=changes.pop("kinds", ["lookup"]),
        )  # fmt: skip
        application = changes.pop("application", None) or scene.application()
        actor = changes.pop("actor", scene.asker)
        return submit(
            actor=actor, application=application, common=common(**changes), wanted=[wanted]
        )[0]

    return make


@pytest.fixture
def asked(scene: Scene, send: Callable[..., AccessRequest]) -> Asked:
    """A request for a conditionally shared resource, waiting for the bureau."""
    return Asked(scene, send())
