"""The command that writes the city to files."""

import csv

import pyarrow.parquet as pq
import pytest

from chengshu_demo import TRUTH_SCHEMA, city, expected, total
from chengshu_demo.__main__ import main


def test_the_command_writes_every_entry_the_calls_and_the_truth(tmp_path, capsys) -> None:
    assert main(["--scale", "small", "--out", str(tmp_path)]) == 0
    assert str(total("small").accepted) in capsys.readouterr().out
    assert len(list(tmp_path.glob("330383-*/*.csv"))) == 273
    entry = city().entry("ga_vehicle")
    with (tmp_path / entry.provider / "ga_vehicle.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file))
    assert read[0] == [item.column for item in entry.items]
    assert len(read) - 1 == expected("ga_vehicle", "small").source
    truth = pq.read_table(tmp_path / "ground_truth.parquet")
    assert truth.schema.equals(TRUTH_SCHEMA)
    assert sum(truth["hard"].to_pylist()) == total("small").quarantined
    assert pq.read_metadata(tmp_path / "calls.parquet").num_rows == 17_386
    assert "390383" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_an_unknown_scale_is_refused(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--scale", "huge", "--out", str(tmp_path)])
    assert "--scale" in capsys.readouterr().err
