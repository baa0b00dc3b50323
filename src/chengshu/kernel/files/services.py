"""Stores files in bounded memory, durably, and refuses before the disk is full."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import BinaryIO

from django.conf import settings

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

RESERVE_BYTES = 200 * 1024 * 1024


def safe_name(name: str) -> str:
    """The bare file name without folders or control characters, at most 200 characters."""
    bare = PurePath(name.replace("\\", "/")).name
    clean = "".join(c for c in bare if c.isprintable()).strip(" .") or "未命名"
    return clean[-200:]


def store(
    *,
    actor: Actor,
    name: str,
    chunks: Iterable[bytes],
    purpose: str,
    organization: Organization | None = None,
    max_bytes: int | None = None,
) -> StoredFile:
    """Write the content once under its SHA-256 and remember who brought it.

    Raises:
        InvalidInput: larger than allowed, or empty.
        Unavailable: not enough disk space; nothing is kept.
    """
    limit = settings.UPLOAD_MAX_BYTES if max_bytes is None else max_bytes
    root = Path(settings.DATA_DIR) / "files"
    (root / "incoming").mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=root / "incoming")
    try:
        with os.fdopen(descriptor, "wb") as target:
            digest, size = _copy(chunks, target, limit, root)
        final = root / digest[:2] / digest
        final.parent.mkdir(exist_ok=True)
        Path(temporary).replace(final)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _disk_full() from error
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)
    with unit_of_work():
        return StoredFile.objects.create(
            name=safe_name(name), size=size, sha256=digest, purpose=purpose,
            created_by=actor.account,
            organization=organization or (actor.account.organization if actor.account else None),
        )  # fmt: skip


def _copy(chunks: Iterable[bytes], target: BinaryIO, limit: int, root: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    write = target.write
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise InvalidInput(
                f"文件超过上限 {limit / 1024**3:.1f} GB。",
                kept="没有保存任何内容。",
                advice="请按年份或社区拆分后分次上传，或改用数据库直连。",
            )
        if shutil.disk_usage(root).free < RESERVE_BYTES + len(chunk):
            raise _disk_full()
        digest.update(chunk)
        write(chunk)
    if size == 0:
        raise InvalidInput(
            "文件是空的（0 字节）。",
            kept="没有保存任何内容。",
            advice="请检查导出是否成功后重新选择文件。",
        )
    target.flush()
    os.fsync(target.fileno())
    return digest.hexdigest(), size


def _disk_full() -> Unavailable:
    return Unavailable(
        "服务器磁盘空间不足，文件没有保存。",
        kept="已有数据没有变化。",
        advice="请联系运维人员清理空间后重试。",
    )
