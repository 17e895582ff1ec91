// Theory's line and band, redrawn from curves that were sent once while a slider is dragged; its release trains a network.
const WIDTH = 560, HEIGHT = 220, LEFT = 56, RIGHT = 12, TOP = 12, BOTTOM = 34;
const RELEASE_MS = 350; // of rest after a key press, so that a held key trains one network and not ten
let released = null; // the slider that has the keyboard while a network is trained, after which this is drawn anew
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

const superscript = (power) =>
  (power < 0 ? "⁻" : "") + [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[digit]).join("");

function number(decades) {
  if (decades > -3 && decades < 5) return String(Number((10 ** decades).toPrecision(2)));
  const power = Math.floor(decades + 0.0022); // 9.95 and more are rounded to 10
  return `${(10 ** (decades - power)).toPrecision(2)}×10${superscript(power)}`;
}

function make(tag, attributes, parent, namespace = "http://www.w3.org/1999/xhtml") {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.appendChild(element);
  return element;
}

const draw = (tag, attributes, parent) => make(tag, attributes, parent, "http://www.w3.org/2000/svg");

// The lowest and the highest power of ten of all curves of a family, so that the axis stays while one moves.
function ends(family) {
  const values = family.curves.flatMap(({ median, half }) =>
    median.flatMap((value, k) => (value === null ? [] : [value - (half[k] ?? 0), value + (half[k] ?? 0)])),
  );
  return [Math.max(-40, Math.floor(Math.min(-1, ...values))), Math.min(40, Math.ceil(Math.max(1, ...values)))];
}

function drawCurve(svg, family, curve) {
  const [low, high] = ends(family);
  const last = curve.median.length - 1;
  const x = (layer) => LEFT + (last ? layer / last : 0.5) * (WIDTH - LEFT - RIGHT);
  const y = (power) => TOP + ((high - Math.max(low, Math.min(high, power))) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  svg.replaceChildren();
  const step = Math.max(1, Math.ceil((high - low) / 5));
  for (let power = Math.ceil(low / step) * step; power <= high; power += step) {
    draw("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(power), y2: y(power) }, svg);
    draw("text", { x: LEFT - 6, y: y(power) + 4, "text-anchor": "end" }, svg).textContent =
      power === 0 ? "1" : power === 1 ? "10" : `10${superscript(power)}`;
  }
  const every = Math.max(1, Math.ceil((last + 1) / 12));
  for (let layer = 0; layer <= last; layer += every)
    draw("text", { x: x(layer), y: HEIGHT - 16, "text-anchor": "middle" }, svg).textContent = layer + 1;
  draw("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 1, "text-anchor": "middle" }, svg).textContent =
    "layer, from the input to the output";
  const points = curve.median.map((value, k) => [k, value, curve.half[k]]).filter(([, value]) => value !== null);
  const banded = points.filter(([, , half]) => half !== null);
  const at = (k, power) => `${x(k).toFixed(1)},${y(power).toFixed(1)}`;
  const upper = banded.map(([k, value, half]) => at(k, value + half));
  const lower = banded.map(([k, value, half]) => at(k, value - half)).reverse();
  draw("polygon", { class: "band", points: [...upper, ...lower].join(" ") }, svg);
  draw("polyline", { class: "line", points: points.map(([k, value]) => at(k, value)).join(" ") }, svg);
}

function describe(curve) {
  const [first, half] = [curve.median[0], curve.half[0]];
  if (first === null) return "The values leave the range of floating-point numbers.";
  const band = half === null ? "" : `; 95 % of networks: ${number(first - half)} to ${number(first + half)}`;
  return `Layer 1 of a typical network gets ${number(first)} of the output’s delta${band}.`;
}

export default function ({ parentElement, data, setTriggerValue }) {
  parentElement.querySelector(".live")?.remove();
  const root = make("div", { class: "live" }, parentElement);
  const controls = make("div", {}, root);
  const picture = make("div", {}, root);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, picture);
  let timer = null;
  const show = (family, curve) => {
    drawCurve(svg, family, curve);
    words.textContent = describe(curve);
    svg.setAttribute("aria-label", `Theory: delta of each layer relative to the output’s. ${words.textContent}`);
  };
  const sliders = data.families.map((family) => {
    const label = make("label", {}, controls);
    label.append(family.label);
    const value = make("span", { class: "value" }, label);
    const slider = make("input", { type: "range", min: 0, max: family.values.length - 1, step: 1 }, label);
    slider.value = family.at;
    slider.name = family.field;
    const say = () => {
      value.textContent = family.values[slider.value];
      slider.setAttribute("aria-valuetext", `${family.label} ${value.textContent}`);
    };
    slider.addEventListener("input", () => {
      say();
      show(family, family.curves[slider.value]);
    });
    slider.addEventListener("change", () => {
      clearTimeout(timer);
      const event = { field: family.field, value: family.values[slider.value] };
      timer = setTimeout(() => {
        released = slider.matches(":focus") ? family.field : null;
        setTriggerValue("event", event);
      }, RELEASE_MS);
    });
    say();
    if (released === family.field && document.activeElement === document.body) slider.focus({ preventScroll: true });
    return slider;
  });
  released = null;
  const words = make("output", {}, controls);
  show(data.families[0], data.families[0].curves[sliders[0].value]);
  return () => {
    clearTimeout(timer);
    root.remove();
  };
}
