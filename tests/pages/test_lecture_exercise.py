"""The second half of the Lecture, driven without a browser: the exercise, and why the gradient vanishes."""

import itertools
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import ConfigError, RunConfig
from core.comparison.arms import Comparison
from core.exercise import solve
from core.lecture.instances import make_instance
from core.lecture.paths import trace_paths
from ui.lecture import blanks, chain, exercise, links, solution, steps, tables, vanishing
from ui.lecture.blanks import BLANKS, KEYS, OPTIONS
from ui.lecture.chain import CHAIN_KEYS, QUESTIONS, offered
from ui.lecture.symbols import WEIGHTS, D, Factor, O, net01, w01, w12, with_formulas, x, y
from ui.lecture.symbols import chain as factors_of
from ui.runtime.services import start_services
from ui.urls import link
from ui.urls.arms import parse_arms


def the_exercise():
    from ui.lecture import answers, blanks, chain, exercise, outline, solution, steps
    from ui.urls.sync import sync_address, update_address

    sync_address(outline.PARAMETERS)
    answers.restore()
    blanks.section(answers.remember)
    chain.section(answers.remember)
    exercise.draw_progress()
    solution.section()
    steps.section()
    update_address(outline.PARAMETERS)


def the_stack():
    from ui.lecture import outline, vanishing
    from ui.urls.sync import sync_address

    sync_address(outline.PARAMETERS)
    vanishing.section()
    vanishing.draw_cures()


def visit(part, stack_path=False, **settings):
    """One part of the Lecture as a fresh session opens it, with the settings of an address."""
    app = AppTest.from_function(part, default_timeout=60)
    app.session_state["stack_path"] = stack_path
    for name, value in ({"exercise_solution": "true"} if part is the_exercise else {}).items():
        app.query_params[name] = value
    for name, value in settings.items():
        app.query_params[name] = str(value)
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def errors(app):
    return [error.value for error in app.error]


def words(app):
    return "\n".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def progress(app):
    (bar,) = app.get("progress")
    return bar.proto.text, bar.proto.value


# -- (a) the blanks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(1, 12))
def test_each_blank_has_one_right_answer_and_a_reason_of_its_own_for_every_other(number):
    blank = BLANKS[number - 1]
    reasons = {option: blanks.reason(blank, option) for option in OPTIONS}
    assert [option for option, why in reasons.items() if why is None] == [blank]
    for option, why in reasons.items():
        if why:
            assert why.endswith(".") and len(why) > 30
            same_kind = option.letter == blank.letter == "w" and option.layers == blank.layers
            if same_kind and option.indices == blank.indices[::-1] and option != w12(1, 2):
                assert "swapped" in why and f"i = {blank.indices[0]} and j = {blank.indices[1]}" in why
            if option == D and blank.letter != "w":
                assert "target" in why
    beside = [why for option, why in reasons.items() if why and option.letter == "w" and option.layers == blank.layers]
    assert len(set(beside)) == len(beside)


def test_every_wrong_answer_of_every_blank_is_explained_on_the_page_and_counts_nothing():
    app = visit(the_exercise)
    for shift in range(len(OPTIONS)):
        choices = [OPTIONS[(k + shift) % len(OPTIONS)] for k in range(len(BLANKS))]
        for key, choice in zip(KEYS, choices, strict=True):
            app.pills(key).set_value(choice.text)
        calm(app.run())
        reasons = [blanks.reason(blank, choice) for blank, choice in zip(BLANKS, choices, strict=True)]
        assert errors(app) == [with_formulas(why) for why in reasons if why]
        right = reasons.count(None)
        assert progress(app) == (f"{right} of 23 answers right", int(100 * right / 23))


def test_right_symbols_appear_in_the_drawing():
    app = visit(the_exercise)
    app.pills("blank_7").set_value(w01(1, 2).text)
    app.pills("blank_8").set_value(w01(1, 2).text)
    calm(app.run())
    assert blanks.describe([7]).endswith("Filled: 7 is w 1 2 of layers 0 to 1.")
    assert any(blanks.describe([7]) in html.proto.body for html in app.get("html"))
    assert "Not right yet: 8." in words(app)
    assert f"Right: ${w01(1, 2).latex}$" in "".join(m.value for m in app.markdown)


