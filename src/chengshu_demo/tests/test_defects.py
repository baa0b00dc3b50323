"""Every planted defect is what the ground truth says it is, and as frequent as stated."""

import datetime as dt
import re
from collections import Counter, defaultdict
from functools import cache

import pytest
from stdnum.cn import ric, uscc

from chengshu_demo import city, deliveries, expected
from chengshu_demo.defects import SOFT_RATES, name_variant, soft_columns, soft_rate
from chengshu_demo.evidence import name_beside, shows, tells_the_name
from chengshu_demo.model import DataItem, Entry

Case = tuple[Entry, dict[str, str | None], dict[str, str | None]]


@cache
def planted() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = defaultdict(list)
    for entry in city().entries:
        row_no = 0
        for delivery in deliveries(entry.key, scale="small"):
            records = delivery.rows.to_pylist()
            for truth in delivery.truth.to_pylist():
                found[truth["kind"]].append((entry, records[truth["row_no"] - row_no - 1], truth))
            row_no += len(records)
    return found


def cases(kind: str) -> list[tuple[DataItem, str | None, str | None, dict[str, str | None]]]:
    made = [
        (
            entry.item(truth["column"] or ""),
            record[truth["column"] or ""],
            truth["original"],
            record,
        )
        for entry, record, truth in planted()[kind]
    ]
    assert len(made) >= 10
    return made


def day(text: str | None) -> dt.date:
    digits = re.sub(r"\D", "", text or "")[:8]
    return dt.datetime.strptime(digits, "%Y%m%d").replace(tzinfo=dt.UTC).date()


def test_missing_cells_are_required_ones() -> None:
    assert all(not i.nullable and v is None and o for i, v, o, _ in cases("missing_required"))


def test_wrong_check_digits_are_wrong_only_in_the_last_place() -> None:
    for item, value, original, _ in cases("wrong_check_digit"):
        assert value is not None
        assert original is not None
        assert value[:-1] == original[:-1]
        if item.format == "uscc":
            assert uscc.is_valid(original)
            assert not uscc.is_valid(value)
        else:
            assert original[-1] == ric.calc_check_digit(original)
            assert value[-1] != ric.calc_check_digit(value)


def test_floats_are_what_a_spreadsheet_makes_of_an_identity_number() -> None:
    for _, value, original, _ in cases("identifier_as_float"):
        assert re.fullmatch(r"\d\.\d{5}E\+17", value or "")
        assert (original or "").startswith((value or "").replace(".", "")[:6])


def test_invalid_dates_are_no_dates() -> None:
    for item, value, _, _ in cases("invalid_date"):
        assert item.type in ("date", "datetime")
        with pytest.raises(ValueError):
            dt.datetime.strptime(value or "", "%Y-%m-%d").replace(tzinfo=dt.UTC)


def test_over_long_texts_exceed_their_length_and_codes_are_in_no_table() -> None:
    assert all(len(value or "") > (item.length or 0) for item, value, _, _ in cases("over_long"))
    tables = {t.key: {code for code, _ in t.codes} for t in city().code_tables}
    for item, value, original, _ in cases("not_in_code_table"):
        assert value not in tables[item.code_table or ""]
        assert original is None or original in tables[item.code_table or ""]


def test_words_stand_where_numbers_belong() -> None:
    for item, value, _, _ in cases("not_a_number"):
        assert item.type in ("integer", "decimal")
        assert not re.fullmatch(r"-?\d+(\.\d+)?", value or "")


def test_gender_contradicts_the_identity_number() -> None:
    for _, value, original, record in cases("gender_mismatch"):
        assert {value, original} == {"1", "2"}
        number = record.get("id_number")
        if number:
            assert (int(number[16]) % 2 == 1) == (original == "1")


def test_dates_in_the_wrong_order_end_before_they_begin() -> None:
    for item, value, original, record in cases("date_order"):
        base = item.generator.removeprefix("end:").partition("+")[0]
        if record[base]:
            assert day(value) < day(record[base])
            assert day(original) >= day(record[base])


def test_stale_records_were_last_touched_years_ago() -> None:
    assert all(
        day(value).year < 2019 <= day(original).year for _, value, original, _ in cases("stale")
    )


@pytest.mark.parametrize("kind", ["name_variant", "address_mismatch"])
def test_variants_differ_from_the_register(kind: str) -> None:
    assert all(value and original and value != original for _, value, original, _ in cases(kind))


