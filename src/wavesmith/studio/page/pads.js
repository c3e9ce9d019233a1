// Pads: twenty places that play at a click or a key, filled one by one while sounds are being made.
//
// A place holds a sound, or waits for number `index` of a job. New sounds take free places first, then those of
// the oldest sounds that are not kept; those stay in the library.

import { api } from "./api.js";
import { attempt, button, colour, h, notice, $ } from "./dom.js";
import * as jobs from "./jobs.js";
import { player } from "./player.js";
import { chosen, emit, history, on, recall, remember, sounds } from "./store.js";
import { waveform } from "./wave.js";

const CODES = [..."1234567890"].map((digit) => `Digit${digit}`).concat([..."QWERTYUIOP"].map((key) => `Key${key}`));
const places = Array.from({ length: CODES.length }, (_, index) => ({ index, holds: null, since: 0, element: null }));
let clock = 0;

export const onPads = () => places.map((place) => place.holds?.sound).filter(Boolean);
const placeOf = (id) => places.find((place) => place.holds?.sound === id);

export function start() {
  const box = $("#pads");
  box.append(
    h(
      "header",
      { class: "strip" },
      h("h2", {}, "Pads"),
      h("p", { class: "soft", id: "pads-told" }, "Click or press a key. Shift plays what a sound was made from."),
      h(
        "div",
        { class: "row" },
        button("undo", "Undo", undo, { shown: true, id: "undo", disabled: true }),
        button("cross", "Clear", clear, { shown: true, title: "Take all that are not kept off the pads; the library has them" }),
        button("save", "Zip", () => save("zip"), { shown: true, title: "Save all pads as WAV files in a zip", id: "save-zip" }),
        button("grid", "Kit", () => save("kit"), { shown: true, title: "Save all pads as a kit: SFZ, DecentSampler, Hydrogen", id: "save-kit" }),
      ),
    ),
    h("div", { class: "pad-grid", role: "group", "aria-label": "Pads" }, places.map(build)),
  );
  restore();
  nameKeys();
  document.addEventListener("keydown", key);
  on("sound", (record) => placeOf(record.id) && draw(placeOf(record.id)));
  on("chosen", () => places.forEach(mark));
  on("history", () => {
    const last = history.last();
    $("#undo").disabled = !last;
    $("#undo").title = last ? `Undo: ${last.words} (Ctrl+Z)` : "Nothing to undo";
  });
  player.onPlay(flash);
}

/** Make sounds onto the pads. */
export async function make(request) {
  const job = await jobs.start(request, handlers);
  wait(job);
  return job;
}

/** Put a sound onto a pad, if it is not on one, and look at it. */
export function put(record) {
  if (!placeOf(record.id)) fill(free(), record);
  chosen.choose(record.id);
}

/** Put what a sound was made from in its place; if that is on a pad already, the place is free again. */
export function back(id, source) {
  const place = placeOf(id);
  if (place) hold(place, placeOf(source.id) ? null : { sound: source.id });
  put(source);
  history.add(`back to ${source.name}`, () => {
    if (place) hold(place, { sound: id });
    put(sounds.get(id));
  });
}

export async function play(id) {
  await attempt(() => player.play(id));
}

/** Take a sound off its pad and into the trash. */
export async function discard(id) {
  const place = placeOf(id);
  const record = await sounds.change(id, { trash: true });
  if (place) hold(place, null);
  if (chosen.id === id) chosen.choose(place ? (places.find((other) => other.holds?.sound)?.holds.sound ?? null) : null);
  history.add(`discard ${record.name}`, async () => {
    const back = await sounds.change(id, { trash: false });
    if (place && !place.holds) hold(place, { sound: id });
    else if (place) fill(free(), back);
    chosen.choose(id);
  });
}

export async function undo() {
  const step = await attempt(() => history.undo());
  if (step) notice(`Undone: ${step.words}.`);
}

// -- places

function free() {
  const place =
    places.find((one) => !one.holds) ??
    places.filter((one) => one.holds.sound && !protectedSound(one.holds.sound)).sort((a, b) => a.since - b.since)[0];
  return place ?? further();
}

