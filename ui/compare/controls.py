"""The controls of a comparison: what varies, the arms, the seeds, ready ones, and settings pinned in the Lab.

The choices are three values of the session and of the URL, `vary`, `arms` and `seeds`; all other widgets here rewrite
them in callbacks, which run before anything is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import streamlit as st

from core import ConfigError, RunConfig
from core.comparison.arms import (
    MAX_ARMS,
    MAX_NAME_LENGTH,
    MIN_ARMS,
    SEEDS,
    VARIES,
    Arm,
    Comparison,
    arm_name,
    differing_changes,
    recommended_arms,
)
from core.config import Choice
from core.presets.comparisons import COMPARISON_PRESETS
from ui.controls import fields
from ui.text import as_text
from ui.urls import link
from ui.urls.arms import (
    MAX_CHARACTERS,
    choices,
    default_arm_name,
    format_all_arms,
    format_arm_settings,
    format_arms,
    parse_arms,
)
from ui.urls.sync import Parameters

NO_FIELD = "none"  # in the box and the URL, where no field varies
DEFAULTS = {"vary": "activation", "arms": "", "seeds": float(Comparison().seeds)}
ADDRESS_RULES = link.CONTROL_RULES | {"vary": Choice((*VARIES, NO_FIELD)), "seeds": SEEDS}
ADDRESS_FREE_TEXT_PARAMS = (*link.FREE_TEXT_PARAMS, "arms")  # validated where they are parsed
PARAMETERS = Parameters("compare", ADDRESS_RULES, ADDRESS_FREE_TEXT_PARAMS, link.DEFAULTS | DEFAULTS)


def choose(base: RunConfig | None) -> tuple[Comparison | None, ConfigError | None]:
    """Draws what varies, the line of arms and the seeds; the comparison they say, or why there is none."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Vary",
            [*VARIES, NO_FIELD],
            key="vary",
            format_func=field_label,
            on_change=_start_over,
            width=180,
            help="The setting in which the arms differ; the others are those of the sidebar. With none, every arm "
            "says which settings it changes.",
        )
        st.text_input(
            "Arms",
            key="arms",
            placeholder=format_all_arms(recommended_arms(vary()), vary())
            or "such as plain~, deep~depth=20, held~clip=value",
            max_chars=MAX_CHARACTERS,
            width="stretch",
            help="Values of that setting, separated by commas. `name~value` names an arm, `relu;init=he_normal` "
            "changes another setting too, `mine~!depth=20;activation=relu` has settings of its own.",
        )
        st.number_input(
            "Seeds",
            float(SEEDS.low),
            float(SEEDS.high),
            step=1.0,
            format="%.0f",
            key="seeds",
            width=120,
            help="Each arm is trained once for every seed; all arms share the same seeds.",
        )
    st.session_state["varied"], st.session_state["compared"] = vary(), (vary(), st.session_state["arms"] or "", base)
    _offer_pinned()
    if base is None:
        return None, None
    try:
        arms = parse_arms(st.session_state["arms"] or "", vary())
        return Comparison(base, vary(), arms, int(st.session_state["seeds"])), None
    except ConfigError as error:
        return None, error


def vary() -> str | None:
    """The field that varies; None where every arm lists its changes."""
    chosen = st.session_state.get("vary", DEFAULTS["vary"])
    return None if chosen == NO_FIELD else chosen


def field_label(field: str) -> str:
    """The label of a field that varies."""
    return "Several settings" if field == NO_FIELD else fields.CONTROLS[field].label


def query(comparison: Comparison) -> dict[str, object]:
    """What the URL says of a comparison beside its base."""
    said = {
        "vary": comparison.vary or NO_FIELD,
        "arms": format_arms(comparison.arms, comparison.vary),
        "seeds": comparison.seeds,
    }
    return {key: value for key, value in said.items() if value != DEFAULTS[key]}


def apply(comparison: Comparison) -> None:
    """Sets every control to this comparison; for a callback."""
    fields.apply(comparison.base)
    chosen = DEFAULTS | query(comparison)
    st.session_state.update(chosen | {"seeds": float(chosen["seeds"])})


def start_over() -> None:
    """The arms that the field starts from; for a callback."""
    st.session_state["arms"] = ""


def _read(field: str | None) -> tuple[Arm, ...]:
    """The arms of the line as it stands, read with this field varying; none while it is refused."""
    return _arms_of(st.session_state.get("arms") or "", field)


def _arms_of(line: str, field: str | None) -> tuple[Arm, ...]:
    try:
        return parse_arms(line, field)
    except ConfigError:
        return ()


def _write(arms) -> None:
    st.session_state["arms"] = format_arms(arms, vary())


