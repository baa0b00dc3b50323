"""Client certificates and their names as an application registers them (RFC 8705 §2)."""

import ipaddress
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

_PEM = "-----BEGIN CERTIFICATE-----"
_NAME = re.compile(r"(subject_dn|san_dns|san_uri|san_ip|san_email)=(.{1,500})")
_LEAST_RSA_BITS = 2048
_NO_NAME = (
    "应为 subject_dn=主体（如 subject_dn=CN=app,O=单位,C=CN），或 san_dns=、san_uri=、san_ip=、san_email= 之一；"
    "也可以直接贴入证书，取它的主体"
)


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """A certificate as it is kept: normal PEM, with what people read of it."""

    pem: str
    subject: str
    thumbprint: str
    ends_at: datetime


def read_certificate(text: str) -> RegisteredCertificate:
    """Read a client certificate; raises ValueError with what the user reads."""
    if text.count(_PEM) != 1:
        raise ValueError(
            "请贴入一张 PEM 证书（-----BEGIN CERTIFICATE-----），不要连同签发机构的证书"
        )
    try:
        found = x509.load_pem_x509_certificate(text.encode())
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(
            "证书无法识别。国密（SM2）证书不能用于这种方式，请改用国密公钥签名"
        ) from error
    strong = isinstance(key, EllipticCurvePublicKey) or (
        isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS
    )
    if not strong:
        raise ValueError(f"证书的密钥应为椭圆曲线，或不短于 {_LEAST_RSA_BITS} 位的 RSA")
    digest = urlsafe_b64encode(found.fingerprint(SHA256())).decode().rstrip("=")
    return RegisteredCertificate(
        pem=found.public_bytes(Encoding.PEM).decode(),
        subject=found.subject.rfc4514_string(),
        thumbprint=digest,
        ends_at=found.not_valid_after_utc,
    )


def read_name(text: str) -> str:
    """Read the name a certificate must bear, or take the subject of a pasted one; raises ValueError."""
    if text.startswith(_PEM):
        return f"subject_dn={read_certificate(text).subject}"
    found = _NAME.fullmatch(text)
    if found is None:
        raise ValueError(_NO_NAME)
    kind, value = found.groups()
    try:
        if kind == "subject_dn":
            value = re.sub(r"(?<!\\), +", ",", value)
            return f"subject_dn={x509.Name.from_rfc4514_string(value).rfc4514_string()}"
        if kind == "san_ip":
            return f"san_ip={ipaddress.ip_address(value)}"
    except ValueError as error:
        raise ValueError(_NO_NAME) from error
    return text
