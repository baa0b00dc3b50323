"""Digests against the examples of their standards, and the stand-in against the first choice."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.crypto import HashAlgorithm, digest, hashing, hexdigest, mac

# GB/T 32905-2016, annex A.1 and A.2.
SM3_EXAMPLES = [
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]


@pytest.mark.parametrize(("message", "expected"), SM3_EXAMPLES)
def test_sm3_gives_the_examples_of_the_standard(message, expected):
    assert hexdigest(message) == expected


def test_sha256_gives_the_example_of_the_standard():
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hexdigest(b"abc", HashAlgorithm.SHA256) == expected


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_feeding_in_pieces_gives_the_same_digest(pieces):
    for algorithm in HashAlgorithm:
        running = hashing.new_hash(algorithm)
        for piece in pieces:
            running.update(piece)
        assert running.digest() == digest(b"".join(pieces), algorithm)


def test_hmac_sha256_gives_the_example_of_rfc_4231():
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    code = mac(b"Jefe", b"what do ya want for nothing?", HashAlgorithm.SHA256)
    assert code.hex() == expected


@pytest.mark.skipif(shutil.which("openssl") is None, reason="没有 openssl 命令行程序")
def test_hmac_sm3_is_what_the_openssl_program_says():
    said = subprocess.run(
        ["openssl", "dgst", "-sm3", "-mac", "HMAC", "-macopt", "key:secret"],
        input=b"330383198001",
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert mac(b"secret", b"330383198001").hex() == said.stdout.decode().split()[-1]


def test_where_hashlib_lacks_sm3_the_bundled_one_gives_the_same(monkeypatch):
    expected = [hexdigest(message) for message, _ in SM3_EXAMPLES], mac(b"key", b"data")
    monkeypatch.setattr(hashing, "_SM3_IN_HASHLIB", False)
    assert ([hexdigest(message) for message, _ in SM3_EXAMPLES], mac(b"key", b"data")) == expected
    running = hashing.new_hash()
    running.update(b"ab")
    running.digest()
    running.update(b"c")
    assert running.hexdigest() == SM3_EXAMPLES[0][1]
