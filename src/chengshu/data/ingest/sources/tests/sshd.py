"""OpenSSH's own server, started for a test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import Any

from chengshu.data.ingest.sources import Connection

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
SERVER = next(
    (p for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server") if Path(p).exists()),
    "",
)
MISSING = not Path(SSHD).exists() or not SERVER


@dataclass
class Server:
    folder: Path
    port: int
    drop: Path
    private_key: str
    process: subprocess.Popen[bytes]

    def connection(self, passing: Path, **options: Any) -> Connection:
        known = self.options()
        secrets = {"private_key": options.pop("private_key", self.private_key)}
        return Connection(name="投递", options=known | options, secrets=secrets, folder=passing)

    def options(self) -> dict[str, Any]:
        """The plain settings of a source that drops files here."""
        return {
            "host": "127.0.0.1", "port": self.port, "user": getuser(), "folder": str(self.drop),
            "pattern": "*.csv", "complete": "stable", "stable_seconds": 1,
        }  # fmt: skip

    def stop(self) -> None:
        """No more connections are taken."""
        self.process.terminate()
        self.process.wait(10)

    def change_host_key(self) -> None:
        """Another server answers at the same port, with the same accounts."""
        self.stop()
        for name in ("host", "host.pub"):
            (self.folder / name).unlink()
        keygen(self.folder / "host")
        self.process, _ = start(self.folder, self.port)


@contextmanager
def running(tmp_path: Path) -> Iterator[Server]:
    """A server with one folder and one account that signs in by key."""
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
    try:
        yield started
    finally:
        started.stop()  # by then perhaps another one


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
