// Small helpers that make elements, icons and words. Text always goes in as text, never as markup.

/** Make an element: `h("button", { class: "quiet", onclick: f, "aria-label": "Play" }, "Play")`. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list") element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (selector, root = document) => root.querySelector(selector);

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const ICONS = {
  play: "M6 4l13 8-13 8z",
  stop: "M6 6h12v12H6z",
  star: "M12 3.5l2.600 5.500 6 .8-4.400 4.200 1.100 6L12 17.200 6.700 20l1.100-6L3.400 9.800l6-.8z",
  keep: "M8 3h8l-1 7 3 4H6l3-4zM12 14v7",
  cross: "M6 6l12 12M18 6L6 18",
  undo: "M9 5L4 10l5 5M4 10h10a6 6 0 010 12h-2",
  dice: "M4 4h16v16H4zM8.500 8.500h.01M15.500 8.500h.01M12 12h.01M8.500 15.500h.01M15.500 15.500h.01",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 017 0v3",
  unlock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 016.800-1.200",
  save: "M12 3v12M7 10l5 5 5-5M4 20h16",
  more: "M3 12c3-9 6 9 9 0s6 9 9 0M3 18c3-9 6 9 9 0s6 9 9 0M3 6c3-9 6 9 9 0s6 9 9 0",
  recipe: "M6 3h9l4 4v14H6zM9 10h7M9 14h7M9 18h4",
  source: "M3 12h12M10 7l5 5-5 5M19 4v16",
  similar: "M9 5a7 7 0 100 14A7 7 0 009 5zM15 5a7 7 0 110 14 7 7 0 010-14z",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  bin: "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14",
};

/** One of the page's own icons, drawn with lines; hidden from screen readers, so label what holds it. */
export function icon(name) {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: `icon-${name}`, "aria-hidden": "true" },
    s("path", { d: ICONS[name] }),
  );
}

/** A button with an icon and, beside it or for screen readers only, its words. */
export function button(name, words, onclick, { shown = false, ...props } = {}) {
  const label = h("span", { class: shown ? "" : "hidden" }, words);
  return h("button", { type: "button", class: "quiet icon", title: words, onclick, ...props }, icon(name), label);
}

/** Show a sentence for a while; errors stay until they are closed. */
export function notice(text, { error = false, action = null } = {}) {
  const close = () => box.remove();
  const box = h(
    "div",
    { class: error ? "notice error" : "notice", role: error ? "alert" : null },
    h("span", {}, text),
    action && h("button", { type: "button", onclick: () => (close(), action.run()) }, action.words),
    h("button", { type: "button", class: "quiet icon", "aria-label": "Close", onclick: close }, icon("cross")),
  );
  const all = $("#notices");
  for (const other of [...all.children]) if (other.firstChild.textContent === text) other.remove();
  all.append(box);
  while (all.children.length > 3) all.firstChild.remove();
  if (!error) setTimeout(close, 6000);
}

/** Run something that may fail, and show the sentence if it does. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notice(error.message, { error: true });
    return undefined;
  }
}

/** Open the dialog with a title and content. */
export function dialog(title, ...content) {
  const box = $("#dialog");
  box.replaceChildren(
    h(
      "header",
      {},
      h("h2", { id: "dialog-title" }, title),
      h("button", { type: "button", class: "quiet icon", "aria-label": "Close", onclick: () => box.close() }, icon("cross")),
    ),
    ...content,
  );
  if (!box.open) box.showModal();
  return box;
}

const HUES = { kick: 0, snare: 1, hihat: 2, percussion: 3 };

/** Give an element the colour of a label: the four drums have theirs, others one by their spelling. */
export function colour(element, label) {
  const spelt = [...(label ?? "")].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 6007, 7);
  element.style.setProperty("--label", `var(--hue-${label ? (HUES[label] ?? spelt % 6) : 6})`);
  return element;
}

export const seconds = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} s`;
export const decibels = (peak) => (peak > 0 ? `${(20 * Math.log10(peak)).toFixed(1)} dB`.replace("-", "−") : "silent");
export const whole = (value) => value.toLocaleString("en-GB");
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const scrollTo = (element) => element.scrollIntoView({ behavior: still() ? "auto" : "smooth", block: "nearest" });
