"""Parameters of an action: JSON values from a POST, text from a GET; both mean the same."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chengshu.portals.opendata.ckan.errors import invalid

MAX_TEXT = 2_000


class Parameters:
    """Reads one call's parameters.

    Raises:
        CkanError: each reader, when the value does not fit (409 with the parameter's name).
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) not in (None, "")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def raw(self, name: str) -> Any:
        """The value as it came; None when there is none."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        """A text; numbers are taken as they are written."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool | int | float):
            return str(value).lower()
        if not isinstance(value, str):
            raise invalid(**{name: "应为一段文字。"})
        if len(value) > MAX_TEXT:
            raise invalid(**{name: f"最多 {MAX_TEXT:,} 个字。"})
        return value

    def required(self, *names: str) -> str:
        """The first of some names that has a value."""
        for name in names:
            if name in self:
                return self.text(name)
        raise invalid(**{names[0]: "缺少这个参数。"})

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number from 0; more than ``most`` counts as ``most``."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        text = str(value)
        if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
            raise invalid(**{name: "应为 0 或更大的整数。"})
        return min(int(text[:12]), most)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Yes or no."""
        value = self.text(name).lower()
        return value in {"true", "1", "yes", "t", "on"} if value else default

    def names(self, name: str) -> list[str]:
        """A list of texts: a JSON list, the text of one, or texts with commas between them."""
        value = self._values.get(name)
        if isinstance(value, str):
            value = self._listed(name, value)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise invalid(**{name: "应为文字的列表。"})
        return value

    def _listed(self, name: str, text: str) -> Any:
        if text.lstrip().startswith("["):
            return self._json(name, text)
        return [part.strip() for part in text.split(",") if part.strip()]

    def mapping(self, name: str) -> dict[str, Any]:
        """An object, or the text of one."""
        value = self._values.get(name)
        if isinstance(value, str) and value.strip():
            value = self._json(name, value)
        if not value:
            return {}
        if not isinstance(value, dict):
            raise invalid(**{name: "应为 JSON 对象。"})
        return value

    @staticmethod
    def _json(name: str, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise invalid(**{name: "不是完整的 JSON。"}) from error
