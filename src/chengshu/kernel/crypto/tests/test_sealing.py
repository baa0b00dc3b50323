"""Columns at rest: what is sealed opens in its own place only, across key rotations, and can be
found.
"""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.crypto import (
    HashAlgorithm,
    Keyring,
    SealedValueError,
    Sealer,
    SearchHasher,
    SecretKey,
    normalise,
)

K1 = SecretKey("k1", b"1" * 32)
K2 = SecretKey("k2", b"2" * 32)
OLD = Sealer(Keyring((K1,)))
NEW = Sealer(Keyring((K2, K1)))
COLUMN = "identity_person.id_number"


def test_sm4_gives_the_example_of_the_standard():
    # GB/T 32907-2016, annex A.1.
    block = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(SM4(block), ECB()).encryptor()
    assert encryptor.update(block).hex() == "681edf34d206965e86b3e94f536e4246"


@given(value=st.text(max_size=200))
def test_what_is_sealed_opens_again_and_never_looks_the_same_twice(value):
    first, second = OLD.seal(value, COLUMN), OLD.seal(value, COLUMN)
    assert OLD.open(first, COLUMN) == value
    assert first != second
    assert first.isascii()


@given(value=st.text(min_size=1, max_size=30), data=st.data())
def test_a_changed_character_anywhere_is_noticed(value, data):
    token = OLD.seal(value, COLUMN)
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AQgw019_-.+/=é").filter(lambda c: c != token[position]))
    with pytest.raises(SealedValueError):
        OLD.open(token[:position] + other + token[position + 1 :], COLUMN)


@pytest.mark.parametrize(
    "text", ["", "330383198001010011", "cs1", "cs1.k1", "cs1.k1.", "cs1.k1.AAAA"]
)
def test_text_that_was_never_sealed_is_refused(text):
    with pytest.raises(SealedValueError):
        OLD.open(text, COLUMN)


def test_a_value_moved_to_another_column_does_not_open():
    token = OLD.seal("330383198001010011", COLUMN)
    with pytest.raises(SealedValueError, match="不属于这一列") as caught:
        OLD.open(token, "identity_person.phone")
    assert "330383" not in caught.value.detail


def test_a_value_whose_key_id_is_exchanged_does_not_open():
    same_secret_new_name = Sealer(Keyring((SecretKey("k3", K1.secret), K1)))
    token = OLD.seal("text", COLUMN)
    with pytest.raises(SealedValueError):
        same_secret_new_name.open(token.replace("cs1.k1.", "cs1.k3."), COLUMN)


def test_after_a_rotation_old_values_open_and_are_resealed():
    token = OLD.seal("张三", COLUMN)
    assert NEW.open(token, COLUMN) == "张三"
    assert NEW.needs_resealing(token)
    fresh = NEW.reseal(token, COLUMN)
    assert fresh.startswith("cs1.k2.")
    assert NEW.reseal(fresh, COLUMN) == fresh
    assert Sealer(Keyring((K2,))).open(fresh, COLUMN) == "张三"


def test_a_dropped_key_is_named_so_that_the_operator_can_put_it_back():
    with pytest.raises(SealedValueError, match="k1") as caught:
        Sealer(Keyring((K2,))).open(OLD.seal("x", COLUMN), COLUMN)
    assert "旧密钥" in caught.value.advice


@pytest.mark.parametrize(
    "spelling",
    [
        "33038319800101001X",
        "33038319800101001x",
        " 330383 19800101 001X ",
        "３３０３８３１９８００１０１００１Ｘ",
    ],
)
def test_a_person_is_found_however_the_number_was_typed(spelling):
    hasher = SearchHasher(Keyring((K1,)))
    assert hasher.hash(spelling, COLUMN) == hasher.hash("33038319800101001X", COLUMN)


def test_rows_hashed_before_a_rotation_are_still_found():
    stored = SearchHasher(Keyring((K1,))).hash("330383", COLUMN)
    rotated = SearchHasher(Keyring((K2, K1)))
    assert stored in rotated.candidates("330383", COLUMN)
    assert rotated.hash("330383", COLUMN) == rotated.candidates("330383", COLUMN)[0]
    assert stored != rotated.hash("330383", COLUMN)


def test_hashes_tell_nothing_across_columns_keys_and_algorithms():
    ring = Keyring((K1,))
    hashes = {
        SearchHasher(ring).hash("330383", COLUMN),
        SearchHasher(ring).hash("330383", "other.column"),
        SearchHasher(Keyring((K2,))).hash("330383", COLUMN),
        SearchHasher(ring, HashAlgorithm.SHA256).hash("330383", COLUMN),
        SearchHasher(ring).hash("383", COLUMN + "330"),
    }
    assert len({value.split(".")[1] for value in hashes}) == 5


@given(st.text())
def test_normalising_twice_changes_nothing(value):
    assert normalise(normalise(value)) == normalise(value)
