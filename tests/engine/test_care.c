/* SPDX-License-Identifier: Apache-2.0
 *
 * Caps, quiet hours and send windows: one message of a made campaign through the gates.
 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "base/json.h"
#include "engine/decide/gates.h"
#include "engine/hours.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

static struct arena *arena;
static struct workspace *loaded, workspace;
static struct profile profile;
static struct campaign campaign;
static struct step step;
static struct decision decision;

static void setup(void) {
    arena = arena_new(0);
    loaded = load_good("decide");
    workspace = *loaded;
    profile = (struct profile){.id = 7, .key = S("mei"), .email = S("mei@example.com")};
    campaign = (struct campaign){.name = S("c"), .id = S("c"), .steps = &step, .n_steps = 1};
    step = (struct step){.id = S("s"), .kind = STEP_SEND};
    step.u.send = (struct step_send){S("email"), S("news"), S("hello"), false, NULL};
    decision = (struct decision){.campaign = NULL};
}

static void teardown(void) {
    workspace_release(loaded);
    arena_free(arena);
}

static int64_t instant(const char *text) {
    int64_t seconds;
    uint32_t nanos;
    struct err e = ERR_INIT;
    ck_assert_msg(wallclock_parse(str_from(text), NULL, &seconds, &nanos, &e), "%s", e.text);
    return seconds * SECOND;
}

static const char *written(int64_t us) {
    char text[48];
    wallclock_format(us / SECOND, 0, text, sizeof text);
    return str_dup(arena, str_from(text)).p;
}

static struct entry entry_at(int64_t at_us, int64_t now_us) {
    return (struct entry){
        .workspace = &workspace,
        .profile = &profile,
        .campaign = &campaign,
        .step = &step,
        .send = &step.u.send,
        .occurrence = S("e1"),
        .at_us = at_us,
        .now_us = now_us,
        .salt = S("salt"),
        .arena = arena,
        .decision = &decision,
    };
}

/* ---- when */

#define NIGHT \
    { 21 * 60, 9 * 60, 0 }
#define OFFICE \
    { 9 * 60, 18 * 60, 0x3e }
#define NONE \
    { 0, 0, 0 }

