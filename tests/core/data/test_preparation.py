"""Inputs and targets of a visitor's table: what becomes of each column, what stands in the way, and the scaling."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from core import RunConfig, train
from core.data import building, selection
from core.data.datasets import load, split
from core.data.targets import infer_task
from core.errors import ConfigError
from core.tables import find_missing_rows, find_obstacles, prepare, read_table
from tests.support.refusals import refused

PEOPLE = b"age,color,score,group\n31,red,1.5,a\n42,blue,2.5,b\n53,red,-3e1,a\n64,green,.5,b\n"


def table(text):
    return read_table(text.encode())


RUN = RunConfig(dataset="custom", hidden=(3,), steps=2)


def test_inputs_are_numbers_and_one_hot_categories_and_scaled_to_order():
    ready = prepare(read_table(PEOPLE), "score", drop_missing=False)
    assert ready.input_names == (
        "age",
        "color = blue",
        "color = green",
        "color = red",
        "group = a",
        "group = b",
    )
    raw = np.array([[31, 0, 0, 1, 1, 0], [42, 1, 0, 0, 0, 1], [53, 0, 0, 1, 1, 0], [64, 0, 1, 0, 0, 1]], dtype=float)
    # rounding of four values of order 1
    X, D = ready.scaled(RUN)
    np.testing.assert_allclose(X, (raw - raw.mean(axis=0)) / raw.std(axis=0), rtol=1e-14, atol=1e-15)
    score = np.array([1.5, 2.5, -30, 0.5])
    np.testing.assert_allclose(D[:, 0], (score - score.mean()) / score.std(), rtol=1e-14)
    assert ready.X.tolist() == raw.tolist() and ready.D[:, 0].tolist() == score.tolist()
    for part, same in zip(ready.scaled(RUN.replace(scaling="none")), (ready.X, ready.D), strict=True):
        np.testing.assert_array_equal(part, same)
    assert ready.task == "regression" and ready.output_names == ("score",) and ready.dropped_rows == ()
    assert f"mean {score.mean():.6g} and standard deviation {score.std():.6g}" in ready.notes[0]
    assert ready.notes[-1] == "6 inputs over 4 rows."


def column_of(values):
    return table("t,x\n" + "".join(f"{value},{i}\n" for i, value in enumerate(values)))


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a", "b"], "two-class"),
        (["a", "b", "c", "a"], "multi-class"),
        ([0, 1, 1, 0], "two-class"),
        ([3.5, -1, 3.5, -1], "two-class"),
        ([1, 2, 3] * 2, "multi-class"),
        ([1, 2, 3, 4, 5], "regression"),  # every number once: a quantity, not a class
        ([1.5, 2, 3] * 2, "regression"),
        (list(range(20)) * 2, "multi-class"),
        (list(range(21)) * 2, "regression"),
        ([f"n{i}" for i in range(50)], "multi-class"),
    ],
)
def test_the_task_is_inferred_from_the_target_and_noted(values, task):
    ready = prepare(column_of(values), "t", drop_missing=False)
    assert ready.task == task
    assert task in ready.notes[0] and f"has {len(set(values))} different" in ready.notes[0]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([1, 2, 3] * 2, "regression"),
        ([1, 2, 3, 4, 5], "multi-class"),
        ([0, 1, 1, 0], "multi-class"),
        ([0, 1, 1], "regression"),
    ],
)
def test_a_task_that_is_asked_for_overrides_the_inference(values, task):
    ready = prepare(column_of(values), "t", drop_missing=False, task=task)
    X, D = ready.scaled(RUN)
    assert ready.task == task == infer_task(D) == ready.split(RUN).task
    assert ready.D.shape[1] == (1 if task == "regression" else len(set(values)))


def test_two_classes_are_0_and_1_in_order():
    ready = prepare(column_of([7, 3, 3, 7]), "t", drop_missing=False)
    assert ready.D.tolist() == [[1], [0], [0], [1]]
    assert ready.output_names == ("t = 7",) and "3' is 0 and '7' is 1" in ready.notes[0]


def test_many_classes_are_one_hot_in_order():
    ready = prepare(column_of([10, 9, 2, 10, 9, 2]), "t", drop_missing=False)
    assert ready.D.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]] * 2
    assert ready.output_names == ("t = 2", "t = 9", "t = 10")


HOLES = "a,b,t\n1,x,1.5\n,y,2.5\n3,?,3.5\n4,y,NA\n5,x,5.5\n6,y,6.5\n"


def test_rows_with_missing_values_are_named_and_kept_from_training_only_on_request():
    message = refused(prepare, table(HOLES), "t", drop_missing=False)
    assert (
        "3 of 6 rows lack a value in 'a', 'b', 't' (lines 3, 4, 5; 1 cell reads ?, 1 cell reads NA)" in message
        and "drop these rows" in message
    )
    ready = prepare(table(HOLES), "t", drop_missing=True)
    assert ready.dropped_rows == (3, 4, 5) and len(ready.X) == len(ready.D) == 3
    assert any("lines 3, 4, 5" in note and "dropped" in note for note in ready.notes)
    whole = prepare(table("a,b,t\n1,x,1.5\n5,x,5.5\n6,y,6.5\n"), "t", drop_missing=False)
    np.testing.assert_array_equal(ready.X, whole.X)
    np.testing.assert_array_equal(ready.D, whole.D)


def test_many_missing_rows_are_counted_and_the_first_ones_named():
    text = "a,t\n" + "1,2\n2,3\n" + ",1\n" * 40
    message = refused(prepare, table(text), "t", drop_missing=False)
    assert "40 of 42 rows lack a value in 'a' (lines 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 30 more)" in message


def test_a_column_left_out_takes_its_missing_values_with_it():
    ready = prepare(table(HOLES), "a", drop_missing=True, leave_out=["b", "t"][:1])
    assert ready.dropped_rows == (3, 5) and ready.input_names == ("t",)


def test_constant_and_empty_inputs_are_dropped_and_named():
    ready = prepare(table("a,b,c,d,t\n1,x,5,,1\n2,x,5,,2\n4,x,5,,4\n"), "t", drop_missing=False)
    assert ready.input_names == ("a",)
    assert "Dropped because constant: 'b', 'c'." in ready.notes and "Dropped because empty: 'd'." in ready.notes


def test_an_input_that_becomes_constant_with_the_dropped_rows_is_dropped():
    ready = prepare(table("a,b,t\n1,x,1\n2,y,\n4,x,4\n"), "t", drop_missing=True)
    assert ready.input_names == ("a",) and "Dropped because constant: 'b'." in ready.notes


def heights(*others):
    """40 different heights with a weight each, and a cell of the visitor's in row 21 of both."""
    rows = [[f"{150 + i}.5", f"{50 + i}.25"] for i in range(40)]
    rows[20] = [text or cell for text, cell in zip(others, rows[20], strict=True)]
    return table("height,weight\n" + "".join(f'"{height}","{weight}"\n' for height, weight in rows))


