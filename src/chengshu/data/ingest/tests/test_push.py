"""Pushed deliveries: durable before answered, once per key, complete or refused."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState, Origin, PushState
from chengshu.data.ingest.models import Batch, PushMinute, PushSession, PushToken
from chengshu.data.ingest.services import push_limits, pushing
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import ITEMS, row
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import TooMany
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast

pytestmark = pytest.mark.django_db
API = "/api/v1/ingest/push"
NAMES = [spec["name"] for spec in ITEMS]


def person(n: int, **changes: str) -> dict[str, str]:
    return dict(zip(NAMES, row(n, **changes), strict=True))


class Pusher:
    """A department's program."""

    def __init__(self, text: str) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {text}"}

    def post(self, path: str, body: Any, key: str = "") -> Any:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        data = body if isinstance(body, bytes) else json.dumps(body)
        return self.client.post(
            f"{API}{path}", data, content_type="application/json", headers=headers
        )

    def begin(self, resource: Resource, key: str = "k1") -> str:
        answer = self.post("/sessions", {"resource": resource.code}, key)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["session"])

    def state(self, session: str) -> Any:
        return self.client.get(f"{API}/sessions/{session}", headers=self.headers).json()


@pytest.fixture
def token(officer: Actor, cast: Cast) -> tuple[PushToken, str]:
    return pushing.issue_token(actor=officer, name="社保系统", owner=cast.department_a)


Freeze = Callable[[str], None]


@pytest.fixture
def freeze(monkeypatch: pytest.MonkeyPatch) -> Freeze:
    """A function that stops the clock of the limits."""

    def stop(text: str) -> None:
        moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
        monkeypatch.setattr(push_limits.timezone, "now", lambda: moment)

    return stop


@pytest.fixture
def pusher(token: tuple[PushToken, str]) -> Pusher:
    return Pusher(token[1])


def test_parts_in_any_order_become_one_batch_in_the_lake(
    pusher: Pusher, resource: Resource
) -> None:
    session = pusher.begin(resource)
    assert (
        pusher.post(f"/sessions/{session}/parts/2", {"rows": [person(3, 性别="9")]}).status_code
        == 202
    )
    first = pusher.post(f"/sessions/{session}/parts/1", {"rows": [person(1), person(2)]})
    assert first.json() == {"session": session, "part": 1, "rows": 2}
    committed = pusher.post(f"/sessions/{session}/commit", {"rows": 3})
    assert committed.status_code == 202, committed.content
    batch = factories.run(Batch.objects.get(pk=committed.json()["batch"]))
    assert (batch.state, batch.origin, batch.error) == (BatchState.LOADED, Origin.PUSH, "")
    assert pusher.state(session)["balance"] == {
        "source": 3, "accepted": 2, "quarantined": 1, "duplicates": 0,
    }  # fmt: skip
    rows = loading.lake().read(resource.lake_table, order_by=["person_no"]).read_all().to_pylist()
    assert [r["id_number"] for r in rows] == [factories.id_number(1), factories.id_number(2)]


