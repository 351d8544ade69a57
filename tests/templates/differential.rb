#!/usr/bin/env ruby
# SPDX-License-Identifier: Apache-2.0
# Renders generated templates with generated data in `godwit render --batch` and in
# ruby-liquid, and compares. The seed is fixed unless given: differential.rb PROGRAM [SEED [COUNT]].
#
# The reference here is Debian's ruby-liquid 5.4.0; later versions differ, and godwit follows
# them. What is left out for that reason:
#   - filters find, find_index, has, reject, and sum of properties (5.5 and later)
#   - `first` and `last` of a text, `self`, the `doc` tag, nested comments in comments
#   - blank and empty of nothing, false and white space
#   - cycle with variables shares its counter in 5.4, not later
#   - tablerow: break, and the number of columns when it is not given
#   - truncatewords keeps the text when it has not more words than asked for
#   - sort_natural by a property that some lack; white space control in endraw
#   - a partial's leading white space when the template in front of it ended in -%}
#   - newline_to_br with carriage returns, base64 padding
#   - a comma after the list of `for`; {% liquid %} inside {% liquid %}
#   - dates given as numbers of more than 64 bits; `concat` of numbers; errors of where, map, sort with strings and integers
begin
  require 'liquid'
rescue LoadError
  warn '=' * 70, 'SKIPPED: ruby-liquid is missing (apt-get install ruby-liquid):',
       'templates are NOT compared with the reference implementation.', '=' * 70
  exit 77
end
require 'json'
require 'open3'

program = ARGV[0] || './godwit'
seed = (ARGV[1] || 20_261_121).to_i
count = (ARGV[2] || 6000).to_i
R = Random.new(seed)

def pick(list) = list[R.rand(list.size)]
def chance(percent) = R.rand(100) < percent

WORDS = ['', 'a', 'Ab c', 'hello world', ' x ', '12', '-3', '4.5', 'ünï', '台北', '<b>&"\'</b>',
         "two\nlines", 'a,b,c', 'true', 'zz', '0', '1.50', '10.999', '-123456789012345678901234567890'].freeze
NUMBERS = [0, 1, 2, -1, 3, 7, 10, 99, -50, 1000, 2**40, 1.5, 0.1, -2.25, 10.0, 3.999, 1e20, 1e-7,
           123456.789, 2.5, -0.5].freeze

def scalar = pick([-> { pick(WORDS) }, -> { pick(NUMBERS) }, -> { pick([nil, true, false]) }]).call

def data
  item = -> { { 'name' => pick(WORDS), 'n' => pick(NUMBERS), 'ok' => pick([true, false, nil]) } }
  { 's' => pick(WORDS), 't' => pick(WORDS), 'n' => pick(NUMBERS), 'm' => pick(NUMBERS), 'z' => nil,
    'yes' => true, 'no' => false, 'x' => scalar, 'list' => Array.new(R.rand(5)) { pick(WORDS) },
    'nums' => Array.new(R.rand(5)) { pick(NUMBERS) }, 'items' => Array.new(R.rand(4)) { item.call },
    'nested' => [[1, [2]], [], ['x', nil]], 'h' => { 'a' => 1, 'b' => { 'c' => 'deep' }, 'size' => 5 },
    'e' => [], 'eh' => {}, 'k' => 'name' }
end

PATHS = %w[s t n m z yes no x list nums items nested h e h.a h.b.c list.first nums.last items.size
           items[0].name items[1].n list[0] nums[-1] h['a'] items[0][k] missing missing.deep h.size
           list.size forloop.index forloop.last i.name i i.n].freeze
LITERALS = ["'x'", '"two words"', '1', '-2', '3.5', 'true', 'false', 'nil', '(1..3)', "','", "''",
            '0', '2'].freeze

def value = chance(75) ? pick(PATHS) : pick(LITERALS)

NONE = %w[abs capitalize ceil compact downcase escape escape_once floor lstrip
          reverse round rstrip size sort strip strip_html strip_newlines uniq upcase
          url_encode join split_chars default].freeze
ONE = %w[append prepend plus minus times divided_by modulo at_least at_most remove remove_first
         split join default round truncate slice].freeze

def filter
  case R.rand(10)
  when 0..3
    f = pick(NONE)
    f == 'split_chars' ? "split: ''" : f
  when 4..7 then "#{pick(ONE)}: #{value}"
  when 8 then "replace: #{value}, #{value}"
  else pick(["slice: #{R.rand(5) - 2}, #{R.rand(4)}", "truncate: #{R.rand(12)}, '..'",
             "date: '%Y-%m-%d %H:%M:%S %j %U %e'", "default: #{value}, allow_false: true",
             "map: 'name'", "where: 'ok', true", "sort: 'name'"])
  end
end

def piped = ([value] + Array.new(chance(60) ? R.rand(3) : 0) { filter }).join(' | ')

def condition
  parts = Array.new(1 + (chance(30) ? R.rand(3) : 0)) do
    chance(40) ? value : "#{value} #{pick(%w[== != < > <= >= contains <>])} #{value}"
  end
  parts.inject { |a, b| "#{a} #{pick(%w[and or])} #{b}" }
end

def dash = chance(12) ? '-' : ''
def tag(s) = "{%#{dash} #{s} #{dash}%}"

