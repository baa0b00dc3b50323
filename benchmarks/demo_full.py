"""How long the whole demo city takes: generate, validate, merge, balance and publish at full scale (goal < 6 min)."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOAL_SECONDS = 360


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("CHENGSHU_", "DJANGO_"))},
            "CHENGSHU_DATA_DIR": folder,
            "PYTHONPATH": str(ROOT / "src"),
        }
        program = [sys.executable, "-m", "chengshu.conf.cli"]
        subprocess.run([*program, "setup"], env=environment, check=True, cwd=ROOT)
        started = time.monotonic()
        subprocess.run(
            [*program, "demo", "load", "--scale", "full"], env=environment, check=True, cwd=ROOT
        )
        seconds = time.monotonic() - started
        size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()) / 1024**2
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\n{'case':<28}{'seconds':>10}{'goal':>8}{'peak MB':>10}{'disk MB':>10}")
    print(
        f"{'demo load --scale full':<28}{seconds:>10.0f}{GOAL_SECONDS:>8}{peak:>10.0f}{size:>10.0f}"
    )


if __name__ == "__main__":
    main()
