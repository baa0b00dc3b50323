"""A token acts for its owner with less than the owner may do, until a day, and its text is nowhere to be read again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import InvalidInput, NotAllowed, NotFound, NotSignedIn
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.tokens import services
from chengshu.kernel.tokens.models import ApiToken

ActorFor = Callable[[Account], Actor]
PAGE = "/console/profile/tokens/"


@pytest.fixture
def made(cast: Cast, actor_for: ActorFor) -> tuple[ApiToken, str]:
    """A token of department A's officer for drafts."""
    return services.issue(
        actor=actor_for(cast.officer_a), name="更新脚本", scopes=["opening.draft"], days=30
    )


def test_it_holds_what_it_was_made_for_and_no_more_than_its_owner(
    cast: Cast, made: tuple[ApiToken, str]
) -> None:
    token, text = made
    actor = services.authenticate(f"Bearer {text}")
    assert holds(actor, "opening.manage")
    assert allows(actor, "opening.manage", cast.officer_a) == allows(
        Actor(account=cast.officer_a), "opening.manage", cast.officer_a
    )
    assert holds(Actor(account=cast.officer_a), "ingest.batch.create")
    assert not holds(actor, "ingest.batch.create")
    cast.officer_a.assignments.all().delete()
    assert not holds(services.authenticate(text), "opening.manage")
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert text.rpartition("-")[2] not in str(ApiToken.objects.values().get())


def test_nobody_makes_one_for_what_is_not_theirs_and_no_token_makes_tokens(
    cast: Cast, actor_for: ActorFor, made: tuple[ApiToken, str]
) -> None:
    for scopes in (["opening.draft"], ["nothing"], []):
        with pytest.raises(InvalidInput):
            services.issue(actor=actor_for(cast.stranger), name="a", scopes=scopes, days=30)
    with pytest.raises(NotAllowed):
        services.issue(
            actor=services.authenticate(made[1]), name="b", scopes=["opening.draft"], days=30
        )
    with pytest.raises(NotAllowed):
        services.revoke(actor=actor_for(cast.officer_b), token=made[0])
    with pytest.raises(NotFound):
        services.own(actor_for(cast.officer_b), made[0].prefix)


def _revoke(token: ApiToken, actor: Actor) -> None:
    services.revoke(actor=actor, token=token)


def _expire(token: ApiToken, _actor: Actor) -> None:
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def _disable(token: ApiToken, _actor: Actor) -> None:
    Account.objects.filter(pk=token.account_id).update(is_active=False)


def _must_change_password(token: ApiToken, _actor: Actor) -> None:
    Account.objects.filter(pk=token.account_id).update(must_change_password=True)


@pytest.mark.parametrize("end", [_revoke, _expire, _disable, _must_change_password])
def test_what_was_taken_back_opens_nothing_and_its_use_leaves_a_trace(
    cast: Cast, actor_for: ActorFor, made: tuple[ApiToken, str], end: Callable[..., None]
) -> None:
    end(made[0], actor_for(cast.officer_a))
    with pytest.raises(NotSignedIn):
        services.authenticate(made[1])
    assert AuditRecord.objects.filter(action="tokens.refused").count() == 1


def test_a_guess_is_refused(made: tuple[ApiToken, str]) -> None:
    token, text = made
    for guess in (
        "",
        "a-key",
        text[:-1],
        f"cstoken-{token.prefix}-",
        f"cstoken-{token.prefix}",
        "cstoken--",
    ):
        with pytest.raises(NotSignedIn):
            services.authenticate(guess)


def test_a_person_makes_sees_and_revokes_one_on_a_page(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.officer_a)
    assert PAGE in client.get("/console/profile/").text
    assert "还没有令牌" in client.get(PAGE).text
    assert client.post(f"{PAGE}new/", {"name": "脚本", "days": 30}).status_code == 422
    given = {"name": "脚本", "days": 30, "scopes": ["opening.draft"]}
    shown = client.post(f"{PAGE}new/", given)
    token = ApiToken.objects.get()
    assert f"cstoken-{token.prefix}-" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    listed = client.get(PAGE).text
    assert token.prefix in listed
    assert "cstoken-" not in listed
    assert client_for(cast.officer_b).post(f"{PAGE}{token.prefix}/revoke/").status_code == 404
    client.post(f"{PAGE}{token.prefix}/revoke/")
    assert "已吊销" in client.get(PAGE).text
    assert "没有可签发的令牌" in client_for(cast.stranger).get(PAGE).text
