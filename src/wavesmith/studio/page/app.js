// Brings the rooms of the page to life and finds one's way between them.

import * as bench from "./bench.js";
import { attempt, dialog, h, notice, $ } from "./dom.js";
import * as library from "./library.js";
import * as maker from "./maker.js";
import * as modelsRoom from "./models.js";
import * as pads from "./pads.js";
import { player } from "./player.js";
import * as sequencer from "./sequencer.js";
import { models, on, recall } from "./store.js";
import * as training from "./train.js";

const ROOMS = { play: null, library, train: training, models: modelsRoom };

function enter() {
  const room = location.hash.slice(1) in ROOMS ? location.hash.slice(1) : "play";
  for (const name of Object.keys(ROOMS)) $(`#${name}`).hidden = name !== room;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#${room}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.room = room;
  ROOMS[room]?.enter();
}

function modelMenu() {
  const menu = $("#model");
  const draw = () => {
    menu.replaceChildren(...models.all.map(({ name }) => h("option", { value: name, selected: name === models.current.name }, name)));
  };
  menu.addEventListener("change", () => modelsRoom.use(menu.value));
  on("models", draw);
  on("model", draw);
}

function help() {
  const line = (keys, words) => h("tr", {}, h("th", { scope: "row" }, keys.split(" ").map((key) => h("kbd", {}, key))), h("td", {}, words));
  dialog(
    "Keys",
    h(
      "table",
      { class: "keys" },
      h(
        "tbody",
        {},
        line("1 … 0 Q … P", "play a pad; with Shift, what it was made from"),
        line("G", "make sounds"),
        line("M", "more like the chosen sound"),
        line("S", "use it as source"),
        line("B", "hear its source and itself in turn"),
        line("F", "favourite"),
        line("K", "keep it on its pad"),
        line("Z", "back to what it was made from"),
        line("Delete", "discard it into the trash"),
        line("Space", "play or stop the sequencer"),
        line("↑ ↓", "on a step: louder, softer; left and right go on"),
        line("Ctrl+Z", "undo"),
        line("?", "this help"),
      ),
    ),
    h("p", { class: "soft" }, "All sounds are kept in the library on this machine; what is discarded is in its trash. The page uses nothing from the network."),
  );
}

function keys(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.target.closest?.("input:not([type=range]), textarea")) {
    event.preventDefault();
    return pads.undo();
  }
  if (event.repeat || pads.writing(event)) return undefined;
  if (event.key === "?") return help();
  if (document.body.dataset.room !== "play") return undefined;
  if (sequencer.key(event)) return undefined;
  if (event.key.toLowerCase() === "g" && !event.shiftKey) return maker.make();
  return bench.key(event);
}

/** A button that was clicked gives the keys back, so that Space plays; one that was reached by Tab keeps them. */
function leaveButtons(event) {
  if (event.detail) event.target.closest("button")?.blur();
}

async function start() {
  modelMenu();
  $("#volume").value = recall("volume", 0.8);
  $("#volume").addEventListener("input", (event) => (player.volume = Number(event.target.value)));
  $("#help-open").addEventListener("click", help);
  document.addEventListener("keydown", keys);
  addEventListener("hashchange", enter);
  $("#play").addEventListener("click", leaveButtons);
  addEventListener("pointerdown", () => player.context.resume(), { once: true, capture: true });
  addEventListener("keydown", () => player.context.resume(), { once: true, capture: true });
  sequencer.start();
  bench.start();
  pads.start();
  await models.refresh();
  const wanted = models.all.find(({ name }) => name === recall("model")) ?? models.current;
  models.choose(wanted.name);
  await maker.start();
  enter();
  document.body.classList.add("ready");
  if (!wanted.loaded) modelsRoom.use(wanted.name);
}

addEventListener("unhandledrejection", (event) => notice(event.reason?.message ?? "Something went wrong in the page.", { error: true }));
attempt(start);
