// The part "Models": versions and aliases, uploads, and the answers of two versions to one row.
import { card, el, onDrop, short, show } from "./dom.js";
import { API, Refused, ask, send, withQuery } from "./http.js";

const LIVE = "live"; // the alias that a name without a version means

export function modelsPanel(panel, page) {
  const list = el("div");
  const said = el("p", { role: "status", class: "good" });
  const mayChange = page.caller.has_store && page.may("admin");
  async function update() {
    const { models } = await ask("models");
    show(list, models.map((model) => modelCard(model, mayChange, done)));
    if (!models.length) show(list, card("Models", el("p", {}, "There is no model yet.")));
  }
  async function done(words) {
    await update();
    said.textContent = words;
  }
  if (mayChange) panel.append(uploadCard(async () => { await update(); await page.changed(); }));
  panel.append(said, list);
  update().catch((error) => page.notice(error.message));
}

function modelCard(model, mayChange, done) {
  const failed = el("p", { role: "alert", class: "bad" });
  const live = model.aliases?.[LIVE] ?? null;
  async function promote(number, words) {
    try {
      await ask(`models/${encodeURIComponent(model.name)}/aliases/${LIVE}`, { method: "PUT", body: JSON.stringify({ version: number }), headers: { "Content-Type": "application/json" } });
      await done(words);
    } catch (error) {
      failed.textContent = error.message;
    }
  }
  const rows = model.versions.map((version) => versionRow(version, { live, mayChange, promote, model }));
  const heads = ["Version", "Status", "Aliases", "File", "Stored", ""].map((name) => el("th", { scope: "col" }, name));
  const before = model.versions.filter(({ number, status }) => live !== null && number < live && status === "ready")[0];
  const back = mayChange && before && el("button", { type: "button", onclick: () => promote(before.number, `${model.name} is rolled back to version ${before.number}.`) }, `Roll back to version ${before.number}`);
  return card(model.name, failed, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Versions of ${model.name}` },
    el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows))),
    el("div", { class: "row" }, back || null), model.versions.length > 1 ? compareRow(model) : null);
}

function versionRow(version, { live, mayChange, promote, model }) {
  const isLive = version.number === live;
  const canPromote = mayChange && version.status === "ready" && !isLive;
  const button = canPromote && el("button", { type: "button", "aria-label": `Promote version ${version.number}`, onclick: () => promote(version.number, `${model.name} serves version ${version.number}.`) }, "Promote");
  const kind = { ready: "good", error: "bad" }[version.status];
  return el("tr", {}, el("th", { scope: "row" }, String(version.number)), el("td", { class: kind, title: version.error }, version.status ?? ""),
    el("td", {}, (version.aliases ?? []).join(", ")), el("td", {}, version.file_name ?? ""), el("td", {}, version.created_at?.slice(0, 16).replace("T", " ") ?? ""), el("td", {}, button || null));
}

/** Let a reader choose two versions, and show the answers of both to the sample row of the first. */
function compareRow(model) {
  const choice = (chosen) => el("select", {}, model.versions.map(({ number }) => el("option", { value: number, selected: number === chosen }, String(number))));
  const [one, other] = [choice(model.versions[1].number), choice(model.versions[0].number)];
  const result = el("div", { "aria-live": "polite" });
  async function compare() {
    try {
      const row = await sampleOf(model.name, one.value);
      const answers = await Promise.all([one, other].map((select) => onRow(row, model.name, select.value)));
      show(result, differences(answers, [one.value, other.value]));
    } catch (error) {
      show(result, el("p", { class: "bad" }, error.message));
    }
  }
  return el("div", {}, el("div", { class: "row" }, el("label", {}, "Compare version ", one), el("label", {}, "with version ", other), el("button", { type: "button", onclick: compare }, "Compare on the sample")), result);
}

async function sampleOf(name, version) {
  const { sample } = await ask("model", { query: { model: name, version } });
  if (!sample) throw new Refused(422, { message: `Version ${version} does not tell its columns.` });
  return sample;
}

function onRow(row, name, version) {
  return ask("try", { method: "POST", query: { model: name, version }, body: JSON.stringify([row]), headers: { "Content-Type": "application/json" } });
}

function differences([one, other], [first, second]) {
  const rows = one.outputs.map((name, at) => {
    const [a, b] = [one.values[at][0], other.values[other.outputs.indexOf(name)]?.[0] ?? null];
    const isNumber = typeof a === "number" && typeof b === "number";
    return el("tr", {}, el("th", { scope: "row" }, name), [a, b, isNumber ? b - a : ""].map((value) => el("td", { class: "number" }, short(value))));
  });
  const heads = ["Answer", `Version ${first}`, `Version ${second}`, "Difference"].map((name) => el("th", { scope: "col" }, name));
  return el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
}

const TARGETS = ["", "regression", "binary", "multiclass", "multilabel", "anomaly", "textgeneration", "unstructured", "transform"];

function uploadCard(update) {
  const chosen = el("input", { type: "file", id: "model-file", onchange: () => take(chosen.files[0]) });
  const name = el("input", { autocomplete: "off", required: true });
  const target = el("select", { onchange: () => { labels.parentElement.hidden = !/binary|multi/.test(target.value); } }, TARGETS.map((one) => el("option", { value: one }, one || "as the file says")));
  const labels = el("input", { autocomplete: "off", placeholder: "negative, positive" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Sent", hidden: true });
  const verdict = el("p", { role: "status" });
  let file = null;

  function take(given) {
    file = given ?? null;
    if (file && !name.value) name.value = file.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
    verdict.textContent = file ? `${file.name}, ${short(file.size)} bytes` : "";
  }

  async function upload(event) {
    event.preventDefault();
    if (!file) { verdict.textContent = "Choose a file first."; return; }
    verdict.className = "";
    bar.hidden = false;
    try {
      const url = withQuery(`models/${encodeURIComponent(name.value)}`, API, { file: file.name, target_type: target.value, labels: labels.parentElement.hidden ? "" : labels.value });
      const made = await send("PUT", url, file, (sent, whole) => { bar.value = sent / whole; verdict.textContent = sent < whole ? "Sending …" : "Checking: the model is loaded, and predicts …"; });
      verdict.textContent = `${made.name}, version ${made.version}, is ready: it loads and predicts.`;
      verdict.className = "good";
      await update();
    } catch (error) {
      verdict.textContent = `Not stored: ${error.message.replace(/^ERROR: /, "")}`;
      verdict.className = "bad";
    } finally {
      bar.hidden = true;
    }
  }

  const drop = el("form", { class: "drop", onsubmit: upload },
    el("div", { class: "row" }, el("label", { for: "model-file" }, "Model file, or a zip of a model directory; drop it here, too"), chosen),
    el("div", { class: "row" }, el("label", {}, "Name ", name), el("label", {}, "Target ", target), el("label", { hidden: true }, "Labels ", labels), el("button", { class: "first" }, "Upload")),
    bar, verdict);
  onDrop(drop, take);
  return card("Upload a model", drop);
}
