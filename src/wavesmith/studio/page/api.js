// The server's HTTP API, as docs/openapi describes it at /openapi.json. Errors carry the server's one sentence.

async function call(method, path, body, wanted = "json") {
  const form = body instanceof FormData;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      body: form || body === undefined ? body : JSON.stringify(body),
      headers: form || body === undefined ? {} : { "Content-Type": "application/json" },
    });
  } catch {
    throw new Error("The studio's server does not answer; see whether wavesmith studio is still running.");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(told.error ?? `The server refused (${answer.status}).`), { status: answer.status });
  }
  return wanted === "answer" ? answer : answer.json();
}

const query = (choices) => {
  const given = Object.entries(choices).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return new URLSearchParams(given).toString();
};

export const api = {
  models: () => call("GET", "/api/models"),
  loadModel: (name) => call("POST", `/api/models/${encodeURIComponent(name)}/load`),
  evaluate: (name, request) => call("POST", `/api/models/${encodeURIComponent(name)}/evaluate`, request),
  evaluationPath: (name) => `/api/models/${encodeURIComponent(name)}/evaluation`,
  evaluation: (name) => call("GET", api.evaluationPath(name)),
  stopEvaluation: (name) => call("POST", `${api.evaluationPath(name)}/stop`),
  resumeEvaluation: (name) => call("POST", `${api.evaluationPath(name)}/resume`),
  verbs: (name) => call("GET", `/api/models/${encodeURIComponent(name)}/verbs`),

  sounds: (choices) => call("GET", `/api/sounds?${query(choices)}`),
  sound: (id) => call("GET", `/api/sounds/${id}`),
  change: (id, change) => call("PATCH", `/api/sounds/${id}`, change),
  discard: (id) => call("DELETE", `/api/sounds/${id}`),
  recipe: (id) => call("GET", `/api/sounds/${id}/recipe`),
  peaks: (id, points) => call("GET", `/api/sounds/${id}/peaks?points=${points}`).then((told) => told.peaks),
  audio: (id) => `/api/sounds/${id}/audio`,
  picture: (id) => `/api/sounds/${id}/picture`,
  upload: (file) => {
    const form = new FormData();
    form.append("file", file);
    return call("POST", "/api/uploads", form);
  },

  start: (request) => call("POST", "/api/jobs", request),
  job: (id) => call("GET", `/api/jobs/${id}`),
  cancel: (id) => call("DELETE", `/api/jobs/${id}`),

  scan: (folder) => call("POST", "/api/scan", { folder }),
  train: (request) => call("POST", "/api/trainings", request),
  trainings: () => call("GET", "/api/trainings"),
  training: (id) => call("GET", `/api/trainings/${id}`),
  stopTraining: (id) => call("POST", `/api/trainings/${id}/stop`),
  resumeTraining: (id) => call("POST", `/api/trainings/${id}/resume`),

  /** Have the server make a file, and save it under the name that the server gives it. */
  async save(path, body) {
    const answer = await call("POST", path, body, "answer");
    saveAs(URL.createObjectURL(await answer.blob()), fileName(answer.headers.get("Content-Disposition") ?? ""));
  },
};

/** The name in a Content-Disposition header, in either of its forms. */
function fileName(header) {
  const [, coded] = /filename\*=utf-8''([^;]+)/i.exec(header) ?? [];
  return coded ? decodeURIComponent(coded) : (/filename="?([^";]+)/.exec(header)?.[1] ?? "wavesmith");
}

/** Save what is at an address as a file. */
export function saveAs(address, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  if (address.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export const over = (state) => !["queued", "running", "stopping"].includes(state);

// Browsers open six connections to a server at a time, and a stream keeps one; the rest wait for their turn.
const MOST_STREAMS = 2;
const queue = [];
let streams = 0;

/**
 * Follow a job or training by server-sent events until it is over.
 *
 * Where the stream breaks, the state is asked for again after a while: a restarted server goes on.
 */
export function follow(path, onState, onLost = () => {}) {
  let source = null;
  let closed = false;
  const open = () => {
    if (closed) return;
    if (streams >= MOST_STREAMS) {
      queue.push(open);
      return;
    }
    streams += 1;
    source = new EventSource(`${path}/events`);
    source.onmessage = (event) => {
      const state = JSON.parse(event.data);
      if (over(state.state)) close();
      onState(state);
    };
    source.onerror = async () => {
      leave();
      if (closed) return;
      try {
        const state = await call("GET", path);
        if (closed) return;
        if (over(state.state)) close();
        onState(state);
      } catch (error) {
        if (error.status === 404) {
          close();
          onLost(error);
        }
      }
      if (!closed) setTimeout(open, 1000);
    };
  };
  const leave = () => {
    if (!source) return;
    source.close();
    source = null;
    streams -= 1;
    queue.shift()?.();
  };
  const close = () => {
    closed = true;
    leave();
  };
  open();
  return close;
}
