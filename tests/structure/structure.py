"""How the source tree hangs together: which file includes which, which object file calls which, and which
folder may use which by the table in docs/architecture.md. Knows no test framework; test_structure.py
decides what is wrong."""
import collections
import json
import os
import re
import subprocess

HEADER = ["folder", "holds", "may include"]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|import)[ \t]*"([^"]+)"', re.M)
QUOTED = re.compile(r"`([^`]+)`")
PUBLIC = "include"
SOURCES = (".c", ".h", ".m")
FUNCTION = "T"
DEFINED = "TDRBGSCVW"


# ---- The table of folders ----

def read_table(text):
    """{folder: [names]} in the table's order, from the lowest column to the highest. A name is a folder,
    or one header of a folder."""
    lines = [line.strip() for line in text.splitlines()]
    rows = {}
    inside = False
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells == HEADER:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set(line) <= set("|-: "):
            [folder] = QUOTED.findall(cells[0])
            if folder in rows:
                raise ValueError("%s has two rows" % folder)
            rows[folder] = QUOTED.findall(cells[2])
    if not rows:
        raise ValueError("there is no table with the columns %s" % ", ".join(HEADER))
    return rows


def folder_of_name(name):
    return os.path.dirname(name) if name.endswith(".h") else name


def upward_rows(table):
    """What the table itself allows against its own order: a row may name rows below it only."""
    order = list(table)
    found = []
    for folder, names in table.items():
        for name in names:
            target = folder_of_name(name)
            if target not in order:
                found.append("the row of %s allows %s, which has no row" % (folder, name))
            elif order.index(target) <= order.index(folder):
                found.append("the row of %s allows %s, which is not below it" % (folder, name))
    return found


# ---- Includes ----

def source_files(root):
    """Paths of the library's and the program's files, relative to the root."""
    for top in ("src", PUBLIC):
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), root)


def folder_of(path):
    """"src/backend/cpu/conv.c" → "backend/cpu"; public headers are one folder."""
    folder = os.path.dirname(path)
    return PUBLIC if folder.split("/")[0] == PUBLIC else os.path.relpath(folder, "src")


def include_edges(root):
    """({file: {included file}}, ["FILE includes NAME, …"] for what is in neither src/ nor include/)."""
    files = set(source_files(root))
    edges = {path: set() for path in files}
    unknown = []
    for path in sorted(files):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            names = INCLUDE.findall(file.read())
        for name in names:
            places = [os.path.normpath(os.path.join(folder, name))
                      for folder in (os.path.dirname(path), "src", PUBLIC)]
            found = [place for place in places if place in files]
            if found:
                edges[path].add(found[0])
            else:
                unknown.append("%s includes %s, which is in neither src/ nor include/" % (path, name))
    return edges, unknown


def name_in_table(names, target):
    """The entry of a row that allows a file: its folder's, or its own. None: not allowed."""
    header = os.path.join(folder_of(target), os.path.basename(target))
    return next((name for name in names if name in (folder_of(target), header)), None)


def include_findings(table, edges):
    """Includes that the table does not allow, rows without a folder, and entries that no include needs."""
    found = []
    used = set()
    folders = {folder_of(path) for path in edges}
    for folder in sorted(folders - set(table)):
        found.append("src/%s has no row" % folder)
    for path in sorted(edges):
        folder = folder_of(path)
        for target in sorted(edges[path]):
            if folder_of(target) == folder or folder not in table:
                continue
            name = name_in_table(table[folder], target)
            used.add((folder, name))
            if name is None:
                found.append("%s includes %s, which the row of %s does not allow" %
                             (path, target, folder))
    for folder in table:
        if folder not in folders:
            found.append("%s has a row and no files" % folder)
        for name in table[folder]:
            if (folder, name) not in used:
                found.append("the row of %s allows %s, which no file there includes" % (folder, name))
    return found


# ---- Calls between object files ----

def objects(build, root):
    """{source: object file} of what stands below src/, as its own target compiles it."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    found = {}
    for command in commands:
        source = os.path.relpath(os.path.join(command["directory"], command["file"]), root)
        if source.startswith("src/") and not command["output"].startswith("tests/"):
            found[source] = os.path.join(command["directory"], command["output"])
    return found


def read_symbols(text):
    """{object file: [(symbol, type)]} from what `nm -A -P -g` prints."""
    symbols = collections.defaultdict(list)
    for line in text.splitlines():
        words = re.match(r"(.*?): (\S+) (\S)(?: |$)", line)
        if words:
            path, name, kind = words.groups()
            symbols[path].append((name, kind))
    return symbols


def call_edges(symbols):
    """{file: {other file: [(symbol, type)]}}: what each one takes that another one defines."""
    owners = {name: (path, kind) for path, names in symbols.items()
              for name, kind in names if kind in DEFINED}
    edges = {path: collections.defaultdict(list) for path in symbols}
    for path, names in symbols.items():
        for name, kind in names:
            owner, defined_as = owners.get(name, (path, kind))
            if kind == "U" and owner != path:
                edges[path][owner].append((name, defined_as))
    return edges


def read_calls(build, root, nm="nm"):
    """The same for a build folder, by source."""
    by_source = objects(build, root)
    done = subprocess.run([nm, "-A", "-P", "-g", *by_source.values()], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=120)
    by_object = read_symbols(done.stdout)
    return call_edges({source: by_object[path] for source, path in by_source.items()})


def upward_calls(table, edges):
    """Calls of functions from a folder to one that stands above it in the table. Tables of data, such as
    each backend's, are taken by what registers them, whichever way."""
    order = list(table)
    found = []
    for path in sorted(edges):
        for target in sorted(edges[path]):
            here, there = folder_of(path), folder_of(target)
            names = sorted(name for name, kind in edges[path][target] if kind == FUNCTION)
            if names and {here, there} <= set(order) and order.index(there) < order.index(here):
                found.append("%s calls %s() of %s, which is above it" % (path, names[0], target))
    return found


# ---- Cycles ----

def cycles(edges):
    """Sorted lists of files that all reach each other (strongly connected components of more than one;
    Tarjan, 1972). `edges`: {file: its targets}."""
    index, lowest, stack, found = {}, {}, [], []

    def enter(node):
        index[node] = lowest[node] = len(index)
        stack.append(node)
        return node, iter(sorted(edges.get(node, ())))

    def leave(node):
        if lowest[node] != index[node]:
            return
        component = stack[stack.index(node):]
        del stack[stack.index(node):]
        if len(component) > 1 or node in edges.get(node, ()):
            found.append(sorted(component))

    for start in sorted(edges):
        path = [enter(start)] if start not in index else []
        while path:
            node, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                leave(node)
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
            elif target not in index:
                path.append(enter(target))
            elif target in stack:
                lowest[node] = min(lowest[node], index[target])
    return sorted(found)


def shortest_loop(edges, files):
    """A shortest way from one of the files back to itself, of those in the list only."""
    best = None
    for start in files:
        ways = collections.deque([[start]])
        seen = set()
        while ways:
            way = ways.popleft()
            for target in sorted(edges[way[-1]]):
                if target == start:
                    ways.clear()
                    best = way if best is None or len(way) < len(best) else best
                    break
                if target in files and target not in seen:
                    seen.add(target)
                    ways.append(way + [target])
    return best + best[:1]


def cycle_findings(edges):
    """One line for each cycle."""
    return ["%d files in a circle, such as %s" % (len(files), " → ".join(shortest_loop(edges, files)))
            for files in cycles(edges)]
