// The part "Try it": a row in a form, or a file; what the model answers; how a program asks the same.
import { chanceBars, distribution, intervalBar, waterfall } from "./charts.js";
import { chatCard } from "./chat.js";
import { copyCard } from "./copy.js";
import { card, el, onDrop, short, show } from "./dom.js";
import { columnsOf, rowForm } from "./form.js";
import { Refused, ROOT, ask, headersWith } from "./http.js";
import { bigTable } from "./table.js";

export function tryPanel(panel, page) {
  const { model } = page;
  if (model?.can.chat) panel.append(chatCard(page));
  if (model?.can.unstructured) panel.append(bodyCard());
  if (model && !model.can.rows) return;
  const result = el("div", { "aria-live": "polite" });
  const answer = (rows, options) => answered(page, result, rows, options);
  const copies = copyCard(page);
  const form = model && formCard(page, answer, copies);
  panel.append(...[form, fileCard(answer), result, form && copies.element].filter(Boolean));
  if (form) copies.update(model.sample ?? {}).catch((error) => page.notice(error.message));
}

function formCard(page, answer, copies) {
  const { sample } = page.model;
  const columns = page.model.columns ?? (sample && columnsOf(sample));
  if (!columns) return null;
  const form = rowForm(columns, sample);
  async function predict(event) {
    event.preventDefault();
    const row = form.row();
    await answer({ body: JSON.stringify([row]), type: "application/json" }, { row });
    await copies.update(row);
  }
  return card("A row", el("form", { onsubmit: predict }, form.element, el("div", { class: "row" },
    el("button", { class: "first" }, "Predict"),
    el("button", { type: "button", onclick: () => form.fill(sample) }, "Fill with the sample"))));
}

const TYPES = { csv: "text/csv", json: "application/json", jsonl: "application/jsonlines", parquet: "application/vnd.apache.parquet", arrow: "application/vnd.apache.arrow.file", npy: "application/x-npy", mtx: "text/mtx" };

