// The bench: the chosen sound, large, with its tools.

import { api, saveAs } from "./api.js";
import { attempt, button, colour, decibels, dialog, h, notice, seconds, $ } from "./dom.js";
import * as maker from "./maker.js";
import * as pads from "./pads.js";
import { player } from "./player.js";
import * as sequencer from "./sequencer.js";
import { chosen, history, on, regions, sounds } from "./store.js";
import { markable } from "./wave.js";

let hearsSource = false;

export function start() {
  on("chosen", () => draw());
  on("sound", (record) => record.id === chosen.id && !$("#bench").contains(document.activeElement?.closest("input")) && draw());
  on("region", (id) => id === chosen.id && $("#remake") && ($("#remake").hidden = !regions.get(id)));
  player.onPlay((id, length) => {
    const head = $("#bench .playhead");
    if (!head || ![chosen.id, sounds.get(chosen.id)?.sources?.[0]].includes(id)) return;
    head.style.setProperty("--length", `${length}s`);
    head.classList.remove("run");
    head.getBoundingClientRect();
    head.classList.add("run");
  });
  draw();
}

function draw() {
  hearsSource = false;
  const box = $("#bench");
  const record = sounds.get(chosen.id);
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  if (!record) {
    box.replaceChildren(
      h("p", { class: "bench-empty soft" }, "Make some sounds, or drop a file of yours here. The sound you play is shown large in this place, with all that can be done to it."),
    );
    return;
  }
  colour(box, record.label);
  box.replaceChildren(
    h(
      "div",
      { class: "bench-view" },
      h("div", { class: "bench-screen" }, markable(record.id, record.seconds), h("i", { class: "playhead" }), remake(record.id)),
      h("div", { class: "bench-told" }, title(record), h("p", { class: "soft facts" }, facts(record))),
    ),
    h("div", { class: "bench-tools", role: "toolbar", "aria-label": "The chosen sound" }, tools(record)),
  );
  if (focused) $(`[data-act=${focused}]`, box)?.focus();
}

function title(record) {
  return h("input", {
    class: "bench-name", value: record.name, "aria-label": "Name of the chosen sound", maxLength: 80, spellcheck: false,
    onchange: (event) => rename(record.id, event.target.value.trim()),
    onkeydown: (event) => event.key === "Enter" && event.target.blur(),
  });
}

function facts(record) {
  const seed = record.verb === "upload" || record.source ? null : `seed ${record.seed}`;
  return [record.label, record.verb, seed, seconds(record.seconds), decibels(record.peak)].filter(Boolean).join(" · ");
}

function tools(record) {
  const { id } = record;
  const act = (name, sign, words, run, more = {}) => button(sign, words, run, { shown: true, dataset: { act: name }, ...more });
  const pressed = (value) => ({ "aria-pressed": String(Boolean(value)) });
  const own = record.sources?.length > 0;
  return [
    act("play", "play", "Play", () => pads.play(id), { class: "quiet icon strong" }),
    h("button", { type: "button", class: "ab", id: "ab", dataset: { act: "ab" }, disabled: !own, title: own ? "Play this and its source in turn (B)" : "It was not made from another sound", onclick: compare, "aria-label": "Compare with the source" }, h("b", {}, "A"), h("b", {}, "B")),
    act("like", "more", "More like this", () => maker.moreLike(id), { title: "Vary it (M)" }),
    act("source", "source", "Use as source", () => maker.take(id), { title: "Work on it (S)" }),
    act("favourite", "star", "Favourite", () => pads.toggle("favourite")(id), { ...pressed(record.favourite), title: "Favourite (F)" }),
    act("keep", "keep", "Keep", () => pads.toggle("kept")(id), { ...pressed(record.kept), title: "Keep on its pad (K)" }),
    act("discard", "cross", "Discard", () => attempt(() => pads.discard(id)), { title: "Discard into the trash (Delete)" }),
    act("undo", "undo", own ? "Back to source" : "Undo", () => undo(record), { title: own ? "Put what it was made from in its place (Z)" : "Take it back (Z)" }),
    act("wav", "save", "WAV", () => saveAs(`${api.audio(id)}?download=1`, `${record.name}.wav`), { title: "Save as WAV" }),
    act("recipe", "recipe", "Recipe", () => recipe(id), { title: "Recipe as a command or Python" }),
    h("label", { class: "field-inline" }, h("span", { class: "soft" }, "to"), sequencer.trackPicker(id)),
  ];
}

const remake = (id) =>
  h("button", { type: "button", id: "remake", hidden: !regions.get(id), dataset: { act: "remake" }, onclick: () => maker.inpaint(id) }, "Remake this part");

async function rename(id, name) {
  const before = sounds.get(id).name;
  if (!name || name === before) return draw();
  await attempt(async () => {
    await sounds.change(id, { name });
    history.add(`rename ${before}`, () => sounds.change(id, { name: before }));
  });
  return draw();
}

/** Play the source and the sound in turn, beginning with the source. */
async function compare() {
  const [source] = sounds.get(chosen.id)?.sources ?? [];
  if (!source) return;
  hearsSource = !hearsSource;
  $("#ab")?.setAttribute("data-hears", hearsSource ? "b" : "a");
  await attempt(() => player.play(hearsSource ? source : chosen.id, { alone: true }));
}

/** Go back to what a sound was made from; a sound made from nothing is taken back. */
async function undo(record) {
  const [source] = record.sources ?? [];
  if (!source) return attempt(() => pads.discard(record.id));
  return attempt(async () => pads.back(record.id, await sounds.fetch(source)));
}

export async function recipe(id) {
  const told = await attempt(() => api.recipe(id));
  if (!told) return;
  const block = (words, text) =>
    h(
      "section",
      { class: "recipe" },
      h("header", { class: "row" }, h("h3", {}, words), h("button", { type: "button", onclick: (event) => copy(text, event.target) }, "Copy")),
      h("pre", { tabIndex: 0, "aria-label": words }, text),
    );
  dialog(
    `Recipe of ${sounds.get(id)?.name ?? "the sound"}`,
    block("Command", told.command),
    block("Python", told.python),
    block("Recipe", JSON.stringify(told.recipe, null, 2)),
  );
}

async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    notice("The browser does not let the page copy; mark the text and copy it yourself.", { error: true });
  }
}

/** Single letters that work on the chosen sound. */
export function key(event) {
  const record = sounds.get(chosen.id);
  if (!record || event.shiftKey) return false;
  const run = {
    b: compare,
    m: () => maker.moreLike(record.id),
    s: () => maker.take(record.id),
    f: () => pads.toggle("favourite")(record.id),
    k: () => pads.toggle("kept")(record.id),
    z: () => undo(record),
    delete: () => attempt(() => pads.discard(record.id)),
  }[event.key.toLowerCase()];
  run?.();
  return Boolean(run);
}
