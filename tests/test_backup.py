"""Backups: what comes back, and what is refused."""

import io
import itertools
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient

from ingest.build import reindex
from ingest.doctor import examine
from ingest.errors import Conflict, InvalidInput, NotFound
from service.api import create_app
from service.app import Core, build, open_library
from service.backup import back_up, unpack
from service.cli import cli
from service.keys import Keys
from tests.conftest import settings
from tests.fakes.homes import copy_home

QUESTION = "How does BM25 weigh the terms of a query?"


@pytest.fixture(scope="module")
def file(core: Core, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the sample library."""
    file = tmp_path_factory.mktemp("backup") / "citelight.tar"
    back_up(core.library, file)
    return file


def restored(file: Path, home: Path) -> Core:
    unpack(file, home)
    core = build(settings(home))
    reindex(core.library)
    return core


def test_a_restored_library_has_the_same_snapshot(core: Core, file: Path, tmp_path: Path) -> None:
    with closing(restored(file, tmp_path / "new")) as again:
        assert again.library.snapshot == core.library.snapshot


def test_a_restored_library_answers_the_same_text(core: Core, file: Path, tmp_path: Path) -> None:
    with closing(restored(file, tmp_path / "new")) as again:
        texts = []
        for one in (core, again):
            with TestClient(create_app(one)) as client:
                texts.append(client.post("/v1/ask", json={"question": QUESTION}).json()["text"])

    assert texts[0] == texts[1]


def test_conversations_and_keys_come_back(core: Core, tmp_path: Path) -> None:
    with closing(Keys(core.settings.home / "keys.sqlite")) as keys:
        secret = keys.create("laptop", "read")
    with TestClient(create_app(core)) as client:
        body = {"question": QUESTION, "remember": True}
        answer = client.post("/v1/ask", json=body).json()
    back_up(core.library, tmp_path / "backup.tar.gz")  # while the service's core is open
    unpack(tmp_path / "backup.tar.gz", tmp_path / "new")

    with closing(build(settings(tmp_path / "new"))) as again:
        assert again.conversations.answer(answer["id"]) == answer
    with closing(Keys(tmp_path / "new" / "keys.sqlite")) as keys:
        assert keys.check(secret)


def test_a_backup_is_read_by_its_owner_only(file: Path) -> None:
    assert file.stat().st_mode & 0o077 == 0


def test_the_restored_library_has_a_name_of_its_own(core: Core, file: Path, tmp_path: Path) -> None:
    unpack(file, tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new" / "catalogue.sqlite")) as database:
        rows = database.execute("SELECT value FROM meta WHERE key = 'library'").fetchall()

    assert rows[0][0] != core.library.catalogue.meta("library")


def test_a_backup_waits_for_no_ingestion(core: Core, tmp_path: Path) -> None:
    with core.library.writing(), pytest.raises(Conflict):
        back_up(core.library, tmp_path / "backup.tar")

    assert list(tmp_path.glob("*backup*")) == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_an_archive_that_is_cut_off_is_refused(
    core: Core, tmp_path: Path, share: float, suffix: str
) -> None:
    whole = tmp_path / f"backup{suffix}"
    back_up(core.library, whole)
    content = whole.read_bytes().rstrip(b"\0")
    whole.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(InvalidInput, match="cut off or damaged"):
        unpack(whole, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def rewritten(file: Path, target: Path, change: Callable[[tarfile.TarFile], None]) -> Path:
    """A copy of the archive without its end, and with something added."""
    with tarfile.open(file) as archive, tarfile.open(target, "w") as out:
        for member in archive:
            if member.name != "contents.json":
                out.addfile(member, archive.extractfile(member))
        change(out)
    return target


def test_an_archive_without_its_last_member_is_refused(file: Path, tmp_path: Path) -> None:
    short = rewritten(file, tmp_path / "short.tar", lambda _: None)

    with pytest.raises(InvalidInput, match="its end is missing"):
        unpack(short, tmp_path / "new")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../evil.sqlite", tarfile.REGTYPE),
        ("/etc/evil.sqlite", tarfile.REGTYPE),
        ("vectors/../../evil", tarfile.REGTYPE),
        ("vectors/000001/evil", tarfile.SYMTYPE),
        ("evil.sqlite", tarfile.LNKTYPE),
        ("evil.sqlite", tarfile.FIFOTYPE),
        ("generations/000001/evil", tarfile.REGTYPE),
        (".bashrc", tarfile.REGTYPE),
    ],
)
def test_an_archive_with_what_no_backup_holds_is_refused(
    file: Path, tmp_path: Path, name: str, kind: bytes
) -> None:
    def add(out: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        out.addfile(member, io.BytesIO())

    bad = rewritten(file, tmp_path / "bad.tar", add)

    with pytest.raises(InvalidInput, match="no backup"):
        unpack(bad, tmp_path / "new")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bad.tar", "new"]


def test_a_flipped_byte_is_noticed(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "flipped.tar").write_bytes(content)

    with pytest.raises(InvalidInput, match="not what was written"):
        unpack(tmp_path / "flipped.tar", tmp_path / "new")


def test_a_library_is_not_replaced_unasked(file: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "catalogue.sqlite").write_text("mine")

    with pytest.raises(Conflict):
        unpack(file, tmp_path / "home")
    assert (tmp_path / "home" / "catalogue.sqlite").read_text() == "mine"


def test_what_was_replaced_is_kept(file: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "catalogue.sqlite").write_text("mine")
    done = unpack(file, tmp_path / "home", is_forced=True)

    assert done.aside
    assert (Path(done.aside) / "catalogue.sqlite").read_text() == "mine"


def test_a_library_that_is_written_to_is_not_replaced(
    core: Core, file: Path, tmp_path: Path
) -> None:
    unpack(file, tmp_path / "home")
    with closing(build(settings(tmp_path / "home"))) as used:
        with used.library.writing(), pytest.raises(Conflict):
            unpack(file, tmp_path / "home", is_forced=True)

        assert used.library.catalogue.n_papers() == core.library.catalogue.n_papers()


def test_an_empty_library_has_nothing_to_back_up(core: Core, tmp_path: Path) -> None:
    with (
        closing(build(settings(tmp_path / "empty"))) as empty,
        pytest.raises(NotFound, match="nothing to back up"),
    ):
        back_up(empty.library, tmp_path / "backup.tar")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_the_commands_take_and_put_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = run("restore", file, "--json")
    taken = run("backup", file.with_name("again.tar.gz"), "--json")

    assert (put.exit_code, taken.exit_code) == (0, 0)
    assert '"papers":92' in put.stdout
    assert '"papers":92' in taken.stdout


def test_a_refused_restore_says_what_to_do(file: Path) -> None:
    run("restore", file)
    again = run("restore", file)

    assert again.exit_code == 1
    assert "--force" in again.stderr


def test_a_folder_that_is_missing_is_named(core: Core, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"There is no folder .*nowhere"):
        back_up(core.library, tmp_path / "nowhere" / "backup.tar")


def test_a_backup_taken_under_load_is_well(core: Core, tmp_path: Path) -> None:
    home = copy_home(core.settings.home, tmp_path / "served")
    file = tmp_path / "backup.tar"
    with closing(build(settings(home))) as served, TestClient(create_app(served)) as client:
        has_begun, is_over = threading.Barrier(5), threading.Event()

        def ask_on() -> int:
            for n in itertools.count():
                body = {"question": QUESTION, "remember": True}
                assert client.post("/v1/ask", json=body).status_code == 200
                if n == 0:
                    has_begun.wait(60)
                if is_over.is_set():
                    return n + 1
            raise AssertionError

        with ThreadPoolExecutor(4) as askers:
            asking = [askers.submit(ask_on) for _ in range(4)]
            has_begun.wait(60)
            with closing(open_library(settings(home))) as another:  # as the command opens it
                back_up(another, file)
            is_over.set()
            n_asked = sum(each.result() for each in asking)

    with closing(restored(file, tmp_path / "new")) as again:
        n_kept = len(again.conversations.last(-1))
        problems = [found.problem for found in examine(again.library) if found.problem]

    assert problems == []
    assert 4 <= n_kept <= n_asked
