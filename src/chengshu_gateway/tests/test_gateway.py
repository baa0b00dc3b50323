import errno
import hashlib
import json
import subprocess
import sys
import time
from base64 import b64encode
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_gateway.audit_verify import verify
from chengshu_gateway.bundle import AppKey
from chengshu_gateway.keys import GatewayKeys, KeyMissingError, hash_record_key
from chengshu_gateway.limits import FAILURES_PER_PAIR
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.tests.sample_city import (
    APP,
    GRANT,
    KEYS,
    RESIDENTS,
    SECRET,
    calls,
    local,
    publish,
    publish_rows,
    publish_rules,
    signed,
)

ROW = "/share/v1/residents/R1"


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path / "data")


@pytest.fixture
def gateway(city):
    with local(city) as running:
        yield running


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.json["status"] == status
    assert reply.json["title"]
    assert reply.json["detail"]
    return True


def test_a_granted_call_shows_the_masked_fields_and_its_record(city, gateway):
    reply = gateway.ask(ROW, purpose="居民核验")
    assert reply.status == 200
    assert reply.json["data"] == {
        "code": "R1",
        "name": "张**",
        "id_number": "330383********1234",
        "phone": "138****1234",
        "address": "浙江省温州市龙港市城东社区****",
        "age": 36,
        "alive": True,
    }
    assert reply.json["interface"] == "residents"
    digest = hashlib.sha256(reply.body)
    assert reply.headers["content-digest"] == f"sha-256=:{b64encode(digest.digest()).decode()}:"
    (call,) = calls(city)
    assert (call.outcome, call.status, call.verified, call.counted) == ("ok", 200, True, True)
    assert (call.purpose, call.ip, call.app) == ("居民核验", "127.0.0.1", "app-1")
    assert call.request_id == reply.json["request_id"] == reply.headers["x-cs-record"]
    assert call.digest == digest.hexdigest()
    assert call.key_hash == hash_record_key(KEYS.record_key, "R1")


def test_the_audit_never_holds_the_looked_up_key_or_values(city, gateway):
    gateway.ask("/share/v1/residents/330383199001011234")
    gateway.ask(ROW)
    log = next((city / "audit" / "w00").glob("0*.jsonl")).read_text()
    assert "330383199001011234" not in log
    assert "张" not in log


def test_nulls_stay_null_and_chosen_fields_come_alone(gateway):
    assert gateway.ask("/share/v1/residents/R2").json["data"]["id_number"] is None
    assert gateway.ask("/share/v1/residents/R3").json["data"]["alive"] is None
    reply = gateway.ask(ROW, "fields=name,age")
    assert reply.json["data"] == {"name": "张**", "age": 36}


def test_a_hidden_row_and_a_missing_row_are_indistinguishable(gateway):
    hidden = gateway.ask("/share/v1/residents/" + quote("人 4"))
    missing = gateway.ask("/share/v1/residents/R999")
    assert refused(hidden, 404, "no_record")
    bodies = [
        {name: value for name, value in reply.json.items() if name != "request_id"}
        for reply in (hidden, missing)
    ]
    assert bodies[0] == bodies[1]


def test_a_key_in_chinese_is_found(city, gateway):
    publish_rules(city, grant=replace(GRANT, row_filter=None))
    gateway.refresh()
    assert gateway.ask("/share/v1/residents/" + quote("人 4")).status == 200


def test_the_description_lists_fields_masks_and_quota(city, gateway):
    reply = gateway.ask("/share/v1/residents")
    fields = {each["name"]: each["mask"] for each in reply.json["data"]["fields"]}
    assert fields["name"] == "name"
    assert fields["age"] == "none"
    assert "area" not in fields
    assert refused(gateway.ask("/share/v1/residents", headers={}), 401, "unsigned")
    assert calls(city)[0].counted is False


@pytest.mark.parametrize(
    ("signing", "status", "code"),
    [
        ({"secret": "wrong-secret-0123456789"}, 401, "bad_signature"),
        ({"key_id": "k9"}, 401, "bad_signature"),
        ({"app": "app-9"}, 401, "bad_signature"),
        ({"timestamp": int(time.time() * 1000) - 301_000}, 401, "bad_timestamp"),
        ({"timestamp": int(time.time() * 1000) + 86_400_000}, 401, "bad_timestamp"),
        ({"timestamp": 12}, 400, "bad_header"),
        ({"nonce": "short"}, 400, "bad_header"),
        ({"nonce": "has space in it"}, 400, "bad_header"),
        ({"purpose": "长" * 201}, 400, "bad_header"),
    ],
)
def test_a_wrong_signature_part_is_refused_and_recorded(city, gateway, signing, status, code):
    assert refused(gateway.ask(ROW, **signing), status, code)
    (call,) = calls(city)
    assert (call.outcome, call.status, call.counted) == (code, status, False)


