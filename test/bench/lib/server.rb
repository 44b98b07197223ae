# SPDX-License-Identifier: BSD-3-Clause
# The servers that are measured, each in a directory of its own and ended by its process id.
require "etc"
require "fileutils"
require "json"
require "open3"
require "socket"
require "tmpdir"

HERE = File.expand_path("..", __dir__)
BUILD = File.expand_path(ENV["TANDEM_BUILD"] || File.join(HERE, "../../build"))
TICK = Etc.sysconf(Etc::SC_CLK_TCK).to_f

# Why one measurement could not be made; the others go on.
class Failed < StandardError; end

def monotonic_us = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)

# The processors: the last ones are the load generators', the first ones the servers'.
module Cpus
  ALL = Etc.nprocessors
  LOADS = (ENV["BENCH_LOADS"] || [1, ALL / 3].max).to_i
  SERVER = (0...(ENV["BENCH_CPUS"] || [1, ALL - LOADS].max).to_i).to_a
  LOAD = (ALL - LOADS...ALL).to_a

  # Seconds that these processors were busy since they were started; taken by the host counts.
  def self.busy_seconds(cpus)
    File.foreach("/proc/stat").sum do |line|
      next 0 unless (number = line[/\Acpu(\d+) /, 1]) && cpus.include?(number.to_i)
      user, nice, system, _idle, _iowait, irq, softirq, steal = line.split.drop(1).map(&:to_i)
      (user + nice + system + irq + softirq + steal) / TICK
    end
  end
end

def free_port
  50.times do
    tcp = TCPServer.new("127.0.0.1", 0)
    port = tcp.addr[1]
    udp = UDPSocket.new
    udp.bind("127.0.0.1", port)
    return port
  rescue SystemCallError
    next
  ensure
    udp&.close
    tcp&.close
  end
  raise Failed, "no free port"
end

# The first of `count` free UDP ports in a row, outside of the range that the kernel hands out.
def free_ports(count)
  50.times do
    first = rand(10_000..30_000)
    socks = Array.new(count) { |i| UDPSocket.new.tap { |s| s.bind("127.0.0.1", first + i) } }
    return first
  rescue SystemCallError
    next
  ensure
    socks&.each(&:close)
  end
  raise Failed, "no free ports"
end

