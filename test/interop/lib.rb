# SPDX-License-Identifier: BSD-3-Clause
# Tools that others wrote, each on a port of its own and for a bounded time.
require_relative "../flow/lib/tandem"
require_relative "../flow/lib/sip"
require "rbconfig"

def tool?(name) = ENV["PATH"].split(":").any? { |dir| File.executable?(File.join(dir, name)) }

class InteropTest < FlowTest
  LIMIT = 30

  def scenario(name) = File.expand_path("sipp/#{name}.xml", __dir__)

  # A program in the background; text of what it wrote, and how it ended, from `ended`.
  Started = Struct.new(:pid, :file) do
    def text = File.read(file)

    def ended
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + LIMIT
      until (status = Process.wait2(pid, Process::WNOHANG))
        if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
          stop
          return -1
        end
        sleep 0.05
      end
      Tandem::STARTED.delete(pid)
      status[1].exitstatus || 128 + status[1].termsig
    end

    def stop
      Process.kill("KILL", pid)
      Process.wait(pid)
      Tandem::STARTED.delete(pid)
    rescue SystemCallError
      nil
    end
  end

  def run_tool(*command, env: {}, input: File::NULL)
    file = File.join(server.dir, "tool-#{@tools = (@tools || 0) + 1}")
    pid = Process.spawn(env, *command.map(&:to_s), in: input, out: file, err: [:child, :out], chdir: server.dir)
    Tandem::STARTED << pid
    Started.new(pid, file).tap { |s| (@started ||= []) << s }
  end

  def sipp(name, *more, port: free_port, host: "127.0.0.1", target: "127.0.0.1:#{server.port}")
    run_tool("sipp", "-sf", scenario(name), "-i", host, "-p", port, "-timeout", "25s", "-timeout_error",
             "-nostdin", "-trace_err", *(ENV["SIPP_TRACE"] ? ["-trace_msg", "-message_file", ENV["SIPP_TRACE"]] : []), *more, target)
      .tap { listening(port) }
  end

  # It takes a moment to come up, and what comes before that is refused. One that is through already is fine, too.
  def listening(port)
    wanted = format(":%04X ", port)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 2
    until Dir.glob("/proc/net/{udp,tcp}{,6}").any? { |table| File.foreach(table).any? { |line| line[0, 46].include?(wanted) } }
      break if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
      sleep 0.01
    end
  end

  def finished(tool, what)
    code = tool.ended
    errors = Dir.glob(File.join(server.dir, "*_errors.log")).map { |f| File.read(f)[0, 3000] }.join
    assert_equal 0, code, "#{what}:\n#{tool.text[-2000..] || tool.text}\n#{errors}"
  end

  def cdrs = JSON.parse(tandem("cdrs", "--json"))

  # The service knows of that many calls' ends.
  def records(count)
    eventually("#{count} records") { (list = cdrs).size >= count && list.none? { |c| c["ended_by"].to_s.empty? } && list }
  end

  def teardown
    (@started || []).each(&:stop)
    super
  end
end
