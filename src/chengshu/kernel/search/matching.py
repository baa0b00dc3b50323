"""The full-text condition on either database."""

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from chengshu.kernel.search.models import SearchDocument, SearchPlace
from chengshu.kernel.search.text import Mode, Query, fts5_match, tsquery


class Match:
    """A query and how much of it must be held."""

    def __init__(self, query: Query, mode: Mode) -> None:
        self.query, self.mode = query, mode

    def anywhere(self, rows: QuerySet[SearchPlace]) -> QuerySet[SearchPlace]:
        """Places of documents that match in any of their texts."""
        return self._narrow(rows, "tokens", "vector")

    def in_title(self, rows: QuerySet[SearchPlace]) -> QuerySet[SearchPlace]:
        """Places of documents that match in their title alone."""
        return self._narrow(rows, "title_tokens", "title_vector")

    def _narrow(
        self, rows: QuerySet[SearchPlace], column: str, vector: str
    ) -> QuerySet[SearchPlace]:
        # Only our own column names are formatted in; the query itself is a parameter.
        if connection.vendor == "postgresql":
            condition = f"search_searchdocument.{vector} @@ %s::tsquery"
            expression = tsquery(self.query, mode=self.mode)
            documents = SearchDocument.objects.filter(
                RawSQL(condition, [expression], output_field=BooleanField())  # noqa: S611
            )
            return rows.filter(document_id__in=documents.values("pk"))
        expression = fts5_match(self.query, mode=self.mode, column=column)
        found = RawSQL("SELECT rowid FROM search_index WHERE search_index MATCH %s", [expression])
        return rows.filter(document_id__in=found)
