"""Faults to plant in a corpus in ExVo's layout: functions that change the corpus in the folder that they are given."""

from __future__ import annotations

import csv
import io

import numpy as np
import soundfile

TABLE = "data_info.csv"
"""The table that lists the bursts."""

TONE = 0.3 * np.sin(np.arange(8_000) / 9)
"""Half a second of sound at 16 kHz."""


def cells(path):
    return list(csv.reader(io.StringIO(path.read_text())))


def write(path, rows):
    with io.StringIO() as text:
        csv.writer(text, lineterminator="\n").writerows(rows)
        path.write_text(text.getvalue())


def put(row, column, value, table=TABLE):
    """A fault: another cell."""
    def plant(root):
        rows = cells(root / table)
        rows[row - 1][rows[0].index(column)] = value
        write(root / table, rows)
    return plant


def put_all(split, column, value):
    """A fault: another cell in every row of a split."""
    def plant(root):
        rows = cells(root / TABLE)
        for row in rows:
            if row[rows[0].index("Split")] == split:
                row[rows[0].index(column)] = value
        write(root / TABLE, rows)
    return plant


def without(column, table=TABLE):
    def plant(root):
        rows = cells(root / table)
        place = rows[0].index(column)
        write(root / table, [row[:place] + row[place + 1:] for row in rows])
    return plant


def recording(name, waveform, rate=16_000, subtype="FLOAT"):
    return lambda root: soundfile.write(root / name, waveform, rate, subtype=subtype)


def absent(name):
    return lambda root: (root / name).unlink()
