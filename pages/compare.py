"""Compare: several arms side by side on shared axes, over seeds they share."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core import ConfigError
from core.comparison.arm_statistics import NOTE, ArmSummary, table
from core.comparison.arms import Comparison
from core.engine import workers
from core.export import to_csv
from ui import panels
from ui.charts.arms import StyledArm, arm_marks
from ui.charts.compare import compare_heatmap, compare_profile
from ui.charts.compare_curves import (
    compare_accuracy,
    compare_dead,
    compare_global_norm,
    compare_loss,
    compare_saturation,
    compare_weight_norm,
)
from ui.charts.quantities import QUANTITIES
from ui.charts.style import Chart
from ui.compare import cards, controls, files, training
from ui.compare.printable import document
from ui.compare.training import ArmProgressReporter
from ui.controls import sidebar
from ui.navigation import ensure_navigation
from ui.text import as_text, typeset
from ui.urls import address
from ui.urls.sync import sync_address

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


def drawn(comparison: Comparison, records: dict[str, ArmSummary]) -> list[StyledArm]:
    """The arms there are, each in the looks it has beside all others."""
    marks = arm_marks([arm.config(comparison.base).activation for arm in comparison.arms])
    looks = dict(zip([arm.name for arm in comparison.arms], marks, strict=True))
    return [StyledArm(name, record, looks[name]) for name, record in records.items()]


def verdict(arms: list[StyledArm]) -> None:
    """What happened in words, a card an arm, and why."""
    records = {arm.name: arm.record for arm in arms}
    st.header(as_text(cards.headline(records)), anchor=False)
    st.html(cards.cards(arms, panels.dark()))


@st.fragment
def gradients(arms: list[StyledArm]) -> None:
    """The main picture, and the history of each arm."""
    quantity = st.segmented_control(
        "Show",
        list(QUANTITIES),
        default="grad_norm",
        required=True,
        format_func=lambda name: QUANTITIES[name].label,
        key="compare_quantity",
        label_visibility="collapsed",
        persist_state="session",
    )
    panels.show(compare_profile(arms, quantity, dark=panels.dark()), "compare-profile")
    st.subheader("Every step of every layer", anchor=False)
    st.html(cards.color_key(panels.dark()))
    layers = max(arm.record.layers[quantity].median.shape[1] for arm in arms)
    with st.grid(4, min_column_width=260, gap="small"):
        for i, arm in enumerate(arms):
            panels.show(compare_heatmap(arm, quantity, layers=layers, dark=panels.dark()), f"compare-heatmap-{i}")


def curves(arms: list[StyledArm]) -> None:
    """What the steps did."""
    with st.grid(2, min_column_width=420, gap="medium"):
        for key, draw in CURVES.items():
            if key != "accuracy" or any(arm.record.summary["final_accuracy"] >= 0 for arm in arms):
                panels.show(draw(arms, dark=panels.dark()), f"compare-{key}")


def numbers(comparison: Comparison, arms: list[StyledArm]) -> None:
    """The summaries as a table to sort and take away, each arm's verdict in a sentence, and what differs."""
    st.subheader("In numbers", anchor=False)
    summary = table({arm.name: arm.record for arm in arms})
    share = st.column_config.NumberColumn(format="percent")
    short = st.column_config.NumberColumn(format="%.3g")
    columns = {name: share if name in ("accuracy", "share of steps clipped") else short for name in summary}
    columns |= {"verdict": None, "seeds diverged": None, "diverged at step": None}
    panels.table(summary, column_config={k: v for k, v in columns.items() if v}, key="compare-table")
    with st.container(horizontal=True):
        panels.download("Table (CSV)", lambda: to_csv(summary.reset_index(names="arm")), "comparison.csv", "text/csv")
        panels.download(
            "Summary to print (HTML)", lambda: to_print(comparison, arms), "gradient-comparison.html", "text/html"
        )
    for arm in arms:
        st.markdown(f"**{as_text(arm.name)}.** {as_text(typeset(arm.record.sentence))}")
    panels.tables(charts(arms), "compare_numbers")
    st.subheader("What differs", anchor=False)
    panels.table(comparison.differences(), key="compare-differences")
    st.caption(as_text(f"Shared: {comparison.shared()}"))
    st.caption(as_text(NOTE))


