"""What quickjs-ng can do and its Python binding can't, through the C interface that the same library exports.

It compiles a source once for many contexts, and under a name, so that our own frames are told from the script's in a stack;
and it tells of rejections that nobody handles, which code in JavaScript can't see. `Context` and `Object` of the binding
are read where they are laid out so far: another layout, or a library that does not export what is needed, is refused when
this is imported.
"""

import ctypes
from typing import Any

import _quickjs

_HEAD = object.__basicsize__
_WORD = ctypes.sizeof(ctypes.c_void_p)
_LAYOUT = (_HEAD + 8 * _WORD, _HEAD + 3 * _WORD)


class _Value(ctypes.Structure):
    """A `JSValue` of a 64-bit build: 8 bytes of content, 8 bytes of tag."""

    _fields_ = (("content", ctypes.c_uint64), ("tag", ctypes.c_int64))


_TAG_BOOL = 1
_TAG_UNDEFINED = 3
_TAG_EXCEPTION = 6
_COMPILE_ONLY = 1 << 5
_BYTE_CODE = 1 << 0
_WITHOUT_SOURCE = 1 << 4
_UNDEFINED = _Value(0, _TAG_UNDEFINED)
_REJECTED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, _Value, _Value, ctypes.c_bool, ctypes.c_void_p)
_NOBODY = _REJECTED()


def _library() -> ctypes.PyDLL:
    if _WORD != 8 or (_quickjs.Context.__basicsize__, _quickjs.Object.__basicsize__) != _LAYOUT:
        raise ImportError("quickjs-ng is laid out in another way than the release that scripts can be run with")
    # The lock of the interpreter stays held: a child has one thread, and what is called here calls back into Python.
    library = ctypes.PyDLL(_quickjs.__file__)
    try:
        library.JS_Eval.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int]
        library.JS_Eval.restype = _Value
        library.JS_WriteObject.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), _Value, ctypes.c_int]
        library.JS_WriteObject.restype = ctypes.c_void_p
        library.js_free.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        library.js_free.restype = None
        library.JS_ReadObject.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        library.JS_ReadObject.restype = _Value
        library.JS_EvalFunction.argtypes = [ctypes.c_void_p, _Value]
        library.JS_EvalFunction.restype = _Value
        library.JS_Call.argtypes = [ctypes.c_void_p, _Value, _Value, ctypes.c_int, ctypes.POINTER(_Value)]
        library.JS_Call.restype = _Value
        library.JS_GetException.argtypes = [ctypes.c_void_p]
        library.JS_GetException.restype = _Value
        library.JS_FreeValue.argtypes = [ctypes.c_void_p, _Value]
        library.JS_FreeValue.restype = None
        library.JS_SetHostPromiseRejectionTracker.argtypes = [ctypes.c_void_p, _REJECTED, ctypes.c_void_p]
        library.JS_SetHostPromiseRejectionTracker.restype = None
    except AttributeError as cause:
        raise ImportError(f"quickjs-ng does not export what running scripts takes: {cause}") from cause
    return library


_lib = _library()


def _word(thing: Any, index: int) -> int:
    """The `index`-th word behind the head of an object of the binding."""
    return ctypes.c_uint64.from_address(id(thing) + _HEAD + index * _WORD).value


def _drop_exception(context: int) -> None:
    _lib.JS_FreeValue(context, _lib.JS_GetException(context))


def compiled(source: bytes, name: bytes) -> bytes:
    """The byte code of a source of ours, without its text. Raises RuntimeError where it can't be compiled."""
    context = _quickjs.Context()
    pointer = _word(context, 1)
    function = _lib.JS_Eval(pointer, source, len(source), name, _COMPILE_ONLY)
    if function.tag == _TAG_EXCEPTION:
        raise RuntimeError(f"{name.decode()} can't be compiled")
    size = ctypes.c_size_t()
    code = _lib.JS_WriteObject(pointer, ctypes.byref(size), function, _BYTE_CODE | _WITHOUT_SOURCE)
    _lib.JS_FreeValue(pointer, function)
    if not code:
        raise RuntimeError(f"{name.decode()} can't be written as byte code")
    copy = ctypes.string_at(code, size.value)
    _lib.js_free(pointer, code)
    return copy


def run(context: Any, code: bytes) -> None:
    """Run in a context what `compiled` gave; what it returns is dropped. Raises RuntimeError where it throws."""
    pointer = _word(context, 1)
    function = _lib.JS_ReadObject(pointer, code, len(code), _BYTE_CODE)
    value = function if function.tag == _TAG_EXCEPTION else _lib.JS_EvalFunction(pointer, function)
    _lib.JS_FreeValue(pointer, value)
    if value.tag == _TAG_EXCEPTION:
        _drop_exception(pointer)
        raise RuntimeError("byte code of ours does not run")


_told: dict[int, _Value] = {}
"""Context to the function that is told of its rejections."""


def _rejected(context: int, promise: _Value, reason: _Value, handled: bool, _opaque: int | None) -> None:
    given = (_Value * 3)(promise, reason, _Value(int(handled), _TAG_BOOL))
    if _lib.JS_Call(context, _told[context], _UNDEFINED, 3, given).tag == _TAG_EXCEPTION:
        _drop_exception(context)  # no stack or memory is left: what the script does next fails by itself


_tracker = _REJECTED(_rejected)
"""One for all contexts: a locked-down child may not be able to make executable memory for a further one."""


def tell_of_rejections(context: Any, told: Any) -> None:
    """Have `told(promise, reason, handled)`, a function of the context, called for each rejection that nobody handles when
    it happens, and again when it is handled. `told` has to be kept until `forget`."""
    _told[_word(context, 1)] = _Value(_word(told, 1), _word(told, 2))
    _lib.JS_SetHostPromiseRejectionTracker(_word(context, 0), _tracker, None)


def forget(context: Any) -> None:
    """Tell nobody of this context's rejections any more."""
    _lib.JS_SetHostPromiseRejectionTracker(_word(context, 0), _NOBODY, None)
    _told.pop(_word(context, 1), None)
