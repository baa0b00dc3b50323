"""SM2 against the standard's example and against OpenSSL's own command line, both ways."""

import ctypes
import gc
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.kernel.crypto import CryptoUnavailable, SigningKeyError, Sm2Signer, Sm2Verifier
from chengshu.kernel.crypto.sm2 import (
    DEFAULT_USER_ID,
    Sm2PrivateKey,
    Sm2PublicKey,
    der_to_raw,
    libcrypto,
    raw_to_der,
    told_as_ours,
)
from chengshu_sm2.libcrypto import _load, _paths

# GB/T 32918.5-2017, annex A (recommended curve).
SCALAR = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
POINT = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
MESSAGE = b"message digest"
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="没有 openssl 命令行程序")


@pytest.fixture(scope="module")
def key() -> Sm2PrivateKey:
    return Sm2PrivateKey.generate()


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, check=False, timeout=60
    )


def test_the_example_signature_of_the_standard_verifies():
    assert Sm2PublicKey.from_point(POINT).verify(MESSAGE, raw_to_der(SIGNATURE))


def test_the_example_private_key_of_the_standard_gives_its_public_key():
    private = Sm2PrivateKey.from_scalar(SCALAR)
    assert private.public_key().point() == POINT
    assert Sm2PublicKey.from_point(POINT).verify(MESSAGE, private.sign(MESSAGE))


def test_the_user_id_is_part_of_what_is_signed(key):
    public = key.public_key()
    signature = key.sign(MESSAGE, b"330383")
    assert public.verify(MESSAGE, signature, b"330383")
    assert not public.verify(MESSAGE, signature)
    assert not public.verify(MESSAGE, signature, b"")


def test_the_same_message_is_never_signed_with_the_same_nonce(key):
    # The first half of a signature repeats exactly when the nonce does, which would reveal the key.
    halves = {der_to_raw(key.sign(MESSAGE))[:32] for _ in range(50)}
    assert len(halves) == 50


