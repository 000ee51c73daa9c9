// The first view: the budget, what runs now, the changes, the charts.

import { agentsPanel } from "./agents.js";
import { budgetPanel, otherBudgets, spendingPanel } from "./budget.js";
import { chartSet } from "./charts.js";
import { facts, h, section } from "./dom.js";
import { count, duration, plural, shortly, timeZone } from "./format.js";
import { hasPage, loadCharts, loadForecast } from "./source.js";
import { makeTable } from "./table.js";
import { changeAddress } from "./url.js";

const linkTo = (key, text) => (hasPage(key) ? h("a", { href: changeAddress(key) }, text) : text);

const RUNNING = [
  { key: "id", label: "Change", isHead: true, value: (row) => row.id, cell: (row) => linkTo(row.change, row.id) },
  { key: "step", label: "Step", value: (row) => row.step, cell: (row) => (row.round ? `${row.round[0]}/${row.round[1]} ${row.step}` : row.step) },
  { key: "provider", label: "Provider", wide: true, value: (row) => row.provider, cell: (row) => row.provider },
  { key: "model", label: "Model", wide: true, value: (row) => row.model, cell: (row) => row.model || "its default" },
  { key: "elapsed", label: "Time", num: true, value: (row) => row.started_at, cell: (row) => h("time", { class: "elapsed", datetime: row.started_at }, duration(Date.now() - new Date(row.started_at))) },
  { key: "requests", label: "Requests", num: true, wide: true, value: (row) => row.requests, cell: (row) => count(row.requests) },
  { key: "tokens", label: "Tokens in, out", num: true, wide: true, value: (row) => row.tokens_in, cell: (row) => `${count(row.tokens_in)}, ${count(row.tokens_out)}` },
  { key: "cost", label: "Cost so far", num: true, value: (row) => row.cost, cell: (row) => row.cost || "–" },
  { key: "tool", label: "Tool", wide: true, value: (row) => row.tool, cell: (row) => h("code", null, row.tool || "–") },
];

export const phasePill = (row) => h("span", { class: `pill ${row.problem ? "bad" : row.archived_on ? "done" : "open"}` }, row.phase);

/** A cost, with `at least` or `about` above it. */
export const costCell = (row) => h("span", { title: row.bound_told || row.why || null }, row.bound ? h("small", null, row.bound, " ") : null, row.cost);

const CHANGES = [
  { key: "id", label: "Change", isHead: true, value: (row) => row.id, cell: (row) => linkTo(row.key, row.id) },
  { key: "phase", label: "Phase", value: (row) => row.phase, cell: (row) => h("span", null, phasePill(row), row.gate ? h("span", { class: "pill waits" }, `gate: ${row.gate}`) : null) },
  { key: "tasks", label: "Tasks", num: true, value: (row) => (row.tasks ? row.tasks_done / row.tasks : -1), cell: (row) => (row.tasks ? `${row.tasks_done}/${row.tasks}` : "–") },
  { key: "calls", label: "Calls", num: true, wide: true, value: (row) => row.calls, cell: (row) => count(row.calls) },
  { key: "failed", label: "Failed", num: true, wide: true, value: (row) => row.failed, cell: (row) => count(row.failed) },
  { key: "tokens_in", label: "Tokens in", num: true, wide: true, value: (row) => row.tokens_in, cell: (row) => count(row.tokens_in) },
  { key: "tokens_out", label: "Tokens out", num: true, wide: true, value: (row) => row.tokens_out, cell: (row) => count(row.tokens_out) },
  { key: "cost_usd", label: "Cost", num: true, value: (row) => Number(row.cost_usd), cell: costCell },
  { key: "updated_at", label: "Updated", wide: true, value: (row) => row.updated_at || "", cell: (row) => shortly(row.updated_at) },
];

/** The view of a project; `state` are the values in the address. */
export function projectView(state) {
  const budget = h("div", { class: "budget-place" });
  const problems = h("ul", { class: "problems plain" });
  const totals = h("div", { class: "card totals" });
  const running = makeTable(RUNNING, { caption: "Runs under way", name: "running", state, keyOf: (row) => row.call, empty: "Nothing runs now.", text: (row) => row.id });
  const changes = makeTable(CHANGES, {
    caption: "Changes",
    state,
    sort: "-updated_at",
    filter: "Filter by id, phase or gate",
    keyOf: (row) => row.key,
    rowClass: (row) => (row.problem ? "broken" : null),
    text: (row) => [row.id, row.phase, row.gate || "", row.archived_on || "", row.waits_for || ""].join(" "),
    empty: 'No changes yet. Start one: agentd run add-something "What to change"',
  });
  const agents = agentsPanel(state);
  const charts = chartSet();
  const element = h("div", { class: "view" }, problems, h("div", { class: "panels" }, budget, totals), agents.element, section("running", "Running now", running.element), section("costs", "Costs", charts.element), section("changes", "Changes", changes.element));
  let forecast = null;
  let forecastOf = null;
  let last = null;

  function draw(project) {
    last = project;
    const now = new Date();
    const [first, ...others] = project.budgets;
    budget.replaceChildren(first ? budgetPanel(first, forecast, now) : spendingPanel(project, forecast), ...[otherBudgets(others)].filter(Boolean));
    const broken = project.changes.filter((row) => row.problem);
    problems.replaceChildren(...project.problems.map((text) => h("li", null, text)), ...broken.map((row) => h("li", null, `${row.id}: ${row.problem} ${row.cure || ""}`)));
    totals.replaceChildren(h("h2", null, "All changes"), totalsOf(project.totals));
    agents.update(project.agents);
    running.update(project.running);
    changes.update(project.changes);
  }

  function totalsOf(of) {
    return facts([
      ["Cost", of.bound ? `${of.bound} ${of.cost}` : of.cost],
      ["Changes", count(of.changes)],
      ["Calls", of.failed ? `${count(of.calls)}, ${count(of.failed)} failed` : count(of.calls)],
      ["Tokens in", count(of.tokens_in)],
      ["Tokens out", count(of.tokens_out)],
      ["Not exact", of.partial ? plural(of.partial, "call") : null],
      ["Without a price", of.unpriced ? `${plural(of.unpriced, "call")}, not in the cost` : null],
    ]);
  }

  async function foretell(key) {
    if (!key || key === forecastOf) return;
    forecastOf = key;
    forecast = await loadForecast(key).catch(() => null);
    if (last && forecastOf === key) draw(last);
  }

  return {
    element,
    update: draw,
    async refresh(project, changed) {
      charts.update(await loadCharts(timeZone));
      const key = (project.budgets[0] && project.budgets[0].change) || project.latest;
      if (changed === null || changed.has(key)) forecastOf = null;
      await foretell(key);
    },
  };
}
