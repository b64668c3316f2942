// The pictures of each view, drawn from the pieces of an answer.

import { chart, levelColor, shapeOf, shown } from "/static/chart.js";
import { heatMap } from "/static/heatmap.js";
import { surfaces } from "/static/surface.js";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function figure(place, id, title, broad = false) {
  const made = element("figure", { id, ...(broad ? { class: "broad" } : {}) });
  made.append(
    element("figcaption", {}, title), element("div", { class: "legend" }),
    element("div", { class: "picture" }),
  );
  place.append(made);
  return made;
}

const LATE = 400; // ms

// A view keeps the last good piece of each kind: what is wrong since is shown pale.
class View {
  constructor(place) {
    this.place = place;
    this.last = {};
    this.homes = {};
  }

  // What belongs to the state before turns pale where an answer takes long.
  begin() {
    clearTimeout(this.late);
    const left = this.left = new Set(Object.values(this.homes));
    this.late = setTimeout(() => left.forEach((home) => home.classList.add("stale")), LATE);
  }

  draw(piece) {
    if (piece.piece === "end") clearTimeout(this.late);
    const home = this.homes[piece.piece];
    if (!home) return;
    this.left?.delete(home);
    home.classList.toggle("stale", Boolean(piece.line));
    if (piece.line) return;
    this.last[piece.piece] = piece;
    this[piece.piece](piece);
  }

  redraw() {
    for (const [name, piece] of Object.entries(this.last)) this[name](piece);
  }

  stale() {
    for (const home of Object.values(this.homes)) home.classList.add("stale");
  }
}

const span = (values) => [values[0], values[values.length - 1]];

class Passage extends View {
  constructor(place) {
    super(place);
    this.homes = {
      levels: figure(place, "levels", "Levels, crossings marked"),
      populations: figure(place, "populations", "Populations through the passage"),
      rates: figure(place, "rates", "Closed forms (marks) against the exact answer (lines)", true),
    };
    this.homes.verdict = element("section", { id: "verdict", class: "broad" });
    place.insertBefore(this.homes.verdict, this.homes.rates);
  }

  begin() {
    super.begin();
    this.points = [];
    this.complete = false;
  }

  levels(found) {
    const x = found.position, count = found.levels.length;
    const lines = found.diabats.map((y) => ({ x, y, color: "#8a8a8a", dash: "4 4", width: 1.2 }));
    if (lines.length) lines[0].name = "diagonal of H";
    found.levels.forEach((y, k) => {
      lines.push({ x, y, color: levelColor(k, count), width: 2.4, name: `level ${k}` });
    });
    chart(this.homes.levels, {
      x: { label: found.x, range: span(x) }, y: { label: found.y }, lines,
      points: found.crossings.map((one) => ({
        x: one.position, y: one.energy, shape: "circle", color: "#1a1a1a", filled: !one.avoided,
        name: one.avoided ? "avoided crossing" : "true crossing",
      })),
      describe: `${count} levels; ${found.crossings.map((one) =>
        `crossing at ${shown(one.position)}, gap ${shown(one.gap)}`).join("; ") || "no crossing"}`,
    });
  }

  populations(found) {
    const count = found.populations.length;
    chart(this.homes.populations, {
      x: { label: found.x, range: span(found.time) }, y: { label: "population", range: [-0.02, 1.02] },
      lines: found.populations.map((y, k) => ({
        x: found.time, y, color: levelColor(k, count), name: found.states[k],
      })),
      describe: `Populations; at the end ${found.populations.map((y, k) =>
        `${found.states[k]} ${shown(y[y.length - 1])}`).join(", ")}`,
    });
  }

