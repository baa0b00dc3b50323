"""Running the gateway under granian: worker processes that share one data directory."""

import logging
import os
import resource
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings

from chengshu_gateway.certificates import Authorities, CertificateRules
from chengshu_gateway.keys import SECRET_VARIABLE, GatewayKeys
from chengshu_gateway.server import SLOW_SECONDS, Gateway, Settings

_DATA_VARIABLE = "CHENGSHU_GATEWAY_DATA"
_PROXY_VARIABLE = "CHENGSHU_GATEWAY_TRUSTED_PROXIES"
# What callers put before /share/v1: issuer and audience of tokens, base of their proofs.
_URL_VARIABLE = "CHENGSHU_GATEWAY_URL"
# PEM of the issuers of client certificates, and the address of the listener that asks for them.
_CLIENT_CA_VARIABLE = "CHENGSHU_GATEWAY_CLIENT_CA"
_MTLS_URL_VARIABLE = "CHENGSHU_GATEWAY_MTLS_URL"
_PARENT_VARIABLE = "CHENGSHU_GATEWAY_PARENT"
_PARENT_POLL_SECONDS = 0.5
_BUFFER_BYTES = 64 * 1024
# The server takes no more connections than this and lets the others wait: when it was the default
# (1,024), as many idle connections kept every caller out.
_MOST_CONNECTIONS = 32_000
_OWN_FILES = 512
_SLOW_VARIABLE = "CHENGSHU_GATEWAY_SLOW_SECONDS"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where and how the gateway listens; a request whose head or body takes longer than
    `slow_seconds` to arrive is given up.

    `client_ca` (PEM) names who may issue client certificates, `mtls_url` where they are asked for.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8900
    workers: int = 1
    trusted_proxies: Sequence[str] = ()
    public_url: str = ""
    slow_seconds: float = SLOW_SECONDS
    client_ca: Path | None = None
    mtls_url: str = ""


def serve(options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT; the secret comes from CHENGSHU_GATEWAY_SECRET.

    Raises:
        KeyMissingError: The secret is absent or too short.
        ValueError: The issuers' certificates cannot be read.
    """
    _certificates_from(options)
    GatewayKeys.from_environment()
    options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ[_DATA_VARIABLE] = str(options.data.absolute())
    os.environ[_PROXY_VARIABLE] = ",".join(options.trusted_proxies)
    own = f"http://{options.host}:{options.port}"
    os.environ[_URL_VARIABLE] = options.public_url or os.environ.get(_URL_VARIABLE, "") or own
    os.environ[_SLOW_VARIABLE] = str(options.slow_seconds)
    os.environ[_PARENT_VARIABLE] = str(os.getpid())
    Granian(
        "chengshu_gateway.serve:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        factory=True,
        loop=Loops.asyncio,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            max_buffer_size=_BUFFER_BYTES, header_read_timeout=int(options.slow_seconds * 1000)
        ),
        websockets=False,
        backlog=4096,
        backpressure=_connections(),
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    ).serve()


def _connections() -> int:
    """Allow as many open files as the machine lets us, and return how many connections that makes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OWN_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or allowed <= soft:
        allowed = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft)
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed - _OWN_FILES, _OWN_FILES)


def _certificates_from(options: ServeOptions) -> None:
    """Refuse a wrong list of issuers before any worker starts, and hand it to the workers."""
    named = str(options.client_ca or "") or os.environ.get(_CLIENT_CA_VARIABLE, "")
    Authorities.read(Path(named) if named else None)
    os.environ[_CLIENT_CA_VARIABLE] = str(Path(named).absolute()) if named else ""
    os.environ[_MTLS_URL_VARIABLE] = options.mtls_url or os.environ.get(_MTLS_URL_VARIABLE, "")


def application() -> Gateway:
    """Build the application of one worker from the environment that `serve` prepared."""
    parent = int(os.environ[_PARENT_VARIABLE])
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    logging.getLogger("chengshu_gateway").setLevel(logging.INFO)
    proxies = [each for each in os.environ.get(_PROXY_VARIABLE, "").split(",") if each]
    issuers = os.environ[_CLIENT_CA_VARIABLE]
    return Gateway(
        Settings(
            data=Path(os.environ[_DATA_VARIABLE]),
            keys=GatewayKeys.from_secret(os.environ[SECRET_VARIABLE]),
            trusted_proxies=proxies,
            public_url=os.environ[_URL_VARIABLE],
            slow_seconds=float(os.environ[_SLOW_VARIABLE]),
            certificates=CertificateRules(
                taken=bool(proxies),
                authorities=Authorities.read(Path(issuers) if issuers else None),
                alias=os.environ[_MTLS_URL_VARIABLE],
            ),
        )
    )


def _end_with_parent(parent: int) -> None:
    """End this worker when its supervisor was killed: an orphan would keep the port and old rules."""
    while os.getppid() == parent:
        threading.Event().wait(_PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
