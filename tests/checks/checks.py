#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
"""Each check of tools/ passes on a clean little tree and fails on each planted violation, and says where."""
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HASH = "# SPDX-License-Identifier: Apache-2.0\n"

CLEAN = {
    "src/LAYERS": "# ranks\n0 base\n1 wire\n2 codec\n2 model\n",
    "src/base/text.h": SPDX + "#pragma once\n\nint text_length(const char *s);\n",
    "src/base/text.c": SPDX + '#include "base/text.h"\n\nint text_length(const char *s)\n{\n\tint n = 0;\n'
                              "\tfor (; *s; s++)\n\t\tn++;\n\treturn n;\n}\n",
    "src/wire/udp.h": SPDX + '#pragma once\n#include "base/text.h"\n\nint udp_parse(int a);\n',
    "src/wire/udp.c": SPDX + '#include "wire/udp.h"\n\nint udp_parse(int a)\n{\n\treturn a + text_length("");\n}\n',
    "src/model/one/one.h": SPDX + "#pragma once\n\nint one_get(void);\n",
    "src/model/one/deep.h": SPDX + "#pragma once\n\nint deep_get(void);\n",
    "src/model/one/one.c": SPDX + '#include "model/one/one.h"\n#include "model/one/deep.h"\n\nint deep_get(void)\n{\n\treturn 1;\n}\n\n'
                                  "int one_get(void)\n{\n\treturn deep_get();\n}\n",
    "src/model/two/two.h": SPDX + "#pragma once\n\nint two_get(void);\n",
    "src/model/two/two.c": SPDX + '#include "model/two/two.h"\n#include "model/one/one.h"\n#include "wire/udp.h"\n\n'
                                  "int two_get(void)\n{\n\treturn one_get() + udp_parse(1);\n}\n",
    "src/codec/csv.c": SPDX + "int csv_zero(void);\n\nint csv_zero(void)\n{\n\treturn 0;\n}\n",
    "tests/unit/test_text.c": SPDX + '#include "base/text.h"\n\n#define assert_true(c) ((c) ? 0 : 1)\n\nint main(void)\n{\n'
                                     '\treturn assert_true(text_length("a") == 1);\n}\n',
    "tests/unit/test_nouns.c": SPDX + "int one_get(void);\nint two_get(void);\nint csv_zero(void);\n\n"
                                      "#define assert_true(c) ((c) ? 0 : 1)\n\n"
                                      "int main(void)\n{\n\treturn assert_true(one_get() + two_get() + csv_zero());\n}\n",
    "tests/meson.build": "unit_tests = [\n\t'text',\n\t'nouns',\n]\n",
    "tests/cli/run.sh": "#!/bin/sh\n" + HASH + "echo ok run\n",
    "fuzz/fuzz_udp.c": SPDX + '#include "wire/udp.h"\n\nint fuzz(int a);\n\nint fuzz(int a)\n{\n\treturn udp_parse(a);\n}\n',
    "fuzz/meson.build": "fuzz_targets = [\n\t'udp',\n]\n",
    "fuzz/corpus/udp/a": "x",
    "man/meson.build": "install_man('sakimori.1')\n",
    "man/sakimori.1": '.\\" SPDX-License-Identifier: Apache-2.0\n.Dd November 24, 2026\n.Dt SAKIMORI 1\n.Os\n.Sh NAME\n.Nm sakimori\n'
                      ".Nd stand guard\n.Sh DESCRIPTION\n.Nm\nstands guard.\n",
    "web/messages/core.en.json": '{"core.go": "Go to {place}", "core.end": "End"}\n',
    "web/messages/core.ja.json": '{"core.go": "{place}へ", "core.end": "終了"}\n',
    "web/src/app.js": SPDX + "export const words = (t) => t('core.go') + t('core.end')\n",
    "meson.build": HASH + "project('little', 'c', default_options: ['c_std=gnu17', 'warning_level=2'])\n"
                          "static_library('little', 'src/base/text.c', 'src/wire/udp.c', 'src/codec/csv.c', 'src/model/one/one.c',\n"
                          "\t'src/model/two/two.c', include_directories: include_directories('src'))\n",
}


def function(name, body):
    return f"int {name}(int a);\n\nint {name}(int a)\n{{\n{body}\treturn a;\n}}\n"


LONG = "".join("\ta++;\n" for _ in range(70))
BRANCHY = "".join(f"\tif (a == {i})\n\t\ta++;\n" for i in range(15))
COMMENT = "/* filler */\n"

