"""Eight threads write at once into one SQLite file: no lock error, and one unbroken chain."""

import json

import pytest

from chengshu.kernel.conftest import FileCity

CODE = """
import json, threading
from django.db import connection
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.audit.services import record
from chengshu.kernel.audit.verification import verify
from chengshu.kernel.unit_of_work import unit_of_work

errors = []

def write(name):
    try:
        for number in range(25):
            with unit_of_work():
                record(actor=platform(name), action="test.act", object_id=str(number))
    except Exception as error:
        errors.append(repr(error))
    finally:
        connection.close()

threads = [threading.Thread(target=write, args=(f"线程{n}",)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"errors": errors, "records": AuditRecord.objects.count(), "problems": verify().problems}))
"""


@pytest.mark.crash
def test_concurrent_writers_neither_fail_nor_break_the_chain(file_city: FileCity) -> None:
    told = json.loads(file_city.python(CODE))
    assert told == {"errors": [], "records": 200, "problems": []}