  verdict(found) {
    const states = found.exact.map((_, k) => k).sort((a, b) => found.exact[b] - found.exact[a])
      .slice(0, 4).sort((a, b) => a - b);
    const head = element("tr", {}, ...["", "domain", ...states.map((k) => found.states[k]), "difference"]
      .map((text) => element("th", { scope: "col" }, text)));
    const row = (name, values, difference, domain) => element("tr", {},
      element("td", {}, name), element("td", domain ? { class: domain } : {}, domain),
      ...states.map((k) => element("td", {}, shown(values[k]))), element("td", {}, difference));
    const rows = [row("exact", found.exact, "", "")];
    for (const one of found.predictions) {
      rows.push(row(one.name, one.probabilities, shown(Number(one.difference.toPrecision(2))),
        one.valid ? "within" : "outside"));
    }
    const table = element("table", {}, head, ...rows);
    this.homes.verdict.replaceChildren(
      element("h2", {}, "Verdict"),
      element("p", { class: found.trusted ? "verdict" : "verdict outside" }, found.verdict),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Final probabilities" }, table),
      element("p", { class: "soft" }, `Estimated error of the exact amplitudes: ${shown(found.error)}.`),
      ...found.notes.map((note) => element("p", { class: "soft" }, `Note: ${note}.`)),
      ...found.predictions.filter((one) => one.checks.length).flatMap((one) => [
        element("h3", {}, `${one.name}: conditions against their limits`), ...one.checks.map(check),
      ]),
    );
    this.homes.verdict.dataset.drawn = Number(this.homes.verdict.dataset.drawn ?? 0) + 1;
  }

  rates(found) {
    const count = found.exact.length;
    const chosen = count === 2 ? [1 - Math.min(this.initial(), 1)] : [...found.exact.keys()];
    this.chosen = chosen;
    chart(this.homes.rates, {
      height: 300,
      x: { label: found.label, log: found.logarithmic && found.values[0] > 0,
        range: [Math.min(...found.values), Math.max(...found.values)] },
      y: { label: "final probability", range: [-0.02, 1.02] },
      lines: chosen.map((k) => ({
        x: found.values, y: found.exact[k], color: levelColor(k, count), name: `exact, ${found.states[k]}`,
      })),
      points: this.marks(found, count),
      upright: [found.now],
      describe: `Final probabilities over ${found.label}`,
    });
  }

  initial() {
    return Number(document.getElementById("question.initial")?.value ?? 0) || 0;
  }

  marks(found, count) {
    const names = [...new Set(this.points.flatMap((point) => point.found.map((one) => one.name)))];
    const marks = this.points.flatMap((point) => point.found.flatMap((one) => this.chosen.map((k) => {
      const rank = names.indexOf(one.name);
      return {
        x: found.values[point.index], y: one.probabilities[k], filled: one.valid, rank,
        shape: shapeOf(rank), color: levelColor(k, count), legend: "#555", name: one.name,
      };
    })));
    return marks.sort((a, b) => a.rank - b.rank);
  }

  draw(piece) {
    if (piece.piece === "end") return this.finish();
    if (piece.piece !== "predicted") return super.draw(piece);
    this.points.push(piece);
    if (!this.due) {
      this.due = requestAnimationFrame(() => {
        this.due = 0;
        if (this.last.rates) this.rates(this.last.rates);
      });
    }
  }

  finish() {
    const found = this.points.flatMap((point) => point.found);
    const inside = found.filter((one) => one.valid).length;
    let note = this.homes.rates.querySelector(".soft");
    if (!note) this.homes.rates.append(note = element("p", { class: "soft" }));
    note.textContent = this.last.rates
      ? `Filled marks: within the domain (${inside} of ${found.length}); hollow: outside.`
      : "This experiment has no table [scan] to be drawn over.";
    this.homes.rates.dataset.complete = String(this.points.length);
  }
}

function check(one) {
  const share = one.share === null ? 1e3 : Math.min(Math.max(one.share, 1e-4), 1e2);
  const track = element("div", { class: "track", "aria-hidden": "true" });
  const bar = element("div", { class: one.satisfied ? "bar" : "bar out" });
  bar.style.width = `${(100 * (Math.log10(share) + 4)) / 6}%`; // the limit is at two thirds
  track.append(bar, element("div", { class: "limit" }));
  const sign = one.condition === ">=" ? "≥" : "≤";
  return element("div", { class: "check" },
    element("span", {}, one.satisfied ? one.quantity : `${one.quantity}: ${one.message}`), track,
    element("span", { class: one.satisfied ? "number within" : "number outside" },
      `${one.value === null ? "–" : shown(Number(one.value.toPrecision(3)))} (${sign} ${shown(Number(one.limit.toPrecision(3)))})`));
}

