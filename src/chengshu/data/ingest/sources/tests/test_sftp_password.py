# ruff: noqa: ARG002 - the methods of a server have the library's form
"""Signing in to SFTP with a password, against a real SSH server in this process: no user of the machine is needed."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import paramiko
import pytest
from paramiko.sftp_attr import SFTPAttributes

from chengshu.data.ingest.sources import Connection, Reason, SourceError, connector, sftp

pytestmark = pytest.mark.service
KIND = connector("sftp")
USER, PASSWORD = "投递", "密码 p@ss:1"


class Door(paramiko.ServerInterface):
    """Lets one person in."""

    def __init__(self, tried: list[str], methods: str) -> None:
        self._tried, self._methods = tried, methods

    def get_allowed_auths(self, username: str) -> str:
        return self._methods

    def check_auth_password(self, username: str, password: str) -> int:
        self._tried.append(password)
        good = (username, password) == (USER, PASSWORD) and "password" in self._methods
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class Opened(paramiko.SFTPHandle):
    """A file that is read."""

    readfile: BinaryIO

    def stat(self) -> Any:
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Files(paramiko.SFTPServerInterface):
    """Serves one folder, for reading."""

    root = Path()

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        return [
            SFTPAttributes.from_stat(entry.stat(), entry.name) for entry in self._at(path).iterdir()
        ]

    def stat(self, path: str) -> Any:
        try:
            return SFTPAttributes.from_stat(self._at(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = Opened(flags)
        handle.readfile = self._at(path).open("rb")
        return handle


class Server:
    """Accepts until it is closed."""

    def __init__(self, folder: Path, key: paramiko.PKey) -> None:
        self.key, self.folder, self.tried, self.methods = key, folder, list[str](), "password"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        served = type("Served", (Files,), {"root": self.folder})
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                transport = paramiko.Transport(client)
                transport.add_server_key(self.key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, served)
                # A caller that hangs up at once resets the line; the next one is served all the same.
                with suppress(paramiko.SSHException, EOFError, OSError):
                    transport.start_server(server=Door(self.tried, self.methods))
                self._transports.append(transport)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "1.csv").write_text("编号,姓名\n001,甲\n", encoding="utf-8")
    os.utime(folder / "1.csv", (1_700_000_000, 1_700_000_000))
    started = Server(folder, paramiko.ECDSAKey.generate())
    yield started
    started.close()


def reach(server: Server, folder: Path, password: str = PASSWORD, **options: Any) -> Connection:
    known = {
        "host": "127.0.0.1", "port": server.port, "user": USER, "folder": "/", "pattern": "*.csv",
        "complete": "stable", "stable_seconds": 1,
    }  # fmt: skip
    return Connection(
        name="投递", options=known | options, secrets={"password": password}, folder=folder
    )


def test_a_password_opens_the_folder(server: Server, tmp_path: Path) -> None:
    to = reach(server, tmp_path)
    assert KIND.check(to) == "SFTP 服务器（1 个文件）"
    batches = KIND.read(to, "*.csv", {"编号": "no", "姓名": "name"})
    assert [r["no"] for b in batches for r in b.rows.to_pylist()] == ["001"]
    assert set(server.tried) == {PASSWORD}


def test_a_wrong_password_is_tried_once_and_never_shown(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="用户名、密码或私钥不对") as caught:
        KIND.check(reach(server, tmp_path, "guess-1"))
    assert caught.value.reason is Reason.WRONG_PASSWORD
    assert "guess-1" not in str(caught.value)
    assert server.tried == ["guess-1"]  # a second attempt might lock the account


def test_a_server_that_takes_no_passwords_says_so(server: Server, tmp_path: Path) -> None:
    server.methods = "publickey"
    with pytest.raises(SourceError) as caught:
        KIND.check(reach(server, tmp_path))
    assert caught.value.reason is Reason.WRONG_PASSWORD


def test_a_stranger_with_another_host_key_never_sees_the_password(
    server: Server, tmp_path: Path
) -> None:
    known = KIND.learned(reach(server, tmp_path))
    server.key = paramiko.ECDSAKey.generate()
    with pytest.raises(SourceError, match="可能有人冒充"):
        KIND.check(reach(server, tmp_path, **known))
    assert server.tried == []


def test_a_server_too_slow_to_exchange_keys_is_told_as_slow(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "_CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(server, "port", silent.getsockname()[1])
        with pytest.raises(SourceError) as told:
            KIND.check(reach(server, tmp_path, host_key="ssh-ed25519 AAAA"))
    assert told.value.reason == Reason.TIMED_OUT
    assert server.tried == []
