"""Vendored browser files and icons by name, so that versions stand in one place: the manifest."""

import json
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

STATIC = Path(__file__).resolve().parent / "static"
SPRITE = "tabler-icons/sprite.svg"
FALLBACK_ICON = "circle"
_ID = "id"


@cache
def vendor_files() -> dict[str, str]:
    """Map ``"htmx/htmx.min.js"`` to its static path, version included."""
    packages = json.loads((STATIC / "vendor/MANIFEST.json").read_text("utf-8"))["packages"]
    return {
        f"{package['name']}/{Path(name).name}": f"vendor/{name}"
        for package in packages
        for name in package["files"]
    }


@cache
def icon_names() -> frozenset[str]:
    """Names of all icons in the sprite."""
    # The file is our own, built by tools/vendor_assets.py and checked by hash.
    sprite = ET.parse(STATIC / vendor_files()[SPRITE]).getroot()  # noqa: S314
    return frozenset(symbol.attrib[_ID] for symbol in sprite)
