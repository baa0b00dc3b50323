"""How well the duplicate finder does: items of the demo city that come from one generator are the same fact.

Loads the small demo city into a temporary lake and control database, runs the finder over it, and compares its clusters
with the truth pair by pair: two items of different departments are the same when their tables are about one kind of
subject and their values come from the same generator (``p.phone`` is the telephone of the row's person wherever it
appears). Reports precision, recall and time.
"""

import itertools
import os
import resource as process
import tempfile
import time
from collections import Counter

# Generators that make up a value per record instead of telling a fact of the subject.
MADE_UP = ("pick:", "code:", "text:", "int:", "dec:", "money:", "prod:", "date:", "end:", "born:", "dt:", "year",
           "ym", "key:", "no:", "name:", "ref:", "staff", "dept", "deptcode", "unit", "tel", "flag", "url", "ip",
           "hex", "time", "e.", "q.", "f.", "m.")  # fmt: skip
# What a generator tells about the subject of a row depends on whose number it is and what the table is about: in
# a table about organisations the person is the legal representative and the place the organisation's own. q., f. and m.
# are the spouse or a parent where there is one and somebody else where not: left out on both sides.
SAME = {"w.addr": "o.addr", "p.name": "o.legal", "p.id": "o.legalid"}


def fact(about: str, kind: str, made: str) -> str:
    """What values made by ``made`` tell about the subject whose number is made by ``about``; "" for nothing."""
    family = made[:2]
    if made.startswith(MADE_UP):
        return ""
    if about == "o.uscc":
        known = family == "o." or (kind == "o" and family in {"p.", "w."})
        return f"o|{SAME.get(made, made)}" if known else ""
    known = family in {"p.", "g.", "h."} or (kind in {"p", "v"} and family == "w.")
    return f"p|{made}" if about == "p.id" and known else ""


def main() -> None:
    """Load, find, compare."""
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
        import django

        django.setup()
        measure()


def measure() -> None:
    """Print the figures."""
    from django.conf import settings
    from django.core.management import call_command

    from chengshu.conf import demo
    from chengshu.data.catalog.facade import list_published
    from chengshu.data.discovery.similarity import find, holders_of
    from chengshu_demo import city
    from chengshu_lake import Lake

    call_command("migrate", verbosity=0)
    for package in ("accounts", "catalog", "ingest"):
        demo.load(scale="small", say=print, only=package)
    entries = list_published()
    started, busy = time.perf_counter(), time.process_time()
    holders = holders_of(entries)
    found = find(Lake(settings.LAKE_ROOT), holders)
    seconds, work = time.perf_counter() - started, time.process_time() - busy
    generator = {(e.key, i.column): i.generator for e in city().entries for i in e.items}
    unit = {e.key: e.provider for e in city().entries}
    name = {e.id: e.physical_name for e in entries}
    about = {name[h.resource]: generator[name[h.resource], h.subject_column] for h in holders}
    kind = {e.key: e.subject[0] for e in city().entries}
    groups: dict[str, list[tuple[str, str]]] = {}
    for (key, column), made in generator.items():
        if key in about and (told := fact(about[key], kind[key], made)):
            groups.setdefault(told, []).append((key, column))
    truth = _pairs(groups, unit)
    unclear = {at for at, made in generator.items() if made.startswith(("q.", "f.", "m.", "e."))}
    clusters = {
        c.key: [
            at
            for m in c.members
            if (at := (name[m.holder.resource], m.holder.column)) not in unclear
        ]
        for c in found
    }
    guessed = _pairs(clusters, unit)
    right = len(truth & guessed)
    print(f"clusters {len(found)}; pairs found {len(guessed)}, in truth {len(truth)}")
    print(f"precision {right / max(len(guessed), 1):.4f}  recall {right / max(len(truth), 1):.4f}")
    print(f"{len(holders)} items of {len(about)} tables in {seconds:.1f} s ({work:.1f} CPU-s)")
    _explain(truth, guessed, generator)
    print(f"peak memory {process.getrusage(process.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _pairs(
    groups: dict[str, list[tuple[str, str]]], unit: dict[str, str]
) -> set[frozenset[tuple[str, str]]]:
    return {
        frozenset((a, b))
        for members in groups.values()
        for a, b in itertools.combinations(members, 2)
        if unit[a[0]] != unit[b[0]]
    }


def _explain(truth: set[frozenset[tuple[str, str]]], guessed: set[frozenset[tuple[str, str]]],
             generator: dict[tuple[str, str], str]) -> None:  # fmt: skip
    for word, pairs in (("wrong", guessed - truth), ("missed", truth - guessed)):
        kinds = Counter(tuple(sorted(generator[i] for i in pair)) for pair in pairs)
        print(word, kinds.most_common(15))


if __name__ == "__main__":
    main()
