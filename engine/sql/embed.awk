# SPDX-License-Identifier: Apache-2.0
# Turns engine/sql/NAME.sql into `const char sql_NAME[]`: awk -v header=1 -f embed.awk
# FILES for the declarations, without header=1 for the definitions. Comments and
# indentation stay, so that a statement can be recognised in the server's logs.
function name_of(path) {
    sub(/.*\//, "", path)
    sub(/\.sql$/, "", path)
    return "sql_" path
}
function finish() {
    if (!header && current != "")
        print "    ;"
}
BEGIN {
    print "/* Made by engine/sql/embed.awk from the .sql files beside it. */"
    if (!header)
        print "#include \"config.h\"\n\n#include \"engine/sql_text.h\""
}
FNR == 1 {
    finish()
    current = name_of(FILENAME)
    if (header)
        print "extern const char " current "[];"
    else
        print "\nconst char " current "[] ="
}
!header {
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    print "    \"" $0 "\\n\""
}
END { finish() }
