import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import CorpusError, Task
from burst2vec.evaluation.predictions import read_predictions, tabulate, write_predictions

FEELING = Task("feeling", "intensities", ("joy", "grief"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
SOUND = Task("sound", "classes", ("kind",), classes=("laugh", "sigh", "cough"))


def test_outputs_become_a_table_worked_by_hand():
    rows = pd.DataFrame({"split": ["val", "test"], "age": [1.0, 2.0]}, index=pd.Index(["07", "08"], name="file"))
    outputs = {"feeling": np.float32([[0.25, 1], [0, 0.5]]), "age": np.float32([[0.5], [1.25]]),
               "sound": np.float32([[0, np.log(2), 0], [0, 0, np.log(8)]])}
    wanted = pd.DataFrame({
        "split": ["val", "test"], "joy": [0.25, 0], "grief": [1, 0.5], "age": [30.0, 45.0], "kind": ["sigh", "cough"],
        "sound_laugh": [0.25, 0.1], "sound_sigh": [0.5, 0.1], "sound_cough": [0.25, 0.8]},
        index=pd.Index(["07", "08"], name="file"))
    pd.testing.assert_frame_equal(tabulate(outputs, (FEELING, AGE, SOUND), rows), wanted, check_dtype=False)


def test_extreme_logits_are_still_probabilities():
    rows = pd.DataFrame({"split": ["val"]}, index=["1"])
    found = tabulate({"sound": np.float32([[1e4, -1e4, 0]])}, (SOUND,), rows)
    assert found[list(SOUND.probability_columns)].iloc[0].tolist() == [1, 0, 0]


def test_a_written_table_reads_back_with_six_digits_and_the_ids_zeros(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"split": ["val", "val", "test"]}, index=pd.Index(["00007", "00012", "00100"], name="file"))
    outputs = {"feeling": rng.random((3, 2)), "age": rng.random((3, 1)), "sound": rng.normal(size=(3, 3))}
    table = tabulate(outputs, (FEELING, AGE, SOUND), rows)
    write_predictions(table, tmp_path / "V1" / "predictions.csv")
    found = read_predictions(tmp_path / "V1" / "predictions.csv")
    pd.testing.assert_frame_equal(found, table, rtol=1e-5, atol=1e-6, check_dtype=False)
    assert found.index.tolist() == ["00007", "00012", "00100"]


@pytest.mark.parametrize("classes", [("0", "1"), ("01", "1"), ("None", "NA"), ("true", "False")])
def test_a_class_is_read_back_as_the_text_it_is(tmp_path, classes):
    rows = pd.DataFrame({"split": ["val", "val"]}, index=pd.Index(["NA", "1"], name="file"))
    table = tabulate({"kind": np.eye(2)}, (Task("kind", "classes", ("kind",), classes=classes),), rows)
    write_predictions(table, tmp_path / "predictions.csv")
    found = read_predictions(tmp_path / "predictions.csv")
    assert found["kind"].tolist() == list(classes) and found.index.tolist() == ["NA", "1"]
    assert found[f"kind_{classes[0]}"].dtype == float


def test_missing_predictions_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="predictions.csv: no predictions there; train that system first"):
        read_predictions(tmp_path / "predictions.csv")


def test_another_table_is_not_taken_for_predictions(tmp_path):
    (tmp_path / "table2.csv").write_text("code,split\nV1,val\n")
    with pytest.raises(CorpusError, match="table2.csv: not a table of predictions; expected the columns file, split"):
        read_predictions(tmp_path / "table2.csv")


@pytest.mark.parametrize(("content", "complaint"), [
    ("", "not a table of predictions .*predict again"),
    ("file,split,age\n1,val,3\n2,val,3,4\n", "not a table of predictions .*saw 4"),
    ("file,split,age\n1,val,3,4\n", "its rows have more cells than its header"),
    ("file,split,age\n1,val,3\n,val,4\n", "row 3 names no file"),
    ("file,split,age\n1,val,3\n1,val,4\n", "burst '1' is listed twice"),
    ("file,split,age\n1,val,3\n2,val,old\n", "age of burst '2' is old; expected a number"),
    ("file,split,age\n1,val,3\n2,val,inf\n", "age of burst '2' is inf; expected a number"),
])
def test_a_damaged_table_of_predictions_is_named_with_what_is_wrong(tmp_path, content, complaint):
    (tmp_path / "predictions.csv").write_text(content)
    with pytest.raises(CorpusError, match=f"predictions.csv: {complaint}"):
        read_predictions(tmp_path / "predictions.csv")


def test_predictions_in_another_encoding_are_refused(tmp_path):
    (tmp_path / "predictions.csv").write_bytes("file,split,age\nLaché,val,3\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="predictions.csv: not a table of predictions"):
        read_predictions(tmp_path / "predictions.csv")
