# SPDX-License-Identifier: Apache-2.0
# Turns engine/sql/NAME.sql into `const char sql_NAME[]`: awk -v header=1 -f embed.awk
# FILES for the declarations, without header=1 for the definitions. NNN_NAME.sql is a
# migration besides, an entry of sql_migrations[] in the order of the files. Comments and
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
    if (current ~ /^sql_[0-9][0-9][0-9]_/)
        migration[++migrations] = current
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
END {
    finish()
    if (header) {
        print "struct sql_migration {\n    int version;\n    const char *name;\n    const char *sql;\n};"
        print "extern const struct sql_migration sql_migrations[];"
        print "extern const unsigned sql_migrations_n;"
        exit
    }
    print "\nconst struct sql_migration sql_migrations[] = {"
    for (i = 1; i <= migrations; i++)
        printf "    {%d, \"%s\", %s},\n", substr(migration[i], 5, 3), substr(migration[i], 9), \
            migration[i]
    print "};\nconst unsigned sql_migrations_n = " migrations + 0 ";"
}
