import errno
import os

import pytest

from burst2vec.machine.files import write_aside


def test_a_file_appears_only_when_the_block_ends(tmp_path):
    with write_aside(tmp_path / "table.csv") as aside:
        aside.write_text("new")
        assert not (tmp_path / "table.csv").exists()
    assert (tmp_path / "table.csv").read_text() == "new"


def test_missing_parent_folders_are_made(tmp_path):
    with write_aside(tmp_path / "a" / "b" / "table.csv") as aside:
        aside.write_text("new")
    assert (tmp_path / "a" / "b" / "table.csv").is_file()


def test_a_file_keeps_its_old_content_until_the_block_ends(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with write_aside(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_is_replaced_whole_so_no_old_file_stays_in_it(tmp_path):
    folder = tmp_path / "system"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with write_aside(folder) as aside:
        aside.mkdir()
        (aside / "new.txt").write_text("new")
        assert (folder / "old.txt").exists()
    assert [p.name for p in folder.iterdir()] == ["new.txt"]


def test_nothing_but_the_output_is_left_beside_it(tmp_path):
    (tmp_path / "system").mkdir()
    with write_aside(tmp_path / "system") as aside:
        aside.mkdir()
    assert [p.name for p in tmp_path.iterdir()] == ["system"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_a_failure_there_is_nothing(tmp_path, error):
    with pytest.raises(error), write_aside(tmp_path / "table.csv") as aside:
        aside.write_text("half")
        raise error
    assert not list(tmp_path.iterdir())


def test_after_a_failure_the_old_file_is_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), write_aside(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_after_a_failure_the_old_folder_is_as_it_was(tmp_path):
    folder = tmp_path / "system"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with pytest.raises(RuntimeError), write_aside(folder) as aside:
        aside.mkdir()
        raise RuntimeError
    assert (folder / "old.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_block_that_writes_nothing_is_an_error_and_costs_no_old_folder(tmp_path):
    folder = tmp_path / "system"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with pytest.raises(FileNotFoundError, match="system: nothing was written"), write_aside(folder):
        pass
    assert (folder / "old.txt").read_text() == "old"


def test_what_a_killed_process_left_half_written_is_deleted_by_the_next_and_nobody_elses(tmp_path):
    names = (".table.csv.abcdefgh", ".table.csv.ijklmnop", ".other.csv.abcdefgh")
    left, young, other = (tmp_path / name for name in names)
    for folder in (left, young, other):
        folder.mkdir()
    for folder in (left, other):
        os.utime(folder, (0, 0))
    with write_aside(tmp_path / "table.csv") as first:
        os.utime(first.parent, (0, 0))
        with write_aside(tmp_path / "table.csv") as second:
            assert not left.exists() and young.exists() and other.exists() and first.parent.exists()
            second.write_text("second")
        first.write_text("first")
    assert (tmp_path / "table.csv").read_text() == "first"


def test_a_disk_that_is_full_is_told_with_what_was_to_be_written(tmp_path):
    path = tmp_path / "table.csv"
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"), write_aside(path) as aside:
        aside.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
