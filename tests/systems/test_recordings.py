"""What is taken for a recording, how long ones are cut, and what is said of those that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from burst2vec.systems.recordings import Sound, list_recordings, read_windows


def noise(seconds, rate=16_000, channels=1, seed=0):
    return 0.1 * np.random.default_rng(seed).normal(size=(round(seconds * rate), channels)).astype(np.float32)


def write(path, waveform, rate=16_000, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, **options)
    return str(path)


def found(*given, rate=None):
    """The recordings among what is given, and what was reported."""
    lines = []
    return list_recordings(given, rate, lines.append), lines


def heard(*given, longest=10.0, rate=None):
    """The windows of what is given, and what was reported."""
    lines = []
    return list(read_windows(list_recordings(given, rate, lines.append), longest, lines.append)), lines


# Files and folders ------------------------------------------------------------------------------------------

def test_folders_are_searched_for_recordings_and_files_are_taken_as_they_are(tmp_path):
    for name in ("b.wav", "a.FLAC", "deep/er/c.mp3", "notes.txt", ".hidden.wav", ".cache/d.wav", "raw.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    wanted = ["notes.txt", "a.FLAC", "b.wav", "deep/er/c.mp3", "raw.webm"]
    assert found(tmp_path / "notes.txt", tmp_path, tmp_path / "b.wav") == ([str(tmp_path / n) for n in wanted], [])


def test_one_path_need_not_be_a_list(tmp_path):
    assert list_recordings("laugh.wav", None, pytest.fail) == ["laugh.wav"]
    assert list_recordings(Path("laugh.wav"), None, pytest.fail) == ["laugh.wav"]


def test_a_folder_without_recordings_is_reported(tmp_path):
    files, lines = found(tmp_path)
    assert files == [] and len(lines) == 1
    assert lines[0].startswith(f"{tmp_path}: the folder holds no recordings")


def test_a_folder_without_read_permission_is_reported_and_the_others_are_searched(tmp_path, monkeypatch):
    for name in ("a/one.wav", "closed/two.wav", "z/three.wav"):
        write(tmp_path / name, noise(0.1))
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    files, lines = found(tmp_path, tmp_path / "closed")
    assert [Path(f).name for f in files] == ["one.wav", "three.wav"]
    assert lines == [f"{tmp_path / 'closed'}: the folder cannot be read (Permission denied)"] * 2


def test_linked_folders_are_searched_once_and_a_dangling_link_is_reported(tmp_path):
    write(tmp_path / "elsewhere" / "one.wav", noise(0.1))
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "given")
    (tmp_path / "given" / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    files, lines = found(tmp_path / "given")
    assert files == [str(tmp_path / "given" / "linked" / "one.wav")]
    assert len(lines) == 1 and lines[0].startswith(f"{tmp_path / 'given' / 'gone.wav'}: the link leads nowhere")


@pytest.mark.parametrize("name", [b"two  blanks .wav", b"lach\xfc.wav", b"line\nbreak.wav", "la\u0308ch.wav".encode()])
def test_any_name_is_found_and_read(tmp_path, name):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    with open(path, "wb") as file:
        soundfile.write(file, noise(0.1), 16_000, format="WAV")
    windows, lines = heard(tmp_path, path)
    assert lines == [] and [window.file for window in windows] == [path]


# Arrays -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [lambda x: x[:, 0], lambda x: x, lambda x: np.repeat(x, 2, axis=1),
                                   lambda x: torch.from_numpy(x), lambda x: x.astype(np.float64)],
                         ids=["samples", "samples and channel", "two channels", "tensor", "double"])
def test_an_array_is_heard_as_a_file_of_these_samples(tmp_path, shape):
    whole = noise(0.5, 8_000)
    file = write(tmp_path / "a.wav", whole, 8_000, subtype="FLOAT")
    for given, rate in (([file, (shape(whole), 8_000)], None), ([shape(whole)], 8_000)):
        windows, lines = heard(*given, rate=rate, longest=0.3)
        assert lines == [] and {w.file for w in windows} - {file} == {f"recording {len(given) - 1}"}
        for one, other in zip(windows[-2:], heard(file, longest=0.3)[0], strict=True):
            assert (one.start, one.end) == (other.start, other.end)
            np.testing.assert_array_equal(one.waveform, other.waveform)


@pytest.mark.parametrize(("dtype", "scale"), [
    (np.int16, 2 ** 15), (np.int32, 2 ** 31), (">i2", 2 ** 15)])
def test_integers_have_full_scale_at_the_ends_of_their_range(dtype, scale):
    whole = np.array([0.5, -1.0, 0.25, 0.0] * 400)
    (sound,), _ = found(((whole * scale).astype(dtype), 16_000))
    np.testing.assert_array_equal(sound.samples[:, 0], whole.astype(np.float32))


def test_one_array_or_pair_need_not_be_a_list():
    samples = noise(0.1)
    for given, rate in ((samples, 16_000), ((samples, 16_000), None), (torch.from_numpy(samples), 16_000.0)):
        (sound,) = list_recordings(given, rate, pytest.fail)
        assert isinstance(sound, Sound) and sound.rate == 16_000 and sound.samples.shape == (1600, 1)


@pytest.mark.parametrize(("given", "rate", "complaint"), [
    ([noise(1)], None, "recording 0 comes without a sample rate; expected a path, a pair"),
    ([(noise(1), 8_000)], 8_000, "recording 0 has a rate of its own, but rate is 8000"),
    (["a.wav"], 8_000, "rate is 8000, but the file a.wav has a rate of its own"),
    ([noise(1), (noise(1), "high")], 8_000, "recording 1 has a rate of its own"),
    ([(noise(1), "high")], None, "recording 0: its rate is 'high'; expected the sample rate in Hz, a whole number"),
    ([(noise(1), 0)], None, "its rate is 0"), ([(noise(1), float("nan"))], None, "its rate is nan"),
    ([(noise(1).T, 16_000)], None, r"recording 0 is of shape \(1, 16000\); expected \(samples,\) or"),
    ([(np.zeros((4, 4, 4)), 16_000)], None, r"recording 0 is of shape \(4, 4, 4\)"),
    ([(np.zeros(9, np.int64), 16_000)], None, "recording 0 holds samples of type int64; expected floats, or integers"),
    ([(np.zeros(9, complex), 16_000)], None, "recording 0 holds samples of type complex128"),
    ([16_000, noise(1)], None, "recording 0 is 16000; expected a path, a pair"),
    ({"array": noise(1), "sampling_rate": 8_000}, None, "is no recording; expected a path, a pair"),
    ([{"array": noise(1), "sampling_rate": 8_000}], None, "recording 0 is {'array'.*; expected a path, a pair"),
    (5, None, "5 is no recording; expected a path, a pair"), ([None], None, "recording 0 is None"),
    ([b"a.wav"], None, "recording 0 is b'a.wav'")])
def test_what_is_no_recording_is_refused_in_a_line_that_says_what_would_be(given, rate, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        list_recordings(given, rate, pytest.fail)
    assert "\n" not in str(caught.value)


def test_an_array_that_cannot_be_used_is_reported_like_a_file():
    samples = noise(0.5)
    inverted = np.c_[samples, -samples]
    windows, lines = heard((np.zeros(0), 16_000), (np.full(8_000, np.nan), 16_000), (inverted, 16_000), (samples, 10),
                           (samples, 16_000))
    assert [window.file for window in windows] == ["recording 4"]
    assert [line.split(": ")[0] for line in lines] == [f"recording {place}" for place in range(4)]
    assert "finite numbers" in lines[1] and "channels cancel" in lines[2] and "sampled at 10 Hz" in lines[3]


# Long recordings --------------------------------------------------------------------------------------------

def test_a_long_recording_is_cut_into_equal_windows(tmp_path):
    windows, lines = heard(write(tmp_path / "long.wav", noise(2.5, 8_000, 2), 8_000), longest=1.0)
    assert lines == [] and all(len(w.waveform) == pytest.approx(13_333, abs=2) for w in windows)
    np.testing.assert_allclose([w.start for w in windows], [0, 0.833, 1.667], atol=1e-3)
    np.testing.assert_allclose([w.end for w in windows], [0.833, 1.667, 2.5], atol=1e-3)


# What cannot be used ----------------------------------------------------------------------------------------

def test_every_unusable_recording_is_reported_in_a_line_and_the_others_are_read(tmp_path):
    good = [write(tmp_path / "a.wav", noise(0.2)), write(tmp_path / "z.wav", noise(0.05, seed=1))]
    write(tmp_path / "20ms.wav", noise(0.02))
    write(tmp_path / "silent.wav", np.zeros(8_000))
    write(tmp_path / "nan.wav", np.r_[np.ones(8_000), np.nan], subtype="FLOAT")
    write(tmp_path / "cancels.wav", np.c_[noise(0.2), -noise(0.2)])
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("a text file\n")
    (tmp_path / "raw.webm").write_bytes(b"\x1aE\xdf\xa3" * 99)
    windows, lines = heard(tmp_path, tmp_path / "nothing.wav")
    assert [window.file for window in windows] == good
    said = dict(line.removeprefix(f"{tmp_path}/").split(": ", 1) for line in lines)
    assert sorted(said) == ["20ms.wav", "cancels.wav", "empty.wav", "nan.wav", "nothing.wav", "raw.webm", "silent.wav",
                            "text.wav"]
    for name, words in {"20ms.wav": "20.0 ms long", "cancels.wav": "channels cancel", "empty.wav": "empty",
                        "nan.wav": "not finite numbers", "nothing.wav": "no such recording",
                        "raw.webm": "not readable as audio", "silent.wav": "silent",
                        "text.wav": "not readable as audio"}.items():
        assert words in said[name]
    assert not any("\n" in line for line in lines)


def test_a_recording_without_read_permission_is_reported(tmp_path, monkeypatch):
    closed = write(tmp_path / "closed.wav", noise(0.1))

    def refuse(path, *rest):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("burst2vec.audio.decoding.open", refuse, raising=False)
    assert heard(closed) == ([], [f"{closed}: Permission denied"])


def test_windows_that_cannot_be_used_are_counted_and_the_others_are_read(tmp_path):
    path = write(tmp_path / "gap.wav", np.r_[noise(1), np.zeros((16_000, 1)), noise(1), np.zeros((16_000, 1))])
    windows, lines = heard(path, longest=1.0)
    assert [window.start for window in windows] == [0, 2]
    assert lines == [f"{path}: 2 of 4 windows left out, first 1.0 to 2.0 s: silent; every sample is zero"]


def test_of_a_damaged_recording_what_comes_before_is_used(tmp_path):
    content = bytearray(Path(write(tmp_path / "a.flac", noise(4))).read_bytes())
    content[len(content) // 2:len(content) // 2 + 4_000] = bytes(4_000)
    (tmp_path / "a.flac").write_bytes(content)
    windows, lines = heard(tmp_path / "a.flac", longest=1.0)
    assert [window.start for window in windows] == [0] and len(lines) == 1
    assert lines[0].startswith(f"{tmp_path / 'a.flac'}: ") and lines[0].endswith("; its first 1.0 s are used")


def test_what_is_odd_is_told_once_for_each_recording_and_stops_nothing(tmp_path):
    mono = noise(0.5)
    nearly, stereo = mono * [1, -0.98], mono * [1, 0.5]
    odd, lines = [], []
    given = [write(tmp_path / "a.wav", nearly, subtype="FLOAT"), (np.concatenate([nearly, stereo]), 16_000),
             ((32767 * np.clip(30 * noise(0.5), -1, 1)).astype(np.int16), 16_000)]
    windows = list(read_windows(list_recordings(given, None, lines.append), 0.5, lines.append,
                                lambda *said: odd.append(said)))
    assert lines == [] and len(windows) == 4
    assert [name for name, _ in odd] == [given[0], "recording 1", "recording 2"]
    assert odd[0][1].startswith("its channels nearly cancel; ")
    assert odd[1][1].startswith("1 of 2 windows, first 0.0 to 0.5 s: its channels nearly cancel; ")
    assert odd[2][1].startswith("clipped; ")


def test_an_array_with_the_channels_first_is_refused_with_a_hint():
    with pytest.raises(ValueError, match=r"is of shape \(2, 8000\); expected .*; transpose it: give its .T"):
        heard((noise(0.5, channels=2).T, 16_000))
