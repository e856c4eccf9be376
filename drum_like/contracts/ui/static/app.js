// The page: who reads it, which model it is about, and the parts that this reader may see.
import { decisionsPanel } from "./decisions.js";
import { el, show } from "./dom.js";
import { Refused, ask, hasCredential, useCredential } from "./http.js";
import { livePanel } from "./live.js";
import { modelPanel } from "./model.js";
import { modelsPanel } from "./models.js";
import { tryPanel } from "./try.js";

const at = (id) => document.getElementById(id);

/** What all parts know: the caller, the model shown, and the models that there are. */
const page = { caller: null, may: () => false, model: null, wanted: "", models: [], changed, notice };

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

async function start() {
  notice("");
  page.caller = await whoAmI();
  at("credential").hidden = page.caller !== null;
  if (page.caller === null) {
    show(at("panels"));
    show(at("tabs"));
    at("word").focus();
    return;
  }
  page.may = (scope) => page.caller.scopes.includes(scope);
  at("who").textContent = page.caller.asks ? page.caller.name : "";
  at("leave").hidden = !hasCredential();
  if (page.may("observe")) await load();
  tabs();
}

/** Return the caller with its scopes; null for a stranger. */
async function whoAmI() {
  for (const scope of ["predict", "observe"]) {
    try {
      return await ask(`may/${scope}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401 || error.status === 429) {
        if (hasCredential()) notice(error.status === 401 ? "This credential is not known here." : error.message);
        useCredential("");
        return null;
      }
    }
  }
  notice("This credential may only change models, which this page cannot show.");
  return { scopes: [], asks: true, name: "", contracts: [] };
}

async function load() {
  page.models = (await ask("models")).models;
  try {
    page.model = await ask("model", { query: { model: page.wanted } });
    at("title").textContent = page.model.name;
    document.title = `${page.model.name} - model server`;
  } catch (error) {
    page.model = null;
    at("title").textContent = "Model server";
    if (page.models.length > 1 && !page.wanted) return choose(page.models[0].name);
    if (page.models.length) notice(error.message);
  }
  choices();
}

async function choose(name) {
  page.wanted = name;
  await load();
}

function choices() {
  at("which").hidden = page.models.length < 2;
  const chosen = page.wanted || page.model?.name;
  show(at("model"), page.models.map(({ name }) => el("option", { value: name, selected: name === chosen }, name)));
}

const PARTS = [
  ["Model", modelPanel, () => page.may("observe") && page.model],
  ["Try it", tryPanel, () => page.may("predict") && (page.model || !page.may("observe"))],
  ["Live", livePanel, () => page.may("observe")],
  ["Models", modelsPanel, () => page.may("observe") && (page.caller.has_store || page.models.length > 1)],
  ["Decisions", decisionsPanel, () => page.may("observe") && page.caller.has_store && page.caller.is_known],
];

/** Offer the parts that there are now, and open the one that the address names. */
function tabs() {
  const buttons = offered();
  const named = (name) => buttons.find((one) => one.textContent === name);
  const wanted = PARTS.map(([name]) => name).find((name) => location.hash === `#${encodeURI(name)}`);
  (named(wanted) || (!page.model && named("Models")) || buttons[0])?.click();
}

function offered() {
  const buttons = PARTS.filter(([, , isShown]) => isShown()).map(([name, panel]) => tab(name, panel));
  show(at("tabs"), buttons);
  return buttons;
}

/** Look again which models there are; the part that is open stays as it is. */
async function changed() {
  const open = document.querySelector('[aria-selected="true"]')?.textContent;
  await load();
  for (const button of offered()) select(button, button.textContent === open);
}

let close = null; // ends what the panel before did, such as asking for figures

function tab(name, panel) {
  const id = `tab-${name.toLowerCase().replace(" ", "-")}`;
  function open() {
    close?.();
    for (const other of at("tabs").children) select(other, other === button);
    const section = el("div", { role: "tabpanel", id: "panel", "aria-labelledby": id });
    show(at("panels"), section);
    close = panel(section, page) || null;
    history.replaceState(null, "", `${location.pathname}${location.search}#${encodeURI(name)}`);
  }
  const button = el("button", { type: "button", role: "tab", id, onclick: open, onkeydown: move }, name);
  return button;
}

function select(button, isSelected) {
  button.setAttribute("aria-selected", isSelected);
  button.tabIndex = isSelected ? 0 : -1;
}

/** Go to the next or last tab by the arrow keys, as screen readers' users expect. */
function move(event) {
  const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
  const next = step && event.currentTarget[step];
  if (next) {
    next.focus();
    next.click();
  }
}

at("credential").addEventListener("submit", (event) => {
  event.preventDefault();
  useCredential(at("word").value.trim());
  at("word").value = "";
  start();
});
at("leave").addEventListener("click", () => {
  useCredential("");
  start();
});
at("model").addEventListener("change", async (event) => {
  notice("");
  await choose(event.target.value);
  tabs();
});
start().catch((error) => notice(error.message));
