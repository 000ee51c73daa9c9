// The view of one change: where it stands, its timeline, calls and requests, documents.

import { budgetPanel } from "./budget.js";
import { chartSet } from "./charts.js";
import { facts, h, section } from "./dom.js";
import { bounded, count, duration, shortly, timeOfDay, timeZone, when } from "./format.js";
import { build } from "./markdown.js";
import { costCell, phasePill } from "./project.js";
import { loadChange, loadForecast, loadRequests } from "./source.js";
import { makeTable } from "./table.js";
import { changeAddress, keep } from "./url.js";

const GOOD = new Set(["ok", "APPROVED", "PASS"]);
const statusPill = (word) => h("span", { class: `pill ${GOOD.has(word) ? "good" : "bad"}` }, word);
const accuracy = (row) => (row.accuracy === "exact" ? "exact" : h("span", { title: row.why || null }, row.why ? `${row.accuracy}: ${row.why}` : row.accuracy));


/** A count, and below it the parts of it that are there. */
function withParts(number, parts) {
  const told = parts.filter(([part]) => part).map(([part, name]) => h("small", null, `${count(part)} ${name}`));
  return h("span", null, count(number), ...told);
}

const CALLS = (open) => [
  { key: "timestamp", label: "When", isHead: true, value: (row) => row.timestamp || "", cell: (row) => h("button", { type: "button", class: "link", onclick: () => open(row.id) }, shortly(row.timestamp)) },
  { key: "step", label: "Step", value: (row) => row.step, cell: (row) => h("span", null, row.step, row.round ? h("small", null, `round ${row.round}`) : null) },
  { key: "model", label: "Model", value: (row) => row.model, cell: (row) => h("span", null, row.model, row.provider ? h("small", null, row.provider) : null) },
  { key: "status", label: "Status", value: (row) => row.status, cell: (row) => h("span", null, statusPill(row.status), row.verdict ? statusPill(row.verdict) : null) },
  { key: "requests", label: "Requests", num: true, wide: true, value: (row) => row.requests, cell: (row) => count(row.requests) },
  { key: "tokens_in", label: "Tokens in", num: true, wide: true, value: (row) => row.tokens_in, cell: (row) => withParts(row.tokens_in, [[row.tokens_cache_read, "from cache"], [row.tokens_cache_write, "to cache"]]) },
  { key: "tokens_out", label: "Tokens out", num: true, wide: true, value: (row) => row.tokens_out, cell: (row) => withParts(row.tokens_out, [[row.tokens_reasoning, "reasoning"]]) },
  { key: "cost_usd", label: "Cost", num: true, value: (row) => Number(row.cost_usd), cell: costCell },
  { key: "cost_source", label: "Price from", wide: true, value: (row) => row.cost_source, cell: (row) => [row.cost_source, row.price_variant].filter(Boolean).join(", ") },
  { key: "accuracy", label: "Known", wide: true, value: (row) => row.accuracy, cell: accuracy },
  { key: "duration_ms", label: "Time", num: true, wide: true, value: (row) => row.duration_ms, cell: (row) => duration(row.duration_ms) },
];

const known = (row) => (row.exact ? "exact" : row.estimated.length ? `estimated: ${row.estimated.join(", ").replaceAll("_tokens", "")}` : "at least");
const REQUESTS = [
  { key: "started_at", label: "When", isHead: true, value: (row) => row.started_at || "", cell: (row) => (row.started_at ? timeOfDay(new Date(row.started_at)) : "–") },
  { key: "thread", label: "Thread", value: (row) => row.thread, cell: (row) => row.thread },
  { key: "model", label: "Model", value: (row) => row.model, cell: (row) => row.model || "–" },
  { key: "end", label: "End", value: (row) => row.end, cell: (row) => (row.is_rest ? "the rest of a total" : row.end || "–") },
  { key: "tokens_in", label: "In", num: true, value: (row) => row.tokens_in, cell: (row) => count(row.tokens_in) },
  { key: "tokens_cache_read", label: "From cache", num: true, wide: true, value: (row) => row.tokens_cache_read, cell: (row) => count(row.tokens_cache_read) },
  { key: "tokens_cache_write", label: "To cache", num: true, wide: true, value: (row) => row.tokens_cache_write, cell: (row) => count(row.tokens_cache_write) },
  { key: "tokens_out", label: "Out", num: true, value: (row) => row.tokens_out, cell: (row) => count(row.tokens_out) },
  { key: "tokens_reasoning", label: "Reasoning", num: true, wide: true, value: (row) => row.tokens_reasoning, cell: (row) => count(row.tokens_reasoning) },
  { key: "duration_ms", label: "Time", num: true, wide: true, value: (row) => row.duration_ms, cell: (row) => duration(row.duration_ms) },
  { key: "cost_usd", label: "Cost", num: true, value: (row) => Number(row.cost_usd || 0), cell: (row) => row.cost || "–" },
  { key: "exact", label: "Known", value: known, cell: known },
];

