// Controls made from the API's JSON schemas, and the sliders for timbres and mixes of labels.

import { h } from "./dom.js";
import { SLIDERS, TIMBRES, title } from "./words.js";

/**
 * A control for one setting.
 *
 * @param name of the setting in the API.
 * @param schema JSON schema of the setting, with its help text, bounds and default.
 * @param value of the setting; undefined for the default.
 * @param labels of the model, for settings that are labels.
 * @param change called with the new value, undefined for the default.
 */
export function control(name, schema, { value, labels, change }) {
  const page = SLIDERS[name] ?? {};
  const about = { words: title(name), help: schema.description ?? "", unit: page.unit };
  const otherwise = schema.default;
  const options = schema.format === "label" ? labels : schema.enum;
  if (options) return choice(about, options, { value, otherwise, change });
  if (schema.type === "boolean") return tick(about, { value: value ?? otherwise, change });
  const minimum = page.minimum ?? schema.minimum;
  const maximum = Math.min(schema.maximum ?? Infinity, page.maximum ?? Infinity);
  if (!page.typed && [minimum, maximum, otherwise].every(Number.isFinite)) {
    const step = page.step ?? (schema.type === "integer" ? 1 : (maximum - minimum) / 100);
    return slider(about, { minimum, maximum, step, value: value ?? otherwise, change });
  }
  return entry(about, { schema, value, change });
}

function row({ words, help }, ...parts) {
  return h("label", { class: "setting", title: help }, h("span", { class: "setting-words" }, words), ...parts);
}

function choice(about, options, { value, otherwise, change }) {
  const own = otherwise ? `${otherwise} (default)` : "–";
  return row(
    about,
    h(
      "select",
      { onchange: (event) => change(event.target.value || undefined) },
      h("option", { value: "" }, own),
      options.filter((option) => option !== otherwise).map((option) => h("option", { value: option, selected: option === value }, option)),
    ),
  );
}

function tick(about, { value, change }) {
  return row(about, h("input", { type: "checkbox", checked: Boolean(value), onchange: (event) => change(event.target.checked) }));
}

function entry(about, { schema, value, change }) {
  const number = schema.type !== "string";
  const read = (text) => (text === "" ? undefined : number ? Number(text) : text);
  return row(
    about,
    h("input", {
      type: number ? "number" : "text", step: "any", min: schema.minimum, max: schema.maximum, value: value ?? "",
      placeholder: schema.default ?? "default", onchange: (event) => change(read(event.target.value)),
    }),
  );
}

/** A slider with its value beside it. */
export function slider({ words, help = "", unit = "" }, { minimum, maximum, step, value, change }) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const shown = h("output", {});
  const show = (now) => {
    shown.textContent = `${Number(now).toFixed(digits)}${unit && ` ${unit}`}`;
    range.style.setProperty("--at", (now - minimum) / (maximum - minimum));
  };
  const range = h("input", {
    type: "range", min: minimum, max: maximum, step, value, "aria-label": words,
    oninput: (event) => (show(event.target.value), change(Number(event.target.value))),
  });
  show(value);
  return h(
    "div",
    { class: "setting wide", title: help },
    h("span", { class: "setting-words", "aria-hidden": "true" }, words),
    range,
    shown,
  );
}

const LEAST = 4; // percentiles beyond which there is little to follow
const MOST = 96;

/** A timbre's slider: in the middle it asks for nothing; elsewhere for a percentile of the training sounds. */
export function timbre(name, value, change) {
  const [less, more] = TIMBRES[name] ?? [`Less ${name}`, `More ${name}`];
  const told = (now) => (now === 50 ? "as it comes" : now > 50 ? `${more}, above ${now} in 100` : `${less}, below ${100 - now} in 100`);
  const range = h("input", {
    type: "range", class: "both", min: LEAST, max: MOST, step: 1, value: value ?? 50, "aria-label": `${less} or ${more}`,
    oninput: () => use(Number(range.value)),
    ondblclick: () => use(50),
  });
  const use = (asked) => {
    const now = Math.abs(asked - 50) < 2 ? 50 : asked; // a detent, easy to find
    range.value = now;
    show(now);
    change(now === 50 ? undefined : now);
  };
  const left = h("span", { class: "less", "aria-hidden": "true" }, less);
  const right = h("span", { class: "more", "aria-hidden": "true" }, more);
  const show = (now) => {
    const at = (now - LEAST) / (MOST - LEAST);
    range.style.setProperty("--from", Math.min(at, 0.5));
    range.style.setProperty("--to", Math.max(at, 0.5));
    range.setAttribute("aria-valuetext", told(now));
    range.title = `${told(now)}; double-click for as it comes`;
    row.dataset.side = now === 50 ? "" : now > 50 ? "more" : "less";
  };
  const row = h("div", { class: "timbre", dataset: { timbre: name } }, left, range, right);
  show(value ?? 50);
  return row;
}

/** Sliders for a mix of labels; `mix` maps labels to weights. */
export function mixer(labels, mix, change) {
  return h(
    "div",
    { class: "mixer" },
    labels.map((label) => {
      const line = slider(
        { words: label },
        { minimum: 0, maximum: 1, step: 0.05, value: mix[label] ?? 0, change: (weight) => change({ ...mix, [label]: (mix[label] = weight) }) },
      );
      line.dataset.label = label;
      return line;
    }),
  );
}
