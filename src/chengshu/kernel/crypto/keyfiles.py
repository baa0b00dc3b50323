"""Files that hold a secret: made once, readable by their owner only, never half-written."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from chengshu.kernel.crypto.errors import KeyringError


def write_private(path: Path, content: bytes) -> bool:
    """Create ``path`` with mode 0600 and the whole content, and tell whether it was made now.

    An existing file is left alone: a key that was overwritten cannot be recovered. The content
    is written beside the target and linked into place, so a second process sees either no file
    or a complete one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp semantics: mode 0600, exclusive, unpredictable name.
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return False
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def read_private(path: Path) -> bytes:
    """Return the content of a secret file.

    Raises:
        KeyringError: the file is missing, or other accounts of the machine may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise KeyringError(
                    f"密钥文件 {path.name} 允许其他账户读取。",
                    kept="密钥没有载入。",
                    advice=f"请执行 chmod 600 {path.name}，并考虑更换密钥。",
                )
            return file.read()
    except FileNotFoundError as cause:
        raise KeyringError(
            f"找不到密钥文件 {path.name}。", advice="请从备份恢复，或重新生成密钥。"
        ) from cause


def read_or_create_private(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return the content of ``path``, creating it from ``make()`` where it does not exist yet.

    Safe when several processes start at once: one of them creates the file, all read the same
    content.
    """
    if not path.exists():
        write_private(path, make())
    return read_private(path)
