// The maker: the form in which a verb, its sources and its settings are chosen, and the button that starts it.

import { api } from "./api.js";
import { attempt, button, colour, h, icon, notice, scrollTo, $ } from "./dom.js";
import * as jobs from "./jobs.js";
import * as pads from "./pads.js";
import { control, mixer, timbre } from "./sliders.js";
import { chosen, models, on, recall, regions, remember, sounds } from "./store.js";
import { markable, regionFields, waveform } from "./wave.js";
import { COUNTS, ELSEWHERE, FOLDED, STARTS, title } from "./words.js";

const SEEDS = 10_000; // of the 2^31 there are: four digits can be read out, and names stay short

let schemas = {}; // what the current model can do: the API's description of each verb
const asked = {
  verb: "generate", label: undefined, lean: null, mixing: false, mix: {}, sources: [], counts: {}, seed: 1, locked: false,
  settings: {}, advanced: {}, timbres: {}, ...recall("maker", {}),
};

const keep = () => remember("maker", asked);
const summary = (verb) => schemas[verb]?.summary ?? "";
const needed = (verb = asked.verb) => Math.min(...(schemas[verb]?.sources ?? [0]));
const welcome = (verb = asked.verb) => Math.max(...(schemas[verb]?.sources ?? [0]));
const properties = (verb = asked.verb) => schemas[verb].settings.properties;
const taking = () => ["vary", ...Object.keys(schemas)].find((verb) => verb in schemas && welcome(verb)) ?? asked.verb;
const takes = (name, verb = asked.verb) => name in properties(verb);

export async function start() {
  const form = $("#maker");
  form.append(
    h("div", { class: "maker-scroll" }, h("fieldset", { class: "verbs" }, h("legend", { class: "hidden" }, "Verb")), h("div", { class: "maker-body" })),
    h("footer", { class: "maker-foot" }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    make();
  });
  await Promise.all(asked.sources.map((id) => sounds.fetch(id).catch(() => (asked.sources = asked.sources.filter((one) => one !== id)))));
  on("model", describe);
  on("jobs", showProgress);
  await describe();
  catchFiles();
}

/** Ask the server what the current model can do, and offer that. */
async function describe() {
  const { name } = models.current;
  const found = await attempt(() => api.verbs(name));
  if (!found || models.current.name !== name) return;
  schemas = found;
  draw();
}

function draw() {
  const able = Object.keys(schemas);
  if (!able.length) return;
  if (!able.includes(asked.verb)) asked.verb = able[0];
  const { labels: known } = models.current;
  if (asked.label !== null && !known.includes(asked.label)) asked.label = known.includes("kick") ? "kick" : (known[0] ?? null);
  if (!known.includes(asked.lean)) asked.lean = null;
  $("#maker .verbs").replaceChildren(h("legend", { class: "hidden" }, "Verb"), ...able.map(verbChip));
  $("#maker .maker-body").replaceChildren(
    h("p", { class: "soft told" }, summary(asked.verb)),
    ...(needed() ? [sources()] : []),
    ...(takes("label") ? [labels()] : []),
    own(),
    ...(takes("guide") ? [timbres()] : []),
    advanced(),
  );
  $("#maker .maker-foot").replaceChildren(...foot());
  showProgress();
}

function verbChip(verb) {
  return h(
    "label",
    { class: "chip", title: summary(verb) },
    h("input", { type: "radio", name: "verb", value: verb, checked: verb === asked.verb, onchange: () => choose(verb) }),
    h("span", {}, title(verb)),
  );
}

function choose(verb) {
  asked.verb = verb;
  if (needed() === 1 && !asked.sources.length && chosen.id) asked.sources = [chosen.id];
  keep();
  const focused = document.activeElement?.name === "verb";
  draw();
  if (focused) $(`#maker [name=verb][value=${verb}]`)?.focus();
}

// -- sources

function sources() {
  const names = welcome() === 1 ? ["Source"] : [..."ABCD"].slice(0, welcome()).map((letter, place) => (place < needed() ? letter : `${letter}, if four`));
  return h("section", { class: "sources", "aria-label": "Sources" }, names.map(well));
}

