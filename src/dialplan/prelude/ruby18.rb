# SPDX-License-Identifier: BSD-3-Clause
# Scripts were written for Ruby 1.8. What its grammar had and today's has not is rewritten here, token
# by token and within its line, so that numbers of lines stay right; what that grammar meant
# otherwise is in ruby18_core.rb.

module Tandem
  class Ruby18
    Token = Struct.new(:line, :type, :text)
    # What scripts may hold that compiles today, but means something else.
    MEANT_OTHERWISE = /[\s=(,\[!]\?\S|\[\s*-?\d+\s*\]\s*(?:[-+]|[=!]=|[<>]=?)\s*\d/
    ROUNDS = 5
    BLANK = %i[on_sp on_ignored_nl on_comment].freeze
    OPEN = %i[on_lbrace on_lparen on_lbracket on_embexpr_beg on_tlambeg].freeze
    CLOSE = %i[on_rbrace on_rparen on_rbracket on_embexpr_end].freeze
    OPERANDS = %i[on_ident on_const on_ivar on_gvar on_cvar on_rparen on_rbracket].freeze
    CODE_OPS = %w[== != < > <= >= - +].freeze

    # -> [code, rewritten text]; a SyntaxError when there is no way. The block compiles. notes takes
    # [line, what was written anew]; first is the number of the first line.
    def self.compile(script, notes = [], first: 1)
      reader = new(script, notes, first)
      text = script.match?(MEANT_OTHERWISE) ? reader.meanings : script
      ROUNDS.times do
        return [yield(text), text]
      rescue SyntaxError => e
        again = reader.forms(text, e.message)
        raise if again == text

        text = again
      end
      [yield(text), text]
    end

    def initialize(script, notes, first)
      @script = script
      @first = first
      @notes = notes
    end

    # Character literals, and characters taken from texts that are compared with codes.
    def meanings
      read(@script)
      characters
      codes
      written
    end

    # The forms that are errors today, where the compiler found one.
    def forms(text, complaints)
      read(text)
      conditions
      commas
      constants(complaints.scan(/:(-?\d+): dynamic constant assignment/).flatten.map(&:to_i))
      written
    end

    private

    def read(text)
      @tokens = Ripper.lex(text, '-', @first).map { |(line, _), type, piece| Token.new(line, type, piece) }
    end

    def written = @tokens.map(&:text).join

    def note(token, what) = @notes.push([token.line, what])

    def before(at, step = -1)
      at += step
      at += step while at.between?(0, @tokens.length - 1) && BLANK.include?(@tokens[at].type)
      at.between?(0, @tokens.length - 1) ? at : nil
    end

    def after(at) = before(at, 1)

    def characters
      @tokens.each do |token|
        next unless token.type == :on_CHAR

        note(token, "#{token.text} is a text today; it compares with numbers, too")
        token.text = "::Tandem::Char.new(#{token.text})"
      end
    end

    # text[0] == 48
    def codes
      @tokens.each_with_index do |token, i|
        next unless token.type == :on_int && (close = after(i)) && @tokens[close].type == :on_rbracket
        next unless element?(i) && (op = after(close)) && CODE_OPS.include?(@tokens[op].text)
        next unless (number = after(op)) && @tokens[number].type == :on_int

        note(token, 'a character that is compared with its code')
        @tokens[close].text = '].then(&::Tandem::CODE)'
      end
    end

    def element?(number)
      open = before(number)
      open = before(open) if open && @tokens[open].text == '-'
      open && @tokens[open].type == :on_lbracket && open.positive? &&
        OPERANDS.include?(@tokens[open - 1].type)
    end

    # when 'a': … and if x: … have "then" today.
    def conditions
      open = []
      depth = 0
      @tokens.each_with_index do |token, i|
        depth += 1 if OPEN.include?(token.type)
        depth -= 1 if CLOSE.include?(token.type)
        open.pop while open.any? && open.last[0] > depth
        condition(token, i, open, depth)
      end
    end

    def condition(token, at, open, depth)
      case token.type
      when :on_kw
        open.pop if %w[then do].include?(token.text) && open.any?
        open.push([depth, 0]) if %w[when if elsif unless while until].include?(token.text)
      when :on_nl, :on_semicolon
        open.pop if open.any? && open.last[0] == depth
      when :on_op, :on_label, :on_label_end, :on_symbeg
        colon(token, at, open) if open.any? && open.last[0] == depth
      end
    end

    def colon(token, at, open)
      if token.text == '?'
        open.last[1] += 1
      elsif token.type == :on_op && token.text == ':' && open.last[1].positive?
        open.last[1] -= 1
      elsif ends_condition?(token, at)
        note(token, 'a condition ends with "then" or a new line, no longer with ":"')
        token.text = "#{token.text.chomp(':')} then "
        open.pop
      end
    end

    def ends_condition?(token, at)
      case token.type
      when :on_op then token.text == ':'
      when :on_symbeg then token.text == ':' && OPERANDS.include?(@tokens[at - 1].type)
      else true
      end
    end

    # { 'a', 1, 'b', 2 }
    def commas
      open = []
      @tokens.each_with_index do |token, i|
        open.push([i, [], false]) if OPEN.include?(token.type)
        if open.any?
          open.last[1].push(i) if token.type == :on_comma
          open.last[2] = true if token.text == '=>' || %i[on_label on_label_end].include?(token.type)
        end
        pairs(*open.pop) if CLOSE.include?(token.type) && open.any?
      end
    end

    def pairs(from, commas, keyed)
      return if keyed || commas.empty? || @tokens[from].type != :on_lbrace || !literal?(from)

      note(@tokens[from], 'keys and values of a hash stand with "=>" between them')
      commas.each_slice(2) { |comma, _| @tokens[comma].text = ' => ' }
    end

    def literal?(brace)
      at = before(brace)
      at.nil? || %i[on_op on_comma on_lparen on_lbracket on_nl on_semicolon].include?(@tokens[at].type) ||
        @tokens[at].text == 'return'
    end

    # Constants that a method assigns.
    def constants(lines)
      @tokens.each_with_index do |token, i|
        next unless token.type == :on_const && lines.include?(token.line)

        op = after(i)
        next unless op && @tokens[op].type == :on_op && @tokens[op].text =~ /\A(?:\|\||&&|[-+*\/<]*)=\z/

        note(token, "#{token.text} is assigned within a method")
        token.text = "::Tandem::Constants.#{token.text}"
      end
    end
  end
end
