"""Runs the whole suite: SQLite first, then the database tests again on PostgreSQL where there is one.

``CHENGSHU_REQUIRE_ALL=1`` turns every skip for a missing server or browser into a failure (CI sets it).
``CHENGSHU_TEST_POSTGRES_URL`` names a server whose user may create databases. It is asked every statement that
SQLite was asked, twice, by as few tests as that takes; ``CHENGSHU_TEST_STATEMENTS=all`` runs all tests there again.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RENDERED = ROOT / "build" / "rendered"
STATEMENTS = ROOT / "build" / "statements"


def run(title: str, arguments: list[str], env: dict[str, str]) -> int:
    """Run pytest once and say how long it took."""
    print(f"\n=== {title}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", *arguments]
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, check=False).returncode
    print(f"=== {title}: {time.monotonic() - started:.0f} s, exit code {code}", flush=True)
    return code


def check_templates() -> int:
    """Every template of the product must have been rendered by some test of this run."""
    rendered = {name for path in RENDERED.glob("*.json") for name in json.loads(path.read_text())}
    known = {
        str(path).rpartition("/templates/")[2]
        for path in (ROOT / "src" / "chengshu").rglob("templates/**/*")
        if path.suffix in {".html", ".txt", ".xml"} and "tests" not in path.parts
    }
    missing = sorted(known - rendered)
    for name in missing:
        print(f"template rendered by no test: {name}", flush=True)
    print(f"=== templates: {len(known) - len(missing)} of {len(known)} rendered", flush=True)
    return 1 if missing else 0


def main() -> None:
    for folder in (RENDERED, STATEMENTS):
        shutil.rmtree(folder, ignore_errors=True)
    extra = sys.argv[1:]
    postgres = os.environ.get("CHENGSHU_TEST_POSTGRES_URL", "")
    required = os.environ.get("CHENGSHU_REQUIRE_ALL") == "1"
    heavy = "service or crash or browser or differential"
    codes = [
        run("unit tests on SQLite", ["-q", "-n", "2", "-m", f"not ({heavy})", *extra], {}),
        # They wait more than they work, so two files at a time (a file keeps what it made on a shared server to
        # itself); the browser has the machine to itself.
        run(
            "service, crash and differential tests",
            ["-q", "-n", "2", "--dist", "loadfile", "-m", f"({heavy}) and not browser", *extra],
            {},
        ),
        run("browser tests", ["-q", "-m", "browser", *extra], {}),
    ]
    if postgres:
        arguments = ["-q", "-n", "2", "-m", f"not ({heavy})", "src/chengshu", *extra]
        env = {"CHENGSHU_TEST_DATABASE_URL": postgres} | (
            {} if "CHENGSHU_TEST_STATEMENTS" in os.environ else {"CHENGSHU_TEST_STATEMENTS": "once"}
        )
        codes.append(run("unit tests on PostgreSQL", arguments, env))
    elif required:
        print("=== CHENGSHU_REQUIRE_ALL=1 needs CHENGSHU_TEST_POSTGRES_URL", flush=True)
        codes.append(1)
    else:
        print("=== skipped: unit tests on PostgreSQL (no CHENGSHU_TEST_POSTGRES_URL)", flush=True)
    if not extra:
        codes.append(check_templates())
    raise SystemExit(max(codes))


if __name__ == "__main__":
    main()
