// The step sequencer: sixteen steps for four tracks, scheduled on the audio clock.
//
// A timer looks a little ahead and hands every step that is due to the audio clock at its exact time, so that
// a late timer is never heard.

import { api } from "./api.js";
import { attempt, button, colour, h, notice, $ } from "./dom.js";
import * as jobs from "./jobs.js";
import { onPads, writing } from "./pads.js";
import { player } from "./player.js";
import { on, models, recall, remember, sounds } from "./store.js";

const STEPS = 16;
const AHEAD = 0.12; // seconds that are scheduled before they are heard
const HIDDEN_AHEAD = 1.5; // browsers let timers of hidden pages run once a second
const TICK = 30; // milliseconds
const FRESH_AMOUNT = 0.2; // the same hit, played again
const PARTS = ["kick", "snare", "hihat", "percussion"];
const BEATS = { kick: [0, 6, 8], snare: [4, 12], hihat: [0, 2, 4, 6, 8, 10, 12, 14], percussion: [11] };

const line = (part) => ({
  sound: null, takes: [], fresh: false, muted: false,
  steps: Array.from({ length: STEPS }, (_, step) => (BEATS[part].includes(step) ? (step % 4 ? 0.65 : 0.9) : 0)),
});
const bar = { tempo: 110, swing: 0, tracks: PARTS.map(line), ...recall("bar", {}) };
const keep = () => remember("bar", bar);
let rows = [];

export function start() {
  $("#sequencer").append(head(), h("div", { class: "tracks" }, (rows = bar.tracks.map(row)).map((one) => one.element)));
  on("sound", (record) => (record.trash ? drop(record.id) : drawTracks()));
  on("pad", offer);
  on("models", drawTracks);
  for (const id of bar.tracks.flatMap(held)) sounds.fetch(id).then(() => player.load(id)).catch(() => drop(id));
  drawTracks();
}

const held = (track) => [track.sound, ...track.takes].filter(Boolean);

/** The sounds that a track's hits take in turn. */
const takes = (track) => (track.fresh && track.takes.length ? track.takes : [track.sound].filter(Boolean));

function drop(id) {
  if (!bar.tracks.some((track) => held(track).includes(id))) return;
  for (const track of bar.tracks) {
    if (track.sound === id) Object.assign(track, { sound: null, takes: [] });
    track.takes = track.takes.filter((take) => take !== id);
  }
  keep();
  drawTracks();
}

/** A new sound takes the first empty track that suits its label, so that there is something to play at once. */
function offer(record) {
  const part = PARTS.indexOf(record.label);
  if (part >= 0 && !bar.tracks[part].sound) assign(part, record.id);
  else drawTracks();
}

export function assign(index, id) {
  Object.assign(bar.tracks[index], { sound: id, takes: [] });
  keep();
  player.load(id).catch(() => {});
  drawTracks();
  if (bar.tracks[index].fresh) refresh(index);
}

/** A menu that puts a sound onto a track. */
export function trackPicker(id) {
  return h(
    "select",
    { "aria-label": "Put onto a track of the sequencer", onchange: (event) => { assign(Number(event.target.value), id); event.target.value = ""; } },
    h("option", { value: "" }, "track"),
    bar.tracks.map((_, index) => h("option", { value: index }, index + 1)),
  );
}

// -- drawing

function head() {
  const number = (words, name, { min, max, step, scale = 1, unit }) =>
    h(
      "label",
      { class: "field-inline" },
      h("span", { class: "soft" }, words),
      h("input", {
        type: "number", id: name, min, max, step, value: Math.round(bar[name] * scale), "aria-label": `${words}, ${unit}`,
        onchange: (event) => {
          bar[name] = Math.min(max, Math.max(min, Number(event.target.value) || min)) / scale;
          event.target.value = Math.round(bar[name] * scale);
          keep();
        },
      }),
    );
  return h(
    "header",
    { class: "strip" },
    h("h2", {}, "Sequencer"),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: "transport", id: "transport", "aria-pressed": "false", onclick: toggle, title: "Play or stop (Space)" }, "Play"),
      number("BPM", "tempo", { min: 40, max: 240, step: 1, unit: "beats per minute" }),
      number("Swing", "swing", { min: 0, max: 75, step: 1, scale: 100, unit: "percent" }),
    ),
    h(
      "div",
      { class: "row" },
      button("grid", "Fill from pads", fillFromPads, { shown: true, title: "Give each track a sound from the pads" }),
      button("cross", "Clear", clear, { shown: true, title: "Take all steps out" }),
      button("save", "WAV", () => save("wav"), { shown: true, id: "bar-wav", title: "Save the bar as WAV" }),
      button("save", "MIDI", () => save("midi"), { shown: true, id: "bar-midi", title: "Save the bar as MIDI" }),
    ),
  );
}

