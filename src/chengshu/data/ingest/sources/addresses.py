"""Which addresses the platform may call on somebody's word: never its own, never a cloud's metadata service."""

import ipaddress
import socket

import httpx

from chengshu.data.ingest.sources.errors import Reason, SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Metadata services that lie outside the link-local range.
_METADATA = frozenset(
    {ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("fd00:ec2::254")}
)


class GuardedTransport(httpx.HTTPTransport):
    """Resolves a host once, checks every address, and connects to the one checked: a name cannot change meanwhile."""

    def __init__(self, *, inside: bool) -> None:
        super().__init__(trust_env=False)
        self._inside = inside

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the checked address, the certificate still being that of the name."""
        host = request.url.host
        address = allowed_address(host, inside=self._inside)
        extensions = {**request.extensions, "sni_hostname": host}
        moved = httpx.Request(
            request.method, request.url.copy_with(host=str(address)), headers=request.headers,
            stream=request.stream, extensions=extensions,
        )  # fmt: skip
        return super().handle_request(moved)


def allowed_address(host: str, *, inside: bool) -> Address:
    """The first address of a host, if all of its addresses may be called.

    Raises:
        SourceError: unknown host, or an address of this machine, link-local, multicast or a metadata service.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(
            Reason.UNKNOWN_HOST, f"找不到主机“{host}”。", "请核对接口地址里的主机名。"
        ) from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if not _allowed(address, inside=inside):
            raise SourceError(
                Reason.FORBIDDEN_ADDRESS,
                f"“{host}”指向 {address}，这是平台自身或链路本地的地址，不允许访问。",
                "请填对方系统的真实地址。",
            )
    return addresses[0]


def _allowed(address: Address, *, inside: bool) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _allowed(mapped, inside=inside)
    if address.is_loopback:
        return inside
    bad = (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
    )
    return not bad and address not in _METADATA
