// The client of the tasks extension (@modelcontextprotocol/ext-tasks) over the TypeScript SDK 2, for tests/clients/test_tasks.py.
// Reads {url, key, answer, calls: [{name, arguments, cancel}]} from stdin and prints one JSON object per call.
import { readFileSync } from "node:fs";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createTaskSessionFromClient } from "@modelcontextprotocol/ext-tasks/client";

const VERSION = "2026-07-28";
const { url, key, calls, answer: content } = JSON.parse(readFileSync(0, "utf8"));
const clientInfo = { name: "ext-tasks", version: "1" };
const clientCapabilities = { elicitation: {} };

const client = new Client(clientInfo, { capabilities: clientCapabilities, versionNegotiation: { mode: { pin: VERSION } } });
const authorization = { Authorization: `Bearer ${key}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: authorization } }));

// The SDK's codecs know no tasks: their requests go past them, as the package wants it.
let nextId = 0;
async function rawDispatch(request) {
  const name = request.params.taskId ?? request.params.name;
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      ...authorization,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": VERSION,
      "Mcp-Method": request.method,
      "Mcp-Name": name,
    },
    body: JSON.stringify({ ...request, jsonrpc: "2.0", id: `raw-${nextId++}` }),
  });
  const said = await answer.text();
  const streamed = answer.headers.get("content-type").startsWith("text/event-stream");
  const message = JSON.parse(streamed ? said.split("data: ").at(-1) : said);
  return "error" in message ? { kind: "error", error: message.error } : { kind: "result", result: message.result };
}

const asked = [];
const session = createTaskSessionFromClient(client, {
  endpointId: "toolmesh",
  rawDispatch,
  v2RequestFraming: { protocolVersion: VERSION, clientInfo, clientCapabilities },
  onInputRequest: (request) => {
    asked.push(request.params.message);
    return { action: "accept", content };
  },
});

for (const call of calls) {
  asked.length = 0;
  const seen = { kind: "", status: "", text: "", error: "", asked: [] };
  try {
    const execution = await session.callTool(call.name, call.arguments);
    seen.kind = execution.kind;
    if (call.cancel) {
      await execution.cancel();
    }
    const { outcome } = await execution.settle();
    seen.status = outcome.status;
    seen.text = outcome.result?.content?.[0]?.text ?? "";
    seen.error = outcome.error?.message ?? "";
  } catch (error) {
    seen.error = String(error?.stack ?? error);
  }
  console.log(JSON.stringify({ ...seen, asked: [...asked] }));
}
await session.close();
await client.close();
