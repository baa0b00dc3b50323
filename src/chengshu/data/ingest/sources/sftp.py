"""An SFTP server into which departments drop files. Its host key is remembered and must not change."""

import socket
import stat
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from io import StringIO
from typing import Any, BinaryIO, cast

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from chengshu.data.ingest.sources.base import Connection, Field, Group
from chengshu.data.ingest.sources.drops import DROP_FIELDS, DROP_GROUP, DropConnector, DroppedFile
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.sftp_exchange import RemoteExchange

_CONNECT_SECONDS = 8
_WAIT_SECONDS = 60
# What paramiko says of a channel that is gone.
_CLOSED = "Socket is closed"
_KEY_CLASSES: tuple[type[paramiko.PKey], ...] = (
    paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey,
)  # fmt: skip


class _RemoteShelf:
    def __init__(self, client: paramiko.SFTPClient, folder: str) -> None:
        self._client, self._folder = client, folder.rstrip("/") or "/"

    def list(self) -> Sequence[DroppedFile]:
        return [
            DroppedFile(entry.filename, int(entry.st_size or 0), int(entry.st_mtime or 0))
            for entry in self._client.listdir_attr(self._folder)
            if stat.S_ISREG(entry.st_mode or 0) and "/" not in entry.filename
        ]

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with self._client.open(f"{self._folder}/{name}", "rb") as file:
            file.prefetch()
            yield cast("BinaryIO", file)

    def has(self, target: str) -> bool:
        try:
            self._client.lstat(f"{self._folder}/{target}")
        except FileNotFoundError:
            return False
        return True

    def move(self, name: str, target: str) -> None:
        parent = target.rpartition("/")[0]
        if parent and not self.has(parent):
            self._client.mkdir(f"{self._folder}/{parent}")
        if self.has(target):  # some servers would overwrite it
            raise FileExistsError(target)
        self._client.rename(f"{self._folder}/{name}", f"{self._folder}/{target}")


class SftpConnector(DropConnector):
    """Files in one folder of an SFTP server."""

    key = "sftp"
    name = "SFTP"
    icon = "server"
    note = "第一次连接时记住服务器的主机密钥，以后变了就拒绝连接"
    order = 62
    exchanges = True
    secret_name = "密码或私钥"  # noqa: S105 - what people call it
    fields = (
        Field(key="host", label="主机", maximum=253),
        Field(key="port", label="端口", kind="number", default=22, maximum=65_535),
        Field(key="user", label="用户", maximum=128),
        Field(key="password", label="密码", required=False, secret=True, help="用密码登录时填写"),
        Field(
            key="private_key", label="私钥", kind="lines", required=False, secret=True,
            help="用私钥登录时填写（OpenSSH 格式，Ed25519、ECDSA 或 RSA）；私钥有口令时口令填在“密码”里",
        ),
        Field(
            key="host_key", label="主机密钥", required=False, maximum=2000,
            help="形如 ssh-ed25519 AAAA…；留空则记住第一次连接时见到的",
        ),
        *DROP_FIELDS,
    )  # fmt: skip
    groups = (
        Group(
            "怎样连接", ("host", "port", "user", "password", "private_key", "host_key"),
            "保存时会真的连接一次，连不上不会登记。",
        ),
        DROP_GROUP,
    )  # fmt: skip

    def check(self, to: Connection) -> str:
        """Sign in and list the folder."""
        with self.shelf(to) as shelf:
            return f"SFTP 服务器（{len(shelf.list()):,} 个文件）"

    def learned(self, to: Connection) -> Mapping[str, Any]:
        """The host key, where none was given."""
        if to.text("host_key"):
            return {}
        with self._transport(to) as transport:
            return {"host_key": _words_of(transport.get_remote_server_key())}

    @contextmanager
    def shelf(self, to: Connection) -> Iterator[_RemoteShelf]:
        """The folder, after signing in."""
        with self._session(to, "读取") as client:
            yield _RemoteShelf(client, to.text("folder"))

    @contextmanager
    def exchange(self, to: Connection) -> Iterator[RemoteExchange]:
        """The folder for files both ways, after signing in."""
        with self._session(to, "读写") as client:
            yield RemoteExchange(client, to.text("folder"))

    @contextmanager
    def _session(self, to: Connection, right: str) -> Iterator[paramiko.SFTPClient]:
        with self._transport(to) as transport:
            try:
                _sign_in(to, transport)
                client = paramiko.SFTPClient.from_transport(transport)
                assert client is not None
                channel = client.get_channel()
                if channel is not None:
                    channel.settimeout(_WAIT_SECONDS)
                with closing(client):
                    yield client
            except FileNotFoundError as error:
                raise SourceError(
                    Reason.NO_OBJECT, f"“{to.name}”上没有文件夹“{to.text('folder')}”，或文件被移走了。",
                    "请核对文件夹，或等对方重新投递。",
                ) from error  # fmt: skip
            except PermissionError as error:
                raise SourceError(
                    Reason.NO_PERMISSION, f"“{to.name}”的账号没有{right}权限。", f"请对方开放{right}权限。"
                ) from error  # fmt: skip
            except TimeoutError as error:
                raise SourceError(
                    Reason.TIMED_OUT, f"“{to.name}”{_WAIT_SECONDS} 秒没有应答。", "稍后会自动再试。"
                ) from error
            except (paramiko.SSHException, OSError, EOFError) as error:
                raise _broken(to, transport, error) from error

    @contextmanager
    def _transport(self, to: Connection) -> Iterator[paramiko.Transport]:
        """A connection to the right server: its host key is checked before anything is sent."""
        known = to.text("host_key").split()
        transport = paramiko.Transport(_dial(to))
        try:
            if known:
                options = transport.get_security_options()
                wanted = ("rsa-sha2-512", "rsa-sha2-256") if known[0] == "ssh-rsa" else (known[0],)
                with suppress(
                    ValueError
                ):  # a kind of key this library does not know: compared below
                    options.key_types = wanted
            _greet(to, transport)
            try:
                key = transport.get_remote_server_key()
            except paramiko.SSHException as error:
                # The library gives up waiting without a word: keys were not exchanged in time.
                raise SourceError(
                    Reason.TIMED_OUT,
                    f"“{to.name}”没有在 {_CONNECT_SECONDS} 秒内谈好加密连接。",
                    "稍后会自动再试。",
                ) from error
            if known and _words_of(key).split() != known[:2]:
                raise _changed_key(to)
            yield transport
        finally:
            transport.close()

    def summary(self, options: Mapping[str, Any]) -> str:
        """Server, folder and pattern."""
        host, folder = options.get("host", ""), str(options.get("folder", ""))
        return (
            f"{host}:{options.get('port', '')}{folder if folder.startswith('/') else '/' + folder}"
        )


