"""The rules of proxied interfaces that need no network: addresses, declarations, answers, the breaker."""

import ipaddress
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway.bundle import Bundle, BundleError, Column, Grant, Interface, validate
from chengshu_gateway.bundle_store import load_bundle, publish_bundle
from chengshu_gateway.relay.addresses import allowed
from chengshu_gateway.relay.answers import WrongAnswerError, read
from chengshu_gateway.relay.breaker import (
    FAILURES,
    LONGEST,
    PAUSE,
    PROBE_SECONDS,
    Breaker,
    BreakerTable,
    OpenError,
)
from chengshu_gateway.relay.cache import Cache
from chengshu_gateway.sources import (
    Parameter,
    Source,
    SourceError,
    check,
    check_headers,
    open_headers,
    seal_headers,
)
from chengshu_gateway.tests.sample_city import APP, KEYS

KINDS = ("text", "integer", "real", "decimal", "boolean", "date", "timestamp")
COLUMNS = tuple(Column(kind, kind) for kind in KINDS)
SOURCE = Source(
    url="https://dept.example/api/{id}", parameters=(Parameter("id", place="path"),),
    fields={kind: f"v.{kind}" for kind in KINDS}, rows_at="data",
)  # fmt: skip
INTERFACE = Interface("dept", "1/01/0001", "部门", "", "text", COLUMNS, source=SOURCE)
GRANT = Grant("app-1", "dept", ("text",), kinds=("proxy",))


@pytest.mark.parametrize(
    ("address", "networks", "may"),
    [
        ("223.5.5.5", [], True),
        ("10.1.2.3", [], False),
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.2.3", ["10.1.0.0/16"], False),
        ("192.168.0.1", [], False),
        ("100.64.0.1", [], False),
        ("127.0.0.1", [], False),
        ("169.254.169.254", ["0.0.0.0/0"], False),
        ("100.100.100.200", ["0.0.0.0/0"], False),
        ("0.0.0.0", ["0.0.0.0/0"], False),
        ("224.0.0.1", ["0.0.0.0/0"], False),
        ("255.255.255.255", ["0.0.0.0/0"], False),
        ("::1", [], False),
        ("::ffff:10.1.2.3", [], False),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], True),
        ("64:ff9b::a01:203", ["::/0"], False),
        ("2002:a01:203::1", ["::/0"], False),
        ("fe80::1", ["::/0"], False),
        ("fd00:ec2::254", ["::/0"], False),
        ("fd12::1", ["fd12::/16"], True),
        ("2400:3200::1", [], True),
    ],
)
def test_only_public_addresses_and_what_was_allowed_may_be_called(address, networks, may):
    ranges = [ipaddress.ip_network(each) for each in networks]
    assert allowed(ipaddress.ip_address(address), ranges) is may


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://dept.example/{id}"},
        {"url": "https://user:word@dept.example/{id}"},
        {"url": "https://{id}.example/"},
        {"url": "https://dept.example/{id}#part"},
        {"url": "https://dept.example/{id}?x={id}"},
        {"url": "https://dept.example/none"},
        {"url": "https://dept.example:99999/{id}"},
        {"url": "https://dept.example/\u00a0{id}"},
        {"method": "DELETE"},
        {"parameters": (Parameter("id", place="path"), Parameter("id"))},
        {"parameters": (Parameter("id", place="path", required=False),)},
        {"parameters": (Parameter("id", place="path"), Parameter("x", place="body"))},
        {"fields": {"elsewhere": "x"}},
        {"fields": {}},
        {"rows_at": "a..b"},
        {"success_at": "code"},
        {"timeout": 60.0},
        {"attempts": 2, "idempotent": False},
        {"cache_seconds": 5, "idempotent": False},
        {"most": 0},
        {"max_bytes": 1 << 30},
        {"networks": ("10.0.0.0/99",)},
    ],
)
def test_a_source_that_could_not_be_called_safely_is_not_published(changes):
    check(SOURCE, set(KINDS))
    with pytest.raises(SourceError):
        check(replace(SOURCE, **changes), set(KINDS))
    with pytest.raises(BundleError):
        validate(Bundle((), (replace(INTERFACE, source=replace(SOURCE, **changes)),)))


def test_a_proxied_interface_is_granted_as_such_and_no_other_is(tmp_path):
    bundle = Bundle((APP,), (INTERFACE,), (GRANT,))
    publish_bundle(tmp_path, bundle, KEYS.bundle)
    loaded = load_bundle(tmp_path, KEYS.bundle)
    assert loaded is not None
    assert loaded.bundle == bundle
    plain = replace(INTERFACE, source=None, snapshot="dept")
    for interface, kinds in (
        (INTERFACE, ("proxy", "lookup")), (INTERFACE, ("lookup",)), (plain, ("proxy",)),
    ):  # fmt: skip
        with pytest.raises(BundleError, match="代理"):
            validate(Bundle((APP,), (interface,), (replace(GRANT, kinds=kinds),)))


def test_credentials_are_sealed_for_their_interface():
    sealed = seal_headers(KEYS.source, "dept", {"X-Key": "secret"})
    assert "secret" not in sealed
    assert open_headers(KEYS.source, "dept", sealed) == {"X-Key": "secret"}
    with pytest.raises(SourceError):
        open_headers(KEYS.source, "other", sealed)
    for headers in ({"X-Key": "a\r\nHost: b"}, {"Host": "b"}, {"": "b"}, {"X-Key": "密"}):
        with pytest.raises(SourceError):
            check_headers(headers)


