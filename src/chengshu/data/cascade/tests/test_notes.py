"""Notes and receipts: what comes from outside adds up, or is not taken."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.data.cascade.notes import (
    Difference,
    Note,
    NoteError,
    NoteFile,
    Reason,
    Receipt,
    receipt_of,
    refusal_of,
    settle,
)

COUNT = st.integers(0, 10**9)
FILES = st.lists(st.tuples(COUNT, COUNT), max_size=4).map(
    lambda pairs: tuple(
        NoteFile(f"part-{n}.csv", rows, size, "ab" * 32) for n, (rows, size) in enumerate(pairs)
    )
)
NOTES = FILES.map(
    lambda files: Note(dataset="resident", number=3, rows=sum(f.rows for f in files), files=files)
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=50)
@given(NOTES, COUNT, COUNT, COUNT)
def test_a_receipt_accounts_for_every_row_of_the_note(note: Note, a: int, q: int, d: int):
    receipt = receipt_of(
        note, loaded=a + q + d, accepted=a, quarantined=q, duplicates=d, reasons=[]
    )
    found = settle(note, Receipt.parse(json.loads(json.dumps(receipt.document()))))
    assert found.accepted + found.refused + found.duplicates + found.unexplained == note.rows
    # Only rows the note does not know of are left over, and then the books are said not to balance.
    assert found.holds == (a + q + d <= note.rows)


@given(
    NOTES, st.dictionaries(st.sampled_from(["rows", "accepted", "refused", "duplicates"]), COUNT)
)
def test_a_receipt_from_outside_adds_up_or_is_refused(note: Note, changed: dict[str, int]):
    document: dict[str, Any] = refusal_of(note, [Difference("file_missing", "缺文件")]).document()
    document |= changed
    adds_up = document["rows"] == sum(document[k] for k in ("accepted", "refused", "duplicates"))
    if not adds_up:
        with pytest.raises(NoteError):
            Receipt.parse(document)
        return
    found = settle(note, Receipt.parse(document))
    assert found.accepted + found.refused + found.duplicates + found.unexplained == note.rows


@settings(max_examples=40)
@given(NOTES, st.sampled_from(["dataset", "number", "rows", "digest", "files", "mode"]), JUNK)
def test_a_note_with_any_member_replaced_is_the_same_or_refused(note: Note, member: str, junk: Any):
    document = note.document() | {member: junk}
    found = None
    with suppress(NoteError):
        found = Note.parse(document)
    assert found in (None, note)


def test_a_receipt_about_another_content_is_no_receipt_of_ours():
    note = Note(dataset="resident", number=3, rows=0)
    other = Note(dataset="resident", number=3, rows=0, mode="changes")
    receipt = receipt_of(
        other, loaded=0, accepted=0, quarantined=0, duplicates=0, reasons=[Reason("a", "b", "", 0)]
    )
    assert not settle(note, receipt).holds
