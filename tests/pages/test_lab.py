"""The Lab, driven without a browser."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from core import ConfigError, RunConfig, diagnose, train
from core.config import RULES, Choice, Flag
from core.diagnosis.rules import VERDICTS
from core.presets.setups import PRESETS
from tests.support.lab_page import (
    SMALL,
    calm,
    config_of,
    control,
    figures,
    keys,
    open_box,
    shown,
    texts,
    upload,
    visit,
)
from ui.charts import boundary
from ui.charts.distributions import SPREADS
from ui.controls.fields import CONTROLS, reason_against
from ui.runtime import jobs
from ui.runtime.services import services
from ui.text import to_page_words, typeset
from ui.urls.link import CONTROL_RULES, DEFAULTS, to_values

CHARTS = {"gradient-profile", "gradient-heatmap", "loss-chart"}  # of any network


def complete(app):
    """True if a page shows all that it shows of any network, and at most one more curve and its answer."""
    return CHARTS <= set(keys(app)) and len(CHARTS) <= len(shown(app)) <= len(CHARTS) + 2


def verdict(app):
    """The verdict on a page, without its icon."""
    return app.header[0].value.rpartition("] ")[2]


def test_the_first_visit_shows_a_vanishing_gradient_in_words_with_numbers_and_cures():
    app = visit()
    assert verdict(app) == "The gradient vanishes"
    assert config_of(app) == RunConfig()
    (trace,) = train([RunConfig()])
    diagnosis = diagnose(trace)
    assert [(metric.label, metric.value) for metric in app.metric] == [
        (reading.label, typeset(reading.value)) for reading in diagnosis.numbers
    ]
    assert texts(app.markdown)[0] == typeset(diagnosis.findings[0].what)
    assert typeset(diagnosis.sentence.removeprefix(diagnosis.findings[0].what)) in " ".join(texts(app.markdown))
    cures = [cure.label for finding in diagnosis.findings for cure in finding.suggestions]
    assert cures and set(cures) <= {button.label for button in app.button}
    assert app.selectbox(key="setup").value == "sigmoid"
    assert not app.error and not app.warning


def test_every_chart_has_a_finding_in_words_a_height_and_titled_axes():
    app = visit(**SMALL)
    assert complete(app)
    for chart, figure in zip(shown(app), figures(app), strict=True):
        assert any(letter.isdigit() for letter in chart.proto.alt), chart.proto.alt
        assert figure["layout"]["height"] >= 200
        assert figure["layout"]["xaxis"]["title"]["text"] and figure["layout"]["yaxis"]["title"]["text"]


def other(key):
    """A value of this control that is not its default and fits the other defaults."""
    rule, default = CONTROL_RULES.get(key), DEFAULTS[key]
    fitting = {
        "hidden": "5,4,3", "layer_activations": "relu,tanh", "output_activation": "tanh", "depth": 3, "width": 5,
        "dataset": "moons",
        "holdout": 0.25, "momentum": 0.5, "batch_size": 8, "samples": 20, "steps": 5,
    }  # fmt: skip
    if key in fitting:
        return fitting[key]
    if isinstance(rule, Choice):
        return next(name for name in rule.names if name != default)
    if isinstance(rule, Flag):
        return not default
    return 2 if rule.integer else 0.125


# What must be set first for a control to apply.
BESIDE = {
    "momentum": {"optimizer": "momentum"},
    "clip_threshold": {"clip": "value"},
    "loss": {"output_activation": "sigmoid"},
    "schedule_steps": {"schedule": "cosine"},
    "norm_affine": {"normalization": "layer"},
}


@pytest.mark.parametrize("key", DEFAULTS)
def test_every_control_changes_its_field_and_the_run(key):
    app = visit(**SMALL, **BESIDE.get(key, {}))
    before = config_of(app)
    widget = control(app, key)
    value = "bce" if key == "loss" else other(key)
    assert not widget.disabled
    calm(widget.set_value(value).run())
    after = config_of(app)
    field = {"depth": "hidden", "width": "hidden", "layer_activations": "activation"}.get(key, key)
    assert {name for name in RULES if getattr(after, name) != getattr(before, name)} == {field}
    assert not app.error
    assert services().runs.get(jobs.Run(after)) is not None


def test_every_control_explains_itself():
    app = visit(**SMALL)
    for key in DEFAULTS:
        widget = control(app, key)
        assert widget.label and len(widget.help) > 20, key


@pytest.mark.parametrize("key, parameters, reason", [
    ("momentum", {}, "the optimizer has no momentum"),
    ("clip_threshold", {}, "nothing is clipped"),
    ("noise", {"dataset": "iris"}, "without added noise"),
    ("depth", {"hidden": "4,4"}, "set below"),
    ("bias_std", {"bias": "false"}, "no biases"),
    ("residual", {"depth": "0"}, "no hidden layer"),
    ("norm_affine", {}, "no layer is normalized"),
    ("activation", {"layer_activations": "relu,tanh"}, "set below"),
    ("learning_rate", {"steps": "0"}, "nothing is trained"),
])  # fmt: skip
def test_a_control_that_does_not_apply_is_disabled_and_says_why(key, parameters, reason):
    widget = control(visit(**SMALL | parameters), key)
    assert widget.disabled
    assert reason in widget.help


@pytest.mark.parametrize("name", PRESETS)
def test_every_setup_sets_every_control_and_is_named_while_they_stand_at_it(name):
    app = visit(**SMALL, seed="3")
    setup = PRESETS[name]
    calm(app.selectbox(key="setup").select(name).run())
    assert config_of(app) == setup.config
    assert app.selectbox(key="setup").value == name
    assert typeset(setup.description) in texts(app.caption)
    assert verdict(app) in [title for title, _ in VERDICTS.values()]
    assert complete(app)


@pytest.mark.parametrize("lock", ["depth", "activation,init_scale,seed,hidden,bias", "all"])
def test_what_the_address_fixes_cannot_be_changed_and_the_rest_can(lock):
    applies = {key for key in CONTROLS if reason_against(key, DEFAULTS) is None}
    app = visit(**SMALL, lock=lock)
    fixed = {key for key in applies if control(app, key).disabled}
    assert fixed == (applies if lock == "all" else set(lock.split(",")))
    assert app.selectbox(key="bar_activation").disabled == ("activation" in fixed)
    assert app.number_input(key="bar_depth").disabled == ("depth" in fixed)


def test_the_setup_box_is_empty_beside_all_setups():
    app = visit()
    calm(app.number_input(key="seed").set_value(5).run())
    assert app.selectbox(key="setup").value is None


def test_every_cure_of_the_first_visit_changes_what_it_says():
    (trace,) = train([RunConfig()])
    for finding in diagnose(trace).findings:
        for i, cure in enumerate(finding.suggestions):
            app = visit()
            calm(app.button(key=f"suggestion_{finding.name}_{i}").click().run())
            assert config_of(app) == RunConfig(**cure.changes)
            assert verdict(app) != "The gradient vanishes"


def test_reset_can_be_pressed_wherever_a_setting_is_not_the_default():
    for parameters in ({}, {"quantity": "rms", "step": "3"}, {"seed": "1"}, {"activation": "relu"}):
        app = visit(**parameters)
        assert app.button(key="reset").disabled == (config_of(app) == RunConfig()), parameters


def test_reset_sets_every_control_back():
    app = visit(**SMALL, activation="relu", clip="value", l2="0.5", hidden="3,2", optimizer="adam", momentum="0.5")
    calm(app.button(key="reset").click().run())
    assert config_of(app) == RunConfig()
    assert app.button(key="reset").disabled


BAD_PARAMETERS = {
    "activation": "nothing", "init_scale": "nan", "steps": "3.7", "learning_rate": "-1", "residual": "perhaps",
    "samples": "1", "depth": "501", "batch_size": "0", "nonsense": "1",
}  # fmt: skip


def test_bad_parameters_get_a_sentence_each_and_the_others_survive():
    app = visit(**{"width": "5", "seed": "7"} | BAD_PARAMETERS)
    said = texts(app.warning)
    assert len(said) == len(BAD_PARAMETERS)
    for name, value in BAD_PARAMETERS.items():
        (sentence,) = [sentence for sentence in said if sentence.startswith(name)]
        if name != "nonsense":
            assert f"“{value}”" in sentence and to_page_words(CONTROL_RULES[name].allowed) in sentence
    config = config_of(app)
    assert (config.seed, config.activation, config.init_scale, config.residual) == (7, "sigmoid", 1.0, False)
    assert set(config.hidden) == {5}
    assert complete(app)
    calm(app.number_input(key="seed").set_value(8).run())
    assert not app.warning


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e400"])
def test_no_whole_number_is_infinite(text):
    whole = [key for key, rule in CONTROL_RULES.items() if getattr(rule, "integer", False)]
    app = visit(**SMALL | dict.fromkeys(whole, text))
    assert sorted(sentence.split(" ")[0] for sentence in texts(app.warning)) == sorted(whole)


def test_a_broken_number_that_gets_past_the_url_is_refused_and_not_cut():
    app = visit(**SMALL)
    calm(app.number_input(key="steps").set_value(3.7).run())
    assert texts(app.error)[0].startswith("Steps = 3.7 is not allowed: it must be a whole number")


@pytest.mark.parametrize("parameters", [
    {"loss": "bce"},
    {"loss": "cross_entropy"},
    {"output_activation": "softmax"},
    {"dataset": "sine", "loss": "bce", "output_activation": "sigmoid"},
    {"loss": "cross_entropy", "output_activation": "softmax"},
    {"dataset": "diabetes", "loss": "cross_entropy", "output_activation": "softmax"},
])  # fmt: skip
def test_a_contradiction_is_said_in_one_sentence_with_what_mends_it(parameters):
    app = visit(**SMALL, **parameters)
    (sentence,) = texts(app.error)
    assert "is not allowed" in sentence
    assert not shown(app)
    assert all(control(app, key) for key in DEFAULTS)
    calm(next(button for button in app.button if button.key.startswith("fix_")).click().run())
    assert not app.error
    assert complete(app)


def test_the_title_says_whether_a_table_or_the_settings_are_refused(monkeypatch):
    titles = {}
    for field in ("data", "target", "task", "leave_out", "cost", "steps", "loss"):

        def refuse(run, reporter=None, field=field):
            raise ConfigError(field, "x", "it must be otherwise")

        monkeypatch.setattr(jobs, "get_trace", refuse)
        titles.setdefault(visit(**SMALL).title[0].value, []).append(field)
    assert titles == {
        "This table cannot be used yet": ["data", "target", "task", "leave_out"],
        "No run with these settings": ["cost", "steps", "loss"],
    }


def test_widths_that_are_none_are_refused_and_the_controls_stay():
    app = visit(**SMALL, hidden="64,x")
    (sentence,) = texts(app.error)
    assert sentence.startswith("Width of each layer = “64,x” is not allowed")
    calm(app.text_input(key="hidden").set_value("6,5").run())
    assert not app.error and config_of(app).hidden == (6, 5)


def test_a_dataset_proposes_its_loss_and_changes_nothing_by_itself():
    app = visit(**SMALL)
    calm(app.selectbox(key="dataset").select("blobs").run())
    assert (config_of(app).loss, config_of(app).output_activation) == ("mse", "linear")
    calm(app.button(key="use_recommended").click().run())
    assert (config_of(app).loss, config_of(app).output_activation) == ("cross_entropy", "softmax")
    assert "use_recommended" not in [button.key for button in app.button]


def test_a_run_above_the_limit_is_refused_with_both_numbers_and_keeps_the_controls(monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "100000")
    app = visit(**SMALL | {"width": "200"})
    (sentence,) = texts(app.error)
    assert "multiply-adds" in sentence and "100,000" in sentence
    calm(app.number_input(key="width").set_value(4).run())
    assert not app.error and complete(app)


def test_a_run_that_diverges_shows_what_was_recorded_and_where_it_broke():
    app = visit(**{field: str(value) for field, value in to_values(PRESETS["exploding"].config).items() if value})
    (trace,) = train([PRESETS["exploding"].config])
    assert verdict(app) == VERDICTS["diverged"][0]
    assert f"step {trace.diverged_at}" in texts(app.markdown)[0]
    assert complete(app)
    assert any(button.key.startswith("suggestion_diverged") for button in app.button)


def test_without_steps_the_initialization_is_shown():
    app = visit(steps="0", width="8")
    assert verdict(app) == "The gradient vanishes"
    assert complete(app)


def test_without_a_hidden_layer_there_is_a_page_too():
    app = visit(**SMALL | {"depth": "0"})
    assert complete(app)


def test_a_regression_has_no_accuracy():
    app = visit(**SMALL, dataset="sine")
    assert "accuracy-chart" not in keys(app)
    assert "accuracy-chart" not in keys(open_box(app, "more"))


@pytest.mark.parametrize("name", PRESETS)
def test_every_curve_is_drawn_once_with_those_that_concern_the_verdict_first(name):
    changes = {"steps": 2, "samples": 16, "hidden": (4,) * 3}
    config = PRESETS[name].config.replace(**changes, batch_size=None, holdout=0.0)
    app = visit(**{key: str(value) for key, value in to_values(config).items() if value not in (None, "")})
    first = [key for key in keys(app) if key.endswith("-chart") and key != "answer-chart"]
    assert first[0] == "loss-chart" and len(first) == 2
    every = [key for key in keys(open_box(app, "more")) if key.endswith("-chart") and key != "answer-chart"]
    assert sorted(every) == sorted(set(every)) and len(every) in (6, 7)


def test_the_run_before_is_drawn_faintly_after_a_change():
    app = visit(**SMALL)
    alone = figures(app)[0]
    calm(app.number_input(key="init_scale").set_value(2.0).run())
    beside = figures(app)[0]
    assert len(beside["data"]) > len(alone["data"])
    calm(app.number_input(key="init_scale").set_value(1.0).run())
    assert len(figures(app)[0]["data"]) == len(beside["data"])


def test_an_unchanged_chart_is_sent_again_bit_by_bit():
    app = visit(**SMALL, optimizer="adam")
    before = [chart.proto.spec for chart in shown(app)]
    calm(app.run())
    assert [chart.proto.spec for chart in shown(app)] == before


@pytest.mark.parametrize("quantity", ["grad_norm", "rms"])
def test_another_quantity_is_drawn_in_the_profile_and_in_its_history(quantity):
    app = visit(**SMALL)
    before = figures(app)
    calm(control(app, "quantity").set_value(quantity).run())
    after = figures(app)
    assert after[0] != before[0] and after[1] != before[1]
    assert after[2:] == before[2:]


def test_the_link_restores_every_setting():
    config = RunConfig(activation="relu", hidden=(5, 4), init_scale=1.25, clip="value", batch_size=8, steps=3,
                       residual=True, samples=16, seed=9, l1=1e-7)  # fmt: skip
    app = visit(**{key: "" if value is None else str(value) for key, value in to_values(config).items()})
    assert config_of(app) == config
    address, _ = [code.value for code in open_box(app, "share").code]
    restored = visit(**{name: values[0] for name, values in parse_qs(urlsplit(address).query).items()})
    assert config_of(restored) == config
    assert not restored.warning


def test_a_file_of_settings_is_loaded():
    config = RunConfig(activation="gelu", hidden=(5, 4), steps=3, samples=16, max_norm=2.0)
    app = open_box(visit(**SMALL, seed="4"), "share")
    upload(app, "config_file", "mine.json", json.dumps(config.to_dict()))
    assert config_of(app) == config and not app.error


@pytest.mark.parametrize("text, says", [
    ("{", "JSON"),
    ("[1]", "settings by name"),
    ('{"activation": "nothing"}', "Activation = “nothing” is not allowed"),
    ('{"foo": 1}', "there is no such setting"),
    ('{"steps": 1e400}', "Steps = infinity"),
    ('{"hidden": ' + "[" * 10_000 + "]" * 10_000 + "}", "not allowed"),
    ('{"loss": "bce"}', "binary cross-entropy needs a sigmoid output"),
])  # fmt: skip
def test_a_bad_file_of_settings_is_refused_in_a_sentence_and_changes_nothing(text, says):
    app = open_box(visit(**SMALL, seed="4"), "share")
    before = config_of(app)
    upload(app, "config_file", "mine.json", text)
    (sentence,) = texts(app.error)
    assert says in sentence
    assert config_of(app) == before
    assert complete(app)


TABLE = "size,color,kind\n" + "".join(f"{n},{'red' if n % 3 else 'blue'},{'a' if n % 2 else 'b'}\n" for n in range(40))


def test_a_table_is_asked_for_trained_on_and_described():
    app = visit(**SMALL, dataset="custom")
    assert app.title[0].value == "Choose a table"
    assert not app.error
    upload(app, "table_file", "mine.csv", TABLE)
    assert not app.error and complete(app)
    assert any("two-class" in text and "3 inputs" in text for text in texts(app.caption))
    calm(app.selectbox(key="table_target").select("size").run())
    assert any("regression" in text for text in texts(app.caption))
    assert "accuracy-chart" not in keys(app)
    calm(app.multiselect(key="table_left_out").set_value(["kind"]).run())
    assert any("2 inputs" in text for text in texts(app.caption))


def test_batches_may_be_as_large_as_the_table():
    app = visit(**SMALL | {"samples": "128"}, dataset="custom", batch_size="40")
    upload(app, "table_file", "mine.csv", TABLE)
    assert not app.error and complete(app)


def test_rows_without_a_value_are_dropped_only_when_the_visitor_says_so():
    app = visit(**SMALL, dataset="custom")
    upload(app, "table_file", "mine.csv", TABLE + ",red,a\n")
    (sentence,) = texts(app.error)
    assert "1 of 41 rows lack a value" in sentence
    calm(app.checkbox(key="table_drop").check().run())
    assert not app.error and complete(app)


@pytest.mark.parametrize("raw, says", [
    (b"", "it is empty"),
    (b"a\n1\n2\n", "single column"),
    (b"PK\x03\x04" + b"0" * 100, "zip archive"),
    (b"\x00\x01\x02" * 100, "bytes that no text has"),
    (b"a,a\n1,2\n", "two of its columns"),
    (b"a,b\n1,1\n2,1\n", "must vary"),
    ("a,b\n1,2\nü,3\n".encode() + b"\xe9,4\n", "its line 4 contains the byte 0xE9"),
])  # fmt: skip
def test_a_bad_table_is_refused_in_a_sentence_and_the_controls_stay(raw, says):
    app = visit(**SMALL, dataset="custom")
    upload(app, "table_file", "bad.csv", raw)
    (sentence,) = texts(app.error)
    assert says in sentence
    assert all(control(app, key) for key in DEFAULTS)
    calm(app.selectbox(key="dataset").select("circles").run())
    assert not app.error and complete(app)


HOSTILE = "<img src=x onerror=alert(1)> $x^2$ **b** [l](javascript:1) ![p](//h/p) :red[r] :smile: `c`"


def test_what_a_visitor_names_is_shown_as_text():
    app = visit(**SMALL, dataset="custom")
    upload(app, "table_file", f"{HOSTILE}.csv", f'"{HOSTILE}",y\n1,1\n')
    (raw,) = [element.value for element in app.error]
    for markup in ("<img", "$x", "**", "](", "![", "`c`"):
        assert markup not in raw.replace("\\" + markup, "")


@pytest.mark.parametrize("key, more", [("inside", 1), ("more", 5), ("numbers", 0)])
def test_details_are_drawn_only_when_asked_for(key, more):
    app = visit(**SMALL)
    before = len(shown(app))
    assert not app.dataframe
    open_box(app, key)
    assert len(shown(app)) == before + more
    assert len(app.dataframe) == (key == "numbers")


@pytest.mark.parametrize("quantity", SPREADS)
def test_every_distribution_is_drawn_at_a_step(quantity):
    app = open_box(visit(**SMALL), "inside")
    calm(app.slider(key="inside_step").set_value(2).run())
    calm(control(app, "inside_quantity").set_value(quantity).run())
    assert SPREADS[quantity].lower() in figures(app)[-1]["layout"]["title"]["text"].lower()
    assert not app.dataframe
    assert len(open_box(app, "distributions-chart-numbers").dataframe) == 1


@pytest.mark.parametrize("parameters, title", [
    ({}, "Decision boundary"),
    ({"dataset": "sine"}, "Fit"),
    ({"normalization": "batch"}, "Decision boundary"),
    ({"normalization": "layer"}, "Decision boundary"),
])  # fmt: skip
def test_what_was_learned_is_drawn_over_one_or_two_inputs(parameters, title):
    app = visit(**SMALL | parameters)
    of_grid = any("the statistics of the points of this grid" in caption for caption in texts(app.caption))
    assert of_grid == (parameters.get("normalization") == "batch")
    assert figures(app)[keys(app).index("answer-chart")]["layout"]["title"]["text"].startswith(title)


@pytest.mark.parametrize("parameters", [
    {"init_scale": "1e300", "dtype": "float32"},
    {"weight_decay": "1e308", "init": "fixed_normal", "clip": "value", "output_activation": "tanh", "steps": "5"},
], ids=str)  # fmt: skip
def test_the_details_of_a_run_that_broke_are_empty_and_say_so(parameters):
    app = visit(**SMALL | parameters)
    for key in ("inside", "more", "numbers"):
        open_box(app, key)
    alternatives = dict(zip(keys(app), [chart.proto.alt for chart in shown(app)], strict=True))
    assert "diverged" in alternatives["distributions-chart"] + alternatives["answer-chart"]


@pytest.mark.parametrize("layers, side", [(1, 80), (40, 55), (400, 20)])
def test_the_answer_of_more_units_is_drawn_at_fewer_points_and_at_400_at_least(layers, side, monkeypatch):
    sides, grid = [], boundary.grid
    monkeypatch.setattr(boundary, "grid", lambda X, count: (sides.append(count), grid(X, count))[1])
    visit(depth=str(layers), width="32", steps="0", samples="8")
    # 6,400 points, and 4,000,000 values of all units at most: 3,122 points of 1,281 units
    assert sides == [side]


def test_over_more_inputs_nothing_is_offered():
    app = visit(**SMALL, dataset="iris")
    assert "answer-chart" not in keys(app)


def test_every_chart_is_there_as_numbers():
    app = open_box(visit(**SMALL), "numbers")
    names = app.selectbox(key="numbers_of").options
    assert len(names) == 7 + 6  # every curve, and profile and heatmap for each of three quantities
    for i in (len(names) - 1, 4):  # test_own_numbers.py has the table of each
        calm(app.selectbox(key="numbers_of").select_index(i).run())
        (table,) = app.dataframe
        assert len(table.value) > 1


def test_a_chosen_step_beyond_a_shorter_run_starts_over():
    app = open_box(visit(**SMALL), "inside")
    calm(app.slider(key="inside_step").set_value(3).run())
    calm(app.number_input(key="steps").set_value(1).run())
    assert "distributions-chart" in keys(app)
    calm(app.number_input(key="steps").set_value(0).run())
    assert "distributions-chart" in keys(app)


def test_another_table_with_other_columns_starts_over():
    app = visit(**SMALL, dataset="custom")
    upload(app, "table_file", "mine.csv", TABLE)
    calm(app.selectbox(key="table_target").select("size").run())
    calm(app.multiselect(key="table_left_out").set_value(["kind"]).run())
    upload(app, "table_file", "other.csv", "a,b\n" + "".join(f"{n},{n % 2}\n" for n in range(20)))
    assert not app.error and complete(app)


LATE = {"depth": "6", "width": "8", "samples": "32", "steps": "60", "activation": "relu", "init": "he_normal",
        "loss": "bce", "output_activation": "sigmoid", "optimizer": "adam", "learning_rate": "0.3"}  # fmt: skip


def picture_of(app):
    """The layout of the main picture and the words above it."""
    spec = figures(app)[keys(app).index("gradient-profile")]
    [words] = [drawing for drawing in spec["data"] if drawing.get("name") == "words"]
    return spec["layout"], words["text"][0]


def test_the_picture_opens_on_the_step_that_the_headline_judges_and_the_address_names_none():
    app = visit(**LATE)
    assert verdict(app) == "Dead units" and texts(app.markdown)[0].startswith("After 60 steps, ")
    assert [metric.label for metric in app.metric][:2] == ["Factor per layer, step 60", "Layer 1 / layer 6, step 60"]
    layout, words = picture_of(app)
    assert words.startswith("Step 60: ") and layout["meta"][2] == ""
    assert "step" not in app.query_params


def test_a_step_that_the_address_names_is_shown_and_stays_there():
    app = visit(**LATE, step="0")
    layout, words = picture_of(app)
    assert words.startswith("Step 0: ") and layout["meta"][2] == "0"
    assert "".join(app.query_params["step"]) == "0"


def test_the_rest_of_the_page_follows_once_the_browser_has_a_new_picture(monkeypatch):
    drawn = []
    monkeypatch.setattr("ui.runtime.turns.let_browser_draw", lambda: drawn.append(True))
    app = visit(**SMALL)
    assert len(drawn) == 1
    calm(app.run())
    assert len(drawn) == 1  # the picture is the same
    calm(app.number_input(key="init_scale").set_value(1.5).run())
    assert len(drawn) == 2
