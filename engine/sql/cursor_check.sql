-- Whether the cursor belongs to this cluster: transaction ids start again in another one.
select (select value from godwit.settings where key = 'system_identifier') as known,
       (select system_identifier::text from pg_control_system()) as actual,
       (select bool_or(pg_snapshot_xmax(last) > pg_snapshot_xmax(pg_current_snapshot()))
          from godwit.shards) as ahead
