"""Both trails in one folder, anchored while they grew, proven by somebody who has neither database nor secret."""

import json

import pytest
from django.core.management import CommandError, call_command

from chengshu.data.sharing.tests.cast import gateway
from chengshu.kernel.audit import trails
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict
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
    public = trails.anchor_file().with_name("anchor-public.pem")
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


def test_nobody_else_reads_the_anchor_key(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    trails.anchor_key()
    assert (tmp_path / "keys" / "anchor-sm2.pem").stat().st_mode & 0o077 == 0
    assert b"PUBLIC KEY" in (tmp_path / "audit" / "anchor-public.pem").read_bytes()