function fileCard(answer) {
  const pasted = el("textarea", { "aria-label": "Rows, as CSV or JSON", placeholder: "Paste CSV with a header, or JSON" });
  const chosen = el("input", { type: "file", id: "rows-file", accept: Object.keys(TYPES).map((end) => `.${end}`).join(), onclick: () => { chosen.value = ""; }, onchange: () => sendFile(chosen.files[0]) });
  const sendFile = (file) => file && answer({ body: file, type: TYPES[file.name.split(".").pop().toLowerCase()] ?? "text/csv" }, {});
  const sendText = () => answer({ body: pasted.value, type: /^\s*[[{]/.test(pasted.value) ? "application/json" : "text/csv" }, {});
  const drop = el("div", { class: "drop" }, pasted, el("div", { class: "row" },
    el("button", { type: "button", class: "first", onclick: sendText }, "Predict these rows"),
    el("label", { for: "rows-file" }, "or a file of CSV, JSON, Parquet or Arrow"), chosen));
  onDrop(drop, sendFile);
  return card("Many rows", drop);
}

/** Ask for predictions of rows, and show them; `row` is the only one, where its cells are known. */
async function answered(page, result, { body, type }, { row = null }) {
  page.notice("");
  show(result, card("Answer", el("p", { class: "soft" }, "The model is asked …")));
  const query = { model: page.wanted, explain: row ? "1" : null };
  try {
    const found = await ask("try", { method: "POST", query, body, headers: { "Content-Type": type } });
    show(result, found.n_rows === 1 ? oneRow(found, row ?? rowAt(found, 0)) : manyRows(page, found));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    show(result, refusal(error));
  }
}

function refusal({ message, body }) {
  const text = el("p", { class: "bad" }, message.replace(/^ERROR: /, ""));
  if (!body.cells || body.row === null) return card("Answer", text);
  const columns = inputs(body);
  return card("Answer", text, bigTable("The rows, with the wrong cell marked", columns, body.cells[0]?.length ?? 0, { wrong: body }));
}

function oneRow(found, cells) {
  const values = found.values.map(([value]) => value);
  const first = found.is_chance
    ? chanceBars(found.outputs, values)
    : found.outputs.map((name, at) => el("p", {}, el("span", { class: "answer" }, short(values[at])), ` ${name}`));
  const bounds = found.intervals && intervalBar(found.intervals.lower[0], values[0], found.intervals.upper[0]);
  return [card("Answer", first, bounds), found.contributions && reasons(found, cells)];
}

function reasons({ contributions: { features, groups }, outputs }, cells) {
  // Two labels have one group of contributions, those to the positive one, which comes last.
  const whose = groups.length === 1 && outputs.length === 2 ? ` of ${outputs[1]}` : "";
  const shown = el("div", {}, waterfall(features, groups[0].values[0], cells));
  const choose = (event) => show(shown, waterfall(features, groups[event.target.selectedIndex].values[0], cells));
  const which = groups.length > 1
    ? el("label", {}, "Of the label ", el("select", { onchange: choose }, groups.map(({ label }) => el("option", {}, label))))
    : null;
  return card("Why", el("p", { class: "soft" }, `What each column adds to the prediction${whose}, on the scale on which they add up.`), which, shown);
}

function manyRows(page, found) {
  const detail = el("div", { "aria-live": "polite" });
  const onrow = found.cells ? (at) => explained(page, detail, rowAt(found, at), at) : null;
  const shown = Math.min(found.n_rows, found.cells?.[0]?.length ?? found.n_rows);
  const note = shown < found.n_rows ? ` The first ${shown} are shown.` : "";
  const last = found.outputs.length - 1; // of two labels the positive one
  return [card("Answer", el("p", {}, `${found.n_rows} rows.${note}`),
    distribution(`Distribution of ${found.outputs[last]}`, found.values[last], found.is_chance),
    bigTable("Predictions", [...outputs(found), ...inputs(found)], shown, { onrow })), detail];
}

function outputs({ outputs: names, values, intervals }) {
  const columns = names.map((name, at) => ({ name, values: values[at], isNumber: true, isOutput: true }));
  const bounds = Object.entries(intervals ?? {});
  return [...columns, ...bounds.map(([name, numbers]) => ({ name, values: numbers, isNumber: true, isOutput: true }))];
}

function inputs({ columns = [], cells = [] }) {
  return columns.map((name, at) => ({ name, values: cells[at], isNumber: isNumeric(cells[at][0]) }));
}

/** Return whether a cell is a number, also one of CSV, where all cells are text. */
const isNumeric = (cell) => typeof cell === "number" || (typeof cell === "string" && cell.trim() !== "" && Number.isFinite(Number(cell)));

function rowAt({ columns = [], cells = [] }, at) {
  return Object.fromEntries(columns.map((name, place) => [name, cells[place][at] ?? null]));
}

async function explained(page, detail, row, at) {
  const query = { model: page.wanted, explain: "1" };
  const found = await ask("try", { method: "POST", query, body: JSON.stringify([row]), headers: { "Content-Type": "application/json" } });
  show(detail, el("h2", {}, `Row ${at + 1}`), oneRow(found, row));
  detail.scrollIntoView({ block: "nearest" });
}

/** A body of any type, for models that read it themselves. */
function bodyCard() {
  const body = el("textarea", { "aria-label": "Body of the request" });
  const type = el("select", {}, ["text/plain", "application/json"].map((name) => el("option", {}, name)));
  const answer = el("pre", { "aria-live": "polite", tabindex: "0", "aria-label": "Answer" });
  async function submit(event) {
    event.preventDefault();
    const reply = await fetch(new URL("predictUnstructured/", ROOT), { method: "POST", body: body.value, headers: headersWith({ "Content-Type": type.value }) });
    answer.textContent = await reply.text();
  }
  return card("A body", el("form", { onsubmit: submit }, body, el("div", { class: "row" }, el("label", {}, "Type ", type), el("button", { class: "first" }, "Send"))), answer);
}
