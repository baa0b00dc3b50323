"""The relay of one worker: asks sources for granted calls, remembers who is out of order and what may be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chengshu_gateway.bundle import Interface
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.limits import tag
from chengshu_gateway.problems import (
    SOURCE_BUSY,
    SOURCE_FAILED,
    SOURCE_OPEN,
    SOURCE_TIMEOUT,
    Refusal,
)
from chengshu_gateway.relay.answers import WrongAnswerError, read
from chengshu_gateway.relay.breaker import Breaker, BreakerTable, OpenError
from chengshu_gateway.relay.cache import Cache
from chengshu_gateway.relay.exchange import Exchange, SourceFailedError, SourceTimeoutError
from chengshu_gateway.sources import SourceError, open_headers

MAX_AT_ONCE = 16
"""Calls to one source that one worker has under way; more are told to come back."""
_SOON, _LATER = 5, 60
_TOO_MANY = 429

Record = dict[str, Any]


@dataclass(slots=True)
class _Line:
    """What the relay has of one source."""

    fingerprint: str
    exchange: Exchange
    breaker: Breaker
    under_way: int = 0


class Relay:
    """For one event loop."""

    def __init__(self, keys: GatewayKeys, breakers: BreakerTable) -> None:
        """`breakers` are shared with the other workers; no connection is opened before the first call."""
        self._keys = keys
        self._breakers = breakers
        self._lines: dict[str, _Line] = {}
        self._cache = Cache()

    async def fetch(
        self, interface: Interface, app: str, question: str, values: Mapping[str, str]
    ) -> list[Record]:
        """Return the records that the source of an interface answers to an application.

        `question` is a text that is the same for the same values. Raises Refusal.
        """
        source = interface.source
        assert source is not None
        line = await self._line(interface)
        key = f"{app}\0{interface.interface_id}\0{line.fingerprint}\0{question}"
        if source.cache_seconds and (kept := self._cache.get(key)) is not None:
            return kept
        body, records = await self._ask(line, interface, values)
        if source.cache_seconds:
            self._cache.put(key, records, seconds=source.cache_seconds, cost=len(body or b"") + 200)
        return records

    async def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            await line.exchange.close()
        self._lines.clear()
        self._breakers.close()

    async def _line(self, interface: Interface) -> _Line:
        source = interface.source
        assert source is not None
        known = self._lines.get(interface.interface_id)
        fingerprint = source.fingerprint
        if known is not None and known.fingerprint == fingerprint:
            return known
        try:
            headers = open_headers(self._keys.source, interface.interface_id, source.headers)
        except SourceError as error:
            raise Refusal(SOURCE_FAILED, retry_after=_LATER, extra=str(error)) from error
        # Another address or other credentials are another source: nothing is held against it.
        name = tag("source", interface.interface_id, fingerprint)
        fresh = self._lines[interface.interface_id] = _Line(
            fingerprint, Exchange(source, headers), Breaker(self._breakers, name)
        )
        if known is not None:
            await known.exchange.close()
        return fresh

    async def _ask(
        self, line: _Line, interface: Interface, values: Mapping[str, str]
    ) -> tuple[bytes | None, list[Record]]:
        if line.under_way >= MAX_AT_ONCE:
            raise Refusal(SOURCE_BUSY, retry_after=1)
        try:
            probe = line.breaker.enter()
        except OpenError as error:
            raise Refusal(SOURCE_OPEN, retry_after=error.retry_after) from error
        line.under_way += 1
        answered: bool | None = None
        try:
            body = await line.exchange.ask(values)
            source = interface.source
            assert source is not None
            found = [] if body is None else read(source, interface.columns, body)
            answered = True
        except WrongAnswerError as error:
            answered = True
            raise Refusal(SOURCE_FAILED, retry_after=_LATER, extra=str(error)) from error
        except SourceFailedError as error:
            answered = not error.down
            raise _refusal(error) from error
        finally:
            line.under_way -= 1
            line.breaker.leave(probe=probe, answered=answered)
        return body, found


def _refusal(error: SourceFailedError) -> Refusal:
    if isinstance(error, SourceTimeoutError):
        return Refusal(SOURCE_TIMEOUT, retry_after=_SOON, extra=str(error))
    if error.retry_after is not None:
        return Refusal(SOURCE_BUSY, retry_after=error.retry_after, extra=str(error))
    return Refusal(SOURCE_FAILED, retry_after=_SOON if error.down else _LATER, extra=str(error))
