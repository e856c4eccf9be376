// The part "Live": the figures of all workers, asked every two seconds while it is in sight.
import uPlot from "./vendor/uPlot.esm.js";
import { card, el, short, show } from "./dom.js";
import { ask } from "./http.js";

const EVERY_MS = 2000;
const KEPT = 150; // points of a plot: the last five minutes
const LEAST_S = 30; // seconds that a plot shows from its beginning

export function livePanel(panel, page) {
  const history = []; // one entry for each question: the figures, and what has changed since the last
  const numbers = el("div", { class: "figures" });
  const phases = el("tbody");
  const counts = el("div", { class: "cards" });
  panel.append(card("Now", numbers));
  const drawn = el("div", { class: "cards" });
  panel.append(drawn);
  const plots = PLOTS.map((one) => plot(drawn, one));
  panel.append(card("Time by phase, over the last minute", el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Time by phase" }, el("table", {},
    el("thead", {}, el("tr", {}, ["Phase", "Half within", "95 % within", "99 % within"].map((name) => el("th", { scope: "col" }, name)))), phases))), counts);

  let timer = 0;
  let isOver = false;
  async function look() {
    if (!document.hidden) await update().catch((error) => page.notice(error.message));
    if (!isOver) timer = setTimeout(look, EVERY_MS);
  }

  async function update() {
    const now = await ask("live");
    history.push({ ...now, ...rates(now, history.at(-1)) });
    if (history.length > KEPT) history.shift();
    show(numbers, figures(history.at(-1)));
    show(phases, phaseRows(now, history));
    show(counts, requestTable(now), errorTable(now), modelTable(now));
    for (const one of plots) one(history);
  }

  look();
  return () => { isOver = true; clearTimeout(timer); };
}

const total = (requests, keep = () => true) => requests.filter(keep).reduce((sum, { n }) => sum + n, 0);
const isError = ({ status }) => Number(status) >= 400;

/** Return what happened between two looks, a second. */
function rates(now, before) {
  if (!before) return { perS: null, errorsPerS: null, rowsPerS: null, p50: null, p95: null, p99: null };
  const s = now.at - before.at;
  const buckets = change(now.duration, before.duration);
  const since = (number) => Math.max(0, number) / s;
  return {
    perS: since(total(now.requests) - total(before.requests)),
    errorsPerS: since(total(now.requests, isError) - total(before.requests, isError)),
    rowsPerS: since(now.rows - before.rows),
    ...Object.fromEntries([50, 95, 99].map((p) => [`p${p}`, quantile(now.bounds, buckets, p / 100)])),
  };
}

/** Return the counts of buckets since a look before; the last number, a sum of times, is left out. */
function change(now = [], before = []) {
  return now.slice(0, -1).map((count, at) => Math.max(0, count - (before[at] ?? 0)));
}

/** Return the time, in milliseconds, within which a share of requests was done; null for none. */
function quantile(bounds, counts, share) {
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  if (!wanted) return null;
  let seen = 0;
  for (const [at, count] of counts.entries()) {
    if (seen + count >= wanted) {
      const low = at ? bounds[at - 1] : 0;
      const high = bounds[at] ?? bounds.at(-1);
      return 1000 * (low + ((high - low) * (wanted - seen)) / count);
    }
    seen += count;
  }
  return null;
}

const ms = (value) => (value === null ? "–" : `${short(Number(value.toPrecision(3)))} ms`);
const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;

function figures(now) {
  const rate = (value) => (value === null ? "–" : short(Number(value.toPrecision(3))));
  const told = [["Requests a second", rate(now.perS)], ["Rows a second", rate(now.rowsPerS)], ["Half within", ms(now.p50)], ["95 % within", ms(now.p95)], ["Errors a second", rate(now.errorsPerS)], ["Waiting", short(now.waiting + now.waiting_for_model)], ["Connections", short(now.connections)], ["Workers", short(now.workers)], ["Memory of workers", mib(now.memory)]];
  return told.map(([name, value]) => el("div", {}, el("b", {}, value), name));
}

function phaseRows(now, history) {
  const before = history.findLast((one) => now.at - one.at > 60) ?? history[0];
  return Object.entries(now.phases).map(([phase, counts]) => {
    const buckets = change(counts, before.phases[phase]);
    return el("tr", {}, el("th", { scope: "row" }, phase), [0.5, 0.95, 0.99].map((share) => el("td", { class: "number" }, ms(quantile(now.bounds, buckets, share)))));
  });
}

function countTable(title, rows) {
  if (!rows.length) return null;
  return card(title, el("table", {}, el("tbody", {}, rows.map(([name, n]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "number" }, n))))));
}

const requestTable = ({ requests }) => countTable("Requests by contract and status", requests.map(({ contract, status, n }) => [`${contract || "no contract"} ${status}`, short(n)]));
const errorTable = ({ errors }) => countTable("Errors by kind", Object.entries(errors).map(([kind, n]) => [kind.replaceAll("_", " "), short(n)]));
const modelTable = ({ models }) => countTable("Models in memory", models.map(({ name, version, workers }) => [`${name}, version ${version}`, `in ${short(workers)} of the workers`]));

const PLOTS = [
  { title: "Requests and errors a second", series: [["Requests", "perS"], ["Errors", "errorsPerS"]] },
  { title: "Time of requests in milliseconds", series: [["Half within", "p50"], ["95 % within", "p95"], ["99 % within", "p99"]] },
  { title: "Requests that wait", series: [["For a thread", "waiting"], ["For the model", "waiting_for_model"]] },
  { title: "Memory of workers in MiB", series: [["Memory", "memory"]], scale: 2 ** 20 },
];

/** Add a plot to an element; return a function that draws a history. */
function plot(parent, { title, series, scale = 1 }) {
  const place = el("div", { class: "plot", role: "img", "aria-label": `${title}; the numbers are above` });
  parent.append(card(title, place));
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const ink = getComputedStyle(document.body).color;
  const lines = ["--accent", "--up", "--good"].map((name) => resolved(place, colour(name)));
  const axis = { stroke: ink, grid: { stroke: "rgba(128,128,128,0.2)" }, ticks: { stroke: "rgba(128,128,128,0.2)" } };
  const chart = new uPlot({
    width: Math.max(280, place.clientWidth),
    height: 220,
    cursor: { show: false },
    legend: { live: false },
    scales: { x: { range: (_, low, high) => [Math.min(low, high - LEAST_S), high] }, y: { range: (_, low, high) => [0, 1.1 * (high || 1)] } },
    axes: [axis, { ...axis, size: 60 }],
    series: [{}, ...series.map(([label], at) => ({ label, stroke: lines[at], width: 2 }))],
  }, [[], ...series.map(() => [])], place);
  const observer = new ResizeObserver(() => chart.setSize({ width: Math.max(280, place.clientWidth), height: 220 }));
  observer.observe(place);
  return (history) => chart.setData([history.map(({ at }) => at), ...series.map(([, key]) => history.map((one) => (one[key] === null ? null : one[key] / scale)))]);
}

/** Return a colour as a canvas knows it: light-dark() is CSS alone. */
function resolved(place, colour) {
  place.style.color = colour;
  const found = getComputedStyle(place).color;
  place.style.color = "";
  return found;
}
