"""An SFTP drop against OpenSSH's own server, started by the test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from chengshu.data.ingest.sources import (
    Connection,
    DropConnector,
    Reason,
    SourceError,
    connector,
)

KIND = connector("sftp")
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
SERVER = next(
    (p for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server") if Path(p).exists()),
    "",
)
pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(
        not Path(SSHD).exists() or not SERVER, reason="OpenSSH's server is not installed"
    ),
]


@dataclass
class Server:
    folder: Path
    port: int
    drop: Path
    private_key: str
    process: subprocess.Popen[bytes]

    def connection(self, passing: Path, **options: Any) -> Connection:
        known = {
            "host": "127.0.0.1", "port": self.port, "user": getuser(), "folder": str(self.drop),
            "pattern": "*.csv", "complete": "stable", "stable_seconds": 1,
        }  # fmt: skip
        secrets = {"private_key": options.pop("private_key", self.private_key)}
        return Connection(name="投递", options=known | options, secrets=secrets, folder=passing)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "ssh"
    drop = home / "投递"
    drop.mkdir(parents=True)
    home.chmod(0o700)
    keygen(home / "host")
    keygen(home / "client")
    shutil.copy(home / "client.pub", home / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    process, port = start(home)
    started = Server(home, port, drop, (home / "client").read_text(), process)
    yield started
    started.process.terminate()  # by then perhaps another one
    started.process.wait(10)


def keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def start(home: Path, port: int = 0) -> tuple[subprocess.Popen[bytes], int]:
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    (home / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nPasswordAuthentication no\n"
        f"PermitRootLogin prohibit-password\nSubsystem sftp {SERVER}\n"
    )
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(home / "config")], stderr=subprocess.DEVNULL
    )
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.05)
    raise AssertionError("sshd does not listen")


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
    server.process.terminate()
    server.process.wait(10)
    for name in ("host", "host.pub"):
        (server.folder / name).unlink()
    keygen(server.folder / "host")
    server.process, _ = start(server.folder, server.port)
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
