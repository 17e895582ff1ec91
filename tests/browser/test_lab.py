"""The Lab in a real Chromium: what one sees, presses, uploads and takes away."""

import ast
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from core import RunConfig, train
from core.diagnosis.rules import VERDICTS, diagnose
from core.export import to_csv
from ui.text import typeset

PROFILE = ".st-key-gradient-profile .js-plotly-plot"
NORM = "this network"
DIGITS = 1e-4  # relative: the browser gets five digits
VALUES = f"() => JSON.stringify(document.querySelector('{PROFILE}')._fullData.map((t) => [t.name, Array.from(t.y)]))"
DRAWN = """(most) => {
  const charts = [...document.querySelectorAll('[data-testid=stPlotlyChart]')];
  return charts.length >= most && charts.every((chart) => chart.querySelector('.js-plotly-plot .main-svg'));
}"""
# From now on, sums all layout shifts, those that follow a key press too.
SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
    .observe({ type: 'layout-shift' });
}"""


@pytest.fixture
def lab(page, server, settled):
    """Opens the Lab with a query; whatever it is used for, the page asks no other host and reports no error."""
    errors, outside = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    # Plotly rejects the promise of an animation that is stopped: without a reason, and with nobody to hear it.
    page.on("pageerror", lambda error: errors.append(str(error)) if str(error) != "undefined" else None)
    own = (server, server.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
    page.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))

    def visit(query="", charts=1):
        page.goto(f"{server}/?{query}")
        settled(page)
        page.wait_for_function(DRAWN, arg=charts)
        return page

    yield visit
    assert errors == []
    assert outside == []


def verdict(page):
    return page.locator(".st-key-verdict h2").inner_text()


def shares(trace):
    """The deltas of step 0 relative to the output layer's, which the profile opens on."""
    return (trace.delta_norm[0] / trace.delta_norm[0, -1]).tolist()


# By how many pixels a legend has moved the data of its chart up, which costs Plotly a second layout, for all charts.
PUSHED = """() => [...document.querySelectorAll(".js-plotly-plot")].map((plot) => plot._fullLayout)
  .filter((layout) => layout.showlegend).map((layout) => layout._size.b - layout.margin.b)"""


def profile(page):
    """The numbers drawn in the gradient profile, by the name of the line."""
    return dict(json.loads(page.evaluate(VALUES)))


def redrawn(page, before):
    """The numbers of the profile, once they are others than before (as the page writes them: VALUES)."""
    script = f"(before) => document.querySelector('{PROFILE} .main-svg') && ({VALUES})() !== before"
    page.wait_for_function(script, arg=before)
    return profile(page)


def choose(page, label, option):
    """Picks an option of a select box as a visitor does."""
    page.get_by_role("combobox", name=label, exact=True).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_first_visit_shows_the_vanishing_gradient_of_a_really_trained_network_and_a_choice_another(lab, settled):
    page = lab()
    (trace,) = train([RunConfig()])
    assert VERDICTS["vanishing"][0] in verdict(page)
    assert page.get_by_text(typeset(diagnose(trace).findings[0].what)).is_visible()
    assert profile(page)[NORM] == pytest.approx(shares(trace), rel=DIGITS)
    assert page.locator(PROFILE).bounding_box()["height"] > 300
    assert page.url.endswith("/?") or page.url.endswith("/")
    before = page.evaluate(VALUES)
    choose(page, "Activation", "tanh")
    now = redrawn(page, before)
    (trace,) = train([RunConfig(activation="tanh")])
    assert now[NORM] == pytest.approx(shares(trace), rel=DIGITS)
    # the run before stays as a faint line beside it
    assert now["previous run"] == dict(json.loads(before))[NORM]
    settled(page)
    assert "activation=tanh" in page.url


def test_charts_below_the_screen_are_drawn_when_reached_tell_their_findings_and_stay_with_their_numbers(lab, settled):
    page = lab("steps=20")
    charts = page.locator("[data-testid=stPlotlyChart]")
    assert charts.count() == 1
    page.mouse.move(900, 500)
    page.mouse.wheel(0, 5000)
    page.wait_for_function(DRAWN, arg=5)
    settled(page)
    told = [charts.nth(i).get_attribute("aria-label") or "" for i in range(charts.count())]
    assert all(re.search(r"\d", words) for words in told)
    assert len(set(told)) == len(told) == 5
    assert set(page.evaluate(PUSHED)) == {0}
    # one whose numbers stay is not drawn again
    page.evaluate("() => document.querySelectorAll('.js-plotly-plot').forEach((plot) => { plot.dataset.seen = 'yes' })")
    page.get_by_role("radio", name="weight gradient").click()
    settled(page)
    page.get_by_text("Numbers behind the charts").click()
    settled(page)
    seen = [charts.nth(i).locator(".js-plotly-plot").get_attribute("data-seen") for i in range(charts.count())]
    assert seen == [None, None, "yes", "yes", "yes"]


