"""Verification: yes or no to given values, nothing of the city's, and no way to try values out."""

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway import matching
from chengshu_gateway.bundle import DEFAULT_TRIES
from chengshu_gateway.limits import (
    SharedLimits,
    TableFullError,
    guess_tag,
    tag,
)
from chengshu_gateway.tests.sample_city import GRANT, calls, local, post, publish, signed

VERIFIED = replace(GRANT, kinds=("verify",))
RIGHT = {"name": "张三丰", "id_number": "330383199001011234"}
NOON = 1_795_406_400_000


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path / "data", grant=VERIFIED)


@pytest.fixture
def gateway(city):
    with local(city) as running:
        yield running


def verify(gateway, key, values, **content):
    return post(gateway, "verify", {"key": key, "values": values, **content})


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code), reply.body.decode()
    return True


def test_flags_leave_and_nothing_else(city, gateway):
    reply = verify(gateway, "R1", {**RIGHT, "phone": "13800000000", "age": "36", "alive": "是"})
    assert reply.json["data"] == {
        "name": True, "id_number": True, "phone": False, "age": True, "alive": True,
    }  # fmt: skip
    assert reply.json["match"] is False
    assert set(reply.json) == {"data", "match", "interface", "version", "request_id"}
    (call,) = calls(city)
    assert (call.kind, call.asked, call.found, call.cost) == ("verify", 5, 4, 1)
    assert call.records == (call.key_hash,)
    log = next((city / "audit" / "w00").glob("0*.jsonl")).read_text()
    assert "13800000000" not in log
    assert "张" not in log


def test_absent_hidden_and_different_records_are_answered_alike(gateway):
    answers = [
        {name: value for name, value in verify(gateway, key, RIGHT).json.items() if name != "request_id"}
        for key in ("R2", "R999", "人 4")
    ]  # fmt: skip
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["data"] == {"name": False, "id_number": False}


def test_an_empty_stored_value_matches_nothing(gateway):
    for value in ("None", "null", "无"):
        assert verify(gateway, "R2", {"id_number": value}).json["match"] is False


def test_trying_values_out_ends_after_a_few_and_for_the_day(city, gateway):
    for at in range(DEFAULT_TRIES):
        assert verify(gateway, "R1", {"phone": f"1380000000{at}"}).status == 200
    locked = verify(gateway, "R1", {"phone": "13812341234"})
    assert refused(locked, 429, "guess_limit")
    assert 0 < int(locked.headers["retry-after"]) <= 86_401
    # Another field of the record does not open it again, another record is free.
    assert refused(verify(gateway, "R1", RIGHT), 429, "guess_limit")
    assert verify(gateway, "R3", {"age": 25}).json["match"] is True


def test_tries_are_remembered_after_the_loss_of_the_counters(city):
    with local(city) as gateway:
        for at in range(DEFAULT_TRIES):
            verify(gateway, "R1", {"phone": f"1380000000{at}"})
        verify(gateway, "R3", {"age": 25})
    (city / "state" / "limits.bin").unlink()
    with local(city) as again:
        assert refused(verify(again, "R1", RIGHT), 429, "guess_limit")
        assert verify(again, "R3", {"age": 25}).status == 200


def test_right_answers_use_no_tries(gateway):
    for _ in range(DEFAULT_TRIES * 2):
        assert verify(gateway, "R1", RIGHT).json["match"] is True


def test_a_grant_may_allow_fewer_tries(tmp_path):
    publish(tmp_path, grant=replace(VERIFIED, tries_per_day=2))
    with local(tmp_path) as gateway:
        codes = [verify(gateway, "R1", {"age": 50 + at}).status for at in range(4)]
    assert codes == [200, 200, 429, 429]


def test_tries_side_by_side_are_no_more_than_one_after_another(gateway):
    path = "/share/v1/residents/verify"
    bodies = [
        json.dumps({"key": "R1", "values": {"phone": f"138000000{at:02d}"}}).encode()
        for at in range(20)
    ]

    async def all_at_once():
        return await asyncio.gather(
            *(gateway.exchange(path, signed(path, method="POST", body=b), b) for b in bodies)
        )

    replies = gateway.runner.run(all_at_once())
    assert sum(reply.status == 200 for reply in replies) == DEFAULT_TRIES


def test_the_quota_counts_every_verification(tmp_path):
    publish(tmp_path, grant=replace(VERIFIED, per_day=2))
    with local(tmp_path) as gateway:
        for key in ("R1", "R999"):
            assert verify(gateway, key, RIGHT).status == 200
        assert refused(verify(gateway, "R3", RIGHT), 429, "quota_day")


