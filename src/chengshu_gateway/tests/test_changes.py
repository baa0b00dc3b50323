"""Incremental changes: a copy kept by the feed is what the grant shows, and nothing else shows."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_gateway import change_log, changes
from chengshu_gateway.bundle import AppKey, Application, Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.keys import hash_record_key
from chengshu_gateway.snapshot_build import publish_snapshot
from chengshu_gateway.tests.sample_city import APP, KEYS, SECRET, calls, local, post

SCHEMA = pa.schema([(name, pa.string()) for name in ("code", "name", "area", "note")])
INTERFACE = Interface(
    "residents", "r", "居民", "residents", "code", tuple(Column(name) for name in SCHEMA.names)
)
GRANT = Grant(
    "app-1", "residents", ("code", "name"), masks={"name": "name"},
    row_filter={"eq": ["area", "in"]}, kinds=("changes",),
)  # fmt: skip
OTHER = Application("app-2", "另一个应用", (AppKey("k2", SECRET),))
FIRST = {"A": ("张三", "in", ""), "B": ("李四", "in", ""), "C": ("王五", "out", "")}


def publish_rows(data, rows, schema=SCHEMA):
    listed = [dict(zip(SCHEMA.names, (key, *values), strict=True)) for key, values in rows.items()]
    return publish_snapshot(
        data / "snapshots" / "residents", schema, pa.Table.from_pylist(listed, schema).to_batches(),
        key_column="code", track_changes=True,
    ).version  # fmt: skip


def publish_rules(data, grant=GRANT):
    bundle = Bundle((APP, OTHER), (INTERFACE,), (grant, replace(grant, app_id="app-2")))
    publish_bundle(data / "bundles", bundle, KEYS.bundle)


@pytest.fixture
def city(tmp_path):
    publish_rows(tmp_path, FIRST)
    publish_rules(tmp_path)
    return tmp_path


@pytest.fixture
def gateway(city):
    with local(city) as running:
        yield running


def feed(gateway, since=None, **content):
    signing = content.pop("signing", {})
    body = content if since is None else {"since": since, **content}
    return post(gateway, "changes", body, **signing)


def caught_up(gateway, since=None, copy=None, **content):
    """Apply all pages to a copy; returns the copy and the cursor."""
    copy, more = dict(copy or {}), True
    while more:
        reply = feed(gateway, since, **content)
        assert reply.status == 200, reply.body.decode()
        apply(copy, reply.json["data"])
        since, more = reply.json["next"], reply.json["more"]
    return copy, since


def apply(copy, items):
    for item in items:
        known = item["id"] in copy
        assert known == (item["change"] != "inserted"), item
        if item["change"] == "removed":
            del copy[item["id"]]
        else:
            assert copy.get(item["id"]) != item["data"], "a change that changes nothing"
            copy[item["id"]] = item["data"]


def seen(rows):
    return {
        key: {"code": key, "name": name[0] + "*" * (len(name) - 1)}
        for key, (name, area, _note) in rows.items()
        if area == "in"
    }


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code), reply.body.decode()
    return True


ROWS = st.dictionaries(
    st.sampled_from("ABCDEFGH"),
    st.tuples(st.sampled_from(["张三", "张四", "王五"]), st.sampled_from(["in", "out"]), st.sampled_from("xy")),
)  # fmt: skip


@given(
    ROWS,
    st.lists(st.tuples(st.integers(0, 3), ROWS), min_size=1, max_size=3),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_copy_kept_by_the_feed_is_what_the_grant_shows(city, gateway, first, later, sizes):
    """However versions, pages and new publications interleave, also with stretches that end early."""
    limit, walk = sizes
    publish_rows(city, first)
    gateway.refresh()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "WALK", walk)
        copy, since = {}, None
        for pages, rows in later:
            for _page in range(pages):
                reply = feed(gateway, since, limit=limit)
                assert reply.status == 200, reply.body.decode()
                apply(copy, reply.json["data"])
                since = reply.json["next"]
            publish_rows(city, rows)
            gateway.refresh()
        copy, since = caught_up(gateway, since, copy, limit=limit)
        copy, since = caught_up(gateway, since, copy, limit=limit)
        assert copy == seen(later[-1][1])
        assert feed(gateway, since).json["data"] == []


def test_pages_lead_to_one_version_although_a_newer_one_came_between(city, gateway):
    copy, since = caught_up(gateway)
    second = {"A": ("赵六", "in", ""), "B": ("孙七八", "in", ""), "C": ("王五", "in", "")}
    publish_rows(city, second)
    gateway.refresh()
    first = feed(gateway, since, limit=1).json
    apply(copy, first["data"])
    publish_rows(city, second | {"B": ("李四", "in", ""), "C": ("周十一二", "in", "")})
    gateway.refresh()
    copy, since = caught_up(gateway, first["next"], copy, limit=1)
    assert copy == seen(second)
    copy, _since = caught_up(gateway, since, copy)
    assert copy == seen(second | {"B": ("李四", "in", ""), "C": ("周十一二", "in", "")})


def test_only_what_the_grant_shows_is_a_change(city, gateway):
    _copy, since = caught_up(gateway)
    after = {
        "A": ("张三", "in", "改了没有授权的字段"),
        "B": ("李四", "out", ""),  # left the rows of the grant: removed, though it still exists
        "C": ("王伍", "out", ""),  # changed outside them
        "D": ("赵六", "in", ""),
    }
    publish_rows(city, after)
    gateway.refresh()
    reply = feed(gateway, since)
    assert reply.json["data"] == [
        {"change": "removed", "id": "B", "data": None},
        {"change": "inserted", "id": "D", "data": {"code": "D", "name": "赵*"}},
    ]
    # 张三 and 张四 look alike behind the mask.
    publish_rows(city, after | {"A": ("张四", "in", "")})
    gateway.refresh()
    assert feed(gateway, reply.json["next"]).json["data"] == []


def test_a_page_is_recorded_with_its_records_and_takes_them_from_the_quota(city, gateway):
    publish_rules(city, replace(GRANT, per_day=100))
    gateway.refresh()
    first = feed(gateway)
    (call,) = calls(city)
    assert (call.kind, call.asked, call.found, call.cost, call.fields) == (
        "changes", 100, 2, 2, ("code", "name"),
    )  # fmt: skip
    assert call.records == tuple(hash_record_key(KEYS.record_key, key) for key in "AB")
    assert call.request_id == first.json["request_id"]
    publish_rules(city, replace(GRANT, per_day=3))
    gateway.refresh()
    assert refused(feed(gateway, limit=3), 429, "quota_day")


def test_a_masked_key_is_replaced_by_a_name_of_its_own(city, gateway):
    publish_rules(city, replace(GRANT, masks={"code": "full", "name": "name"}))
    gateway.refresh()
    mine = [item["id"] for item in feed(gateway).json["data"]]
    again = [item["id"] for item in feed(gateway).json["data"]]
    theirs = [
        item["id"] for item in feed(gateway, signing={"app": "app-2", "key_id": "k2"}).json["data"]
    ]
    assert mine == again
    assert not set(mine) & {*theirs, "A", "B"}


def test_a_cursor_is_good_for_its_owner_and_its_grant_only(city, gateway):
    since = feed(gateway).json["next"]
    changed = since[:-2] + ("A" if since[-2] != "A" else "B") + since[-1]
    assert refused(feed(gateway, changed), 400, "bad_cursor")
    assert refused(
        feed(gateway, since, signing={"app": "app-2", "key_id": "k2"}), 400, "bad_cursor"
    )
    for content in ({"since": 5}, {"since": None, "limit": 0}, {"fields": ["name"]}):
        assert feed(gateway, **content).status == 400
    publish_rules(city, replace(GRANT, fields=("code",), masks={}))
    gateway.refresh()
    assert refused(feed(gateway, since), 410, "stale_cursor")
    publish_rules(city, replace(GRANT, kinds=("lookup",)))
    gateway.refresh()
    assert refused(feed(gateway), 403, "kind_not_granted")


def test_a_cursor_too_old_says_to_begin_anew(city, gateway, monkeypatch):
    _copy, since = caught_up(gateway)
    monkeypatch.setattr(change_log, "KEPT_VERSIONS", 2)
    versions = [publish_rows(city, FIRST | {"E": (f"钱{at}", "in", "")}) for at in range(4)]
    gateway.refresh()
    reply = feed(gateway, since)
    assert refused(reply, 410, "stale_cursor")
    assert "从头全量" in reply.json["detail"]
    copy, _since = caught_up(gateway)
    assert copy == seen(FIRST | {"E": ("钱3", "in", "")})
    assert json.loads(feed(gateway).body)["version"] == versions[-1]


def test_other_columns_begin_a_new_log(city, gateway):
    _copy, since = caught_up(gateway)
    publish_rows(city, FIRST, pa.schema([*SCHEMA, ("more", pa.string())]))
    gateway.refresh()
    assert refused(feed(gateway, since), 410, "stale_cursor")


def test_a_snapshot_of_an_older_build_has_no_changes_yet(city, gateway):
    folder = city / "snapshots" / "residents"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(change_log, "write", lambda *_args, **_options: None)
        publish_rows(city, FIRST)
    gateway.refresh()
    assert refused(feed(gateway), 503, "no_snapshot")
    publish_rows(city, FIRST | {"D": ("赵六", "in", "")})
    gateway.refresh()
    assert feed(gateway).status == 200
    assert len(list(folder.glob("*.sqlite"))) >= 1