def records(values, **changes):
    body = json.dumps({"data": [{"v": values}]}).encode()
    return read(replace(SOURCE, **changes), COLUMNS, body)


def test_values_are_read_as_snapshots_keep_them():
    given = {
        "text": 330383, "integer": "007", "real": 1, "decimal": 12.50, "boolean": "是",
        "date": "2026年1月2日", "timestamp": "2026-11-23T14:05:00+08:00",
    }  # fmt: skip
    assert records(given) == [
        {
            "text": "330383", "integer": 7, "real": 1.0, "decimal": "12.5", "boolean": 1,
            "date": "2026-01-02", "timestamp": "2026-11-23T06:05:00Z",
        }
    ]  # fmt: skip
    assert records({"text": "", "integer": ""}) == [{**dict.fromkeys(KINDS), "text": ""}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 1.5), ("text", True), ("text", {}), ("text", "\ud800"), ("integer", "1.5"),
        ("integer", True), ("integer", 10**30), ("real", "x"), ("decimal", []), ("boolean", 2),
        ("date", "2026-02-30"), ("date", 20260102), ("timestamp", "soon"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_not_guessed(field, value):
    with pytest.raises(WrongAnswerError, match=field):
        records({field: value})


@settings(max_examples=40)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "v", *KINDS]), inner)
)))  # fmt: skip
def test_whatever_a_source_says_only_declared_fields_of_declared_types_come_out(document):
    try:
        found = read(SOURCE, COLUMNS, json.dumps(document).encode())
    except WrongAnswerError:
        return
    allowed_types = {"integer": int, "real": float, "boolean": int}
    for record in found:
        assert list(record) == list(KINDS)
        for kind, value in record.items():
            assert value is None or type(value) is allowed_types.get(kind, str)


@given(
    st.lists(
        st.tuples(st.sampled_from(["call", "wait"]), st.booleans(), st.booleans()), max_size=60
    )
)
def test_the_breaker_opens_after_failures_in_a_row_and_asks_with_one_call_only(steps):
    now = [0.0]
    table = BreakerTable()
    workers = [Breaker(table, 7, lambda: now[0]) for _worker in range(2)]
    failed, is_open, pause, until = 0, False, PAUSE, 0.0
    for step, good, second in steps:
        breaker, other = workers[second], workers[not second]
        if step == "wait":
            now[0] += pause
            continue
        if is_open and now[0] < until:
            with pytest.raises(OpenError) as refused:
                breaker.enter()
            assert refused.value.retry_after == until - now[0]
            continue
        probe = breaker.enter()
        assert probe == is_open
        if probe:
            for each in (breaker, other):
                with pytest.raises(OpenError):
                    each.enter()
        breaker.leave(probe=probe, answered=good)
        if good:
            failed, is_open, pause = 0, False, PAUSE
        else:
            failed += 1
            pause = min(pause * 2, LONGEST) if probe else pause
            is_open = probe or failed >= FAILURES
            until = now[0] + pause


def test_a_call_from_before_the_pause_says_nothing_and_one_given_up_frees_the_probe():
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    early = breaker.enter()
    for _ in range(FAILURES):
        breaker.leave(probe=breaker.enter(), answered=False)
    breaker.leave(probe=early, answered=True)
    with pytest.raises(OpenError):
        breaker.enter()
    now[0] += PAUSE
    breaker.leave(probe=breaker.enter(), answered=None)
    assert breaker.enter()


def test_a_probe_whose_worker_was_killed_is_given_up_and_the_pause_is_kept(tmp_path):
    now = [0.0]
    path = tmp_path / "state" / "breakers.bin"
    first = Breaker(BreakerTable(path), 7, lambda: now[0])
    for _ in range(FAILURES):
        first.leave(probe=first.enter(), answered=False)
    again = Breaker(BreakerTable(path), 7, lambda: now[0])
    with pytest.raises(OpenError):
        again.enter()
    assert Breaker(BreakerTable(path), 8, lambda: now[0]).enter() is False
    now[0] += PAUSE
    assert first.enter()
    with pytest.raises(OpenError):
        again.enter()
    now[0] += PROBE_SECONDS
    assert again.enter()


def test_more_sources_than_places_forget_the_healthy_ones_first(monkeypatch):
    monkeypatch.setattr("chengshu_gateway.relay.breaker._SLOTS", 4)
    table, now = BreakerTable(), [0.0]
    sick = Breaker(table, 4, lambda: now[0])
    for _ in range(FAILURES):
        sick.leave(probe=sick.enter(), answered=False)
    for name in range(5, 30):
        assert Breaker(table, name, lambda: now[0]).enter() is False
    with pytest.raises(OpenError):
        sick.enter()


def test_the_cache_forgets_in_time_and_stays_within_its_bounds(monkeypatch):
    now = [0.0]
    cache = Cache(clock=lambda: now[0])
    cache.put("a", [{"x": 1}], seconds=5, cost=10)
    assert cache.get("a") == [{"x": 1}]
    now[0] = 5.0
    assert cache.get("a") is None
    monkeypatch.setattr("chengshu_gateway.relay.cache.MAX_COST", 100)
    for name in "bcdef":
        cache.put(name, [], seconds=5, cost=40)
    assert [name for name in "bcdef" if cache.get(name) is not None] == ["e", "f"]
