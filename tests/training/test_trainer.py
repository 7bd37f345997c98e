import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import burst2vec.evaluation.metrics
import burst2vec.training.trainer
from burst2vec.config import ParameterError, Params
from burst2vec.corpora.corpus import CorpusError, Task
from burst2vec.corpora.opening import read_corpus
from burst2vec.evaluation import metrics
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.machine.hardware import autocast
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.inference import embed_once, predict
from burst2vec.models.tiny import FAMILIES
from burst2vec.systems.folders import write_system
from burst2vec.systems.saved import load
from burst2vec.training.early_stopping import improves
from burst2vec.training.history import HISTORY
from burst2vec.training.seeding import seed_everything
from burst2vec.training.step import Learner
from burst2vec.training.trained import Trained, TrainingError
from burst2vec.training.trainer import train, train_heads
from tests.support.killing import Killed, deeds_before, kill

LOSSES = {"shared", "specific", "combined", "total", "padding"}


@pytest.fixture(scope="module")
def trained(tiny_corpus, tiny_store, tiny_params):
    """One epoch of the base system: six iterations, three validations."""
    return train(tiny_corpus, tiny_store, tiny_params())


@pytest.fixture
def validations(monkeypatch):
    """A function that has validations of `task` score as told; it returns the list that the weights at each fill."""
    def script(scores, task="emotion"):
        weights, left = [], iter(scores)

        def watched(training, source):
            weights.append({k: v.clone() for k, v in training.model.state_dict().items()})
            return pd.DataFrame({"age": [30.0]})

        monkeypatch.setattr(burst2vec.training.trainer._Training, "_predict", watched)
        monkeypatch.setattr(burst2vec.evaluation.metrics, "score",
                            lambda t, truth, found: next(left) if t.name == task else 0.5)
        return weights
    return script


class Spoilt:
    """A store whose row 3 is not a number throughout."""

    def __init__(self, store):
        self.store, self.lengths = store, store.lengths

    def __getitem__(self, row):
        return self.store[row] * np.float32(np.nan) if row == 3 else self.store[row]


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


def unmoved(model, params, tasks):
    """Names of the parameters that are as they were drawn."""
    seed_everything(params.seed)
    before = build(params, tasks).state_dict()
    after = {n: p for n, p in model.state_dict().items() if not n.endswith("masked_spec_embed")}  # SpecAugment's
    return {n for n in after if torch.equal(after[n], before[n])}


def test_the_same_seed_gives_the_same_history_weights_and_predictions(trained, tiny_corpus, tiny_store, tiny_params):
    again = train(tiny_corpus, tiny_store, tiny_params())
    pd.testing.assert_frame_equal(again.history, trained.history)
    assert same(again.model.state_dict(), trained.model.state_dict())
    pd.testing.assert_frame_equal(*(predict(t.model, tiny_corpus, tiny_store) for t in (again, trained)))


def test_another_seed_gives_another_history(trained, tiny_corpus, tiny_store, tiny_params):
    other = train(tiny_corpus, tiny_store, tiny_params(seed=1))
    assert not np.allclose(other.history["value"], trained.history["value"])


def test_history_has_every_loss_term_of_every_task_and_every_metric_by_name(trained):
    history = trained.history
    assert history.columns.tolist() == HISTORY
    names = {"emotion", "age", "country"}
    for task in names:
        terms = history[(history["task"] == task) & (history["stage"] == "train")]["term"]
        assert set(terms) == LOSSES | {"discriminator"} | {f"adversarial_{other}" for other in names - {task}}
    checked = history[history["stage"] == "validation"]
    assert checked.groupby("iteration")[["task", "term"]].apply(lambda t: dict(t.values.tolist())).to_dict() == {
        i: {"emotion": "CCC", "age": "MAE", "country": "UAR"} for i in (2, 4, 6)}
    assert set(history["epoch"]) == {1} and np.isfinite(history["value"]).all()


