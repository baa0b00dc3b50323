"""An exported folder proves itself, and every way of bending it is told with its place."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import chengshu_evidence
from chengshu_evidence import anchors, lines, manifest
from chengshu_evidence.__main__ import main
from chengshu_evidence.export import Period, Source, export, gateway_heads, gateway_sources
from chengshu_evidence.lines import GENESIS, canonical, operation_digest
from chengshu_evidence.verify import verify
from chengshu_gateway import audit_chain
from chengshu_gateway.tests.sample_city import local, publish
from chengshu_sm2 import Sm2PrivateKey

PRIVATE, FORGER = Sm2PrivateKey.generate(), Sm2PrivateKey.generate()
PEM = PRIVATE.public_key().pem()
ROW = "/share/v1/residents/R1"
SEGMENT = "gateway/00/00000002.jsonl"


def operations(count):
    """Acts as the platform exports them."""
    previous, found = GENESIS, []
    for seq in range(1, count + 1):
        members = {"seq": seq, "at": f"2026-11-30T00:00:{seq:02d}", "action": "test.act",
                   "object_name": "对象", "after": {"n": seq}, "previous_hash": previous}  # fmt: skip
        previous = operation_digest(members)
        found.append(canonical({**members, "hash": previous}))
    return found


ACTS = operations(6)


@pytest.fixture(scope="module")
def trail(tmp_path_factory):
    """Three segments of the gateway's trail, with an anchor signed after each."""
    data = publish(tmp_path_factory.mktemp("city"))
    for _ in range(3):
        with local(data) as gateway:
            for _ in range(4):
                assert gateway.ask(ROW).status == 200
        heads = gateway_heads(data / "audit") | {"operations/00": (6, json.loads(ACTS[5])["hash"])}
        assert anchors.append(data / "anchors.jsonl", heads, PRIVATE) is not None
    assert anchors.append(data / "anchors.jsonl", heads, PRIVATE) is None
    return data


def exported(trail, folder, *, private=PRIVATE, period=None, acts=ACTS):
    found = period or Period()
    sources = [
        *gateway_sources(trail / "audit", found),
        Source("operations", "00", [("00000001.jsonl", acts)]),
    ]
    export(
        folder,
        sources,
        owner="龙港市",
        anchors=trail / "anchors.jsonl",
        private=private,
        period=found,
    )
    return folder


@pytest.fixture
def folder(trail, tmp_path):
    return exported(trail, tmp_path / "evidence")


def resign(folder, private=PRIVATE):
    """What somebody with the city's key (or a forger with another) would do after bending a file."""
    found = manifest.parse((folder / "manifest.json").read_bytes())
    manifest.write(folder, found, private)


def kinds(report):
    return {finding.kind for finding in report.findings}


def places(report, kind):
    return [finding.place for finding in report.findings if finding.kind == kind]


def edit(folder, change, name=SEGMENT):
    path = folder / name
    path.write_bytes(b"\n".join(change(path.read_bytes().split(b"\n"))))


def test_a_whole_export_proves_itself_without_the_city(folder):
    report = verify(folder, public_pem=PEM)
    assert (report.ok, report.findings) == (True, [])
    assert (report.files, report.records, report.anchors) == (4, 21, 3)
    script = (
        "import sys; from chengshu_evidence.__main__ import main; code = main(sys.argv[1:]);"
        "print([n for n in ('django', 'chengshu', 'pyarrow') if n in sys.modules]); sys.exit(code)"
    )
    (folder.parent / "city.pem").write_bytes(PEM)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), "--key", str(folder.parent / "city.pem")],
        capture_output=True, text=True, check=False,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("CHENGSHU", "DJANGO"))},
            "PYTHONPATH": str(Path(chengshu_evidence.__file__).parents[1]),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "核验通过" in done.stdout
    assert done.stdout.strip().endswith("[]")


def resealed(lines, at, old, new):
    """Edit a record and compute all later hashes anew, as who holds the files can."""
    out, previous = list(lines), None
    for n in range(at, len(lines)):
        if not lines[n]:
            continue
        body = lines[n].replace(old, new) if n == at else lines[n]
        text, _, tail = body.rpartition(b',"prev":"')
        previous = previous or tail[:64].decode()
        out[n], previous = audit_chain.seal(text.decode(), previous)
        out[n] = out[n].rstrip(b"\n")
    return out


