# SPDX-License-Identifier: BSD-3-Clause
# `tandem dialplan check`: reads a script and never evaluates it. A finding is an error (the script
# fails there), a warning (it will not do what it seems to), or a note (an old form that is rewritten).

module TandemCheck
  Finding = Struct.new(:line, :level, :message, :remedy)
  NODE = RubyVM::AbstractSyntaxTree::Node
  FINDINGS_MAX = 200
  GIVES = {
    Tandem::Request => { URI: Tandem::SIPURI, Header: Tandem::Header },
    Tandem::Header => { From: Tandem::FromHeader, To: Tandem::ToHeader },
    Tandem::FromHeader => { FromURI: Tandem::SIPURI, FromUserField: Tandem::UserField },
    Tandem::ToHeader => { ToURI: Tandem::SIPURI, ToUserField: Tandem::UserField },
    Tandem::UserField => { URI: Tandem::SIPURI },
    Tandem::SIPURI => { Parameters: Tandem::Parameters }
  }.freeze
  PROGRAMS = %i[system exec fork spawn syscall].freeze

  # JSON: { "findings": [...], "providers": [[line, name] …] }, providers being those of dial strings.
  def self.report(script, name)
    reader = Reader.new(script, name)
    reader.read
    findings = reader.findings.uniq.sort_by.with_index { |f, i| [f.line, i] }.first(FINDINGS_MAX)
    JSON.generate({ findings: findings.map(&:to_h), providers: reader.providers.uniq })
  end

  class Reader
    attr_reader :findings, :providers

    def initialize(script, name)
      @script = script
      @name = name
      @findings = []
      @providers = []
    end

    def read
      notes = []
      _, text = Tandem::Ruby18.compile(@script, notes) { |form| TandemRun::COMPILE.call(form, @name, @name, 1) }
      notes.each { |line, what| say(line, 'note', what, 'nothing to do: it is rewritten as the script is loaded') }
      blanks
      visit(RubyVM::AbstractSyntaxTree.parse(text))
    rescue SyntaxError => e
      line, complaint, remedy = TandemRun.syntax(e, @name)
      say(line || 1, 'error', complaint, remedy)
    end

    private

    def say(line, level, message, remedy) = @findings.push(Finding.new(line, level, message, remedy))

    def blanks
      @script.each_line.with_index(1) do |line, number|
        next unless line.match?(/\A[^#'"\/]*[\u00a0\u2018-\u201f]/)

        say(number, 'error', 'a blank or quote that was pasted from a page', 'type the blanks and quotes of this line anew')
      end
    rescue ArgumentError
      nil # not UTF-8: Latin-1 has none of these
    end

    def visit(node)
      return unless node.is_a?(NODE)

      case node.type
      when :CALL, :QCALL, :OPCALL then call(node, *node.children)
      when :ATTRASGN then assigned(node, *node.children)
      when :FCALL, :VCALL then function(node, *node.children)
      when :XSTR, :DXSTR then say(node.first_lineno, 'error', 'programs cannot be started', 'do it with sys.WebGet at a service of yours')
      end
      node.children.each { |child| visit(child) }
    end

    def call(node, receiver, name, arguments)
      if sys?(receiver)
        member(node, Tandem::Sys, 'sys', name)
        dialled(arguments) if name.to_s.casecmp?('dial')
      elsif (kind = kind_of(receiver))
        member(node, kind, source(receiver), name)
      elsif receiver.is_a?(NODE) && receiver.type == :CONST
        constant(node, receiver.children.first, name)
      end
    end

    def assigned(node, receiver, name, *)
      kind = kind_of(receiver)
      member(node, kind, source(receiver), name) if kind && name != :[]=
      return unless kind == Tandem::FromHeader

      say(node.first_lineno, 'warning', "#{source(receiver)}.#{name.to_s.chomp('=')} is the script's own copy: calls do not follow it",
          'say sys.SetFromHeader(name, user, host) before sys.Dial')
    end

    def function(node, name, arguments = nil)
      if PROGRAMS.include?(name)
        say(node.first_lineno, 'error', "#{name}: programs cannot be started", 'do it with sys.WebGet at a service of yours')
      elsif name == :require
        library(node, literals(arguments).first)
      end
    end

    def library(node, text)
      return if text.nil? || Tandem::Guard.provided?(text)

      say(node.first_lineno, 'error', "there is no library #{text} for dialplans", 'man tandem-dialplan names those that there are')
    end

    def constant(node, constant, name)
      if %i[File IO Dir].include?(constant) && !%i[basename dirname extname join].include?(name)
        say(node.first_lineno, 'error', "#{constant}.#{name}: dialplans cannot open files", 'keep values with sys.DBWrite and sys.DBRead')
      elsif constant == :Thread && %i[new start fork].include?(name)
        say(node.first_lineno, 'error', 'dialplans cannot start threads', 'do one thing after the other')
      end
    end

    def sys?(node) = named?(node, :sys)
    def named?(node, name) = node.is_a?(NODE) && %i[VCALL FCALL].include?(node.type) && node.children.first == name

    # The class of what an expression is, as far as it hangs off req.
    def kind_of(node)
      return Tandem::Request if named?(node, :req)
      return nil unless node.is_a?(NODE) && node.type == :CALL && (kind = kind_of(node.children[0]))

      GIVES[kind]&.each { |name, gives| return gives if [name.to_s, Tandem::Names.snake(name.to_s), Tandem::Names.camel(name.to_s)].include?(node.children[1].to_s) }
      nil
    end

    def source(node) = named?(node, :req) ? 'req' : "#{source(node.children[0])}.#{node.children[1]}"

    def member(node, kind, owner, name)
      return if kind.method_defined?(name) || name == :method || kind.private_method_defined?(name)

      known = kind.public_instance_methods(false).map(&:to_s).grep(/\A[A-Z]\w*\z/)
      near = TandemCheck.nearest(name.to_s.chomp('='), known)
      say(node.first_lineno, 'error', "#{owner} has no #{name.to_s.chomp('=')}",
          near ? "did you mean #{owner}.#{near}?" : 'man tandem-dialplan names what there is')
    end

    # Literal texts among arguments; what is filled in is a NUL.
    def literals(arguments)
      return [] unless arguments.is_a?(NODE) && %i[LIST ARRAY].include?(arguments.type)

      arguments.children.compact.map { |node| literal(node) }
    end

    def literal(node)
      case node.type
      when :STR then node.children.first
      when :DSTR then node.children.flat_map { |part| pieces(part) }.join
      end
    end

    def pieces(part)
      case part
      when String then part
      when nil then ''
      when NODE
        return part.children.first if part.type == :STR
        return part.children.flat_map { |piece| pieces(piece) }.join if part.type == :LIST

        "\0"
      else "\0"
      end
    end

    def dialled(arguments)
      text = literals(arguments).first or return

      text.split(/[&|]/).each do |leg|
        name = leg.sub(/\[.*/m, '').strip
        next if name.match?(/\Asips?:/i) && !name.include?('@')

        name = name.sub(/\A.*@/m, '').sub(/[;:].*/m, '').strip
        next if name.empty? || name.include?('.') || name.include?("\0") || name.include?('$') || name.casecmp?('local')

        @providers.push([arguments.first_lineno, name])
      end
    end
  end

  # The name that is meant, if one is near.
  def self.nearest(name, known)
    plain = name.downcase.delete('_')
    best = known.min_by { |other| distance(plain, other.downcase) }
    best if best && distance(plain, best.downcase) <= [plain.length / 2, 3].min
  end

  def self.distance(one, other)
    row = (0..other.length).to_a
    one.each_char.with_index(1) do |a, i|
      corner = row[0]
      row[0] = i
      other.each_char.with_index(1) do |b, j|
        corner, row[j] = row[j], [row[j] + 1, row[j - 1] + 1, corner + (a == b ? 0 : 1)].min
      end
    end
    row.last
  end
end
