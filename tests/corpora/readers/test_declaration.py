"""`corpus.yaml` is read, or its mistake is named in one line with what would be right."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.readers.declaration import Question, read_declaration


@pytest.fixture
def declared():
    return {
        "table": "bursts.csv", "file": "path", "raw": "original", "speaker": "who", "sex": "gender", "split": "part",
        "tasks": {"age": {"kind": "scalar", "columns": ["years"], "unit": "years"},
                  "mood": {"kind": "intensities", "columns": ["arousal", "valence"]},
                  "sound": {"kind": "classes", "columns": ["label"]}},
    }


@pytest.fixture
def read(tmp_path):
    """A function that reads a text or bytes as a declaration."""
    def read(content):
        (tmp_path / "corpus.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_declaration(tmp_path / "corpus.yaml")
    return read


def test_a_declaration_says_columns_and_tasks(read, declared):
    said = read(yaml.safe_dump(declared, sort_keys=False))
    assert (said.table, said.file, said.raw, said.speaker, said.sex, said.split, said.synthetic) == (
        "bursts.csv", "path", "original", "who", "gender", "part", False)
    assert said.tasks == (Question("age", "scalar", ("years",), "years"),
                          Question("mood", "intensities", ("arousal", "valence")),
                          Question("sound", "classes", ("label",)))


def test_one_column_may_stand_without_brackets_and_numbers_are_names_too(read, declared):
    declared["tasks"]["sound"] |= {"columns": 7, "classes": [1, 2]}
    assert read(yaml.safe_dump(declared)).tasks[-1] == Question("sound", "classes", ("7",), classes=("1", "2"))


def test_a_key_without_value_is_not_given(read, declared):
    declared |= {"speaker": None, "synthetic": None}
    said = read(yaml.safe_dump(declared))
    assert said.speaker is None and said.synthetic is False


def set_in(declared, path, value):
    """Changes the entry at `path`, keys joined by dots; `...` removes it."""
    *folders, key = path.split("/")
    for folder in folders:
        declared = declared[folder]
    if value is ...:
        del declared[key]
    else:
        declared[key] = value


@pytest.mark.parametrize(("path", "value", "complaint"), [
    ("table", ..., "table is missing; expected the name of a CSV file in this folder"),
    ("file", ..., "file is missing; expected the column of the recordings' paths"),
    ("split", 3, "split is 3; expected a column of the table; put quotes around it"),
    ("synthetic", "no", "synthetic is 'no'; expected true or false"),
    ("speakers", "who", r"key 'speakers' is not known; did you mean speaker\?"),
    ("tasks", ..., "tasks is missing; expected a line for each, such as `age: {kind: scalar"),
    ("tasks", {}, "tasks is {}; expected a line for each"),
    ("tasks", ["age"], r"tasks is \['age'\]; expected a line for each"),
    ("tasks/age", "years", "task age: expected lines `key: value` with the keys kind, columns, unit, classes"),
    ("tasks/age/kind", ..., "task age: kind is missing; expected one of intensities, scalar, classes"),
    ("tasks/age/kind", "number", "task age: kind is 'number'; expected one of intensities, scalar, classes"),
    ("tasks/age/column", "years", r"task age: key 'column' is not known; did you mean columns\?"),
    ("tasks/age/columns", [], r"task age: columns is \[\]; expected columns of the table"),
    ("tasks/age/columns", ["years", "valence"], "task age: columns are years, valence; a task of the kind sc"),
    ("tasks/age/columns", ["part"], "task age: column 'part' is the split; a task's columns hold its labels"),
    ("tasks/age/classes", ["a", "b"], "task age: classes goes with the kind classes, and this task"),
    ("tasks/mood/unit", "years", "task mood: unit goes with the kind scalar, and this task is"),
    ("tasks/mood/columns", ["arousal", "arousal"], "task mood: columns names 'arousal' twice"),
    ("tasks/mood/columns", ["arousal", "provided"], "task mood: a column of several cannot be named 'provided'"),
    ("tasks/sound/classes", ["laugh"], r"task sound: classes is \['laugh'\]; expected two class names or more"),
    ("tasks/sound/classes", [True, False], "task sound: classes is True; .*; put quotes around it"),
    ("tasks/a.b", {"kind": "scalar", "columns": ["years"]}, "task a.b: a task's name has letters, digits, - and _"),
    ("tasks/sex", {"kind": "classes", "columns": ["gender"]}, "task sex: the name is taken; .* such as sex_label"),
    ("tasks/type", {"kind": "classes", "columns": ["label"]}, "task type: the name is taken"),
    ("tasks/valence", {"kind": "scalar", "columns": ["years"]}, "tasks mood and valence would both fill the column"),
])
def test_a_mistake_is_named_with_what_would_be_right(read, declared, path, value, complaint):
    set_in(declared, path, value)
    with pytest.raises(CorpusError, match=f"corpus.yaml: {complaint}") as error:
        read(yaml.safe_dump(declared))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "expected lines `key: value` with the keys table, file, tasks"),
    ("table: a: b", r"line 1: not readable as YAML \(mapping values are not allowed here\)"),
    ("table: a.csv\nfile: x\ntable: b.csv", r"line 3: not readable as YAML \('table' is there twice\)"),
    ("table: \0", "not readable as YAML; expected lines"),
    ("file: !!python/name:os.system", r"line 1: not readable as YAML \(could not determine a constructor"),
])
def test_what_is_no_mapping_is_refused(read, text, complaint):
    with pytest.raises(CorpusError, match=f"corpus.yaml: {complaint}"):
        read(text)


def test_other_encodings_and_a_missing_file_are_refused(read, tmp_path):
    with pytest.raises(CorpusError, match="corpus.yaml: not UTF-8"):
        read("table: Gelächter.csv".encode("latin-1"))
    with pytest.raises(CorpusError, match="corpus.yaml: there is no such file; it names the table"):
        read_declaration(tmp_path / "elsewhere" / "corpus.yaml")


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
                      | st.sampled_from(["path", "years", "label", "classes", "scalar"]),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


@given(st.sampled_from(["table", "file", "raw", "split", "synthetic", "tasks", "tasks/age", "tasks/age/kind", "tasks/x",
                        "tasks/age/columns", "tasks/age/unit", "tasks/sound/classes", "tasks/mood/columns"]), VALUES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_there_is_read_or_refused_in_one_line(read, declared, path, value):
    changed = yaml.safe_load(yaml.safe_dump(declared))
    set_in(changed, path, value)
    try:
        read(yaml.safe_dump(changed))
    except CorpusError as error:
        assert "\n" not in str(error)
