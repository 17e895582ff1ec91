"""Faults of a drawn page, as a browser sees it: text that is cut, covered or pale, a picture too low, a late shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PICTURE = ".js-plotly-plot .main-svg"
MAX_SHIFT = 0.05  # of the layout after the first result, as Chromium counts it
MAX_TOP = 0.75  # of the screen's height, where the first picture begins

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries().filter(entry => !entry.hadRecentInput)
  .map(entry => [entry.startTime, entry.value]))).observe({type: "layout-shift", buffered: true});
const timer = setInterval(() => {
  if (document.querySelector(".js-plotly-plot .main-svg")) {
    window.firstResult = performance.now();
    clearInterval(timer);
  }
}, 20);
"""
_SHIFT = (
    "() => (window.shifts || []).filter(([at]) => at > window.firstResult).reduce((sum, [, value]) => sum + value, 0)"
)

_SIDEWAYS = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  return Math.max(0, main.scrollWidth - main.clientWidth);
}"""

# Text of the page that a box around it cuts, except in charts, tables, chips, formulas and code.
_CUT_TEXTS = """() => {
  const outside = ".js-plotly-plot, [data-testid=stDataFrame], [data-testid=stMultiSelect], .katex, code, style";
  const isCut = (box, room) => room.width > 8 && room.height > 8 && (box.right > room.right + 1
    || box.left < room.left - 1 || box.bottom > room.bottom + 4 || box.top < room.top - 4);
  return [...document.querySelectorAll("[data-testid=stMain] *, [data-testid=stSidebar] *")]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && !e.closest(outside))
    .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest("details:not([open]) > :not(summary)"))
    .filter(e => {
      const range = document.createRange();
      range.selectNodeContents(e);
      const text = range.getBoundingClientRect();
      const onScreen = text.width > 1 && text.right > 0;  // a closed sidebar lies to the left of it
      for (let at = e; at && onScreen; at = at.parentElement) {
        if (/auto|scroll/.test(getComputedStyle(at).overflow)) return false;  // what it cuts is scrolled to
        if (/hidden|clip/.test(getComputedStyle(at).overflow) && isCut(text, at.getBoundingClientRect())) return true;
      }
      return false;
    })
    .map(e => e.textContent.trim().slice(0, 60));
}"""

# Texts of a chart that leave its picture, whose edge cuts them.
_CUT_LABELS = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => {
  const room = plot.getBoundingClientRect();
  return [...plot.querySelectorAll(".main-svg text")].filter(e => e.textContent.trim() && !e.closest(".hoverlayer"))
    .filter(e => {
      const box = e.getBoundingClientRect();
      return box.width > 0 && (box.left < room.left - 1 || box.right > room.right + 1
        || box.top < room.top - 1 || box.bottom > room.bottom + 1);
    })
    .map(e => e.textContent.slice(0, 60));
})"""

