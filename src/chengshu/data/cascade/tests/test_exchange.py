"""The conversation over files: in a folder of this machine and on a real SFTP server, by the same tests."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import paramiko
import pytest
from django.urls import reverse

from chengshu.data.cascade import rounds
from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.adapters.exchange import FileUpper, Store
from chengshu.data.cascade.adapters.folder import FolderStore, allowed_roots
from chengshu.data.cascade.adapters.sftp import SftpStore
from chengshu.data.cascade.choices import IncomingState, OutgoingState, Way
from chengshu.data.cascade.models import Incoming, Outgoing, Platform
from chengshu.data.cascade.notes import Note, NoteFile, Receipt, receipt_of
from chengshu.data.cascade.services import channels, delivering, platforms
from chengshu.data.cascade.services.channels import folder_name
from chengshu.data.cascade.tests.cast import Scene, run_jobs
from chengshu.data.ingest.facade import DataSource, register_source
from chengshu.data.ingest.sources.tests.sshd import MISSING, Server, running
from chengshu.kernel.access.actor import platform as platform_actor
from chengshu.kernel.crypto.facade import seal
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu.kernel.identity.models import Organization

NO_SSHD = pytest.mark.skipif(MISSING, reason="OpenSSH's server is not installed")
# The library reads ahead in a thread of its own, which ends with the connection, not without a word.
LOST_THREAD = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
CONTENT = b"resident_no,name,family\nR00001,x,1\nR00002,x,2\n"
ENTRY = {"code": "3303830001", "version": 2, "withdrawn": False, "title": "常住人口"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as started:
        yield started


@dataclass
class Place:
    root: Path
    store: Store


@pytest.fixture(
    params=["folder", pytest.param("sftp", marks=[pytest.mark.service, NO_SSHD])],
)
def place(request: pytest.FixtureRequest, tmp_path: Path, data_dir: Path) -> Place:
    """A folder both sides reach, and the store that leads us there."""
    if request.param == "folder":
        return Place(tmp_path, FolderStore("省平台", tmp_path))
    found: Server = request.getfixturevalue("server")
    return Place(found.drop, store_of(found))


def store_of(server: Server) -> SftpStore:
    secrets = seal(
        json.dumps({"private_key": server.private_key}), place="ingest.data_source.secrets"
    )
    source = DataSource(name="投递", kind="sftp", options=server.options(), secrets_sealed=secrets)
    return SftpStore(source)


def note_of(number: int, content: bytes = CONTENT, dataset: str = "back") -> Note:
    name = f"p{number}.csv"
    file = NoteFile(name, content.count(b"\n") - 1, len(content), sha256(content).hexdigest())
    return Note(dataset=dataset, number=number, rows=file.rows, files=(file,))


def hand_down(root: Path, note: Note, content: bytes = CONTENT) -> Path:
    """What the upper side does when it hands a batch back."""
    folder = root / "down" / "returns" / note.dataset / str(note.number)
    folder.mkdir(parents=True)
    (folder / note.files[0].name).write_bytes(content)
    (folder / "note.json").write_text(json.dumps(note.document()))
    return folder


def answer(root: Path) -> Receipt:
    """What the upper side does with the one delivery that lies there: take it all."""
    (path,) = root.glob("up/deliveries/*/*/note.json")
    note = Note.parse(json.loads(path.read_text()))
    for file in note.files:
        assert sha256((path.parent / file.name).read_bytes()).hexdigest() == file.sha256
    receipt = receipt_of(
        note, loaded=note.rows, accepted=note.rows, quarantined=0, duplicates=0, reasons=[]
    )
    folder = root / "down" / "deliveries" / note.dataset / str(note.number)
    folder.mkdir(parents=True)
    (folder / "receipt.json").write_text(json.dumps(receipt.document()))
    return receipt


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_whole_conversation_over_files(place: Place, tmp_path: Path):
    upper, root = FileUpper("省平台", place.store), place.root
    before = files(root)
    assert "写入并删除" in upper.check()
    assert files(root) == before
    assert upper.send_entry(ENTRY).state == "sent"
    assert upper.entry_answer("3303830001", 2, withdrawn=False).state == "sent"
    (entry,) = (root / "up" / "entries").iterdir()
    (root / "down" / "entries").mkdir(parents=True)
    (root / "down" / "entries" / entry.name).write_text('{"state": "returned", "reason": "缺依据"}')
    assert upper.entry_answer("3303830001", 2, withdrawn=False).reason == "缺依据"

    sent, ours = note_of(1, dataset="resident"), tmp_path / "ours"
    for content in (b"an earlier try", CONTENT):
        ours.write_bytes(content)
        upper.send_part(sent, sent.files[0], ours)
    upper.commit(sent)
    assert upper.receipt(sent) is None
    assert answer(root) == upper.receipt(sent)
    assert not list(root.rglob(".*.part"))

    assert upper.notes("back", 0) == []
    folders = [hand_down(root, note_of(number)) for number in (1, 2, 10)]
    (folders[1] / "note.json").unlink()  # its files are still on their way
    (root / "down" / "returns" / "back" / "12").symlink_to(folders[0])
    assert [note.number for note in upper.notes("back", 0)] == [1, 10]
    assert [note.number for note in upper.notes("back", 1)] == [10]
    target = tmp_path / "brought"
    upper.fetch(note_of(10), note_of(10).files[0], target)
    assert target.read_bytes() == CONTENT
    upper.fetch(note_of(10, CONTENT[:5]), note_of(10, CONTENT[:5]).files[0], target)
    assert target.stat().st_size == 6  # a longer file than was told is seen, but not brought
    with pytest.raises(UpperError) as caught:
        upper.fetch(note_of(3), note_of(3).files[0], target)
    assert caught.value.absent
    upper.send_receipt(
        receipt_of(sent, loaded=2, accepted=2, quarantined=0, duplicates=0, reasons=[])
    )
    upper.ask_again("resident", 4)
    assert {"up/returns/resident/1/receipt.json", "up/returns/resident/4/again.json"} <= files(root)
    (folders[0] / "note.json").write_text("[]")
    with pytest.raises(UpperError, match="不合约定"):
        upper.notes("back", 0)


def test_only_a_source_one_may_use_and_of_the_right_kind_is_a_file_server(
    scene: Scene, client_for: Any
):
    owner = Organization.objects.order_by("pk").first()
    shown = DataSource.objects.create(name="省文件服务器", kind="sftp", owner=owner)
    other = DataSource.objects.create(name="本地文件夹", kind="folder", owner=owner)
    for address in ("", "7x", str(other.pk)):
        with pytest.raises(InvalidInput) as caught:
            over_sftp(scene, address)
        assert set(caught.value.fields) == {"source"}
    client = client_for(scene.admin.account)
    page = client.get(reverse("cascade:platform-new")).content.decode()
    assert ("省文件服务器" in page, "本地文件夹" in page) == (True, False)
    told = {"name": "省平台", "role": "upper", "rank": "province", "way": "sftp", "scheme": "hmac"}
    client.post(reverse("cascade:platform-new"), told | {"source": shown.pk})
    item = Platform.objects.get(name="省平台")
    assert item.address == str(shown.pk)
    assert "省文件服务器（" in client.get(item.get_absolute_url()).content.decode()
    shown.delete()
    with pytest.raises(UpperError, match="数据源不在了"):
        platforms.conversation(item)


def over_sftp(scene: Scene, address: str) -> Platform:
    item, _secret = platforms.register(
        actor=scene.admin,
        content=platforms.Registration(
            name="省平台", rank="province", way=Way.SFTP, address=address
        ),
    )
    return item


@pytest.fixture
def above(scene: Scene, server: Server) -> Platform:
    """A platform above us that offers a real SFTP server, registered as a source by a person."""
    source = register_source(
        actor=scene.admin, kind="sftp", name="省文件服务器", owner=scene.resource.provider,
        options=server.options(), secrets={"private_key": server.private_key},
    )  # fmt: skip
    channels.open_channel(
        actor=platform_actor(), platform=(item := over_sftp(scene, str(source.pk))), dataset="back",
        resource_code=scene.upper_resource.code,
    )  # fmt: skip
    return item


def go_round(item: Platform) -> None:
    """A round, everything due now."""
    Outgoing.objects.update(next_at="2020-01-01T00:00:00Z")
    Incoming.objects.update(next_at="2020-01-01T00:00:00Z")
    rounds.run(Platform.objects.get(pk=item.pk))
    run_jobs()


def cut_at(
    server: Server, monkeypatch: pytest.MonkeyPatch, method: str, times: int
) -> Callable[[], bool]:
    """Kill the server's side of the connection at the n-th call; returns whether it came to that."""
    whole, left = getattr(paramiko.SFTPFile, method), [times]

    def cut(self: Any, *args: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            # The parent listens; its child serves us.
            subprocess.run(["pkill", "-9", "-P", str(server.process.pid)], check=True)
        return whole(self, *args, **named)

    monkeypatch.setattr(paramiko.SFTPFile, method, cut)
    return lambda: left[0] <= 0


@pytest.mark.service
@NO_SSHD
@LOST_THREAD
def test_a_delivery_and_a_returned_batch_go_through_a_real_server_and_survive_lost_connections(
    scene: Scene, server: Server, above: Platform, monkeypatch: pytest.MonkeyPatch
):
    told = platforms.test_connection(actor=scene.admin, platform=above)
    assert "写入并删除了一个试探文件" in told
    happened = cut_at(server, monkeypatch, "_write", 2)  # in the second of three files
    item = delivering.start(actor=scene.admin, plan=scene.plan(platform=above))
    run_jobs()
    item.refresh_from_db()
    assert happened()
    assert (item.state, "断了" in item.error) == (OutgoingState.SENDING, True)
    first, second, _third = item.parts.all()
    assert (first.sent_at is not None, second.sent_at) == (True, None)
    there = {path.name for path in server.drop.glob("up/deliveries/resident/1/*")}
    assert (first.name in there, second.name in there, "note.json" in there) == (True, False, False)
    go_round(above)
    answer(server.drop)
    go_round(above)
    item.refresh_from_db()
    assert (item.state, item.accepted) == (OutgoingState.ACCEPTED, 10)

    hand_down(server.drop, note_of(1))
    happened = cut_at(server, monkeypatch, "prefetch", 1)  # the note came, its file does not
    go_round(above)
    incoming = Incoming.objects.get()
    assert happened()
    assert (incoming.state, "断了" in incoming.error) == (IncomingState.NOTED, True)
    assert not list((allowed_roots()[0] / folder_name(above, "back")).glob("*.csv"))
    go_round(above)
    go_round(above)
    incoming.refresh_from_db()
    assert (incoming.state, incoming.accepted, scene.loads()) == (IncomingState.ACCEPTED, 2, 1)
    told = json.loads((server.drop / "up/returns/back/1/receipt.json").read_text())
    assert Receipt.parse(told).accepted == 2


def unsupported(*_args: Any) -> None:
    raise OSError("Operation unsupported")


@pytest.mark.service
@NO_SSHD
@LOST_THREAD
@pytest.mark.usefixtures("data_dir")
def test_a_large_file_cut_half_way_either_direction_is_an_error_and_comes_whole_the_next_time(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    content = os.urandom(64) * 320_000  # 20 MB
    note, upper = note_of(1, content), FileUpper("省平台", store_of(server))
    ours, target = tmp_path / "ours", tmp_path / "brought"
    ours.write_bytes(content)
    hand_down(server.drop, note, content)
    whole = server.drop / "up" / "deliveries" / "back" / "1" / note.files[0].name
    with monkeypatch.context() as patch:
        cut_at(server, patch, "_write", 100)
        with pytest.raises(UpperError, match="断了"):
            upper.send_part(note, note.files[0], ours)
        assert not whole.exists()
        cut_at(server, patch, "_read", 20)
        with pytest.raises(UpperError, match="断了"):
            upper.fetch(note, note.files[0], target)
    assert 0 < target.stat().st_size < len(content)
    monkeypatch.setattr(paramiko.SFTPClient, "posix_rename", unsupported)
    for _again in range(2):  # such a server renames only to a free name
        upper.send_part(note, note.files[0], ours)
    upper.fetch(note, note.files[0], target)
    assert whole.read_bytes() == target.read_bytes() == content


@pytest.mark.service
@NO_SSHD
def test_a_changed_host_key_is_refused_and_nothing_is_handed_over(
    scene: Scene, server: Server, above: Platform
):
    server.change_host_key()
    with pytest.raises(Unavailable, match="可能有人冒充"):
        platforms.test_connection(actor=scene.admin, platform=above)
    item = delivering.start(actor=scene.admin, plan=scene.plan(platform=above))
    run_jobs()
    item.refresh_from_db()
    assert (item.state, "可能有人冒充" in item.error) == (OutgoingState.SENDING, True)
    assert files(server.drop) == set()
