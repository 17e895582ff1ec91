"""Compare, driven without a browser."""

import json

import pytest

from core import ConfigError, train
from core.comparison.arms import Comparison
from core.layer_norms import JUDGED, LAYER_NORMS, WHY_NORMS_DIFFER
from core.presets.comparisons import COMPARISON_PRESETS
from core.wording import format_number
from tests.support.compare_page import SMALL, TIME_LIMIT, arms_drawn, calm, comparison_of, small, visit
from tests.support.page_parts import sent
from tests.support.pages import open_page
from ui import panels
from ui.charts.arms import style_arms
from ui.charts.compare import compare_profile
from ui.compare import cards, controls, state, training
from ui.compare.training import ArmProgressReporter
from ui.text import typeset

CURVES = ["compare-loss", "compare-accuracy"]


def keys(app):
    return [chart.proto.id.rsplit("-None", 1)[0] for chart in app.get("plotly_chart")]


def headline(app):
    return app.header[0].value.replace("\\", "")


def test_without_a_touch_it_shows_sigmoid_tanh_and_relu_and_says_which_vanishes():
    app = visit()
    assert comparison_of(app) == Comparison()
    assert app.selectbox(key="ready").placeholder == "recommended activations"
    assert headline(app).startswith("The gradient vanishes in sigmoid")
    assert arms_drawn(app) == ["sigmoid", "tanh", "ReLU"]
    assert len(app.get("plotly_chart")) == 1 + 3 + len(CURVES)


def test_reset_and_the_ready_box_say_where_the_controls_stand(monkeypatch):
    drawn = {}
    monkeypatch.setattr(controls.sidebar, "draw_presets", lambda *given, **more: drawn.update(current=given[2], **more))
    monkeypatch.setattr(controls.sidebar, "draw_undo_and_reset", lambda *_, **more: drawn.update(more))
    for name, made in [(None, Comparison()), *((name, ready.comparison) for name, ready in COMPARISON_PRESETS.items()),
                       (None, Comparison(seeds=2))]:  # fmt: skip
        monkeypatch.setattr(controls.state, "build", lambda base, made=made: made)
        controls.start_from(made.base)
        assert drawn["current"] == name and drawn["is_default"] == (made == Comparison())
        assert drawn["otherwise"] == ("recommended activations" if made == Comparison() else "custom settings")


def test_two_and_eight_arms_are_all_drawn():
    scales = [f"{k / 4:g}" for k in range(1, 9)]
    for count in (2, 8):
        app = small(vary="init_scale", arms=",".join(scales[:count]))
        assert app.selectbox(key="ready").placeholder == "custom settings"
        assert len(arms_drawn(app)) == count
        assert len(app.get("plotly_chart")) == 1 + count + len(CURVES)


@pytest.mark.parametrize("arms", ["relu", ",".join(["tanh"] * 9), "relu,nonsense", "relu,relu"])
def test_bad_arms_are_refused_in_a_sentence_and_the_controls_stay(arms):
    app = small(arms=arms)
    assert app.error and len(app.get("plotly_chart")) == 0
    assert app.session_state["depth"] == 2 and app.session_state["arms"] == arms


@pytest.mark.parametrize("datasets, drawn", [(("circles", "sine"), True), (("sine", "circles"), True),
                                             (("sine", "gaussian"), False)])  # fmt: skip
def test_accuracy_is_drawn_where_any_arm_has_one(datasets, drawn):
    app = small(vary="none", arms=",".join(f"{name}~dataset={name}" for name in datasets))
    assert ("compare-accuracy" in " ".join(keys(app))) == drawn and "compare-loss" in " ".join(keys(app))


def test_a_quantity_that_is_not_the_judged_one_says_why_they_differ():
    for quantity in LAYER_NORMS:
        app = small(compare_quantity=quantity, arms="tanh,relu")
        said = " ".join(caption.value.replace("\\", "") for caption in app.caption)
        assert (WHY_NORMS_DIFFER in said) == (quantity != JUDGED)


