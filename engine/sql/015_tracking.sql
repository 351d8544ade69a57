-- SPDX-License-Identifier: Apache-2.0
-- Consent for a channel that is none: recorded, for the channel may come, and said, for it may be
-- a slip of the pen that keeps nobody from being written to.

create table godwit.channels (
    name text primary key
);
comment on table godwit.channels is 'channels of the loaded workspace; set by the engine';

create function godwit.name_channels(names text[]) returns void
    language plpgsql as $$
begin
    lock table godwit.channels in share row exclusive mode;
    delete from godwit.channels c where c.name <> all ($1);
    insert into godwit.channels (name) select unnest($1) on conflict do nothing;
end $$;
comment on function godwit.name_channels is 'what the engine calls when it loads a workspace';

create function godwit.warn_of_channels() returns trigger
    language plpgsql as $$
declare
    stranger text;
    known text;
begin
    select string_agg(c.name, ', ' order by c.name) into known from godwit.channels c;
    if known is null then
        return null; -- no workspace was loaded yet
    end if;
    for stranger in
        select distinct n.channel from added n
         where n.channel <> '*' and not exists (select from godwit.channels c where c.name = n.channel)
         limit 10
    loop
        raise warning 'no channel is called "%"; godwit.yaml has: %', stranger, known
            using hint = 'The consent is recorded all the same, and holds when there is such a channel. '
                         '* means all channels.';
    end loop;
    return null;
end $$;
create trigger warn_of_channels after insert on godwit.consents
    referencing new table as added
    for each statement execute function godwit.warn_of_channels();
