"""Places (who may see, facets, weight) apart from the long texts, filled from what is indexed; kept synonyms."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


FILL = """INSERT INTO search_searchplace
        (document_id, kind, organization_path, permission, facets, weight)
    SELECT id, kind, organization_path, permission, '', length(title) FROM search_searchdocument"""


class Migration(migrations.Migration):

    dependencies = [
        ('search', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchPlace',
            fields=[
                ('document', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='place', serialize=False, to='search.searchdocument')),
                ('kind', models.CharField(max_length=40)),
                ('organization_path', models.CharField(blank=True, max_length=255)),
                ('permission', models.CharField(blank=True, max_length=80)),
                ('facets', models.CharField(blank=True, max_length=400)),
                ('weight', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name': '检索位置',
                'indexes': [models.Index(fields=['kind', 'facets'], name='search_place_facets')],
            },
        ),
        migrations.CreateModel(
            name='SynonymGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('words', models.JSONField(default=list, verbose_name='同义词')),
                ('text', models.CharField(editable=False, max_length=400, unique=True)),
                ('edited_at', models.DateTimeField(auto_now=True, verbose_name='修改时间')),
                ('edited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='修改人')),
            ],
            options={
                'verbose_name': '同义词',
                'ordering': ['text'],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
