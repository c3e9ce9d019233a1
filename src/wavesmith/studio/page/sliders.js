// Controls made from the API's JSON schemas, and the two kinds of slider that are the studio's own.

import { h } from "./dom.js";
import { SETTINGS, TIMBRES } from "./words.js";

/** What a schema with alternatives, such as "a number or null", comes down to. */
function kindOf(schema) {
  const kinds = schema.anyOf ?? [schema];
  const plain = kinds.find((kind) => kind.type && kind.type !== "null") ?? {};
  return { ...schema, ...plain };
}

/**
 * A control for one setting.
 *
 * @param name of the setting in the API.
 * @param schema JSON schema of the setting.
 * @param value what it is set to; undefined for the model's or the verb's own default.
 * @param labels the model's labels, for settings that are labels.
 * @param fallback the default, where the schema does not say it.
 * @param change called with the new value, undefined for the default.
 */
export function control(name, schema, { value, labels, fallback, change }) {
  const words = { words: schema.title ?? name, ...SETTINGS[name] };
  const kind = kindOf(schema);
  const otherwise = fallback ?? kind.default ?? words.start;
  const options = ["avoid", "to"].includes(name) ? labels : kind.enum;
  if (options) return choice(words, options, { value, otherwise, change });
  if (kind.type === "boolean") return tick(words, { value: value ?? otherwise, change });
  const minimum = kind.minimum ?? words.minimum;
  const maximum = Math.min(kind.maximum ?? Infinity, words.maximum ?? Infinity);
  if (!words.typed && [minimum, maximum, otherwise].every(Number.isFinite)) {
    const step = words.step ?? (kind.type === "integer" ? 1 : (maximum - minimum) / 100);
    return slider(words, { minimum, maximum, step, value: value ?? otherwise, change });
  }
  return entry(words, { kind, value, change });
}

function row(words, ...parts) {
  return h("label", { class: "setting" }, h("span", { class: "setting-words" }, words), ...parts);
}

function choice({ words, options: names = {} }, options, { value, otherwise, change }) {
  const own = otherwise ? `${names[otherwise] ?? otherwise} (as usual)` : "–";
  return row(
    words,
    h(
      "select",
      { onchange: (event) => change(event.target.value || undefined) },
      h("option", { value: "" }, own),
      options.filter((option) => option !== otherwise).map((option) => h("option", { value: option, selected: option === value }, names[option] ?? option)),
    ),
  );
}

function tick({ words }, { value, change }) {
  return row(words, h("input", { type: "checkbox", checked: Boolean(value), onchange: (event) => change(event.target.checked) }));
}

function entry({ words, placeholder }, { kind, value, change }) {
  const number = kind.type !== "string";
  const read = (text) => (text === "" ? undefined : number ? Number(text) : text);
  return row(
    words,
    h("input", {
      type: number ? "number" : "text", step: "any", min: kind.minimum, max: kind.maximum, value: value ?? "",
      placeholder: placeholder ?? kind.default ?? "", onchange: (event) => change(read(event.target.value)),
    }),
  );
}

/** A slider with the words of its two ends below it. */
export function slider({ words, low, high, unit = "" }, { minimum, maximum, step, value, change }) {
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
    { class: "setting wide" },
    h("span", { class: "setting-words", "aria-hidden": "true" }, words),
    range,
    shown,
    (low || high) && h("span", { class: "ends", "aria-hidden": "true" }, h("span", {}, low), h("span", {}, high)),
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
