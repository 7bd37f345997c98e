import functools
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import soundfile
import torch
import torchaudio

from burst2vec.audio.faults import AudioError
from burst2vec.audio.waveform import load, mix, read_audio, read_parts, resample, to_rms_level
from burst2vec.machine.parallel import in_parallel


def tone(hertz, rate, seconds=0.5, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def middle_level(waveform):
    """Level in dB re a full-scale sine's, of the middle half, where the edges of the filter do not reach."""
    quarter = len(waveform) // 4
    return 20 * np.log10(np.sqrt(2 * np.mean(np.square(waveform[quarter:-quarter], dtype=np.float64))) + 1e-12)


def write(path, waveform, rate=16_000, **options):
    soundfile.write(path, waveform, rate, **options)
    return path


@pytest.mark.parametrize("rate", [96_000, 48_000, 44_100, 22_050])
@pytest.mark.parametrize("hertz", [8_050, 8_200, 9_500, 11_000])
def test_a_tone_above_the_new_nyquist_frequency_vanishes(rate, hertz):
    assert middle_level(resample(tone(hertz, rate, level=1), rate)) < -150


def test_torchaudios_default_kernel_lets_that_tone_through():
    default = torchaudio.functional.resample(torch.from_numpy(tone(8_200, 48_000, level=1)), 48_000, 16_000)
    assert middle_level(default.numpy()) > -20


@pytest.mark.parametrize("hertz", [100, 1_000, 7_000, 7_400])
@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_tones_that_16_khz_can_hold_keep_their_level(rate, hertz):
    assert middle_level(resample(tone(hertz, rate, level=1), rate)) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("rate", [1_000, 8_000, 15_999, 22_050, 44_100, 44_101, 48_000, 768_000])
@pytest.mark.parametrize("length", [1, 2, 3, 100, 1_199, 1_201, 5_003])
def test_every_sample_at_16_khz_that_a_recording_begins_is_there(rate, length):
    assert len(resample(np.ones(length, np.float32), rate)) == -(-length * 16_000 // rate)


def test_the_samples_are_the_same_in_any_thread_and_process():
    noise = np.random.default_rng(0).normal(size=5_000).astype(np.float32)
    wanted = resample(noise, 44_100).tobytes()
    with ThreadPoolExecutor(4) as threads:
        assert {w.tobytes() for w in threads.map(resample, [noise] * 50, [44_100] * 50)} == {wanted}
    with joblib.parallel_config(backend="loky"):
        assert {w.tobytes() for w in in_parallel(functools.partial(resample, rate=44_100), [noise] * 5)} == {wanted}


def test_a_tone_at_48_khz_becomes_the_same_tone_at_16_khz():
    ours, exact = resample(tone(1_000, 48_000), 48_000), tone(1_000, 16_000)
    assert len(ours) == len(exact)
    np.testing.assert_allclose(ours[1000:-1000], exact[1000:-1000], atol=1e-4)


@pytest.mark.parametrize("rate", [44_056, 44_101, 47_999, 15_999])
def test_an_odd_rate_is_resampled_in_tune_without_gigabytes(rate):
    ours, exact = resample(tone(1_000, rate), rate), tone(1_000, 16_000)
    assert len(ours) == len(exact) == 8_000
    spectrum = np.abs(np.fft.rfft(ours[:7_900] * np.hanning(7_900), 64_000))
    assert spectrum.argmax() * 16_000 / 64_000 == pytest.approx(1_000, abs=1)


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2_000_000_011])
def test_a_rate_that_no_recording_of_a_voice_has_is_refused(tmp_path, rate):
    with pytest.raises(AudioError, match=f"odd.wav: sampled at {rate} Hz; expected 1000 to 768000 Hz"):
        load(write(tmp_path / "odd.wav", np.ones(800), rate), "own")


def test_mono_is_the_mean_of_the_channels():
    stereo = np.array([[0.2, 0.6], [1.0, -1.0], [0.0, 0.5]], np.float32)
    np.testing.assert_allclose(mix(stereo), [0.4, 0.0, 0.25])


@pytest.mark.parametrize("gain", [1e-3, 1.0, 50.0])
def test_our_preprocessing_sets_the_rms_level_to_minus_3_db_whatever_it_was(tmp_path, gain):
    noise = np.random.default_rng(0).normal(size=4_000) * 0.1 * gain
    waveform = load(write(tmp_path / "burst.wav", noise, subtype="FLOAT"), "own")
    assert 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64))) == pytest.approx(-3, abs=1e-4)


def test_nothing_clips_in_our_preprocessing_although_peaks_exceed_full_scale(tmp_path):
    spiky = np.random.default_rng(0).laplace(size=4_000) * 0.01
    waveform = load(write(tmp_path / "burst.wav", spiky, subtype="FLOAT"), "own")
    assert np.abs(waveform).max() > 3
    np.testing.assert_allclose(waveform / waveform[0], spiky / spiky[0], rtol=1e-3)


def test_provided_audio_keeps_its_level(tmp_path):
    path = write(tmp_path / "burst.wav", tone(500, 16_000, level=0.25))
    np.testing.assert_array_equal(load(path, "provided"), read_audio(path)[0][:, 0])
    assert np.abs(load(path, "provided")).max() == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", 1e-4), (".flac", 1e-4), (".ogg", 0.1), (".mp3", 0.1)])
def test_every_format_reads_as_the_waveform_that_was_written(tmp_path, suffix, tolerance):
    wanted = tone(440, 48_000)
    found, rate = read_audio(write(tmp_path / f"burst{suffix}", wanted, 48_000))
    assert rate == 48_000 and found.dtype == np.float32
    np.testing.assert_allclose(found[5_000:15_000, 0], wanted[5_000:15_000], atol=tolerance)


