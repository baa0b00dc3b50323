"""Fixtures of the tests of corrections: sharing's scene with two applications that received the same record."""

from dataclasses import dataclass
from typing import Any

import pytest

from chengshu.data.sharing.corrections import services
from chengshu.data.sharing.corrections.models import Correction
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.services import applications
from chengshu.data.sharing.tests.cast import Caller, Scene, dispatch_all, gateway
from chengshu.data.sharing.tests.conftest import scene
from chengshu.data.sharing.uses import index

__all__ = ["scene"]


@dataclass
class Received:
    """The reporting department's application and another one; both were told about record R1."""

    scene: Scene
    caller: Caller
    other: Caller

    @property
    def interface(self) -> ShareInterface:
        return self.caller.grant.interface

    @property
    def application(self) -> Application:
        return self.caller.grant.application

    def report(self, **changes: Any) -> Correction:
        values = {
            "key": "R1", "column": "mobile", "wrong": "154****5678", "right": "15400000000",
            "evidence": "当事人出示的本人手机",
        } | changes  # fmt: skip
        return services.report(
            actor=values.pop("actor", self.scene.asker), application=self.application,
            interface=self.interface, content=services.Report(**values),
        )  # fmt: skip


@pytest.fixture
def received(scene: Scene) -> Received:
    """R1 was looked up by both applications, R2 by the first alone, the name of R1 by the second without the number."""
    caller = scene.shared()
    own = applications.register_application(
        actor=scene.officer, code="hr-app", name="人社一体机", owner=scene.city.hr,
        purpose="核对参保人信息",
    )  # fmt: skip
    grant = scene.grant(application=own, interface=caller.grant.interface)
    key, secret = applications.issue_key(actor=scene.officer, application=own)
    dispatch_all()
    other = Caller(grant, key, secret)
    with gateway(scene) as running:
        caller.ask(running, "R1")
        caller.ask(running, "R2")
        other.ask(running, "R1")
        other.ask(running, "R1", "fields=name")
        other.ask(running, "nobody")
    index.collect()
    return Received(scene, caller, other)
