// Numbers and times for people. Amounts of money come as text from agentd, which rounds them.

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const short = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const axis = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumSignificantDigits: 3, notation: "compact" });

export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
export const count = (number) => (number === null || number === undefined ? "–" : whole.format(number));
export const dollars = (number) => axis.format(number);
export const percent = (share) => (share === null || share === undefined ? "–" : `${whole.format(Math.floor(share * 100 + 1e-9))} %`);
export const plural = (number, noun) => `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A time in the viewer's zone, without its year. */
export function shortly(text) {
  const at = text ? new Date(text) : null;
  return at && !Number.isNaN(at.getTime()) ? short.format(at) : "–";
}

/** A time such as 2026-11-30T12:00:00Z in the viewer's zone. */
export function when(text) {
  const at = text ? new Date(text) : null;
  return at && !Number.isNaN(at.getTime()) ? moment.format(at) : "–";
}

export const timeOfDay = (date) => clock.format(date);

/** How long, in the two largest units: 3 h 20 min. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.max(0, Math.round(ms / 1000));
  const parts = [];
  for (const [unit, size] of units) {
    if (rest >= size && parts.length < 2) parts.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return parts.join(" ") || (ms > 0 ? `${(ms / 1000).toFixed(1)} s` : "0 s");
}

/** When something will be, and in how long. */
export function ahead(text, now) {
  return text ? `${when(text)}, in ${duration(new Date(text) - now)}` : null;
}

/** The figure with its `at least` or `about` before it. */
export const bounded = (row) => (row.bound ? `${row.bound} ${row.cost}` : row.cost);

/** When a point of a chart begins, said as finely as the points are. */
export function pointName(seconds, per) {
  const date = new Date(seconds * 1000);
  if (typeof per === "number") return moment.format(date);
  const style = per === "month" ? { year: "numeric", month: "long" } : { dateStyle: "medium" };
  const day = new Intl.DateTimeFormat(undefined, style).format(date);
  return per === "week" ? `week from ${day}` : day;
}
