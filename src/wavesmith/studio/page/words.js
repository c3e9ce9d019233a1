// What only the page decides: how many sounds it asks for at first, where sliders end, and words for timbres.
// Names, help texts, defaults and bounds of verbs and settings come from the API.

/** Sounds to ask for at first, for verbs of which one wants several to choose from; else the API's default. */
export const COUNTS = { generate: 8, vary: 8, restyle: 4, inpaint: 4 };

/** Settings that have a value from the start, because their verb does nothing without one. */
export const STARTS = {
  extend: () => ({ after: 0.3 }),
  morph_labels: (model) => ({ to: model.labels.at(-1) }),
};

/** Ends, steps and units of sliders, where the API's bounds are wider than a slider can be used for. */
export const SLIDERS = {
  amount: { step: 0.05 },
  envelope: { step: 0.05 },
  seconds: { minimum: 0.05, maximum: 4, step: 0.05, unit: "s" },
  before: { maximum: 2, step: 0.05, unit: "s" },
  after: { maximum: 2, step: 0.05, unit: "s" },
  beats: { maximum: 12 },
  joint: { minimum: 0.02, maximum: 1, step: 0.01, unit: "s" },
  strength: { maximum: 4, step: 0.1 },
  steps: { maximum: 64 },
  guidance: { maximum: 8, step: 0.1 },
  peak_db: { typed: true },
  sigma_min: { typed: true },
  sigma_max: { typed: true },
};

/** Settings of verbs that are folded away with those of the model's family. */
export const FOLDED = new Set(["peak_db", "method"]);

/** Settings that have controls of their own. */
export const ELSEWHERE = new Set(["label", "guide", "regions"]);

export const TIMBRES = {
  brightness: ["Darker", "Brighter"],
  boominess: ["Tighter", "Boomier"],
  depth: ["Thinner", "Deeper"],
  hardness: ["Softer", "Harder"],
  roughness: ["Smoother", "Rougher"],
  warmth: ["Colder", "Warmer"],
  sharpness: ["Rounder", "Sharper"],
  attack: ["Snappier", "Slower attack"],
  duration: ["Shorter", "Longer"],
  loudness: ["Quieter", "Louder"],
  pitch: ["Lower", "Higher"],
};

/** A name of the API as a title: `morph_labels` is "Morph labels". */
export const title = (name) => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ").replace(/ db$/, " dB");
