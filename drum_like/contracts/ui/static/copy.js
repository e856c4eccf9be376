// "Copy as": the request for a row in the form of each contract that is on, in three languages.
import { ROOT, ask, hasCredential } from "./http.js";
import { card, el, show } from "./dom.js";

const LANGUAGES = { curl: asCurl, Python: asPython, JavaScript: asJavaScript };

/** Return the card, and a function that shows requests for another row. */
export function copyCard(page) {
  const which = el("select", { onchange: write });
  const language = el("select", { onchange: write }, Object.keys(LANGUAGES).map((name) => el("option", {}, name)));
  const code = el("code");
  const said = el("span", { role: "status" });
  const button = el("button", { type: "button", onclick: copy }, "Copy");
  let requests = [];

  function write() {
    said.textContent = "";
    const one = requests[which.selectedIndex];
    code.textContent = one ? LANGUAGES[language.value](one) : "";
  }

  async function copy() {
    await navigator.clipboard.writeText(code.textContent);
    said.textContent = "Copied.";
  }

  async function update(row) {
    const chosen = which.value;
    const query = { model: page.wanted };
    const body = JSON.stringify(row);
    requests = (await ask("requests", { method: "POST", query, body, headers: { "Content-Type": "application/json" } })).requests;
    show(which, requests.map(({ title }) => el("option", { selected: title === chosen }, title)));
    write();
  }

  const element = card("Copy as",
    el("div", { class: "row" }, el("label", {}, "Contract ", which), el("label", {}, "Language ", language), button, said),
    el("pre", { tabindex: "0", "aria-label": "The request" }, code));
  return { element, update };
}

const address = ({ path }) => new URL(path, ROOT).href;

/** Return a text between single quotes, as a shell reads it. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function asCurl(one) {
  const credential = hasCredential() ? `\n  -H "Authorization: Bearer $TOKEN" \\` : "";
  return `curl ${quoted(address(one))} \\${credential}\n  -H 'Content-Type: ${one.media_type}' \\\n  --data-binary ${quoted(one.body)}`;
}

function asPython(one) {
  const credential = hasCredential() ? `, "Authorization": f"Bearer {os.environ['TOKEN']}"` : "";
  return `${hasCredential() ? "import os\n\n" : ""}import requests\n
reply = requests.post(
    ${JSON.stringify(address(one))},
    headers={"Content-Type": "${one.media_type}"${credential}},
    data=${JSON.stringify(one.body)}.encode(),
)
reply.raise_for_status()
print(reply.json())`;
}


function asJavaScript(one) {
  const credential = hasCredential() ? ", Authorization: `Bearer ${token}`" : "";
  return `${hasCredential() ? "const token = \"your credential\";\n" : ""}const reply = await fetch(${JSON.stringify(address(one))}, {
  method: "POST",
  headers: { "Content-Type": "${one.media_type}"${credential} },
  body: ${JSON.stringify(one.body)},
});
console.log(await reply.json());`;
}
