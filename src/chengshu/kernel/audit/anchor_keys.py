"""The city's keys for anchors and manifests: the one in force, its successor, and what became of former ones.

The chain of keys (``anchor-keys.jsonl``) lies beside the anchors and is handed out with every export.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto import read_or_create_private
from chengshu.kernel.crypto.sm2 import Sm2PrivateKey
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_evidence import anchors, keychain
from chengshu_evidence.keychain import KeyChainError, Span

_FIRST = "anchor-sm2.pem"


def anchor_file() -> Path:
    """The file of signed anchors; copy it outside daily, like the checkpoints."""
    return Path(settings.DATA_DIR) / "audit" / "anchors.jsonl"


def key_file() -> Path:
    """The chain of keys; copy it outside with the anchors."""
    return anchor_file().with_name("anchor-keys.jsonl")


def public_key_file() -> Path:
    """The public half of the key in force; hand it to whoever shall verify, before they need it."""
    return anchor_file().with_name("anchor-public.pem")


def known_keys() -> list[Span]:
    """All keys that signed or sign anchors, in their order."""
    return keychain.spans(key_file())


def anchor_key() -> Sm2PrivateKey:
    """The city's key for anchors and manifests, made at its first use.

    Raises:
        CryptoUnavailable: this machine has no SM2. KeyringError: others may read the key file.
        Conflict: the private half of the key in force is not here; nothing was signed.
    """
    name = keychain.current(key_file())
    path = _private_file()
    if name and not path.is_file():
        raise _missing(name, path)
    private = Sm2PrivateKey.from_pem(
        read_or_create_private(path, lambda: Sm2PrivateKey.generate().pem())
    )
    keychain.begin(key_file(), private)
    if name and anchors.key_name(private.public_key()) != name:
        raise _missing(name, path)
    if not public_key_file().is_file():
        public_key_file().write_bytes(private.public_key().pem())
    return private


@contextmanager
def held() -> Iterator[None]:
    """Let nobody change the key while an anchor is signed, nor sign one while it changes."""
    lock = anchor_file().with_name("anchor-keys.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def renew_key(
    *, reason: str, compromised_since: datetime | None = None, actor: Actor | None = None
) -> str:
    """Replace the key in force by a new one that the old one signs; returns the new one's name.

    The old private half is deleted, and the new public one stands in ``anchor-public.pem``: hand it out again. With
    `compromised_since` what the old key signed from then on does not count.

    Raises:
        InvalidInput: no reason, or a time that is still to come. Conflict: the key in force is not here.
    """
    _reasonable(reason, compromised_since)
    with held():
        old = anchor_key()
        former = anchors.key_name(old.public_key())
        new = Sm2PrivateKey.generate()
        name = anchors.key_name(new.public_key())
        # The private half first: a chain that names a key which was never kept could not go on.
        kept = _private_file()
        read_or_create_private(_later_file(name), new.pem)
        keychain.renew(key_file(), old, new, reason=reason, anchor=_last_anchor())
        if compromised_since is not None:
            keychain.declare_compromised(
                key_file(),
                new,
                former,
                since=compromised_since,
                reason=reason,
                anchor=_last_anchor(),
            )
        public_key_file().write_bytes(new.public_key().pem())
        kept.unlink()
    _leave("audit.key_renewed", name, reason, compromised_since, actor, former=former)
    return name


def declare_compromised(
    *, key: str, since: datetime, reason: str, actor: Actor | None = None
) -> None:
    """Declare that a retired key may be in other hands since a time; what it signed from then on does not count.

    Raises:
        InvalidInput: no reason, or a time to come. Conflict: the key is unknown, in force or declared so already.
    """
    _reasonable(reason, since)
    with held():
        try:
            keychain.declare_compromised(
                key_file(), anchor_key(), key, since=since, reason=reason, anchor=_last_anchor()
            )
        except KeyChainError as error:
            raise Conflict(str(error), advice="没有写下任何声明。请核对密钥编号。") from error
    _leave("audit.key_compromised", key, reason, since, actor)


def _keys_folder() -> Path:
    return Path(settings.DATA_DIR) / "keys"


def _private_file() -> Path:
    """Where the private half of the key in force lies; the first one's place bears no name."""
    known = known_keys()
    return _later_file(known[-1].key) if len(known) > 1 else _keys_folder() / _FIRST


def _later_file(name: str) -> Path:
    return _keys_folder() / f"anchor-sm2-{name}.pem"


def _last_anchor() -> keychain.Mark:
    last = anchors.last(anchor_file())
    return (last.number, last.digest) if last is not None else keychain.NO_ANCHOR


def _missing(name: str, path: Path) -> Conflict:
    return Conflict(
        f"现用的锚点密钥 {name} 的私钥不在 {path}，没有签名。",
        advice="请从密钥的备份恢复这个文件；不要删除密钥链，否则旧证据无法核验。",
    )


def _reasonable(reason: str, since: datetime | None) -> None:
    problems = {}
    if not reason.strip():
        problems["reason"] = "请写明原因，它会随证据交给第三方"
    if since is not None and since > timezone.now():
        problems["since"] = "时间应在现在之前"
    if problems:
        raise InvalidInput("密钥没有变更。", advice="请按提示修改。", fields=problems)


def _leave(
    action: str, key: str, reason: str, since: datetime | None, actor: Actor | None, **more: str
) -> None:
    with unit_of_work():
        record(
            actor=actor or platform("锚点密钥"), action=action, object_type="audit", object_id=key,
            object_name="锚点密钥", reason=reason,
            after={"key": key, "since": since.isoformat() if since else "", **more},
        )  # fmt: skip
