# SPDX-License-Identifier: Apache-2.0
"""Packages of npm that tests use, installed once into $GODWIT_NPM (or ~/.cache/godwit-npm)."""
import fcntl
import json
import os
import shutil
import subprocess


class Missing(Exception):
    """Why they are not there: a reason to skip."""


def version(folder, name):
    try:
        with open(os.path.join(folder, "node_modules", name, "package.json"), encoding="utf-8") as f:
            return json.load(f)["version"]
    except OSError:
        return None


def modules(packages):
    """{name: version} -> the folder for NODE_PATH. Several tests may ask at once."""
    folder = os.environ.get("GODWIT_NPM") or os.path.expanduser("~/.cache/godwit-npm")
    if not (shutil.which("node") and shutil.which("npm")):
        raise Missing("node and npm are not installed")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = ["%s@%s" % p for p in packages.items() if version(folder, p[0]) != p[1]]
        if missing:
            r = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix",
                                folder, *missing], timeout=300)
            if r.returncode != 0:
                raise Missing("npm could not install " + " ".join(missing))
    return os.path.join(folder, "node_modules")
