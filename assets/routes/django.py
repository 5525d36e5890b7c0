import re
from django.urls import get_resolver
def walk(patterns, before):
    for p in patterns:
        path = before + str(p.pattern)
        if hasattr(p, "url_patterns"):
            walk(p.url_patterns, path)
            continue
        path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^)]*\))*\)", r"{\1}", path)
        path = re.sub(r"\\Z|[\^$\\]", "", path)
        if "{format}" in path:
            continue
        view = p.callback
        of = getattr(view, "view_class", None) or getattr(view, "cls", None)
        methods = getattr(view, "actions", None) or (of and [m for m in of.http_method_names if hasattr(of, m)]) or ["any"]
        for method in methods:
            print("ROUTE", method.upper(), "/" + path)
walk(get_resolver().url_patterns, "")
