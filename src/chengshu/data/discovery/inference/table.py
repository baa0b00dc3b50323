"""A whole table: every column guessed, the key chosen, title and update cycle proposed."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.discovery.inference import guessing, keys, sensitivity
from chengshu.data.discovery.inference.model import (
    LIKELY,
    OPEN,
    Guess,
    ItemProposal,
    Knowledge,
    SourceColumn,
    SourceTable,
    TableProposal,
)
from chengshu.data.discovery.inference.profile import ColumnProfile, cleaned, profile
from chengshu.data.discovery.inference.words import (
    Translator,
    has_hanzi,
    initials,
    plain_title,
    snake,
)

SAMPLE_VALUES = 3
_UPDATED = re.compile(r"update|modif|gmt_modified|更新时间|修改时间|交换|入库时间")
_SPAN_DAYS = 370
_CYCLES = (
    (0.6, "daily", "每日"),
    (0.11, "weekly", "每周"),
    (0.025, "monthly", "每月"),
    (0.009, "quarterly", "每季度"),
)


def propose(table: SourceTable, sample: pa.Table, knowledge: Knowledge) -> TableProposal:
    """A proposed entry for ``table`` from a text sample of its rows; columns the sample lacks are left out."""
    columns = [c for c in table.columns if c.name in sample.column_names]
    facts = profile(sample.select([c.name for c in columns]))
    translator = Translator(knowledge)
    titles = {c.name: translator.title(c.name, c.comment) for c in columns}
    drafts = {
        c.name: _draft(c, titles[c.name], facts[c.name], translator, knowledge) for c in columns
    }
    words = {name: str(guess.value or name) for name, guess in titles.items()}
    types = {name: str(draft["type"].value) for name, draft in drafts.items()}
    found = keys.candidates(sample, facts, table, words, types)
    chosen = found[0] if found else ()
    formats = {name: str(draft["format"].value) for name, draft in drafts.items()}
    personal = sensitivity.about_persons(words, formats)
    names = _unique({c.name: str(drafts[c.name]["name"].value) for c in columns})
    items = []
    for column in columns:
        name, draft, fact = column.name, drafts[column.name], facts[column.name]
        habit = translator.habit(name, words[name])
        draft["name"] = Guess(names[name], draft["name"].why, draft["name"].sure)
        draft["is_key"] = _key(name, chosen, found, declared=bool(table.declared_key))
        draft["nullable"] = guessing.nullable(fact, column, habit, key=name in chosen)
        draft["sensitivity"] = sensitivity.level(
            plain_title(words[name]), formats[name], fact, habit, personal=personal
        )
        items.append(
            ItemProposal(
                column=name, guesses=draft, sample=tuple(v for v, _ in fact.top[:SAMPLE_VALUES]),
                new_codes=() if draft["code_table"].value else guessing.new_codes(fact),
            )
        )  # fmt: skip
    return TableProposal(
        title=_title(table), physical_name=_physical_name(table), items=tuple(items),
        update_cycle=_cycle(sample, words, types), rows=sample.num_rows, key=chosen,
        key_candidates=found,
    )  # fmt: skip


def _draft(
    column: SourceColumn,
    title: Guess,
    facts: ColumnProfile,
    translator: Translator,
    knowledge: Knowledge,
) -> dict[str, Guess]:
    words, name = str(title.value), snake(column.name)
    habit = translator.habit(column.name, words)
    form = guessing.data_format(words, name, facts)
    codes = guessing.code_table(words or name, facts, knowledge.code_tables, habit)
    if form.value:
        codes = Guess("", "已有固定格式", LIKELY)
    table = next((t for t in knowledge.code_tables if t.key == codes.value), None)
    kind = guessing.data_type(
        words, name, facts, column, fixed=bool(form.value or codes.value), habit=habit
    )
    found = {
        "name": translator.name(column.name, words), "title": title, "type": kind,
        "format": form, "code_table": codes,
        "element": guessing.element(words, name, str(form.value), str(codes.value), knowledge),
    }  # fmt: skip
    if kind.value == "text":
        found["length"] = guessing.text_length(facts, column, str(form.value), table, habit)
    elif kind.value == "decimal":
        found["precision"], found["scale"] = guessing.decimal_size(facts, column, habit)
    return found


def _key(
    name: str, chosen: tuple[str, ...], found: tuple[tuple[str, ...], ...], *, declared: bool
) -> Guess:
    if name in chosen:
        if declared:
            return Guess(True, "源表声明的主键", 0.99)
        why = "样本中没有重复" if len(chosen) == 1 else "与其他列合起来在样本中没有重复"
        return Guess(True, why, 0.85 if len(found) == 1 else LIKELY)
    if any(name in group for group in found[1:]):
        return Guess(False, "样本中也没有重复，可以改选为主键", LIKELY)
    return Guess(False, "", 0.9)


def _unique(names: Mapping[str, str]) -> dict[str, str]:
    """Column names without repeats: the second of a kind gets a number."""
    seen: dict[str, int] = {}
    found = {}
    for column, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        found[column] = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return found


def _title(table: SourceTable) -> Guess:
    if has_hanzi(table.comment):
        return Guess(table.comment.strip()[:120], "取自表注释", 0.95)
    bare = re.sub(
        r"\.(csv|txt|tsv|xlsx?|parquet|json|ndjson)$", "", table.name.strip(), flags=re.IGNORECASE
    )
    bare = re.sub(
        r"[_\-]?(20\d{2}[-_.年]?\d{0,2}[-_.月]?\d{0,2}日?|v\d+|副本|最终版?|导出)$", "", bare
    )
    if has_hanzi(bare):
        return Guess(bare[:120], "取自文件或工作表名", 0.85)
    return Guess(bare[:120], "源表没有中文说明，请填写", OPEN)


def _physical_name(table: SourceTable) -> Guess:
    bare = snake(
        re.sub(
            r"\.\w+$", "", table.name.rpartition(".")[2] if "/" not in table.name else table.name
        )
    )
    name = re.sub(r"[^0-9a-z_]", "", initials(bare) if has_hanzi(bare) else bare)
    name = name if name[:1].isalpha() else f"t_{name}"
    return Guess(name[:50].rstrip("_") or "t_new", "由源表名整理", LIKELY)


def _cycle(sample: pa.Table, titles: Mapping[str, str], types: Mapping[str, str]) -> Guess:
    """How often the rows change, by the days on which the update time of the last year falls."""
    for name in sample.column_names:
        if types.get(name) in {"date", "datetime"} and _UPDATED.search(f"{name} {titles[name]}"):
            days = _days(sample.column(name))
            if len(days) < 2:  # noqa: PLR2004
                continue
            last = max(days)
            recent = {day for day in days if 0 <= (last - day).days < _SPAN_DAYS}
            span = max((last - min(recent)).days, 1)
            share = len(recent) / span
            for least, cycle, word in _CYCLES:
                if share >= least:
                    why = f"“{titles[name]}”近一年有 {len(recent)} 天有变动，像{word}更新"
                    return Guess(cycle, why, LIKELY)
            return Guess("yearly", f"“{titles[name]}”近一年只有 {len(recent)} 天有变动", OPEN)
    return Guess("", "没有更新时间一类的列，请选择", 0.0)


def _days(column: Any) -> set[date]:
    digits = pc.replace_substring_regex(cleaned(column), r"[-/.年月]", "")
    heads = pc.utf8_slice_codeunits(digits, 0, 8).unique().to_pylist()
    found = set()
    for head in heads:
        if head and len(head) == 8 and head.isdigit():  # noqa: PLR2004
            try:
                found.add(date(int(head[:4]), int(head[4:6]), int(head[6:])))
            except ValueError:  # a planted 30 February is no day
                continue
    return found
