// A producer's words for the verbs, settings and timbres of the API. What has none here is shown by its own name.

export const VERBS = {
  generate: { words: "New", told: "New sounds of a label or a mix of labels.", count: 8 },
  vary: { words: "Vary", told: "The same hit again, or the same kind of sound.", count: 8 },
  restyle: { words: "Restyle", told: "A sound or a track anew, in the manner of the model.", count: 4 },
  morph: { words: "Morph", told: "From one sound to another, or all that lies between four.", count: 8 },
  inpaint: { words: "Inpaint", told: "A part of a sound anew; mark it on the waveform.", count: 4 },
  extend: { words: "Extend", told: "A longer sound: more before it or after it.", count: 2 },
  loop: { words: "Loop", told: "A sound that goes round without a seam.", count: 2 },
  upscale: { words: "Upscale", told: "The top end that a dull recording lacks.", count: 1 },
  clean: { words: "Clean", told: "A noisy recording without its noise.", count: 1 },
  morph_labels: { words: "Drift", told: "From label to label, in steps.", count: 8 },
};

/** Verbs that follow their sources alone, so that labels and timbres are not asked for. */
export const FOLLOW = new Set(["morph"]);

export const SETTINGS = {
  amount: { words: "How far", low: "same hit", high: "new sound", minimum: 0, maximum: 1, step: 0.05 },
  envelope: { words: "Loudness shape", low: "new", high: "as it was", minimum: 0, maximum: 1, step: 0.05 },
  seconds: { words: "Length", unit: "s", minimum: 0.05, maximum: 4, step: 0.05 },
  before: { words: "More before", unit: "s", minimum: 0, maximum: 2, step: 0.05 },
  after: { words: "More after", unit: "s", minimum: 0, maximum: 2, step: 0.05, start: 0.3 },
  bars: { words: "Bars", placeholder: "as it is" },
  bpm: { words: "Tempo", placeholder: "as it is" },
  beats: { words: "Beats in a bar", minimum: 1, maximum: 12, step: 1 },
  joint: { words: "Seam", unit: "s", minimum: 0.02, maximum: 1, step: 0.01 },
  cutoff: { words: "Good up to (Hz)", placeholder: "finds out" },
  strength: { words: "Strength", low: "leave", high: "scrub", minimum: 0, maximum: 4, step: 0.1 },
  method: { words: "Way", options: { noise: "from noise, quick", inversion: "by inversion, keeps more" } },
  to: { words: "Last label" },
  avoid: { words: "Lead away from" },
  sampler: { words: "Sampler" },
  schedule: { words: "Schedule" },
  steps: { words: "Steps", minimum: 1, maximum: 64, step: 1 },
  guidance: { words: "Guidance", low: "loose", high: "strict", minimum: 0, maximum: 8, step: 0.1 },
  eta: { words: "Fresh noise", placeholder: "the sampler's" },
  peak_db: { words: "Peak (dBFS)", placeholder: "as usual", typed: true },
};

/** Settings that are folded away, in this order; `label`, `guide` and `regions` have controls of their own. */
export const ADVANCED = ["sampler", "schedule", "steps", "guidance", "eta", "avoid", "peak_db", "method"];
export const ELSEWHERE = new Set(["label", "guide", "regions", "sigma_min", "sigma_max", "guidance_interval"]);

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