SLIPS = ["~70", "ca. 160", "70 kg", "70*", "10%", "2,5", "1_000", "x"]


@pytest.mark.parametrize("cell", SLIPS)
def test_one_cell_that_is_no_number_makes_no_classes_of_numbers(cell):
    words = f"holds numbers, but line 22 holds {cell!r}; correct it to a plain number such as 1234.5"
    for task in (None, "regression"):
        message = refused(prepare, heights("", cell), "weight", drop_missing=False, task=task)
        assert f"its column 'weight' {words}, or leave it empty" in message
    message = refused(prepare, heights(cell, ""), "weight", drop_missing=False)
    assert f"its column 'height' {words}, leave it empty, or leave the column out" in message


def test_a_cell_that_is_no_number_does_no_harm_in_a_column_left_out_or_where_classes_are_asked_for():
    several = table("a,b,t\n" + "".join(f"{i},{i * i},{i % 7}\n" for i in range(20)) + "~20,400,6\n")
    assert prepare(several, "t", drop_missing=False, leave_out=["a"]).input_names == ("b",)
    assert prepare(heights("", "~70"), "weight", drop_missing=False, task="multi-class").D.shape == (40, 40)


def test_columns_taken_as_categories_are_named():
    notes = prepare(read_table(PEOPLE), "score", drop_missing=False).notes
    assert "Taken as categories: 'color', 'group'." in notes
    constant = prepare(table("a,b,t\n1,x,1\n2,x,2\n4,x,4\n"), "t", drop_missing=False)
    assert not [note for note in constant.notes if "categories" in note]
    few = prepare(table("a,t\n" + "1,5\n2,6.5\n3,7\n1,8\n2,9\n3,1\n1,2\n2,3\n3,4\nother,0\n"), "t", drop_missing=False)
    assert few.X.shape[1] == 4 and "Taken as categories: 'a'." in few.notes


