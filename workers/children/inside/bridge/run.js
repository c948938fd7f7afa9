// The run, and Python's handles on all of this. Python takes `bridge` out of the global object before a script runs.

let ended = "";
let outcome;
const rejections = new Map();
const settled = OwnPromise.resolve();
put(settled, "constructor", undefined, false);
const microtask = freeze((work) => {
  if (typeof work !== "function") throw new OwnTypeError("queueMicrotask takes a function.");
  then(settled, () => void apply(work, undefined, []));
});

const start = (script) => {
  const end = (how) => (what) => {
    ended = how;
    outcome = what;
  };
  try {
    const promise = apply(script, undefined, []);
    // So that no constructor of the script's is asked for what `then` gives.
    put(promise, "constructor", undefined, false);
    then(promise, end("value"), end("error"));
  } catch (thrown) {
    end("error")(thrown);
  }
};
const valueText = () => {
  const { text, refusal } = json(outcome, limits.result, false);
  if (refusal === null) return text === undefined ? "u" : "v" + text;
  if (refusal.large)
    return "e" + fault("script_result_too_large", "What the script returned is larger than " + limits.result + " bytes: return less.");
  const what = "What the script returned is not JSON: value" + refusal.path + " " + refusal.why + ".";
  return "e" + fault("script_result_not_json", what);
};
const finish = () => {
  if (ended === "error") return "e" + faultOf(outcome, false);
  let lost = nothing;
  mapForEach(rejections, (reason) => {
    if (lost === nothing) lost = bare({ reason });
  });
  if (lost !== nothing) return "e" + faultOf(lost.reason, true);
  try {
    return valueText();
  } catch (thrown) {
    return "e" + faultOf(thrown, false);
  }
};

const handles = bare({
  begin(name, callsMax, discoveriesMax, argumentMax, resultMax, linesMax, logMax, params) {
    api = name;
    limits = bare({ calls: callsMax, discoveries: discoveriesMax, argument: argumentMax, result: resultMax });
    lineRoom = linesMax;
    logRoom = logMax;
    fix(name, tools);
    fix("console", loggers);
    fix("queueMicrotask", microtask);
    if (params !== null) fix("params", parse(params));
  },
  // Whether all of a text became this one function.
  isWhole: (script, text) => typeof script === "function" && functionText(script) === text,
  start,
  // "kind\narguments\ntool" of the next thing that was asked for, or null.
  take: () => asked.next(),
  settle: (ordinal, ok, text) => void answer(ordinal, ok, text),
  line: () => lines.next(),
  ended: () => ended,
  // "u", "v" and the JSON of the value, or "e" and that of an error.
  finish: () => flat(finish()),
  rejected(promise, reason, handled) {
    if (handled) mapDelete(rejections, promise);
    else mapSet(rejections, promise, reason);
  },
});
defineProperty(globalThis, "bridge", { __proto__: null, configurable: true, value: (name) => handles[name] });
