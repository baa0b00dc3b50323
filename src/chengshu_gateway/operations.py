"""The kinds of posted calls by the last part of their path."""

from chengshu_gateway import aggregates, batch, changes, exports, query, verification
from chengshu_gateway.relay import work as relay
from chengshu_gateway.work import Prepare

OPERATIONS: dict[str, Prepare] = {
    "batch": batch.prepare,
    "verify": verification.prepare,
    "query": query.prepare,
    "changes": changes.prepare,
    **exports.PREPARE,
    "statistics": aggregates.prepare,
    "proxy": relay.prepare,
}
