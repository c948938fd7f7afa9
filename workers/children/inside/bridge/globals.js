// What the global object keeps: the language, and nothing that reaches out of it, or that blocks.

const KEPT =
  " Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError AggregateError" +
  " SuppressedError Iterator Array parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI" +
  " encodeURIComponent escape unescape Infinity NaN undefined eval Number Boolean String Math Reflect Symbol" +
  " DisposableStack AsyncDisposableStack globalThis BigInt Date RegExp JSON Proxy Map Set WeakMap WeakSet ArrayBuffer" +
  " Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array" +
  " Float16Array Float32Array Float64Array DataView Promise DOMException btoa atob performance ";
const globals = ownKeys(globalThis);
for (let i = 0; i < globals.length; i++)
  if (typeof globals[i] === "string" && !KEPT.includes(" " + globals[i] + " ")) delete globalThis[globals[i]];
// With it a script would be given the functions on the stack, ours among them.
delete OwnError.prepareStackTrace;
