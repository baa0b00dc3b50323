"""``chengshu worker``: runs jobs, delivers events, keeps schedules; restarts a killed child and reaps its jobs."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, close_old_connections

from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.jobs import schedule, services
from chengshu.kernel.jobs.registration import EVERY_MOMENT

log = logging.getLogger("chengshu.worker")


class Command(BaseCommand):
    help = "运行后台任务、事件投递和定时任务"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--processes", type=int, default=1, help="同时执行任务的进程数")
        parser.add_argument("--once", action="store_true", help="处理完现有任务后退出")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if options["once"]:
            self._drain()
            return
        beat = threading.Thread(target=self._every_moment, daemon=True)
        beat.start()
        children = [self._spawn() for _ in range(options["processes"])]
        try:
            self._loop(children)
        finally:
            for child in children:
                child.terminate()
            for child in children:
                try:
                    child.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    child.kill()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _every_moment(self) -> None:
        """Beside the delivery of events, so that a long queue of them never makes a timer late."""
        while not self.stopping:
            close_old_connections()
            busy = 0
            for key, function in EVERY_MOMENT.items():
                try:
                    busy += function()
                except Exception:
                    log.exception("%s failed, trying again", key)
            if not busy:
                time.sleep(0.3)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        command = [
            sys.executable, "-m", "chengshu.conf.cli", "db_worker",
            "--interval", "0.3", "--no-startup-delay", "--no-reload", "-v", "0",
        ]  # fmt: skip
        return subprocess.Popen(command)  # noqa: S603 - our own program, no shell

    def _loop(self, children: "list[subprocess.Popen[bytes]]") -> None:
        last_minute = -1
        # Ends with the program that started it; that may well be process 1 (systemd, a container).
        parent = os.getppid()
        while not self.stopping and os.getppid() == parent:
            close_old_connections()
            for index, child in enumerate(children):
                if child.poll() is not None:
                    # A child that ended by itself was killed: its job goes back to the queue.
                    name = f"{socket.gethostname()[:40]}:{child.pid}"
                    log.warning("worker %s ended with %s, restarting", name, child.returncode)
                    services.reap(dead_worker=name)
                    children[index] = self._spawn()
            try:
                busy = dispatch()
                minute = int(time.time() // 60)
                if minute != last_minute:
                    last_minute = minute
                    services.reap()
                    schedule.tick()
            except OperationalError:
                log.exception("database is not reachable, trying again")
                busy = 0
                time.sleep(2)
            if not busy:
                time.sleep(0.3)

    def _drain(self) -> None:
        from django_tasks_db.management.commands.db_worker import Worker

        services.reap()
        while True:
            worker = Worker(
                queue_names=["default"], interval=0, batch=True, backend_name="default",
                startup_delay=False, max_tasks=None, worker_id=services.worker_name(),
                excluded_queue_names=[],
            )  # fmt: skip
            worker.run()
            if not dispatch():
                return
