"""What the library asks of the computer: whole files, cached folders, signals, worker processes, bars, devices.

The room uses `config` and `messages` and knows nothing of bursts. Read `files` first, then `cached` and `interruption`.
"""