NAMES = "".join(f"{i},name {i},{i * i}\n" for i in range(60))


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("a,t\n1,2\n3,4\n", {"target": "u"}, ["target = 'u'", "a column of the table: 'a', 't'"]),
        ("a,t\n1,2\n3,2\n", {"target": "t"}, ["target = 't'", "every row has '2'", "must vary"]),
        ("a,t\n1,\n3,\n", {"target": "t"}, ["target = 't'", "empty"]),
        ("i,n,q\n" + NAMES, {"target": "n"}, ["target = 'n'", "60 different texts such as 'name 0'", "at most 50"]),
        ("i,n,q\n" + NAMES, {"target": "q"}, ["'n' holds 60 different texts", "leave this column out"]),
        ("a,t\n1,2\ninf,4\n", {"target": "t"}, ["column 'a' has inf in line 3", "finite"]),
        ("a,t\n1,2\n3,-1e101\n", {"target": "t"}, ["column 't' has -1e+101 in line 3", "at most 1e+100"]),
        ("a,t\n1,x\n3,y\n", {"target": "t", "task": "regression"}, ["task = 'regression'", "texts such as 'x'"]),
        ("a,t\n1,2\n3,4\n5,6", {"target": "t", "task": "two-class"}, ["task = 'two-class'", "3 different values"]),
        ("i,n,q\n" + NAMES, {"target": "q", "task": "multi-class"}, ["task = 'multi", "60 different", "above 50"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "task": "clustering"}, ["task = 'clustering'", "two-class"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "leave_out": ["z"]}, ["leave_out = 'z'", "'a', 't'"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "leave_out": ["t"]}, ["leave_out = 't'", "it is the target"]),
        ("a,t\n1,2\n3,4\n", {"target": "t", "leave_out": ["a"]}, ["no column is left to be an input"]),
        ("a,t\n1,2\n1,4\n", {"target": "t"}, ["no column is left to be an input", "constant"]),
        ("a,t\n1,2\n", {"target": "t"}, ["1 of its 1 rows are complete; at least 2"]),
        ("a,t\n1,\n,4\n", {"target": "t", "drop_missing": True}, ["0 of its 2 rows are complete"]),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_column_and_the_reason(text, arguments, words):
    message = refused(prepare, table(text), **{"drop_missing": False, **arguments})
    assert all(word in message for word in words), message


def test_leaving_a_column_out_makes_the_rest_usable():
    ready = prepare(table("i,n,q\n" + NAMES), "q", drop_missing=False, leave_out=["n"])
    assert ready.input_names == ("i",)


def test_an_infinity_in_a_dropped_row_does_no_harm():
    assert len(prepare(table("a,b,t\n1,1,1\ninf,,2\n3,3,3\n"), "t", drop_missing=True).X) == 2


