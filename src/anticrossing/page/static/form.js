// The controls: one for every number, formula and choice in the tables of an experiment.

const TITLES = {
  hamiltonian: "Levels", drive: "Drive", environment: "Surroundings", question: "Question",
  scan: "Scan", units: "Units", interferogram: "Driven qubit", geometry: "Plane", sweep: "Sweep",
};
const ORDER = ["hamiltonian", "drive", "environment", "question", "interferogram", "geometry", "scan"];
const COUNTS = new Set([
  "points", "starts", "sites", "qubits", "levels", "cutoff", "initial", "samples", "seed",
]);
const SIGNED = new Set([
  "start", "stop", "offset", "from", "to", "start_time", "stop_time", "centre", "phase", "tilt_x",
  "tilt_y", "split", "detuning",
]);
const CHOICES = { // words of a table of which one is chosen
  basis: ["adiabatic", "superadiabatic", "diabatic"], scale: ["linear", "log"],
  coordinate: ["charge", "flux"],
};
const STEPS = 400; // of a slider

function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const FOLDED = new Set(["question", "scan"]); // what is rarely moved
const unfolded = new Set();

const words = (key) => key.replaceAll("_", " ");

export function buildForm(form, kind, tables, opening, on) {
  const page = { form, kind, tables, opening, ...on };
  const sections = ORDER.filter((name) => tables[name] !== undefined || offered(page, name));
  form.replaceChildren(...sections.map((name) => section(page, name)));
}

// What a passage may have although its tables do not: it is offered.
const offered = (page, name) =>
  page.kind === "passage" && (name === "environment" || name === "question");

function section(page, name) {
  const box = frame(name, TITLES[name] ?? words(name));
  if (name === "hamiltonian") chooseModel(page, box);
  if (name === "drive") chooseTable(page, box, "drive", "kind", page.opening.drives);
  if (name === "environment") chooseTable(page, box, "environment", "kind", page.opening.surroundings);
  if (name === "question") page.tables.question = { initial: 0, basis: "adiabatic", ...page.tables.question };
  fields(page, box, page.tables[name], [name]);
  return box;
}

function frame(name, title) {
  if (!FOLDED.has(name)) return node("fieldset", {}, node("legend", {}, title));
  const box = node("details", { id: name, open: unfolded.has(name) }, node("summary", {}, title));
  box.addEventListener("toggle", () => unfolded[box.open ? "add" : "delete"](name));
  return box;
}

function chooser(box, id, label, options, value, changed) {
  const select = node("select", { id });
  for (const [key, text] of options) {
    select.append(node("option", { value: key, selected: key === value }, text));
  }
  select.addEventListener("change", () => changed(select.value));
  box.append(node("div", { class: "row wide" }, node("label", { for: id }, label), select));
}

function chooseModel(page, box) {
  const { kind, tables, opening } = page;
  const known = opening.models[kind] ?? {};
  const own = tables.hamiltonian?.model === undefined;
  const typed = { ...opening.views[kind], hamiltonian: opening.own[kind] };
  const names = Object.keys(known);
  if (!own && !names.includes(tables.hamiltonian.model)) names.push(tables.hamiltonian.model);
  const options = [["", "a matrix of formulas"], ...names.map((name) => [name, name])];
  chooser(box, "model", "model", options, own ? "" : tables.hamiltonian.model, (name) => {
    const start = name ? known[name] : typed; // drive, scan and units belong to the levels
    if (start) {
      const points = tables.scan?.points;
      for (const key of Object.keys(tables)) if (key !== "environment") delete tables[key];
      Object.assign(tables, structuredClone(start));
      if (points && tables.scan?.points) tables.scan.points = points;
    }
    page.rebuild("model");
  });
}

