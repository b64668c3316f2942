// Lines and points over two axes, as SVG.

const SVG = "http://www.w3.org/2000/svg";
const PAD = { left: 54, right: 24, top: 10, bottom: 40 };
export const LEVELS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const SHAPES = ["diamond", "square", "up", "down", "cross", "plus"];

export const levelColor = (k, count) =>
  count <= LEVELS.length ? LEVELS[k] : viridis((0.92 * k) / Math.max(count - 1, 1));

const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

export function viridisRgb(share) {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const k = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[k].map((low, c) => Math.round(low + (at - k) * (STOPS[k + 1][c] - low)));
}

export const viridis = (share) => `rgb(${viridisRgb(share).join(" ")})`;

export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const plain = size >= 1e-3 && size < 1e5;
  const text = plain ? String(Number(value.toPrecision(6))) : String(Number(value.toPrecision(4)).toExponential());
  return text.replace("e+", "e").replaceAll("-", "−");
}

export function ticks(low, high, most) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

function decades(low, high, most) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) return [1, 2, 5].flatMap((m) =>
    [first - 1, first, last].map((p) => m * 10 ** p)).filter((v) => v >= low && v <= high);
  const every = Math.ceil((last - first + 1) / most);
  const found = [];
  for (let p = first; p <= last; p += every) found.push(Number(`1e${p}`));
  return found;
}

const label = (value) => {
  const size = Math.abs(value);
  const text = value !== 0 && (size < 1e-3 || size >= 1e5)
    ? value.toExponential(1).replace(".0e", "e").replace("e+", "e") : String(Number(value.toPrecision(6)));
  return text.replaceAll("-", "−");
};

export function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function range(values, given) {
  let low = Infinity, high = -Infinity;
  for (const row of values) for (const v of row) {
    if (v === null) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(low <= high)) return [0, 1];
  if (low === high) [low, high] = low === 0 ? [-1, 1] : [low - Math.abs(low), high + Math.abs(high)];
  else if (!given) [low, high] = [low - 0.05 * (high - low), high + 0.05 * (high - low)];
  return [low, high];
}

// A higher rank is drawn later and smaller, so that marks on top of each other all show.
function marker(shape, x, y, color, filled, rank = 0) {
  const s = Math.max(5.4 - 1.5 * rank, 2.4);
  const path = {
    circle: `M${x - s} ${y}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0Z`,
    diamond: `M${x} ${y - s * 1.2}L${x + s * 1.2} ${y}L${x} ${y + s * 1.2}L${x - s * 1.2} ${y}Z`,
    square: `M${x - s} ${y - s}h${2 * s}v${2 * s}h${-2 * s}Z`,
    up: `M${x} ${y - s}L${x + s} ${y + s}H${x - s}Z`,
    down: `M${x} ${y + s}L${x + s} ${y - s}H${x - s}Z`,
    cross: `M${x - s} ${y - s}l${2 * s} ${2 * s}M${x + s} ${y - s}l${-2 * s} ${2 * s}`,
    plus: `M${x - s} ${y}h${2 * s}M${x} ${y - s}v${2 * s}`,
  }[shape];
  return svg("path", {
    d: path, stroke: filled && rank ? "#fff" : color, "stroke-width": filled && rank ? 1 : 1.5, fill: filled ? color : "#fff",
    "fill-opacity": filled ? 0.85 : 0.6,
  });
}

export const shapeOf = (k) => SHAPES[k % SHAPES.length];

