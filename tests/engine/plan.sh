#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `godwit plan` foretells what `godwit run` then does, decision by decision, over several batches;
# it writes nothing.
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

same() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: %s\nwanted:\n%s\ngot:\n%s\n' "$1" "$2" "$3"
    fi
}
sql() {
    psql -XAtq -v ON_ERROR_STOP=1 "$url" "$@"
}

mkdir -p "$dir/w/campaigns" "$dir/w/templates/note" "$dir/w/templates/card"
cd "$dir/w" || exit 1
cat >godwit.yaml <<EOF
database: "$url"
sender: { name: A, email: a@x.example, postal_address: "1 Long Road" }
channels:
  email: { driver: rehearse, in_doubt: resend, kind: email }
topics:
  news: { title: { en: News }, default: subscribed }
EOF
campaign() { # NAME EVENT AUDIENCE TEMPLATE REST
    {
        printf 'campaign: %s\ntrigger: { event: %s }\naudience: %s\n%s\n' "$1" "$2" "$3" "$5"
        printf 'steps: [{ send: { channel: email, topic: news, template: %s } }]\n' "$4"
    } >"campaigns/$1.yaml"
}
campaign second order 'count("order", "all") == 2' note 'holdout: 20%'
campaign capped order 'event.amount > 10.0' note 'limits: { per_customer: 2 per 90d }'
campaign lost order 'event.amount + event.missing > 0.0' note 'max_age: 1d'
campaign card signup 'true' card 'limits: { per_customer: once }'
printf Hi >templates/note/subject.liquid
printf 'Hi {{ customer.first_name }}' >templates/note/text.liquid
printf 'Guten Tag' >templates/note/text.de.liquid
printf Card >templates/card/subject.liquid
printf -- '---\nrequired: [customer.first_name]\n---\nDear {{ customer.first_name }}' >templates/card/text.liquid

"$godwit" db migrate >/dev/null || exit 1
sql >/dev/null <<'EOF' || exit 1
select setseed(0.25);
select godwit.identify('c' || i, case when i % 4 = 0 then '{}' else '{"first_name": "A"}' end::jsonb,
                       email => case when i % 7 > 0 then 'c' || i || '@x.example' end,
                       locale => (array['de-AT', 'en', null])[1 + i % 3])
  from generate_series(1, 60) i;
select godwit.set_consent('c' || i, 'email', 'news', 'unsubscribed', 'test') from generate_series(1, 60, 11) i;
insert into godwit.events (customer, name, properties, occurred_at, mode)
select 'c' || i, 'order', '{"amount": 20}', now() - interval '40 days', 1 from generate_series(1, 30) i;
EOF
"$godwit" run --drain >/dev/null 2>&1 || exit 1 # the history is behind the cursor
sql >/dev/null <<'EOF' || exit 1
insert into godwit.events (customer, name, properties, occurred_at)
select 'c' || i % 80, 'order', jsonb_build_object('amount', i % 25), now() - i * interval '1 minute'
  from generate_series(1, 1400) i;
insert into godwit.events (customer, name, occurred_at)
select 'c' || i, 'signup', now() - interval '1 hour' from generate_series(1, 80) i;
EOF

before=$(sql -c "select count(*), sum(n) from (select count(*) n from godwit.messages union all
    select count(*) from godwit.decisions union all select count(*) from godwit.customers) x" \
    -c "select md5(string_agg(s::text, '')) from (select * from godwit.shards order by shard) s")
"$godwit" plan --csv "$dir/plan.csv" --format json >"$dir/plan.json" 2>"$dir/err" || {
    cat "$dir/err"
    exit 1
}
after=$(sql -c "select count(*), sum(n) from (select count(*) n from godwit.messages union all
    select count(*) from godwit.decisions union all select count(*) from godwit.customers) x" \
    -c "select md5(string_agg(s::text, '')) from (select * from godwit.shards order by shard) s")
same 'nothing is written' "$before" "$after"
same 'the header' 'at,customer,campaign,version,step,variant,channel,outcome,reason' \
    "$(head -1 "$dir/plan.csv" | tr -d '\r')"

"$godwit" run --drain >"$dir/log" 2>&1 || {
    cat "$dir/log"
    exit 1
}
sql -c "create table plan (at text, customer text, campaign text, version text, step text, variant text,
        channel text, outcome text, reason text)" -c "\\copy plan from '$dir/plan.csv' csv header"
planned=$(sql -c "select campaign, customer, outcome, count(*) from plan group by 1, 2, 3 order by 1, 2, 3")
done=$(sql -c "select campaign, customer, outcome, count(*) from (
      select m.campaign, c.key as customer, case m.status when 'held_out' then 'held_out' else 'send' end as outcome
        from godwit.messages m join godwit.customers c on c.id = m.customer_id
      union all select campaign, customer, outcome from godwit.report_decisions) x
     group by 1, 2, 3 order by 1, 2, 3")
printf '%s\n' "$planned" >"$dir/planned"
printf '%s\n' "$done" >"$dir/done"
same 'planned and done, customer by customer' '' "$(diff "$dir/done" "$dir/planned")"
same 'all outcomes are in it' 'capped,failed,held_out,send,suppressed' \
    "$(sql -c "select string_agg(distinct outcome, ',' order by outcome) from plan")"
same 'those who lack what is required failed' \
    "$(sql -c "select count(*) from godwit.messages where campaign = 'card' and status = 'failed'")" \
    "$(sed -n '/"lacking"/,/]/s/.*"customers":\([0-9]*\).*/\1/p' "$dir/plan.json")"
same 'the variant of the language, for the part that has one' 'default (subject)' \
    "$(sed -n '/"locale":"de-AT"/s/.*"variant":"\([^"]*\)".*/\1/p' "$dir/plan.json" | sort -u | grep '(')"
same 'nothing waits any more' '0' \
    "$("$godwit" plan --format csv | awk -F, 'NR > 1 { n += $3 + $6 + $7 + $8 + $9 } END { print n + 0 }')"

same 'an unknown campaign' '1' "$("$godwit" plan secnd >/dev/null 2>"$dir/err"; echo $?)"
same 'is told, with the nearest name' '1' "$(grep -c 'did you mean .second.' "$dir/err")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
