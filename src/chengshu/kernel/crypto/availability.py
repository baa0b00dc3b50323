"""What this machine's libraries offer, each answer proven by a standard's own example and not by
a version number.
"""

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from chengshu.kernel.crypto.errors import CryptoUnavailable
from chengshu.kernel.crypto.hashing import HashAlgorithm, hexdigest
from chengshu.kernel.crypto.sm2 import Sm2PublicKey, libcrypto, raw_to_der

# GB/T 32905-2016 A.1.
_SM3_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
# RFC 8998 A.1: SM4-GCM.
_GCM_KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
_GCM_NONCE = bytes.fromhex("00001234567800000000abcd")
_GCM_ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_GCM_PLAIN = b"".join(
    bytes([value]) * 8 for value in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA)
)
_GCM_TAG = bytes.fromhex("83de3541e4c2b58177e065a9bf7b62ec")
# GB/T 32918.5-2017, annex A: public key, message and signature (r || s).
_SM2_POINT = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_SM2_MESSAGE = b"message digest"
_SM2_SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


@dataclass(frozen=True)
class Capability:
    """One algorithm on this machine: whether it works, who provides it, and why not (Chinese,
    empty when it works).
    """

    name: str
    available: bool
    provider: str
    problem: str = ""


def self_check() -> list[Capability]:
    """Try every algorithm on a known answer, and say what works and by which library. Never
    raises for a missing one.
    """
    python = ssl.OPENSSL_VERSION
    bundled = f"cryptography({backend.openssl_version_text()})"
    sm3_provider = python if "sm3" in hashlib.algorithms_available else bundled
    return [
        _try("SM2", _sm2_provider, _check_sm2),
        _try("SM3", lambda: sm3_provider, _check_sm3),
        _try("SM4-GCM", lambda: bundled, _check_sm4),
        _try("Ed25519", lambda: bundled, _check_ed25519),
        _try("SHA-256", lambda: python, _check_sha256),
    ]


def _try(name: str, provider: Callable[[], str], check: Callable[[], bool]) -> Capability:
    try:
        library = provider()
        correct = check()
    except CryptoUnavailable as reason:
        return Capability(name, available=False, provider="", problem=reason.detail)
    except UnsupportedAlgorithm as reason:
        return Capability(name, available=False, provider="", problem=f"密码库不支持：{reason}")
    problem = "" if correct else "密码库算出的结果与国家标准的示例不符，请勿使用，并更换密码库。"
    return Capability(name, available=correct, provider=library, problem=problem)


def _sm2_provider() -> str:
    library = libcrypto()
    return f"{library.version}({library.path})"


def _check_sm2() -> bool:
    key = Sm2PublicKey.from_point(_SM2_POINT)
    signature = raw_to_der(_SM2_SIGNATURE)
    return key.verify(_SM2_MESSAGE, signature) and not key.verify(b"another message", signature)


def _check_sm3() -> bool:
    return hexdigest(b"abc", HashAlgorithm.SM3) == _SM3_ABC


def _check_sm4() -> bool:
    encryptor = Cipher(SM4(_GCM_KEY), GCM(_GCM_NONCE)).encryptor()
    encryptor.authenticate_additional_data(_GCM_ASSOCIATED)
    encryptor.update(_GCM_PLAIN)
    encryptor.finalize()
    return encryptor.tag == _GCM_TAG


def _check_ed25519() -> bool:
    # RFC 8032 §7.1, test 1: the first bytes of the signature of the empty message.
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signature = Ed25519PrivateKey.from_private_bytes(secret).sign(b"")
    return signature.startswith(bytes.fromhex("e5564300c360ac729086e2cc806e828a"))


def _check_sha256() -> bool:
    # FIPS 180-4 example "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    return hexdigest(b"abc", HashAlgorithm.SHA256) == expected
