"""The learner's folder: made whole or not at all, held by one, never taken for another's."""

from __future__ import annotations

import errno
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quickstudy.errors import DamagedLearner, DiskTrouble, LearnerInUse, QuickstudyError
from quickstudy.experience import folder as folders
from quickstudy.experience.event import Kind
from quickstudy.experience.folder import Folder, resolve, write_atomically

HOLD = """
import sys
from quickstudy.experience.folder import Folder
folder = Folder.open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def ada(home: Path) -> Path:
    """A closed learner's folder."""
    with Folder.create(resolve("ada"), settings={"seed": 3}) as folder:
        folder.log.append(Kind.NOTE, "grid", step=1)
        return folder.path


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*.*")}


def test_create_close_open(home: Path) -> None:
    chosen = {"seed": 7, "note": 'a "quoted" ü\n\t\x7f☃', "rate": 1e-7, "bold": True}
    with Folder.create(resolve("ada"), settings=chosen) as folder:
        about, n = folder.about, folder.log.append(Kind.NOTE, "grid")
        assert (folder.mind_arrays.name, folder.mind_note.name) == ("mind.eqx", "mind.json")
    assert home.exists() and folders.known() == ["ada"]
    with Folder.open(resolve("ada")) as folder:
        assert folder.about == about and folder.about.settings == chosen
        assert folder.about.name == "ada" and folder.log.uid == about.uid
        assert folder.log.saved == n == 1
    left = {path.name for path in resolve("ada").iterdir()}
    assert left == {"learner.toml", "experience.db", "lock"}
    assert [path.name for path in home.iterdir()] == ["ada"]


settings_values = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.booleans()
)


@settings(derandomize=True, deadline=None, database=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), settings_values))
def test_any_settings_come_back(chosen: dict[str, folders.Setting]) -> None:
    about = folders.About("ada", "0" * 32, 1.5, chosen)
    read = tomllib.loads(folders._as_toml(about))
    assert (read["name"], read["uid"], read["created"]) == ("ada", "0" * 32, 1.5)
    assert read["settings"].keys() == chosen.keys()
    for key, value in chosen.items():
        found = read["settings"][key]
        assert type(found) is type(value)
        assert found == value or (math.isnan(found) and math.isnan(value))  # type: ignore[arg-type]


def test_settings_of_another_kind_leave_nothing_behind(home: Path) -> None:
    with pytest.raises(ValueError, match="text, a number"):
        Folder.create(resolve("ada"), settings={"layers": [1, 2]})  # type: ignore[dict-item]
    assert list(home.iterdir()) == []


# ---- names and places


def test_resolve(ada: Path, home: Path, tmp_path: Path) -> None:
    assert resolve("ada") == home / "ada" == ada
    assert resolve("home/ada") == Path("home/ada")
    assert resolve("./ada") == Path("ada")
    assert resolve(tmp_path / "x") == tmp_path / "x"
    assert resolve("~/ada") == Path.home() / "ada"
    shutil.copytree(ada, "ada")
    assert resolve("ada") == Path("ada")


def test_home_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUICKSTUDY_HOME", raising=False)
    assert folders.home().name == "learners"


@pytest.mark.parametrize("name", ["", ".", "..", ".ada", "a b", "a" * 65, "ädä", "a\n", "a:b"])
def test_names_that_will_not_do(home: Path, name: str) -> None:
    with pytest.raises(QuickstudyError, match="cannot be called"):
        resolve(name)


@pytest.mark.parametrize("name", ["ada", "Ada-2.1_b", "a" * 64, "-x"])
def test_names_that_will_do(home: Path, name: str) -> None:
    assert resolve(name) == home / name


def test_missing_learner(ada: Path) -> None:
    with pytest.raises(DamagedLearner, match=r"No learner lives in .*Did you mean 'ada'"):
        Folder.open(resolve("adda"))
    with pytest.raises(DamagedLearner, match="No learner lives in"):
        Folder.open(resolve("./adda"))


# ---- folders that are no learners, or damaged ones


def test_create_over_a_learner(ada: Path) -> None:
    before = contents(ada)
    with pytest.raises(QuickstudyError, match=r"lives in .* already"):
        Folder.create(ada)
    assert contents(ada) == before


