"""Sections of the Lecture in a frame or on the wall: one picture, its controls and a sentence, without scrolling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from core import ConfigError
from core.families.activations import ACTIVATIONS
from core.lecture.descent import classify, stability_limit
from ui import embedding, panels
from ui.charts.descent import contours
from ui.charts.errors import error_bars
from ui.charts.factors import error_over_steps
from ui.charts.network import network as network_chart
from ui.charts.paths import product_of_layers
from ui.charts.slopes import sigmoid_and_slope
from ui.charts.style import Chart, number
from ui.lecture import (
    answers,
    blanks,
    chain,
    check,
    descent,
    error,
    exercise,
    network,
    path,
    sigmoid,
    solution,
    steps,
    vanishing,
)
from ui.session import session
from ui.text import as_text
from ui.urls import views

# A drawing has the height of the frame's picture; formulas and reasons stand close.
STYLE = """<style>
.st-key-frame-picture :is(.st-key-blanks, .st-key-numbered) {--height: calc(var(--picture) - 8px) !important}
.st-key-frame-picture :is(.st-key-blanks, .st-key-numbered) {margin: 4px auto 0}
:is(.st-key-frame-controls, .st-key-frame-picture) [data-testid=stButtonGroup] button {padding: .1rem .3rem}
.st-key-frame-controls .stButton button {padding: .25rem .4rem; white-space: nowrap}
.st-key-frame-controls .stButton button p {font-size: .85rem}
.st-key-frame-picture [data-testid=stButtonGroup] button {min-height: 2.7rem}
.st-key-frame-picture .st-key-numbered {--height: calc(var(--picture) - 30px) !important}
.st-key-frame-samples > * {flex: none}
@media (max-height: 480px) {.st-key-numbered_words span {display: none}}
.st-key-frame-picture [role=tabpanel] .katex-display {margin: .15em 0}
.st-key-frame-picture [data-testid=stAlertContainer] {padding: .3rem .6rem}
</style>"""


def _draw(
    title: str, sentence: str, chart: Chart, key: str, controls: Mapping[str, Callable[[], object]] | None = None,
    picked: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    words = partial(embedding.draw_words, title, sentence)
    embedding.draw(chart, key, verdict=words, controls=controls, picked=picked)


def draw_descent() -> None:
    """The level lines with the path on them, and the step shown."""
    surface, trail, step = descent.current()
    name = session["descent"]
    last = len(trail.points) - 1
    limit = stability_limit(surface.hessian(surface.nearest_minimum(trail.points[-1])), trail.momentum)
    words = f"{descent.describe(classify(surface, trail), trail)} "
    words += descent.against_limit(surface, limit, trail.learning_rate)
    slider = {f"{name}_step": partial(descent.draw_step, name, last, views.is_locked(f"{name}_step"))} if last else {}
    chart = contours(surface, trail, step, dark=panels.dark())
    _draw("Gradient descent", as_text(words), chart, "lecture-contours", slider, lambda: descent.start_at(name))


def draw_network() -> None:
    """The network with the numbers of one sample."""
    net = network.current()
    sample = network.shown_sample(net)
    chart = network_chart(net, sample, dark=panels.dark())
    words = f"{net.w01.size + net.w12.size} weights and no biases; every output lies between 0 and 1."
    controls = {"net_sample": partial(network.draw_sample, net, views.is_locked("net_sample"))}
    _draw("The network", words, chart, "lecture-network", controls)


def draw_error() -> None:
    """The error of every sample and output."""
    net = network.current()
    part, counted = error.choose_outputs(net)
    outputs = net.d.shape[1]
    mean = float(part.squared.sum() / len(net.d))
    chart = error_bars(part.squared, counted, dark=panels.dark())
    choice = {"error_output": partial(error.draw_outputs, outputs, views.is_locked("error_output"))}
    words = f"E is the mean over {len(net.d)} samples: {number(mean, 5)}."
    _draw("The error", words, chart, "lecture-error", choice if outputs > 1 else {})


def draw_sigmoid() -> None:
    """The sigmoid and its slope at the point that moves."""
    z = session["sigmoid_z"]
    slope = sigmoid.slope_at(z)
    words = (
        f"At z = {number(z, 3)} the slope is {number(slope, 3)}; it is never above 1/4. {sigmoid.LAYERS} slopes like "
    )
    words += f"this one, multiplied, make {number(slope**sigmoid.LAYERS)}."
    controls = {"sigmoid_z": partial(sigmoid.draw_slider, views.is_locked("sigmoid_z"))}
    _draw("The sigmoid and its slope", as_text(words), sigmoid_and_slope(z, dark=panels.dark()), "lecture-sigmoid",
          controls, sigmoid.move)  # fmt: skip


def draw_blanks() -> None:
    """The network whose symbols are filled in."""
    answers.restore()

    def picture() -> None:
        blanks.draw_blanks(answers.remember)

    count = f"{blanks.right()} of {len(blanks.BLANKS)} are right."
    words = partial(embedding.draw_words, "Fill in the network", f"Press a blank and choose its symbol. {count}")
    embedding.draw_frame(picture, verdict=words)


def draw_chain() -> None:
    """The chains of the six gradients."""
    answers.restore()
    words = partial(embedding.draw_words, "The gradient is a product",
                    "Choose the factors whose product, summed over $n$, is the gradient.")  # fmt: skip
    embedding.draw_frame(partial(chain.draw_chains, answers.remember, max_reasons=1), verdict=words)


def draw_numbers() -> None:
    """An exercise with its numbers, and a check of one gradient."""
    given = exercise.given()
    k = solution.WEIGHT_NAMES.index(session["exercise_weight"])
    hidden = ACTIVATIONS[given.activation].label.lower()
    checked = check.restored(k)

    def picture() -> None:
        with st.grid(2, min_column_width=240, gap="small"):
            with st.container():
                solution.draw_network(given)
            with st.container(key="frame-samples"):
                st.markdown(f"Hidden units: {hidden}; output: sigmoid.")
                st.latex(solution.list_samples(given))
                if checked is not None:
                    check.check_number(given, k, checked)

    controls = {
        "exercise_weight": solution.draw_weight,
        check.KEY: partial(check.draw_field, k, views.is_locked(check.KEY)),
    }
    title = f"Exercise {int(session['exercise'])}"
    words = partial(embedding.draw_words, title, "Find the six gradients by hand, and check each here.")
    embedding.draw_frame(picture, verdict=words, controls=controls)


def draw_steps() -> None:
    """The error over the steps of gradient descent."""
    walk = steps.current()
    chart = error_over_steps(walk.errors, dark=panels.dark())
    _draw("Take a step", as_text(steps.summarize(walk)), chart, "exercise-errors", steps.controls(walk))
    steps.show_refusal()


def draw_vanishing() -> None:
    """The product of the factors of a stack of layers."""
    paths = vanishing.current()
    chart = product_of_layers(paths, dark=panels.dark())
    words = as_text(vanishing.describe(paths).partition(". ")[0].rstrip(".") + ".")
    _draw("Why it vanishes", words, chart, "stack-product", vanishing.CONTROLS)


def draw_cures() -> None:
    """One cure, with a real training before and after."""
    cure = {cure.key: cure for cure in vanishing.CURES}[session["cure"]]
    traces = cure.train(st.empty())
    words = f"{cure.why} {as_text(vanishing.outcome(cure.comparison, traces))}"
    _draw(cure.title, words, cure.draw(traces), cure.key, {"cure": vanishing.draw_choice})


FRAMES: dict[str, Callable[[], None]] = {
    "descent": draw_descent,
    "network": draw_network,
    "error": draw_error,
    "sigmoid": draw_sigmoid,
    "fill": draw_blanks,
    "chain": draw_chain,
    "numbers": draw_numbers,
    "steps": draw_steps,
    "vanishing": draw_vanishing,
    "cures": draw_cures,
}


def draw(section: str) -> None:
    """Draws a section in a frame; the list of links, which has no picture, as it is."""
    if section not in FRAMES:
        path.section()
        st.markdown(f"[Open the full page]({embedding.full_page()})")
        return
    st.html(STYLE)
    try:
        FRAMES[section]()
    except ConfigError as fault:
        panels.show_error(fault)
