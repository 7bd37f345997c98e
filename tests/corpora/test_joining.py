import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from burst2vec.audio.store import JoinedStore, open_store
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.corpora.joining import join, select
from burst2vec.corpora.opening import read_corpus
from burst2vec.evaluation.metrics import score
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import predict
from burst2vec.results.scores import scores_by_corpus
from burst2vec.systems.saved import load
from burst2vec.training.batches import plan
from burst2vec.training.trainer import train

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=30)
MONTHS = Task("age", "scalar", ("age",), unit="months", low=20, high=30)
MOOD = Task("mood", "classes", ("mood",), classes=("calm", "wild"))
SOUND = Task("mood", "classes", ("mood",), classes=("laugh", "cry"))


def made(name, *tasks, **columns):
    """A corpus of four bursts by four speakers: two of training, one of validation, one of test."""
    table = pd.DataFrame({"split": ["train", "train", "val", "test"], "speaker": ["a", "b", "c", None], "sex": None,
                          "raw": None, "provided": [f"{n}.wav" for n in range(4)], "corpus": name, **columns},
                         index=pd.Index(list("0123"), name="file"))
    return Corpus(name, Path("/data") / name, table, tasks)


def test_ids_speakers_and_paths_stand_alone():
    joined = join([made("x", AGE, age=[20, 30, 25, 25]), made("y", MOOD, mood=["calm", "wild", "calm", None])])
    assert joined.table.index.tolist() == [f"{c}/{n}" for c in "xy" for n in range(4)]
    assert joined.table["speaker"].dropna().tolist() == ["x/a", "x/b", "x/c", "y/a", "y/b", "y/c"]
    assert joined.root / joined.table["provided"]["y/2"] == Path("/data/y/2.wav")
    assert joined.table["corpus"].value_counts().to_dict() == {"x": 4, "y": 4}


def test_a_burst_takes_part_in_the_tasks_of_its_own_corpus_alone():
    joined = join([made("x", AGE, age=[20, 30, 25, 25]), made("y", MOOD, mood=["calm", "wild", "calm", None])])
    assert joined.task("age").labelled(joined.table).tolist() == [True] * 4 + [False] * 4
    assert joined.task("mood").labelled(joined.table).tolist() == [False] * 4 + [True] * 3 + [False]


def test_tasks_that_ask_the_same_become_one_with_the_union_of_their_ranges():
    older = Task("age", "scalar", ("age",), unit="years", low=25, high=60)
    joined = join([made("x", AGE, age=[20, 30, 25, 25]), made("y", older, age=[25, 60, 40, 50])])
    assert [(t.name, t.low, t.high) for t in joined.tasks] == [("age", 20, 60)]
    assert joined.task("age").labelled(joined.table).all()
    assert joined.task("age").targets(joined.table)[:, 0] == pytest.approx([0, .25, .125, .125, .125, 1, .5, .75])


def test_unlike_tasks_of_one_name_keep_apart():
    joined = join([made("x", MOOD, mood=["calm", "wild", "calm", None]),
                   made("y", SOUND, mood=["laugh", "cry", "cry", None])])
    assert [t.name for t in joined.tasks] == ["x:mood", "y:mood"]
    assert joined.table["y:mood"].dropna().tolist() == ["laugh", "cry", "cry"]
    assert joined.task("x:mood").probability_columns == ("x:mood_calm", "x:mood_wild")


def test_unlike_tasks_that_read_a_column_of_one_name_keep_apart():
    height = Task("height", "scalar", ("age",), unit="cm", low=0, high=1)
    joined = join([made("x", AGE, age=[20, 30, 25, 25]), made("y", height, age=[0, 1, 0.5, 0.5])])
    assert [(t.name, t.columns) for t in joined.tasks] == [("x:age", ("x:age",)), ("y:height", ("y:age",))]


def test_a_label_whose_task_a_corpus_does_not_pose_is_not_trained_on():
    both = made("x", AGE, MOOD, age=[20, 30, 25, 25], mood=["calm", "wild", "calm", None])
    chosen = select([both, made("y", AGE, age=[20, 30, 25, 25])], ["mood", "y:age"])
    joined = join(chosen)
    assert joined.table.loc[joined.table["corpus"] == "x", "age"].isna().all()
    assert joined.table.loc[joined.table["corpus"] == "y", "age"].notna().all()


def test_a_task_is_chosen_everywhere_by_name_or_in_one_corpus():
    corpora = [made("x", AGE, age=[20, 30, 25, 25]),
               made("y", AGE, MOOD, age=[20, 30, 25, 25], mood=["calm", "wild", "calm", None])]
    names = [[t.name for t in c.tasks] for c in select(corpora, ["age"])]
    assert names == [["age"], ["age"]]
    assert [[t.name for t in c.tasks] for c in select(corpora, ["x:age", "mood"])] == [["age"], ["mood"]]


@pytest.mark.parametrize(("tasks", "complaint"), [
    (["pitch"], "task 'pitch' is not posed by /data/x, /data/y; it has age, mood"),
    (["z:age"], "task 'z:age' is not posed"),
    (["mood"], "/data/x: none of its tasks is among mood; leave that corpus out"),
])
def test_a_choice_that_leaves_nothing_is_refused(tasks, complaint):
    corpora = [made("x", AGE, age=[20, 30, 25, 25]), made("y", MOOD, mood=["calm", "wild", "calm", None])]
    with pytest.raises(CorpusError, match=complaint):
        select(corpora, tasks)


def test_corpora_of_one_name_are_refused():
    x = made("x", AGE, age=[20, 30, 25, 25])
    with pytest.raises(CorpusError, match="both named 'x'"):
        join([x, x])


