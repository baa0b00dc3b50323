"""Client certificates (RFC 8705) as a trusted reverse proxy hands them on (RFC 9440).

The gateway's own server tells the program nothing of a client's certificate, so the proxy that ends
TLS does: it proves that the caller holds the private half, and everything else is judged here.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from chengshu_gateway.bundle import SCHEME_TLS_CA, SCHEME_TLS_SELF, AppKey
from chengshu_gateway.jose import UnprovenError, encoded

HEADER = b"client-cert"
REFUSED = b""
"""What stands in place of a header that nobody may believe (`AddressReader.certificate`)."""
_MAX_HEADER = 16 * 1024
_ESCAPED_PEM = b"-----BEGIN%20CERTIFICATE-----"
_USES = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_NAMES: dict[str, type[x509.GeneralName]] = {
    "san_dns": x509.DNSName,
    "san_uri": x509.UniformResourceIdentifier,
    "san_email": x509.RFC822Name,
    "san_ip": x509.IPAddress,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate of the connection a request came over; `thumbprint` is its `x5t#S256`."""

    der: bytes
    thumbprint: str

    def certificate(self, now: float) -> x509.Certificate:
        """Return it parsed; raises UnprovenError when it is unreadable or not valid now."""
        try:
            found = x509.load_der_x509_certificate(self.der)
            begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
        except ValueError as error:
            raise UnprovenError("客户端证书无法识别") from error
        if not begins.timestamp() <= now < ends.timestamp():
            raise UnprovenError("客户端证书已过期或尚未生效")
        return found


def shown(headers: dict[bytes, bytes]) -> Shown | None:
    """Return the certificate that a trusted proxy handed on; None when it told of none.

    Takes RFC 9440 (`:base64 of the DER:`) and, because nginx can write nothing else, the escaped PEM.

    Raises:
        UnprovenError: the header is no certificate, or came from somebody who may not send it.
    """
    value = headers.get(HEADER)
    if value is None:
        return None
    if value == REFUSED:
        raise UnprovenError("Client-Cert 请求头只能由可信代理填写一次，请不要自己带")
    try:
        der = _der(value)
    except (binascii.Error, ValueError) as error:
        raise UnprovenError("Client-Cert 请求头不是证书") from error
    return Shown(der, encoded(hashlib.sha256(der).digest()))


def require_same(headers: dict[bytes, bytes], thumbprint: str) -> None:
    """Raise UnprovenError unless the request came over the certificate a token is bound to."""
    given = shown(headers)
    if given is None:
        raise UnprovenError("令牌绑定了客户端证书，这个连接没有出示证书")
    if not hmac.compare_digest(given.thumbprint.encode(), thumbprint.encode()):
        raise UnprovenError("令牌不属于这个连接的客户端证书")


def _der(value: bytes) -> bytes:
    if len(value) > _MAX_HEADER:
        raise ValueError("too long")
    if value.startswith(_ESCAPED_PEM):
        words = unquote_to_bytes(value).split()
        if words[-2:] != [b"-----END", b"CERTIFICATE-----"]:
            raise ValueError("cut off")
        return base64.b64decode(b"".join(words[2:-2]), validate=True)
    if len(value) < 3 or not value.startswith(b":") or not value.endswith(b":"):  # noqa: PLR2004
        raise ValueError("neither form")
    return base64.b64decode(value[1:-1], validate=True)


class Authorities:
    """The issuers whose certificates prove a registered name (`tls_client_auth`)."""

    def __init__(self, pem: bytes) -> None:
        """Read the operator's list, issuing and root certificates alike; raises ValueError."""
        self._store = Store(x509.load_pem_x509_certificates(pem))

    @classmethod
    def read(cls, path: Path | None) -> "Authorities | None":
        """Read a file; None without one. Raises ValueError, told in Chinese."""
        if path is None:
            return None
        try:
            return cls(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(f"签发机构的证书文件 {path} 读不出 PEM 证书：{error}") from error

    def vouch(self, certificate: x509.Certificate, now: float) -> None:
        """Raise UnprovenError unless one of them issued the certificate, for clients, and now."""
        # Names are compared by us, so a certificate without alternative names will do.
        policy = ExtensionPolicy.permit_all()
        issuer = policy.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        builder = PolicyBuilder().store(self._store).time(datetime.fromtimestamp(now, UTC))
        builder = builder.extension_policies(ca_policy=issuer, ee_policy=policy)
        try:
            builder.build_client_verifier().verify(certificate, [])
        except (VerificationError, ValueError) as error:
            raise UnprovenError("客户端证书不是认可的机构签发的") from error
        try:
            uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            return
        if not _USES & set(uses):
            raise UnprovenError("客户端证书不能用于客户端认证（扩展密钥用途）")


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """Whether certificates are taken at all, who vouches for names, and the address they are shown at.

    `alias` is the address of a listener that asks for certificates when the public one does not.
    """

    taken: bool = False
    authorities: Authorities | None = None
    alias: str = ""

    def key_of(
        self, keys: Sequence[AppKey], given: Shown, certificate: x509.Certificate, now: float
    ) -> AppKey:
        """Return which of an application's keys a certificate proves; raises UnprovenError."""
        for key in keys:
            if key.scheme == SCHEME_TLS_SELF and hmac.compare_digest(
                key.public_key.encode(), given.thumbprint.encode()
            ):
                return key
        named = [key for key in keys if key.scheme == SCHEME_TLS_CA]
        if not named:
            raise UnprovenError("这张客户端证书不是该应用登记的")
        if self.authorities is None:
            raise UnprovenError("网关没有配置认可的证书签发机构")
        self.authorities.vouch(certificate, now)
        for key in named:
            if _bears(certificate, key.public_key):
                return key
        raise UnprovenError("客户端证书的主体不是该应用登记的")


def _bears(certificate: x509.Certificate, registered: str) -> bool:
    """Tell whether a certificate bears a name as RFC 8705 §2.1.2 lists them ("san_dns=…")."""
    kind, _, value = registered.partition("=")
    try:
        if kind == "subject_dn":
            return certificate.subject == x509.Name.from_rfc4514_string(value)
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        wanted = str(ipaddress.ip_address(value)) if kind == "san_ip" else value
        return any(
            isinstance(name, _NAMES[kind]) and str(name.value) == wanted for name in alternatives
        )
    except (x509.ExtensionNotFound, ValueError, KeyError):
        return False
