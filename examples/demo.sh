#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Godwit at work in under a minute: a shop writes customers and events into PostgreSQL,
# campaigns answer, mail is caught, readers open, click, buy and leave, and a report shows it.
# Nothing leaves this machine.
#
#     examples/demo.sh [FOLDER]      FOLDER is new or empty; by default one in /tmp
#
# GODWIT names the program (default: the one on PATH).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
GODWIT=${GODWIT:-godwit}
feeder='' engine=''
export WRITE_KEY=demo

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
    bold='' dim='' plain=''
fi

title() {
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

note() {
    printf '%s%s%s\n' "$dim" "$*" "$plain"
}

# show COMMAND...: what to type to see the same again, and what it prints
show() {
    note "\$ godwit $*"
    "$GODWIT" "$@"
}

die() {
    echo "demo: $*" >&2
    exit 1
}

sql() {
    psql -X -q -v ON_ERROR_STOP=1 -o /dev/null "$@" "$url"
}

clean_up() {
    status=$?
    trap - EXIT
    [ -z "$feeder" ] || kill "$feeder" 2>/dev/null || :
    [ -z "$engine" ] || { kill "$engine" && wait "$engine"; } 2>/dev/null || :
    [ ! -d "${folder:-}/.godwit" ] || "$GODWIT" db stop -C "$folder" >/dev/null 2>&1 || :
    exit "$status"
}

prepare() {
    command -v "$GODWIT" >/dev/null || die "there is no program $GODWIT; run ./bootstrap demo"
    command -v psql >/dev/null || die "psql is missing; run ./bootstrap demo, which installs it"
    if [ $# -gt 0 ]; then
        folder=$1
        mkdir -p "$folder"
        [ -z "$(ls -A "$folder")" ] || die "$folder is not empty; name a new folder"
        folder=$(cd "$folder" && pwd)
    else
        folder=$(mktemp -d "${TMPDIR:-/tmp}/godwit-demo.XXXXXX")
        chmod 755 "$folder" # root's database server runs as another user
    fi
    cp -R "$here/shop/." "$folder/"
    # where mails lead: this machine, on a port that is free
    site=http://127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '\ntracking: { listen: "%s", public_url: "%s", write_keys: [env:WRITE_KEY] }\n' "${site#http://}" "$site" \
        >>"$folder/godwit.yaml"
}

# ---- the shop: plain SQL, as any application would write it

# 240 customers, and what they bought in the past months. With the secret set, the same ones are
# held out in every demo.
first_customers() {
    sql <<'SQL'
update godwit.settings set value = 'the secret of a demo' where key = 'secret';
select godwit.identify('mei', '{"first_name": "美玲", "country": "TW"}', email => 'mei@customer.example',
                       locale => 'zh-TW', timezone => 'Asia/Taipei');
select godwit.identify('james', '{"first_name": "James", "country": "GB"}', email => 'james@customer.example',
                       locale => 'en', timezone => 'Europe/London');
select godwit.identify('hana', '{"first_name": "Hana", "country": "HK"}', email => 'hana@customer.example');
select godwit.set_consent('hana', 'email', 'offers', 'unsubscribed', 'demo');
select godwit.identify('c' || i, jsonb_build_object('first_name', (array['Ann', 'Ben', 'Chloe', 'Dan', 'Eva'])[1 + i % 5]),
                       email => case when i % 40 = 0 then 'bounce-' else '' end || 'c' || i || '@customer.example',
                       locale => case when i % 3 = 0 then 'zh-TW' else 'en' end)
  from generate_series(1, 237) i;
SQL
    # history by COPY: it only feeds behaviour, for an event older than a week starts nothing
    awk -v one="$(date -u -d '-30 days' +%FT%TZ)" -v other="$(date -u -d '-75 days' +%FT%TZ)" 'BEGIN {
        split("mei james hana", names, " ")
        for (i = 1; i <= 240; i++)
            printf "%s\torder.placed\t{\"order\": \"A%d\", \"amount\": %d, \"quantity\": 1}\t%s\n",
                   i <= 3 ? names[i] : "c" (i - 3), i, 300 + i * 37 % 900, i % 2 ? one : other
    }' | sql -c "copy godwit.events (customer, name, properties, occurred_at) from stdin"
}

# Ten seconds of business: people sign up, order, and some order a lot.
feed() {
    sleep 2
    sql -c "select godwit.track('mei', 'order.placed', '{\"order\": \"B1\", \"amount\": 1280, \"quantity\": 2}')" \
        -c "select godwit.track('hana', 'order.placed', '{\"order\": \"B2\", \"amount\": 640, \"quantity\": 1}')"
    round=0
    while [ "$round" -lt 10 ]; do
        sleep 1
        sql -v round="$round" <<'SQL'
select godwit.track('c' || i, 'customer.signed_up', '{"source": "web"}')
  from generate_series(1 + :round * 3, 3 + :round * 3) i;
select godwit.track('c' || i, 'order.placed', jsonb_build_object('order', 'B' || i, 'quantity', 1 + i % 3,
                    'amount', case when i % 17 = 0 then 6900 else 400 + i * 7 end))
  from generate_series(1 + :round * 15, 15 + :round * 15) i;
SQL
        round=$((round + 1))
    done
}

# ---- one of the mails, as its reader sees it

show_mail() {
    python3 - "$folder/.godwit/captured/new" "$1" <<'PY'
import email, email.policy, os, sys
folder, to = sys.argv[1:]
for name in sorted(os.listdir(folder)):
    with open(os.path.join(folder, name), "rb") as f:
        mail = email.message_from_binary_file(f, policy=email.policy.default)
    if to in mail["To"] and "second-purchase" in mail["Feedback-ID"]:
        for header in "From", "To", "Subject":
            print(f"    {header}: {mail[header]}")
        text = mail.get_body(("plain", "html")).get_content()
        print("\n" + "\n".join(("    " + line).rstrip() for line in text.rstrip().splitlines()))
        break
else:
    sys.exit(f"no mail to {to} was caught")
PY
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
prepare "$@"

title "A shop with three campaigns"
note "copied to $folder"
show check -C "$folder"

title "A private PostgreSQL, 240 customers and their orders of last month, by SQL and COPY"
url=$("$GODWIT" db url -C "$folder")
first_customers
note "select godwit.identify('mei', '{\"first_name\": \"美玲\"}', email => 'mei@customer.example', locale => 'zh-TW');"
note "copy godwit.events (customer, name, properties, occurred_at) from stdin;"

title "Ten seconds of business: sign-ups and orders, and what the campaigns make of them"
note "select godwit.track('mei', 'order.placed', '{\"amount\": 1280}');     and 180 more"
feed &
feeder=$!
show dev -C "$folder" --until-quiet 4s
wait "$feeder" || die "the shop could not write its events"
feeder=

# a tenth is held out to compare with; perhaps mei is among them
reader=$(psql -X -A -t -v ON_ERROR_STOP=1 "$url" -c "select customer from godwit.report_messages
    where campaign = 'second-purchase' and status = 'sent'
    order by customer = 'mei' desc, sent_at limit 1")

title "One of the mails"
show_mail "$reader@customer.example"

title "Readers open, click, buy and unsubscribe, over HTTP; mail programs and scanners join in"
note "GET $site/c/...  GET $site/o/...  POST $site/u/...  POST $site/v1/track"
"$GODWIT" dev -C "$folder" >"$folder/.godwit/dev.log" 2>&1 &
engine=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])' "$site/readyz" 2>/dev/null && break
    sleep 0.5
done
"$here/readers.py" "$folder/.godwit/captured" "$site" --customers 150 || die "see $folder/.godwit/dev.log"
kill "$engine" && wait "$engine" || :
engine=
"$GODWIT" dev -C "$folder" --until-quiet 1s >"$folder/.godwit/dev.log" 2>&1 # what was bought last

title "What came of it: who is where, what readers did, and what it changed against those held out"
show report -C "$folder"

title "Why $reader got mail, and hana did not"
show explain -C "$folder" "$reader" second-purchase
show explain -C "$folder" hana second-purchase

title "Where to look next"
cat <<END
  $folder
    campaigns/second-purchase.yaml      the rule; templates/ has the words
    .godwit/captured/new/               all mails, one file each
  godwit dev -C $folder
    runs it again; edit a file meanwhile, or write an event of your own:
  psql "\$(godwit db url -C $folder)" -c "select godwit.track('james', 'order.placed', '{\"amount\": 9000}')"
  README.md                             a campaign of your own in five minutes

Everything is stopped; only the folder is left. godwit is $GODWIT
END
