import importlib
from collections.abc import Callable

import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from pytest_django import Settings

from chengshu.kernel.access.middleware import client_address
from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN, page
from chengshu.kernel.access.shell import groups
from chengshu.kernel.errors import Conflict, NotFound
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast

ClientFor = Callable[[Account], Client]


def hello(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("你好")


def clash(_request: HttpRequest) -> HttpResponse:
    raise Conflict("“目录”刚被他人修改。", kept="您的修改没有保存。", advice="请刷新后再改。")


def missing(_request: HttpRequest) -> HttpResponse:
    raise NotFound("没有找到这条目录。", advice="请从列表重新进入。")


urlpatterns = [
    *importlib.import_module(django_settings.ROOT_URLCONF).urlpatterns,
    path("test/undeclared/", hello),
    page("test/public/", hello, name="test-public", permission=PUBLIC),
    page("test/mine/", hello, name="test-mine", permission=SIGNED_IN),
    page("test/audit/", hello, name="test-audit", permission="audit.view"),
    page("test/clash/", clash, name="test-clash", permission=PUBLIC),
    page("test/missing/", missing, name="test-missing", permission=PUBLIC),
]
handler403 = "chengshu.portals.console.errors.permission_denied"

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def test_a_route_that_declares_nothing_is_refused_even_to_an_administrator(
    cast: Cast, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    assert client_for(cast.admin).get("/test/undeclared/").status_code == 403
    assert "route without a declared permission" in caplog.text


def test_the_anonymous_public_goes_to_sign_in_and_comes_back() -> None:
    response = Client().get("/test/audit/?page=2")
    assert response.status_code == 302
    assert response["Location"] == "/sign-in/?next=%2Ftest%2Faudit%2F%3Fpage%3D2"


def test_a_fragment_request_without_a_session_moves_the_whole_page() -> None:
    response = Client().get("/test/mine/", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (
        204,
        "/sign-in/?next=%2Ftest%2Fmine%2F",
    )


def test_public_pages_need_nobody_and_private_ones_somebody(
    cast: Cast, client_for: ClientFor
) -> None:
    assert Client().get("/test/public/").status_code == 200
    assert client_for(cast.stranger).get("/test/mine/").status_code == 200


@pytest.mark.parametrize(
    ("name", "status"), [("auditor", 200), ("officer_a", 403), ("stranger", 403)]
)
def test_a_page_opens_only_with_its_permission(
    cast: Cast, client_for: ClientFor, name: str, status: int
) -> None:
    assert client_for(getattr(cast, name)).get("/test/audit/").status_code == status


def test_a_disabled_account_is_out_at_once(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.auditor)
    assert client.get("/test/audit/").status_code == 200
    Account.objects.filter(pk=cast.auditor.pk).update(is_active=False)
    assert client.get("/test/audit/").status_code == 302


def test_a_one_time_password_leads_to_the_password_page_only(
    cast: Cast, client_for: ClientFor
) -> None:
    Account.objects.filter(pk=cast.auditor.pk).update(must_change_password=True)
    client = client_for(cast.auditor)
    assert client.get("/test/audit/")["Location"] == "/account/password/"
    assert client.get("/account/password/").status_code == 200


def test_errors_of_the_platform_say_what_happened_what_was_kept_and_what_to_do(
    cast: Cast, client_for: ClientFor
) -> None:
    response = client_for(cast.admin).get("/test/clash/")
    text = response.content.decode()
    assert response.status_code == 409
    assert "刚被他人修改" in text
    assert "您的修改没有保存" in text
    assert "请刷新后再改" in text


def test_programs_get_problem_details(cast: Cast) -> None:
    response = Client().get("/test/missing/", headers={"Accept": "application/json"})
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 404
    assert response.json()["detail"] == "没有找到这条目录。请从列表重新进入。"


def test_every_answer_carries_the_strict_policy() -> None:
    policy = Client().get("/test/public/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("10.0.0.9", "1.2.3.4", "10.0.0.9"),  # not our proxy: anybody could write that header
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_address_of_the_caller_cannot_be_made_up(
    settings: Settings, remote: str, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=remote, **headers)
    assert client_address(request) == expected


def test_the_navigation_shows_only_what_one_may_open(
    cast: Cast, actor_for: Callable[[Account], object]
) -> None:
    def titles(account: Account) -> set[str]:
        found = groups("console", actor_for(account), "/console/audit/")  # type: ignore[arg-type]
        return {item.title for group in found for item in group.items}

    assert "审计记录" in titles(cast.auditor)
    assert "审计记录" not in titles(cast.officer_a)
    assert titles(cast.stranger) == set()


def test_the_longest_matching_entry_is_the_active_one(
    cast: Cast, actor_for: Callable[[Account], object]
) -> None:
    found = groups("console", actor_for(cast.auditor), "/console/audit/12/")  # type: ignore[arg-type]
    active = [item.title for group in found for item in group.items if item.active]
    assert active == ["审计记录"]