def node(depth)
  case R.rand(depth > 2 ? 6 : 14)
  when 0, 1 then pick(["text ", "\n", ' ', "  line\n  ", '{ }', '%}', 'é'])
  when 2..4 then "{{#{dash} #{piped} #{dash}}}"
  when 5 then tag("assign #{pick(%w[x y t i])} = #{piped}")
  when 6 then tag("if #{condition}") + body(depth) + (chance(40) ? tag('else') + body(depth) : '') + tag('endif')
  when 7 then tag("unless #{condition}") + body(depth) + tag('endunless')
  when 8, 9
    tag("for i in #{pick(%w[list nums items (1..3) nested h s missing])}" \
        "#{pick(['', ' limit: 2', ' offset: 1', ' reversed', ' limit: 1 offset: 1'])}") +
      body(depth) + (chance(25) ? tag(pick(%w[break continue])) : '') +
      (chance(30) ? tag('else') + body(depth) : '') + tag('endfor')
  when 10
    tag("case #{value}") + tag("when #{value}") + body(depth) + tag("when #{value}, #{value}") +
      body(depth) + tag('else') + body(depth) + tag('endcase')
  when 11 then tag('capture y') + body(depth) + tag('endcapture') + '{{ y }}'
  when 12 then pick([tag('increment q'), tag('decrement q'), tag("cycle 'a', 'b'"),
                     tag("cycle 'g': 1, 2, 3"), tag('comment') + 'no' + tag('endcomment'),
                     '{% raw %}{{ x{% endraw %}', tag("# note")])
  else tag("tablerow i in #{pick(%w[list nums (1..4)])} cols: #{R.rand(3) + 1}") + body(depth) + tag('endtablerow')
  end
end

def body(depth) = Array.new(1 + R.rand(3)) { node(depth + 1) }.join

# Later versions cut a slice that is too long instead of failing.
def newer?(source, wanted) = wanted == :error && source.include?('slice')

# ---- malformed markup: what the lax parser makes of it, and what the strict one refuses
JUNK = ['s', 'h.a', 'list', 'list[0]', '"x"', "'y z'", '1', '-1', '2.5', '.', ',', ':', '|', '(', ')',
        ']', '..', '==', '!=', '<', '<=', 'and', 'or', ' ', ' ', '  ', 'true', 'nil', 'empty',
        'upcase', 'append:', '| append: "q"', '| size', '?', '-', '@', '=', 'in', 'reversed',
        'limit:', 'offset:2', '(1..3)', '1.2.3', '5.', 'a-b', 'k?', '"', "'", "\n", 'é', 'andx',
        '["k"]', 'h["b"]', 'x'].freeze
def junk = Array.new(1 + R.rand(5)) { pick(JUNK) }.join(pick(['', ' ']))

def malformed
  case R.rand(8)
  when 0, 1 then "{{ #{junk} }}"
  when 2 then "{% if #{junk} %}T{% else %}F{% endif %}"
  when 3 then "{% for i in #{junk} %}{{ i }},{% endfor %}"
  when 4 then "{% assign x = #{junk} %}{{ x }}"
  when 5 then "{% case s %}{% when #{junk} %}W{% endcase %}"
  when 6 then "{% cycle #{junk} %}{% increment #{junk} %}"
  else "{{ s #{pick(['}', '}}', '-}}', '%}'])} #{junk} {%#{junk}%} post"
  end
end

# ---- partials: a calls b, b calls c, c calls none
def call(to)
  target = "'#{to}'"
  with = pick(['', " with #{value}", ' for list', " with #{value} as i", ' for items as i'])
  args = pick(['', " x: #{pick(PATHS)}", ', x: 1, i: t'])
  "{% #{pick(%w[include render])} #{target}#{with}#{args} %}"
end

def templates
  { 'a' => 'A' + body(2) + call('d/b') + body(2), 'd/b' => 'B' + body(2) + call('c') + "{{ i }}{{ b }}{{ x }}",
    'c' => "{{ c }}{{ x }}#{tag(pick(['break', 'continue', 'increment q', 'assign x = s']))}{{ i }}" }
end

class Partials
  def initialize(sources) = @sources = sources
  def read_template_file(name) = @sources.fetch(name)
end

def source
  return malformed if chance(20)

  Array.new(1 + R.rand(4)) { chance(10) ? call('a') : node(0) }.join
end

ENV['TZ'] = 'UTC'
Liquid::Template.error_mode = :lax
cases = Array.new(count) do |id|
  strict = chance(30)
  text = source
  given = data
  partials = text.include?("'a'") ? templates : {}
  wanted = begin
    Liquid::Template.parse(text, error_mode: strict ? :strict : :lax)
                    .render!(JSON.parse(JSON.generate(given)),
                             registers: { file_system: Partials.new(partials) })
  rescue StandardError
    :error
  end
  [{ 'id' => id, 'template' => text, 'data' => given, 'strict' => strict,
     'templates' => partials }, wanted]
end
input = cases.map { |c, _| JSON.generate(c) }.join("\n")
output, status = Open3.capture2({ 'TZ' => 'UTC' }, program, 'render', '--batch', stdin_data: input)
abort "#{program} ended with #{status}" unless status.success?

different = 0
output.each_line.zip(cases) do |line, (request, wanted)|
  got = JSON.parse(line)
  next if wanted == :error ? got.key?('error') : got['result'] == wanted
  next if newer?(request['template'], wanted)

  different += 1
  next if different > 10

  puts "---- case #{request['id']} of seed #{seed} (strict: #{request['strict']})", request['template'],
       "data:   #{JSON.generate(request['data'])}", "with:   #{JSON.generate(request['templates'])}", "wanted: #{wanted.inspect}",
       "got:    #{(got['result'] || got['error']).inspect}"
end
puts "differential: #{cases.size - different} of #{cases.size} the same (seed #{seed}; " \
     "#{cases.count { |_, w| w == :error }} of them errors)"
exit different.zero? ? 0 : 1
