"""Every signer behaves alike behind the one interface."""

import pytest

from chengshu.kernel.crypto import (
    Ed25519Signer,
    Ed25519Verifier,
    HashAlgorithm,
    HmacSigner,
    Signer,
    SigningKeyError,
    Sm2Signer,
    Sm2Verifier,
    Verifier,
)

SIGNERS = {
    "hmac-sha256": lambda: HmacSigner(b"s" * 32, "k1"),
    "hmac-sm3": lambda: HmacSigner(b"s" * 32, "k1", HashAlgorithm.SM3),
    "ed25519": lambda: Ed25519Signer.generate("k1"),
    "sm2-sm3": lambda: Sm2Signer.generate("k1"),
}


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_signer_is_verified_by_its_own_verifier_only(algorithm):
    signer: Signer = SIGNERS[algorithm]()
    verifier: Verifier = signer.verifier()
    signature = signer.sign(b"receipt")
    assert verifier.verify(b"receipt", signature)
    assert not verifier.verify(b"receipt.", signature)
    assert not verifier.verify(b"receipt", signature[:-1])
    assert not verifier.verify(b"receipt", b"")
    assert (signer.algorithm, signer.key_id) == (algorithm, "k1")
    assert (verifier.algorithm, verifier.key_id) == (algorithm, "k1")
    for other, make in SIGNERS.items():
        if other != algorithm:
            assert not make().verifier().verify(b"receipt", signature)


@pytest.mark.parametrize(
    ("signer_type", "verifier_type"), [(Ed25519Signer, Ed25519Verifier), (Sm2Signer, Sm2Verifier)]
)
class TestPem:
    def test_both_halves_survive_storage(self, signer_type, verifier_type):
        signer = signer_type.generate("k1")
        stored = signer_type.from_pem(signer.pem(b"password"), "k1", b"password")
        public = verifier_type.from_pem(signer.verifier().pem(), "k1")
        assert public.verify(b"x", stored.sign(b"x"))

    @pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
    def test_a_file_that_is_no_key_is_refused(self, signer_type, verifier_type, content):
        with pytest.raises(SigningKeyError):
            signer_type.from_pem(content, "k1")
        with pytest.raises(SigningKeyError):
            verifier_type.from_pem(content, "k1")


@pytest.mark.parametrize("signer_type", [Ed25519Signer, Sm2Signer])
@pytest.mark.parametrize("password", [b"", b"wrong"])
def test_a_wrong_password_is_refused(signer_type, password):
    pem = signer_type.generate("k1").pem(b"right")
    with pytest.raises(SigningKeyError):
        signer_type.from_pem(pem, "k1", password)


def test_a_key_of_the_other_kind_is_refused():
    sm2, ed25519 = Sm2Signer.generate("k"), Ed25519Signer.generate("k")
    with pytest.raises(SigningKeyError):
        Sm2Signer.from_pem(ed25519.pem(), "k")
    with pytest.raises(SigningKeyError):
        Sm2Verifier.from_pem(ed25519.verifier().pem(), "k")
    with pytest.raises(SigningKeyError):
        Ed25519Signer.from_pem(sm2.pem(), "k")
    with pytest.raises(SigningKeyError):
        Ed25519Verifier.from_pem(sm2.verifier().pem(), "k")


def test_a_short_shared_secret_is_refused():
    with pytest.raises(SigningKeyError, match="不足"):
        HmacSigner(b"short", "k1")
