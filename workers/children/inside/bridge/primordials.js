// The bridge is what stands between a script and the child's Python: these parts, one after the other, in one function. It
// runs first in every fresh context and takes hold of all that it uses, so that nothing that a script rewrites later
// changes what it does. No method is looked up on a prototype here (which a template with a value in it does as well), no
// array is iterated or pushed to, and nothing is read that may be inherited.

const { apply, defineProperty, getPrototypeOf, ownKeys } = Reflect;
const { freeze, keys } = Object;
const { isArray } = Array, { isView } = ArrayBuffer;
const { stringify, parse } = JSON;
const OwnError = Error, OwnTypeError = TypeError, OwnPromise = Promise, OwnProxy = Proxy;
const objectProto = Object.prototype, arrayProto = Array.prototype;

// f(self, a, b) for self.f(a, b).
const free = Function.prototype.bind.bind(Function.prototype.call);
const hasOwn = free(objectProto.hasOwnProperty), tagOf = free(objectProto.toString);
const then = free(OwnPromise.prototype.then);
const mapSet = free(Map.prototype.set), mapDelete = free(Map.prototype.delete), mapForEach = free(Map.prototype.forEach);
const setForEach = free(Set.prototype.forEach);
const charCode = free(String.prototype.charCodeAt), slice = free(String.prototype.slice);
const wellFormed = free(String.prototype.toWellFormed), isWellFormed = free(String.prototype.isWellFormed);
const isoString = free(Date.prototype.toISOString), timeOf = free(Date.prototype.getTime);
const symbolText = free(Symbol.prototype.toString), functionText = free(Function.prototype.toString);
const stackOf = free(Object.getOwnPropertyDescriptor(OwnError.prototype, "stack").get);

// An object that inherits nothing and stays as it is.
const bare = (fields) => freeze({ __proto__: null, ...fields });
const nothing = bare({});
const put = (object, key, value, enumerable) =>
  defineProperty(object, key, { __proto__: null, value, enumerable, writable: true, configurable: true });
// A global that a script can't change.
const fix = (key, value) => defineProperty(globalThis, key, { __proto__: null, value });
const quote = (text) => stringify(wellFormed(text));
// What is put together piece by piece is a rope inside the engine, which Python can't take; a slice is none.
const flat = (text) => slice(text, 0);
const safely = (read, otherwise) => {
  try {
    return read();
  } catch (_) {
    return otherwise;
  }
};
const textOf = (value, name, otherwise) => {
  const found = safely(() => value[name], otherwise);
  return typeof found === "string" ? found : otherwise;
};
const ownText = (value, name, otherwise) => (hasOwn(value, name) ? textOf(value, name, otherwise) : otherwise);
// "Map" for a Map: for words only, since a script can have it say what it likes.
const kindOf = (value) => {
  const tag = safely(() => tagOf(value), "");
  return typeof tag === "string" ? slice(tag, 8, -1) : "";
};
// Texts that Python takes one by one: `next()` is null where there is none.
const queue = () => {
  let first = null, last = null;
  return bare({
    add(text) {
      const entry = { __proto__: null, text, next: null };
      if (last === null) first = entry;
      else last.next = entry;
      last = entry;
    },
    next() {
      if (first === null) return null;
      const { text } = first;
      first = first.next;
      if (first === null) last = null;
      return flat(text);
    },
  });
};
