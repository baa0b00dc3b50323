"""Walking a key space: slowed after a few hundred misses, told by its own word; finds cost nothing."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from chengshu_gateway.tests.sample_city import GRANT, calls, local, post, publish, publish_rules

ROW = "/share/v1/residents/R1"
KINDS = ("lookup", "batch", "verify")


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path, grant=replace(GRANT, kinds=KINDS))


@pytest.fixture
def gateway(city):
    publish_rules(city, grant=replace(GRANT, kinds=KINDS, misses_per_minute=8))
    with local(city) as running:
        yield running


def test_a_walk_through_the_keys_is_paused_for_a_minute_and_stands_in_the_trail(city, gateway):
    found = [gateway.ask(f"/share/v1/residents/N{n}").json["code"] for n in range(10)]
    assert found == ["no_record"] * 8 + ["scanning"] * 2
    paused = gateway.ask(ROW)
    assert (paused.status, paused.json["code"]) == (429, "scanning")
    assert 0 < int(paused.headers["retry-after"]) <= 60
    # Neither the quota nor the data version says anything about what was refused.
    assert [call.outcome for call in calls(city)][-3:] == ["scanning"] * 3
    assert not any(call.counted for call in calls(city)[-3:])


def test_records_that_are_found_are_never_held_against_anybody(gateway):
    assert {gateway.ask(ROW).status for _ in range(30)} == {200}
    keys = {"keys": ["R1", "R2", "R3"]}
    assert {post(gateway, "batch", keys).status for _ in range(5)} == {200}


def test_misses_of_batches_and_failed_verifications_count_one_by_one(gateway):
    assert post(gateway, "batch", {"keys": ["R1", *(f"N{n}" for n in range(5))]}).status == 200
    for key in ("R1", "N1", "N2"):
        asked = {"key": key, "values": {"name": "不是他"}}
        assert post(gateway, "verify", asked).json["match"] is False
    assert gateway.ask(ROW).json["code"] == "scanning"


def test_a_grant_that_allows_more_misses_is_not_slowed(city, gateway):
    publish_rules(city, grant=replace(GRANT, kinds=KINDS, misses_per_minute=21))
    gateway.refresh()
    assert gateway.ask("/share/v1/residents").json["data"]["quota"]["misses_per_minute"] == 21
    found = [gateway.ask(f"/share/v1/residents/N{n}").json["code"] for n in range(22)]
    assert found == ["no_record"] * 21 + ["scanning"]


def test_strangers_and_refusals_cannot_pause_an_application(gateway):
    for n in range(30):
        gateway.ask(f"/share/v1/residents/N{n}", secret="a-guess-0123456789", ip=f"10.7.0.{n}")
        gateway.ask(f"/share/v1/residents/N{n}", "fields=area")
    assert gateway.ask(ROW).status == 200


INJECTIONS = [
    "' OR '1'='1", "R1'--", "R1; DROP TABLE data", 'R1" OR 1=1', "1 UNION SELECT * FROM data",
    '{"$ne":null}', '{"$gt":""}', "[$ne]", "R*", "R_", "%25", "R1 ", " R1", "r1", "R1\u00a0", "Ｒ1",
    "R1\u200b", "true", "null", "0", "R1,R2",
]  # fmt: skip


def test_a_key_is_a_value_and_never_a_piece_of_a_question(city):
    with local(city) as gateway:
        for text in INJECTIONS:
            reply = gateway.ask(f"/share/v1/residents/{quote(text, safe='')}")
            assert reply.json["code"] in ("no_record", "bad_path"), text
            assert b"SELECT" not in reply.body
        asked = [text for text in INJECTIONS if "%" not in text]
        batch = post(gateway, "batch", {"keys": asked})
        assert batch.json["data"] == [None] * len(asked)
        for keys in ({"$ne": None}, [{"$ne": None}], [["R1"]], "R1", [None], [1]):
            assert post(gateway, "batch", {"keys": keys}).json["code"] == "bad_content"
        assert gateway.ask(ROW).status == 200
