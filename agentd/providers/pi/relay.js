// Loaded into one run of pi: its requests go to agentd's relay. Nothing of its user's is changed.
export default function (pi) {
  const { provider, baseUrl } = JSON.parse(process.env.AGENTD_PI_RELAY);
  pi.registerProvider(provider, { baseUrl });
}
