// JavaScript, because what SQLite is answered must not depend on how far Python has come.
//
// SQLite calls Python through closures made by ctypes. When the Python code of a closure ends in an
// exception, the closure returns whatever lies on the stack, often SQLITE_OK: for a lock that was
// not taken, for a journal that was not deleted. An exception may strike before the code's own
// `try` or within its `except`: the recursion limit, MemoryError, a signal, an asynchronous
// exception. So the code stores its answer in memory as its last step, and without a stored answer
// the callback has failed. While it runs, signals and asynchronous exceptions are held back, and it
// has extra frames at the recursion limit.
//
// Sources: CPython 3.14, Modules/_ctypes/callbacks.c (_CallPythonObject), Include/cpython/pystate.h
// (struct _ts), Include/internal/pycore_ceval.h (eval_breaker), Python/emscripten_signal.c.

const SIGINT = 2;

// Offsets of fields of a PyThreadState, in words of 4 bytes, on wasm32.
const PREVIOUS = 0;
const EVAL_BREAKER = 3;
const RECURSION_REMAINING = 8;
const RECURSION_LIMIT = 9;

// _PY_SIGNALS_PENDING_BIT and _PY_ASYNC_EXCEPTION_BIT of eval_breaker.
const INTERRUPTIONS = 0b1010;
const ASYNC_EXCEPTION = 0b1000;

// Python frames that a callback may need: the deepest callback measured had 21, and a log handler
// of the program may be called.
const ROOM = 200;

// How often a callback is called at most until it finishes.
const TRIES = 3;

// Whether the fields of a PyThreadState have the offsets above: the recursion limit is the one that
// Python reports, and an asynchronous exception sets its bit. Called from Python.
export function knowsThreadState(module, limit, exception) {
  const field = (word) => (module._PyThreadState_Get() >>> 2) + word;
  const remaining = module.HEAP32[field(RECURSION_REMAINING)];
  if (module.HEAP32[field(RECURSION_LIMIT)] !== limit || remaining > limit) return false;
  // Of several states of the same thread (one for each suspended call) the first in the list gets
  // the exception; another one cannot be tested.
  if (module.HEAPU32[field(PREVIOUS)] !== 0) return true;
  const before = module.HEAPU32[field(EVAL_BREAKER)];
  const id = module._PyThread_get_thread_ident();
  module._PyThreadState_SetAsyncExc(id, exception);
  const after = module.HEAPU32[field(EVAL_BREAKER)];
  module._PyThreadState_SetAsyncExc(id, 0);
  module.HEAPU32[field(EVAL_BREAKER)] = before;
  return after === (before | ASYNC_EXCEPTION);
}

// Whether Python was asked to stop (pyodide.setInterruptBuffer). The request stays in the buffer,
// and Python takes it as soon as it runs. A buffer that is not memory, but an object with a getter,
// is not read, as the getter may have effects.
function isStopRequested(module) {
  const buffer = module.Py_EmscriptenSignalBuffer;
  return ArrayBuffer.isView(buffer) && buffer[0] === SIGINT;
}

// The address of a progress handler that ends a statement once Python was asked to stop
// (sqlite.org/c3ref/progress_handler.html).
export function stopHandler(module) {
  return module.addFunction(() => (isStopRequested(module) ? 1 : 0), "ii");
}

export class Callbacks {
  #module;
  #knowsThreadState;
  #signals; // address of the byte that has Python look for signals while it is not 0
  #answer; // index in HEAP32 of the int with the answer
  #failed;
  #owed = []; // calls of releasing methods that did not finish
  #unfinished = new Map(); // failure code → the method that did not finish

  // knowsThreadState: the result of the function of that name. answer: address of an int in which a
  // closure stores its result plus one. failed: address of a byte that is set to 1 when
  // takeUnfinished() has something to return.
  constructor(module, knowsThreadState, answer, failed) {
    this.#module = module;
    this.#knowsThreadState = knowsThreadState;
    this.#signals = module._Py_EMSCRIPTEN_SIGNAL_HANDLING;
    this.#answer = answer >>> 2;
    this.#failed = failed;
  }

  // The address, in the wasm function table, of a C function that calls the ctypes closure, up to
  // TRIES times until it finishes. failure: the answer if it never does. isOwed: whether it is then
  // called again before later callbacks.
  //
  // Before Python is called, its state is put aside. A pending exception, because CPython's sqlite3
  // sets its exception before it resets the statement, and the reset calls the VFS; Python code
  // that begins with an exception set ends with another one. Signals and asynchronous exceptions,
  // which are raised once SQLite has returned. All in one function, because every statement runs
  // it.
  add(closure, signature, method, failure, isOwed) {
    const call = this.#module.wasmTable.get(closure);
    // No method has more than six arguments, and a closure ignores the ones it does not have.
    return this.#module.addFunction((a, b, c, d, e, f) => {
      const module = this.#module;
      const gil = module._PyGILState_Ensure();
      const pending = module._PyErr_GetRaisedException();
      const { HEAP8, HEAPU32 } = module;
      const handled = HEAP8[this.#signals];
      HEAP8[this.#signals] = 0;
      const thread = this.#knowsThreadState ? module._PyThreadState_Get() >>> 2 : 0;
      let held = 0;
      if (thread !== 0) {
        held = HEAPU32[thread + EVAL_BREAKER] & INTERRUPTIONS;
        if (held !== 0) HEAPU32[thread + EVAL_BREAKER] ^= held;
        HEAPU32[thread + RECURSION_REMAINING] += ROOM;
      }
      if (this.#owed.length > 0) this.#makeUp();
      call(a, b, c, d, e, f);
      let answer = module.HEAP32[this.#answer];
      for (let left = TRIES - 1; left > 0 && answer === 0; left--) {
        call(a, b, c, d, e, f);
        answer = module.HEAP32[this.#answer];
      }
      // An outer closure that made this call must find no answer stored.
      module.HEAP32[this.#answer] = 0;
      if (answer === 0) {
        if (isOwed) this.#owed.push(() => call(a, b, c, d, e, f));
        this.#unfinished.set(failure, method);
        module.HEAPU8[this.#failed] = 1;
      }
      if (thread !== 0) {
        module.HEAPU32[thread + RECURSION_REMAINING] -= ROOM;
        if (held !== 0) module.HEAPU32[thread + EVAL_BREAKER] |= held;
      }
      module.HEAP8[this.#signals] = handled;
      if (pending !== 0) module._PyErr_SetRaisedException(pending);
      module._PyGILState_Release(gil);
      return answer === 0 ? failure : answer - 1;
    }, signature);
  }

  // Repeats the owed calls, and keeps those that fail again.
  #makeUp() {
    const owed = this.#owed;
    this.#owed = [];
    const left = owed.filter((call) => {
      call();
      const answer = this.#module.HEAP32[this.#answer];
      this.#module.HEAP32[this.#answer] = 0;
      return answer === 0;
    });
    this.#owed.unshift(...left);
  }

  // Returns [method, code] of the last unfinished call with each code, and forgets them.
  takeUnfinished() {
    const unfinished = [...this.#unfinished].map(([code, method]) => [method, code]);
    this.#unfinished.clear();
    return unfinished;
  }
}
