"""What is heard in a recording: faults that training meets, and clipping, on bursts that are clipped or not."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from burst2vec.audio.faults import CLIPPED, AudioError
from burst2vec.audio.waveform import load
from burst2vec.inspection.listening import listen


def burst(rate=16_000, pitch=400, seconds=1.0, seed=0):
    """A tone with noise that swells and fades, up to full scale once: (samples,)."""
    time = np.arange(int(seconds * rate)) / rate
    noise = 0.2 * np.random.default_rng(seed).normal(size=len(time))
    waveform = np.sin(np.pi * time / seconds) * (np.sin(2 * np.pi * pitch * time) + noise)
    return waveform / np.abs(waveform).max()


@pytest.fixture
def hear(tmp_path):
    """What is heard of a waveform written as a file of that suffix."""
    def hear(waveform, suffix=".wav", rate=16_000, **options):
        path = tmp_path / f"burst{suffix}"
        soundfile.write(path, waveform, rate, **options)
        return listen(path)
    return hear


def test_rate_channels_and_duration_are_heard(hear):
    heard = hear(np.stack([0.25 * burst(48_000), 0.1 * burst(48_000)], axis=1), rate=48_000)
    assert (heard.rate, heard.channels, heard.frames, heard.seconds) == (48_000, 2, 48_000, 1.0)
    assert (heard.fault, heard.notes) == ("", ())


def test_what_sounds_the_same_has_the_same_checksum_in_any_lossless_format_and_nothing_else_has(hear):
    sound = np.round(16_384 * burst()).astype(np.int16)
    same = hear(sound), hear(sound, ".flac"), hear(sound, ".aiff"), hear(np.stack([sound, sound], 1))
    assert len({heard.checksum for heard in (*same, hear(sound / 32_768, subtype="FLOAT"))}) == 1
    assert len({heard.checksum for heard in (hear(sound), hear(sound // 2), hear(sound[1:]), hear(-sound))}) == 4


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
@pytest.mark.parametrize("pitch", [80, 400, 1_500])
def test_a_burst_that_just_reaches_full_scale_is_not_clipped(hear, suffix, pitch):
    assert hear(burst(48_000, pitch), suffix, 48_000).clipped < CLIPPED / 3


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
@pytest.mark.parametrize("pitch", [80, 400, 1_500])
def test_a_burst_cut_off_at_half_its_peak_is_clipped(hear, suffix, pitch):
    found = hear(np.clip(2 * burst(48_000, pitch), -1, 1), suffix, 48_000).notes
    assert len(found) == 1 and found[0].startswith("clipped; ")


def test_a_clipped_burst_is_still_clipped_when_it_was_softened_afterwards(hear):
    assert hear(0.7 * np.clip(2 * burst(), -1, 1)).clipped > 0.02


def test_the_share_of_samples_cut_off_is_that_of_flat_tops(hear):
    flat = np.zeros(1_000)
    flat[100:110], flat[500:505] = 0.8, -0.6  # 9 and 4 samples whose successor is as high
    assert hear(flat).clipped == pytest.approx(13 / 1_000)


def test_one_clipped_channel_of_two_is_heard(hear):
    clipped = np.clip(2 * burst(), -1, 1)
    assert hear(np.stack([0.1 * burst(), clipped], 1)).clipped == pytest.approx(hear(clipped).clipped / 2, rel=0.01)


def test_a_soft_recording_whose_steps_are_coarse_is_not_clipped(hear):
    assert hear(0.001 * burst(48_000, 80), rate=48_000).clipped == 0


def test_samples_beyond_full_scale_are_nothing_unusual_in_floating_point(hear):
    assert hear(3 * burst(), subtype="FLOAT").clipped < CLIPPED


def test_a_recording_is_heard_to_its_end_in_parts(hear, monkeypatch):
    waveform = np.concatenate([np.zeros(70_000), 0.5 * burst()])
    whole = hear(waveform)
    monkeypatch.setattr("burst2vec.audio.decoding.BLOCK", 4_096)
    assert hear(waveform) == whole and not whole.fault


@pytest.mark.parametrize(("waveform", "rate", "complaint"), [
    (np.zeros((0, 1)), 16_000, "empty; it holds no samples"),
    (burst()[:399], 16_000, "24.9 ms long; expected 25 ms or more"),
    (burst()[:1_100], 48_000, "22.9 ms long; expected 25 ms or more"),
    (np.zeros(4_000), 16_000, "silent; every sample is zero"),
    (np.array([[0.3, -0.3]] * 4_000), 16_000, "silent; its channels cancel out"),
    (np.r_[np.ones(4_000), np.nan], 16_000, "holds samples that are not finite numbers"),
    (np.r_[-np.inf, np.ones(4_000)], 48_000, "holds samples that are not finite numbers"),
    (np.full((4_000, 2), 3e38), 16_000, "holds samples that are not finite numbers"),
    (burst()[:4_000], 500, "sampled at 500 Hz; expected 1000 to 768000 Hz"),
])
def test_what_training_refuses_is_a_grave_fault(hear, tmp_path, waveform, rate, complaint):
    heard = hear(waveform, rate=rate, subtype="FLOAT")
    assert (heard.fault, heard.notes) == (complaint, ())
    with pytest.raises(AudioError, match=complaint):
        load(tmp_path / "burst.wav", "provided")


@pytest.mark.parametrize(("frames", "rate"), [(400, 16_000), (1_199, 48_000), (1_102, 44_100)])
def test_the_shortest_recording_that_training_takes_is_no_fault(hear, tmp_path, frames, rate):
    heard = hear(np.linspace(-0.3, 0.3, frames), rate=rate)
    assert (heard.fault, heard.notes) == ("", ())
    load(tmp_path / "burst.wav", "provided")


@pytest.mark.parametrize(("waveform", "rate", "note"), [
    (10 ** (-70 / 20) * burst(), 16_000, "nearly silent; its peak is -70 dB"),
    (0.1 * burst(1_000, 50, 61), 1_000, "61 s long; bursts last seconds"),
])
def test_what_is_odd_but_can_be_trained_on_is_a_note(hear, waveform, rate, note):
    heard = hear(waveform, rate=rate, subtype="FLOAT")
    assert (heard.fault, heard.notes) == ("", (note,))


def test_a_recording_that_broke_off_is_measured_as_far_as_it_goes(hear, tmp_path):
    whole = hear(0.3 * burst(48_000, seconds=4), ".mp3", 48_000)
    data = (tmp_path / "burst.mp3").read_bytes()
    (tmp_path / "burst.mp3").write_bytes(data[:len(data) // 2])
    heard = listen(tmp_path / "burst.mp3")
    assert heard.frames == len(soundfile.read(tmp_path / "burst.mp3")[0]) < whole.frames
    assert heard.notes == (f"ends after {heard.seconds:.1f} s where its header says 4.0 s",)


@pytest.mark.parametrize(("content", "complaint"), [
    (b"", "empty; it holds no bytes"), (b"a text", "not readable as audio"), (bytes(1_000), "not readable as audio"),
])
def test_what_is_no_recording_is_a_complaint(tmp_path, content, complaint):
    (tmp_path / "burst.wav").write_bytes(content)
    assert listen(tmp_path / "burst.wav").startswith(complaint)


def test_a_missing_recording_and_a_folder_are_complaints(tmp_path):
    assert listen(tmp_path / "none.wav") == listen(tmp_path) == "there is no such recording"