function row(track, index) {
  const picker = h("select", { class: "track-sound", "aria-label": `Sound of track ${index + 1}`, onchange: (event) => event.target.value && assign(index, event.target.value) });
  const hear = button("play", `Play track ${index + 1}`, () => track.sound && player.play(track.sound));
  const fresh = button("dice", "Each hit a fresh variation", () => setFresh(index));
  const mute = h("button", { type: "button", class: "quiet mute", "aria-label": `Mute track ${index + 1}`, onclick: () => { track.muted = !track.muted; keep(); drawTracks(); } }, "M");
  const cells = track.steps.map((_, step) => cell(track, index, step));
  const element = h(
    "div",
    {
      class: "track", role: "group", "aria-label": `Track ${index + 1}`,
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        const id = event.dataTransfer.getData("application/x-wavesmith");
        if (id) event.preventDefault(), assign(index, id);
      },
    },
    h("div", { class: "track-head" }, hear, picker, fresh, mute),
    h("div", { class: "steps" }, cells),
  );
  return { element, picker, fresh, mute, cells };
}

/** A step: click or Enter for on and off, drag or arrow keys up and down for the velocity. */
function cell(track, index, step) {
  const set = (value) => {
    track.steps[step] = Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
    keep();
    drawCell(element, track.steps[step], index, step);
  };
  const element = h("button", { type: "button", class: "step", tabIndex: index + step ? -1 : 0, dataset: { step, track: index } });
  element.addEventListener("pointerdown", (event) => {
    const [from, before] = [event.clientY, track.steps[step]];
    let moved = false;
    const move = (now) => {
      moved ||= Math.abs(now.clientY - from) > 4;
      if (moved) set((before || 0.8) + (from - now.clientY) / 80);
    };
    element.setPointerCapture(event.pointerId);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", () => {
      element.removeEventListener("pointermove", move);
      if (moved) element.dataset.moved = "yes";
    }, { once: true });
  });
  element.addEventListener("click", () => {
    if (element.dataset.moved) delete element.dataset.moved;
    else set(track.steps[step] ? 0 : 0.8);
  });
  element.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    const [down, right] = { PageDown: [1, 0], PageUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], Home: [0, -step], End: [0, STEPS - 1 - step] }[event.key] ?? [0, 0];
    if (by) set((track.steps[step] || 0.5) + by);
    else if (down || right) walk(index + down, step + right);
    else return;
    event.preventDefault();
  });
  element.addEventListener("focus", () => {
    for (const other of rows.flatMap((one) => one.cells)) other.tabIndex = other === element ? 0 : -1;
  });
  drawCell(element, track.steps[step], index, step);
  return element;
}

const walk = (index, step) => rows[(index + rows.length) % rows.length].cells[(step + STEPS) % STEPS].focus();

function drawCell(element, velocity, index, step) {
  element.style.setProperty("--velocity", velocity);
  element.setAttribute("aria-pressed", velocity > 0);
  element.setAttribute("aria-label", `Track ${index + 1}, step ${step + 1}${velocity ? `, velocity ${Math.round(velocity * 100)} percent` : ""}`);
}

function drawTracks() {
  const there = onPads();
  rows.forEach(({ element, picker, fresh, mute }, index) => {
    const track = bar.tracks[index];
    const record = sounds.get(track.sound);
    colour(element, record?.label ?? PARTS[index]);
    const ids = [...new Set([track.sound, ...there].filter(Boolean))];
    const shown = ids.map((id) => `${id}/${sounds.get(id)?.name}`).join();
    if (picker.dataset.shown !== shown + track.sound) {
      picker.dataset.shown = shown + track.sound;
      picker.replaceChildren(
        h("option", { value: "" }, "no sound"),
        ...ids.map((id) => h("option", { value: id, selected: id === track.sound }, sounds.get(id)?.name ?? "…")),
      );
    }
    element.dataset.takes = takes(track).length;
    fresh.setAttribute("aria-pressed", track.fresh);
    fresh.title = track.fresh ? `Each hit a fresh variation: ${track.takes.length} so far; press twice for others` : "Each hit a fresh variation";
    fresh.disabled = !track.sound;
    mute.setAttribute("aria-pressed", track.muted);
    element.classList.toggle("muted", track.muted);
  });
}

function fillFromPads() {
  const free = onPads();
  if (!free.length) return notice("There is nothing on the pads yet; make some sounds first.", { error: true });
  const take = (wanted) => {
    const at = free.findIndex((id) => !wanted || sounds.get(id)?.label === wanted);
    return at < 0 ? null : free.splice(at, 1)[0];
  };
  const suited = PARTS.map(take);
  suited.forEach((id, index) => {
    const found = id ?? take(null);
    if (found) assign(index, found);
  });
  return undefined;
}