def test_names_are_kept_as_they_are():
    ready = prepare(table("<i>a</i>,=t()\n1,x*\n2,y_\n"), "=t()", drop_missing=False)
    assert ready.input_names == ("<i>a</i>",) and ready.output_names == ("=t() = y_",)


@pytest.mark.parametrize("scale", ["e-300", "e-150", "", "e90"])
def test_extreme_numbers_are_standardized_like_any_others(scale):
    ready = prepare(table(f"a,t\n1{scale},1{scale}\n2{scale},2{scale}\n4{scale},4{scale}\n"), "t", drop_missing=False)
    expected = (np.array([1, 2, 4]) - 7 / 3) / np.array([1, 2, 4]).std()
    # 1e-13: decimal inputs are rounded before they are scaled
    X, D = ready.scaled(RUN)
    np.testing.assert_allclose(X[:, 0], expected, rtol=1e-13)
    np.testing.assert_allclose(D[:, 0], expected, rtol=1e-13)
    spread = float(ready.notes[0].split("standard deviation ")[1].rstrip("."))
    assert spread == pytest.approx(float("1" + scale) * np.array([1, 2, 4]).std(), rel=1e-5, abs=0)


# --- scaling by the training rows ---

IRIS = load_iris(as_frame=True).frame.to_csv(index=False).encode()
CLASSES = {"loss": "cross_entropy", "output_activation": "softmax", "hidden": (6, 5), "steps": 12, "activation": "tanh"}


@pytest.mark.parametrize("holdout", [0.0, 0.3])
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_the_same_iris_uploaded_and_built_in_gives_the_same_run_to_the_last_bit(holdout, batch_size, scaling):
    ready = prepare(read_table(IRIS, "iris.csv"), "target", False)
    config = RunConfig(
        dataset="iris", samples=150, holdout=holdout, batch_size=batch_size, seed=3, scaling=scaling, **CLASSES
    )
    (built_in,) = train([config])
    (uploaded,) = train([config.replace(dataset="custom")], ready.scaled(config))
    for name in ("loss", "holdout_loss", "accuracy", "grad_norm", "delta_norm", "update_ratio", "weight_norm"):
        np.testing.assert_array_equal(getattr(uploaded, name), getattr(built_in, name))
    expected = load("iris", 150, 0.0, holdout, 3, scaling)
    for name in ("X", "D", "X_holdout", "D_holdout"):
        np.testing.assert_array_equal(getattr(ready.split(config), name), getattr(expected, name))


def numbers(rows):
    rng = np.random.default_rng(4)
    lines = [f"{a},{b},{c}" for a, b, c in rng.normal(5, 2, (rows, 3))]
    return "a,b,t\n" + "\n".join(lines)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_held_out_rows_do_not_enter_the_scaling(seed, holdout):
    ready = prepare(table(numbers(20)), "t", False)
    config = RUN.replace(seed=seed, holdout=holdout)
    X, D = ready.scaled(config)
    parts = split(X, D, holdout, seed)
    assert len(parts.X_holdout) == round(20 * holdout)
    # rounding of sums of up to 20 numbers of order 1
    np.testing.assert_allclose(np.hstack([parts.X, parts.D]).mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(np.hstack([parts.X, parts.D]).std(axis=0), 1, rtol=1e-12)
    own = ready.split(config)
    np.testing.assert_array_equal(parts.X, own.X)
    np.testing.assert_array_equal(parts.X_holdout, own.X_holdout)


def test_runs_of_several_seeds_are_each_scaled_by_their_own_training_rows():
    ready = prepare(table(numbers(20)), "t", False)
    configs = [RUN.replace(seed=seed, holdout=0.4) for seed in range(3)]
    together = train(configs, ready.scaled(configs[0]))
    for config, trace in zip(configs, together, strict=True):
        (alone,) = train([config], ready.scaled(config))
        np.testing.assert_array_equal(trace.loss, alone.loss)


def test_scaled_data_survive_pickling_so_that_workers_can_take_them():
    data = prepare(table(numbers(12)), "t", False).scaled(RUN)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again[0], data[0])
    np.testing.assert_array_equal(again.split(RUN).X, data.split(RUN).X)


