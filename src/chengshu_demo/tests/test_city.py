"""The city's figures and the soundness of its catalogue."""

import re
from collections import Counter

import pytest

from chengshu_demo import DATA_ITEMS, ENTRIES, RECORDS, city, total
from chengshu_demo.model import Entry
from chengshu_demo.registry import WAREHOUSES

ROLES = {
    "data_officer", "data_admin", "integrator", "citizen", "enterprise", "approver", "grid_worker",
    "duty_officer", "leader", "operator", "security_admin",
}  # fmt: skip


def test_the_city_has_the_figures_of_the_plan() -> None:
    c = city()
    assert (len(c.systems), len(c.entries), len(c.warehouses)) == (17, 273, 10)
    assert (ENTRIES, DATA_ITEMS, RECORDS) == (273, 11_315, 6_322_920)
    assert sum(len(entry.items) for entry in c.entries) == 11_315
    assert (len(c.applications), len(c.interfaces), len(c.open_interfaces)) == (6, 12, 8)
    assert [library.name for library in c.libraries] == ["政治生态专题库", "审批监管专题库"]
    assert c.entry(c.open_dataset).records == 4_534
    assert len(c.communities) == 102


def test_accepted_records_add_up_to_the_plan_by_arithmetic_alone() -> None:
    balance = total("full")
    assert balance.accepted == 6_322_920
    assert balance.source == balance.accepted + balance.quarantined + balance.duplicates
    assert balance.quarantined > 20_000
    assert balance.duplicates > 5_000
    assert 60_000 <= total("small").accepted <= 120_000


def test_organisations_are_the_root_the_departments_and_the_communities() -> None:
    kinds = Counter(o.kind for o in city().organisations)
    assert kinds == {
        "city": 1, "department": 21, "community": 102, "management_area": 1, "enterprise": 1,
    }  # fmt: skip
    codes = [o.code for o in city().organisations]
    assert len(set(codes)) == len(codes)
    assert all(o.parent in codes for o in city().organisations if o.parent)


def test_every_department_but_no_other_provides_entries() -> None:
    departments = {o.code for o in city().organisations if o.kind == "department"}
    assert {e.provider for e in city().entries} == departments


def test_names_and_codes_are_distinct() -> None:
    for values in (
        [e.key for e in city().entries],
        [e.code for e in city().entries],
        [e.title for e in city().entries],
        [s.code for s in city().systems],
    ):
        assert len(set(values)) == len(values)


def test_entries_point_at_registered_systems_and_warehouses() -> None:
    systems = {s.code for s in city().systems}
    assert {e.system for e in city().entries} == systems
    filed = [key for w in city().warehouses for key in w.entries]
    assert sorted(filed) == sorted(e.key for e in city().entries)
    assert len(WAREHOUSES) == 10


def test_owners_of_systems_and_applications_exist() -> None:
    known = {o.code for o in city().organisations}
    assert {s.owner for s in city().systems} <= known
    assert {a.owner for a in city().applications} <= known


@pytest.mark.parametrize("entry", city().entries, ids=lambda e: e.key)
def test_an_entry_is_a_usable_contract(entry: Entry) -> None:
    columns = [item.column for item in entry.items]
    assert 8 <= len(columns) <= 90
    assert len(set(columns)) == len(columns)
    assert len({item.title for item in entry.items}) == len(columns)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{1,62}", column) for column in columns)
    assert len(entry.key_columns) == 1
    assert not entry.item(entry.key_columns[0]).nullable
    assert re.fullmatch(r"[123]/\d{2}/\d{3}/\d{2}/\d{5}", entry.code)
    assert re.search(r"[\u4e00-\u9fff]{4}", entry.title)
    assert entry.summary.endswith("。")
    assert entry.level >= max(item.level for item in entry.items)


def test_a_refusal_to_share_names_its_law_and_nothing_secret_is_opened() -> None:
    refused = [e for e in city().entries if e.sharing == "none"]
    assert len(refused) >= 5
    assert all("《" in e.legal_basis and e.opening == "forbidden" for e in refused)
    assert all(e.opening == "forbidden" for e in city().entries if e.level == "L4")
    assert all(e.level == "L1" for e in city().entries if e.opening == "unconditional")


def test_code_tables_are_known_and_their_codes_fit_the_items() -> None:
    tables = {table.key: table for table in city().code_tables}
    for item in (item for entry in city().entries for item in entry.items if item.code_table):
        widths = {len(code) for code, _ in tables[item.code_table or ""].codes}
        assert widths == {item.length}, item.column
    assert len(tables["ethnic"].codes) == 58


def test_interfaces_look_up_a_key_and_offer_only_columns_that_exist() -> None:
    applications = {a.code for a in city().applications}
    used = set()
    for interface in city().interfaces:
        entry = city().entry(interface.entry)
        assert entry.key_columns == (interface.key_column,)
        assert all(entry.item(column) for column in interface.fields)
        assert set(interface.applications) <= applications
        used |= set(interface.applications)
        assert entry.sharing != "none"
    assert used == applications


def test_what_is_open_is_harmless() -> None:
    for key in [city().open_dataset, *(i.entry for i in city().open_interfaces)]:
        entry = city().entry(key)
        assert (entry.level, entry.opening) == ("L1", "unconditional")


def test_item_counts_vary_and_large_tables_are_narrow() -> None:
    sizes = [len(entry.items) for entry in city().entries]
    assert len(set(sizes)) > 40
    assert min(sizes) == 8
    assert max(sizes) == 90
    cells = sum(len(e.items) * e.records for e in city().entries)
    assert cells < 150_000_000


def test_every_persona_has_an_account_in_an_organisation() -> None:
    known = {o.code: o for o in city().organisations}
    assert {a.role for a in city().accounts} == ROLES
    for account in city().accounts:
        assert account.region == known[account.organisation].region
    names = [a.username for a in city().accounts]
    assert len(set(names)) == len(names)
    assert len({a.id_number for a in city().accounts}) == len(names)


def test_an_unknown_entry_is_refused_with_its_name() -> None:
    with pytest.raises(KeyError, match="table_17"):
        city().entry("table_17")
