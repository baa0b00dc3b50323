"""WSGI entry of the control plane (measured: ASGI more than halves the throughput of sync Django)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengshu.conf.settings.base")
application = get_wsgi_application()