def test_a_lookup_needs_its_own_grant(gateway):
    assert refused(gateway.ask("/share/v1/residents/R1"), 403, "kind_not_granted")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ({"key": "R1"}, 400, "bad_content"),
        ({"key": 1, "values": RIGHT}, 400, "bad_content"),
        ({"key": "a/b", "values": RIGHT}, 400, "bad_content"),
        ({"key": "R1", "values": {}}, 400, "bad_content"),
        ({"key": "R1", "values": ["name"]}, 400, "bad_content"),
        ({"key": "R1", "values": {f"f{at}": "x" for at in range(21)}}, 400, "bad_content"),
        ({"key": "R1", "values": {"name": ""}}, 400, "bad_content"),
        ({"key": "R1", "values": {"name": None}}, 400, "bad_content"),
        ({"key": "R1", "values": {"name": ["张三丰"]}}, 400, "bad_content"),
        ({"key": "R1", "values": {"name": "长" * 1001}}, 400, "bad_content"),
        ({"key": "R1", "values": {"name": "\ud800"}}, 400, "bad_content"),
        ({"key": "R1", "values": {"age": "many"}}, 400, "bad_content"),
        ({"key": "R1", "values": {"area": "330383"}}, 403, "field_not_granted"),
        ({"key": "R1", "values": {"name' OR '1'='1": "x"}}, 403, "field_not_granted"),
        ({"key": "R1", "values": {"name": {"$ne": ""}}}, 400, "bad_content"),
        ({"key": "R1", "values": RIGHT, "fields": ["name"]}, 400, "bad_content"),
    ],
)
def test_other_contents_are_refused_and_use_neither_quota_nor_tries(
    city, gateway, content, status, code
):
    for _ in range(DEFAULT_TRIES + 1):
        assert refused(post(gateway, "verify", content), status, code)
    assert not any(call.counted for call in calls(city))
    assert verify(gateway, "R1", RIGHT).status == 200


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("text", "３３０３８３１９９００１０１１２３ｘ", "33038319900101123X"),
        ("text", " 张 三　丰 ", "张三丰"),
        ("text", "买买提•艾力", "买买提·艾力"),
        ("integer", "036", 36),
        ("integer", "+36", 36),
        ("real", "1.50", 1.5),
        ("decimal", "1e2", "100.00"),
        ("decimal", "-0", 0),
        ("boolean", True, 1),
        ("boolean", "否", 0),
        ("date", "19900102", "1990-01-02"),
        ("date", "1990年1月2日", "1990-01-02"),
        ("timestamp", "2026-11-23T14:05:00+08:00", "2026-11-23T06:05:00Z"),
    ],
)
def test_the_stated_ways_of_writing_are_one_value(kind, first, second):
    assert matching.normal(kind, first) == matching.normal(kind, second) is not None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 7), ("integer", "1.5"), ("integer", True), ("real", "nan"), ("real", float("inf")),
        ("date", "1990-13-01"), ("date", "1990"), ("boolean", "maybe"), ("timestamp", "soon"),
        ("timestamp", 5), ("decimal", "1e99999"), ("text", " "), ("text", None),
    ],
)  # fmt: skip
def test_what_is_no_value_of_the_type_has_no_form(kind, value):
    assert matching.normal(kind, value) is None


@given(st.text(), st.text())
@settings(deadline=None)
def test_only_the_same_form_is_equal(first, second):
    one, other = matching.normal("text", first), matching.normal("text", second)
    if other is not None:
        assert matching.equal(one, other) is (one == other)
        assert not matching.equal(None, other)


def test_a_full_table_of_tries_closes_instead_of_forgetting(tmp_path, monkeypatch):
    monkeypatch.setattr("chengshu_gateway.limits._GUESS_BUCKETS", 1)
    limits = SharedLimits(tmp_path / "limits.bin", nonce_buckets=1)
    names = [tag(str(at)) for at in range(16)]
    assert all(limits.take_guess(name, NOON, 1) for name in names)
    with pytest.raises(TableFullError):
        limits.take_guess(guess_tag("a", "i", "r"), NOON, 1)
    limits.give_guess_back(names[0], NOON)
    assert limits.take_guess(guess_tag("a", "i", "r"), NOON, 1)
    tomorrow = NOON + 86_400_000
    assert limits.take_guess(guess_tag("a", "i", "s"), tomorrow, 1)
    limits.close()
