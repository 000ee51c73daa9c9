// The agents whose programs publish their budgets to a file: a table for each file.

import { levelBadge } from "./budget.js";
import { h, section } from "./dom.js";
import { percent, when } from "./format.js";
import { makeTable } from "./table.js";

const AGENTS = [
  { key: "id", label: "Agent", isHead: true, value: (row) => row.id, cell: (row) => row.id },
  { key: "level", label: "Budget", value: (row) => row.share, cell: (row) => levelBadge(row) },
  { key: "spent", label: "Spent", num: true, value: (row) => row.share, cell: (row) => `${row.spent} of ${row.limit}` },
  { key: "share", label: "Used", num: true, wide: true, value: (row) => row.share, cell: (row) => percent(row.share) },
  { key: "left", label: "Left", num: true, wide: true, value: (row) => row.left_usd, cell: (row) => row.left },
  { key: "last", label: "Last cost", num: true, wide: true, value: (row) => row.last_cost_usd, cell: (row) => row.last_cost },
  { key: "at", label: "When", wide: true, value: (row) => row.at, cell: (row) => when(row.at) },
];

/** The budget of all agents that is nearest to its end, null without agents. */
export function worstAgent(files) {
  const every = (files || []).flatMap((file) => file.agents);
  return every.reduce((worst, one) => (worst && worst.share >= one.share ? worst : one), null);
}

/** The panel of all files; update(files) fills it. */
export function agentsPanel(state) {
  const place = h("div");
  const element = section("agents", "Agents", place);
  const parts = new Map();

  function partOf(file, number) {
    if (!parts.has(file.file)) {
      const name = number ? `agents${number + 1}` : "agents";
      const table = makeTable(AGENTS, { caption: `Agents in ${file.file}`, name, state, keyOf: (row) => row.id, empty: "No agent has published a cost yet.", text: (row) => row.id });
      const note = h("p", { class: "muted", role: "status" });
      const part = h("div", null, h("p", { class: "muted" }, h("code", null, file.file)), note, table.element);
      place.append(part);
      parts.set(file.file, { table, note });
    }
    return parts.get(file.file);
  }

  return {
    element,
    update(files) {
      element.hidden = !(files && files.length);
      (files || []).forEach((file, number) => {
        const { table, note } = partOf(file, number);
        note.textContent = file.problem || (file.is_there ? "" : "The file is not there yet; the page waits for it.");
        table.element.hidden = Boolean(note.textContent) && !file.agents.length;
        table.update(file.agents);
      });
    },
  };
}