static const struct {
    const char *zone;
    struct campaign_window quiet, window;
    bool transactional, loud;
    const char *at, *want; /* the same when NULL */
} waits[] = {
    {"Asia/Taipei", NONE, NONE, false, false, "2026-03-10T23:00:00+08:00", NULL},
    {"Asia/Taipei", NIGHT, NONE, false, false, "2026-03-10T20:59:59+08:00", NULL},
    {"Asia/Taipei", NIGHT, NONE, false, false, "2026-03-10T21:00:00+08:00",
     "2026-03-11T09:00:00+08:00"},
    {"Asia/Taipei", NIGHT, NONE, false, false, "2026-03-11T08:59:59+08:00",
     "2026-03-11T09:00:00+08:00"},
    {"Asia/Taipei", NIGHT, NONE, false, false, "2026-03-11T09:00:00+08:00", NULL},
    /* the customer's zone, or else the workspace's, which is Taipei */
    {"Europe/Berlin", NIGHT, NONE, false, false, "2026-03-10T21:00:00+08:00", NULL},
    {"", NIGHT, NONE, false, false, "2026-03-10T21:00:00+08:00", "2026-03-11T09:00:00+08:00"},
    {"No/Where", NIGHT, NONE, false, false, "2026-03-10T21:00:00+08:00",
     "2026-03-11T09:00:00+08:00"},
    /* not over midnight */
    {"UTC",
     {13 * 60, 14 * 60, 0},
     NONE,
     false,
     false,
     "2026-03-10T13:30:00Z",
     "2026-03-10T14:00:00Z"},
    {"UTC", {13 * 60, 14 * 60, 0}, NONE, false, false, "2026-03-10T23:30:00Z", NULL},
    /* whom they hold */
    {"UTC", NIGHT, NONE, true, false, "2026-03-10T23:00:00Z", NULL},
    {"UTC", NIGHT, NONE, false, true, "2026-03-10T23:00:00Z", NULL},
    {"UTC", NONE, OFFICE, true, false, "2026-03-10T23:00:00Z", "2026-03-11T09:00:00Z"},
    {"UTC", NONE, OFFICE, false, true, "2026-03-10T23:00:00Z", "2026-03-11T09:00:00Z"},
    /* Friday evening is Monday morning */
    {"UTC", NONE, OFFICE, false, false, "2026-03-13T17:59:59Z", NULL},
    {"UTC", NONE, OFFICE, false, false, "2026-03-13T18:00:00Z", "2026-03-16T09:00:00Z"},
    /* over midnight of the days on which it begins: Friday and Saturday */
    {"UTC", NONE, {22 * 60, 2 * 60, 0x60}, false, false, "2026-03-15T01:00:00Z", NULL},
    {"UTC",
     NONE,
     {22 * 60, 2 * 60, 0x60},
     false,
     false,
     "2026-03-15T02:00:00Z",
     "2026-03-20T22:00:00Z"},
    {"UTC",
     NONE,
     {22 * 60, 2 * 60, 0x60},
     false,
     false,
     "2026-03-13T01:00:00Z",
     "2026-03-13T22:00:00Z"},
    /* both: Sundays from 8, but not before 9; Sundays until 22, but not after 21 */
    {"UTC",
     NIGHT,
     {8 * 60, 22 * 60, 1},
     false,
     false,
     "2026-03-13T12:00:00Z",
     "2026-03-15T09:00:00Z"},
    {"UTC",
     NIGHT,
     {8 * 60, 22 * 60, 1},
     false,
     false,
     "2026-03-15T21:00:00Z",
     "2026-03-22T09:00:00Z"},
    /* the night in which the clock goes forward is short, the one in which it goes back long */
    {"America/New_York", NIGHT, NONE, false, false, "2026-03-07T21:30:00-05:00",
     "2026-03-08T09:00:00-04:00"},
    {"America/New_York", NIGHT, NONE, false, false, "2026-10-31T21:30:00-04:00",
     "2026-11-01T09:00:00-05:00"},
    /* quiet until a time that the day does not have */
    {"America/New_York",
     {22 * 60, 2 * 60 + 30, 0},
     NONE,
     false,
     false,
     "2026-03-08T01:00:00-05:00",
     "2026-03-08T03:30:00-04:00"},
    {"Europe/Berlin",
     {22 * 60, 2 * 60 + 30, 0},
     NONE,
     false,
     false,
     "2026-03-29T01:30:00+01:00",
     "2026-03-29T03:30:00+02:00"},
    /* and until one that it has twice: the first, or, when that is past, at once */
    {"America/New_York",
     {22 * 60, 60 + 30, 0},
     NONE,
     false,
     false,
     "2026-10-31T23:00:00-04:00",
     "2026-11-01T01:30:00-04:00"},
    {"Europe/Berlin", NIGHT, NONE, false, false, "2026-10-25T02:30:00+02:00",
     "2026-10-25T09:00:00+01:00"},
};

START_TEST(when) {
    int64_t at = instant(waits[_i].at), want = waits[_i].want ? instant(waits[_i].want) : at;
    struct entry x = entry_at(at, at);
    profile.timezone = str_from(waits[_i].zone);
    workspace.settings.quiet_hours = waits[_i].quiet;
    campaign.send_window = waits[_i].window;
    campaign.ignores_quiet_hours = waits[_i].loud;
    campaign.expires_after_us = 90 * 24 * HOUR;
    if (waits[_i].transactional)
        step.u.send = (struct step_send){
            .channel = S("email"), .template = S("hello"), .transactional = true};
    ck_assert(gates_fill(&x));
    ck_assert_msg(decision.due_us == want, "case %d: %s in %s: wanted %s, got %s", _i, waits[_i].at,
                  waits[_i].zone, written(want), written(decision.due_us));
    ck_assert_int_eq(decision.expires_us, at + campaign.expires_after_us);
    gates_pass(&x);
    ck_assert_int_eq(decision.outcome, OUTCOME_SEND);
    /* it stays where it was moved to */
    struct entry again = entry_at(want, at);
    ck_assert(gates_fill(&again));
    ck_assert_int_eq(decision.due_us, want);
}
END_TEST

