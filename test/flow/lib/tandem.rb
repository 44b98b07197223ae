# SPDX-License-Identifier: BSD-3-Clause
# The real binary with a configuration and a database of its own, on ports of its own.
#
#   class MyTest < FlowTest
#     def test_something
#       server.start
#       tandem "customer", "add", "demo", input: "secret-password"
#       …
#
# The directory goes when the test is over; what was started is stopped by its process id.
require "fileutils"
require "json"
require "minitest/autorun"
require "open3"
require "socket"
require "tmpdir"

BUILD = File.expand_path(ENV["TANDEM_BUILD"] || File.join(__dir__, "../../../build"))
PROGRAM = File.join(BUILD, "tandem")
PATIENCE = 30 # seconds; nothing takes as long, so that a slow machine is no failure

# The block's value as soon as it is true.
def eventually(what, seconds = PATIENCE)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
  loop do
    value = yield
    return value if value
    raise Minitest::Assertion, "not in #{seconds} s: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    sleep 0.05
  end
end

# Free for UDP and TCP on both loopback addresses at this moment.
def free_port
  100.times do
    tcp = TCPServer.new("127.0.0.1", 0)
    port = tcp.addr[1]
    udp = UDPSocket.new
    udp.bind("127.0.0.1", port)
    udp.close
    tcp.close
    return port
  rescue SystemCallError
    udp&.close
    tcp&.close
  end
  raise "no free port"
end

class Tandem
  Result = Struct.new(:out, :err, :code) do
    def ok? = code == 0
    def json = JSON.parse(out)
    def to_s = "exit code #{code}\n#{out}#{err}"
  end

  attr_reader :dir, :port, :pid, :env

  # options: {"sip" => {"workers" => 2}, "log" => {"level" => "debug"}}; arrays repeat a key.
  def initialize(options = {})
    @dir = Dir.mktmpdir("tandem-flow-")
    File.chmod(0o755, @dir) # root serves as another user
    @port = free_port
    @options = { "sip" => { "listen" => ["udp:127.0.0.1:#{@port}", "tcp:127.0.0.1:#{@port}"], "workers" => 2,
                            "overload_delay_ms" => 2000 }, # a test machine may be slow
                 "service" => { "data_dir" => "data" } }
    options.each { |section, keys| (@options[section] ||= {}).merge!(keys) }
    write_conf
    @env = { "TANDEM_CONF" => conf,
             "ASAN_OPTIONS" => "detect_leaks=0:abort_on_error=1:#{ENV["ASAN_OPTIONS"].to_s.sub(/detect_leaks=1:?/, "")}" }
  end

  def serve_env = @serve_env ||= {} # of the service alone
  attr_writer :serve_with # words before `tandem serve`
  def conf = File.join(dir, "tandem.conf")
  def log_file = File.join(dir, "log")
  def log = File.exist?(log_file) ? File.read(log_file) : ""

  def set(section, key, value)
    (@options[section] ||= {})[key] = value
    write_conf
  end

  def write_conf
    File.write(conf, @options.map { |section, keys|
      "[#{section}]\n" + keys.flat_map { |k, v| Array(v).map { |one| "#{k} = #{one}\n" } }.join
    }.join)
  end

  def run(*args, input: "")
    out, err, status = Open3.capture3(@env, PROGRAM, *args, stdin_data: input)
    Result.new(out, err, status.exitstatus || 128 + status.termsig)
  end

  def start
    launch
    eventually("the service answers\n#{log}") do
      raise Minitest::Assertion, "the service ended:\n#{log}" if Process.wait(@pid, Process::WNOHANG)
      run("status").ok?
    end
    self
  end

  # Whatever ends this program ends what it started.
  STARTED = []
  Minitest.after_run { STARTED.each { |pid| Process.kill("KILL", pid) rescue nil } }
  trap("TERM") { exit!(1) if STARTED.each { |pid| Process.kill("KILL", pid) rescue nil } }

  def launch
    @pid = Process.spawn(@env.merge(serve_env), *@serve_with, PROGRAM, "serve", out: [log_file, "a"], err: [log_file, "a"], pgroup: true)
    STARTED << @pid
  end

  def status = run("status", "--json").json
  def core_pid = status["pid"]

  # Child processes by what /proc says.
  def children(of = @pid)
    Dir.glob("/proc/[0-9]*/stat").filter_map do |f|
      text = File.read(f) rescue next
      fields = text[(text.rindex(")") + 2)..].split
      File.basename(File.dirname(f)).to_i if fields[1].to_i == of && fields[0] != "Z"
    end
  end

  # Exit code.
  def stop(signal = "TERM")
    return unless @pid
    Process.kill(signal, @pid)
    _, status = eventually("the service stops\n#{log}") { Process.wait2(@pid, Process::WNOHANG) }
    STARTED.delete(@pid)
    @pid = nil
    status.exitstatus || 128 + status.termsig
  end

  def clean
    stop("KILL") if @pid
    FileUtils.rm_rf(dir)
  end

  # Customer demo, domain example.test, accounts with password "secret-NAME".
  def demo(*accounts)
    run("customer", "add", "demo", "--password-stdin", input: "demo-password\n")
    run("domain", "add", "example.test", "--alias", "local", "--alias", "127.0.0.1", "--alias", "127.0.0.1:#{port}")
    accounts.each do |name|
      r = run("account", "add", "#{name}@example.test", "--customer", "demo", "--password-stdin", input: "secret-#{name}\n")
      raise r.to_s unless r.ok?
    end
    self
  end

  def dialplan(name, text)
    file = File.join(dir, "#{name}.rb")
    File.write(file, text)
    run("dialplan", "put", name, file, "--customer", "demo")
  end
end

class FlowTest < Minitest::Test
  make_my_diffs_pretty!

  def options = {}
  def server = @server ||= Tandem.new(options)

  # A command that must succeed; its output.
  def tandem(*args, input: "")
    r = server.run(*args, input: input)
    assert r.ok?, "tandem #{args.join(" ")}: #{r}"
    r.out
  end

  # A command that must fail; its complaint.
  def refused(*args, input: "", code: nil)
    r = server.run(*args, input: input)
    refute r.ok?, "tandem #{args.join(" ")} should have failed"
    assert_equal code, r.code, r.to_s if code
    r.err
  end

  def teardown
    puts server.log.lines.last(60) if @server && !passed?
    @server&.clean
  end
end
