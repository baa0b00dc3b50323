"""A long run of the conformance tests: Schemathesis over every OpenAPI document, as many requests as there is time for.

    python tools/fuzz_openapi.py [--examples 200] [--seed 7]

`--examples` is the number of requests per operation and kind of data (right, wrong); the suite itself takes a handful.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from random import SystemRandom

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the tests of `tests/openapi` at length; returns pytest's status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    print(f"examples {options.examples}, seed {options.seed}", flush=True)
    environment = {
        **os.environ,
        "CHENGSHU_FUZZ_EXAMPLES": str(options.examples),
        "CHENGSHU_FUZZ_SEED": str(options.seed),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--timeout", "0", "tests/openapi"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