def test_theory_follows_a_dragged_slider_without_the_server_and_its_release_trains(lab, page, settled):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    lab("steps=20&samples=16&width=8&depth=4")
    page.get_by_text("Drag: theory while a slider moves").click()
    slider = page.get_by_role("slider", name="Init scale")
    curve, words = page.locator(".live polyline"), page.locator(".live output")
    slider.wait_for()
    settled(page)
    before, told = curve.get_attribute("points"), words.inner_text()
    sent.clear()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 8 / 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
    assert curve.get_attribute("points") != before and words.inner_text() != told
    assert sent == []
    drawn = page.evaluate(VALUES)
    page.mouse.up()
    redrawn(page, drawn)
    settled(page)
    scale = float(slider.get_attribute("aria-valuetext").split()[-1])
    assert scale > 1.5 and f"init_scale={scale:g}" in page.url
    # The keyboard stays on the slider, so that arrows go on from there.
    drawn = page.evaluate(VALUES)
    slider.press("ArrowLeft")
    redrawn(page, drawn)
    settled(page)
    assert page.evaluate("document.activeElement.shadowRoot?.activeElement?.name") == "init_scale"


@pytest.mark.slow
def test_a_schedule_and_a_warm_up_are_set_by_their_controls_and_train(lab, settled):
    page = lab("activation=tanh&init=glorot_normal&learning_rate=0.1&steps=40")
    loss = page.get_by_test_id("stMetric").filter(has_text="Loss").get_by_test_id("stMetricValue")
    constant = loss.inner_text()
    page.get_by_text("Training", exact=True).click()
    length = page.locator(".st-key-schedule_steps input")
    length.wait_for()
    settled(page)
    assert length.is_disabled()  # a constant rate has no length
    page.get_by_role("combobox", name="Schedule", exact=True).scroll_into_view_if_needed()  # scrolling closes its list
    choose(page, "Schedule", "cosine")
    page.wait_for_function("() => location.search.includes('schedule=cosine')")
    settled(page)
    for key, value in (("schedule_steps", "30"), ("warmup_steps", "8")):
        field = page.locator(f".st-key-{key} input")
        field.fill(value)
        field.press("Enter")
        page.wait_for_function("(part) => location.search.includes(part)", arg=f"{key}={value}")
        settled(page)
    config = RunConfig(activation="tanh", init="glorot_normal", learning_rate=0.1, steps=40, schedule="cosine",
                       schedule_steps=30, warmup_steps=8)  # fmt: skip
    told = typeset(diagnose(train([config])[0]).numbers[2].value)
    assert told != constant
    page.wait_for_function(
        "(told) => [...document.querySelectorAll('[data-testid=stMetricValue]')].some(e => e.innerText === told)",
        arg=told,
    )


def test_play_moves_the_profile_without_asking_the_server_and_a_pulse_runs_unless_motion_is_unwelcome(lab, page):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    lab()
    assert sent
    sent.clear()
    start = page.evaluate(VALUES)
    page.wait_for_timeout(1000)
    assert page.evaluate(VALUES) == start  # nothing plays by itself
    button = page.locator(f"{PROFILE} .updatemenu-button")
    assert button.count() == 1
    button.click()
    redrawn(page, start)
    button.click()
    page.wait_for_timeout(300)
    paused = page.evaluate(VALUES)
    page.wait_for_timeout(1000)
    assert page.evaluate(VALUES) == paused
    played = page.evaluate(PLAY_LAST_FRAMES)
    rail = page.locator(f"{PROFILE} .slider-rail-touch-rect").bounding_box()
    for left in (rail["x"] + 2, rail["x"] + rail["width"] - 2):
        before = page.evaluate(VALUES)
        page.mouse.click(left, rail["y"] + rail["height"] / 2)
        redrawn(page, before)
    page.wait_for_function(f"(played) => ({SEEN})() === played", arg=played)  # as Plotly draws the last frame
    assert sent == []
    moves = f"() => [...document.querySelectorAll({PULSE!r})].map(e => getComputedStyle(e).animationName)"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moves) == ["pulse"] * 11
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moves) == ["none"] * 11


