# SPDX-License-Identifier: BSD-3-Clause
# The load generator's processes: started together, their results added up.
require "json"
require "open3"

class Load
  PROGRAM = File.join(BUILD, "test/bench/bench-load")
  WARN_AT = 0.9
  SOCKETS = 16
  FLAGS = { mode: "-m", users: "-u", first: "-f", seconds: "-n", count: "-N", at_once: "-c", rate: "-r", give_up: "-g",
            port: "-b", local: "-a", sockets: "-s", elsewhere: "-e" }.freeze
  SWITCHES = { tcp: "-t", hold: "-H", persist: "-P", registered: "-x", awake: "-A" }.freeze
  SHARED = %i[users count at_once rate].freeze # between the processes

  attr_reader :argvs

  # Options by the names of FLAGS and SWITCHES. processes: no more than there are processors for it.
  def initialize(server, processes: Cpus::LOAD.size, **options)
    @server = server
    @argvs = Array.new(processes) { |i| argv(i, processes, options) }
  end

  # One measurement: a Hash with what the server's processors did in it. The block runs while calls are held.
  def run(&held)
    start
    @begun = now
    go
    hold(&held) if held
    finish
  ensure
    stop
  end

  def last_words(process)
    process[:err].readlines
  rescue IOError # stopped
    []
  end

  # Whatever still runs, after a failure.
  def stop
    @all&.each do |p|
      Process.kill("KILL", p[:thread].pid) if p[:thread].alive?
      p.values_at(:in, :out, :err).each { |io| io.close unless io.closed? }
    end
  rescue Errno::ESRCH
    nil
  end

  # In steps, for who does something in between.
  def start
    @all = @argvs.map do |argv|
      stdin, out, err, thread = Open3.popen3(*argv)
      { in: stdin, out: out, err: err, thread: thread, notes: [] }
    end
    @all.each { |p| wait_for("ready", p) }
  end

  def go = @all.each { |p| p[:in].puts }

  def finish
    notes = @all.map { |p| Thread.new { last_words(p) } }
    texts = @all.map { |p| Thread.new { p[:out].read } }.map(&:value)
    ended = now if @begun
    @all.zip(notes) do |p, n|
      raise Failed, "load generator: #{(p[:notes] + n.value).last(3).join.strip}" unless p[:thread].value.success?
    end
    parts = texts.map { |t| JSON.parse(t) }
    Result.new(parts, @argvs, *(used(ended, parts) if @begun))
  end

  private

  def cpus = (@server.cpus + Cpus::LOAD).uniq

  def now = { server: @server.cpu_seconds, busy: Cpus.busy_seconds(cpus), at: monotonic_us / 1e6 }

  # The server's processor time; the share of the processors that neither server nor load generator took.
  def used(ended, parts)
    server, busy, time = %i[server busy at].map { |k| ended[k] - @begun[k] }
    mine = server + parts.sum { |p| p["cpu_seconds"] }
    [server, ((busy - mine) / time / cpus.size).clamp(0, 1)]
  end

  def argv(index, processes, options)
    mine = { port: options[:tcp] ? nil : @server.phones, sockets: SOCKETS, awake: (@server.cpus & Cpus::LOAD).empty? }.merge(options)
    SHARED.each { |k| mine[k] = k == :rate ? mine[k] / processes : mine[k] / processes / 2 * 2 if mine[k] && processes > 1 }
    mine[:first] = (mine[:first] || 0) + index * mine[:users] if processes > 1
    mine[:port] += index * SOCKETS if mine[:port]
    ["taskset", "-c", Cpus::LOAD[index].to_s, PROGRAM, "-p", @server.port.to_s, "-w",
     *FLAGS.flat_map { |k, flag| mine[k] ? [flag, mine[k].to_s] : [] }, *SWITCHES.filter_map { |k, flag| flag if mine[k] }]
  end

  def wait_for(word, process)
    while (line = process[:err].gets)
      return if line.chomp == word
      process[:notes] << line
    end
    raise Failed, "load generator: #{process[:notes].last(3).join.strip}"
  end

  def hold
    @all.each { |p| wait_for("held", p) }
    yield
    go
  end
end

# The sums of several processes' results.
class Result
  attr_reader :argvs, :server_cpu, :others

  def initialize(parts, argvs, server_cpu = nil, others = nil)
    @parts = parts
    @argvs = argvs
    @server_cpu = server_cpu
    @others = others
    @counts = parts.map { |p| p.select { |_, v| v.is_a?(Integer) } }.reduce { |a, b| a.merge(b) { |_, x, y| x + y } }
  end

  def [](name) = @counts.fetch(name.to_s)
  def seconds = @parts.map { |p| p["seconds"] }.max
  def load_cpu = @parts.map { |p| p["load_cpu"] }.max
  def answered_at_us = @parts.map { |p| p["answered_at_us"] }.max
  def per_second = self[:done_in_time] / seconds

  # Server's processor time for each operation.
  def cpu_us = self[:done].zero? ? raise(Failed, "nothing succeeded") : @server_cpu * 1e6 / self[:done]

  # Of :whole, :ring or :answer, in microseconds.
  def quantile(kind, q)
    counts = @parts.flat_map { |p| p[kind.to_s]["counts"] }.sort
    raise Failed, "nothing succeeded" if counts.empty?
    want = counts.sum(&:last) * q
    counts.each { |us, n| return us if (want -= n).negative? }
    worst(kind)
  end

  # How many took less than that.
  def within(kind, limit_us) = @parts.sum { |p| p[kind.to_s]["counts"].sum { |us, n| us < limit_us ? n : 0 } }
  def due = self[:begun] + self[:late]
  def worst(kind) = @parts.map { |p| p[kind.to_s]["worst_us"] }.max

  def summary
    keys = %w[done failed late resent refused refused_later timed_out byes byes_failed inversions late_answers unexpected]
    keys.to_h { |k| [k, self[k]] }.merge("seconds" => seconds, "load_cpu" => load_cpu, "others_cpu" => others&.round(3))
  end
end
