"""Proxied interfaces against a real HTTP server: healthy, slow, dead, wrong, huge, redirecting."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chengshu_gateway.bundle import Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.keys import hash_record_key
from chengshu_gateway.relay import breaker
from chengshu_gateway.sources import Parameter, Source, seal_headers
from chengshu_gateway.tests.department_source import (
    PERSON,
    Department,
    department,
    dripping,
    hanging_up,
    in_turn,
    people,
    says,
    slowly,
)
from chengshu_gateway.tests.sample_city import APP, KEYS, Local, calls, local, signed

pytestmark = pytest.mark.service
NAME = "person-by-id"
PATH = f"/share/v1/{NAME}/proxy"
COLUMNS = (Column("id_number"), Column("name"), Column("age", "integer"))
SOURCE = Source(
    url="", parameters=(Parameter("sfzh", length=18), Parameter("xm", required=False)),
    fields={"id_number": "sfzh", "name": "xm", "age": "nl"}, rows_at="data.list",
    success_at="code", success_is=("200",), timeout=2.0, most=5, networks=("127.0.0.0/8",),
    headers=seal_headers(KEYS.source, NAME, {"Authorization": "Bearer secret-of-the-department"}),
)  # fmt: skip
GRANT = Grant("app-1", NAME, ("id_number", "name"), {"name": "name"}, kinds=("proxy",))
OTHER = replace(APP, app_id="app-2")


class City:
    """A gateway whose only interface is the department's."""

    def __init__(self, data: Path, gateway: Local, source: Department) -> None:
        self.data, self.gateway, self.source = data, gateway, source

    def publish(self, *, grant: Grant = GRANT, path: str = "/people", **changes: Any) -> None:
        url = changes.pop("url", f"{self.source.url}{path}")
        source = replace(SOURCE, url=url, **changes)
        interface = Interface(NAME, "1/01/0001", "人员", "", "id_number", COLUMNS, source=source)
        bundle = Bundle((APP, OTHER), (interface,), (grant, replace(grant, app_id="app-2")))
        publish_bundle(self.data / "bundles", bundle, KEYS.bundle)
        self.gateway.refresh()

    def ask(
        self, parameters: dict[str, str] | None = None, app: str = "app-1", **content: Any
    ) -> Any:
        asked = {"parameters": {"sfzh": "330383199001011234"} if parameters is None else parameters}
        body = json.dumps({**asked, **content}).encode()
        headers = signed(PATH, method="POST", body=body, app=app)
        return self.gateway.ask(PATH, headers=headers, method="POST", body=body)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with department(people(PERSON)) as source, local(tmp_path) as gateway:
        city = City(tmp_path, gateway, source)
        city.publish()
        yield city


def test_only_granted_fields_leave_masked_and_the_call_is_recorded(city):
    reply = city.ask()
    assert (reply.status, reply.json["data"], reply.json["found"]) == (
        200, [{"id_number": "330383199001011234", "name": "张**"}], 1,
    )  # fmt: skip
    [asked] = city.source.asked
    assert (asked.method, asked.path, asked.query) == (
        "GET", "/people", {"sfzh": "330383199001011234"},
    )  # fmt: skip
    assert asked.headers["Authorization"] == "Bearer secret-of-the-department"
    bundles = [each.read_text() for each in (city.data / "bundles").iterdir()]
    assert not any("secret-of-the-department" in text for text in bundles)
    [call] = calls(city.data)
    assert (call.outcome, call.fields, call.counted) == ("ok", ("id_number", "name"), True)
    assert call.cost == 1
    assert call.records == (hash_record_key(KEYS.record_key, "330383199001011234"),)
    assert "330383199001011234" not in str(call)


def test_what_the_source_never_declared_is_neither_asked_nor_answered(city):
    for parameters in (
        {},
        {"sfzh": "1", "else": "x"},
        {"sfzh": 1},
        {"sfzh": ""},
        {"sfzh": "1" * 19},
    ):
        assert city.ask(parameters).json["code"] == "bad_content"
    assert city.ask(fields=["age"]).json["code"] == "field_not_granted"
    assert not city.source.asked
    lookup = f"/share/v1/{NAME}/330383199001011234"
    assert city.gateway.ask(lookup).json["code"] == "kind_not_granted"


