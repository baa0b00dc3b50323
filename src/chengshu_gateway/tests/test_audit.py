import asyncio
import errno
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway import audit_chain
from chengshu_gateway.audit import AuditLog, AuditUnavailableError
from chengshu_gateway.audit_reader import PositionError, read_calls, read_checkpoints
from chengshu_gateway.audit_verify import verify
from chengshu_gateway.signers import HmacSigner

SIGNER = HmacSigner(b"s" * 32)


def body(number):
    return (
        f'"kind":"call","app":"a","key":"k","verified":true,"interface":"i","record":"r{number}",'
        '"fields":"x,y","outcome":"ok","status":200,"purpose":"核验","ip":"127.0.0.1",'
        '"version":"v","digest":"d","counted":true,"nonce":"00000000000000ff",'
        '"client_ms":1,"micros":9'
    )


async def write(directory, count, *, close=True, checkpoint_at=None, **options):
    log = AuditLog(directory, SIGNER, **options)
    for number in range(count):
        await log.settle(log.append(body(number)))
        if number == checkpoint_at:
            log.checkpoint_if_due(every=0)
    if close:
        await log.close()
    return log


def only_segment(directory):
    ((_number, path),) = audit_chain.segments(directory / "w00")
    return path


def kinds(directory, **options):
    return {problem.kind for problem in verify(directory, SIGNER, **options).problems}


def test_an_untouched_log_verifies_and_reads_back(tmp_path):
    asyncio.run(write(tmp_path, 5))
    report = verify(tmp_path, SIGNER)
    assert (report.ok, report.records, report.checkpoints) == (True, 6, 1)
    found = [call for _position, call in read_calls(tmp_path)]
    assert [call.key_hash for call in found] == ["r0", "r1", "r2", "r3", "r4"]
    assert found[0].fields == ("x", "y")
    assert found[0].purpose == "核验"
    assert found[0].request_id == f"00-{found[0].seq}"


def test_many_waiting_calls_share_few_syncs(tmp_path):
    syncs = []

    def sync(descriptor):
        syncs.append(descriptor)
        os.fdatasync(descriptor)

    async def run():
        log = AuditLog(tmp_path, SIGNER, sync=sync)
        await asyncio.gather(*[log.settle(log.append(body(at))) for at in range(500)])
        await log.close()

    asyncio.run(run())
    assert len(syncs) < 20
    assert verify(tmp_path, SIGNER).records == 501


def test_segments_rotate_with_a_checkpoint_and_one_chain(tmp_path):
    asyncio.run(write(tmp_path, 40, segment_bytes=4000))
    report = verify(tmp_path, SIGNER)
    assert report.ok
    assert report.segments > 3
    assert report.checkpoints == report.segments
    assert len(list(read_calls(tmp_path))) == 40


def test_a_restart_continues_the_chain_in_a_new_segment(tmp_path):
    asyncio.run(write(tmp_path, 3))
    asyncio.run(write(tmp_path, 3))
    report = verify(tmp_path, SIGNER)
    assert (report.ok, report.segments, report.records) == (True, 2, 8)


def test_two_logs_at_once_use_two_chains(tmp_path):
    async def run():
        first = await write(tmp_path, 2, close=False)
        second = await write(tmp_path, 2, close=False)
        assert (first.worker, second.worker) == (0, 1)
        await first.close()
        await second.close()

    asyncio.run(run())
    assert verify(tmp_path, SIGNER).ok
    assert {call.worker for _position, call in read_calls(tmp_path)} == {0, 1}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished")
    asyncio.run(write(directory, 12))
    return directory


@given(data=st.data())
@settings(deadline=None, max_examples=80)
def test_any_changed_byte_is_found(tmp_path_factory, finished, data):
    directory = tmp_path_factory.mktemp("edit") / "audit"
    shutil.copytree(finished, directory)
    path = only_segment(directory)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    assert not verify(directory, SIGNER).ok


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_deleting_doubling_or_swapping_lines_is_found(tmp_path_factory, finished, data):
    directory = tmp_path_factory.mktemp("lines") / "audit"
    shutil.copytree(finished, directory)
    path = only_segment(directory)
    lines = path.read_bytes().splitlines(keepends=True)
    first = data.draw(st.integers(0, len(lines) - 2))
    second = data.draw(st.integers(first + 1, len(lines) - 1))
    action = data.draw(st.sampled_from(["delete", "cut", "double", "swap"]))
    if action == "delete":
        del lines[first:second]
    elif action == "cut":
        del lines[second:]
    elif action == "double":
        lines.insert(second, lines[first])
    else:
        lines[first], lines[second] = lines[second], lines[first]
    path.write_bytes(b"".join(lines))
    assert not verify(directory, SIGNER).ok


def rewrite(path, change):
    """Forge: change a record and recompute every hash after it, as an insider could."""
    previous, out = audit_chain.GENESIS, []
    for line in path.read_bytes().splitlines():
        text = change(line.decode().rpartition(',"prev":')[0])
        sealed, previous = audit_chain.seal(text, previous)
        out.append(sealed)
    path.write_bytes(b"".join(out))


