// JSON of values that are a script's own: strict, where what JSON has nothing for is refused with its place, or loose, for
// the log. Reading a value may run code of the script, which may come back here: the walk that is under way is kept then.

const DEPTH_MAX = 64;
const IDENTIFIER_MAX = 64;
const PLACE_MAX = 200;
const STACK_FULL = "Maximum call stack size exceeded";
const UNREADABLE = '"[can\'t be read]"';
let walk = null;

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
    const key = walk.trail[i];
    if (typeof key === "number") text += "[" + key + "]";
    else if (isIdentifier(key)) text += "." + key;
    else text += "[" + quote(slice(key, 0, IDENTIFIER_MAX)) + "]";
    if (text.length > PLACE_MAX) return slice(text, 0, PLACE_MAX) + "…";
  }
  return text;
};
const refuse = (depth, why) => {
  walk.refusal = bare({ path: place(depth), why, large: false });
  throw walk.refusal;
};
const tooLarge = () => {
  walk.refusal = bare({ path: "", why: "", large: true });
  throw walk.refusal;
};
const take = (text) => {
  walk.room -= text.length;
  return walk.room < 0 ? tooLarge() : text;
};

const primitive = (value, depth) => {
  switch (typeof value) {
    case "string":
      return value.length > walk.room ? tooLarge() : take(quote(value));
    case "boolean":
      return take(value ? "true" : "false");
    case "undefined":
      return undefined;
    case "bigint":
      return walk.loose ? take(quote(value + "n")) : refuse(depth, "is a BigInt: write String(it) or Number(it)");
    case "symbol":
      return walk.loose ? take(quote(symbolText(value))) : refuse(depth, "is a Symbol");
    default:
      return walk.loose ? take('"[Function]"') : refuse(depth, "is a function");
  }
};
// Names of fields as JSON: most objects are one of many with the same ones.
const NAMES_MAX = 1000;
const names = { __proto__: null };
let nameCount = 0;
const nameText = (name) => {
  if (name in names) return names[name];
  const text = quote(name) + ":";
  if (++nameCount <= NAMES_MAX) names[name] = text;
  return text;
};
const listText = (value, depth) => {
  let text = take("[");
  walk.trail[depth] = "length";
  const length = value.length;
  for (let i = 0; i < length; i++) {
    walk.trail[depth] = i;
    if (i) text += take(",");
    text += encode(value[i], depth + 1) ?? take("null");
  }
  return text + take("]");
};
const fieldsText = (value, depth, first) => {
  let text = first;
  take("{}");
  const own = safely(() => keys(value), nothing);
  if (own === nothing) refuse(depth, "can't be read");
  for (let i = 0; i < own.length; i++) {
    const name = own[i];
    if (first !== "" && (name === "name" || name === "message")) continue;
    walk.trail[depth] = name;
    const piece = encode(value[name], depth + 1);
    if (piece === undefined) continue;
    if (text !== "") text += ",";
    text += take(nameText(name)) + piece;
    walk.room -= 1;
  }
  return "{" + text + "}";
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
const errorText = (error, depth) => {
  const name = take(quote(textOf(error, "name", "Error"))), message = take(quote(textOf(error, "message", "")));
  return fieldsText(error, depth, '"name":' + name + ',"message":' + message);
};
const collectionText = (value, kind, depth) => {
  let text = "";
  const add = (piece) => {
    text += (text === "" ? "" : ",") + piece;
  };
  const one = (item) => encode(item, depth + 1) ?? "null";
  walk.trail[depth] = 0;
  if (kind === "Set") setForEach(value, (item) => add(one(item)));
  else mapForEach(value, (item, key) => add("[" + one(key) + "," + one(item) + "]"));
  return "[" + text + "]";
};
// For what has a text of its own, or none; undefined for an object like others.
const exoticText = (value, kind, depth) => {
  if (kind === "Date") {
    const time = safely(() => timeOf(value), NaN);
    return take(time - time === 0 ? quote(isoString(value)) : "null");
  }
  if (kind === "Error") return errorText(value, depth);
  if (walk.loose && (kind === "Map" || kind === "Set")) return collectionText(value, kind, depth);
  const hint = HINTS[kind] ?? (isView(value) ? "write Array.from(it)" : undefined);
  if (hint === undefined) return undefined;
  return walk.loose ? take(quote("[" + kind + "]")) : refuse(depth, "is a " + kind + ": " + hint);
};
// A script's own classes may say what stands for them; what somebody hung on all objects says nothing.
const hasToJson = (value, prototype) =>
  hasOwn(value, "toJSON") ||
  (prototype !== null && prototype !== objectProto && prototype !== arrayProto && hasOwn(prototype, "toJSON"));
const convertedText = (value, depth) => {
  const convert = value.toJSON;
  if (typeof convert !== "function") return fieldsText(value, depth, "");
  let converted;
  try {
    converted = apply(convert, value, []);
  } catch (thrown) {
    return walk.loose ? take(UNREADABLE) : refuse(depth, "has a toJSON that throws: " + slice(sayThrown(thrown), 0, 200));
  }
  walk.trail[depth] = "toJSON";
  return encode(converted, depth + 1);
};
const structureText = (value, depth) => {
  if (isArray(value)) return listText(value, depth);
  const prototype = getPrototypeOf(value);
  if (prototype === objectProto && !hasOwn(value, "toJSON")) return fieldsText(value, depth, "");
  const kind = kindOf(value);
  const exotic = kind === "Object" ? undefined : exoticText(value, kind, depth);
  if (exotic !== undefined) return exotic;
  return hasToJson(value, prototype) ? convertedText(value, depth) : fieldsText(value, depth, "");
};
// The text, or undefined for what JSON leaves out.
const encode = (value, depth) => {
  if (typeof value === "number") return take(value - value === 0 ? "" + value : "null");
  if (typeof value !== "object") return primitive(value, depth);
  if (value === null) return take("null");
  const { above } = walk;
  for (let i = 0; i < depth; i++)
    if (above[i] === value) return walk.loose ? take('"[Circular]"') : refuse(depth, "is cyclic: it holds itself");
  if (depth >= DEPTH_MAX)
    return walk.loose ? take('"[deep]"') : refuse(depth, "is nested deeper than " + DEPTH_MAX + " levels");
  above[depth] = value;
  walk.trail[depth] = undefined;
  let text;
  try {
    text = structureText(value, depth);
  } catch (thrown) {
    if (thrown === walk.refusal || isMemory(thrown)) throw thrown;
    if (walk.loose) text = take(UNREADABLE);
    else if (textOf(thrown, "message", "") === STACK_FULL) refuse(depth, "is nested too deeply");
    else refuse(walk.trail[depth] === undefined ? depth : depth + 1, "can't be read: " + slice(sayThrown(thrown), 0, 200));
  }
  return text;
};

// `{text}` or `{refusal: {path, why, large}}` of a value.
const json = (value, max, loose) => {
  const outer = walk;
  const trail = { __proto__: null }, above = { __proto__: null }; // by depth: the key, and the object that has it
  walk = { __proto__: null, trail, above, room: max, loose, refusal: null };
  try {
    return { __proto__: null, text: encode(value, 0), refusal: null };
  } catch (thrown) {
    if (thrown === null || thrown !== walk.refusal) throw thrown;
    return { __proto__: null, text: undefined, refusal: walk.refusal };
  } finally {
    walk = outer;
  }
};
const looseText = (value, max) => {
  const said = safely(() => json(value, max, true), nothing);
  if (said === nothing) return "[can't be read]";
  return said.refusal === null ? (said.text ?? "undefined") : "[too large]";
};