# --- missing values ---

GAPS = "a,color,t\n1,red,1\n,red,2\n3,,3\n10,blue,4\n5,red,5\nNA,NA,6\n"


def test_missing_inputs_are_filled_in_by_median_and_most_frequent_of_the_training_rows():
    ready = prepare(table(GAPS), "t", False, fill_missing=True)
    assert np.isnan(ready.X).sum() == 2 + 2 * 2 and ready.dropped_rows == ()
    X, _ = ready.scaled(RUN.replace(scaling="none"))
    assert X.tolist() == [[1, 0, 1], [4, 0, 1], [3, 0, 1], [10, 1, 0], [5, 0, 1], [4, 0, 1]]
    assert any("filled in from the training rows" in note for note in ready.notes)


@given(st.integers(0, 2**32 - 1))
def test_held_out_rows_do_not_enter_what_is_filled_in(seed):
    text = "a,t\n" + "".join(f"{n * n if n % 4 else ''},{n}\n" for n in range(24))
    ready = prepare(table(text), "t", False, fill_missing=True)
    parts = ready.split(RUN.replace(seed=seed, holdout=0.5, scaling="none"))
    known = [value for value in parts.X[:, 0] if value not in {float(n * n) for n in range(24) if n % 4}]
    given_rows = [n * n for n in parts.D[:, 0].astype(int) if n % 4]
    filled = {
        *known,
        *(value for value, n in zip(parts.X_holdout[:, 0], parts.D_holdout[:, 0], strict=True) if n % 4 == 0),
    }
    assert filled <= {float(np.median(given_rows))}


def test_the_most_frequent_category_is_that_of_the_training_rows():
    kinds = ["a", "", "b", "a", "b", "a", "b", "", "a"]
    read = table("n,kind,t\n" + "".join(f"{n},{kind},{n % 4}.5\n" for n, kind in enumerate(kinds)))
    ready, fillings = prepare(read, "t", False, fill_missing=True), set()
    for seed in range(12):
        parts = ready.split(RUN.replace(seed=seed, holdout=0.5, scaling="none"))
        trained = [kinds[int(n)] for n in parts.X[:, 0]]
        usual = [float(trained.count(kind)) for kind in ("a", "b")]
        fillings.add(expected := (1.0, 0.0) if usual[0] >= usual[1] else (0.0, 1.0))  # the first where two are equal
        for n, *category in [*parts.X.tolist(), *parts.X_holdout.tolist()]:
            assert tuple(category) == {"a": (1, 0), "b": (0, 1), "": expected}[kinds[int(n)]]
    assert len(fillings) == 2


def test_a_spelling_can_be_a_category():
    ready = prepare(table(GAPS), "t", True, missing_as_class=["color"])
    assert ready.dropped_rows == (3, 7) and ready.input_names == ("a", "color = (empty)", "color = blue", "color = red")
    message = refused(prepare, table("x,alley\n1,NA\n2,NA\n3,Grvl\n4,Pave\n"), "x", False)
    assert "2 cells read NA" in message


def test_the_rows_to_drop_follow_the_columns_left_out():
    read = table(GAPS)
    assert find_missing_rows(read, "t") == (3, 4, 7)
    assert find_missing_rows(read, "t", leave_out=["color"]) == (3, 7)
    assert find_missing_rows(read, "t", fill_missing=True) == ()


# --- obstacles ---

TITANIC = "Survived,Pclass,Name,Age,Ticket,Cabin\n" + "".join(
    f"{n % 2},{n % 3 + 1},passenger {n},{20 + n % 40 if n % 5 else ''},ticket {n},{f'C{n}' if n % 4 == 0 else ''}\n"
    for n in range(240)
)


