// The library: everything made on this machine, searched by words, label, date, model, or likeness.

import { api } from "./api.js";
import { attempt, button, h, notice, whole, $ } from "./dom.js";
import { card } from "./card.js";
import { recipe } from "./bench.js";
import { models, sounds } from "./store.js";
import { title } from "./words.js";

const PAGE = 48;
const wanted = { text: "", label: "", model: "", verb: "", since: "", until: "", favourite: "", kept: "", trash: "", like: "" };
const ticked = new Set();
let asking = 0;

export function enter() {
  if (!$("#library").children.length) build();
  search();
}

/** Show what sounds like a sound. */
export function similar(id) {
  wanted.like = id;
  if (location.hash === "#library") search();
  else location.hash = "#library";
}

function build() {
  const option = (value, words = value) => h("option", { value }, words);
  const select = (name, words, options) =>
    h("label", { class: "field" }, h("span", {}, words), h("select", { name, onchange: change }, option("", "all"), options));
  const day = (name, words) => h("label", { class: "field" }, h("span", {}, words), h("input", { type: "date", name, onchange: change }));
  const tick = (name, words) => h("label", { class: "chip" }, h("input", { type: "checkbox", name, onchange: change }), h("span", {}, words));
  const labels = [...new Set(models.all.flatMap((model) => model.labels))].sort();
  const verbs = [...new Set(models.all.flatMap((model) => model.verbs))];
  $("#library").append(
    h(
      "form",
      { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      h("label", { class: "field grow" }, h("span", {}, "Search"), h("input", { type: "search", name: "text", placeholder: "name, label …", oninput: change })),
      select("label", "Label", labels.map((label) => option(label))),
      select("model", "Model", models.all.map(({ name }) => option(name))),
      select("verb", "Made by", [...verbs.map((verb) => option(verb, title(verb))), option("upload", "Uploaded")]),
      day("since", "From"),
      day("until", "To"),
      h("div", { class: "row chips" }, tick("favourite", "Favourites"), tick("kept", "Kept"), tick("trash", "Trash")),
    ),
    h("div", { class: "strip", id: "found" }),
    h("div", { class: "cards", id: "cards" }),
    h("button", { type: "button", id: "further", hidden: true, onclick: () => search($("#cards").children.length) }, "Show more"),
  );
}

let typing;

function change(event) {
  const { name, type, checked, value } = event.target;
  wanted[name] = type === "checkbox" ? (checked ? "true" : "") : value;
  clearTimeout(typing);
  typing = setTimeout(search, event.type === "input" && type === "search" ? 200 : 0);
}

async function search(offset = 0) {
  const mine = (asking += 1);
  const until = wanted.until && `${wanted.until}T23:59:59`;
  const found = await attempt(() => api.sounds({ ...wanted, until, limit: PAGE, offset }));
  if (!found || mine !== asking) return;
  if (!offset) {
    ticked.clear();
    $("#cards").replaceChildren();
  }
  sounds.put(...found.sounds);
  $("#cards").append(...found.sounds.map(result));
  $("#further").hidden = $("#cards").children.length >= found.total;
  summary(found.total);
}

function result(record) {
  const tools = record.trash
    ? [button("undo", "Restore", (event) => leave(event, record, false), { shown: true })]
    : [
        button("similar", "Sounds like this", () => similar(record.id)),
        button("recipe", "Recipe", () => recipe(record.id)),
        button("bin", "Into the trash", (event) => leave(event, record, true)),
      ];
  return card(record, {
    tools,
    picked: (id, on) => {
      if (on) ticked.add(id);
      else ticked.delete(id);
      summary();
    },
  });
}

/** Move a sound into the trash or out of it. */
async function leave(event, record, trash) {
  const gone = event.currentTarget.closest(".card");
  const done = await attempt(() => sounds.change(record.id, { trash }));
  if (!done) return;
  gone.remove();
  const back = () => attempt(async () => (await sounds.change(record.id, { trash: !trash }), search()));
  notice(trash ? `${record.name} is in the trash.` : `${record.name} is back in the library.`, { action: { words: "Undo", run: back } });
}

let total = 0;

function summary(all = total) {
  total = all;
  const ids = () => (ticked.size ? [...ticked] : [...document.querySelectorAll("#cards .card")].map((one) => one.dataset.sound));
  const save = (kind) => attempt(() => api.save("/api/export", { sounds: ids(), as: kind, name: "studio library" }));
  const like = wanted.like && sounds.get(wanted.like);
  const empty = wanted.trash ? "The trash is empty." : "Nothing here yet; what you make and upload is kept in this place.";
  $("#found").replaceChildren(
    h("h2", {}, wanted.trash ? "Trash" : "Library"),
    h("p", { class: "soft", role: "status" }, all ? `${whole(all)} sound${all === 1 ? "" : "s"}` : empty),
    ...(like ? [h("button", { type: "button", class: "chip-off", onclick: () => ((wanted.like = ""), search()) }, `like ${like.name} ×`)] : []),
    h(
      "div",
      { class: "row" },
      h("span", { class: "soft" }, ticked.size ? `${ticked.size} chosen:` : "All shown:"),
      button("save", "Zip", () => save("zip"), { shown: true, disabled: !all }),
      button("grid", "Kit", () => save("kit"), { shown: true, disabled: !all }),
    ),
  );
}
