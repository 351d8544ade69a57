# SPDX-License-Identifier: Apache-2.0
"""`make fault ONLY=14` runs the tests of fault 14 of the table in README.md, `make fault` all of
them. Without an argument, as in `make check`, it only looks whether each test of the table is there."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def table():
    """{fault: [(file, test)]}: a row begins with its number or letter and names file.test"""
    found = {}
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as f:
        for line in f:
            row = re.match(r"\| ([0-9]+|[a-z]) \|", line)
            if row:
                found[row.group(1)] = re.findall(r"`(\w+)\.(\w+)`", line.split("|")[-2])
    return found


def missing(rows):
    faults = [str(n) for n in range(1, 21)]
    wrong = ["fault %s has no row" % n for n in faults if not rows.get(n)]
    for number, tests in rows.items():
        for name, test in tests:
            path = os.path.join(HERE, name + ".py")
            text = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
            run = re.search(r"^ *run\((.*?)\)$", text, re.M | re.S)
            if not re.search(r"^def %s\(place\):" % test, text, re.M) or \
                    not (run and re.search(r"\b%s\b" % test, run.group(1))):
                wrong.append("fault %s: there is no test %s in %s.py" % (number, test, name))
    return wrong


def main():
    rows = table()
    wrong = missing(rows)
    for line in wrong:
        print(line)
    chosen = list(rows) if sys.argv[1:] == ["all"] else sys.argv[1:]
    if wrong or not chosen:
        print("%d rows, %d wrong" % (len(rows), len(wrong)))
        return bool(wrong)
    failed = 0
    for number in chosen:
        if number not in rows:
            print("there is no fault %s; the table is in tests/flow/README.md" % number)
            return 2
        for name, test in rows[number]:
            print("fault %s: %s.%s" % (number, name, test), flush=True)
            failed += subprocess.call([sys.executable, os.path.join(HERE, name + ".py"), test]) != 0
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
