"""Files exchanged on an SFTP server, through a data source registered for collection.

The platform's address is that source's number: account, secrets and the remembered host key are kept there only, and
a changed host key is refused before any password is sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from chengshu.data.cascade.adapters.base import Link, UpperError
from chengshu.data.cascade.adapters.exchange import FileUpper
from chengshu.data.ingest.facade import DataSource, ExchangeFolder, Reason, SourceError, exchange


def sftp_upper(link: Link) -> FileUpper:
    """The conversation through the source that the address names.

    Raises:
        UpperError: there is no such source.
    """
    source = source_of(link.address)
    if source is None or not source.connector.exchanges:
        raise UpperError(
            f"“{link.name}”所用的 SFTP 数据源不在了。", "请重新登记平台，选一个数据源。", final=True
        )
    return FileUpper(link.name, SftpStore(source))


def source_of(address: str) -> DataSource | None:
    """The data source whose number an address is."""
    number = int(address) if address.isdecimal() else 0
    return DataSource.objects.filter(pk=number).first()


class SftpStore:
    """A source's folder as a store of the conversation; each step signs in anew, none finds a stale session."""

    def __init__(self, source: DataSource) -> None:
        self._source = source

    @property
    def place(self) -> str:
        """The source, and where it is."""
        return f"SFTP 文件服务器“{self._source.name}” {self._source.place}"

    @contextmanager
    def opened(self) -> Iterator[ExchangeFolder]:
        """The folder, after signing in; a source's failures are the other side's."""
        try:
            with exchange(self._source) as folder:
                yield folder
        except SourceError as error:
            if error.reason is Reason.NO_OBJECT:
                advice = "请核对数据源里的文件夹。"
            else:
                advice = "稍后会再试。" if error.passing else error.advice
            raise UpperError(error.message, advice) from error
