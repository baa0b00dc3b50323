"""Encryption to Oracle and SQL Server: whom the real drivers believe. Behind the handshake there is no database."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chengshu.data.ingest.sources import Connection, Reason, SourceError, connector, sqlserver
from chengshu.data.ingest.sources.sql import translate
from chengshu.data.ingest.sources.tls import authority_file

pytestmark = pytest.mark.service


class Listener:
    """Speaks TLS with a certificate for ``localhost``, takes the first words and hangs up."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", folder / "key.pem", "-out", self.certificate, "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, folder / "key.pem")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._socket.accept()
                with suppress(OSError), client:
                    client.settimeout(5)
                    with self._context.wrap_socket(client, server_side=True) as secured:
                        self.heard.append(secured.recv(500))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    started = Listener(tmp_path)
    yield started
    started.close()


@pytest.fixture
def to(listener: Listener, tmp_path: Path) -> Callable[..., Connection]:
    def make(**options: Any) -> Connection:
        known = {"host": "localhost", "port": listener.port, "database": "x", "user": "u"}
        return Connection(
            name="库", options=known | options, secrets={"password": "s3cret"}, folder=tmp_path
        )

    return make


def why(kind: str, to: Connection) -> Reason:
    with pytest.raises(SourceError) as caught:
        connector(kind).check(to)
    assert "s3cret" not in str(caught.value)
    return caught.value.reason


def test_oracle_speaks_only_to_a_server_whose_certificate_is_believed(
    listener: Listener, to: Callable[..., Connection]
) -> None:
    own = listener.certificate.read_text()
    assert why("oracle", to(tls="full")) is Reason.CERTIFICATE
    assert why("oracle", to(tls="full", ca=own, host="127.0.0.1")) is Reason.CERTIFICATE
    assert not any(listener.heard)
    # Believed: the driver sends its CONNECT packet (type 1), and the listener, which is no Oracle, hangs up.
    assert why("oracle", to(tls="full", ca=own)) is Reason.LOST
    assert why("oracle", to(tls="authority", ca=own, host="127.0.0.1")) is Reason.LOST
    assert [words[4] for words in listener.heard if words] == [1, 1]


def test_an_unreadable_certificate_is_said_before_anything_is_sent(
    listener: Listener, to: Callable[..., Connection]
) -> None:
    for kind in ("oracle", "sqlserver"):
        if kind == "sqlserver" and not sqlserver.driver_tls.OPENSSL_AVAILABLE:
            continue
        assert why(kind, to(tls="full", ca="-----BEGIN NONSENSE-----")) is Reason.CERTIFICATE
    assert listener.heard == []


def test_without_its_component_sql_server_is_not_reached_in_the_clear(
    listener: Listener, to: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlserver.driver_tls, "OPENSSL_AVAILABLE", False)
    assert why("sqlserver", to(tls="full")) is Reason.ENCRYPTION
    assert listener.heard == []


def test_what_sql_servers_driver_says_of_encryption_is_understood(
    listener: Listener, to: Callable[..., Connection]
) -> None:
    said = {
        "Client does not have encryption enabled but it is required by server": Reason.ENCRYPTION,
        "You requested encryption but it is not supported by server": Reason.ENCRYPTION,
        "Certificate does not match host name 'db'": Reason.CERTIFICATE,
        "[('SSL routines', '', 'certificate verify failed')]": Reason.CERTIFICATE,
    }  # fmt: skip
    for words, reason in said.items():
        assert translate(to(), words, sqlserver._CAUSES, doing="连接").reason is reason
    pasted = listener.certificate.read_text()
    assert authority_file(to(tls="full", ca=pasted)).read_text().strip() == pasted.strip()
