// A sound in a list: its picture, its facts, and the few things that are done to it there.

import { api } from "./api.js";
import { attempt, button, colour, h, seconds } from "./dom.js";
import { drag, play, put, toggle } from "./pads.js";
import { sounds } from "./store.js";
import { waveform } from "./wave.js";

/** A card for a sound; `tools` are further buttons, `picked` a callback if cards can be ticked. */
export function card(record, { tools = [], picked = null } = {}) {
  const { id } = record;
  const star = button("star", "Favourite", async () => {
    await toggle("favourite")(id);
    star.setAttribute("aria-pressed", sounds.get(id).favourite);
  }, { "aria-pressed": String(record.favourite) });
  const made = record.created ? new Date(record.created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "";
  const element = h(
    "article",
    { class: "card", draggable: true, dataset: { sound: id }, ondragstart: (event) => drag(event, id) },
    h(
      "button",
      { type: "button", class: "card-face", "aria-label": `Play ${record.name}`, onclick: () => play(id) },
      h("span", { class: "pad-screen" }, waveform(id, 120), h("img", { class: "mel", src: api.picture(id), alt: "", loading: "lazy", draggable: false })),
    ),
    h(
      "div",
      { class: "card-told" },
      picked && h("input", { type: "checkbox", "aria-label": `Choose ${record.name}`, onchange: (event) => picked(id, event.target.checked) }),
      h("b", { class: "card-name", title: record.name }, record.name),
      h("span", { class: "soft card-facts" }, [record.label, record.verb, record.model, seconds(record.seconds)].filter(Boolean).join(" · ")),
      h("span", { class: "soft card-facts" }, made),
      h("span", { class: "card-tools" }, record.trash ? null : [star, button("grid", "To the pads", () => attempt(async () => put(sounds.put(record))))], ...tools),
    ),
  );
  return colour(element, record.label);
}