# Pairs of texts of one chart that lie over each other; a box is a quarter taller above and below than its letters.
_OVERLAPS = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => {
  const texts = [...plot.querySelectorAll(".gtitle, .xtitle, .ytitle, .legendtext, .annotation-text, .xtick, .ytick")]
    .filter(e => e.textContent.trim() && e.getBoundingClientRect().width > 0);
  const letters = texts.map(e => {
    const box = e.getBoundingClientRect(), turned = box.height > 3 * box.width;
    const margin = turned ? 2 : box.height / 4;
    return {left: box.left + 2, right: box.right - 2, top: box.top + margin, bottom: box.bottom - margin};
  });
  return texts.flatMap((text, i) => texts.slice(0, i).filter((_, j) =>
    letters[i].left < letters[j].right && letters[j].left < letters[i].right &&
    letters[i].top < letters[j].bottom && letters[j].top < letters[i].bottom)
    .map(other => `${text.textContent.slice(0, 40)} / ${other.textContent.slice(0, 40)}`));
})"""

# Pairs of the page's own texts, in no chart, formula or fixed bar, whose letters lie over each other by 4 pixels.
_TEXTS_OVER_TEXTS = """() => {
  const outside = ".js-plotly-plot, .katex, .their-numbers thead, [data-testid=stDataFrame], .st-key-phone-bar, " +
    "[class*=st-key-waiting]";
  const texts = [...document.querySelectorAll("[data-testid=stMain] :is(h1, h2, h3, p, label, td, th)")]
    .filter(e => e.textContent.trim() && !e.closest(outside) && !e.querySelector(".katex")
      && !e.closest("details:not([open]) > :not(summary)") && e.getBoundingClientRect().width > 0);
  const boxes = texts.map(e => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return range.getBoundingClientRect();
  });
  return texts.flatMap((text, i) => texts.slice(0, i).filter((other, j) =>
    !text.contains(other) && !other.contains(text) &&
    Math.min(boxes[i].right, boxes[j].right) - Math.max(boxes[i].left, boxes[j].left) > 4 &&
    Math.min(boxes[i].bottom, boxes[j].bottom) - Math.max(boxes[i].top, boxes[j].top) > 4)
    .map(other => `${other.textContent.slice(0, 40)} / ${text.textContent.slice(0, 40)}`));
}"""

# Texts, in charts too, whose contrast with what is behind them is below 4.5, or below 3 where they are large or
# symbols. Source: WCAG 2.2, which asks nothing of what is disabled.
_PALE_TEXTS = """() => {
  const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const parse = color => {  // red, green and blue to 255, opacity to 1
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = color;
    paint.fillRect(0, 0, 1, 1);
    const [red, green, blue, opacity] = paint.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, opacity / 255];
  };
  const lay = (front, back) => [0, 1, 2].map(i => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);
  const behind = element => {
    const layers = [];
    for (let at = element; at && layers.at(-1)?.[3] !== 1; at = at.parentElement)
      layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((back, front) => lay(front, back), [255, 255, 255, 1]);
  };
  const luminance = color => {
    const [red, green, blue] = color.slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const outside = "style, script, .katex-mathml, [disabled], [aria-disabled=true], label:has(:disabled), " +
    ".hoverlayer, [data-testid=stSliderThumbValue]";  // it stands beside the colored knob that it belongs to
  return [...document.querySelectorAll("[data-testid=stApp] *")]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && !e.closest(outside))
    .filter(e => e.getBoundingClientRect().width > 1 && e.checkVisibility({visibilityProperty: true}))
    .filter(e => {
      const style = getComputedStyle(e), drawing = e.closest("svg");
      let back = behind(drawing ? drawing.parentElement : e);
      const box = drawing && e.parentElement.querySelector(":scope > rect");
      if (box && getComputedStyle(box).fill !== "none") {
        const {fill, fillOpacity} = getComputedStyle(box);
        back = lay(parse(fill).with(3, Number(fillOpacity)), back);
      }
      const front = parse(drawing ? style.fill : style.color);
      let opacity = front[3] * (drawing ? Number(style.fillOpacity) : 1);
      for (let at = e; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
      const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
      const needed = large || !/[\\p{L}\\p{N}]/u.test(e.textContent) ? 3 : 4.5;
      return opacity > 0.02 && contrast(lay(front.with(3, opacity), back), back) < needed;
    })
    .map(e => e.textContent.trim().slice(0, 60));
}"""

# Formulas that KaTeX refuses, and those whose MathML has elements with more or fewer children than they can have, which
# Firefox does not draw and a screen reader does not read. Source: MathML Core, sections 3.3 and 3.4.
INVALID_FORMULAS = """() => {
  const children = {mfrac: 2, mroot: 2, msub: 2, msup: 2, munder: 2, mover: 2, msubsup: 3, munderover: 3};
  const isWrong = e => e.localName in children && e.childElementCount !== children[e.localName];
  const refused = [...document.querySelectorAll(".katex-error, merror")].map(e => e.textContent);
  return refused.concat([...document.querySelectorAll(".katex-mathml math")]
    .filter(formula => [...formula.querySelectorAll("*")].some(isWrong))
    .map(formula => formula.querySelector("annotation").textContent));
}"""

_FAULTS = {
    "invalid formulas": INVALID_FORMULAS,
    "sideways pixels": _SIDEWAYS,
    "cut texts": _CUT_TEXTS,
    "cut labels of charts": _CUT_LABELS,
    "labels over labels": _OVERLAPS,
    "texts over texts": _TEXTS_OVER_TEXTS,
    "pale texts": _PALE_TEXTS,
}


def find_faults(page: Any, folder: Path) -> dict[str, Any]:
    """The faults of a page as it is drawn now; a picture of it is left in the folder where anything is.

    Args:
        page: Playwright's; shifts of its layout are seen where `WATCH_SHIFTS` is an init script.
    """
    found = {name: page.evaluate(script) for name, script in _FAULTS.items()}
    shift = page.evaluate(_SHIFT)
    found["late shift"] = shift if shift > MAX_SHIFT else 0
    scrolled = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")  # to what was pressed
    top = (page.locator(PICTURE).first.bounding_box()["y"] + scrolled) / page.viewport_size["height"]
    found["top of the picture"] = 0 if 0 < top < MAX_TOP else top
    faults = {name: fault for name, fault in found.items() if fault}
    if faults:
        page.screenshot(path=folder / "faults.png")
    return faults