ACTS_FILE = "operations/00/00000001.jsonl"


def without(at):
    return lambda lines: [*lines[:at], *lines[at + 1 :]]


def replaced(at, old, new):
    return lambda lines: [*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]]


def swapped(lines):
    return [lines[0], lines[2], lines[1], *lines[3:]]


def cut(lines):
    return [*lines[:-3], b""]


def rewritten(lines):
    return resealed(lines, 2, b'"status":200', b'"status":404')


def bent(change, name=SEGMENT):
    return lambda folder: edit(folder, change, name)


STATUS = (b'"status":200', b'"status":404')
BENT = [
    ("edited", bent(replaced(2, *STATUS)), f"{SEGMENT}:3"),
    ("gap", bent(without(2)), f"{SEGMENT}:3"),
    ("gap", bent(swapped), f"{SEGMENT}:2"),
    ("gap", bent(lambda lines: [*lines[:2], lines[1], *lines[2:]]), f"{SEGMENT}:3"),
    ("missing_file", lambda folder: (folder / SEGMENT).unlink(), SEGMENT),
    ("truncated", bent(cut, "gateway/00/00000003.jsonl"), "gateway/00"),
    ("rewritten", bent(rewritten), f"{SEGMENT}:5"),
    ("unreadable", bent(lambda lines: [lines[0], b"{}", *lines[1:]]), f"{SEGMENT}:2"),
    ("extra_file", lambda folder: (folder / "more.jsonl").write_bytes(b""), "more.jsonl"),
    ("edited", bent(replaced(0, b"test.act", b"test.eat"), ACTS_FILE), f"{ACTS_FILE}:1"),
    ("gap", bent(without(1), ACTS_FILE), f"{ACTS_FILE}:2"),
    ("gap", bent(without(1), "anchors.jsonl"), "anchors.jsonl:3"),
    ("bad_signature", bent(replaced(0, b'"time":"2', b'"time":"1'), "anchors.jsonl"), "anchors.jsonl:1"),
    ("bad_signature", bent(replaced(1, "龙港".encode(), "鹿城".encode()), "manifest.json"), "manifest.json"),
    ("bad_signature", lambda folder: resign(folder, FORGER), "manifest.json"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "bend", "place"), BENT)
def test_every_bend_is_told_with_its_place(folder, kind, bend, place):
    bend(folder)
    report = verify(folder, public_pem=PEM)
    assert place in places(report, kind), report.findings


def test_a_chain_cut_or_rewritten_in_the_city_before_the_export_shows_against_the_anchors(
    trail, tmp_path
):
    """The exporter signs what lies there; only the anchors know what lay there before."""
    for name, change, kind in (
        ("cut", cut, "truncated"),
        ("rewritten", rewritten, "rewritten"),
    ):
        copy = tmp_path / name
        subprocess.run(["cp", "-r", str(trail), str(copy)], check=True)
        last = copy / "audit" / "w00" / "00000003.jsonl"
        last.write_bytes(b"\n".join(change(last.read_bytes().split(b"\n"))))
        report = verify(exported(copy, tmp_path / f"{name}-out"), public_pem=PEM)
        assert kinds(report) == {kind}, name
    shorter = verify(exported(trail, tmp_path / "fewer", acts=ACTS[:4]), public_pem=PEM)
    assert places(shorter, "truncated") == ["operations/00"]


def test_a_middle_segment_lost_in_the_city_shows_in_the_export(trail, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(trail), str(copy)], check=True)
    (copy / "audit" / "w00" / "00000002.jsonl").unlink()
    report = verify(exported(copy, tmp_path / "out"), public_pem=PEM)
    assert places(report, "gap") == ["gateway/00/00000003.jsonl:1"]


