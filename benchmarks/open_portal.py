"""The open portal: search pages and package_search at 1,000 datasets, preview of 1,000,000 rows, the look at a release.

Goals: search and ``package_search`` < 50 ms each at 1,000 datasets, preview with filter and sort < 300 ms.
Pages are asked through Django in one process; the figures are wall and CPU time of whole answers.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

RUNS = 12
SETS = 1_000
ROWS = 1_000_000
HEAD = f"{'case':<46}{'median ms':>11}{'p90 ms':>9}{'CPU ms':>9}{'goal':>7}"
KINDS = ("公共厕所", "直饮水点", "休憩驿站", "充电桩", "停车场")
WORDS = ("公交", "医院", "停车", "学校", "公厕", "企业", "河道", "养老", "旅游", "信用")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
        import django

        django.setup()
        from django.conf import settings

        settings.LAKE_ROOT = f"{folder}/lake"
        measure()


def timed(name: str, goal: int, ask: Callable[[], Any], runs: int = RUNS) -> None:
    ask()
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    p90 = statistics.quantiles(walls, n=10)[-1]
    print(
        f"{name:<46}{statistics.median(walls):>11.1f}{p90:>9.1f}"
        f"{statistics.median(cpus):>9.1f}{goal or '':>7}",
        flush=True,
    )


def measure() -> None:
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    shelve()
    client = Client()

    def page(path: str, **given: str) -> Callable[[], Any]:
        def ask() -> None:
            assert client.get(path, given).status_code == 200, (path, given)

        return ask

    print(HEAD)
    facets = '["organization","groups","tags","res_format","license_id"]'
    search = "/api/3/action/package_search"
    timed(f"portal list, {SETS:,} datasets", 50, page("/open/datasets/"))
    timed("portal search 公交", 50, page("/open/datasets/", q="公交"))
    timed("portal search 公交 with theme and format", 50,
          page("/open/datasets/", q="公交", theme="transport", format="csv"))  # fmt: skip
    timed("package_search, 20 rows", 50, page(search, rows="20"))
    timed("package_search 公交, 20 rows, 5 facets", 50,
          page(search, q="公交", rows="20", **{"facet.field": facets}))  # fmt: skip
    timed("package_search fq and sort, 20 rows", 50,
          page(search, fq="groups:transport res_format:CSV", sort="title asc", rows="20"))  # fmt: skip
    timed("package_list", 50, page("/api/3/action/package_list"))
    big = "/open/datasets/million/"
    fill()
    timed(f"preview, {ROWS:,} rows, first page", 300, preview(client, big))
    timed("preview, filter", 300, preview(client, big, **{"f.kind": "充电桩"}))
    timed("preview, filter and sort by number", 300,
          preview(client, big, **{"f.kind": "充电桩", "sort": "-seats"}))  # fmt: skip
    timed("preview, sort by text, no filter", 300, preview(client, big, sort="name"))
    timed("preview, range, sort, page 40", 300,
          preview(client, big, **{"f.seats__gte": "50", "sort": "opened_on", "page": "40"}))  # fmt: skip
    timed("preview, word in any field, sort", 300, preview(client, big, q="设施 77", sort="-seats"))
    rows(client, page)
    look()


def rows(client: Any, page: Callable[..., Callable[[], Any]]) -> None:
    """The same rows as CKAN clients ask for them, each with its number."""
    shown = client.get("/api/3/action/package_show?id=million").json()["result"]["resources"]
    given = {"resource_id": next(r["id"] for r in shown if r["datastore_active"]), "limit": "100"}
    search = "/api/3/action/datastore_search"
    chosen = '{"kind": "充电桩"}'
    timed(f"datastore_search, {ROWS:,} rows, first page", 300, page(search, **given))
    timed("datastore_search, page 500", 300, page(search, **given, offset="50000", sort="_id"))
    timed("datastore_search, filter and sort", 300,
          page(search, **given, filters=chosen, sort="seats desc"))  # fmt: skip
    timed(
        "datastore_search, distinct kinds",
        300,
        page(search, **given, distinct="true", fields="kind"),
    )


def preview(client: Any, path: str, **given: str) -> Callable[[], Any]:
    def ask() -> None:
        answer = client.get(path, given, headers={"HX-Target": "preview", "HX-Request": "true"})
        assert answer.status_code == 200
        assert "od-preview__problem" not in answer.text
        assert "现在" not in answer.text

    return ask


def shelve() -> None:
    """A thousand public datasets of forty departments, known to the records only."""
    from chengshu.data.catalog.models import Resource
    from chengshu.data.catalog.tests import cast
    from chengshu.data.opening.choices import TABULAR, Theme
    from chengshu.data.opening.models import DatasetRelease, OpenDataset
    from chengshu.data.opening.tests.cast import catalogued
    from chengshu.kernel.identity.models import Organization

    city = cast.assemble()
    resource = catalogued(city)
    for number in range(40):
        office = Organization.objects.create(
            code=f"bench-{number}", name=f"第{number}局", short=f"{number}局", kind=city.hr.kind
        )
        Resource.objects.create(
            code=f"9/99/{number:05}", title=f"资源{number}", provider=office,
            category=resource.category, physical_name=f"bench_{number}",
            lake_table=f"std/bench_{number}",
        )  # fmt: skip
    resources = list(Resource.objects.filter(physical_name__startswith="bench_"))
    files = {form.value: {"bytes": 100, "sha256": "0" * 64} for form in TABULAR}
    columns = [
        {"name": f"field_{i}", "title": f"字段{i}", "type": "text", "key": False, "definition": "说明",
         "format": ""}
        for i in range(15)
    ]  # fmt: skip
    themes = [theme.value for theme in Theme]
    for number in range(SETS):
        word = WORDS[number % len(WORDS)]
        title = f"{word}基本信息{number}"
        item = OpenDataset.objects.create(
            slug=f"bench-{number}", title=title, summary=f"{title}，由各单位登记并按月更新。" * 3,
            resource=resources[number % 40], formats=list(files), theme=themes[number % 14],
            keywords=[word, f"词{number % 50}"], rows=number,
            search_text=f"{title}\n{word}\n" + "\n".join(f"字段{i} field_{i}" for i in range(15)),
        )  # fmt: skip
        release = DatasetRelease.objects.create(
            dataset=item, number=1, catalogue_version=1, lake_version=1, open_table="open/none",
            open_version=1, rows=60, files=files, spec="", folder=f"bench-{number}/1", columns=columns,
            profile={"fields": {c["name"]: {"filled": 60, "distinct": 9,
                                            "values": [[f"值{v}", 3] for v in range(20)]}
                                for c in columns}},
        )  # fmt: skip
        item.current, item.state, item.published_at = release, "published", release.published_at
        item.save()


def table() -> Any:
    import numpy as np
    import pyarrow as pa

    dice = np.random.default_rng(7)
    days = dice.integers(15_000, 20_000, ROWS).astype("int32")
    return pa.table(
        {
            "code": pa.array([f"BM{i:08}" for i in range(ROWS)]),
            "name": pa.array([f"便民设施{(i * 7919) % ROWS}号" for i in range(ROWS)]),
            "kind": pa.array(np.array(KINDS)[dice.integers(0, len(KINDS), ROWS)]),
            "community_code": pa.array([f"33038310{i % 102:04}" for i in range(ROWS)]),
            "longitude": pa.array(120.4 + dice.random(ROWS) * 0.3).cast(pa.decimal128(10, 6), safe=False),
            "latitude": pa.array(27.5 + dice.random(ROWS) * 0.2).cast(pa.decimal128(9, 6), safe=False),
            "seats": pa.array(dice.integers(0, 100, ROWS)),
            "opened_on": pa.array(days).cast(pa.date32()),
            "address": pa.array([f"龙港市新城街道{i % 997}路{i % 89}号" for i in range(ROWS)]),
            "remark": pa.array([None if i % 3 else f"巡检{i % 31}次" for i in range(ROWS)]),
        }
    )  # fmt: skip


TYPES = {"longitude": "decimal", "latitude": "decimal", "seats": "integer", "opened_on": "date"}


def fill() -> None:
    """One dataset of a million rows in the open zone."""
    from django.conf import settings

    from chengshu.data.opening.models import OpenDataset
    from chengshu_lake import Lake

    lake = Lake(settings.LAKE_ROOT)
    data = table()
    lake.create("open/million", data.schema)
    version = lake.overwrite("open/million", data).version
    item = OpenDataset.objects.get(slug="bench-0")
    item.slug = "million"
    item.save()
    assert item.current is not None
    release = item.current
    release.open_table, release.open_version, release.rows = "open/million", version, ROWS
    release.columns = [
        {"name": name, "title": name, "type": TYPES.get(name, "text"), "key": name == "code", "row_key": name == "code",
         "definition": "", "format": ""}
        for name in data.schema.names
    ]  # fmt: skip
    release.profile = {"fields": {"kind": {"filled": ROWS, "values": [[k, 1] for k in KINDS]}}}
    release.save()


def look() -> None:
    """The look at a release of a million people, beside an earlier release that lacks three thousand of them."""
    import numpy as np
    import pyarrow as pa
    from django.conf import settings

    from chengshu.data.contract.facade import ColumnSpec
    from chengshu.data.opening.disclosure import assessment, rules
    from chengshu.data.opening.disclosure.differencing import Earlier
    from chengshu.data.opening.zone import ZoneCopy
    from chengshu_lake import Lake

    dice = np.random.default_rng(1)
    titles = {"gender": ("性别", 2), "age": ("年龄段", 10), "community": ("所属社区", 300), "schooling": ("学历", 7),
              "relief": ("救助类别", 4)}  # fmt: skip
    columns: dict[str, Any] = {"code": [f"R{i:07}" for i in range(ROWS)]}
    for name, (_, values) in titles.items():
        columns[name] = np.array([f"{name}{i}" for i in range(values)])[
            dice.integers(0, values, ROWS)
        ]
    data = pa.table(columns)
    lake = Lake(settings.LAKE_ROOT)
    lake.create("open/people", data.schema)
    first = lake.overwrite("open/people", data.slice(0, ROWS - 3_000)).version
    second = lake.overwrite("open/people", data).version
    specs = [ColumnSpec(name="code", title="编号", key=True)]
    specs += [ColumnSpec(name=name, title=title) for name, (title, _) in titles.items()]
    copy = ZoneCopy("open/people", second, 1, ROWS, tuple(specs))
    before = [
        Earlier(1, "open/people", first, [{"name": c.name, "type": str(c.type)} for c in specs])
    ]
    timed(f"look at {ROWS:,} people, no earlier release", 0,
          lambda: assessment.assess(copy, rules.read({}), []), 3)  # fmt: skip
    timed("the same beside an earlier one, with proposals", 0,
          lambda: assessment.assess(copy, rules.read({}), before), 3)  # fmt: skip


if __name__ == "__main__":
    main()