def test_a_waveform_is_float32_at_16_khz_whatever_the_recording(tmp_path):
    waveform = load(write(tmp_path / "burst.wav", np.stack([tone(440, 44_100)] * 2, axis=1), 44_100), "own")
    assert waveform.dtype == np.float32 and waveform.shape == (8_000,)


@pytest.mark.parametrize(("name", "waveform", "rate", "complaint"), [
    ("empty.wav", np.zeros((0, 1)), 16_000, "empty; it holds no samples"),
    ("empty48.wav", np.zeros((0, 1)), 48_000, "empty; it holds no samples"),
    ("short.wav", np.ones(399), 16_000, "24.9 ms long; expected 25 ms or more"),
    ("short48.wav", np.ones(1_100), 48_000, "expected 25 ms or more"),
    ("silent.wav", np.zeros(4_000), 16_000, "silent"),
    ("antiphase.wav", np.array([[0.5, -0.5]] * 4_000), 16_000, "silent"),
    ("nan.wav", np.r_[np.ones(4_000), np.nan], 16_000, "not finite"),
    ("inf.wav", np.r_[np.ones(4_000), np.inf], 48_000, "not finite"),
])
@pytest.mark.parametrize("audio", ["own", "provided"])
def test_a_recording_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path, name, waveform, rate, complaint, audio):
    write(tmp_path / name, waveform, rate, subtype="FLOAT")
    with pytest.raises(AudioError, match=f"{name}: .*{complaint}"):
        load(tmp_path / name, audio)


@pytest.mark.parametrize("content", [b"not audio at all", bytes(1_000)])
def test_a_file_that_is_no_audio_is_named_with_the_formats_that_are(tmp_path, content):
    (tmp_path / "burst.wav").write_bytes(content)
    with pytest.raises(AudioError, match="burst.wav: not readable as audio .*expected WAV, FLAC, OGG or MP3"):
        load(tmp_path / "burst.wav", "own")


def test_a_file_without_a_byte_is_empty(tmp_path):
    (tmp_path / "burst.wav").touch()
    with pytest.raises(AudioError, match="burst.wav: empty; it holds no bytes"):
        load(tmp_path / "burst.wav", "own")


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.wav"):
        load(tmp_path / "nothing.wav", "own")


def test_the_shortest_usable_recording_is_25_ms(tmp_path):
    assert len(load(write(tmp_path / "burst.wav", tone(500, 16_000, 0.025)), "own")) == 400


def test_silence_has_no_level():
    with pytest.raises(AudioError, match="silent"):
        to_rms_level(np.zeros(400, np.float32))


@pytest.mark.parametrize(("longest", "ends"), [(9, [5]), (5, [5]), (4.9, [2.5, 5]), (1.7, [1.667, 3.333, 5])])
def test_a_recording_is_read_in_equal_parts_that_make_it_whole(tmp_path, longest, ends):
    path = write(tmp_path / "long.wav", np.random.default_rng(0).normal(size=80_000) * 0.1)
    parts = list(read_parts(path, longest))
    assert [round(part.end, 3) for part in parts] == ends and not any(part.fault for part in parts)
    assert [part.start for part in parts] == [0, *(part.end for part in parts)][:-1]
    np.testing.assert_array_equal(np.concatenate([part.waveform for part in parts]), load(path, "provided"))


def test_a_part_that_cannot_be_used_says_why_and_holds_no_samples(tmp_path):
    sound = np.random.default_rng(0).normal(size=16_000) * 0.1
    both = np.r_[np.stack([sound, sound], 1), np.stack([sound, -sound], 1), np.zeros((16_000, 2))]
    parts = list(read_parts(write(tmp_path / "long.wav", both), 1))
    assert [part.fault for part in parts] == ["", "silent; its channels cancel out", "silent; every sample is zero"]
    assert [len(part.waveform) for part in parts] == [16_000, 0, 0]


def test_a_recording_that_ends_early_says_so_after_equal_parts_of_what_is_there(tmp_path):
    path = write(tmp_path / "cut.mp3", np.random.default_rng(0).normal(size=(160_000, 1)) * 0.1)
    path.write_bytes(path.read_bytes()[:path.stat().st_size * 6 // 10])
    parts = read_parts(path, 2.5)
    assert [next(parts).end for _ in range(3)] == pytest.approx([2.0, 4.0, 6.0], abs=0.1)
    with pytest.raises(AudioError, match=r"cut.mp3: ends after [56].\d s where its header says 10.0 s"):
        next(parts)


def test_a_recording_that_is_damaged_within_says_so_after_the_parts_before_that(tmp_path):
    path = write(tmp_path / "damaged.flac", np.random.default_rng(0).normal(size=64_000) * 0.1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2:len(content) // 2 + 100] = bytes(100)
    path.write_bytes(content)
    parts = read_parts(path, 1.5)
    assert next(parts).end == 1.5
    with pytest.raises(AudioError, match="damaged.flac: not readable as audio .flac decoder lost sync"):
        next(parts)


@pytest.mark.parametrize("read", [lambda path: load(path, "own"), read_audio, lambda path: list(read_parts(path, 1))])
def test_a_recording_that_does_not_fit_into_memory_is_refused(tmp_path, monkeypatch, read):
    def refuse(*_, **__):
        raise MemoryError

    path = write(tmp_path / "burst.wav", tone(440, 16_000))
    monkeypatch.setattr("soundfile.SoundFile.read", refuse)
    with pytest.raises(AudioError, match="burst.wav: too long for this machine's memory"):
        read(path)