def test_a_stretch_of_time_is_exported_whole_and_proves_itself(trail, tmp_path):
    second = (trail / "audit" / "w00" / "00000002.jsonl").read_bytes().split(b"\n")
    at = datetime.fromisoformat(json.loads(second[2])["time"])
    folder = exported(trail, tmp_path / "out", period=Period(at, at))
    assert sorted(p.name for p in (folder / "gateway" / "00").iterdir()) == ["00000002.jsonl"]
    assert verify(folder, public_pem=PEM).ok
    nothing = Period(until=datetime.now(UTC) - timedelta(days=900))
    assert not (exported(trail, tmp_path / "old", period=nothing) / "gateway").exists()


def test_without_the_citys_key_the_report_says_so_and_a_forgers_folder_is_only_of_one_piece(
    trail, tmp_path, capsys
):
    forged = exported(trail, tmp_path / "forged", private=FORGER)
    assert "anchors.jsonl:1" in places(verify(forged), "bad_signature")
    assert main([str(forged)]) == 1
    assert "另行向本市核对" in capsys.readouterr().out


def test_a_manifest_cannot_lead_out_of_its_folder(folder):
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(SEGMENT.encode(), b"../../../etc/hostname"))
    resign_raw = PRIVATE.sign(path.read_bytes()).hex()
    (folder / "manifest.sig").write_text(resign_raw)
    report = verify(folder, public_pem=PEM)
    assert kinds(report) == {"unreadable"}


@pytest.mark.parametrize("missing", ["manifest.json", "manifest.sig", "public-key.pem"])
def test_a_folder_without_its_papers_is_no_proof(folder, missing):
    (folder / missing).unlink()
    assert not verify(folder).ok


def test_the_answer_that_was_given_is_told_from_another(trail, tmp_path, capsys):
    with local(trail) as gateway:
        reply = gateway.ask(ROW)
    folder = exported(trail, tmp_path / "out")
    for name, body in (("given", reply.body), ("other", reply.body.replace(b"36", b"63"))):
        (tmp_path / name).write_bytes(body)
    record = reply.headers["x-cs-record"]
    assert main([str(folder), "--answer", record, str(tmp_path / "given")]) == 0
    assert main([str(folder), "--answer", record, str(tmp_path / "other")]) == 1
    assert main([str(folder), "--answer", "00-9999", str(tmp_path / "given")]) == 1
    assert "不是当时返回的应答" in capsys.readouterr().out


def test_calls_of_other_applications_are_withheld_and_the_chain_is_still_proven(trail, tmp_path):
    folder = tmp_path / "out"
    sources = list(gateway_sources(trail / "audit", Period()))
    export(
        folder, sources, owner="龙港市", anchors=trail / "anchors.jsonl", private=PRIVATE,
        application="app-2",
    )  # fmt: skip
    report = verify(folder, public_pem=PEM)
    assert report.findings == []
    assert report.withheld >= 12
    assert b"app-1" not in (folder / SEGMENT).read_bytes()
    own = tmp_path / "own"
    sources = list(gateway_sources(trail / "audit", Period()))
    export(
        own, sources, owner="龙港市", anchors=trail / "anchors.jsonl", private=PRIVATE,
        application="app-1",
    )  # fmt: skip
    assert verify(own, public_pem=PEM).withheld == 0
    for change, kind in (
        (replaced(2, b'"seq":', b'"seq":1'), "gap"),
        (without(2), "gap"),
        (
            lambda rows: [*rows[:2], rows[2][:-10] + b'0000000"}' + rows[2][-1:], *rows[3:]],
            "unreadable",
        ),
        (lambda rows: [*rows[:2], rows[2][:-66] + b"0" * 64 + b'"}', *rows[3:]], "broken_chain"),
    ):
        subprocess.run(["cp", "-r", str(folder), str(tmp_path / "bent")], check=True)
        edit(tmp_path / "bent", change)
        assert kind in kinds(verify(tmp_path / "bent", public_pem=PEM)), kind
        subprocess.run(["rm", "-r", str(tmp_path / "bent")], check=True)


def test_a_content_withheld_without_a_word_in_the_manifest_is_told(trail, tmp_path):
    folder = exported(trail, tmp_path / "out")
    edit(folder, lambda rows: list(lines.only("app-2", rows)))
    assert "withheld" in kinds(verify(folder, public_pem=PEM))
