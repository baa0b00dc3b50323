"""The index table and its full-text index.

SQLite: an FTS5 table with external content, kept by triggers. A later migration that makes Django rebuild the table
on SQLite (AlterField …) drops the triggers and must run ``create_index`` again.
PostgreSQL: two generated tsvector columns with GIN. ``array_to_tsvector`` takes our tokens as they are; a text search
configuration would cut Chinese its own way.
"""

import django.utils.timezone
from django.db import migrations, models

SQLITE = (
    """CREATE VIRTUAL TABLE search_index USING fts5(
        title_tokens, tokens, content='search_searchdocument', content_rowid='id',
        tokenize="ascii")""",
    """CREATE TRIGGER search_document_added AFTER INSERT ON search_searchdocument BEGIN
        INSERT INTO search_index(rowid, title_tokens, tokens)
        VALUES (new.id, new.title_tokens, new.tokens);
    END""",
    """CREATE TRIGGER search_document_removed AFTER DELETE ON search_searchdocument BEGIN
        INSERT INTO search_index(search_index, rowid, title_tokens, tokens)
        VALUES ('delete', old.id, old.title_tokens, old.tokens);
    END""",
    """CREATE TRIGGER search_document_changed
        AFTER UPDATE OF title_tokens, tokens ON search_searchdocument BEGIN
        INSERT INTO search_index(search_index, rowid, title_tokens, tokens)
        VALUES ('delete', old.id, old.title_tokens, old.tokens);
        INSERT INTO search_index(rowid, title_tokens, tokens)
        VALUES (new.id, new.title_tokens, new.tokens);
    END""",
)
POSTGRESQL = (
    """ALTER TABLE search_searchdocument ADD COLUMN title_vector tsvector
        GENERATED ALWAYS AS (array_to_tsvector(string_to_array(title_tokens, ' '))) STORED""",
    """ALTER TABLE search_searchdocument ADD COLUMN vector tsvector
        GENERATED ALWAYS AS (array_to_tsvector(string_to_array(tokens, ' '))) STORED""",
    "CREATE INDEX search_document_title_vector ON search_searchdocument USING gin (title_vector)",
    "CREATE INDEX search_document_vector ON search_searchdocument USING gin (vector)",
)


def create_index(apps, schema_editor):
    statements = POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE
    for statement in statements:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    # On PostgreSQL columns and indexes go with the table.
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.execute("DROP TABLE search_index")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40, verbose_name="类别")),
                ("object_id", models.CharField(max_length=80, verbose_name="对象编号")),
                ("title", models.CharField(max_length=200, verbose_name="标题")),
                ("summary", models.TextField(blank=True, verbose_name="摘要")),
                ("url", models.CharField(max_length=300, verbose_name="地址")),
                ("organization_path", models.CharField(blank=True, max_length=255, verbose_name="机构路径")),
                ("permission", models.CharField(blank=True, max_length=80, verbose_name="所需权限")),
                ("title_tokens", models.TextField(blank=True)),
                ("tokens", models.TextField(blank=True)),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, verbose_name="更新时间"
                    ),
                ),
            ],
            options={
                "verbose_name": "检索条目",
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "object_id"), name="search_document_once")
                ],
            },
        ),
        migrations.RunPython(create_index, drop_index),
    ]
