"""An example of a corpus of one's own: recordings in a folder, a table, and the `corpus.yaml` that explains it.

Its bursts are synthetic, as those of the synthetic corpus, but there are only the raw recordings, and age and country
are the only labels. Read it beside another corpus to see what several corpora in one run are like.
"""

from __future__ import annotations

from pathlib import Path

from burst2vec.corpora.readers.exvo import read
from burst2vec.corpora.synthetic.synthesis import synthesise
from burst2vec.machine.files import write_aside

DESCRIPTION = """\
# What burst2vec has to know about this corpus.
table: bursts.csv
file: recording     # the columns of the table, by what they hold
speaker: speaker
sex: sex
split: part
synthetic: true     # so that no page takes its numbers for people's
tasks:
  age: {kind: scalar, columns: [age], unit: years}
  country: {kind: classes, columns: [country]}
"""
"""The content of the corpus's `corpus.yaml`."""


def write_example(folder: str | Path, train: int = 320, val: int = 160, test: int = 160, bias: float = 1.0,
                  seed: int = 1, ageing: float = 0.0) -> Path:
    """Writes an example corpus of so many clips, whole or not at all, and returns its folder.

    The parameters are those of `synthesis.synthesise`.
    """
    folder = Path(folder)
    with write_aside(folder) as aside:
        source = synthesise(aside.parent / "source", train, val, test, bias=bias, seed=seed, ageing=ageing)
        table = read(source).table
        aside.mkdir()
        (source / "raw").rename(aside / "recordings")
        table["recording"] = "recordings/" + table.index + ".wav"
        table = table.rename(columns={"split": "part"})
        table[["recording", "speaker", "sex", "part", "age", "country"]].to_csv(aside / "bursts.csv", index=False)
        (aside / "corpus.yaml").write_text(DESCRIPTION, encoding="utf-8")
    return folder
