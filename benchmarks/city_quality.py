"""The whole city collected, validated and graded, and how many planted defects the rules find.

``demo load`` at the chosen scale does the collecting and grading (goal at full scale: < 5 min for both on 2 cores).
Then every planted defect of the generator's ground truth is looked for: hard kinds in the quarantine of the load,
soft kinds among the failing rows of the quality rules. Recall and precision are counted per kind over whole tables.

A soft defect counts as found when a rule of its kind names its row. Nothing planted is left out of the count.
``evident`` says how many were planted in tables that hold what gives them away: a table may have places for a kind of
defect and no evidence of it, and there the generator plants none (listed at the end), or only what shows by itself.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GOAL_SECONDS = 300
Rows = dict[str, dict[str, set[str]]]


def main() -> None:
    """Load (unless ``--data`` names a loaded city), then count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", default="full", choices=("small", "full"))
    parser.add_argument("--data", default="")
    chosen = parser.parse_args()
    if chosen.data:
        count(Path(chosen.data), chosen.scale)
        return
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("CHENGSHU_", "DJANGO_"))},
            "CHENGSHU_DATA_DIR": folder, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        program = [sys.executable, "-m", "chengshu.conf.cli"]
        subprocess.run([*program, "setup"], env=environment, check=True, cwd=ROOT)
        load(program, environment, chosen.scale)
        subprocess.run(
            [sys.executable, __file__, "--scale", chosen.scale, "--data", folder],
            env=environment, check=True, cwd=ROOT,
        )  # fmt: skip


