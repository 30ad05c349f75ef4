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

// Offsets in bytes of fields of a PyThreadState, on wasm32.
const PREVIOUS = 0;
const EVAL_BREAKER = 12;
const RECURSION_REMAINING = 32;
const RECURSION_LIMIT = 36;

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
  const field = (offset) => ((module._PyThreadState_Get() >>> 0) + offset) >>> 2;
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
  #answer;
  #failed;
  #owed = []; // calls that have to be made up for
  #unfinished = new Map(); // code → the method that did not come to its end with it

  // knowsThreadState: what the function of that name has found out. answer: address of an int in which
  // a closure leaves its result plus one. failed: address of a byte that is made 1 when there is
  // something for takeUnfinished().
  constructor(module, knowsThreadState, answer, failed) {
    this.#module = module;
    this.#knowsThreadState = knowsThreadState;
    this.#answer = answer;
    this.#failed = failed;
  }

  // The address, in the wasm function table, of a C function that calls the ctypes closure, again where
  // that does not come to its end; failure: what it answers in the end; isOwed: whether the call is
  // made up for later.
  add(closure, signature, method, failure, isOwed) {
    const call = this.#module.wasmTable.get(closure);
    return this.#module.addFunction((...values) => {
      const entered = this.#enter();
      let answer = 0;
      if (this.#owed.length > 0) this.#makeUp();
      for (let left = TRIES; left > 0 && answer === 0; left--) answer = this.#call(call, values);
      if (answer === 0) {
        if (isOwed) this.#owed.push([call, values]);
        this.#unfinished.set(failure, method);
        this.#module.HEAPU8[this.#failed] = 1;
      }
      this.#leave(entered);
      return answer === 0 ? failure : answer - 1;
    }, signature);
  }

  // The closure's result plus one; 0 when it did not come to its end. What it is called by, within
  // another closure, finds the place empty.
  #call(call, values) {
    call(...values);
    const answer = this.#module.HEAP32[this.#answer >>> 2];
    this.#module.HEAP32[this.#answer >>> 2] = 0;
    return answer;
  }

  // Makes up for what did not come to its end before; without that nothing is asked of Python.
  makeUp() {
    if (this.#owed.length === 0) return;
    const entered = this.#enter();
    this.#makeUp();
    this.#leave(entered);
  }

  #makeUp() {
    const owed = this.#owed;
    this.#owed = [];
    const left = owed.filter(([call, values]) => this.#call(call, values) === 0);
    this.#owed.unshift(...left);
  }

  // [method, code] of the last call with each code that did not come to its end; fetching forgets.
  takeUnfinished() {
    const unfinished = [...this.#unfinished].map(([code, method]) => [method, code]);
    this.#unfinished.clear();
    return unfinished;
  }

  // Before Python is called: what it was doing is put aside. An exception that is pending: CPython's
  // sqlite3 sets its exception first and resets the statement then, and the reset calls the VFS; Python
  // code that begins with an exception set ends with another one. Signals and asynchronous exceptions:
  // they come up once SQLite has returned.
  #enter() {
    const module = this.#module;
    const gil = module._PyGILState_Ensure();
    const pending = module._PyErr_GetRaisedException();
    const handled = module.HEAP8[module._Py_EMSCRIPTEN_SIGNAL_HANDLING];
    module.HEAP8[module._Py_EMSCRIPTEN_SIGNAL_HANDLING] = 0;
    if (!this.#knowsThreadState) return { gil, pending, handled, thread: 0, held: 0 };
    const thread = module._PyThreadState_Get() >>> 0;
    const held = module.HEAPU32[(thread + EVAL_BREAKER) >>> 2] & INTERRUPTIONS;
    module.HEAPU32[(thread + EVAL_BREAKER) >>> 2] ^= held;
    module.HEAP32[(thread + RECURSION_REMAINING) >>> 2] += ROOM;
    return { gil, pending, handled, thread, held };
  }

  #leave({ gil, pending, handled, thread, held }) {
    const module = this.#module;
    if (thread !== 0) {
      module.HEAP32[(thread + RECURSION_REMAINING) >>> 2] -= ROOM;
      module.HEAPU32[(thread + EVAL_BREAKER) >>> 2] |= held;
    }
    module.HEAP8[module._Py_EMSCRIPTEN_SIGNAL_HANDLING] = handled;
    module._PyErr_SetRaisedException(pending);
    module._PyGILState_Release(gil);
  }
}
