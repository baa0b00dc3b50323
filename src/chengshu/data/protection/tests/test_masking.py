import pytest

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.protection import masking
from chengshu.data.protection.keys import mask_key
from chengshu.kernel.crypto.keyring import keyring_from_text, new_key_text
from chengshu_gateway import masks


@pytest.mark.parametrize(
    ("title", "kind", "form", "level"),
    [
        ("公民身份号码", "text", "id_number", "L3"),
        ("法定代表人", "text", "", "L3"),
        ("家庭住址", "text", "", "L3"),
        ("出生日期", "date", "", "L3"),
        ("月收入", "decimal", "", "L4"),
        ("病史", "text", "", "L4"),
    ],
)
def test_preview_and_sharing_propose_the_same_mask(title, kind, form, level):
    column = ColumnSpec(name="x", title=title, type=kind, format=form or None, sensitivity=level)
    shared = {"name": "x", "title": title, "type": kind, "format": form, "sensitivity": level}
    assert masking.preview_mask(column) == masking.sharing_mask(shared) != masking.NONE


def test_every_choice_parses_and_shifted_dates_need_somebody_to_go_by():
    for declaration, _word in masking.choices(subject="id_number", extra=("keep:1,1",)):
        assert str(masks.parse(declaration)) == declaration
    assert "shift:30,id_number" in dict(masking.choices(subject="id_number"))
    assert not any(key.startswith("shift") for key, _ in masking.choices())
    assert dict(masking.choices(extra=("keep:1,1",)))["keep:1,1"] == "保留首尾（1,1）"


def test_the_gallery_shows_computed_examples_that_hide():
    for example in masking.examples(b"k" * 32):
        assert example.shown
        if example.kind.name != "none":
            assert example.shown != example.value


def test_keys_differ_by_purpose_and_outlive_a_rotation():
    old = new_key_text("k1")
    before = mask_key(keyring_from_text(old), "release")
    assert before != mask_key(keyring_from_text(old), "gallery")
    assert before == mask_key(keyring_from_text(f"{new_key_text('k2')},{old}"), "release")
