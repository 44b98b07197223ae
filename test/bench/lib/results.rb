# SPDX-License-Identifier: BSD-3-Clause
# All samples; from them the table and the JSON.
require "json"
require "time"

def median(list)
  l = list.sort
  l.size.odd? ? l[l.size / 2] : (l[l.size / 2 - 1] + l[l.size / 2]) / 2.0
end

class Results
  # Of one row and one server.
  class Cell
    attr_reader :samples, :faults

    def initialize
      @samples = []
      @faults = []
    end

    def values = @samples.map { |s| s[:value] }
    def median = values.empty? ? nil : Object.send(:median, values)

    # Largest minus smallest, in percent of the median.
    def spread
      return nil if values.size < 2
      median.zero? ? 0 : (100.0 * (values.max - values.min) / median).round
    end

    def to_h
      h = { median: median, min: values.min, max: values.max, spread_percent: spread, samples: @samples }
      @faults.empty? ? h : h.merge(faults: @faults)
    end
  end

  # sizes: what stands in the titles of rows, as many: 1000000.
  def initialize(sizes = {})
    @sizes = sizes
    @cells = Hash.new { |h, k| h[k] = Cell.new }
    @loads = []
    @others = []
    @notes = []
    @extras = {}
  end

  attr_reader :notes

  def add(row, server, value, argv: nil, detail: nil)
    raise "no row #{row}" unless ROWS.any? { |r| r.id == row }
    @cells[[row, server]].samples << { value: value, detail: detail, argv: argv }.compact
  end

  def fault(row, server, text) = @cells[[row, server]].faults << text
  def extra(what, value) = @extras[what] = value
  def note(text) = (@notes << text unless @notes.include?(text))
  def cell(row, server) = @cells.key?([row, server]) ? @cells[[row, server]] : nil
  def median(row, server) = cell(row, server)&.median

  # The load generator must have time to spare, or it is what was measured; and nobody else should work meanwhile.
  def conditions(what, result)
    @loads << result.load_cpu
    @others << result.others if result.others
    return unless result.load_cpu > Load::WARN_AT
    note(format("The load generator used %d %% of its processor: %s is bounded by it.", 100 * result.load_cpu, what))
  end

  def rows = ROWS.select { |r| SERVERS.keys.any? { |s| cell(r.id, s) } }

  def title(row) = format(row.title, @sizes.transform_values { |n| ROWS[0].number(n) })

  def ratio(row, other = "kamailio")
    tandem, its = median(row.id, "tandem"), median(row.id, other)
    tandem / its.to_f if tandem && its&.positive?
  end

  def verdict(row)
    return "" unless row.goal
    tandem, kamailio = median(row.id, "tandem"), median(row.id, "kamailio")
    return "failed" unless tandem
    return "not told" if row.goal == :ratio && !kamailio
    return "aim reached" if row.reached(tandem, kamailio, row.aim)
    row.reached(tandem, kamailio, row.at_least) ? "reached" : "NOT reached"
  end

  LINE = "%-52s %4s %12s %4s %12s %4s %6s %10s %6s  %-9s %-9s %s\n"

  def table
    out = format(LINE, "", "runs", "Tandem", "±%", "Kamailio", "±%", "ratio", "with fm", "ratio", "at least", "aim", "")
    rows.each { |r| out << line(r) }
    out << "\n" << failures << legend
    @notes.each { |n| out << n << "\n" }
    out
  end

  def to_h(about)
    { about: about.merge(notes: @notes, load_cpu_max: @loads.max, others_cpu_max: @others.max),
      extras: @extras,
      rows: rows.map do |r|
        r.to_h.merge(title: title(r), verdict: verdict(r), ratio: ratio(r),
                     ratio_fm: ratio(r, "kamailio-fm"), **SERVERS.keys.to_h { |s| [s.to_sym, cell(r.id, s)&.to_h] }).compact
      end }
  end

  private

  def line(row)
    t, k, fm = SERVERS.keys.map { |s| cell(row.id, s) }
    ratios = %w[kamailio kamailio-fm].map { |s| ratio(row, s) && format("%.2f", ratio(row, s)) }
    format(LINE, title(row), t&.values&.size, value_text(row, t), t&.spread, value_text(row, k), k&.spread, ratios[0], fm && row.number(fm.median), ratios[1],
           row.limit_text(row.at_least), row.limit_text(row.aim), verdict(row)).rstrip << "\n"
  end

  # Each reason once, with the rows that it left empty or with fewer samples.
  def failures
    reasons = Hash.new { |h, k| h[k] = [] }
    @cells.each { |(id, _), cell| cell.faults.each { |f| reasons[f.strip.gsub(/\s+/, " ")[0, 200]] |= [id] } }
    reasons.map { |reason, ids| "failed: #{reason} (#{ids.join(", ")})\n" }.join
  end

  def legend
    out = +"±%: largest minus smallest of the rounds, in percent of their median. ratio: Tandem's by Kamailio's.\n" \
           "with fm: Kamailio with its faster allocator (-x fm -X fm) instead of Debian's default; the goals are about the default.\n"
    out << format("The load generator used up to %d %% of its processor. ", 100 * @loads.max) unless @loads.empty?
    unless @others.empty?
      out << format("Others used %.1f %% of the processors (median), up to %d %%.\n", 100 * Object.send(:median, @others), 100 * @others.max)
    end
    out
  end

  def value_text(row, cell)
    return "" unless cell
    cell.median ? "#{row.number(cell.median)} #{row.unit}".strip : "failed"
  end
end