/* What is stored with a message says the same when it is claimed. */
START_TEST(stored) {
    struct hours h, back;
    struct err e = ERR_INIT;
    workspace.settings.quiet_hours = waits[_i].quiet;
    campaign.send_window = waits[_i].window;
    campaign.ignores_quiet_hours = waits[_i].loud;
    bool any = hours_of(&h, &workspace.settings, &campaign, waits[_i].transactional);
    struct buf b = BUF_IN(arena);
    json_write(&b, hours_value(&h, arena));
    if (!any) {
        ck_assert(str_eq(buf_str(&b), S("null")));
        return;
    }
    ck_assert(hours_read(&back, buf_str(&b), arena));
    if (!wallclock_zone(str_from(waits[_i].zone), &back.zone, &e))
        back.zone = workspace.settings.zone;
    int64_t at = instant(waits[_i].at), want = waits[_i].want ? instant(waits[_i].want) : at;
    ck_assert_msg(hours_when(&back, at) == want, "case %d: %s, stored as %.*s: %s", _i,
                  waits[_i].at, STR_FMT(buf_str(&b)), written(hours_when(&back, at)));
}
END_TEST

/* What cannot be read holds nothing up. */
START_TEST(stored_badly) {
    static const char *const texts[] = {"",
                                        "null",
                                        "[]",
                                        "{",
                                        "{\"quiet\":7}",
                                        "{\"quiet\":[]}",
                                        "{\"quiet\":[-1,\"x\"]}",
                                        "{\"window\":[99999,99999,0]}",
                                        "{\"window\":{\"from\":1}}"};
    for (int i = 0; i < COUNT(texts); i++) {
        struct hours h = {.zone = workspace.settings.zone};
        int64_t at = instant("2026-03-10T23:00:00Z");
        ck_assert_msg(!hours_read(&h, str_from(texts[i]), arena), "%s", texts[i]);
        ck_assert_int_eq(hours_when(&h, at), at);
    }
}
END_TEST

/* Every quarter of an hour around the days on which clocks change: never in quiet hours, never
 * before it is due, and no later than a day and an hour. */
START_TEST(never_quiet) {
    static const struct {
        const char *zone, *from;
    } days[] = {{"America/New_York", "2026-03-07T00:00:00Z"},
                {"America/New_York", "2026-10-31T00:00:00Z"},
                {"Europe/Berlin", "2026-03-28T00:00:00Z"},
                {"Europe/Berlin", "2026-10-24T00:00:00Z"},
                {"Australia/Lord_Howe", "2026-04-04T00:00:00Z"},
                {"America/Santiago", "2026-09-05T00:00:00Z"},
                {"Africa/Cairo", "2026-04-23T00:00:00Z"}};
    static const struct campaign_window quiet[] = {
        NIGHT, {0, 3 * 60, 0}, {4 * 60, 5 * 60, 0}, {23 * 60 + 30, 30, 0}};
    const struct zone *z;
    struct err e = ERR_INIT;
    profile.timezone = str_from(days[_i].zone);
    ck_assert(wallclock_zone(profile.timezone, &z, &e));
    for (int q = 0; q < COUNT(quiet); q++) {
        workspace.settings.quiet_hours = quiet[q];
        for (int k = 0; k < 3 * 96; k++) {
            int64_t at = instant(days[_i].from) + k * 15 * MINUTE;
            struct entry x = entry_at(at, at);
            struct civil c;
            ck_assert(gates_fill(&x));
            wallclock_local(z, decision.due_us / SECOND, &c);
            int minute = c.hour * 60 + c.minute, from = quiet[q].from_minute,
                to = quiet[q].to_minute;
            bool is_quiet =
                from < to ? minute >= from && minute < to : minute >= from || minute < to;
            ck_assert_msg(!is_quiet && decision.due_us >= at && decision.due_us < at + 25 * HOUR,
                          "%s, quiet %d to %d: %s is sent at %s, %02d:%02d there", days[_i].zone,
                          from, to, written(at), written(decision.due_us), c.hour, c.minute);
        }
    }
}
END_TEST