function well(name, place) {
  const id = asked.sources[place];
  const record = id && sounds.get(id);
  const file = h("input", { type: "file", accept: "audio/*,.wav,.flac,.aif,.aiff,.ogg,.mp3", class: "hidden", "aria-label": `${name}: choose a file`, onchange: (event) => event.target.files.length && upload(event.target.files[0], place) });
  const marks = takes("regions") && record;
  const box = h(
    "div",
    {
      class: record ? "well full" : "well", dataset: { well: place },
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => dropped(event, place),
    },
    h(
      "header",
      { class: "row" },
      h("span", { class: "well-name" }, record ? record.name : name),
      record && button("play", `Play ${name}`, () => pads.play(id)),
      !record && chosen.id && h("button", { type: "button", class: "quiet", onclick: () => set(place, chosen.id) }, "Use chosen"),
      h("label", { class: "file quiet", title: "Choose a file" }, file, h("span", {}, record ? "Other file" : "Choose file")),
      record && button("cross", `Take ${name} away`, () => set(place, null)),
    ),
    record
      ? h("div", { class: "well-screen" }, marks ? markable(id, record.seconds) : waveform(id, 200))
      : welcome() === 1 && h("p", { class: "soft drop" }, "Drop a file or a pad here"),
    marks && regionFields(id, record.seconds),
  );
  return record ? colour(box, record.label) : box;
}

function set(place, id) {
  if (id) asked.sources[place] = id;
  else asked.sources.splice(place, 1);
  asked.sources = asked.sources.filter(Boolean);
  keep();
  draw();
}

function dropped(event, place) {
  event.preventDefault();
  event.stopPropagation();
  document.body.classList.remove("dropping");
  const id = event.dataTransfer.getData("application/x-wavesmith");
  if (id) set(place, id);
  else if (event.dataTransfer.files.length) upload(event.dataTransfer.files[0], place);
}

/** Upload a file; it becomes a source, and a sound of the library. */
async function upload(file, place = 0) {
  const record = await attempt(() => api.upload(file));
  if (!record) return;
  sounds.put(record);
  if (!needed()) asked.verb = taking();
  pads.put(record);
  set(place, record.id);
}

/** While a file is dragged over the page, every verb that takes one is a place to drop it. */
function catchFiles() {
  const able = Object.keys(schemas).filter((verb) => welcome(verb));
  const zones = h(
    "div",
    { class: "drop-zones", "aria-hidden": "true" },
    able.map((verb) =>
      h(
        "div",
        {
          class: "drop-zone",
          ondragover: (event) => event.preventDefault(),
          ondrop: (event) => {
            asked.verb = verb;
            asked.sources = [];
            location.hash = "#play";
            dropped(event, 0);
          },
        },
        h("b", {}, title(verb)),
        h("span", {}, summary(verb)),
      ),
    ),
  );
  document.body.append(zones);
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => files(event) && document.body.classList.add("dropping"));
  addEventListener("dragover", (event) => files(event) && event.preventDefault());
  addEventListener("dragleave", (event) => !event.relatedTarget && document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!files(event)) return;
    event.preventDefault();
    upload(event.dataTransfer.files[0]);
  });
}

// -- labels and timbres

/** The name under which the label is kept: one for new sounds, another for those with a source. */
const slot = () => (needed() ? "lean" : "label");

function labels() {
  const all = models.current.labels;
  const mixing = h("button", { type: "button", class: "quiet", id: "mix", onclick: mix }, asked.mixing ? "One label" : "Mix …");
  return h(
    "fieldset",
    { class: "labels" },
    h("legend", {}, "Label"),
    asked.mixing && mixer(all, asked.mix, (weights) => told(() => (asked.mix = weights))),
    h("div", { class: "chips" }, asked.mixing ? null : [all.map((label) => labelChip(label, label)), labelChip(null, needed() ? "none" : "any")], mixing),
  );
}

function labelChip(label, text) {
  const pick = () => told(() => (asked[slot()] = label));
  const chip = h(
    "label",
    { class: "chip label" },
    h("input", { type: "radio", name: "label", value: label ?? "", checked: asked[slot()] === label, onchange: pick }),
    h("span", {}, text),
  );
  return colour(chip, label);
}

