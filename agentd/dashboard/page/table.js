// A table that sorts, filters, and changes only the rows that are new when it is updated.

import { h } from "./dom.js";
import { keep } from "./url.js";

const FEW = 100;

/**
 * columns: [{ key, label, num, wide, value(row), cell(row) }]; `value` is what is sorted by, `cell`
 * what is shown. options: caption, keyOf(row), empty, name (its prefix in the address), filter (the
 * label of a search field), text(row) (what is searched), sort, state (URLSearchParams).
 */
export function makeTable(columns, options) {
  const prefix = options.name ? `${options.name}.` : "";
  const view = { sort: options.state.get(`${prefix}sort`) || options.sort || "", q: options.state.get(`${prefix}q`) || "", all: false };
  const known = new Map();
  let rows = [];
  const heads = columns.map((column) => head(column));
  const body = h("tbody");
  const note = h("p", { class: "muted", role: "status" });
  const more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => { view.all = true; draw(); } });
  const table = h("table", null, h("caption", { class: "unseen" }, options.caption), h("thead", null, h("tr", null, ...heads.map((one) => one.th))), body);
  const search = options.filter ? searchField() : null;
  const scroller = h("div", { class: "scroller", role: "region", "aria-label": options.caption, tabindex: "0" }, table);
  const element = h("div", { class: "table" }, search, scroller, note, more);

  function head(column) {
    const mark = h("span", { class: "mark", "aria-hidden": "true" });
    const button = h("button", { type: "button", onclick: () => sortBy(column) }, column.label, mark);
    return { column, mark, th: h("th", { scope: "col", class: classOf(column) }, button) };
  }

  function searchField() {
    const input = h("input", { type: "search", value: view.q, placeholder: "all", oninput: () => {
      view.q = input.value;
      keep(`${prefix}q`, view.q);
      draw();
    } });
    return h("label", { class: "search" }, `${options.filter} `, input);
  }

  function sortBy(column) {
    const down = view.sort === column.key || (view.sort !== `-${column.key}` && column.num);
    view.sort = view.sort === `-${column.key}` ? column.key : down ? `-${column.key}` : column.key;
    keep(`${prefix}sort`, view.sort === options.sort ? "" : view.sort);
    draw();
  }

  function chosen() {
    const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? rows.filter((row) => words.every((word) => options.text(row).toLowerCase().includes(word))) : [...rows];
    const column = columns.find((one) => one.key === view.sort.replace(/^-/, ""));
    if (column) found.sort((one, other) => compare(column.value(one), column.value(other)) * (view.sort.startsWith("-") ? -1 : 1));
    return found;
  }

  function rowOf(row) {
    const key = options.keyOf(row);
    const sign = JSON.stringify(row);
    const old = known.get(key);
    if (old && old.sign === sign) return old.tr;
    const cells = columns.map((column) => h(column.isHead ? "th" : "td", { class: classOf(column), scope: column.isHead ? "row" : null }, column.cell(row)));
    const tr = h("tr", { "data-key": key, class: options.rowClass ? options.rowClass(row) : null }, ...cells);
    known.set(key, { sign, tr });
    if (old) keepFocus(old.tr, tr);
    return tr;
  }

  function draw() {
    for (const { column, mark, th } of heads) {
      const way = view.sort === column.key ? "ascending" : view.sort === `-${column.key}` ? "descending" : null;
      if (way) th.setAttribute("aria-sort", way);
      else th.removeAttribute("aria-sort");
      mark.textContent = way === "ascending" ? " ▲" : way === "descending" ? " ▼" : "";
    }
    const found = chosen();
    const shown = view.all ? found : found.slice(0, FEW);
    const trs = shown.map(rowOf);
    if (trs.length !== body.children.length || trs.some((tr, place) => body.children[place] !== tr)) {
      const focused = body.contains(document.activeElement) ? document.activeElement : null;
      body.replaceChildren(...trs);
      if (focused && focused.isConnected) focused.focus({ preventScroll: true });
    }
    note.textContent = !rows.length ? options.empty : !found.length ? "Nothing matches the filter." : view.q ? `${found.length} of ${rows.length}` : "";
    scroller.hidden = !found.length;
    more.hidden = shown.length === found.length;
    more.textContent = `Show all ${found.length}`;
  }

  return {
    element,
    update(fresh) {
      rows = fresh;
      const keys = new Set(rows.map(options.keyOf));
      for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
      draw();
    },
  };
}

const classOf = (column) => [column.num ? "num" : "", column.wide ? "wide" : ""].join(" ").trim() || null;

function keepFocus(old, fresh) {
  if (!old.contains(document.activeElement)) return;
  const place = [...old.querySelectorAll("a, button")].indexOf(document.activeElement);
  requestAnimationFrame(() => fresh.querySelectorAll("a, button")[place]?.focus({ preventScroll: true }));
}

function compare(one, other) {
  if (one === other) return 0;
  if (one === null || one === undefined) return -1;
  if (other === null || other === undefined) return 1;
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
}
