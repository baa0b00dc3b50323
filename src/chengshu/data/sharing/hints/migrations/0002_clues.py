from django.db import migrations, models
from django.db.models import deletion

KINDS = [
    ("volume", "调用量突增"), ("hours", "平时不用的时段大量调用"), ("scan", "疑似逐个试主键"),
    ("scanning", "查无记录过多，已被暂缓"), ("guess", "疑似试值"), ("locked", "连续猜测密钥，已被锁定"),
    ("network", "从未登记的网络调用"), ("token", "令牌的证明不对"), ("unproven", "多次证明不了身份"),
    ("replayed", "重复发送同一个请求"), ("missing", "查无记录的超过一半"),
]  # fmt: skip


def name_the_callers(apps, _schema):
    """The code stands beside the application, which a caller may only have claimed to be."""
    for item in apps.get_model("sharing_hints", "CallHint").objects.select_related("application"):
        item.caller = item.application.code
        item.severity = "normal" if item.kind == "volume" else "severe"
        item.save(update_fields=["caller", "severity"])


class Migration(migrations.Migration):

    dependencies = [
        ("sharing", "0008_day_statistics"),
        ("sharing_hints", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="callhint", options={"ordering": ["-pk"], "verbose_name": "异常线索"}
        ),
        migrations.RemoveConstraint(model_name="callhint", name="sharing_hints_one_open"),
        migrations.AddField(
            model_name="callhint", name="caller",
            field=models.CharField(default="", max_length=64, verbose_name="调用方"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="callhint", name="asked",
            field=models.CharField(blank=True, default="", max_length=64, verbose_name="接口编号"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="callhint", name="interface",
            field=models.ForeignKey(
                null=True, on_delete=deletion.PROTECT, related_name="hints",
                to="sharing.shareinterface", verbose_name="接口",
            ),
        ),
        migrations.AddField(
            model_name="callhint", name="severity",
            field=models.CharField(
                choices=[("severe", "严重"), ("normal", "一般")], db_index=True, default="normal",
                max_length=8, verbose_name="程度",
            ),
        ),
        migrations.AlterField(
            model_name="callhint", name="application",
            field=models.ForeignKey(
                null=True, on_delete=deletion.PROTECT, related_name="hints",
                to="sharing.application", verbose_name="应用",
            ),
        ),
        migrations.AlterField(
            model_name="callhint", name="kind",
            field=models.CharField(choices=KINDS, max_length=12, verbose_name="类别"),
        ),
        migrations.AlterField(
            model_name="callhint", name="state",
            field=models.CharField(
                choices=[("open", "待判断"), ("dismissed", "属正常"), ("handled", "已处置")],
                default="open", max_length=10, verbose_name="状态",
            ),
        ),
        migrations.AlterField(
            model_name="callhint", name="score", field=models.FloatField(verbose_name="分值")
        ),
        migrations.RunPython(name_the_callers, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="callhint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")), fields=("caller", "asked", "kind"),
                name="sharing_hints_one_open",
            ),
        ),
    ]  # fmt: skip
