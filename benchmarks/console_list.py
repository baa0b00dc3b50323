"""Server time and queries of the catalogue list over 273 entries and 11,315 items (goal < 100 ms at the median)."""

import os
import statistics
import tempfile
import time

RUNS = 30
GOAL_MS = 100
PAGES = (
    ("first page", "/console/catalog/resources/"),
    ("search 养老", "/console/catalog/resources/?q=养老"),
    ("search 公交", "/console/catalog/resources/?q=公交"),
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
        import django

        django.setup()
        measure()


def measure() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from chengshu.conf import demo
    from chengshu.kernel.identity.models import Account

    call_command("migrate", verbosity=0)
    for package in ("accounts", "catalog"):
        demo.load(scale="small", say=print, only=package)
    client = Client()
    account = Account.objects.get(username="guanliyuan")
    client.force_login(account, backend="chengshu.kernel.identity.backends.AccountBackend")
    print(
        "\n" + " " * 22 + f"{'case':<20}{'median ms':>12}{'p90 ms':>10}{'goal':>8}{'queries':>10}"
    )
    for name, path in PAGES:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200, path
        asked = len(queries)
        times = []
        for _ in range(RUNS):
            started = time.perf_counter()
            client.get(path)
            times.append((time.perf_counter() - started) * 1000)
        median, p90 = statistics.median(times), statistics.quantiles(times, n=10)[-1]
        print(f"{'':<22}{name:<20}{median:>10.1f}{p90:>10.1f}{GOAL_MS:>8}{asked:>10}")


if __name__ == "__main__":
    main()
