"""Who may do what in sharing, and what is refused in words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing.choices import ApplicationState, GrantState
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.services import applications, grants, interfaces
from chengshu.data.sharing.tests.cast import CONTENT, FIELDS, MASKS
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.models import Event
from chengshu.kernel.jobs.models import Job


def verbs(scene):
    """Every write of the package, as a function of who tries."""
    item = scene.grant()
    key, _secret = applications.issue_key(actor=scene.asker, application=item.application)
    change = {
        "fields": FIELDS, "masks": MASKS, "row_filter": None, "per_minute": None, "per_day": None,
        "networks": [], "valid_until": None,
    }  # fmt: skip
    resource, application, interface = scene.resource.code, item.application, item.interface
    return {
        "data": {
            "create": lambda who: interfaces.create_interface(
                actor=who, resource_code=resource, code="other", title="", key_column="resident_no"
            ),
            "refresh": lambda who: interfaces.refresh(actor=who, interface=interface),
            "offline": lambda who: interfaces.set_online(
                actor=who, interface=interface, online=False, reason="x"
            ),
            "change": lambda who: grants.change_grant(actor=who, item=item, **change),
            "revoke": lambda who: grants.set_state(
                actor=who, item=item, state=GrantState.REVOKED, reason="x"
            ),
        },
        "application": {
            "register": lambda who: applications.register_application(
                actor=who, code="more-app", name="x", owner=scene.city.market, purpose="x"
            ),
            "issue": lambda who: applications.issue_key(actor=who, application=application),
            "revoke-key": lambda who: applications.revoke_key(actor=who, key=key, reason="x"),
            "suspend": lambda who: applications.set_application_state(
                actor=who, application=application, state=ApplicationState.SUSPENDED, reason="x"
            ),
        },
    }


def test_each_side_rules_over_its_own_only_and_the_rest_is_refused(scene):
    tried = verbs(scene)
    before = AuditRecord.objects.count()
    others = {
        "data": (scene.asker, scene.city.leader, scene.city.nobody),
        "application": (scene.officer, scene.city.leader, scene.city.nobody),
    }
    for side, verb in tried.items():
        for who in others[side]:
            for name, act in verb.items():
                with pytest.raises(NotAllowed):
                    act(who)
                assert AuditRecord.objects.count() == before, (side, name)
    for side, who in (("data", scene.officer), ("application", scene.asker)):
        for act in tried[side].values():
            act(who)
    # Each act left its record, except the refresh: the first build still waits and is not queued twice.
    assert AuditRecord.objects.count() == before + 8
    assert Job.objects.filter(arguments={"interface": "resident-by-no"}).count() == 1


def test_a_grant_needs_no_second_person_but_an_online_interface_and_no_twin(scene):
    item = scene.grant()
    assert item.state == GrantState.ACTIVE
    with pytest.raises(Conflict, match="已有该接口的授权"):
        scene.grant()
    interfaces.set_online(
        actor=scene.officer, interface=item.interface, online=False, reason="口径核对"
    )
    with pytest.raises(Conflict, match="没有上线"):
        scene.grant(application=scene.application("second-app"), interface=item.interface)


def test_a_revoked_grant_stays_as_history_and_a_new_one_may_follow(scene):
    item = scene.grant()
    grants.set_state(actor=scene.officer, item=item, state=GrantState.REVOKED, reason="到期")
    with pytest.raises(Conflict, match="已经收回"):
        grants.change_grant(
            actor=scene.officer, item=item, fields=FIELDS, masks=MASKS, row_filter=None,
            per_minute=None, per_day=None, networks=[], valid_until=None,
        )  # fmt: skip
    with pytest.raises(Conflict, match="已经收回"):
        grants.set_state(actor=scene.officer, item=item, state=GrantState.ACTIVE, reason="x")
    scene.grant()
    assert Grant.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fields": []}, "fields"),
        ({"masks": {"id_number": "id_number"}}, "unmasked_reason"),
        ({"masks": {"name": "none", "id_number": "full"}}, "unmasked_reason"),
        ({"purpose": " "}, "purpose"),
        ({"valid_until": timezone.now() - timedelta(days=1)}, "valid_until"),
    ],
)
def test_a_wrong_grant_names_the_field_and_writes_nothing(scene, change, field):
    with pytest.raises(InvalidInput) as caught:
        scene.grant(**change)
    assert field in caught.value.fields
    assert not Grant.objects.exists()
    assert not Event.objects.filter(type="city.sharing.grant.created").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fields": [*FIELDS, "salary"]}, "salary"),
        ({"masks": {**MASKS, "name": "blur"}}, "不认识的脱敏方式"),
        ({"row_filter": {"eq": ["family", "two"]}}, "类型不符"),
        ({"networks": ["10.0.0.0/33"]}, "10.0.0.0/33"),
    ],
)
def test_what_the_gateway_would_refuse_is_refused_when_saved(scene, change, told):
    with pytest.raises(InvalidInput, match=told):
        scene.grant(**change)


@pytest.mark.parametrize("code", ["", "A-b", "x", "-ab", "ab-", "含中文", "a" * 41])
def test_an_applications_code_is_checked(scene, code):
    with pytest.raises(InvalidInput) as caught:
        scene.application(code)
    assert "code" in caught.value.fields


def test_codes_are_unique_and_secrets_are_never_the_same(scene):
    application = scene.application()
    with pytest.raises(InvalidInput, match="没有登记"):
        scene.application()
    secrets = {
        applications.issue_key(actor=scene.asker, application=application)[1] for _ in range(5)
    }
    assert len(secrets) == 5
    assert min(map(len, secrets)) >= 32


def test_a_suspended_application_gets_no_key_and_a_key_is_revoked_once(scene):
    application = scene.application()
    key, _secret = applications.issue_key(actor=scene.asker, application=application)
    applications.revoke_key(actor=scene.asker, key=key, reason="轮换")
    with pytest.raises(Conflict, match="已经吊销"):
        applications.revoke_key(actor=scene.asker, key=key, reason="轮换")
    applications.set_application_state(
        actor=scene.asker, application=application, state=ApplicationState.SUSPENDED, reason="x"
    )
    with pytest.raises(Conflict, match="不能签发"):
        applications.issue_key(actor=scene.asker, application=application)


def test_a_resource_catalogued_as_not_shared_cannot_become_an_interface(scene):
    from dataclasses import replace

    closed = catalog_cast.published(
        scene.city,
        name="closed",
        content=replace(CONTENT, sharing_type="none", sharing_basis="依法保密"),
    )
    with pytest.raises(Conflict, match="不予共享"):
        scene.interface("closed", resource_code=closed.code)
