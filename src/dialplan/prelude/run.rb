# SPDX-License-Identifier: BSD-3-Clause
# One run of a script, from its text to how it ended. The last file of the prelude.

module TandemRun
  COMPILE = RubyVM::InstructionSequence.method(:compile)
  MESSAGE_MAX = 1000
  STOP = Object.new.freeze # thrown when the abort was handled and the script goes on
  @blocks = []
  @tree = @code = @cached = @cached_name = @cached_text = @cached_first = nil
  @first = 1

  # common stands in front of the script, in one scope with it; its lines count up to 0.
  # -> ["done"], ["error", message, line], ["killed", message, line]
  def self.start(script, name, input, common = nil)
    common = common.to_s.empty? ? '' : "#{common.chomp}\n"
    @first = 1 - common.count("\n")
    Tandem::Clock.pretend(input['at']) if input['at'] # only in dry runs
    TandemSandbox.enter(Tandem::Sys.new(input), Tandem::Request.new(input['request'] || {}))
    run_script(common + script, name)
  ensure
    @blocks = []
    @tree = nil
    $stdout.drop if $stdout.is_a?(Tandem::Output)
  end

  # Whether a line of the running script is in an ensure block: these run whatever happens.
  def self.within_ensure?(line, _)
    nodes_of(:ENSURE).any? { |node| covers?(node.children.last, line) }
  end

  # Whether the handler that has line `handler` would rescue what is raised in `line`.
  def self.handled_again?(line, handler)
    nodes_of(:RESCUE).any? do |node|
      body = node.children.first
      covers?(body, line) && covers?(node, handler) && !covers?(body, handler)
    end
  end

  # The text and code of the last run, which the next one may use.
  def self.forget
    @code = @cached = @cached_name = @cached_text = nil
  end

  def self.at_exit(block) = @blocks.push(block)

  # nil, or "name:line: what is wrong"
  def self.check(script, name)
    Tandem::Ruby18.compile(script) { |form| COMPILE.call(form, name, name, 1) }
    nil
  rescue SyntaxError => e
    line, text, remedy = syntax(e, name)
    "#{name}:#{line || 1}: #{text}#{" (#{remedy})" if remedy}\n"
  end

  # [line, what is wrong there, what to do or nil]
  def self.syntax(error, name)
    text = syntax_text(error, name)
    [syntax_line(error, name), text, Tandem.remedy(text) || Tandem.remedy(error.message)]
  end

  class << self
    private

    # A customer's calls mostly run the same text. What remembers its first run is made anew.
    def compiled(script, name)
      return @code if @cached == script && @cached_name == name && @cached_first == @first

      @code, text = Tandem::Ruby18.compile(script, first: @first) { |form| COMPILE.call(form, name, name, @first) }
      @cached_text = text
      @cached = script.match?(%r{/[a-z]*o|\bEND\b}) ? nil : script
      @cached_name = name
      @cached_first = @first
      @code
    end

    def nodes_of(type)
      @tree ||= walk(RubyVM::AbstractSyntaxTree.parse(@cached_text), Hash.new { |h, k| h[k] = [] })
      @tree[type]
    end

    def walk(node, found)
      found[node.type].push(node) if %i[ENSURE RESCUE].include?(node.type)
      node.children.each do |child|
        walk(child, found) if child.is_a?(RubyVM::AbstractSyntaxTree::Node)
      end
      found
    end

    def covers?(node, line)
      node && (node.first_lineno..node.last_lineno).cover?(line - @first + 1)
    end

    def run_script(script, name)
      begin
        code = compiled(script, name)
        Kernel.catch(STOP) { code.eval }
      ensure
        finish
      end
      ['done']
    rescue SystemExit
      ['done']
    rescue NoMemoryError
      ['killed', "used more than the #{TandemSandbox.memory_mb} MB of memory that a script may use", nil]
    rescue SyntaxError => e
      TandemSandbox.stopping? ? ['done'] : syntax_failed(syntax(e, name))
    rescue Exception => e # rubocop:disable Lint/RescueException
      TandemSandbox.stopping? ? ['done'] : failed(describe(e), *line_of(e, name))
    end

    def syntax_failed((line, text, remedy))
      failed("syntax error: #{text}#{" (#{remedy})" if remedy}", line)
    end

    def failed(text, line, called_from = nil)
      return ['error', text, line] if line.nil? || line.positive?

      ['error', "#{text} (in line #{line - @first + 1} of the common script)", called_from]
    end

    def finish
      while (block = @blocks.pop)
        block.call
      end
      $stdout.flush if $stdout.is_a?(Tandem::Output)
    end

    def describe(error)
      text = missing(error) || error.message.to_s.lines.first.to_s.chomp
      text = text.gsub(/#<Tandem::(\w+)[^>]*>/, '\1')
      "#{text} (#{error.class})"[0, MESSAGE_MAX]
    rescue StandardError
      error.class.to_s
    end

    # A function of ours that there is not, with the one that was meant.
    def missing(error)
      return nil unless error.is_a?(NoMethodError) && (kind = Tandem.kind(error.receiver))

      near = TandemCheck.nearest(error.name.to_s.chomp('='), kind.public_instance_methods(false).map(&:to_s).grep(/\A[A-Z]\w*\z/))
      "undefined method `#{error.name}' for #{kind.name ? kind.name[/\w+\z/].downcase : 'this'}#{"; did you mean #{near}?" if near}"
    end

    # Where it was raised, and the line of the dialplan that led there.
    def line_of(error, name)
      lines = error.backtrace_locations&.select { |at| at.path == name }&.map(&:lineno) ||
              error.backtrace.to_a.filter_map { |at| at[/\A#{Regexp.escape(name)}:(-?\d+)/, 1]&.to_i }
      [lines.first, lines.find(&:positive?)]
    end

    def syntax_line(error, name)
      at = error.message[/^#{Regexp.escape(name)}:(?:(-?\d+):)?/] # line 0 is left out
      at && at[/(-?\d+):\z/].to_i
    end

    def syntax_text(error, name)
      error.message.lines.first.to_s.chomp.sub(/\A#{Regexp.escape(name)}:(?:-?\d+:)? /, '')
           .sub(/\Asyntax error, /, '')[0, MESSAGE_MAX]
    end
  end
end

# Everything that there is now is Ruby's or ours: fresh.c holds scripts against it.
TandemModules = []
TandemEach.call(Module) { |mod| TandemModules.push(mod) }
Object.send(:remove_const, :TandemEach)
