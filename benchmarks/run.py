"""``make bench``: runs every benchmark one after the other on this machine and prints their tables.

Each script measures its peers in the same run. ``python benchmarks/run.py gateway ingest`` runs a choice.
Outputs are kept in ``build/bench/``.
"""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "build" / "bench"
# Every script in this folder is a benchmark, except this one.
SCRIPTS = tuple(
    sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != Path(__file__).stem
    )
)


def main() -> None:
    chosen = sys.argv[1:] or list(SCRIPTS)
    unknown = set(chosen) - set(SCRIPTS)
    if unknown:
        raise SystemExit(
            f"unknown benchmarks: {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}"
        )
    OUTPUT.mkdir(parents=True, exist_ok=True)
    print(f"{platform.platform()} · Python {platform.python_version()} · {os.cpu_count()} CPUs")
    failed = []
    for name in chosen:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
        with (OUTPUT / f"{name}.txt").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "benchmarks" / f"{name}.py")],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                if not line.startswith("{"):
                    print(line, end="", flush=True)
        if process.wait():
            failed.append(name)
        print(
            f"=== {name}: {time.monotonic() - started:.0f} s, exit code {process.returncode}",
            flush=True,
        )
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
