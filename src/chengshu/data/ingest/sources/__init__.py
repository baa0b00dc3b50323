"""Where data comes from: one file per kind of source, all of one form. Pure library, no database of ours.

Adding a kind is adding a module here that defines ``CONNECTOR``; :func:`connector` and :func:`connectors`
find it, the registration form is generated from its ``fields``. Rows come as batches of text with row numbers
(`reading.RowBatch`), streamed in bounded memory; every failure is a :class:`SourceError` in Chinese words.
"""

from chengshu.data.ingest.sources.base import (
    Checksum,
    Connection,
    Connector,
    Field,
    Group,
    SourceColumn,
    SourceObject,
    SourceStructure,
    Window,
)
from chengshu.data.ingest.sources.drops import DropConnector, DroppedFile
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.exchange import ExchangeFolder
from chengshu.data.ingest.sources.registry import connector, connectors

__all__ = [
    "Checksum",
    "Connection",
    "Connector",
    "DropConnector",
    "DroppedFile",
    "ExchangeFolder",
    "Field",
    "Group",
    "Reason",
    "SourceColumn",
    "SourceError",
    "SourceObject",
    "SourceStructure",
    "Window",
    "connector",
    "connectors",
]
