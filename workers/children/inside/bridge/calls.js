// What a script asks for: each is a promise here, and a text for Python in `asked`.

let api = "toolmesh";
let limits = nothing;
let count = 0, calls = 0, discoveries = 0;
const waiting = { __proto__: null };
const asked = queue();

const toolError = (error, tool, code, message, body) => {
  const status = hasOwn(body, "status") && typeof body.status === "number" ? body.status : undefined;
  put(error, "name", "ToolError", false);
  put(error, "message", message, false);
  put(error, "code", code, true);
  put(error, "status", status, true);
  put(error, "http_status", status, true);
  put(error, "api_message", ownText(body, "api_message", undefined), true);
  put(error, "provider_code", ownText(body, "provider_code", undefined), true);
  put(error, "tool", tool, true);
  put(error, "retryable", hasOwn(body, "retryable") && body.retryable === true, true);
  put(error, "data", hasOwn(body, "data") ? body.data : undefined, true);
  return error;
};
// So that `await` takes it for what it is, whatever the prototype says by then.
const promised = (executor) => {
  const promise = new OwnPromise(executor);
  put(promise, "constructor", OwnPromise, false);
  return promise;
};
const refused = (message) => {
  const error = new OwnTypeError(message);
  return promised((_, reject) => reject(error));
};
const tooMany = (kind) => {
  if (kind === "call")
    return ++calls > limits.calls && ["too_many_calls", "This script made " + limits.calls + " calls, as many as it may."];
  const most = limits.discoveries;
  return (
    ++discoveries > most && ["too_many_discoveries", "This script looked for tools " + most + " times, as often as it may."]
  );
};
const ask = (kind, tool, text) => {
  const error = new OwnError(); // knows where in the script the call stands
  const over = tooMany(kind);
  return promised((resolve, reject) => {
    if (over) return reject(toolError(error, tool, over[0], over[1], nothing));
    waiting[++count] = { __proto__: null, resolve, reject, error, tool };
    asked.add(kind + "\n" + text + "\n" + tool);
  });
};
const answer = (ordinal, ok, text) => {
  const { resolve, reject, error, tool } = waiting[ordinal];
  delete waiting[ordinal];
  let body;
  try {
    body = text === "" ? undefined : parse(text);
  } catch (_) {
    return reject(toolError(error, tool, "result_unreadable", "The answer can't be read as JSON here.", nothing));
  }
  if (ok) return resolve(body);
  if (typeof body !== "object" || body === null) body = nothing;
  const code = ownText(body, "code", "internal"), message = ownText(body, "message", "The call failed.");
  return reject(toolError(error, tool, code, message, body));
};

const kindName = (value) => {
  if (value === null) return "null";
  if (isArray(value)) return "an array";
  if (typeof value !== "object") return "a " + typeof value;
  const kind = kindOf(value);
  if (kind === "Promise") return "a Promise (await it first)";
  return kind === "Object" ? "an object of a class" : "a " + kind;
};
const isPlain = (value) => {
  if (typeof value !== "object" || value === null || isArray(value)) return false;
  const prototype = safely(() => getPrototypeOf(value), undefined);
  return prototype === objectProto || prototype === null;
};
const call = (name, given, argument) => {
  const shown = isIdentifier(name) ? api + "." + name : api + "[" + quote(name) + "]";
  const form = ": write " + shown + "({name: value}).";
  const rule = shown + " takes one object with named arguments, not ";
  if (given > 1) return refused(rule + given + " arguments" + form);
  if (argument === undefined) return ask("call", name, "{}");
  if (!isPlain(argument)) return refused(rule + kindName(argument) + form);
  const { text, refusal } = json(argument, limits.argument, false);
  if (refusal === null) return ask("call", name, text);
  if (!refusal.large) return refused("The arguments of " + shown + " are not JSON: argument" + refusal.path + " " + refusal.why + ".");
  return refused("The arguments of " + shown + " are larger than " + limits.argument + " bytes, the most that a call may have.");
};
const discover = (text, limit) => {
  const form = 'write toolmesh.discover("what you look for", 10).';
  if (typeof text !== "string") return refused("toolmesh.discover takes a text: " + form);
  if (text.length > limits.argument) return refused("toolmesh.discover takes a shorter text: " + form);
  if (limit === undefined || limit === null) return ask("discover", "", '{"query":' + quote(text) + "}");
  if (typeof limit !== "number" || limit % 1 !== 0 || limit < 1 || limit > 1e9)
    return refused("The limit of toolmesh.discover is a whole number from 1: " + form);
  return ask("discover", "", '{"query":' + quote(text) + ',"limit":' + limit + "}");
};
const describe = (name) => {
  if (typeof name === "string" && isName(name)) return ask("describe", name, "{}");
  return refused('toolmesh.describe takes the name of a tool: write toolmesh.describe("name").');
};