def test_answers_are_in_the_address_and_come_back_with_it():
    app = answer_all(visit(the_exercise))
    text = app.query_params["answers"]
    again = visit(the_exercise, answers=text)
    assert progress(again) == ("23 of 23 answers right", 100)
    assert [again.session_state[key] for key in KEYS] == [blank.text for blank in BLANKS]
    assert progress(visit(the_exercise, answers="z" * 29))[0] == "0 of 23 answers right"


# -- (b) the chains ---------------------------------------------------------------------------------------------


def test_every_option_of_every_question_is_judged_on_the_page():
    app = visit(the_exercise)
    for option in range(3):
        for question in QUESTIONS:
            app.radio(question.key).set_value(list(question.options)[option])
        calm(app.run())
        reasons = [list(question.options.values())[option] for question in QUESTIONS]
        assert errors(app) == [with_formulas(why) for why in reasons if why]
        assert progress(app)[0].startswith(f"{reasons.count(None)} of")
    assert all(list(question.options.values()).count(None) == 1 for question in QUESTIONS)


def test_the_misprints_that_circulate_are_offered_and_explained():
    wrong = Factor(O, w12(1))
    assert wrong in offered(w01(1, 1)) and "misprint" in chain.reason(w01(1, 1), wrong)
    assert Factor(O, y(1)).text in chain.reason(w01(1, 1), wrong)
    (question,) = [question for question in QUESTIONS if question.key == "question_net2"]
    misprint = next(why for why in question.options.values() if why and "misprint" in why)
    assert w01(2, 1).text in misprint and w01(2, 2).text in misprint


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda weight: weight.spoken)
def test_each_gradient_takes_its_chain_in_any_order_and_nothing_else(weight):
    links = factors_of(weight)
    assert set(links) < set(offered(weight))
    for order in itertools.permutations(factor.text for factor in links):
        assert chain.complete(weight, list(order))
    right = [factor.text for factor in links]
    assert not chain.complete(weight, right[:-1]) and not chain.complete(weight, [])
    reasons = []
    for factor in offered(weight):
        why = chain.reason(weight, factor)
        assert (why is None) == (factor in links)
        if why:
            assert not chain.complete(weight, [*right, factor.text])
            reasons.append(why)
    assert len(set(reasons)) == len(reasons) >= 4


def test_chains_on_the_page_name_every_wrong_factor_and_show_the_whole_gradient_once_right():
    app = visit(the_exercise)
    for weight, key in CHAIN_KEYS.items():
        app.pills(key).set_value([factor.text for factor in offered(weight)])
    calm(app.run())
    expected = [chain.reason(weight, f) for weight in WEIGHTS for f in offered(weight) if chain.reason(weight, f)]
    assert errors(app) == [with_formulas(why) for why in expected] and progress(app)[0] == "0 of 23 answers right"
    for weight, key in CHAIN_KEYS.items():
        app.pills(key).set_value([factor.text for factor in reversed(factors_of(weight))])
    calm(app.run())
    assert errors(app) == [] and progress(app)[0] == "6 of 23 answers right"
    expected = r"o_{n}\,(1 - o_{n})\,w_{11}^{(1,2)} \cdot y_{n1}\,(1 - y_{n1}) \cdot x_{n2}"
    assert sum(expected in formula.value for formula in app.latex) == 1
    assert "times the derivative of net n 1 of layers 0 to 1 by w 2 1 of layers 0 to 1" in words(app)


def answer_all(app):
    for key, blank in zip(KEYS, BLANKS, strict=True):
        app.pills(key).set_value(blank.text)
    for question in QUESTIONS:
        app.radio(question.key).set_value(next(latex for latex, why in question.options.items() if why is None))
    for weight, key in CHAIN_KEYS.items():
        app.pills(key).set_value([factor.text for factor in factors_of(weight)])
    return calm(app.run())


