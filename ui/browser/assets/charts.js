// Has the button under an animated chart name what its next press does, and lets it play again after the last frame.
// On paper, which is narrower than the screen, charts and tables shrink instead of being cut (ui/printing.py).
const PAPER_WIDTH = 680; // pixels between the margins of A4; Letter has a little more
// The server draws charts in the colors of a theme: where the system turns dark or light, it draws them again.
const DARK = matchMedia("(prefers-color-scheme: dark)");
const THEME_MS = 100; // in which the page itself takes the new theme, which it names to the server
const BUTTON = ".updatemenu-button";

// The menu that the button's own listener reads: Plotly makes new ones for its layout while it plays.
function menuOf(button) {
  for (let node = button; node; node = node.parentElement) {
    if (node.__data__?.buttons?.[0]?.args2) {
      return node.__data__;
    }
  }
  return null;
}

function setPlaying(button, playing) {
  const menu = menuOf(button);
  if (menu) {
    menu.active = playing ? 0 : -1;
    button.querySelector("text").textContent = playing ? "Pause" : "Play";
  }
}

function onClick(event) {
  const button = event.target.closest?.(BUTTON);
  const plot = button?.closest(".js-plotly-plot");
  const menu = button && menuOf(button);
  if (!menu) {
    return;
  }
  if (!plot.dataset.player) {
    plot.dataset.player = "followed";
    plot.on("plotly_animated", () => setPlaying(plot.querySelector(BUTTON), false));
  }
  setPlaying(button, menu.active === 0);
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
  const onTheme = () => setTimeout(() => setTriggerValue("event", true), THEME_MS);
  DARK.addEventListener("change", onTheme);
  document.addEventListener("click", onClick);
  window.addEventListener("beforeprint", onBeforePrint);
  window.addEventListener("afterprint", onAfterPrint);
  return () => {
    DARK.removeEventListener("change", onTheme);
    document.removeEventListener("click", onClick);
    window.removeEventListener("beforeprint", onBeforePrint);
    window.removeEventListener("afterprint", onAfterPrint);
  };
}
