"""回流: what the upper side hands back, checked against its note, loaded once, answered by a receipt."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from chengshu.data.cascade import rounds
from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.choices import IncomingState, OutgoingState
from chengshu.data.cascade.models import Incoming, Outgoing
from chengshu.data.cascade.notes import Note, NoteFile, Receipt
from chengshu.data.cascade.services import channels, delivering, planning, receiving
from chengshu.data.cascade.tests.cast import FIELDS, Scene, run_jobs
from chengshu.kernel.access.actor import platform
from chengshu.kernel.errors import Conflict
from chengshu.kernel.notices.models import Notice


def batch(
    number: int, lines: list[str], *, told: int | None = None
) -> tuple[Note, dict[str, bytes]]:
    """A note with one file; ``told`` is how many rows it speaks of."""
    data = "\n".join(["resident_no,name,family", *lines, ""]).encode()
    count = len(lines) if told is None else told
    file = NoteFile(f"p{number}.csv", count, len(data), sha256(data).hexdigest())
    return Note(dataset="resident", number=number, rows=count, files=(file,)), {file.name: data}


def line(number: int, family: int = 1) -> str:
    return f"R{number:05d},王某,{family}"


class Hands:
    """An upper platform that hands batches back; files may be lacking or altered, receipts are kept."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.told: list[Note] = []
        self.receipts: list[Receipt] = []
        self.again: list[int] = []
        self.down = False

    def put(self, pair: tuple[Note, dict[str, bytes]]) -> Note:
        self.told.append(pair[0])
        self.files |= pair[1]
        return pair[0]

    def notes(self, _dataset: str, after: int) -> list[Note]:
        return [note for note in self.told if note.number > after]

    def fetch(self, _note: Note, file: NoteFile, target: Path) -> None:
        if file.name not in self.files:
            raise UpperError("没有", absent=True)
        target.write_bytes(self.files[file.name])

    def send_receipt(self, receipt: Receipt) -> None:
        if self.down:
            raise UpperError("连不上")
        self.receipts.append(receipt)

    def ask_again(self, _dataset: str, number: int) -> None:
        self.again.append(number)


@pytest.fixture
def hands(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands()
    monkeypatch.setattr(rounds, "conversation", lambda _platform: made)
    channels.open_channel(
        actor=platform(), platform=scene.upper, dataset="resident",
        resource_code=scene.upper_resource.code, upper_department="温州市公安局", answers="resident",
    )  # fmt: skip
    return made


def states() -> dict[int, str]:
    return dict(Incoming.objects.order_by("number").values_list("number", "state"))


def test_missing_rows_and_quarantined_ones_are_named_in_the_receipt(scene: Scene, hands: Hands):
    hands.down = True
    hands.put(batch(1, [line(1), line(2, family=99), line(1)], told=5))
    scene.round()
    scene.round()
    hands.down = False
    scene.round()
    scene.round()
    (receipt,) = hands.receipts
    assert (receipt.rows, receipt.accepted, receipt.refused, receipt.duplicates) == (5, 1, 3, 1)
    assert [d.code for d in receipt.differences] == ["missing_rows"]
    assert {(r.column, r.rows) for r in receipt.reasons} == {("家庭人口", 1), ("", 2)}
    assert Notice.objects.filter(title__contains="有差异").count() == 1


def test_a_repeated_batch_is_loaded_once_and_gets_the_same_receipt(scene: Scene, hands: Hands):
    note = hands.put(batch(1, [line(1)]))
    scene.round()
    scene.round()
    item = Incoming.objects.get()
    receiving.take_note(channel=item.channel, note=note)
    scene.round()
    assert (scene.loads(), len(hands.receipts)) == (1, 2)
    assert hands.receipts[0] == hands.receipts[1]
    with pytest.raises(Conflict, match="内容不同"):
        receiving.take_note(channel=item.channel, note=batch(1, [line(7)])[0])
    assert (scene.loads(), states()) == (1, {1: IncomingState.ACCEPTED})


@pytest.mark.service
def test_a_skipped_number_is_told_and_asked_for_and_taken_when_it_comes(scene: Scene, hands: Hands):
    hands.put(batch(4, [line(4)]))
    scene.round()
    hands.put(batch(7, [line(7)]))
    scene.round()
    scene.round()
    assert states() == {4: "accepted", 5: "missing", 6: "missing", 7: "accepted"}
    assert hands.again == [5, 6]
    hands.put(batch(5, [line(5)]))
    scene.round()
    scene.round()
    assert states() == {4: "accepted", 5: "accepted", 6: "missing", 7: "accepted"}
    assert scene.loads() == 3


@pytest.mark.service
@pytest.mark.parametrize(("spoil", "code"), [("pop", "file_missing"), ("alter", "file_digest")])
def test_lacking_or_altered_files_load_nothing_and_the_whole_batch_is_asked_for_again(
    scene: Scene, hands: Hands, spoil: str, code: str
):
    note = hands.put(batch(1, [line(1), line(2)]))
    whole = hands.files["p1.csv"]
    if spoil == "pop":
        del hands.files["p1.csv"]
    else:
        hands.files["p1.csv"] = whole.replace(b"R00002", b"R00009")
    scene.round()
    scene.round()
    assert (states(), scene.loads(), hands.again) == ({1: "refused"}, 0, [1])
    assert [d.code for d in hands.receipts[0].differences] == [code]
    assert (hands.receipts[0].refused, hands.receipts[0].rows) == (2, 2)
    hands.files["p1.csv"] = whole
    scene.round()
    scene.round()
    assert (states(), scene.loads(), hands.receipts[-1].accepted) == ({1: "accepted"}, 1, 2)
    assert hands.receipts[-1].digest == note.digest


@pytest.mark.service
def test_the_city_above_hands_back_through_the_same_protocol(scene: Scene):
    channels.open_channel(
        actor=platform(), platform=scene.upper, dataset="back",
        resource_code=scene.upper_resource.code,
    )  # fmt: skip
    plan = planning.create(
        actor=scene.admin, platform=scene.lower, resource_code=scene.resource.code, dataset="back",
        content=planning.PlanContent(fields=FIELDS, basis="回流", part_rows=6, file_format="parquet"),
    )  # fmt: skip
    planning.submit(actor=scene.admin, plan=plan)
    planning.decide(actor=scene.city.second_admin, plan=plan, agree=True)
    delivering.start(actor=scene.admin, plan=plan)
    run_jobs()
    for _round in range(3):
        scene.round()
    item = Outgoing.objects.get()
    assert (item.state, item.accepted, scene.count()) == (OutgoingState.ACCEPTED, 10, 10)


def test_a_late_receipt_is_told_in_working_days(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    item: Any = delivering.start(actor=scene.admin, plan=scene.plan())
    Outgoing.objects.filter(pk=item.pk).update(
        state=OutgoingState.DELIVERED, receipt_due_at="2026-12-04T16:00:00Z"
    )
    monday = timezone.datetime.fromisoformat("2026-12-07T02:00:00+00:00")
    for now, told in ((monday - timezone.timedelta(days=2), 0), (monday, 1), (monday, 0)):
        monkeypatch.setattr(rounds.timezone, "now", lambda now=now: now)
        assert rounds.warn_late() == told
    assert Notice.objects.filter(title__contains="晚了 1 个工作日").exists()