@pytest.mark.parametrize("header", ["X-Cs-App", "X-Cs-Key", "X-Cs-Timestamp", "X-Cs-Nonce"])
def test_a_missing_header_is_refused(gateway, header):
    headers = signed(ROW)
    del headers[header]
    assert refused(gateway.ask(ROW, headers=headers), 401, "unsigned")


def test_whatever_is_tampered_with_breaks_the_signature(gateway):
    headers = signed(ROW, "fields=name", purpose="核验")
    tampered = [
        gateway.ask("/share/v1/residents/R2", "fields=name", headers=headers),
        gateway.ask(ROW, "fields=age", headers=headers),
        gateway.ask(ROW, "fields=name", headers={**headers, "X-Cs-Purpose": "x"}),
        gateway.ask(ROW, "fields=name", headers={**headers, "X-Cs-Nonce": "another-nonce"}),
        gateway.ask(ROW, "fields=name", headers=headers, body=b"{}"),
    ]
    assert all(refused(reply, 401, "bad_signature") for reply in tampered)
    assert gateway.ask(ROW, "fields=name", headers=headers).status == 200


def test_a_replay_is_refused_whatever_became_of_the_first_call(gateway):
    for path, query in ((ROW, ""), (ROW, "fields=area"), ("/share/v1/unknown/1", "")):
        headers = signed(path, query)
        gateway.ask(path, query, headers=headers)
        assert refused(gateway.ask(path, query, headers=headers), 409, "replayed")


def test_an_ungranted_field_is_named_and_refused(gateway):
    reply = gateway.ask(ROW, "fields=name,area")
    assert refused(reply, 403, "field_not_granted")
    assert "area" in reply.json["detail"]


def test_an_ungranted_interface_looks_like_an_unknown_one(gateway):
    first = gateway.ask("/share/v1/secret-list/R1").json
    second = gateway.ask("/share/v1/no-such-list/R1").json
    assert first["code"] == "not_granted"
    assert first["detail"] == second["detail"]


@pytest.mark.parametrize(
    ("key", "enabled", "status", "code"),
    [
        (AppKey("k1", SECRET, state="disabled"), True, 401, "key_inactive"),
        (AppKey("k1", SECRET, expires=time.time() - 5), True, 401, "key_inactive"),
        (AppKey("k1", SECRET, not_before=time.time() + 900), True, 401, "key_inactive"),
        (AppKey("k1", SECRET), False, 403, "app_disabled"),
    ],
)
def test_inactive_keys_and_applications_are_refused(tmp_path, key, enabled, status, code):
    publish(tmp_path, app=replace(APP, keys=(key,), enabled=enabled))
    with local(tmp_path) as gateway:
        assert refused(gateway.ask(ROW), status, code)
        guessed = gateway.ask(ROW, secret="someone-guessing-0123456789")
        assert refused(guessed, 401, "bad_signature")


def test_a_second_key_works_while_the_first_is_rotated_out(tmp_path):
    keys = (AppKey("k1", SECRET, state="disabled"), AppKey("k2", "new-secret-0123456789"))
    publish(tmp_path, app=replace(APP, keys=keys))
    with local(tmp_path) as gateway:
        assert gateway.ask(ROW, key_id="k2", secret="new-secret-0123456789").status == 200


@pytest.mark.parametrize(
    "limits", [{"valid_from": time.time() + 900}, {"valid_until": time.time() - 1}]
)
def test_a_grant_outside_its_term_is_no_grant(tmp_path, limits):
    publish(tmp_path, grant=replace(GRANT, **limits))
    with local(tmp_path) as gateway:
        assert refused(gateway.ask(ROW), 403, "not_granted")


def test_the_network_list_counts_the_real_address(tmp_path):
    publish(tmp_path, grant=replace(GRANT, networks=("10.1.0.0/16", "2001:db8::/32")))
    with local(tmp_path, trusted_proxies=("192.168.0.0/24",)) as gateway:
        assert gateway.ask(ROW, ip="10.1.2.3").status == 200
        assert gateway.ask(ROW, ip="2001:db8::7").status == 200
        assert refused(gateway.ask(ROW, ip="10.2.0.1"), 403, "network_refused")
        forwarded = {"X-Forwarded-For": "10.1.9.9"}
        spoofed = gateway.ask(ROW, ip="10.2.0.1", headers={**signed(ROW), **forwarded})
        assert refused(spoofed, 403, "network_refused")
        proxied = gateway.ask(ROW, ip="192.168.0.7", headers={**signed(ROW), **forwarded})
        assert proxied.status == 200


