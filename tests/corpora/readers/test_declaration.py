"""`corpus.yaml` is read, or its mistake is named in one line with what would be right."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.readers.declaration import DeclaredTask, read_declaration


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
    assert said.tasks == (DeclaredTask("age", "scalar", ("years",), "years"),
                          DeclaredTask("mood", "intensities", ("arousal", "valence")),
                          DeclaredTask("sound", "classes", ("label",)))


def test_recordings_without_labels_need_no_tasks(read, declared):
    del declared["tasks"]
    assert read(yaml.safe_dump(declared)).tasks == ()


def test_one_column_may_stand_without_brackets_and_numbers_are_names_too(read, declared):
    declared["tasks"]["sound"] |= {"columns": 7, "classes": [1, 2]}
    assert read(yaml.safe_dump(declared)).tasks[-1] == DeclaredTask("sound", "classes", ("7",), classes=("1", "2"))


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
    ("tasks", {}, "tasks is {}; expected a line for each"),
    ("tasks", ["age"], r"tasks is \['age'\]; expected a line for each"),
    ("tasks/age", "years", "task age: expected lines `key: value` with the keys kind, columns, unit, classes"),
    ("tasks/age/kind", ..., "task age: kind is missing; expected one of intensities, scalar, classes"),
    ("tasks/age/kind", "number", "task age: kind is 'number'; expected one of intensities, scalar, classes"),
    ("tasks/age/column", "years", r"task age: key 'column' is not known; did you mean columns\?"),
    ("tasks/age/columns", [], r"task age: columns is \[\]; expected columns of the table"),
    ("tasks/age/columns", ["years", "valence"], r"task age: columns are \['years', 'valence'\]; a task of"),
    ("tasks/age/columns", ["part"], "task age: column 'part' is the split; a task's columns hold its labels"),
    ("tasks/age/classes", ["a", "b"], "task age: classes goes with the kind classes, and this task"),
    ("tasks/mood/unit", "years", "task mood: unit goes with the kind scalar, and this task is"),
    ("tasks/mood/columns", ["arousal", "arousal"], "task mood: columns names 'arousal' twice"),
    ("tasks/mood/columns", ["arousal", "provided"], "task mood: a column of several cannot be named 'provided'"),
    ("tasks/sound/classes", ["laugh"], r"task sound: classes is \['laugh'\]; expected two class names or more"),
    ("tasks/sound/classes", [True, False], r"task sound: classes is true \(without .*; put quotes around it"),
    ("tasks/a.b", {"kind": "scalar", "columns": ["years"]}, "task a.b: a task's name has letters, digits, - and _"),
    ("tasks/sex", {"kind": "classes", "columns": ["gender"]}, "task sex: the name is taken; .* such as sex_label"),
    ("tasks/start", {"kind": "scalar", "columns": ["years"]}, "task start: the name is taken"),
    ("tasks/mood/columns", ["arousal", "end"], "task mood: a column of several cannot be named 'end'"),
    ("tasks/type", {"kind": "classes", "columns": ["label"]}, "task type: the name is taken"),
    ("tasks/valence", {"kind": "scalar", "columns": ["years"]}, "tasks mood and valence would both fill the column"),
])
def test_a_mistake_is_named_with_what_would_be_right(read, declared, path, value, complaint):
    set_in(declared, path, value)
    with pytest.raises(CorpusError, match=f"corpus.yaml: {complaint}") as error:
        read(yaml.safe_dump(declared))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("classes", "complaint"), [
    ("[008, 010]", r"classes is 010 \(without quotes YAML reads it as 8\); .*; put quotes around it"),
    ("[NO, SE]", r"classes is NO \(without quotes YAML reads it as False\); .*; put quotes around it"),
    ("[1_0, 2_0]", r"classes is 1_0 \(without quotes YAML reads it as 10\)"),
    ("[1:30, 2:30]", r"classes is 1:30 \(without quotes YAML reads it as 90\)"),
    ("[2024-01-01, x]", r"classes is 2024-01-01 \(without quotes YAML reads it as datetime.date\(2024, 1, 1\)\)"),
    ("[1.0, 2.0]", r"classes is 1.0; .*; put quotes around it"),
    ("[null, x]", r"classes is null \(without quotes .*; put quotes around it"),
    ("[on, off]", r"classes is on \(without quotes YAML reads it as True\)"),
])
def test_what_yaml_does_not_read_as_it_is_written_is_shown_as_written(read, classes, complaint):
    text = "table: a.csv\nfile: path\ntasks:\n  sound: {kind: classes, columns: [label], classes: %s}\n"
    with pytest.raises(CorpusError, match=f"corpus.yaml: task sound: {complaint}"):
        read(text % classes)
    quoted = "[" + ", ".join(f"'{name}'" for name in classes.strip("[]").split(", ")) + "]"
    assert read(text % quoted).tasks[0].classes == tuple(classes.strip("[]").split(", "))


@pytest.mark.parametrize(("line", "complaint"), [
    ("table: 5", "table is 5; expected the name of a CSV file in this folder; put quotes around it"),
    ("table: 012", r"table is 012 \(without quotes YAML reads it as 10\)"),
    ("table: ''", "table is ''; expected the name of a CSV file"),
    ("table: [a.csv]", r"table is \['a.csv'\]; expected the name of a CSV file in this folder$"),
    ("file: |\n  a\n  b\n", r"file is 'a\\nb\\n'; expected the column"),
    ("speaker: 2024-01-01", "speaker is 2024-01-01"),
    ("synthetic: maybe", "synthetic is 'maybe'; expected true or false"),
    ("on: x", r"key on \(without quotes YAML reads it as True\) is not known"),
    ("tasks: {on: {kind: scalar, columns: [a]}}", r"task on \(without quotes .*: a task's name has letters"),
    ('tasks: {"a\\nb": {kind: scalar, columns: [a]}}', r"task 'a\\nb': a task's name has letters"),
])
def test_a_value_that_is_none_of_its_key_is_named_in_one_line(read, line, complaint):
    lines = {"table": "table: a.csv", "file": "file: path", "tasks": "tasks: {age: {kind: scalar, columns: [a]}}"}
    lines[line.partition(":")[0]] = line
    with pytest.raises(CorpusError, match=f"corpus.yaml: {complaint}") as error:
        read("\n".join(lines.values()))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("word", ["true", "yes", "True", "on"])
def test_synthetic_is_true_in_every_way_that_yaml_writes_it(read, word):
    assert read(f"table: a.csv\nfile: b\nsynthetic: {word}\ntasks: {{age: {{kind: scalar, columns: c}}}}").synthetic


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "empty; expected lines `key: value` with the keys table, file, tasks"),
    ("- table", "expected lines `key: value` with the keys table, file, tasks"),
    ("table: a: b", r"line 1: not readable as YAML \(mapping values are not allowed here\)"),
    ("table: a.csv\nfile: x\ntable: b.csv", r"line 3: not readable as YAML \('table' is there twice\)"),
    ("table: \0", "not readable as YAML; expected lines"),
    ("day: 2024-99-99", "line 1: not readable as YAML"),
    ("table: !!bool x", r"line 1: not readable as YAML \('x' is none of the type tag:yaml.org,2002:bool\)"),
    ("!!timestamp table: x", "line 1: not readable as YAML"),
    ("a: " + 5_000 * "9", "line 1: not readable as YAML"),
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


def test_names_are_declared_as_a_table_is_read_without_white_space_at_their_ends_and_composed(read):
    text = ("table: a.csv\nfile: 'path '\ntasks:\n"
            "  gefu\u0308hl: {kind: classes, columns: 'label\u00a0', classes: ['laugh ', ga\u0308hnen]}\n")
    declared = read(text)
    assert (declared.file, declared.tasks[0].name, declared.tasks[0].columns, declared.tasks[0].classes) == (
        "path", "gef\u00fchl", ("label",), ("laugh", "g\u00e4hnen"))
    with pytest.raises(CorpusError, match="task gef\u00fchl: classes names 'laugh' twice"):
        read(text.replace("ga\u0308hnen", "' laugh'"))
