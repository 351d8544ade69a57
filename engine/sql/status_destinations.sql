-- Domains to which nothing goes now.
select p.channel, p.domain, p.until, p.reason
  from godwit.destination_pauses p
 where p.until > now()
 order by p.channel, p.domain
