import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from chengshu.kernel.audit.services import checkpoint, checkpoint_file, digest, record
from chengshu.kernel.audit.verification import verify
from chengshu.kernel.errors import Conflict
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.unit_of_work import unit_of_work

ActorFor = Callable[[Account], Actor]


def write(count: int) -> None:
    for number in range(count):
        with unit_of_work():
            record(
                actor=platform(), action="test.act", object_type="test", object_id=str(number),
                object_name=f"对象{number}", before={"n": number}, after={"n": number + 1},
            )  # fmt: skip


def sql(statement: str, *values: Any) -> None:
    """Change the table as somebody with access to the database would, past the model's refusal."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.django_db
def test_a_whole_chain_is_found_whole(data_dir: Path) -> None:
    write(5)
    checkpoint()
    write(3)
    report = verify()
    assert report.intact, report.problems
    assert (report.records, report.checkpoints) == (8, 2)  # the checkpoint is in database and file


@pytest.mark.django_db
def test_an_empty_chain_is_whole(data_dir: Path) -> None:
    assert verify().intact


def test_a_record_says_who_what_and_from_where(cast: Cast, actor_for: ActorFor) -> None:
    with unit_of_work():
        item = record(
            actor=actor_for(cast.officer_a), action="test.act", obj=cast.department_a, reason="因为"
        )
    assert (item.actor_id, item.actor_name, item.actor_org) == ("officer_a", "王社事", "社会事业局")
    assert (item.object_type, item.object_id) == (
        "identity.organization",
        str(cast.department_a.pk),
    )
    assert (item.object_name, item.reason, item.address) == ("社会事业局", "因为", "127.0.0.1")


@pytest.mark.django_db
def test_records_are_never_changed_or_deleted_through_the_model() -> None:
    write(1)
    item = AuditRecord.objects.get()
    item.action = "forged"
    for forbidden in (
        item.save,
        item.delete,
        AuditRecord.objects.all().delete,
        lambda: AuditRecord.objects.update(action="forged"),
    ):
        with pytest.raises(TypeError, match="never"):
            forbidden()


@pytest.mark.django_db(transaction=True)
def test_a_record_needs_the_transaction_of_its_act() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        record(actor=platform(), action="test.act")


@pytest.mark.django_db(transaction=True)
def test_an_act_that_fails_leaves_no_record_and_no_gap(data_dir: Path) -> None:
    write(1)

    def fails() -> None:
        with unit_of_work():
            record(actor=platform(), action="test.act")
            raise Conflict("没有成功")

    with pytest.raises(Conflict):
        fails()
    write(1)
    assert list(AuditRecord.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert verify().intact


FIELDS = ("action", "actor_id", "actor_name", "object_name", "reason", "address", "before", "after")


class TamperedChain(HypothesisTestCase):
    """Whatever somebody does to the table, the chain tells."""

    LENGTH = 8

    def setUp(self) -> None:
        write(self.LENGTH)
        self.whole = list(AuditRecord.objects.order_by("seq").values("seq", "hash"))

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(seq=st.integers(1, 8), field=st.sampled_from(FIELDS), rehash=st.booleans())
    def test_an_edit_is_found_even_when_the_record_is_hashed_again(
        self, seq: int, field: str, rehash: bool
    ) -> None:
        forged: Any = json.dumps({"n": 999}) if field in {"before", "after"} else "伪造"
        sql(f"UPDATE audit_auditrecord SET {field} = %s WHERE seq = %s", forged, seq)
        if rehash:
            item = AuditRecord.objects.get(seq=seq)
            sql("UPDATE audit_auditrecord SET hash = %s WHERE seq = %s", digest(item), seq)
        assert not verify().intact

    @settings(max_examples=10, deadline=None)
    @given(seqs=st.sets(st.integers(1, 8), min_size=1, max_size=7))
    def test_a_deletion_is_found(self, seqs: set[int]) -> None:
        for seq in seqs:
            sql("DELETE FROM audit_auditrecord WHERE seq = %s", seq)
        assert not verify().intact

    @settings(max_examples=15, deadline=None)
    @given(pair=st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda p: p[0] != p[1]))
    def test_a_reordering_is_found(self, pair: tuple[int, int]) -> None:
        first, second = pair
        for old, new in ((first, 1000), (second, first), (1000, second)):
            sql("UPDATE audit_auditrecord SET seq = %s WHERE seq = %s", new, old)
        assert not verify().intact

    @settings(max_examples=8, deadline=None)
    @given(last=st.integers(0, 7))
    def test_a_cut_off_tail_is_found_by_the_head(self, last: int) -> None:
        sql("DELETE FROM audit_auditrecord WHERE seq > %s", last)
        assert not verify().intact


def cut_off(last: int) -> None:
    """Cut the tail and make the head agree, as somebody who knows the scheme would."""
    sql("DELETE FROM audit_auditrecord WHERE seq > %s", last)
    item = AuditRecord.objects.get(seq=last)
    AuditHead.objects.update(seq=item.seq, hash=item.hash)


@pytest.mark.django_db
def test_a_tail_cut_off_together_with_the_head_is_found_by_the_checkpoint(data_dir: Path) -> None:
    write(6)
    checkpoint()
    cut_off(3)
    problems = verify().problems
    assert any("数据库的检查点证明第 6 号记录存在过" in p for p in problems)
    AuditCheckpoint.objects.all().delete()
    assert any("检查点文件的检查点证明第 6 号" in p for p in verify().problems)


@pytest.mark.django_db
def test_a_chain_written_anew_from_the_start_is_found_by_the_checkpoint(data_dir: Path) -> None:
    write(4)
    checkpoint()
    previous = "0" * 64
    sql("UPDATE audit_auditrecord SET reason = 'x' WHERE seq = 1")
    for item in AuditRecord.objects.order_by("seq"):
        item.previous_hash = previous
        previous = digest(item)
        sql(
            "UPDATE audit_auditrecord SET previous_hash = %s, hash = %s WHERE seq = %s",
            item.previous_hash, previous, item.seq,
        )  # fmt: skip
    AuditHead.objects.update(hash=previous)
    assert any("整体改写过" in p for p in verify().problems)


@pytest.mark.django_db
def test_a_forged_checkpoint_is_found(data_dir: Path) -> None:
    write(2)
    made = checkpoint()
    assert made is not None
    AuditCheckpoint.objects.update(at=made.at + timedelta(days=1))
    assert any("签名不符" in p for p in verify().problems)


@pytest.mark.django_db
def test_a_missing_head_is_found(data_dir: Path) -> None:
    write(2)
    AuditHead.objects.all().delete()
    assert verify().problems == ["链头不见了，链头被删除。"]


@pytest.mark.django_db
def test_a_torn_line_of_the_checkpoint_file_is_told_and_does_not_stop_the_check(
    data_dir: Path,
) -> None:
    write(2)
    checkpoint()
    with checkpoint_file().open("a") as file:
        file.write('{"seq": 2, "ha')
    report = verify()
    assert report.records == 2
    assert report.problems == ["检查点文件第 2 行读不懂，可能被改动或写了一半。"]


@pytest.mark.django_db
def test_nothing_new_needs_no_checkpoint(data_dir: Path) -> None:
    assert checkpoint() is None
    write(1)
    assert checkpoint() is not None
    assert checkpoint() is None
    assert len(checkpoint_file().read_text().splitlines()) == 1


class Values(HypothesisTestCase):
    """What services write down reads back the same on either database."""

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )

    @settings(max_examples=60, deadline=None)
    @given(value=st.dictionaries(st.text(), json_values, max_size=3), reason=st.text())
    def test_any_value_keeps_the_chain_whole(self, value: dict[str, Any], reason: str) -> None:
        with unit_of_work():
            record(actor=platform(), action="test.act", before=value, after=value, reason=reason)
        assert verify().problems == []


@pytest.mark.django_db
def test_the_command_ends_with_an_error_when_the_chain_is_broken(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(3)
    call_command("audit", "verify")
    assert "链条完整" in capsys.readouterr().out
    sql("DELETE FROM audit_auditrecord WHERE seq = 2")
    with pytest.raises(CommandError, match="有记录被删除"):
        call_command("audit", "verify")
