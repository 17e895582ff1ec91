"""Cells of the two readers, and the lines that are found in blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import records
from core.data.dialect import Dialect
from core.data.records import _measure_lines, _split_by_arrow, _split_by_csv


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=30), block=st.integers(1, 40), is_closed=st.booleans())
def test_lines_are_measured_alike_in_blocks_of_any_size(sizes, block, is_closed):
    lines = [b"x" * size for size in sizes]
    body = b"\n".join(lines) + b"\n" * is_closed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BLOCK_BYTES", block)
        if not body:
            return
        filled, longest = _measure_lines(body)
    assert filled.tolist() == [k for k, line in enumerate(lines) if line] and longest == max(sizes)


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_a_regular_table_is_one_for_arrow_and_has_the_same_cells_as_a_reader_of_records(width):
    rows = [[f"{r}.{c}" for c in range(width)] for r in range(4)]
    body = "".join(",".join(row) + "\n" for row in rows).encode()
    dialect = Dialect(",", width, 0, width)
    for cells in (_split_by_arrow(body, ",", dialect), _split_by_csv(body, ",", dialect, "a.csv")):
        assert cells is not None
        assert [column.to_pylist() for column in cells.columns] == [list(column) for column in zip(*rows, strict=True)]
        np.testing.assert_array_equal(cells.lines, np.arange(1, 5))


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_the_names_of_r_stand_over_all_columns_but_that_of_the_row_names(width):
    names = [f"v{c}" for c in range(1, width)]
    rows = [[f"row {r}", *(f"{r}{c}" for c in range(1, width))] for r in range(3)]
    body = "".join(",".join(row) + "\n" for row in (names, *rows)).encode()
    cells = _split_by_csv(body, ",", Dialect(",", width, 0, width - 1), "a.csv")
    assert [column[0].as_py() for column in cells.columns] == ["", *names]
    assert [column[1].as_py() for column in cells.columns] == rows[0]


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_names_stand_over_their_columns_where_only_rows_end_with_a_delimiter(width):
    names = [f"v{c}" for c in range(1, width)]
    rows = [[*(f"{r}{c}" for c in range(1, width)), ""] for r in range(3)]
    body = "".join(",".join(row) + "\n" for row in (names, *rows)).encode()
    cells = _split_by_csv(body, ",", Dialect(",", width, 0, width - 1), "a.csv")
    assert [column.to_pylist() for column in cells.columns] == [
        list(column) for column in zip([*names, ""], *rows, strict=True)
    ]
