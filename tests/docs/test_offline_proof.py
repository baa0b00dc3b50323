"""`chengshu audit verify FOLDER` needs no city: what the operator's guide promises to auditors."""

import pytest

from chengshu.conf import cli


def test_the_command_proves_a_folder_before_any_settings_are_read(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["chengshu", "audit", "verify", str(tmp_path)])
    monkeypatch.setattr("chengshu.conf.environment.data_dir", lambda: pytest.fail("reads the city"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "核验未通过" in capsys.readouterr().out