function chooseTable(page, box, name, key, known) {
  const { tables } = page;
  const found = tables[name];
  if (Array.isArray(found) && found.length) return; // several tables: they stay as they are
  const now = found?.[key] ?? "none";
  const options = Object.keys(known).map((word) => [word, word]);
  if (name === "environment") options.unshift(["none", "none"]);
  if (!options.some(([word]) => word === now)) options.push([now, now]);
  chooser(box, `${name}.${key}`, key, options, now, (word) => {
    if (word === "none") delete tables[name];
    else if (known[word]) tables[name] = structuredClone(known[word]);
    if (name === "drive") followScan(page, word);
    page.rebuild(`${name}.${key}`);
  });
}

// The scan is over how fast the drive is; another kind says that by another number.
function followScan({ tables }, word) {
  const key = { sinusoidal: "frequency", gaussian: "width", formula: "parameters.rate" }[word] ?? "rate";
  const value = key === "parameters.rate" ? tables.drive.parameters.rate : tables.drive[key];
  tables.scan = {
    parameter: `drive.${key === "parameters.rate" ? "rate" : key}`,
    from: value / 10, to: value * 10, points: tables.scan?.points ?? 21, scale: "log",
  };
}

function fields(page, box, table, path) {
  for (const [key, value] of Object.entries(table ?? {})) {
    if (key === "model" || key === "kind") continue;
    field(page, box, table, key, value, [...path, key]);
  }
}

function field(page, box, table, key, value, path) {
  const set = (changed) => {
    table[key] = changed;
    page.changed();
  };
  if (key === "matrix" && value.every?.(Array.isArray)) matrix(page, box, value, set, path);
  else if (key === "parameters") parameters(page, box, table, value, path);
  else if (typeof value === "boolean") checkbox(box, key, value, set, path);
  else if (CHOICES[key] && CHOICES[key].includes(value)) {
    chooser(box, path.join("."), words(key), CHOICES[key].map((word) => [word, word]), value, set);
  } else if (typeof value === "number") number(box, key, value, set, path);
  else if (typeof value === "string") text(box, key, value, set, path, (typed) => typed);
  else if (isList(value)) list(box, key, value, set, path);
  else if (isTable(value)) lines(box, key, value, set, path);
  else if (Array.isArray(value) || typeof value !== "object") {
    text(box, key, JSON.stringify(value), set, path, fromJson);
  } else {
    const inner = node("div", { role: "group", "aria-label": words(key) });
    inner.append(node("p", { class: "soft" }, words(key)));
    fields(page, inner, value, path);
    box.append(inner);
  }
}

const isList = (value) => Array.isArray(value) && value.length > 0
  && value.every((entry) => ["number", "string"].includes(typeof entry));
const isTable = (value) => Array.isArray(value) && value.length > 0 && value.every(isList);

// A list is typed with commas. Names stay names, be they digits.
const joined = (entries) => entries.join(", ");
const parted = (typed, like) => typed.split(",").map((entry) => entry.trim()).filter(Boolean)
  .map((entry) => (like.every((one) => typeof one === "string") ? entry : fromText(entry)));

function list(box, key, value, set, path) {
  text(box, key, joined(value), set, path, (typed) => parted(typed, value));
}

function lines(box, key, value, set, path) {
  const id = path.join(".");
  const area = node("textarea", { id, rows: String(value.length), spellcheck: false, wrap: "off" });
  area.value = value.map(joined).join("\n");
  area.addEventListener("input", () => {
    const rows = area.value.split("\n").filter((row) => row.trim());
    set(rows.map((row) => parted(row, value[0])));
  });
  box.append(node("div", { class: "row wide" }, node("label", { for: id }, words(key)), area));
}