def test_the_recorded_total_is_the_weighted_sum_of_the_recorded_terms(trained):
    """Eq. 8 with the paper's weights, in the means that the history holds."""
    losses = trained.history[trained.history["stage"] == "train"]
    for _, rows in losses.groupby(["iteration", "task"]):
        term = rows.set_index("term")["value"]
        output = term[["shared", "specific", "combined"]].sum()
        adversarial = term[term.index.str.startswith("adversarial_")].sum()
        assert term["total"] == pytest.approx(output + 0.5 * term["discriminator"] + 0.25 * adversarial, abs=1e-5)


def test_without_adversary_no_adversarial_term_is_recorded(tiny_corpus, tiny_store, tiny_params):
    history = train(tiny_corpus, tiny_store, tiny_params(adversarial=False, validate_every=6)).history
    assert set(history[history["stage"] == "train"]["term"]) == LOSSES


def test_what_is_recorded_is_the_mean_since_the_last_validation(tiny_corpus, tiny_store, tiny_params, trained):
    each = train(tiny_corpus, tiny_store, tiny_params(validate_every=1, max_epochs=1)).history
    once = train(tiny_corpus, tiny_store, tiny_params(validate_every=6, max_epochs=1)).history
    first = each[(each["iteration"] == 1) & (each["term"] == "total")]["value"].item()
    whole = trained.history[(trained.history["iteration"] == 2) & (trained.history["term"] == "total")]
    assert first == whole[whole["task"] == "emotion"]["value"].item()
    padding = [h[h["term"] == "padding"].groupby("task")["value"].mean() for h in (each, once)]
    pd.testing.assert_series_equal(*padding)


def test_the_best_weights_are_restored(trained, tiny_corpus, tiny_store):
    """The model returned scores on validation what the history says of its best iteration."""
    checked = trained.history[trained.history["stage"] == "validation"]
    emotion = checked[checked["task"] == "emotion"].set_index("iteration")["value"]
    assert trained.summary["best_iteration"] == emotion.idxmax()
    found = predict(trained.model, tiny_corpus, tiny_store, ("val",))
    for row in checked[checked["iteration"] == emotion.idxmax()].itertuples():
        score = metrics.score(tiny_corpus.task(row.task), tiny_corpus.split("val"), found)
        assert score == pytest.approx(row.value, abs=1e-5)
    assert not trained.model.training


def test_the_summary_says_what_the_backbone_is_and_how_it_is_fed(trained, tiny_params):
    said = {k.removeprefix("backbone_"): v for k, v in trained.summary.items() if k.startswith("backbone_")}
    assert said == trained.model.backbone.record()
    assert said["name"] == tiny_params().backbone and said["feature_norm"] == "group" and not said["attention_mask"]
    assert json.loads(json.dumps(trained.summary)) == trained.summary


@pytest.mark.parametrize(("task", "best", "scores"), [
    ("emotion", 1, (0.1, 0.3, 0.2)), ("emotion", 0, (0.3, 0.3, 0.1)), ("age", 1, (5.0, 3.0, 4.0)),
    ("country", 2, (0.2, 0.3, 0.4)), ("emotion", 1, (np.nan, -0.2, np.nan)), ("emotion", 0, (np.nan,) * 3)])
def test_the_weights_kept_are_those_of_the_best_validation(
        tiny_corpus, tiny_store, tiny_params, validations, task, best, scores):
    weights = validations(scores, task)
    kept = train(tiny_corpus, tiny_store, tiny_params(early_stopping_task=task)).model.state_dict()
    assert [same(kept, w) for w in weights] == [i == best for i in range(3)]


def test_training_stops_when_patience_is_spent(tiny_corpus, tiny_store, tiny_params, validations):
    scores = (0.1, 0.2, 0.15, 0.1, 0.2, 0.9, 0.9)  # 0.2 again is no improvement
    weights = validations(scores)
    trained = train(tiny_corpus, tiny_store, tiny_params(validate_every=1, patience=3, max_epochs=5))
    assert trained.summary["iterations"] == len(weights) == 5 and trained.summary["best_iteration"] == 2
    assert same(trained.model.state_dict(), weights[1])