/** The view of the change with this key; `state` are the values in the address. */
export function changeView(key, state) {
  const head = h("div", { class: "change-head" });
  const problems = h("ul", { class: "problems plain" });
  const budget = h("div", { class: "budget-place" });
  const timeline = h("ol", { class: "timeline" });
  const documents = h("div", { class: "documents" });
  const requests = h("div", { id: "requests", tabindex: "-1" });
  const charts = chartSet();
  const calls = makeTable(CALLS(openRequests), { caption: "Calls", state, sort: "timestamp", filter: "Filter by step, model or status", keyOf: (row) => row.id, text: (row) => [row.step, row.model, row.provider, row.status, row.verdict || "", row.accuracy].join(" "), empty: "No calls yet." });
  const element = h("div", { class: "view" }, h("p", null, h("a", { href: "#/" }, "← All changes")), head, problems, budget, section("timeline", "Timeline", timeline), section("calls", "Calls", h("p", { class: "muted" }, "The time of a call opens its requests."), calls.element, requests), section("documents", "Documents", documents), section("costs", "Costs", charts.element));
  const opened = new Set();
  let forecast = null;
  let ownBudget = null;
  let last = null;
  let shown = "";

  async function openRequests(id) {
    keep("call", id);
    const found = await loadRequests(key, id).catch((error) => ({ problem: error.message }));
    const table = makeTable(REQUESTS, { caption: "Requests", name: "requests", state: new URLSearchParams(), keyOf: (row) => row.id || row.started_at || JSON.stringify(row), text: () => "", empty: "This run made no request." });
    const told = found.problem || found.not_sent || (found.requests === null ? "Its requests are not known here: they are in the folder of the run, which git ignores." : null);
    requests.replaceChildren(h("h3", null, `Requests of ${id}`), told ? h("p", null, told) : "", found.metered ? h("p", { class: "muted" }, `Metered ${found.metered}.`) : "", found.requests ? table.element : "");
    if (found.requests) table.update(found.requests);
    requests.focus();
  }

  function drawTimeline(steps, events) {
    const items = steps.map((one, place) => {
      const isNew = place && steps[place - 1].round !== one.round;
      const told = events.filter((event) => one.calls.includes(event.call));
      return h("li", { class: isNew ? "new-round" : null }, h("span", { class: "muted" }, one.round ? `round ${one.round}` : "once"), h("b", null, one.step), one.verdict ? statusPill(one.verdict) : statusPill(one.status), h("span", null, bounded(one)), h("span", { class: "muted" }, duration(one.duration_ms)), ...told.map((event) => h("span", { class: "event" }, event.text)));
    });
    timeline.replaceChildren(...(items.length ? items : [h("li", null, "No step has run yet.")]));
  }

  function drawDocuments(found) {
    const sign = JSON.stringify(found);
    if (sign === shown) return;
    const isFirst = shown === "";
    shown = sign;
    documents.replaceChildren(...found.map((one, place) => {
      const open = isFirst ? place === 0 : opened.has(one.name);
      if (open) opened.add(one.name);
      const body = h("div", { class: "document" }, one.problem ? h("p", null, one.problem) : null, ...build(one.nodes));
      return h("details", { class: "card", open, ontoggle: (event) => (event.target.open ? opened.add(one.name) : opened.delete(one.name)) }, h("summary", null, one.name), body);
    }));
    if (!found.length) documents.replaceChildren(h("p", { class: "muted" }, "No documents yet."));
  }

  /** Where a change is that is not there any more: in the archive, perhaps. */
  function moved(project) {
    const archived = project.changes.find((one) => one.archived_on && one.id === key);
    return archived ? h("span", null, "This change is archived: ", h("a", { href: changeAddress(archived.key) }, archived.key)) : "This change is not there any more.";
  }

  function drawHead(row) {
    head.replaceChildren(h("h1", null, row.id, " ", phasePill(row)), facts([
      ["Cost", bounded(row)],
      ["Calls", row.failed ? `${count(row.calls)}, ${count(row.failed)} failed` : count(row.calls)],
      ["Tokens in, out", `${count(row.tokens_in)}, ${count(row.tokens_out)}`],
      ["Tasks", row.tasks ? `${row.tasks_done} of ${row.tasks}` : null],
      ["Updated", when(row.updated_at)],
      ["Waits for a person", row.waits_for],
      ["Next", row.next ? h("code", null, row.next) : null],
      ["Not exact", row.bound_told],
    ]));
  }

  return {
    element,
    update(project) {
      last = project;
      const row = project.changes.find((one) => one.key === key);
      if (row) drawHead(row);
      const own = project.budgets.find((one) => one.change === key && one.key === "budget") || ownBudget || project.budgets.find((one) => one.change === key);
      budget.replaceChildren(...(own ? [budgetPanel(own, forecast, new Date())] : []));
      const told = row ? [row.problem && `${row.problem} ${row.cure || ""}`, ...row.warnings].filter(Boolean) : [moved(project)];
      problems.replaceChildren(...told.map((text) => h("li", null, text)));
    },
    async refresh(project, changed) {
      if (changed !== null && !changed.has(key)) return;
      if (!project.changes.some((one) => one.key === key)) return;
      const found = await loadChange(key, timeZone);
      if (!found) return;
      if (found.problem && !problems.childElementCount) problems.replaceChildren(h("li", null, found.problem));
      drawTimeline(found.timeline || [], found.events);
      calls.update(found.calls);
      drawDocuments(found.documents);
      ownBudget = found.budget;
      charts.update(found.charts);
      if (changed === null && state.get("call")) await openRequests(state.get("call"));
      forecast = await loadForecast(key).catch(() => null);
      this.update(last || project);
    },
  };
}