def test_a_missing_identity_number_can_still_be_found_by_name_or_telephone() -> None:
    for entry, record, truth in planted()["missing_identifier"]:
        assert record[truth["column"] or ""] is None
        assert truth["original"]
        clues = [i.column for i in entry.items if i.generator in ("p.name", "p.phone")]
        assert any(record[column] for column in clues)


def test_a_number_beside_a_name_is_empty_only_where_the_truth_says_so() -> None:
    pairs = [
        (entry, item.column, named.column)
        for entry in city().entries
        for item in entry.items
        if (named := name_beside(entry, item)) is not None
    ]
    assert len(pairs) > 100
    for entry, number, name in pairs[::4]:
        empty, first = set(), 0
        for delivery in deliveries(entry.key, scale="small"):
            columns = (delivery.rows[number].to_pylist(), delivery.rows[name].to_pylist())
            rows = enumerate(zip(*columns, strict=True), first + 1)
            empty |= {row for row, (one, other) in rows if one is None and other is not None}
            first += len(delivery.rows)
            truth = delivery.truth.to_pylist()
            empty -= {
                t["row_no"]
                for t in truth
                if (t["column"], t["kind"]) == (number, "missing_identifier")
            }
            # A repetition of a row repeats its defects; a rejected one has another defect.
            empty -= {t["row_no"] for t in truth if t["kind"] == "duplicate_row" or t["hard"]}
        assert not empty, (entry.key, number)


def test_nothing_is_planted_that_nothing_in_the_table_gives_away() -> None:
    for kind, found in planted().items():
        for entry, _, truth in found:
            assert shows(entry, kind, truth["column"] or "")
    alone = [
        truth["original"] or ""
        for entry, record, truth in planted()["name_variant"]
        if not tells_the_name(entry, entry.item(truth["column"] or ""))
        and record[truth["column"] or ""]
        != f"{(truth['original'] or '')[0]} {(truth['original'] or '')[1:]}"
    ]
    assert alone == []


@pytest.mark.parametrize("key", ["gd_electric_bill", "sl_water_bill"])
def test_a_meter_is_read_once_a_month(key: str) -> None:
    twice = Counter[tuple[str, str]]()
    other = 0
    for delivery in deliveries(key, scale="small"):
        accounts, months = (delivery.rows[c].to_pylist() for c in ("account_no", "bill_month"))
        twice.update(zip(accounts, months, strict=True))
        kinds = ("duplicate_row", "repeat_registration")
        other += sum(t["kind"] in kinds or t["hard"] for t in delivery.truth.to_pylist())
    assert sum(count - 1 for count in twice.values()) <= other
    assert len({month for _, month in twice}) == 22


def test_a_repeated_registration_is_the_same_person_under_a_new_number() -> None:
    for entry, record, truth in planted()["repeat_registration"]:
        assert truth["key"] != truth["original"]
        first = next(
            row
            for delivery in deliveries(entry.key, scale="small")
            for row in delivery.rows.to_pylist()
            if row[entry.key_columns[0]] == truth["original"]
        )
        shared = [i.column for i in entry.items if i.generator == "p.birth"]
        assert all(first[column] == record[column] for column in shared)


def test_soft_defects_keep_their_rate() -> None:
    counted = Counter((e.key, kind) for kind in SOFT_RATES for e, _, _ in planted()[kind])
    for entry in city().entries:
        accepted = expected(entry.key, "small").accepted
        for kind in soft_columns(entry):
            low, high = SOFT_RATES[kind]
            assert low <= soft_rate(entry, kind) <= high
            assert counted[entry.key, kind] <= round(accepted * high) + 1


def test_soft_defects_spare_rejected_rows_and_hard_ones_stand_alone() -> None:
    hard = Counter(
        (t["entry_code"], t["row_no"])
        for found in planted().values()
        for _, _, t in found
        if t["hard"]
    )
    assert max(hard.values()) == 1
    soft = {
        (t["entry_code"], t["row_no"])
        for found in planted().values()
        for _, _, t in found
        if not t["hard"]
    }
    assert not soft & set(hard)


def test_a_name_variant_is_never_the_name_itself() -> None:
    for name in ("陈伟", "李小芳", "欧阳明", "龙港市鑫达彩印有限公司", "龙港市华彩礼品店"):
        assert all(name_variant(name, lot) != name for lot in range(8))
