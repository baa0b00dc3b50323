"""Batch lookup: many records in one call, and nothing a single lookup would not have shown."""

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_gateway.audit_verify import verify
from chengshu_gateway.keys import hash_record_key
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.tests.sample_city import (
    GRANT,
    KEYS,
    calls,
    local,
    post,
    publish,
    publish_rows,
    publish_rules,
    signed,
)

BATCHED = replace(GRANT, kinds=("lookup", "batch"))


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path / "data", grant=BATCHED)


@pytest.fixture
def gateway(city):
    with local(city) as running:
        yield running


def batch(gateway, keys, **content):
    return post(gateway, "batch", {"keys": keys, **content})


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code), reply.body.decode()
    return True


def test_a_batch_answers_each_key_as_a_single_lookup_would(gateway):
    keys = ["R3", "R1", "R999", "人 4"]
    reply = batch(gateway, keys)
    single = [gateway.ask(f"/share/v1/residents/{key}") for key in ("R3", "R1")]
    assert reply.json["data"] == [each.json["data"] for each in single] + [None, None]
    assert (reply.json["asked"], reply.json["found"]) == (4, 2)
    assert batch(gateway, ["R1"], fields=["name", "age"]).json["data"] == [
        {"name": "张**", "age": 36}
    ]


def test_one_record_names_how_many_were_asked_and_found_and_whom_it_was_about(city, gateway):
    keys = ["R1", "R2", "R999"]
    reply = batch(gateway, keys)
    (call,) = calls(city)
    assert (call.kind, call.asked, call.found, call.cost) == ("batch", 3, 2, 3)
    assert (call.outcome, call.counted) == ("ok", True)
    assert call.request_id == reply.json["request_id"]
    assert call.key_hash == hash_record_key(KEYS.record_key, "\n".join(keys))
    # "Who looked this person up?" is found by the same hash as a single lookup.
    gateway.ask("/share/v1/residents/R2")
    single = calls(city)[1]
    assert single.key_hash in call.records
    log = next((city / "audit" / "w00").glob("0*.jsonl")).read_text()
    assert "R999" not in log
    assert "张" not in log


def test_every_key_counts_against_the_quota_all_or_nothing(tmp_path):
    publish(tmp_path, grant=replace(BATCHED, per_day=5))
    with local(tmp_path) as gateway:
        assert batch(gateway, ["R1", "R2", "R9"]).status == 200
        over = batch(gateway, ["R1", "R2", "R3"])
        assert refused(over, 429, "quota_day")
        assert "3 条" in over.json["detail"]
        assert batch(gateway, ["R1", "R2"]).status == 200
        assert refused(gateway.ask("/share/v1/residents/R1"), 429, "quota_day")
    (tmp_path / "state" / "limits.bin").unlink()
    with local(tmp_path) as again:  # rebuilt from the trail after a reboot
        assert refused(again.ask("/share/v1/residents/R1"), 429, "quota_day")


def test_a_batch_that_cannot_be_answered_costs_one(tmp_path):
    publish_rules(tmp_path, grant=replace(BATCHED, per_day=5))
    with local(tmp_path) as gateway:
        assert refused(batch(gateway, ["R1", "R2", "R3"]), 503, "no_snapshot")
        publish_rows(tmp_path)
        gateway.refresh()
        assert batch(gateway, ["R1", "R2", "R3", "R4"]).status == 200
        assert refused(gateway.ask("/share/v1/residents/R1"), 429, "quota_day")


@pytest.mark.parametrize("kinds", [("lookup",), ("batch",)])
def test_only_the_granted_ways_of_calling_are_open(tmp_path, kinds):
    publish(tmp_path, grant=replace(GRANT, kinds=kinds))
    with local(tmp_path) as gateway:
        replies = {"lookup": gateway.ask("/share/v1/residents/R1"), "batch": batch(gateway, ["R1"])}
        assert gateway.ask("/share/v1/residents").json["data"]["kinds"] == list(kinds)
        assert replies.pop(kinds[0]).status == 200
        ((_kind, other),) = replies.items()
        assert refused(other, 403, "kind_not_granted")


