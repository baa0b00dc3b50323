"""Differential privacy: noise as large as promised, a budget nobody overspends, the same answer once paid for."""

import json
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import jsonschema_rs
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from chengshu_gateway import privacy_terms
from chengshu_gateway import private_statistics as private
from chengshu_gateway.bundle import Bundle, BundleError, Column, Grant, Interface, validate
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.description.examples import examples
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.privacy_terms import Privacy, PrivacyError
from chengshu_gateway.private import noise
from chengshu_gateway.private.ledger import Item, Ledger
from chengshu_gateway.private.noise import Drawn, Noise, NoiseError, Release
from chengshu_gateway.snapshot_build import publish_snapshot
from chengshu_gateway.tests.sample_city import APP, KEYS, calls, local, post, served
from chengshu_gateway.tests.test_description import STANDARD

SCHEMA = pa.schema([("code", pa.string()), ("area", pa.string()), ("age", pa.int64()),
                    ("rent", pa.float64()), ("scope", pa.string())])  # fmt: skip
COLUMNS = (
    Column("code"), Column("area", codes={"A": "甲", "B": "乙", "C": "丙"}), Column("age", "integer"),
    Column("rent", "real"), Column("scope"),
)  # fmt: skip
INTERFACE = Interface("residents", "r", "居民", "residents", "code", COLUMNS)
TERMS = Privacy(0.5, 2.0, bounds={"age": (0, 100), "rent": (0, 10)}, groups={"scope": ("in",)})
GRANT = Grant(
    "app-1", "residents", ("code", "area", "age", "rent", "scope"), kinds=("statistics",),
    row_filter={"eq": ["scope", "in"]}, privacy=TERMS,
)  # fmt: skip
ROWS = [
    {"code": f"R{at}", "area": "AB"[at % 2], "age": 200 if at == 1 else at if at % 10 else None,
     "rent": at / 3, "scope": "in"}
    for at in range(60)
] + [{"code": f"X{at}", "area": "Z", "age": 1, "rent": 1.0, "scope": "in"} for at in range(9)]  # fmt: skip
ITEM = Item("app-1", "residents", "q")


