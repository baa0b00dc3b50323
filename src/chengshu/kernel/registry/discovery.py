"""Finds the city's packages by walking the tree, so that no central list has to be edited.

A *package* is a folder with an ``apps.py`` below one of the tiers. Adding a city application is adding a
folder; this module is the mechanism that makes it so.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Lowest tier first: migrations, manifests and start-up hooks run in this order.
TIERS = ("kernel", "assurance", "infra", "data", "support", "apps", "portals")


def packages() -> list[str]:
    """Return the dotted names of all packages, lowest tier first, by name within a tier."""
    found: list[str] = []
    for tier in TIERS:
        for marker in sorted((ROOT / tier).glob("**/apps.py")):
            relative = marker.parent.relative_to(ROOT)
            if "tests" not in relative.parts:
                found.append(".".join(("chengshu", *relative.parts)))
    return found


def has_module(package: str, module: str) -> bool:
    """Tell whether ``package`` contains ``module`` as a file or a folder with an ``__init__.py``."""
    folder = ROOT.joinpath(*package.split(".")[1:])
    return (folder / f"{module}.py").is_file() or (folder / module / "__init__.py").is_file()
