// JavaScript, because what SQLite is answered must not depend on how far Python has come.
//
// SQLite calls Python through closures that ctypes makes. A closure whose Python code ends in an
// exception answers what lies on the stack, often SQLITE_OK: a lock that was not taken, a journal that
// was not deleted. An exception may strike before the code's own `try` or within its `except`: the
// recursion limit, MemoryError, a signal, an asynchronous exception. So the code leaves its answer in
// a place of memory when it has come to its end, and where it has left none, the callback has failed.
// While it runs, signals and asynchronous exceptions are held, and there is room for it at the
// recursion limit.
//
// Sources: CPython 3.14, Modules/_ctypes/callbacks.c (_CallPythonObject), Include/cpython/pystate.h
// (struct _ts), Include/internal/pycore_ceval.h (eval_breaker), Python/emscripten_signal.c.

const SIGINT = 2;

// Where the fields of a PyThreadState are, in words of 4 bytes, on wasm32.
const PREVIOUS = 0;
const EVAL_BREAKER = 3;
const RECURSION_REMAINING = 8;
const RECURSION_LIMIT = 9;

// _PY_SIGNALS_PENDING_BIT and _PY_ASYNC_EXCEPTION_BIT of eval_breaker.
const INTERRUPTIONS = 0b1010;
const ASYNC_EXCEPTION = 0b1000;

// Python frames that a callback may need: the deepest was measured with 21, and a log handler of the
// program's own may be called.
const ROOM = 200;

// How often a callback is called at the most, until it has come to its end.
const TRIES = 3;

// Whether the fields of a PyThreadState are where they should be: the recursion limit is the one that
// Python tells, and an asynchronous exception sets its bit. Called from Python.
export function knowsThreadState(module, limit, exception) {
  const field = (word) => (module._PyThreadState_Get() >>> 2) + word;
  const remaining = module.HEAP32[field(RECURSION_REMAINING)];
  if (module.HEAP32[field(RECURSION_LIMIT)] !== limit || remaining > limit) return false;
  // Of several with the same thread (one for each call that is suspended) it is the first in the list
  // that gets the exception.
  if (module.HEAPU32[field(PREVIOUS)] !== 0) return true;
  const before = module.HEAPU32[field(EVAL_BREAKER)];
  const id = module._PyThread_get_thread_ident();
  module._PyThreadState_SetAsyncExc(id, exception);
  const after = module.HEAPU32[field(EVAL_BREAKER)];
  module._PyThreadState_SetAsyncExc(id, 0);
  module.HEAPU32[field(EVAL_BREAKER)] = before;
  return after === (before | ASYNC_EXCEPTION);
}

// Whether somebody has asked Python to stop (pyodide.setInterruptBuffer). Only looked at: Python
// takes it as soon as it runs. A buffer that is no memory, an object with a getter, may take offence.
function isStopRequested(module) {
  const buffer = module.Py_EmscriptenSignalBuffer;
  return ArrayBuffer.isView(buffer) && buffer[0] === SIGINT;
}

// The address of a progress handler that ends a statement once a stop was asked for
// (sqlite.org/c3ref/progress_handler.html).
export function stopHandler(module) {
  return module.addFunction(() => (isStopRequested(module) ? 1 : 0), "ii");
}

export class Callbacks {
  #module;
  #knowsThreadState;
  #signals; // address of the byte by which Python looks for signals
  #answer; // of the int, in HEAP32
  #failed;
  #owed = []; // calls that have to be made up for
  #unfinished = new Map(); // code → the method that did not come to its end with it

  // knowsThreadState: what the function of that name has found out. answer: address of an int in which
  // a closure leaves its result plus one. failed: address of a byte that is made 1 when there is
  // something for takeUnfinished().
  constructor(module, knowsThreadState, answer, failed) {
    this.#module = module;
    this.#knowsThreadState = knowsThreadState;
    this.#signals = module._Py_EMSCRIPTEN_SIGNAL_HANDLING;
    this.#answer = answer >>> 2;
    this.#failed = failed;
  }

  // Before Python is called, what it was doing is put aside. An exception that is pending: CPython's
  // sqlite3 sets its exception first and resets the statement then, and the reset calls the VFS; Python
  // code that begins with an exception set ends with another one. Signals and asynchronous exceptions:
  // they come up once SQLite has returned. All in one function, for it comes with every statement.
  //
  // The address, in the wasm function table, of a C function that calls the ctypes closure, again where
  // that does not come to its end; failure: what it answers in the end; isOwed: whether the call is
  // made up for later.
  add(closure, signature, method, failure, isOwed) {
    const call = this.#module.wasmTable.get(closure);
    // None has more arguments; what a closure does not have it does not look at.
    return this.#module.addFunction((a, b, c, d, e) => {
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
      call(a, b, c, d, e);
      let answer = module.HEAP32[this.#answer];
      for (let left = TRIES - 1; left > 0 && answer === 0; left--) {
        call(a, b, c, d, e);
        answer = module.HEAP32[this.#answer];
      }
      // What called this one, within another closure, finds the place empty.
      module.HEAP32[this.#answer] = 0;
      if (answer === 0) {
        if (isOwed) this.#owed.push(() => call(a, b, c, d, e));
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

  // Calls again what has to be made up for.
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

  // [method, code] of the last call with each code that did not come to its end; fetching forgets.
  takeUnfinished() {
    const unfinished = [...this.#unfinished].map(([code, method]) => [method, code]);
    this.#unfinished.clear();
    return unfinished;
  }
}
