// Documents: agentd sends a tree of plain values, of which elements are built here; only known tags.

import { h } from "./dom.js";

const TAGS = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "a"]);
// Below the headings of the page.
const LOWER = { h1: "h4", h2: "h5", h3: "h6", h4: "h6", h5: "h6" };

export function build(nodes) {
  return nodes.map((node) => (typeof node === "string" ? document.createTextNode(node) : element(node)));
}

function element([tag, children, props]) {
  if (!TAGS.has(tag)) return document.createTextNode(JSON.stringify(children));
  if (tag === "a") return h("a", { href: props.href, rel: "noopener noreferrer", target: "_blank" }, ...build(children));
  if (tag === "table") return h("div", { class: "scroller", role: "region", tabindex: "0", "aria-label": "Table of the document" }, h("table", null, ...build(children)));
  if (tag === "pre") return h("pre", { tabindex: "0" }, ...build(children));
  if (tag === "li") return h("li", null, ...build(checkbox(children)));
  return h(LOWER[tag] || tag, tag in LOWER ? { class: tag } : null, ...build(children));
}

/** "[ ] text" and "[x] text" as boxes. */
function checkbox(children) {
  const [first, ...rest] = children;
  const found = typeof first === "string" && /^\[([ xX])\] ([^]*)$/.exec(first);
  return found ? [`${found[1] === " " ? "☐" : "☑"} ${found[2]}`, ...rest] : children;
}
