"""Our closed lists in the controlled vocabularies DCAT-AP prescribes (EU Publications Office authority tables)."""

from rdflib import DCAT, DCTERMS, FOAF, RDF, RDFS, SKOS, XSD, Namespace, URIRef

from chengshu.data.catalog.choices import OpenType, Theme, UpdateCycle

ADMS = Namespace("http://www.w3.org/ns/adms#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
GEO = Namespace("http://www.opengis.net/ont/geosparql#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
AUTHORITY = "http://publications.europa.eu/resource/authority/"
PROFILE = URIRef("https://semiceu.github.io/DCAT-AP/releases/3.0.1")
PREFIXES = {
    "dcat": DCAT, "dct": DCTERMS, "foaf": FOAF, "rdf": RDF, "rdfs": RDFS, "skos": SKOS, "xsd": XSD,
    "adms": ADMS, "vcard": VCARD, "dcatap": DCATAP,
}  # fmt: skip

VERSION = URIRef(f"{DCAT}version")  # of DCAT 3, which rdflib's closed namespace does not know yet
CHINESE = URIRef(f"{AUTHORITY}language/ZHO")
THEMES = URIRef(f"{AUTHORITY}data-theme")
LOCAL_AUTHORITY = URIRef("http://purl.org/adms/publishertype/LocalAuthority")
CREATED, UPDATED = "created", "updated"
CHANGES = {CREATED: "新登记", UPDATED: "有变更"}
JSON_TYPE = URIRef(f"{AUTHORITY}file-type/JSON")
LICENCE_TYPE = URIRef("http://purl.org/adms/licencetype/Attribution")
AVAILABLE = URIRef(f"{AUTHORITY}planned-availability/AVAILABLE")
IANA = "http://www.iana.org/assignments/media-types/"

_FREQUENCIES = {
    UpdateCycle.REALTIME: "CONT", UpdateCycle.DAILY: "DAILY", UpdateCycle.WEEKLY: "WEEKLY",
    UpdateCycle.MONTHLY: "MONTHLY", UpdateCycle.QUARTERLY: "QUARTERLY", UpdateCycle.YEARLY: "ANNUAL",
    UpdateCycle.IRREGULAR: "IRREG",
}  # fmt: skip
_RIGHTS = {
    OpenType.UNCONDITIONAL: "PUBLIC", OpenType.RESTRICTED: "RESTRICTED",
    OpenType.FORBIDDEN: "NON_PUBLIC",
}  # fmt: skip
_THEMES = {
    Theme.CREDIT: "ECON", Theme.HEALTH: "HEAL", Theme.EMPLOYMENT: "SOCI", Theme.SAFETY: "JUST",
    Theme.HOUSING: "REGI", Theme.TRANSPORT: "TRAN", Theme.EDUCATION: "EDUC", Theme.SCIENCE: "TECH",
    Theme.ENERGY: "ENER", Theme.ENVIRONMENT: "ENVI", Theme.INDUSTRY: "AGRI", Theme.TRADE: "ECON",
    Theme.FINANCE: "ECON", Theme.WORK_SAFETY: "JUST", Theme.MARKET: "ECON",
    Theme.ASSISTANCE: "SOCI", Theme.LAW: "JUST", Theme.LIVING: "SOCI", Theme.WEATHER: "ENVI",
    Theme.GEOSPATIAL: "REGI",
}  # fmt: skip
THEME_NAMES = {
    "AGRI": "农业、渔业、林业和食品", "ECON": "经济和金融", "EDUC": "教育、文化和体育", "ENER": "能源",
    "ENVI": "环境", "GOVE": "政府和公共部门", "HEAL": "健康", "JUST": "司法、法律制度和公共安全",
    "REGI": "地区和城市", "SOCI": "人口和社会", "TECH": "科学和技术", "TRAN": "交通运输",
}  # fmt: skip
_FILE_TYPES = {
    "text/csv": "CSV", "application/json": "JSON", "application/geo+json": "GEOJSON",
    "application/vnd.apache.parquet": "PARQUET",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
}  # fmt: skip

HTML_TYPE = URIRef(f"{AUTHORITY}file-type/HTML")


def frequency(cycle: str) -> URIRef | None:
    """The frequency of an update cycle; None where none is stated."""
    code = _FREQUENCIES.get(UpdateCycle(cycle)) if cycle else None
    return URIRef(f"{AUTHORITY}frequency/{code}") if code else None


def access_rights(open_type: str) -> URIRef:
    """The access right of an opening type; what is not stated is not public."""
    code = _RIGHTS.get(OpenType(open_type), "NON_PUBLIC") if open_type else "NON_PUBLIC"
    return URIRef(f"{AUTHORITY}access-right/{code}")


def theme_code(theme: str) -> str:
    """The data theme of a field of life; GOVE where none is stated."""
    return _THEMES.get(Theme(theme), "GOVE") if theme else "GOVE"


def theme(code: str) -> URIRef:
    """A data theme by its code."""
    return URIRef(f"{AUTHORITY}data-theme/{code}")


def file_type(media_type: str) -> URIRef | None:
    """The file type of a media type, where the authority table has one."""
    code = _FILE_TYPES.get(media_type)
    return URIRef(f"{AUTHORITY}file-type/{code}") if code else None
