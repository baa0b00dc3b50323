"""Which addresses the gateway may call: public ones and what the administrator allowed, nothing else.

The name is resolved once per call, all its addresses are checked, and the connection goes to the
one that was checked: a name that changes its answer between check and use gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Metadata services of clouds outside the link-local range: never, whatever was allowed.
_NEVER = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254")))
# IPv6 that carries an IPv4 address: what it leads to is not what it looks like.
_CARRIERS = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


class ForbiddenAddressError(OSError):
    """The host leads to an address that may not be called."""


def allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether an address may be called; `networks` are what the administrator allowed."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return allowed(address.ipv4_mapped, networks)
        if address.scope_id is not None or any(address in carrier for carrier in _CARRIERS):
            return False
    if (
        address in _NEVER
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address == ipaddress.ip_address("255.255.255.255")
    ):
        return False
    return address.is_global or any(address in network for network in networks)


async def resolve(host: str, port: int, networks: Sequence[Network]) -> Address:
    """Return the address to connect to.

    Raises:
        ForbiddenAddressError: One of the host's addresses may not be called.
        OSError: The host is unknown.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if not allowed(address, networks):
            raise ForbiddenAddressError(f"{host} leads to {address}")
    if not addresses:
        raise OSError(f"{host} has no address")
    return addresses[0]
