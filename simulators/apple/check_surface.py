#!/usr/bin/env python3
"""Holds the simulator's headers, and the code that is written against them, against facts/: that
every class, method, argument's type, enum constant and value exists on a Mac as well.

check_surface.py [-I FOLDER]... [--folder FOLDER]... [FILE.m...]

Reads what clang understands of each file (its syntax tree), so that receivers' types are known.
Foundation's classes are not checked. Prints one line per finding and exits 1 if there is any."""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# What these get from elsewhere, which the tables do not say.
PARENTS = {
    "MTLBuffer": ["MTLResource"],
    "MTLResource": ["MTLAllocation"],
    "MPSCommandBuffer": ["MTLCommandBuffer"],
    "MPSGraphShapedType": ["MPSGraphType"],
}
NUMBERS = {"void", "BOOL", "double", "float", "uint64_t", "NSInteger", "NSUInteger", "CFTimeInterval",
           "MTLResourceOptions"}
RUST = {"bool": "BOOL", "c_double": "double", "c_float": "float", "u64": "uint64_t",
        "Self": "instancetype", "*mut c_void": "void *", "NonNull<c_void>": "void *",
        "*mut NSInteger": "NSInteger *"}
STORAGE_BIT = 4  # of MTLResourceOptions

Method = collections.namedtuple("Method", "arguments result")
Message = collections.namedtuple("Message", "place receiver kind selector")


def apples(name):
    """Whether a class, protocol or constant belongs to the three frameworks."""
    return re.match(r"(MTL|MPS)[A-Z]", name) is not None


class Facts:
    """The tables."""

    def __init__(self, folder):
        self.methods = {}
        self.values = {}
        self.enums = set()
        expressions = {}
        for row in self.rows(folder / "enums.tsv"):
            self.enums.add(row[1])
            expressions[row[2]] = row[3].rstrip(",")
        for name, expression in expressions.items():
            self.values[name] = self.value(expression, expressions)
        for row in self.rows(folder / "selectors.tsv"):
            arguments = [self.type_of(argument.split(": ", 1)[1])
                         for argument in re.split(r", (?=[\w#]+: )", row[4]) if argument]
            selector = row[3][:-1] if row[3].endswith(":_") else row[3]
            self.methods[row[1], row[2], selector] = Method(arguments, self.type_of(row[5]))
        self.classes = {key[0] for key in self.methods}
        self.selectors = {key[2] for key in self.methods}

    @staticmethod
    def rows(path):
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        return [(line + "\t" * 6).split("\t") for line in lines]

    def value(self, expression, expressions):
        """Of an enum's constant: numbers, |, and names of others, as in Rust."""
        def other(match):
            return str(self.value(expressions[match[1] + match[2]], expressions))
        text = re.sub(r"(\w+)::(\w+)\.0", other, expression)
        return sum({int(part, 0) for part in text.split("|")}) if re.fullmatch(
            r"[\dxa-fA-F |]+", text) else None

    def type_of(self, rust):
        """A type as clang prints it, without generics."""
        name = rust.replace(" nullable", "")
        if name.startswith("Option<&block2"):
            return "id"  # a block
        block = re.search(r"\w+Handler\b", name)
        if block:
            return block[0]  # a block's typedef
        if name in RUST:
            return RUST[name]
        if name.startswith("id<"):
            return name
        name = re.sub(r"<.*>", "", name).replace("*", "").strip()
        return name if name in NUMBERS or name in self.enums else name + " *"

    def method(self, owner, kind, selector):
        for name in [owner] + PARENTS.get(owner, []):
            found = self.methods.get((name, kind, selector))
            if not found and name != owner:
                found = self.method(name, kind, selector)
            if found:
                return found
        return None


def clang_type(text):
    """The type of a line of the tree, without generics, const and attributes."""
    name = text if text.startswith("id<") else re.sub(r"<.*>", "", text)
    return re.sub(r"\bconst |\b_N\w+ ?", "", name).replace("**", "* *").strip()


