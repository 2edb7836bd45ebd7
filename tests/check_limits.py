"""The table of limits in src/api/README.md is what the headers say.

usage: check_limits.py SOURCE-DIRECTORY

- Each row names an option that exists, its default is what stands in brackets in the option's comment (or how that begins), and
  the codes and errors that the comment names are in the row.
- Each limit of the headers has a row: an option of a number that is called like a limit, or whose comment has a close code.
- Each counter and error in the table exists.
"""
import pathlib
import re
import sys

STRUCTS = {
    "conn.h": "wsuv_conn_options",
    "server.h": "wsuv_server_options",
    "loop.h": "wsuv_loop_options",
    "deflate.h": "wsuv_deflate_options",
    "tls.h": "wsuv_tls_options",
}
LIMIT_NAME = re.compile(r"^(max|min)_(?!version)|_(limit|budget|timeout_ms|interval_ms|ahead|water)$")
CLOSE_CODE = re.compile(r"\b(10(?:01|02|07|08|09|11|13))\b(?! ms)")
STATUS = re.compile(r"\b(4\d\d|503)\b")


def members(header, struct):
    """(type, name, comment) of each member of the struct."""
    body = re.search(r"struct %s \{(.*?)\n\}" % struct, header, re.S)
    if body is None:
        return
    text = body.group(1)
    found = []
    ahead = ""  # a comment that stands in front of its member
    at = 0
    for token in re.finditer(r"/\*(.*?)\*/|([\w *\n]+?)(\w+);", text, re.S):
        same_line = "\n" not in text[at : token.start()]
        at = token.end()
        if token.group(1) is None:
            found.append([" ".join(token.group(2).split()), token.group(3), ahead])
            ahead = ""
            continue
        comment = re.sub(r"\s*\n\s*\*\s*", " ", token.group(1)).strip()
        if same_line and found:
            found[-1][2] += " " + comment
        else:
            ahead = comment
    yield from found


def options(root):
    for file, struct in STRUCTS.items():
        header = (root / "include/wsuv" / file).read_text(encoding="utf-8")
        for kind, name, comment in members(header, struct):
            yield file, kind, name, comment


def rows(root):
    guide = (root / "src/api/README.md").read_text(encoding="utf-8")
    for line in guide[guide.index("## Limits") :].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            yield cells[0].strip("`"), cells


def begins(default, bracket):
    return bracket == default or re.match(re.escape(default) + r"[,;.]", bracket) is not None


def faults(root):
    known = {name: comment for _, _, name, comment in options(root)}
    table = dict(rows(root))
    headers = {path.name: path.read_text(encoding="utf-8") for path in (root / "include/wsuv").glob("*.h")}
    if len(table) < 20 or len(known) < 60:
        yield f"only {len(table)} rows and {len(known)} options were found"
    for name, cells in table.items():
        comment = known.get(name)
        if comment is None:
            yield f"{name}: no such option"
            continue
        brackets = re.findall(r"\[([^\]]*)\]", comment)
        if not any(begins(cells[1], bracket) for bracket in brackets):
            yield f"{name}: the default is {cells[1]!r}, the header has {brackets}"
        for code in CLOSE_CODE.findall(comment) + STATUS.findall(comment):
            if code not in cells[3] and code not in re.sub(r"\s", "", cells[1]):
                yield f"{name}: the header has {code}, the row has {cells[3]!r}"
        for error in re.findall(r"WSUV_E[A-Z]+", comment):
            if error not in cells[4] and error != "WSUV_EINVAL":
                yield f"{name}: the header has {error}, the row has {cells[4]!r}"
        for error in re.findall(r"WSUV_(E[A-Z]+)", cells[4]):
            if not re.search(r"\b(XX\(|WSUV_)%s\b" % error, headers["errno.h"]):
                yield f"{name}: there is no WSUV_{error}"
        for counter in re.findall(r"`(\w+)`", cells[5]):
            if counter.startswith("WSUV_") and counter not in headers["stats.h"]:
                yield f"{name}: stats.h has no {counter}"
    for file, kind, name, comment in options(root):
        is_number = kind in ("int", "int64_t", "size_t", "unsigned")
        is_limit = is_number and (LIMIT_NAME.search(name) or CLOSE_CODE.search(comment))
        if is_limit and name not in table:
            yield f"{file}: {name} is not in the table"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(faults(pathlib.Path(sys.argv[1])))
    for fault in found:
        print(f"src/api/README.md, Limits: {fault}")
    if found:
        sys.exit(1)
    print("the table of limits is what the headers say")


if __name__ == "__main__":
    main()
