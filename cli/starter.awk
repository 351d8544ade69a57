# SPDX-License-Identifier: Apache-2.0
# Turns the files of cli/starter/ into C: a table of path and text for `godwit init`.
function begin_file() {
    path = FILENAME
    sub(/^.*\/starter\//, "", path)
    sub(/^gitignore$/, ".gitignore", path)
    printf "%s    {\"%s\",\n", (count++ ? "     \"\"},\n" : ""), path
}
BEGIN {
    print "/* Made by cli/starter.awk from the files of cli/starter/. */"
    print "#include \"config.h\"\n\n#include \"cli/starter.h\"\n"
    print "const struct starter_file starter_files[] = {"
}
FNR == 1 { begin_file() }
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    gsub(/\?\?/, "?\\?")
    printf "     \"%s\\n\"\n", $0
}
END { print (count ? "     \"\"},\n" : "") "    {0},\n};" }