def test_a_part_is_on_disk_before_it_is_answered(
    pusher: Pusher, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = pusher.begin(resource)
    synced: list[int] = []
    real = pushing.os.fsync
    monkeypatch.setattr(pushing.os, "fsync", lambda fd: (synced.append(fd), real(fd))[1])
    pusher.post(f"/sessions/{session}/parts/1", {"rows": [person(1)]})
    folder = PushSession.objects.get().folder
    assert len(synced) == 3
    assert [p.name for p in folder.iterdir()] == ["part-00001.ndjson"]


def test_the_same_request_again_gets_the_same_answer_and_doubles_nothing(
    pusher: Pusher, resource: Resource
) -> None:
    session = pusher.begin(resource)
    assert pusher.begin(resource) == session
    part = {"rows": [person(1)]}
    answers = [pusher.post(f"/sessions/{session}/parts/1", part) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    commits = [pusher.post(f"/sessions/{session}/commit", {"rows": 1}) for _ in range(2)]
    assert commits[0].json() == commits[1].json()
    assert (PushSession.objects.count(), Batch.objects.count()) == (1, 1)


def test_a_key_or_a_number_used_for_something_else_is_refused(
    pusher: Pusher, resource: Resource
) -> None:
    session = pusher.begin(resource)
    clash = pusher.post("/sessions", {"resource": "other"}, "k1")
    assert (clash.status_code, "另一个内容" in clash.json()["detail"]) == (409, True)
    pusher.post(f"/sessions/{session}/parts/1", {"rows": [person(1)]})
    clash = pusher.post(f"/sessions/{session}/parts/1", {"rows": [person(2)]})
    assert (clash.status_code, "内容不同" in clash.json()["detail"]) == (409, True)
    assert pusher.post("/sessions", {"resource": resource.code}).status_code == 422


def test_a_missing_part_is_named_and_can_be_added(pusher: Pusher, resource: Resource) -> None:
    session = pusher.begin(resource)
    assert pusher.post(f"/sessions/{session}/commit", {"rows": 1}).status_code == 409
    for number in (1, 4):
        pusher.post(f"/sessions/{session}/parts/{number}", {"rows": [person(number)]})
    refused = pusher.post(f"/sessions/{session}/commit", {"rows": 4})
    assert refused.status_code == 409
    assert "缺少第 2、3 部分" in refused.json()["detail"]
    assert pusher.state(session)["missing"] == [2, 3]
    assert not Batch.objects.exists()
    for number in (2, 3):
        pusher.post(f"/sessions/{session}/parts/{number}", {"rows": [person(number)]})
    wrong = pusher.post(f"/sessions/{session}/commit", {"rows": 5})
    assert (wrong.status_code, "收到 4 行" in wrong.json()["detail"]) == (422, True)
    assert pusher.post(f"/sessions/{session}/commit", {"rows": 4}).status_code == 202
    assert pusher.post(f"/sessions/{session}/parts/5", {"rows": [person(5)]}).status_code == 409


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "JSON"),
        ({"rows": []}, "至少一行"),
        ({"rows": [1]}, "rows"),
        ({"rows": [{"nobody": 1}]}, "没有这些数据项：nobody"),
        ({"rows": [{"full_name": "x"}] * (pushing.MAX_ROWS + 1)}, "不超过 10,000 行"),
    ],
)
def test_what_cannot_be_rows_is_refused_at_once(
    pusher: Pusher, resource: Resource, body: Any, words: str
) -> None:
    session = pusher.begin(resource)
    refused = pusher.post(f"/sessions/{session}/parts/1", body)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
    assert pusher.state(session)["parts"] == 0


def test_numbers_and_titles_are_taken_as_written(pusher: Pusher, resource: Resource) -> None:
    titles = {spec["title"]: value for spec, value in zip(ITEMS, row(1), strict=True)}
    body = json.dumps({"rows": [titles]}, ensure_ascii=False).encode()
    small = pusher.post(f"/batches?resource={resource.code}", body, "small")
    assert small.status_code == 202, small.content
    again = pusher.post(f"/batches?resource={resource.code}", body, "small")
    assert again.json() == small.json()
    batch = factories.run(Batch.objects.get())
    assert (batch.state, batch.accepted) == (BatchState.LOADED, 1)


def test_a_failed_small_push_leaves_nothing_behind(pusher: Pusher, resource: Resource) -> None:
    refused = pusher.post(f"/batches?resource={resource.code}", {"rows": [{"full_name": "x"}]}, "k")
    assert refused.status_code == 422
    assert not PushSession.objects.exists()