/** One more place, which has no key. */
function further() {
  const place = { index: places.length, holds: null, since: 0, element: null };
  places.push(place);
  $(".pad-grid").append(build(place));
  return place;
}

const protectedSound = (id) => sounds.get(id)?.kept || sounds.get(id)?.favourite || id === chosen.id;

/** Hold places for the sounds of a job. */
function wait({ id, total }) {
  const before = places.map((place) => place.holds);
  for (let number = 0; number < total; number += 1) {
    const made = early.get(`${id}/${number}`);
    hold(free(), made ? { sound: made } : { job: id, number });
  }
  history.add("make sounds", async () => {
    const mine = (holds) => holds?.job === id || (holds && sounds.get(holds.sound)?.job === id);
    places.forEach((place, index) => mine(place.holds) && hold(place, before[index]?.sound ? before[index] : null));
    await jobs.cancel(id);
  });
}

const early = new Map(); // "job/number" -> id of a sound that was there before its place was held

const handlers = {
  onSound(record, number) {
    const place = places.find((one) => one.holds?.job === record.job && one.holds.number === number);
    if (!place) early.set(`${record.job}/${number}`, record.id);
    else if (record.trash) hold(place, null);
    else fill(place, record);
    if (place && number === 0) chosen.choose(record.id);
  },
  onEnd(job) {
    for (const place of places) if (place.holds?.job === job.id) hold(place, null);
  },
};

const fill = (place, record) => hold(place, { sound: record.id });

function hold(place, holds) {
  place.holds = holds;
  place.since = clock += 1;
  remember("pads", places.map((one) => one.holds));
  draw(place);
  if (holds?.sound) emit("pad", sounds.get(holds.sound));
}

async function restore() {
  const held = recall("pads", []);
  while (places.length < held.length) further();
  for (const place of places) place.holds = held[place.index] ?? null;
  await Promise.all(places.map(check));
  const waited = new Set(places.map((place) => place.holds?.job).filter(Boolean));
  for (const id of waited) jobs.resume(id, handlers);
  if (onPads().length) chosen.choose(onPads()[0]);
}

/** Leave out what is in the trash by now, or gone. */
async function check(place) {
  const id = place.holds?.sound;
  if (id) {
    const record = await sounds.fetch(id).catch(() => ({ trash: true }));
    if (record.trash && place.holds?.sound === id) place.holds = null;
  }
  draw(place);
}

function clear() {
  const before = places.map((place) => place.holds);
  for (const place of places) if (place.holds?.sound && !sounds.get(place.holds.sound)?.kept) hold(place, null);
  history.add("clear the pads", () => places.forEach((place, index) => before[index] && !place.holds && hold(place, before[index])));
}

async function save(kind) {
  const ids = onPads();
  if (!ids.length) return notice("There is nothing on the pads yet; make some sounds first.", { error: true });
  await attempt(() => api.save("/api/export", { sounds: ids, as: kind, name: kind === "kit" ? "studio kit" : "studio sounds" }));
}

// -- drawing

function build(place) {
  const wave = waveform(null, 120);
  const mel = h("img", { class: "mel", alt: "", draggable: false });
  const name = h("span", { class: "pad-name" });
  const face = h(
    "button",
    { type: "button", class: "pad-face", onclick: (event) => pressed(place, event.shiftKey), disabled: true },
    h("span", { class: "pad-head" }, name, h("kbd", { class: "pad-key" })),
    h("span", { class: "pad-screen" }, wave, mel),
    h("i", { class: "playhead" }),
  );
  const tool = (sign, words, run) => button(sign, words, () => place.holds?.sound && run(place.holds.sound));
  const star = tool("star", "Favourite", toggle("favourite"));
  const keep = tool("keep", "Keep", toggle("kept"));
  const drop = tool("cross", "Discard", (id) => attempt(() => discard(id)));
  place.parts = { wave, mel, name, face, star, keep };
  place.element = h(
    "div",
    {
      class: "pad", dataset: { place: place.index },
      ondragstart: (event) => drag(event, place.holds?.sound),
    },
    face,
    h("div", { class: "pad-tools" }, star, keep, drop),
  );
  draw(place);
  return place.element;
}

