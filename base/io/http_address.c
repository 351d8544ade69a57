/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* RFC 6890 and its registry: what is not globally reachable. */
static const struct {
    uint32_t net;
    int bits;
} closed[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared (100.64/10) */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local; metadata services */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 3},  /* multicast, reserved, broadcast */
};

static bool is_private4(uint32_t address) {
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if ((address ^ closed[i].net) >> (32 - closed[i].bits) == 0)
            return true;
    return false;
}

static uint32_t at(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_private6(const unsigned char p[16]) {
    static const unsigned char zero[16], nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(p, mapped, 12) == 0 || memcmp(p, nat64, 12) == 0)
        return is_private4(at(p + 12));
    if (p[0] == 0x20 && p[1] == 0x02) /* 6to4 */
        return is_private4(at(p + 2));
    if (memcmp(p, zero, 12) == 0) /* unspecified, loopback, the old IPv4-compatible */
        return true;
    if (at(p) == 0x20010db8 || at(p) == 0x20010000) /* documentation, Teredo */
        return true;
    return (p[0] & 0xe0) != 0x20; /* only 2000::/3 is global unicast */
}

bool http_address_is_private(const struct sockaddr *a) {
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        return is_private4(ntohl(in.sin_addr.s_addr));
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, a, sizeof in);
        return is_private6(in.sin6_addr.s6_addr);
    }
    return true;
}
