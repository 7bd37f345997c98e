"""From a recording to samples on the device: decoded, judged, resampled, levelled, stored once and packed.

The room uses `corpora` and `machine`. Read `waveform` first, then `faults` and `store`; `decoding` and `containers`
are about files that are not what their headers say.
"""
