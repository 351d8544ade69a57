-- SPDX-License-Identifier: Apache-2.0
-- Marking a message as sending changes no indexed column any more, nor one that an index's
-- predicate reads: the new version stays on its page and no index is touched (HOT).
drop index godwit.messages_in_doubt;
create index messages_in_doubt on godwit.messages (campaign) where doubted_at is not null;
alter table godwit.messages set (fillfactor = 60);

-- Due messages of paused campaigns are set aside, so that nothing stumbles over them again and
-- again; godwit.resume makes them due. Rows are found by ctid: a plan that was made while the
-- table was empty cannot become a walk over all messages.
create function godwit.hold_paused(of_channel text, of_shards smallint[], at timestamptz) returns void
    language plpgsql as $$
begin
    if not exists (select from godwit.pauses p where p.campaign <> '*') then
        return;
    end if;
    update godwit.messages m
       set due_at = 'infinity', reason = 'paused'
     where m.ctid = any (array (
        select h.ctid from godwit.messages h
         where h.channel = of_channel and h.due_at <= greatest(at, now()) and h.shard = any (of_shards)
           and h.status in ('queued', 'deferred')
           and h.campaign = any (array (select p.campaign from godwit.pauses p))
         order by h.due_at
         limit 5000
           for update));
end $$;
