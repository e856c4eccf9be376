// A form made of the columns of a model, and the row that it holds.
import { el } from "./dom.js";

/** Return { element, row(), fill(row) } for columns; a reader may leave any field empty. */
export function rowForm(columns, sample) {
  const fields = columns.map((column) => field(column, sample?.[column.name]));
  const element = el("div", { class: "fields", role: "group", "aria-label": "Columns of a row" }, fields.map((one) => one.element));
  return {
    element,
    row: () => Object.fromEntries(fields.map((one) => [one.name, one.read()])),
    fill: (row) => fields.forEach((one) => one.write(row?.[one.name] ?? null)),
  };
}

/** Return columns for a model that tells none, by the cells of its sample. */
export function columnsOf(sample) {
  const kind = { number: "number", boolean: "boolean" };
  return Object.entries(sample).map(([name, value]) => ({ name, type: kind[typeof value] || "unknown", categories: [] }));
}

function field(column, value) {
  const control = made(column, value);
  control.write(value ?? null);
  const element = el("label", {}, column.name, el("br"), control.element);
  return { name: column.name, element, ...pick(control) };
}

const pick = ({ read, write }) => ({ read, write });

function made(column, value) {
  if (column.categories.length) return choice(column.categories);
  if (column.type === "boolean") return choice([true, false]);
  if (column.type === "bytes") return file();
  if (column.type === "time") return text(isDay(value) ? "date" : "text", (typed) => typed);
  if (column.type === "number" || column.type === "integer") return text("text", asNumber, "decimal");
  return text("text", column.type === "text" ? (typed) => typed : asNumber);
}

const isDay = (value) => /^\d{4}-\d\d-\d\d$/.test(value ?? "");

/** Return the number that a text spells; the text itself where it is none, or has more digits. */
function asNumber(typed) {
  const number = Number(typed);
  const isExact = !Number.isInteger(number) || Number.isSafeInteger(number);
  return typed.trim() !== "" && Number.isFinite(number) && isExact ? number : typed;
}

function text(type, parse, inputmode = null) {
  const element = el("input", { type, inputmode, autocomplete: "off" });
  return {
    element,
    read: () => (element.value === "" ? null : parse(element.value)),
    write: (value) => { element.value = value ?? ""; },
  };
}

function choice(values) {
  const options = values.map((value, place) => el("option", { value: place }, String(value)));
  const element = el("select", {}, el("option", { value: "" }, "(missing)"), options);
  return {
    element,
    read: () => (element.value === "" ? null : values[Number(element.value)]),
    write: (value) => { element.value = values.includes(value) ? values.indexOf(value) : ""; },
  };
}

/** A file becomes a cell of base64. */
function file() {
  let cell = null;
  const element = el("input", { type: "file" });
  element.addEventListener("change", () => {
    const reader = new FileReader();
    reader.addEventListener("load", () => { cell = reader.result.split(",")[1]; });
    if (element.files[0]) reader.readAsDataURL(element.files[0]);
  });
  return { element, read: () => cell, write: (value) => { cell = value; } };
}