def _start_over() -> None:
    """Another field varies: the arms it starts from and those pinned; with none, the arms stay as they are."""
    old = _read(st.session_state.get("varied", DEFAULTS["vary"]))
    if vary() is not None:
        pinned = tuple(arm for arm in old if arm.pinned)[: MAX_ARMS - MIN_ARMS]
        old = recommended_arms(vary())[: MAX_ARMS - len(pinned)] + pinned
    _write(old)


# -- ready comparisons ------------------------------------------------------------------------------------------


def ready(comparison: Comparison | None) -> str | None:
    """A box of ready comparisons; the claim of the one that the controls stand at."""
    at = next((name for name, other in COMPARISON_PRESETS.items() if other.comparison == comparison), None)
    st.session_state["ready"] = at
    st.selectbox(
        "Ready comparisons",
        list(COMPARISON_PRESETS),
        index=None,
        format_func=lambda name: COMPARISON_PRESETS[name].label,
        placeholder="choose a claim of the lecture",
        key="ready",
        on_change=_apply_ready,
        help="Each sets every control and shows one claim of the lecture.",
    )
    return COMPARISON_PRESETS[at].claim if at else None


def _apply_ready() -> None:
    if st.session_state["ready"] is not None:
        apply(COMPARISON_PRESETS[st.session_state["ready"]].comparison)


# -- pinned in the Lab ------------------------------------------------------------------------------------------


def pinned() -> list[Arm]:
    """The settings pinned in the Lab in this session."""
    return st.session_state.setdefault("pinned", [])


def pin(config: RunConfig) -> None:
    """Puts settings on the list that the Compare page takes in when it is opened; for a callback."""
    if not is_pinned(config):
        names = {arm.name for arm in pinned()}
        pinned().append(Arm.pin(_unlike(_describe(config), names), config))


def is_pinned(config: RunConfig) -> bool:
    """Whether these settings are on the list; the seed does not count, since a comparison has its own."""
    return any(arm.config(config) == config for arm in pinned())


def pin_button(config: RunConfig) -> None:
    """The Lab's way here: pins its settings, and says how many there are."""
    there = is_pinned(config)
    st.button(
        "Added to comparison" if there else "Add to comparison",
        key="pin",
        icon=":material/check:" if there else ":material/add_chart:",
        on_click=pin,
        args=(config,),
        disabled=there,
        help="Keeps these settings as an arm of the Compare page.",
    )
    if pinned():
        field, line, base = st.session_state.get("compared", (DEFAULTS["vary"], "", None))
        arms, field = _with_pinned(field, line)
        parameters = dict(parse_qsl(link.to_query(base or RunConfig())))
        parameters |= {"vary": field or NO_FIELD, "arms": format_arms(arms, field)}
        label = f"Compare {_counted(pinned())}"
        st.page_link("pages/compare.py", label=label, icon=":material/arrow_forward:", query_params=parameters)


def _offer_pinned() -> None:
    """A button for those settings of the Lab that are no arms yet: who came another way than by the Lab's link."""
    arms, _ = _with_pinned(vary(), st.session_state["arms"] or "")
    missing = [arm for arm in pinned() if not _among(arm, _read(vary()))]
    if missing and len(arms) <= MAX_ARMS:
        st.button(f"Bring in {_counted(missing)} from the Lab", on_click=_take_pinned, icon=":material/add_chart:")


def _take_pinned() -> None:
    arms, field = _with_pinned(vary(), st.session_state["arms"] or "")
    st.session_state["vary"], st.session_state["arms"] = field or NO_FIELD, format_arms(arms, field)


def _with_pinned(field: str | None, line: str) -> tuple[tuple[Arm, ...], str | None]:
    """The arms of a line and those pinned; these alone where there are two and the line was never touched."""
    there = _arms_of(line, field)
    new = [arm for arm in pinned() if not _among(arm, there)]
    if not line and len(new) >= MIN_ARMS:
        there, field = (), None
    names = {arm.name for arm in there}
    return there + tuple(replace(arm, name=_unlike(arm.name, names)) for arm in new), field


def _among(arm: Arm, arms: tuple[Arm, ...]) -> bool:
    """Whether these settings are there, whatever they are called."""
    return any(other.pinned and dict(other.changes) == dict(arm.changes) for other in arms)


def _counted(arms: list[Arm]) -> str:
    return f"{len(arms)} setting{'s' * (len(arms) > 1)}"


