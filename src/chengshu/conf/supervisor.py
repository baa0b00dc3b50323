"""Runs the parts of the city as processes on one machine: web, gateway and worker, restarted when they end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

START_SECONDS = 60
STOP_SECONDS = 20


def free_port(wanted: int) -> int:
    """``wanted`` if nobody listens there, else the next free port."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise SystemExit(f"端口 {wanted} 至 {wanted + 99} 都被占用，请用 --port 指定其他端口。")


@dataclass(slots=True)
class Part:
    """One program of the city."""

    name: str
    command: list[str]
    health: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts the parts, keeps them alive, and stops them together."""

    folder: Path
    parts: list[Part]
    info: dict[str, Any] = field(default_factory=dict)
    stopping: bool = False

    @property
    def state_file(self) -> Path:
        return self.folder / "city.json"

    def start(self) -> None:
        """Start all parts with their logs in ``<data dir>/log``."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            self._start(part)
        self.state_file.write_text(
            json.dumps({"pid": os.getpid(), "started": time.time(), **self.info})
        )

    def _start(self, part: Part) -> None:
        log = (self.folder / "log" / f"{part.name}.log").open("ab")
        with log:
            part.process = subprocess.Popen(part.command, stdout=log, stderr=log)  # noqa: S603 - own programs
        part.started = time.monotonic()

    def keep(self) -> None:
        """Restart parts that end, until asked to stop."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while not self.stopping:
            time.sleep(0.5)
            for part in self.parts:
                process = part.process
                if process is None or process.poll() is None or self.stopping:
                    continue
                if time.monotonic() - part.started < 2:  # noqa: PLR2004 - a part that dies at once must not spin
                    time.sleep(2)
                self._start(part)
        self.stop()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def stop(self) -> None:
        """End all parts, gently first."""
        processes = [part.process for part in self.parts if part.process]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        self.state_file.unlink(missing_ok=True)


def wait_until_healthy(urls: list[str], log_folder: Path) -> None:
    """Wait until every URL answers.

    Raises:
        SystemExit: with the folder of the logs, when a part does not come up.
    """
    deadline = time.monotonic() + START_SECONDS
    for url in urls:
        while True:
            if _answers(url):
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} 没有在 {START_SECONDS} 秒内启动，请看日志：{log_folder}")
            time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == HTTPStatus.OK)
    except OSError:  # refused, reset, timed out or an error status: not up yet
        return False


def running(folder: Path) -> dict[str, Any] | None:
    """State of the city that runs from ``folder``, None when none does."""
    path = folder / "city.json"
    if not path.is_file():
        return None
    state: dict[str, Any] = json.loads(path.read_text())
    try:
        os.kill(int(state["pid"]), 0)
    except ProcessLookupError:
        path.unlink(missing_ok=True)
        return None
    return state


def stop_running(folder: Path) -> bool:
    """Ask the running city to stop and wait for it; tell whether there was one."""
    state = running(folder)
    if state is None:
        return False
    os.kill(int(state["pid"]), signal.SIGTERM)
    for _ in range((STOP_SECONDS + 5) * 10):
        if running(folder) is None:
            return True
        time.sleep(0.1)
    raise SystemExit(f"城枢（进程 {state['pid']}）没有在 {STOP_SECONDS} 秒内停下。")


def city_parts(host: str, port: int, gateway_port: int, gateway_dir: Path) -> list[Part]:
    """The programs of one machine."""
    program = [sys.executable, "-m", "chengshu.conf.cli"]
    return [
        Part(
            "web",
            [*program, "web", "--host", host, "--port", str(port)],
            f"http://127.0.0.1:{port}/healthz",
        ),
        Part(
            "gateway",
            [
                sys.executable, "-m", "chengshu_gateway", "serve", "--data", str(gateway_dir),
                "--host", host, "--port", str(gateway_port),
            ],
            f"http://127.0.0.1:{gateway_port}/healthz",
        ),
        Part("worker", [*program, "worker"]),
    ]  # fmt: skip