function mix() {
  asked.mixing = !asked.mixing;
  if (!models.current.labels.some((label) => asked.mix[label])) asked.mix = asked.label ? { [asked.label]: 1 } : {};
  keep();
  draw();
  $("#mix").focus();
}

/** Change the request, remember it, and show it on the button. */
function told(change) {
  change();
  keep();
  showProgress();
}

function label() {
  if (!takes("label")) return undefined;
  if (!asked.mixing) return asked[slot()] ?? undefined;
  const weights = Object.entries(asked.mix).filter(([name, weight]) => weight && models.current.labels.includes(name));
  return weights.length ? Object.fromEntries(weights) : undefined;
}

function timbres() {
  const known = models.current.timbres ?? [];
  const set = Object.keys(asked.timbres).filter((name) => known.includes(name)).length;
  const all = known.map((name) => timbre(name, asked.timbres[name], (value) => told(() => place(asked.timbres, name, value))));
  const reset = () => {
    asked.timbres = {};
    keep();
    draw();
  };
  return h(
    "details",
    { class: "fold", open: recall("fold.timbre", innerWidth > 720), ontoggle: (event) => remember("fold.timbre", event.target.open) },
    h("summary", {}, "Timbre", set ? h("span", { class: "badge" }, set) : null),
    known.length
      ? [all, h("button", { type: "button", class: "quiet", onclick: reset }, "All as they come")]
      : h("p", { class: "soft told" }, "This model carries no table of timbres, so it cannot be steered by them."),
  );
}

const place = (values, name, value) => (value === undefined ? delete values[name] : (values[name] = value));

// -- settings

function setting(name, values) {
  return control(name, properties()[name], {
    value: values[name], labels: models.current.labels, change: (value) => told(() => place(values, name, value)),
  });
}

const isOwn = (name) => schemas[asked.verb].own.includes(name) && !FOLDED.has(name);
const shown = () => Object.keys(properties()).filter((name) => !ELSEWHERE.has(name) && properties()[name].type !== "array");

function own() {
  const values = (asked.settings[asked.verb] ??= {});
  for (const [name, value] of Object.entries(STARTS[asked.verb]?.(models.current) ?? {})) values[name] ??= value;
  return h("section", { class: "own", "aria-label": "Settings" }, shown().filter(isOwn).map((name) => setting(name, values)));
}

function advanced() {
  const names = shown().filter((name) => !isOwn(name));
  return h(
    "details",
    { class: "fold", open: recall("fold.advanced", false), ontoggle: (event) => remember("fold.advanced", event.target.open) },
    h("summary", {}, "Advanced"),
    names.map((name) => setting(name, asked.advanced)),
  );
}

function chosenSettings() {
  const known = (values) => Object.entries(values).filter(([name]) => name in properties());
  const settings = Object.fromEntries([...known(asked.advanced), ...known(asked.settings[asked.verb] ?? {})]);
  const steered = Object.entries(asked.timbres).filter(([name]) => models.current.timbres?.includes(name));
  if (steered.length && takes("guide")) settings.guide = steered.map(([name, percentile]) => ({ timbre: name, percentile }));
  if (label() !== undefined) settings.label = label();
  return settings;
}

// -- seed, count and go

