// State shared by the rooms of the page: records of sounds, models, and what this browser remembers.

import { api } from "./api.js";

const bus = new EventTarget();

/**
 * Listen to "sound" (a record changed), "chosen" (another sound is looked at), "models", "model", "region",
 * "history", "jobs" or "pad". With an element as owner, listening ends once that has left the page.
 */
export function on(name, run, owner = null) {
  let shown = false;
  const hear = (event) => {
    shown ||= owner?.isConnected;
    if (shown && !owner.isConnected) bus.removeEventListener(name, hear);
    else run(event.detail);
  };
  bus.addEventListener(name, hear);
}

export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

const PREFIX = "wavesmith.";

/** Keep a value in this browser. Private windows may refuse; then it lasts as long as the page. */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    /* nothing is lost but the memory of it */
  }
}

export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

const records = new Map();
const asked = new Map(); // id -> promise of a record that is on its way

export const sounds = {
  /** The record of a sound as it was last seen. */
  get: (id) => records.get(id),

  /** Take records from the server in. */
  put(...found) {
    for (const record of found) {
      records.set(record.id, record);
      emit("sound", record);
    }
    return found[0];
  },

  /** The record of a sound, asked for if it was never seen. */
  async fetch(id) {
    if (records.has(id)) return records.get(id);
    if (!asked.has(id)) asked.set(id, api.sound(id).finally(() => asked.delete(id)));
    return sounds.put(await asked.get(id));
  },

  /** Change name, favourite, kept or trash. */
  change: async (id, change) => sounds.put(await api.change(id, change)),
};

/** The sound that the bench shows, and the part of it that is marked, in seconds. */
export const chosen = {
  id: null,
  choose(id) {
    chosen.id = id;
    emit("chosen", id);
  },
};

const marked = new Map();

export const regions = {
  get: (id) => marked.get(id) ?? null,
  set(id, region) {
    if (region) marked.set(id, region);
    else marked.delete(id);
    emit("region", id);
  },
};

export const models = {
  all: [],
  current: null,
  async refresh() {
    models.all = await api.models();
    models.current = models.all.find((model) => model.name === models.current?.name) ?? models.all[0];
    emit("models", models.all);
  },
  choose(name) {
    models.current = models.all.find((model) => model.name === name) ?? models.all[0];
    remember("model", models.current.name);
    emit("model", models.current);
  },
};

const steps = [];

/** Steps that can be undone. */
export const history = {
  add(words, back) {
    steps.push({ words, back });
    if (steps.length > 100) steps.shift();
    emit("history", steps.length);
  },
  last: () => steps.at(-1),
  async undo() {
    const step = steps.pop();
    emit("history", steps.length);
    await step?.back();
    return step;
  },
};
