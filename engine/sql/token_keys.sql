-- The newest key that is due comes first: it signs. One that is not due yet stands last.
select id, secret from godwit.token_keys
 order by signs_from <= now() desc, signs_from desc, id desc
