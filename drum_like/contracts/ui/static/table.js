// A table of many rows, of which only those in sight are in the document.
import { el, short, show } from "./dom.js";

const HEIGHT = 30; // pixels of a row, as page.css has it
const MARGIN = 12; // rows drawn beyond those in sight
const WIDEST = 60; // columns shown; a wider table would be slow to scroll

/**
 * Return the element of a table.
 *
 * columns: [{ name, values, isNumber, isOutput }], each with the cells of all rows.
 * wrong: { row, column } of a cell to mark and to scroll to; null without.
 * onrow: called with the number of a row that the reader opens; null without.
 */
export function bigTable(label, columns, nRows, { wrong = null, onrow = null } = {}) {
  const shown = columns.slice(0, WIDEST);
  const body = el("tbody");
  const head = shown.map(({ name, isNumber }) => el("th", { scope: "col", class: isNumber ? "number" : null }, name));
  const table = el("table", { class: "grid", "aria-rowcount": nRows + 1 },
    el("thead", {}, el("tr", { "aria-rowindex": 1 }, el("th", { scope: "col" }, "Row"), head)), body);
  const scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);

  let drawn = { from: 0, to: 0 };
  function draw() {
    const from = Math.floor(scroll.scrollTop / HEIGHT);
    const to = Math.min(nRows, from + Math.ceil((scroll.clientHeight || 416) / HEIGHT));
    if (from >= drawn.from && to <= drawn.to) return;
    drawn = { from: Math.max(0, from - MARGIN), to: Math.min(nRows, to + MARGIN) };
    const rows = [];
    for (let at = drawn.from; at < drawn.to; at += 1) rows.push(tableRow(at, shown, wrong, onrow));
    show(body, spacer(drawn.from, shown), rows, spacer(nRows - drawn.to, shown));
  }

  let isDue = false;
  scroll.addEventListener("scroll", () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => { isDue = false; draw(); });
  });
  draw();
  if (wrong) requestAnimationFrame(() => showCell(scroll, wrong));
  const more = columns.length - shown.length;
  return el("div", {}, scroll, more > 0 && el("p", { class: "soft" }, `${more} more columns are not shown.`) || null);
}

function tableRow(at, columns, wrong, onrow) {
  const number = onrow
    ? el("button", { type: "button", "aria-label": `Show row ${at + 1}`, onclick: () => onrow(at) }, String(at + 1))
    : String(at + 1);
  const cells = columns.map(({ name, values, isNumber, isOutput }) => {
    const isWrong = wrong !== null && wrong.row === at && wrong.column === name;
    const kind = [isNumber && "number", isOutput && "output", isWrong && "wrong"].filter(Boolean).join(" ");
    const title = isWrong ? "This cell is wrong." : null;
    return el("td", { class: kind || null, title }, short(values[at]));
  });
  return el("tr", { "aria-rowindex": at + 2 }, el("th", { scope: "row" }, number), cells);
}

function spacer(nRows, columns) {
  if (!nRows) return null;
  const row = el("tr", { "aria-hidden": "true" }, el("td", { colspan: columns.length + 1 }));
  row.style.height = `${nRows * HEIGHT}px`;
  return row;
}

function showCell(scroll, { row }) {
  scroll.scrollTop = Math.max(0, (row - 3) * HEIGHT);
  requestAnimationFrame(() => requestAnimationFrame(() => {
    scroll.querySelector("td.wrong")?.scrollIntoView({ block: "center", inline: "center" });
  }));
}