function clear() {
  for (const track of bar.tracks) track.steps.fill(0);
  keep();
  rows.forEach(({ cells }, index) => cells.forEach((element, step) => drawCell(element, 0, index, step)));
}

// -- fresh variations

function setFresh(index) {
  const track = bar.tracks[index];
  track.fresh = !track.fresh;
  keep();
  drawTracks();
  if (track.fresh) refresh(index);
}

/** Have a variation made for every hit of a track; they are used as they come. */
async function refresh(index) {
  const track = bar.tracks[index];
  const source = track.sound;
  const hits = Math.max(2, track.steps.filter(Boolean).length);
  const found = [];
  const request = {
    verb: "vary", model: models.current.name, count: hits, sources: [source], settings: { amount: FRESH_AMOUNT },
    seed: crypto.getRandomValues(new Uint32Array(1))[0] % 10_000,
  };
  await attempt(() =>
    jobs.start(request, {
      async onSound(record) {
        await player.load(record.id).catch(() => {});
        if (track.sound !== source) return;
        found.push(record.id);
        track.takes = [...found];
        keep();
        drawTracks();
      },
    }),
  );
}

// -- playing

const clock = { timer: null, step: 0, at: 0, turns: [], due: [], last: [] };

const stepSeconds = () => 60 / bar.tempo / 4;

async function toggle() {
  if (clock.timer) return stop();
  await player.context.resume();
  if (!bar.tracks.some((track) => track.sound)) fillFromPads();
  if (!bar.tracks.some((track) => track.sound)) return undefined;
  Object.assign(clock, { step: 0, at: player.context.currentTime + 0.05, turns: bar.tracks.map(() => 0), due: [], last: [] });
  clock.timer = setInterval(look, TICK);
  look();
  requestAnimationFrame(light);
  return show(true);
}

function stop() {
  clearInterval(clock.timer);
  clock.timer = null;
  for (const { voice } of clock.due) voice?.stop();
  clock.due = [];
  rows.forEach(({ cells }) => cells.forEach((element) => element.classList.remove("now")));
  show(false);
}

function show(playing) {
  const transport = $("#transport");
  transport.textContent = playing ? "Stop" : "Play";
  transport.setAttribute("aria-pressed", playing);
}

/** Hand everything that is due soon to the audio clock. Every second step waits by `swing` of a step. */
function look() {
  const now = player.context.currentTime;
  const until = now + (document.hidden ? HIDDEN_AHEAD : AHEAD);
  if (clock.at < now - 0.2) clock.at = now + 0.02; // the machine slept
  while (clock.at < until) {
    const when = clock.at + (clock.step % 2 ? bar.swing * stepSeconds() : 0);
    bar.tracks.forEach((track, index) => hit(track, index, when));
    clock.due.push({ when, step: clock.step });
    clock.at += stepSeconds();
    clock.step = (clock.step + 1) % STEPS;
  }
}

async function hit(track, index, when) {
  const velocity = track.steps[clock.step];
  const all = takes(track);
  if (!velocity || track.muted || !all.length) return;
  const id = all[clock.turns[index]++ % all.length];
  const buffer = await player.load(id).catch(() => null); // decoded long ago, so this waits for nothing
  if (!buffer || !clock.timer) return;
  const voice = player.schedule(buffer, when, velocity ** 2); // SFZ's curve, which the saved bar has, too
  if (isHat(sounds.get(track.sound))) clock.last[index]?.stop(when);
  clock.last[index] = voice;
  clock.due.push({ when: when + buffer.duration, voice });
}

/** Hats choke themselves, as in the kits that are saved. */
const isHat = (record) => /hat/i.test(record?.label ?? "");

function light() {
  if (!clock.timer) return;
  const now = player.context.currentTime;
  const heard = clock.due.filter(({ when, step }) => step !== undefined && when <= now).at(-1);
  clock.due = clock.due.filter((one) => one.when > now || one === heard);
  if (heard && clock.lit !== heard) {
    clock.lit = heard;
    rows.forEach(({ cells }) => cells.forEach((element, step) => element.classList.toggle("now", step === heard.step)));
  }
  requestAnimationFrame(light);
}

/** Space plays and stops, wherever no button or field takes it. */
export function key(event) {
  if (event.code !== "Space" || writing(event) || event.target.closest?.("button, summary, a, [type=checkbox], [type=radio]")) return false;
  event.preventDefault();
  toggle();
  return true;
}

async function save(kind) {
  const tracks = bar.tracks
    .filter((track) => track.sound && !track.muted)
    .map((track) => ({ sounds: takes(track), steps: track.steps }));
  if (!tracks.length) return notice("No track has a sound yet; use Fill from pads.", { error: true });
  await attempt(() => api.save("/api/bars", { tempo: bar.tempo, swing: bar.swing, tracks, as: kind }));
}
