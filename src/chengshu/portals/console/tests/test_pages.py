"""The work table, the search, the health answer and the error pages."""

import pytest
from django.db import DatabaseError, connection, connections
from django.urls import reverse

from chengshu.kernel.access.actor import ANONYMOUS
from chengshu.portals.console import errors

pytestmark = pytest.mark.django_db


def test_home_greets_and_says_that_nothing_waits(cast, client_for):
    page = client_for(cast.officer_a).get(reverse("console:home")).content.decode()
    assert cast.officer_a.display_name in page
    assert "没有等您处理的事" in page


def test_search_invites_finds_and_admits_finding_nothing(cast, client_for):
    client = client_for(cast.officer_a)
    assert "想找什么" in client.get(reverse("console:search")).content.decode()
    assert "没有找到" in client.get(reverse("console:search"), {"q": "独角兽"}).content.decode()


def test_the_console_is_not_for_citizens(cast, client_for):
    assert client_for(cast.citizen).get(reverse("console:home")).status_code == 403


def test_health_names_the_database_in_use(client):
    answer = client.get("/healthz").json()
    assert answer["status"] == "ok"
    assert answer["database"] == connection.vendor


def test_an_unknown_page_says_what_to_do(client):
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "从首页或搜索重新进入" in answer.content.decode()


def test_the_failure_page_needs_no_database(rf, monkeypatch):
    def broken(*_args, **_kwargs):
        raise DatabaseError("down")

    request = rf.get("/console/")
    request.actor = ANONYMOUS
    monkeypatch.setattr(connections["default"], "cursor", broken)
    answer = errors.server_error(request)
    assert answer.status_code == 500
    assert "没有完成的操作都已撤回" in answer.content.decode()


def test_a_form_that_waited_too_long_keeps_nothing_and_says_so(rf):
    request = rf.post("/console/")
    request.actor = ANONYMOUS
    assert "刷新后重新提交" in errors.csrf_failure(request).content.decode()