class Silent(Noise):
    """Draws nothing, so that what was prepared for the noise can be seen; `asked` keeps it."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def draw(self, epsilon, releases):
        self.asked.append((epsilon, list(releases)))
        return [Drawn(list(each.values), 4.0, 12.0) for each in releases]


def publish(data, grant=GRANT, rows=ROWS):
    table = pa.Table.from_pylist(rows, SCHEMA)
    publish_snapshot(
        data / "snapshots" / "residents", SCHEMA, table.to_batches(), key_column="code"
    )
    publish_bundle(data / "bundles", Bundle((APP,), (INTERFACE,), (grant,)), KEYS.bundle)
    return data


@pytest.fixture
def silent(monkeypatch):
    found = Silent()
    monkeypatch.setattr(private, "installed", lambda: True)
    monkeypatch.setattr("chengshu_gateway.server.Noise", lambda: found)
    return found


@pytest.fixture
def gateway(tmp_path, silent):
    with local(publish(tmp_path)) as running:
        yield running


def ask(gateway, **question):
    return post(gateway, "statistics", question)


def test_the_noise_gets_exact_bounded_numbers_of_the_named_groups_only(gateway, silent):
    found = ask(gateway, group=["area"], sum=["age", "rent"], avg=["age"]).json
    epsilon, (counts, ages, rents, filled) = silent.asked[0]
    mine = {area: [row for row in ROWS if row["area"] == area] for area in "ABC"}
    assert epsilon == 0.5
    # Area Z was not named, area C is named and empty.
    assert counts == Release(1, [len(mine[area]) for area in "ABC"])
    assert ages.sensitivity == 100
    assert ages.values == [sum(min(r["age"] or 0, 100) for r in mine[area]) for area in "ABC"]
    assert rents.sensitivity == 10 * 10**5
    expected = [sum(min(r["rent"], 10) for r in mine[area]) for area in "ABC"]
    assert rents.values == [pytest.approx(total * 10**5, abs=len(ROWS)) for total in expected]
    assert filled.values == [sum(r["age"] is not None for r in mine[a]) for a in "ABC"]
    assert [each["group"] for each in found["data"]] == [{"area": area} for area in "ABC"]
    assert found["data"][2]["avg"] == {"age": None}
    assert 0 <= found["data"][0]["avg"]["age"] <= 100
    assert found["privacy"]["epsilon"] == 0.5
    assert found["privacy"]["sum"]["rent"] == {
        "scale": 4 / 10**5, "accuracy_95": 12 / 10**5, "low": 0, "high": 10,
    }  # fmt: skip


def test_the_grants_document_describes_what_is_answered(gateway):
    told = gateway.ask("/share/v1/residents", "format=openapi").json
    OPENAPI_31_VALIDATOR.validate(told)
    assert told["x-grant"]["privacy"]["budget"] == 2.0
    operation = told["paths"]["/share/v1/residents/statistics"]["post"]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    question = {"group": ["scope", "area"], "sum": ["rent"], "avg": ["age"]}
    found = ask(gateway, **question).json
    jsonschema_rs.validate(body, question)
    jsonschema_rs.validate(answer, found)
    assert not jsonschema_rs.is_valid(body, {"group": ["code"]})
    (example,) = examples(CompiledGrant(GRANT, INTERFACE, b"k" * 32))
    jsonschema_rs.validate(answer, json.loads(example.answer))
    contract = gateway.ask("/share/v1/residents", "format=odcs").json
    jsonschema_rs.validate(json.loads(STANDARD.read_text()), contract)


def test_several_records_of_one_person_widen_every_noise(tmp_path, silent):
    publish(tmp_path, replace(GRANT, privacy=replace(TERMS, records=3)))
    with local(tmp_path) as gateway:
        ask(gateway, sum=["age"])
    assert [each.sensitivity for each in silent.asked[0][1]] == [3, 300]


def test_the_same_question_is_answered_once_and_stays_the_same_also_after_a_restart(
    tmp_path, silent
):
    publish(tmp_path)
    with local(tmp_path) as gateway:
        first = ask(gateway, group=["area"]).json
        publish(tmp_path, rows=ROWS[:10])
        gateway.refresh()
        again = ask(gateway, group=["area"]).json
    with local(tmp_path) as restarted:
        later = ask(restarted, group=["area"]).json
    assert first["data"] == again["data"] == later["data"]
    assert first["version"] == again["version"] == later["version"]
    assert [each["budget"]["kept"] for each in (first, again, later)] == [False, True, True]
    assert [each["budget"]["remaining"] for each in (first, again, later)] == [1.5] * 3
    assert len(silent.asked) == 1
    kept = {(call.app, call.outcome, call.found) for call in calls(tmp_path)}
    assert kept == {("app-1", "ok", 3)}


QUESTIONS = [{"group": ["area"]}, {"sum": ["age"]}, {"avg": ["age"]}, {"sum": ["rent"]}, {}]


def test_a_spent_budget_refuses_new_questions_and_says_when_it_renews(gateway, silent):
    statuses = [ask(gateway, **each).status for each in QUESTIONS]
    assert statuses == [200] * 4 + [429]
    refused = ask(gateway, **QUESTIONS[-1])
    assert refused.json["code"] == "budget_spent"
    today = privacy_terms.today(datetime.now(UTC).timestamp())
    assert privacy_terms.renewal("month", today).isoformat() in refused.json["detail"]
    assert 0 < int(refused.headers["retry-after"]) <= 32 * 86_400
    assert ask(gateway, **QUESTIONS[0]).status == 200
    assert len(silent.asked) == 4


def test_what_was_spent_is_read_from_the_trail_when_the_ledger_is_lost(tmp_path, silent):
    publish(tmp_path)
    with local(tmp_path) as gateway:
        for each in QUESTIONS[:3]:
            assert ask(gateway, **each).status == 200
    for path in (tmp_path / "privacy").iterdir():
        path.unlink()
    with local(tmp_path) as again:
        # The answer left once and is not kept any more: a fresh draw costs again.
        assert ask(again, **QUESTIONS[0]).json["budget"]["remaining"] == 0.0
        assert ask(again, **QUESTIONS[1]).json["code"] == "budget_spent"
    assert len(silent.asked) == 4


def test_an_expense_without_an_answer_is_not_paid_twice(gateway, silent, monkeypatch):
    def fails(_epsilon, _releases):
        raise NoiseError("died twice")

    monkeypatch.setattr(silent, "draw", fails)
    assert ask(gateway, group=["area"]).json["code"] == "privacy_unavailable"
    monkeypatch.undo()
    monkeypatch.setattr(private, "installed", lambda: True)
    assert ask(gateway, group=["area"]).json["budget"]["remaining"] == 1.5


def test_a_ledger_that_cannot_be_written_answers_nothing(gateway, tmp_path, silent):
    (tmp_path / "privacy").mkdir()
    (tmp_path / "privacy" / "ledger.sqlite").write_bytes(b"no database" * 99)
    assert ask(gateway).json["code"] == "privacy_unavailable"
    assert silent.asked == []


def test_without_the_library_nothing_is_spent_or_answered(gateway, tmp_path, monkeypatch):
    monkeypatch.setattr(private, "installed", lambda: False)
    refused = ask(gateway)
    assert (refused.status, refused.json["code"]) == (503, "privacy_unavailable")
    assert "OpenDP" in refused.json["detail"]
    assert not (tmp_path / "privacy").exists()


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ({"group": ["code"]}, "没有公开的分组取值"),
        ({"group": ["rent"]}, "没有公开的分组取值"),
        ({"sum": ["code"]}, "数值字段"),
    ],
)
def test_groups_that_only_the_data_knows_are_refused(gateway, silent, question, word):
    refused = ask(gateway, **question)
    assert refused.json["code"] == "not_queryable"
    assert word in refused.json["detail"]
    assert silent.asked == []


def test_questions_side_by_side_in_several_workers_never_overspend(tmp_path):
    workers = [Ledger(tmp_path / "ledger.sqlite", tmp_path / "audit") for _worker in range(3)]
    today = date(2099, 1, 1)

    def spend(at):
        item = replace(ITEM, question=str(at % 10))
        found = workers[at % 3].spend(item, start=today, day=today, micros=300, limit=1000)
        return found and (item.question, found.number)

    with ThreadPoolExecutor(12) as pool:
        found = {each for each in pool.map(spend, range(60)) if each}
    # Three questions fit, each was paid for once, whoever asked.
    assert len(found) == len({question for question, _number in found}) == 3


@pytest.mark.service
@given(
    st.sampled_from(privacy_terms.PERIODS),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.booleans()), max_size=15),
)
@settings(max_examples=15, deadline=None)
def test_no_order_of_questions_days_and_workers_overspends(tmp_path_factory, period, steps):
    folder = tmp_path_factory.mktemp("ledger")
    workers = [Ledger(folder / "ledger.sqlite", folder / "audit") for _worker in range(2)]
    bought: set[tuple[int, date]] = set()
    for question, ahead, second in sorted(steps, key=lambda step: step[1]):
        day = date(2099, 1, 1) + timedelta(days=ahead)
        start = privacy_terms.started(period, day)
        item = replace(ITEM, question=str(question))
        found = workers[second].spend(item, start=start, day=day, micros=400, limit=1000)
        known = (question, start) in bought
        left = 1000 - 400 * sum(begun == start for _question, begun in bought)
        assert (found is not None) == (known or left >= 400)
        if found is not None:
            bought.add((question, start))
            assert found.spent == 400 * sum(begun == start for _question, begun in bought)


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"epsilon": 0, "budget": 1}, {"epsilon": 1, "budget": 0.5},
        {"epsilon": "1", "budget": 1}, {"epsilon": True, "budget": 1}, {"epsilon": 1, "budget": 1e9},
        {"epsilon": 1, "budget": 2, "period": "year"}, {"epsilon": 1, "budget": 2, "records": 0},
        {"epsilon": 1, "budget": 2, "records": 1.5}, {"epsilon": 1, "budget": 2, "more": 1},
        {"epsilon": 1, "budget": 2, "bounds": {"age": [5, 5]}},
        {"epsilon": 1, "budget": 2, "bounds": {"age": [0, 1e12]}},
        {"epsilon": 1, "budget": 2, "bounds": {'age"': [0, 1]}},
        {"epsilon": 1, "budget": 2, "bounds": {"age": [1]}},
        {"epsilon": 1, "budget": 2, "bounds": 7}, {"epsilon": 1, "budget": 2, "groups": {"a": []}},
        {"epsilon": 1, "budget": 2, "groups": {"a": ["x", "x"]}},
        {"epsilon": 1, "budget": 2, "groups": {"a": [1]}},
        {"epsilon": float("nan"), "budget": 2}, {"epsilon": 1, "budget": 2, "period": []},
    ],
)  # fmt: skip
def test_terms_that_nobody_could_keep_are_no_terms(document):
    with pytest.raises(PrivacyError):
        privacy_terms.from_document(document)


def test_terms_go_with_statistics_alone_and_with_columns_that_are_there():
    assert privacy_terms.from_document(json.loads(json.dumps(asdict(TERMS)))) == TERMS
    for wrong in (
        replace(GRANT, kinds=("statistics", "lookup")),
        replace(GRANT, privacy=replace(TERMS, bounds={"area": (0, 1)})),
        replace(GRANT, privacy=replace(TERMS, groups={"rent": ("1",)})),
        replace(GRANT, privacy=replace(TERMS, epsilon=math.inf)),
    ):
        with pytest.raises(BundleError):
            validate(Bundle((APP,), (INTERFACE,), (wrong,)))


def test_periods_are_days_and_months_in_beijing():
    late = datetime(2026, 12, 31, 16, 0, tzinfo=UTC).timestamp()
    assert privacy_terms.today(late) == date(2027, 1, 1)
    assert privacy_terms.started("month", date(2026, 12, 31)) == date(2026, 12, 1)
    assert privacy_terms.renewal("month", date(2026, 12, 31)) == date(2027, 1, 1)
    assert privacy_terms.renewal("day", date(2026, 2, 28)) == date(2026, 3, 1)
    assert privacy_terms.seconds_until(date(2027, 1, 1), late - 90) == 90


# What follows draws real noise.


@pytest.fixture(scope="module")
def drawing():
    pytest.importorskip("opendp", reason="OpenDP is optional and not installed here")
    found = Noise()
    yield found
    found.close()


def geometric(scale, within):
    """Probabilities of a discrete Laplace number from -within to within."""
    share = math.exp(-1 / scale)
    return {at: (1 - share) / (1 + share) * share ** abs(at) for at in range(-within, within + 1)}


@pytest.mark.service
def test_the_noise_is_discrete_laplace_of_the_stated_scale(drawing):
    (found,) = drawing.draw(0.5, [Release(1, [0] * 20_000)])
    assert found.scale == pytest.approx(2.0)
    expected = geometric(found.scale, 12)
    counts = Counter(found.values)
    square = sum((counts[at] - 20_000 * p) ** 2 / (20_000 * p) for at, p in expected.items())
    # 25 cells: a chi-square of 24 degrees of freedom exceeds 77.5 once in 1.6 million runs.
    assert square < 77.5
    assert sum(abs(each) < found.accuracy for each in found.values) / 20_000 > 0.94


@pytest.mark.service
def test_neighbouring_data_are_no_likelier_told_apart_than_epsilon_allows(drawing):
    epsilon, runs = 1.0, 20_000
    one, other = (
        Counter(drawing.draw(epsilon, [Release(1, [count] * runs)])[0].values)
        for count in (100, 101)
    )
    for at in {*one, *other}:
        low, high = sorted((one[at], other[at]))
        # Six standard deviations of the counts: one of some fifty cells is off by more once in 10 million runs.
        assert high <= math.exp(epsilon) * low + 6 * math.sqrt(high + math.e**2 * low + 1), at


@pytest.mark.service
def test_releases_share_epsilon_and_large_sensitivities_widen_the_noise(drawing):
    counts, sums = drawing.draw(1.0, [Release(1, [5]), Release(100, [1000])])
    assert (counts.scale, sums.scale) == (pytest.approx(2.0), pytest.approx(200.0))
    assert 1 / counts.scale + 100 / sums.scale <= 1.0


@pytest.mark.service
def test_a_noise_process_that_died_is_replaced_and_one_that_is_too_slow_is_ended(monkeypatch):
    pytest.importorskip("opendp", reason="OpenDP is optional and not installed here")
    drawing = Noise()
    drawing.draw(1.0, [Release(1, [1])])
    first = drawing._process
    first.kill()
    first.wait()
    assert len(drawing.draw(1.0, [Release(1, [1, 2])])[0].values) == 2
    assert drawing.pid != first.pid
    with pytest.raises(NoiseError, match="Exception"):
        drawing.draw(1.0, [Release(-1, [1])])
    monkeypatch.setattr(noise, "SECONDS", 0.0)
    with pytest.raises(NoiseError, match="died twice"):
        drawing.draw(1.0, [Release(1, [1])])
    assert drawing.pid is None
    drawing.close()


@pytest.mark.service
@pytest.mark.crash
def test_kill_nine_loses_no_expense(tmp_path):
    pytest.importorskip("opendp", reason="OpenDP is optional and not installed here")
    publish(tmp_path, replace(GRANT, privacy=replace(TERMS, budget=1.5)))
    answered = []
    for round_, question in enumerate((("area",), ("scope",))):
        with served(tmp_path, "--workers", "2") as server:
            answered.append(server.client().statistics("residents", question).document)
            if round_:
                answered.append(server.client().statistics("residents", ("area",)).document)
            server.kill_all()
    with served(tmp_path) as server:
        answered.append(server.client().statistics("residents", ("area",)).document)
    spent = [each["budget"]["spent"] for each in answered]
    assert spent == [0.5, 1.0, 1.0, 1.0]
    assert answered[0]["data"] == answered[2]["data"] == answered[3]["data"]
