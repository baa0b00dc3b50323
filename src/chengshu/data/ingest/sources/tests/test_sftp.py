"""An SFTP drop against OpenSSH's own server, started by the test."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengshu.data.ingest.sources import DropConnector, Reason, SourceError, connector
from chengshu.data.ingest.sources.tests.sshd import MISSING, Server, keygen, running

KIND = connector("sftp")
pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(MISSING, reason="OpenSSH's server is not installed"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as started:
        yield started


def put(server: Server, name: str, text: str) -> None:
    path = server.drop / name
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - 60, time.time() - 60))


def test_dropped_files_are_read_and_left_where_they_are(server: Server, tmp_path: Path) -> None:
    put(server, "人员_1.csv", "编号,姓名\n001,甲\n")
    put(server, "人员_2.csv", "编号,姓名\n002,乙\n")
    to = server.connection(tmp_path)
    assert KIND.check(to) == "SFTP 服务器（2 个文件）"
    assert KIND.objects(to)[0].columns[0].name == "编号"
    rows = [
        r["no"] for b in KIND.read(to, "人员_*.csv", {"编号": "no"}) for r in b.rows.to_pylist()
    ]
    assert rows == ["001", "002"]
    assert len(list(server.drop.iterdir())) == 2


def test_the_host_key_is_learned_and_a_changed_one_is_refused(
    server: Server, tmp_path: Path
) -> None:
    learned = KIND.learned(server.connection(tmp_path))
    assert learned["host_key"].startswith("ssh-ed25519 AAAA")
    pinned = server.connection(tmp_path, **learned)
    assert KIND.learned(pinned) == {}
    KIND.check(pinned)
    server.change_host_key()
    with pytest.raises(SourceError, match="可能有人冒充") as caught:
        KIND.check(pinned)
    assert caught.value.reason is Reason.HOST_KEY


def test_a_wrong_key_a_missing_folder_and_a_dead_server_are_told_apart(
    server: Server, tmp_path: Path
) -> None:
    keygen(tmp_path / "other")
    cases = [
        (
            server.connection(tmp_path, private_key=(tmp_path / "other").read_text()),
            Reason.WRONG_PASSWORD,
        ),
        (server.connection(tmp_path, private_key="nonsense"), Reason.WRONG_PASSWORD),
        (server.connection(tmp_path, folder="/nowhere"), Reason.NO_OBJECT),
        (server.connection(tmp_path, port=1), Reason.REFUSED),
        (server.connection(tmp_path, host="nobody.invalid"), Reason.UNKNOWN_HOST),
    ]
    for to, reason in cases:
        with pytest.raises(SourceError) as caught:
            KIND.check(to)
        assert caught.value.reason is reason, caught.value


def test_a_collected_file_is_moved_and_nothing_is_overwritten(
    server: Server, tmp_path: Path
) -> None:
    put(server, "1.csv", "编号\n001\n")
    put(server, "2.csv", "编号\n002\n")
    assert isinstance(KIND, DropConnector)
    with KIND.shelf(server.connection(tmp_path)) as shelf:
        shelf.move("1.csv", "已归集/1.csv")
        with pytest.raises(OSError, match=r"1\.csv"):
            shelf.move("2.csv", "已归集/1.csv")
        shelf.move("2.csv", "2.csv.collected")
        assert (shelf.has("已归集/1.csv"), shelf.has("1.csv")) == (True, False)
        assert [f.name for f in shelf.list()] == ["2.csv.collected"]
    assert (server.drop / "已归集" / "1.csv").read_text() == "编号\n001\n"


def test_a_server_that_dies_half_way_is_an_error(server: Server, tmp_path: Path) -> None:
    def list_after_death() -> None:
        with KIND.shelf(server.connection(tmp_path)) as shelf:
            assert shelf.list() == []
            # The parent listens; its child serves us.
            subprocess.run(["pkill", "-9", "-P", str(server.process.pid)], check=True)
            for _ in range(50):
                shelf.list()
                time.sleep(0.1)

    with pytest.raises(SourceError) as caught:
        list_after_death()
    assert caught.value.reason is Reason.LOST