def test_a_line_of_arms_that_cannot_be_read_is_not_written_over():
    app = small(vary="l2", arms="0,bad,0.1", arm_editor=True)
    assert any("cannot be read" in caption.value for caption in app.caption)
    assert "arm_added" not in app.session_state
    assert "arm_added" in small(vary="l2", arms="0,0.1", arm_editor=True).session_state


def test_an_arm_added_does_not_train_the_others_again(monkeypatch):
    visit()  # trains the arms that the page opens on, before they are counted
    get_trace = []
    train = training.train

    def counted(configs, **kwargs):
        get_trace.extend(config.activation for config in configs)
        return train(configs, **kwargs)

    monkeypatch.setattr(training, "train", counted)
    small(arms="sigmoid,softplus", learning_rate=0.0123)
    assert sorted(set(get_trace)) == ["sigmoid", "softplus"]
    get_trace.clear()
    small(arms="sigmoid,softplus,elu", learning_rate=0.0123)
    assert set(get_trace) == {"elu"} and len(get_trace) == 2


def test_a_comparison_survives_its_file():
    app = small(arms="sigmoid,relu;init=he_normal")
    kept = comparison_of(app)
    from ui.compare.files import from_json, to_json

    assert from_json(to_json(kept).encode()) == kept


def test_the_summary_to_print_stands_alone_and_escapes_what_a_visitor_typed():
    from core.comparison.arm_statistics import summarize_arm
    from core.comparison.arms import Arm
    from core.config import RunConfig
    from core.engine.training import train
    from ui.charts.arms import StyledArm, arm_marks
    from ui.compare.printable import document

    name = "<script>alert(1)</script>"
    base = RunConfig(hidden=(3,), steps=2, samples=8)
    comparison = Comparison(base, None, (Arm(name), Arm("b", {"activation": "relu"})), 1)
    records = [summarize_arm([trace]) for trace in train(comparison.configs())]
    marks = arm_marks(["sigmoid", "relu"])
    arms = [StyledArm(a.name, r, m) for a, r, m in zip(comparison.arms, records, marks, strict=True)]
    page = document(name, [name], [compare_profile(arms)], [comparison.differences()])
    assert "<script>alert(1)" not in page
    assert "Plotly.newPlot(" in page.rpartition("</head><body>")[2]
    assert "Plotly.animate(" not in page.rpartition("</head><body>")[2]  # step 0 is what is printed
    assert "src=" not in page.split("</script>", 1)[1] and "&lt;script&gt;" in page


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARISON_PRESETS)
def test_every_ready_comparison_is_one_click_and_shows_its_claim(name):
    app = small()
    app.selectbox(key="ready").set_value(name)
    calm(app.run(timeout=TIME_LIMIT))
    assert comparison_of(app) == COMPARISON_PRESETS[name].comparison
    assert typeset(COMPARISON_PRESETS[name].claim[:40]) in " ".join(
        info.value.replace("\\", "") for info in app.caption
    )
    assert arms_drawn(app) == [arm.name for arm in COMPARISON_PRESETS[name].comparison.arms]
    assert state.DEFAULTS["seeds"] != app.session_state["seeds"]


def test_picture_table_and_sentences_state_one_ratio_of_layer_1_to_the_last_hidden_layer():
    app = visit(**SMALL | {"depth": 4, "seeds": 1}, arms="sigmoid,tanh")
    traces = train(comparison_of(app).configs())
    ratios = [float(trace.delta_norm[0, 0] / trace.delta_norm[0, -2]) for trace in traces]
    spec = json.loads(next(c.proto.spec for c in app.get("plotly_chart") if "compare-profile" in c.proto.id))
    [words] = [drawing for drawing in spec["data"] if drawing.get("name") == "words"]
    text = words["text"][0].replace("<br>", " ")
    assert all(typeset(format_number(ratio)) in text for ratio in ratios) and "last hidden layer’s delta" in text
    sentences = " ".join(markdown.value.replace("\\", "") for markdown in app.markdown)
    for ratio in ratios:
        assert f"layer 1 gets {typeset(format_number(ratio))} times what the last hidden layer gets" in sentences


