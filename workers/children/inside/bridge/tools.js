// The object with the tools: a function for every name that a tool may have.

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
// What the language itself looks for in objects. With a `then` it would be a promise that never ends.
const NO_TOOLS = bare({
  then: true, toJSON: true, constructor: true, prototype: true, ["__proto__"]: true, toString: true, valueOf: true,
  toLocaleString: true, hasOwnProperty: true, isPrototypeOf: true, propertyIsEnumerable: true,
  __defineGetter__: true, __defineSetter__: true, __lookupGetter__: true, __lookupSetter__: true,
});
const guard = (message) =>
  freeze(() => {
    throw new OwnTypeError(message);
  });
const META = bare({
  discover: freeze((text, limit) => discover(text, limit)),
  describe: freeze((name) => describe(name)),
  discover_tools: guard('A script can\'t call discover_tools: write await toolmesh.discover("what you look for", 10).'),
  execute_code: guard("A script can't call execute_code: write the code into this script."),
  mesh_wait: guard("A script can't call mesh_wait: await the call itself, which takes as long as the script may run."),
});
const functions = { __proto__: null };
let functionCount = 0;
const toolOf = (name) => {
  if (typeof name !== "string" || name in NO_TOOLS || !isName(name)) return undefined;
  if (api === "toolmesh" && name in META) return META[name];
  if (name in functions) return functions[name];
  const tool = freeze((...given) => call(name, given.length, given.length ? given[0] : undefined));
  if (++functionCount <= FUNCTIONS_MAX) functions[name] = tool;
  return tool;
};
const readOnly = () => {
  throw new OwnTypeError(api + " can't be changed.");
};
const tools = new OwnProxy(
  nothing,
  bare({
    get: (_, name) => toolOf(name),
    has: (_, name) => toolOf(name) !== undefined,
    set: readOnly,
    defineProperty: readOnly,
    deleteProperty: readOnly,
  }),
);
