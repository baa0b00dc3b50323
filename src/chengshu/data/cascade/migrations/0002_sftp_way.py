from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cascade', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='platform',
            name='way',
            field=models.CharField(choices=[('api', '级联接口（HTTPS）'), ('folder', '交换文件夹'), ('sftp', '文件服务器（SFTP）')], default='api', max_length=10, verbose_name='对接方式'),
        ),
    ]
