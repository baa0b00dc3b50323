"""Both trails in one folder, anchored while they grew, proven by somebody who has neither database nor secret."""

import hashlib
import json
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from chengshu.data.sharing.tests.cast import gateway
from chengshu.kernel.audit import anchor_keys, trails
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict
from chengshu_evidence import lines, manifest
from chengshu_evidence.__main__ import main
from chengshu_evidence.verify import verify


def say(capsys, *arguments):
    call_command("audit", *arguments)
    return capsys.readouterr().out


def test_acts_and_calls_are_anchored_exported_and_proven_offline(scene, settings, tmp_path, capsys):
    settings.DATA_DIR = tmp_path / "data"
    caller = scene.shared()
    with gateway(scene) as running:
        for n in range(3):
            assert caller.ask(running, f"R{n}").status == 200
        assert "第 1 个" in say(capsys, "anchor")
        assert "无需签署" in say(capsys, "anchor")
        caller.ask(running, "R0")
    folder = tmp_path / "evidence"
    told = say(capsys, "export", str(folder))
    assert "gateway/00" in told
    assert "operations/00" in told
    public = anchor_keys.public_key_file()
    assert main([str(folder), "--key", str(public)]) == 0
    report = verify(folder, public_pem=public.read_bytes())
    # Of the acts all but the export itself, of the calls four and the opening of the segment.
    assert report.records == AuditRecord.objects.count() - 1 + 5
    assert AuditRecord.objects.first().action == "audit.evidence_exported"
    with pytest.raises(Conflict):
        call_command("audit", "export", str(folder))
    with pytest.raises(CommandError):
        call_command("audit", "export")
    acts = folder / "operations" / "00" / "00000001.jsonl"
    acts.write_bytes(acts.read_bytes().replace(b"sharing.granted", b"sharing.refused", 1))
    assert main([str(folder), "--key", str(public)]) == 1
    assert "operations/00/00000001.jsonl:" in capsys.readouterr().out


def test_the_acts_of_some_days_are_exported_without_a_hole(scene, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    scene.grant()
    trails.anchor()
    rows = list(AuditRecord.objects.order_by("seq"))
    period = trails.Period(rows[1].at, rows[-2].at)
    made = trails.export_trails(tmp_path / "some", period, owner="龙港市")
    chain = next(c for c in made.chains if c.trail == "operations")
    assert (chain.first, chain.last) == (rows[1].seq, rows[-2].seq)
    assert chain.before == rows[0].hash
    assert verify(tmp_path / "some").ok
    assert json.loads((tmp_path / "some" / "manifest.json").read_text("utf-8"))["owner"] == "龙港市"


def test_records_cut_after_the_last_regular_anchor_show_even_when_the_city_signs_anew(
    scene, settings, tmp_path
):
    settings.DATA_DIR = tmp_path / "data"
    scene.grant()
    trails.anchor()
    scene.application("second")
    folder = tmp_path / "evidence"
    trails.export_trails(folder, trails.Period(), owner="龙港市")
    found = manifest.parse((folder / "manifest.json").read_bytes())
    acts = folder / "operations" / "00" / "00000001.jsonl"
    kept = acts.read_bytes().splitlines(keepends=True)[:-1]
    acts.write_bytes(b"".join(kept))
    entry = lines.read(lines.OPERATIONS, kept[-1].rstrip())
    chain = next(each for each in found.chains if each.trail == "operations")
    part = replace(
        chain.parts[0], sm3=hashlib.new("sm3", acts.read_bytes()).hexdigest(), last=entry.seq
    )
    shorter = replace(chain, last=entry.seq, head=entry.digest, parts=(part,))
    others = [each for each in found.chains if each is not chain]
    bent = replace(found, chains=(*others, shorter))
    manifest.write(folder, bent, anchor_keys.anchor_key())
    report = verify(folder, public_pem=anchor_keys.public_key_file().read_bytes())
    assert {(f.kind, f.place) for f in report.findings} == {("truncated", "operations/00")}


def test_the_key_is_renewed_by_command_and_who_holds_the_old_one_proves_what_came_after(
    scene, settings, tmp_path, capsys
):
    settings.DATA_DIR = tmp_path / "data"
    scene.grant()
    trails.anchor()
    old = anchor_keys.public_key_file().read_bytes()
    first = anchor_keys.known_keys()[0].key
    with pytest.raises(CommandError, match="原因"):
        say(capsys, "renew-key")
    assert "旧私钥已删除" in say(capsys, "renew-key", "--reason", "到期更换")
    new = anchor_keys.public_key_file().read_bytes()
    assert old != new
    assert len(list((tmp_path / "data" / "keys").glob("anchor-*"))) == 1
    folder = tmp_path / "evidence"
    say(capsys, "export", str(folder))
    for public in (old, new):
        (tmp_path / "held.pem").write_bytes(public)
        assert main([str(folder), "--key", str(tmp_path / "held.pem")]) == 0
    assert "先后有 2 把密钥" in capsys.readouterr().out
    with pytest.raises(CommandError, match="先换新密钥"):
        say(capsys, "declare-key", anchor_keys.known_keys()[1].key, "--compromised-since",
            "2026-11-30", "--reason", "x")  # fmt: skip
    say(capsys, "declare-key", first, "--compromised-since", "2026-11-30", "--reason", "备份遗失")
    told = say(capsys, "keys")
    assert "起泄露" in told
    assert "现用" in told
    assert list(AuditRecord.objects.values_list("action", flat=True)[:2]) == [
        "audit.key_compromised", "audit.evidence_exported",
    ]  # fmt: skip
    again = tmp_path / "again"
    say(capsys, "export", str(again))
    assert verify(again, public_pem=new).discounted == 1
    assert not verify(again, public_pem=old).ok
    next((tmp_path / "data" / "keys").glob("anchor-*")).unlink()
    with pytest.raises(Conflict, match="没有签名"):
        trails.export_trails(tmp_path / "third", trails.Period(), owner="龙港市")
    assert not (tmp_path / "third").exists()


def test_calls_of_one_application_are_handed_out_alone_and_still_proven(scene, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    caller = scene.shared()
    with gateway(scene) as running:
        assert caller.ask(running).status == 200
    assert ("grid-app", "网格移动端") in trails.applications()
    for application, withheld in (("grid-app", 0), ("other", 1)):
        folder = tmp_path / application
        trails.export_trails(folder, trails.Period(), owner="龙港市", application=application)
        report = verify(folder, public_pem=anchor_keys.public_key_file().read_bytes())
        assert (report.findings, report.withheld) == ([], withheld)
        assert not (folder / "operations").exists()
        assert main([str(folder)]) == 0


def test_nobody_else_reads_the_anchor_key(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    anchor_keys.anchor_key()
    assert (tmp_path / "keys" / "anchor-sm2.pem").stat().st_mode & 0o077 == 0
    assert b"PUBLIC KEY" in (tmp_path / "audit" / "anchor-public.pem").read_bytes()