@settings(max_examples=40, deadline=None)
@given(message=st.binary(max_size=300), position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_in_message_or_signature_is_refused(message, position, bit):
    private = Sm2PrivateKey.from_scalar(SCALAR)
    public = private.public_key()
    signature = private.sign(message)
    assert public.verify(message, signature)
    assert public.verify(message, raw_to_der(der_to_raw(signature)))

    def flip(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[position % len(data)] ^= 1 << bit
        return bytes(changed)

    assert not public.verify(message, flip(signature))
    if message:
        assert not public.verify(flip(message), signature)


@pytest.mark.parametrize(
    "junk", [b"", b"0", bytes(64), bytes(72), b"\xff" * 72, b"\x30\x06\x02\x01\x00\x02\x01\x00"]
)
def test_a_malformed_signature_is_false_and_leaves_no_error_for_the_ssl_module(key, junk):
    public = key.public_key()
    assert not public.verify(MESSAGE, junk)
    assert libcrypto().lib.ERR_peek_last_error() == 0
    assert not Sm2Verifier(public, "k", encoding="raw").verify(MESSAGE, junk)


def test_raw_signatures_are_64_bytes_and_verify_only_as_raw():
    signer = Sm2Signer.generate("checkpoint", encoding="raw")
    verifier = signer.verifier()
    signature = signer.sign(MESSAGE)
    assert len(signature) == 64
    assert verifier.verify(MESSAGE, signature)
    assert not verifier.verify(MESSAGE, raw_to_der(signature))


@given(r=st.integers(1, 2**256 - 1), s=st.integers(1, 2**256 - 1))
def test_raw_and_der_convert_into_each_other(r, s):
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert der_to_raw(raw_to_der(raw)) == raw


def test_an_oversized_number_does_not_become_a_raw_signature():
    with pytest.raises(ValueError, match="超出"):
        der_to_raw(b"\x30\x26\x02\x21\x01" + bytes(32) + b"\x02\x01\x01")


class TestKeys:
    def test_pem_round_trip_plain_and_with_password(self, key):
        signature = key.sign(MESSAGE)
        for password in (b"", "口令 pass".encode()):
            pem = key.pem(password)
            assert (b"ENCRYPTED" in pem) is bool(password)
            again = Sm2PrivateKey.from_pem(pem, password)
            assert again.public_key().verify(MESSAGE, signature)
        public = Sm2PublicKey.from_pem(key.public_key().pem())
        assert public.point() == key.public_key().point()

    @pytest.mark.parametrize("password", [b"", b"wrong"])
    def test_a_wrong_password_is_refused_without_asking_the_terminal(self, key, password):
        with pytest.raises(SigningKeyError, match="口令") as caught:
            Sm2PrivateKey.from_pem(key.pem(b"right"), password)
        assert "right" not in caught.value.detail
        assert libcrypto().lib.ERR_peek_last_error() == 0

    @pytest.mark.parametrize(
        "point",
        [b"", POINT[:-1], POINT[:-1] + b"\x14", b"\x02" + POINT[1:], b"\x04" + bytes(64)],
        ids=["empty", "short", "off the curve", "wrong tag", "zero"],
    )
    def test_a_point_that_is_none_is_refused(self, point):
        with pytest.raises(SigningKeyError):
            Sm2PublicKey.from_point(point)

    @pytest.mark.parametrize("scalar", [bytes(32), b"\xff" * 32, bytes(31)])
    def test_a_private_number_out_of_range_is_refused(self, scalar):
        with pytest.raises(SigningKeyError):
            Sm2PrivateKey.from_scalar(scalar)

    def test_sixty_four_bytes_are_read_as_bare_coordinates(self):
        assert Sm2PublicKey.from_point(POINT[1:]).point() == POINT

    @openssl
    def test_a_key_of_another_curve_is_refused(self, tmp_path):
        made = run(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", folder=tmp_path
        )
        with pytest.raises(SigningKeyError, match="不是 SM2"):
            Sm2PrivateKey.from_pem(made.stdout)

    def test_nothing_secret_shows_in_a_repr(self):
        assert SCALAR.hex() not in repr(Sm2PrivateKey.from_scalar(SCALAR))


@openssl
class TestAgainstTheOpensslProgram:
    """``openssl dgst`` is the oracle; ``distid`` gives it the default user id of GM/T 0009."""

    option = f"distid:{DEFAULT_USER_ID.decode()}"

    def test_it_verifies_what_we_sign(self, tmp_path, key):
        (tmp_path / "public.pem").write_bytes(key.public_key().pem())
        (tmp_path / "message").write_bytes("龙港市 330383".encode())
        (tmp_path / "signature").write_bytes(key.sign("龙港市 330383".encode()))
        arguments = ("dgst", "-sm3", "-verify", "public.pem", "-sigopt", self.option)
        good = run(*arguments, "-signature", "signature", "message", folder=tmp_path)
        assert good.stdout.strip() == b"Verified OK", good.stderr
        (tmp_path / "message").write_bytes(b"330382")
        bad = run(*arguments, "-signature", "signature", "message", folder=tmp_path)
        assert bad.returncode != 0

    def test_we_verify_what_it_signs(self, tmp_path, key):
        (tmp_path / "private.pem").write_bytes(key.pem())
        (tmp_path / "message").write_bytes(MESSAGE)
        signed = run(
            "dgst",
            "-sm3",
            "-sign",
            "private.pem",
            "-sigopt",
            self.option,
            "message",
            folder=tmp_path,
        )
        assert signed.returncode == 0, signed.stderr
        assert key.public_key().verify(MESSAGE, signed.stdout)
        assert not key.public_key().verify(MESSAGE + b".", signed.stdout)

    def test_we_read_the_keys_it_makes(self, tmp_path):
        made = run("genpkey", "-algorithm", "SM2", "-out", "private.pem", folder=tmp_path)
        assert made.returncode == 0, made.stderr
        run("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem", folder=tmp_path)
        private = Sm2PrivateKey.from_pem((tmp_path / "private.pem").read_bytes())
        public = Sm2PublicKey.from_pem((tmp_path / "public.pem").read_bytes())
        assert public.verify(MESSAGE, private.sign(MESSAGE))


def test_one_key_serves_many_threads(key):
    public = key.public_key()

    def work(number: int) -> bool:
        message = str(number).encode()
        signature = key.sign(message)
        return public.verify(message, signature) and not public.verify(b"x", signature)

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert all(pool.map(work, range(400)))


class MallocInfo(ctypes.Structure):
    """glibc's ``struct mallinfo2``; ``uordblks`` is what the C heap holds right now, in bytes."""

    _fields_ = [
        *((f"unused_{number}", ctypes.c_size_t) for number in range(7)),
        ("uordblks", ctypes.c_size_t),
        *((f"unused_{number}", ctypes.c_size_t) for number in range(7, 9)),
    ]


def heap_bytes() -> int:
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = MallocInfo
    gc.collect()
    return int(ask().uordblks)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="没有 glibc 2.33，量不到内存"
)
def test_a_thousand_operations_do_not_grow_the_process(key):
    public = key.public_key()
    signature = key.sign(MESSAGE)
    pem = key.pem()

    def work(rounds: int) -> None:
        for _ in range(rounds):
            key.sign(MESSAGE)
            public.verify(MESSAGE, signature)
            public.verify(MESSAGE, b"junk")
            Sm2PrivateKey.from_pem(pem)
            with pytest.raises(SigningKeyError):
                Sm2PublicKey.from_point(bytes(65))

    work(20)
    before = heap_bytes()
    work(200)
    # One lost context, key or buffer a round would be at least 60 bytes times 200.
    assert heap_bytes() - before < 8_000


class TestFindingTheLibrary:
    def test_a_machine_without_sm2_gets_a_clear_chinese_message(self):
        with pytest.raises(CryptoUnavailable) as caught, told_as_ours():
            _load(iter(["/nowhere/libcrypto.so.3", "libc.so.6"]))
        assert "SM2" in caught.value.message
        assert "CHENGSHU_LIBCRYPTO" in caught.value.advice
        assert "/nowhere/libcrypto.so.3" in caught.value.advice
        assert "libc.so.6" in caught.value.advice

    def test_the_operators_choice_is_the_only_one_tried(self):
        assert list(_paths("/opt/openssl/libcrypto.so.3")) == ["/opt/openssl/libcrypto.so.3"]

    def test_without_a_choice_no_library_is_tried_twice(self):
        paths = list(_paths(""))
        assert "libcrypto.so.3" in paths
        assert len(paths) == len(set(paths))
