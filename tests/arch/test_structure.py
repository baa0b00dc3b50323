"""The frame of the house, checked: who may know whom, and how large things may grow."""

import ast
import re
from pathlib import Path

import pytest

from tests.arch.source import ROOT, imports, module_name, product_files, tree

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80
SIBLING_TIERS = ("assurance", "infra", "data", "support", "apps", "portals")
VAGUE = {"utils", "helpers", "common", "misc", "tools", "manager", "stuff"}
UNFINISHED = re.compile(r"# ?TODO|FIXME|raise NotImplementedError|except[^:\n]*:\s*pass\b")


@pytest.mark.parametrize("path", product_files(), ids=module_name)
def test_files_and_functions_stay_within_their_budget(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_FILE_LINES, f"{module_name(path)} has {lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{module_name(path)}.{node.name}: {length} lines"


def test_siblings_meet_only_at_a_facade() -> None:
    found = []
    for path in product_files():
        parts = module_name(path).split(".")
        if parts[0] != "chengshu" or parts[1:2] == ["kernel"] or len(parts) < 3:
            continue
        tier = parts[1]
        if tier not in SIBLING_TIERS:
            continue
        depth = 4 if tier == "apps" else 3
        own = ".".join(parts[:depth])
        for name in imports(path):
            if not name.startswith(f"chengshu.{tier}."):
                continue
            other = ".".join(name.split(".")[:depth])
            if other != own and (
                tier == "apps" or name.split(".")[depth : depth + 1] != ["facade"]
            ):
                found.append(f"{module_name(path)} imports {name}")
    assert found == []


def test_only_demo_loaders_know_the_demo_generator() -> None:
    found = [
        f"{module_name(path)} imports {name}"
        for path in product_files()
        if not module_name(path).startswith("chengshu_demo")
        and "demo" not in module_name(path).rsplit(".", 1)[-1]
        for name in imports(path)
        if name.split(".")[0] == "chengshu_demo"
    ]
    assert found == []


def test_modules_name_their_concept() -> None:
    vague = [module_name(p) for p in product_files() if module_name(p).rsplit(".", 1)[-1] in VAGUE]
    assert vague == []


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{module_name(path)}: {match.group(0)}"
        for path in product_files()
        for match in UNFINISHED.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        module_name(path)
        for path in product_files()
        if path.stat().st_size > 0 and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_no_path_of_a_machine_and_no_registry_is_in_the_tree() -> None:
    pattern = re.compile(
        r"pypi\.org|files\.pythonhosted|registry\.npmjs|repo1?\.maven", re.IGNORECASE
    )
    names = ("*.py", "*.md", "*.toml", "*.lock", "*.json", "Makefile", "*.sh", "run")
    folders = ("src", "tests", "tools", "benchmarks", "docs", "requirements", ".ci", "frontend")
    found = [
        str(path.relative_to(ROOT))
        for folder in folders
        for name in names
        for path in (ROOT / folder).rglob(name)
        if "node_modules" not in path.parts
        and path != Path(__file__)
        and pattern.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
