"""How an entry's data can be had. Packages above the catalogue tell; here it becomes distributions and services."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOffer:
    """A file to download. Addresses begin with ``/`` (this site) or are whole.

    ``media_type`` is an IANA type without parameters, ``size`` bytes; ``description`` says what is special about the
    file, such as fields that were masked.
    """

    key: str
    title: str
    access_url: str
    download_url: str
    media_type: str
    licence: str
    size: int | None = None
    issued: datetime | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOffer:
    """A service that answers from the data. ``public``: anybody may call it without an application."""

    key: str
    title: str
    endpoint: str
    description_url: str = ""
    licence: str = ""
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOffer:
    """What was made of an entry and given away: a dataset of its own, with files or under a condition.

    ``page`` is its address and its identifier; ``condition`` says how to come by a restricted one, which has no files.
    """

    key: str
    title: str
    summary: str
    page: str
    version: str
    issued: datetime
    modified: datetime
    keywords: Sequence[str] = ()
    files: Sequence[FileOffer] = ()
    restricted: bool = False
    condition: str = ""


Offer = FileOffer | ServiceOffer | DatasetOffer
Provider = Callable[[Collection[int]], Mapping[int, Sequence[Offer]]]
PROVIDERS: dict[str, Provider] = {}


def register_offers(key: str, provider: Provider) -> None:
    """Add a source of offers: entry ids → what each offers. The same key replaces the earlier one."""
    PROVIDERS[key] = provider


def offers_of(resource_ids: Collection[int]) -> dict[int, list[Offer]]:
    """All offers of some entries; one question per package whatever their number."""
    found: dict[int, list[Offer]] = {}
    for provider in PROVIDERS.values():
        for resource_id, offers in provider(resource_ids).items():
            found.setdefault(resource_id, []).extend(offers)
    return found
