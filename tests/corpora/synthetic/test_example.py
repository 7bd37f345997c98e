import numpy as np
import pandas as pd
import pytest

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus, read_corpus
from burst2vec.corpora.readers.exvo import read as read_exvo
from burst2vec.corpora.synthetic.example import write_example
from burst2vec.corpora.synthetic.synthesis import synthesise

SIZES = (12, 8, 4)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return write_example(tmp_path_factory.mktemp("made") / "example", *SIZES, seed=3)


def test_the_example_is_read_as_any_corpus_with_a_corpus_yaml(example):
    corpus = read_corpus(example)
    assert [(t.name, t.kind) for t in corpus.tasks] == [("age", "scalar"), ("country", "classes")]
    sizes = dict(zip(("train", "val", "test"), SIZES, strict=True))
    assert corpus.synthetic and corpus.table["split"].value_counts().to_dict() == sizes
    assert sorted(p.name for p in example.iterdir()) == ["bursts.csv", "corpus.yaml", "recordings"]


def test_its_bursts_are_the_raw_recordings_of_the_synthetic_corpus_of_that_seed(example, tmp_path):
    source = read_exvo(synthesise(tmp_path / "source", *SIZES, seed=3, workers=1)).table
    table = read_corpus(example).table.sort_values("provided")
    pd.testing.assert_series_equal(table["age"].reset_index(drop=True), source["age"].reset_index(drop=True))
    first = (tmp_path / "source" / source["raw"].iloc[0]).read_bytes()
    assert (example / table["provided"].iloc[0]).read_bytes() == first


def test_embedded_corpora_are_joined_by_their_short_names(tmp_path):
    corpus = open_corpus(Params(corpus=["synthetic", "example"], tasks=["emotion", "example:age", "example:country"],
                                cache=str(tmp_path), synthetic_train=16, synthetic_val=8, synthetic_test=8))
    assert corpus.table["corpus"].value_counts().to_dict() == {"synthetic": 32, "example": 16}
    labelled = {t.name: set(corpus.table["corpus"][t.labelled(corpus.table)]) for t in corpus.tasks}
    assert labelled == {"emotion": {"synthetic"}, "age": {"example"}, "country": {"example"}}
    lengths = open_store(corpus, "provided", tmp_path).lengths
    assert len(lengths) == 48 and np.all(lengths > 400)
