"""A real city for the browser: ``chengshu up`` in a folder of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

START_SECONDS = 240


@dataclass(frozen=True, slots=True)
class RunningCity:
    """Addresses and folder of the city under test."""

    web: str
    gateway: str
    folder: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``chengshu …`` on this city, as an operator would."""
        return subprocess.run(
            [sys.executable, "-m", "chengshu.conf.cli", *arguments],
            env=self.environment, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of every program of this city, and nothing of the test's own settings."""
    source = Path(__file__).resolve().parents[2] / "src"
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("CHENGSHU_", "DJANGO_", "PYTEST_"))
    }
    own = {"CHENGSHU_DATA_DIR": str(folder), "PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1"}
    return environment | own


def attach(folder: Path) -> RunningCity:
    """The city that already runs from ``folder``."""
    info = json.loads((folder / "city.json").read_text())
    return RunningCity(info["web"], info["gateway"], folder, environment_of(folder))


def start(
    folder: Path, port: int, *, scale: str = "small"
) -> tuple[RunningCity, "subprocess.Popen[bytes]"]:
    """Start the city and wait until web and gateway answer.

    Raises:
        RuntimeError: with the end of the log, when it does not come up.
    """
    environment = environment_of(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "chengshu.conf.cli", "up", "--port", str(port), "--scale", scale],
            env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    state = folder / "city.json"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the city did not start:\n{log.read_text()[-4000:]}")
        if state.is_file() and "按 Ctrl+C" in log.read_text(errors="replace"):
            info = json.loads(state.read_text())
            with urlopen(f"{info['web']}/healthz", timeout=5):
                return RunningCity(info["web"], info["gateway"], folder, environment), process
        time.sleep(0.3)
    stop(process)
    raise RuntimeError(f"the city did not start in {START_SECONDS} s:\n{log.read_text()[-4000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the city as Ctrl+C would."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
