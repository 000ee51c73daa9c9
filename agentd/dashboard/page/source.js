// Where the figures come from: the server that is live, or this file, in which they are frozen.

const holder = document.getElementById("frozen");
export const frozen = holder ? JSON.parse(holder.textContent) : null;

async function ask(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.status === 404 ? "It is not there any more." : (await answer.text()).trim());
  return answer.json();
}

export async function loadCharts(zone) {
  return frozen ? frozen.charts : ask(`api/charts?zone=${encodeURIComponent(zone)}`);
}

export async function loadChange(key, zone) {
  if (frozen) return frozen.changes[key] || null;
  return ask(`api/changes/${encodeURIComponent(key)}?zone=${encodeURIComponent(zone)}`);
}

export async function loadForecast(key) {
  if (frozen) return frozen.forecasts[key] || null;
  return ask(`api/changes/${encodeURIComponent(key)}/forecast`);
}

export async function loadRequests(key, call) {
  if (frozen) return (frozen.requests[key] || {})[call] || { requests: null };
  return ask(`api/changes/${encodeURIComponent(key)}/calls/${encodeURIComponent(call)}`);
}

/** Whether a change has a page of its own here. */
export const hasPage = (key) => !frozen || key in frozen.changes;

/** Follow the project: `told` has functions loading, snapshot, update, and state(word). */
export function follow(told) {
  if (frozen) {
    told.snapshot(frozen.project);
    told.state("frozen");
    return;
  }
  const events = new EventSource("events");
  for (const name of ["loading", "snapshot", "update"]) {
    events.addEventListener(name, (event) => told[name](JSON.parse(event.data)));
  }
  events.addEventListener("open", () => told.state("live"));
  events.addEventListener("error", () => told.state(events.readyState === EventSource.CLOSED ? "refused" : "lost"));
}
