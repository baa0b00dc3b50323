from collections.abc import Callable

import pytest

from chengshu.kernel.access.actor import ANONYMOUS, Actor, Scope, platform
from chengshu.kernel.access.rules import AccessRule, allows, check, scope
from chengshu.kernel.errors import NotAllowed, NotSignedIn
from chengshu.kernel.identity.models import Account, Organization, Region, RoleAssignment
from chengshu.kernel.identity.tests.cast import Cast

VIEW = "identity.organization.view"
ActorFor = Callable[[Account], Actor]


def acting(permission: str, *scopes: Scope) -> Actor:
    # Not active: only the scopes given here count, no query for roles.
    return Actor(account=Account(is_active=False), extra_scopes={permission: scopes})


def test_a_permission_reaches_its_organisation_and_everything_below(
    cast: Cast, actor_for: ActorFor
) -> None:
    officer = actor_for(cast.officer_a)
    assert allows(officer, VIEW, cast.department_a)
    assert not allows(officer, VIEW, cast.department_b)
    assert not allows(officer, VIEW, cast.city)
    assert list(scope(officer, VIEW, Organization.objects.all())) == [cast.department_a]


def test_a_permission_at_the_root_reaches_everything(cast: Cast, actor_for: ActorFor) -> None:
    admin = actor_for(cast.admin)
    assert scope(admin, VIEW, Organization.objects.all()).count() == 5


def test_no_role_means_nothing(cast: Cast, actor_for: ActorFor) -> None:
    stranger = actor_for(cast.stranger)
    assert not allows(stranger, VIEW)
    assert not scope(stranger, VIEW, Organization.objects.all()).exists()
    with pytest.raises(NotAllowed, match="查看组织机构"):
        check(stranger, VIEW, cast.department_b)


def test_a_department_whose_code_begins_like_another_is_not_reached(
    cast: Cast, actor_for: ActorFor
) -> None:
    similar = Organization.objects.create(
        code=f"{cast.department_a.code}2", name="另一个局", short="另一个", kind="department",
        parent=cast.city,
    )  # fmt: skip
    assert not allows(actor_for(cast.officer_a), VIEW, similar)
    assert similar not in scope(actor_for(cast.officer_a), VIEW, Organization.objects.all())


def test_an_expired_or_disabled_holder_has_nothing(cast: Cast, actor_for: ActorFor) -> None:
    RoleAssignment.objects.filter(account=cast.officer_a).update(valid_until="2020-01-01T00:00Z")
    assert not allows(actor_for(cast.officer_a), VIEW)
    cast.admin.is_active = False
    assert not allows(actor_for(cast.admin), VIEW)


def test_the_anonymous_public_is_sent_to_sign_in() -> None:
    with pytest.raises(NotSignedIn):
        check(ANONYMOUS, VIEW)


def test_the_platform_itself_may_do_everything(cast: Cast) -> None:
    assert allows(platform(), VIEW, cast.department_a)
    assert scope(platform(), VIEW, Organization.objects.all()).count() == 5


def test_an_unknown_permission_is_a_mistake_of_the_program(cast: Cast) -> None:
    with pytest.raises(LookupError, match="in no manifest"):
        allows(platform(), "no.such.permission", cast.city)


def test_a_model_without_a_place_needs_the_permission_at_the_root(cast: Cast) -> None:
    region = Region.objects.get(code="330383001000")
    root = acting(VIEW, Scope(cast.city.path))
    department = acting(VIEW, Scope(cast.department_a.path))
    assert allows(root, VIEW, region)
    assert not allows(department, VIEW, region)
    assert scope(root, VIEW, Region.objects.all()).count() == 2
    assert scope(department, VIEW, Region.objects.all()).count() == 0


def test_an_object_of_no_organisation_belongs_to_the_city(cast: Cast) -> None:
    permission = "identity.account.view"
    root = acting(permission, Scope(cast.city.path))
    department = acting(permission, Scope(cast.department_a.path))
    assert cast.citizen in scope(root, permission, Account.objects.all())
    assert set(scope(department, permission, Account.objects.all())) == {
        cast.officer_a,
        cast.approver,
    }
    assert allows(root, permission, cast.citizen)
    assert not allows(department, permission, cast.citizen)


def test_a_region_narrows_and_never_widens(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = AccessRule(organization="path", region="region__code")
    monkeypatch.setattr(Organization, "ACCESS", rule)
    code = cast.community.code
    narrowed = acting(VIEW, Scope(cast.city.path, code))
    assert [o.code for o in scope(narrowed, VIEW, Organization.objects.all())] == [code]
    assert allows(narrowed, VIEW, cast.community)
    assert not allows(narrowed, VIEW, cast.department_a)
    elsewhere = acting(VIEW, Scope(cast.department_a.path, code))
    assert not allows(elsewhere, VIEW, cast.community)


def test_a_narrowed_permission_does_not_reach_models_that_know_no_region(cast: Cast) -> None:
    narrowed = acting(VIEW, Scope(cast.city.path, "330383001000"))
    assert not scope(narrowed, VIEW, Organization.objects.all()).exists()
    assert not allows(narrowed, VIEW, cast.community)
    assert not scope(narrowed, VIEW, Region.objects.all()).exists()


def test_scope_and_allows_agree_on_every_object(cast: Cast, actor_for: ActorFor) -> None:
    for account in (cast.admin, cast.officer_a, cast.operator, cast.stranger, cast.citizen):
        actor = actor_for(account)
        for model, permission in ((Organization, VIEW), (Account, "identity.account.view")):
            narrowed = set(scope(actor, permission, model.objects.all()))
            assert narrowed == {o for o in model.objects.all() if allows(actor, permission, o)}


def test_permissions_of_an_actor_cost_one_query(
    cast: Cast, actor_for: ActorFor, django_assert_num_queries: Callable[[int], object]
) -> None:
    actor = actor_for(cast.admin)
    with django_assert_num_queries(1):
        for _ in range(3):
            allows(actor, VIEW)
