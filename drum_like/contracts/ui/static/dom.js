// Elements from code: text always becomes text, never HTML, whoever wrote it.

/** Return an element. Properties that begin with "on" are listeners, the others attributes. */
export function el(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** Return an element of SVG. */
export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Show elements in place of what an element holds. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat().filter(Boolean));
  return element;
}

export function card(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), ...children);
}

/** Return pairs of a term and its description as a list; without those that are empty. */
export function facts(pairs) {
  const told = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", {}, told.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
}

/** Return a number in few digits, as a reader wants it; others as they are. */
export function short(value) {
  if (value === null || value === undefined) return "missing";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return String(Number(value.toPrecision(5)));
}

/** Let an element take files that are dropped on it. */
export function onDrop(element, take) {
  element.addEventListener("dragover", (event) => { event.preventDefault(); element.classList.add("over"); });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
}
