-- What came in by mail since a day ago.
select i.kind, count(*), max(i.at)
  from godwit.inbound i
 where i.at > now() - interval '24 hours'
 group by i.kind
 order by i.kind
