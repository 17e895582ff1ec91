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

// Whether the next press pauses: Plotly's listener has run first, but may draw the button's text anew while it plays.
function nameButton(plot) {
  const button = plot.querySelector(BUTTON);
  const menu = menuOf(button);
  const name = menu?.active === 0 ? "Pause" : "Play";
  if (menu && button.textContent !== name) {
    button.querySelector("text").textContent = name;
  }
}

function follow(plot) {
  if (!plot.dataset.player) {
    plot.dataset.player = "followed";
    plot.on("plotly_animatingframe", () => nameButton(plot));
    plot.on("plotly_animated", () => {
      const menu = menuOf(plot.querySelector(BUTTON));
      if (menu) {
        menu.active = -1;
      }
      nameButton(plot);
    });
  }
  nameButton(plot);
}

function onClick(event) {
  const button = event.target.closest?.(BUTTON);
  if (button && menuOf(button)) {
    follow(button.closest(".js-plotly-plot"));
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
  document.addEventListener("click", onClick);
  // Those pressed before this was loaded.
  document.querySelectorAll(`.js-plotly-plot ${BUTTON}`).forEach((button) => onClick({ target: button }));
  window.addEventListener("beforeprint", onBeforePrint);
  window.addEventListener("afterprint", onAfterPrint);
  return () => {
    DARK.removeEventListener("change", onTheme);
    document.removeEventListener("click", onClick);
    window.removeEventListener("beforeprint", onBeforePrint);
    window.removeEventListener("afterprint", onAfterPrint);
  };
}