/* What is late is looked at when it can leave, but keeps its time when that is allowed. */
START_TEST(late) {
    workspace.settings.quiet_hours = (struct campaign_window)NIGHT;
    int64_t at = instant("2026-03-10T20:50:00+08:00");
    struct entry x = entry_at(at, at + 5 * MINUTE);
    ck_assert(gates_fill(&x));
    ck_assert_int_eq(decision.due_us, at);
    x = entry_at(at, at + 20 * MINUTE);
    ck_assert(gates_fill(&x));
    ck_assert_int_eq(decision.due_us, instant("2026-03-11T09:00:00+08:00"));
    /* `expires` counts from when it was due */
    campaign.expires_after_us = 2 * HOUR;
    ck_assert(gates_fill(&x));
    ck_assert_int_eq(decision.expires_us, at + 2 * HOUR);
    gates_pass(&x);
    ck_assert_int_eq(decision.outcome, OUTCOME_FAILED);
    ck_assert_str_eq(decision.gate, "expired");
}
END_TEST

/* ---- how many: messages of others, hours from the one that is decided on, which is due at
 * 2026-03-11T12:00 in Taipei, a Wednesday */

struct other {
    bool there;
    double hours;
    enum message_status status;
    int64_t priority;
    const char *channel, *topic; /* "" is transactional; NULL: email, news */
};

#define OTHER(h, status) \
    { true, h, status, 0, NULL, NULL }
#define SENT_TO(h, channel, topic) \
    { true, h, MESSAGE_SENT, 0, channel, topic }
#define SENT(h) OTHER(h, MESSAGE_SENT)
#define PENDING(h, p) \
    { true, h, MESSAGE_QUEUED, p, NULL, NULL }

