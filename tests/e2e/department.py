"""A department's own data as a real source: a PostgreSQL table where a server is at hand, a dropped file elsewhere.

Ten right rows at first. :meth:`Department.deliver` adds three wrong ones and a repeated one, as happens after the
entry was made; :meth:`Department.correct` mends them at the source.
"""

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import Page

# Names of this run, so that the journey can be walked again on a city that goes on running.
RUN = f"{time.time():.0f}"[-5:]
TABLE = f"e2e_reading_room_{RUN}"
TITLE, SOURCE = f"社区书房信息{RUN}", f"社区书房业务库{RUN}"
COLUMNS = (
    ("room_no", "书房编号"), ("room_name", "书房名称"), ("community_code", "社区代码"),
    ("seats", "座位数"), ("opened_on", "开放日期"),
)  # fmt: skip
GOOD = [
    [f"SF{n:04d}", f"{name}社区书房", f"330383198{n:03d}", str(20 + 4 * n), f"2024-{n:02d}-18"]
    for n, name in enumerate(("龙城", "江口", "江浦", "池浦", "下埠", "东城", "洪宫", "龙虹", "下涝", "方岩"), 1)
]  # fmt: skip
SHORT_CODE, WORDS, NO_DAY = "33038319801", "二十四", "2024-02-31"
BAD = [
    ["SF0011", "新渡社区书房", SHORT_CODE, "24", "2024-11-18"],
    ["SF0012", "流浦社区书房", "330383198012", WORDS, "2024-12-18"],
    ["SF0013", "瓯南社区书房", "330383198013", "28", NO_DAY],
]
MENDED = [
    ["SF0011", "新渡社区书房", "330383198011", "24", "2024-11-18"],
    ["SF0012", "流浦社区书房", "330383198012", "24", "2024-12-18"],
    ["SF0013", "瓯南社区书房", "330383198013", "28", "2024-02-29"],
]


@dataclass(frozen=True, slots=True)
class Department:
    """The source and how to change it; ``url`` empty: a folder of dropped files."""

    url: str
    folder: Path

    @property
    def kind(self) -> str:
        """Key of the connector."""
        return "postgresql" if self.url else "folder"

    @property
    def object(self) -> str:
        """What the source's page calls the table."""
        return TABLE if self.url else f"{TABLE}_*.csv"

    def prepare(self) -> None:
        """An empty place with the ten right rows."""
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
                names = ", ".join(f"{name} text" for name, _title in COLUMNS)
                connection.execute(f"CREATE TABLE {TABLE} ({names})")
                connection.execute(f"COMMENT ON TABLE {TABLE} IS '{TITLE}'")
                for name, title in COLUMNS:
                    connection.execute(f"COMMENT ON COLUMN {TABLE}.{name} IS '{title}'")
        self._insert(GOOD)

    def deliver(self) -> None:
        """Three wrong rows and one that is there already."""
        self._insert([*BAD, GOOD[0]])

    def correct(self) -> None:
        """All three mended where they were written."""
        if not self.url:
            self._insert([*GOOD, *MENDED])
            return
        with psycopg.connect(self.url, autocommit=True) as connection:
            for number, _name, community, seats, opened in MENDED:
                connection.execute(
                    f"UPDATE {TABLE} SET community_code = %s, seats = %s, opened_on = %s "
                    "WHERE room_no = %s",
                    (community, seats, opened, number),
                )

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        for path in self.folder.glob(f"{TABLE}_*"):
            path.unlink()

    def register(self, page: Page, web: str) -> None:
        """Fill the form of the source."""
        page.goto(f"{web}/console/ingest/sources/new/?kind={self.kind}")
        page.fill("input[name=name]", SOURCE)
        page.select_option("select[name=warehouse]", index=1)
        if not self.url:
            page.fill("input[name=folder]", TABLE)
            page.fill("[name=pattern]", self.object)
            # Files come whole, with a marker: nobody waits until they have been still for a while.
            page.select_option("select[name=complete]", "ok")
            return
        parts = urlsplit(self.url)
        page.fill("input[name=host]", parts.hostname or "")
        page.fill("input[name=port]", str(parts.port))
        page.fill("input[name=database]", parts.path.lstrip("/"))
        page.fill("input[name=user]", parts.username or "")
        page.fill("input[name=password]", parts.password or "")

    def _insert(self, rows: list[list[str]]) -> None:
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                for row in rows:
                    connection.execute(f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s)", row)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        number = len(list(self.folder.glob("*.csv"))) + 1
        path = self.folder / f"{TABLE}_{number}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([[title for _name, title in COLUMNS], *rows])
        path.with_name(path.name + ".ok").touch()
