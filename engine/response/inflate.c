/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/inflate.h"

#include "base/arena.h"

#include <stdlib.h>
#include <zlib.h>

#define GZIP_ONLY (15 + 16)
#define STEP 16384

bool inflate_body(struct arena *a, struct str packed, size_t most, struct str *out, struct err *e) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    struct buf b = BUF_IN(a);
    int status = Z_OK;
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
        abort();
    while (status == Z_OK && b.n <= most) {
        z.next_out = (Bytef *)buf_reserve(&b, STEP);
        z.avail_out = STEP;
        status = inflate(&z, Z_NO_FLUSH);
        b.n += STEP - z.avail_out;
    }
    inflateEnd(&z);
    *out = b.n ? buf_str(&b) : S("");
    if (b.n > most)
        return err_set(e, ERR_INPUT, "the body is larger than %zu bytes when it is unpacked", most);
    return status == Z_STREAM_END || err_set(e, ERR_INPUT, "the body is no gzip, or cut short");
}
