/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/maildir.h"

#include "base/digest.h"
#include "base/wallclock.h"
#include "channels/email_mime.h"
#include "channels/local_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAILDIR_CAPACITY 100
#define NAME_SIZE 100

enum { SET_PATH };

static const struct channel_setting settings[] = {
    [SET_PATH] = {"path", CHANNEL_TEXT,
                  .help = "The Maildir's folder, made when missing; by default `maildir` in the "
                          "channel's own folder."},
    {0}};

struct maildir {
    char path[700];
};

/* The same for each attempt of a message: a file is replaced, not doubled. */
static void make_name(const struct channel_message *m, char *out, size_t cap) {
    char hex[DIGEST_HEX_CHARS + 1];
    digest_sha256_hex(str_of(m->message_id.p, m->message_id.n), hex);
    snprintf(out, cap, "%lld.%.24s.godwit", (long long)(m->date_us / WALLCLOCK_US_PER_S), hex);
}

static bool write_all(int fd, struct str s) {
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        s = str_sub(s, n > 0 ? (size_t)n : 0, s.n);
    }
    return true;
}

static bool write_file(const char *path, struct str data, struct err *e) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set(e, ERR_TEMPORARY, "%s cannot be made: %s", path, strerror(errno));
    }
    bool good = write_all(fd, data) && fsync(fd) == 0;
    int error = errno;
    good = close(fd) == 0 && good;
    if (!good) {
        unlink(path);
        return err_set(e, ERR_TEMPORARY, "%s cannot be written: %s", path, strerror(error));
    }
    return true;
}

static bool sync_folder(const char *path, struct err *e) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return good || err_set(e, ERR_TEMPORARY, "%s cannot be synced: %s", path, strerror(error));
}

static bool store(const struct maildir *d, const char *name, struct str data, struct err *e) {
    char tmp[sizeof d->path + NAME_SIZE + 8], new[sizeof tmp], folder[sizeof tmp];
    snprintf(tmp, sizeof tmp, "%s/tmp/%s", d->path, name);
    snprintf(new, sizeof new, "%s/new/%s", d->path, name);
    snprintf(folder, sizeof folder, "%s/new", d->path);
    if (!write_file(tmp, data, e)) {
        return false;
    }
    if (rename(tmp, new) != 0) {
        err_set(e, ERR_TEMPORARY, "%s cannot be renamed to %s: %s", tmp, new, strerror(errno));
        unlink(tmp);
        return false;
    }
    return sync_folder(folder, e);
}

static void deliver(void *self, struct arena *a, const struct channel_message *m,
                    struct relay_result *out) {
    struct err e = ERR_INIT;
    struct email_mail mail;
    char name[NAME_SIZE];
    if (!email_mime_compose(a, m, &mail, &e)) {
        relay_result_set(out, CHANNEL_REFUSED,
                         mail.bad_address ? CHANNEL_SUBJECT_ADDRESS : CHANNEL_SUBJECT_MESSAGE,
                         str_from(e.text));
        return;
    }
    make_name(m, name, sizeof name);
    if (!store(self, name, mail.data, &e)) {
        relay_result_set(out, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, str_from(e.text));
        return;
    }
    relay_result_set(out, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, S("written"));
    snprintf(out->id, sizeof out->id, "%s", name);
    out->result.provider_id.n = strlen(out->id);
}

static bool make_folder(const char *path, struct channel_error *e) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return true;
    }
    snprintf(e->text, sizeof e->text, "the folder %.400s cannot be made: %s", path,
             strerror(errno));
    return false;
}

static bool make_folders(const char *path, struct channel_error *e) {
    static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char part[800];
        snprintf(part, sizeof part, "%s%s", path, parts[i]);
        if (!make_folder(part, e)) {
            return false;
        }
    }
    return true;
}

static struct channel *driver_open(const struct channel_host *host,
                                   const struct channel_value *values, struct channel_error *e) {
    const struct channel_value *path = &values[SET_PATH];
    struct maildir *d = calloc(1, sizeof *d);
    if (!d) {
        abort();
    }
    if (!path->given && !host->folder) {
        snprintf(e->text, sizeof e->text, "the driver maildir needs the setting `path`");
        free(d);
        return NULL;
    }
    int n = path->given ? snprintf(d->path, sizeof d->path, "%s", path->text)
                        : snprintf(d->path, sizeof d->path, "%s/maildir", host->folder);
    if (n >= (int)sizeof d->path) {
        snprintf(e->text, sizeof e->text, "`path` is too long");
        free(d);
        return NULL;
    }
    struct channel *c = NULL;
    if (make_folders(d->path, e)) {
        c = local_channel_open(host, MAILDIR_CAPACITY, deliver, d, e);
    } else {
        free(d);
    }
    return c;
}

const struct channel_driver channel_maildir = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_NEEDS_ADDRESS | CHANNEL_SENDS_NOTHING,
    .kinds = CHANNEL_EMAIL,
    .name = "maildir",
    .help = "Writes each mail into a Maildir instead of sending it.",
    .settings = settings,
    .open = driver_open,
    .capacity = local_channel_capacity,
    .submit = local_channel_submit,
    .close = local_channel_close,
};