function fromJson(typed) {
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

// What is no number goes to the server as it was typed, which says what is wrong with it.
function fromText(typed) {
  const value = typed.trim() === "" ? NaN : Number(typed);
  return Number.isFinite(value) ? value : typed;
}

function text(box, key, value, set, path, read) {
  const id = path.join(".");
  const input = node("input", { id, class: "value", type: "text", spellcheck: false });
  input.value = value;
  input.addEventListener("input", () => set(read(input.value)));
  box.append(node("div", { class: "row wide" }, node("label", { for: id }, words(key)), input));
}

function checkbox(box, key, value, set, path) {
  const id = path.join(".");
  const input = node("input", { id, type: "checkbox", checked: value });
  input.addEventListener("change", () => set(input.checked));
  box.append(node("div", { class: "row wide" }, input, " ", node("label", { for: id }, words(key))));
}

const short = (value) => String(Number(value.toPrecision(4)));

// The scale of a slider: by factors for what is positive, by steps for what may change its sign.
function scale(key, value) {
  if (value > 0 && !SIGNED.has(key)) {
    const low = Math.log(value / 30), high = Math.log(value * 30);
    return {
      at: (v) => (v > 0 ? (STEPS * (Math.log(v) - low)) / (high - low) : 0),
      value: (s) => Math.exp(low + (s / STEPS) * (high - low)),
    };
  }
  const reach = value === 0 ? 2 : 2 * Math.abs(value);
  return {
    at: (v) => (STEPS * (v - value + reach)) / (2 * reach),
    value: (s) => {
      const found = value - reach + (s / STEPS) * 2 * reach;
      return Math.abs(found) < 1e-9 * reach ? 0 : found;
    },
  };
}

function number(box, key, value, set, path) {
  const id = path.join(".");
  const typed = node("input", { id, class: "value", type: "text", inputmode: "decimal" });
  typed.value = String(value);
  const row = node("div", { class: "row" }, node("label", { for: id }, words(key)), typed);
  if (COUNTS.has(key)) {
    typed.addEventListener("input", () => set(fromText(typed.value)));
    typed.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      typed.value = String(Number(typed.value) + step);
      set(fromText(typed.value));
    });
    box.append(row);
    return;
  }
  const along = scale(key, value);
  const slider = node("input", {
    id: `${id}.slider`, type: "range", min: "0", max: String(STEPS), "aria-label": words(key),
  });
  const tell = (v) => slider.setAttribute("aria-valuetext", short(v));
  slider.value = along.at(value);
  tell(value);
  slider.addEventListener("input", () => {
    typed.value = short(along.value(Number(slider.value)));
    tell(Number(typed.value));
    set(Number(typed.value));
  });
  typed.addEventListener("input", () => {
    const found = fromText(typed.value);
    if (typeof found === "number") {
      slider.value = along.at(found);
      tell(found);
    }
    set(found);
  });
  row.append(slider);
  box.append(row);
}

function matrix(page, box, value, set, path) {
  const id = path.join(".");
  const area = node("textarea", { id, rows: String(Math.max(value.length + 1, 3)), spellcheck: false, wrap: "off" });
  area.value = value.map((row) => row.join(", ")).join("\n");
  area.addEventListener("input", () => {
    const rows = area.value.split("\n").filter((row) => row.trim());
    set(rows.map((row) => row.split(",").map((entry) => fromText(entry.trim()))));
  });
  const hint = "A row on each line, entries between commas, in x and the parameters.";
  const both = page.kind === "geometry" ? hint.replace("in x and", "in x, y and") : hint;
  box.append(
    node("div", { class: "row wide" }, node("label", { for: id }, "matrix"), area),
    node("p", { class: "soft" }, both),
  );
}

function parameters(page, box, table, value, path) {
  const id = `${path.join(".")}.names`;
  const input = node("input", { id, class: "value", type: "text", spellcheck: false });
  input.value = Object.keys(value).join(", ");
  input.addEventListener("change", () => {
    const names = input.value.split(",").map((name) => name.trim()).filter(Boolean);
    table.parameters = Object.fromEntries(names.map((name) => [name, value[name] ?? 1]));
    page.rebuild(id);
  });
  box.append(
    node("div", { class: "row wide" }, node("label", { for: id }, "names of parameters"), input),
  );
  fields(page, box, value, path);
}
