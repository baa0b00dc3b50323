"""How often one address may ask the open interfaces, so that one careless loop does not slow everybody down.

All web processes of a machine count together (see ``buckets``); where their file cannot be used, each counts for
itself, because a full disk is no reason to refuse the public. IPv6 counts by network (/64), because one connection has
them all.
"""

import ipaddress
import logging
import math
import platform
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest

from chengshu.kernel.access.middleware import client_address
from chengshu.kernel.errors import TooMany
from chengshu.portals.opendata.buckets import Buckets, SharedBuckets

log = logging.getLogger("chengshu.opendata")
_NETWORK = 64


@lru_cache(maxsize=4)
def _buckets(folder: Path) -> Buckets | SharedBuckets:
    # By machine: the data folder may lie on a file system that several machines share.
    path = folder / "run" / f"open-limits-{platform.node() or 'here'}.bin"
    try:
        return SharedBuckets(path, settings.SECRET_KEY.encode())
    except OSError as error:
        log.warning("counting questions per process only: %s", error)
        return Buckets()


def count(request: HttpRequest) -> None:
    """Count one question to the open interfaces.

    Raises:
        TooMany: this address asked too often; says how many seconds to wait.
    """
    per_minute, burst = settings.OPEN_API_PER_MINUTE, settings.OPEN_API_BURST
    if per_minute <= 0:
        return
    buckets = _buckets(Path(settings.DATA_DIR))
    wait = buckets.take(_network(client_address(request)), per_minute=per_minute, burst=burst)
    if wait:
        seconds = math.ceil(wait)
        raise TooMany(
            f"您这个网络地址问得太快了，每分钟最多 {per_minute:,} 次。",
            advice=f"请等 {seconds} 秒再试；要整份数据，下载文件更快，不计次数。",
            retry_after=seconds,
        )


def _network(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _NETWORK), strict=False))