def test_patience_is_not_spent_before_the_backbone_learns(tiny_corpus, tiny_store, tiny_params, validations):
    params = tiny_params(head_steps=4, patience=1, validate_every=1)
    weights = validations([0.5, 0.4, 0.3, 0.2, 0.1, 0.1])
    assert train(tiny_corpus, tiny_store, params).summary["iterations"] == 5  # the first with the backbone is worse
    assert len(weights) == 5


def test_an_improvement_renews_the_patience(tiny_corpus, tiny_store, tiny_params, validations):
    validations((0.1, 0.0, 0.2, 0.0, 0.3, 0.0, 0.0, 0.9))
    trained = train(tiny_corpus, tiny_store, tiny_params(validate_every=1, patience=2, max_epochs=5))
    assert trained.summary["iterations"] == 7 and trained.summary["best_iteration"] == 5


def test_training_ends_at_the_steps_that_are_set_with_a_validation(tiny_corpus, tiny_store, tiny_params, capsys):
    trained = train(tiny_corpus, tiny_store, tiny_params(max_steps=7, max_epochs=9, validate_every=4))
    assert trained.summary["iterations"] == 7 and sorted(set(trained.history["iteration"])) == [4, 7]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("training: step")]
    assert ["step 4 of 7" in lines[0], "step 7 of 7" in lines[1]] == [True, True] and len(lines) == 2
    assert "loss emotion" in lines[0] and "country UAR" in lines[0] and "left at most" in lines[0]


def test_predictions_that_have_become_constant_end_a_training_where_that_is_asked_for(
        tiny_corpus, tiny_store, tiny_params, monkeypatch, capsys):
    states = iter([True, False, True, True, False])
    monkeypatch.setattr(burst2vec.training.trainer, "has_collapsed", lambda task, predictions: next(states))
    trained = train(tiny_corpus, tiny_store, tiny_params(validate_every=1, max_epochs=2, collapse_patience=2))
    assert trained.summary["iterations"] == 4
    assert "in 2 validations in a row all bursts got the same prediction for emotion" in capsys.readouterr().out


def test_the_last_iterations_are_validated_too(tiny_corpus, tiny_store, tiny_params):
    history = train(tiny_corpus, tiny_store, tiny_params(validate_every=4)).history
    assert sorted(set(history["iteration"])) == [4, 6]
    assert set(history[history["iteration"] == 6]["stage"]) == {"train", "validation"}


@pytest.mark.parametrize(("kind", "score", "best", "wanted"), [
    ("intensities", 0.2, 0.1, True), ("intensities", 0.1, 0.1, False),
    ("scalar", 3.0, 4.0, True), ("scalar", 5.0, 4.0, False),
    ("classes", -1.0, None, True), ("scalar", np.nan, None, False), ("scalar", np.nan, 4.0, False)])
def test_errors_improve_downwards_and_the_others_upwards(kind, score, best, wanted):
    task = Task("x", kind, ("x",), classes=("a", "b") if kind == "classes" else ())
    assert improves(task, score, best) == wanted


def test_a_frozen_encoder_stays_as_it_is_and_everything_else_learns(tiny_corpus, tiny_store, tiny_params):
    params = tiny_params(validate_every=6)
    model = train(tiny_corpus, tiny_store, params).model
    assert unmoved(model, params, tiny_corpus.tasks) == {n for n in model.state_dict() if "feature_extractor" in n}