SEEN = f"() => document.querySelector('{PROFILE} .cartesianlayer').outerHTML"
PLAY_LAST_FRAMES = f"""() => new Promise((resolve) => {{
  const plot = document.querySelector('{PROFILE}');
  plot._fullLayout._currentFrame = plot._transitionData._frames.at(-4).name;
  plot.once('plotly_animated', () => resolve(({SEEN})()));
  plot.querySelector('.updatemenu-button').dispatchEvent(new MouseEvent('click'));
}})"""
BLOCKS = f"{PROFILE} .xy3 .trace:nth-last-child(2) path.point"
PULSE = f"{PROFILE} .xy3 .trace:last-child path.point"


def click_point(page, points, index):
    """Points at a point of a chart and clicks, as a hand does: Plotly takes a click for what it hovers over."""
    box = page.locator(points).nth(index).bounding_box()
    click_layer(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, index + 1)


def click_layer(page, x, y, layer):
    """Points somewhere in the profile and clicks once Plotly hovers over this layer, not over one from before."""
    page.mouse.move(1, 1)
    page.wait_for_function(f"() => !document.querySelector('{PROFILE}')._hoverdata")
    page.mouse.move(x, y, steps=3)
    hovered = f"(layer) => document.querySelector('{PROFILE}')._hoverdata?.every((point) => point.x === layer)"
    page.wait_for_function(hovered, arg=layer)
    page.mouse.down()
    page.mouse.up()


# Where a layer's point is on the screen, and how far the next layer's is to its right.
POINT = f"""(layer) => {{
  const plot = document.querySelector('{PROFILE}'), {{xaxis, yaxis}} = plot._fullLayout;
  const line = plot._fullData.find((drawn) => drawn.name === '{NORM}'), box = plot.getBoundingClientRect();
  const across = xaxis.d2p(layer);
  return [box.x + xaxis._offset + across, box.y + yaxis._offset + yaxis.d2p(line.y[layer - 1]),
          xaxis.d2p(layer + 1) - across];
}}"""


def test_a_click_on_a_block_opens_its_layer_and_one_on_or_beside_the_curve_the_nearest(lab, settled):
    page = lab("steps=20")
    for layer in (4, 7):
        click_point(page, BLOCKS, layer - 1)
        page.get_by_role("heading", name=f"Layer {layer}:").wait_for()
        settled(page)
    x, y, apart = page.evaluate(POINT, 3)
    click_layer(page, x, y, 3)
    page.get_by_role("heading", name="Layer 3:").wait_for()
    settled(page)
    assert "open_layer=3" in page.url
    x, y, _ = page.evaluate(POINT, 7)
    click_layer(page, x - 0.4 * apart, y + 20, 7)
    page.get_by_role("heading", name="Layer 7:").wait_for()
    settled(page)
    click_layer(page, x, y, 7)  # again: it closes
    page.get_by_role("heading", name="Layer 7:").wait_for(state="detached")


def test_a_key_press_changes_a_number_and_the_chart_and_shifts_nothing_on_the_screen(lab, settled):
    page = lab("steps=20")
    page.evaluate(SHIFTS)
    for scale in (1.1, 1.2):
        before = page.evaluate(VALUES)
        page.locator(".st-key-init_scale input").press("ArrowUp")
        redrawn(page, before)
        settled(page)
        assert f"init_scale={scale}" in page.url
    assert page.evaluate("() => window.shifts") <= 0.05


@pytest.mark.slow
def test_a_reload_restores_every_setting(lab, settled):
    page = lab("activation=relu&init=he_normal&hidden=12,8,4&steps=20&l1=0.001&residual=true&batch_size=16")
    before = page.evaluate(VALUES)
    page.locator(".st-key-init_scale input").fill("0.9")
    page.locator(".st-key-init_scale input").press("Enter")
    drawn = redrawn(page, before)
    settled(page)
    address = page.url
    page.reload()
    settled(page)
    page.wait_for_function(DRAWN, arg=1)
    assert (profile(page)[NORM], page.url) == (drawn[NORM], address)
    config = RunConfig(activation="relu", init="he_normal", hidden=(12, 8, 4), steps=20, l1=0.001, residual=True,
                       batch_size=16, init_scale=0.9)  # fmt: skip
    assert drawn[NORM] == pytest.approx(shares(train([config])[0]), rel=DIGITS)


@pytest.mark.slow
def test_a_cure_is_applied_by_its_button(lab, settled):
    page = lab()
    (trace,) = train([RunConfig()])
    cure = diagnose(trace).findings[0].suggestions[0]
    page.get_by_role("button", name=cure.label).click()
    page.get_by_role("heading", name=VERDICTS["healthy"][0]).wait_for()
    assert VERDICTS["healthy"][0] in verdict(page)
    for field, value in cure.changes.items():
        assert f"{field}={value}" in page.url