class Tree:
    """Classes, enums and messages in a syntax tree."""

    LINE = re.compile(r"^([| `-]*)(\S.*)$")
    HEAD = re.compile(
        r"\w+ 0x[0-9a-f]+ (?:prev 0x[0-9a-f]+ )?(?:<[^>]*(?:<[^>]*>)?[^>]*> )?(?:\S+:\d+:\d+ )?")
    PLACE = re.compile(r"([^\s<,]+):(\d+):\d+")
    KINDS = {"ObjCInterfaceDecl", "ObjCProtocolDecl", "ObjCCategoryDecl", "EnumDecl",
             "ObjCImplementationDecl", "ObjCCategoryImplDecl", "ObjCInterface", "ObjCMethodDecl",
             "ParmVarDecl", "EnumConstantDecl", "value:", "ObjCMessageExpr", "DeclRefExpr",
             "ObjCSelectorExpr"}

    def __init__(self, lines):
        self.methods = {}      # (class, kind, selector) → (Method, place)
        self.classes = {}      # → place
        self.constants = {}    # → (enum, value, place)
        self.uses = []         # (place, constant)
        self.messages = []
        self.selectors = []    # @selector(): (place, selector)
        self.file, self.number = "", 0
        self.owners, self.open_depth = {}, 0
        self.open_method = self.open_constant = self.open_message = None
        for line in lines:
            self.read(line)

    def read(self, line):
        match = self.LINE.match(line)
        if not match:
            return
        depth, text = len(match[1]), match[2]
        kind = text.split(" ", 1)[0]
        head = self.HEAD.match(text) if "line:" in text or ".h:" in text or ".m:" in text else None
        if head:
            for name, number in self.PLACE.findall(head[0]):
                self.file = self.file if name == "line" else name
                self.number = number if name != "col" else self.number
        if self.open_method and depth <= self.open_depth:
            self.open_method = None
        if kind in self.KINDS or self.open_message:
            self.read_node(kind, text, depth, f"{self.file}:{self.number}")

    def read_node(self, kind, text, depth, place):
        words = text.split()
        if kind in ("ObjCInterfaceDecl", "ObjCProtocolDecl", "ObjCCategoryDecl", "EnumDecl",
                    "ObjCImplementationDecl", "ObjCCategoryImplDecl"):
            self.owners = {depth: self.owner(kind, text)}
            if kind in ("ObjCInterfaceDecl", "ObjCProtocolDecl"):
                self.classes.setdefault(self.owners[depth], place)
        elif kind == "ObjCInterface" and list(self.owners.values()) == ["(category)"]:
            self.owners = {depth: words[2].strip("'")}
            if apples(words[2].strip("'")):
                self.classes.setdefault(words[2].strip("'"), place)
        elif kind == "ObjCMethodDecl":
            self.start_method(text, depth, place)
        elif kind == "ParmVarDecl" and self.open_method and depth == self.open_depth + 2:
            self.open_method.arguments.append(clang_type(re.search(r"'([^']*)'", text)[1]))
        elif kind == "EnumConstantDecl":
            self.open_constant = (re.search(r"(\w+) '", text)[1], place)
        elif kind == "value:" and self.open_constant:
            name, where = self.open_constant
            enum = list(self.owners.values())[0] if self.owners else ""
            self.constants[name] = (enum, int(words[2]), where)
            self.open_constant = None
        self.read_expression(kind, text, depth, place)

    @staticmethod
    def owner(kind, text):
        if kind.startswith("ObjCCategory"):
            return "(category)"
        if kind == "EnumDecl":
            match = re.search(r"(\w+) '[^']*'(?::'[^']*')?$", text)
            return match[1] if match else ""
        return text.split()[-1]

    def start_method(self, text, depth, place):
        match = re.search(r" ([-+]) (\S+) '([^']*)'", text)
        owner = list(self.owners.values())[0] if self.owners else ""
        self.open_method, self.open_depth = Method([], clang_type(match[3])), depth
        if owner != "(category)":
            self.methods.setdefault((owner, match[1], match[2]), (self.open_method, place))

    def read_expression(self, kind, text, depth, place):
        if self.open_message and depth > self.open_message[0]:
            at, where, selector = self.open_message
            self.open_message = None
            type_match = re.search(r"'([^']*)'", text)
            receiver = type_match[1] if type_match else "id"
            self.messages.append(Message(where, receiver, "-", selector))
        if kind == "ObjCMessageExpr":
            selector = re.search(r"selector=(\S+)", text)[1]
            of_class = re.search(r"class='([^']*)'", text)
            if of_class:
                self.messages.append(Message(place, of_class[1], "+", selector))
            elif "super" not in text.split("selector=")[1]:
                self.open_message = (depth, place, selector)
        elif kind == "DeclRefExpr" and " EnumConstant " in text:
            self.uses.append((place, re.search(r"EnumConstant 0x\w+ '(\w+)'", text)[1]))
        elif kind == "ObjCSelectorExpr":
            self.selectors.append((place, text.split()[-1]))