def test_only_a_valid_token_may_push_and_only_to_its_own_department(
    pusher: Pusher, token: tuple[PushToken, str], resource: Resource, cast: Cast, officer: Actor
) -> None:
    other = factories.publish(cast.department_b, physical_name="other_register")
    assert pusher.post("/sessions", {"resource": other.code}, "k9").status_code == 404
    for wrong in ("", "x", token[1][:-1], token[1] + "x"):
        assert Pusher(wrong).post("/sessions", {"resource": resource.code}, "k").status_code == 401
    session = pusher.begin(resource)
    _, second = pushing.issue_token(actor=officer, name="另一个", owner=cast.department_a)
    assert Pusher(second).post(f"/sessions/{session}/commit", {"rows": 1}).status_code == 404
    pushing.revoke_token(actor=officer, token=token[0])
    assert pusher.post(f"/sessions/{session}/commit", {"rows": 1}).status_code == 401


def test_a_delivery_nobody_commits_is_given_up_after_a_day(
    pusher: Pusher, resource: Resource
) -> None:
    session = pusher.begin(resource)
    pusher.post(f"/sessions/{session}/parts/1", {"rows": [person(1)]})
    assert pushing.sweep_pushed() == 0
    PushSession.objects.update(begun_at=timezone.now() - timedelta(hours=25))
    assert pushing.sweep_pushed() == 1
    item = PushSession.objects.get()
    assert (item.state, item.folder.exists()) == (PushState.ABANDONED, False)


def test_a_token_is_issued_shown_once_and_revoked_in_the_browser(
    client_for: Callable[[Account], Client], cast: Cast, resource: Resource
) -> None:
    client = client_for(cast.officer_a)
    assert client.get(reverse("ingest:tokens")).status_code == 200
    assert client.get(reverse("ingest:token-new")).status_code == 200
    filled = {"name": "系统", "owner": cast.department_a.pk, "requests_per_minute": "120",
              "rows_per_minute": "200000"}  # fmt: skip
    issued = client.post(reverse("ingest:token-new"), filled)
    text = issued.context["text"]
    assert text in issued.content.decode()
    assert issued.headers["Cache-Control"] == "no-store"
    pusher = Pusher(text)
    pusher.begin(resource)
    token = PushToken.objects.get()
    assert text not in json.dumps(list(PushToken.objects.values()), default=str)
    where = reverse("ingest:token", args=[token.pk])
    assert resource.title in client.get(where).content.decode()
    assert client_for(cast.officer_b).get(where).status_code == 404
    client.post(where)
    assert pusher.post("/sessions", {"resource": resource.code}, "k2").status_code == 401
    assert "已吊销" in client.get(reverse("ingest:tokens")).content.decode()


def limited(token: PushToken, *, requests: int = 100, rows: int = 10_000) -> None:
    PushToken.objects.filter(pk=token.pk).update(requests_per_minute=requests, rows_per_minute=rows)


def test_too_many_requests_are_told_when_to_come_back_and_lose_nothing(
    pusher: Pusher, token: tuple[PushToken, str], resource: Resource, freeze: Freeze
) -> None:
    freeze("2026-11-23 10:00:15")
    session = pusher.begin(resource)
    limited(token[0], requests=2)
    part = {"rows": [person(1)]}
    assert pusher.post(f"/sessions/{session}/parts/1", part).status_code == 202
    refused = pusher.post(f"/sessions/{session}/parts/2", part)
    assert (refused.status_code, refused["Retry-After"]) == (429, "45")
    assert refused["Content-Type"] == "application/problem+json"
    assert "最多 2 次请求" in refused.json()["detail"]
    assert "请等 45 秒后原样重试" in refused.json()["detail"]
    freeze("2026-11-23 10:01:00")
    assert pusher.state(session)["parts"] == 1
    assert pusher.post(f"/sessions/{session}/parts/2", part).status_code == 202


