"""How results look: the kinds as tabs above the list."""

from typing import Any
from urllib.parse import urlencode

from chengshu.kernel.search.services import Results
from chengshu.kernel.ui.components import Tab


def context(results: Results, *, url: str, kind: str = "") -> dict[str, Any]:
    """What ``search/results.html`` needs, for a page at ``url`` that takes ``q`` and ``kind``."""
    everything = sum(count for _key, _name, count in results.kinds)
    kinds = [("", "全部", everything), *results.kinds]
    return {
        "results": results,
        "result_tabs": [
            Tab(
                name,
                f"{url}?{urlencode({'q': results.query, **({'kind': key} if key else {})})}",
                key == kind,
                count,
            )
            for key, name, count in kinds
        ]
        if results.kinds
        else [],
    }