function draw(place) {
  const { element, parts, holds } = place;
  if (!element) return;
  const record = holds?.sound && sounds.get(holds.sound);
  element.classList.toggle("waiting", Boolean(holds?.job));
  element.classList.toggle("full", Boolean(record));
  element.draggable = Boolean(record);
  parts.face.disabled = !record;
  colour(element, record?.label);
  if (place.shown !== record?.id) {
    place.shown = record?.id;
    element.dataset.sound = record?.id ?? "";
    element.classList.remove("ready");
    parts.wave.show(record?.id ?? null);
    if (record) ready(place, record);
    else parts.mel.removeAttribute("src");
  }
  parts.name.textContent = record?.name ?? "";
  const key = CODES[place.index]?.at(-1);
  parts.face.setAttribute("aria-label", record ? `Play ${record.name}${key ? `, key ${key}` : ""}` : `Pad ${place.index + 1}, ${holds ? "being made" : "empty"}`);
  press(parts.star, record?.favourite);
  press(parts.keep, record?.kept);
  element.classList.toggle("favourite", Boolean(record?.favourite));
  element.classList.toggle("kept", Boolean(record?.kept));
  mark(place);
}

async function ready(place, record) {
  place.parts.mel.src = api.picture(record.id);
  await player.load(record.id).catch(() => {});
  if (place.shown === record.id) place.element.classList.add("ready");
}

const press = (element, value) => element.setAttribute("aria-pressed", Boolean(value));
const mark = (place) => place.element?.classList.toggle("chosen", Boolean(place.holds?.sound) && place.holds.sound === chosen.id);

function flash(id, length) {
  const element = placeOf(id)?.element;
  if (!element) return;
  element.classList.remove("playing");
  element.style.setProperty("--length", `${length}s`);
  element.getBoundingClientRect(); // begins the animation anew
  element.classList.add("playing");
  setTimeout(() => element.classList.remove("playing"), length * 1000);
}

/** Carry a sound to a track, a source, or, as a file, out of the browser. */
export function drag(event, id) {
  const record = sounds.get(id);
  if (!record) return event.preventDefault();
  event.dataTransfer.setData("application/x-wavesmith", id);
  event.dataTransfer.setData("DownloadURL", `audio/wav:${record.name}.wav:${new URL(api.audio(id), location).href}`);
  event.dataTransfer.effectAllowed = "copy";
  return undefined;
}

// -- playing

function pressed(place, source = false) {
  const id = place.holds?.sound;
  if (!id) return;
  chosen.choose(id);
  play((source && sounds.get(id)?.sources?.[0]) || id);
}

export const toggle = (field) => (id) =>
  attempt(async () => {
    const value = !sounds.get(id)[field];
    await sounds.change(id, { [field]: value });
    history.add(`${value ? "" : "not "}${field === "kept" ? "keep" : "favourite"}`, () => sounds.change(id, { [field]: !value }));
  });

/** Whether letters and digits are being written, and not played. */
export const writing = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || $("#dialog").open ||
  event.target.closest?.("select, textarea, input:not([type=range], [type=checkbox], [type=radio], [type=button])");

function key(event) {
  if (event.repeat || writing(event) || $("#play").hidden) return;
  const index = CODES.indexOf(event.code);
  if (index < 0) return;
  event.preventDefault();
  pressed(places[index], event.shiftKey);
}

/** Write what the keyboard at hand has on its keys; places of keys are the same on all. */
async function nameKeys() {
  const layout = await navigator.keyboard?.getLayoutMap?.().catch(() => null);
  document.querySelectorAll(".pad-key").forEach((cap, index) => {
    const code = CODES[index];
    cap.textContent = layout?.get(code) ?? code?.at(-1).toLowerCase() ?? "";
  });
}
