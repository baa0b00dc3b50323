"""Finds data items of different tables that are one fact about one kind of subject: lake tables in, clusters out."""

from chengshu.data.discovery.similarity.clusters import Cluster, Member, find
from chengshu.data.discovery.similarity.items import Holder, holders_of

__all__ = ["Cluster", "Holder", "Member", "find", "holders_of"]
