"""The way out: a name is resolved once, all its addresses are judged as the relay does, the judged one is called."""

import ipaddress
import socket
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from chengshu.data.cascade.adapters.base import UpperError
from chengshu_gateway.relay.addresses import Address, allowed


class JudgedTransport(httpx.HTTPTransport):
    """Connects to the address that was judged: a name that changes its answer meanwhile gains nothing."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; the certificate is still that of the name."""
        host = request.url.host
        moved = httpx.Request(
            request.method, request.url.copy_with(host=str(judged(host))), headers=request.headers,
            stream=request.stream, extensions={**request.extensions, "sni_hostname": host},
        )  # fmt: skip
        return super().handle_request(moved)


def judged(host: str) -> Address:
    """The first address of a host, if all of them may be called.

    Raises:
        UpperError: unknown, or neither public nor in a network the administrator allowed (``PROXY_NETWORKS``).
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UpperError(
            f"找不到主机“{host}”。", "请核对地址，或请网络管理员查域名解析。"
        ) from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if problem := next((p for p in map(address_problem, addresses) if p), ""):
        raise UpperError(problem, final=True)
    return addresses[0]


def address_problem(address: Address) -> str:
    """Why an address may not be called; "" when it may."""
    networks = [ipaddress.ip_network(each) for each in settings.PROXY_NETWORKS]
    if allowed(address, networks):
        return ""
    return f"{address} 不是公网地址，也不在管理员允许的网段内。请联系平台管理员登记网段。"


def written_problem(url: str) -> str:
    """What is wrong with an address as somebody wrote it; "" when nothing is."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "地址写得不对"
    if not host or parts.username or parts.query or parts.fragment:
        return "请填写 https:// 开头的地址，不含账号和参数"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "" if parts.scheme == "https" else "地址要以 https:// 开头"
    if problem := address_problem(address):
        return problem
    # Inside a network the administrator named, a platform may answer without a certificate.
    inside = not address.is_global
    return (
        ""
        if parts.scheme == "https" or (parts.scheme == "http" and inside)
        else "地址要以 https:// 开头"
    )