class Fringes extends View {
  constructor(place) {
    super(place);
    this.homes = { map: figure(place, "map", "Mean population: click, or move with the arrow keys", true) };
    this.cuts = [
      figure(place, "along-offset", "Along the offset"), figure(place, "along-amplitude", "Along the amplitude"),
    ];
    this.paint = heatMap(this.homes.map, (i, j) => this.cut(i, j));
  }

  map(found) {
    const bytes = Uint8Array.from(atob(found.population), (c) => c.charCodeAt(0));
    this.values = new Float32Array(bytes.buffer);
    this.paint(found, this.values);
    this.homes.map.dataset.drawn = Number(this.homes.map.dataset.drawn ?? 0) + 1;
  }

  cut(i, j) {
    const { offsets, amplitudes, range, x, y } = this.last.map;
    const across = amplitudes.length;
    const draw = (home, label, at, values, where) => chart(home, {
      height: 200, x: { label, range: span(at) },
      y: { label: "population", range: [0, Math.max(range[1] * 1.05, 1e-9)] },
      lines: [{ x: at, y: values, color: "#0072b2" }], upright: [where],
      describe: `Population along the ${label}`,
    });
    const value = this.values[i * across + j];
    draw(this.cuts[0], x, offsets, offsets.map((_, k) => this.values[k * across + j]), offsets[i]);
    draw(this.cuts[1], y, amplitudes, [...this.values.slice(i * across, (i + 1) * across)], amplitudes[j]);
    return `${x} ${shown(offsets[i])}, ${y} ${shown(amplitudes[j])}: population ${shown(Number(value.toPrecision(6)))} (${this.last.map.measured})`;
  }
}

class Plane extends View {
  constructor(place) {
    super(place);
    this.homes = { surfaces: figure(place, "surfaces", "Two levels: turn them by dragging, or with the arrow keys", true) };
    this.homes.meetings = element("section", { id: "meetings", class: "broad" });
    place.append(this.homes.meetings);
    this.view = surfaces(this.homes.surfaces);
  }

  surfaces(found) {
    this.view(found);
    this.homes.surfaces.dataset.drawn = Number(this.homes.surfaces.dataset.drawn ?? 0) + 1;
  }

  meetings(found) {
    const { gap, at, labels } = this.last.surfaces ?? { gap: 0, at: [], labels: [] };
    const where = (p) => `(${p.map((v) => shown(Number(v.toPrecision(5)))).join(", ")})`;
    const places = found.meetings.map((one) => `${where(one.position)}, energy ${shown(Number(one.energy.toPrecision(6)))}`);
    this.homes.meetings.replaceChildren(
      element("h2", {}, "Where the levels meet"),
      element("p", { class: "verdict" }, places.length
        ? `The levels meet at ${places.length} place${places.length > 1 ? "s" : ""}: ${places.join("; ")}.`
        : `The levels do not meet: on the grid shown they come as close as ${shown(Number(gap.toPrecision(5)))}, at ${labels.join(", ")} = ${where(at)}.`),
      element("p", {}, `The lower level gains the phase ${shown(Number((found.phase / Math.PI).toPrecision(6)))} π around the edge of the box.`),
      element("p", { class: "soft" }, "A search from random starts may miss an intersection: more starts find more."),
    );
    this.homes.meetings.dataset.drawn = Number(this.homes.meetings.dataset.drawn ?? 0) + 1;
  }
}

export const VIEWS = {
  passage: (place) => new Passage(place),
  interferogram: (place) => new Fringes(place),
  geometry: (place) => new Plane(place),
};