def test_a_key_that_is_called_batch_is_still_found_by_get(city, gateway):
    assert refused(gateway.ask("/share/v1/residents/batch"), 404, "no_record")


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"keys": "R1"},
        {"keys": []},
        {"keys": [f"R{at}" for at in range(1001)]},
        {"keys": ["R1", "R1"]},
        {"keys": ["R1", 7]},
        {"keys": [["R1"]]},
        {"keys": ["a/b"]},
        {"keys": ["R1\n"]},
        {"keys": [""]},
        {"keys": ["R" * 257]},
        {"keys": ["R1"], "where": {}},
        {"keys": ["R1"], "fields": "name"},
        {"keys": ["R1"], "fields": ["name,age"]},
        {"keys": ["R1"], "fields": ["姓名"]},
    ],
)
def test_a_body_of_another_shape_is_refused_uncounted_and_recorded(city, gateway, content):
    assert refused(post(gateway, "batch", content), 400, "bad_content")
    (call,) = calls(city)
    assert (call.outcome, call.counted, call.kind) == ("bad_content", False, "batch")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"keys":["R1"],"keys":["R2"]}',
        b'{"keys":["\\ud800"]}',
        b'{"keys":[NaN]}',
        b"[" * 100_000,
        b'{"keys":[' + b"9" * 5000 + b"]}",
    ],
)
def test_a_body_that_is_no_clean_json_is_refused(gateway, body):
    assert refused(post(gateway, "batch", body), 400, "bad_content")


def test_an_oversized_body_is_refused_before_it_is_read_whole(gateway):
    assert refused(post(gateway, "batch", b"x" * 300_000), 400, "bad_body")


def test_an_ungranted_field_and_a_query_string_are_refused(gateway):
    assert refused(batch(gateway, ["R1"], fields=["area"]), 403, "field_not_granted")
    path = "/share/v1/residents/batch"
    body = b'{"keys":["R1"]}'
    headers = signed(path, "fields=name", method="POST", body=body)
    reply = gateway.ask(path, "fields=name", headers=headers, method="POST", body=body)
    assert refused(reply, 400, "bad_query")


def test_a_changed_body_or_method_breaks_the_signature_and_a_replay_is_refused(gateway):
    path, body = "/share/v1/residents/batch", b'{"keys":["R1"]}'
    headers = signed(path, method="POST", body=body)
    other = gateway.ask(path, headers=headers, method="POST", body=b'{"keys":["R2"]}')
    assert refused(other, 401, "bad_signature")
    as_get = signed(path, method="GET", body=body)
    assert refused(
        gateway.ask(path, headers=as_get, method="POST", body=body), 401, "bad_signature"
    )
    assert gateway.ask(path, headers=headers, method="POST", body=body).status == 200
    again = gateway.ask(path, headers=headers, method="POST", body=body)
    assert refused(again, 409, "replayed")


def test_an_unsigned_body_is_never_parsed(gateway, monkeypatch):
    def parse(*_arguments, **_options):
        raise AssertionError("parsed before the signature was proven")

    monkeypatch.setattr("chengshu_gateway.work.json.loads", parse)
    path = "/share/v1/residents/batch"
    headers = signed(path, method="POST", body=b"{}", secret="a-guess-0123456789abcdef")
    reply = gateway.ask(path, headers=headers, method="POST", body=b"{}")
    assert reply.status == 401


def test_a_batch_stays_on_its_version_while_the_snapshot_is_replaced(city, gateway):
    keys = ["R1", *(f"X{at}" for at in range(300)), "R2"]
    path, body = "/share/v1/residents/batch", json.dumps({"keys": keys}).encode()
    headers = signed(path, method="POST", body=body)
    gateway.ask("/share/v1/residents/R1")
    publish_rows(city)

    async def both():
        asking = asyncio.create_task(gateway.exchange(path, headers, body))
        await asyncio.sleep(0)
        await gateway.gateway.state.refresh()
        return await asking

    reply = gateway.runner.run(both())
    assert reply.status == 200
    assert reply.json["found"] == 2


def test_answers_of_calls_that_overlap_a_batch_carry_their_own_record(city, gateway):
    keys = [f"X{at}" for at in range(500)]
    path, body = "/share/v1/residents/batch", json.dumps({"keys": keys}).encode()

    async def together():
        single = "/share/v1/residents/R1"
        return await asyncio.gather(
            gateway.exchange(path, signed(path, method="POST", body=body), body),
            *(gateway.exchange(single, signed(single), b"", method="GET") for _ in range(5)),
        )

    replies = gateway.runner.run(together())
    recorded = {call.request_id: call for call in calls(city)}
    assert len(recorded) == len(replies)
    for reply in replies:
        assert recorded[reply.json["request_id"]].kind == (
            "batch" if "asked" in reply.json else "lookup"
        )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["keys", "fields", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_body_makes_the_gateway_fail(city, gateway, content):
    assert post(gateway, "batch", content).status < 500
    assert verify(city / "audit", HmacSigner(KEYS.checkpoint)).ok
