"""Bulk export: the file holds what single calls would show, for one application, for a while."""

import base64
import io
import time
from dataclasses import replace

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_gateway import export_keys, export_store, exports
from chengshu_gateway.export_build import ExportTooLargeError, Limits, build_export
from chengshu_gateway.export_store import State
from chengshu_gateway.shape import fingerprint
from chengshu_gateway.snapshot import open_current
from chengshu_gateway.tests.sample_city import (
    GRANT,
    INTERFACE,
    KEYS,
    RESIDENTS,
    SECRET,
    calls,
    local,
    post,
    publish,
    publish_rows,
    publish_rules,
)

EXPORTED = replace(
    GRANT,
    fields=("code", "name", "id_number", "phone", "age", "alive"),
    masks={"name": "name", "id_number": "id_number", "phone": "hash", "alive": "full"},
    kinds=("lookup", "batch", "export"),
)
LIMITS = Limits(1000, 1 << 20)


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path, grant=EXPORTED)


@pytest.fixture
def gateway(city):
    with local(city) as running:
        yield running


def make(city, export="ab" * 16, grant=EXPORTED, chosen="parquet", limits=LIMITS):
    folder = city / "exports"
    folder.mkdir(exist_ok=True)
    target = export_store.file_of(folder, export)
    snapshot = open_current(city / "snapshots" / "residents")
    try:
        return target, build_export(
            target, snapshot, INTERFACE, grant, hash_key=KEYS.for_application("app-1"),
            secret=SECRET, export=export, chosen=chosen, limits=limits,
        )  # fmt: skip
    finally:
        snapshot.close()


def opened(content, export="ab" * 16):
    key = pyrage.x25519.Identity.from_str(export_keys.identity(SECRET, export))
    return io.BytesIO(pyrage.decrypt(content, [key]))


def ready(city, *, expires=3600.0, **changes):
    """Do the platform's job for the request that waits."""
    (asked,) = export_store.waiting(city / "exports")
    _target, made = make(city, asked.export, chosen=asked.format)
    state = State(
        asked.export, asked.app, asked.interface, "ready", asked.format, asked.key_id,
        EXPORTED.fields, made.rows, made.size, made.sha256, "v1", time.time() + expires,
        shape=fingerprint(EXPORTED),
    )  # fmt: skip
    export_store.settle(city / "exports", replace(state, **changes))
    return state


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code), reply.body.decode()
    return True


@pytest.mark.parametrize("chosen", ["parquet", "csv"])
def test_the_file_holds_what_single_calls_show(city, gateway, chosen):
    target, made = make(city, chosen=chosen)
    content = opened(target.read_bytes())
    table = pq.read_table(content) if chosen == "parquet" else pc.read_csv(content)
    single = {}
    for key in RESIDENTS["code"].to_pylist():
        reply = gateway.ask(
            f"/share/v1/residents/{key}" if key.isascii() else "/share/v1/residents/x"
        )
        if reply.status == 200:
            single[key] = reply.json["data"]
    assert made.rows == table.num_rows == len(single) == 3
    if chosen == "parquet":
        assert {row["code"]: row for row in table.to_pylist()} == single
    else:
        assert table["name"].to_pylist()[0] == "张**"
    assert b"PAR1" not in target.read_bytes()
    assert [path.name for path in target.parent.iterdir() if path.is_file()] == [target.name]


TEXTS = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9
)
VALUES = st.fixed_dictionaries(
    {
        "name": TEXTS, "id_number": TEXTS, "phone": TEXTS, "address": TEXTS,
        "area": st.sampled_from(["330383", "110101", None]),
        "age": st.none() | st.integers(-(2**62), 2**62), "alive": st.none() | st.booleans(),
    }
)  # fmt: skip


@given(st.lists(VALUES, max_size=8))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_rows_the_file_is_what_the_grant_sees(city, gateway, rows):
    publish_rows(
        city,
        pa.Table.from_pylist(
            [{"code": f"R{at}", **row} for at, row in enumerate(rows)], RESIDENTS.schema
        ),
    )
    gateway.refresh()
    target, made = make(city)
    found = pq.read_table(opened(target.read_bytes())).to_pylist()
    keys = [f"R{at}" for at in range(len(rows))] or ["R0"]
    seen = [row for row in post(gateway, "batch", {"keys": keys}).json["data"] if row]
    assert found == seen
    assert made.rows == len(seen) == sum(row["area"] == "330383" for row in rows)


