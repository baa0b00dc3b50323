"""Copies the listed third-party browser files into the product, with licence and hash.

``python tools/vendor_assets.py`` rebuilds the vendor folders from ``frontend/node_modules``;
``python tools/vendor_assets.py --check`` recomputes every hash of the committed result and exits 1
with a list of differences. Installing the product needs neither Node nor this tool.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
MODULES = FRONTEND / "node_modules"
DEFAULT_TARGET = "src/chengshu/kernel/ui/static/vendor"
MAX_BYTES = 1_500_000
SVG = "http://www.w3.org/2000/svg"
_SOURCE_MAP = re.compile(rb"\n?(?://[#@]|/\*[#@]) ?sourceMappingURL=[^\n]*")


def sha256(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def load_list() -> dict[str, Any]:
    """Read ``frontend/vendor.json``."""
    listed: dict[str, Any] = json.loads((FRONTEND / "vendor.json").read_text("utf-8"))
    return listed


def pinned_version(npm: str) -> str:
    """Return the installed version of an npm package; it must be the one ``package.json`` pins."""
    pins: dict[str, str] = json.loads((FRONTEND / "package.json").read_text("utf-8"))[
        "devDependencies"
    ]
    installed: str = json.loads((MODULES / npm / "package.json").read_text("utf-8"))["version"]
    if pins.get(npm) != installed:
        raise SystemExit(f"{npm}: installed {installed}, package.json pins {pins.get(npm)}")
    return installed


def licence_text(entry: dict[str, Any]) -> bytes:
    """Return the licence a package ships, or the text kept for packages that ship none."""
    if "licence_file" in entry:
        return (ROOT / entry["licence_file"]).read_bytes()
    return (MODULES / entry["npm"] / "LICENSE").read_bytes()


def sprite(names: list[str]) -> bytes:
    """Join the named outline icons into one SVG sprite with one ``<symbol>`` per icon."""
    ET.register_namespace("", SVG)
    root = ET.Element(f"{{{SVG}}}svg")
    for name in names:
        source = MODULES / "@tabler/icons/icons/outline" / f"{name}.svg"
        symbol = ET.SubElement(root, f"{{{SVG}}}symbol", {"id": name, "viewBox": "0 0 24 24"})
        for shape in ET.parse(source).getroot():
            if shape.get("stroke") != "none":  # the invisible bounding box of every icon
                shape.tail = None
                symbol.append(shape)
    return ET.tostring(root, encoding="utf-8") + b"\n"


def package_files(entry: dict[str, Any]) -> dict[str, bytes]:
    """Return target name → content for one listed package, its licence included."""
    files = {"LICENSE.txt": licence_text(entry)}
    for source, name in entry["files"].items():
        content = (MODULES / entry["npm"] / source).read_bytes()
        if len(content) > MAX_BYTES:
            raise SystemExit(f"{source}: {len(content)} bytes is too large to commit")
        files[name] = _SOURCE_MAP.sub(b"", content)
    return files


def write_package(target: str, entry: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    """Write one package's files and return its manifest record."""
    version = pinned_version(entry["npm"])
    folder = ROOT / target / entry["as"] / version
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {
        "name": entry["as"],
        "npm": entry["npm"],
        "version": version,
        "licence": entry["licence"],
        "files": {
            f"{entry['as']}/{version}/{name}": {"sha256": sha256(content), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
    }


def build() -> None:
    """Rebuild every vendor folder and its ``MANIFEST.json``."""
    listed = load_list()
    records: dict[str, list[dict[str, Any]]] = {}
    for entry in listed["packages"]:
        target = entry.get("target", DEFAULT_TARGET)
        records.setdefault(target, []).append(write_package(target, entry, package_files(entry)))
    icons = listed["icons"]
    files = {"LICENSE.txt": licence_text(icons), icons["file"]: sprite(icons["names"])}
    records[DEFAULT_TARGET].append(write_package(DEFAULT_TARGET, icons, files))
    for target, packages in records.items():
        text = json.dumps({"packages": packages}, ensure_ascii=False, indent=2)
        (ROOT / target / "MANIFEST.json").write_text(text + "\n", "utf-8")


def differences(target: Path) -> list[str]:
    """Compare a vendor folder with its manifest; an empty list means that nothing differs."""
    packages = json.loads((target / "MANIFEST.json").read_text("utf-8"))["packages"]
    recorded = {
        name: facts["sha256"] for package in packages for name, facts in package["files"].items()
    }
    present = {
        path.relative_to(target).as_posix(): path
        for path in target.rglob("*")
        if path.is_file() and path.name != "MANIFEST.json"
    }
    found = [f"missing: {name}" for name in sorted(recorded.keys() - present.keys())]
    found += [f"not listed: {name}" for name in sorted(present.keys() - recorded.keys())]
    found += [
        f"changed: {name}"
        for name in sorted(recorded.keys() & present.keys())
        if sha256(present[name].read_bytes()) != recorded[name]
    ]
    return found


def targets() -> list[Path]:
    """Return every folder this tool writes to."""
    named = {entry.get("target", DEFAULT_TARGET) for entry in load_list()["packages"]}
    return [ROOT / target for target in sorted(named)]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only verify the committed files")
    if not parser.parse_args().check:
        build()
    found = [f"{t.relative_to(ROOT)}: {line}" for t in targets() for line in differences(t)]
    print("\n".join(found) or "vendored files match their manifests")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