def _describe(config: RunConfig) -> str:
    """Activation and shape, then what else is not the default."""
    changes = differing_changes(config, RunConfig())
    activation = arm_name("activation", changes.pop("activation", config.activation))
    widths = changes.pop("hidden", config.hidden)
    shape = f"{len(widths)} x {widths[0]}" if len(set(widths)) == 1 else f"{len(widths)} layers"
    rest = [arm_name(field, value) for field, value in changes.items()]
    return ", ".join([f"{activation} {shape}", *rest])[:MAX_NAME_LENGTH].rstrip(" ,")


def _unlike(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken; takes it."""
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name[: MAX_NAME_LENGTH - 3].rstrip()} {count}"
    taken.add(free)
    return free


# -- one row an arm ---------------------------------------------------------------------------------------------


def editor(comparison: Comparison | None) -> None:
    """Every arm with its name, its settings, its place and its way into the Lab; and a place to add one."""
    arms = comparison.arms if comparison else _read(vary())
    for i, arm in enumerate(arms):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"arm_row_{i}"):
            _row(comparison, i, arm, len(arms))
    if not arms and st.session_state.get("arms"):
        st.caption("The line of arms above holds what cannot be read: mend it there.")
    elif len(arms) < MAX_ARMS:
        _adder(arms)
    else:
        st.caption(f"{MAX_ARMS} arms are the most there can be.")


def _row(comparison: Comparison | None, i: int, arm: Arm, count: int) -> None:
    body = format_arm_settings(arm, vary())
    at = f"{i}_{arm.name}_{body}"  # another arm, or the same with other settings, gets fresh widgets
    few = choices(vary()) if vary() else None
    st.text_input(
        f"Name of arm {i + 1}",
        value=arm.name,
        key=f"arm_name_{at}",
        max_chars=MAX_NAME_LENGTH,
        on_change=_rename,
        args=(i, f"arm_name_{at}"),
        width=230,
    )
    change = {"key": f"arm_body_{at}", "on_change": _rebody, "args": (i, f"arm_body_{at}"), "width": 210}
    if few and body in few:
        st.selectbox(f"{vary()} of arm {i + 1}", few, index=few.index(body), **change)
    else:
        st.text_input(f"Settings of arm {i + 1}", value=body, **change)
    small = {"width": "content"}
    name = as_text(arm.name)
    st.button("Up", key=f"arm_up_{at}", icon=":material/arrow_upward:", disabled=i == 0, on_click=_move_up,
              args=(i,), help=f"Moves {name} up", **small)  # fmt: skip
    st.button("Remove", key=f"arm_remove_{at}", icon=":material/close:",
              disabled=count <= MIN_ARMS, on_click=_remove, args=(i,), help=f"Removes {name}", **small)  # fmt: skip
    if comparison is not None:
        url = f"./?{link.to_query(arm.config(comparison.base))}"
        st.link_button("Open in the Lab", url, icon=":material/open_in_new:", **small)


def _adder(arms: tuple[Arm, ...]) -> None:
    few = choices(vary()) if vary() else None
    left = [value for value in few or () if value not in [format_arm_settings(arm, vary()) for arm in arms]]
    common = {"key": "arm_added", "on_change": _add, "width": 230}
    if left:
        st.selectbox("Add an arm", left, index=None, placeholder="choose a value", **common)
    elif not few:
        example = f"a value of {vary()}" if vary() else "field=value"
        st.text_input("Add an arm", value="", placeholder=example, **common)


def _add() -> None:
    added = st.session_state["arm_added"]
    st.session_state["arm_added"] = None if vary() and choices(vary()) else ""
    if added:
        st.session_state["arms"] = ",".join(filter(None, (format_all_arms(_read(vary()), vary()), added)))


def _rename(i: int, key: str) -> None:
    arms = list(_read(vary()))
    if st.session_state[key].strip():
        taken = {arm.name for arm in arms[:i] + arms[i + 1 :]}
        arms[i] = replace(arms[i], name=_unlike(st.session_state[key].strip(), taken))
        _write(arms)


def _rebody(i: int, key: str) -> None:
    """Other settings of an arm, which keeps its name if that was a visitor's; what is wrong with them is said above."""
    arms = _read(vary())
    told = [format_all_arms((arm,), vary()) for arm in arms]
    own = arms[i].name != default_arm_name(dict(arms[i].changes))
    name = format_all_arms((replace(arms[i], pinned=True),), vary()).rpartition("~")[0]
    told[i] = f"{name}~{st.session_state[key]}" if own else st.session_state[key]
    st.session_state["arms"] = ",".join(told)


def _move_up(i: int) -> None:
    arms = list(_read(vary()))
    arms[i - 1], arms[i] = arms[i], arms[i - 1]
    _write(arms)


def _remove(i: int) -> None:
    arms = list(_read(vary()))
    del arms[i]
    _write(arms)
