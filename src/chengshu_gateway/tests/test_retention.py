"""Three years are kept whatever anybody asks; what is older goes whole, and the rest still proves itself."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chengshu_gateway.__main__ import main
from chengshu_gateway.audit_verify import verify
from chengshu_gateway.keys import SECRET_VARIABLE
from chengshu_gateway.retention import STATEMENT, retire
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.tests.sample_city import KEYS, MASTER, calls, local, publish

SIGNER = HmacSigner(KEYS.checkpoint)
ROW = "/share/v1/residents/R1"
LATER = datetime.now(UTC) + timedelta(days=3 * 366 + 1)


@pytest.fixture
def audit(tmp_path):
    """A chain of three segments, written today."""
    publish(tmp_path)
    for _ in range(3):
        with local(tmp_path) as gateway:
            gateway.ask(ROW)
            gateway.ask(ROW)
    return tmp_path / "audit"


def names(audit):
    return sorted(path.name for path in (audit / "w00").glob("0*.jsonl"))


def test_nothing_within_three_years_is_ever_removed(audit, monkeypatch, capsys):
    before = names(audit)
    assert retire(audit, SIGNER, years=3) == []
    assert retire(audit, SIGNER, years=3, now=LATER - timedelta(days=2)) == []
    for years in (2, 0, -1):
        with pytest.raises(ValueError, match="至少保存 3 年"):
            retire(audit, SIGNER, years=years, now=LATER)
    monkeypatch.setenv(SECRET_VARIABLE, MASTER)
    assert main(["retire", str(audit.parent), "--years", "1"]) == 2
    assert main(["retire", str(audit.parent)]) == 0
    assert "删除了 0 段" in capsys.readouterr().out
    assert names(audit) == before


def test_what_is_older_goes_and_the_chain_is_proven_and_continued_from_there(audit):
    assert retire(audit, SIGNER, years=4, now=LATER) == []
    assert len(retire(audit, SIGNER, years=3, now=LATER)) == 2
    assert names(audit) == ["00000003.jsonl"]
    assert verify(audit, SIGNER).ok
    with local(audit.parent) as gateway:
        assert gateway.ask(ROW).status == 200
    report = verify(audit, SIGNER)
    assert (report.ok, report.segments) == (True, 2)
    assert [call.seq for call in calls(audit.parent)][-1] == 11


def test_a_beginning_that_was_just_deleted_or_excused_by_a_forger_is_found(audit):
    (audit / "w00" / "00000001.jsonl").unlink()
    assert not verify(audit, SIGNER).ok
    # A genuine statement about records that were not old enough excuses nothing either.
    (audit / "w00" / "00000001.jsonl").touch()
    kinds = set()
    for forged in (
        {"worker": 0, "segment": 2, "seq": 6, "head": "0" * 64, "newest": "2020-01-01T00:00:00+00:00",
         "removed_at": LATER.isoformat(), "signer": SIGNER.name, "signature": "00"},
        {"worker": 0},
        [],
    ):  # fmt: skip
        (audit / "w00" / STATEMENT).write_text(json.dumps(forged))
        kinds |= {problem.kind for problem in verify(audit, SIGNER).problems}
    assert "bad_checkpoint" in kinds


def test_a_statement_over_too_young_records_is_no_excuse_even_with_the_key(audit):
    retire(audit, SIGNER, years=3, now=LATER)
    path = audit / "w00" / STATEMENT
    members = json.loads(path.read_bytes())
    members["removed_at"] = datetime.now(UTC).isoformat()
    unsigned = {name: value for name, value in members.items() if name != "signature"}
    text = json.dumps(unsigned, separators=(",", ":")).encode()
    path.write_text(json.dumps({**unsigned, "signature": SIGNER.sign(text)}))
    assert "bad_checkpoint" in {problem.kind for problem in verify(audit, SIGNER).problems}


def test_a_segment_with_an_unreadable_line_is_evidence_and_stays(audit):
    first = audit / "w00" / "00000001.jsonl"
    first.write_bytes(b"{}\n" + first.read_bytes())
    assert retire(audit, SIGNER, years=3, now=LATER) == []
