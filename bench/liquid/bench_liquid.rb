# SPDX-License-Identifier: Apache-2.0
# ruby bench_liquid.rb TEMPLATE DATA SECONDS: ruby-liquid, parsed once.
require 'json'
require 'liquid'
template, data, seconds = ARGV
parsed = Liquid::Template.parse(File.read(template))
scope = JSON.parse(File.read(data))
out = nil
200.times { out = parsed.render(scope) }
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
from = clock.call
n = 0
while clock.call - from < seconds.to_f
  20.times { out = parsed.render(scope) }
  n += 20
end
warn((n / (clock.call - from)).round)
$stdout.write(out)
