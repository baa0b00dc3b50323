"""Encryption to databases whose drivers leave it to us: which certificate is believed, and where it is checked.

There is no "encrypt and believe anybody": a server that signs its own certificate has it pasted as its authority, which
is as easy and cannot be impersonated.
"""

import ssl
from pathlib import Path

from chengshu.data.ingest.sources.base import Connection, Field, Group
from chengshu.data.ingest.sources.errors import Reason, SourceError

OFF, FULL, AUTHORITY = "off", "full", "authority"
TLS_FIELDS = (
    Field(
        key="tls", label="加密", kind="choice", default=OFF, required=False,
        choices=(
            (OFF, "不加密"), (FULL, "加密，核对证书和主机名"),
            (AUTHORITY, "加密，只核对证书（主机名对不上时）"),
        ),
        help="不加密时密码和数据在网上是明文，只该用在机房内网",
    ),
    Field(
        key="ca", label="签发机构的证书", kind="lines", required=False, maximum=40_000,
        help="PEM 格式，-----BEGIN CERTIFICATE----- 开头；对方自签名时贴对方自己的证书；留空用系统信任的机构",
    ),
)  # fmt: skip
TLS_GROUP = Group("加密", ("tls", "ca"))


def encrypted(to: Connection) -> bool:
    """Whether the source is to be reached encrypted."""
    return (to.text("tls") or OFF) != OFF


def names_host(to: Connection) -> bool:
    """Whether the certificate must be that of the host's name."""
    return to.text("tls") == FULL


def context(to: Connection) -> ssl.SSLContext:
    """What the certificate is checked against.

    Raises:
        SourceError: the pasted certificate cannot be read.
    """
    pasted = to.text("ca").strip()
    try:
        found = ssl.create_default_context(cadata=pasted or None)
    except (ssl.SSLError, ValueError) as error:
        raise _unreadable() from error
    if pasted and not found.get_ca_certs() and not found.cert_store_stats()["x509"]:
        raise _unreadable()
    found.check_hostname = names_host(to)
    return found


def authority_file(to: Connection) -> Path:
    """The same as a file, for a driver that wants one; it lies in the connection's own folder.

    Raises:
        SourceError: the pasted certificate cannot be read, or none is pasted and the system has no list.
    """
    context(to)
    pasted = to.text("ca").strip()
    if pasted:
        to.folder.mkdir(parents=True, exist_ok=True)
        path = to.folder / "authority.pem"
        path.write_text(pasted + "\n", encoding="ascii")
        return path
    known = ssl.get_default_verify_paths().cafile
    if known is None:
        raise SourceError(
            Reason.CERTIFICATE,
            "平台的系统里没有受信任的签发机构名单。",
            "请填上对方证书的签发机构证书。",
        )
    return Path(known)


def _unreadable() -> SourceError:
    return SourceError(
        Reason.CERTIFICATE, "“签发机构的证书”读不出来。",
        "请粘贴 PEM 格式的完整证书，从 -----BEGIN CERTIFICATE----- 到 -----END CERTIFICATE-----。",
    )  # fmt: skip
