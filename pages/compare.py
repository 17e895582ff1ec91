"""Compare: several arms side by side on shared axes, over seeds they share."""

from collections.abc import Callable, Iterable
from functools import partial

import streamlit as st

from core import ConfigError
from core.comparison.arm_statistics import NOTE, ArmSummary, table
from core.comparison.arms import Comparison
from core.engine import workers
from core.export import to_csv
from core.layer_norms import JUDGED, LAYER_NORMS, WHY_NORMS_DIFFER
from ui import embedding, panels, sharing
from ui.browser.reached import is_reached
from ui.charts.animation import open_at
from ui.charts.arms import StyledArm, style_arms
from ui.charts.compare import compare_heatmap, compare_profile, compare_span
from ui.charts.compare_curves import (
    compare_accuracy,
    compare_dead,
    compare_global_norm,
    compare_loss,
    compare_saturation,
    compare_weight_norm,
)
from ui.charts.style import Chart
from ui.compare import cards, controls, editor, files, labels, state, training
from ui.compare.printable import document
from ui.compare.training import ArmProgressReporter
from ui.controls import sidebar
from ui.navigation import ensure_navigation
from ui.runtime.progress import waiting_slot
from ui.session import session
from ui.text import as_text, typeset
from ui.urls import address, views
from ui.urls.sync import current_query, sync_address, update_address

TITLE = "Compare networks"
CLAIM = "Networks side by side on shared axes. Each arm differs in the setting that varies; all share the same seeds."

HISTORY_HEIGHT = 1100  # pixels of the charts over the steps, with up to four arms

CURVES = {
    "loss": compare_loss,
    "accuracy": compare_accuracy,
    "global-norm": compare_global_norm,
    "weight-norm": compare_weight_norm,
    "saturation": compare_saturation,
    "dead": compare_dead,
}

CURVE_LABELS = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "global-norm": "Global gradient norm",
    "weight-norm": "Weight norms",
    "saturation": "Saturated units",
    "dead": "Dead units",
}


def verdict(arms: list[StyledArm]) -> None:
    """Draws the verdict in words."""
    st.header(as_text(cards.headline({arm.name: arm.record for arm in arms})), anchor=False)


def gradients(arms: list[StyledArm]) -> None:
    """Draws the main picture."""
    quantity = st.segmented_control(
        "Show",
        list(LAYER_NORMS),
        required=True,
        format_func=lambda name: LAYER_NORMS[name].label,
        key="compare_quantity",
        label_visibility="collapsed",
    )
    update_address(state.PARAMETERS)
    if quantity != JUDGED:
        st.caption(WHY_NORMS_DIFFER)
    panels.show(main_picture(arms), "compare-profile")


def main_picture(arms: list[StyledArm]) -> Chart:
    """Makes the main picture as the controls and the address say."""
    judged = cards.judged_step({arm.name: arm.record for arm in arms})
    chart = compare_profile(arms, session["compare_quantity"], judged=judged, dark=panels.dark())
    return open_at(chart, views.shown_step(), views.axis_range(), judged=judged)


@st.fragment
def history(arms: list[StyledArm]) -> None:
    """Draws loss and accuracy, and the gradient of each arm over the steps."""
    if not is_reached("compare_history", HISTORY_HEIGHT):
        return
    with st.grid(2, min_column_width=380, gap="medium"):
        draw_curves(arms, ("loss", "accuracy"))
    quantity = session.get("compare_quantity") or JUDGED
    st.subheader(f"{LAYER_NORMS[quantity].label.capitalize()} of every layer at every step", anchor=False)
    span = compare_span(arms, quantity)
    st.html(cards.color_key(span, dark=panels.dark()))
    layers = max(arm.record.layers[quantity].median.shape[1] for arm in arms)
    with st.grid(4, min_column_width=260, gap="small"):
        for i, arm in enumerate(arms):
            chart = compare_heatmap(arm, quantity, layers=layers, span=span, dark=panels.dark())
            panels.show(chart, f"compare-heatmap-{i}")


@st.fragment
def story(arms: list[StyledArm]) -> None:
    """Draws the picture, the mechanisms, and the charts over the steps; all follow the chosen norm."""
    with st.container(key="compare-picture"):
        gradients(arms)
    st.html(cards.cards(arms, panels.dark()))
    for names, why in cards.reasons({arm.name: arm.record for arm in arms}):
        st.markdown(f"**{as_text(names)}:** {as_text(typeset(why))}")
    history(arms)


def draw_curves(arms: list[StyledArm], names: Iterable[str]) -> None:
    """Draws some of CURVES."""
    for name in names:
        if name != "accuracy" or any(arm.record.summary["final_accuracy"] >= 0 for arm in arms):
            panels.show(CURVES[name](arms, dark=panels.dark()), f"compare-{name}")


@st.fragment
def more_curves(arms: list[StyledArm]) -> None:
    """Draws the other curves when they are asked for."""
    names = [name for name in CURVES if name not in ("loss", "accuracy")]
    label = "More curves: " + ", ".join(CURVE_LABELS[name].lower() for name in names)
    box = st.expander(label, key="compare_more", on_change=partial(update_address, state.PARAMETERS))
    if box.open:
        with box, st.grid(2, min_column_width=380, gap="medium"):
            draw_curves(arms, names)


