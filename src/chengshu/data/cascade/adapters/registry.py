"""Which adapter speaks with which kind of platform."""

from collections.abc import Callable

from chengshu.data.cascade.adapters.api import ApiUpper
from chengshu.data.cascade.adapters.base import Link, Upper
from chengshu.data.cascade.adapters.folder import folder_upper
from chengshu.data.cascade.adapters.sftp import sftp_upper
from chengshu.data.cascade.choices import Way

_ADAPTERS: dict[str, Callable[[Link], Upper]] = {
    Way.API: ApiUpper, Way.FOLDER: folder_upper, Way.SFTP: sftp_upper,
}  # fmt: skip


def register_adapter(way: str, make: Callable[[Link], Upper]) -> None:
    """Add a form of conversation, such as that of a province; the same key replaces the earlier one."""
    _ADAPTERS[way] = make


def open_upper(way: str, link: Link) -> Upper:
    """The conversation with a platform; KeyError for a form nobody registered."""
    return _ADAPTERS[way](link)
