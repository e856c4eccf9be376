// The part "Decisions": the log of a runtime's calls, the newest first, with filters.
import { card, el, show } from "./dom.js";
import { ask } from "./http.js";

export function decisionsPanel(panel, page) {
  const fields = [["Campaign", "campaign", "text"], ["Call (UUID)", "uuid", "text"], ["Since", "since", "datetime-local"], ["Until", "until", "datetime-local"]]
    .map(([label, key, type]) => ({ key, label, input: el("input", { type, autocomplete: "off" }) }));
  const list = el("div", { "aria-live": "polite" });

  async function look(event) {
    event?.preventDefault();
    const query = Object.fromEntries(fields.map(({ key, input }) => [key, moment(input)]));
    try {
      const { decisions } = await ask("decisions", { query });
      show(list, decisions.length ? table(decisions) : el("p", {}, "No decision is meant by these filters."));
    } catch (error) {
      page.notice(error.message);
    }
  }

  panel.append(card("Decisions", el("form", { onsubmit: look }, el("div", { class: "row" },
    fields.map(({ label, input }) => el("label", {}, `${label} `, input)), el("button", { class: "first" }, "Show"))), list));
  look();
}

/** Return what a field says; a local time in UTC. */
function moment(input) {
  if (input.type !== "datetime-local" || !input.value) return input.value.trim();
  return new Date(input.value).toISOString();
}

function table(decisions) {
  const heads = ["When", "Campaign", "Call", "Accepted", "Document"].map((name) => el("th", { scope: "col" }, name));
  const rows = decisions.map((one) => el("tr", {},
    el("td", {}, one.at.slice(0, 19).replace("T", " ")), el("td", {}, one.campaign), el("td", {}, el("code", {}, one.uuid)),
    el("td", {}, one.accepted_at ? `${one.accepted_at.slice(0, 19).replace("T", " ")}${one.is_automatic ? ", by itself" : ""}` : "no"),
    el("td", {}, el("details", {}, el("summary", {}, "show"), el("pre", {}, JSON.stringify(one.document, null, 2))))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Decisions" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows)));
}
