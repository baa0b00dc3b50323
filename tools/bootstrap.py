"""Sets the project up and runs its targets with nothing but the standard library.

``make`` calls this file; without make, ``python3 tools/bootstrap.py up`` does the same.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
MINIMUM = (3, 11)
# Locked sets in requirements/, each holding the ones before it.
SETS = ("base", "dev", "bench")


def fail(message: str) -> None:
    """Stop with a sentence the person can act on."""
    raise SystemExit(f"\n{message}\n")


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a program in the project's folder; stop when it fails."""
    merged = {**os.environ, **(env or {})}
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=merged, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def make_environment() -> None:
    """Create the project's own virtual environment."""
    if sys.version_info < MINIMUM:
        fail("城枢需要 Python 3.11 或更高版本 (Python 3.11 or later is needed)。")
    if PYTHON.exists():
        return
    print("· 建立虚拟环境 .venv", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], check=False, capture_output=True, text=True
    )
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "venv", "--seed", str(VENV)], check=False).returncode == 0:
        return
    fail(
        "这个 Python 缺少 venv/ensurepip，无法建立虚拟环境。\n"
        "Debian/Ubuntu: apt install python3-venv；或安装 uv 后重试。\n" + made.stdout + made.stderr
    )


def install(lock: str) -> None:
    """Install a locked set once; repeated calls cost nothing until the lock changes."""
    make_environment()
    path = ROOT / "requirements" / f"{lock}.lock"
    if _installed(lock):
        return
    # Each set holds the ones before it.
    if any(_installed(larger) for larger in SETS[SETS.index(lock) + 1 :]):
        return
    print(f"· 安装依赖 requirements/{lock}.lock（版本与哈希已锁定）", flush=True)
    run(
        PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "--no-deps", "-r", path,
    )  # fmt: skip
    link_source()
    (VENV / f".{lock}.installed").write_text(hashlib.sha256(path.read_bytes()).hexdigest())


def _installed(lock: str) -> bool:
    stamp = VENV / f".{lock}.installed"
    path = ROOT / "requirements" / f"{lock}.lock"
    return stamp.exists() and stamp.read_text() == hashlib.sha256(path.read_bytes()).hexdigest()


def link_source() -> None:
    """Make ``src`` importable and ``chengshu`` callable, without building anything."""
    site = subprocess.run(
        [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    Path(site, "chengshu.pth").write_text(f"{ROOT / 'src'}\n")
    program = VENV / "bin" / "chengshu"
    program.write_text(
        f"#!{PYTHON}\nfrom chengshu.conf.cli import main\n\nif __name__ == '__main__':\n    main()\n"
    )
    program.chmod(0o755)


def chengshu(*arguments: str) -> None:
    """Run the city's own command line."""
    run(PYTHON, "-m", "chengshu.conf.cli", *arguments)


def up(*arguments: str) -> None:
    install("base")
    chengshu("up", "--detach", *arguments)


def down(*_arguments: str) -> None:
    install("base")
    chengshu("down")


def status(*_arguments: str) -> None:
    install("base")
    chengshu("status")


def demo(*arguments: str) -> None:
    install("base")
    chengshu("demo", "load", "--scale", *(arguments or ("small",)))


LINT = (
    ("ruff", "check", "src", "tests", "tools", "benchmarks"),
    ("ruff", "format", "--check", "--quiet", "src", "tests", "tools", "benchmarks"),
    ("lint-imports", "--no-cache"),
    ("djlint", "src", "--lint", "--quiet"),
    ("mypy",),
)


def lint(*_arguments: str) -> None:
    install("dev")
    for command, *arguments in LINT:
        print(f"· {command} {' '.join(arguments)}", flush=True)
        run(VENV / "bin" / command, *arguments)


def reformat(*_arguments: str) -> None:
    install("dev")
    run(VENV / "bin" / "ruff", "check", "--fix", "src", "tests", "tools", "benchmarks")
    run(VENV / "bin" / "ruff", "format", "src", "tests", "tools", "benchmarks")


def test(*arguments: str) -> None:
    """Lint, then the suite on SQLite, then on PostgreSQL where there is one."""
    lint()
    run(PYTHON, "tools/run_tests.py", *arguments)


def bench(*arguments: str) -> None:
    install("bench")
    run(PYTHON, "benchmarks/run.py", *arguments)


def docs(*_arguments: str) -> None:
    install("dev")
    run(VENV / "bin" / "pytest", "-q", "tests/docs")


def assets(*arguments: str) -> None:
    install("dev")
    run("npm", "ci", "--prefix", "frontend", "--ignore-scripts")
    run(PYTHON, "tools/vendor_assets.py", *arguments)


def lock(*_arguments: str) -> None:
    """Renew the lock files: versions and hashes, no addresses."""
    uv = shutil.which("uv")
    if uv is None:
        fail("更新锁文件需要 uv。")
    common = (
        "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--no-emit-index-url", "--no-header", "--no-annotate", "-q",
    )  # fmt: skip
    # What OpenDP needs besides itself is in the base set.
    alone = ("--no-deps", "requirements/privacy.in", "-o", "requirements/privacy.lock")
    run(str(uv), *common, *alone)
    common = (*common, "pyproject.toml")
    run(str(uv), *common, "-o", "requirements/base.lock")
    dev = ("--extra", "dev")
    run(str(uv), *common, *dev, "-c", "requirements/base.lock", "-o", "requirements/dev.lock")
    peers = (*dev, "--extra", "bench", "-c", "requirements/dev.lock")
    run(str(uv), *common, *peers, "-o", "requirements/bench.lock")


TARGETS: dict[str, Callable[..., None]] = {
    "up": up, "down": down, "status": status, "test": test, "lint": lint, "format": reformat,
    "demo": demo, "bench": bench, "docs": docs, "assets": assets, "lock": lock,
}  # fmt: skip


def main() -> None:
    if sysconfig.get_platform().startswith("win"):
        fail("城枢运行在 Linux 上；Windows 请使用 WSL。")
    name, *arguments = sys.argv[1:] or ["help"]
    target = TARGETS.get(name)
    if target is None:
        fail("用法：python3 tools/bootstrap.py " + "|".join(TARGETS))
        return
    target(*arguments)


if __name__ == "__main__":
    main()
