import json

import pytest
from deltalake.exceptions import DeltaError

from chengshu_lake import CommitConflict, Lake, snapshot, writing
from chengshu_lake.tests.conftest import PEOPLE, some_people


@pytest.mark.parametrize("operation", ["append", "overwrite", "merge"])
def test_a_repeated_commit_key_writes_nothing_and_returns_the_first_result(people, operation):
    write = getattr(people, operation)
    first = write("std/people", some_people(["1", "2"]), commit_key="批次-1", source="公安局")
    people.merge("std/people", some_people(["3"]))
    again = write("std/people", some_people(["8", "9", "10"]), commit_key="批次-1")
    assert again.replayed
    assert not first.replayed
    assert (again.version, again.inserted, again.seconds) == (
        first.version, first.inserted, first.seconds,
    )  # fmt: skip
    assert people.count("std/people") == 3


def test_a_batch_that_changes_nothing_is_remembered_by_its_commit_key_too(people):
    people.merge("std/people", some_people(["1"]))
    first = people.merge("std/people", some_people(["1"]), commit_key="k")
    assert (first.unchanged, first.files_added) == (1, 0)
    assert people.merge("std/people", some_people(["1"], name="改"), commit_key="k").replayed


def test_commit_keys_survive_checkpoints_of_the_log(people):
    people.merge("std/people", some_people(["1"]), commit_key="k")
    people.merge("std/people", some_people(["2"]))
    people._snapshot("std/people").delta.create_checkpoint()
    people.merge("std/people", some_people(["3"]))
    result = people.merge("std/people", some_people(["1"], name="改"), commit_key="k")
    assert (result.replayed, result.inserted, result.version) == (True, 1, 1)


def test_history_says_who_wrote_what(people):
    people.merge("std/people", some_people(["1", "2"]), commit_key="k", source="民政局 2024-05")
    newest, first = people.history("std/people")
    assert (newest.version, newest.operation, newest.source) == (1, "merge", "民政局 2024-05")
    assert (newest.commit_key, newest.inserted, newest.updated) == ("k", 2, 0)
    assert newest.at.tzinfo is not None
    assert first.version == 0
    assert len(people.history("std/people", limit=1)) == 1


def intrude(monkeypatch, lake: Lake, times: int) -> list[int]:
    """Let another writer commit between planning and committing, ``times`` times."""
    seen: list[int] = []
    honest = writing.commit

    def late(planned, **how):
        if len(seen) < times:
            seen.append(planned.version)
            other = snapshot.open_snapshot(lake._storage, planned.table)
            snapshot.commit(other, add=[], remove=[], info={}, commit_key=f"other-{len(seen)}")
        return honest(planned, **how)

    monkeypatch.setattr(writing, "commit", late)
    monkeypatch.setattr(writing, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(writing, "_LONGEST_PAUSE", 0.001)
    return seen


@pytest.mark.parametrize("operation", ["merge", "append", "overwrite"])
def test_a_lost_race_is_planned_again_and_nothing_is_lost(people, monkeypatch, operation):
    people.merge("std/people", some_people(["1"]))
    seen = intrude(monkeypatch, people, 3)
    result = getattr(people, operation)("std/people", some_people(["2", "3"]))
    assert seen == [1, 2, 3]
    assert result.version == 5
    assert people.count("std/people") == (2 if operation == "overwrite" else 3)


@pytest.mark.parametrize("key", [["code"], []])
def test_a_writer_that_never_wins_gives_up_cleanly(lake, monkeypatch, tmp_path, key):
    lake.create("std/people", PEOPLE, key=key)
    intrude(monkeypatch, lake, 10_000)
    monkeypatch.setattr(writing, "ATTEMPTS", 3)
    with pytest.raises(CommitConflict, match="未写入"):
        lake.append("std/people", some_people(["1"]))
    assert lake.count("std/people") == 0
    assert not list((tmp_path / "lake/std/people").glob("*.parquet"))


def test_a_commit_whose_answer_was_lost_counts_as_done(people, monkeypatch):
    honest = writing.commit

    def mute(planned, **how):
        honest(planned, **how)
        raise DeltaError("connection reset")

    monkeypatch.setattr(writing, "commit", mute)
    result = people.merge("std/people", some_people(["1"]))
    assert result.version == 1
    assert people.count("std/people") == 1
    assert people.read("std/people").read_all().num_rows == 1


def test_the_log_is_plain_delta_with_our_facts_in_the_commit(people, tmp_path):
    people.merge("std/people", some_people(["1"]), source="测试")
    log = tmp_path / "lake/std/people/_delta_log/00000000000000000001.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    info = json.loads(next(a["commitInfo"] for a in actions if "commitInfo" in a)["chengshu"])
    assert (info["operation"], info["source"], info["inserted"]) == ("merge", "测试", 1)
    stats = json.loads(next(a["add"] for a in actions if "add" in a)["stats"])
    assert stats["numRecords"] == 1
    assert stats["minValues"]["code"] == "1"
    assert stats["nullCount"]["name"] == 1