def test_quotas_stop_with_retry_after_and_refusals_do_not_use_them(tmp_path):
    publish(tmp_path, grant=replace(GRANT, per_day=3))
    with local(tmp_path) as gateway:
        gateway.ask(ROW, "fields=area")
        assert [gateway.ask(ROW).status for _ in range(3)] == [200, 200, 200]
        over = gateway.ask(ROW)
        assert refused(over, 429, "quota_day")
        assert 0 < int(over.headers["retry-after"]) <= 86_400
    with local(tmp_path) as again:
        assert refused(again.ask(ROW), 429, "quota_day")


def test_a_day_quota_survives_the_loss_of_the_counters(tmp_path):
    publish(tmp_path, grant=replace(GRANT, per_day=2))
    headers = signed(ROW)
    with local(tmp_path) as gateway:
        gateway.ask(ROW, headers=headers)
        gateway.ask(ROW)
    (tmp_path / "state" / "limits.bin").unlink()
    with local(tmp_path) as again:
        assert refused(again.ask(ROW, headers=headers), 409, "replayed")
        assert refused(again.ask(ROW), 429, "quota_day")


def test_the_minute_quota_waits_at_most_a_minute(tmp_path):
    publish(tmp_path, grant=replace(GRANT, per_minute=0))
    with local(tmp_path) as gateway:
        over = gateway.ask(ROW)
        assert refused(over, 429, "quota_minute")
        assert 1 <= int(over.headers["retry-after"]) <= 61


def test_guessing_locks_the_guesser_but_not_the_application(gateway):
    for _ in range(FAILURES_PER_PAIR):
        gateway.ask(ROW, secret="a-guess-0123456789abcdef", ip="10.0.0.66")
    locked = gateway.ask(ROW, ip="10.0.0.66")
    assert refused(locked, 429, "locked")
    assert int(locked.headers["retry-after"]) > 60
    assert gateway.ask(ROW, ip="10.0.0.67").status == 200


BAD_PATHS = [
    "/",
    "/share/v1/",
    "/share/v1",
    "/share/v2/residents/R1",
    "/share/v1//R1",
    "/share/v1/residents/",
    "/share/v1/residents/..",
    "/share/v1/../residents/R1",
    "/share/v1/residents/%2e%2e",
    "/share/v1/residents/a%2fb",
    "/share/v1/residents/a/b",
    "/share/v1/residents/a%5Cb",
    "/share/v1/residents/R1%00",
    "/share/v1/residents/%252e%252e%252f",
    "/share/v1/residents/%ff%fe",
    "/share/v1/residents/%zz",
    "/share/v1/residents/%",
    "/share/v1/residents/" + "a" * 300,
    "/share/v1/residents/" + "a" * 5000,
    "/share/v1/residents%2fR1",
    "/share/v1/res..idents/R1",
    "/SHARE/v1/residents/R1",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_path_tricks_are_refused_and_recorded(city, gateway, path):
    assert refused(gateway.ask(path), 400, "bad_path")
    (call,) = calls(city)
    assert call.outcome == "bad_path"


@pytest.mark.parametrize(
    "query",
    ["fields=", "fields", "x=1", "fields=name&fields=age", "fields=name,name", "fields=%ff", "&&"],
)
def test_other_queries_are_refused(gateway, query):
    assert refused(gateway.ask(ROW, query), 400, "bad_query")


@given(path=st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_path_makes_the_gateway_fail(gateway, path):
    for each in ("/" + path, "/share/v1/residents/" + path, "/share/v1/" + path):
        assert (
            gateway.ask(each, headers=signed(each.encode("ascii", "ignore").decode())).status < 500
        )


@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "X-Cs-App",
                "X-Cs-Key",
                "X-Cs-Timestamp",
                "X-Cs-Nonce",
                "X-Cs-Signature",
                "X-Cs-Purpose",
            ]
        ),
        st.text(alphabet=st.characters(max_codepoint=255), max_size=40),
    )
)
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_header_makes_the_gateway_fail(city, gateway, headers):
    assert gateway.ask(ROW, headers={**signed(ROW), **headers}, ip="10.9.9.9").status < 500
    assert verify(city / "audit", HmacSigner(KEYS.checkpoint)).ok


def test_other_methods_and_bodies_are_refused(gateway):
    reply = gateway.ask(ROW, method="POST")
    assert refused(reply, 405, "bad_method")
    assert reply.headers["allow"] == "GET"
    assert refused(gateway.ask(ROW, body=b"x" * 70_000), 400, "bad_body")


def test_without_a_bundle_or_snapshot_the_answer_is_503_and_recorded(tmp_path):
    with local(tmp_path) as gateway:
        assert refused(gateway.ask(ROW), 503, "no_bundle")
        assert gateway.ask("/healthz").status == 503
        publish_rules(tmp_path)
        gateway.refresh()
        assert refused(gateway.ask(ROW), 503, "no_snapshot")
        publish_rows(tmp_path)
        gateway.refresh()
        assert gateway.ask(ROW).status == 200
        assert gateway.ask("/healthz").json["status"] == "ok"
    assert [call.outcome for call in calls(tmp_path)] == ["no_bundle", "no_snapshot", "ok"]