def test_arms_that_die_later_say_so_in_the_headline():
    late = {"depth": 6, "width": 8, "samples": 32, "steps": 60, "init": "he_normal", "loss": "bce", "seeds": 1,
            "output_activation": "sigmoid", "optimizer": "adam", "learning_rate": 0.3}  # fmt: skip
    app = visit(**late, arms="relu,leaky_relu")
    assert "Dead units after 60 steps in ReLU" in app.header[0].value


def test_the_first_comparison_of_a_visit_is_drawn_arm_by_arm_and_later_ones_when_they_are_done(monkeypatch):
    drawn, named = {}, []
    records, show, headline = training.records, panels.show, cards.headline

    def arm_by_arm(comparison, digest, reporter, on_arm):
        done = records(comparison, digest, reporter, lambda arms: None)
        for count in range(1, len(done)):
            on_arm(dict(list(done.items())[:count]))
        return done

    def noted_show(chart, key, *given, **more):
        drawn[key] = chart
        show(chart, key, *given, **more)

    def noted_headline(arms):
        named.append(list(arms))
        return headline(arms)

    monkeypatch.setattr(training, "records", arm_by_arm)
    monkeypatch.setattr(panels, "show", noted_show)
    monkeypatch.setattr(cards, "headline", noted_headline)
    app = open_page("compare")
    everyone = ["sigmoid", "tanh", "ReLU"]
    assert named == [everyone[:1], everyone[:2], everyone] and arms_drawn(app) == everyone
    assert not [key for key in keys(app) if "-of-" in key]
    comparison = comparison_of(app)
    done = records(comparison, None, ArmProgressReporter(None, comparison.seeds), lambda arms: None)
    for count in (1, 2):
        part = style_arms(comparison, dict(list(done.items())[:count]))
        assert sent(drawn[f"compare-profile-of-{count}"]) == sent(compare_profile(part))
    drawn.clear()
    named.clear()
    app.session_state["seeds"] = 2.0
    assert arms_drawn(calm(app.run())) == everyone
    assert named == [everyone] and not [key for key in drawn if "-of-" in key]


def test_a_ready_comparison_has_its_own_title_and_claim_and_any_other_the_page_s(monkeypatch):
    def refuse(*_):
        raise ConfigError("steps", 1, "nothing is trained here")

    monkeypatch.setattr(training, "records", refuse)
    app = visit()
    for name, ready in COMPARISON_PRESETS.items():
        app.selectbox(key="ready").set_value(name)
        calm(app.run())
        assert comparison_of(app) == ready.comparison
        assert (app.title[0].value, app.selectbox(key="ready").value) == (ready.label, name)
        assert typeset(ready.claim) in [caption.value.replace("\\", "") for caption in app.caption]
    app.session_state["seeds"] = 3.0
    calm(app.run())
    assert app.title[0].value == "Compare networks" and app.selectbox(key="ready").value is None
    assert not {typeset(ready.claim) for ready in COMPARISON_PRESETS.values()} & {
        caption.value.replace("\\", "") for caption in app.caption
    }
    calm(app.button(key="reset").click().run())
    assert comparison_of(app) == Comparison()


def test_arms_are_trained_on_the_table_that_is_there_and_on_none_beside_a_dataset(monkeypatch):
    digests = []

    def refuse(comparison, digest, *_):
        digests.append(digest)
        raise ConfigError("steps", 1, "nothing is trained here")

    monkeypatch.setattr(training, "records", refuse)
    app = open_page("compare", dataset="custom", depth="2", width="3", steps="2")
    assert app.header[0].value == "Choose a table" and digests == []
    for count in (3, 4):
        rows = "".join(f"{k},{k % 2},{'ab'[k % 2]}\n" for k in range(4 * count))
        calm(app.file_uploader(key="table_file").upload("t.csv", f"x,y,kind\n{rows}".encode(), "text/csv").run())
    assert len(set(digests)) == len(digests) == 2 and None not in digests
    calm(app.selectbox(key="dataset").set_value("circles").run())
    assert digests[2:] == [None]


def test_the_page_leaves_its_comparison_for_the_lab_whose_link_leads_back_to_it():
    app = small(vary="init_scale", arms="1,2", l2=0.25)
    assert app.session_state["compared"] == ("init_scale", "1,2", comparison_of(app).base)
