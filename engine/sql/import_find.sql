-- What was imported under the mapping $1 and is no longer than $2 bytes: any of these may be the
-- beginning of the file. $3: leave out what was finished.
select id, file, bytes, line, digest, rows, rejected, duplicates, rejects_bytes,
       finished_at is not null, to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')
  from godwit.imports
 where mapping = $1 and bytes <= $2 and (not $3 or finished_at is null)
 order by bytes, finished_at nulls last, id