# (check, what, file, text that is put behind or instead, "append" | "replace" | "remove" | "chmod", part of the message or None: still clean)
PLANTS = [
    ("layers", "higher rank", "src/base/text.c", '#include "wire/udp.h"\n', "append", "base (rank 0) may not include wire"),
    ("layers", "same rank", "src/codec/csv.c", '#include "model/one/one.h"\n', "append", "codec (rank 2) may not include model"),
    ("layers", "inner header of a sibling", "src/model/two/two.c", '#include "model/one/deep.h"\n', "append", "only its top header"),
    ("layers", "cycle", "src/model/one/one.h", '#include "model/one/deep.h"\n', "append", None),
    ("layers", "cycle", "src/base/text.h", '#include "base/text.h"\n', "append", "include cycle"),
    ("layers", "unknown folder", "src/extra/x.c", SPDX, "replace", "folder extra has no rank"),
    ("layers", "file on top", "src/x.c", SPDX, "replace", "folder (top of src) has no rank"),
    ("layers", "no such header", "src/base/text.c", '#include "base/none.h"\n', "append", "names no file"),
    ("layers", "include in a comment", "src/base/text.c", '/* #include "wire/udp.h" */\n', "append", None),
    ("layers", "bad row", "src/LAYERS", "zero base\n", "append", "not `rank folder`"),
    ("limits", "long function", "src/base/text.c", function("text_f", LONG), "append", "text_f: 74 lines, at most 70"),
    ("limits", "excused long function", "src/base/text.c", function("text_f", "\t/* size-ok: a table */\n" + LONG), "append", None),
    ("limits", "excuse without a reason", "src/base/text.c", function("text_f", "\t/* size-ok:*/\n" + LONG), "append", "at most 70"),
    ("limits", "branches", "src/base/text.c", function("text_f", BRANCHY), "append", "text_f: 16 cyclomatic, at most 15"),
    ("limits", "branches in text", "src/base/text.c",
     function("text_f", '\t/* if if if if if if if if if if if if if if if */\n\ta += *"if ? && || { for for for for for for for for";\n'),
     "append", None),
    ("limits", "parameters", "src/base/text.c", "int text_f(int a, int b, int c, int d, int e, int f, int g)\n{\n\treturn a;\n}\n",
     "append", "text_f: 7 parameters, at most 6"),
    ("limits", "callback counts once", "src/base/text.c",
     "int text_f(int a, int b, int c, int d, int e, int (*f)(int, int, int))\n{\n\treturn a;\n}\n", "append", None),
    ("limits", "file", "src/base/text.c", COMMENT * 800, "append", "lines, at most 800"),
    ("limits", "header", "src/base/text.h", COMMENT * 250, "append", "lines, at most 250"),
    ("limits", "columns", "src/base/text.h", "/* " + "x" * 120 + " */\n", "append", "126 columns, at most 120"),
    ("limits", "columns of tabs", "src/base/text.h", "\t" * 15 + "/* */\n", "append", "125 columns"),
    ("limits", "typedef", "src/base/text.h", "typedef struct text {\n\tint a;\n} text;\n", "append", "typedef of a struct"),
    ("limits", "braces", "src/base/text.c", "}\n", "append", "braces don't match"),
    ("limits", "both branches of #if", "src/base/text.c",
     "int text_f(void)\n#ifdef X\n{\n#else\n{\n#endif\n\treturn 0;\n}\n", "append", None),
    ("format", "blanks instead of tabs", "src/base/text.c", "int text_f(void)\n{\n    return 0;\n}\n", "append", "src/base/text.c"),
    ("format", "brace", "src/wire/udp.c", "int udp_f(void) {\n\treturn 0;\n}\n", "append", "src/wire/udp.c"),
    ("spdx", "C source", "src/base/text.h", "#pragma once\n", "replace", "src/base/text.h:1"),
    ("spdx", "script", "tests/cli/run.sh", "#!/bin/sh\necho ok run\n", "replace", "tests/cli/run.sh:1"),
    ("spdx", "manual page", "man/sakimori.1", ".Dd today\n", "replace", "man/sakimori.1:1"),
    ("paths", "work folder", "README.md", "see /wo" + "rk/main/x\n", "replace", "README.md:1"),
    ("paths", "home folder", "src/base/text.c", '/* "/ho' + 'me/smith/x" */\n', "append", "src/base/text.c"),
    ("paths", "like a path, but none", "README.md", "net/work/x, /home/NAME/x, $x/work/y, artwork/root/z\n", "replace", None),
    ("tests", "source without a test", "src/wire/tcp.c", SPDX, "replace", "names tcp"),
    ("tests", "test that never runs", "tests/unit/test_more.c", SPDX + "assert_true(1)\n", "replace", "not a row of its meson.build"),
    ("tests", "test that asserts nothing", "tests/unit/test_text.c", SPDX + "int text_length(void);\n", "replace", "asserts nothing"),
    ("tests", "fuzz target that never runs", "fuzz/fuzz_more.c", SPDX, "replace", "not a row"),
    ("tests", "no corpus", "fuzz/corpus/udp/a", None, "remove", "no corpus"),
    ("tests", "script that can't run", "tests/cli/run.sh", None, "chmod", "not executable"),
    ("man", "unknown macro", "man/sakimori.1", ".Qx stands\n", "append", "Qx"),
    ("man", "unlisted page", "man/other.1", CLEAN["man/sakimori.1"], "replace", "never installed"),
    ("messages", "one language only", "web/messages/core.ja.json", '{"core.go": "{place}へ"}\n', "replace",
     "core.end is in one language only (en)"),
    ("messages", "another place for a value", "web/messages/core.ja.json", '{"core.go": "へ", "core.end": "終了"}\n', "replace",
     "core.go has other places"),
    ("messages", "a text that isn't there", "web/src/app.js", "export const more = (t) => t('core.gone')\n", "append",
     "web/src/app.js:4: there is no text core.gone"),
    ("messages", "a text without use", "web/src/app.js", SPDX + "export const words = (t) => t('core.go')\n", "replace",
     "core.end is used nowhere"),
    ("warnings", "unused variable", "src/base/text.c", "int text_f(void);\n\nint text_f(void)\n{\n\tint a;\n\treturn 0;\n}\n", "append",
     "unused variable"),
    ("warnings", "only clang", "src/base/text.c",
     "int text_f(int a);\n\nint text_f(int a)\n{\n\tif ((a == 1))\n\t\treturn 2;\n\treturn 0;\n}\n", "append", "clang-14 warns"),
    ("tidy", "NULL is read", "src/base/text.c",
     "int text_f(int a);\n\nint text_f(int a)\n{\n\tint *p = a ? &a : 0;\n\tif (!a)\n\t\treturn *p;\n\treturn 0;\n}\n", "append",
     "src/base/text.c"),
]


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if text.startswith("#!"):
        path.chmod(0o755)