// drawn: { x, y: { label, log, range }, lines: [{x, y, color, dash, width, name}],
//          points: [{x, y, shape, color, filled, name}], upright: [x], describe }
export function chart(figure, drawn) {
  const width = Math.max(figure.clientWidth - 26, 200), height = drawn.height ?? 260;
  const log = drawn.x.log;
  const [x0, x1] = drawn.x.range ?? range(drawn.lines.map((l) => l.x), true);
  const [y0, y1] = drawn.y.range ?? range(drawn.lines.map((l) => l.y));
  const u = log ? Math.log : (v) => v;
  const px = (v) => PAD.left + ((u(v) - u(x0)) / (u(x1) - u(x0))) * (width - PAD.left - PAD.right);
  const py = (v) => height - PAD.bottom - ((v - y0) / (y1 - y0)) * (height - PAD.top - PAD.bottom);
  const bottom = height - PAD.bottom, right = width - PAD.right;

  const grid = svg("g", {}), data = svg("g", {});
  const most = Math.max(2, Math.floor(width / 85));
  for (const v of log ? decades(x0, x1, most) : ticks(x0, x1, most)) {
    grid.append(
      svg("line", { x1: px(v), x2: px(v), y1: PAD.top, y2: bottom, stroke: "#e3e7ea" }),
      svg("text", { x: px(v), y: bottom + 16, "text-anchor": "middle" }, label(v)),
    );
  }
  for (const v of ticks(y0, y1, 5)) {
    grid.append(
      svg("line", { x1: PAD.left, x2: right, y1: py(v), y2: py(v), stroke: "#e3e7ea" }),
      svg("text", { x: PAD.left - 6, y: py(v) + 4, "text-anchor": "end" }, label(v)),
    );
  }
  for (const v of drawn.upright ?? []) {
    if (v < x0 || v > x1) continue;
    data.append(svg("line", {
      x1: px(v), x2: px(v), y1: PAD.top, y2: bottom, stroke: "#777", "stroke-dasharray": "4 3",
    }));
  }
  for (const line of drawn.lines) {
    let path = "", pen = false;
    for (let k = 0; k < line.x.length; k++) {
      if (line.y[k] === null) { pen = false; continue; }
      path += `${pen ? "L" : "M"}${px(line.x[k]).toFixed(1)} ${py(line.y[k]).toFixed(1)}`;
      pen = true;
    }
    data.append(svg("path", {
      d: path, fill: "none", stroke: line.color, "stroke-width": line.width ?? 2,
      "stroke-dasharray": line.dash ?? "none", "stroke-linejoin": "round",
    }));
  }
  for (const p of drawn.points ?? []) {
    if (p.y !== null && p.x >= x0 && p.x <= x1) {
      data.append(marker(p.shape, px(p.x), py(p.y), p.color, p.filled, p.rank));
    }
  }
  const clip = `clip-${figure.id}`;
  data.setAttribute("clip-path", `url(#${clip})`);
  const picture = svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": drawn.describe },
    svg("clipPath", { id: clip }, svg("rect", {
      x: PAD.left - 6, y: PAD.top - 6, width: right - PAD.left + 12, height: bottom - PAD.top + 12,
    })),
    grid,
    svg("rect", {
      x: PAD.left, y: PAD.top, width: right - PAD.left, height: bottom - PAD.top, fill: "none",
      stroke: "#9aa3ab",
    }),
    data,
    svg("text", { class: "axis", x: (PAD.left + right) / 2, y: height - 6, "text-anchor": "middle" },
      drawn.x.label),
    svg("text", {
      class: "axis", transform: `translate(13 ${(PAD.top + bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle",
    }, drawn.y.label),
  );
  figure.querySelector(".legend").replaceChildren(...legend(drawn));
  figure.querySelector(".picture").replaceChildren(picture);
  figure.dataset.drawn = Number(figure.dataset.drawn ?? 0) + 1;
}

function legend(drawn) {
  const found = new Map();
  for (const line of drawn.lines) if (line.name && !found.has(line.name)) {
    found.set(line.name, svg("line", {
      x1: 1, x2: 25, y1: 6, y2: 6, stroke: line.color, "stroke-width": line.width ?? 2,
      "stroke-dasharray": line.dash ?? "none",
    }));
  }
  for (const p of drawn.points ?? []) if (p.name && !found.has(p.name)) {
    found.set(p.name, marker(p.shape, 13, 6, p.legend ?? p.color, Boolean(p.legend) || p.filled, p.rank));
  }
  return [...found].map(([name, mark]) => {
    const entry = document.createElement("span");
    entry.append(svg("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, mark), name);
    return entry;
  });
}
