"""What the architecture tests look at: the project's own Python files and URL map."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
ROOTS = (
    "chengshu",
    "chengshu_lake",
    "chengshu_gateway",
    "chengshu_sm2",
    "chengshu_evidence",
    "chengshu_demo",
)


@cache
def product_files() -> tuple[Path, ...]:
    """Python files of the product without tests and migrations."""
    return tuple(
        path
        for root in ROOTS
        for path in sorted((SOURCE / root).rglob("*.py"))
        if not {"tests", "migrations"} & set(path.relative_to(SOURCE).parts)
        and path.name != "conftest.py"
    )


def module_name(path: Path) -> str:
    """Dotted name of a file below ``src``."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """Syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Absolute names a file imports; ``from a import b`` yields ``a.b``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def routes() -> Iterator[tuple[str, URLPattern]]:
    """Every URL pattern with its full route."""

    def walk(
        prefix: str, patterns: list[URLPattern | URLResolver]
    ) -> Iterator[tuple[str, URLPattern]]:
        for item in patterns:
            route = prefix + str(item.pattern)
            if isinstance(item, URLResolver):
                yield from walk(route, item.url_patterns)
            else:
                yield route, item

    yield from walk("", get_resolver().url_patterns)