def test_all_answers_right_are_counted_and_cleared_by_the_button():
    app = answer_all(visit(the_exercise))
    assert exercise.ANSWERS == 23 and progress(app) == ("23 of 23 answers right", 100)
    assert [success.value for success in app.success] == ["All answers are right. Now with numbers."]
    calm(app.button("exercise_clear").click().run())
    assert progress(app) == ("0 of 23 answers right", 0) and errors(app) == []
    assert all(app.pills(key).value is None for key in KEYS)


def test_values_of_the_factors_are_those_that_core_computes():
    """Each factor's formula, with numbers put in by hand, against the closed form."""
    assert chain.value(Factor(O, y(2))) == r"o_{n}\,(1 - o_{n})\,w_{21}^{(1,2)}"
    assert chain.value(Factor(O, w12(2))) == r"o_{n}\,(1 - o_{n})\,y_{n2}"
    assert chain.value(Factor(net01(2), w01(1, 2))) == x(1).latex
    s = solve([[0.5, -1], [1, 0.5]], [1, -1], [[1, 2]], [0])
    assert s.do_dy[0, 1] == pytest.approx(s.o[0] * (1 - s.o[0]) * -1, rel=1e-14)


def numbers_in(app, column):
    """The table that has this column, its formulas of numbers read again; symbols stay."""

    def read(cell):
        text = re.sub(r" \\cdot 10\^\{(.*)\}", r"e\1", cell.strip("$"))
        return text if "_" in text else float(text)

    return next(table.value for table in app.table if column in table.value).map(read)


FIRST = exercise.Given(**{name: getattr(make_instance(0), name) for name in ("w01", "w12", "x", "d")})
FRAMES = {
    "exercise_w01": pd.DataFrame(FIRST.w01),
    "exercise_w12": pd.DataFrame(FIRST.w12[:, None]),
    "exercise_samples": pd.DataFrame(np.column_stack([FIRST.x, FIRST.d]), columns=list(solution.INPUTS)),
}


# -- (c) one's own numbers --------------------------------------------------------------------------------------


def test_the_first_numbers_are_solved_three_ways_that_agree():
    app = visit(the_exercise)
    table = numbers_in(app, r"$\text{engine}$")
    chain_column, engine, difference = (table[rf"$\text{{{name}}}$"] for name in
                                        ("chain of factors", "engine", "central difference"))  # fmt: skip
    np.testing.assert_allclose(chain_column, FIRST.solve().gradient, rtol=1e-8)
    np.testing.assert_allclose(engine, chain_column, rtol=1e-8)
    np.testing.assert_allclose(difference, chain_column, atol=1e-10)
    assert "The misprinted chain" in words(app)
    assert [metric.label for metric in app.metric] == ["Against the engine", "Against the central difference"]


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda weight: weight.spoken)
def test_every_gradient_is_written_out_with_its_sum(weight):
    given, s = FIRST, FIRST.solve()
    text = solution.written_out(weight, given, s)
    k = WEIGHTS.index(weight)
    assert text.count(r"\\") == 4 and solution.tex(float(s.gradient[k]), 4) in text
    for term in solution.terms(s)[:, k]:
        assert f"= {solution.tex(float(term))}" in text


def edited(monkeypatch, **cells):
    """Puts other tables in the place of those that a visitor would edit: {key: (row, column, value)} or a table."""
    changes = dict(cells)

    def data_editor(_, key, **rest):
        start, change = FRAMES[key.rpartition("_")[0]], changes.get(key.rpartition("_")[0])
        if change is None:
            return start
        if isinstance(change, pd.DataFrame):
            return change
        table = start.astype(object)
        table.iat[change[0], change[1]] = change[2]
        return table

    monkeypatch.setattr(tables.st, "data_editor", data_editor)
    return changes


