-- $1 id, $2 bytes, $3 line, $4 digest, $5 rows, $6 rejected, $7 duplicates, $8 bytes of the file of
-- rejected rows, $9 whether this is the end
update godwit.imports
   set bytes = $2, line = $3, digest = $4, rows = $5, rejected = $6, duplicates = $7,
       rejects_bytes = $8, updated_at = now(), finished_at = case when $9 then now() end
 where id = $1