def test_all_that_stands_in_the_way_is_listed_at_once_with_buttons():
    read = table(TITANIC)
    obstacles = find_obstacles(read, "Survived", False)
    messages = [str(obstacle.error) for obstacle in obstacles]
    for name in ("Name", "Ticket", "Cabin"):
        assert any(f"its column '{name}' holds" in message for message in messages)
    assert "48 of 240 rows lack a value in 'Age'" in messages[-1]
    assert all(obstacle.fixes for obstacle in obstacles)
    choices = {"drop_missing": False}
    while obstacles:
        choices |= obstacles[0].fixes[0].changes
        obstacles = find_obstacles(read, "Survived", **choices)
    ready = prepare(read, "Survived", **choices)
    assert ready.input_names == ("Pclass", "Age") and len(ready.dropped_rows) == 48


def test_one_button_leaves_out_all_columns_that_cannot_be_inputs():
    obstacles = find_obstacles(table(TITANIC), "Survived", True)
    (fix,) = [fix for o in obstacles for fix in o.fixes if fix.label == "Leave out all 3"]
    assert prepare(table(TITANIC), "Survived", True, **fix.changes).input_names == ("Pclass", "Age")


def test_slips_can_count_as_missing():
    (obstacle,) = find_obstacles(heights("~70", ""), "weight", False)
    (fix,) = [fix for fix in obstacle.fixes if "others as missing" in fix.label]
    assert prepare(heights("~70", ""), "weight", True, **fix.changes).dropped_rows == (22,)


@given(st.sampled_from(["Survived", "Age", "Name"]), st.booleans(), st.booleans())
def test_prepare_raises_the_first_obstacle_and_only_then(target, drop, fill):
    read = table(TITANIC)
    obstacles = find_obstacles(read, target, drop, fill_missing=fill, leave_out=["Cabin"])
    if obstacles:
        assert refused(prepare, read, target, drop, fill_missing=fill, leave_out=["Cabin"]) == str(obstacles[0].error)
    else:
        prepare(read, target, drop, fill_missing=fill, leave_out=["Cabin"])


def test_a_target_that_is_constant_after_dropping_is_described_so():
    message = refused(prepare, table("a,t\n1,True\n,False\n3,True\n"), "t", True)
    assert "every row left after dropping has 'True'" in message


# --- choices ---


def test_the_type_of_a_column_can_be_changed():
    text = "zip,when,t\n" + "".join(f"{n % 3},1970-01-0{n + 1},{n}.5\n" for n in range(8))
    read = table(text)
    assert prepare(read, "t", False).input_names == ("zip", "when")
    as_classes = prepare(read, "t", False, kinds={"zip": "category", "when": "ignored"})
    assert as_classes.input_names == ("zip = 0", "zip = 1", "zip = 2")
    assert as_classes.X[:4].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    with pytest.raises(ConfigError, match="kinds"):
        prepare(read, "t", False, kinds={"zip": "text"})


def test_cells_that_are_no_dates_are_missing_in_a_column_of_dates():
    read = table("day,code,x,t\n2020-01-03,20200103,1,0\nlate,20200230,2,1\n2020-01-05,20200105,3,1\n")
    ready = prepare(read, "t", True, kinds={"day": "date", "code": "date"})
    assert ready.dropped_rows == (3,) and (ready.X[:, 0] == ready.X[:, 1]).all() and np.ptp(ready.X[:, 0]) == 2
    with pytest.raises(ConfigError, match="none of its cells is a date"):
        prepare(read, "t", True, kinds={"x": "date"})


def test_parts_of_dates_are_inputs_on_request():
    read = table("when,t\n2020-01-06 06:00,1\n2021-02-09 12:00,2\n2022-03-11 18:00,4\n")
    ready = prepare(read, "t", False, date_parts=["year", "month", "day", "weekday", "hour"])
    assert ready.input_names == ("when", *(f"when: {part}" for part in ("year", "month", "day", "weekday", "hour")))
    assert ready.X[:, 1:].tolist() == [[2020, 1, 6, 0, 6], [2021, 2, 9, 1, 12], [2022, 3, 11, 4, 18]]


