// The address keeps what is shown: #/ or #/change/KEY, then ?q=…&sort=…

export function readAddress() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean);
  const change = parts[0] === "change" && parts[1] ? decode(parts[1]) : null;
  return { change, state: new URLSearchParams(query || "") };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const changeAddress = (key) => `#/change/${encodeURIComponent(key)}`;

/** Keep a value in the address, without a step in the browser's history; "" takes it out. */
export function keep(name, value) {
  const [path] = location.hash.replace(/^#/, "").split("?");
  const { state } = readAddress();
  if (value) state.set(name, value);
  else state.delete(name);
  const query = state.toString();
  history.replaceState(null, "", `#${path || "/"}${query ? `?${query}` : ""}`);
}
