// Evaluation: how good a model is beside a folder of real sounds, measured while one goes on playing, and its report.

import { api, follow, over } from "./api.js";
import { attempt, h, notice, scrollTo, whole, $ } from "./dom.js";
import { models, recall, remember } from "./store.js";

const STATES = { running: "evaluating", stopped: "stopped", done: "done", failed: "failed" };
const asked = { reference: "", count: 400, ...recall("evaluation", {}) };
let name = null;
let unfollow = () => {};

/** Show the evaluation of a model: what to compare it with, how far it is, what was found. */
export async function open(model) {
  if (name !== model) build(model);
  scrollTo($("#report"));
  $("#report [name=reference]").focus({ preventScroll: true });
  const there = await api.evaluation(model).catch(() => null);
  if (there && name === model) take(there);
}

function build(model) {
  unfollow();
  name = model;
  const others = models.all.filter((one) => one.name !== model);
  const input = (key, words, more) =>
    h("label", { class: "field" }, h("span", {}, words), h("input", { name: key, value: asked[key], autocomplete: "off", required: true, oninput: (event) => ((asked[key] = event.target.value), remember("evaluation", asked)), ...more }));
  $("#report").replaceChildren(
    h("header", { class: "strip" }, h("h2", {}, `Evaluation of ${model}`)),
    h(
      "form",
      { class: "panel evaluate-form", "aria-label": `Evaluate ${model}`, onsubmit: (event) => (event.preventDefault(), begin(event.target)) },
      input("reference", "Folder of real sounds", { placeholder: "/home/me/my-sounds", spellcheck: false }),
      input("count", "Sounds to make", { type: "number", min: 20, max: 10000 }),
      h("label", { class: "field" }, h("span", {}, "Side by side with"), h("select", { name: "against" }, h("option", { value: "" }, "no other"), others.map((one) => h("option", { value: one.name }, one.name)))),
      h("button", { class: "primary", id: "evaluate-start" }, "Evaluate"),
    ),
    h("div", { class: "evaluation-now" }, h("div", { class: "panel evaluation-state" }), h("div", { class: "evaluation-page" })),
  );
}

async function begin(form) {
  const model = name;
  const request = { reference: asked.reference.trim(), count: Number(asked.count) };
  if (form.elements.against.value) request.against = form.elements.against.value;
  const started = await attempt(() => api.evaluate(model, request));
  if (started && name === model) take(started);
}

/** Show how it goes, and go on following it; a report that is being read stays until there is another. */
function take(evaluation) {
  draw(evaluation);
  unfollow();
  if (over(evaluation.state)) return;
  unfollow = follow(api.evaluationPath(evaluation.model), (now) => {
    if (now.model !== name) return;
    draw(now);
    if (now.state === "done") notice(`${now.model} is evaluated.`);
  });
}

/** Redraw only what changes, so that a button stays under the finger and a report goes on playing. */
function draw(evaluation) {
  const box = $("#report .evaluation-now");
  const key = `${evaluation.created} ${evaluation.state}`;
  if (box.dataset.key !== key) {
    box.dataset.key = key;
    $(".evaluation-state", box).replaceChildren(...told(evaluation));
    $("#evaluate-start").disabled = !over(evaluation.state);
  }
  const { stage, done, total, report, state, created, model } = evaluation;
  const progress = $("progress", box);
  if (progress) {
    Object.assign(progress, { max: total || 1, value: done });
    $(".evaluation-stage", box).textContent = stage ? `${stage}: ${whole(done)} of ${whole(total)}` : "starting …";
  }
  const page = $(".evaluation-page", box);
  const wanted = state === "done" ? created : page.dataset.shown || "an earlier one";
  if (!report || page.dataset.shown === wanted) return;
  page.dataset.shown = wanted;
  page.replaceChildren(
    h("iframe", { title: `Report on ${model}`, sandbox: "allow-scripts", src: report }),
    h("a", { href: report, target: "_blank", rel: "noopener" }, "Open the report by itself"),
  );
}

function told({ model, state, error, reference, count, against }) {
  const act = (words, call) => h("button", { type: "button", onclick: async () => { const now = await attempt(() => call(model)); if (now && name === model) take(now); } }, words);
  return [
    h(
      "header",
      { class: "row" },
      h("span", { class: `state ${state}`, role: "status" }, STATES[state]),
      h("span", { class: "soft" }, `${whole(count)} sounds beside those of ${reference}${against ? `, and those of ${against}` : ""}`),
      over(state) ? state !== "done" && act("Resume", api.resumeEvaluation) : act("Stop", api.stopEvaluation),
    ),
    ...(over(state) ? [] : [h("progress", { "aria-label": "This stage" }), h("p", { class: "soft evaluation-stage" })]),
    ...(error ? [h("p", { class: "problem" }, error)] : []),
  ];
}