def test_asked_made_and_fetched_in_parts_with_a_record_of_each(city, gateway, monkeypatch):
    monkeypatch.setattr(exports, "PART", 400)
    asked = post(gateway, "export", {"format": "parquet"}, purpose="年度比对").json["data"]
    name = {"export": asked["export"]}
    assert asked["state"] == post(gateway, "export-state", name).json["data"]["state"] == "waiting"
    assert refused(post(gateway, "export-part", name | {"offset": 0}), 404, "no_export")
    made = ready(city)
    told = post(gateway, "export-state", name).json["data"]
    assert (told["state"], told["rows"], told["size"], told["sha256"]) == (
        "ready", 3, made.size, made.sha256,
    )  # fmt: skip
    whole = b""
    while len(whole) < told["size"]:
        part = post(gateway, "export-part", name | {"offset": len(whole)}).json["data"]
        whole += base64.b64decode(part["content"])
    table = pq.read_table(opened(whole, asked["export"]))
    assert table.num_rows == 3
    first, *_between, last = calls(city)
    assert (first.kind, first.key_hash, first.purpose) == ("export", asked["export"], "年度比对")
    assert (last.kind, last.key_hash, last.found) == ("export-part", asked["export"], 3)
    assert (last.records, last.fields) == ((made.sha256,), EXPORTED.fields)
    parts = [call for call in calls(city) if call.kind == "export-part" and call.outcome == "ok"]
    assert len(parts) == -(-made.size // 400) > 1


def test_whoever_begins_a_file_takes_its_records_from_the_quota(tmp_path):
    limited = replace(EXPORTED, per_minute=20, per_day=6)
    publish(tmp_path, grant=limited)
    with local(tmp_path) as gateway:
        asked = post(gateway, "export", {}).json["data"]
        ready(tmp_path)
        begin = {"export": asked["export"], "offset": 0}
        assert post(gateway, "export-part", begin).status == 200
        assert [call.cost for call in calls(tmp_path)] == [1, 3]
        assert refused(post(gateway, "export-part", begin), 429, "quota_day")


def test_a_file_is_for_its_asker_under_the_same_grant_and_not_for_ever(city, gateway):
    asked = post(gateway, "export", {}).json["data"]
    begin = {"export": asked["export"], "offset": 0}
    ready(city, app="app-2")
    assert refused(post(gateway, "export-part", begin), 404, "no_export")
    post(gateway, "export", {})
    state = ready(city, expires=-1)
    assert refused(
        post(gateway, "export-part", {"export": state.export, "offset": 0}), 404, "no_export"
    )
    post(gateway, "export", {})
    begin = {"export": ready(city).export, "offset": 0}
    assert post(gateway, "export-part", begin).status == 200
    for wrong in (
        {"offset": -1},
        {"offset": 1},
        {"offset": 1 << 40},
        {"export": "../../bundles/CURRENT"},
    ):
        assert refused(post(gateway, "export-part", begin | wrong), 400, "bad_content")
    publish_rules(city, grant=replace(EXPORTED, masks={**EXPORTED.masks, "age": "band:10"}))
    gateway.refresh()
    assert refused(post(gateway, "export-part", begin), 404, "no_export")
    publish_rules(city, grant=replace(EXPORTED, kinds=("lookup",)))
    gateway.refresh()
    for operation in ("export", "export-state", "export-part"):
        body = (
            {} if operation == "export" else begin if "part" in operation else {"export": "a" * 32}
        )
        assert refused(post(gateway, operation, body), 403, "kind_not_granted")


@pytest.mark.parametrize("most", ["MOST_WAITING", "MOST_WAITING_EACH"])
def test_too_many_waiting_requests_are_refused(gateway, monkeypatch, most):
    monkeypatch.setattr(export_store, most, 1)
    assert post(gateway, "export", {}).status == 200
    assert refused(post(gateway, "export", {}), 429, "busy")


@pytest.mark.parametrize("limits", [Limits(2, 1 << 20), Limits(1000, 10)])
def test_a_file_beyond_the_limits_leaves_nothing(city, limits):
    with pytest.raises(ExportTooLargeError):
        make(city, limits=limits)
    assert not any((city / "exports").iterdir())


def test_only_the_key_that_asked_opens_the_file(city):
    target, _made = make(city)
    with pytest.raises(pyrage.DecryptError):
        opened(target.read_bytes(), "cd" * 16)
    # A fixed vector: other programs derive the same key.
    assert str(pyrage.x25519.Identity.from_str(export_keys.identity("s" * 20, "0" * 32))) == (
        export_keys.identity("s" * 20, "0" * 32)
    )
