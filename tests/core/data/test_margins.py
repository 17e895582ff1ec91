"""The surroundings of a table's rows, by files as they lie on people's disks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.margins import join_names
from core.errors import ConfigError
from core.tables import find_obstacles, prepare, read_table

HOURS = "".join(f"20200101:{hour:02d}10,{hour * 1.5},{hour * 2.25},{5 + hour * 0.1:.1f}\n" for hour in range(24))
# As the European Commission's PVGIS writes it: tabs in the lines above, and a legend below.
PVGIS = (
    "Latitude:\t45.0\nLongitude:\t8.0\nElevation:\t200\nSlope:\t35\n\n"
    f"time,P,G,T\n{HOURS}\n"
    "P: PV system power (W)\nG: Global irradiance on the inclined plane (W/m2)\nT: 2-m air temperature (degree Celsius)"
    "\n\nPVGIS (c) European Union, 2001-2024\n"
)
NUMBERS = "".join(f"{n},{n * n},{n}.5\n" for n in range(30))
COUNTRIES = "".join(f"{name},{n},{n}.5\n" for n, name in enumerate(["Aland", "Borduria", "Cocagne", "Drusselstein"]))
FOOTERS = {
    "a source": (f"a,b,c\n{NUMBERS}Source: somebody\n", 30),
    "a source with a comma and a year": (f"a,b,c\n{NUMBERS}Source: World Bank, 2020\n", 30),
    "a note of many commas": (f"a,b,c\n{NUMBERS}Note: one, two, three, four\n", 30),
    "padded notes": (f"a,b,c\n{NUMBERS},,\nData from database: World,,\nLast Updated: 1 May,,\n", 30),
    "quoted notes": (f'a,b,c\n{NUMBERS}"Source: x, y"\n"Last Updated: 01/01/2020"\n', 30),
    "names of rows and a blank line": (f"name,b,c\n{COUNTRIES}\n\nLast Updated: 2020\n", 4),
    "a count of rows": ("id|x|y\n1|2|3\n2|3|4\n3|4|5\n(3 rows)\n", 3),
    "a comment": ("a,b\n1,2\n3,4\n5,6\n# end\n", 3),
}


MORE = ["Evarchia,5,5.5\n", "Florin,6,6.5\n", "Graustark,7,7.5\n"]
FOOTERS |= {
    f"a blank line below {4 + k} names": (f"name,b,c\n{COUNTRIES}{''.join(MORE[:k])}\n\nNote\n", 4 + k)
    for k in (1, 2, 3)
}


def names(table):
    return [column.name for column in table.columns]


def test_lines_above_and_below_a_pvgis_file_are_skipped_and_said():
    table = read_table(PVGIS.encode())
    assert [column.kind for column in table.columns] == ["date", "numeric", "numeric", "numeric"]
    assert (table.rows, table.skip_lines, table.skip_footer) == (24, 5, 4)
    assert "4 lines below the table skipped, from line 32 on." in table.notes
    assert not find_obstacles(table, "T", False)


@pytest.mark.parametrize("case", FOOTERS)
def test_notes_below_a_table_are_no_rows(case):
    text, rows = FOOTERS[case]
    table = read_table(text.encode())
    assert table.rows == rows and table.skip_footer > 0
    assert all(column.kind == "numeric" for column in table.columns[1:])
    assert any("below the table skipped" in note for note in table.notes)


@pytest.mark.parametrize(
    "text, last",
    [
        (f"a,b,c\n{NUMBERS}30,900\n", 30),
        (f"a,b,c\n{NUMBERS}30\n", 30),
        (f"name,b,c\n{COUNTRIES}Evarchia,,\n", "Evarchia"),
        ("name,b\nx,1\ny,2\nz,3\nlast\n", "last"),
        (f'name,b,c\n{COUNTRIES}"two\nlines",1,2\nEvarchia,,\n', "Evarchia"),
        (f"name,b,c\n{COUNTRIES}Total,6,9.5\n", "Total"),
    ],
    ids=["a short row", "one number", "a row without values", "a last word", "a cell of two lines", "a sum"],
)
def test_rows_that_lack_values_stay_rows(text, last):
    table = read_table(text.encode())
    assert table.skip_footer == 0 and table.to_frame().iloc[-1, 0] == last


def test_a_long_row_of_numbers_is_refused_with_its_line_wherever_it_stands():
    for text, line in ((f"a,b,c\n{NUMBERS}1,2,3,4\n", 32), ("a,b\nx,1,2,3\ny,2\nz,3\n1,4\n", 2)):
        with pytest.raises(ConfigError, match=f"its line {line} has 4 columns"):
            read_table(text.encode())


def test_lines_below_a_table_can_be_counted_by_hand():
    text = f"name,b,c\n{COUNTRIES}Total,6,9.5\n".encode()
    assert read_table(text, skip_footer=1).rows == 4
    assert read_table(f"a,b,c\n{NUMBERS}Source: x\n".encode(), skip_footer=0).rows == 31
    with pytest.raises(ConfigError, match="skip_footer"):
        read_table(text, skip_footer=-1)
    with pytest.raises(ConfigError, match="no rows"):
        read_table(text, skip_footer=99)


@pytest.mark.parametrize("asked", range(6))
def test_just_as_many_records_are_left_out_below_a_table_as_are_asked_for(asked):
    raw = b"1,2\n3,4\n5,6\n7,8\n"
    if asked < 4:
        read = read_table(raw, header=False, skip_footer=asked)
        assert (read.rows, read.skip_footer) == (4 - asked, asked)
    else:
        with pytest.raises(ConfigError, match="no rows"):
            read_table(raw, header=False, skip_footer=asked)


def test_units_below_the_names_belong_to_the_names():
    table = read_table("time,temp,name\ns,°C,\n0,20.5,a\n1,21.5,b\n2,22.5,a\n".encode())
    assert names(table) == ["time s", "temp °C", "name"] and table.rows == 3 and table.header_lines == 2
    assert table.lines.tolist() == [3, 4, 5] and "The columns are named by two lines, 1, 2." in table.notes


def test_names_over_several_columns_belong_to_each_of_them():
    table = read_table(b"2019,,2020,\nin,out,in,out\n1,2,3,4\n5,6,7,8\n2,3,4,4\n")
    assert names(table) == ["2019 in", "2019 out", "2020 in", "2020 out"]
    assert read_table(b"2019,,2020,\nin,out,in,out\n1,2,3,4\n5,6,7,8\n", skip_lines=1, header=False).rows == 3


def test_one_line_of_names_or_two_can_be_chosen():
    text = b"a,b\nx,y\n1,2\n3,4\n"
    assert names(read_table(text)) == ["a x", "b y"] == names(read_table(text, header_lines=2))
    assert read_table(text, header=True).rows == 3 == read_table(text, header_lines=1).rows
    with pytest.raises(ConfigError, match="header_lines"):
        read_table(text, header_lines=3)


@pytest.mark.parametrize(
    "text",
    ["a,b,c\nNA,-,1\n1,2,3\n4,5,6\n", "a,b\nx,1\n2,3\n4,5\n", "1.5,2.5\nx,y\n1,2\n3,4\n", "a,b\nx,y\nz,w\nx,w\n"],
)
def test_a_row_is_not_taken_for_a_second_line_of_names(text):
    assert read_table(text.encode()).header_lines < 2


@given(st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=6))
def test_joined_names_are_the_upper_ones_where_nothing_stands_below(upper):
    assert join_names(upper, [""] * len(upper)) == upper


def test_names_that_recur_between_rows_are_left_out_and_said():
    table = read_table(b"a,b\n1,2\n3,4\na,b\n5,6\n7,8\n")
    assert names(table) == ["a", "b"] and table.rows == 4 and table.lines.tolist() == [2, 3, 5, 6]
    assert "1 line that repeats the names left out (line 4)." in table.notes
    assert table.nbytes == sum(column.data.nbytes for column in table.columns) + table.lines.nbytes


@pytest.mark.parametrize("at", [0, 1, 3, 4])
def test_names_may_recur_above_any_row(at):
    rows = ["1,2", "3,4", "5,6", "7,8"]
    text = "\n".join(["a,b", *rows[:at], "a,b", *rows[at:]]) + "\n"
    table = read_table(text.encode())
    assert names(table) == ["a", "b"] and table.columns[0].values.tolist() == [1, 3, 5, 7]
    assert table.lines.tolist() == [line for line in range(2, 7) if line != at + 2]


def test_rows_of_words_that_recur_are_rows():
    table = read_table(b"no,left\nno,right\nyes,left\nno,left\nyes,right\n")
    assert table.rows == 5 and not table.header


@pytest.mark.parametrize(
    "text", ["| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n", " a | b \n---+---\n 1 | 2\n 3 | 4\n(2 rows)\n"]
)
def test_a_rule_below_the_names_is_no_row(text):
    table = read_table(text.encode())
    assert names(table) == ["a", "b"] and table.rows == 2
    assert "Line 2, which draws a rule, left out." in table.notes


def test_a_table_without_its_margins_is_the_same_table():
    plain = read_table(f"time,P,G,T\n{HOURS}".encode())
    with_margins = read_table(PVGIS.encode())
    for one, other in zip(plain.columns, with_margins.columns, strict=True):
        assert one.name == other.name and one.values.tolist() == other.values.tolist()
    assert prepare(plain, "T", False).X.tolist() == prepare(with_margins, "T", False).X.tolist()
