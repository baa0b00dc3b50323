"""How many planted cases the hints find, and how many ordinary days they disturb, in the demo's whole history.

Cases are planted in the last 180 days of the 1,738,598 generated calls: bursts (3 to 8 times an hour's usual calls),
work at night (20 to 80 calls in a quiet hour) and key scans (80 to 400 absent keys in a day). A finding of the right
kind, application and day is a hit; any other finding is a false alarm.
"""

import os
import random
import tempfile
import time
from collections import Counter, defaultdict

CASES, DAYS_BACK = 60, 180


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        import django

        django.setup()
        measure()


def read_history() -> tuple[dict[str, dict[int, int]], dict[tuple[str, int], list[int]]]:
    """Hourly calls by application, and (calls, misses, different missing keys) by application and day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from chengshu_demo import calls

    hours: dict[str, dict[int, int]] = defaultdict(dict)
    keys: dict[tuple[str, int], list[int]] = {}
    parts = [
        pa.Table.from_batches([batch]).select(["application", "called_at", "outcome", "key_hash"])
        for batch in calls("full")
    ]
    table = pa.concat_tables(parts)
    local = pc.add(pc.cast(table.column("called_at"), pa.int64()), 8 * 3_600_000_000)
    hour = pc.divide(local, 3_600_000_000)
    table = table.append_column("hour", hour).append_column("day", pc.divide(hour, 24))
    sums = table.group_by(["application", "hour"]).aggregate([("hour", "count")])
    for row in sums.to_pylist():
        # Days are counted from 1970, as weeks of the detector are from any day.
        hours[row["application"]][row["hour"]] = row["hour_count"]
    told = table.filter(pc.is_in(table.column("outcome"), value_set=pa.array(["ok", "no_record"])))
    told = told.append_column(
        "miss", pc.cast(pc.equal(told.column("outcome"), "no_record"), pa.int64())
    )
    days = told.group_by(["application", "day"]).aggregate([("miss", "count"), ("miss", "sum")])
    for row in days.to_pylist():
        keys[row["application"], row["day"]] = [row["miss_count"], row["miss_sum"], 0]
    missed = told.filter(pc.equal(told.column("miss"), 1)).group_by(["application", "day"])
    for row in missed.aggregate([("key_hash", "count_distinct")]).to_pylist():
        keys[row["application"], row["day"]][2] = row["key_hash_count_distinct"]
    return hours, keys


def measure() -> None:
    from chengshu.data.sharing.hints.detection import (
        HOURS,
        SCAN,
        VOLUME,
        DayKeys,
        key_scanning,
        unusual_hours,
    )

    hours, keys = read_history()
    total = sum(sum(series.values()) for series in hours.values())
    first = min(min(series) for series in hours.values())
    last_day = max(max(series) for series in hours.values()) // 24
    days = range(last_day - DAYS_BACK + 1, last_day + 1)
    print(f"  {total:,} calls, {len(hours)} applications, {len(days)} days looked at")
    chance = random.Random(20261201)
    planted: set[tuple[str, str, int]] = set()
    while len(planted) < 3 * CASES:
        kind = (VOLUME, HOURS, SCAN)[len(planted) % 3]
        application, day = chance.choice(sorted(hours)), chance.choice(days)
        if any(a == application and abs(d - day) < 2 for _k, a, d in planted):
            continue
        series = hours[application]
        if kind == VOLUME:
            hour = day * 24 + chance.choice([9, 10, 11, 14, 15, 16])
            usual = series.get(hour - 168, 0)
            series[hour] = max(int(usual * chance.uniform(3, 8)), usual + 40)
        elif kind == HOURS:
            hour = day * 24 + chance.choice([1, 2, 3, 4])
            series[hour] = series.get(hour, 0) + chance.randint(20, 80)
        else:
            tried = chance.randint(80, 400)
            asked = keys.setdefault((application, day), [0, 0, 0])
            # A scanner's day: its own calls weigh more than the application's usual ones.
            keys[application, day] = [asked[0] + tried, asked[1] + tried, asked[2] + tried]
        planted.add((kind, application, day))
    began = time.process_time()
    found: set[tuple[str, str, int]] = set()
    for day in days:
        for application, series in hours.items():
            for finding in unusual_hours(application, series, first, day * 24):
                found.add((finding.kind, application, day))
            past = [keys.get((application, day - 7 * week), [0, 0, 0])[1] for week in range(1, 13)]
            asked = keys.get((application, day), [0, 0, 0])
            for finding in key_scanning(application, DayKeys(*asked, past=past)):
                found.add((finding.kind, application, day))
    spent = time.process_time() - began
    hits, wrong = planted & found, found - planted
    print(f"\n{'':22}{'kind':<10}{'planted':>10}{'found':>8}{'recall':>9}{'false alarms':>14}")
    for kind in (VOLUME, HOURS, SCAN):
        many = Counter(k for k, _a, _d in planted)[kind]
        got = sum(1 for k, _a, _d in hits if k == kind)
        false = sum(1 for k, _a, _d in wrong if k == kind)
        print(f"{'':22}{kind:<10}{many:>10}{got:>8}{got / many:>9.2f}{false:>14}")
    precision = len(hits) / max(1, len(found))
    checked = len(days) * len(hours)
    print(
        f"  precision {precision:.3f}, recall {len(hits) / len(planted):.3f}; {len(wrong)} false alarms in "
        f"{checked:,} application days; {spent / len(days) * 1000:.0f} CPU ms a day looked at"
    )


if __name__ == "__main__":
    main()
