"""One exchange with a department's interface: bounded in time and size, to a checked address, never redirected."""

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import httpx
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from chengshu_gateway.relay import addresses
from chengshu_gateway.relay.answers import WrongAnswerError
from chengshu_gateway.sources import Source

_AGENT = "chengshu-gateway"
_LONGEST_WAIT = 1.0
_MAX_CONNECTIONS = 16
_TRANSIENT_STATUSES = frozenset({502, 503, 504})
_MOST_RETRY_AFTER = 300
_OK, _NOT_FOUND, _TOO_MANY, _FAULT = 200, 404, 429, 500


class SourceFailedError(RuntimeError):
    """The source did not answer as it should; `down` says whether it seems out of order."""

    def __init__(self, text: str, *, down: bool = True, retry_after: int | None = None) -> None:
        """`text` is for the caller: what happened, nothing of the address."""
        super().__init__(text)
        self.down = down
        self.retry_after = retry_after


class SourceTimeoutError(SourceFailedError):
    """The source took too long."""


class _TransientError(SourceFailedError):
    """A failure that may be over at the next try."""


class Exchange:
    """The connections to one source; close it when the source is no longer published."""

    def __init__(self, source: Source, headers: Mapping[str, str]) -> None:
        """`headers` are the opened credentials."""
        self._source = source
        self._headers = dict(headers)
        self._networks = [ipaddress.ip_network(each) for each in source.networks]
        # One client a source: two names behind one address must not share a TLS connection.
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(), trust_env=False, follow_redirects=False, timeout=source.timeout,
            limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
            headers={"User-Agent": _AGENT, "Accept": "application/json", "Accept-Encoding": "identity"},
        )  # fmt: skip

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, values: Mapping[str, str]) -> bytes | None:
        """Return the body of the answer; None when the source says that there is no such record.

        Raises:
            SourceFailedError: No usable answer within the time, after the tries that are allowed.
            WrongAnswerError: It answered, but not as declared.
        """
        source = self._source
        retrying = AsyncRetrying(
            stop=stop_after_attempt(source.attempts),
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_WAIT),
            retry=retry_if_exception_type(_TransientError), reraise=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(source.timeout):
                return await retrying(self._once, values)
        except TimeoutError as error:
            raise SourceTimeoutError(f"{source.timeout:g} 秒内没有应答") from error

    async def _once(self, values: Mapping[str, str]) -> bytes | None:
        source = self._source
        try:
            async with asyncio.timeout(source.timeout / source.attempts):
                request = await self._request(values)
                response = await self._client.send(request, stream=True)
                try:
                    return await self._body(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise _slow(source) from error
        except addresses.ForbiddenAddressError as error:
            raise SourceFailedError("来源地址不在允许的范围内", down=False) from error
        except (OSError, httpx.HTTPError) as error:
            raise _TransientError("连不上，或连接中断") from error

    async def _request(self, values: Mapping[str, str]) -> httpx.Request:
        source = self._source
        parts = urlsplit(source.url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = await addresses.resolve(host, port, self._networks)
        path = parts.path or "/"
        query: dict[str, str] = {}
        body: dict[str, str] = {}
        for each in source.parameters:
            value = values.get(each.name)
            if value is None:
                continue
            if each.place == "path":
                path = path.replace(f"{{{each.name}}}", quote(value, safe=""))
            else:
                (query if each.place == "query" else body)[each.name] = value
        shown = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
        url = httpx.URL(f"{parts.scheme}://{shown}:{port}{path}")
        fixed = dict(httpx.QueryParams(parts.query))
        return self._client.build_request(
            source.method, url, params={**fixed, **query} or None,
            json=body if source.method == "POST" else None,
            headers={**self._headers, "Host": parts.netloc},
            extensions={"sni_hostname": host},
        )  # fmt: skip

    async def _body(self, response: httpx.Response) -> bytes | None:
        source, status = self._source, response.status_code
        if status == _NOT_FOUND and source.absent_404:
            return None
        if status == _TOO_MANY:
            raise SourceFailedError("对方限流", down=False, retry_after=_retry_after(response))
        if status in _TRANSIENT_STATUSES:
            raise _TransientError(f"对方答复 {status}", retry_after=_retry_after(response))
        if status >= _FAULT:
            raise SourceFailedError(f"对方答复 {status}")
        if status != _OK:
            raise SourceFailedError(f"对方答复 {status}", down=False)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise WrongAnswerError("应答用了没有约定的压缩")
        size, chunks = 0, []
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > source.max_bytes:
                raise WrongAnswerError(f"应答超过 {source.max_bytes >> 10} KB")
            chunks.append(chunk)
        return b"".join(chunks)


def _slow(source: Source) -> SourceFailedError:
    if source.idempotent and source.attempts > 1:
        return _SlowError(f"{source.timeout:g} 秒内没有应答")
    return SourceTimeoutError(f"{source.timeout:g} 秒内没有应答")


class _SlowError(_TransientError, SourceTimeoutError):
    """One try took too long; another may be made."""


def _retry_after(response: httpx.Response) -> int | None:
    text = response.headers.get("retry-after", "")
    return min(max(int(text), 1), _MOST_RETRY_AFTER) if text.isdigit() else None
