"""Sealed files: read at any place as they were written, and never when touched, cut off, moved or without the key."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.kernel.crypto import Keyring, SealedValueError, Sealer, SecretKey
from chengshu.kernel.crypto.streams import CHUNK, SealedReader, SealedWriter, is_sealed_file

K1, K2 = SecretKey("k1", b"1" * 32), SecretKey("k2", b"2" * 32)
SEALER = Sealer(Keyring((K1,)))
PLACE = "ingest.quarantine"
HEADER, WHOLE = 512, CHUNK + 16


def written(path: Path, content: bytes, piece: int = 1 << 20) -> Path:
    with SealedWriter(path, SEALER, PLACE) as file:
        for at in range(0, len(content), piece):
            file.write(content[at : at + piece])
        assert file.tell() == len(content)
    return path


def everything(path: Path, sealer: Sealer = SEALER, place: str = PLACE) -> bytes:
    with SealedReader(path, sealer, place) as file:
        return file.read()


@settings(deadline=None, max_examples=40)
@given(
    size=st.one_of(st.integers(0, 300), st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])),
    piece=st.integers(1, CHUNK * 2), places=st.lists(st.tuples(st.integers(0, 3 * CHUNK), st.integers(0, CHUNK + 9))),
)  # fmt: skip
def test_any_place_reads_as_in_the_plain_file(tmp_path_factory, size, piece, places):
    content = bytes(i * 7 % 251 for i in range(size))
    path = written(tmp_path_factory.mktemp("s") / "f", content, max(piece, size // 50))
    with SealedReader(path, SEALER, PLACE) as file:
        for at, count in places:
            file.seek(at)
            assert file.read(count) == content[at : at + count]
        file.seek(0)
        assert file.read() == content


def test_the_disk_shows_nothing_of_it_and_two_files_are_never_alike(tmp_path):
    content = "身份证号339983198001010010".encode() * 9_000
    one, two = written(tmp_path / "1", content), written(tmp_path / "2", content)
    assert is_sealed_file(one)
    assert not is_sealed_file(tmp_path / "absent")
    assert content[:27] not in one.read_bytes()
    assert one.read_bytes()[HEADER:] != two.read_bytes()[HEADER:]


@pytest.mark.parametrize("at", [8, HEADER + 5, HEADER + CHUNK + 3, HEADER + WHOLE + 1, -1])
def test_one_changed_bit_is_found(tmp_path, at):
    path = written(tmp_path / "f", b"x" * (2 * CHUNK + 10))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(SealedValueError):
        everything(path)


@pytest.mark.parametrize(
    "left", [0, 100, HEADER, HEADER + 9, HEADER + WHOLE, HEADER + 2 * WHOLE, -1]
)
def test_a_file_that_was_cut_off_does_not_even_open(tmp_path, left):
    path = written(tmp_path / "f", b"x" * (3 * CHUNK))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(SealedValueError):
        SealedReader(path, SEALER, PLACE)


def test_swapped_chunks_another_place_and_another_key_are_refused(tmp_path):
    path = written(tmp_path / "f", bytes(3 * CHUNK))
    data = path.read_bytes()
    first, second = data[HEADER : HEADER + WHOLE], data[HEADER + WHOLE : HEADER + 2 * WHOLE]
    path.write_bytes(data[:HEADER] + second + first + data[HEADER + 2 * WHOLE :])
    with pytest.raises(SealedValueError):
        everything(path)
    path.write_bytes(data)
    with pytest.raises(SealedValueError):
        everything(path, place="ingest.other")
    with pytest.raises(SealedValueError):
        everything(path, Sealer(Keyring((K2,))))


def test_a_rotated_master_key_still_opens_it(tmp_path):
    path = written(tmp_path / "f", b"abc")
    assert everything(path, Sealer(Keyring((K2, K1)))) == b"abc"