class Server
  attr_reader :port, :name, :cpus, :argv
  attr_reader :phones # the first port of the phones: the same all the time, or each load would add bindings

  # users: u0 … with the passwords secret-u0 …
  def initialize(users:, cpus: Cpus::SERVER)
    @name = SERVERS.key(self.class)
    @users = users
    @cpus = cpus
    @dir = Dir.mktmpdir("bench-#{@name}")
    File.chmod(0o755, @dir)
    @port = free_port
    @phones = free_ports(Load::SOCKETS * Cpus::LOADS)
    prepare
    start
  rescue StandardError
    stop
    raise
  end

  # Runs the block with a new server.
  def self.with(**options)
    server = new(**options)
    yield server
  ensure
    server&.stop
  end

  def start
    @argv = ["taskset", "-c", @cpus.join(","), *command]
    @pid = spawn(*@argv, chdir: @dir, out: log, err: log, pgroup: true)
    yield if block_given?
    wait_ready
  end

  def log = File.join(@dir, "log")
  def last_log = File.exist?(log) ? File.read(log).lines.last(5).join : ""

  def wait_ready
    socket = UDPSocket.new
    socket.connect("127.0.0.1", @port)
    text = "OPTIONS sip:bench.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:#{socket.addr[1]};rport;branch=z9hG4bKr%d\r\n" \
           "Max-Forwards: 70\r\nFrom: <sip:r@bench.test>;tag=r\r\nTo: <sip:bench.test>\r\nCall-ID: ready%d\r\n" \
           "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    600.times do |i|
      raise Failed, "#{@name} ended: #{last_log}" if Process.wait(@pid, Process::WNOHANG)
      begin
        socket.send(format(text, i, i), 0)
        return if socket.wait_readable(0.2) && socket.recv(2000).start_with?("SIP/2.0 200")
      rescue Errno::ECONNREFUSED
        sleep 0.1
      end
    end
    raise Failed, "#{@name} does not answer: #{last_log}"
  ensure
    socket&.close
  end

  # The server's process and all of its descendants.
  def pids
    parents = Dir.glob("/proc/[0-9]*/stat").to_h do |f|
      fields = File.read(f).sub(/\A\d+ \(.*\) /m, "").split
      [f[/\d+/].to_i, fields[1].to_i]
    rescue SystemCallError
      [0, 0]
    end
    all = [@pid]
    loop do
      more = parents.select { |pid, parent| all.include?(parent) && !all.include?(pid) }.keys
      return all if more.empty?
      all += more
    end
  end

  def cpu_seconds
    pids.sum do |pid|
      fields = File.read("/proc/#{pid}/stat").sub(/\A\d+ \(.*\) /m, "").split
      (fields[11].to_i + fields[12].to_i) / TICK
    rescue SystemCallError
      0
    end
  end

  # Proportional set size: what several processes share counts once.
  def memory_bytes
    pids.sum do |pid|
      File.read("/proc/#{pid}/smaps_rollup")[/^Pss:\s+(\d+)/, 1].to_i * 1024
    rescue SystemCallError
      0
    end
  end

  # Ends it, with its children; the data stay.
  def halt(patience_s = 30)
    return unless @pid
    Process.kill("TERM", @pid)
    (patience_s * 10).times do
      return if Process.wait(@pid, Process::WNOHANG)
      sleep 0.1
    end
    Process.kill("KILL", -@pid) # its own process group
    Process.wait(@pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  ensure
    @pid = nil
  end

  def stop
    halt(3)
    FileUtils.rm_rf(@dir) unless ENV["BENCH_KEEP"]
  end
end

class Tandem < Server
  PROGRAM = File.join(BUILD, "tandem")

  def command = [PROGRAM, "serve", "-c", conf]
  def conf = File.join(@dir, "tandem.conf")

  def prepare
    File.write(conf, <<~END)
      [sip]
      listen = udp:127.0.0.1:#{@port}
      listen = tcp:127.0.0.1:#{@port}
      workers = #{@cpus.size}
      [auth]
      algorithms = MD5
      [call]
      calls_max = 1000000
      calls_total_max = 1000000
      [service]
      data_dir = #{@dir}
      #{Process.uid.zero? ? "user = root" : ""}
      [provider]
      registers_per_second = 5000
      registers_per_host = 5000
      [log]
      level = warning
    END
    return if @users.zero?
    tandem "customer", "add", "bench", "--password-stdin", input: "a long password\n"
    tandem "domain", "add", "bench.test"
    csv = File.join(@dir, "users.csv")
    File.open(csv, "w") do |f|
      f.puts "username,domain,customer,password"
      @users.times { |i| f.puts "u#{i},bench.test,bench,secret-u#{i}" }
    end
    tandem "account", "import", csv
    File.delete(csv)
  end

  def tandem(*args, input: "")
    out, status = Open3.capture2e({ "TANDEM_CONF" => conf }, PROGRAM, *args, stdin_data: input)
    raise Failed, "tandem #{args.join(" ")}: #{out.lines.last(3).join}" unless status.success?
    out
  end

  # u0 … at a registrar that knows bench.test.
  def add_providers(count, port)
    tandem "customer", "add", "bench", "--password-stdin", input: "a long password\n"
    csv = File.join(@dir, "providers.csv")
    File.open(csv, "w") do |f|
      f.puts "name,customer,server,realm,username,password,register,expires"
      count.times { |i| f.puts "p#{i},bench,sip:127.0.0.1:#{port},bench.test,u#{i},secret-u#{i},yes,60" }
    end
    tandem "provider", "import", csv
    File.delete(csv)
  end

  def status = JSON.parse(tandem("status", "--json"))

  # How often threads waited for each other.
  def contention = JSON.parse(tandem("status", "--contention", "--json"))

  def self.version = `#{PROGRAM} version 2>&1`.lines.first.to_s.strip
end

class Kamailio < Server
  def prepare = nil

  # Tables as large as the number of users asks for; memory is only used when it is needed. -DD: in the foreground.
  def command
    size = [Math.log2([@users, 1].max).ceil, 14].max
    ["kamailio", "-DD", "-E", "-f", File.join(HERE, "kamailio.cfg"), "-A", "PORT=#{@port}", "-A", "CHILDREN=#{@cpus.size}",
     "-A", "USERS=#{@users}", "-A", "HASH=#{[size, 20].min}", "-m", @users > 250_000 ? "6144" : "2048", "-M", "64", "-Y", @dir]
  end

  def self.version = `kamailio -v 2>&1`.lines.first.to_s.strip
end

# With another of its allocators than Debian's default (qm, which keeps books for debugging and walks long lists).
class KamailioFm < Kamailio
  def command = super + %w[-x fm -X fm]
end

SERVERS = { "tandem" => Tandem, "kamailio" => Kamailio, "kamailio-fm" => KamailioFm }.freeze
