from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.accounts.services import save_organization
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.events.services import SUBSCRIBERS, subscribe
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.identity.tests.cast import Cast, make_organization
from chengshu.kernel.search import index as indexing
from chengshu.kernel.search import subscribers
from chengshu.kernel.search.services import rebuild, search

pytestmark = pytest.mark.django_db
ActorFor = Callable[[Account], Actor]


def titles(query: str, actor: Actor) -> list[str]:
    return [hit.title for hit in search(actor, query).hits]


@pytest.fixture
def only_search() -> Iterator[None]:
    kept = dict(SUBSCRIBERS)
    SUBSCRIBERS.clear()
    subscribe("city.", name="search.refresh")(subscribers.refresh)
    yield
    SUBSCRIBERS.clear()
    SUBSCRIBERS.update(kept)


@pytest.mark.usefixtures("only_search")
def test_events_keep_the_index_fresh(cast: Cast, actor_for: ActorFor) -> None:
    operator = actor_for(cast.operator)
    made = save_organization(
        actor=operator, organization=None, code="330383-NEW", name="海洋渔业局", short="渔业局",
        kind="department", parent=cast.city,
    )  # fmt: skip
    assert titles("渔业", operator) == []
    dispatch()
    assert titles("渔业", operator) == ["海洋渔业局"]
    Organization.objects.filter(pk=made.pk).delete()
    indexing.refresh("identity.organization", [str(made.pk)])
    assert titles("渔业", operator) == []


def test_a_rebuild_finds_what_no_event_told(
    cast: Cast, actor_for: ActorFor, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = rebuild()
    assert counts["identity.organization"] == 5
    assert titles("社会事业", actor_for(cast.operator))[0] == "社会事业局"
    make_organization("X", "新设机构", parent=cast.city)
    call_command("search", "rebuild")
    assert "组织机构 6 条" in capsys.readouterr().out


def test_citizens_accounts_are_not_in_the_index(cast: Cast) -> None:
    rebuild()
    assert titles("章群众", platform()) == []
    assert titles("王社事", platform()) == ["王社事"]
