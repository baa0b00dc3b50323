"""No internal code reaches people without its name: every act the code records is named in a manifest."""

import ast

from chengshu.kernel.registry import registry
from chengshu.kernel.registry.discovery import ROOT


def recorded_actions() -> dict[str, str]:
    """Literal ``action=`` of every call of ``record`` → the file."""
    found: dict[str, str] = {}
    for path in ROOT.rglob("*.py"):
        if "tests" in path.parts or path.name == "conftest.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name != "record":
                continue
            for keyword in node.keywords:
                # A key put together at run time cannot be read here; its package tests its own names.
                if keyword.arg == "action" and not isinstance(keyword.value, ast.JoinedStr):
                    texts = [
                        n.value for n in ast.walk(keyword.value) if isinstance(n, ast.Constant)
                    ]
                    found |= {
                        t: str(path.relative_to(ROOT))
                        for t in texts
                        if isinstance(t, str) and "." in t
                    }
    return found


def test_every_recorded_act_has_a_name() -> None:
    found = recorded_actions()
    assert "identity.sign_in" in found
    known = registry.actions()
    assert {key: place for key, place in found.items() if key not in known} == {}
