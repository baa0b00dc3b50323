"""Pages about the whole history of calls (1,738,598): who looked a person up, and the statistics (goal < 300 ms).

Applications and interfaces are the demo city's, without data behind them: these pages read calls only.
"""

import os
import statistics
import sys
import tempfile
import time

RUNS = 15
GOAL_MS = 300
SCALE = "small" if "--small" in sys.argv else "full"
BACKEND = "chengshu.kernel.identity.backends.AccountBackend"
CITIZEN = (
    ("who looked me up, 1 year", "/me/data-uses/"),
    ("who looked me up, 3 years", "/me/data-uses/?months=36"),
    ("single look-ups", "/me/data-uses/single/?application=zwfw&interface=rk-hecha&months=36"),
)
ADMIN = (
    ("statistics, 30 days", "/console/sharing/calls/"),
    ("statistics, 1 year", "/console/sharing/calls/?days=365"),
    ("report by interface, 30 days", "/console/sharing/calls/report/"),
    ("report by interface, 1 year", "/console/sharing/calls/report/?days=365"),
    ("report by application, 1 year", "/console/sharing/calls/report/?days=365&group=application"),
    ("report by department, 1 year", "/console/sharing/calls/report/?days=365&group=department"),
    ("report as Excel, 1 year", "/console/sharing/calls/report/?days=365&format=xlsx"),
    ("interface list", "/console/sharing/interfaces/"),
    ("an application", "/console/sharing/applications/zwfw/"),
    ("single calls, page 100", "/console/sharing/calls/records/?page=100"),
    ("single calls", "/console/sharing/calls/records/"),
    (
        "single calls, filtered",
        "/console/sharing/calls/records/?application=zwfw&outcome=no_record",
    ),
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
        import django

        django.setup()
        load()
        measure()


def load() -> None:
    from django.core.management import call_command

    from chengshu.conf import demo
    from chengshu.data.catalog.facade import published_queryset
    from chengshu.data.sharing import demo as sharing
    from chengshu.data.sharing.models import Application, ShareInterface
    from chengshu.data.sharing.uses import demo as uses
    from chengshu.data.sharing.uses.models import RecordUse
    from chengshu.kernel.identity.models import Organization
    from chengshu.kernel.unit_of_work import unit_of_work
    from chengshu_demo import city

    call_command("migrate", verbosity=0)
    for package in ("accounts", "catalog"):
        demo.load(scale="small", say=print, only=package)
    for item in city().applications:
        owner = Organization.objects.get(code=item.owner)
        Application.objects.create(
            code=item.code, name=item.name, owner=owner, purpose=item.purpose
        )
    resources = {r.physical_name: r.pk for r in published_queryset()}
    for item in city().interfaces:
        ShareInterface.objects.create(
            code=item.code, title=item.title, resource_id=resources[item.entry],
            key_column=item.key_column, state="online",
        )  # fmt: skip
    clocked("calls and hourly sums", lambda: sharing.load_history(SCALE))
    with unit_of_work():
        clocked("index by hashed key", lambda: uses.write(SCALE))
    print(f"  {RecordUse.objects.count():,} rows in the index")


def clocked(what: str, work: object) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    print(f"  {what}: {time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} s CPU")


def measure() -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from chengshu.kernel.identity.models import Account

    print(
        "\n"
        + " " * 22
        + f"{'page':<32}{'median ms':>12}{'p90 ms':>10}{'CPU ms':>10}{'goal':>8}{'queries':>10}"
    )
    for username, pages in (("shimin", CITIZEN), ("guanliyuan", ADMIN)):
        client = Client()
        client.force_login(Account.objects.get(username=username), backend=BACKEND)
        for name, path in pages:
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)
            asked = len(queries)
            times, cpu = [], []
            for _ in range(RUNS):
                started, used = time.perf_counter(), time.process_time()
                client.get(path)
                times.append((time.perf_counter() - started) * 1000)
                cpu.append((time.process_time() - used) * 1000)
            median, p90 = statistics.median(times), statistics.quantiles(times, n=10)[-1]
            print(
                f"{'':<22}{name:<32}{median:>10.1f}{p90:>10.1f}{statistics.median(cpu):>10.1f}{GOAL_MS:>8}{asked:>10}"
            )


if __name__ == "__main__":
    main()
