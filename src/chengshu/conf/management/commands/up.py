"""``chengshu up``: migrations, static files, demo city, then web, gateway and worker on this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from chengshu.conf import supervisor
from chengshu.conf.demo import accounts, loaded_scale


class Command(BaseCommand):
    help = "一条命令启动整座城市"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument(
            "--port", type=int, default=int(os.environ.get("CHENGSHU_PORT", "8000"))
        )
        parser.add_argument("--detach", action="store_true", help="在后台运行")
        parser.add_argument("--scale", choices=["small", "full", "none"], default="small")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder = Path(settings.DATA_DIR)
        state = supervisor.running(folder)
        if state is not None:
            self.stdout.write("城枢已经在运行。")
            self._announce(state)
            return
        started = time.monotonic()
        self._prepare(options["scale"])
        state = self._launch(folder, options)
        self._announce(state)
        self.stdout.write(f"\n用时 {time.monotonic() - started:.0f} 秒。")
        if not options["detach"]:
            self.stdout.write("按 Ctrl+C 停止。")
            self._supervisor.keep()

    def _prepare(self, scale: str) -> None:
        self.stdout.write("· 数据库迁移")
        call_command("migrate", verbosity=0)
        self.stdout.write("· 静态文件")
        call_command("collectstatic", interactive=False, verbosity=0)
        if scale != "none" and loaded_scale() is None:
            call_command("demo", "load", "--scale", scale)

    def _launch(self, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
        if options["detach"]:
            return self._launch_detached(folder, options)
        host = options["host"]
        port = supervisor.free_port(options["port"])
        gateway_port = supervisor.free_port(port + 1)
        info = {
            "web": f"http://127.0.0.1:{port}",
            "gateway": f"http://127.0.0.1:{gateway_port}",
        }
        os.environ["CHENGSHU_GATEWAY_URL"] = info["gateway"]
        gateway_dir = Path(settings.GATEWAY_DIR)
        gateway_dir.mkdir(parents=True, exist_ok=True)
        parts = supervisor.city_parts(host, port, gateway_port, gateway_dir)
        self._supervisor = supervisor.Supervisor(folder, parts, info)
        self._supervisor.start()
        supervisor.wait_until_healthy([p.health for p in parts if p.health], folder / "log")
        return info

    def _launch_detached(self, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
        """Start the same command in a session of its own and wait until it is healthy."""
        (folder / "log").mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", "chengshu.conf.cli", "up", "--scale", "none",
            "--host", options["host"], "--port", str(options["port"]),
        ]  # fmt: skip
        with (folder / "log" / "up.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + supervisor.START_SECONDS
        while (state := supervisor.running(folder)) is None:
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"城枢没有启动成功，请看日志：{folder / 'log'}")
            time.sleep(0.2)
        supervisor.wait_until_healthy(
            [f"{state['web']}/healthz", f"{state['gateway']}/healthz"], folder / "log"
        )
        return state

    def _announce(self, state: dict[str, Any]) -> None:
        web = state["web"]
        rows = [
            ("群众企业门户", f"{web}/"),
            ("管理工作台", f"{web}/console/"),
            ("工作人员手机端", f"{web}/staff/"),
            ("城市驾驶舱", f"{web}/cockpit/"),
            ("公共数据开放", f"{web}/open/"),
            ("共享网关", f"{state['gateway']}/share/v1/"),
        ]
        self.stdout.write("\n城枢已就绪：")
        for name, url in rows:
            self.stdout.write(f"  {name}\t{url}".expandtabs(20))
        known = accounts()
        if known:
            self.stdout.write("\n演示账号（仅用于演示数据，正式使用前请停用）：")
            for account in known:
                self.stdout.write(f"  {account.username:<14}{account.password:<18}{account.title}")