def test_of_dates_with_gaps_only_parts_that_differ_are_inputs():
    read = table("when,x,t\n2020-01-06,1,1\n,2,2\n2020-02-09,3,4\n2020-03-06,5,7\n")
    ready = prepare(read, "t", False, date_parts=["year", "month", "day", "hour"], fill_missing=True)
    assert ready.input_names == ("when", "when: month", "when: day", "x")


def test_one_class_can_be_told_from_the_rest():
    ready = prepare(table("x,t\n1,a\n2,b\n3,c\n4,b\n"), "t", False, one_class="b")
    assert ready.task == "two-class" and ready.D[:, 0].tolist() == [0, 1, 0, 1] and ready.output_names == ("t = b",)
    assert "one_class = 'z'" in refused(prepare, table("x,t\n1,a\n2,b\n3,c\n"), "t", False, one_class="z")


def test_several_numeric_targets_are_one_regression():
    ready = prepare(table("x,s,t\n1,2,3\n2,5,1\n3,4,4\n"), ("s", "t"), False)
    assert ready.task == "regression" and ready.D.tolist() == [[2, 3], [5, 1], [4, 4]]
    assert ready.input_names == ("x",) and ready.output_names == ("s", "t")
    assert "several targets must be numeric" in refused(prepare, table("x,s,t\n1,a,3\n2,b,1\n"), ("s", "t"), False)


@given(st.integers(5, 60), st.integers(0, 9))
def test_a_sample_is_stratified_seeded_and_noted(size, seed):
    rows = "".join(f"{n},{'rare' if n % 10 == 0 else 'usual' if n % 10 < 5 else 'other'}\n" for n in range(200))
    read = table("x,t\n" + rows)
    ready = prepare(read, "t", False, max_rows=size, seed=seed)
    again = prepare(read, "t", False, max_rows=size, seed=seed)
    assert len(ready.X) == size and ready.X.tolist() == again.X.tolist() == sorted(ready.X.tolist())
    shares = dict(zip(ready.output_names, ready.D.sum(axis=0), strict=True))
    for name, share in (("rare", 0.1), ("usual", 0.4), ("other", 0.5)):
        assert abs(shares.get(f"t = {name}", 0) - share * size) <= 1
    assert any(note.startswith(f"{size} of 200 rows are used: sampled in proportion") for note in ready.notes)


def test_another_seed_samples_other_rows():
    read = table("x,t\n" + "".join(f"{n},{'abc'[n % 3]}\n" for n in range(200)))
    samples = [prepare(read, "t", False, max_rows=20, seed=seed).X.tolist() for seed in range(4)]
    assert all(one != other for k, one in enumerate(samples) for other in samples[:k])


