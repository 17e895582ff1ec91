"""The headline and the cards: every arm once, in its looks, and a visitor's names made harmless."""

import re
from dataclasses import replace

import pytest

from core import RunConfig, train
from core.comparison.arm_statistics import summarize_arm, table
from core.diagnosis.rules import VERDICTS
from core.wording import format_number, percent
from ui.charts.arms import StyledArm
from ui.charts.style import MARKS
from ui.compare.cards import (
    CARD_METRICS,
    GLYPHS,
    cards,
    color_key,
    display_table,
    distinguishing_metric,
    headline,
    judged_step,
    listed,
    reasons,
)
from ui.text import typeset

RUNS = {
    "deep": RunConfig(steps=5),
    "wild": RunConfig(activation="linear", init_scale=30.0, learning_rate=1.0, steps=60),
    "<i>shallow</i>": RunConfig(hidden=(), dataset="sine", steps=5),
}


@pytest.fixture(scope="module")
def records():
    return {name: summarize_arm(train([config])) for name, config in RUNS.items()}


def test_every_mark_has_a_character():
    assert {mark.symbol for mark in MARKS} <= set(GLYPHS)
    assert len(set(GLYPHS.values())) == len(GLYPHS)


@pytest.mark.parametrize("names, said", [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_are_listed_as_in_a_sentence(names, said):
    assert listed(names) == said


def test_the_headline_names_every_arm_once_under_its_verdict(records):
    words = headline(records)
    assert words.startswith(f"{VERDICTS['vanishing'][0]} in deep; ")
    assert words.count(" in ") >= len({record.verdict for record in records.values()})
    assert all(words.count(name) == 1 for name in records)


def test_the_headline_names_a_step_that_is_not_the_first_and_the_picture_opens_there_where_all_arms_agree(records):
    dead = replace(records["deep"], verdict="dead", verdict_step=60)
    assert headline({"a": dead, "b": records["deep"], "c": dead}) == (
        "Dead units after 60 steps in a and c; the gradient vanishes in b"
    )
    assert judged_step({"a": dead, "c": dead}) == 60
    assert judged_step({"a": dead, "b": records["deep"]}) == judged_step(records) == 0
    broken = replace(dead, verdict="diverged")  # each seed at a step of its own
    assert judged_step({"a": broken}) == judged_step({"a": broken, "b": records["deep"]}) == 0


def test_every_arm_has_a_reason_and_equal_reasons_are_told_once(records):
    told = reasons(records | {"deep again": records["deep"]})
    assert told[0] == ("deep and deep again", records["deep"].why)
    assert len({why for _, why in told}) == len(told)


@pytest.mark.parametrize("dark", [False, True])
def test_cards_have_names_factors_verdicts_and_no_markup_of_a_visitor(records, dark):
    html = cards([StyledArm(*parts) for parts in zip(records, records.values(), MARKS, strict=False)], dark)
    assert html.count("role='listitem'") == 3
    assert "&lt;i&gt;shallow&lt;/i&gt;" in html and "<i>shallow" not in html
    factors = [record.summary["layer_factor"] for record in records.values()]
    shown = re.findall(r"<strong>(.*?)</strong>", html)
    assert shown == [f"× {typeset(format_number(factor))}" if factor == factor else "–" for factor in factors]
    assert "diverged at step" in html
    assert "nan" not in html
    assert all(mark.color(dark) in html for mark in MARKS[:3])


def test_the_color_key_differs_between_themes():
    assert color_key(6, dark=False) != color_key(6, dark=True)


def test_the_color_key_ends_where_the_colors_do():
    assert "≤ 0.01<" in color_key(2, dark=False) and "≥ 100<" in color_key(2, dark=False)


def with_summary(record, **values):
    """The record with other numbers in its summary."""
    return replace(record, summary=record.summary | values)


ALIKE = {"layer_factor": 1.1, "diverged": 0, "final_accuracy": 0.9, "weight_growth": 1.0, "final_loss": 0.2}


@pytest.mark.parametrize("name, other", [
    ("layer_factor", 0.2), ("diverged", 1), ("final_accuracy", 0.5), ("weight_growth", 1.4), ("final_loss", 0.9),
])  # fmt: skip
def test_the_cards_are_headed_by_the_number_that_differs(records, name, other):
    record = with_summary(records["deep"], **ALIKE)
    assert distinguishing_metric([record, record]) == "layer_factor"
    arms = [record, with_summary(record, **{name: other}), record]
    assert distinguishing_metric(arms) == name
    styled = [StyledArm(str(i), arm, MARKS[i]) for i, arm in enumerate(arms)]
    html = cards(styled, dark=False)
    metric = CARD_METRICS[name]
    assert html.count(f"<span>{metric.label}</span>") == 3
    assert f"<strong>{metric.text(float(other))}</strong>" in html


# What an arm must have beside 1 (of a share, beside 0.2) to be told from it.
ENOUGH = {"layer_factor": 1.25, "diverged": 0.7, "final_accuracy": 0.25, "weight_growth": 1.1, "final_loss": 1.5}


@pytest.mark.parametrize("name", CARD_METRICS)
def test_a_number_heads_the_cards_from_its_bound_on(records, name):
    share = name in ("diverged", "final_accuracy")
    for other, tells in ((ENOUGH[name] - 0.01, False), (ENOUGH[name] + 0.01, True)):
        assert CARD_METRICS[name].differs(0.2 if share else 1.0, other) == tells, other


def card(record, name="arm"):
    html = cards([StyledArm(name, record, MARKS[0]), StyledArm("other", record, MARKS[1])], dark=False)
    return html.split("role='listitem'")[1]


def test_seeds_that_diverged_are_counted_beside_the_end_of_the_others(records):
    record = replace(with_summary(records["deep"], **ALIKE | {"diverged": 1, "diverged_at": 7.0}), seeds=4)
    html = card(record)
    assert "1 of 4 seeds diverged" in html and "accuracy 90\u00a0%" in html and "at step 7" not in html
    every = with_summary(record, diverged=4)
    assert " at step 7" in card(every) and "accuracy" not in card(every)
    assert "seeds diverged" not in card(with_summary(record, diverged=0))


def test_the_share_of_seeds_that_diverged_heads_the_cards(records):
    record = replace(with_summary(records["deep"], **ALIKE), seeds=4)
    assert CARD_METRICS["diverged"].value(with_summary(record, diverged=3)) == 0.75
    assert distinguishing_metric([record, with_summary(record, diverged=1)]) == "layer_factor"  # one of four
    assert distinguishing_metric([record, with_summary(record, diverged=2)]) == "diverged"


def test_shares_in_the_table_are_percents(records):
    record = with_summary(records["deep"], **ALIKE | {"clipped_share": 0.25})
    shown = display_table(table({"arm": record})).loc["arm"]
    assert (shown["accuracy"], shown["share of steps clipped"]) == ("90 %", "25 %")


def test_the_table_has_columns_of_divergence_and_clipping_only_where_an_arm_has_some(records):
    calm = {"diverged": 0, "diverged_at": float("nan"), "clipped_share": 0.0}
    rare = {"seeds diverged", "diverged at step", "share of steps clipped"}
    one = with_summary(records["deep"], **ALIKE | calm)
    assert not rare & set(display_table(table({"a": one, "b": one})))
    other = with_summary(one, diverged=1, diverged_at=0.0)  # at step 0, which is no number to be left out
    shown = display_table(table({"a": one, "b": other}))
    assert rare & set(shown) == {"seeds diverged"} | {"diverged at step"}
    assert shown.loc["b", "diverged at step"] == "0" and shown.loc["a", "diverged at step"] == "–"


def test_the_table_has_no_bare_power_of_ten_and_no_missing_value(records):
    shown = display_table(table(records))
    words = " ".join(shown.astype(str).to_numpy().ravel())
    assert "nan" not in words and "None" not in words and "e-" not in words
    assert list(shown.index) == list(RUNS)
    assert shown.loc["deep", "accuracy"] == percent(records["deep"].summary["final_accuracy"])
