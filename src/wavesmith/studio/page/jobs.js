// Jobs that this browser started: followed while they run, and again after the page was reopened.

import { api, follow, over } from "./api.js";
import { notice } from "./dom.js";
import { emit, sounds } from "./store.js";

const followed = new Map(); // id -> the job as it was last seen

export const running = () => [...followed.values()];

/** Progress of all jobs together: finished sounds, and sounds in all. */
export function progress() {
  const all = running();
  const sum = (name) => all.reduce((total, job) => total + job[name], 0);
  return { jobs: all.length, done: sum("done"), total: sum("total") };
}

/** Start a job; `onSound(record, index)` hears of each sound as soon as it is made, `onEnd(job)` of the end. */
export async function start(request, handlers) {
  const job = await api.start(request);
  watch(job, handlers);
  return job;
}

/** Go on following a job that was started before. */
export async function resume(id, handlers) {
  try {
    watch(await api.job(id), handlers);
  } catch (error) {
    handlers.onEnd?.({ id, state: "failed", error: error.message, sounds: [] });
  }
}

export const cancel = (id) => api.cancel(id);
export const cancelAll = () => Promise.all(running().map((job) => api.cancel(job.id)));

function watch(first, { onSound, onEnd }) {
  let told = 0;
  let work = Promise.resolve();
  const take = async (job) => {
    for (; told < job.sounds.length; told += 1) {
      const record = await sounds.fetch(job.sounds[told]).catch(() => null);
      if (record) onSound?.(record, told);
    }
    if (!over(job.state)) return;
    followed.delete(job.id);
    emit("jobs");
    if (job.error) notice(job.error, { error: true });
    onEnd?.(job);
  };
  const see = (job) => {
    for (const id of job.sounds) sounds.fetch(id).catch(() => {}); // all at once, to be taken in order
    if (!over(job.state)) followed.set(job.id, job);
    emit("jobs");
    work = work.then(() => take(job));
  };
  const lost = (error) => see({ ...first, state: "failed", error: error.message });
  see(first);
  if (!over(first.state)) follow(`/api/jobs/${first.id}`, see, lost);
}
