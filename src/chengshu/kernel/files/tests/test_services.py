import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu.kernel.files import services
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.files.services import safe_name, store
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast

ActorFor = Callable[[Account], Actor]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def nothing_kept(folder: Path) -> bool:
    files = [p for p in (folder / "files").rglob("*") if p.is_file()]
    return not files and not StoredFile.objects.exists()


def test_content_is_kept_under_its_hash_and_belongs_to_who_brought_it(
    cast: Cast, actor_for: ActorFor, data_dir: Path
) -> None:
    item = store(
        actor=actor_for(cast.officer_a),
        name="人口 表.csv",
        chunks=[b"a,b\n", b"1,2\n"],
        purpose="upload",
    )
    assert item.sha256 == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert item.path.read_bytes() == b"a,b\n1,2\n"
    assert (item.size, item.name, item.organization) == (8, "人口 表.csv", cast.department_a)


def test_equal_contents_share_one_place(cast: Cast, actor_for: ActorFor, data_dir: Path) -> None:
    first = store(actor=actor_for(cast.officer_a), name="a.csv", chunks=[b"x"], purpose="upload")
    second = store(actor=actor_for(cast.officer_b), name="b.csv", chunks=[b"x"], purpose="upload")
    assert first.path == second.path
    assert first.pk != second.pk


def test_a_file_over_the_limit_leaves_nothing_behind(
    cast: Cast, actor_for: ActorFor, data_dir: Path
) -> None:
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b"x" * 100

    with pytest.raises(InvalidInput, match="超过上限"):
        store(
            actor=actor_for(cast.officer_a),
            name="big.csv",
            chunks=chunks(),
            purpose="upload",
            max_bytes=250,
        )
    assert read == 3
    assert nothing_kept(data_dir)


def test_an_empty_file_is_refused(cast: Cast, actor_for: ActorFor, data_dir: Path) -> None:
    with pytest.raises(InvalidInput, match="空的"):
        store(actor=actor_for(cast.officer_a), name="e.csv", chunks=[], purpose="upload")
    assert nothing_kept(data_dir)


def test_before_the_disk_is_full_the_file_is_refused(
    cast: Cast, actor_for: ActorFor, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _p: Usage(1, 1, services.RESERVE_BYTES + 5))
    with pytest.raises(Unavailable, match="磁盘空间不足"):
        store(actor=actor_for(cast.officer_a), name="a.csv", chunks=[b"123456"], purpose="upload")
    assert nothing_kept(data_dir)


def test_a_disk_that_fills_up_in_the_middle_refuses_cleanly(
    cast: Cast, actor_for: ActorFor, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable, match="磁盘空间不足"):
        store(actor=actor_for(cast.officer_a), name="a.csv", chunks=[b"123456"], purpose="upload")
    monkeypatch.undo()
    files: list[Any] = [p for p in (data_dir / "files").rglob("*") if p.is_file()]
    assert files == []
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\王\\人口.xlsx", "人口.xlsx"),
        ("..", "未命名"),
        ("", "未命名"),
        ("a\x00b\n.csv", "ab.csv"),
        ("报表\u202excod.exe", "报表xcod.exe"),  # a right-to-left mark hides the true ending
    ],
)
def test_file_names_lose_folders_and_tricks(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_a_very_long_name_keeps_its_ending() -> None:
    assert safe_name("长" * 300 + ".csv").endswith(".csv")
    assert len(safe_name("长" * 300 + ".csv")) == 200
