// What stands between a script and the child's Python. It runs first in every fresh context and takes hold of all that it
// uses, so that nothing that a script rewrites later changes what it does: no method is looked up on a prototype here, no
// array is iterated or pushed to, and objects that are read by name have no prototype. Python gets its functions from
// `bridge(name)` and takes that name out of the global object again before a script runs.
(() => {
  "use strict";

  const { apply, defineProperty, getPrototypeOf, ownKeys } = Reflect;
  const { freeze, keys } = Object;
  const { isArray } = Array, { isView } = ArrayBuffer;
  const { stringify, parse } = JSON;
  const OwnError = Error, OwnTypeError = TypeError, OwnPromise = Promise, OwnProxy = Proxy;
  const objectProto = Object.prototype, arrayProto = Array.prototype;
  // f(self, a, b) for self.f(a, b).
  const free = Function.prototype.bind.bind(Function.prototype.call);
  const hasOwn = free(objectProto.hasOwnProperty);
  const tagOf = free(objectProto.toString);
  const then = free(OwnPromise.prototype.then);
  const mapHas = free(Map.prototype.has), mapSet = free(Map.prototype.set), mapDelete = free(Map.prototype.delete);
  const mapForEach = free(Map.prototype.forEach);
  const setAdd = free(Set.prototype.add), setHas = free(Set.prototype.has), setDelete = free(Set.prototype.delete);
  const setForEach = free(Set.prototype.forEach);
  const charCode = free(String.prototype.charCodeAt), slice = free(String.prototype.slice);
  const wellFormed = free(String.prototype.toWellFormed), isWellFormed = free(String.prototype.isWellFormed);
  const isoString = free(Date.prototype.toISOString), timeOf = free(Date.prototype.getTime);
  const symbolText = free(Symbol.prototype.toString);
  const stackOf = free(Object.getOwnPropertyDescriptor(OwnError.prototype, "stack").get);
  const Ancestors = Set;

  // What is put together piece by piece is a rope inside the engine, which Python can't take; a slice is none.
  const flat = (text) => slice(text, 0);
  const bare = (fields) => freeze({ __proto__: null, ...fields });
  const put = (object, key, value, enumerable) =>
    defineProperty(object, key, { __proto__: null, value, enumerable, writable: true, configurable: true });
  const fix = (key, value) => defineProperty(globalThis, key, { __proto__: null, value });
  const quote = (text) => stringify(wellFormed(text));
  const nothing = bare({});

  // ---- What the global object keeps: the language, and nothing that reaches out of it or that blocks.
  const KEPT =
    " Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError AggregateError" +
    " SuppressedError Iterator Array parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI" +
    " encodeURIComponent escape unescape Infinity NaN undefined eval Number Boolean String Math Reflect Symbol" +
    " DisposableStack AsyncDisposableStack globalThis BigInt Date RegExp JSON Proxy Map Set WeakMap WeakSet ArrayBuffer" +
    " Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array" +
    " Float16Array Float32Array Float64Array DataView Promise DOMException btoa atob performance bridge ";
  const global = ownKeys(globalThis);
  for (let i = 0; i < global.length; i++)
    if (typeof global[i] === "string" && !KEPT.includes(` ${global[i]} `)) delete globalThis[global[i]];
  // With it a script would see the functions on the stack, ours among them.
  delete OwnError.prepareStackTrace;

  // ---- JSON of values that are a script's own.
  const DEPTH_MAX = 100;
  const IDENTIFIER_MAX = 64;
  let trail = { __proto__: null };
  let ancestors = new Ancestors();
  let room = 0;
  let loose = false;
  let refusal = null;

  const isIdentifier = (text) => {
    if (text === "" || text.length > IDENTIFIER_MAX) return false;
    for (let i = 0; i < text.length; i++) {
      const c = charCode(text, i);
      const letter = (c > 96 && c < 123) || (c > 64 && c < 91) || c === 95 || c === 36;
      if (!letter && !(i > 0 && c > 47 && c < 58)) return false;
    }
    return true;
  };
  const place = (depth) => {
    let text = "";
    for (let i = 0; i < depth; i++) {
      const key = trail[i];
      if (typeof key === "number") text += `[${key}]`;
      else if (isIdentifier(key)) text += `.${key}`;
      else text += `[${quote(slice(key, 0, IDENTIFIER_MAX))}]`;
    }
    return text;
  };
  const refuse = (depth, why, large) => {
    refusal = bare({ path: place(depth), why, large: large === true });
    throw refusal;
  };
  const take = (text, depth) => {
    room -= text.length;
    if (room < 0) refuse(depth, "is where it becomes too large", true);
    return text;
  };
  const safely = (read, otherwise) => {
    try {
      return read();
    } catch (_) {
      return otherwise;
    }
  };
  const kindOf = (value) => {
    const tag = safely(() => tagOf(value), "");
    return typeof tag === "string" ? slice(tag, 8, -1) : "";
  };
  const HINTS = bare({
    Map: "write Object.fromEntries(map), or [...map]",
    Set: "write [...set]",
    WeakMap: "it can't be read",
    WeakSet: "it can't be read",
    Promise: "await it",
    RegExp: "write String(it)",
    ArrayBuffer: "write Array.from(new Uint8Array(it))",
    DataView: "write what it holds as numbers",
    Generator: "write [...it]",
    AsyncGenerator: "collect what it gives with for await",
  });
  const textOf = (value, name, otherwise) => {
    const found = safely(() => value[name], otherwise);
    return typeof found === "string" ? found : otherwise;
  };
  const member = (value, key, depth) => {
    try {
      return value[key];
    } catch (thrown) {
      if (loose) return "[can't be read]";
      return refuse(depth, `can't be read: ${slice(sayThrown(thrown), 0, 200)}`);
    }
  };
  const primitive = (value, depth) => {
    switch (typeof value) {
      case "string":
        if (value.length > room) refuse(depth, "is where it becomes too large", true);
        return take(quote(value), depth);
      case "number":
        return take(value - value === 0 ? "" + value : "null", depth);
      case "boolean":
        return take(value ? "true" : "false", depth);
      case "undefined":
        return undefined;
      case "bigint":
        if (loose) return take(quote(`${value}n`), depth);
        return refuse(depth, "is a BigInt: write String(it) or Number(it)");
      case "symbol":
        return loose ? take(quote(symbolText(value)), depth) : refuse(depth, "is a Symbol");
      default:
        return loose ? take('"[Function]"', depth) : refuse(depth, "is a function");
    }
  };
  const listText = (value, depth) => {
    let text = "[";
    take("[]", depth);
    const length = value.length;
    for (let i = 0; i < length; i++) {
      trail[depth] = i;
      const piece = encode(member(value, i, depth + 1), depth + 1);
      text += (i ? "," : "") + (piece === undefined ? take("null", depth) : piece);
      room -= 1;
    }
    return text + "]";
  };
  const fieldsText = (value, depth, first) => {
    let text = first;
    take("{}", depth);
    const names = safely(() => keys(value), nothing);
    if (names === nothing) refuse(depth, "can't be read");
    for (let i = 0; i < names.length; i++) {
      if (first !== "" && (names[i] === "name" || names[i] === "message")) continue;
      trail[depth] = names[i];
      const piece = encode(member(value, names[i], depth + 1), depth + 1);
      if (piece !== undefined) text += (text === "" ? "" : ",") + take(quote(names[i]), depth) + ":" + piece;
      room -= 2;
    }
    return `{${text}}`;
  };
  const errorFields = (error, depth) =>
    `"name":${take(quote(textOf(error, "name", "Error")), depth)},"message":${take(quote(textOf(error, "message", "")), depth)}`;
  const looseCollection = (value, kind, depth) => {
    let text = "";
    const entry = (piece) => {
      text += (text === "" ? "" : ",") + piece;
    };
    trail[depth] = 0;
    if (kind === "Set") setForEach(value, (item) => entry(encode(item, depth + 1) ?? "null"));
    else mapForEach(value, (item, key) => entry(`[${encode(key, depth + 1) ?? "null"},${encode(item, depth + 1) ?? "null"}]`));
    return `[${text}]`;
  };
  const exotic = (value, kind, depth) => {
    if (kind === "Date") {
      const time = safely(() => timeOf(value), NaN);
      return take(time - time === 0 ? quote(isoString(value)) : "null", depth);
    }
    if (kind === "Error") return fieldsText(value, depth, errorFields(value, depth));
    if (loose && (kind === "Map" || kind === "Set")) return safely(() => looseCollection(value, kind, depth), `"[${kind}]"`);
    const hint = HINTS[kind] ?? (isView(value) ? "write Array.from(it)" : undefined);
    if (hint === undefined) return undefined;
    if (loose) return take(quote(`[${kind}]`), depth);
    return refuse(depth, `is a ${kind}: ${hint}`);
  };
  const ownJson = (value, prototype) =>
    hasOwn(value, "toJSON") || (prototype !== null && prototype !== arrayProto && hasOwn(prototype, "toJSON"));
  const structure = (value, depth) => {
    if (isArray(value)) return listText(value, depth);
    const prototype = getPrototypeOf(value);
    if (prototype === objectProto && !hasOwn(value, "toJSON")) return fieldsText(value, depth, "");
    const kind = kindOf(value);
    const special = kind === "Object" ? undefined : exotic(value, kind, depth);
    if (special !== undefined) return special;
    if (prototype !== objectProto && prototype !== null ? ownJson(value, prototype) : hasOwn(value, "toJSON")) {
      const convert = member(value, "toJSON", depth);
      if (typeof convert === "function") {
        let converted;
        try {
          converted = apply(convert, value, []);
        } catch (thrown) {
          return loose ? '"[can\'t be read]"' : refuse(depth, `has a toJSON that throws: ${slice(sayThrown(thrown), 0, 200)}`);
        }
        trail[depth] = "toJSON()";
        return encode(converted, depth + 1);
      }
    }
    return fieldsText(value, depth, "");
  };
  // The JSON text of a value, or undefined for what JSON leaves out. Throws `refusal`.
  const encode = (value, depth) => {
    if (typeof value !== "object") return primitive(value, depth);
    if (value === null) return take("null", depth);
    if (setHas(ancestors, value)) return loose ? take('"[Circular]"', depth) : refuse(depth, "is cyclic: it holds itself");
    if (depth >= DEPTH_MAX) return loose ? take('"[deep]"', depth) : refuse(depth, `is nested deeper than ${DEPTH_MAX} levels`);
    setAdd(ancestors, value);
    let text;
    try {
      text = structure(value, depth);
    } catch (thrown) {
      if (thrown === refusal) throw thrown;
      if (isMemory(thrown)) throw thrown;
      text = loose ? '"[can\'t be read]"' : refuse(depth, `can't be read: ${slice(sayThrown(thrown), 0, 200)}`);
    }
    setDelete(ancestors, value);
    return text;
  };
  const json = (value, max, isLoose) => {
    trail = { __proto__: null };
    ancestors = new Ancestors();
    room = max;
    loose = isLoose;
    refusal = null;
    return encode(value, 0);
  };

  // ---- Errors.
  const isMemory = (thrown) =>
    typeof thrown === "object" && thrown !== null && textOf(thrown, "message", "") === "out of memory";
  const isError = (value) =>
    typeof value === "object" && value !== null && (kindOf(value) === "Error" || safely(() => value instanceof OwnError, false));
  const sayThrown = (thrown) => {
    if (typeof thrown === "string") return thrown;
    if (isError(thrown)) {
      const name = textOf(thrown, "name", "Error"), message = textOf(thrown, "message", "");
      return message === "" ? name : `${name}: ${message}`;
    }
    return safely(() => looseText(thrown, 500), "something that can't be shown");
  };
  const looseText = (value, max) => {
    const saved = bare({ trail, ancestors, room, loose, refusal });
    try {
      return json(value, max, true) ?? "undefined";
    } catch (_) {
      return "[too large]";
    } finally {
      ({ trail, ancestors, room, loose, refusal } = saved);
    }
  };
  const MESSAGE_MAX = 4000;
  const fault = (code, message, thrown) => {
    const stack = thrown === undefined || thrown === null ? "" : safely(() => stackOf(thrown), "");
    const shown = typeof stack === "string" ? slice(stack, 0, MESSAGE_MAX) : "";
    return `{"code":${quote(code)},"message":${quote(slice(message, 0, MESSAGE_MAX))},"stack":${quote(shown)}}`;
  };
  const faultOf = (thrown, unhandled) => {
    if (isMemory(thrown)) return fault("script_out_of_memory", "The script used up its memory: keep less at a time.", thrown);
    let said = isError(thrown) ? sayThrown(thrown) : `Thrown: ${sayThrown(thrown)}`;
    if (unhandled) said = `${said} (nobody awaited or caught this)`;
    return fault("script_error", said, thrown);
  };

  // ---- Calls.
  let api = "toolmesh";
  let limits = nothing;
  let count = 0, calls = 0, discoveries = 0;
  const waiting = { __proto__: null };
  let first = null, last = null;

  const toolError = (error, tool, code, message, body) => {
    put(error, "message", message, false);
    put(error, "name", "ToolError", false);
    put(error, "code", code, true);
    const status = hasOwn(body, "status") && typeof body.status === "number" ? body.status : undefined;
    put(error, "status", status, true);
    put(error, "http_status", status, true);
    put(error, "tool", tool, true);
    put(error, "retryable", hasOwn(body, "retryable") && body.retryable === true, true);
    put(error, "data", hasOwn(body, "data") ? body.data : undefined, true);
    return error;
  };
  const send = (kind, tool, text) => {
    const error = new OwnError();
    const over =
      kind === "call"
        ? ++calls > limits.calls && ["too_many_calls", `This script made ${limits.calls} calls, as many as it may.`]
        : ++discoveries > limits.discoveries &&
          ["too_many_discoveries", `This script looked for tools ${limits.discoveries} times, as often as it may.`];
    return new OwnPromise((resolve, reject) => {
      if (over) return reject(toolError(error, tool, over[0], over[1], nothing));
      const ordinal = ++count;
      waiting[ordinal] = { __proto__: null, resolve, reject, error, tool };
      const next = { __proto__: null, text: `${kind}\n${text}\n${tool}`, next: null };
      if (last === null) first = next;
      else last.next = next;
      last = next;
    });
  };
  const refused = (message) => {
    const error = new OwnTypeError(message);
    return new OwnPromise((_, reject) => reject(error));
  };
  const kindName = (value) => {
    if (value === null) return "null";
    if (isArray(value)) return "an array";
    if (typeof value !== "object") return `a ${typeof value}`;
    const kind = kindOf(value);
    if (kind === "Promise") return "a Promise (await it first)";
    return kind === "Object" ? "an object of a class" : `a ${kind}`;
  };
  const isPlain = (value) => {
    if (typeof value !== "object" || value === null || isArray(value)) return false;
    const prototype = getPrototypeOf(value);
    return prototype === objectProto || prototype === null;
  };
  const tooLarge = (shown) =>
    refused(`The arguments of ${shown} are larger than ${limits.argument} bytes, the most that one call may have.`);
  // As UTF-8; well-formed text is at most three bytes for each unit.
  const bytesOver = (text, max) => {
    if (text.length * 3 <= max) return false;
    let bytes = 0;
    for (let i = 0; i < text.length; i++) {
      const c = charCode(text, i);
      bytes += c < 128 ? 1 : c < 2048 || (c > 55295 && c < 57344) ? 2 : 3;
    }
    return bytes > max;
  };
  const shownAs = (name) => (isIdentifier(name) ? `${api}.${name}` : `${api}[${quote(name)}]`);
  const call = (name, given, argument) => {
    const shown = shownAs(name);
    const form = `write ${shown}({name: value})`;
    if (given > 1) return refused(`${shown} takes one object with named arguments, not ${given} arguments: ${form}.`);
    if (given === 1 && argument !== undefined) {
      if (!safely(() => isPlain(argument), false))
        return refused(`${shown} takes one object with named arguments, not ${kindName(argument)}: ${form}.`);
    }
    let text = "{}";
    if (argument !== undefined) {
      try {
        text = json(argument, limits.argument, false);
      } catch (thrown) {
        if (thrown !== refusal || refusal === null) throw thrown;
        if (refusal.large) return tooLarge(shown);
        return refused(`The arguments of ${shown} are not JSON: argument${refusal.path} ${refusal.why}.`);
      }
      if (bytesOver(text, limits.argument)) return tooLarge(shown);
    }
    return send("call", name, text);
  };
  const discover = (text, limit) => {
    const form = `write ${api}.discover("what you look for", 10)`;
    if (typeof text !== "string") return refused(`${api}.discover takes a text: ${form}.`);
    if (text.length > limits.argument) return refused(`${api}.discover takes a shorter text.`);
    if (limit === undefined || limit === null) return send("discover", "", `{"query":${quote(text)}}`);
    if (typeof limit !== "number" || limit % 1 !== 0 || limit < 1 || limit > 1e9)
      return refused(`The limit of ${api}.discover is a whole number from 1: ${form}.`);
    return send("discover", "", `{"query":${quote(text)},"limit":${limit}}`);
  };
  const describe = (name) => {
    if (typeof name !== "string" || !isName(name))
      return refused(`${api}.describe takes the name of a tool: write ${api}.describe("name").`);
    return send("describe", name, "{}");
  };

  // ---- The object with the tools.
  const NAME_MAX = 256;
  const FUNCTIONS_MAX = 1000;
  const isName = (text) => {
    if (text === "" || text.length > NAME_MAX || !isWellFormed(text)) return false;
    for (let i = 0; i < text.length; i++) {
      const c = charCode(text, i);
      if (c < 32 || c === 127) return false;
    }
    return true;
  };
  const NO_TOOLS = bare({
    then: true, toJSON: true, constructor: true, prototype: true, ["__proto__"]: true, toString: true, valueOf: true,
    toLocaleString: true, hasOwnProperty: true, isPrototypeOf: true, propertyIsEnumerable: true, length: true,
    __defineGetter__: true, __defineSetter__: true, __lookupGetter__: true, __lookupSetter__: true,
  });
  const guard = (message) => () => {
    throw new OwnTypeError(message);
  };
  const own = (functions) => {
    const names = keys(functions);
    for (let i = 0; i < names.length; i++) freeze(functions[names[i]]);
    return functions;
  };
  const META = own({
    __proto__: null,
    discover: (text, limit) => discover(text, limit),
    describe: (name) => describe(name),
    discover_tools: guard('A script can\'t call discover_tools: write await toolmesh.discover("what you look for", 10).'),
    execute_code: guard("A script can't call execute_code: write the code into this script."),
    mesh_wait: guard("A script can't call mesh_wait: await the call itself; a script waits as long as it may run."),
  });
  const functions = { __proto__: null };
  let functionCount = 0;
  const toolOf = (name) => {
    if (typeof name !== "string" || name in NO_TOOLS || !isName(name)) return undefined;
    if (api === "toolmesh" && name in META) return META[name];
    if (name in functions) return functions[name];
    const tool = freeze((...given) => call(name, given.length, given[0]));
    if (++functionCount <= FUNCTIONS_MAX) functions[name] = tool;
    return tool;
  };
  const readOnly = () => {
    throw new OwnTypeError(`${api} can't be changed.`);
  };
  const tools = new OwnProxy(nothing, bare({
    get: (_, name) => toolOf(name),
    set: readOnly,
    defineProperty: readOnly,
    deleteProperty: readOnly,
    has: (_, name) => toolOf(name) !== undefined,
  }));

  // ---- The log.
  let firstLine = null, lastLine = null, logRoom = 0, lineRoom = 0;
  const addLine = (text) => {
    if (lineRoom < 0 || logRoom < 0) return;
    lineRoom -= 1;
    logRoom -= text.length + 1;
    const line = { __proto__: null, text: lineRoom < 0 || logRoom < 0 ? "false" : text, next: null };
    if (lastLine === null) firstLine = line;
    else lastLine.next = line;
    lastLine = line;
  };
  const shown = (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "symbol") return symbolText(value);
    if (typeof value === "function") return `[Function ${textOf(value, "name", "")}]`;
    if (isError(value)) return sayThrown(value);
    return looseText(value, logRoom < 0 ? 0 : logRoom);
  };
  const log = (...values) => {
    if (lineRoom < 0 || logRoom < 0) return;
    let text = "";
    for (let i = 0; i < values.length && text.length <= logRoom; i++) text += (i ? " " : "") + shown(values[i]);
    if (text.length > logRoom) text = slice(text, 0, logRoom + 1);
    addLine(quote(text));
  };
  freeze(log);
  const loggers = freeze({ log, info: log, warn: log, error: log, debug: log, trace: log, dir: log, table: log });

  // ---- The run.
  let ended = "";
  let outcome;
  const rejections = new Map();
  const settled = OwnPromise.resolve();
  put(settled, "constructor", undefined, false);
  const microtask = (work) => {
    if (typeof work !== "function") throw new OwnTypeError("queueMicrotask takes a function.");
    then(settled, () => void apply(work, undefined, []));
  };

  const largeResult = () =>
    `e${fault("script_result_too_large", `What the script returned is larger than ${limits.result} bytes: return less.`)}`;

  const finish = () => {
    if (ended === "error") return `e${faultOf(outcome, false)}`;
    let lost = nothing;
    mapForEach(rejections, (reason) => {
      if (lost === nothing) lost = bare({ reason });
    });
    if (lost !== nothing) return `e${faultOf(lost.reason, true)}`;
    try {
      const text = json(outcome, limits.result, false);
      if (text === undefined) return "u";
      return bytesOver(text, limits.result) ? largeResult() : `v${text}`;
    } catch (thrown) {
      if (thrown !== refusal || refusal === null) return `e${faultOf(thrown, false)}`;
      if (refusal.large) return largeResult();
      return `e${fault("script_result_not_json", `What the script returned is not JSON: value${refusal.path} ${refusal.why}.`)}`;
    }
  };

  const handles = bare({
    begin(name, callsMax, discoveriesMax, argumentMax, resultMax, lines, bytes, params) {
      api = name;
      limits = bare({ calls: callsMax, discoveries: discoveriesMax, argument: argumentMax, result: resultMax });
      lineRoom = lines;
      logRoom = bytes;
      fix(name, tools);
      fix("console", loggers);
      fix("queueMicrotask", freeze(microtask));
      if (params !== null) fix("params", parse(params));
    },
    start(script) {
      let promise;
      try {
        promise = apply(script, undefined, []);
        // So that no constructor of the script's is asked for what `then` gives.
        put(promise, "constructor", undefined, false);
        then(
          promise,
          (value) => {
            ended = "value";
            outcome = value;
          },
          (reason) => {
            ended = "error";
            outcome = reason;
          },
        );
      } catch (thrown) {
        ended = "error";
        outcome = thrown;
      }
    },
    // "kind\narguments\ntool" of the next call that was made, or null.
    take() {
      if (first === null) return null;
      const { text } = first;
      first = first.next;
      if (first === null) last = null;
      return flat(text);
    },
    settle(ordinal, ok, text) {
      const call = waiting[ordinal];
      if (call === undefined) return;
      delete waiting[ordinal];
      let body;
      try {
        body = text === "" ? undefined : parse(text);
      } catch (_) {
        call.reject(toolError(call.error, call.tool, "result_unreadable", "The answer can't be read as JSON here.", nothing));
        return;
      }
      if (ok) call.resolve(body);
      else {
        if (typeof body !== "object" || body === null) body = nothing;
        const code = textOf(body, "code", "internal"), message = textOf(body, "message", "The call failed.");
        call.reject(toolError(call.error, call.tool, code, message, body));
      }
    },
    // JSON text of the next line that was logged, `false` where the log was cut, or null.
    line() {
      if (firstLine === null) return null;
      const { text } = firstLine;
      firstLine = firstLine.next;
      if (firstLine === null) lastLine = null;
      return flat(text);
    },
    ended: () => ended,
    // "u", "v" and the JSON of the value, or "e" and that of an error.
    finish: () => flat(finish()),
    rejected(promise, reason, handled) {
      if (handled) mapDelete(rejections, promise);
      else mapSet(rejections, promise, reason);
    },
  });

  defineProperty(globalThis, "bridge", {
    __proto__: null, configurable: true, value: (name) => handles[name],
  });
})();
