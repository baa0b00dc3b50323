"""The metadata quality score: what a stranger needs to find, understand and reuse a dataset, checked one by one.

A score of the platform's own making, meant for comparison and improvement; it judges the description and the
freshness, not whether single values are right.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from chengshu.data.opening.models import DatasetRelease, OpenDataset

_CYCLE_DAYS = {
    "realtime": 2, "daily": 2, "weekly": 8, "monthly": 32, "quarterly": 93, "yearly": 367,
}  # fmt: skip
_SUMMARY = 30
_KEYWORDS = 3
_GRADES = ((90, "优"), (75, "良"), (60, "中"), (0, "待改进"))


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """One demand: points earned of those possible, and how to earn the rest; ``key`` finds a proposed fix."""

    key: str
    title: str
    earned: float
    possible: int
    hint: str = ""

    @property
    def met(self) -> bool:
        """Whether nothing is missing."""
        return self.earned >= self.possible


@dataclass(frozen=True, slots=True)
class Quality:
    """The checks; demands that do not apply are left out, so the score is of what applies."""

    checks: tuple[QualityCheck, ...]

    @property
    def score(self) -> int:
        """0–100."""
        possible = sum(check.possible for check in self.checks)
        return int(sum(check.earned for check in self.checks) * 100 / possible) if possible else 0

    @property
    def grade(self) -> str:
        """The word for the score."""
        return next(word for least, word in _GRADES if self.score >= least)

    def gain(self, check: QualityCheck) -> int:
        """By how many points the score would rise if one demand were met."""
        possible = sum(one.possible for one in self.checks)
        return round((check.possible - check.earned) * 100 / possible) if possible else 0

    @property
    def missing(self) -> list[QualityCheck]:
        """What is not fully met, the most rewarding first."""
        return sorted((c for c in self.checks if not c.met), key=lambda c: c.earned - c.possible)


def judge_description(
    dataset: OpenDataset, release: DatasetRelease, now: datetime | None = None
) -> Quality:
    """Judge a dataset as its current release shows it (no query)."""
    columns = release.columns
    defined = sum(bool(column["definition"]) for column in columns)
    texts = [c for c in columns if c["title"] and c["title"] != c["name"]]
    checks = [
        _yes(
            "summary",
            "摘要说得清",
            len(dataset.summary) >= _SUMMARY,
            15,
            f"把摘要写到 {_SUMMARY} 字以上",
        ),
        _yes(
            "keywords",
            "有关键词",
            len(dataset.keywords) >= _KEYWORDS,
            10,
            f"至少写 {_KEYWORDS} 个关键词",
        ),
        _yes("theme", "归入主题", bool(dataset.theme), 5, "选择主题"),
        _yes("contact", "写明联系方式", bool(dataset.contact), 5, "写明谁来回答问题"),
        _yes("cycle", "写明更新周期", bool(dataset.update_cycle), 5, "写明多久更新一次"),
        _part("titles", "字段有中文名", len(texts), len(columns), 10, "补上字段的中文名称"),
        _part("definitions", "字段有说明", defined, len(columns), 15, "在目录中补上数据项的定义"),
        _yes("licence", "写明许可", bool(dataset.licence), 10, "选择许可"),
        _yes("formats", "开放格式", {"csv", "json"} <= set(release.files), 10, "提供 CSV 与 JSON"),
        _part("filled", "单元格已填", _filled(release), 100, 15, "空值较多，请数源单位补全"),
    ]
    age = _CYCLE_DAYS.get(dataset.update_cycle)
    if age is not None:
        fresh = (now or timezone.now()) - release.published_at <= timedelta(days=age)
        checks.append(
            _yes("fresh", "按周期更新", fresh, 10, "超过更新周期没有新版本，请归集新数据")
        )
    return Quality(tuple(checks))


def _filled(release: DatasetRelease) -> float:
    fields = release.profile.get("fields", {})
    cells = release.rows * len(fields)
    return sum(told["filled"] for told in fields.values()) * 100 / cells if cells else 0.0


def _yes(key: str, title: str, met: bool, possible: int, hint: str) -> QualityCheck:
    return QualityCheck(key, title, possible if met else 0, possible, "" if met else hint)


def _part(  # noqa: PLR0917 - one line of the table each
    key: str, title: str, part: float, whole: float, possible: int, hint: str
) -> QualityCheck:
    share = part / whole if whole else 0.0
    return QualityCheck(
        key, f"{title}（{share:.0%}）", possible * share, possible, "" if share >= 1 else hint
    )
