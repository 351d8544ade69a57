-- Domains to which nothing goes now. $1 channels
select p.channel, p.domain, p.until, p.reason
  from godwit.destination_pauses p
 where p.until > now() and p.channel = any ($1::text[])
 order by p.until desc limit 1000
