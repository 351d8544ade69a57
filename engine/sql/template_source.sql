-- side by side: $1 hashes, $2 names, $3 bundles (JSON: file -> text)
insert into godwit.template_sources (hash, name, sources)
select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (hash) do nothing
