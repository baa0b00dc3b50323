"""Publication and loading of bundle files: a new name each time, sealed, swapped by pointer."""

import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chengshu_gateway import pointer
from chengshu_gateway.bundle import (
    FORMAT,
    READABLE,
    Bundle,
    BundleError,
    from_document,
    to_document,
    validate,
)

_NAME = re.compile(r"bundle-(\d{10})-[0-9a-f]{12}\.json")


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A bundle that passed its seal: `version` counts publications, `digest` is SM3 hex."""

    version: int
    created: float
    digest: str
    bundle: Bundle


def publish_bundle(directory: Path, bundle: Bundle, key: bytes, *, keep: int = 5) -> int:
    """Validate, seal and publish a bundle; returns its version.

    `key` is `GatewayKeys.bundle`. The newest `keep` files stay. One publisher at a time: the
    caller serialises (the control plane publishes from one job).

    Raises:
        BundleError: The bundle contradicts itself; nothing was published.
    """
    validate(bundle)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    version = max((number for number, _path in _files(directory)), default=0) + 1
    content = _canonical(
        {
            "format": FORMAT,
            "version": version,
            "created": time.time(),
            "content": to_document(bundle),
        }
    )
    digest = hashlib.new("sm3", content).hexdigest()
    seal = hmac.digest(key, content, "sha256").hex()
    name = f"bundle-{version:010d}-{digest[:12]}.json"
    sealed = b'{"sm3":"%s","hmac":"%s","sealed":%s}\n' % (digest.encode(), seal.encode(), content)
    pointer.write_durably(directory / name, sealed)
    pointer.swap(directory, name)
    for _number, path in sorted(_files(directory))[: -max(keep, 1)]:
        path.unlink(missing_ok=True)
    return version


def load_bundle(directory: Path, key: bytes) -> LoadedBundle | None:
    """Load the current bundle; None when none was published.

    Raises:
        BundleError: The file is damaged, tampered with, or was sealed with another key.
    """
    name = pointer.read(directory)
    if name is None:
        return None
    try:
        return open_sealed((directory / name).read_bytes(), key)
    except OSError as error:
        raise BundleError(f"授权包读不出：{name}（{error}）。请重新发布授权包。") from error


def open_sealed(raw: bytes, key: bytes) -> LoadedBundle:
    """Check the seal of a bundle file's bytes and return the bundle; raises BundleError."""
    found = re.match(rb'\{"sm3":"([0-9a-f]{64})","hmac":"([0-9a-f]{64})","sealed":', raw)
    if found is None or not raw.endswith(b"}\n"):
        raise BundleError("授权包不完整或不是本平台的文件。已继续使用旧的授权包，请重新发布。")
    content = raw[found.end() : -2]
    seal = hmac.digest(key, content, "sha256").hex().encode()
    if not hmac.compare_digest(seal, found[2]):
        raise BundleError("授权包校验失败：内容被改动，或封装密钥不一致。已拒绝使用，请重新发布。")
    document: dict[str, Any] = json.loads(content)
    if document["format"] not in READABLE:
        raise BundleError(f"授权包格式 {document['format']} 不支持，请升级网关后重试。")
    return LoadedBundle(
        version=document["version"],
        created=document["created"],
        digest=found[1].decode(),
        bundle=from_document(document["content"]),
    )


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _files(directory: Path) -> list[tuple[int, Path]]:
    return [
        (int(found[1]), path)
        for path in directory.iterdir()
        if (found := _NAME.fullmatch(path.name))
    ]
