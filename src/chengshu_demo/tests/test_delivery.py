"""Deliveries keep their promised balance, repeat exactly, and fit together across departments."""

import hashlib
import os
import subprocess
import sys
from collections import Counter

import pytest

from chengshu_demo import FICTITIOUS_PREFIX, city, deliveries, expected, ground_truth, rows
from chengshu_demo.frame import candidates, is_unique
from chengshu_demo.model import Entry
from chengshu_demo.world import SCALES

FULL = ("ga_vehicle", "sj_enterprise", "zh_public_facility", "gjt_bus_ride", "ny_village_coop")


def table(key: str, scale: str = "small") -> list[dict[str, str | None]]:
    return [row for batch in rows(key, scale=scale) for row in batch.to_pylist()]


@pytest.mark.parametrize("entry", city().entries, ids=lambda e: e.key)
def test_a_delivery_balances_exactly(entry: Entry) -> None:
    balance = expected(entry.key, "small")
    found = list(deliveries(entry.key, scale="small"))
    records = [tuple(row.values()) for d in found for row in d.rows.to_pylist()]
    truth = [row for d in found for row in d.truth.to_pylist()]
    assert len(records) == balance.source
    bad = {t["row_no"] for t in truth if t["hard"]}
    repeated = {t["row_no"]: int(t["original"]) for t in truth if t["kind"] == "duplicate_row"}
    assert (len(bad), len(repeated)) == (balance.quarantined, balance.duplicates)
    for row, first in repeated.items():
        assert first < row
        assert records[row - 1] == records[first - 1]
    key = list(entry.items).index(entry.item(entry.key_columns[0]))
    good = [r[key] for n, r in enumerate(records, start=1) if n not in bad and n not in repeated]
    assert len(set(good)) == len(good) == balance.accepted
    assert not {records[n - 1][key] for n in bad} & set(good)


@pytest.mark.parametrize("key", FULL)
def test_large_tables_really_have_their_full_size(key: str) -> None:
    balance = expected(key, "full")
    assert sum(batch.num_rows for batch in rows(key, scale="full")) == balance.source
    kinds = Counter(
        "hard" if t["hard"] else t["kind"]
        for batch in ground_truth("full", key)
        for t in batch.to_pylist()
    )
    assert (kinds["hard"], kinds["duplicate_row"]) == (balance.quarantined, balance.duplicates)


def test_the_open_dataset_has_4534_records_at_every_scale() -> None:
    for scale in SCALES:
        assert expected(city().open_dataset, scale).accepted == 4_534


@pytest.mark.parametrize("scale", SCALES)
def test_there_are_enough_people_and_enterprises_for_every_register(scale) -> None:
    for entry in city().entries:
        natural = entry.item(entry.key_columns[0]).generator in ("p.id", "o.uscc", "v.plate")
        if natural or is_unique(entry.subject):
            registered, extra = candidates(entry.subject, scale)
            balance = expected(entry.key, scale)
            need = balance.accepted + balance.quarantined
            assert need <= len(registered) + len(extra), entry.key


def digest() -> str:
    found = hashlib.sha256()
    for key in ("ga_resident_population", "sj_enterprise", "zf_grid_event", "ss_student"):
        for delivery in deliveries(key, scale="small"):
            found.update(repr(delivery.rows.to_pydict()).encode())
            found.update(repr(delivery.truth.to_pydict()).encode())
    return found.hexdigest()


def test_another_process_generates_the_same_bytes() -> None:
    code = "from chengshu_demo.tests.test_delivery import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert other.stdout.strip() == digest()


def test_ground_truth_is_the_same_with_and_without_the_rows() -> None:
    for key in ("ss_student", "zf_dispute", "sj_market_penalty"):
        beside = [row for d in deliveries(key, scale="small") for row in d.truth.to_pylist()]
        alone = [row for batch in ground_truth("small", key) for row in batch.to_pylist()]
        assert beside == alone
        assert beside


def test_the_same_people_appear_in_every_department() -> None:
    register = {r["id_number"]: r for r in table("ga_resident_population")}
    for key in ("ss_student", "ss_medical_insured", "ga_driver", "ss_outpatient_visit"):
        known = [r for r in table(key) if r["id_number"] in register]
        assert len(known) > 0.9 * expected(key, "small").source
        same = sum(r["person_name"] == register[r["id_number"]]["person_name"] for r in known)
        assert 0.95 * len(known) < same <= len(known)


def test_enterprises_of_the_tax_register_are_registered() -> None:
    registered = {r["uscc"] for r in table("sj_enterprise")}
    found = [r["uscc"] for r in table("sw_tax_register")]
    assert sum(code in registered for code in found) > 0.97 * len(found)


def test_the_deceased_are_not_residents() -> None:
    residents = {r["id_number"] for r in table("ga_resident_population")}
    dead = {r["id_number"] for r in table("ss_funeral")} - {None}
    assert dead
    assert len(dead & residents) <= expected("ga_resident_population", "small").quarantined


def test_students_are_children_in_the_right_grade() -> None:
    grades = {r["grade"] for r in table("ss_student") if r["grade"]}
    assert "一年级" in grades
    assert "高二" in grades
    for row in table("ss_student"):
        number = row["id_number"] or ""
        if row["grade"] == "一年级" and len(number) == 18 and "E" not in number:
            assert number[6:10] in {"2018", "2019", "2020"}


def test_community_codes_are_the_citys_own() -> None:
    codes = {o.code for o in city().organisations if o.kind in ("community", "management_area")}
    for key in ("zf_grid_event", "ga_household_register", "zh_public_facility"):
        found = {r["community_code"] for r in table(key)} - {None}
        assert found <= codes
        assert len(found) > 90


def test_every_identity_number_and_credit_code_is_marked_fictitious() -> None:
    for entry in city().entries[::9]:
        columns = [i.column for i in entry.items if i.format in ("id_number", "uscc")]
        for batch in rows(entry.key, scale="small"):
            for column in columns:
                values = [v for v in batch.column(column).to_pylist() if v and "E+" not in v]
                assert all(FICTITIOUS_PREFIX in v[:8] for v in values), (entry.key, column)