def test_rows_are_limited_too_but_a_repeat_costs_none(
    pusher: Pusher, token: tuple[PushToken, str], resource: Resource, freeze: Freeze
) -> None:
    freeze("2026-11-23 10:00:15")
    session = pusher.begin(resource)
    limited(token[0], rows=3)
    part = {"rows": [person(1), person(2)]}
    for _ in range(3):
        assert pusher.post(f"/sessions/{session}/parts/1", part).status_code == 202
    refused = pusher.post(f"/sessions/{session}/parts/2", {"rows": [person(3), person(4)]})
    assert refused.status_code == 429
    assert "已收到的部分都在" in refused.json()["detail"]
    assert push_limits.used_now(token[0]) == (5, 2)
    assert pusher.post(f"/sessions/{session}/parts/2", {"rows": [person(3)]}).status_code == 202
    # A small batch in one request is refused whole, and its key stays free for the retry.
    small = pusher.post(f"/batches?resource={resource.code}", {"rows": [person(5)]}, "once")
    assert small.status_code == 429
    assert PushSession.objects.count() == 1
    freeze("2026-11-23 10:01:00")
    small = pusher.post(f"/batches?resource={resource.code}", {"rows": [person(5)]}, "once")
    assert small.status_code == 202


def test_each_token_has_a_limit_of_its_own_and_wrong_tokens_count_for_nobody(
    pusher: Pusher, token: tuple[PushToken, str], officer: Actor, cast: Cast, resource: Resource
) -> None:
    limited(token[0], requests=1)
    other = Pusher(pushing.issue_token(actor=officer, name="另一个", owner=cast.department_a)[1])
    guess = Pusher(token[1][:-1] + ("a" if token[1][-1] != "a" else "b"))
    assert guess.post("/sessions", {"resource": resource.code}, "k").status_code == 401
    pusher.begin(resource)
    assert pusher.post("/sessions", {"resource": resource.code}, "k1").status_code == 429
    other.begin(resource)


def test_the_limit_is_set_shown_and_kept_in_bounds_on_pages(
    client_for: Callable[[Account], Client], cast: Cast, token: tuple[PushToken, str]
) -> None:
    client, item = client_for(cast.officer_a), token[0]
    url = reverse("ingest:token-limits", args=[item.pk])
    assert "200000" in client.get(url).content.decode()
    refused = client.post(url, {"requests_per_minute": "10", "rows_per_minute": "9999"})
    assert refused.status_code == 422
    assert "一个部分的上限" in refused.content.decode()
    client.post(url, {"requests_per_minute": "10", "rows_per_minute": "50000"})
    page = client.get(reverse("ingest:token", args=[item.pk])).content.decode()
    assert "最多 10 次" in page
    assert "最多 50,000 行" in page
    made = {"name": "日终", "owner": cast.department_a.pk, "rows_per_minute": "20000"}
    client.post(reverse("ingest:token-new"), {**made, "requests_per_minute": "5"})
    assert PushToken.objects.get(name="日终").requests_per_minute == 5
    assert "20,000" in client.get(reverse("ingest:tokens")).content.decode()


@pytest.mark.django_db(transaction=True)
def test_several_processes_share_one_count(token: tuple[PushToken, str]) -> None:
    limited(token[0], requests=25)
    item = PushToken.objects.get(pk=token[0].pk)

    def knock(_: int) -> bool:
        try:
            push_limits.count_request(item)
        except TooMany:
            return False
        return True

    def knock_apart(turn: int) -> bool:
        try:
            return knock(turn)
        finally:
            connection.close()

    while timezone.now().second > 50:
        time.sleep(1)
    if connection.vendor == "sqlite":  # one writer at a time anyway
        assert sum(map(knock, range(80))) == 25
        return
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(knock_apart, range(80))) == 25


def test_old_counts_are_forgotten(token: tuple[PushToken, str]) -> None:
    push_limits.count_request(token[0])
    PushMinute.objects.create(token=token[0], minute=timezone.now() - timedelta(days=2))
    assert push_limits.forget_minutes() == 1
    assert PushMinute.objects.count() == 1
