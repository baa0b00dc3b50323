"""Keys of anchors that follow one another: old evidence stays proven, and no forged or retired key passes."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from chengshu_evidence import anchors, keychain, manifest
from chengshu_evidence.export import Source, export
from chengshu_evidence.keychain import NO_ANCHOR, KeyChainError
from chengshu_evidence.tests.test_evidence import ACTS, kinds, places
from chengshu_evidence.verify import verify
from chengshu_sm2 import Sm2PrivateKey

FIRST, SECOND, THIEF = (Sm2PrivateKey.generate() for _ in range(3))
HEADS = [(each["seq"], each["hash"]) for each in map(json.loads, ACTS)]


def name(private):
    return anchors.key_name(private.public_key())


class Trail:
    """Anchors over the acts so far, and the keys that sign them."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.anchors, self.keys = folder / "anchors.jsonl", folder / "anchor-keys.jsonl"
        self.acts = 0
        keychain.begin(self.keys, FIRST)

    def anchor(self, private):
        self.acts += 1
        time.sleep(0.002)  # two anchors of one millisecond could not be told apart by time
        return anchors.append(self.anchors, {"operations/00": HEADS[self.acts - 1]}, private)

    def mark(self):
        last = anchors.last(self.anchors)
        return (last.number, last.digest) if last else NO_ANCHOR

    def renew(self, old, new):
        return keychain.renew(self.keys, old, new, reason="到期更换", anchor=self.mark())

    def proven(self, held, signer=SECOND):
        folder = self.folder / f"out-{time.monotonic_ns()}"
        source = Source("operations", "00", [("00000001.jsonl", ACTS)])
        export(
            folder, [source], owner="龙港市", anchors=self.anchors, private=signer, keys=self.keys
        )
        return verify(folder, public_pem=held.public_key().pem() if held else None)


@pytest.fixture
def trail(tmp_path):
    """Two anchors by the first key, then two by its successor."""
    made = Trail(tmp_path / "city")
    made.anchor(FIRST), made.anchor(FIRST)
    made.renew(FIRST, SECOND)
    made.anchor(SECOND), made.anchor(SECOND)
    return made


@pytest.mark.parametrize("held", [FIRST, SECOND, None])
def test_whoever_holds_any_of_the_keys_proves_all_anchors(trail, held):
    report = trail.proven(held)
    assert (report.findings, report.keys, report.anchors) == ([], 2, 4)


def test_a_key_from_elsewhere_proves_nothing(trail):
    assert "unknown_key" in kinds(trail.proven(THIEF))


def test_a_retired_key_signs_nothing_any_more_and_a_successor_nothing_before_its_time(trail):
    trail.anchor(FIRST)
    assert places(trail.proven(SECOND), "retired_key") == ["anchors.jsonl:5"]
    early = Trail(trail.folder / "early")
    early.anchor(SECOND)
    early.renew(FIRST, SECOND)
    assert places(early.proven(SECOND), "retired_key") == ["anchors.jsonl:1"]


def test_an_export_signed_by_a_retired_key_is_refused(trail):
    report = trail.proven(SECOND, signer=FIRST)
    assert places(report, "bad_signature") == ["manifest.json"]


def test_who_steals_a_retired_key_cannot_date_an_anchor_back(trail):
    lines = trail.anchors.read_bytes().splitlines(keepends=True)
    trail.anchors.write_bytes(lines[0])
    anchors.append(trail.anchors, {"operations/00": HEADS[2]}, FIRST)
    trail.anchors.write_bytes(trail.anchors.read_bytes() + b"".join(lines[2:]))
    report = trail.proven(SECOND)
    assert "anchor-keys.jsonl:2" in places(report, "bad_key")


def forged(statement, **changes):
    """A statement as somebody with only their own key would write it."""
    members = {**statement, **changes}
    signed = keychain._message(members)
    members["signature"] = THIEF.sign(signed).hex()
    members["accepted"] = THIEF.sign(signed).hex()
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def edited(old, new):
    return lambda lines: [lines[0], lines[1].replace(old, new)]


def successor(**changes):
    point = THIEF.public_key().point().hex()
    return lambda lines: [
        lines[0], forged(json.loads(lines[1]), key=name(THIEF), public=point, **changes),
    ]  # fmt: skip