def test_new_rules_and_rows_take_effect_while_running(city, gateway):
    first = gateway.ask(ROW).json["version"]
    publish_rows(city, RESIDENTS.set_column(1, "name", pa.array(["赵六", "李四", None, "王五"])))
    gateway.refresh()
    changed = gateway.ask(ROW).json
    assert changed["data"]["name"] == "赵*"
    assert changed["version"] != first
    publish_rules(city, grant=None)
    gateway.refresh()
    assert refused(gateway.ask(ROW), 403, "not_granted")


def test_a_tampered_or_older_bundle_is_not_taken_up(city, gateway):
    bundles = city / "bundles"
    old = (bundles / "CURRENT").read_text()
    publish_rules(city, grant=replace(GRANT, per_day=0))
    gateway.refresh()
    (bundles / "CURRENT").write_text(old)
    gateway.refresh()
    assert refused(gateway.ask(ROW), 429, "quota_day")
    assert "版本倒退" in gateway.ask("/healthz").json["bundle_error"]
    publish_rules(city)
    current = bundles / (bundles / "CURRENT").read_text().strip()
    current.write_bytes(current.read_bytes().replace(b'"per_day":null', b'"per_day":9999'))
    gateway.refresh()
    assert "校验失败" in gateway.ask("/healthz").json["bundle_error"]
    assert refused(gateway.ask(ROW), 429, "quota_day")


def test_a_snapshot_without_a_granted_column_answers_503_not_500(city, gateway):
    publish_rows(city, RESIDENTS.drop_columns(["phone"]))
    gateway.refresh()
    gateway.ask(ROW)
    gateway.refresh()
    assert refused(gateway.ask(ROW), 503, "no_snapshot")
    assert gateway.ask(ROW, "fields=name").status == 200


def test_when_the_audit_fails_no_data_leaves(city, gateway):
    def fail(_descriptor):
        raise OSError(errno.EIO, "injected")

    assert gateway.ask(ROW).status == 200
    gateway.gateway.audit._sync = fail
    for _ in range(2):
        reply = gateway.ask(ROW)
        assert refused(reply, 503, "audit_unavailable")
        assert "张" not in reply.body.decode()
    health = gateway.ask("/healthz")
    assert (health.status, health.json["audit"]) == (503, "failed")


def test_a_nearly_full_disk_pauses_and_recovers(city, monkeypatch):
    free = SimpleNamespace(free=10)
    with local(city, poll_seconds=0.02) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr("chengshu_gateway.server.shutil.disk_usage", lambda _path: free)
            until(gateway, lambda: gateway.gateway.audit.paused)
            assert refused(gateway.ask(ROW), 503, "audit_unavailable")
        until(gateway, lambda: not gateway.gateway.audit.paused)
        assert gateway.ask(ROW).status == 200


def until(gateway, condition):
    for _ in range(500):
        if condition():
            return
        gateway.wait(0.02)
    raise AssertionError("the watcher did not act")


def test_an_unforeseen_fault_is_a_recorded_500(city, gateway, monkeypatch, caplog):
    def broken(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(gateway.gateway._authoriser, "admit", broken)
    reply = gateway.ask(ROW)
    assert refused(reply, 500, "internal")
    assert reply.json["request_id"] in caplog.text
    assert calls(city)[0].outcome == "internal"


def test_values_that_json_must_escape_survive(city, gateway):
    nasty = 'q"\\\n\u2028</script>😀'
    publish_rows(city, RESIDENTS.set_column(0, "code", pa.array([nasty, "R1", "R2", "R3"])))
    publish_rules(city, grant=replace(GRANT, row_filter={"prefix": ["area", "33"]}, masks={}))
    gateway.refresh()
    assert gateway.ask(ROW).json["data"]["name"] == "李四"
    publish_rows(city, RESIDENTS.set_column(1, "name", pa.array([nasty, "a", "b", "c"])))
    gateway.refresh()
    assert json.loads(gateway.ask(ROW).body)["data"]["name"] == nasty


def test_a_weak_secret_is_refused_at_start():
    with pytest.raises(KeyMissingError, match="CHENGSHU_GATEWAY_SECRET"):
        GatewayKeys.from_secret("short")


def test_the_serving_side_loads_neither_arrow_nor_the_control_plane():
    script = (
        "import sys, chengshu_gateway.serve, chengshu_gateway.client;"
        "print([name for name in ('pyarrow', 'numpy', 'django', 'chengshu') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
