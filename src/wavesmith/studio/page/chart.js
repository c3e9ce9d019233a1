// A small line chart: losses over examples, with a line for what was held out.

import { s, whole } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 200;
const MARGIN = { left: 40, right: 12, top: 12, bottom: 24 };

/** Draw losses `[[examples, loss], ...]`; `heldOut` is drawn strongly, `losses` smoothed and faintly. */
export function chart(losses, heldOut, examples) {
  const all = [...losses, ...heldOut].map(([, loss]) => loss).filter(Number.isFinite);
  const picture = s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  if (!all.length) {
    picture.append(s("title", {}, "No loss yet"), text(WIDTH / 2, HEIGHT / 2, "the first losses come soon", "middle"));
    return picture;
  }
  const low = Math.min(...all);
  const high = Math.max(...all, low + 1e-6);
  const right = Math.max(examples ?? 0, ...losses.map(([seen]) => seen), ...heldOut.map(([seen]) => seen), 1);
  const x = (seen) => MARGIN.left + (seen / right) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (loss) => MARGIN.top + ((high - loss) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const line = (points, name) =>
    s("polyline", { class: name, points: points.map(([seen, loss]) => `${x(seen).toFixed(1)},${y(loss).toFixed(1)}`).join(" ") });
  const last = heldOut.at(-1) ?? losses.at(-1);
  picture.append(
    s("title", {}, `Loss ${last[1].toFixed(3)} after ${whole(last[0])} examples`),
    ...[low, (low + high) / 2, high].flatMap((loss) => [
      s("line", { class: "rule", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(loss), y2: y(loss) }),
      text(MARGIN.left - 6, y(loss) + 4, loss.toFixed(2), "end"),
    ]),
    ...[0, right / 2, right].map((seen, index) => text(x(seen), HEIGHT - 6, whole(Math.round(seen)), ["start", "middle", "end"][index])),
    line(losses, "raw"),
    line(smoothed(losses), "smooth"),
    line(heldOut, "held"),
    ...heldOut.map(([seen, loss]) => s("circle", { class: "held", cx: x(seen), cy: y(loss), r: 3 })),
  );
  return picture;
}

function text(x, y, words, anchor) {
  return s("text", { x, y, "text-anchor": anchor }, words);
}

/** Exponential mean, without its bias towards the first value. */
function smoothed(points, share = 0.9) {
  let mean = 0;
  let weight = 0;
  return points.map(([seen, loss]) => {
    mean = share * mean + (1 - share) * loss;
    weight = share * weight + (1 - share);
    return [seen, mean / weight];
  });
}
