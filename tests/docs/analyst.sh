#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every block of SQL in docs/analyst.md runs, on a database in which something happened, and
# every view that it shows is there.
set -u
command -v psql >/dev/null || {
    echo "SKIP: psql is not installed (apt-get install postgresql-client)"
    exit 77
}
godwit=$(cd "${top_builddir:-.}" && pwd)/godwit
top=$(cd "${top_srcdir:-.}" && pwd)
dir=$(mktemp -d)
chmod 755 "$dir"
trap '"$top/tests/peers/scratch_pg.sh" stop "$dir" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0

url=$("$top/tests/peers/scratch_pg.sh" start "$dir") || exit 1
cp -R "$top/examples/shop" "$dir/shop" && chmod -R u+w "$dir/shop" || exit 1
cd "$dir" || exit 1
sed -i "s|^database:.*|database: \"$url\"|; s|driver: smtp|driver: rehearse|; s|holdout: 10%|holdout: 50%|
    /host:\|port:\|connections:/d; s|in_doubt: resend|kind: email|" shop/godwit.yaml shop/campaigns/*
sed -i '/^repeat-buyers:/a\  tracked: true' shop/segments.yaml
cat >shop/campaigns/later.yaml <<EOF
campaign: later
trigger: { event: customer.signed_up }
steps: [{ wait: 3d }, { send: { channel: email, topic: news, template: welcome } }]
EOF
"$godwit" db migrate -C shop >/dev/null || exit 1
psql -XAtq "$url" >/dev/null <<'EOF' || exit 1
select godwit.identify('c' || i, jsonb_build_object('country', case when i % 2 = 0 then 'TW' else 'HK' end),
                       email => 'c' || i || '@x.example') from generate_series(1, 40) i;
select godwit.set_consent('c7', 'email', '*', 'unsubscribed', 'test');
select godwit.track('c' || i, 'customer.signed_up') from generate_series(1, 10) i;
select godwit.track('c' || i, 'order.placed', jsonb_build_object('amount', 100 * i),
                    now() - interval '40 days') from generate_series(1, 40) i;
EOF
"$godwit" run --drain -C shop >log 2>&1 || { cat log; exit 1; }
psql -XAtq "$url" >/dev/null -c "select godwit.track('c' || i, 'order.placed', jsonb_build_object('amount', 50 * i),
                    now() - interval '1 day') from generate_series(1, 30) i"
"$godwit" run --drain -C shop >log 2>&1 || { cat log; exit 1; }
psql -XAtq "$url" >/dev/null -c "select godwit.track('c' || i, 'order.placed', '{\"amount\": 70}')
                    from (select generate_series(1, 12) union all select generate_series(30, 35)) n (i)"

# what readers did, and what they bought after it
psql -XAtq "$url" >/dev/null <<'EOF'
update godwit.messages set sent_at = sent_at - interval '2 hours', queued_at = queued_at - interval '2 hours';
insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, human, url, details)
select m.shard, m.id, m.customer_id, m.campaign, k.kind, now() - interval '1 hour', k.human, k.url, k.details
  from godwit.messages m join (values ('open', true, null, '{}'::jsonb), ('open', false, null, '{}'),
       ('click', true, 'https://acme.example/x', '{}'), ('delivered', null, null, '{}'),
       ('bounce', null, null, '{"class": "soft", "reason": "452 full"}')) as k (kind, human, url, details)
       on m.status = 'sent' and (m.id % 3 = 0 or k.kind <> 'bounce');
select godwit.track('c' || i, 'order.placed', '{"amount": 90}') from generate_series(1, 40) i where i % 3 > 0;
EOF
"$godwit" run --drain -C shop >log 2>&1 || { cat log; exit 1; }
psql -XAtq "$url" >/dev/null -c "select godwit.track('c' || i, 'order.placed', '{\"amount\": 70}')
                    from (select generate_series(1, 12) union all select generate_series(30, 35)) n (i)"
psql -XAtq "$url" >/dev/null <<'EOF' || exit 1
select godwit.take_inbound(sha256(kind::bytea), kind, m.shard, m.id, 'hard', false,
                           '{"reason": "550 5.1.1", "subject": "Re:", "text": "Thanks"}', null, null, null,
                           5, '7 days', '1 hour')
  from (select shard, id from godwit.messages where status = 'sent' limit 1) m,
       unnest(array['bounce', 'reply']) as kind
EOF

# one file a block
awk -v dir="$dir" '/^```sql$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print >(dir "/" sprintf("%02d", n) ".sql") }' \
    "$top/docs/analyst.md"
for f in "$dir"/*.sql; do
    if out=$(psql -XAtq -v ON_ERROR_STOP=1 "$url" -f "$f" 2>&1) && [ -n "$out" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: this gives an error or nothing:\n%s\n%s\n' "$(cat "$f")" "$out"
    fi
done
for view in $(psql -XAtq "$url" -c "select viewname from pg_views where schemaname = 'godwit' and viewname ~ '^report_'"); do
    if grep -q "godwit\.$view" "$top/docs/analyst.md"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: docs/analyst.md does not tell of godwit.$view"
    fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 8 ]