static const struct {
    struct settings_cap cap[2];
    struct other others[6];
    int64_t priority;
    bool transactional, ignores;
    int displaced; /* bits of `others`; -1: capped */
} caps[] = {
    /* rolling */
    {{{.most = 2, .span_us = 24 * HOUR}}, {SENT(-1)}, 0, false, false, 0},
    {{{.most = 2, .span_us = 24 * HOUR}}, {SENT(-1), SENT(-23.9)}, 0, false, false, -1},
    {{{.most = 2, .span_us = 24 * HOUR}}, {SENT(-1), SENT(-24)}, 0, false, false, 0},
    /* what counts */
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(-1, MESSAGE_FAILED)}, 0, false, false, 0},
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(-1, MESSAGE_CANCELLED)}, 0, false, false, 0},
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(-1, MESSAGE_HELD_OUT)}, 0, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(-1, MESSAGE_IN_DOUBT)}, 0, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(-1, MESSAGE_SENDING)}, 0, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(-1, 0)}, 0, false, false, -1},
    /* what is to come counts in any day that both fall into */
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(23, 0)}, 0, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(24, 0)}, 0, false, false, 0},
    {{{.most = 2, .span_us = 24 * HOUR}}, {SENT(-20), PENDING(20, 0)}, 0, false, false, 0},
    {{{.most = 2, .span_us = 24 * HOUR}}, {SENT(-10), PENDING(10, 0)}, 0, false, false, -1},
    {{{.most = 2, .span_us = 24 * HOUR}}, {PENDING(2, 0), PENDING(20, 0)}, 0, false, false, -1},
    /* of a channel, a topic, with transactional ones */
    {{{.most = 1, .span_us = 24 * HOUR, .channel = S("sms")}}, {SENT(-1)}, 0, false, false, 0},
    {{{.most = 1, .span_us = 24 * HOUR, .channel = S("email")}},
     {SENT_TO(-1, "sms", "news")},
     0,
     false,
     false,
     0},
    {{{.most = 1, .span_us = 24 * HOUR}}, {SENT_TO(-1, "sms", "offers")}, 0, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR, .topic = S("news")}},
     {SENT_TO(-1, "email", "offers")},
     0,
     false,
     false,
     0},
    {{{.most = 1, .span_us = 24 * HOUR, .topic = S("news")}}, {SENT(-1)}, 0, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {SENT_TO(-1, "email", "")}, 0, false, false, 0},
    {{{.most = 1, .span_us = 24 * HOUR, .transactional = true}},
     {SENT_TO(-1, "email", "")},
     0,
     false,
     false,
     -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {SENT(-1)}, 0, true, false, 0},
    {{{.most = 1, .span_us = 24 * HOUR, .transactional = true}}, {SENT(-1)}, 0, true, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR, .topic = S("news"), .transactional = true}},
     {SENT(-1)},
     0,
     true,
     false,
     0},
    {{{.most = 1, .span_us = 24 * HOUR}}, {SENT(-1)}, 0, false, true, 0},
    /* the calendar: today is 12 hours ago to in 12 hours, the week began on Monday, 60 hours ago,
     * the month 252 hours ago */
    {{{.most = 1, .unit = CALENDAR_DAY}}, {SENT(-12)}, 0, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_DAY}}, {SENT(-12.001)}, 0, false, false, 0},
    {{{.most = 1, .unit = CALENDAR_DAY}}, {PENDING(11.9, 0)}, 0, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_DAY}}, {PENDING(12, 0)}, 0, false, false, 0},
    {{{.most = 1, .unit = CALENDAR_WEEK}}, {SENT(-60)}, 0, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_WEEK}}, {SENT(-60.001)}, 0, false, false, 0},
    {{{.most = 1, .unit = CALENDAR_WEEK}}, {PENDING(107.9, 0)}, 0, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_WEEK}}, {PENDING(108, 0)}, 0, false, false, 0},
    {{{.most = 1, .unit = CALENDAR_MONTH}}, {SENT(-252)}, 0, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_MONTH}}, {SENT(-252.001)}, 0, false, false, 0},
    {{{.most = 1, .unit = CALENDAR_MONTH}}, {PENDING(491.9, 0)}, 0, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_MONTH}}, {PENDING(492, 0)}, 0, false, false, 0},
    /* priority: the pending one of lower priority goes, the lowest first, then the latest */
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(3, 0)}, 1, false, false, 1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(3, MESSAGE_DEFERRED)}, 1, false, false, 1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(3, 1)}, 1, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(-1, 0)}, 1, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(0, 0)}, 1, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {SENT(-3)}, 9, false, false, -1},
    {{{.most = 1, .span_us = 24 * HOUR}}, {OTHER(3, MESSAGE_HELD_OUT)}, 9, false, false, -1},
    {{{.most = 2, .span_us = 24 * HOUR}}, {PENDING(3, 1), PENDING(4, 0)}, 2, false, false, 2},
    {{{.most = 2, .span_us = 24 * HOUR}}, {PENDING(3, 0), PENDING(4, 0)}, 2, false, false, 2},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(3, 0), PENDING(4, 1)}, 2, false, false, 3},
    {{{.most = 1, .span_us = 24 * HOUR}}, {PENDING(3, 0), PENDING(4, 2)}, 2, false, false, -1},
    {{{.most = 1, .unit = CALENDAR_DAY}}, {PENDING(3, 0)}, 1, false, false, 1},
    /* two caps: what makes room under one does so under the other */
    {{{.most = 1, .span_us = 24 * HOUR}, {.most = 1, .unit = CALENDAR_WEEK}},
     {PENDING(3, 0)},
     1,
     false,
     false,
     1},
    {{{.most = 1, .span_us = 24 * HOUR}, {.most = 1, .unit = CALENDAR_WEEK}},
     {PENDING(3, 0), PENDING(30, 0)},
     1,
     false,
     false,
     3},
    {{{.most = 1, .span_us = 24 * HOUR}, {.most = 1, .unit = CALENDAR_WEEK}},
     {PENDING(3, 0), SENT(-30)},
     1,
     false,
     false,
     -1},
};

static size_t fill_messages(const struct other *others, int64_t due, struct profile_message *list) {
    size_t i = 0;
    for (; i < 6 && others[i].there; i++)
        list[i] = (struct profile_message){
            .id = (int64_t)i + 1,
            .campaign = S("other"),
            .channel = others[i].channel ? str_from(others[i].channel) : S("email"),
            .topic = others[i].topic ? str_from(others[i].topic) : S("news"),
            .transactional = others[i].topic && !*others[i].topic,
            .at_us = due + (int64_t)(others[i].hours * (double)HOUR),
            .priority = others[i].priority,
            .status = others[i].status,
        };
    return i;
}

static void use_caps(const struct settings_cap *list) {
    workspace.settings.caps = list;
    workspace.settings.n_caps = list[1].most ? 2 : 1;
}

