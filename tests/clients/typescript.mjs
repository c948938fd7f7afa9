// The TypeScript SDKs as clients: v1 (@modelcontextprotocol/sdk) and v2 (@modelcontextprotocol/client).
// Reads {sdk, era, transport, key, visits: [{url, visit}]} from stdin and prints one JSON object per visit: tests/clients/visit.py.
import { readFileSync } from "node:fs";

const STEP_TIMEOUT_MS = 30_000;
const { sdk, era, transport: kind, key, visits } = JSON.parse(readFileSync(0, "utf8"));

async function load() {
  if (sdk === "v2") {
    return await import("@modelcontextprotocol/client");
  }
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { SSEClientTransport } = await import("@modelcontextprotocol/sdk/client/sse.js");
  const types = await import("@modelcontextprotocol/sdk/types.js");
  return { Client, StreamableHTTPClientTransport, SSEClientTransport, types };
}

const { Client, StreamableHTTPClientTransport, SSEClientTransport, types } = await load();

// What the server may ask for, under its name in both SDKs, and the answer.
const ANSWERS = {
  "elicitation/create": ["ElicitRequestSchema", { action: "accept", content: { name: "someone", email: "someone@example.org", username: "someone" } }],
  "sampling/createMessage": ["CreateMessageRequestSchema", { role: "assistant", model: "none", content: { type: "text", text: "a sample" } }],
  "roots/list": ["ListRootsRequestSchema", { roots: [{ uri: "file:///somewhere" }] }],
};

function open(url, asked) {
  const mode = era === "2026-07-28" ? { pin: era } : era;
  const capabilities = { elicitation: {}, sampling: {}, roots: {} };
  const options = sdk === "v2" ? { capabilities, versionNegotiation: { mode } } : { capabilities };
  const client = new Client({ name: `typescript-${sdk}`, version: "1" }, options);
  for (const [method, [schema, answer]] of Object.entries(ANSWERS)) {
    client.setRequestHandler(sdk === "v2" ? method : types[schema], () => {
      asked.push(method);
      return answer;
    });
  }
  const Transport = kind === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
  const transport = new Transport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${key}` } } });
  return { client, transport };
}

async function call(client, ask, options) {
  const params = { name: ask.name, arguments: ask.arguments };
  const result = sdk === "v2" ? await client.callTool(params, options) : await client.callTool(params, undefined, options);
  if (result.isError) {
    throw new Error(`${ask.name}: ${JSON.stringify(result.content)}`);
  }
  return result.content.find((block) => block.type === "text").text;
}

async function all(list, member) {
  const found = [];
  let cursor;
  do {
    const page = await list(cursor === undefined ? {} : { cursor });
    found.push(...page[member]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function visitOne({ url, visit }) {
  const seen = { asked: [] };
  const { client, transport } = open(url, seen.asked);
  const options = { timeout: STEP_TIMEOUT_MS };
  try {
    await client.connect(transport, options);
    seen.protocol = (sdk === "v2" ? client.getNegotiatedProtocolVersion() : transport.protocolVersion) ?? "";
    seen.tools = (await all((page) => client.listTools(page, options), "tools")).map((tool) => tool.name);
    seen.said = await call(client, visit.tool, options);
    if (visit.progress) {
      const steps = [];
      const onprogress = (note) => steps.push(note.progress);
      seen.progressed = await call(client, visit.progress, { ...options, onprogress });
      seen.steps = steps;
    }
    if (visit.prompt) {
      seen.prompts = (await all((page) => client.listPrompts(page, options), "prompts")).map((prompt) => prompt.name);
      const { name, arguments: given } = visit.prompt;
      seen.prompted = JSON.stringify((await client.getPrompt({ name, arguments: given }, options)).messages);
    }
    if (visit.resource) {
      const listed = await all((page) => client.listResources(page, options), "resources");
      seen.resources = listed.map((resource) => resource.uri);
      seen.read = (await client.readResource({ uri: visit.resource.name }, options)).contents[0].text;
    }
  } catch (error) {
    seen.error = String(error?.stack ?? error);
  } finally {
    await client.close().catch(() => {});
  }
  return seen;
}

for (const item of visits) {
  console.log(JSON.stringify(await visitOne(item)));
}
process.exit(0);