@pytest.mark.parametrize("act", [Folder.create, Folder.open])
def test_foreign_places(act: object, tmp_path: Path) -> None:
    path = tmp_path / "photos"
    path.mkdir()
    (path / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(DamagedLearner, match=r"not empty and has no learner.toml.*nothing was"):
        act(path)  # type: ignore[operator]
    assert contents(path) == {"cat.jpg": b"meow"}
    with pytest.raises(DamagedLearner, match="is a file"):
        act(path / "cat.jpg")  # type: ignore[operator]
    assert [file.name for file in tmp_path.iterdir()] == ["photos"]


def test_an_empty_folder_can_become_a_learner(tmp_path: Path) -> None:
    path = tmp_path / "ada"
    path.mkdir()
    with pytest.raises(DamagedLearner, match="is empty"):
        Folder.open(path)
    with Folder.create(path) as folder:
        assert folder.about.name == "ada"


@pytest.mark.parametrize(
    "file, content, message",
    [
        ("learner.toml", b"", "lacks or garbles"),
        ("learner.toml", b"name = ", "cannot be read as TOML"),
        ("learner.toml", b"\xff\xfe", "cannot be read as TOML"),
        ("learner.toml", b"format = 2\nname = 'ada'", "format 2, this Quickstudy .*upgrade"),
        ("learner.toml", b"name = 'ada'\nuid = 'x'\ncreated = 'then'", "lacks or garbles"),
        ("learner.toml", b"name = 'ada'\nuid = 'x'\ncreated = 1.0", "belongs to learner"),
        ("experience.db", None, "experience.db is missing"),
        ("experience.db", b"", "experience.db is empty"),
        ("experience.db", b"no database" * 100, "not a database"),
    ],
)
def test_damaged_learners(ada: Path, file: str, content: bytes | None, message: str) -> None:
    if content is None:
        (ada / file).unlink()
    else:
        (ada / file).write_bytes(content)
    before = contents(ada)
    with pytest.raises(DamagedLearner, match=message) as raised:
        Folder.open(ada)
    assert str(ada) in str(raised.value)
    assert contents(ada) == before
    with pytest.raises(DamagedLearner, match=message):  # and not "in use"
        Folder.open(ada)


# ---- one holder


def test_one_holder_in_a_process(ada: Path) -> None:
    with Folder.open(ada) as folder:
        with pytest.raises(LearnerInUse, match="this process"):
            Folder.open(ada)
        with Folder.open(ada, readonly=True) as reader:
            assert reader.log.last == 1
        folder.log.append(Kind.NOTE)
    folder.close()
    Folder.open(ada).close()


def test_one_holder_among_processes(ada: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ada)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(LearnerInUse, match=rf"pid {holder.pid}\).*stop it"):
            Folder.open(ada)
        with Folder.open(ada, readonly=True) as reader:
            assert reader.log.last == 1
        holder.kill()
        holder.wait()
        Folder.open(ada).close()  # the lock is gone with its holder


def test_opens_though_the_disk_is_full(ada: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("quickstudy.experience.folder.os.write", full)
    with Folder.open(ada), pytest.raises(LearnerInUse):
        Folder.open(ada)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_does_not_keep_the_lock(ada: Path) -> None:
    program = (
        "import os, sys, time\n"
        "from quickstudy.experience.folder import Folder\n"
        "from quickstudy.experience.log import Kind\n"
        "folder = Folder.open(sys.argv[1])\n"
        "folder.log.append(Kind.NOTE)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try: folder.log.append(Kind.NOTE)\n"
        "    except ValueError as error: assert 'forked' in str(error)\n"
        "    else: os._exit(1)\n"
        "    folder.close()\n"
        "    print('child', os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "folder.log.sync()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(ada)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline().split()[1])
        parent.wait()
        try:
            with Folder.open(ada) as folder:
                assert folder.log.last == 2
        finally:
            os.kill(child, signal.SIGKILL)


# ---- files written whole


def test_write_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mind.eqx"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert contents(tmp_path) == {"mind.eqx": b"new"}

    def fail(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskTrouble, match="No space left"):
        write_atomically(path, b"newer")
    assert contents(tmp_path) == {"mind.eqx": b"new"}
    with pytest.raises(DiskTrouble):
        Folder.create(tmp_path / "ada")
    assert contents(tmp_path) == {"mind.eqx": b"new"}


def test_readers_see_the_old_content_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "mind.json"
    write_atomically(path, b"0" * 50_000)
    is_done = threading.Event()
    seen: set[bytes] = set()

    def look() -> None:
        while not is_done.is_set():
            content = path.read_bytes()
            seen.add(content[:1])
            assert content == content[:1] * 50_000

    reader = threading.Thread(target=look)
    reader.start()
    for digit in b"123456789" * 5:
        write_atomically(path, bytes([digit]) * 50_000)
    is_done.set()
    reader.join()
    assert seen