ROWS = FRAMES["exercise_samples"]
BAD = {
    "empty": ("exercise_samples", (1, 0, None), "x₁ of sample 2 = “empty” is not allowed"),
    "not a number": ("exercise_samples", (0, 2, np.nan), "d of sample 1 = “empty”"),
    "text": ("exercise_samples", (3, 1, "two"), "x₂ of sample 4 = “two”"),
    "infinite": ("exercise_w01", (0, 1, np.inf), f"{w01(1, 2).text} = infinity"),
    "infinite text": ("exercise_w12", (1, 0, "-inf"), f"{w12(2).text} = “-inf”"),
    "too large": ("exercise_w12", (0, 0, 1e7), f"{w12(1).text} = 10,000,000 is"),
    "empty weight": ("exercise_w01", (1, 0, pd.NA), f"{w01(2, 1).text} = “empty”"),
    "no rows": ("exercise_samples", ROWS.iloc[:0], "Samples = “0 rows” is not allowed: the table needs 1 to 8 rows"),
    "nine rows": ("exercise_samples", pd.concat([ROWS, ROWS, ROWS.iloc[:1]]), "Samples = “9 rows”"),
    "a row just added": ("exercise_samples", pd.concat([ROWS, ROWS.iloc[:1] * np.nan]), "x₁ of sample 5 = “empty”"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_gives_one_sentence_and_loses_nothing(name, monkeypatch):
    key, change, text = BAD[name]
    app = visit(the_exercise)
    app.pills("blank_1").set_value(x(1).text)
    calm(app.button("exercise_step").click().run())
    walk = app.session_state["exercise_walk"]
    changes = edited(monkeypatch, **{key: change})
    calm(app.run())
    (sentence,) = errors(app)
    assert sentence.replace("\\", "").startswith(text) and sentence.count("not allowed") == 1
    changes.clear()  # the cell is corrected
    calm(app.run())
    assert errors(app) == [] and progress(app)[0].startswith("1 of")
    assert app.session_state["exercise_walk"] is walk


@pytest.mark.parametrize("samples", [1, 8])
def test_one_and_eight_samples_are_solved(samples, monkeypatch):
    edited(monkeypatch, exercise_samples=pd.concat([ROWS, ROWS]).iloc[:samples])
    app = visit(the_exercise)
    assert errors(app) == [] and len(app.metric) == 2


@pytest.mark.parametrize("size", [0.0, 1e6, -1e6, 1e-300])
def test_weights_of_any_size_are_solved_and_stepped_from(size, monkeypatch):
    edited(monkeypatch, exercise_w01=pd.DataFrame(np.full((2, 2), size)), exercise_w12=pd.DataFrame([[size], [-size]]))
    app = visit(the_exercise)
    assert errors(app) == []
    calm(app.button("exercise_run").click().run())


def test_numbers_written_as_text_are_numbers():
    table = ROWS.astype(object)
    table.iat[0, 0] = "0.25"
    assert solution.read(FRAMES["exercise_w01"], FRAMES["exercise_w12"], table).x[0, 0] == 0.25


# -- exercises by number ------------------------------------------------------------------------------------------


def test_an_exercise_of_a_number_is_the_same_for_everyone_and_stands_in_the_address():
    app = visit(the_exercise, exercise=21)
    given, instance = exercise_of(app), make_instance(21)
    np.testing.assert_array_equal(given.weights, np.concatenate([instance.w01.ravel(), instance.w12]))
    assert "**tanh**" in words(app)
    calm(app.button("exercise_next").click().run())
    assert app.query_params["exercise"] == "22"


def exercise_of(app):
    return app.session_state["exercise_walk"].given


@pytest.mark.parametrize("number", [0, 21, 17])
def test_ones_own_gradients_are_checked_and_the_first_wrong_factor_is_named(number):
    instance = make_instance(number)
    gradient = instance.solution.gradient
    app = visit(the_exercise, exercise=number)
    for k in range(6):
        app.number_input(f"mine_{k}").set_value(float(f"{gradient[k]:.3g}"))
    calm(app.run())
    assert errors(app) == [] and words(app).count("Right.") == 6
    app.number_input("mine_0").set_value(-float(gradient[0]))
    calm(app.run())
    assert errors(app)[0].startswith(
        r"The first wrong factor is $\frac{\partial E}{\partial o_{n}}$. The sign is wrong"
    )
    assert app.query_params["mine"].count(",") == 5
    app.number_input("exercise").set_value(float(number + 1))  # other numbers: what was computed is no longer asked
    calm(app.run())
    assert errors(app) == [] and "mine" not in app.query_params


def test_numbers_of_ones_own_stand_in_the_address_with_their_steps():
    app = visit(the_exercise, exercise_numbers="1,0,0,1,1,-1;0,1,1", walk="1x1")
    given = exercise_of(app)
    assert given.weights.tolist() == [1, 0, 0, 1, 1, -1] and given.x.tolist() == [[0, 1]] and given.d.tolist() == [1]
    calm(app.button("exercise_restore").click().run())
    assert "exercise_numbers" not in app.query_params and len(app.session_state["exercise_walk"].errors) == 1


# -- (d) steps --------------------------------------------------------------------------------------------------


def test_one_step_shows_the_change_of_every_weight_and_the_new_error():
    app = visit(the_exercise)
    assert "Before the first step E = 0.25345" in words(app)
    app.number_input("exercise_eta").set_value(2.0)
    calm(app.button("exercise_step").click().run())
    table = numbers_in(app, r"$\Delta w$")
    change, gradient, before, after = (table[f"${name}$"] for name in (
        r"\Delta w", r"\frac{\partial E}{\partial w}", r"\text{before}", r"\text{after}"))  # fmt: skip
    np.testing.assert_allclose(change, -2.0 * gradient, rtol=1e-4)  # shown to five digits
    np.testing.assert_allclose(after, before + change, atol=1e-4)
    walk = app.session_state["exercise_walk"]
    error = solve(walk.weights[:4].reshape(2, 2), walk.weights[4:], FIRST.x, FIRST.d).error
    assert walk.errors.tolist() == [FIRST.solve().error, pytest.approx(error, rel=1e-12)]
    assert f"After 1 step E = {error:.5g}" in words(app)
    calm(app.button("exercise_step").click().run())
    assert "After 2 steps" in words(app)
    calm(app.button("exercise_back").click().run())
    assert "Before the first step" in words(app)


def test_steps_are_in_the_address_and_come_back_with_it():
    app = visit(the_exercise)
    for eta in (1.0, 1.0, 0.5):
        app.number_input("exercise_eta").set_value(eta)
        calm(app.button("exercise_step").click().run())
    text = app.query_params["walk"]
    assert text == "2x1,1x0.5"
    again = visit(the_exercise, walk=text).session_state["exercise_walk"]
    np.testing.assert_allclose(again.weights, app.session_state["exercise_walk"].weights, rtol=1e-12)
    assert len(again.errors) == 4


@pytest.mark.parametrize("walk", ["99999x1", "3x1e9", "1x0", "5x..", "40000x1,40000x1"])
def test_steps_of_an_address_that_cannot_be_taken_are_refused_in_a_sentence(walk):
    app = visit(the_exercise, walk=walk)
    assert len(errors(app)) == 1 and "is not allowed" in errors(app)[0]
    calm(app.button("exercise_back").click().run())
    assert errors(app) == []


def test_a_run_to_the_end_is_bounded_and_can_be_repeated():
    app = visit(the_exercise)
    calm(app.button("exercise_run").click().run())
    walk = app.session_state["exercise_walk"]
    assert len(walk.errors) - 1 <= steps.RUN and walk.errors[-1] < walk.errors[0] / 5
    for _ in range(4):
        if not app.button("exercise_run").disabled:
            calm(app.button("exercise_run").click().run())
    assert len(app.session_state["exercise_walk"].errors) - 1 <= steps.MAX_STEPS + steps.RUN


def test_the_first_numbers_run_to_the_end_in_one_press_and_the_words_say_so():
    app = visit(the_exercise)
    calm(app.button("exercise_run").click().run())
    walk = app.session_state["exercise_walk"]
    norm = np.linalg.norm(solve(walk.weights[:4].reshape(2, 2), walk.weights[4:], FIRST.x, FIRST.d).gradient)
    assert norm <= steps.ENOUGH and len(walk.errors) - 1 < steps.RUN and walk.errors[-1] < 0.01
    assert "this is the end of the run" in words(app) and not app.button("exercise_run").disabled


def test_a_start_that_is_an_end_is_told_so(monkeypatch):
    edited(monkeypatch, exercise_w01=pd.DataFrame(np.zeros((2, 2))), exercise_w12=pd.DataFrame([[0.0], [0.0]]))
    assert "Before the first step E = 0.25" in (text := words(visit(the_exercise))) and "end of the run" in text


def test_a_refusal_goes_with_its_learning_rate():
    app = visit(the_exercise)
    app.number_input("exercise_eta").set_value(-3.0)
    calm(app.button("exercise_step").click().run())
    assert len(errors(app)) == 1 and "-3" in errors(app)[0].replace("\\", "").replace("−", "-")
    calm(app.number_input("exercise_eta").set_value(1e6).run())
    assert errors(app) == []
    calm(app.number_input("exercise_eta").set_value(-4.0).run())
    assert len(errors(app)) == 1 and "-4" in errors(app)[0].replace("\\", "").replace("−", "-")


def test_the_start_has_no_refusal():
    app = visit(the_exercise)
    app.number_input("exercise_eta").set_value(1e6)
    for presses in (1, 2):
        app.session_state["exercise_fault"] = 1e6, ConfigError("learning_rate", 1e6, "it leads too far")
        calm(app.run())
        assert len(errors(app)) == 1, presses
        calm(app.button("exercise_back").click().run())
        assert errors(app) == [], presses


@pytest.mark.parametrize("eta", [0.0, -1.0, 1e300])
def test_a_learning_rate_that_is_none_is_refused_and_the_walk_stays(eta):
    app = visit(the_exercise)
    calm(app.button("exercise_step").click().run())
    walk = app.session_state["exercise_walk"]
    app.number_input("exercise_eta").set_value(eta)
    calm(app.run())
    assert len(errors(app)) == 1 and "Learning rate" in errors(app)[0].replace("\\", "")
    calm(app.button("exercise_step").click().run())
    assert app.session_state["exercise_walk"] is walk and len(errors(app)) == 1
    app.number_input("exercise_eta").set_value(1.0)
    calm(app.button("exercise_step").click().run())
    assert errors(app) == [] and len(app.session_state["exercise_walk"].errors) == 3


def test_other_numbers_begin_another_walk(monkeypatch):
    app = visit(the_exercise)
    calm(app.button("exercise_step").click().run())
    edited(monkeypatch, exercise_w12=(0, 0, 3.0))
    calm(app.run())
    assert len(app.session_state["exercise_walk"].errors) == 1 and "Before the first step" in words(app)


def test_many_steps_are_as_many_single_ones():
    walk = single = steps.DescentState(FIRST, FIRST.weights, np.array([FIRST.solve().error]))
    walk = steps.onward(walk, 1.0, 20)
    for _ in range(20):
        single = steps.onward(single, 1.0, 1)
    np.testing.assert_allclose(walk.weights, single.weights, rtol=1e-12)
    np.testing.assert_allclose(walk.errors, single.errors, rtol=1e-12)


# -- why it vanishes --------------------------------------------------------------------------------------------


def addresses(app):
    return {button.proto.label: button.proto.url for button in app.get("link_button")}


def config_in(query):
    """The config that a query string of the Lab or of Compare says; every setting in it must be one they take."""
    given = parse_qs(query, keep_blank_values=True)
    given = {name: texts for name, texts in given.items() if name not in ("vary", "arms", "seeds")}
    assert link.find_invalid_params(given) == {}
    values = dict(link.DEFAULTS)
    for name, (text,) in given.items():
        kind = type(values[name])
        values[name] = text if kind is str else text == "true" if kind is bool else float(text)
    return link.to_config(values)


def comparison_in(query):
    given = {name: texts[-1] for name, texts in parse_qs(query, keep_blank_values=True).items()}
    vary = given.get("vary", "activation")
    vary = None if vary == "none" else vary
    return Comparison(config_in(query), vary, parse_arms(given.get("arms", ""), vary), int(given.get("seeds", 5)))


@pytest.mark.parametrize("activation, layers, scale", [("sigmoid", 10, 1.0), ("tanh", 1, 1.0), ("relu", 2, 0.25),
                                                       ("relu", 30, 16.0)])  # fmt: skip
def test_links_open_exactly_what_is_shown(activation, layers, scale):
    app = visit(the_stack, stack_activation=activation, stack_layers=layers, stack_scale=scale)
    config = RunConfig(hidden=(32,) * layers, activation=activation, init_scale=scale)
    found = {label: urlsplit(url) for label, url in addresses(app).items()}
    assert config_in(found["Open this network in the Lab"].query) == config
    scales = comparison_in(found["Compare four init scales"].query)
    assert scales.base == config and scales.vary == "init_scale" and len(scales.arms) == 4
    three = comparison_in(found["Compare these three over their training"].query)
    assert [arm.config(three.base) for arm in three.arms] == [config.replace(activation=a) for a in vanishing.ACTIVE]
    if layers > 1:
        assert vanishing.describe(trace_paths(config)).replace("\\", "")[:60] in words(app)


def test_the_cures_open_their_own_comparison():
    app = visit(the_stack)
    urls = [button.proto.url for button in app.get("link_button") if button.proto.label == "Open this comparison"]
    found = [comparison_in(urlsplit(url).query) for url in urls]
    for cure, comparison in zip(vanishing.CURES, found, strict=True):
        assert comparison.configs() == cure.comparison.configs()
        assert [arm.name for arm in comparison.arms] == [arm.name for arm in cure.comparison.arms]
    text = words(app)
    assert "Sigmoid ends at loss 0.25" in text and "No clipping diverges at step 3" in text
    assert "No max-norm diverges at step 4" in text


@pytest.mark.parametrize("here, lab, compare", [
    (None, "./?depth=2", "./compare?vary=clip"),
    ("https://host/lecture", "https://host/?depth=2", "https://host/compare?vary=clip"),
    ("https://host/sub/path/lecture", "https://host/sub/path/?depth=2", "https://host/sub/path/compare?vary=clip"),
    ("https://host/sub/lecture/?a=b#c", "https://host/sub/?depth=2", "https://host/sub/compare?vary=clip"),
])  # fmt: skip
def test_links_stay_in_the_folder_that_the_app_is_hosted_in(here, lab, compare, monkeypatch):
    monkeypatch.setattr(links.st, "context", type("Context", (), {"url": here}))
    assert links.address("", "depth=2") == lab and links.address("compare", "vary=clip") == compare


@pytest.mark.parametrize("scale, does", [(1.0, "vanishes"), (16.0, "explodes")])
def test_words_say_what_the_numbers_do(scale, does):
    paths = trace_paths(RunConfig(init_scale=scale))
    told = vanishing.describe(paths)
    assert f"the gradient {does}" in told and ("That is certain" in told) == (paths.factor("worst") < 1)


def test_the_strongest_path_is_shown_factor_by_factor():
    table = vanishing.path_table(trace_paths(RunConfig()))
    assert len(table) == 10 and table["product"].iloc[-1] == 1
    np.testing.assert_allclose(table["factor"][:-1], table["φ′(net)"][:-1] * table["w"][:-1], rtol=1e-15)
    np.testing.assert_allclose(table["product"][0], abs(np.prod(table["factor"][:-1])), rtol=1e-12)
    app = visit(the_stack, stack_path=True)
    assert any("φ′(net)" in frame.value for frame in app.dataframe)


def test_a_server_that_allows_less_says_so(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "1000")
    start_services()
    try:
        app = visit(the_stack)
        assert errors(app) and all("this server allows" in error for error in errors(app))
    finally:
        start_services()
