# SPDX-License-Identifier: BSD-3-Clause
# One picture: how much of its limit each goal uses. Left of the line it is reached; the aim is marked.
require "open3"

module Plot
  LEFT_MOST = 0.04 # the axis is logarithmic
  RIGHT_MOST = 12.0

  # A bar of the picture.
  Bar = Struct.new(:label, :low, :share, :high, :aim, :colour, :fm, :text, keyword_init: true)

  module_function

  # data: what bench.json holds.
  def write(data, file)
    bars = data["rows"].select { |r| r["goal"] }.filter_map { |r| bar(r) }
    return if bars.empty?
    out, status = Open3.capture2e("gnuplot", stdin_data: script(bars, data["about"], file))
    raise Failed, "gnuplot: #{out}" unless status.success?
  rescue Errno::ENOENT
    raise Failed, "gnuplot is not installed"
  end

  def bar(row)
    def_row = ROWS.find { |r| r.id == row["id"] }
    cells = row.values_at("tandem", "kamailio")
    mid = cells.map { |c| c && c["median"] }
    return Bar.new(label: row["title"].strip, low: "NaN", share: RIGHT_MOST, high: "NaN", colour: GREY, text: "failed") unless mid[0]
    return if row["goal"] == "ratio" && !mid[1]
    ends = cells[0].values_at("min", "max").map { |v| clamp(def_row.share(v, mid[1], row["at_least"])) }.sort
    Bar.new(label: row["title"].strip, low: ends[0], share: clamp(def_row.share(*mid, row["at_least"])), high: ends[1],
            aim: aim(def_row), fm: fm(def_row, row), colour: COLOURS[row["verdict"]], text: text(def_row, mid))
  end

  # Where the bar would end if Kamailio had its faster allocator.
  def fm(row, data)
    clamp(data["ratio_fm"] / row.at_least) if row.goal == :ratio && data["ratio_fm"]
  end

  GREY = "0xc8c8c8"
  RED = "0xc0392b"
  COLOURS = { "aim reached" => "0x2e8b57", "reached" => "0xd4a017" }.tap { |h| h.default = RED }.freeze

  def clamp(share) = share.clamp(LEFT_MOST * 1.1, RIGHT_MOST) # even nothing can be seen

  def aim(row)
    return if row.at_least.zero?
    clamp(row.goal == :least ? row.at_least / row.aim.to_f : row.aim / row.at_least.to_f)
  end

  def text(row, mid)
    return format("%s %s, Kamailio %s: %.2f", row.number(mid[0]), row.unit, row.number(mid[1]), mid[0] / mid[1].to_f) if row.goal == :ratio
    "#{"#{row.number(mid[0])} #{row.unit}".strip}, #{row.limit_text(row.at_least)}"
  end

  def quote(text) = "\"#{text.gsub(/["\\]/, "")}\""

  # One line a bar: y low share high aim colour fm.
  def script(bars, about, file)
    count = bars.size
    y = ->(i) { count - i }
    lines = bars.each_with_index.map { |b, i| [y[i], b.low, b.share, b.high, b.aim || "NaN", b.colour, b.fm || "NaN"].join(" ") }
    <<~END
      set terminal svg size 1300,#{150 + 30 * count} font "sans-serif,13" background "white"
      set output #{quote(file)}
      set title #{quote("Tandem against its goals, Kamailio beside it (#{about["begun"][0, 10]}, #{about["commit"]}, " \
                        "#{about["machine"]["processors"]} processors)")}
      set logscale x
      set xrange [#{LEFT_MOST}:#{RIGHT_MOST}]
      set yrange [0.3:#{count + 0.7}]
      set xtics ("1/20" 0.05, "1/10" 0.1, "1/4" 0.25, "1/2" 0.5, "goal" 1, "2 x" 2, "4 x" 4, "10 x" 10)
      set xlabel "how much of the limit is used: left of the line the goal is reached\\ndiamonds: the aim; circles: against Kamailio with its faster allocator (fm); thin lines: smallest and largest of the rounds"
      set ytics (#{bars.each_with_index.map { |b, i| "#{quote(b.label)} #{y[i]}" }.join(", ")})
      set grid x
      set lmargin 46
      set rmargin 44
      unset key
      set arrow from 1,0.3 to 1,#{count + 0.7} nohead lw 3 lc rgb "0x333333" front
      #{bars.each_with_index.map { |b, i| "set label #{quote(b.text)} at graph 1.01, first #{y[i]} left" }.join("\n")}
      $bars << EOD
      #{lines.join("\n")}
      EOD
      plot $bars using 3:1:(#{LEFT_MOST}):3:($1-0.3):($1+0.3):6 with boxxyerror fs solid noborder lc rgb variable, \\
           $bars using 3:1:2:4 with xerrorbars pt -1 lw 1.5 lc rgb "0x222222", \\
           $bars using 5:1 with points pt 13 ps 1.4 lc rgb "0x1f4e9e", \\
           $bars using 7:1 with points pt 6 ps 1.2 lw 2 lc rgb "0x111111"
    END
  end
end
