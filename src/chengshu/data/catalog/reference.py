"""Reference lists other packages match against: code tables in force with all their codes, and leaf categories."""

from chengshu.data.catalog.choices import StandardState
from chengshu.data.catalog.contract import code_values
from chengshu.data.catalog.models import Category, CodeTable
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.kernel.errors import InvalidInput


def code_tables() -> list[tuple[str, str, dict[str, str]]]:
    """Key, name and codes of every code table in force (two queries)."""
    found = CodeTable.objects.filter(state=StandardState.PUBLISHED).values_list("key", "name")
    names = dict(found)
    codes = code_values(names)
    return [(key, name, codes[key]) for key, name in names.items() if codes[key]]


def leaf_category(code: str) -> Category:
    """The leaf category (细目) with a code.

    Raises:
        InvalidInput: there is none, or it is not a leaf.
    """
    found = Category.objects.filter(code=code, level=LEAF_LEVEL).first()
    if found is None:
        raise InvalidInput("请选择资源分类的细目。", fields={"category": "请选到细目一级"})
    return found