START_TEST(how_many) {
    struct profile_message messages[6];
    int64_t due = instant("2026-03-11T12:00:00+08:00");
    struct entry x = entry_at(due, due);
    int displaced = 0;
    use_caps(caps[_i].cap);
    profile.messages = messages;
    profile.n_messages = fill_messages(caps[_i].others, due, messages);
    campaign.priority = caps[_i].priority;
    campaign.ignores_caps = caps[_i].ignores;
    if (caps[_i].transactional)
        step.u.send = (struct step_send){
            .channel = S("email"), .template = S("hello"), .transactional = true};
    ck_assert(gates_fill(&x));
    gates_pass(&x);
    if (caps[_i].displaced < 0) {
        ck_assert_msg(decision.outcome == OUTCOME_CAPPED && strcmp(decision.gate, "cap") == 0,
                      "case %d: wanted capped, got %s", _i, outcome_name(decision.outcome));
        ck_assert(decision.reason.n > 0 && decision.n_displaced == 0);
        return;
    }
    ck_assert_msg(decision.outcome == OUTCOME_SEND, "case %d: wanted send, got %s: %.*s", _i,
                  outcome_name(decision.outcome), STR_FMT(decision.reason));
    for (size_t i = 0; i < decision.n_displaced; i++) {
        displaced |= 1 << (decision.displaced[i]->id - 1);
        ck_assert_int_eq(decision.displaced[i]->status, MESSAGE_CANCELLED);
    }
    ck_assert_msg(displaced == caps[_i].displaced, "case %d: displaced %x, wanted %x", _i,
                  (unsigned)displaced, (unsigned)caps[_i].displaced);
}
END_TEST

/* A day, week or month of the calendar where the customer is when it is decided: one message was
 * sent, another is due. */
