from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.accounts.services import set_account_state, sign_in
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import NotAllowed, TooMany
from chengshu.kernel.events.models import Event
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import PASSWORD, Cast

WRONG = "Wrong-password-1"


def from_address(address: str = "10.1.1.1") -> Actor:
    return Actor(address=address, request_id="r1")


def fail(username: str, times: int = 1, address: str = "10.1.1.1") -> str:
    text = ""
    for _ in range(times):
        with pytest.raises(NotAllowed) as caught:
            sign_in(actor=from_address(address), username=username, password=WRONG)
        text = caught.value.detail
    return text


def test_the_right_password_opens_and_leaves_a_trace(cast: Cast) -> None:
    account = sign_in(actor=from_address(), username=" officer_a ", password=PASSWORD)
    trace = AuditRecord.objects.get(action="identity.sign_in")
    assert account == cast.officer_a
    assert (trace.actor_id, trace.address, trace.request_id) == ("officer_a", "10.1.1.1", "r1")


def test_the_fifth_failure_locks_and_tells_the_minutes(cast: Cast) -> None:
    fail("officer_a", 5)
    with pytest.raises(TooMany, match="约 15 分钟后自动解除"):
        sign_in(actor=from_address(), username="officer_a", password=PASSWORD)
    assert Event.objects.get().type == "city.identity.account.locked"
    actions = list(AuditRecord.objects.order_by("seq").values_list("action", flat=True))
    assert actions == ["identity.sign_in_failed"] * 4 + ["identity.sign_in_locked"]


def test_the_lock_ends_by_itself_and_the_count_begins_anew(cast: Cast) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        fail("officer_a", 5)
        clock.shift(timedelta(minutes=14))
        with pytest.raises(TooMany, match="约 1 分钟"):
            sign_in(actor=from_address(), username="officer_a", password=PASSWORD)
        clock.shift(timedelta(minutes=1, seconds=1))
        fail("officer_a", 4)
        assert sign_in(actor=from_address(), username="officer_a", password=PASSWORD)


def test_a_success_forgives_earlier_failures(cast: Cast) -> None:
    for _ in range(3):
        fail("officer_a", 4)
        sign_in(actor=from_address(), username="officer_a", password=PASSWORD)


def test_an_administrator_unlocks_before_the_time(
    cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    fail("officer_a", 5)
    account = Account.objects.get(username="officer_a")
    set_account_state(
        actor=actor_for(cast.operator), account=account, active=True, reason="本人来电", unlock=True
    )
    assert sign_in(actor=from_address(), username="officer_a", password=PASSWORD)


def test_nobody_learns_which_accounts_exist(cast: Cast) -> None:
    Account.objects.filter(username="officer_b").update(is_active=False)
    texts = {fail("officer_a"), fail("nobody"), fail("officer_b")}
    assert len(texts) == 1


def test_a_name_nobody_has_is_locked_like_a_real_one(cast: Cast) -> None:
    fail("nobody", 5)
    with pytest.raises(TooMany) as unknown:
        sign_in(actor=from_address(), username="nobody", password=WRONG)
    fail("officer_a", 5)
    with pytest.raises(TooMany) as real:
        sign_in(actor=from_address(), username="officer_a", password=WRONG)
    assert unknown.value.detail == real.value.detail


def test_an_address_that_guesses_many_accounts_is_slowed_down(
    cast: Cast, settings: Settings
) -> None:
    settings.SIGN_IN_MAX_FAILURES_PER_ADDRESS = 6
    for number in range(6):
        fail(f"guess{number}")
    with pytest.raises(TooMany, match="网络地址"):
        sign_in(actor=from_address(), username="officer_a", password=PASSWORD)
    assert sign_in(actor=from_address("10.1.1.2"), username="officer_a", password=PASSWORD)


def test_sign_in_goes_on_to_the_wanted_page(cast: Cast) -> None:
    response = Client().post(
        "/sign-in/",
        {"username": "officer_a", "password": PASSWORD, "next": "/console/organizations/"},
    )
    assert response["Location"] == "/console/organizations/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example"]
)
def test_sign_in_never_leads_to_a_strange_site(cast: Cast, target: str) -> None:
    response = Client().post(
        "/sign-in/", {"username": "officer_a", "password": PASSWORD, "next": target}
    )
    assert response["Location"] == "/console/"


@pytest.mark.parametrize(
    ("name", "home"), [("citizen", "/"), ("stranger", "/staff/"), ("admin", "/console/")]
)
def test_everybody_starts_at_home(cast: Cast, name: str, home: str) -> None:
    response = Client().post("/sign-in/", {"username": name, "password": PASSWORD})
    assert response["Location"] == home


def test_a_wrong_password_shows_the_reason_and_keeps_the_name(cast: Cast) -> None:
    response = Client().post("/sign-in/", {"username": "officer_a", "password": WRONG})
    text = response.content.decode()
    assert response.status_code == 403
    assert "账号或密码不对" in text
    assert 'value="officer_a"' in text
    assert WRONG not in text


def test_the_lock_out_is_told_on_the_page(cast: Cast) -> None:
    fail("officer_a", 5)
    response = Client().post("/sign-in/", {"username": "officer_a", "password": PASSWORD})
    assert response.status_code == 429
    assert "约 15 分钟后自动解除" in response.content.decode()


def test_the_session_gets_a_new_key_at_sign_in(cast: Cast) -> None:
    client = Client()
    session = client.session
    session["x"] = 1
    session.save()
    before = session.session_key
    client.post("/sign-in/", {"username": "officer_a", "password": PASSWORD})
    assert client.session.session_key != before


def test_sign_out_is_a_post_and_ends_the_session(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.officer_a)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/console/profile/").status_code == 302
    assert AuditRecord.objects.filter(action="identity.sign_out").exists()


def demo() -> list[dict[str, str]]:
    return [{"title": "王社事（数据专员）", "username": "officer_a", "password": "demo-pass"}]


def test_demo_accounts_show_only_in_a_demo_city(db: None, settings: Settings) -> None:
    assert "演示账号" not in Client().get("/sign-in/").content.decode()
    settings.DEMO_ACCOUNTS = f"{__name__}.demo"
    assert "王社事（数据专员）" in Client().get("/sign-in/").content.decode()
