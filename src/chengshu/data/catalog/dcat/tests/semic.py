"""SEMIC's constraints of DCAT-AP 3.0.0 as SHACL: the table of facts becomes a graph of shapes, and a file is read back.

The table says what SEMIC's own file says, one line per class and property; :func:`facts_of` reads the same facts out of
a SHACL file, so that a copy of SEMIC's can be laid beside the table and compared.
"""

from collections import Counter
from pathlib import Path

from pyshacl import validate
from rdflib import (
    DCAT,
    DCTERMS,
    FOAF,
    PROV,
    RDF,
    RDFS,
    SH,
    SKOS,
    TIME,
    XSD,
    BNode,
    Graph,
    Literal,
    Namespace,
    URIRef,
)

from chengshu.data.catalog.dcat import vocabulary as words

HERE = Path(__file__).parent
MANDATORY, RECOMMENDED = HERE / "semic_3_0_0.txt", HERE / "semic_recommended.txt"
_SPACES = {
    "adms": words.ADMS, "dcat": Namespace(str(DCAT)), "dcatap": words.DCATAP, "dct": DCTERMS,
    "eli": Namespace("http://data.europa.eu/eli/ontology#"), "foaf": FOAF,
    "locn": Namespace("http://www.w3.org/ns/locn#"),
    "odrl": Namespace("http://www.w3.org/ns/odrl/2/"), "prov": PROV, "rdfs": RDFS, "skos": SKOS,
    "spdx": Namespace("http://spdx.org/rdf/terms#"), "time": TIME, "vcard": words.VCARD, "xsd": XSD,
}  # fmt: skip
_PARTS = {"min": SH.minCount, "max": SH.maxCount, "class": SH["class"], "datatype": SH.datatype}
Fact = tuple[URIRef, URIRef, str, str]


def named(name: str) -> URIRef:
    """A term by its prefixed name."""
    prefix, _, local = name.partition(":")
    return URIRef(f"{_SPACES[prefix]}{local}")


def table(path: Path) -> set[Fact]:
    """The facts of a table: class, property, part of a constraint, value."""
    found: set[Fact] = set()
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, prop, *rules = line.split()
        for rule in rules:
            part, _, value = rule.partition("=")
            plain = value if value.isdigit() else str(named(value))
            found.add((named(kind), named(prop), part, plain))
    return found


def shapes(path: Path, severity: URIRef = SH.Violation) -> Graph:
    """A table as a graph of shapes, a property shape per fact."""
    graph = Graph()
    for number, (kind, prop, part, value) in enumerate(sorted(table(path))):
        node, inner = URIRef(f"urn:semic:{path.stem}:{number}"), BNode()
        graph.add((node, RDF.type, SH.NodeShape))
        graph.add((node, SH.targetClass, kind))
        graph.add((node, SH.property, inner))
        graph.add((inner, SH.path, prop))
        graph.add((inner, SH.severity, severity))
        stored = Literal(int(value)) if value.isdigit() else URIRef(value)
        graph.add((inner, _PARTS[part], stored))
    return graph


def facts_of(graph: Graph) -> set[Fact]:
    """The facts of the node shapes in a SHACL graph that name a class."""
    found: set[Fact] = set()
    for node, kind in graph.subject_objects(SH.targetClass):
        for inner in graph.objects(node, SH.property):
            prop = graph.value(inner, SH.path)
            for part, predicate in _PARTS.items():
                for value in graph.objects(inner, predicate):
                    found.add((URIRef(str(kind)), URIRef(str(prop)), part, str(value)))
    return found


def broken(graph: Graph, constraints: Graph) -> Counter[tuple[str, str]]:
    """How often each constraint is broken, by (property, value or kind of constraint)."""
    _conforms, report, _text = validate(graph, shacl_graph=constraints)
    assert isinstance(report, Graph)
    found: Counter[tuple[str, str]] = Counter()
    for result in report.subjects(RDF.type, SH.ValidationResult):
        path = str(report.value(result, SH.resultPath))
        shape = report.value(result, SH.sourceShape)
        kind = next(
            (str(c) for n in constraints.subjects(SH.property, shape)
             for c in constraints.objects(n, SH.targetClass)),
            "",
        )  # fmt: skip
        found[
            kind.rpartition("/")[2].rpartition("#")[2], path.rpartition("/")[2].rpartition("#")[2]
        ] += 1
    return found
