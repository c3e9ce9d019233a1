// Sound out: decoded buffers, played without delay, all through one volume and one level meter.

import { api } from "./api.js";
import { recall, remember } from "./store.js";

const MOST_BYTES = 128 * 2 ** 20;
const FADE = 0.006; // seconds; short enough to be unheard, long enough not to click

const context = new AudioContext({ latencyHint: "interactive" });
const volume = new GainNode(context, { gain: recall("volume", 0.8) });
const analyser = new AnalyserNode(context, { fftSize: 1024 });
volume.connect(analyser).connect(context.destination);

const buffers = new Map(); // id -> promise of an AudioBuffer, the longest unused first
const voices = new Map(); // id -> what plays of it

/** The buffer of a sound, fetched and decoded once; old ones are let go when they take too much memory. */
function load(id) {
  const known = buffers.get(id);
  buffers.delete(id);
  const buffer = known ?? decode(id);
  buffers.set(id, buffer);
  return buffer;
}

async function decode(id) {
  try {
    const answer = await fetch(api.audio(id));
    if (!answer.ok) throw new Error("The sound is not there any more.");
    const buffer = await context.decodeAudioData(await answer.arrayBuffer());
    queueMicrotask(makeRoom);
    return buffer;
  } catch (error) {
    buffers.delete(id);
    throw error;
  }
}

async function makeRoom() {
  let bytes = 0;
  for (const [id, promise] of [...buffers].reverse()) {
    const buffer = await promise.catch(() => null);
    bytes += buffer ? buffer.length * buffer.numberOfChannels * 4 : 0;
    if (bytes > MOST_BYTES) buffers.delete(id);
  }
}

/** Let an AudioBuffer be heard at a time of the audio clock. */
function sound(buffer, when, gain) {
  const source = new AudioBufferSourceNode(context, { buffer });
  const level = new GainNode(context, { gain });
  source.connect(level).connect(volume);
  source.start(when);
  watch();
  return {
    source,
    stop(at = context.currentTime) {
      level.gain.setValueAtTime(gain, at);
      level.gain.linearRampToValueAtTime(0, at + FADE);
      source.stop(at + FADE);
    },
  };
}

const listeners = new Set();

export const player = {
  context,
  load,

  /** Play a sound now; the same sound begins again, another goes on. Resolves to its length in seconds. */
  async play(id, { alone = false } = {}) {
    const ready = context.resume();
    const buffer = await load(id);
    await ready;
    if (alone) player.stop();
    voices.get(id)?.stop();
    const voice = sound(buffer, 0, 1);
    voices.set(id, voice);
    voice.source.onended = () => voices.get(id) === voice && voices.delete(id);
    for (const tell of listeners) tell(id, buffer.duration);
    return buffer.duration;
  },

  /** Play a buffer at an exact time of `context.currentTime`, for the sequencer. */
  schedule: (buffer, when, gain) => sound(buffer, when, gain),

  stop() {
    for (const voice of voices.values()) voice.stop();
  },

  /** Be told (id, seconds) whenever a sound begins. */
  onPlay: (tell) => listeners.add(tell),

  get volume() {
    return volume.gain.value;
  },
  set volume(value) {
    volume.gain.setTargetAtTime(value, context.currentTime, 0.01);
    remember("volume", value);
  },
};

const wave = new Float32Array(analyser.fftSize);
let watching = false;
let shown = 0;

/** Move the meter for as long as there is something to hear. */
function watch() {
  if (watching) return;
  watching = true;
  const meter = document.querySelector("#meter");
  let quiet = 0;
  const look = () => {
    analyser.getFloatTimeDomainData(wave);
    const peak = wave.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    const level = Math.max(0, 1 + Math.log10(Math.max(peak, 1e-4)) / 2.4); // 48 dB from end to end
    shown = Math.max(level, shown - 0.02);
    meter.style.setProperty("--level", shown.toFixed(3));
    meter.setAttribute("aria-valuenow", Math.round(shown * 100));
    meter.classList.toggle("hot", peak > 0.99);
    quiet = shown > 0 ? 0 : quiet + 1;
    watching = quiet < 30;
    if (watching) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
