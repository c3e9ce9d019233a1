// Training: a folder is looked through, then learnt from, while loss, pictures and sounds tell how it goes.

import { api, follow, over } from "./api.js";
import { chart } from "./chart.js";
import { attempt, h, notice, seconds, whole, $ } from "./dom.js";
import { models, recall, remember } from "./store.js";

const followed = new Map(); // id -> how to stop following
let shown = recall("training", null);
let all = [];
const asked = { folder: "", name: "", examples: "", ...recall("train", {}) };

export async function enter() {
  if (!$("#train").children.length) build();
  const found = await attempt(api.trainings);
  if (!found) return;
  all = found;
  if (!all.some(({ id }) => id === shown)) shown = all.at(-1)?.id ?? null;
  all.forEach(watch);
  draw();
}

function build() {
  const field = (name, words, more = {}) =>
    h(
      "label",
      { class: "field" },
      h("span", {}, words),
      h("input", { name, value: asked[name], autocomplete: "off", spellcheck: false, oninput: (event) => ((asked[name] = event.target.value), remember("train", asked)), ...more }),
    );
  $("#train").append(
    h(
      "form",
      { class: "panel train-form", "aria-label": "Train a model", onsubmit: (event) => (event.preventDefault(), begin()) },
      h("h2", {}, "Train a model on your sounds"),
      h("p", { class: "soft" }, "A folder on this machine; its sub-folders are labels, such as kicks and snares. A few dozen sounds are a start, a few hundred are good."),
      field("folder", "Folder", { required: true, placeholder: "/home/me/my-sounds" }),
      field("name", "Name of the model", { required: true, placeholder: "my-model", pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]{0,39}", title: "Up to 40 letters, digits, - and _" }),
      field("examples", "Examples (looks at a sound)", { type: "number", min: 1, placeholder: "chosen for you" }),
      h("div", { class: "row" }, h("button", { type: "button", id: "scan", onclick: scan }, "Look through it"), h("button", { class: "primary", id: "train-start" }, "Start")),
      h("div", { id: "scan-report", role: "status" }),
    ),
    h("div", { class: "trainings" }, h("nav", { class: "chips", "aria-label": "Trainings", id: "training-list" }), h("div", { id: "training" })),
  );
}

// -- before

async function scan() {
  if (!$("#train [name=folder]").reportValidity()) return;
  const box = $("#scan-report");
  box.replaceChildren(h("p", { class: "soft" }, "Listening to every file …"));
  try {
    box.replaceChildren(...report(await api.scan(asked.folder)));
  } catch (error) {
    box.replaceChildren(h("p", { class: "problem" }, error.message));
  }
}

function report(found) {
  const usable = found.labels.reduce((sum, { files }) => sum + files, 0);
  const most = Math.max(...found.labels.map(({ files }) => files), 1);
  const left = found.left_out.map((one) => (Array.isArray(one) ? { path: one[0], reason: one[1] } : one));
  const rates = Object.entries(found.rates ?? {}).map(([rate, files]) => `${whole(Number(rate))} Hz × ${files}`);
  return [
    h("p", {}, h("b", {}, `${whole(usable)} usable sounds`), rates.length ? `, ${rates.join(", ")}` : ""),
    h(
      "table",
      { class: "scan" },
      h("thead", {}, h("tr", {}, ["Label", "Sounds", "", "Median"].map((words) => h("th", { scope: "col" }, words)))),
      h(
        "tbody",
        {},
        found.labels.map(({ label, files, median }) =>
          h("tr", {}, h("th", { scope: "row" }, label ?? "no label"), h("td", {}, files), h("td", {}, h("meter", { min: 0, max: most, value: files, "aria-hidden": "true" })), h("td", {}, seconds(median ?? 0))),
        ),
      ),
    ),
    left.length
      ? h("details", { class: "fold" }, h("summary", {}, `${left.length} left out`), h("ul", { class: "left-out" }, left.map(({ path, reason }) => h("li", {}, h("b", {}, path), ` ${reason}`))))
      : h("p", { class: "soft" }, "Nothing is left out."),
  ];
}

async function begin() {
  const request = { folder: asked.folder.trim(), name: asked.name.trim() };
  if (asked.examples) request.examples = Number(asked.examples);
  const training = await attempt(() => api.train(request));
  if (training) take(training, true);
}

// -- while it goes on

function watch(training) {
  if (over(training.state) || followed.has(training.id)) return;
  const end = follow(`/api/trainings/${training.id}`, (now) => {
    if (over(now.state)) {
      followed.delete(now.id);
      if (now.state === "done") finished(now);
    }
    take(now);
  });
  followed.set(training.id, end);
}

function finished(training) {
  notice(`${training.name} is trained.`);
  attempt(models.refresh);
}

function take(training, show = false) {
  const at = all.findIndex(({ id }) => id === training.id);
  if (at < 0) all.push(training);
  else all[at] = training;
  if (show) choose(training.id);
  watch(training);
  if (training.id === shown || show) draw();
}

function choose(id) {
  shown = id;
  remember("training", id);
  draw();
}

const STATES = { queued: "waiting", running: "training", stopping: "stopping", stopped: "stopped", done: "done", failed: "failed", cancelled: "stopped" };

function draw() {
  if ($("#train").hidden) return;
  $("#training-list").replaceChildren(
    ...all.map(({ id, name, state }) =>
      h("button", { type: "button", class: "chip-button", "aria-pressed": String(id === shown), onclick: () => choose(id) }, name, h("span", { class: `state ${state}` }, STATES[state] ?? state)),
    ),
  );
  const training = all.find(({ id }) => id === shown);
  if (!training) {
    $("#training").replaceChildren(h("p", { class: "soft" }, "No training yet. It goes on when you close this page, and can be gone on with when the server was stopped."));
    return;
  }
  view(training);
}

/** Redraw only what changes, so that a demo that plays goes on playing. */
function view(training) {
  const box = $("#training");
  if (box.dataset.id !== training.id) {
    box.dataset.id = training.id;
    box.dataset.demos = "";
    box.replaceChildren(h("div", { class: "panel training-now" }), h("div", { class: "demos" }));
  }
  const share = training.examples ? training.seen / training.examples : 0;
  const act = (words, call, more = {}) => h("button", { type: "button", onclick: async () => { const now = await attempt(() => call(training.id)); if (now) take(now); }, ...more }, words);
  $(".training-now", box).replaceChildren(
    h(
      "header",
      { class: "row" },
      h("h2", {}, training.name),
      h("span", { class: `state ${training.state}` }, STATES[training.state] ?? training.state),
      h("span", { class: "soft" }, `${whole(training.seen)} of ${whole(training.examples ?? 0)} examples`),
      over(training.state) ? (training.state === "done" ? null : act("Resume", api.resumeTraining, { id: "train-resume", class: "primary" })) : act("Stop", api.stopTraining, { id: "train-stop" }),
    ),
    h("progress", { max: 1, value: share, "aria-label": "Examples seen" }),
    ...(training.error ? [h("p", { class: "problem" }, training.error)] : []),
    chart(training.losses ?? [], training.held_out ?? [], training.examples),
    h("p", { class: "legend soft" }, h("i", { class: "held" }), "held out: what to look at", h("i", { class: "smooth" }), "training"),
  );
  const demos = JSON.stringify(training.demos ?? []);
  if (box.dataset.demos === demos) return;
  box.dataset.demos = demos;
  $(".demos", box).replaceChildren(...[...(training.demos ?? [])].reverse().map(demo));
}

function demo({ examples, picture, sounds }) {
  return h(
    "section",
    { class: "panel demo" },
    h("h3", {}, `After ${whole(examples)} examples`),
    picture && h("img", { src: picture, alt: `Mel pictures of the sounds after ${examples} examples`, loading: "lazy" }),
    h("div", { class: "demo-sounds" }, sounds.map((url, index) => h("audio", { src: url, controls: true, preload: "none", "aria-label": `Demo ${index + 1}` }))),
  );
}
