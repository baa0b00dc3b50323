import json
import re
import shutil

from tools import vendor_assets

from chengshu.kernel.ui.assets import STATIC, icon_names


def test_the_committed_browser_files_match_their_hashes():
    assert [
        line for target in vendor_assets.targets() for line in vendor_assets.differences(target)
    ] == []


def test_a_changed_an_added_and_a_lost_file_are_told(tmp_path):
    copy = tmp_path / "vendor"
    shutil.copytree(STATIC / "vendor", copy)
    htmx = next(copy.glob("htmx/*/htmx.min.js"))
    htmx.write_bytes(htmx.read_bytes() + b" ")
    (copy / "stray.js").write_text("")
    next(copy.glob("echarts/*/NOTICE.txt")).unlink()
    told = vendor_assets.differences(copy)
    assert [line.split(":")[0] for line in told] == ["missing", "not listed", "changed"]


def test_each_package_comes_with_its_licence_and_at_a_pinned_version():
    pins = json.loads((vendor_assets.FRONTEND / "package.json").read_text("utf-8"))[
        "devDependencies"
    ]
    for target in vendor_assets.targets():
        for package in json.loads((target / "MANIFEST.json").read_text("utf-8"))["packages"]:
            assert pins[package["npm"]] == package["version"]
            assert any(name.endswith("/LICENSE.txt") for name in package["files"])
            assert all(
                facts["bytes"] <= vendor_assets.MAX_BYTES for facts in package["files"].values()
            )


def test_the_lock_file_names_no_registry():
    lock = (vendor_assets.FRONTEND / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_every_icon_named_in_the_platform_is_in_the_sprite():
    root = STATIC.parents[2]
    named = {}
    for path in root.rglob("*.html"):
        for name in re.findall(r"{% icon ['\"]([\w-]+)['\"]", path.read_text("utf-8")):
            named.setdefault(name, path.name)
    for path in root.rglob("*.py"):
        if "tests" not in path.parts:
            for name in re.findall(
                r"\bicon(?:_name)?(?:: str)? ?= ?\"([\w-]+)\"", path.read_text("utf-8")
            ):
                named.setdefault(name, path.name)
    assert {name: where for name, where in named.items() if name not in icon_names()} == {}