def test_a_chain_rewritten_as_a_whole_contradicts_its_checkpoint(tmp_path):
    asyncio.run(write(tmp_path, 5))
    rewrite(only_segment(tmp_path), lambda text: text.replace('"r2"', '"r9"'))
    assert kinds(tmp_path) == {"rewritten"}


def test_a_cut_tail_is_shown_by_checkpoints_kept_elsewhere(tmp_path):
    asyncio.run(write(tmp_path, 5, checkpoint_at=2))
    known = list(read_checkpoints(tmp_path))
    path = only_segment(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert kinds(tmp_path) == {"truncated"}
    (tmp_path / "w00" / audit_chain.CHECKPOINTS).unlink()
    assert kinds(tmp_path) == set()
    assert kinds(tmp_path, known=known) == {"truncated"}
    shutil.rmtree(tmp_path / "w00")
    assert kinds(tmp_path, known=known) == {"truncated"}


def test_a_removed_segment_is_found(tmp_path):
    asyncio.run(write(tmp_path, 20, segment_bytes=3000))
    files = audit_chain.segments(tmp_path / "w00")
    files[1][1].unlink()
    assert "missing_segment" in kinds(tmp_path)


def test_a_forged_checkpoint_is_found(tmp_path):
    asyncio.run(write(tmp_path, 3))
    path = tmp_path / "w00" / audit_chain.CHECKPOINTS
    path.write_text(path.read_text().replace('"seq":4', '"seq":3'))
    assert "bad_checkpoint" in kinds(tmp_path)


def test_one_torn_last_line_is_reported_then_repaired_and_kept(tmp_path):
    asyncio.run(write(tmp_path, 3))
    path = only_segment(tmp_path)
    torn = b'{"seq":5,"time":"2026-11-2'
    with path.open("ab") as stream:
        stream.write(torn)
    report = verify(tmp_path, SIGNER)
    assert report.ok
    assert report.torn == [f"{path.name}:5"]
    log = asyncio.run(write(tmp_path, 1))
    assert log.recovered.torn == len(torn)
    after = verify(tmp_path, SIGNER)
    assert (after.ok, after.records) == (True, 6)
    (kept,) = (tmp_path / "w00").glob("torn-*.bin")
    assert kept.read_bytes() == torn


def test_a_torn_first_line_of_a_segment_does_not_stop_the_next_start(tmp_path):
    asyncio.run(write(tmp_path, 2))
    audit_chain.segment_path(tmp_path / "w00", 2).write_bytes(b'{"seq":4,')
    audit_chain.segment_path(tmp_path / "w00", 3).write_bytes(b"")
    asyncio.run(write(tmp_path, 2))
    report = verify(tmp_path, SIGNER)
    assert (report.ok, report.records) == (True, 6)


def test_more_than_a_torn_line_is_kept_as_evidence_and_reported(tmp_path):
    asyncio.run(write(tmp_path, 4))
    path = only_segment(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join(lines[:2]) + b"x\n" + b"y\n"
    path.write_bytes(damaged)
    log = asyncio.run(write(tmp_path, 2))
    assert log.recovered.damaged
    assert path.read_bytes() == damaged
    assert not verify(tmp_path, SIGNER).ok


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_after_a_failed_sync_nothing_is_accepted_and_the_sync_is_not_retried(tmp_path, number):
    attempts, broken = [], []

    def sync(descriptor):
        attempts.append(descriptor)
        if broken:
            raise OSError(number, os.strerror(number))
        os.fdatasync(descriptor)

    async def run():
        log = AuditLog(tmp_path, SIGNER, sync=sync)
        await log.settle(log.append(body(0)))
        broken.append(True)
        waiting = [log.settle(log.append(body(at))) for at in (1, 2)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in results] == [AuditUnavailableError] * 2
        before = len(attempts)
        for _ in range(3):
            with pytest.raises(AuditUnavailableError):
                log.append(body(3))
        await log.close()
        assert len(attempts) == before

    asyncio.run(run())


def test_a_cancelled_call_does_not_cancel_the_others_of_its_batch(tmp_path):
    async def run():
        log = AuditLog(tmp_path, SIGNER)
        tasks = [asyncio.create_task(log.settle(log.append(body(at)))) for at in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[0] is None
        assert results[2] is None
        await log.close()

    asyncio.run(run())
    assert verify(tmp_path, SIGNER).records == 4


@given(parts=st.lists(st.integers(0, 6), min_size=1, max_size=4), limit=st.integers(1, 5))
@settings(deadline=None, max_examples=15)
def test_reading_in_steps_misses_nothing_and_repeats_nothing(tmp_path_factory, parts, limit):
    directory = tmp_path_factory.mktemp("steps")
    position, seen = "", []
    for count in parts:
        asyncio.run(write(directory, count, segment_bytes=1500))
        while step := list(read_calls(directory, position, limit=limit)):
            position = step[-1][0]
            seen += [(call.worker, call.seq) for _at, call in step]
    whole = [(call.worker, call.seq) for _at, call in read_calls(directory)]
    assert seen == whole
    assert len(whole) == sum(parts)


def test_a_foreign_position_is_refused(tmp_path):
    with pytest.raises(PositionError):
        list(read_calls(tmp_path, "yesterday"))