@given(st.none() | st.integers(2, 250), st.integers(2, 250), st.integers(2, 750))
def test_the_lowest_of_all_limits_decides_how_many_rows_are_used(asked, of_a_run, numbers_in_all):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "MAX_SAMPLES", of_a_run)
        patch.setattr(selection, "MAX_VALUES", numbers_in_all)
        ready = prepare(table(numbers(200)), "t", False, max_rows=asked)
    width = ready.X.shape[1] + ready.D.shape[1]
    assert len(ready.X) == min(asked or 200, of_a_run, max(numbers_in_all // width, 2), 200)


def test_a_large_table_is_sampled_to_the_numbers_that_are_trained_on(monkeypatch):
    monkeypatch.setattr(selection, "MAX_VALUES", 300)
    ready = prepare(table(numbers(200)), "t", False)
    assert ready.X.shape == (100, 2) and "100 of 200 rows are used: sampled over the range" in " ".join(ready.notes)
    assert np.ptp(ready.D) > 0.8 * np.ptp(prepare(table(numbers(100)), "t", False).D)


@pytest.mark.parametrize(
    "cells, asked",
    [
        ("01/02/2026 03/04/2026", True),
        ("01/01/2026 01/02/2026", True),
        ("01/01/2026 02/02/2026", False),
        ("01/02/2026 13/04/2026", False),
        ("13.02.2026 01.04.2026", False),
    ],
)
def test_dates_whose_day_and_month_could_be_exchanged_are_asked_about(cells, asked):
    rows = "".join(f"{cell},{i},{i % 2}\n" for i, cell in enumerate(cells.split() * 3))
    obstacles = find_obstacles(read_table(f"d,x,y\n{rows}".encode()), "y", False)
    assert len(obstacles) == asked
    if asked:
        assert "'01/02/2026', in which day and month could be exchanged" in str(obstacles[0].error)
        fixes = {fix.label: fix.changes for fix in obstacles[0].fixes}
        assert list(fixes) == [
            "01/02/2026 is day 01 of month 02",
            "01/02/2026 is day 02 of month 01",
            "Take d as categories",
            "Leave out d",
        ]
        for day_first, first_day in ((True, "2026-02-01"), (False, "2026-01-02")):
            (changes,) = (c for c in fixes.values() if c.get("day_first") is day_first)
            read = read_table(f"d,x,y\n{rows}".encode(), **changes)
            assert first_day in read.columns[0].head(2) and not find_obstacles(read, "y", False)


def test_columns_of_points_and_of_commas_are_read_each_in_its_own_way():
    read = read_table(b"a;b;c\n1.25;2,5;x\n3.75;4,25;y\n")
    assert read.decimal == "."
    assert [column.values.tolist() for column in read.columns[:2]] == [[1.25, 3.75], [2.5, 4.25]]


def test_every_spelling_that_would_be_a_category_is_named_on_the_button():
    (obstacle,) = find_obstacles(read_table(b"c,b\n" + b"None,1\nTA,0\nGd,1\nNA,0\n" * 5), "b", False)
    assert "'None' and 'NA' in c are categories" in [fix.label for fix in obstacle.fixes]
    (obstacle,) = find_obstacles(read_table(b"c,b\n" + b"TA,0\nGd,1\nNA,0\n" * 5), "b", False)
    assert "'NA' in c is a category" in [fix.label for fix in obstacle.fixes]


def test_day_first_and_month_first_are_told_apart_by_days_above_twelve():
    for cells, day in (("01/02/2026 13/02/2026", 32), ("02/01/2026 02/13/2026", 32)):
        rows = "".join(f"{cell},{i % 2}\n" for i, cell in enumerate(cells.split()))
        X = prepare(read_table(f"d,y\n{rows}".encode()), "y", False).X
        assert X[:, 0].tolist() == [20454 + day - 1, 20454 + day - 1 + 12]  # 2026 begins 20,454 days after 1970


COUNTED = ",a,b\n0,1,2\n1,3,1\n2,4,6\n3,5,2\n"


@pytest.mark.parametrize(
    "choice, taken",
    [({}, False), ({"keep_index": True}, True), ({"kinds": {"column 1": "numeric"}}, True)],
)
def test_a_column_that_counts_the_rows_is_an_input_when_it_is_asked_for_in_either_way(choice, taken):
    found = prepare(table(COUNTED), "b", drop_missing=False, **choice)
    assert found.input_names == ("column 1", "a")[not taken :]


def test_a_sample_of_a_table_has_at_least_the_rows_of_any_data():
    with pytest.raises(ConfigError, match=f"at least {selection.MIN_SAMPLES}"):
        prepare(table(COUNTED), "b", drop_missing=False, max_rows=selection.MIN_SAMPLES - 1)
    assert prepare(table(COUNTED), "b", drop_missing=False, max_rows=selection.MIN_SAMPLES).X.shape == (2, 1)
