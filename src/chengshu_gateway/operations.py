"""The kinds of posted calls by the last part of their path."""

from chengshu_gateway import batch, changes, exports, private_statistics, query, verification
from chengshu_gateway.relay import work as relay
from chengshu_gateway.work import Prepare

OPERATIONS: dict[str, Prepare] = {
    "batch": batch.prepare,
    "verify": verification.prepare,
    "query": query.prepare,
    "changes": changes.prepare,
    **exports.PREPARE,
    "statistics": private_statistics.prepare,
    "proxy": relay.prepare,
}
