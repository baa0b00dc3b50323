"""The same tokens and queries on the database the suite runs on: SQLite or PostgreSQL."""

from collections.abc import Callable

import pytest
from django.db import connection

from chengshu.kernel.search.tests.test_text import LABELLED, TITLES
from chengshu.kernel.search.text import (
    FTS5_TOKENIZER,
    Mode,
    fts5_match,
    parse_query,
    title_tokens,
    tsquery,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def match() -> Callable[[str, Mode], list[str]]:
    postgresql = connection.vendor == "postgresql"
    cursor = connection.cursor()
    if postgresql:
        cursor.execute(
            "CREATE TEMPORARY TABLE found (id int, tokens text, vector tsvector"
            " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(tokens, ' '))) STORED)"
            " ON COMMIT DROP"
        )
        insert = "INSERT INTO found (id, tokens) VALUES (%s, %s)"
        select = "SELECT id FROM found WHERE vector @@ %s::tsquery"
    else:
        cursor.execute(
            f"CREATE VIRTUAL TABLE found USING fts5(tokens, tokenize='{FTS5_TOKENIZER}')"
        )
        insert = "INSERT INTO found (rowid, tokens) VALUES (%s, %s)"
        select = "SELECT rowid FROM found WHERE found MATCH %s"
    cursor.executemany(insert, [(n, " ".join(title_tokens(t))) for n, t in enumerate(TITLES)])

    def ask(text: str, mode: Mode) -> list[str]:
        query = parse_query(text)
        render = tsquery if postgresql else fts5_match
        cursor.execute(select, [render(query, mode=mode)])
        return [TITLES[number] for (number,) in cursor.fetchall()]

    return ask


def test_both_databases_find_what_a_person_expects(match):
    for text, expected in LABELLED.items():
        found = match(text, Mode.ALL) or match(text, Mode.ANY)
        assert [part for part in expected if not any(part in t for t in found)] == [], text


@pytest.mark.parametrize("text", ["' | 'x", "\\'户籍", '"户籍" OR "x', "户籍:*", "户籍 & !低保"])
def test_typed_operators_reach_no_database(match, text):
    for mode in Mode:
        assert "婚姻登记信息" not in match(text, mode)
