// Charts of predictions: bars of probabilities, a distribution, intervals, and a waterfall.
import { el, short, svg } from "./dom.js";

/** Return bars for values between 0 and 1, the highest first. */
export function chanceBars(names, values) {
  const ranked = names.map((name, at) => [name, values[at]]).sort((one, other) => other[1] - one[1]);
  return el("div", {}, ranked.map(([name, value]) => bar(name, 0, value ?? 0, percent(value))));
}

/** Return a bar from lower to upper on a line that a little more than holds it, with the prediction. */
export function intervalBar(lower, value, upper) {
  const room = (upper - lower || 1) * 0.25;
  const from = lower - room;
  const whole = upper - lower + 2 * room;
  const range = `${short(lower)} to ${short(upper)}`;
  return el("div", {},
    bar("Interval", (lower - from) / whole, (upper - from) / whole, ""),
    el("p", {}, `Between ${range}; the prediction is ${short(value)}.`));
}

function bar(name, from, to, text) {
  const filled = el("span");
  filled.style.left = `${100 * from}%`;
  filled.style.width = `${100 * Math.max(0, to - from)}%`;
  return el("div", { class: "bar" }, el("span", {}, name), el("span", { class: "track", "aria-hidden": "true" }, filled), el("span", { class: "value" }, text));
}

export const percent = (value) => (value === null || value === undefined ? "missing" : `${(100 * value).toFixed(value > 0.001 && value < 0.999 ? 1 : 3)} %`);

const WIDTH = 640;

/** Return a histogram of numbers; missing ones are left out. */
export function distribution(label, values, isChance) {
  const known = values.filter((value) => typeof value === "number");
  if (!known.length) return null;
  let low = isChance ? 0 : known.reduce((a, b) => Math.min(a, b));
  let high = isChance ? 1 : known.reduce((a, b) => Math.max(a, b));
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const counts = new Array(24).fill(0);
  for (const value of known) counts[Math.min(23, Math.floor((24 * (value - low)) / (high - low)))] += 1;
  return histogram(label, counts, short(low), short(high));
}

function histogram(label, counts, low, high) {
  const most = Math.max(...counts);
  const step = WIDTH / counts.length;
  const bars = counts.map((count, at) => svg("rect", {
    class: "down", x: at * step + 1, width: step - 2, y: 20 + 120 * (1 - count / most), height: (120 * count) / most,
  }, svg("title", {}, `${count} rows`)));
  const text = (x, anchor, words) => svg("text", { x, y: 156, "text-anchor": anchor }, words);
  return el("figure", {}, el("figcaption", {}, label), svg("svg", {
    viewBox: `0 0 ${WIDTH} 160`, width: WIDTH, role: "img", "aria-label": `${label}: from ${low} to ${high}, the highest bar is ${most} rows`,
  }, bars, svg("text", { x: 0, y: 12, class: "soft" }, `${most} rows`), text(0, "start", low), text(WIDTH, "end", high)));
}

const MOST = 14; // columns of a waterfall; all others are one bar

/**
 * Return the waterfall of one row: from the bias through each column's share to the sum.
 *
 * shares: contributions in the order of the features, the bias last, on the scale of the link.
 */
export function waterfall(features, shares, cells) {
  const bias = shares[features.length];
  const ranked = features.map((name, at) => [named(name, cells?.[name]), shares[at]])
    .sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  const shown = ranked.slice(0, MOST);
  const rest = ranked.slice(MOST);
  if (rest.length) shown.push([`${rest.length} other columns`, rest.reduce((sum, [, share]) => sum + share, 0)]);
  const steps = [];
  let sum = bias;
  for (const [name, share] of shown) {
    steps.push({ name, from: sum, to: sum + share, share });
    sum += share;
  }
  return drawn([{ name: "Without any column", from: bias, to: bias, share: bias, isTotal: true }, ...steps, { name: "This row", from: sum, to: sum, share: sum, isTotal: true }]);
}

function named(name, cell) {
  const whole = cell === undefined ? name : `${name} = ${short(cell)}`;
  return whole.length > 38 ? `${whole.slice(0, 37)}…` : whole;
}

function drawn(steps) {
  const ends = steps.flatMap(({ from, to }) => [from, to]);
  const low = Math.min(...ends);
  const whole = Math.max(...ends) - low || 1;
  const x = (value) => 270 + (290 * (value - low)) / whole;
  const rows = steps.map((step, at) => stepRow(step, 8 + 24 * at, x));
  const told = steps.map(({ name, share }) => `${name}: ${short(share)}`).join("; ");
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${24 * steps.length + 12}`, width: WIDTH, role: "img", "aria-label": told }, rows);
}

function stepRow({ name, from, to, share, isTotal }, y, x) {
  const left = Math.min(x(from), x(to));
  const kind = isTotal ? "base" : share < 0 ? "down" : "up";
  return svg("g", {},
    svg("text", { x: 262, y: y + 13, "text-anchor": "end" }, name),
    svg("rect", { class: kind, x: isTotal ? left - 2 : left, y, width: isTotal ? 4 : Math.max(1, Math.abs(x(to) - x(from))), height: 17 }),
    svg("text", { x: WIDTH, y: y + 13, "text-anchor": "end", class: "soft" }, isTotal ? short(share) : `${share < 0 ? "−" : "+"}${short(Math.abs(share))}`));
}
