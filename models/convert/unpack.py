"""Takes the members that match a pattern out of a package's archive (.whl or .tgz) into a folder, without their paths.

    unpack.py ARCHIVE PATTERN OUT_FOLDER
"""
import fnmatch
import os
import shutil
import sys
import tarfile
import zipfile


def unpack(archive, pattern, out):
    def wanted(path):
        parts, want = path.split("/"), pattern.split("/")
        return len(parts) == len(want) and all(map(fnmatch.fnmatchcase, parts, want))

    def put(path, source):
        name = path.split("/")[-1]
        if not name or name.startswith("."):
            sys.exit(f"{archive}: expected plain file names, found {path!r}")
        with source, open(os.path.join(out, name), "xb") as f:  # x: two members of one name are refused
            shutil.copyfileobj(source, f, 1 << 20)

    count = 0
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as z:
            for info in z.infolist():
                if not info.is_dir() and wanted(info.filename):
                    put(info.filename, z.open(info))
                    count += 1
    else:
        with tarfile.open(archive, "r:*") as t:
            for info in t:
                if info.isfile() and wanted(info.name):
                    put(info.name, t.extractfile(info))
                    count += 1
    if count == 0:
        sys.exit(f"{os.path.basename(archive)}: expected a member {pattern}, found none")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    unpack(*sys.argv[1:])