@pytest.mark.parametrize("head_steps", [2, 100])
def test_in_the_first_steps_only_what_follows_the_embedding_learns(
        tiny_corpus, tiny_store, tiny_params, validations, head_steps):
    params = tiny_params(head_steps=head_steps, validate_every=1, dropout=0)
    weights = validations([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    train(tiny_corpus, tiny_store, params)
    seed_everything(params.seed)
    started = build(params, tiny_corpus.tasks).state_dict()
    for step, now in enumerate(weights, 1):
        moved = {name.partition(".")[0] for name, value in now.items() if not torch.equal(value, started[name])}
        assert ("backbone" in moved) == (step > head_steps) and {"projection", "heads"} <= moved


def test_heads_learn_from_embeddings_as_if_the_backbone_computed_them_each_time(
        tiny_corpus, tiny_store, tiny_params, monkeypatch):
    params = tiny_params(head_steps=4, max_steps=4, validate_every=4, dropout=0)
    once = train(tiny_corpus, tiny_store, params)
    monkeypatch.setattr(burst2vec.training.trainer._Training, "_embedded", lambda training, feed: feed)
    monkeypatch.setattr(burst2vec.training.trainer.Learner, "_embed",
                        lambda learner, batch, places, parts: still(learner.model, batch, places[0]))
    each_time = train(tiny_corpus, tiny_store, params)
    found, wanted = (t.history[lambda h: h["term"] != "padding"] for t in (once, each_time))
    pd.testing.assert_frame_equal(found, wanted, atol=1e-4)


def test_embeddings_in_place_of_a_store_train_the_same_and_no_backbone(tiny_corpus, tiny_store, tiny_params):
    params = tiny_params(head_steps=4, max_steps=4, pooled_scale="standardised")
    wanted = train(tiny_corpus, tiny_store, params)
    seed_everything(params.seed)
    rows = np.arange(len(tiny_corpus.table))
    embedded = embed_once(build(params, tiny_corpus.tasks), tiny_store, rows, tiny_store.lengths, 8)
    found = train_heads(tiny_corpus, embedded, params)
    scores = [t.history[lambda h: h["term"] != "padding"] for t in (found, wanted)]
    pd.testing.assert_frame_equal(*scores, atol=1e-4)
    for other in (tiny_params(head_steps=3, max_steps=4), tiny_params(head_steps=3)):
        with pytest.raises(ParameterError, match="since a backbone does not learn from embeddings"):
            train_heads(tiny_corpus, embedded, other)
    some = embed_once(found.model, tiny_store, rows[1:], tiny_store.lengths, 8)
    with pytest.raises(ValueError, match="no embedding is there of 1 of"):
        train_heads(tiny_corpus, some, params)


def test_heads_learn_the_same_from_a_batch_in_parts(tiny_corpus, tiny_store, tiny_params):
    whole, parts = (train(tiny_corpus, tiny_store, tiny_params(head_steps=4, max_steps=4, dropout=0, accumulate=count))
                    for count in (1, 16))  # more parts than bursts
    pd.testing.assert_frame_equal(parts.history, whole.history, atol=1e-4)


def still(model, batch, places):
    """The embeddings of a batch by a backbone without dropout that does not learn."""
    model.backbone.eval()
    with torch.no_grad():
        embedded = model.embed(batch.groups(places))
    model.backbone.train()
    return embedded


@pytest.mark.parametrize("head_steps", [0, 4])
def test_embeddings_are_standardised_by_the_training_bursts_as_they_are_at_first(
        tiny_corpus, tiny_store, tiny_params, head_steps):
    params = tiny_params(head_steps=head_steps, max_steps=4, pooled_scale="standardised", pooled_layers="all",
                         precision="float32")
    found = train(tiny_corpus, tiny_store, params).model.standardisation
    seed_everything(params.seed)
    untrained, rows = build(params, tiny_corpus.tasks), np.flatnonzero(tiny_corpus.table["split"] == "train")
    first = embed_once(untrained, tiny_store, rows, tiny_store.lengths, 8).values
    torch.testing.assert_close(found.centre, first.mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.spread, first.std(0, correction=0), atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("scale", ["as_is", "standardised"])
def test_heads_first_goes_on_from_a_checkpoint_in_either_part(
        tiny_corpus, tiny_store, tiny_params, tmp_path, monkeypatch, scale):
    params = tiny_params(head_steps=3, checkpoint_minutes=0, pooled_scale=scale)
    whole = train(tiny_corpus, tiny_store, params)
    before = deeds_before(monkeypatch, Learner, "step", lambda learner: learner.iteration + 1)
    for step in (2, 4, 5):
        before({step: kill})
        with pytest.raises(Killed):
            train(tiny_corpus, tiny_store, params, tmp_path / str(step))
        resumed = train(tiny_corpus, tiny_store, params, tmp_path / str(step))
        pd.testing.assert_frame_equal(resumed.history, whole.history, check_exact=True)
        assert all(torch.equal(value, resumed.model.state_dict()[name])
                   for name, value in whole.model.state_dict().items())


@pytest.mark.parametrize("way", [{"padding": "as_published"}, {"pooling": "padded"}])
def test_embeddings_that_depend_on_their_batch_are_not_computed_once(tiny_corpus, tiny_store, tiny_params, way):
    with pytest.raises(ParameterError, match="head_steps is 2; expected 0 with padding"):
        train(tiny_corpus, tiny_store, tiny_params(head_steps=2, **way))


def test_an_encoder_that_is_not_frozen_learns_too(tiny_corpus, tiny_store, tiny_params):
    params = tiny_params(freeze_feature_encoder=False, backbone="facebook/hubert-large-ls960-ft", validate_every=6)
    assert unmoved(train(tiny_corpus, tiny_store, params).model, params, tiny_corpus.tasks) == set()


def test_a_loss_that_is_no_number_stops_training_and_names_the_bursts(tiny_corpus, tiny_store, tiny_params):
    with pytest.raises(TrainingError, match="the loss of task .* is nan at iteration .*, on bursts .*00003.*; "
                                            "try a lower learning_rate") as caught:
        train(tiny_corpus, Spoilt(tiny_store), tiny_params())
    assert len(str(caught.value).split("bursts ")[1].split(";")[0].split(", ")) == 8


def test_weights_that_are_no_numbers_stop_training(tiny_corpus, tiny_store, tiny_params):
    with pytest.raises(TrainingError, match="the predictions of iteration 1 are not finite numbers"):
        train(tiny_corpus, tiny_store, tiny_params(learning_rate=1e30, validate_every=1))


def test_an_early_stopping_task_that_is_not_posed_is_refused(tiny_corpus, tiny_store, tiny_params):
    complaint = "parameter early_stopping_task is 'mood'; this corpus poses emotion, age, country"
    with pytest.raises(CorpusError, match=complaint):
        train(tiny_corpus, tiny_store, tiny_params(early_stopping_task="mood"))


def test_one_task_alone_learns_to_tell_tones_by_their_pitch(tiny_corpus, tiny_store, tiny_params):
    alone = read_corpus(tiny_corpus.root, tasks=["country"])
    params = tiny_params(max_epochs=20, validate_every=10, early_stopping_task="country", learning_rate=2e-3, dropout=0)
    history = train(alone, tiny_store, params).history
    loss = history[history["term"] == "combined"].set_index("iteration")["value"]
    assert loss.iloc[-1] < 0.7 * loss.iloc[0]
    assert history[history["term"] == "UAR"]["value"].max() > 0.6
    assert set(history[history["stage"] == "train"]["term"]) == LOSSES


def test_oversampling_lengthens_the_epoch(tiny_corpus, tiny_store, tiny_params):
    plain, more = (train(tiny_corpus, tiny_store, tiny_params(oversampling=o, validate_every=99)).summary["iterations"]
                   for o in (False, True))
    assert plain == 6 < more


def test_bfloat16_is_close_to_float32(trained, tiny_corpus, tiny_store, tiny_params):
    rough = train(tiny_corpus, tiny_store, tiny_params(precision="bfloat16")).history
    first = [h[(h["iteration"] == 2) & (h["term"] == "combined")]["value"].to_numpy() for h in (rough, trained.history)]
    np.testing.assert_allclose(*first, atol=0.1)
    assert not np.array_equal(*first)


@pytest.mark.parametrize(("decay", "share_left"), [("none", [1, 1, 1, 1, 1, 1]), ("linear", [6, 5, 4, 3, 2, 1])])
def test_the_learning_rate_stays_or_falls_in_a_line_to_zero(
        tiny_corpus, tiny_store, tiny_params, monkeypatch, decay, share_left):
    rates, step = [], torch.optim.Adam.step

    def watched(self, *args, **options):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    train(tiny_corpus, tiny_store, tiny_params(learning_rate_decay=decay, validate_every=6))
    np.testing.assert_allclose(rates, 1e-3 * np.array(share_left) / share_left[0])


def test_precision_is_as_asked():
    cpu = torch.device("cpu")
    for precision, enabled in (("float32", False), ("bfloat16", True)):
        with autocast(precision, cpu):
            assert torch.is_autocast_enabled("cpu") == enabled


@pytest.mark.parametrize("name", FAMILIES)
def test_a_systems_folder_holds_all_that_makes_it(tiny_corpus, tiny_store, tiny_params, tmp_path, name):
    params = tiny_params(backbone=name)
    torch.manual_seed(3)
    model = build(params, tiny_corpus.tasks)
    table = predict(model, tiny_corpus, tiny_store)
    trained = Trained(model, pd.DataFrame([(1, 1, "train", "age", "total", 0.5)], columns=HISTORY), {"iterations": 1})
    write_system(tmp_path / "V1", params, table, trained)
    assert Params(**json.loads((tmp_path / "V1" / "params.json").read_text())) == params
    assert json.loads((tmp_path / "V1" / "summary.json").read_text()) == {"iterations": 1}
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "V1" / "history.csv"), trained.history)
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "V1" / "predictions.csv"), table, rtol=1e-5, atol=1e-6,
                                  check_dtype=False)
    other = Burst2Vec.from_pretrained(tmp_path / "V1")
    pd.testing.assert_frame_equal(predict(other, tiny_corpus, tiny_store), table)