BENT = [
    ("gap", lambda lines: lines[1:], 1),
    ("gap", lambda lines: lines[::-1], 1),
    ("bad_key", edited("到期更换".encode(), "照常更换".encode()), 2),
    ("bad_key", successor(), 2),
    ("bad_key", successor(signer=name(THIEF)), 2),
    ("bad_key", edited(name(SECOND).encode(), name(THIEF).encode()), 2),
    ("unreadable", edited(b'"act"', b'"fact"'), 2),
]


@pytest.mark.parametrize(("kind", "bend", "place"), BENT)
def test_a_broken_chain_of_keys_and_a_forged_successor_are_told_with_their_place(
    trail, kind, bend, place
):
    lines = trail.keys.read_bytes().splitlines()
    trail.keys.write_bytes(b"\n".join(bend(lines)) + b"\n")
    for held in (FIRST, SECOND):
        report = trail.proven(held)
        assert f"anchor-keys.jsonl:{place}" in places(report, kind), report.findings


def test_a_thief_of_the_retired_key_cannot_name_a_successor_of_his_own(trail):
    with pytest.raises(KeyChainError):
        trail.renew(FIRST, THIEF)
    keychain._write(
        trail.keys, keychain.RENEWED, THIEF.public_key(), FIRST, reason="x", anchor=trail.mark(),
        accepting=THIEF,
    )  # fmt: skip
    for held in (FIRST, SECOND):
        assert places(trail.proven(held), "bad_key") == ["anchor-keys.jsonl:3"]


def test_a_successor_that_never_accepted_is_no_key(tmp_path):
    made = Trail(tmp_path / "city")
    keychain._write(
        made.keys, keychain.RENEWED, SECOND.public_key(), FIRST, reason="x", anchor=NO_ANCHOR
    )
    assert places(made.proven(FIRST), "bad_key") == ["anchor-keys.jsonl:2"]


def test_what_a_compromised_key_signed_after_the_theft_does_not_count(trail):
    moments = [each.moment for each in anchors.read(trail.anchors)]
    since = moments[0] + (moments[1] - moments[0]) / 2
    keychain.declare_compromised(
        trail.keys, SECOND, name(FIRST), since=since, reason="疑似泄露", anchor=trail.mark()
    )
    report = trail.proven(SECOND)
    assert (report.findings, report.discounted) == ([], 1)
    # The theft was before the renewal, so the renewal proves nothing to who holds the old key only.
    assert places(trail.proven(FIRST), "compromised_key") == ["anchor-keys.jsonl"]


def test_a_theft_after_the_renewal_leaves_all_of_it_proven_to_everybody(trail):
    keychain.declare_compromised(
        trail.keys, SECOND, name(FIRST), since=datetime.now(UTC) + timedelta(seconds=1),
        reason="备份遗失", anchor=trail.mark(),
    )  # fmt: skip
    for held in (FIRST, SECOND):
        report = trail.proven(held)
        assert (report.findings, report.discounted) == ([], 0)


def test_only_a_retired_key_is_declared_compromised_and_once(trail):
    values = {"since": datetime.now(UTC), "reason": "x", "anchor": NO_ANCHOR}
    for key in (name(SECOND), name(THIEF)):
        with pytest.raises(KeyChainError):
            keychain.declare_compromised(trail.keys, SECOND, key, **values)
    keychain.declare_compromised(
        trail.keys, SECOND, name(FIRST), **{**values, "anchor": trail.mark()}
    )
    with pytest.raises(KeyChainError):
        keychain.declare_compromised(trail.keys, SECOND, name(FIRST), **values)


def test_a_folder_of_the_former_format_is_still_proven(tmp_path):
    made = Trail(tmp_path / "city")
    made.anchor(FIRST)
    made.keys.unlink()
    folder = tmp_path / "old"
    source = Source("operations", "00", [("00000001.jsonl", ACTS)])
    export(folder, [source], owner="龙港市", anchors=made.anchors, private=FIRST)
    content = json.loads((folder / "manifest.json").read_bytes())
    del content["keys"]
    old = json.dumps({**content, "format": 1}).encode()
    (folder / "manifest.json").write_bytes(old)
    (folder / "manifest.sig").write_text(FIRST.sign(old).hex())
    assert verify(folder, public_pem=FIRST.public_key().pem()).ok
    with pytest.raises(ValueError, match="升级"):
        manifest.parse(old.replace(b'"format": 1', b'"format": 9'))