def load(program: list[str], environment: dict[str, str], scale: str) -> None:
    """Load the demo city and read the seconds each package says it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, taken = time.monotonic(), {}
    process = subprocess.Popen(
        [*program, "demo", "load", "--scale", scale], env=environment, cwd=ROOT,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        words = line.split()
        if len(words) == 3 and words[2] == "秒":
            taken[words[0]] = float(words[1])
    if process.wait():
        raise SystemExit("demo load failed")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    both = taken.get("数据归集", 0) + taken.get("数据质量", 0)
    print(f"\n{'case':<42}{'seconds':>10}{'goal':>8}")
    print(f"{'collect and validate':<42}{taken.get('数据归集', 0):>10.0f}")
    print(f"{'references, rules from the data, grades':<42}{taken.get('数据质量', 0):>10.0f}")
    print(f"{'both':<42}{both:>10.0f}{GOAL_SECONDS:>8}")
    total = time.monotonic() - started
    print(
        f"{'whole demo load':<42}{total:>10.0f}   ({cpu:.0f} CPU-s, peak {used.ru_maxrss / 1024:.0f} MB)"
    )


def count(folder: Path, scale: str) -> None:
    """Recall and precision per kind."""
    os.environ["CHENGSHU_DATA_DIR"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengshu.conf.settings.base")
    from chengshu.conf import environment

    environment.read_secrets_file(folder)
    import django

    django.setup()
    truth = planted(scale)
    found = failing()
    hard = quarantined()
    print(
        f"\n{'kind':<22}{'planted':>9}{'evident':>9}{'found':>9}{'missed':>8}{'extra':>8}"
        f"{'recall':>9}{'precision':>11}"
    )
    for kind in sorted(truth):
        named = hard if kind in hard else found
        report(kind, truth[kind], named[kind], evident(kind, truth[kind]))
    without_evidence(scale)


def planted(scale: str) -> Rows:
    """Key values of defective rows by kind and entry; hard ones by row number (their key may be the defect)."""
    from chengshu_demo import ground_truth

    truth: Rows = defaultdict(lambda: defaultdict(set))
    for batch in ground_truth(scale):  # type: ignore[arg-type]
        for row in batch.to_pylist():
            if row["kind"] != "duplicate_row":
                name = str(row["row_no"]) if row["hard"] else row["key"]
                truth[row["kind"]][row["entry_code"]].add(name)
    return truth


def evident(kind: str, truth: dict[str, set[str]]) -> int:
    """How many planted rows lie in tables where something gives the defect away."""
    from chengshu_demo import city
    from chengshu_demo.defects import soft_places
    from chengshu_demo.evidence import shows

    places = {entry.key: (entry, soft_places(entry)) for entry in city().entries}
    return sum(
        len(rows)
        for entry, columns, rows in ((*places[key], rows) for key, rows in truth.items())
        if kind not in columns or shows(entry, kind, columns[kind])  # type: ignore[call-overload]
    )


def without_evidence(scale: str) -> None:
    """Places for a kind of defect that nothing would give away, and how many rows its rate would have meant there."""
    from chengshu_demo import city, expected
    from chengshu_demo.defects import soft_places, soft_rate
    from chengshu_demo.evidence import shows, tells_the_name

    none: Counter[str] = Counter()
    for entry in city().entries:
        for kind, column in soft_places(entry).items():
            rows = round(expected(entry.key, scale).accepted * soft_rate(entry, kind))  # type: ignore[arg-type]
            if not shows(entry, kind, column):
                none[f"{kind}, not planted"] += rows
            elif kind == "name_variant" and not tells_the_name(entry, entry.item(column)):
                none[f"{kind}, planted as gaps only"] += rows
    for what, rows in sorted(none.items()):
        print(f"no evidence in the table: {what}: {rows:,}")


# Rule of the load → kinds it may be; the value decides between them.
HARD = {
    "required": "missing_required", "check_digit": "wrong_check_digit",
    "id_as_number": "identifier_as_float", "length": "over_long", "code": "not_in_code_table",
}  # fmt: skip


def quarantined() -> Rows:
    """Refused rows by kind of defect and entry."""
    from chengshu.data.catalog.facade import published_by_id
    from chengshu.data.ingest.facade import Batch, problem_lists

    found: Rows = defaultdict(lambda: defaultdict(set))
    kinds = (*HARD.values(), "invalid_date", "not_a_number")
    for kind in kinds:
        found[kind]
    for batch in Batch.objects.filter(origin="demo", state="loaded", quarantined__gt=0):
        resource_ = published_by_id(batch.resource_id)
        types = {column.name: str(column.type) for column in resource_.columns}
        for row in problem_lists(batch).read_all().to_pylist():
            for problem in row["problems"]:
                kind = HARD.get(problem["rule"])
                if problem["rule"] == "type":
                    date = types[problem["column"]] in ("date", "datetime")
                    kind = "invalid_date" if date else "not_a_number"
                if kind:
                    found[kind][resource_.physical_name].add(str(row["row"]))
    return found


def kind_of(result: Any, rules: dict[int, Any]) -> str:
    """The kind of soft defect a rule looks for; empty for others."""
    if result.rule_id is None:
        template = result.key.partition(":")[0]
        return {
            "gender": "gender_mismatch",
            "stale": "stale",
            "identifier_missing": "missing_identifier",
            "tidy_names": "name_variant",
        }.get(template, "")
    rule = rules[result.rule_id]
    if rule.kind == "reference":
        return {"name": "name_variant", "address": "address_mismatch", "gender": "gender_mismatch"}[
            rule.definition["attribute"]
        ]
    return {
        "region": "address_mismatch",
        "compare": "date_order",
        "unique": "repeat_registration",
        "spelling": "name_variant",
        "pattern": "name_variant",  # found in the data: gaps in names
    }.get(rule.kind, "")


def failing() -> Rows:
    """Stored rows that fail, by kind of soft defect and entry."""
    import numpy as np
    import pyarrow.parquet as pq

    from chengshu.data.quality.models import Evaluation, Rule

    found: Rows = defaultdict(lambda: defaultdict(set))
    rules = Rule.objects.in_bulk()
    for item in Evaluation.objects.filter(latest=True).select_related("resource"):
        rows = pq.read_table(item.rows_file)
        if not len(rows):
            continue
        keys = np.array(rows.column(0).to_pylist(), dtype=object)
        for result in item.results.filter(failed__gt=0, position__gte=0):
            kind = kind_of(result, rules)
            if kind:
                word, bit = divmod(result.position, 64)
                mask = (np.asarray(rows[f"w{word}"]) >> np.uint64(bit)) & np.uint64(1) == 1
                found[kind][item.resource.physical_name] |= set(keys[mask])
    return found


def report(kind: str, truth: dict[str, set[str]], found: dict[str, set[str]], evident: int) -> None:
    """One line, and what was missed or extra by table."""
    entries = set(truth) | set(found)
    good = sum(len(truth.get(e, set()) & found.get(e, set())) for e in entries)
    missed = {e: truth.get(e, set()) - found.get(e, set()) for e in entries}
    extra = {e: found.get(e, set()) - truth.get(e, set()) for e in entries}
    lost, more = sum(map(len, missed.values())), sum(map(len, extra.values()))
    recall, precision = good / max(1, good + lost), good / max(1, good + more)
    print(
        f"{kind:<22}{good + lost:>9,}{evident:>9,}{good + more:>9,}{lost:>8,}{more:>8,}"
        f"{recall:>9.4f}{precision:>11.4f}"
    )
    for word, parts in (("missed", missed), ("extra", extra)):
        worst = Counter({e: len(rows) for e, rows in parts.items() if rows}).most_common(6)
        if worst:
            print(f"    {word} by table: {', '.join(f'{e} {n}' for e, n in worst)}")


if __name__ == "__main__":
    main()
