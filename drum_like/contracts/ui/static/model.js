// The part "Model": what it is, its columns, its doors, its explanations.
import { card, el, facts } from "./dom.js";

export function modelPanel(panel, { model, caller }) {
  const { target } = model;
  panel.append(
    el("div", { class: "cards" },
      card("What it is", model.description && el("p", {}, model.description), facts([
        ["Version", model.version],
        ["Framework", model.framework || "its own code"],
        ["Predicts", target.name === "target" ? target.type : `${target.name} (${target.type})`],
        ["Labels", target.labels.length ? tags(target.labels) : null],
        ["SHA-256", model.sha256 && el("code", {}, model.sha256)],
      ])),
      card("What it tells", facts([
        ["Contributions", contributions(model.explanations?.contributions)],
        ["Intervals", intervals(model.explanations?.predictionIntervals)],
        ["Chat", model.can.chat ? "yes" : null],
      ]), el("h3", {}, "Doors that are open"), tags(caller.contracts), el("p", {}, el("a", { href: "../docs/" }, "All operations, to read and to try"))),
    ),
    columns(model.columns),
  );
}

function tags(words) {
  return el("span", {}, words.map((word) => el("span", { class: "tag" }, word)));
}

function contributions(told) {
  if (told?.kinds?.length) return `yes, of the ${told.kinds.join(" and ").toLowerCase()} columns, relative to ${told.relativeTo}`;
  return `no${told?.reason ? `: ${told.reason}` : ""}`;
}

function intervals(told) {
  if (told?.available) return told.level ? `yes, at ${told.level}` : "yes";
  return `no${told?.reason ? `: ${told.reason}` : ""}`;
}

function columns(known) {
  if (!known) return card("Columns", el("p", {}, "This model does not tell its columns. They can be declared as inputSchema in model-metadata.yaml."));
  const rows = known.map((column) => el("tr", {},
    el("th", { scope: "row" }, column.name),
    el("td", {}, column.type),
    el("td", {}, column.dtype),
    el("td", {}, categories(column.categories)),
  ));
  const head = ["Name", "Type", "Stored as", "Categories"].map((name) => el("th", { scope: "col" }, name));
  return card(`Columns (${known.length})`,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Columns of the model" },
      el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))));
}

const MOST = 12;

function categories(values) {
  const shown = values.slice(0, MOST).map(String).join(", ");
  return values.length > MOST ? `${shown} and ${values.length - MOST} more` : shown;
}
