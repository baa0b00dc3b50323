from collections.abc import Callable

import pytest
from django.contrib.auth.password_validation import validate_password
from django.test import Client

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.accounts.services import (
    change_password,
    generate_password,
    reset_password,
    sign_in,
)
from chengshu.kernel.errors import InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import PASSWORD, Cast

ActorFor = Callable[[Account], Actor]
NEW = "Harbour-lights-88"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Ab1-short", "至少 10 位"),
        ("onlylowercase-", "三类"),
        ("PASSWORD-1234-", "太常见"),
        ("Longgang-2026", "太常见"),
        ("officer_a-2026-X", "账号名或姓名"),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(
    cast: Cast, actor_for: ActorFor, password: str, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        change_password(actor=actor_for(cast.officer_a), old=PASSWORD, new=password)
    assert sign_in(actor=Actor(), username="officer_a", password=PASSWORD)


def test_a_new_password_replaces_the_old_one(cast: Cast, actor_for: ActorFor) -> None:
    change_password(actor=actor_for(cast.officer_a), old=PASSWORD, new=NEW)
    assert sign_in(actor=Actor(), username="officer_a", password=NEW)
    with pytest.raises(NotAllowed):
        sign_in(actor=Actor(), username="officer_a", password=PASSWORD)


@pytest.mark.parametrize(
    ("old", "new", "field"), [("wrong", NEW, "old"), (PASSWORD, PASSWORD, "new")]
)
def test_the_refusal_names_the_field(
    cast: Cast, actor_for: ActorFor, old: str, new: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        change_password(actor=actor_for(cast.officer_a), old=old, new=new)
    assert list(caught.value.fields) == [field]


def test_generated_passwords_keep_the_rules() -> None:
    for _ in range(200):
        validate_password(generate_password(), Account(username="a", display_name="某某"))


def test_generated_passwords_differ() -> None:
    assert len({generate_password() for _ in range(100)}) == 100


def test_a_changed_password_ends_every_other_session(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    here, elsewhere = client_for(cast.officer_a), client_for(cast.officer_a)
    form = {"old": PASSWORD, "new": NEW, "again": NEW}
    assert here.post("/account/password/", form)["Location"] == "/console/"
    assert here.get("/console/profile/").status_code == 200
    assert elsewhere.get("/console/profile/").status_code == 302


def test_the_password_page_shows_what_is_wrong_beside_the_field(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.officer_a)
    text = client.post("/account/password/", {"old": PASSWORD, "new": "short", "again": "other"})
    assert "两次输入的新密码不一样" in text.content.decode()
    text = client.post("/account/password/", {"old": PASSWORD, "new": "short", "again": "short"})
    assert "密码至少 10 位，现在是 5 位" in text.content.decode()
    assert PASSWORD not in text.content.decode()


def test_a_reset_shows_the_password_once_and_forces_a_change(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    operator = client_for(cast.operator)
    page = operator.post(f"/console/accounts/{cast.officer_a.pk}/reset/")
    password = page.context["password"]
    assert password in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert password not in operator.get(f"/console/accounts/{cast.officer_a.pk}/").content.decode()

    officer = Client()
    officer.post("/sign-in/", {"username": "officer_a", "password": password})
    assert officer.get("/console/profile/")["Location"] == "/account/password/"
    assert "一次性密码" in officer.get("/account/password/").content.decode()
    officer.post("/account/password/", {"old": password, "new": NEW, "again": NEW})
    assert officer.get("/console/profile/").status_code == 200


def test_nobody_takes_over_an_account_that_may_do_more(cast: Cast, actor_for: ActorFor) -> None:
    from chengshu.kernel.identity.models import RoleAssignment
    from chengshu.kernel.registry import registry
    from chengshu.kernel.registry.manifest import RoleTemplate

    local = RoleTemplate(key="local", name="本局账号员", permissions=("identity.account.manage",))
    registry.roles()["local"] = local
    try:
        RoleAssignment.objects.create(account=cast.stranger, role="local", organization=cast.bureau)
        local_manager = actor_for(cast.stranger)
        with pytest.raises(NotAllowed, match="不能处理含该权限的角色"):
            reset_password(actor=local_manager, account=cast.operator, password=NEW)
    finally:
        registry.roles.cache_clear()
    assert sign_in(actor=Actor(), username="operator", password=PASSWORD)
