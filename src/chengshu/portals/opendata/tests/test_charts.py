"""Charts that visitors set up themselves: every figure is that of the rows, whatever is asked."""

from collections import defaultdict
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from chengshu.data.opening.figures import Figure, figures
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.reading import OpenTable
from chengshu.data.opening.tests.cast import Scene, rows
from chengshu.kernel.ui.components import Chart
from chengshu.portals.opendata.charting import _counted, drawn

PAGE = "/open/datasets/public-facility/"


def chart(public: Scene, **asked: str) -> Chart:

    release = OpenDataset.objects.get(slug="public-facility").current
    assert release is not None
    found = drawn(release, asked)
    assert found is not None
    assert found.chart is not None, found.problem
    return found.chart


def by_kind(value) -> dict[str, list]:
    found: dict[str, list] = defaultdict(list)
    for row in rows(60):
        found[row["kind"]].append(value(row))
    return found


@pytest.mark.parametrize(
    ("of", "figure"),
    [
        ("", len),
        ("sum:seats", lambda values: sum(v for v in values if v is not None)),
        ("avg:seats", lambda values: round(
            sum(v for v in values if v is not None) / len([v for v in values if v is not None]), 2
        )),
    ],
)  # fmt: skip
def test_a_chart_shows_what_the_rows_give(public: Scene, of: str, figure) -> None:
    made = chart(public, chart="kind", of=of)
    wanted = {kind: figure(values) for kind, values in by_kind(lambda row: row["seats"]).items()}
    assert sorted(made.series[0].values) == sorted(wanted.values())
    assert len(made.categories) == len(wanted)


def test_only_a_part_of_the_records_is_counted_when_asked(public: Scene) -> None:
    free = sum(1 for row in rows(60) if row["is_free"])
    made = chart(public, chart="kind", only="is_free=true")
    assert sum(made.series[0].values) == free
    assert f"是否免费：是，{free} 条记录" in made.description


def test_counts_made_with_the_release_equal_those_of_a_question(public: Scene) -> None:
    """The quick way (no question) and the other differ in nothing but the way."""

    release = OpenDataset.objects.get(slug="public-facility").current
    assert release is not None
    for name in ("kind", "is_free", "opened_on"):
        asked = figures(OpenTable.of_release(release), Figure(by=name))
        told = {(None if g.value is None else str(g.value).lower(), g.records) for g in asked}
        kept = _counted(release, name)
        assert {
            (None if g.value is None else str(g.value).lower(), g.records) for g in kept
        } == told


@pytest.mark.parametrize(
    "asked",
    [
        {"chart": "keeper"}, {"chart": "facility_no"}, {"of": "sum:keeper_mobile"}, {"of": "sum:facility_name"},
        {"as": "radar"}, {"only": "is_free=maybe"}, {"only": "keeper=王小明"},
        {"chart": 'kind") FROM t; --', "of": "max:seats"},
    ],
)  # fmt: skip
def test_what_is_not_offered_falls_back_to_what_is(public: Scene, asked: dict[str, str]) -> None:
    made = chart(public, **asked)
    assert sum(value for value in made.series[0].values if value) == 60
    assert "王小明" not in str(made.data)


def test_the_page_changes_the_chart_alone_and_offers_it_to_other_sites(
    public: Scene, client: Client
) -> None:
    asked = {"chart": "kind", "of": "avg:seats", "as": "bar"}
    part = client.get(PAGE, asked, headers={"HX-Target": "chart"}).text
    assert part.strip().startswith("<section")
    assert "按设施类别看座位数（平均）" in part
    assert "按设施类别看座位数（平均）" in client.get(PAGE, asked).text
    address = part.split("iframe src=&quot;")[-1].split("&quot;")[0].replace("&amp;amp;", "&")
    assert dict(parse_qsl(urlsplit(address).query)) == asked


def test_other_sites_may_frame_the_chart_and_nothing_else(public: Scene, client: Client) -> None:
    alone = client.get(f"{PAGE}chart/", {"chart": "kind", "of": "sum:seats"})
    assert "frame-ancestors *" in alone.headers["Content-Security-Policy"]
    assert "<form" not in alone.text.partition("<dialog")[0]
    assert PAGE in alone.text
    page = client.get(PAGE)
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_the_numbers_of_a_chart_come_as_a_table(public: Scene, client: Client) -> None:
    answer = client.get(f"{PAGE}chart.csv", {"chart": "is_free", "of": "sum:seats"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    free = sum(row["seats"] or 0 for row in rows(60) if row["is_free"])
    assert lines[0] == "按是否免费看座位数（合计）,座位数（合计）"
    assert f"是,{free}" in lines
    assert client.get("/open/datasets/nothing/chart.csv").status_code == 404