def test_a_folder_with_a_dot_in_its_name_names_parts_of_a_model(tiny_corpus, tiny_params, tmp_path):
    dotted = read_corpus(shutil.copytree(tiny_corpus.root, tmp_path / "my.corpus"))
    joined = join(select([dotted, made("x", MONTHS, age=[20, 30, 25, 25])], ["my_corpus:age", "x:age"]))
    assert [t.name for t in joined.tasks] == ["my_corpus:age", "x:age"]
    assert set(build(tiny_params(), joined.tasks).heads) == {"my_corpus:age", "x:age"}


def test_a_joined_store_holds_the_bursts_in_the_order_of_the_table(tiny_corpus, tmp_path):
    twin = dataclasses.replace(tiny_corpus, name="twin")
    joined = join([tiny_corpus, twin])
    store, one = open_store(joined, "provided", tmp_path), open_store(tiny_corpus, "provided", tmp_path)
    assert isinstance(store, JoinedStore) and len(store) == len(joined.table) == 2 * len(one)
    assert store.lengths.tolist() == [*one.lengths, *one.lengths]
    for row in (0, len(one) - 1, len(one), 2 * len(one) - 1):
        np.testing.assert_array_equal(store[row], one[row % len(one)])


def test_each_tasks_batches_come_from_where_its_labels_are(tiny_params):
    joined = join([made("x", AGE, age=[20, 30, 25, 25]), made("y", MOOD, mood=["calm", "wild", "calm", None])])
    dealt = plan(joined, tiny_params(batch_size=2), 1)
    found = {t.name: sorted(joined.table.index[rows]) for t, rows in dealt}
    assert found == {"age": ["x/0", "x/1"], "mood": ["y/0", "y/1"]}


# From recordings to scores.

@pytest.fixture(scope="module")
def emogator(tmp_path_factory):
    """EmoGator's layout: ten speakers of three MP3 files each, a tone for each of three categories."""
    root = tmp_path_factory.mktemp("corpora") / "emogator"
    (root / "data" / "mp3").mkdir(parents=True)
    for speaker in range(10):
        for category, step in ((1, 0.03), (13, 0.1), (25, 0.3)):
            file = root / "data" / "mp3" / f"{speaker:06d}-{category:02d}-1.mp3"
            soundfile.write(file, 0.3 * np.sin(step * np.arange(9_600 + 480 * speaker)), 48_000)
    return read_corpus(root)


TONES, EMOGATOR = {"age", "country", "tones:emotion"}, {"emogator:emotion"}


@pytest.fixture(scope="module", params=[(["emogator:emotion", "age", "country"], {"age", "country"}, {"emotion"}),
                                        ([], TONES, EMOGATOR)], ids=["apart", "one name"])
def run(request, emogator, tiny_corpus, tiny_params, tmp_path_factory):
    """The joined corpus, its tasks by part, its store, what a short training makes of it, and the predictions."""
    tasks, tones, cries = request.param
    corpus = join(select([tiny_corpus, emogator], tasks))
    store = open_store(corpus, "provided", tmp_path_factory.mktemp("cache"))
    trained = train(corpus, store, tiny_params(early_stopping_task=min(cries)))
    return corpus, {"tones": tones, "emogator": cries}, store, trained, predict(trained.model, corpus, store)


def test_unlike_corpora_are_trained_on_together(run):
    corpus, posed, _, trained, predictions = run
    assert {t.name for t in corpus.tasks} == set.union(*posed.values())
    history = trained.history[trained.history["stage"] == "train"]
    for task in corpus.tasks:
        found = history[(history["task"] == task.name) & (history["term"] == "discriminator")]["value"]
        assert len(found) and (found > 0).all()
    heard = corpus.table[corpus.table["split"] != "train"]
    assert predictions.index.tolist() == heard.index.tolist()
    assert set(predictions.index.str.partition("/").get_level_values(0)) == {"tones", "emogator"}


def test_each_task_is_scored_in_the_corpus_that_has_its_labels_alone(run, tiny_corpus, emogator):
    corpus, posed, _, _, predictions = run
    scores = scores_by_corpus(corpus, predictions)
    assert scores[["corpus", "split", "task"]].apply(tuple, axis=1).tolist() == [
        (part, split, t.name) for part in posed for split in ("val", "test") for t in corpus.tasks
        if t.name in posed[part]]
    sizes = {c.name: c.table["split"].value_counts() for c in (tiny_corpus, emogator)}
    for row in scores.itertuples():
        truth = corpus.table[(corpus.table["corpus"] == row.corpus) & (corpus.table["split"] == row.split)]
        assert row.bursts == sizes[row.corpus][row.split] and np.isfinite([row.score, row.constant]).all()
        assert row.score == score(corpus.task(row.task), truth, predictions)


def test_a_model_of_joined_corpora_is_saved_and_predicts_what_it_did(run, tmp_path):
    corpus, _, store, trained, predictions = run
    trained.model.save_pretrained(tmp_path / "V4")
    system = load(tmp_path / "V4", "cpu")
    assert system.tasks == corpus.tasks
    pd.testing.assert_frame_equal(predict(system.members["V4"], corpus, store), predictions, check_exact=True)
    paths = [corpus.root / path for path in corpus.table.loc[predictions.index, "provided"]]
    found = system.predict(paths, note=lambda line: None)  # trained for a moment, it predicts implausible ages
    for task in corpus.tasks:
        numbers = list(task.probability_columns or task.columns)
        # The store rounds its samples.
        np.testing.assert_allclose(found[numbers], predictions[numbers], rtol=2e-3, atol=2e-3)
        if task.kind == "classes":
            assert found[task.columns[0]].tolist() == predictions[task.columns[0]].tolist()