def make(root):
    for name, text in CLEAN.items():
        write(root, name, text)
    for name in ("tools", ".clang-format", ".clang-tidy"):
        source = TOP / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, root / name)


def plant(root, name, text, how):
    path = root / name
    if how == "remove":
        path.unlink()
    elif how == "chmod":
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    elif how == "append":
        with open(path, "a") as f:
            f.write("\n" + text)
    else:
        write(root, name, text)


def check(root, name):
    done = subprocess.run([str(root / "tools" / f"check-{name}")], cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def report(name, good, why):
    print(f"ok {name}" if good else f"not ok {name}: {' / '.join(why.split(chr(10)))[:400]}", flush=True)


TOOLS = {"format": "clang-format-14", "tidy": "clang-tidy-14", "warnings": "clang-14", "man": "mandoc"}


def main():
    missing = {c: t for c, t in TOOLS.items() if not shutil.which(t)}
    known = subprocess.run([str(TOP / "tools/check"), "--list"], capture_output=True, text=True).stdout.split()
    tried = {p[0] for p in PLANTS}
    report("every check is tried", set(known) == tried, f"{set(known) ^ tried}")
    with tempfile.TemporaryDirectory() as folder:
        clean = pathlib.Path(folder) / "clean"
        make(clean)
        for name in known:
            if name in missing:
                print(f"skip {name}/clean: no {missing[name]}")
                continue
            code, text = check(clean, name)
            report(f"{name}/clean", code == 0, text)
        for number, (name, what, path, text, how, want) in enumerate(PLANTS):
            if name in missing:
                print(f"skip {name}/{what}: no {missing[name]}")
                continue
            root = pathlib.Path(folder) / str(number)
            shutil.copytree(clean, root, ignore=shutil.ignore_patterns("build*"))
            plant(root, path, text, how)
            code, said = check(root, name)
            good = code == 0 if want is None else code == 1 and want in said
            report(f"{name}/{what}", good, f"exit {code}: {said}")
            shutil.rmtree(root)


main()
