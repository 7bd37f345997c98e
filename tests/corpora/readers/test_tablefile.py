"""Tables of any spelling are read as text, and what cannot be read is named with its row."""

from __future__ import annotations

import pytest

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.readers.tablefile import TableFile


@pytest.fixture
def read(tmp_path):
    """A function that reads a text, or bytes, as a table."""
    def read(content, needed=(), optional=None):
        (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return TableFile(tmp_path, "t.csv", needed, optional)
    return read


def rows(table):
    return table.cells.astype(object).where(table.cells.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize("line", [
    'a.wav,laugh', 'a.wav, laugh', 'a.wav, "laugh"', '"a.wav", "laugh"', '"a.wav" , "laugh"', '"a.wav"\t,"laugh" ',
    'a.wav ,\t"laugh"\t', '  a.wav,laugh\u200b', 'a.wav,\u00a0laugh\ufeff',
])
def test_spaces_and_quotes_around_a_cell_are_no_part_of_it(read, line):
    for end in ("\n", "\r\n", ""):
        table = read(f"path, label{end or chr(10)}{line}{end}")
        assert list(table.cells) == ["path", "label"] and rows(table) == [["a.wav", "laugh"]] and not table.problems


def test_quotes_keep_what_is_within_them(read):
    assert rows(read('a,b\n"x, ""y"" z","1\n2"\n')) == [['x, "y" z', "1\n2"]]
    assert rows(read('a,b\n"x, y" ,"z"\n')) == [["x, y", "z"]]


def test_rows_are_counted_as_a_spreadsheet_counts_them(read):
    table = read('a,b\n1,2\n\n3,x\n"4\n5",y\n')
    assert table.rows == [2, 4, 5]
    table.numbers("b")
    assert [(p.row, p.problem) for p in table.problems] == [
        (4, "b is 'x'; expected a number"), (5, "b is 'y'; expected a number")]


def test_a_quote_that_is_not_closed_is_named_with_its_row(read):
    with pytest.raises(CorpusError, match=r"t.csv, row 3: no cells separated by commas \(.*a quote too many"):
        read('a,b\n1,2\n"3,4\n')


def test_words_for_missing_values_are_missing_in_numbers_without_a_word(read):
    table = read("n\n1\nNA\nNone\n-\nnull\nnan\n1e3\n")
    assert table.numbers("n").dropna().tolist() == [1, 1000] and not table.problems


def test_words_for_missing_values_are_noted_elsewhere_unless_they_are_declared(read):
    table = read("w\nNA\nNA\nx\n-\n")
    assert table.words("w", ("NA", "x")).tolist() == ["NA", "NA", "x", None]
    assert [(p.row, p.problem, p.grave) for p in table.problems] == [
        (None, "w is '-' in 1 row, read as missing; if it is a class, list it with the others under classes", False)]
    assert table.missing("w").tolist() == [True, True, False, True]


@pytest.mark.parametrize("cell", ["1,5", "old", "inf", "1e999", "0x10", "1 000", "True"])
def test_what_is_no_number_is_named(read, cell):
    table = read(f'n,m\n"{cell}",1\n')
    assert table.numbers("n").isna().all() and table.problems[0].problem.startswith(f"n is {cell!r}; expected a number")


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_other_separators_than_commas_are_named(read, sign, name):
    with pytest.raises(CorpusError, match=f"t.csv: its cells are separated by {name}; expected commas"):
        read(f"path{sign}age\na.wav{sign}23,5\n")
    assert list(read(f"path,a{sign}b\n").cells) == ["path", f"a{sign}b"]  # a name may hold any


@pytest.mark.parametrize("content", ["path,age\n".encode("utf-16-le"), "path,age\n".encode("utf-16-be")])
def test_utf16_without_its_mark_is_named(read, content):
    with pytest.raises(CorpusError, match="t.csv: not UTF-8; save the table in that encoding"):
        read(content)


@pytest.mark.parametrize("begins", [b"PK\3\4", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_spreadsheet_is_no_table(read, begins):
    with pytest.raises(CorpusError, match="t.csv: a spreadsheet; save it as CSV, in UTF-8"):
        read(begins + bytes(range(256)))


def test_empty_cells_beyond_the_header_and_rows_of_separators_alone_are_nothing(read):
    table = read("a,b\n1,2,,\n,,,\n3,4\n , \n5,6,,,,\n")
    assert rows(table) == [["1", "2"], ["3", "4"], ["5", "6"]] and table.rows == [2, 4, 6] and not table.problems
    table = read("a,b,,\n1,2,,\n")  # its header has them, too
    assert [row[:2] for row in rows(table)] == [["1", "2"]] and not table.problems
    [problem] = read("a,b\n1,2,,3\n").problems
    assert problem.row == 2 and problem.problem.startswith("4 cells where the header has 2")


@pytest.mark.parametrize("content", ["\n1,2\n", " \n", ",,\n1,2,3\n", "\r\r\n"])
def test_a_table_whose_first_line_is_blank_has_no_columns(read, content):
    with pytest.raises(CorpusError, match="t.csv, row 1: its first line is blank; expected the names of the columns"):
        read(content)


def test_one_name_in_two_unicode_forms_is_one(read):
    table = read("caf\u00e9,e\u0301\nga\u0308hnen,1\ng\u00e4hnen,2\n")
    assert list(table.cells) == ["caf\u00e9", "\u00e9"]
    assert table.words("caf\u00e9").tolist() == 2 * ["g\u00e4hnen"]
    assert table.texts("caf\u00e9").tolist() == ["ga\u0308hnen", "g\u00e4hnen"]  # two files may be named so


def test_words_that_may_mean_that_nothing_is_known_are_names_with_a_note_unless_they_are_declared(read):
    content = "w\nunknown\nUnknown\n?\nx\n"
    table = read(content)
    assert table.words("w", ()).tolist() == ["unknown", "Unknown", "?", "x"]
    assert sorted((p.problem.partition(",")[0], p.grave) for p in table.problems) == [
        ("w is '?' in 1 row", False), ("w is 'Unknown' in 1 row", False), ("w is 'unknown' in 1 row", False)]
    table = read(content)
    assert table.words("w", ("unknown", "?", "x")).notna().all() and not table.problems
    assert table.texts("w").notna().all() and not table.problems


def test_people_who_are_not_known_are_not_made_one_speaker(read):
    table = read("who\nunknown\nP1\nunknown\nn.d.\n")
    table.words("who", speakers=True)
    assert sorted((p.problem, p.grave) for p in table.problems) == [
        ("who is 'n.d.' in 1 row, read as a name; if it means that none is known, leave its cells empty", False),
        ("who is 'unknown' in 2 rows, which would be one speaker; leave the cells of unknown speakers empty, or name "
         "this speaker otherwise", True)]
