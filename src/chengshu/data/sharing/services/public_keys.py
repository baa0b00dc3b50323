"""Register public keys and client certificates: the private half never leaves the application."""

from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, KeyScheme
from chengshu.data.sharing.client_certificates import read_certificate, read_name
from chengshu.data.sharing.models import Application, ApplicationKey
from chengshu.data.sharing.services.applications import changed, new_key_id
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto import SigningKeyError, Sm2Verifier
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

_PEM = "-----BEGIN "
_MAX_TEXT = 8_000
_REGISTERED = {
    "": "这把公钥登记过（可能已吊销），请重新生成一对密钥",
    KeyScheme.TLS_SELF: "这张证书登记过（可能已吊销），请换一张新的",
    KeyScheme.TLS_CA: "这个主体登记过（可能已吊销），一个主体只能属于一个应用",
}
_NOT_JOSE = "不是 P-256（ES256）或 Ed25519 的 PEM 公钥（-----BEGIN PUBLIC KEY-----）"


def register_public_key(
    *,
    actor: Actor,
    application: Application,
    scheme: str,
    public_key: str,
    expires_at: datetime | None = None,
) -> ApplicationKey:
    """Register a public key (SM2: PEM, or the point in hex; OAuth: PEM of P-256 or Ed25519), or a client certificate.

    A certificate's registration ends with the certificate. `scheme` TLS_CA takes the name it must bear instead.

    Raises:
        Conflict: the application is suspended. InvalidInput: not such a key, a private key, one that was registered
        before (here or elsewhere, also if revoked since), or a term that is over already.
        CryptoUnavailable: this machine has no SM2.
    """
    check(actor, "sharing.key.manage", application)
    problems: dict[str, str] = {}
    if expires_at is not None and expires_at <= timezone.now():
        problems["expires_at"] = "有效期须晚于现在，或留空表示长期有效"
    material = ""
    try:
        material = _material(scheme, public_key.strip())
        if scheme == KeyScheme.TLS_SELF:
            ends = read_certificate(material).ends_at
            expires_at = min(expires_at, ends) if expires_at else ends
            if ends <= timezone.now():
                problems["public_key"] = "这张证书已经过期，请登记新的"
    except ValueError as error:
        problems["public_key"] = str(error)
    if material and ApplicationKey.objects.filter(public_key=material).exists():
        problems["public_key"] = _REGISTERED.get(scheme, _REGISTERED[""])
    if problems:
        raise InvalidInput("没有登记。", advice="请按提示修改。", fields=problems)
    if application.state != ApplicationState.ACTIVE:
        raise Conflict("应用已停用，不能登记公钥。", advice="请先恢复应用。")
    with unit_of_work():
        key = ApplicationKey.objects.create(
            application=application, key_id=new_key_id(), scheme=scheme, public_key=material,
            expires_at=expires_at,
        )  # fmt: skip
        record(
            actor=actor, action="sharing.key_registered", obj=application,
            after={"key": key.key_id, "scheme": scheme, "public_key": material},
        )  # fmt: skip
        changed("key.registered", application.code)
    return key


def _material(scheme: str, text: str) -> str:
    """The key as the gateway takes it; raises ValueError with what the user reads."""
    if "PRIVATE KEY" in text:
        raise ValueError("这是私钥，请不要交给任何人。请登记公钥或证书，并换掉这把私钥")
    if not text or len(text) > _MAX_TEXT:
        raise ValueError("请贴入公钥或证书")
    if scheme == KeyScheme.SM2:
        return _sm2(text)
    if scheme == KeyScheme.JWT:
        return _jose(text)
    if scheme == KeyScheme.TLS_SELF:
        return read_certificate(text).pem
    if scheme == KeyScheme.TLS_CA:
        return read_name(text)
    raise ValueError("请选择国密公钥、OAuth 公钥或客户端证书")


def _sm2(text: str) -> str:
    try:
        if text.startswith(_PEM):
            return Sm2Verifier.from_pem(text.encode(), "new").point().hex()
        return Sm2Verifier.from_point(bytes.fromhex(text), "new").point().hex()
    except (SigningKeyError, ValueError) as error:
        raise ValueError("不是 SM2 公钥：应为 PEM，或 04 开头的 130 位十六进制") from error


def _jose(text: str) -> str:
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(_NOT_JOSE) from error
    fitting = isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    )
    if not fitting:
        raise ValueError(_NOT_JOSE)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
