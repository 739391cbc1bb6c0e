"""Writes a small wheel, for tests that fetch from a folder instead of an index.

    make_wheel.py FOLDER NAME MEMBER=TEXT...
"""
import sys
import zipfile

folder, name = sys.argv[1:3]
module = name.replace("-", "_")
info = f"{module}-1.0.dist-info"
files = dict(a.split("=", 1) for a in sys.argv[3:])
files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
with zipfile.ZipFile(f"{folder}/{module}-1.0-py3-none-any.whl", "w") as z:
    for path, text in files.items():
        z.writestr(path, text)