def numbers(comparison: Comparison, arms: list[StyledArm]) -> None:
    """Draws the summaries as a table with downloads, each arm's verdict in a sentence, and what differs."""
    st.subheader("In numbers", anchor=False)
    summary = table({arm.name: arm.record for arm in arms})
    panels.table(cards.display_table(summary), key="compare-table")
    with st.container(horizontal=True):
        panels.download("Table (CSV)", lambda: to_csv(summary.reset_index(names="arm")), "comparison.csv", "text/csv")
        panels.download(
            "Summary to print (HTML)", lambda: to_print(comparison, arms), "gradient-comparison.html", "text/html"
        )
    for arm in arms:
        st.markdown(f"**{as_text(arm.name)}.** {as_text(typeset(arm.record.sentence))}")
    panels.tables(charts(arms), "compare_numbers")
    st.subheader("What differs", anchor=False)
    panels.table(labels.label_differences(comparison), key="compare-differences")
    st.caption(as_text(f"Shared: {comparison.common_settings()}"))
    st.caption(as_text(NOTE))


def charts(arms: list[StyledArm]) -> dict[str, Callable[[], Chart]]:
    """Every chart of the page by its label."""
    layers = max(arm.record.layers[JUDGED].median.shape[1] for arm in arms)
    makers = {f"By layer: {q.label}": partial(compare_profile, arms, name) for name, q in LAYER_NORMS.items()}
    for arm in arms:
        for name, q in LAYER_NORMS.items():
            makers[f"Over steps: {q.label}, {arm.name}"] = partial(compare_heatmap, arm, name, layers=layers)
    return makers | {label: partial(CURVES[key], arms) for key, label in CURVE_LABELS.items()}


def to_print(comparison: Comparison, arms: list[StyledArm]) -> str:
    """The whole comparison as one HTML file, in light colors."""
    records = {arm.name: arm.record for arm in arms}
    layers = max(arm.record.layers[JUDGED].median.shape[1] for arm in arms)
    return document(
        cards.headline(records),
        [f"{arm.name}. {typeset(arm.record.sentence)}" for arm in arms]
        + [f"Shared: {comparison.common_settings()}", NOTE],
        [compare_profile(arms), *(compare_heatmap(arm, layers=layers, span=compare_span(arms)) for arm in arms)]
        + [draw(arms) for draw in CURVES.values()],
        [labels.label_differences(comparison), cards.display_table(table(records))],
    )


def refuse(error: ConfigError) -> None:
    """Ends the page without a comparison, with the reason and a way back."""
    st.header("No comparison with these settings", anchor=False)
    panels.show_error(error)
    st.button("Use the recommended arms", on_click=state.use_recommended_arms, icon=":material/restart_alt:")
    st.stop()


ensure_navigation()
sync_address(state.PARAMETERS)
embedded = st.context.is_embedded
chosen = sidebar.Chosen(*embedding.read_config()) if embedded else sidebar.choose(controls.start_from)
header = st.container(key="compare-header")
address.show_param_warnings(state.ADDRESS_RULES, state.ADDRESS_FREE_TEXT_PARAMS)
comparison, refused = (state.try_build if embedded else controls.choose)(chosen.config)
preset = controls.current_preset(comparison)
if not embedded:
    with header, panels.page_header(preset.label if preset else TITLE, preset.claim if preset else CLAIM):
        scene = partial(current_query, state.PARAMETERS)
        sharing.present_button("compare", scene)
        sharing.draw_menu("compare", scene, partial(files.settings_and_files, comparison))
if not embedded and session["arm_editor"]:
    with st.container(border=True, key="arm_rows"):
        editor.draw_editor(comparison)
if chosen.refused or refused:
    refuse(chosen.refused or refused)
if comparison is None:
    st.header("Choose a table", anchor=False)
    st.markdown("Your own data are selected, but there is no table yet. Upload a file in the sidebar under Data.")
    st.stop()

slot = waiting_slot()
preview = st.empty()


def draw_preview(records: dict[str, ArmSummary]) -> None:
    """Draws the arms that are trained while others still train, unless the page shows an earlier comparison."""
    if "compare_shown" in session:
        return
    with preview.container(key=f"compare-preview-{len(records)}"):
        arms = style_arms(comparison, records)
        verdict(arms)
        panels.show(compare_profile(arms, dark=panels.dark()), f"compare-profile-of-{len(arms)}")


reporter = ArmProgressReporter(slot, comparison.seeds)
try:
    records = training.records(comparison, chosen.given.digest if chosen.given else None, reporter, draw_preview)
except ConfigError as error:
    refuse(error)
except workers.worker_lost_errors() as error:
    st.error(workers.describe_loss(error))
    st.stop()
reporter.clear()
preview.empty()
arms = style_arms(comparison, records)
session["compare_shown"] = True
if embedded:
    embedding.draw(main_picture(arms), "compare-profile", verdict=partial(verdict, arms))
    st.stop()
with st.container(key="verdict"):
    verdict(arms)
with st.container(key="compare-story"):
    story(arms)
with st.container(key="compare-more"):
    more_curves(arms)
numbers(comparison, arms)