def test_parameters_go_where_they_were_declared_and_cannot_leave_their_place(city):
    place = (Parameter("id", place="path"), Parameter("xm", place="body", required=False))
    city.publish(path="/p/{id}?fixed=1", method="POST", parameters=place, idempotent=False)
    city.ask({"id": "A 1", "xm": "张&x=1"})
    [asked] = city.source.asked
    assert (asked.method, asked.path, asked.query, asked.body) == (
        "POST", "/p/A%201", {"fixed": "1"}, {"xm": "张&x=1"},
    )  # fmt: skip
    for step in ("..", "a/../../admin", "a%2fb", "a\\b", "a?x=1", "a#x"):
        assert city.ask({"id": step}).json["code"] == "bad_content"
    assert len(city.source.asked) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (slowly(0.8, people(PERSON)), 504, "source_timeout"),
        (dripping(0.8), 504, "source_timeout"),
        (hanging_up, 502, "source_failed"),
        (says({"error": 1}, 500), 502, "source_failed"),
        (says(b"<html>login</html>"), 502, "source_failed"),
        (says({"code": 500, "msg": "denied"}), 502, "source_failed"),
        (says({"code": 200, "data": {}}), 502, "source_failed"),
        (people(*[PERSON] * 6), 502, "source_failed"),
        (people({**PERSON, "nl": "young"}), 502, "source_failed"),
        (people("text"), 502, "source_failed"),
        (says({"code": 200, "data": {"list": []}, "pad": "x" * 2_000_000}), 502, "source_failed"),
        (says(b"\x1f\x8b", 200, Content_Encoding="gzip"), 502, "source_failed"),
        (says({}, 302, Location="http://127.0.0.1:1/"), 502, "source_failed"),
        (says({}, 401), 502, "source_failed"),
        (says({}, 429, Retry_After="7"), 503, "source_busy"),
    ],
)  # fmt: skip
def test_a_source_that_does_not_answer_as_it_should_is_named_as_the_side_that_failed(
    city, answer, status, code
):
    city.publish(timeout=0.5)
    city.source.answer = answer
    reply = city.ask()
    assert (reply.status, reply.json["code"]) == (status, code)
    assert int(reply.headers["retry-after"]) == reply.json["retry_after"] >= 1
    assert reply.headers["x-cs-record"]
    assert "张三丰" not in reply.body.decode()
    [call] = calls(city.data)
    assert (call.outcome, call.status, call.cost) == (code, status, 1)
    if code == "source_busy":
        assert reply.json["retry_after"] == 7


def test_a_dead_source_is_told_and_a_missing_record_is_no_fault(city):
    city.publish(url="http://127.0.0.1:1/people")
    assert city.ask().json["code"] == "source_failed"
    city.publish(absent_404=True)
    city.source.answer = says({}, 404)
    assert city.ask().json["data"] == []
    city.source.answer = says({"code": 200, "data": {"list": None}})
    assert city.ask().json["found"] == 0


def test_only_idempotent_calls_are_tried_again(city):
    failing = in_turn(says({}, 503), hanging_up, people(PERSON))
    city.publish(attempts=3)
    city.source.answer = failing
    assert city.ask().status == 200
    assert len(city.source.asked) == 3
    city.publish(idempotent=False)
    city.source.answer = in_turn(says({}, 503), people(PERSON))
    assert city.ask().json["code"] == "source_failed"
    assert len(city.source.asked) == 4


def test_a_slow_try_leaves_time_for_another_and_a_redirect_is_never_followed(city):
    city.publish(attempts=2, timeout=1.2)
    city.source.answer = in_turn(slowly(1.6, people(PERSON)), people(PERSON))
    assert city.ask().status == 200
    asked = len(city.source.asked)
    city.source.answer = in_turn(
        says({}, 302, Location=f"{city.source.url}/elsewhere"), people(PERSON)
    )
    assert city.ask().json["code"] == "source_failed"
    assert len(city.source.asked) == asked + 1


