// What a script logs: JSON texts in `lines`, and `false` where the log was cut. Python counts bytes; these are UTF-16 units.

const lines = queue();
let logRoom = 0, lineRoom = 0;

const logged = (value) => {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return value + "n";
  if (typeof value === "symbol") return symbolText(value);
  if (typeof value === "function") return "[Function " + textOf(value, "name", "") + "]";
  return isError(value) ? sayThrown(value) : looseText(value, logRoom);
};
const log = freeze((...values) => {
  if (lineRoom < 0 || logRoom < 0) return;
  let text = "";
  for (let i = 0; i < values.length && text.length <= logRoom; i++) text += (i ? " " : "") + logged(values[i]);
  lineRoom -= 1;
  logRoom -= text.length;
  lines.add(lineRoom < 0 || logRoom < 0 ? "false" : quote(text));
});
const loggers = freeze({ log, info: log, warn: log, error: log, debug: log, trace: log, dir: log, table: log });
