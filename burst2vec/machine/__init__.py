"""What is asked of the computer: files written whole or not at all, signals, worker processes, devices.

It uses `messages` alone and knows nothing of bursts. Read `files` first, then `interruption`.
"""