def _dial(to: Connection) -> socket.socket:
    where = (to.text("host"), to.number("port", 22))
    try:
        return socket.create_connection(where, timeout=_CONNECT_SECONDS)
    except socket.gaierror as error:
        raise SourceError(
            Reason.UNKNOWN_HOST,
            f"连接“{to.name}”失败：找不到这个主机名。",
            "请核对主机名，或改填地址。",
        ) from error
    except TimeoutError as error:
        raise SourceError(
            Reason.TIMED_OUT, f"连接“{to.name}”失败：对方没有在时限内应答。", "请检查网络和防火墙。"
        ) from error
    except OSError as error:
        raise SourceError(
            Reason.REFUSED,
            f"连接“{to.name}”失败：对方没有在该地址和端口提供服务。",
            "请核对主机和端口。",
        ) from error


def _greet(to: Connection, transport: paramiko.Transport) -> None:
    try:
        transport.start_client(timeout=_CONNECT_SECONDS)
    except IncompatiblePeer as error:
        if to.text("host_key"):
            raise _changed_key(to) from error
        raise SourceError(
            Reason.BAD_ANSWER,
            f"与“{to.name}”谈不成加密方式，对方的 SSH 版本太旧。",
            "请对方升级 SSH 服务。",
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SourceError(
            Reason.BAD_ANSWER,
            f"“{to.name}”的端口上不是 SSH 服务，或对方中断了连接。",
            "请核对端口。",
        ) from error


def _broken(to: Connection, transport: paramiko.Transport, error: Exception) -> SourceError:
    # What a server refuses for a reason of its own (a full disk) comes as an OSError without a number.
    told = isinstance(error, OSError) and error.errno is None and str(error) != _CLOSED
    if told and transport.is_active():
        return SourceError(
            Reason.OTHER,
            f"“{to.name}”没有照办（{str(error)[:80]}）。",
            "请对方检查磁盘空间和权限。",
        )
    return SourceError(
        Reason.LOST, f"与“{to.name}”的连接断了。", "已读的部分作废；请稍后重新归集。"
    )


def _changed_key(to: Connection) -> SourceError:
    return SourceError(
        Reason.HOST_KEY,
        f"“{to.name}”的主机密钥与登记时不一样，可能有人冒充这台服务器，已拒绝连接，密码没有发出。",
        "请向对方核实；确实换了密钥时，在“修改设置”里填上新的主机密钥。",
    )


def _sign_in(to: Connection, transport: paramiko.Transport) -> None:
    password, key = to.secrets.get("password", ""), to.secrets.get("private_key", "")
    try:
        if key.strip():
            transport.auth_publickey(to.text("user"), _private_key(key, password))
        else:
            transport.auth_password(to.text("user"), password)
    except paramiko.AuthenticationException as error:
        raise SourceError(
            Reason.WRONG_PASSWORD, f"登录“{to.name}”失败：用户名、密码或私钥不对。",
            "对方换了密码或密钥时，请在数据源页面更换。",
        ) from error  # fmt: skip


def _private_key(text: str, password: str) -> paramiko.PKey:
    for kind in _KEY_CLASSES:
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(StringIO(text.strip() + "\n"), password or None)
    raise SourceError(
        Reason.WRONG_PASSWORD,
        "私钥读不出来：格式不对，或口令不对。",
        "请粘贴 OpenSSH 格式的完整私钥。",
    )


def _words_of(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {b64encode(key.asbytes()).decode()}"


CONNECTOR = SftpConnector()
