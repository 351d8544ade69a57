/* SPDX-License-Identifier: Apache-2.0
 *
 * http_address: which addresses a request from data must not be led to. Pure.
 */
#ifndef GODWIT_BASE_IO_HTTP_ADDRESS_H
#define GODWIT_BASE_IO_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whether an address is loopback, link-local, private, shared, multicast or otherwise not of the
 * open internet; also when it is wrapped into an IPv6 one (mapped, 6to4, NAT64). Of another family:
 * true. */
bool http_address_is_private(const struct sockaddr *a);

#endif
