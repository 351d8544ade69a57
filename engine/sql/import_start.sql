-- $1 mapping, $2 file, $3 bytes, $4 line, $5 digest
insert into godwit.imports (mapping, file, bytes, line, digest) values ($1, $2, $3, $4, $5)
returning id
