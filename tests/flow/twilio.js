// SPDX-License-Identifier: Apache-2.0
// What Twilio's own library says, a JSON line for each on standard input: signatures, whether it takes
// one, and the request that its client would make.
'use strict';
const twilio = require('twilio');
const readline = require('readline');

async function answer(q) {
  if (q.op === 'sign')
    return twilio.getExpectedTwilioSignature(q.token, q.url, q.params);
  if (q.op === 'hash')
    return twilio.getExpectedBodyHash(q.body);
  if (q.op === 'valid')
    return twilio.validateRequest(q.token, q.signature, q.url, q.params);
  let seen = null;
  const httpClient = { request: async (o) => { seen = o; return { statusCode: 201, body: '{}' }; } };
  await twilio(q.account, q.token, { httpClient }).messages.create(q.params);
  return { method: seen.method, uri: seen.uri, user: seen.username, password: seen.password, data: seen.data };
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
});
