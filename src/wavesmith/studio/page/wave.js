// Waveforms as SVG: they follow the page's colours and sizes by themselves.

import { api } from "./api.js";
import { h, s } from "./dom.js";
import { regions, on } from "./store.js";

const known = new Map();

async function peaks(id, points) {
  const key = `${id}/${points}`;
  if (!known.has(key)) known.set(key, api.peaks(id, points));
  try {
    return await known.get(key);
  } catch {
    known.delete(key);
    return [];
  }
}

/** The waveform of a sound; what it is of can be changed by `show(id)`. */
export function waveform(id, points = 160) {
  const path = s("path", { "vector-effect": "non-scaling-stroke" });
  const picture = s("svg", { class: "wave", preserveAspectRatio: "none", viewBox: `0 -1 ${points} 2`, "aria-hidden": "true" }, path);
  picture.show = async (wanted) => {
    id = wanted;
    path.removeAttribute("d");
    if (!wanted) return;
    const found = await peaks(wanted, points);
    if (id !== wanted || !found.length) return;
    const scale = points / found.length;
    const top = found.map(([, high], index) => `${((index + 0.5) * scale).toFixed(1)} ${(-high).toFixed(3)}`);
    const bottom = found.map(([low], index) => `${((index + 0.5) * scale).toFixed(1)} ${(-low).toFixed(3)}`);
    path.setAttribute("d", `M${top.join("L")}L${bottom.reverse().join("L")}Z`);
  };
  picture.show(id);
  return picture;
}

/**
 * A waveform on which a part can be marked by dragging; `regions` holds what is marked, in seconds.
 *
 * With the keyboard a part is marked by the numbers that `regionFields` makes.
 */
export function markable(id, length, points = 320) {
  const mark = h("i", { class: "mark", hidden: true });
  const box = h("div", { class: "markable", title: "Drag to mark a part" }, waveform(id, points), mark);
  const show = () => {
    const region = regions.get(id);
    mark.hidden = !region;
    if (!region) return;
    mark.style.left = `${(100 * region[0]) / length}%`;
    mark.style.width = `${(100 * (region[1] - region[0])) / length}%`;
  };
  const at = (event) => {
    const place = box.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - place.left) / place.width)) * length;
  };
  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const from = at(event);
    const drag = (moved) => {
      const to = at(moved);
      if (Math.abs(to - from) > 0.01 * length) regions.set(id, rounded([Math.min(from, to), Math.max(from, to)], length));
    };
    const end = (left) => {
      if (Math.abs(at(left) - from) <= 0.01 * length) regions.set(id, null);
      box.removeEventListener("pointermove", drag);
    };
    box.setPointerCapture(event.pointerId);
    box.addEventListener("pointermove", drag);
    box.addEventListener("pointerup", end, { once: true });
  });
  on("region", (changed) => changed === id && show(), box);
  show();
  return box;
}

const rounded = ([start, end], length) => [Number(start.toFixed(3)), Math.min(Number(end.toFixed(3)), length)];

/** Two numbers that say the same as a marked part. */
export function regionFields(id, length) {
  const field = (words, place) =>
    h("input", {
      type: "number", min: 0, max: length.toFixed(3), step: 0.005, "aria-label": words,
      onchange: () => {
        const [start, end] = [Number(from.value), Number(to.value)];
        regions.set(id, end > start ? rounded([start, end], length) : null);
      },
      dataset: { place },
    });
  const from = field("Part begins at (seconds)", 0);
  const to = field("Part ends at (seconds)", 1);
  const show = () => {
    const region = regions.get(id);
    if (document.activeElement !== from || region) from.value = region ? region[0] : "";
    if (document.activeElement !== to || region) to.value = region ? region[1] : "";
  };
  on("region", (changed) => changed === id && show(), from);
  show();
  return h("div", { class: "row region-fields" }, h("span", { class: "soft" }, "Part"), from, h("span", { class: "soft" }, "to"), to, h("span", { class: "soft" }, "s"));
}