def of_class(receiver):
    """Classes and protocols of a receiver's type."""
    match = re.match(r"id<(.*)>$", receiver)
    if match:
        return [name.strip() for name in match[1].split(",")]
    return [re.sub(r"<.*", "", receiver).replace("*", "").strip()]


class Checker:
    """Compares a tree with the facts."""

    def __init__(self, facts):
        self.facts = facts
        self.findings = []

    def find(self, place, text):
        finding = f"{place}: {text}"
        if finding not in self.findings:
            self.findings.append(finding)

    def check_declarations(self, tree):
        for name, place in tree.classes.items():
            if apples(name) and name not in self.facts.classes:
                self.find(place, f"a Mac has no {name}")
        for (owner, kind, selector), (method, place) in tree.methods.items():
            if apples(owner) and owner in self.facts.classes:
                self.check_method(owner, kind, selector, method, place)
        for name, (enum, value, place) in tree.constants.items():
            if apples(name):
                self.check_constant(name, value, place)

    def check_method(self, owner, kind, selector, method, place):
        known = self.facts.method(owner, kind, selector)
        if not known:
            self.find(place, f"a Mac has no {kind}[{owner} {selector}]")
            return
        if len(method.arguments) != len(known.arguments):
            self.find(place, f"{kind}[{owner} {selector}] takes {len(known.arguments)} arguments")
            return
        pairs = zip(method.arguments + [method.result], known.arguments + [known.result])
        for declared, real in pairs:
            same = {declared, real} in ({"instancetype", owner + " *"}, {"double", "CFTimeInterval"})
            if declared != real and not same:
                self.find(place, f"{kind}[{owner} {selector}]: '{declared}' is '{real}' on a Mac")

    def check_constant(self, name, value, place):
        real = self.facts.values.get(name)
        storage = re.match(r"MTLResourceStorageMode(\w+)$", name)
        if storage:
            mode = self.facts.values.get("MTLStorageMode" + storage[1])
            real = None if mode is None else mode << STORAGE_BIT
        if real is None:
            self.find(place, f"a Mac has no {name}")
        elif real != value:
            self.find(place, f"{name} is {value}, and {real} on a Mac")

    def check_messages(self, tree):
        foundation = {key[2] for key in tree.methods if not apples(key[0])}
        everybody = {key[2] for key in tree.methods if key[0] in ("NSObject", "NSCopying")}
        for place, receiver, kind, selector in tree.messages:
            owners = [name for name in of_class(receiver) if apples(name) and name in tree.classes]
            known = any(self.facts.method(name, kind, selector) for name in owners)
            if owners and not known and selector not in everybody:
                self.find(place, f"a Mac has no {kind}[{owners[0]} {selector}]")
            elif not owners and selector not in foundation | self.facts.selectors:
                self.find(place, f"a Mac knows no method {selector}")
        for place, selector in tree.selectors:
            if selector not in foundation | self.facts.selectors:
                self.find(place, f"a Mac knows no method {selector}")
        for place, name in tree.uses:
            if apples(name) and name in tree.constants:
                self.check_constant(name, tree.constants[name][1], place)


def syntax_tree(path, flags):
    command = ["clang", *flags, "-fsyntax-only", "-Xclang", "-ast-dump", "-fno-color-diagnostics",
               "-Wno-everything", "-Werror=objc-method-access", "-Werror=implicit-function-declaration",
               str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        return None, done.stderr
    return Tree(done.stdout.splitlines()), ""


def check(paths, includes, headers=HERE / "include"):
    """Findings in the files and the headers that they import."""
    checker = Checker(Facts(HERE / "facts"))
    with tempfile.TemporaryDirectory() as folder:
        flags = subprocess.run([str(HERE / "objc-flags"), folder], check=True, capture_output=True,
                               text=True, timeout=300).stdout.split()
        flags += ["-D_GNU_SOURCE", f"-I{headers}"] + [f"-I{include}" for include in includes]
        for path in paths:
            tree, errors = syntax_tree(path, flags)
            if tree is None:
                checker.find(path, f"clang does not take it:\n{errors}")
                continue
            checker.check_declarations(tree)
            checker.check_messages(tree)
    return checker.findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-I", dest="includes", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--folder", action="append", default=[], help="all its files *.m")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    paths = [pathlib.Path(name) for name in arguments.files]
    for folder in arguments.folder:
        paths += sorted(pathlib.Path(folder).glob("*.m"))
    findings = check(paths, arguments.includes)
    for finding in findings:
        print(finding)
    print(f"{len(paths)} files, {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