static const struct {
    const char *zone;
    int unit;
    const char *sent, *due;
    bool room;
} calendars[] = {
    /* the day of 23 hours, from 00:00-05:00 to 24:00-04:00 */
    {"America/New_York", CALENDAR_DAY, "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z", false},
    {"America/New_York", CALENDAR_DAY, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", true},
    {"America/New_York", CALENDAR_DAY, "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", true},
    /* of 25 */
    {"America/New_York", CALENDAR_DAY, "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z", false},
    {"America/New_York", CALENDAR_DAY, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", true},
    {"America/New_York", CALENDAR_DAY, "2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z", true},
    /* the day begins at one o'clock: there is no midnight */
    {"America/Santiago", CALENDAR_DAY, "2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z", true},
    {"America/Santiago", CALENDAR_DAY, "2026-09-06T04:00:00Z", "2026-09-07T02:59:59Z", false},
    {"America/Santiago", CALENDAR_DAY, "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", true},
    /* and one whose first hour comes twice: 01:00 is 00:00 once more */
    {"America/Havana", CALENDAR_DAY, "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z", false},
    {"America/Havana", CALENDAR_DAY, "2026-11-01T03:59:59Z", "2026-11-01T05:30:00Z", true},
    /* weeks and months with such days: 167 and 169 hours, from Monday */
    {"Europe/Berlin", CALENDAR_WEEK, "2026-03-22T23:00:00Z", "2026-03-29T21:59:59Z", false},
    {"Europe/Berlin", CALENDAR_WEEK, "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z", true},
    {"Europe/Berlin", CALENDAR_WEEK, "2026-10-18T22:00:00Z", "2026-10-25T22:59:59Z", false},
    {"Europe/Berlin", CALENDAR_WEEK, "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z", true},
    {"Europe/Berlin", CALENDAR_MONTH, "2026-02-28T23:00:00Z", "2026-03-31T21:59:59Z", false},
    {"Europe/Berlin", CALENDAR_MONTH, "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", true},
    /* the ends of the world, 25 hours apart */
    {"Pacific/Kiritimati", CALENDAR_DAY, "2026-03-10T10:00:00Z", "2026-03-11T09:59:59Z", false},
    {"Pacific/Kiritimati", CALENDAR_DAY, "2026-03-10T09:59:59Z", "2026-03-10T10:00:00Z", true},
    {"Pacific/Pago_Pago", CALENDAR_DAY, "2026-03-10T11:00:00Z", "2026-03-11T10:59:59Z", false},
    {"Pacific/Pago_Pago", CALENDAR_DAY, "2026-03-10T10:59:59Z", "2026-03-10T11:00:00Z", true},
    {"Pacific/Kiritimati", CALENDAR_MONTH, "2026-03-31T09:59:59Z", "2026-03-31T10:00:00Z", true},
    {"Pacific/Pago_Pago", CALENDAR_MONTH, "2026-03-31T10:00:00Z", "2026-04-01T10:59:59Z", false},
    /* who moves from one end to the other has the days of the new zone, also for what was sent
     * before: both on the 12th in Kiritimati, on the 10th and on the 11th in Pago Pago */
    {"Pacific/Kiritimati", CALENDAR_DAY, "2026-03-11T10:30:00Z", "2026-03-11T11:30:00Z", false},
    {"Pacific/Pago_Pago", CALENDAR_DAY, "2026-03-11T10:30:00Z", "2026-03-11T11:30:00Z", true},
    {"", CALENDAR_DAY, "2026-03-10T15:59:59Z", "2026-03-10T16:00:00Z", true}, /* Taipei */
    {"No/Where", CALENDAR_DAY, "2026-03-10T16:00:00Z", "2026-03-11T15:59:59Z", false},
};

START_TEST(by_the_calendar) {
    struct settings_cap cap[2] = {{.most = 1, .unit = calendars[_i].unit}};
    int64_t due = instant(calendars[_i].due);
    struct profile_message sent = {.id = 1,
                                   .campaign = S("other"),
                                   .channel = S("email"),
                                   .topic = S("news"),
                                   .at_us = instant(calendars[_i].sent),
                                   .status = MESSAGE_SENT};
    struct entry x = entry_at(due, due);
    use_caps(cap);
    profile.timezone = str_from(calendars[_i].zone);
    profile.messages = &sent;
    profile.n_messages = 1;
    ck_assert(gates_fill(&x));
    gates_pass(&x);
    ck_assert_msg((decision.outcome == OUTCOME_SEND) == calendars[_i].room,
                  "case %d, %s: sent %s, due %s: %s", _i, calendars[_i].zone, calendars[_i].sent,
                  calendars[_i].due, outcome_name(decision.outcome));
}
END_TEST

/* Deciding is free to be asked again: explaining displaces nobody, nor does one that is held out or
 * stopped by another gate. */
START_TEST(only_what_is_sent_displaces) {
    static const struct settings_cap cap[2] = {
        {.most = 1, .span_us = 24 * HOUR, .text = S("1 per 1d"), .topic = S("news")}};
    struct profile_message messages[1];
    int64_t due = instant("2026-03-11T12:00:00+08:00");
    struct explanation out = {0};
    static const struct other others[6] = {PENDING(3, 0)};
    struct entry x = entry_at(due, due);
    use_caps(cap);
    profile.messages = messages;
    profile.n_messages = fill_messages(others, due, messages);
    campaign.priority = 1;
    ck_assert(gates_fill(&x));
    gates_explain(&x, &out);
    for (size_t i = 0; i < out.n_gates; i++)
        ck_assert(out.gates[i].passed);
    ck_assert_int_eq(messages[0].status, MESSAGE_QUEUED);
    campaign.holdout_ppm = CAMPAIGN_PPM; /* everybody */
    gates_pass(&x);
    ck_assert_int_eq(decision.outcome, OUTCOME_HELD_OUT);
    ck_assert_uint_eq(decision.n_displaced, 0);
    ck_assert_int_eq(messages[0].status, MESSAGE_QUEUED);
    campaign.holdout_ppm = 0;
    campaign.priority = 0;
    ck_assert(gates_fill(&x));
    gates_pass(&x);
    ck_assert_int_eq(decision.outcome, OUTCOME_CAPPED);
    ck_assert_msg(
        str_eq(decision.reason, S("had or will have 1 message about `news`; the cap is 1 per 1d")),
        "%.*s", STR_FMT(decision.reason));
}
END_TEST

Suite *suite_care(void) {
    Suite *s = suite_create("care");
    TCase *t = tcase_create("care");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, when, 0, COUNT(waits));
    tcase_add_loop_test(t, stored, 0, COUNT(waits));
    tcase_add_test(t, stored_badly);
    tcase_add_loop_test(t, never_quiet, 0, 7);
    tcase_add_test(t, late);
    tcase_add_loop_test(t, how_many, 0, COUNT(caps));
    tcase_add_loop_test(t, by_the_calendar, 0, COUNT(calendars));
    tcase_add_test(t, only_what_is_sent_displaces);
    suite_add_tcase(s, t);
    return s;
}
