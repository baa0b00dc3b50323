import pytest

from chengshu_lake import BadQuery, BadTableName
from chengshu_lake.session import Limits, open_session, seal
from chengshu_lake.tests.conftest import some_people

REFUSED = [
    "DELETE FROM p",
    "UPDATE p SET name = 'x'",
    "INSERT INTO p VALUES (1)",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW p",
    "COPY p TO '{dir}/out.csv'",
    "COPY (SELECT 1) TO '{dir}/out.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{dir}'",
    "ATTACH '{dir}/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET memory_limit = '100GB'",
    "CALL duckdb_settings()",
    "EXPLAIN SELECT 1",
    "DESCRIBE p",
    "SHOW TABLES",
    "SELECT 1; SELECT 2",
    "",
    "not sql",
    "SELECT * FROM other",
    "SELECT * FROM main.p",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '{dir}/x.parquet'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('{dir}/*.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('p')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT * FROM p WHERE code IN (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "WITH x AS (SELECT 1), y AS (SELECT * FROM hidden) SELECT * FROM x",
    "SELECT (SELECT max(filename) FROM glob('/etc/*'))",
    "FROM p SELECT * LIMIT (SELECT count(*) FROM glob('/etc/*'))",
]


@pytest.mark.parametrize("query", REFUSED)
def test_everything_but_a_query_over_the_given_tables_is_refused(people, tmp_path, query):
    with pytest.raises(BadQuery, match=r"[\u4e00-\u9fff]"):
        people.sql(query.replace("{dir}", str(tmp_path)), tables={"p": "std/people"})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lake"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM p",
        "FROM p SELECT age LIMIT 1",
        "SELECT age, row_number() OVER (PARTITION BY name ORDER BY code) FROM p",
        "SELECT * FROM P p2 UNION ALL SELECT * FROM p",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r",
        "SELECT * FROM range(3), (VALUES (1)) v(x)",
        "SELECT unnest([1, 2]), strftime(seen, '%Y-%m'), regexp_extract(code, '\\d') FROM p",
    ],
)
def test_ordinary_queries_pass(people, query):
    people.merge("std/people", some_people(["1", "2"], age=3))
    assert people.sql(query, tables={"p": "std/people"}).read_all().num_rows > 0


def test_a_column_that_does_not_exist_is_explained(people):
    with pytest.raises(BadQuery, match="nobody"):
        people.sql("SELECT nobody FROM p", tables={"p": "std/people"})


def test_the_names_of_tables_inside_a_query_are_plain(people):
    with pytest.raises(BadTableName):
        people.sql("SELECT 1", tables={'p"; DROP': "std/people"})


def test_a_query_over_time_or_memory_is_stopped(people, tmp_path):
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
    with pytest.raises(BadQuery, match="允许的时间"):
        people.sql(endless, tables={}, timeout=0.2).read_all()


def test_the_sealed_session_refuses_files_even_without_the_query_check(tmp_path):
    """The second line of defence: what the parser check let through would still fail here."""
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    with open_session(Limits(64, 1, tmp_path), tmp_path / "spill") as session:
        seal(session, [])
        for query in (
            f"SELECT * FROM read_text('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            f"ATTACH '{tmp_path}/x.db'",
            "SET enable_external_access = true",
            "SET memory_limit = '1GB'",
            "LOAD httpfs",
        ):
            with pytest.raises(Exception, match=r"(?i)permission|configuration|disabled"):
                session.execute(query)
