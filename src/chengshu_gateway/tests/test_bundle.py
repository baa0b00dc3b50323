from dataclasses import replace

import pytest

from chengshu_gateway import pointer
from chengshu_gateway.bundle import AppKey, Application, Bundle, BundleError, Grant, to_document
from chengshu_gateway.bundle_store import load_bundle, publish_bundle
from chengshu_gateway.policy import Policy
from chengshu_gateway.tests.sample_city import APP, GRANT, INTERFACE, KEYS, OTHER

BUNDLE = Bundle((APP,), (INTERFACE, OTHER), (GRANT,))


def test_what_was_published_is_loaded_again(tmp_path):
    rich = replace(
        BUNDLE,
        grants=(
            replace(
                GRANT, per_day=5, per_minute=2, networks=("10.0.0.0/8", "::1/128"), valid_until=9.5
            ),
        ),
    )
    assert publish_bundle(tmp_path, BUNDLE, KEYS.bundle) == 1
    assert publish_bundle(tmp_path, rich, KEYS.bundle) == 2
    loaded = load_bundle(tmp_path, KEYS.bundle)
    assert loaded is not None
    assert (loaded.version, loaded.bundle) == (2, rich)


def test_a_bundle_from_before_the_kinds_of_calls_still_allows_lookups_only(tmp_path, monkeypatch):
    def former(bundle):
        document = to_document(bundle)
        for grant in document["grants"]:
            del grant["kinds"]
        for interface in document["interfaces"]:
            del interface["queryable"]
        return document

    monkeypatch.setattr("chengshu_gateway.bundle_store.FORMAT", 1)
    monkeypatch.setattr("chengshu_gateway.bundle_store.to_document", former)
    publish_bundle(tmp_path, BUNDLE, KEYS.bundle)
    loaded = load_bundle(tmp_path, KEYS.bundle)
    assert loaded is not None
    assert loaded.bundle == BUNDLE
    assert loaded.bundle.grants[0].kinds == ("lookup",)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"grants": (replace(GRANT, kinds=()),)}, "至少一种调用方式"),
        ({"grants": (replace(GRANT, kinds=("lookup", "everything")),)}, "everything"),
        ({"interfaces": (replace(INTERFACE, queryable=("nope",)), OTHER)}, "查询条件字段"),
        ({"interfaces": (replace(INTERFACE, queryable=("age", "age")), OTHER)}, "查询条件字段"),
    ],
)
def test_unknown_kinds_and_columns_to_ask_are_not_published(tmp_path, rules, told):
    with pytest.raises(BundleError, match=told):
        publish_bundle(tmp_path, replace(BUNDLE, **rules), KEYS.bundle)


def test_nothing_published_is_not_an_error(tmp_path):
    assert load_bundle(tmp_path, KEYS.bundle) is None


def test_any_change_of_a_bundle_file_is_refused(tmp_path):
    publish_bundle(tmp_path, BUNDLE, KEYS.bundle)
    path = tmp_path / str(pointer.read(tmp_path))
    raw = path.read_bytes()
    for changed in (
        raw.replace(b'"330383"', b'"110101"'),
        raw.replace(b'"enabled":true', b'"enabled":1   '),
        raw[:-20],
        b"",
    ):
        assert changed != raw
        path.write_bytes(changed)
        with pytest.raises(BundleError):
            load_bundle(tmp_path, KEYS.bundle)
    path.write_bytes(raw)
    with pytest.raises(BundleError, match="校验失败"):
        load_bundle(tmp_path, b"another key")


def test_secrets_are_readable_by_the_owner_only_and_never_printed(tmp_path):
    publish_bundle(tmp_path / "new", BUNDLE, KEYS.bundle)
    path = tmp_path / "new" / str(pointer.read(tmp_path / "new"))
    assert path.stat().st_mode & 0o077 == 0
    assert APP.keys[0].secret not in repr(BUNDLE)


def test_only_the_newest_files_stay(tmp_path):
    for _ in range(5):
        publish_bundle(tmp_path, BUNDLE, KEYS.bundle, keep=2)
    assert len(list(tmp_path.glob("bundle-*.json"))) == 2
    assert load_bundle(tmp_path, KEYS.bundle) is not None


def test_a_pointer_that_leaves_the_directory_is_not_followed(tmp_path):
    (tmp_path / "CURRENT").write_text("../secret\n")
    with pytest.raises(ValueError, match="指针"):
        load_bundle(tmp_path, KEYS.bundle)


@pytest.mark.parametrize(
    "broken",
    [
        replace(BUNDLE, grants=(replace(GRANT, app_id="ghost"),)),
        replace(BUNDLE, grants=(GRANT, GRANT)),
        replace(BUNDLE, grants=(replace(GRANT, fields=()),)),
        replace(BUNDLE, grants=(replace(GRANT, fields=("nope",)),)),
        replace(BUNDLE, grants=(replace(GRANT, masks={"name": "rot13"}),)),
        replace(BUNDLE, grants=(replace(GRANT, row_filter={"eq": ["nope", "x"]}),)),
        replace(BUNDLE, grants=(replace(GRANT, networks=("300.1.1.1",)),)),
        replace(BUNDLE, grants=(replace(GRANT, per_day=-1),)),
        replace(BUNDLE, applications=(APP, APP)),
        replace(BUNDLE, applications=(replace(APP, keys=(AppKey("k1", "short"),)),)),
        replace(BUNDLE, interfaces=(replace(INTERFACE, key_column="nope"),), grants=()),
        replace(BUNDLE, interfaces=(replace(INTERFACE, snapshot="../x"),), grants=()),
    ],
)
def test_a_contradictory_bundle_is_refused_and_the_old_one_stays(tmp_path, broken):
    publish_bundle(tmp_path, BUNDLE, KEYS.bundle)
    with pytest.raises(BundleError):
        publish_bundle(tmp_path, broken, KEYS.bundle)
    loaded = load_bundle(tmp_path, KEYS.bundle)
    assert loaded is not None
    assert loaded.version == 1


def test_ten_thousand_grants_are_indexed(tmp_path):
    apps = tuple(Application(f"app-{at}", "应用", (AppKey("k", "s" * 32),)) for at in range(100))
    interfaces = tuple(replace(INTERFACE, interface_id=f"i-{at}") for at in range(100))
    grants = tuple(
        Grant(app.app_id, each.interface_id, ("code",), per_day=at)
        for at, app in enumerate(apps)
        for each in interfaces
    )
    publish_bundle(tmp_path, Bundle(apps, interfaces, grants), KEYS.bundle)
    loaded = load_bundle(tmp_path, KEYS.bundle)
    assert loaded is not None
    policy = Policy(loaded, KEYS, per_app_minute=10)
    assert sum(len(entry.grants) for entry in policy.applications.values()) == 10_000
    assert policy.applications[b"app-42"].grants["i-7"].grant.per_day == 42