def test_what_one_worker_learned_of_a_dead_source_the_others_know(city):
    city.source.answer = says({}, 500)
    for _ in range(breaker.FAILURES):
        assert city.ask().json["code"] == "source_failed"
    with local(city.data) as other:
        replies = [
            City(city.data, gateway, city.source).ask().json["code"]
            for gateway in (other, city.gateway)
        ]
    assert replies == ["source_open"] * 2
    assert len(city.source.asked) == breaker.FAILURES


def test_a_source_that_keeps_failing_is_left_alone_then_asked_by_one_call(city, monkeypatch):
    monkeypatch.setattr(breaker, "PAUSE", 1.0)
    city.source.answer = says({}, 500)
    for _ in range(breaker.FAILURES):
        assert city.ask().json["code"] == "source_failed"
    asked = len(city.source.asked)
    refused = city.ask()
    assert (refused.status, refused.json["code"]) == (503, "source_open")
    assert int(refused.headers["retry-after"]) >= 1
    assert len(city.source.asked) == asked
    city.gateway.wait(1.1)
    city.source.answer = slowly(0.3, people(PERSON))

    async def at_once() -> list[int]:
        content = json.dumps({"parameters": {"sfzh": "330383199001011234"}}).encode()
        headers = [signed(PATH, method="POST", body=content) for _ in range(4)]
        replies = await asyncio.gather(
            *(city.gateway.exchange(PATH, each, content) for each in headers)
        )
        return sorted(reply.status for reply in replies)

    assert city.gateway.runner.run(at_once()) == [200, 503, 503, 503]
    assert len(city.source.asked) == asked + 1
    assert city.ask().status == 200


def test_answers_are_kept_for_one_grant_and_one_question_and_only_for_their_time(city):
    city.publish(cache_seconds=60)
    first, again = city.ask(), city.ask()
    assert first.json["data"] == again.json["data"]
    assert len(city.source.asked) == 1
    city.ask({"sfzh": "330383199001011234", "xm": "x"})
    city.ask(app="app-2")
    assert len(city.source.asked) == 3
    # The mask is laid on at each answer: a narrower grant does not get what a wider one was shown.
    city.publish(
        cache_seconds=60, grant=replace(GRANT, masks={"id_number": "full", "name": "name"})
    )
    assert city.ask().json["data"][0]["id_number"] == "******"
    assert [call.counted for call in calls(city.data)] == [True] * 5
    city.publish()
    city.ask()
    asked = len(city.source.asked)
    city.ask()
    assert len(city.source.asked) == asked + 1


def test_addresses_the_administrator_did_not_allow_are_never_called(city):
    port = city.source.port
    for url in (
        f"http://127.0.0.1:{port}/people", f"http://localhost:{port}/people",
        f"http://[::ffff:127.0.0.1]:{port}/people", f"http://0.0.0.0:{port}/people",
        "http://169.254.169.254/latest/meta-data",
    ):  # fmt: skip
        city.publish(url=url, networks=())
        reply = city.ask()
        assert (reply.status, reply.json["code"]) == (502, "source_failed"), url
        assert "127.0.0.1" not in reply.json["detail"]
    assert not city.source.asked


def test_a_row_filter_and_a_quota_hold_for_proxied_answers_too(city):
    other = {**PERSON, "sfzh": "110101199001011234"}
    city.source.answer = people(PERSON, other)
    row_filter = {"prefix": ["id_number", "330383"]}
    city.publish(grant=replace(GRANT, row_filter=row_filter, per_day=6))
    assert [row["id_number"] for row in city.ask().json["data"]] == ["330383199001011234"]
    # The call takes the most it could answer (5) and gives back what it did not.
    assert city.ask().status == 200
    assert city.ask().json["code"] == "quota_day"


def test_while_calls_cannot_be_recorded_no_department_is_asked(city):
    city.gateway.gateway.audit.pause("disk space")
    assert city.ask().json["code"] == "audit_unavailable"
    assert not city.source.asked


def test_the_description_works_without_a_snapshot(city):
    described = city.gateway.ask(f"/share/v1/{NAME}")
    assert described.json["data"]["kinds"] == ["proxy"]
    told = city.gateway.ask(f"/share/v1/{NAME}", "format=openapi").json
    body = told["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["parameters"]["required"] == ["sfzh"]
    assert {"502", "503", "504"} <= set(told["paths"][PATH]["post"]["responses"])
    assert city.source.url not in json.dumps(told)