def charts(arms: list[StyledArm]) -> dict[str, Callable[[], Chart]]:
    """Every chart of the page by what it shows."""
    layers = max(arm.record.layers["grad_norm"].median.shape[1] for arm in arms)
    found = {f"By layer: {q.label}": partial(compare_profile, arms, name) for name, q in QUANTITIES.items()}
    for arm in arms:
        for name, q in QUANTITIES.items():
            found[f"Over steps: {q.label}, {arm.name}"] = partial(compare_heatmap, arm, name, layers=layers)
    return found | {label: partial(CURVES[key], arms) for key, label in CURVE_LABELS.items()}


def to_print(comparison: Comparison, arms: list[StyledArm]) -> str:
    """The whole comparison as one HTML file, in light colors."""
    records = {arm.name: arm.record for arm in arms}
    layers = max(arm.record.layers["grad_norm"].median.shape[1] for arm in arms)
    return document(
        cards.headline(records),
        [*(f"{arm.name}. {typeset(arm.record.sentence)}" for arm in arms), f"Shared: {comparison.shared()}", NOTE],
        [compare_profile(arms), *(compare_heatmap(arm, layers=layers) for arm in arms)]
        + [draw(arms) for draw in CURVES.values()],
        [comparison.differences(), table(records)],
    )


def refuse(error: ConfigError) -> None:
    """The page without a comparison: why, and the way back."""
    st.header("No comparison with these settings", anchor=False)
    panels.show_error(error)
    st.button("Start over with other arms", on_click=controls.start_over, icon=":material/restart_alt:")
    st.stop()


ensure_navigation()
sync_address(controls.PARAMETERS)
chosen = sidebar.choose()
bar = st.container(horizontal=True, vertical_alignment="bottom")
comparison, refused = controls.choose(chosen.config)
with bar:
    claim = controls.ready(comparison)
    files.share_menu(comparison)
address.show_param_warnings(controls.ADDRESS_RULES, controls.ADDRESS_FREE_TEXT_PARAMS)
box = st.expander("Edit the arms", icon=":material/tune:", key="arm_editor", on_change="rerun")
if box.open:
    with box:
        controls.editor(comparison)
if chosen.refused or refused:
    refuse(chosen.refused or refused)
if comparison is None:
    st.header("Bring a table", anchor=False)
    st.markdown("Your own data are chosen, but there is no table yet: bring a CSV file, in the sidebar under Data.")
    st.stop()
if claim:
    st.info(as_text(claim), icon=":material/school:")

waiting, preview = st.empty(), st.skeleton(460)


def show_some(records: dict[str, ArmSummary]) -> None:
    """The arms that are done, while others run; under another key, since one script draws a key once."""
    with preview.container():
        arms = drawn(comparison, records)
        verdict(arms)
        panels.show(compare_profile(arms, dark=panels.dark()), f"compare-profile-of-{len(arms)}")


reporter = ArmProgressReporter(waiting, comparison.seeds)
try:
    found = training.records(comparison, chosen.given.digest if chosen.given else None, reporter, show_some)
except ConfigError as error:
    refuse(error)
except workers.lost():
    st.error("The processes that train ended unexpectedly, twice: perhaps the server is short of memory. Take fewer "
             "layers, units, samples or seeds, and try again.")  # fmt: skip
    st.stop()
reporter.clear()
preview.empty()
arms = drawn(comparison, found)
verdict(arms)
for names, why in cards.reasons(found):
    st.markdown(f"**{as_text(names)}:** {as_text(why)}")
gradients(arms)
curves(arms)
numbers(comparison, arms)
