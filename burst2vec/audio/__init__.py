"""From a recording to samples on the device: decoded, resampled, levelled, stored once and packed.

It uses `corpora`. Read `waveform` first, then `store`.
"""
