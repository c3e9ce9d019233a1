// Models: a list, the choice of one, comparisons and evaluations.

import { api } from "./api.js";
import { card } from "./card.js";
import { attempt, h, $ } from "./dom.js";
import { open as evaluation } from "./evaluation.js";
import * as jobs from "./jobs.js";
import { models, on } from "./store.js";
import { title } from "./words.js";

const compared = new Set();

export async function enter() {
  if (!$("#models").children.length) build();
  await attempt(models.refresh);
  draw();
}

/** Choose a model, and have the server load it, so that the first sound is quick. */
export async function use(name) {
  models.choose(name);
  if (models.current.loaded) return;
  const told = await attempt(() => api.loadModel(name));
  if (told) Object.assign(models.all.find((model) => model.name === name) ?? {}, told);
  if (!$("#models").hidden) draw();
}

function build() {
  on("model", () => !$("#models").hidden && draw());
  $("#models").append(
    h("header", { class: "strip" }, h("h2", {}, "Models"), h("p", { class: "soft" }, "Models that were trained here appear by themselves.")),
    h("div", { class: "model-cards", id: "model-cards" }),
    h("section", { id: "compare", "aria-label": "Compare" }),
    h("section", { id: "report", "aria-label": "Evaluation" }),
  );
}

function draw() {
  $("#model-cards").replaceChildren(...models.all.map(modelCard));
  drawCompare();
}

function modelCard(model) {
  const { name } = model;
  const current = name === models.current.name;
  const line = (words, value) => value && [h("dt", {}, words), h("dd", {}, value)];
  return h(
    "article",
    { class: current ? "panel model current" : "panel model", dataset: { model: name } },
    h("header", { class: "row" }, h("h3", {}, name), current && h("span", { class: "state done" }, "plays"), !current && model.loaded && h("span", { class: "state" }, "loaded")),
    h(
      "dl",
      {},
      line("Makes", model.labels.join(", ") || "sounds without labels"),
      line("Sound", `${model.rate / 1000} kHz, ${model.seconds.toFixed(2)} s`),
      line("Can", model.verbs.map((verb) => verb.replaceAll("_", " ")).join(", ")),
      line("Family", model.family),
      Object.entries(model.facts).map(([fact, text]) => line(title(fact), text)),
      line("Steers", model.timbres?.length ? `${model.timbres.length} timbres` : "no timbres"),
      line("Licence", model.licence),
    ),
    model.card ? h("details", { class: "fold" }, h("summary", {}, "Card"), h("pre", { tabIndex: 0 }, model.card)) : null,
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: current ? "" : "primary", disabled: current, onclick: () => use(name) }, current ? "In use" : "Load"),
      h("button", { type: "button", onclick: () => evaluation(name) }, "Evaluation"),
      h("label", { class: "chip" }, h("input", { type: "checkbox", checked: compared.has(name), onchange: (event) => (event.target.checked ? compared.add(name) : compared.delete(name), drawCompare()) }), h("span", {}, "Compare")),
    ),
  );
}

// -- the same seeds from several models

function drawCompare() {
  const names = [...compared].filter((name) => models.all.some((model) => model.name === name));
  const box = $("#compare");
  if (names.length < 2) {
    box.replaceChildren(h("p", { class: "soft" }, "Tick Compare on two models or more to hear the same seeds side by side."));
    return;
  }
  if (box.dataset.names === names.join()) return;
  box.dataset.names = names.join();
  const labels = [...new Set(names.flatMap((name) => models.all.find((model) => model.name === name).labels))].sort();
  const label = h("select", { "aria-label": "Label" }, h("option", { value: "" }, "any"), labels.map((one) => h("option", { value: one }, one)));
  const seed = h("input", { type: "number", min: 0, value: 1, "aria-label": "Seed" });
  const rows = h("div", { class: "compare-rows" });
  box.replaceChildren(
    h(
      "header",
      { class: "strip" },
      h("h2", {}, "Compare"),
      h("div", { class: "row" }, h("label", { class: "field-inline" }, h("span", { class: "soft" }, "Label"), label), h("label", { class: "field-inline" }, h("span", { class: "soft" }, "Seed"), seed), h("button", { type: "button", class: "primary", id: "compare-make", onclick: () => compare(names, label.value, Number(seed.value), rows) }, "Make four each")),
    ),
    rows,
  );
}

async function compare(names, label, seed, rows) {
  rows.replaceChildren(...names.map((name) => h("section", { class: "compare-row", dataset: { model: name } }, h("h3", {}, name), h("div", { class: "cards" }))));
  for (const name of names) {
    const model = models.all.find((one) => one.name === name);
    const cards = $(`[data-model="${CSS.escape(name)}"] .cards`, rows);
    const request = { verb: "generate", model: name, count: 4, seed, settings: {} };
    if (model.labels.includes(label)) request.settings.label = label;
    await attempt(() => jobs.start(request, { onSound: (record) => cards.append(card(record)) }));
  }
}
