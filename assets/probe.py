"""Loaded by every Python that a test run starts, through PYTHONPATH: which lines of the changed files ran, where they
were imported from, and (for unittest) how each test ended. Written beside this file when the process ends."""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_root = os.environ.get("TENON_PROBE_ROOT", "")
_files = [name for name in os.environ.get("TENON_PROBE_FILES", "").split("\n") if name]


def _chain():
    # Somebody else's sitecustomize stands behind this one.
    import importlib.machinery
    import importlib.util

    rest = [path for path in sys.path if os.path.abspath(path or ".") != _here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _watch():
    import atexit
    import json
    import threading
    import time

    began = time.time()
    lines = {os.path.realpath(os.path.join(_root, name)): (name, set()) for name in _files}
    known = {}
    cases = []

    def inner(frame, event, argument):
        if event == "line":
            known[frame.f_code.co_filename].add(frame.f_lineno)
        return inner

    def outer(frame, event, argument):
        name = frame.f_code.co_filename
        seen = known.get(name, 0)
        if seen == 0:
            found = lines.get(os.path.realpath(name))
            seen = known[name] = found[1] if found else None
        if seen is None:
            return None
        seen.add(frame.f_lineno)
        return inner

    def numbers(code):
        found = {line for _, _, line in code.co_lines() if line} if hasattr(code, "co_lines") else set()
        for inner_code in code.co_consts:
            if hasattr(inner_code, "co_consts"):
                found |= numbers(inner_code)
        return found

    def measured():
        # What coverage.py saw when it traced instead of us; None when it left nothing of this run.
        try:
            import coverage

            data = coverage.Coverage()
            if os.path.getmtime(data.config.data_file) < began:
                return None
            data.load()
            return {wanted: data.analysis2(wanted) for wanted in lines}
        except Exception:
            return None

    def tell():
        other = _files and sys.gettrace() is not outer
        sys.settrace(None)
        found = measured() if other and "coverage" in sys.modules else None
        if found is not None:
            other = False
            for wanted, (_, can, _, missing, _) in found.items():
                lines[wanted][1].update(set(can) - set(missing))
        elsewhere = {}
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if not isinstance(path, str):
                continue
            real = os.path.realpath(path)
            for wanted, (name, _) in lines.items():
                short = name.split("/", 1)[1] if name.startswith(("src/", "lib/")) else name
                # A lone module may have namesakes among the tests.
                outside = not real.startswith(os.path.realpath(_root) + os.sep)
                whole = "/" in short or outside and module.__name__ + ".py" == short
                if real != wanted and whole and real.endswith("/" + short):
                    elsewhere[name] = real
        statements = {}
        for wanted, (name, _) in lines.items():
            try:
                with open(wanted, "rb") as file:
                    statements[name] = sorted(numbers(compile(file.read(), wanted, "exec")))
            except (OSError, SyntaxError, ValueError):
                pass
        report = {
            "statements": statements,
            "lines": {name: sorted(seen) for name, seen in lines.values()},
            "elsewhere": elsewhere,
            "other_tracer": bool(other),
            "cases": cases,
        }
        path = os.path.join(_here, "run-%d.json" % os.getpid())
        with open(path + ".part", "w") as file:
            json.dump(report, file)
        os.replace(path + ".part", path)

    def cases_of_unittest():
        import time
        import traceback
        import unittest

        result = unittest.TestResult
        started = {}

        def note(test, status, text=None):
            if not hasattr(test, "id"):
                name = str(test)
            else:
                name = test.id()
            ms = int((time.monotonic() - started.pop(id(test), time.monotonic())) * 1000)
            cases.append({"name": name, "status": status, "ms": ms, "message": text})

        def wrap(method, status, describe=None):
            old = getattr(result, method)

            def new(self, test, *rest):
                note(test, status, describe(rest) if describe else None)
                return old(self, test, *rest)

            setattr(result, method, new)

        def failure(rest):
            return "".join(traceback.format_exception(*rest[0])) if rest and isinstance(rest[0], tuple) else None

        begin = result.startTest

        def start(self, test):
            started[id(test)] = time.monotonic()
            return begin(self, test)

        result.startTest = start
        wrap("addSuccess", "passed")
        wrap("addFailure", "failed", failure)
        wrap("addError", "failed", failure)
        wrap("addSkip", "skipped", lambda rest: str(rest[0]) if rest else None)
        wrap("addExpectedFailure", "skipped", failure)
        wrap("addUnexpectedSuccess", "failed")
        inner_test = result.addSubTest

        def sub(self, test, subtest, error):
            if error is not None:
                cases.append({"name": subtest.id(), "status": "failed", "ms": 0, "message": failure((error,))})
            return inner_test(self, test, subtest, error)

        result.addSubTest = sub

    atexit.register(tell)
    if os.environ.get("TENON_PROBE_UNITTEST"):
        cases_of_unittest()
    if _files:
        threading.settrace(outer)
        sys.settrace(outer)


try:
    _chain()
finally:
    if _root:
        try:
            _watch()
        except Exception as error:  # A probe that breaks must not break the tests.
            sys.stderr.write("tenon probe: %r\n" % (error,))