@pytest.mark.slow
def test_settings_inside_closed_groups_survive_a_setup_and_a_later_change(lab, settled):
    page = lab()
    choose(page, "Start from", "Dead ReLUs")
    settled(page)
    page.locator(".st-key-init_scale input").press("ArrowUp")
    settled(page)
    assert "optimizer=adam" in page.url and "learning_rate=0.3" in page.url and "loss=bce" in page.url
    page.locator(".st-key-reset button").first.click()
    settled(page)
    assert "optimizer" not in page.url
    assert VERDICTS["vanishing"][0] in verdict(page)


HOSTILE = "<img src=x onerror=alert(1)>$x$**b**"


@pytest.mark.slow
def test_a_table_with_hostile_names_is_trained_on_and_shown_as_text(lab, settled):
    page = lab("dataset=custom&steps=20", charts=0)
    assert page.locator("h1").inner_text() == "Choose a table"
    rows = "".join(f"{n % 7},{n % 3},{'yes' if n % 2 else 'no'}\n" for n in range(30))
    table = {"name": "my :smile: $x$ table.csv", "mimeType": "text/csv"}
    upload = page.locator(".st-key-table_file input[type=file]")
    upload.set_input_files(table | {"buffer": f'size,weight,"{HOSTILE}"\n{rows}'.encode()})
    page.locator(PROFILE).wait_for()
    assert page.get_by_text(f"The target “{HOSTILE}” has 2 different texts").is_visible()
    assert page.locator("[data-testid=stMain] img, [data-testid=stSidebar] img, .katex").count() == 0
    upload.set_input_files(table | {"buffer": b"size\n1\n"})
    said = page.locator("[data-testid=stAlert]").inner_text().replace("\u2060", "")
    assert "data = “my :smile: $x$ table.csv” is not allowed: most of its lines are a single column" in said


def saved(page, label):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    return waiting.value.path().read_bytes().decode()  # with the line ends it was saved with


def test_a_long_run_tells_its_progress_and_gives_way_to_a_change_whose_files_are_saved(lab, settled, page, server):
    page.goto(f"{server}/?steps=1000000&record_every=1000")
    bar = page.locator("[data-testid=stProgress]")
    bar.wait_for()
    assert "Training: step" in bar.inner_text()
    page.get_by_text("Training", exact=True).click()
    field = page.locator(".st-key-steps input")
    field.fill("5")
    field.press("Enter")
    page.locator(PROFILE).wait_for()
    settled(page)
    assert bar.count() == 0
    assert "steps=5" in page.url
    config = RunConfig(steps=5, record_every=1000)
    page.get_by_role("button", name="Share").click()
    assert RunConfig.from_dict(json.loads(saved(page, "Settings (JSON)"))) == config
    assert saved(page, "Record (CSV)") == to_csv(train([config])[0])
    assert "torch" in {alias.name for node in ast.walk(ast.parse(saved(page, "PyTorch script")))
                       if isinstance(node, ast.Import) for alias in node.names}  # fmt: skip
    address = urlsplit(page.locator("[data-testid=stCode]").first.inner_text().strip())
    assert dict(parse_qsl(address.query)) == {"steps": "5", "record_every": "1000"}


@pytest.mark.slow
def test_bad_parameters_are_named_and_nothing_breaks(lab):
    page = lab("activation=%3Cscript%3Ealert(1)%3C/script%3E&seed=4&%3Cb%3E=1")
    said = page.locator("[data-testid=stAlert]").all_inner_texts()
    assert any("activation = “<script>alert(1)</script>” is not allowed" in words for words in said)
    assert any("<b> is not a setting" in words for words in said)
    assert "seed=4" in page.url
    assert page.locator(PROFILE).count() == 1


WIDE = [pytest.param(768, "light", marks=pytest.mark.slow), pytest.param(1440, "dark", marks=pytest.mark.slow)]


@pytest.mark.parametrize("width, theme", [(390, "dark"), *WIDE])
def test_nothing_scrolls_sideways_and_controls_can_be_reached(lab, page, settled, width, theme):
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    lab("steps=20")
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"() => {main}.scrollWidth - {main}.clientWidth") <= 0
    if width < 1000:
        page.locator("[data-testid=stExpandSidebarButton]").click()
        page.wait_for_timeout(1000)  # it slides in
    choose(page, "Activation", "ReLU")
    settled(page)
    assert "activation=relu" in page.url
