// The TypeScript SDKs' own OAuth: v1 (@modelcontextprotocol/sdk) and v2 (@modelcontextprotocol/client).
// Reads lines from stdin. The first is {sdk, url, redirect, document}. It prints `authorize URL` where its person is to go,
// reads where they were sent back, and prints `text TEXT` of a call; for each further line it calls again. Each access token
// that it gets is printed as `token TOKEN`.
import { createInterface } from "node:readline/promises";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => (await lines.next()).value;
const { sdk, url, redirect, document } = JSON.parse(await next());

async function load() {
  if (sdk === "v2") {
    return await import("@modelcontextprotocol/client");
  }
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { UnauthorizedError } = await import("@modelcontextprotocol/sdk/client/auth.js");
  return { Client, StreamableHTTPClientTransport, UnauthorizedError };
}

const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await load();
const kept = {};
const provider = {
  redirectUrl: redirect,
  clientMetadataUrl: document,
  clientMetadata: {
    client_name: `The TypeScript SDK ${sdk}`,
    redirect_uris: [redirect],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  state: () => (kept.state ??= crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => {
    kept.tokens = tokens;
    console.log(`token ${tokens.access_token}`);
  },
  redirectToAuthorization: (where) => console.log(`authorize ${where.href}`),
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => void (kept.discovery = state),
  discoveryState: () => kept.discovery,
};

function open() {
  const options = sdk === "v2" ? { versionNegotiation: { mode: "auto" } } : {};
  const client = new Client({ name: `typescript-${sdk}`, version: "1" }, options);
  return { client, transport: new StreamableHTTPClientTransport(new URL(url), { authProvider: provider }) };
}

async function connected() {
  const first = open();
  try {
    await first.client.connect(first.transport);
    return first.client;
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) {
      throw error;
    }
  }
  const back = new URL(await next()).searchParams;
  if (back.get("state") !== kept.state) {
    throw new Error("the state is another one");
  }
  await first.transport.finishAuth(sdk === "v2" ? back : back.get("code"));
  const second = open();
  await second.client.connect(second.transport);
  return second.client;
}

const client = await connected();
for (let message = "hello"; message !== undefined; message = await next()) {
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  const params = { name: names.find((name) => name === "up_echo"), arguments: { message } };
  const result = await client.callTool(params);
  console.log(`text ${result.content[0].text}`);
}
await client.close();
