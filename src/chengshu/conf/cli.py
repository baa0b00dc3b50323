"""The ``chengshu`` program: one command line for every part of the city."""

import os
import sys


def main() -> None:
    """Run a command such as ``chengshu up``, ``chengshu worker`` or ``chengshu audit verify``."""
    if sys.argv[1:3] == ["audit", "verify"] and len(sys.argv) > len(
        ["chengshu", "audit", "verify"]
    ):
        # An exported folder is proven without the city: no settings, no database, no secret.
        from chengshu_evidence.__main__ import main as verify_export

        raise SystemExit(verify_export(sys.argv[3:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengshu.conf.settings.base")
    from chengshu.conf import environment

    folder = environment.data_dir()
    if len(sys.argv) > 1 and sys.argv[1] in {"up", "setup"}:
        environment.create_secrets_file(folder)
    environment.read_secrets_file(folder)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["chengshu", *(sys.argv[1:] or ["help"])])


if __name__ == "__main__":
    main()