function foot() {
  const usual = count();
  const seed = h("input", { type: "number", id: "seed", min: 0, max: 2 ** 31 - 1, step: 1, value: asked.seed, "aria-label": "Seed", onchange: (event) => told(() => setSeed(Number(event.target.value))) });
  const lock = button(asked.locked ? "lock" : "unlock", asked.locked ? "Seed is locked: the same again each time" : "Seed is free: a new one each time", () => {
    asked.locked = !asked.locked;
    keep();
    draw();
    $("#lock").focus();
  }, { id: "lock", "aria-pressed": String(asked.locked) });
  const many = h("input", {
    type: "number", id: "count", min: least(), max: most(), step: 1, value: usual, "aria-label": "Count",
    title: schemas[asked.verb].count.description,
    oninput: (event) => told(() => (asked.counts[asked.verb] = Math.min(most(), Math.max(least(), Math.floor(Number(event.target.value)) || 1)))),
  });
  return [
    h(
      "div",
      { class: "row seeds" },
      h("label", { class: "field-inline" }, h("span", { class: "soft" }, "Count"), many),
      h("label", { class: "field-inline seed" }, h("span", { class: "soft" }, "Seed"), seed),
      lock,
      button("dice", "Another seed", () => told(() => (seed.value = setSeed(anySeed()))), { id: "dice" }),
    ),
    h(
      "div",
      { class: "row go" },
      h("button", { type: "submit", class: "make", id: "make" }, h("span", { class: "make-words" }), h("i", { class: "make-bar" })),
      h("button", { type: "button", id: "stop", hidden: true, onclick: () => attempt(jobs.cancelAll) }, icon("stop"), "Stop"),
    ),
  ];
}

/** Set the seed of the next request. */
function setSeed(seed) {
  Object.assign(asked, { seed: Math.min(2 ** 31 - 1, Math.max(0, Math.floor(seed) || 0)), used: false });
  return asked.seed;
}

const anySeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;
const least = () => schemas[asked.verb].count.minimum;
const most = () => Math.min(64, schemas[asked.verb].count.maximum);
const count = (verb = asked.verb) => asked.counts[verb] ?? COUNTS[verb] ?? schemas[verb]?.count.default ?? 1;

function showProgress() {
  const go = $("#make");
  if (!go) return;
  const { jobs: many, done, total } = jobs.progress();
  const what = asked.verb === "generate" ? [count(), asked.mixing ? "of the mix" : (asked.label ?? "of any")].join(" × ").replace("× of", "of") : [title(asked.verb), count() > 1 && `× ${count()}`].filter(Boolean).join(" ");
  $(".make-words", go).textContent = many ? `${done} of ${total} made` : asked.verb === "generate" ? `Make ${what}` : what;
  go.style.setProperty("--done", many && total ? done / total : 0);
  go.classList.toggle("busy", many > 0);
  $("#stop").hidden = !many;
}

/** Send the request that the form describes. */
export async function make() {
  const sources = asked.sources.slice(0, welcome());
  if (sources.length < needed()) {
    const wanted = needed() === 1 ? "a sound" : `${needed()} sounds`;
    return notice(`${title(asked.verb)} needs ${wanted} to work on; drop one in, or choose one from the pads.`, { error: true });
  }
  const settings = chosenSettings();
  if (takes("regions")) {
    const region = regions.get(sources[0]);
    if (!region) return notice("Mark the part to make anew on the waveform of the source first.", { error: true });
    settings.regions = [region];
  }
  if (asked.used && !asked.locked) $("#seed").value = setSeed(anySeed());
  asked.used = true;
  keep();
  return begin({ verb: asked.verb, count: count(), sources, settings, seed: asked.seed });
}

async function begin(request) {
  const job = await attempt(() => pads.make({ model: models.current.name, ...request }));
  if (job && innerWidth <= 720) scrollTo($("#pads"));
  return job;
}

/** Make variations of a sound, by the amount that is set for `vary`, or its default. */
export function moreLike(id) {
  if (!("vary" in schemas)) return notice("This model cannot vary sounds; choose another one.", { error: true });
  const { amount } = asked.settings.vary ?? {};
  const settings = amount === undefined ? {} : { amount };
  return begin({ verb: "vary", count: count("vary"), sources: [id], settings, seed: anySeed() });
}

/** Make a sound the source; if the verb takes none, another one that does is chosen. */
export function take(id) {
  location.hash = "#play";
  if (!needed()) asked.verb = taking();
  const free = Array.from({ length: welcome() }, (_, index) => index).find((index) => !asked.sources[index]);
  set(free ?? 0, id);
  notice(`${sounds.get(id).name} is the source of ${title(asked.verb)}.`);
}

/** Inpaint the marked part of a sound. */
export function inpaint(id) {
  asked.verb = "inpaint";
  asked.sources = [id];
  keep();
  draw();
  return make();
}
