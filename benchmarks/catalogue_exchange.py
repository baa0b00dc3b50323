"""The whole catalogue of a city as DCAT-AP 3: written, and checked against every constraint of SEMIC's file.

Takes the city CHENGSHU_DATA_DIR points at, else makes the demo city's catalogue (273 entries, nothing shared or opened
yet) in a throw-away database; writes all that is published as one document, reads it back and validates it with pySHACL
against the table of SEMIC's constraints (``src/chengshu/data/catalog/dcat/tests/semic_3_0_0.txt``), against the
recommendations, and, where CHENGSHU_DCATAP_SHAPES names a copy, against SEMIC's own file. Goal: no violation.

Run: ``[CHENGSHU_DATA_DIR=…] python benchmarks/catalogue_exchange.py``.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

BASE = "https://data.example.org/"


def main() -> None:
    import django

    if "CHENGSHU_DATA_DIR" in os.environ:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengshu.conf.settings.base")
        django.setup()
        sys.exit(check())
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
        django.setup()
        from django.test.utils import setup_databases, teardown_databases

        config = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        try:
            load()
            failed = check()
        finally:
            teardown_databases(config, verbosity=0)
    sys.exit(failed)


def load() -> None:
    """The demo city's catalogue with its departments."""
    from chengshu.data.catalog import demo
    from chengshu.kernel.access.actor import platform
    from chengshu.kernel.identity.models import Organization
    from chengshu_demo import city

    whole = city()
    root = Organization.objects.create(code="330383", name="龙港市", kind="municipal")
    for unit in whole.organisations:
        if unit.kind == "department":
            Organization.objects.create(
                code=unit.code, name=unit.name, short=unit.short, kind="department", parent=root
            )
    demo.load_city(whole, actor=platform())


def check() -> int:
    """Write, read back, validate, print; 1 when a constraint is broken."""
    from django.core.management import call_command
    from rdflib import DCAT, RDF, SH, Graph

    from chengshu.data.catalog.dcat.tests import semic

    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        target, started = Path(folder) / "catalog.ttl", time.process_time()
        call_command("catalog", "dcat", "--output", str(target), "--base-url", BASE, verbosity=0)
        print(
            f"written: {time.process_time() - started:.2f} s CPU, {target.stat().st_size:,} bytes"
        )
        graph = Graph().parse(target)
    for name in ("Catalog", "CatalogRecord", "Dataset", "Distribution", "DataService"):
        print(f"{name}: {len(set(graph.subjects(RDF.type, DCAT[name])))}")
    started = time.process_time()
    violations = semic.broken(graph, semic.shapes(semic.MANDATORY))
    facts = len(semic.table(semic.MANDATORY))
    seconds = time.process_time() - started
    print(f"violations of {facts} constraints: {violations.total()} ({seconds:.2f} s CPU)")
    warnings = semic.broken(graph, semic.shapes(semic.RECOMMENDED, SH.Warning))
    for (kind, prop), count in sorted(warnings.items(), key=lambda found: -found[1]):
        print(f"recommended and missing: {kind} {prop} {count}")
    given = os.environ.get("CHENGSHU_DCATAP_SHAPES")
    if given:
        own = Graph().parse(given)
        differing = semic.facts_of(own) ^ semic.table(semic.MANDATORY)
        print(f"facts that differ from the file given: {len(differing)}")
        violations += semic.broken(graph, own)
        print(f"violations of the file given as well: {violations.total()}")
    if violations:
        for (kind, prop), count in violations.items():
            print(f"broken: {kind} {prop} {count}")
    return int(bool(violations))


if __name__ == "__main__":
    main()
