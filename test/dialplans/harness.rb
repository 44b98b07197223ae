# SPDX-License-Identifier: BSD-3-Clause
# Runs scripts on the prelude in plain Ruby, outside of a sandbox: a process per case, no core.
#
#   ruby test/dialplans/harness.rb [-n PATTERN] [FILE…]     (default: all of cases/)
#
# A file of cases says
#   says 'req.URI.User', '"300"'                     what an expression is, as inspect shows it
#   plan 'name', %q{script}, logs: [...], commands: [['dial', { string: 'a@b' }], …],
#        answers: [{ result: 'TimedOut' }, :stop], fails: /message/, line: 3,
#        uri: 'sip:1@example.org', from: '...', headers: [[name, value]], body:, direction: 'in',
#        common: text,           (the common script)
#        input: { … }            (any other field of the start)
#   plan 'name', %q{script}, finds: [/3 error sys has no/], providers: ['p1']    for `dialplan check`
# Only the arguments of a command that a case names are compared; :stop is the abort (facts 3.5).
module Harness
  Case = Struct.new(:name, :script, :want, :file, :line)

  ROOT = File.expand_path('../..', __dir__)
  FOLDER = File.join(ROOT, 'src/dialplan')
  CASES = []
  OUT = $stdout
  FORK = Process.method(:fork)
  WAIT = Process.method(:wait)
  PIPE = IO.method(:pipe)
  TRACE = TracePoint.method(:new)
  FROM = '"Alice" <sip:alice@example.org>;tag=a1'

  def self.files
    names = File.read(File.join(FOLDER, 'meson.build')).scan(%r{prelude/(\w+\.rb)}).flatten.uniq
    names.map { |name| ["prelude/#{name}", File.read(File.join(FOLDER, 'prelude', name))] }
  end

  # The start of a run, as core sends it.
  def self.input(want)
    fields = [['Via', 'SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx;rport=5062;received=192.0.2.8'],
              ['From', want[:from] || FROM], ['To', want[:to] || '<sip:300@example.org>'],
              ['Contact', '<sip:alice@192.0.2.7:5060>;expires=60;q=0.5'], ['Call-ID', 'c1@192.0.2.7'],
              ['CSeq', '1 INVITE'], ['User-Agent', 'Phone/1.0'], ['Max-Forwards', '70'],
              ['X-Extra', 'some value'], *want[:headers]]
    { 'direction' => want[:direction] || 'out', 'username' => 'carol', 'dialplan' => 'demo',
      'account' => { 'username' => 'alice', 'domain' => 'example.org' },
      'request' => { 'method' => 'INVITE', 'uri' => want[:uri] || 'sip:300@example.org',
                     'headers' => fields, 'body' => want[:body], 'remote' => 'udp:192.0.2.8:5062',
                     'local' => 'udp:192.0.2.1:5060' } }.merge(want[:input] || {})
  end

  # The channel of a run: takes commands, plays core's answers.
  class Channel
    ABORTS_MAX = 20
    attr_reader :lines, :commands, :sys, :req

    def initialize(answers)
      @answers = answers.dup
      @lines = []
      @commands = []
      @stopping = false
      @aborts = 0
      @handler = 0
      @tracer = TRACE.call(:line) { |point| on_line(point) }
    end

    def log(text) = @lines.push(text.to_str.dup)
    def stopping? = @stopping
    def memory_mb = 64
    def spent = nil
    def interrupt = nil
    def method_changed(*) = nil

    def enter(sys, req)
      @sys = sys
      @req = req
    end

    def check_stop
      raise_stop if @stopping
    end

    def command(name, args)
      check_stop
      @commands.push([name, JSON.parse(JSON.generate(args))])
      answer = @answers.shift
      answer = answer.call(name, args) if answer.respond_to?(:call)
      return stop if answer == :stop

      answer.nil? ? nil : JSON.parse(JSON.generate([answer])).first
    end

    private

    def stop
      @stopping = true
      @tracer.enable
      raise_stop
    end

    def raise_stop
      throw TandemRun::STOP if (@aborts += 1) > ABORTS_MAX
      raise ThreadAbortException, 'Thread was being aborted.'
    end

    # As native.c: after a handler of the abort no line runs, but those of ensure blocks.
    def on_line(point)
      return if point.path != 'demo'

      if $!
        @handler = point.lineno
      elsif TandemRun.within_ensure?(point.lineno, 0)
        nil
      elsif TandemRun.handled_again?(point.lineno, @handler)
        throw TandemRun::STOP
      else
        raise_stop
      end
    end
  end

  # What native.c and the zygote's start bring.
  def self.prepare
    $VERBOSE = nil
    Object.const_set(:TandemSandbox, Channel.new([]))
    Object.const_set(:ThreadAbortException, Class.new(StandardError))
    String.class_eval do
      plus = instance_method(:+)
      define_method(:+) { |other| plus.bind_call(self, other.is_a?(Exception) ? other.to_s : other) }
    end
    files.each { |path, text| RubyVM::InstructionSequence.compile(text, path, path, 1).eval }
  end

  # What `tandem dialplan check` finds, as "LINE LEVEL MESSAGE: REMEDY", and providers' names.
  def self.found(one)
    report = JSON.parse(TandemCheck.report(one.script, 'demo'))
    lines = report['findings'].map { |f| "#{f['line']} #{f['level']} #{f['message']}: #{f['remedy']}" }
    return "found #{lines.inspect}\n  not   #{one.want[:finds].inspect}" unless same_lines?(one.want[:finds], lines)

    names = report['providers'].map(&:last)
    "providers #{names.inspect}" if one.want[:providers] && names != one.want[:providers]
  end

  # nil, or what was wrong
  def self.fault(one)
    want = one.want
    channel = Channel.new(want[:answers] || [])
    Object.send(:remove_const, :TandemSandbox)
    Object.const_set(:TandemSandbox, channel)
    ended, message, line = TandemRun.start(one.script, 'demo', input(want), want[:common])
    faults(want, channel, ended, message, line).first
  end

  def self.faults(want, channel, ended, message, line)
    bad = []
    if want[:fails]
      bad.push("ended #{ended} #{message}, not with #{want[:fails].inspect}") unless want[:fails] === message.to_s
    elsif ended != 'done'
      bad.push("line #{line}: #{message}")
    end
    bad.push("failed in line #{line.inspect}, not #{want[:line]}") if want[:line] && line != want[:line]
    bad.push("logged #{channel.lines.inspect}\n    not    #{want[:logs].inspect}") if want[:logs] && !same_lines?(want[:logs], channel.lines)
    bad.push("gave #{channel.commands.inspect}\n  not  #{want[:commands].inspect}") if want[:commands] && !same_commands?(want[:commands], channel.commands)
    bad
  end

  def self.same_lines?(want, got)
    want.length == got.length && want.zip(got).all? { |a, b| a === b }
  end

  def self.same_commands?(want, got)
    want.length == got.length && want.zip(got).all? do |(name, args), (was, given)|
      name == was && (args || {}).all? { |key, value| JSON.parse(JSON.generate([value])).first == given[key.to_s] }
    end
  end

  def self.run(one)
    reading, writing = PIPE.call
    pid = FORK.call do
      writing.syswrite((one.want[:finds] ? found(one) : fault(one)).to_s)
    rescue Exception => e # rubocop:disable Lint/RescueException
      writing.syswrite("the harness failed: #{e.full_message(highlight: false)}")
    ensure
      Process.exit!(0)
    end
    writing.close
    text = reading.read
    reading.close
    WAIT.call(pid)
    text
  end

  def self.main(arguments)
    pattern = arguments.shift(2).last if arguments.first == '-n'
    paths = arguments.empty? ? Dir[File.join(__dir__, 'cases', '*.rb')].sort : arguments
    paths.each { |path| Cases.class_eval(File.read(path), path) }
    chosen = CASES.select { |one| pattern.nil? || one.name.include?(pattern) }
    prepare
    bad = chosen.map { |one| [one, run(one)] }.reject { |_, text| text.empty? }
    bad.each { |one, text| OUT.syswrite("#{one.file}:#{one.line}: #{one.name}\n  #{text}\n") }
    OUT.syswrite("#{chosen.length} dialplans, #{bad.length} wrong\n")
    Process.exit!(bad.empty? && !chosen.empty? ? 0 : 1)
  end

  # What files of cases may say.
  module Cases
    def self.plan(name, script, **want)
      at = caller_locations(1, 1).first
      CASES.push(Case.new(name, script, want, File.basename(at.path), at.lineno))
    end

    def self.says(expression, expected, **want)
      at = caller_locations(1, 1).first
      CASES.push(Case.new(expression, "sys.Log((#{expression}).inspect)",
                          want.merge(logs: [expected]), File.basename(at.path), at.lineno))
    end
  end
end

Harness.main(ARGV)
