"""A cached folder is made once, again when its sources change or it is damaged, and appears whole or not at all."""

from __future__ import annotations

import os
import resource

import pytest

from burst2vec.machine.cached import RECORD, cached


@pytest.fixture
def made():
    """A function that makes a folder of a small and a large file; `made.times` counts its calls."""
    def make(folder):
        make.times += 1
        (folder / "sub").mkdir()
        (folder / "sub" / "index.csv").write_text("a,b\n")
        (folder / "samples.i16").write_bytes(bytes(1_000))

    make.times = 0
    return make


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "store"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_made_at_first_and_found_afterwards(folder, made):
    for _ in range(3):
        assert cached(folder, "f", made) == folder
    assert made.times == 1
    assert contents(folder).keys() == {"sub/index.csv", "samples.i16", RECORD}


def test_another_fingerprint_makes_the_folder_again_without_a_word(folder, made, capsys):
    cached(folder, "f", made)
    (folder / "of the old one").touch()
    cached(folder, "g", made)
    assert made.times == 2 and not (folder / "of the old one").exists()
    cached(folder, "g", made)
    assert made.times == 2 and not capsys.readouterr().err


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def remove(path):
    path.unlink()


def scribble(path):
    path.write_text("[]")


@pytest.mark.parametrize(("name", "damage", "wrong"), [
    ("sub/index.csv", flip, "sub/index.csv is not as it was written"),
    ("sub/index.csv", cut, "sub/index.csv is not as it was written"),
    ("sub/index.csv", remove, "sub/index.csv cannot be read (No such file or directory)"),
    ("samples.i16", flip, "samples.i16 is not as it was written"),
    (RECORD, cut, "cached.json is damaged"),
    (RECORD, scribble, "cached.json is damaged"),
    (RECORD, remove, "cached.json cannot be read (No such file or directory)"),
])
def test_a_damaged_folder_is_told_in_one_line_and_made_again(folder, made, capsys, name, damage, wrong):
    cached(folder, "f", made)
    intact = contents(folder)
    damage(folder / name)
    cached(folder, "f", made)
    assert made.times == 2 and contents(folder) == intact
    assert capsys.readouterr().err == f"{folder}: {wrong}; it is made again\n"


@pytest.mark.parametrize(("damage", "times"), [(flip, 1), (cut, 2), (remove, 2)])
def test_of_a_large_file_only_the_size_is_compared(folder, made, damage, times):
    cached(folder, "f", made, large=["samples.i16"])
    damage(folder / "samples.i16")
    cached(folder, "f", made, large=["samples.i16"])
    assert made.times == times


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_making_that_fails_leaves_nothing_new_and_the_old_as_it_was(folder, made, error):
    def fail(aside):
        (aside / "half").touch()
        raise error

    with pytest.raises(error):
        cached(folder, "f", fail)
    assert not list(folder.parent.iterdir())
    cached(folder, "f", made)
    before = contents(folder)
    with pytest.raises(error):
        cached(folder, "g", fail)
    assert contents(folder) == before and os.listdir(folder.parent) == ["store"]


def test_a_full_disk_is_told_with_the_folder_and_the_way_out(folder, made):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))  # what would be written beyond that fails, as on a full disk
    try:
        with pytest.raises(OSError, match=r"store: cannot be made there \(File too large\); make room, or "):
            cached(folder, "f", made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(folder.parent.iterdir())


def test_a_cache_that_is_no_folder_is_named(folder, made):
    folder.parent.touch()
    with pytest.raises(OSError, match="cache/store: cannot be made there .*parameter `cache`"):
        cached(folder, "f", made)


def test_a_source_that_cannot_be_read_is_not_taken_for_a_cache_that_cannot_be_written(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.csv"):
        cached(folder, "f", lambda aside: (tmp_path / "missing.csv").read_bytes())