def test_a_systems_folder_predicts_and_tells_of_its_corpus(trained, tiny_corpus, tiny_store, tiny_params, tmp_path):
    table = predict(trained.model, tiny_corpus, tiny_store)
    write_system(tmp_path / "V1", tiny_params(title="Burst2Vec HB"), table, trained, tiny_corpus)
    found = load(tmp_path / "V1").predict([tiny_corpus.root / p for p in tiny_corpus.split("test")["provided"]])
    np.testing.assert_allclose(found["age"], table["age"][table["split"] == "test"], atol=0.01)
    card = (tmp_path / "V1" / "README.md").read_text()
    assert "# Burst2Vec HB" in card and "Corpus: tones." in card and "| training | 16 | 16 |" in card


def test_a_systems_folder_is_not_there_at_all_when_writing_fails(tiny_params, tmp_path):
    broken = Trained(torch.nn.Linear(1, 1), pd.DataFrame(), {"iterations": object()})
    with pytest.raises(TypeError):
        write_system(tmp_path / "V1", tiny_params(), pd.DataFrame(), broken)
    assert not list(tmp_path.iterdir())


def test_memory_that_is_freed_is_kept_for_the_next_step():
    """In a process of its own: what was freed and is taken again costs no page fault.

    Not at once: an aligned block needs a little more than the one freed before it, and the heap grows for some turns
    until one fits.
    """
    code = ("import resource, torch; from burst2vec.machine.hardware import keep_memory; keep_memory()\n"
            "faults = []\nfor turn in range(20):\n    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
            "    torch.ones(64, 1 << 20)\n"
            "    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
            "print(max(faults[10:]))")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(told) < 64 * 4 * 2 ** 20 / 4096 / 10  # a tenth of the pages


def test_a_model_knows_whether_it_has_heard_synthetic_bursts_alone(tiny_corpus, tiny_store, tiny_params):
    made = dataclasses.replace(tiny_corpus, synthetic=True)
    heard = [train(corpus, tiny_store, tiny_params(max_steps=1)).model.heard for corpus in (made, tiny_corpus)]
    assert heard == ["synthetic", ""]
