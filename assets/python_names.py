import ast, builtins, symtable, sys
path = sys.argv[1]
text = open(path, encoding="utf-8").read()
ast.parse(text, path)
known, missing = set(dir(builtins)) | {"__file__", "__path__", "__builtins__", "__class__"}, set()
def tables(table):
    yield table
    for child in table.get_children():
        yield from tables(child)
every = list(tables(symtable.symtable(text, path, "exec")))
for table in every:
    for name in table.get_symbols():
        if table is every[0] or name.is_declared_global():
            if name.is_assigned() or name.is_imported() or name.is_namespace():
                known.add(name.get_name())
for table in every:
    for name in table.get_symbols():
        if name.is_referenced() and (name.is_global() or table is every[0]):
            missing.add(name.get_name())
if missing - known and "import *" not in text:
    sys.exit(f"{path}: NameError: nothing defines {sorted(missing - known)}; is an import missing?")
