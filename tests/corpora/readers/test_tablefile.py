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
