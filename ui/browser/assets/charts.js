// Plays the animated charts, whose button names what its next press does.
// Plotly checks every attribute of every trace again for each frame, which takes most of a frame's time: here a frame
// only computes and draws the traces that it changes.
// On paper, which is narrower than the screen, charts and tables shrink instead of being cut (ui/printing.py).
const PAPER_WIDTH = 680; // pixels between the margins of A4; Letter has a little more
// The server draws charts in the colors of a theme: where the system turns dark or light, it draws them again.
const DARK = matchMedia("(prefers-color-scheme: dark)");
const THEME_MS = 100; // in which the page itself takes the new theme, which it names to the server
const BUTTON = ".updatemenu-button";
const playing = new Map(); // chart -> what stops it

function nameButton(plot) {
  const label = plot.querySelector(`${BUTTON} text`);
  if (label) {
    label.textContent = playing.has(plot) ? "Pause" : "Play";
  }
}

function merge(target, change) {
  for (const [name, value] of Object.entries(change)) {
    const isPart = value?.constructor === Object && target[name];
    target[name] = isPart ? merge({ ...target[name] }, value) : value;
  }
  return target;
}

// As Plotly's own transition without a duration does: the new values in data, calculated and drawn.
function drawFrame(plot, { name, data, traces = [...data.keys()] }) {
  data.forEach((change, k) => {
    const trace = plot._fullData[traces[k]];
    trace._input = plot.data[traces[k]] = merge({ ...plot.data[traces[k]] }, change);
    merge(trace, change);
    trace._length = Math.min(trace.x.length, trace.y.length);
    if (trace.visible === true) {
      const points = trace._module.calc(plot, trace);
      Object.assign(points[0], { t: points[0].t ?? {}, trace });
      plot.calcdata[traces[k]] = points;
    }
  });
  plot._fullData[traces[0]]._module.basePlotModule.plot(plot, traces, { duration: 0 });
  plot._fullLayout._rehover?.();
  plot._fullLayout._currentFrame = name;
  plot.emit("plotly_animatingframe", { name }); // moves the slider, whose mark Plotly writes to `layout`
  plot._fullLayout.sliders[0].active = plot.layout.sliders[0].active;
}

function play(plot) {
  const { _transitionData: data, _fullLayout: layout } = plot;
  const { duration } = layout.updatemenus[0].buttons[0].args[1].frame;
  const current = data._frames.findIndex(({ name }) => name === layout._currentFrame);
  let next = current < data._frames.length - 1 ? current + 1 : 0;
  let due = performance.now();
  let timer = null;
  const stop = () => {
    clearTimeout(timer);
    playing.delete(plot);
    plot.removeListener?.("plotly_animating", stop);
    nameButton(plot);
  };
  const advance = () => {
    const frames = plot._transitionData?._frames ?? []; // of another run where a control has been changed
    if (next < frames.length) {
      drawFrame(plot, frames[next++]);
      nameButton(plot);
      due = Math.max(due + duration, performance.now());
      timer = setTimeout(advance, due - performance.now());
    } else {
      stop();
      plot.emit?.("plotly_animated");
    }
  };
  playing.set(plot, stop);
  plot.on("plotly_animating", stop); // by its slider
  advance();
}

function onClick(event) {
  const plot = event.target.closest?.(BUTTON)?.closest(".js-plotly-plot");
  if (!plot?._transitionData?._frames.length) {
    return;
  }
  event.stopPropagation(); // Plotly would play too
  if (playing.has(plot)) {
    playing.get(plot)();
    plot.emit("plotly_animated");
  } else {
    play(plot);
  }
}

// Those pressed before this was loaded play on, here.
function takeOver() {
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    if (plot._transitionData?._frameQueue?.length) {
      plot._transitionData._frameQueue.length = 0;
      play(plot);
    }
  }
}

function onBeforePrint() {
  for (const table of document.querySelectorAll("[data-testid=stDataFrame]")) {
    table.style.setProperty("--printed-zoom", Math.min(1, PAPER_WIDTH / table.offsetWidth));
  }
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    const [width, height] = ["width", "height"].map((side) => plot.querySelector(".main-svg").getAttribute(side));
    plot.style.setProperty("--printed-width", `${width}px`);
    plot.style.setProperty("--printed-ratio", `${width} / ${height}`);
    for (const drawing of plot.querySelectorAll(".main-svg")) {
      drawing.setAttribute("viewBox", `0 0 ${drawing.getAttribute("width")} ${drawing.getAttribute("height")}`);
    }
  }
}

function onAfterPrint() {
  for (const drawing of document.querySelectorAll(".js-plotly-plot .main-svg")) {
    drawing.removeAttribute("viewBox");
  }
}

export default function ({ setTriggerValue }) {
  document.getElementById("first-style")?.remove(); // the page has styles of its own by now (ui/margins.py)
  const onTheme = () => setTimeout(() => setTriggerValue("event", true), THEME_MS);
  DARK.addEventListener("change", onTheme);
  document.addEventListener("click", onClick, true);
  takeOver();
  window.addEventListener("beforeprint", onBeforePrint);
  window.addEventListener("afterprint", onAfterPrint);
  return () => {
    DARK.removeEventListener("change", onTheme);
    document.removeEventListener("click", onClick, true);
    window.removeEventListener("beforeprint", onBeforePrint);
    window.removeEventListener("afterprint", onAfterPrint);
  };
}
