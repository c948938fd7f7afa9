// What is said of what a script threw.

const MESSAGE_MAX = 4000;
const SHOWN_MAX = 500;

const isMemory = (thrown) => typeof thrown === "object" && thrown !== null && textOf(thrown, "message", "") === "out of memory";
const isError = (value) =>
  typeof value === "object" && value !== null && (kindOf(value) === "Error" || safely(() => value instanceof OwnError, false));
const sayThrown = (thrown) => {
  if (typeof thrown === "string") return thrown;
  if (!isError(thrown)) return looseText(thrown, SHOWN_MAX);
  const name = textOf(thrown, "name", "Error"), message = textOf(thrown, "message", "");
  return message === "" ? name : name + ": " + message;
};

// What a call's error says, where that is what was thrown: ",..." for a JSON object, or nothing. A script may say it of its
// own errors, too.
const CODE_MAX = 200;
const toolFacts = (thrown) => {
  if (!isError(thrown) || textOf(thrown, "name", "") !== "ToolError") return "";
  const word = (name) => quote(slice(textOf(thrown, name, ""), 0, name === "api_message" ? MESSAGE_MAX : CODE_MAX));
  const status = safely(() => thrown.http_status, undefined);
  const known = typeof status === "number" && status >= 100 && status <= 599 && status % 1 === 0;
  const retryable = safely(() => thrown.retryable === true, false);
  return (
    ',"thrown":{"code":' + word("code") + ',"provider_code":' + word("provider_code") + ',"api_message":' + word("api_message") +
    ',"http_status":' + (known ? "" + status : "null") + ',"retryable":' + (retryable ? "true" : "false") + "}"
  );
};

// JSON for Python, which finds the line in the stack. `thrown` is undefined where there is none.
const fault = (code, message, thrown) => {
  const stack = safely(() => stackOf(thrown), "");
  const shown = typeof stack === "string" ? slice(stack, 0, MESSAGE_MAX) : "";
  return '{"code":' + quote(code) + ',"message":' + quote(slice(message, 0, MESSAGE_MAX)) + ',"stack":' + quote(shown) + toolFacts(thrown) + "}";
};
const faultOf = (thrown, unhandled) => {
  // The engine throws null where there is no memory for an error.
  if (thrown === null) return fault("script_out_of_memory", "The script used up its memory, or threw null.", undefined);
  if (isMemory(thrown))
    return fault("script_out_of_memory", "The script used up its memory: keep less at a time.", thrown);
  const said = isError(thrown) ? sayThrown(thrown) : "Thrown: " + sayThrown(thrown);
  return fault("script_error", unhandled ? said + " (nobody awaited or caught this)" : said, thrown);
};
