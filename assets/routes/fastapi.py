import importlib
import sys

sys.path.insert(0, ".")


def walk(routes, before):
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            walk(included.routes, before + route.include_context.prefix)
            continue
        path = before + (getattr(route, "path", None) or "")
        methods = getattr(route, "methods", None)
        for method in sorted(methods or []):
            print("ROUTE", method, path)
        # An application within the application.
        if not methods and getattr(route, "routes", None):
            walk(route.routes, path)


walk(getattr(importlib.import_module(sys.argv[1]), sys.argv[2]).routes, "")
